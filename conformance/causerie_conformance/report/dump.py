"""Octets with field names beside them, from the JSON document: in colour for the frame that is wrong, plain for others.

In here: the lines of dumps, and their two forms. Not in here: what else is told of a failure (`html_failure`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from causerie_conformance.report.markup import Html, join, tag

PER_LINE: Final = 8
"""Octets in a line."""
MOST: Final = 64
"""Octets of one field that are shown, but for the line with the wrong one."""
MOST_VALUE: Final = 60
"""Characters of a field's value that are shown in a plain dump; twice as many in colour."""
NEWLINE: Final = Html("\n")

Frame = dict[str, Any]
Field = dict[str, Any]


class Line(NamedTuple):
    """Some octets of one field. ``label`` is the field in its first line; ``left_out`` counts octets not shown before.

    ``mark`` is the place of the first wrong octet among these, behind them if it is missing.
    """

    start: int
    octets: bytes
    label: Field | None = None
    left_out: int = 0
    mark: int | None = None


def _lines(octets: bytes, field: Field, wrong: int | None = None, *, last: bool = False) -> Iterator[Line]:
    """The lines of one field; behind the *last* one an octet may be missing, and marked."""
    begin, size, left_out = field["offset"], field["size"], 0
    for start in range(begin, begin + size, PER_LINE):
        shown = octets[start : min(start + PER_LINE, begin + size)]
        behind = last and start + PER_LINE >= begin + size
        mark = wrong - start if wrong is not None and start <= wrong < start + len(shown) + behind else None
        if start - begin >= MOST and mark is None:
            left_out += len(shown)
            continue
        yield Line(start, shown, field if start == begin else None, left_out, mark)
        left_out = 0
    if left_out:
        yield Line(begin + size, b"", None, left_out)


def cut(value: str, most: int = MOST_VALUE) -> str:
    """The beginning of a long value, and how long it is."""
    return value if len(value) <= most else f"{value[:most]} … ({len(value)} characters)"


def _left_out(line: Line) -> str:
    return f"      …  {line.left_out} octets more"


# Plain


def plain(octets: bytes, frames: list[Frame]) -> str:
    """A dump of frames, or of octets that are none."""
    found = []
    for frame in frames or [{"fields": [{"offset": 0, "size": len(octets), "name": "", "value": ""}]}]:
        width = max(len(field["name"]) for field in frame["fields"])
        for line in (line for field in frame["fields"] for line in _lines(octets, field)):
            if line.left_out:
                found.append(_left_out(line))
            if line.octets:
                label = f"{line.label['name']:<{width}}  {cut(line.label['value'])}" if line.label else ""
                found.append(f"{line.start:04x}  {line.octets.hex(' '):<{3 * PER_LINE - 1}}  {label}".rstrip())
    return "\n".join(found)


# In colour


def coloured(finding: dict[str, Any]) -> Html:
    """The offending frame, its first wrong octet marked, and beside each field what it should be, if that is known."""
    octets, frames, wrong = bytes.fromhex(finding["octets"]), finding["frames"], finding["offset"]
    errors = [frame for frame in frames if frame["error"] is not None]
    if wrong is None and errors:
        wrong = errors[0]["error_offset"]
    why = f"the first wrong octet: {errors[0]['error']}" if errors else "the first wrong octet"
    found: list[Html] = []
    for number, frame in enumerate(frames):
        right = _Right(finding) if number == 0 else None
        ref = "" if frame["ref"] is None else f" ref {frame['ref']}"
        found.append(join([tag("b", frame["name"], ref), " ", tag("i", f"{frame['size']} octets")]))
        found += _frame(octets, frame, wrong, why, right)
    return join(found, NEWLINE)


class _Right:
    """The frame as it should be: its fields by name."""

    def __init__(self, finding: dict[str, Any]) -> None:
        self.octets = bytes.fromhex(finding["should"])
        self.fields = {field["name"]: field for frame in finding["should_frames"][:1] for field in frame["fields"]}

    def differs(self, field: Field, octets: bytes) -> Field | None:
        """What the field should be, if it is something else."""
        right = self.fields.get(field["name"])
        return right if right is not None and _of(right, self.octets) != _of(field, octets) else None


def _of(field: Field, octets: bytes) -> bytes:
    return octets[field["offset"] : field["offset"] + field["size"]]


def _frame(octets: bytes, frame: Frame, wrong: int | None, why: str, right: _Right | None) -> Iterator[Html]:
    width = max(len(field["name"]) for field in frame["fields"])
    for field in frame["fields"]:
        for line in _lines(octets, field, wrong, last=field is frame["fields"][-1]):
            yield from _line(line, width)
            if line.mark is not None:
                yield join(["      " + "   " * line.mark, tag("em", f"▲ {why}")])
        should = right.differs(field, octets) if right is not None else None
        if should is not None and right is not None:
            for line in _lines(right.octets, should):
                yield from (tag("ins", shown) for shown in _line(line, width, "→ "))


def _line(line: Line, width: int, head: str = "") -> Iterator[Html]:
    if line.left_out:
        yield tag("i", _left_out(line))
    if not line.octets:
        return
    pairs = [
        tag("mark", f"{octet:02x}") if place == line.mark else Html(f"{octet:02x}")
        for place, octet in enumerate(line.octets)
    ]
    padding = " " * (3 * (PER_LINE - len(pairs)))
    offset = tag("i", f"{head:>6}" if head else f"{line.start:04x}  ")
    yield join([offset, join(pairs, " "), padding, "  ", _label(line.label, width, head)])


def _label(field: Field | None, width: int, head: str) -> Html:
    if field is None:
        return Html("")
    note = tag("i", f"  ({field['note']})") if field["note"] else ""
    name = tag("b", field["name"].ljust(width))
    return join([name, "  ", cut(field["value"], 2 * MOST_VALUE), note, "  ← should be" if head else ""])
