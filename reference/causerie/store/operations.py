"""What the hub asks of a store, as data, and the interface of a store.

The hub never calls a store. It collects operations; the shell hands them to `Store.commit`, in order, on whatever
thread suits the store, and gives the results back. So an append is asynchronous to the connection that asked for
it: its seq is known only when the result comes, and a store may commit many at once, or serve several hubs.

In here: operations, results, the interface. Not in here: who is online, who is told what (`causerie.core`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from causerie_spec.codes import ErrorCode


@dataclass(frozen=True, slots=True)
class Append:
    """Put a message into a log. Result: `Appended`, or the `ErrorCode` that refuses it."""

    conversation: str
    """Key of the log, as in `causerie.core.conversations`."""
    sender: str
    """Handle."""
    txn: int
    """The sender's number of this message, not 0."""
    kind: int
    """0 to 127."""
    text: str
    unless: ErrorCode | None
    """Refuse with this, unless the txn is one that the store remembers: txn memory is looked up first [ERR-7]."""

    @property
    def octets(self) -> int:
        """What it holds, and what a reader of it gets; about, and rather too much."""
        return 128 + (len(self.text) if self.text.isascii() else 4 * len(self.text))


@dataclass(frozen=True, slots=True)
class Appended:
    """A message is in its log."""

    seq: int
    """Its number, from 1 [MSG-1]."""
    timestamp: int
    """Ms since the Unix epoch; never falls in a log [MSG-2]."""
    duplicate: bool = False
    """It was there already [TXN-1]."""


@dataclass(frozen=True, slots=True)
class Reserve:
    """Bind a handle to a token unless it is bound to another [TOKEN-2]. Result: bool, does it belong to this token?

    Or the `ErrorCode` that refuses it.
    """

    handle: str
    digest: bytes
    """SHA-256 of the token [TOKEN-7]."""


@dataclass(frozen=True, slots=True)
class Release:
    """The handle went offline: a store without history forgets its token. Result: None."""

    handle: str


Operation = Append | Reserve | Release
Result = Appended | ErrorCode | bool | None


class Store(Protocol):
    """A place for logs and reservations."""

    @property
    def name(self) -> str:
        """For people, such as `memory`."""

    @property
    def epoch(self) -> int:
        """Changes whenever a log may have been reset or rolled back [HELLO-7]; a u64."""

    @property
    def capabilities(self) -> frozenset[str]:
        """Capabilities that need this store's help and have it: history, durable."""

    def commit(self, operations: Sequence[Operation]) -> list[Result]:
        """Do all of them, in order, and return a result for each, which is as safe as the store makes things.

        What it raises is answered ERROR INTERNAL, to each of them [LOAD-10].
        """
