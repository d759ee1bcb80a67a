"""What a run of the load found, and what follows from it.

In here: figures by name, whether they are good, who was the bottleneck. Not in here: how they are shown (`terminal`,
`document`, `page`).
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from causerie_conformance.load.histogram import Histogram
from causerie_conformance.load.measures import Measures
from causerie_conformance.load.plan import SECOND, Plan
from causerie_conformance.load.thresholds import Failed, Threshold
from causerie_conformance.results import Exit

PERCENTILES: Final = (50.0, 75.0, 90.0, 95.0, 99.0, 99.9)
BUSY: Final = 0.85
"""Share of the time above which a process of the generator can hardly do more."""
LATE: Final = 1 / 3
"""Share of the 99th percentile above which the generator's own delays are a part of it that matters."""
NEVER_MIND: Final = 1_000_000
"""Delays of the generator, in ns, that are no matter."""


@dataclass
class Results:
    """One run. ``stopped`` says why it could not go on, empty if it could. Histograms are in ns, other times in s."""

    plan: Plan
    measures: Measures
    stopped: str = ""
    reached: bool = True
    interrupted: bool = False
    usage: bool = False
    measured: float = 0.0
    """Seconds of load that were measured: fewer than planned if it was interrupted."""
    thresholds: Sequence[Threshold] = ()
    server_output: str = ""
    began: float = field(default_factory=time.time)
    machine_load: float | None = None
    """Processes that wanted a CPU of this machine at the end, of the last minute; None where that is not known."""

    def __post_init__(self) -> None:
        self.delivery = Histogram.sum(self.measures.latencies[:-1])
        if hasattr(os, "getloadavg"):
            self.machine_load = os.getloadavg()[0]

    def latency(self, name: str) -> Histogram:
        """One of `figures.LATENCIES`."""
        measures = self.measures
        return {
            "delivery": self.delivery,
            "ack": measures.acks,
            "connect": measures.connecting,
            "login": measures.login,
            "lag": measures.lag,
        }[name]

    @property
    def wrong(self) -> dict[str, int]:
        """What must not happen, and how often it did."""
        measures = self.measures
        others = {
            "refused": measures.refused,
            "unanswered": measures.unanswered,
            "ended": sum(measures.ends.values()),
        }
        return vars(measures.wrong) | others

    def per_second(self, series: Sequence[int]) -> float:
        """Of the measured time."""
        return sum(series) / self.measured if self.measured else 0.0

    @property
    def sends(self) -> int:
        """Messages written in the measured time."""
        return sum(self.measures.written.measured)

    @property
    def deliveries(self) -> int:
        """Messages that reached readers in the measured time, counted for each."""
        return sum(self.measures.delivered.measured)

    def figure(self, name: str) -> float:
        """The value of a name that `thresholds` knows: times in seconds, shares from 0 to 1."""
        base, dot, which = name.partition(".")
        if dot:
            histogram = self.latency(base)
            value = (
                histogram.mean if which == "mean" else histogram.percentile(100 if which == "max" else float(which[1:]))
            )
            return value / SECOND
        rates = {
            "deliveries/s": self.per_second(self.measures.delivered.measured),
            "sends/s": self.per_second(self.measures.written.measured),
            "busy": self.measures.busy,
        }
        return rates[name] if name in rates else self.wrong[name]

    @property
    def failed(self) -> list[Failed]:
        """The thresholds that were passed."""
        return [found for one in self.thresholds if (found := one.check(self.figure)) is not None]

    @property
    def bottlenecks(self) -> list[str]:
        """Why the figures may be this generator's, not the server's; empty if they are the server's."""
        measures, found = self.measures, []
        more = f"try --processes {self.plan.processes + 1}, or another machine"
        lag, whole = measures.lag.percentile(99), self.delivery.percentile(99)
        if measures.busy >= BUSY:
            found.append(f"it was busy {measures.busy:.0%} of the time: the server may be faster than this; {more}")
        if len(self.delivery) and lag > NEVER_MIND and lag >= LATE * whole:
            found.append(
                f"its own timers came up to {lag / 1e6:.1f} ms late (p99): "
                f"so much of the latencies may be its own, not the server's; {more}"
            )
        cores = os.cpu_count() or 1
        if self.machine_load is not None and self.machine_load > cores and found:
            found.append(f"this machine is busy: {self.machine_load:.1f} processes wanted its {cores} cores")
        return found

    @property
    def exit_status(self) -> Exit:
        """What to tell the shell."""
        if self.interrupted:
            return Exit.INTERRUPTED
        if self.usage:
            return Exit.USAGE
        if not self.reached:
            return Exit.UNREACHABLE
        if self.stopped or any(self.wrong.values()) or self.failed:
            return Exit.NOT_CONFORMANT
        return Exit.CONFORMANT
