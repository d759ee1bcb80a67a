"""One connection of the client under test, as the suite's server sees it.

In here: the socket, the thread that reads it, the record, everyday answers, the end of the stream told apart. Every
frame that comes passes through `conduct`. Not in here: what a case wants.

A thread reads and answers what is everyday, so that a case may wait for what the client prints without starving it.
What else comes is queued for the case. A broken clause is kept, and raised at the next thing that the case does.

CONVERSATIONS may come after a case has put a message into a log and before it sends it. No server that keeps [MSG-10]
tells a head whose MESSAGE it has yet to send; so the heads told here are those at READY, and of what was sent since.
"""

from __future__ import annotations

import contextlib
import queue
import socket
import struct
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, TypeVar

from causerie_conformance.client_role.conduct import Conduct
from causerie_conformance.problems import Interrupted, Kind, Problem, Violation
from causerie_conformance.transcript import Transcript, describe_frame
from causerie_spec.codec import Decoder, RawFrame, encode, frame
from causerie_spec.codes import MAX_BODY, ByeCode
from causerie_spec.errors import FrameTooLarge
from causerie_spec.messages import Bye, ChatMessage, Conversation, Conversations, Message, Quit, Ready, Welcome

if TYPE_CHECKING:
    from causerie_conformance.client_role.house import House
    from causerie_conformance.client_role.secure import SecureEnd

CHUNK: Final = 65_536
"""Octets asked of the socket at once."""

M = TypeVar("M", bound=Message)


class Heard:
    """A frame that came from the client, and when, by `time.monotonic`."""

    __slots__ = ("at", "message", "octets", "ref")

    def __init__(self, message: Message, ref: int, octets: bytes, at: float) -> None:
        self.message: Any = message
        self.ref = ref
        self.octets = octets
        self.at = at


