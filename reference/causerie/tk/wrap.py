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
    """Word by word: the widths of words are what a caller can keep, so that long texts are wrapped quickly."""
    lines: list[tuple[int, int]] = []
    start = at = used = 0  # the line begins, goes on, and is so wide
    while at < len(text):
        end = text.find(" ", at)
        end = len(text) if end < 0 else max(end, at + 1)
        room = measure(text[at:end]) if end - at <= width else width + 1  # no character is narrower than a pixel
        if used + room <= width:
            at, used = end, used + room
            continue
        if at == start:  # no line holds that word
            end = at + fitting(text[at:end], width, measure)
            lines.append((start, end))
            at = end
        elif text[at] == " ":
            lines.append((start, at))
            at = end
        else:
            lines.append((start, at - 1 if text[at - 1] == " " else at))
        start, used = at, 0
    if start < at or not lines:
        lines.append((start, at))
    return lines


def fitting(text: str, width: int, measure: Measure) -> int:
    """How many characters fit into ``width``, one at least."""
    low, high = 1, len(text)
    if high <= 1:
        return high
    sample = text[:32]
    guess = width * len(sample) // max(1, measure(sample))
    for probe in (guess * 3 // 4, guess * 5 // 4 + 1):  # so that a long text is not measured whole
        if low < probe < high:
            if measure(text[:probe]) <= width:
                low = probe
            else:
                high = probe - 1
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
