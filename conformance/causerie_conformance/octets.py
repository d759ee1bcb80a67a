"""Octets with their fields: where a field stands in a frame, and a frame shown with the first wrong octet marked.

In here: what reports need of `causerie_spec.annotate`. Not in here: anything that judges.
"""

from __future__ import annotations

import dataclasses
import struct
from typing import Any, Final

from causerie_spec.annotate import Row, annotate
from causerie_spec.codec import EncodeError, decode, encode
from causerie_spec.codes import HEADER_SIZE
from causerie_spec.errors import PeerError

ROWS_SHOWN: Final = 5
"""Fields of an annotated frame that are shown, around the wrong one."""
OCTETS_SHOWN: Final = 12
"""Octets of one field that are shown."""
SHOULD_BE: Final = "should be"
"""How the line begins that shows what the wrong field should be."""


def field_offset(octets: bytes, field: str) -> int | None:
    """Where the value of a field begins, counted from the header's first octet; None if it cannot be told."""
    offset = None
    for frame in annotate(octets)[:1]:
        for row in frame.rows:
            if row.field == field:
                return row.offset
            if row.field.startswith(f"{field} ") and offset is None:
                offset = row.offset
    return offset


def difference(octets: bytes, field: str, right: Any = None) -> tuple[int | None, bytes]:
    """The first octet of a frame's field that is wrong, and the frame as it should be, with the *right* value there.

    Without a right value that is where the field begins, and nothing.
    """
    offset = field_offset(octets, field)
    should = _with(octets, field, right) if right is not None and offset is not None else b""
    if not should or offset is None:
        return offset, b""
    came, wanted = _rows_of(octets, field), _rows_of(should, field)
    for name in reversed(came):  # the text before its length: it says more
        for place, (one, other) in enumerate(zip(came[name].octets, _octets_in(wanted, name), strict=False)):
            if one != other:
                return came[name].offset + place, should
    return offset, should


def _octets_in(rows: dict[str, Row], name: str) -> bytes:
    return rows[name].octets if name in rows else b""


def _with(octets: bytes, field: str, right: Any) -> bytes:
    """The frame with another value in one field; empty if there is no such frame."""
    length, type_, flags, ref = struct.unpack_from(">IBBH", octets)
    if field in ("ref", "flags"):
        ref, flags = (right, flags) if field == "ref" else (ref, right)
        return struct.pack(">IBBH", length, type_, flags, ref) + octets[HEADER_SIZE:]
    try:
        message: Any = decode(type_, octets[HEADER_SIZE:])
        return encode(dataclasses.replace(message, **{field: right}), ref)
    except (PeerError, EncodeError, TypeError):
        return b""


def _rows_of(octets: bytes, field: str) -> dict[str, Row]:
    """The rows of a field, its length among them, by their names."""
    rows = annotate(octets)[0].rows if octets else ()
    return {row.field: row for row in rows if row.field == field or row.field.startswith(f"{field} ")}


def annotated(octets: bytes, offset: int | None, should: bytes = b"") -> list[str]:
    """The first frame in *octets*, a line for each field near *offset*, with a mark below the first wrong octet.

    Below the mark stands what the field is in the frame that it *should* be, if that is known.
    """
    frames = annotate(octets)
    if not frames:
        return []
    rows = list(frames[0].rows)
    wrong = offset if offset is not None else frames[0].error_offset
    lines = []
    for row in _near(rows, wrong):
        inside = wrong is not None and row.offset <= wrong < row.offset + max(1, len(row.octets))
        begin = _begin(wrong - row.offset) if inside and wrong is not None else 0
        lines.append(f"{row.offset + begin:04x}  {_words(row, begin)}")
        if inside and wrong is not None:
            lines.append(f"{'':6}{'   ' * (wrong - row.offset - begin)}^^ the first wrong octet")
            right = [each for each in _rows_of(should, row.field).values() if each.offset == row.offset]
            lines += [f"{SHOULD_BE}{'':6}{_words(each, begin)}" for each in right]
    return lines


def _begin(place: int) -> int:
    """How many octets of a long field are left out before the wrong one."""
    return max(0, place - OCTETS_SHOWN // 2) if place >= OCTETS_SHOWN else 0


def _near(rows: list[Row], wrong: int | None) -> list[Row]:
    """The rows around the one with the wrong octet."""
    at = 0
    for index, row in enumerate(rows):
        if wrong is not None and row.offset <= wrong:
            at = index
    first = max(0, min(at - ROWS_SHOWN // 2, len(rows) - ROWS_SHOWN))
    return rows[first : first + ROWS_SHOWN]


def _words(row: Row, begin: int = 0) -> str:
    octets = row.octets[begin : begin + OCTETS_SHOWN]
    shown = octets.hex(" ") + (" …" if len(row.octets) > begin + OCTETS_SHOWN else "")
    note = f" ({row.note})" if row.note else ""
    return f"{shown:<{OCTETS_SHOWN * 3 + 2}} {row.field:<18} {row.value[:40]}{note}".rstrip()
