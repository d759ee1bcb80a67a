"""Durations counted in buckets of growing width: any number of them in a fixed amount of memory.

A duration has the bucket of its seven highest bits, so a bucket is at most 1/64 of its lower end wide, and its middle
is within 0.8 % of everything in it. Up to 127 ns each has a bucket of its own.

In here: counting, adding up, percentiles. Not in here: clocks, units for people.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

BITS: Final = 7
"""Bits of a duration that tell its bucket."""
_HALF: Final = 1 << (BITS - 1)
MOST: Final = (1 << 42) - 1
"""The longest duration that is told from longer ones, in ns: 73 minutes."""
BUCKETS: Final = (42 - BITS + 2) * _HALF


def bucket_of(nanoseconds: int) -> int:
    """The bucket of a duration."""
    value = min(max(nanoseconds, 0), MOST)
    shift = value.bit_length() - BITS
    return value if shift <= 0 else shift * _HALF + (value >> shift)


def bounds_of(bucket: int) -> tuple[int, int]:
    """The shortest duration of a bucket, and the shortest above it, in ns."""
    shift = bucket // _HALF - 1
    if shift <= 0:
        return bucket, bucket + 1
    lowest = bucket - shift * _HALF
    return lowest << shift, (lowest + 1) << shift


class Histogram:
    """Durations in ns. ``counts`` has the number of each bucket: whoever is in a hurry may add to it."""

    __slots__ = ("counts",)

    def __init__(self, counts: Mapping[int, int] | None = None) -> None:
        self.counts = array("Q", bytes(8 * BUCKETS))
        for bucket, count in (counts or {}).items():
            self.counts[bucket] = count

    def record(self, nanoseconds: int) -> None:
        """Count one. Less than 0 counts as 0."""
        shift = nanoseconds.bit_length() - BITS  # `bucket_of`, without a call
        if shift > 0 and 0 < nanoseconds <= MOST:
            self.counts[shift * _HALF + (nanoseconds >> shift)] += 1
        else:
            self.counts[bucket_of(nanoseconds)] += 1

    def add(self, other: Histogram) -> None:
        """Count all that the other has counted."""
        for bucket, count in other.used():
            self.counts[bucket] += count

    @classmethod
    def sum(cls, parts: Iterable[Histogram]) -> Histogram:
        """All that they have counted."""
        made = cls()
        for part in parts:
            made.add(part)
        return made

    def used(self) -> Iterator[tuple[int, int]]:
        """(bucket, count) of those that are not empty, ascending."""
        return ((bucket, count) for bucket, count in enumerate(self.counts) if count)

    def __len__(self) -> int:
        return sum(self.counts)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Histogram) and self.counts == other.counts

    __hash__ = None  # type: ignore[assignment]  # it changes

    def __reduce__(self) -> tuple[type[Histogram], tuple[dict[int, int]]]:
        return Histogram, (dict(self.used()),)  # between processes: most buckets are empty

    def percentile(self, percent: float) -> float:
        """The duration that this part of all do not exceed, in ns; 0 if there are none.

        It is the middle of the bucket in which the exact one (of rank ⌈percent/100 · n⌉, at least 1) is.
        """
        total = len(self)
        if not total:
            return 0.0
        # Rounded first: 99.9 % of 1,000 is 999, though the product of the floats is a little above it.
        rank = max(1, math.ceil(round(percent / 100 * total, 6)))
        seen = 0
        for bucket, count in self.used():
            seen += count
            if seen >= rank:
                return _middle(bucket)
        raise AssertionError("the rank is at most the total")

    @property
    def mean(self) -> float:
        """In ns, of the buckets' middles; 0 if there are none."""
        total = len(self)
        return sum(_middle(bucket) * count for bucket, count in self.used()) / total if total else 0.0


def _middle(bucket: int) -> float:
    lower, upper = bounds_of(bucket)
    return (lower + upper - 1) / 2
