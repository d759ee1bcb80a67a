"""What a client shows, as data: conversations, their entries, people, the connection, and what changed.

In here: plain dataclasses and pure functions over them. Views read these and nothing else. Strings are as received:
a view makes them safe before it shows them (`visible`) [CLIENT-7]. Times are milliseconds since the Unix epoch, UTC.
Not in here: how they come to be (`session`), how they are kept (`local_store`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from causerie.core.client import Ending, SendState
from causerie_spec.codes import LOBBY, Kind

Place = tuple[int, int]
"""Where an entry stands in its conversation: (era, seq). Eras count the epochs of the server's numbers that this
client has seen, from 0; what waits in the outbox stands in `WAITING`, in the order in which it was written."""
WAITING: Final = 1 << 62
"""The era of the outbox: behind everything that is in a log."""


class Tick(Enum):
    """How far a message of one's own has come."""

    PENDING = "pending"
    """Saved here; not known to be in the server's log."""
    SENT = "sent"
    """In the server's log."""
    DELIVERED = "delivered"
    """Every member has received it."""
    READ = "read"
    """Every member has read it."""
    UNCONFIRMED = "unconfirmed"
    """Nobody knows whether it arrived; it is not sent again by itself [CLIENT-9]."""
    FAILED = "failed"
    """The server refused it."""


OUTBOX_TICKS: Final = {
    SendState.PENDING: Tick.PENDING,
    SendState.IN_FLIGHT: Tick.PENDING,
    SendState.DOUBTFUL: Tick.PENDING,
    SendState.SENT: Tick.SENT,
    SendState.UNCONFIRMED: Tick.UNCONFIRMED,
    SendState.FAILED: Tick.FAILED,
}


@dataclass(frozen=True, slots=True)
class Entry:
    """One row of a conversation: a message, a message that waits to go out, or a gap.

    ``timestamp`` is the server's, or, while it waits, when it was written. ``state`` is None for what is in the log.
    ``reason`` says why it failed, for people. ``missing`` above 0 makes it a gap: so many messages cannot be had.
    """

    conversation: str
    place: Place
    timestamp: int
    sender: str
    kind: int
    text: str
    txn: int = 0
    mine: bool = False
    state: SendState | None = None
    reason: str = ""
    missing: int = 0

    @property
    def waits(self) -> bool:
        """Is it in the outbox, and not in the log?"""
        return self.place[0] == WAITING

    @property
    def notice(self) -> bool:
        """Is it no message that somebody wrote, but JOINED, LEFT or a gap?"""
        return self.missing > 0 or self.kind in (Kind.JOINED, Kind.LEFT)


