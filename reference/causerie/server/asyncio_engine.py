"""The server on an event loop: one thread, one callback for each thing that happens.

In here: moving octets between transports and connections, and one timer. Nothing here knows a type of message. What
happens in one turn of the loop is written in the next, once a connection: a send a message would be 25 times slower.

The loop is uvloop's where uvloop is installed (the extra `fast`), else asyncio's own.
"""

import asyncio
import signal
import socket
import ssl
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from importlib import import_module
from importlib.util import find_spec
from typing import Any, cast

from causerie.core.connection import Connection
from causerie.core.hub import Hub
from causerie.server import pump
from causerie.server.listening import BACKLOG, format_address
from causerie.server.log import log
from causerie.server.signals import STOP_SIGNALS
from causerie.server.tls_transport import TlsTransport
from causerie.store.operations import Store

_LOOK_SECONDS = 0.25
"""Between two looks at how much slow readers took: what they take shows that they are not idle [KEEP-5]."""
_TURNS_TO_ACCEPT = 4
"""Of the event loop, from a connection in the backlog to `Peer.connection_made`: three, and one to spare."""


class Peer(asyncio.Protocol):
    """One connection's transport, and its `Connection`."""

    _transport: asyncio.Transport
    _connection: Connection

    def __init__(self, server: "AsyncioServer") -> None:
        self._server = server
        self._writable = True
        self._in_flight = 0
        """Octets handed to the transport that the kernel did not take when it was last looked at."""
        self._sent_fin = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Accepted."""
        self._transport = transport = cast(asyncio.Transport, transport)  # uvloop's are no subclass of it
        transport.set_write_buffer_limits(high=0)  # so that "writable" means: all of it is in the kernel
        peer = format_address(transport.get_extra_info("peername") or ("?", 0))
        log("accept", peer=peer)
        self._connection = self._server.hub.connect(self._server.now(), peer)
        self._connection.shell = self
        self._server.peers.add(self)
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
        self._server.blocked.add(self)

    def resume_writing(self) -> None:
        """The kernel took all."""
        self._writable = True
        self._server.blocked.discard(self)
        self.report()
        self.flush()
        self._server.serve_soon()

    def connection_lost(self, exc: Exception | None) -> None:
        """Closed, by us or by a reset."""
        self._connection.lost(self._server.now())
        self._server.blocked.discard(self)
        self._server.peers.discard(self)
        self._server.serve_soon()

    def flush(self) -> None:
        """Do what the connection wants of its transport."""
        connection, transport = self._connection, self._transport
        while self._writable and not transport.is_closing() and (data := connection.take()):
            self._in_flight = len(data)
            transport.write(data)
            self.report()
        if connection.closed:
            transport.abort()
        elif connection.finished and not self._sent_fin:
            self._sent_fin = True
            with suppress(OSError):  # the peer was faster
                transport.write_eof()
        elif connection.reading != transport.is_reading() and not transport.is_closing():
            (transport.resume_reading if connection.reading else transport.pause_reading)()

    def report(self) -> None:
        """Tell the connection what the kernel took since the last time."""
        left = self._transport.get_write_buffer_size()
        count, self._in_flight = self._in_flight - left, left
        self._connection.written(self._server.now(), count)


class AsyncioServer:
    """Serves *hub* and *store* until it is told to stop."""

    def __init__(self, hub: Hub, store: Store) -> None:
        self.hub = hub
        self._loop = asyncio.get_running_loop()
        self.pump = pump.make(hub, store, self._wake)
        self.peers: set[Peer] = set()
        self.blocked: set[Peer] = set()
        """Those whose kernel buffers are full."""
        self._scheduled = False
        self._timer: asyncio.TimerHandle | None = None
        self._empty = asyncio.Event()
        self._stopping = False
        self.now = self._loop.time

    def serve_soon(self) -> None:
        """Serve what happened, at the end of this turn of the loop."""
        if not self._scheduled:
            self._scheduled = True
            self._loop.call_soon(self._serve)

    def _wake(self) -> None:
        with suppress(RuntimeError):  # the loop is closed already
            self._loop.call_soon_threadsafe(self.serve_soon)

    def _serve(self) -> None:
        self._scheduled = False
        while dirty := self.pump.turn(self.now()):
            for connection in dirty:
                assert isinstance(connection.shell, Peer)
                connection.shell.flush()
        self._schedule_tick()
        if self._stopping and not self.peers:
            self._empty.set()

    def _schedule_tick(self) -> None:
        deadline = self.hub.next_deadline()
        if self.blocked:
            deadline = min(self.now() + _LOOK_SECONDS, float("inf") if deadline is None else deadline)
        if self._timer is not None and (deadline is None or deadline < self._timer.when()):
            self._timer.cancel()
            self._timer = None
        if deadline is not None and self._timer is None:
            self._timer = self._loop.call_at(deadline, self._tick)

    def _tick(self) -> None:
        self._timer = None
        for peer in self.blocked:
            peer.report()
        self.hub.tick(self.now())
        self._serve()

    async def stop(self, listeners: Sequence[asyncio.Server]) -> None:
        """Say BYE to everybody and wait until all are gone, which `Limits.closing_timeout` bounds."""
        self.hub.shut_down(self.now())
        self._serve()
        for _ in range(_TURNS_TO_ACCEPT):  # who waits to be accepted is told too [CLOSE-6]
            await asyncio.sleep(0)
        for listener in listeners:
            listener.close()
        self._stopping = True
        self._serve()
        await self._empty.wait()


def _log_failure(_: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    log("failure", reason=context["message"], exception=context.get("exception"))


async def _serve(
    sockets: Sequence[socket.socket],
    hub: Hub,
    store: Store,
    ready: Callable[[], None],
    tls: ssl.SSLContext | None,
) -> None:
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(_log_failure)
    log("loop", kind=type(loop).__module__.partition(".")[0])
    server = AsyncioServer(hub, store)
    signalled = asyncio.Event()
    previous = {
        number: signal.signal(number, lambda *_: loop.call_soon_threadsafe(signalled.set)) for number in STOP_SIGNALS
    }

    def accepted() -> asyncio.Protocol:
        return Peer(server) if tls is None else TlsTransport(tls, Peer(server))

    listeners = [await loop.create_server(accepted, sock=listener, backlog=BACKLOG) for listener in sockets]
    ready()
    await signalled.wait()
    for number, handler in previous.items():  # a second signal ends it at once
        signal.signal(number, handler)
    log("stopping", connections=hub.connections)
    await server.stop(listeners)
    server.pump.close()
    log("stopped")


def run(
    sockets: Sequence[socket.socket],
    hub: Hub,
    store: Store,
    ready: Callable[[], None],
    tls: ssl.SSLContext | None = None,
) -> None:
    """Serve until SIGINT or SIGTERM, with TLS if *tls* is given; *ready* is called once connections are accepted."""
    _runner()(_serve(sockets, hub, store, ready, tls))


def _runner() -> Callable[[Coroutine[Any, Any, None]], None]:
    """`asyncio.run`, or uvloop's."""
    runner: Callable[[Coroutine[Any, Any, None]], None] = asyncio.run
    if find_spec("uvloop") is not None:
        runner = import_module("uvloop").run
    return runner