class Visitor:
    """A connection that the client made. ``patience`` is how long a case waits for anything, in seconds."""

    def __init__(
        self, sock: socket.socket | SecureEnd, transcript: Transcript, house: House, *, name: str, patience: float
    ) -> None:
        self.name = name
        self.transcript = transcript
        self.house = house
        self.patience = patience
        self.conduct = Conduct()
        self.since = time.monotonic()
        self.secured: SecureEnd | None = None
        """TLS on this connection, for cases that are about it."""
        self.end: Kind | None = None
        self.end_at = 0.0
        self.kept: set[type[Message]] = set()
        """Everyday requests that the case wants to answer by itself, or not at all."""
        self.refused: dict[type[Message], Message] = {}
        """Requests that are answered with this, whatever they ask."""
        self.heard: list[Heard] = []
        """All frames that came, everyday requests too."""
        self.step = 0
        """Octets that are handed to TCP at a time; 0: all at once."""
        self._socket = sock
        self._decoder = Decoder(limit=MAX_BODY)
        self._queue: queue.SimpleQueue[Heard | Interrupted | None] = queue.SimpleQueue()
        self._fault: Interrupted | None = None
        self._writing = threading.RLock()
        self._heads: dict[str, int] | None = None
        """By conversation, what the client may know of; None before READY."""
        self._closed = False
        self._may_read = threading.Event()
        self._may_read.set()
        transcript.event(name, "connected")
        self._thread = threading.Thread(target=self._read, daemon=True)

    def start(self) -> Visitor:
        """Begin to read."""
        self._thread.start()
        return self

    # The thread that reads

    def _read(self) -> None:
        while self.end is None:
            self._may_read.wait()
            try:
                octets = self._socket.recv(CHUNK)
            except (OSError, ValueError) as error:
                if not self._closed:
                    self._ended(Kind.RST, f"connection reset ({getattr(error, 'strerror', None) or error})")
                break
            if not octets:
                self._ended(Kind.FIN, "end of stream (FIN)")
                break
            self._decoder.feed(octets)
            try:
                for raw in self._decoder:
                    self._receive(raw)
            except FrameTooLarge as error:
                came = f"octets that are no frame: {self._decoder.rest[:24]!r} (a length of {error.length})"
                wanted = f"a frame with a body of at most {MAX_BODY} octets"
                self._keep_fault(Violation(Kind.UNDECODABLE, wanted, came, clause="FRAME-3"))
                break
            except Interrupted as fault:
                self._keep_fault(fault)
                break
        self._queue.put(None)

    def _receive(self, raw: RawFrame) -> None:
        octets = frame(raw.type, raw.body, raw.ref, raw.flags)
        self.transcript.received(self.name, octets)
        heard = Heard(self.conduct.received(raw, octets), raw.ref, octets, time.monotonic())
        self.heard.append(heard)
        kind = type(heard.message)
        refusal = self.refused.get(kind)
        answer = None if kind in self.kept else iter([refusal]) if refusal else self.house.answer(heard.message)
        if answer is not None:
            with self._writing:
                for message in answer:
                    self.send(self._as_told(message) if kind is Conversations else message, heard.ref)
            self.conduct.answered(heard.ref)
        elif isinstance(heard.message, Quit) and Quit not in self.kept:
            self._queue.put(heard)
            self.say_goodbye(heard.ref)
        else:
            self._queue.put(heard)

    def _keep_fault(self, fault: Interrupted) -> None:
        if isinstance(fault, Problem):
            fault.transcript, fault.peer = self.transcript, self.name
        self._fault = self._fault or fault
        self._queue.put(fault)

    def _ended(self, kind: Kind, note: str) -> None:
        self.end_at = time.monotonic()
        self.end = kind
        rest = self._decoder.buffered
        self.transcript.event(self.name, note + (f", after {rest} octets of an incomplete frame" if rest else ""))

    def read_no_more(self) -> None:
        """Take nothing more from the socket, but for what is being taken now."""
        self._may_read.clear()

    def read_on(self) -> None:
        """Go on to read."""
        self._may_read.set()

    # Sending

    def send(self, message: Message, ref: int = 0) -> bytes:
        """Send a frame; its octets."""
        return self.send_together([message], ref)

    def send_together(self, messages: Iterable[Message], ref: int = 0, note: str = "") -> bytes:
        """Send frames in one piece; their octets."""
        messages = list(messages)
        octets = b"".join(encode(message, ref) for message in messages)
        self.send_octets(octets, note, of=messages)
        return octets

    def _told(self, message: Message) -> None:
        if isinstance(message, Welcome):
            self.conduct.welcome = message
        elif isinstance(message, Ready):
            self._heads = {name: self.house.head(name) for name in self.house.logs}
        elif isinstance(message, ChatMessage | Conversation) and self._heads is not None:
            name, seq = message.conversation, message.seq if isinstance(message, ChatMessage) else message.head
            self._heads[name] = max(self._heads.get(name, 0), seq)

    def _as_told(self, item: Message) -> Message:
        if self._heads is None or not isinstance(item, Conversation):
            return item
        return replace(item, head=min(item.head, self._heads.get(item.conversation, 0)))

    def answer(self, heard: Heard, message: Message) -> bytes:
        """Answer a request, or send an item of its answer."""
        if message.NAME not in heard.message.ITEMS:
            self.conduct.answered(heard.ref)
        return self.send(message, heard.ref)

    def send_octets(self, octets: bytes, note: str = "", of: Iterable[Message] = ()) -> None:
        """Send octets as they are; ``of`` is what they tell a client that understands them."""
        step = self.step or len(octets)
        with self._writing:
            for message in of:
                self._told(message)
            self.transcript.sent(self.name, octets, note)
            with contextlib.suppress(OSError, ValueError):  # it is gone: reading tells how it ended
                for place in range(0, len(octets), step or 1):
                    self._socket.sendall(octets[place : place + step])

    def say_goodbye(self, ref: int = 0, code: int = ByeCode.NORMAL, retry_ms: int = 0, reason: str = "") -> None:
        """BYE, and FIN behind it; what still comes is read and dropped."""
        self.send(Bye(code, retry_ms, reason), ref)
        self.finish()

    def finish(self) -> None:
        """End our side of the stream."""
        self.transcript.event(self.name, "half-closed by the suite (FIN)")
        with self._writing, contextlib.suppress(OSError, ValueError):
            self._socket.shutdown(socket.SHUT_WR)

    def cut(self, *, reset: bool = False) -> None:
        """Cut the connection off: with FIN, or with RST."""
        self.transcript.event(self.name, f"cut by the suite ({'RST' if reset else 'FIN'})")
        self._closed = True
        with contextlib.suppress(OSError):
            if reset:
                self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            else:
                self._socket.shutdown(socket.SHUT_RDWR)
        self.close()

    def close(self) -> None:
        """Close the socket; the end of a case, not part of the conversation."""
        self._closed = True
        self._may_read.set()
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RD)  # wakes the thread that reads
        with contextlib.suppress(OSError):
            self._socket.close()
        if self._thread.is_alive() and self._thread is not threading.current_thread():
            self._thread.join(1.0)

    # Receiving

    def check(self) -> None:
        """Raise what was wrong with what the client sent, if anything was."""
        if self._fault is not None:
            raise self._fault

    def next(self, expected: str, patience: float | None = None) -> Heard | None:
        """The next frame that is not everyday; None at the end of the stream. Raises `Problem`."""
        limit = self.patience if patience is None else patience
        try:
            found = self._queue.get(timeout=max(0.0, limit))
        except queue.Empty:
            rest = self._decoder.buffered
            piece = f", but a piece of {rest} octets of a frame" if rest else ""
            raise self.problem(Kind.TIMEOUT, expected, f"nothing for {limit:.1f} s{piece}") from None
        if isinstance(found, Interrupted):
            raise found
        if found is None:
            self.check()
            self._queue.put(None)
        return found

    def expect(self, kind: type[M], patience: float | None = None, clause: str | None = None, **values: Any) -> Heard:
        """The next frame that is not everyday, which must be of that kind and have these values."""
        words = " ".join(f"{name}={value!r}" for name, value in values.items())
        expected = f"{kind.NAME} {words}".rstrip()
        heard = self.next(expected, patience)
        if heard is None:
            assert self.end is not None or self._closed
            raise self.problem(self.end or Kind.FIN, expected, f"the {(self.end or Kind.FIN).value}", clause=clause)
        if not isinstance(heard.message, kind):
            raise self.problem(Kind.UNEXPECTED, expected, _words(heard), heard.octets, clause)
        for name, value in values.items():
            if getattr(heard.message, name) != value:
                raise self.problem(Kind.VALUE, expected, _words(heard), heard.octets, clause)
        return heard

    def expect_end(self, patience: float | None = None, clause: str | None = None) -> float:
        """The client ends the connection (FIN or RST); when it did. What it sends before that is passed over."""
        deadline = time.monotonic() + (self.patience if patience is None else patience)
        expected = "the end of the connection"
        while True:
            try:
                heard = self.next(expected, deadline - time.monotonic())
            except Problem as problem:
                if problem.kind is Kind.TIMEOUT:
                    problem.clause = clause
                raise
            if heard is None:
                return self.end_at

    def heard_of(self, kind: type[M]) -> Iterator[Heard]:
        """All frames of that kind that came, in order."""
        return (heard for heard in list(self.heard) if isinstance(heard.message, kind))

    def problem(self, kind: Kind, expected: str, came: str, octets: bytes = b"", clause: str | None = None) -> Problem:
        """A problem on this connection, to be raised."""
        return Problem(kind, expected, came, octets=octets, clause=clause, peer=self.name, transcript=self.transcript)


def _words(heard: Heard) -> str:
    octets = heard.octets
    return describe_frame(octets[4], heard.ref, octets[8:], octets[5])
