"""What the hub asks of a store, as data; what comes back; and the interface of a store.

The hub never calls a store. It collects operations; the shell hands them to `Store.commit`, in order, on whatever
thread suits the store, and gives the results back. So an append is asynchronous to the connection that asked for
it: its seq is known only when the result comes, and a store may commit many at once.

    operation       result (or the ErrorCode that refuses it)
    Append          Stored, or Duplicate
    Join            Joined
    Leave           Left
    Mark            None
    Settle          Settled
    FindPage        Page
    Read            tuple[Stored, ...]
    Conversations   Listing[Summary]
    Rooms           Listing[Room]
    Members         Listing[Person]
    FindPerson      Person
    Enter           Entered
    Exit            None
    Credentials     ScramKeys | None

In here: operations, results, the interface. Conversations are named by their keys (`causerie.store.keys`);
times are ms since the Unix epoch. Not in here: what the operations do (`archive`), who is online, who is told what
(`causerie.core`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, NamedTuple, Protocol, TypeVar

from causerie_spec.codes import ErrorCode

Item = TypeVar("Item")


@dataclass(slots=True)  # not frozen: that would take seven times as long to make, and there is one for each SEND
class Append:
    """Put a message into a log."""

    conversation: str
    sender: str
    """Handle."""
    txn: int
    """The sender's number of this message, not 0."""
    kind: int
    """0 to 127."""
    text: str
    unless: ErrorCode | None = None
    """Refuse with this, unless the txn is one that the store remembers: txn memory is looked up first [ERR-7]."""

    octets: int = field(init=False, repr=False)
    """What it holds, and what a reader of it gets; about, and rather too much."""

    def __post_init__(self) -> None:
        self.octets = 128 + (len(self.text) if self.text.isascii() else 4 * len(self.text))


class Stored(NamedTuple):
    """A message of a log: MESSAGE's fields, but the conversation."""

    seq: int
    """Its number, from 1 [MSG-1]."""
    timestamp: int
    """Never falls in a log [MSG-2]."""
    sender: str
    txn: int
    kind: int
    text: str


@dataclass(frozen=True, slots=True)
class Duplicate:
    """The message was in its log already [TXN-1]."""

    message: Stored


@dataclass(frozen=True, slots=True)
class Summary:
    """What a member sees of a conversation: CONVERSATION's fields. (The members of `#lobby` are known to the hub.)"""

    conversation: str
    first: int
    head: int
    members: int
    delivered: int
    read: int
    all_delivered: int
    all_read: int


@dataclass(frozen=True, slots=True)
class Join:
    """Make a handle a member of a room [ROOM-1]."""

    conversation: str
    handle: str


@dataclass(frozen=True, slots=True)
class Joined:
    """It is one."""

    summary: Summary
    message: Stored | None
    """JOINED, in the room's log; None: it was a member already [ROOM-4]."""


@dataclass(frozen=True, slots=True)
class Leave:
    """End a handle's membership of a room [ROOM-5]."""

    conversation: str
    handle: str


@dataclass(frozen=True, slots=True)
class Left:
    """It is ended."""

    message: Stored
    """LEFT, in the room's log."""


@dataclass(frozen=True, slots=True)
class Mark:
    """Move a member's own cursors forward [MARK-1]."""

    conversation: str
    handle: str
    delivered: int
    read: int


@dataclass(frozen=True, slots=True)
class Settle:
    """Tell which members' snapshots changed since this was asked last [MARK-5].

    The hub asks after every run of operations whose effects are told together.
    """


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A member's cursors, and the lowest over all members: RECEIPT's fields."""

    conversation: str
    handle: str
    delivered: int
    read: int
    all_delivered: int
    all_read: int


@dataclass(frozen=True, slots=True)
class Settled:
    """What changed."""

    snapshots: tuple[Snapshot, ...]


@dataclass(frozen=True, slots=True)
class FindPage:
    """Which messages does a HISTORY answer hold [HIST-1, HIST-2]?"""

    conversation: str
    handle: str
    """Who asks: a member."""
    before: bool
    """The last ones below the anchor, not the first ones above it."""
    anchor: int
    limit: int
    """At most 256."""


@dataclass(frozen=True, slots=True)
class Page:
    """The messages from `first` to `last`, both included; none if `last` is lower."""

    first: int
    last: int
    more: bool
    """Are there more in that direction [HIST-3]?"""


@dataclass(frozen=True, slots=True)
class Read:
    """Read a piece of a log: from `first` on, not beyond `last`, as many as make about `octets`; at least one."""

    conversation: str
    first: int
    last: int
    octets: int


@dataclass(frozen=True, slots=True)
class Conversations:
    """A handle's conversations [LIST-2], in the order of the names by which it calls them."""

    handle: str
    after: str
    """A name; those above it are listed."""
    limit: int


