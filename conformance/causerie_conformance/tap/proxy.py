"""Connections passed on from clients to a server and back, with harm on request.

In here: sockets. What comes is told to a `Conversation` and then passed on, so that reading stands still while the
other end takes nothing: a slow reader slows the sender, and little is held. FIN and RST are passed on as they are. Not
in here: what it all means (`conversation`), what is shown of it (`show`).
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from causerie_conformance.tap.conversation import Conversation
from causerie_conformance.tap.events import Event, Way, What, Witness
from causerie_conformance.tap.judge import House
from causerie_conformance.tap.pcap import Capture, Stream

CHUNK: Final = 65_536
"""Octets read at a time, at most."""
HELD: Final = 64
"""Chunks that may be on their way in one direction while they are delayed."""
PATIENCE: Final = 10.0
"""Seconds that the server has to take a connection."""
WATCH: Final = 0.05
"""Seconds between two looks at a peer that has ended its direction: it may still reset the connection."""
PIECES_IN_A_ROW: Final = 256
"""Pieces written before others get their turn."""

Address = tuple[str, int]


@dataclass(frozen=True)
class Harm:
    """What is done to what passes, beside passing it on."""

    delay: float = 0.0
    """Seconds, in each direction."""
    split: int = 0
    """Octets in one write, at most; 0: as they come."""
    cut_after: int | None = None
    """Octets after which the connection is reset, counted over ``cut``."""
    cut: Sequence[Way] = tuple(Way)
    drop: Sequence[Way] = ()
    """Directions of which all octets are read and thrown away (their end is passed on)."""


class _Over(Exception):
    """The connection is no more: reset by who sends in that direction, or (None) by the tap."""

    def __init__(self, way: Way | None, text: str) -> None:
        super().__init__(text)
        self.way = way


class Tap:
    """Takes connections and passes them on; *tell* is told of all that happens."""

    def __init__(self, upstream: Address, tell: Witness, harm: Harm | None = None, capture: Capture | None = None):
        self._upstream = upstream
        self._tell = tell
        self._harm = harm or Harm()
        self._capture = capture
        self._house = House()
        self._began = time.monotonic()
        self._count = 0
        self._open: set[asyncio.Task[None]] = set()

    def now(self) -> float:
        """Seconds since the tap began."""
        return time.monotonic() - self._began

    async def serve(self, listener: socket.socket) -> None:
        """Take connections until it is cancelled; then all that are open are closed."""
        listener.setblocking(False)
        loop = asyncio.get_running_loop()
        try:
            while True:
                try:
                    client, place = await loop.sock_accept(listener)
                except OSError as error:  # the client is gone already, or there are too many
                    self._tell(Event(self.now(), self._count + 1, What.NOTE, text=f"not taken: {_why(error)}"))
                    await asyncio.sleep(WATCH)
                    continue
                task = asyncio.create_task(self._take(client, place[:2]))
                self._open.add(task)
                task.add_done_callback(self._open.discard)
        finally:
            for task in tuple(self._open):
                task.cancel()
            await asyncio.gather(*self._open, return_exceptions=True)

    async def _take(self, client: socket.socket, client_at: Address) -> None:
        self._count += 1
        conversation = Conversation(self._count, self._house, self._tell, self.now)
        with _Closing(client) as near:
            try:
                server, server_at = await _connect(self._upstream)
            except OSError as error:
                conversation.reset(Way.DOWN, f"no connection to the server: {_why(error)}")
                near.reset()
                return
            with _Closing(server) as far:
                ends = client_at, server_at
                passage = _Passage(near.socket, far.socket, ends, conversation, harm=self._harm, capture=self._capture)
                try:
                    await passage.run()
                except _Over as over:
                    passage.over(over)
                    near.reset()
                    far.reset()


class _Closing:
    """Closes a socket in the end, with or without a reset."""

    def __init__(self, sock: socket.socket) -> None:
        self.socket = sock
        sock.setblocking(False)
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def reset(self) -> None:
        """Close it so that the peer sees a reset (RST)."""
        with contextlib.suppress(OSError):
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def __enter__(self) -> _Closing:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()


class _Passage:
    """One connection: two sockets, and what passes between them."""

    def __init__(
        self,
        client: socket.socket,
        server: socket.socket,
        ends: tuple[Address, Address],
        conversation: Conversation,
        *,
        harm: Harm,
        capture: Capture | None,
    ) -> None:
        self._from = {Way.UP: client, Way.DOWN: server}
        self._conversation = conversation
        self._harm = harm
        self._left = harm.cut_after
        self._ended = 0
        self._both_ended = asyncio.Event()
        self._stream: Stream | None = None if capture is None else capture.connect(*ends, time.time())
        near, far = (f"[{host}]:{port}" if ":" in host else f"{host}:{port}" for host, port in ends)
        conversation.tell(What.CONNECTED, f"connected: {near} to {far}")

    async def run(self) -> None:
        """Pass on what comes, until both directions have ended. Raises `_Over`."""
        tasks = [asyncio.create_task(self._pass(way)) for way in Way]
        try:
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def over(self, over: _Over) -> None:
        """Tell of a reset."""
        self._conversation.reset(over.way, str(over))
        if self._stream is not None:
            self._stream.reset(time.time(), by_client=over.way is Way.UP)

    async def _pass(self, way: Way) -> None:
        if not self._harm.delay:
            while octets := await self._read(way):
                await self._write(way, octets)
        else:
            await self._pass_late(way)
        await self._end(way)

    async def _pass_late(self, way: Way) -> None:
        """As `_pass`, but everything later: also the end, also a reset."""
        line: asyncio.Queue[tuple[float, bytes | _Over]] = asyncio.Queue(HELD)
        reading = asyncio.create_task(self._read_ahead(way, line))
        try:
            while True:
                due, what = await line.get()
                await asyncio.sleep(max(0.0, due - time.monotonic()))
                if isinstance(what, _Over):
                    raise what
                if not what:
                    return
                await self._write(way, what)
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)

    async def _read_ahead(self, way: Way, line: asyncio.Queue[tuple[float, bytes | _Over]]) -> None:
        going = True
        while going:
            what: bytes | _Over
            try:
                what = await self._read(way)
                going = bool(what)
            except _Over as over:
                what, going = over, False
            await line.put((time.monotonic() + self._harm.delay, what))

    async def _read(self, way: Way) -> bytes:
        """The next octets, none at the end. Raises `_Over`."""
        try:
            octets = await asyncio.get_running_loop().sock_recv(self._from[way], CHUNK)
        except OSError as error:
            raise _gone(way, error) from None
        if octets:
            self._conversation.heard(way, octets)
        else:
            self._conversation.ended(way)
        return octets

    async def _write(self, way: Way, octets: bytes) -> None:
        """Pass octets on, as far as they are to be. Raises `_Over`."""
        if way in self._harm.drop:
            return
        if self._left is not None and way in self._harm.cut:
            octets = octets[: self._left]
            self._left -= len(octets)
        step = self._harm.split or CHUNK
        for count, start in enumerate(range(0, len(octets), step), 1):
            await self._write_piece(way, octets[start : start + step])
            if count % PIECES_IN_A_ROW == 0:
                await asyncio.sleep(0)
        if self._left == 0:
            raise _Over(None, f"cut by the tap after {self._harm.cut_after} octets")

    async def _write_piece(self, way: Way, octets: bytes) -> None:
        if self._stream is not None:
            note = self._stream.sent if way is Way.UP else self._stream.received
            note(octets, time.time())
        try:
            await asyncio.get_running_loop().sock_sendall(self._from[way.other], octets)
        except OSError as error:
            raise _gone(way.other, error) from None

    async def _end(self, way: Way) -> None:
        """Pass the end of one direction on, and look after who ended it until the other has ended too."""
        if self._stream is not None:
            self._stream.fin(time.time(), by_client=way is Way.UP)
        try:
            self._from[way.other].shutdown(socket.SHUT_WR)
        except OSError as error:
            raise _gone(way.other, error) from None
        self._ended += 1
        if self._ended == len(Way):
            self._both_ended.set()
        while not self._both_ended.is_set():
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._both_ended.wait(), WATCH)
            error_number = self._from[way].getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if error_number:
                raise _Over(way, f"reset by the {way.speaker}, which had ended its direction")


def _gone(way: Way, error: OSError) -> _Over:
    return _Over(way, f"reset by the {way.speaker} ({_why(error)})")


def _why(error: OSError) -> str:
    return error.strerror or str(error)


async def _connect(address: Address) -> tuple[socket.socket, Address]:
    """A connection to the first address that takes one, and which that is. Raises OSError."""
    loop = asyncio.get_running_loop()
    last = OSError("the name has no address")
    try:
        places = await loop.getaddrinfo(*address, type=socket.SOCK_STREAM)
    except UnicodeError as error:
        raise OSError(f"no name of a host: {error}") from None
    for family, kind, protocol, _, place in places:
        sock = socket.socket(family, kind, protocol)
        sock.setblocking(False)
        try:
            await asyncio.wait_for(loop.sock_connect(sock, place), PATIENCE)
        except (OSError, asyncio.TimeoutError) as error:
            sock.close()
            last = error if isinstance(error, OSError) else OSError(f"nothing for {PATIENCE:.0f} s")
        except BaseException:
            sock.close()
            raise
        else:
            return sock, (str(place[0]), int(place[1]))
    raise last
