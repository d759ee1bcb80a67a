"""Deadlines of many things, looked at lazily.

In here: one heap. A thing says when it is due next; that may move later as often as it likes without touching the
heap (the usual case: every frame moves the idle deadline), because an entry that comes up too early is put back.
"""

import heapq
from itertools import count
from typing import Protocol

_STALE_AT_LEAST = 256
"""Stale entries that are not worth a clean-up."""


class Timed(Protocol):
    """Something with a deadline."""

    armed: float | None
    """Owned by `Timers`: the time of this thing's live entry."""

    def due(self) -> float | None:
        """When it is due, in seconds on the clock of `now`; None: never."""

    def expire(self, now: float) -> None:
        """It is due."""


class Timers:
    """The deadlines of all connections."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Timed]] = []
        self._order = count()
        self._stale = 0
        """Entries that no thing is armed by any more."""

    def arm(self, thing: Timed) -> None:
        """Note that *thing*'s deadline is new, or earlier than it was. (Later needs no call.)"""
        due = thing.due()
        if due is not None and (thing.armed is None or due < thing.armed):
            self.disarm(thing)
            thing.armed = due
            heapq.heappush(self._heap, (due, next(self._order), thing))

    def disarm(self, thing: Timed) -> None:
        """*thing* will never be due again, or is armed anew."""
        if thing.armed is None:
            return
        thing.armed = None
        self._stale += 1
        if self._stale > _STALE_AT_LEAST and self._stale > len(self._heap) // 2:  # connections that came and went
            self._heap = [entry for entry in self._heap if entry[2].armed == entry[0]]
            heapq.heapify(self._heap)
            self._stale = 0

    def next(self) -> float | None:
        """The time at which `expire` is to be called next: never too late, perhaps too early."""
        return self._heap[0][0] if self._heap else None

    def expire(self, now: float) -> None:
        """Tell everything that is due."""
        while self._heap and self._heap[0][0] <= now:
            when, _, thing = heapq.heappop(self._heap)
            if thing.armed != when:  # an earlier entry took its place
                self._stale -= 1
                continue
            thing.armed = None
            due = thing.due()
            if due is not None and due <= now:
                thing.expire(now)
            self.arm(thing)
