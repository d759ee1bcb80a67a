"""What reached one reader in one conversation, and what is missing there.

In here: counting. Not in here: where messages come from (`connection`), what all readers together missed (`results`).
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

FAR: Final = 1_000_000
"""A number that is further ahead was never written."""


@dataclass(frozen=True)
class Stream:
    """What one connection wrote to one target: numbers 1 to ``written``.

    ``void`` are those of them that nobody is owed: they were refused, or never answered.
    """

    written: int = 0
    void: frozenset[int] = frozenset()


class Streams:
    """All that was written to one conversation, by place: where each writer's numbers end, and what is void."""

    def __init__(self, streams: Sequence[Stream]) -> None:
        self.ends = array("Q", [stream.written + 1 for stream in streams])
        self.void = {place: stream.void for place, stream in enumerate(streams) if stream.void}
        self.owed = sum(stream.written - len(stream.void) for stream in streams)
        """Messages that each reader is owed."""


@dataclass
class Wrong:
    """What went wrong on the way to readers, each counted in messages.

    ``lost``: ACKed, and never came. ``undelivered``: the same, but the reader's connection had ended early.
    ``duplicated``: came again. ``disordered``: came after a later one of the same writer. ``skipped``: numbers of the
    log (seq) that were passed over when a higher one came. ``unordered``: came with a seq that was not above the last.
    ``altered``: not the text that was written. ``misdelivered``: came in a conversation that it was not sent to.
    ``stray``: not a message, but an answer to no request.
    """

    lost: int = 0
    undelivered: int = 0
    duplicated: int = 0
    disordered: int = 0
    skipped: int = 0
    unordered: int = 0
    altered: int = 0
    misdelivered: int = 0
    stray: int = 0

    def add(self, other: Wrong) -> None:
        """Count all that the other has counted."""
        for name, count in vars(other).items():
            setattr(self, name, getattr(self, name) + count)


class Inbox:
    """One reader's side of a conversation. ``expected`` has the next number of each writer, by place.

    The next number and ``last_seq`` may be moved on by whoever finds that a message is the one expected; for any other
    there are `odd` and `odd_seq`.
    """

    __slots__ = ("_missing", "_wrong", "expected", "last_seq")

    def __init__(self, writers: int, wrong: Wrong) -> None:
        self.expected = array("Q", [1]) * writers
        self.last_seq: int | None = None
        self._missing: dict[int, set[int]] = {}
        self._wrong = wrong

    def odd(self, place: int, number: int) -> bool:
        """Take a message that is not the next of its writer. Is it one that was missing, or is ahead?"""
        expected = self.expected[place]
        missing = self._missing.setdefault(place, set())
        if expected < number < expected + FAR:
            missing.update(range(expected, number))
            self.expected[place] = number + 1
            return True
        if number in missing:
            missing.remove(number)
            self._wrong.disordered += 1
            return True
        if 0 < number < expected:
            self._wrong.duplicated += 1
        else:
            self._wrong.altered += 1
        return False

    def odd_seq(self, seq: int) -> None:
        """Take a seq that is not the one after the last, or the first of all."""
        if self.last_seq is None:
            self.last_seq = seq
        elif seq > self.last_seq:
            self._wrong.skipped += seq - self.last_seq - 1
            self.last_seq = seq
        else:
            self._wrong.unordered += 1

    def missing(self, streams: Streams) -> int:
        """How many messages this reader is owed and has not."""
        if not self._missing and self.expected == streams.ends:
            return 0  # the usual case, at C speed
        return sum(
            self._missing_of(place, end, streams.void.get(place, frozenset())) for place, end in enumerate(streams.ends)
        )

    def _missing_of(self, place: int, end: int, void: frozenset[int]) -> int:
        behind = range(self.expected[place], end)
        absent = self._missing.get(place, set())
        return len(behind) + len(absent) - sum(number in behind or number in absent for number in void)
