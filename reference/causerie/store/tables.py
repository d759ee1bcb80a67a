"""Where an archive keeps things: the interface of its tables.

In here: rows that are found, written and counted, and no decision. `memory` and `sqlite` implement it. Tables may
raise whatever their medium raises; the store that owns them undoes the batch then.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from causerie.store.conversation import Conversation, Cursors
from causerie.store.operations import Room, ScramKeys, Stored


@dataclass(slots=True)
class PersonRow:
    """A handle that ever logged in, or has an account."""

    handle: str
    digest: bytes | None
    """Of its token; None: it has none."""
    display: str
    last_seen: int
    """Ms since the Unix epoch; 0 unknown."""


class Tables(Protocol):
    """Rows of an archive."""

    def conversation(self, key: str) -> Conversation | None:
        """A conversation, with its members' cursors (but those of `#lobby`)."""

    def save(self, conversation: Conversation) -> None:
        """Keep its numbers; the first time, make its row."""

    def lobby_cursors(self, lobby: Conversation, handle: str) -> Cursors | None:
        """A handle's cursors in `#lobby`."""

    def save_cursors(self, conversation: Conversation, handle: str, cursors: Cursors) -> None:
        """Keep a member's cursors; the first time, make it a member."""

    def remove_cursors(self, conversation: Conversation, handle: str) -> None:
        """It is no member any more."""

    def memberships(self, handle: str, after: str, limit: int) -> Sequence[str]:
        """The keys of the conversations that a handle has cursors in, by its names for them, those above *after*."""

    def rooms_of(self, handle: str) -> Sequence[str]:
        """The rooms that a handle is a member of, without `#lobby`."""

    def rooms(self, after: str, limit: int) -> Sequence[Room]:
        """The rooms that have members, above *after*, in order, without `#lobby`."""

    def append(self, conversation: Conversation, message: Stored) -> None:
        """Put a message into a log."""

    def find_txn(self, conversation: Conversation, sender: str, txn: int) -> Stored | None:
        """The message that a sender gave that number."""

    def read(self, conversation: Conversation, first: int, last: int) -> Iterable[Stored]:
        """Messages in the order of seq."""

    def sizes(self, conversation: Conversation, first: int, last: int, backwards: bool) -> Iterable[int]:
        """Octets of the texts of these messages, in the order of seq or against it."""

    def timestamp(self, conversation: Conversation, seq: int) -> int:
        """When a message that can be read was stored."""

    def first_since(self, conversation: Conversation, time: int) -> int:
        """The lowest readable seq with that timestamp or a higher one; head + 1 if there is none."""

    def older_than(self, time: int, limit: int) -> Sequence[str]:
        """Keys of conversations whose oldest message is older."""

    def remove_below(self, conversation: Conversation, seq: int) -> None:
        """Forget messages, and their txns."""

    def person(self, handle: str) -> PersonRow | None:
        """A handle."""

    def save_person(self, person: PersonRow) -> None:
        """Keep it."""

    def remove_person(self, handle: str) -> None:
        """Forget it, if it is known."""

    def account(self, handle: str) -> ScramKeys | None:
        """What its password is checked with."""
