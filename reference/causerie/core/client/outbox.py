"""What the user wrote and the server has not confirmed.

In here: the entries, their states as a literal table, and the order in which they go out. Nothing here is
told to the server or the user: `client` does both.

The rules:

* An entry goes out in the order in which it was written, those that go out again before those that never did.
* It is confirmed by its ACK or by its own MESSAGE, whichever comes first: no order between them is relied on,
  and a message is known as one's own by its txn [MSG-11].
* When the connection is lost, what was handed to it and not confirmed is *doubtful*. It is sent again, with
  the same txn, kind and text, only to a server with ``history`` and with the epoch under which it was
  sent; otherwise it is *unconfirmed*, and never sent again [CLIENT-9].
* A pair (state, happening) that the table does not have is a bug here, and raises `LocalProtocolError`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Final

from causerie.core.client.backoff import Randomness
from causerie.core.client.errors import LocalProtocolError
from causerie_spec.messages import Send


class SendState(Enum):
    """Where a written message stands."""

    PENDING = "pending"
    """Never handed to a connection."""
    IN_FLIGHT = "in flight"
    """Handed to the connection that is up, not confirmed yet."""
    DOUBTFUL = "doubtful"
    """Handed to a connection that was lost: it may or may not have arrived. What becomes of it is decided at
    the next login."""
    SENT = "sent"
    """In the server's log."""
    UNCONFIRMED = "unconfirmed"
    """It may or may not have arrived, and will not be sent again."""
    FAILED = "failed"
    """The server refused it."""


class Happening(Enum):
    """What can happen to a written message."""

    HANDED = "handed to the connection"
    CONFIRMED = "ACK or its own MESSAGE came"
    REFUSED = "ERROR came"
    LOST = "the connection was lost"
    ABANDONED = "it must not be sent again"


_S, _H = SendState, Happening
TABLE: Final[dict[SendState, dict[Happening, SendState]]] = {
    _S.PENDING: {_H.HANDED: _S.IN_FLIGHT},
    _S.IN_FLIGHT: {_H.CONFIRMED: _S.SENT, _H.REFUSED: _S.FAILED, _H.LOST: _S.DOUBTFUL},
    _S.DOUBTFUL: {_H.HANDED: _S.IN_FLIGHT, _H.CONFIRMED: _S.SENT, _H.ABANDONED: _S.UNCONFIRMED},
    # A SEND that crawled through a dying connection can still come back as a MESSAGE on the next one.
    _S.UNCONFIRMED: {_H.CONFIRMED: _S.SENT},
    _S.SENT: {},
    _S.FAILED: {},
}


@dataclass(slots=True)
class Entry:
    """One written message; ``epoch`` is the server's when it was last handed over, None before.

    ``repeatable`` says whether that server remembers txns (has ``history``).
    """

    txn: int
    conversation: str
    kind: int
    text: str
    state: SendState = SendState.PENDING
    epoch: int | None = None
    repeatable: bool = False

    @property
    def frame(self) -> Send:
        """The SEND that carries it, the same each time [CLIENT-9]."""
        return Send(self.conversation, self.txn, self.kind, self.text)


class Outbox:
    """All entries that are not settled, in the order in which they were written."""

    __slots__ = ("_entries", "_randomness", "_unconfirmed", "_waiting")

    def __init__(self, randomness: Randomness) -> None:
        self._randomness = randomness
        self._entries: dict[int, Entry] = {}
        self._waiting: dict[int, Entry] = {}  # PENDING, or DOUBTFUL and to go out again; in order
        self._unconfirmed = 0

    def __iter__(self) -> Iterator[Entry]:
        return iter(tuple(self._entries.values()))

    def get(self, txn: int) -> Entry | None:
        """The entry of that txn, None if it is settled or was never here."""
        return self._entries.get(txn)

    def write(self, conversation: str, kind: int, text: str) -> Entry:
        """A new entry with a random txn from 1 to 2⁶⁴-1 [SEND-9]."""
        txn = 0
        while txn == 0 or txn in self._entries:
            txn = self._randomness.getrandbits(64)
        entry = self._entries[txn] = self._waiting[txn] = Entry(txn, conversation, kind, text)
        return entry

    def restore(self, entries: Iterable[Entry]) -> None:
        """Take up what an earlier run kept, before anything is written."""
        for entry in entries:
            self._entries[entry.txn] = entry
            if entry.state is SendState.PENDING:
                self._waiting[entry.txn] = entry
            elif entry.state is SendState.UNCONFIRMED:
                self._unconfirmed += 1

    def withdraw(self, txn: int) -> bool:
        """Forget an entry that is not sent again anyway; False for one that may be, or that is not here."""
        entry = self._entries.get(txn)
        if entry is None or entry.state is not SendState.UNCONFIRMED:
            return False
        del self._entries[txn]
        self._unconfirmed -= 1
        return True

    def next_to_send(self) -> Entry | None:
        """The entry that goes out next, None if none waits."""
        return next(iter(self._waiting.values()), None)

    def waits_for(self, conversation: str) -> bool:
        """Does anything wait to go out to that conversation?"""
        return any(entry.conversation == conversation for entry in self._waiting.values())

    @property
    def unsettled(self) -> int:
        """How many entries wait to go out or for their confirmation."""
        return len(self._entries) - self._unconfirmed

    @property
    def unconfirmed(self) -> int:
        """How many are unconfirmed."""
        return self._unconfirmed

    def move(self, entry: Entry, happening: Happening) -> SendState:
        """Apply what happened, by the table; settled entries leave the outbox.

        Raises `LocalProtocolError` for a pair that the table does not have.
        """
        before = entry.state
        try:
            entry.state = TABLE[before][happening]
        except KeyError:
            raise LocalProtocolError(f"a {before.value} message cannot be: {happening.value}") from None
        self._unconfirmed += (entry.state is SendState.UNCONFIRMED) - (before is SendState.UNCONFIRMED)
        self._waiting.pop(entry.txn, None)
        if not TABLE[entry.state]:
            del self._entries[entry.txn]
        return entry.state

    def lose(self) -> list[Entry]:
        """The connection was lost: those in flight become doubtful. Returns those that must be abandoned.

        A server without ``history`` cannot be asked again, whatever it says next time [CLIENT-9].
        """
        lost = [entry for entry in self if entry.state is SendState.IN_FLIGHT]
        for entry in lost:
            self.move(entry, Happening.LOST)
        return [entry for entry in lost if not entry.repeatable]

    def settle(self, *, history: bool, epoch: int) -> list[Entry]:
        """Logged in again: queue the doubtful ones that may be sent again. Returns those that must not."""
        again: dict[int, Entry] = {}
        never: list[Entry] = []
        for entry in self:
            if entry.state is SendState.DOUBTFUL:
                if history and entry.repeatable and entry.epoch == epoch:
                    again[entry.txn] = entry
                else:
                    never.append(entry)
        self._waiting = again | self._waiting
        return never