@dataclass(slots=True)
class Chat:
    """A conversation, as the list of them shows it.

    ``shown`` is the highest seq kept, ``read`` the highest that the user has read, on any device, both of the current
    ``era``; ``seen`` is the last place that was before the user's eyes on this one. ``unread`` counts messages of
    others above it, ``mentions`` those that name the user. ``all_delivered`` and ``all_read`` are as the server told
    them. ``typing`` are the handles that write just now, in order. ``listed`` says that the server counts the user
    among the members.
    """

    name: str
    era: int = 0
    shown: int = 0
    read: int = 0
    all_delivered: int = 0
    all_read: int = 0
    members: int = 0
    seen: Place = (0, 0)
    unread: int = 0
    mentions: int = 0
    last: Entry | None = None
    typing: tuple[str, ...] = ()
    listed: bool = False

    @property
    def end(self) -> Place:
        """The place of the last row kept."""
        return self.era, self.shown

    @property
    def news(self) -> bool:
        """Is there anything that the user has yet to see here, or to read?"""
        return self.unread > 0 or self.shown > self.read or self.end > self.seen

    @property
    def lobby(self) -> bool:
        """Is it the one that everybody is in?"""
        return self.name == LOBBY

    @property
    def direct(self) -> bool:
        """Is it with one person?"""
        return self.name.startswith("@")

    @property
    def bare(self) -> str:
        """The name without its sign."""
        return self.name[1:]

    def tick(self, entry: Entry) -> Tick | None:
        """How far that entry has come; None for what the user did not write."""
        if not entry.mine or entry.notice:
            return None
        if entry.state is not None:
            return OUTBOX_TICKS[entry.state]
        era, seq = entry.place
        if era != self.era:
            return Tick.SENT
        return Tick.READ if seq <= self.all_read else Tick.DELIVERED if seq <= self.all_delivered else Tick.SENT


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody; ``last_seen`` is the last logout, 0 if it is not known, now if ``online``."""

    handle: str
    display: str
    online: bool
    last_seen: int


class Link(Enum):
    """The connection, as a user sees it."""

    CONNECTING = "connecting"
    ONLINE = "online"
    OFFLINE = "offline"
    """There is none; the next try has its time."""
    STOPPED = "stopped"
    """There is none, and there will be none."""


@dataclass(slots=True)
class Status:
    """How it stands with the server.

    ``ending`` says why there is no connection; ``retry_at`` when the next try is, in monotonic seconds.
    ``waiting`` counts messages that are not known to be in the log. ``capabilities`` are the server's.
    """

    link: Link = Link.CONNECTING
    been_online: bool = False
    ending: Ending | None = None
    retry_at: float | None = None
    waiting: int = 0
    capabilities: frozenset[str] = frozenset()
    agent: str = ""


# What changed: `Session.take` returns these, in order, and the model has changed already when it does.


@dataclass(frozen=True, slots=True)
class Change:
    """Base of all changes."""


@dataclass(frozen=True, slots=True)
class StatusChanged(Change):
    """The connection came or went: `Session.status`. ``again``: it came back; ``new_epoch``: without its memory.

    ``link`` and ``ending`` are as they were then, `Session.status` as it is after all changes of one take;
    ``retry_in`` is in seconds.
    """

    again: bool = False
    new_epoch: bool = False
    link: Link = Link.CONNECTING
    ending: Ending | None = None
    retry_in: float = 0.0


@dataclass(frozen=True, slots=True)
class EntryAdded(Change):
    """An entry stands at the end of its conversation, in the log or in the outbox.

    ``replaces`` is the place in the outbox that it leaves: what was waiting is now in the log. ``news`` says that
    somebody else wrote it just now, ``mention`` that it names the user.
    """

    entry: Entry
    replaces: Place | None = None
    news: bool = False
    mention: bool = False


@dataclass(frozen=True, slots=True)
class EntryChanged(Change):
    """An entry of the outbox has another state."""

    entry: Entry


@dataclass(frozen=True, slots=True)
class EntryRemoved(Change):
    """An entry of the outbox is gone: the user withdrew it."""

    entry: Entry


@dataclass(frozen=True, slots=True)
class ChatChanged(Change):
    """Unread counts, last entry, members, cursors (so: ticks) of a conversation; or it is new, or no longer there."""

    name: str


@dataclass(frozen=True, slots=True)
class TypingChanged(Change):
    """Who writes in a conversation: `Chat.typing`."""

    name: str


@dataclass(frozen=True, slots=True)
class PageCame(Change):
    """The answer to `Session.older`: ``count`` older entries are kept now; ``refused`` says why there are none."""

    name: str
    count: int
    refused: str = ""


@dataclass(frozen=True, slots=True)
class PersonChanged(Change):
    """Somebody came, went, or became known: `Session.people`."""

    handle: str


@dataclass(frozen=True, slots=True)
class RoomsCame(Change):
    """The answer to `Session.list_rooms`: names with their sign and how many members each has."""

    rooms: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class PeopleCame(Change):
    """The answer to `Session.list_people`."""

    name: str
    people: tuple[Person, ...]


@dataclass(frozen=True, slots=True)
class Joined(Change):
    """The user wanted to be in a room, and is."""

    name: str
    members: int


@dataclass(frozen=True, slots=True)
class Left(Change):
    """The user wanted to be out of a room, and is."""

    name: str


@dataclass(frozen=True, slots=True)
class Refused(Change):
    """The server refused something that the user wanted; ``reason`` is for people. ``verb``: join, leave, list."""

    name: str
    verb: str
    code: int
    reason: str


@dataclass(frozen=True, slots=True)
class KeepingFailed(Change):
    """The disk took nothing more: what happens from now on is forgotten at the end. ``reason`` is the system's."""

    reason: str


@dataclass(frozen=True, slots=True)
class Ended(Change):
    """The last change: the session is over. ``unsent`` and ``unconfirmed`` count messages, which are kept."""

    ending: Ending
    unsent: int
    unconfirmed: int


@dataclass(slots=True)
class People:
    """Everybody of whom anything is known, by handle."""

    known: dict[str, Person] = field(default_factory=dict)

    def display(self, handle: str) -> str:
        """The name that somebody goes by; the handle, if no other is known."""
        person = self.known.get(handle)
        return person.display if person is not None and person.display else handle

    def online(self, handle: str) -> bool | None:
        """Is that person online? None if it is not known."""
        person = self.known.get(handle)
        return None if person is None else person.online
