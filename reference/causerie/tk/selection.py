"""What is selected in the pane, and the text of it: by places and offsets, whatever is drawn just now. Pure.

A point is (index of the row, offset in its message's text, as received).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from causerie.client.model import Entry
from causerie.client.visible import visible
from causerie.tk.texts import body_of, clock, day_of

Point = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Selection:
    """From ``anchor``, where the mouse went down, to ``head``, where it is."""

    anchor: Point
    head: Point

    @property
    def ends(self) -> tuple[Point, Point]:
        """The first and the last point."""
        return (self.anchor, self.head) if self.anchor <= self.head else (self.head, self.anchor)

    @property
    def empty(self) -> bool:
        """Is nothing selected?"""
        return self.anchor == self.head

    def part(self, row: int, length: int) -> tuple[int, int] | None:
        """What of a row is selected, whose text has so many characters; None: nothing."""
        (first, begin), (last, end) = self.ends
        if not first <= row <= last:
            return None
        part = (begin if row == first else 0, end if row == last else length)
        return part if part[0] < part[1] or first < row < last else None


def selected_text(selection: Selection, entries: Sequence[Entry | None], display: Callable[[str], str]) -> str:
    """What is copied: a part of one message as it is, several messages with time and name before each.

    ``entries`` are those of the rows; None for rows without a message.
    """
    (first, begin), (last, end) = selection.ends
    if first == last:
        entry = entries[first]
        return "" if entry is None else body_of(entry, display)[begin:end]
    lines = []
    for row in range(first, last + 1):
        entry = entries[row]
        if entry is None:
            continue
        body = body_of(entry, display)
        part = body[begin if row == first else 0 : end if row == last else len(body)]
        if part:
            lines.append(
                f"[{day_of(entry.timestamp)} {clock(entry.timestamp)}] {visible(display(entry.sender))}: {part}"
            )
    return "\n".join(lines)


def word_at(text: str, offset: int) -> tuple[int, int]:
    """Where the word around that offset begins and ends."""
    begin = end = min(offset, max(0, len(text) - 1))
    kind = text[begin : begin + 1].isalnum()
    while begin > 0 and text[begin - 1].isalnum() == kind and not text[begin - 1].isspace():
        begin -= 1
    while end < len(text) and text[end].isalnum() == kind and not text[end].isspace():
        end += 1
    return begin, end
