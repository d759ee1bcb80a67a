"""The states of a connection at the server, and what each client frame does there.

The rules, from the table of the specification:

* *hello* takes a HELLO and nothing else: any other frame, known or not, is BYE MALFORMED [STATE-1].
* *login*, *auth* and *ready* take what `TABLE` accepts; a known frame elsewhere is ERROR WRONG_STATE
  [STATE-2], [STATE-3]; an unknown type, to which belongs every type whose capability is not negotiated, is
  UNSUPPORTED [ERR-4], [ERR-5].
* COMPOSE, once typing is negotiated, is refused in silence wherever it is not accepted [TYPE-2].
* *closing*: BYE was sent, and what arrives is dropped [STATE-4].

In here: that table as literal data, every cell filled, and the look-up. A missing cell is an error. Not in
here: what accepting a frame does, and the checks that come before the state (length, decoding) and after it
(fields).
"""

from collections.abc import Container
from enum import Enum
from typing import Final

from causerie_spec.codes import SERVER_BIT
from causerie_spec.messages import MESSAGES

UNKNOWN: Final = "unknown type"
"""The table's column for types that are not known, or whose capability is not negotiated."""


class State(Enum):
    """Where a connection stands, as its server sees it."""

    HELLO = "hello"
    """Nothing was heard yet."""
    LOGIN = "login"
    """WELCOME was sent."""
    AUTH = "auth"
    """A CHALLENGE is out."""
    READY = "ready"
    """READY was sent."""
    CLOSING = "closing"
    """BYE was sent."""


class Outcome(Enum):
    """What a frame meets in a state, once it is known to be of legal length and decodable."""

    ACCEPT = "accept"
    """It is processed; its fields are checked next."""
    BYE_MALFORMED = "BYE MALFORMED"
    """The connection ends."""
    WRONG_STATE = "ERROR WRONG_STATE"
    """It is refused, and the connection lives on."""
    UNSUPPORTED = "ERROR UNSUPPORTED (ref 0: ignored)"
    """It is refused if its ref is not 0, and ignored if it is."""
    IGNORE = "ignore"
    """It is refused in silence."""
    DROP = "drop"
    """It is not even decoded."""


_YES: Final = Outcome.ACCEPT
_BYE: Final = Outcome.BYE_MALFORMED
_NO: Final = Outcome.WRONG_STATE
_NEW: Final = Outcome.UNSUPPORTED
_HUSH: Final = Outcome.IGNORE
_DROP: Final = Outcome.DROP

#: What a frame of the column's type meets in the row's state, its capability (if any) being negotiated.
TABLE: Final[dict[State, dict[str, Outcome]]] = {
    # In hello nothing is negotiated yet: no frame but HELLO means anything, a COMPOSE neither.
    State.HELLO: {
        "HELLO": _YES,
        "LOGIN": _BYE,
        "AUTH": _BYE,
        "PING": _BYE,
        "QUIT": _BYE,
        "SEND": _BYE,
        "HISTORY": _BYE,
        "MARK": _BYE,
        "COMPOSE": _BYE,
        "JOIN": _BYE,
        "LEAVE": _BYE,
        "CONVERSATIONS": _BYE,
        "ROOMS": _BYE,
        "WHO": _BYE,
        UNKNOWN: _BYE,
    },
    State.LOGIN: {
        "HELLO": _NO,
        "LOGIN": _YES,
        "AUTH": _NO,
        "PING": _YES,
        "QUIT": _YES,
        "SEND": _NO,
        "HISTORY": _NO,
        "MARK": _NO,
        "COMPOSE": _HUSH,
        "JOIN": _NO,
        "LEAVE": _NO,
        "CONVERSATIONS": _NO,
        "ROOMS": _NO,
        "WHO": _NO,
        UNKNOWN: _NEW,
    },
    State.AUTH: {
        "HELLO": _NO,
        "LOGIN": _NO,
        "AUTH": _YES,
        "PING": _YES,
        "QUIT": _YES,
        "SEND": _NO,
        "HISTORY": _NO,
        "MARK": _NO,
        "COMPOSE": _HUSH,
        "JOIN": _NO,
        "LEAVE": _NO,
        "CONVERSATIONS": _NO,
        "ROOMS": _NO,
        "WHO": _NO,
        UNKNOWN: _NEW,
    },
    State.READY: {
        "HELLO": _NO,
        "LOGIN": _NO,
        "AUTH": _NO,
        "PING": _YES,
        "QUIT": _YES,
        "SEND": _YES,
        "HISTORY": _YES,
        "MARK": _YES,
        "COMPOSE": _YES,
        "JOIN": _YES,
        "LEAVE": _YES,
        "CONVERSATIONS": _YES,
        "ROOMS": _YES,
        "WHO": _YES,
        UNKNOWN: _NEW,
    },
    State.CLOSING: {
        "HELLO": _DROP,
        "LOGIN": _DROP,
        "AUTH": _DROP,
        "PING": _DROP,
        "QUIT": _DROP,
        "SEND": _DROP,
        "HISTORY": _DROP,
        "MARK": _DROP,
        "COMPOSE": _DROP,
        "JOIN": _DROP,
        "LEAVE": _DROP,
        "CONVERSATIONS": _DROP,
        "ROOMS": _DROP,
        "WHO": _DROP,
        UNKNOWN: _DROP,
    },
}


def column(type_: int, negotiated: Container[str]) -> str:
    """The table's column for a frame type: its name, or `UNKNOWN`.

    Unknown [ERR-4] are the types not declared, those with bit 7 set, and those whose
    capability is not in *negotiated*.
    """
    cls = MESSAGES.get(type_)
    if cls is None or type_ >= SERVER_BIT:
        return UNKNOWN
    if cls.CAPABILITY is not None and cls.CAPABILITY not in negotiated:
        return UNKNOWN
    return cls.NAME


def outcome(state: State, type_: int, negotiated: Container[str] = ()) -> Outcome:
    """What a decodable frame of that type meets there; *negotiated* holds the capabilities in force."""
    return TABLE[state][column(type_, negotiated)]
