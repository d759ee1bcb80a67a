"""Octets with their fields: where a field stands in a frame, and a frame shown with the first wrong octet marked.

In here: what reports need of `causerie_spec.annotate`. Not in here: anything that judges.
"""

from __future__ import annotations

from typing import Final

from causerie_spec.annotate import Row, annotate

ROWS_SHOWN: Final = 5
"""Fields of an annotated frame that are shown, around the wrong one."""
OCTETS_SHOWN: Final = 12
"""Octets of one field that are shown."""


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


def annotated(octets: bytes, offset: int | None) -> list[str]:
    """The first frame in *octets*, a line for each field near *offset*, with a mark below the first wrong octet."""
    frames = annotate(octets)
    if not frames:
        return []
    rows = list(frames[0].rows)
    wrong = offset if offset is not None else frames[0].error_offset
    lines = []
    for row in _near(rows, wrong):
        lines.append(_line(row))
        if wrong is not None and row.offset <= wrong < row.offset + max(1, len(row.octets)):
            place = min(wrong - row.offset, OCTETS_SHOWN)
            lines.append(f"{'':6}{'   ' * place}^^ the first wrong octet")
    return lines


def _near(rows: list[Row], wrong: int | None) -> list[Row]:
    """The rows around the one with the wrong octet."""
    at = 0
    for index, row in enumerate(rows):
        if wrong is not None and row.offset <= wrong:
            at = index
    first = max(0, min(at - ROWS_SHOWN // 2, len(rows) - ROWS_SHOWN))
    return rows[first : first + ROWS_SHOWN]


def _line(row: Row) -> str:
    shown = row.octets[:OCTETS_SHOWN].hex(" ") + (" …" if len(row.octets) > OCTETS_SHOWN else "")
    note = f" ({row.note})" if row.note else ""
    return f"{row.offset:04x}  {shown:<{OCTETS_SHOWN * 3 + 2}} {row.field:<18} {row.value[:40]}{note}".rstrip()
