"""What a failure left behind, in the form that rules ask it in: frames with their requests, octets that are no frame.

In here: putting the transcript together again: a frame that was sent in pieces, several in one write, the request of an
answer. Not in here: any judgement (the rules).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

from causerie_conformance.problems import Kind
from causerie_conformance.results import Finding
from causerie_conformance.transcript import Direction, Entry
from causerie_spec import codec
from causerie_spec.codes import HEADER_SIZE, SERVER_BIT, ByeCode
from causerie_spec.errors import Malformed, PeerError
from causerie_spec.messages import MESSAGES, Bye, Message

_ANY_LENGTH: Final = 2**32


@dataclass(frozen=True)
class Frame:
    """A frame of the conversation.

    ``began`` and ``ended`` are the places of the entries with its first and its last octet, ``place`` counts the frames
    that ended before it in the entry in which it began. ``cut``: its last octets were not kept, and are zeros here.
    """

    peer: str
    direction: Direction
    octets: bytes
    began: int
    ended: int
    place: int = 0
    cut: bool = False

    @classmethod
    def of(cls, type_: int, body: bytes) -> Frame:
        """A frame that came on no connection."""
        return cls("", Direction.RECEIVED, codec.frame(type_, body), 0, 0)

    @property
    def type(self) -> int:
        """The header's type."""
        return self.octets[4]

    @property
    def flags(self) -> int:
        """The header's flags."""
        return self.octets[5]

    @property
    def ref(self) -> int:
        """The header's ref."""
        return int.from_bytes(self.octets[6:8], "big")

    @property
    def body(self) -> bytes:
        """The body's octets."""
        return self.octets[HEADER_SIZE:]

    @property
    def name(self) -> str:
        """The frame's name, empty if its type is not known."""
        cls = MESSAGES.get(self.type)
        return cls.NAME if cls is not None else ""

    @cached_property
    def message(self) -> Any:
        """The message, None if it cannot be decoded."""
        try:
            return codec.decode(self.type, self.body)
        except PeerError:
            return None

    @cached_property
    def fault(self) -> str:
        """Why it cannot be decoded; empty if it can, or if the type is not known."""
        try:
            codec.decode(self.type, self.body)
        except Malformed as error:
            return f"{error.field}: {error.reason}"
        except PeerError:
            pass
        return ""

    def get(self, name: str) -> Any:
        """The value of a field of the message, None if there is none."""
        return getattr(self.message, name, None)

    @cached_property
    def behind(self) -> bytes:
        """Octets behind the last field."""
        if self.message is None or self.cut:
            return b""
        return self.octets[len(codec.encode(self.message)) :]

    @property
    def is_event(self) -> bool:
        """Is it of a kind that may come unasked?"""
        cls = MESSAGES.get(self.type)
        return cls is not None and cls.EVENT


@dataclass
class _Stream:
    """The octets that were sent on one connection, on their way into frames."""

    decoder: codec.Decoder = field(default_factory=lambda: codec.Decoder(_ANY_LENGTH))
    began: int = 0
    place: int = 0


@dataclass(frozen=True)
class Before:
    """What the run has shown before: the *named* mistakes, and the requests that are *unanswered* even when alone."""

    named: frozenset[str] = frozenset()
    unanswered: frozenset[str] = frozenset()


