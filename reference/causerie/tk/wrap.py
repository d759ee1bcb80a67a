"""Text into lines no wider than there is room. Pure, given a function that measures."""

from __future__ import annotations

from collections.abc import Callable

Measure = Callable[[str], int]
"""How many pixels wide a text is."""


def wrap(text: str, width: int, measure: Measure) -> list[tuple[int, int]]:
    """Where each line begins and ends in the text; the line break or space at which it was cut belongs to none.

    Lines break at line breaks, else at spaces, else anywhere.
    """
    lines: list[tuple[int, int]] = []
    start = 0
    for part in text.split("\n"):
        lines += ((start + first, start + last) for first, last in _paragraph(part, width, measure))
        start += len(part) + 1
    return lines


def _paragraph(text: str, width: int, measure: Measure) -> list[tuple[int, int]]:
    if measure(text) <= width:
        return [(0, len(text))]
    lines: list[tuple[int, int]] = []
    start = 0
    while start < len(text):
        end = start + fitting(text[start : start + 4 * width + 1], width, measure)
        if end < len(text):
            space = text.rfind(" ", start, end + 1)
            if space > start:
                lines.append((start, space))
                start = space + 1
                continue
        lines.append((start, end))
        start = end
    return lines


def fitting(text: str, width: int, measure: Measure) -> int:
    """How many characters fit into ``width``, one at least."""
    low, high = 1, len(text)
    if high <= 1 or measure(text) <= width:
        return high
    while low < high:
        middle = (low + high + 1) // 2
        if measure(text[:middle]) <= width:
            low = middle
        else:
            high = middle - 1
    return low


def offset_at(text: str, x: int, measure: Measure) -> int:
    """The offset in one line's text that is nearest to ``x`` pixels from its left."""
    if not text or x <= 0:
        return 0
    count = fitting(text, x, measure)
    near = range(max(0, count - 1), min(len(text), count + 1) + 1)
    return min(near, key=lambda at: abs(measure(text[:at]) - x))
