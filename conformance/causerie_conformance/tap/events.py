"""What happens on the connections that pass through the tap, as those who show it or write it down are told.

In here: the events. Not in here: who makes them (`conversation`, `proxy`), who is told (`show`, `journal`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from causerie_conformance.problems import Violation
from causerie_spec.codec import RawFrame


class Way(str, Enum):
    """A direction of a connection. Values are stable: logs contain them."""

    UP = "up"
    """From the client to the server."""
    DOWN = "down"
    """From the server to the client."""

    @property
    def speaker(self) -> str:
        """Who sends in that direction."""
        return "client" if self is Way.UP else "server"

    @property
    def other(self) -> Way:
        """The opposite direction."""
        return Way.DOWN if self is Way.UP else Way.UP


class What(str, Enum):
    """What happened. Values are stable: logs contain them."""

    CONNECTED = "connected"
    """A client came, and the server took it."""
    FRAME = "frame"
    """A whole frame came."""
    OCTETS = "octets"
    """Octets came that are not decoded, or that never became a frame."""
    BROKEN = "broken"
    """The frame before, or the octets, break a clause."""
    NOTE = "note"
    """Something that is neither, in words."""
    END = "end"
    """One direction was ended in order (FIN)."""
    RESET = "reset"
    """The connection was reset, or closed by the tap."""


@dataclass(frozen=True)
class Event:
    """One thing that happened.

    ``at`` is in seconds since the tap began, ``connection`` is counted from 1, ``way`` is None if it is of no
    direction. ``text`` says it in words, which are not yet made printable; ``frame`` is the frame of a FRAME,
    ``violation`` what is wrong of a BROKEN.
    """

    at: float
    connection: int
    what: What
    way: Way | None = None
    octets: bytes = b""
    text: str = ""
    frame: RawFrame | None = None
    violation: Violation | None = None


Witness = Callable[[Event], None]
"""Somebody who is told of every event."""
