"""Is the server still there? Keepalive on one connection, from READY on.

In here: when a PING is due and when its answer is overdue. Not in here: frames, and what is done about it.

The rules:

* With keepalive K in force something is sent at least every K seconds [CLIENT-2]: a PING is due when nothing
  was sent for K/2, or nothing was heard for K/2. Half, so that a late timer or a slow network is no IDLE.
* A PING that is not answered within K seconds (30 s if K is 0) ends the connection [CLIENT-3].

All times are seconds on the caller's monotonic clock.
"""

from __future__ import annotations

from enum import Enum
from typing import Final

PATIENCE_WITHOUT_KEEPALIVE: Final = 30.0
"""Seconds that a PING may go unanswered when no keepalive is in force [CLIENT-3]."""


class Due(Enum):
    """What the clock asks for."""

    NOTHING = "nothing"
    PING = "ping"
    GIVE_UP = "give up"


class Liveness:
    """One connection's clock; ``keepalive`` is K in seconds, 0 for none."""

    __slots__ = ("_heard", "_patience", "_pinged", "_quiet", "_sent")

    def __init__(self, keepalive: int, now: float) -> None:
        self._patience = float(keepalive) or PATIENCE_WITHOUT_KEEPALIVE
        self._quiet = self._patience / 2
        self._sent = self._heard = now
        self._pinged: float | None = None

    def sent(self, now: float) -> None:
        """A frame was sent."""
        self._sent = now

    def heard(self, now: float) -> None:
        """Something arrived."""
        self._heard = now

    def pinged(self, now: float) -> None:
        """A PING was sent; its answer is awaited from here."""
        self._pinged = now

    def answered(self) -> None:
        """The PONG came."""
        self._pinged = None

    def excuse(self, now: float) -> None:
        """Until now nothing was read from the server: its silence up to here means nothing."""
        self._heard = now
        if self._pinged is not None:
            self._pinged = now

    @property
    def deadline(self) -> float:
        """When to look again."""
        if self._pinged is not None:
            return self._pinged + self._patience
        return min(self._sent, self._heard) + self._quiet

    def due(self, now: float) -> Due:
        """What is due at this time."""
        if now < self.deadline:
            return Due.NOTHING
        return Due.PING if self._pinged is None else Due.GIVE_UP