@dataclass(frozen=True, slots=True)
class Rooms:
    """The rooms that have members, in order; without `#lobby` [ROOM-10]."""

    after: str
    limit: int


@dataclass(frozen=True, slots=True)
class Room:
    """A room of the list."""

    conversation: str
    members: int


@dataclass(frozen=True, slots=True)
class Members:
    """The members of a room, online or not, in order [WHO-1]."""

    conversation: str
    handle: str
    """Who asks: a member."""
    after: str
    limit: int


@dataclass(frozen=True, slots=True)
class FindPerson:
    """What is known of a handle; NO_SUCH_CONVERSATION if it never logged in and has no account [WHO-1]."""

    handle: str


@dataclass(frozen=True, slots=True)
class Person:
    """What the store knows of a handle; of somebody online the hub knows better."""

    handle: str
    display: str
    last_seen: int
    """The last logout; 0 unknown [WHO-5]."""


@dataclass(frozen=True, slots=True)
class Listing(Generic[Item]):
    """A part of a list."""

    items: tuple[Item, ...]
    more: bool
    """Are there more behind it?"""


@dataclass(frozen=True, slots=True)
class Enter:
    """A login: bind the handle to a token unless it is bound already [TOKEN-2, TOKEN-9].

    HANDLE_TAKEN if it is bound to another token, or has an account.
    """

    handle: str
    digest: bytes | None
    """SHA-256 of the token [TOKEN-7]; None: the handle's password was proved."""
    display: str
    unless: ErrorCode | None = None
    """Refuse a handle that is free with this."""


@dataclass(frozen=True, slots=True)
class Entered:
    """The login is done."""

    rooms: tuple[str, ...]
    """Those of which the handle is a member."""
    new: bool = False
    """The handle was free until now, and is bound to the token."""


@dataclass(frozen=True, slots=True)
class Exit:
    """The handle went offline: a store without history forgets its token [TOKEN-4]."""

    handle: str
    last_seen: int


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a password is checked with."""

    handle: str


@dataclass(frozen=True, slots=True)
class ScramKeys:
    """What RFC 5802, section 3 has a server keep of a password."""

    salt: bytes
    stored_key: bytes
    server_key: bytes
    iterations: int


Operation = (
    Append
    | Join
    | Leave
    | Mark
    | Settle
    | FindPage
    | Read
    | Conversations
    | Rooms
    | Members
    | FindPerson
    | Enter
    | Exit
    | Credentials
)
Result = (
    Stored
    | Duplicate
    | Joined
    | Left
    | Settled
    | Page
    | tuple[Stored, ...]
    | Listing[Summary]
    | Listing[Room]
    | Listing[Person]
    | Person
    | Entered
    | ScramKeys
    | ErrorCode
    | None
)


class Store(Protocol):
    """A place for logs, memberships, cursors, reservations and accounts."""

    @property
    def name(self) -> str:
        """For people, such as `memory`."""

    @property
    def epoch(self) -> int:
        """Changes whenever a log may have been reset or rolled back [HELLO-7]; a u64."""

    @property
    def capabilities(self) -> frozenset[str]:
        """Capabilities that need this store's help and have it: history, durable."""

    @property
    def secret(self) -> bytes:
        """32 random octets, the same as long as the accounts last: for salts of users that there are not [SCRAM-4]."""

    def commit(self, operations: Sequence[Operation]) -> list[Result]:
        """Do all of them, in order, and return a result for each, which is as safe as the store makes things.

        What it raises is answered ERROR INTERNAL, to each of them [LOAD-10]; then none of them took effect.
        """

    def close(self) -> None:
        """Give back what it holds. Nothing that was committed is lost without it."""


class Accounts(Protocol):
    """The accounts of a store. `Store.commit` sees a change at the next login."""

    def accounts(self) -> Mapping[str, ScramKeys]:
        """All, by handle."""

    def put_account(self, handle: str, keys: ScramKeys) -> None:
        """Add one, or give it another password. From now on the handle refuses TOKEN [TOKEN-9]."""

    def remove_account(self, handle: str) -> bool:
        """Remove one; its messages stay, and so does the handle, which nobody can log in with until it gets an account
        again. Returns whether there was one."""
