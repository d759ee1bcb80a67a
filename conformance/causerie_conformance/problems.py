"""What can go wrong in a case, as exceptions; each says what was expected and what came.

    Interrupted
    ├── Problem            the server did something else than the clause demands
    │   ├── Violation      found passively, in a frame that came while the case was about something else
    │   └── HandshakeFailed  there is a server, but no TLS with it
    ├── NotOffered         the server does not have the capability that the case is about
    ├── NotJudged          the case could not be judged here; the reason says how to make it judgeable
    └── Blocked            a step on the way does not work, as other cases have shown

In here: these exceptions and the kinds of end. Not in here: anything that does I/O, and wording of reports.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from causerie_conformance.transcript import Transcript


class Kind(str, Enum):
    """How what came differs from what was expected. Values are stable: reports contain them."""

    TIMEOUT = "timeout"
    """Nothing came in time."""
    FIN = "end of stream"
    """The server closed its side in order (FIN)."""
    RST = "reset"
    """The connection was reset (RST)."""
    UNEXPECTED = "unexpected frame"
    """A frame came that does not belong there."""
    VALUE = "wrong value"
    """The right frame came, with a wrong value in it."""
    EXTRA = "one too many"
    """Something came where nothing should."""
    UNDECODABLE = "undecodable"
    """Octets came that are no frame of this protocol."""
    REFUSED = "refused"
    """A connection could not be made."""
    SUITE = "error in the suite"
    """The case itself failed: a fault of the suite, or its last time limit."""


class Interrupted(Exception):  # not each of them is an error
    """Base of all that ends a case before its end."""


class Problem(Interrupted):
    """The server did something else than it should.

    ``clause`` is the id of the clause that was broken, None for the one that the case is about. ``octets`` is
    the offending frame as it came, ``offset`` its first wrong octet, if known; ``should`` is the frame as it should
    be, empty if that is not one thing. ``peer`` is the connection on which it happened.
    """

    def __init__(
        self,
        kind: Kind,
        expected: str,
        came: str,
        *,
        clause: str | None = None,
        octets: bytes = b"",
        offset: int | None = None,
        should: bytes = b"",
        peer: str = "",
        transcript: Transcript | None = None,
    ) -> None:
        super().__init__(kind, expected, came)
        self.kind = kind
        self.expected = expected
        self.came = came
        self.clause = clause
        self.assumed = False
        """Was the clause named by a step on the way, such as a login, and not by the case itself?"""
        self.octets = octets
        self.offset = offset
        self.should = should
        self.peer = peer
        self.transcript = transcript

    def __str__(self) -> str:
        return f"expected {self.expected}; came {self.came} ({self.kind.value})"


class Violation(Problem):
    """A received frame that breaks a clause, whichever case received it."""


class HandshakeFailed(Problem):
    """There is a server, but no TLS with it."""


class NotOffered(Interrupted):
    """The server does not offer what the case needs; ``str`` names it."""


class Blocked(Interrupted):
    """The way to what the case is about leads over a step that does not work; ``clause`` is what that step is about."""

    def __init__(self, clause: str) -> None:
        super().__init__(clause)
        self.clause = clause


class NotJudged(Interrupted):
    """The case cannot be judged in this run; ``str`` says why, and how to make it judgeable."""
