"""One connection to the server under test: octets out, checked frames in, the end of the stream told apart.

In here: the socket, its deadlines, and the record. Every frame that comes passes through `passive`. Not in
here: what frames mean (`client`), what a case wants (`cases`).

There are no sleeps: waiting is always for the socket, and always with a deadline. A deadline that passes is a
problem; a case that goes well never waits for one.
"""

from __future__ import annotations

import contextlib
import selectors
import socket
import struct
import time
from collections import deque
from typing import Any, Final

from causerie_conformance.company import Company
from causerie_conformance.experience import MUTE_SHARE, Way
from causerie_conformance.logs import Shared
from causerie_conformance.passive import Observer, Request
from causerie_conformance.problems import HandshakeFailed, Kind, Problem, Violation
from causerie_conformance.replay.tape import What
from causerie_conformance.tls import SecureSocket, Tls
from causerie_conformance.transcript import Transcript
from causerie_spec.codec import Decoder as FrameDecoder
from causerie_spec.codec import FrameTooLarge, RawFrame
from causerie_spec.codes import MAX_BODY
from causerie_spec.messages import Message, Ping, Pong

CHUNK: Final = 262_144
"""Octets asked of the socket at once."""
NO_FRAME: Final = "no whole frame"
"""What is noted of octets that came and never became a frame."""
_PING: Final = bytes([Ping.TYPE])
_OneSelector: Final = getattr(selectors, "PollSelector", selectors.SelectSelector)
"""What waits for one socket, once, with the fewest system calls."""


class Received:
    """A frame that came, and when."""

    __slots__ = ("answers", "at", "message", "octets", "raw")

    def __init__(
        self, raw: RawFrame, message: Message, octets: bytes, at: float, answers: Request | None = None
    ) -> None:
        self.raw = raw
        self.message = message
        self.octets = octets
        self.at = at
        self.answers = answers

    @property
    def ref(self) -> int:
        """The ref of its header."""
        return self.raw.ref


