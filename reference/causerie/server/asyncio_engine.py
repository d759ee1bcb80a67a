"""The server on an event loop: one thread, one callback for each thing that happens.

In here: moving octets between transports and connections, and one timer. Nothing here knows a type of message. What
happens in one turn of the loop is written in the next, once a connection: a send a message would be 25 times slower.
"""

import asyncio
import signal
import socket
from collections.abc import Callable, Sequence

from causerie.core.connection import Connection
from causerie.core.hub import Hub
from causerie.server.listening import BACKLOG, format_address
from causerie.server.log import log
from causerie.server.pump import pump
from causerie.server.signals import STOP_SIGNALS
from causerie.store.operations import Store


class Peer(asyncio.Protocol):
    """One connection's transport, and its `Connection`."""

    _transport: asyncio.Transport
    _connection: Connection

    def __init__(self, server: "AsyncioServer") -> None:
        self._server = server
        self._writable = True
        self._in_flight = 0
        self._sent_fin = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Accepted."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.set_write_buffer_limits(high=0)  # so that "writable" means: all of it is in the kernel
        peer = format_address(transport.get_extra_info("peername") or ("?", 0))
        log("accept", peer=peer)
        self._connection = self._server.hub.connect(self._server.now(), peer)
        self._connection.shell = self
        self._server.serve_soon()

    def data_received(self, data: bytes) -> None:
        """Octets came."""
        self._connection.receive_data(self._server.now(), data)
        self._server.serve_soon()

    def eof_received(self) -> bool:
        """FIN came; the other direction stays open."""
        self._connection.receive_eof(self._server.now())
        self._server.serve_soon()
        return True

    def pause_writing(self) -> None:
        """The kernel takes no more for now."""
        self._writable = False

    def resume_writing(self) -> None:
        """The kernel took all."""
        self._writable = True
        self._written()
        self._server.serve_soon()

    def connection_lost(self, exc: Exception | None) -> None:
        """Closed, by us or by a reset."""
        self._connection.lost(self._server.now())
        self._server.lost(self)

    def flush(self) -> None:
        """Do what the connection wants of its transport."""
        connection, transport = self._connection, self._transport
        while self._writable and (data := connection.take()):
            self._in_flight = len(data)
            transport.write(data)
            if self._writable:
                self._written()
        if connection.closed:
            transport.abort()
        elif connection.finished and not self._sent_fin:
            self._sent_fin = True
            transport.write_eof()
        elif connection.reading != transport.is_reading() and not transport.is_closing():
            (transport.resume_reading if connection.reading else transport.pause_reading)()

    def _written(self) -> None:
        count, self._in_flight = self._in_flight, 0
        self._connection.written(self._server.now(), count)


class AsyncioServer:
    """Serves *hub* and *store* until it is told to stop."""

    def __init__(self, hub: Hub, store: Store) -> None:
        self.hub = hub
        self._store = store
        self._loop = asyncio.get_running_loop()
        self._peers: dict[Peer, None] = {}
        self._scheduled = False
        self._timer: asyncio.TimerHandle | None = None
        self._empty = asyncio.Event()
        self._stopping = False
        self.now = self._loop.time

    def peer(self) -> Peer:
        """A protocol for a new connection."""
        peer = Peer(self)
        self._peers[peer] = None
        return peer

    def lost(self, peer: Peer) -> None:
        """A connection is gone."""
        del self._peers[peer]
        self.serve_soon()

    def serve_soon(self) -> None:
        """Serve what happened, at the end of this turn of the loop."""
        if not self._scheduled:
            self._scheduled = True
            self._loop.call_soon(self._serve)

    def _serve(self) -> None:
        self._scheduled = False
        now = self.now()
        pump(self.hub, self._store, now)
        while dirty := self.hub.take_dirty(now):
            pump(self.hub, self._store, now)
            for connection in dirty:
                if isinstance(connection.shell, Peer):
                    connection.shell.flush()
        self._schedule_tick()
        if self._stopping and not self._peers:
            self._empty.set()

    def _schedule_tick(self) -> None:
        deadline = self.hub.next_deadline()
        if self._timer is not None and (deadline is None or deadline < self._timer.when()):
            self._timer.cancel()
            self._timer = None
        if deadline is not None and self._timer is None:
            self._timer = self._loop.call_at(deadline, self._tick)

    def _tick(self) -> None:
        self._timer = None
        self.hub.tick(self.now())
        self._serve()

    async def stop(self) -> None:
        """Say BYE to everybody and wait until all are gone, which `Limits.closing_timeout` bounds."""
        self._stopping = True
        self.hub.shut_down(self.now())
        self._serve()
        await self._empty.wait()


async def _serve(sockets: Sequence[socket.socket], hub: Hub, store: Store, ready: Callable[[], None]) -> None:
    loop = asyncio.get_running_loop()
    server = AsyncioServer(hub, store)
    signalled = asyncio.Event()
    previous = {
        number: signal.signal(number, lambda *_: loop.call_soon_threadsafe(signalled.set)) for number in STOP_SIGNALS
    }
    listeners = [await loop.create_server(server.peer, sock=listener, backlog=BACKLOG) for listener in sockets]
    ready()
    await signalled.wait()
    for number, handler in previous.items():  # a second signal ends it at once
        signal.signal(number, handler)
    log("stopping", connections=hub.connections)
    for accepting in listeners:
        accepting.close()
    await server.stop()
    log("stopped")


def run(sockets: Sequence[socket.socket], hub: Hub, store: Store, ready: Callable[[], None]) -> None:
    """Serve until SIGINT or SIGTERM; *ready* is called once connections are accepted."""
    asyncio.run(_serve(sockets, hub, store, ready))
