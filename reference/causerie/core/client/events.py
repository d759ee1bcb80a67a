"""What the client core tells its shell: the only thing a shell shows.

In here: frozen dataclasses. Strings in them are as received and must be made safe before they are shown
[CLIENT-7]; times of messages are in milliseconds since the Unix epoch, UTC. Not in here: frames.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from causerie.core.client.endings import Ending
from causerie.core.client.outbox import SendState
from causerie.core.client.timeline import Gap
from causerie_spec.messages import ChatMessage


@dataclass(frozen=True, slots=True)
class Event:
    """Base of all events."""


@dataclass(frozen=True, slots=True)
class Connecting(Event):
    """A connection is being made; ``attempt`` counts from 1 since the last login."""

    attempt: int


@dataclass(frozen=True, slots=True)
class Connected(Event):
    """A Causerie server greeted; the login is under way.

    ``keepalive`` is in force, in seconds; ``server_time`` is its clock in ms.
    """

    agent: str
    capabilities: frozenset[str]
    keepalive: int
    server_time: int


@dataclass(frozen=True, slots=True)
class LoggedIn(Event):
    """Login is complete: messages come and go.

    ``again`` says that it is not the first time, ``new_epoch`` that the server's numbers began anew since. ``epoch`` is
    the server's.
    """

    handle: str
    display: str
    again: bool
    new_epoch: bool
    epoch: int = 0


@dataclass(frozen=True, slots=True)
class Disconnected(Event):
    """The connection, or an attempt at one, ended; the next try is in ``retry_in`` seconds."""

    ending: Ending
    retry_in: float


@dataclass(frozen=True, slots=True)
class MessageQueued(Event):
    """The user's message is in the outbox; `MessageState` tells what becomes of it."""

    txn: int
    conversation: str
    kind: int
    text: str


@dataclass(frozen=True, slots=True)
class MessageState(Event):
    """A message of the outbox changed its state. ``code`` and ``detail`` say why, where an ERROR did it.

    ``epoch`` is the server's when it was handed over, None before, and ``repeatable`` says whether that server
    remembers txns. ``seq`` and ``timestamp`` are the ACK's, 0 without one.
    """

    txn: int
    conversation: str
    kind: int
    text: str
    state: SendState
    code: int | None = None
    detail: str = ""
    epoch: int | None = None
    repeatable: bool = False
    seq: int = 0
    timestamp: int = 0


@dataclass(frozen=True, slots=True)
class MessageWithdrawn(Event):
    """A message of the user that failed, or is unconfirmed, is not wanted any more."""

    txn: int


@dataclass(frozen=True, slots=True)
class MessageShown(Event):
    """A message to show, once and in order [CLIENT-6]. ``mine``: this handle wrote it (here or elsewhere)."""

    conversation: str
    seq: int
    timestamp: int
    sender: str
    kind: int
    text: str
    txn: int
    mine: bool


@dataclass(frozen=True, slots=True)
class MessagesMissed(Event):
    """Messages are missing and cannot be had: the server has no history, or no longer these."""

    gap: Gap


@dataclass(frozen=True, slots=True)
class RoomJoined(Event):
    """The user wanted to be in a room, and is; it has ``members`` members."""

    conversation: str
    members: int


@dataclass(frozen=True, slots=True)
class RoomLeft(Event):
    """The user wanted to be out of a room, and is."""

    conversation: str


@dataclass(frozen=True, slots=True)
class RoomRefused(Event):
    """The server refused it: to join (``joining``) or to leave. ``code`` and ``detail`` are the ERROR's."""

    conversation: str
    joining: bool
    code: int
    detail: str


@dataclass(frozen=True, slots=True)
class ConversationTold(Event):
    """The server told of a conversation: its log, and the user's place in it (section 8.2: CONVERSATION).

    ``begin`` is where this client's part of it begins: messages above it are shown, those up to it are history.
    """

    conversation: str
    first: int
    head: int
    members: int
    delivered: int
    read: int
    all_delivered: int
    all_read: int
    begin: int


@dataclass(frozen=True, slots=True)
class AllTold(Event):
    """The server has told of all conversations, for the first time in this epoch: another one is new."""


@dataclass(frozen=True, slots=True)
class ReceiptTold(Event):
    """The server told how far the user is, here or on another device, and how far everybody is (RECEIPT)."""

    conversation: str
    delivered: int
    read: int
    all_delivered: int
    all_read: int


@dataclass(frozen=True, slots=True)
class WritingChanged(Event):
    """These handles are writing there just now."""

    conversation: str
    handles: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PersonSeen(Event):
    """Somebody is ``online``, or was last at ``last_seen`` (ms since the Unix epoch; 0 unknown)."""

    handle: str
    display: str
    online: bool
    last_seen: int


class Verb(Enum):
    """What the user can ask for once."""

    ROOMS = "rooms"
    PEOPLE = "people"
    OLDER = "older"


@dataclass(frozen=True, slots=True)
class RoomsListed(Event):
    """The rooms that there are, with how many members each has."""

    rooms: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class PeopleListed(Event):
    """Who is there."""

    conversation: str
    people: tuple[PersonSeen, ...]


@dataclass(frozen=True, slots=True)
class OlderCame(Event):
    """The last messages with a seq below ``before``, ascending; none: there are none."""

    conversation: str
    before: int
    messages: tuple[ChatMessage, ...]


@dataclass(frozen=True, slots=True)
class AskRefused(Event):
    """A question of the user got no answer: the ERROR's ``code`` and ``detail``; 0: the connection was lost."""

    verb: Verb
    conversation: str
    code: int
    detail: str


@dataclass(frozen=True, slots=True)
class Stopped(Event):
    """The last event: nothing more happens by itself.

    ``unsent`` counts messages that never left, ``unconfirmed`` those of which nobody knows.
    """

    ending: Ending
    unsent: int
    unconfirmed: int
