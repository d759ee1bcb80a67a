"""What one process counts and measures while it writes and reads.

In here: data that can be added up, and sent between processes. Not in here: what it means (`results`).
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from causerie_conformance.load.histogram import Histogram
from causerie_conformance.load.plan import Plan
from causerie_conformance.load.tally import Wrong


class Series:
    """Numbers by piece of time. ``counts`` has one more at its end, so that slot -1 takes what is not measured."""

    __slots__ = ("counts",)

    def __init__(self, slots: int) -> None:
        self.counts = [0] * (slots + 1)

    @property
    def measured(self) -> list[int]:
        """By piece of time, without what is not measured."""
        return self.counts[:-1]

    def add(self, other: Series) -> None:
        """Count all that the other has counted."""
        self.counts = [one + more for one, more in zip(self.counts, other.counts, strict=True)]


@dataclass
class Measures:
    """``latencies`` is by the slot in which a message was due, the last one for those that are not measured.

    ``written``, ``acked`` and ``delivered`` are by the slot in which it happened. ``answers`` counts ERRORs by code,
    ``ends`` the connections that ended early by why, ``failures`` those that never got in by why; ``foreign`` are
    messages of others. ``connecting`` is until TCP (and TLS) is there, ``login`` from HELLO to READY. ``lag`` is
    how late this process's own timers came; ``busy`` the share of the time of the load in which it
    had a CPU; ``over`` when writing ended.
    """

    latencies: list[Histogram]
    written: Series
    acked: Series
    delivered: Series
    acks: Histogram = field(default_factory=Histogram)
    connecting: Histogram = field(default_factory=Histogram)
    login: Histogram = field(default_factory=Histogram)
    lag: Histogram = field(default_factory=Histogram)
    wrong: Wrong = field(default_factory=Wrong)
    answers: Counter[str] = field(default_factory=Counter)
    ends: Counter[str] = field(default_factory=Counter)
    failures: Counter[str] = field(default_factory=Counter)
    refused: int = 0
    unanswered: int = 0
    held: int = 0
    foreign: int = 0
    owed: int = 0
    busy: float = 0.0
    over: int = 0
    agent: str = ""

    @classmethod
    def of(cls, plan: Plan) -> Measures:
        """Nothing measured yet."""
        slots = plan.slots
        return cls([Histogram() for _ in range(slots + 1)], Series(slots), Series(slots), Series(slots))

    def add(self, other: Measures) -> None:
        """Count all that another process has counted; of ``busy`` and ``over`` the highest is kept."""
        for mine, theirs in zip(self.latencies, other.latencies, strict=True):
            mine.add(theirs)
        for name in ("written", "acked", "delivered", "acks", "connecting", "login", "lag", "wrong"):
            getattr(self, name).add(getattr(other, name))
        for name in ("answers", "ends", "failures"):
            getattr(self, name).update(getattr(other, name))
        for name in ("refused", "unanswered", "held", "foreign", "owed"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.busy, self.over = max(self.busy, other.busy), max(self.over, other.over)
        self.agent = self.agent or other.agent
