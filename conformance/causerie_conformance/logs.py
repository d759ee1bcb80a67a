"""What the connections of one run tell of the server's logs: it must agree, message by message, and follow in order.

In here: facts (the same message is the same wherever it is told), numbers and times of what comes live, heads, cursors
that never go back. Not in here: forms, refs, answers (`passive`), what one frame must be by itself (`invariants`).
"""

from __future__ import annotations

import zlib
from typing import Final, NamedTuple

from causerie_conformance.found import Found
from causerie_conformance.problems import Kind
from causerie_spec.codes import Kind as MessageKind
from causerie_spec.messages import Ack, ChatMessage, Conversation, Message, Receipt, Send

_ONE_DIFFERENCE: Final = {"timestamp": "MSG-6", "text": "SEND-5"}
"""What is broken when two accounts of a message differ in one thing; in more, they are of two messages."""
TEXT_KEPT: Final = 60
"""Characters of a text that are kept to compare and to show."""
FRAME_KEPT: Final = 1_024
"""Octets of the longest frame that is kept to be shown if another contradicts it."""


class Fact(NamedTuple):
    """What a log says of one message: it must be the same wherever it is told."""

    timestamp: int
    sender: str
    txn: int
    kind: int
    text: str


class Told(NamedTuple):
    """A fact, the frame that told it first (if it is short), and whether that was the ACK: it speaks for the SEND."""

    fact: Fact
    frame: Found | None
    by_ack: bool


class Shared:
    """What all connections to one running server must agree on."""

    def __init__(self) -> None:
        self.epoch: int | None = None
        self.facts: dict[tuple[str, int], Told] = {}


class Logs:
    """What one connection has been told."""

    def __init__(self, shared: Shared) -> None:
        self.handle = ""
        """Whose connection it is, once logged in."""
        self.kept = False
        """Does the server have history?"""
        self._shared = shared
        self._seqs: dict[str, int] = {}
        self._heads: dict[str, int] = {}
        self._times: dict[str, int] = {}
        self._cursors: dict[str, Receipt] = {}

    def acked(self, found: Found, send: Send, ack: Ack) -> None:
        """An ACK says what became of a SEND, be it new or a duplicate."""
        fact = Fact(ack.timestamp, self.handle, send.txn, send.kind, _short(send.text))
        self._check_fact(found, send.conversation, ack.seq, fact, from_ack=True)

    def follow(self, found: Found, message: Message) -> None:
        """What frames tell one after the other: numbers, times, heads, cursors."""
        if isinstance(message, Receipt):
            self._check_cursors(found, message)
        elif isinstance(message, Conversation):
            self._heads[message.conversation] = message.head
        elif isinstance(message, ChatMessage):
            fact = Fact(message.timestamp, message.sender, message.txn, message.kind, _short(message.text))
            self._check_fact(found, message.conversation, message.seq, fact, from_ack=False)
            if found.raw.ref == 0:
                self._follow_live(found, message)

    def _follow_live(self, found: Found, message: ChatMessage) -> None:
        name, seq = message.conversation, message.seq
        self._check_seq(found, name, seq)
        if message.timestamp < self._times.get(name, 0):
            expected = f"a timestamp of at least {self._times[name]}"
            raise found.broken("MSG-2", Kind.VALUE, expected, field="timestamp")
        self._seqs[name], self._times[name] = seq, message.timestamp
        if message.kind == MessageKind.LEFT and message.sender == self.handle:  # next, if anything, comes a new JOINED
            for known in (self._seqs, self._heads, self._cursors):
                known.pop(name, None)

    def _check_cursors(self, found: Found, message: Receipt) -> None:
        """Own cursors go forward only. (Without history those of direct conversations may begin again, [MARK-9].)"""
        name = message.conversation
        last = self._cursors.get(name)
        self._cursors[name] = message
        if last is None or (name.startswith("@") and not self.kept):
            return
        for field in ("delivered", "read"):
            before = getattr(last, field)
            if getattr(message, field) < before:
                raise found.broken("MARK-1", Kind.VALUE, f"{field} of at least {before}, as before", field=field)

    def _check_seq(self, found: Found, name: str, seq: int) -> None:
        last = self._seqs.get(name)
        if seq == 0:
            raise found.broken("MSG-1", Kind.VALUE, "a seq from 1 on", field="seq", right=1)
        head = self._heads.get(name)
        if last is None and head is not None and seq > head + 1:
            wanted = f"seq {head + 1} in {name}, after head {head}"
            raise found.broken("MSG-10", Kind.VALUE, wanted, field="seq", right=head + 1)
        if last is None or seq == last + 1:
            return
        lost = seq > last and (self._log(name), last + 1) not in self._shared.facts
        clause = "MSG-1" if lost else "MSG-4"
        wanted = f"seq {last + 1} in {name}, after {last}"
        raise found.broken(clause, Kind.VALUE, wanted, field="seq", right=last + 1)

    def _log(self, conversation: str) -> str:
        """One name for one log: a direct conversation has two names on the wire."""
        if conversation.startswith("@"):
            return "@" + " ".join(sorted({conversation[1:], self.handle}))
        return conversation

    def _check_fact(self, found: Found, name: str, seq: int, fact: Fact, *, from_ack: bool) -> None:
        kept = found if len(found.octets) <= FRAME_KEPT else None
        first = self._shared.facts.setdefault((self._log(name), seq), Told(fact, kept, from_ack))
        if first.fact == fact:
            return
        differing = [field for field in Fact._fields if getattr(first.fact, field) != getattr(fact, field)]
        clause = _ONE_DIFFERENCE.get(differing[0], "MSG-5") if len(differing) == 1 else "MSG-6"
        if from_ack and "timestamp" not in differing:  # the ACK has no part in it: MESSAGE differs from what was sent
            found, right, by_ack = first.frame or found, fact, True
        else:
            right, by_ack = first.fact, first.by_ack
        source = ("its ACK" if "timestamp" in differing else "its SEND") if by_ack else "the MESSAGE before"
        shown = ", ".join(f"{field} {getattr(right, field)!r}" for field in differing)
        field = differing[0]
        value = getattr(right, field) if field != "text" or len(right.text) <= TEXT_KEPT else None
        wanted = f"for {name} seq {seq} {shown}, as in {source}"
        raise found.broken(clause, Kind.VALUE, wanted, field=field, right=value)


def _short(text: str) -> str:
    """A text as it is kept and shown; a long one is known by its beginning and a digest."""
    if len(text) <= TEXT_KEPT:
        return text
    octets = text.encode()
    return f"{text[:TEXT_KEPT]}… ({len(octets)} octets, CRC {zlib.crc32(octets):08x})"
