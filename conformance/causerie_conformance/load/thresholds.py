"""What a run must keep to: ``p99>50ms,lost>0`` says when it has failed.

In here: that little language. Not in here: the figures (`results`).
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from causerie_conformance.load.figures import LATENCIES, WRONG

_UNITS: Final = {"us": 1_000_000, "µs": 1_000_000, "ms": 1_000, "s": 1}
"""How many of them a second has."""
_OPERATORS: Final[Mapping[str, Callable[[float, float], bool]]] = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
}
_RATES: Final = ("deliveries/s", "sends/s")
_SHAPE: Final = re.compile(r"\s*([^<>=\s]+)\s*(>=|<=|>|<)\s*([0-9][0-9_.]*)\s*([a-zµ%]*)\s*", re.IGNORECASE)
_TIME: Final = re.compile(rf"(?:({'|'.join(LATENCIES)})\.)?(p[0-9]{{1,2}}(?:\.[0-9]+)?|p100|max|mean)")
WORDS: Final = (
    "p50 to p99.9, max and mean of deliveries, "
    f"{', '.join(f'{name}.p99' for name in LATENCIES if name != 'delivery')} and so on, "
    f"{', '.join((*_RATES, 'busy', *WRONG))}"
)
"""What there is."""


@dataclass(frozen=True)
class Failed:
    """A threshold that was passed, and by what."""

    threshold: str
    value: float


@dataclass(frozen=True)
class Threshold:
    """The run has failed if the figure compares so: times in seconds, shares from 0 to 1."""

    text: str
    figure: str
    operator: str
    bound: float

    def check(self, figure: Callable[[str], float]) -> Failed | None:
        """What is wrong, by the figures of a run."""
        value = figure(self.figure)
        return Failed(self.text, value) if _OPERATORS[self.operator](value, self.bound) else None


def parse(text: str) -> list[Threshold]:
    """The conditions, separated by commas. Raises ValueError with a message for the user."""
    return [_one(part) for part in text.split(",")]


def _one(text: str) -> Threshold:
    found = _SHAPE.fullmatch(text)
    if found is None:
        raise ValueError(f"{text.strip()!r} is not a condition, such as p99>50ms or lost>0")
    name, compared, digits, unit = found.groups()
    try:
        number = float(digits)
    except ValueError:
        raise ValueError(f"{text.strip()!r}: {digits!r} is not a number") from None
    words = text.strip()
    if timed := _TIME.fullmatch(name):
        if unit not in _UNITS:
            raise ValueError(f"{words!r}: a time needs a unit: {name}{compared}{digits}ms, or us, or s")
        figure = f"{timed[1] or 'delivery'}.{timed[2]}"
        return Threshold(words, figure, compared, number / _UNITS[unit])
    if name == "busy":
        if unit != "%":
            raise ValueError(f"{words!r}: busy is in percent: busy{compared}{digits}%")
        return Threshold(words, name, compared, number / 100)
    if name not in (*WRONG, *_RATES):
        raise ValueError(f"{words!r}: there is no figure {name!r}; there are {WORDS}")
    if unit:
        raise ValueError(f"{words!r}: {name} has no unit: {name}{compared}{digits}")
    return Threshold(words, name, compared, number)
