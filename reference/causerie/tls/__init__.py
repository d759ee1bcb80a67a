"""TLS for servers and clients [TLS-1 to TLS-13].

    octets of the peer ⇄ layer (no I/O) ⇄ plain octets
                           ↑
            sockets: a socket with TLS on it (threaded server, clients)
            causerie.server.tls_transport: the same for asyncio

In here: the layer, the sockets, and where certificates come from (`contexts`). Neither the core nor the shells know
more of TLS than how to put it in between.

Why not the standard library's own: an `SSLSocket` must not be read and written by two threads at once before Python
3.13, and asyncio's TLS transport cannot half-close; both drop what arrives after they sent close_notify [CLOSE-3].
"""
