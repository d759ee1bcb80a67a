"""When to try again after a connection was lost or could not be made [CLIENT-5].

In here: the delay, as a function of failures, the server's advice, and injected randomness. Not in here: a
clock, sockets, whether to try again at all (`endings`).

The rules:

* The delay before try n (from 0) is drawn from the upper half of FIRST × 2ⁿ seconds, at most LONGEST: each
  failure waits at least as long as the one before, and clients that fell together do not come back together.
* It is never shorter than the server's ``retry_ms``; on top of that advice up to a tenth is added, for the
  same reason.
* A connection that stayed logged in for STEADY seconds clears the count. One that is lost sooner does not:
  a server that falls over at every login is not hammered.
"""

from __future__ import annotations

from typing import Final, Protocol

FIRST: Final = 1.0
"""Seconds before the first try, at most."""
LONGEST: Final = 60.0
"""Seconds between tries, at most, but for the server's advice: an hour's outage costs 60 tries."""
STEADY: Final = 10.0
"""Seconds logged in after which failures are forgotten."""


class Randomness(Protocol):
    """The part of `random.Random` that the core needs; shells inject `random.SystemRandom()`."""

    def random(self) -> float:
        """A number from 0.0 up to, not including, 1.0."""
        ...

    def getrandbits(self, k: int, /) -> int:
        """A number of k random bits."""
        ...


class Backoff:
    """Counts failures and says how long to wait: ``first`` and ``longest`` are in seconds."""

    __slots__ = ("_failures", "_first", "_longest", "_randomness")

    def __init__(self, randomness: Randomness, *, first: float = FIRST, longest: float = LONGEST) -> None:
        self._randomness = randomness
        self._first = first
        self._longest = longest
        self._failures = 0

    @property
    def failures(self) -> int:
        """Failures in a row."""
        return self._failures

    def failed(self, retry_ms: int = 0) -> float:
        """One more failure: the seconds to wait before the next try. ``retry_ms`` is the server's advice."""
        # Beyond 2**16 the cap has long been reached; the bound keeps the power small.
        longest = min(self._longest, self._first * 2.0 ** min(self._failures, 16))
        self._failures += 1
        own = longest * (0.5 + self._randomness.random() / 2)
        advised = retry_ms / 1000 * (1 + self._randomness.random() / 10)
        return max(own, advised)

    def steady(self) -> None:
        """A connection held: forget the failures."""
        self._failures = 0