class Peer:
    """A connection, as the suite's side sees it. ``patience`` is how long it waits for anything, in seconds.

    With *tls* all octets below are those inside TLS, and FIN is close_notify with FIN behind it.
    """

    def __init__(
        self,
        address: tuple[str, int],
        transcript: Transcript,
        shared: Shared,
        *,
        name: str,
        patience: float,
        receive_buffer: int | None = None,
        tls: Tls | None = None,
        company: Company | None = None,
        way: Way | None = None,
    ) -> None:
        self.name = name
        self.way = way or Way()
        self.address = address
        self.company = company or Company()
        self.patience = patience
        self.transcript = transcript
        self.observer = Observer(shared)
        self.end: Kind | None = None
        self.end_at: float | None = None
        self.since = time.monotonic()
        self.octets_received = 0
        self.first_octets = b""
        self._decoder = FrameDecoder(limit=MAX_BODY)
        self._rest_recorded = 0
        self._frames: deque[Received] = deque()
        self.spoke_at = self.since
        """When octets were sent last, by `time.monotonic`."""
        self.open = True
        """May more be sent?"""
        connected = _connect(address, patience, receive_buffer, name, transcript)
        self.track = transcript.tape.connect(name, address)
        """What goes over it, octet for octet."""
        if receive_buffer is not None:
            self.track.spoil("it is about a connection that reads slowly")
        self.secure = None if tls is None else self._secured(connected, tls, address[0])
        """TLS on this connection, for cases that are about it."""
        self._socket: socket.socket | SecureSocket = self.secure or connected
        self.company.admit(self)

    def _secured(self, sock: socket.socket, tls: Tls, hostname: str) -> SecureSocket:
        sock.settimeout(self.patience)
        try:
            secure = SecureSocket(sock, tls, hostname)
        except OSError as error:
            sock.close()
            if isinstance(error, TimeoutError):
                raise self.problem(Kind.TIMEOUT, "a TLS handshake", self._nothing(self.patience)) from None
            came = f"none: {error.strerror or error}"
            raise HandshakeFailed(Kind.REFUSED, "a TLS handshake", came, transcript=self.transcript) from None
        self.transcript.event(self.name, f"secured ({secure.version})")
        return secure

    # Sending

    def send_octets(self, octets: bytes, note: str = "", *, reading: bool = True) -> None:
        """Send octets as they are. While there is no room it reads, as a client must ([REQ-6])."""
        self.transcript.sent(self.name, octets, note)
        self.track.add(What.SEND, octets)
        self.observer.sent(octets)
        if octets[4:5] != _PING:
            self.company.acted(self)
        view = memoryview(octets)
        deadline = time.monotonic() + self.patience
        while view:
            sent = self._send_some(view)
            if sent < 0:
                return
            view = view[sent:]
            if sent:
                deadline = time.monotonic() + self.patience
            elif not self._wait(deadline, write=True, read=reading and self.end is None):
                raise self.problem(Kind.TIMEOUT, "room to send", f"none for {self.patience:.1f} s")
            elif reading:
                self._pull()

    def send_what_fits(self, octets: bytes | memoryview) -> int:
        """Send as much as there is room for just now, without reading; the number of octets sent.

        The part that was sent is recorded; a caller goes on with the rest.
        """
        sent = max(0, self._send_some(memoryview(octets)))
        if sent:
            part = bytes(octets[:sent])
            self.transcript.sent(self.name, part)
            self.track.add(What.SEND, part)
            self.observer.sent(part)
        return sent

    def _send_some(self, view: memoryview) -> int:
        """Octets sent now; -1 when the connection is gone: reading will tell how it ended."""
        try:
            sent = self._socket.send(view)
        except BlockingIOError:
            return 0
        except OSError as error:
            self.transcript.event(self.name, f"could not send: {error.strerror or error}")
            self.open = False
            return -1
        self.spoke_at = time.monotonic()
        return sent

    def has_room(self) -> bool:
        """Is there room to send a small frame whole?"""
        return self._select(time.monotonic(), selectors.EVENT_WRITE)

    def half_close(self) -> None:
        """End our side of the stream (FIN), and go on reading."""
        self.transcript.event(self.name, "half-closed by the suite (FIN)")
        self.track.add(What.HALF_CLOSE)
        self.open = False
        self.company.acted(self)
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_WR)

    def reset(self) -> None:
        """Destroy the connection so that the server sees a reset (RST)."""
        self.transcript.event(self.name, "reset by the suite (RST)")
        self.track.add(What.RESET)
        with contextlib.suppress(OSError):
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close()
        self.end = self.end or Kind.RST

    def close(self) -> None:
        """Close the socket; the end of a case, not part of the conversation."""
        self.open = False
        self.track.add(What.CLOSE)
        self.company.acted(self)
        self._socket.close()

    # Receiving

    def next(self, expected: str = "a frame", patience: float | None = None) -> Received | None:
        """The next frame, or None at the end of the stream. Raises `Problem` of kind timeout when nothing comes."""
        limit = self._limit() if patience is None else patience
        deadline = time.monotonic() + limit
        while not self._frames:
            if self.end is not None:
                return None
            self._pull()
            if self._idle() and not self._wait(deadline):
                self.company.listen()
                if self.observer.open:
                    self.way.experience.in_vain(self.observer.open[0].type)
                raise self.problem(Kind.TIMEOUT, expected, self._nothing(limit))
        return self._frames.popleft()

    def _limit(self) -> float:
        """Seconds to wait: not long for what never came, though far away servers get their time."""
        open_ = self.observer.open
        if open_ and self.way.experience.is_mute(open_[0].type):
            return self.patience / MUTE_SHARE
        return self.patience

    def next_octets(self, expected: str, patience: float | None = None) -> bytes:
        """The next octets as they are, none at the end of the stream. Raises `Problem` of kind timeout."""
        limit = self.patience if patience is None else patience
        octets = b""
        while not octets and self.end is None:
            if not self._wait(time.monotonic() + limit):
                raise self.problem(Kind.TIMEOUT, expected, self._nothing(limit))
            octets = self._take()
        if octets:
            self.transcript.event(self.name, f"octets that are no frames: {octets[:24].hex(' ')}")
        return octets

    def poll(self) -> None:
        """Take in what has arrived, without waiting."""
        while self.end is None and self._pull():
            pass

    def take(self, octets: int) -> int:
        """Take at most that many octets from the socket, without waiting; how many there were."""
        return self._pull(octets)

    @property
    def waiting(self) -> int:
        """Frames that have come and were not looked at."""
        return len(self._frames)

    def push_back(self, received: Received) -> None:
        """Put a frame back: it will be the next."""
        self._frames.appendleft(received)

    def wait_until(self, moment: float) -> None:
        """Read until that moment of `time.monotonic`, or until the stream ends."""
        while self.end is None and self._wait(moment):
            self._pull()

    def fileno(self) -> int:
        """The socket's file descriptor, for selectors."""
        return self._socket.fileno()

    def problem(self, kind: Kind, expected: str, came: str, octets: bytes = b"", clause: str | None = None) -> Problem:
        """A problem on this connection, to be raised."""
        return Problem(kind, expected, came, octets=octets, clause=clause, peer=self.name, transcript=self.transcript)

    def _idle(self) -> bool:
        return not self._frames and self.end is None

    def _nothing(self, limit: float) -> str:
        rest = self._decoder.buffered
        self._record_rest()
        piece = f", but a piece of {rest} octets of a frame" if rest else ""
        return f"nothing for {limit:.1f} s{piece}"

    def _record_rest(self) -> None:
        """Record, once, octets that came and never became a frame: they may be what explains it all."""
        rest = self._decoder.rest
        if rest and len(rest) != self._rest_recorded:
            self._rest_recorded = len(rest)
            self.transcript.received(self.name, rest, NO_FRAME)
            self.track.add(What.PIECE, rest)

    def _wait(self, deadline: float, *, write: bool = False, read: bool = True) -> bool:
        events = (selectors.EVENT_READ if read else 0) | (selectors.EVENT_WRITE if write else 0)
        while not self._select(min(deadline, self.company.keep()), events):
            if time.monotonic() >= deadline:
                return False
        return True

    def _select(self, deadline: float, events: int) -> bool:
        with _OneSelector() as selector:
            selector.register(self._socket, events)
            return bool(selector.select(max(0.0, deadline - time.monotonic())))

    def _pull(self, most: int = CHUNK) -> int:
        """Take octets from the socket, if there are any, and cut them into frames; how many octets came."""
        octets = self._take(most)
        self.first_octets = self.first_octets or octets[:8]
        self.octets_received += len(octets)
        self._decoder.feed(octets)
        try:
            for raw in self._decoder:
                self._receive(raw)
        except FrameTooLarge as error:
            raise self._no_frame(error) from None
        except Violation as violation:
            violation.transcript, violation.peer = self.transcript, self.name
            raise
        return len(octets)

    def _take(self, most: int = CHUNK) -> bytes:
        """Octets from the socket; none if there are none just now, or no more."""
        try:
            octets = self._socket.recv(most)
        except BlockingIOError:
            return b""
        except OSError as error:
            self._ended(Kind.RST, f"connection reset ({error.strerror or error})")
            return b""
        if not octets:
            self._ended(Kind.FIN, "end of stream (FIN)")
        return octets

    def _receive(self, raw: RawFrame) -> None:
        header = struct.pack(">IBBH", len(raw.body), raw.type, raw.flags, raw.ref)
        octets = header + raw.body
        self.transcript.received(self.name, octets)
        self.track.add(What.FRAME, octets)
        message = self.observer.received(raw, octets)
        answered = self.observer.answered
        if answered is not None:
            self.way.experience.answered(answered.type)
        if answered is not None and not isinstance(message, Pong):
            self.company.acted(self)
        if not self.company.asked_for(message):
            self._frames.append(Received(raw, message, octets, time.monotonic(), self.observer.answered))

    def _no_frame(self, error: FrameTooLarge) -> Violation:
        self._record_rest()
        shown = self._decoder.rest[:64]
        came = f"octets that are no frame: {shown[:24]!r}" if shown[0] else f"a length of {error.length}"
        wanted = f"a frame with a body of at most {MAX_BODY} octets"
        violation = Violation(Kind.UNDECODABLE, wanted, came, clause="FRAME-3", octets=shown, offset=0)
        violation.transcript, violation.peer = self.transcript, self.name
        return violation

    def _ended(self, kind: Kind, note: str) -> None:
        self.end = kind
        self.open = False
        self.end_at = time.monotonic()
        rest = self._decoder.buffered
        if rest:
            self._record_rest()
            note += f", after {rest} octets of an incomplete frame"
        self.transcript.event(self.name, note)
        self.track.add(What.FIN if kind is Kind.FIN else What.RST)

    @property
    def incomplete(self) -> int:
        """Octets received that belong to no whole frame."""
        return self._decoder.buffered


def _connect(
    address: tuple[str, int], patience: float, receive_buffer: int | None, name: str, transcript: Transcript
) -> socket.socket:
    last: OSError | None = None
    for family, kind, protocol, _, target in _resolve(address, transcript):
        sock = socket.socket(family, kind, protocol)
        try:
            if receive_buffer is not None:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
            sock.settimeout(patience)
            sock.connect(target)
        except OSError as error:
            sock.close()
            last = error
            continue
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setblocking(False)
        transcript.event(name, "connected")
        return sock
    reason = (last.strerror or str(last)) if last is not None else "the name has no address"
    raise Problem(Kind.REFUSED, "a connection", f"none: {reason}", transcript=transcript)


def _resolve(address: tuple[str, int], transcript: Transcript) -> list[Any]:
    try:
        return list(socket.getaddrinfo(*address, type=socket.SOCK_STREAM))
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise Problem(Kind.REFUSED, "a connection", f"none: {reason}", transcript=transcript) from None