class Evidence:
    """A failure, as rules see it. ``said`` is what the server printed in the time of the case."""

    def __init__(
        self, finding: Finding, entries: Iterable[Entry], *, said: str = "", before: Before | None = None
    ) -> None:
        self.finding = finding
        self.entries = list(entries)
        self.said = said
        self.before = before or Before()
        self._unfinished: dict[str, bytes] = {}
        self.frames: list[Frame] = self._all_frames()
        self.peer = finding.peer

    # The frames

    def _all_frames(self) -> list[Frame]:
        frames: list[Frame] = []
        streams: dict[str, _Stream] = {}
        for place, entry in enumerate(self.entries):
            if not entry.peer:  # entries are missing here
                streams.clear()
            elif entry.direction is Direction.SENT:
                frames += self._sent(entry, place, streams.setdefault(entry.peer, _Stream()))
            elif entry.direction is Direction.RECEIVED and not entry.note:
                octets = entry.octets + bytes(entry.size - len(entry.octets))
                cut = entry.size > len(entry.octets)
                frames.append(Frame(entry.peer, entry.direction, octets, place, place, cut=cut))
        self._unfinished = {peer: stream.decoder.rest for peer, stream in streams.items() if stream.decoder.buffered}
        return frames

    def _sent(self, entry: Entry, place: int, stream: _Stream) -> list[Frame]:
        if not stream.decoder.buffered:
            stream.began, stream.place = place, 0
        stream.decoder.feed(entry.octets)
        found = list(stream.decoder)
        missing = entry.size - len(entry.octets)
        if missing:
            rest = stream.decoder.rest
            if len(rest) >= HEADER_SIZE and int.from_bytes(rest[:4], "big") >= len(rest) - HEADER_SIZE + missing:
                stream.decoder.feed(bytes(missing))
                found += stream.decoder
            else:
                stream.decoder = codec.Decoder(_ANY_LENGTH)
        frames = []
        for number, raw in enumerate(found):
            octets = codec.frame(raw.type, raw.body, raw.ref, raw.flags)
            cut = bool(missing) and number == len(found) - 1
            frames.append(Frame(entry.peer, Direction.SENT, octets, stream.began, place, stream.place, cut))
            stream.began, stream.place = place, number + 1
        return frames

    def sent(self, peer: str | None = None) -> list[Frame]:
        """What the suite sent, on that connection or all of them."""
        return [each for each in self.frames if each.direction is Direction.SENT and peer in (None, each.peer)]

    def received(self, peer: str | None = None) -> list[Frame]:
        """What came, on that connection or all of them."""
        return [each for each in self.frames if each.direction is Direction.RECEIVED and peer in (None, each.peer)]

    @cached_property
    def offender(self) -> Frame | None:
        """The frame that is wrong, or that came where another should."""
        octets = self.finding.octets
        if len(octets) < HEADER_SIZE or int.from_bytes(octets[:4], "big") != len(octets) - HEADER_SIZE:
            return None
        place = next((each.ended for each in reversed(self.received()) if each.octets == octets), len(self.entries))
        return Frame(self.peer, Direction.RECEIVED, octets, place, place)

    @cached_property
    def cause(self) -> Frame | None:
        """The request that the offender answers, or that has no answer."""
        requests = self.sent(self.peer)
        if self.offender is not None:
            requests = [each for each in requests if each.ended < self.offender.ended]
            same = [each for each in requests if each.ref == self.offender.ref]
            if same and (self.offender.ref or not isinstance(self.offender.message, Bye)):
                return same[-1]
        open_ = self.unanswered
        return open_[0] if open_ else (requests[-1] if requests else None)

    @cached_property
    def unanswered(self) -> list[Frame]:
        """Requests of the connection to which no answer has come; those that take none are not among them."""
        answered = {each.ref for each in self.received(self.peer) if not (each.is_event and each.ref == 0)}
        return [
            each for each in self.sent(self.peer) if each.ref and each.ref not in answered and each.name != "COMPOSE"
        ]

    @property
    def nothing_came(self) -> bool:
        """Did nothing come, or the end, or BYE only because nothing went on?"""
        if self.finding.kind in (Kind.TIMEOUT, Kind.FIN, Kind.RST):
            return True
        late = (ByeCode.HANDSHAKE_TIMEOUT, ByeCode.IDLE)
        return self.offender is not None and self.offender.name == "BYE" and self.offender.get("code") in late

    # What is no frame

    @cached_property
    def rest(self) -> bytes:
        """The last octets that came and never became a frame."""
        notes = [each for each in self.entries if each.direction is Direction.RECEIVED and each.note and each.octets]
        of_peer = [each for each in notes if each.peer == self.peer] or notes
        return of_peer[-1].octets if of_peer else b""

    @property
    def rest_size(self) -> int:
        """How many octets they are; of a great many only the first are kept."""
        notes = [each for each in self.entries if each.direction is Direction.RECEIVED and each.note]
        return notes[-1].size if notes else 0

    @property
    def unfinished(self) -> bytes:
        """Octets that the suite sent last on the connection and that are no whole frame."""
        return self._unfinished.get(self.peer, b"")

    # Who and what

    def handle_of(self, peer: str) -> str:
        """The handle that READY told on that connection."""
        names = [each.get("handle") for each in self.received(peer) if each.name == "READY"]
        return str(names[-1]) if names else ""

    def events(self, note: str) -> list[Entry]:
        """What happened on the connection that has *note* in its words."""
        return [
            each
            for each in self.entries
            if each.direction is Direction.EVENT and each.peer == self.peer and note in each.note
        ]

    def expects(self, *words: str) -> bool:
        """Does what was expected begin with one of these?"""
        return self.finding.expected.startswith(words)

    def send_of(self, message: Any) -> Any:
        """The SEND that a MESSAGE was made of: the one with its txn, or with its seq in the ACK; None if not known."""
        for each in self.sent():
            if each.name == "SEND" and each.message is not None and each.get("txn") == message.txn != 0:
                return each.message
        return None


def is_server_type(octet: int) -> bool:
    """Is that the type of a frame that servers send?"""
    return bool(octet & SERVER_BIT) and octet in MESSAGES


def is_answer(message: Message | None) -> bool:
    """Can it only be an answer to a request?"""
    return message is not None and not message.EVENT and not isinstance(message, Bye)
