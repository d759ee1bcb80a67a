"""Lines fitted to a terminal: what does not fit goes on below, indented.

In here: pure functions. Without this, a terminal would break a long text at its edge and go on in the first
column, where a clever text looks like a line of somebody else's [CLIENT-7].
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from causerie.console.view import Line, Role, Span

INDENT: Final = 9
"""Columns before a continued line: the width of a time and a space."""
_NARROW: Final = 24
"""Columns below which indenting would leave no room for text."""

Measure = Callable[[str], int]
"""How many columns a text takes."""


def fit(line: Line, width: int, measure: Measure, indent: int = INDENT) -> list[list[Span]]:
    """The rows of a line, none wider than ``width`` columns; rows after the first are indented, those of a message
    by ``indent``."""
    indent = indent if line.chat else 3
    if width < _NARROW:
        indent = 1
    rows: list[list[Span]] = [list(line.head)]
    column = sum(measure(span.text) for span in line.head)
    for number, text in enumerate(line.body):
        if number:
            rows.append([Span(Role.TEXT, " " * indent)])
            column = indent
        for piece in _pieces(text, width - column, width - indent, measure):
            if piece.row:
                rows.append([Span(Role.TEXT, " " * indent)])
            rows[-1].append(Span(line.role, piece.text))
    return rows


class _Piece:
    """A part of a text; ``row`` says that it begins a new row."""

    __slots__ = ("row", "text")

    def __init__(self, text: str, row: bool) -> None:
        self.text = text
        self.row = row


def _pieces(text: str, first: int, rest: int, measure: Measure) -> list[_Piece]:
    """Cut the text at spaces where there are some, elsewhere if need be."""
    pieces: list[_Piece] = []
    room, row = first, False
    while (cut := _cut(text, room, measure)) < len(text):
        if cut == 0:
            if row or room >= rest:
                cut = 1  # not even one character fits: it must go somewhere
            else:
                room, row = rest, True
                continue
        pieces.append(_Piece(text[:cut].rstrip(" "), row))
        text = text[cut:].lstrip(" ")
        room, row = rest, True
    pieces.append(_Piece(text, row))
    return pieces


def _cut(text: str, room: int, measure: Measure) -> int:
    """How many characters fit: up to the last space if there is one, else as many as there is room for."""
    used = 0
    space = 0
    for index, character in enumerate(text):
        used += max(0, measure(character))
        if used > room:
            return space or index
        if character == " ":
            space = index + 1
    return len(text)
