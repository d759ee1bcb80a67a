"""Plots as SVG that needs nothing else: lines over time, and bars over a logarithmic axis.

In here: axes, lines, bars. Not in here: which figures are drawn (`page`). Colours are classes of the style sheet.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from causerie_conformance.report.markup import Html, tag

WIDTH: Final = 720
HEIGHT: Final = 250
LEFT, RIGHT, TOP, BOTTOM = 4, 8, 26, 30
MOST_DOTS: Final = 60
"""Points of a line that are marked; more would be a thick line."""
_DECADES: Final = 12

Label = Callable[[float], str]


@dataclass(frozen=True)
class Line:
    """Named values, None where there is none. ``class_`` says how it looks."""

    name: str
    class_: str
    values: Sequence[float | None]


@dataclass(frozen=True)
class Axis:
    """From one value to another, linear or logarithmic."""

    least: float
    most: float
    logarithmic: bool = False

    def share(self, value: float) -> float:
        """Where a value is: 0 at the beginning, 1 at the end."""
        if self.logarithmic:
            return math.log(max(value, self.least) / self.least) / math.log(self.most / self.least)
        return (value - self.least) / (self.most - self.least)

    def ticks(self, about: int) -> list[float]:
        """Round values on it."""
        if self.logarithmic:
            first = math.floor(math.log10(self.least))
            decades = [10.0**power for power in range(first, first + _DECADES)]
            steps = (1, 2, 5) if self.most / self.least < 1_000 else (1,)
            return [step * ten for ten in decades for step in steps if self.least <= step * ten <= self.most]
        raw = (self.most - self.least) / about
        power = 10.0 ** math.floor(math.log10(raw))
        step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= raw)
        first = math.ceil(self.least / step)
        return [step * number for number in range(first, math.floor(self.most / step + 1e-9) + 1)]


def axis_of(values: Sequence[float], *, logarithmic: bool) -> Axis:
    """An axis that holds all of them, with a little room."""
    if logarithmic:
        above = [value for value in values if value > 0] or [1.0]
        least, most = min(above), max(above)
        if most < 2 * least:
            least, most = least / 2, most * 2
        return Axis(least / 1.15, most * 1.15, logarithmic=True)
    return Axis(0, max(values, default=0) * 1.12 or 1)


def over_time(lines: Sequence[Line], times: Sequence[float], x: Axis, y: Axis, *, label: Label, title: str) -> Html:
    """Lines; *times* and the axis x in seconds."""
    across, down = _scales(x, y)
    parts = [*_grid(x, y, label, lambda value: f"{value:g} s")]
    half = (x.most / len(times) if times else 0) / 2
    for line in lines:
        points = [
            None if value is None else (across(time + half), down(value))
            for time, value in zip(times, line.values, strict=True)
        ]
        parts += _path(points, line.class_)
    width = across(half * 2) - across(0)
    for number, time in enumerate(times):
        words = [f"{line.name} {label(value)}" for line in lines if (value := line.values[number]) is not None]
        hint = f"{time:g} s: {', '.join(words) or 'nothing'}"
        parts.append(
            tag(
                "rect",
                tag("title", hint),
                class_="hit",
                x=_n(across(time)),
                y=_n(TOP),
                width=_n(width),
                height=_n(_HIGH),
            )
        )
    return _svg(parts, title)


def bars(
    shares: Sequence[tuple[float, float, int]], marks: Sequence[tuple[str, float]], label: Label, title: str
) -> Html:
    """Bars of (from, to, count) over a logarithmic axis, as high as their counts' logarithms, with marks on it."""
    x = axis_of([edge for lower, upper, _ in shares for edge in (lower, upper)], logarithmic=True)
    y = Axis(0.5, max(count for *_, count in shares) * 2, logarithmic=True)
    across, down = _scales(x, y)
    parts = [*_grid(x, y, lambda value: f"{value:,.0f}", label)]
    for lower, upper, count in shares:
        left, right, top = across(lower), across(upper), down(count)
        hint = f"{label(lower)} to {label(upper)}: {count:,}"
        wide, high = max(right - left - 0.5, 0.8), TOP + _HIGH - top
        parts.append(
            tag("rect", tag("title", hint), class_="bar", x=_n(left), y=_n(top), width=_n(wide), height=_n(high))
        )
    for number, (name, value) in enumerate(marks):
        place = across(value)
        side = "end" if place > WIDTH * 0.85 else "start"
        shift = -4 if side == "end" else 4
        parts.append(tag("line", class_="mark", x1=_n(place), x2=_n(place), y1=_n(TOP), y2=_n(TOP + _HIGH)))
        parts.append(
            tag("text", name, class_="mark", x=_n(place + shift), y=_n(TOP - 12 + 22 * (number % 3)), text_anchor=side)
        )
    return _svg(parts, title)


_HIGH: Final = HEIGHT - TOP - BOTTOM


def _scales(x: Axis, y: Axis) -> tuple[Callable[[float], float], Callable[[float], float]]:
    wide = WIDTH - LEFT - RIGHT
    return lambda value: LEFT + wide * x.share(value), lambda value: TOP + _HIGH * (1 - y.share(value))


def _grid(x: Axis, y: Axis, y_label: Label, x_label: Label) -> list[Html]:
    across, down = _scales(x, y)
    parts = []
    for value in y.ticks(4):
        height = _n(down(value))
        parts.append(tag("line", class_="grid", x1=_n(LEFT), x2=_n(WIDTH - RIGHT), y1=height, y2=height))
        parts.append(tag("text", y_label(value), x=_n(LEFT), y=_n(down(value) - 4)))
    last = -math.inf
    for value in x.ticks(8):
        place = across(value)
        if place - last < 56:  # labels that would touch
            continue
        last = place
        side = "start" if place < LEFT + 20 else "end" if place > WIDTH - 40 else "middle"
        parts.append(tag("text", x_label(value), x=_n(place), y=_n(HEIGHT - 8), text_anchor=side))
    parts.append(tag("line", class_="axis", x1=_n(LEFT), x2=_n(WIDTH - RIGHT), y1=_n(TOP + _HIGH), y2=_n(TOP + _HIGH)))
    return parts


def _path(points: Sequence[tuple[float, float] | None], class_: str) -> list[Html]:
    words, drawing = [], False
    for point in points:
        if point is not None:
            words.append(f"{'L' if drawing else 'M'}{_n(point[0])} {_n(point[1])}")
        drawing = point is not None
    parts = [tag("path", class_=class_, d="".join(words))]
    if len(points) <= MOST_DOTS:
        parts += [tag("circle", class_=class_, cx=_n(at[0]), cy=_n(at[1]), r="2.6") for at in points if at is not None]
    return parts


def _svg(parts: Sequence[Html], title: str) -> Html:
    return tag(
        "svg",
        tag("title", title),
        *parts,
        class_="plot",
        viewBox=f"0 0 {WIDTH} {HEIGHT}",
        role="img",
        aria_label=title,
    )


def _n(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")
