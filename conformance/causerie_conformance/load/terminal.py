"""What the user of ``causerie-load`` sees: a line that changes while it runs, and what was found.

In here: words, colour (only on a terminal, and never with NO_COLOR). Not in here: the figures (`results`).
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Final, TextIO

from causerie_conformance.load.figures import WRONG, latencies
from causerie_conformance.load.histogram import Histogram
from causerie_conformance.load.plan import Plan
from causerie_conformance.load.results import Results
from causerie_conformance.load.worker import Progress
from causerie_conformance.report.terminal import printable

RED: Final = "31;1"
GREEN: Final = "32;1"
YELLOW: Final = "33"
_SHOWN: Final = (50, 90, 99, 99.9, 100)
_ERASE: Final = "\r\x1b[2K"


class Terminal:
    """Writes to one stream, usually standard output."""

    def __init__(self, out: TextIO, *, quiet: bool = False) -> None:
        self._out = out
        self._quiet = quiet
        self._live = out.isatty() and os.environ.get("TERM") != "dumb"
        self._colour = self._live and not os.environ.get("NO_COLOR")
        self._second = 0
        self._last = Progress()

    def _paint(self, text: str, colour: str) -> str:
        return f"\x1b[{colour}m{text}\x1b[0m" if self._colour else text

    def _line(self, text: str = "") -> None:
        self._out.write(text + "\n")
        self._out.flush()

    # While it runs

    def step(self, text: str) -> None:
        """Say what is done now."""
        if not self._quiet:
            self._show(text)

    def progress(self, plan: Plan, now: Progress) -> None:
        """Show a second of the load."""
        self._second += 1
        last, self._last = self._last, now
        if self._quiet:
            return
        warm = self._second <= plan.warmup
        words = [
            f"{self._second:4d} s" + (" (warm-up)" if warm else ""),
            f"{now.written - last.written:,} sent",
            f"{now.delivered - last.delivered:,} delivered",
        ]
        if len(now.recent):
            words.append(f"p50 {_time(now.recent.percentile(50))}, p99 {_time(now.recent.percentile(99))}")
        if now.outstanding:
            words.append(f"{now.outstanding:,} without an answer")
        if now.ended:
            words.append(self._paint(f"{now.ended:,} connections ended", RED))
        self._show("  ".join(words))

    def _show(self, text: str) -> None:
        if self._live:
            self._out.write(_ERASE + text)
            self._out.flush()
        else:
            self._line(text)

    def clear(self) -> None:
        """Take the line that changes away."""
        if self._live and not self._quiet:
            self._out.write(_ERASE)
            self._out.flush()

    # The end

    def summary(self, results: Results) -> None:
        """Figures, and what is wrong."""
        self.clear()
        for line in self._about(results):
            self._line(line)
        if results.measured:
            self._line()
            for line in self._figures(results):
                self._line(line)
        found = [*self._trouble(results)]
        if found:
            self._line()
        for line in found:
            self._line(line)
        self._line()
        self._line(self._verdict(results))

    def _about(self, results: Results) -> Iterable[str]:
        plan, agent = results.plan, results.measures.agent
        yield f"{plan.target}{f' ({printable(agent)})' if agent else ''}: {described(plan)}"

    def _figures(self, results: Results) -> Iterable[str]:
        measures = results.measures
        for name, series in (("deliveries", measures.delivered), ("sends", measures.written)):
            yield f"{name:<12}{results.per_second(series.measured):>12,.0f} a second   ({sum(series.measured):,})"
        yield ""
        headings = [f"p{percent:g}" if percent < 100 else "max" for percent in _SHOWN]
        yield f"{'latency':<12}" + "".join(f"{heading:>12}" for heading in headings)
        for name, meaning in latencies(closed_loop=results.plan.closed_loop).items():
            yield f"{name:<12}" + "".join(f"{cell:>12}" for cell in _cells(results.latency(name))) + f"   {meaning}"

    def _trouble(self, results: Results) -> Iterable[str]:
        for name, count in results.wrong.items():
            if count:
                yield self._paint(f"{name:<12}{count:>12,}   {WRONG[name]}", RED)
        measures = results.measures
        for why, count in measures.answers.most_common():
            yield f"{'':12}{count:>12,} × {printable(why)}"
        for why, count in measures.ends.most_common():
            yield f"{'':12}{count:>12,} × {printable(why)}"
        if measures.held:
            yield f"{'held':<12}{measures.held:>12,}   messages that waited because the server did not read"
        if measures.foreign:
            yield f"{'foreign':<12}{measures.foreign:>12,}   messages of others in the same conversations"
        for one in results.failed:
            yield self._paint(f"fails {one.threshold}: it is {_value(one.threshold, one.value)}", RED)
        for why in results.bottlenecks:
            yield self._paint(f"the load generator may be the bottleneck: {why}", YELLOW)
        if results.server_output:
            yield results.server_output

    def _verdict(self, results: Results) -> str:
        if results.stopped:
            return self._paint(f"stopped: {printable(results.stopped)}", RED)
        if any(results.wrong.values()):
            words = self._paint("Not everything came as it should.", RED)
        elif results.failed:
            words = self._paint("All came, once and in order, but not within the limits of --fail-if.", RED)
        elif not results.measures.owed:
            words = "Nothing was sent."
        else:
            words = self._paint(f"All {results.measures.owed:,} deliveries came, once and in order.", GREEN)
        return f"Interrupted: this is what there is so far. {words}" if results.interrupted else words


def described(plan: Plan) -> str:
    """The plan in one line."""
    where = f"in {plan.rooms} room{'s' * (plan.rooms > 1)}" if plan.rooms else "" if plan.pairs else "in the lobby"
    pairs = "in pairs" if plan.pairs else ""
    rate = (
        f"{plan.rate:,g} messages a second" if plan.rate else f"as fast as answers come, {plan.window} at a time each"
    )
    words = [
        f"{plan.connections} connections {' and '.join(filter(None, (where, pairs)))}",
        rate,
        f"{plan.size} octets",
        f"{plan.duration:g} s after {plan.warmup:g} s",
    ]
    return ", ".join(words)


def _cells(histogram: Histogram) -> list[str]:
    if not len(histogram):
        return ["-"] * len(_SHOWN)
    return [_time(histogram.percentile(percent)) for percent in _SHOWN]


def _time(nanoseconds: float) -> str:
    for unit, size in (("s", 1e9), ("ms", 1e6)):
        if nanoseconds >= size:
            return (
                f"{nanoseconds / size:.3g} {unit}"
                if nanoseconds < 1_000 * size
                else f"{nanoseconds / size:,.0f} {unit}"
            )
    return f"{nanoseconds / 1e3:.3g} us"


def _value(threshold: str, value: float) -> str:
    if "%" in threshold:
        return f"{value:.0%}"
    return _time(value * 1e9) if threshold.rstrip().endswith("s") else f"{value:,.6g}"
