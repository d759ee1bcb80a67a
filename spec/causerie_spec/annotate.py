"""Octets with field names beside them, however damaged they are.

`annotate` goes through a stream of frames and never fails: what cannot be decoded is shown as it is, the
first wrong octet of a frame is marked, and the error is explained. `render` makes text of it::

    QUIT ref 7, 12 octets
      0000  00 00 00 04              length         4
      0004  05                       type           QUIT
      0005  00                       flags          0
      0006  00 07                    ref            7
      0008  02                       reason length  2
      0009  61 ff                    reason
               ^^ reason: not UTF-8: invalid start byte
      000b  00                       rest           (not decoded)

In here: dumps for people. Not in here: answers to errors, the domains of fields.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from enum import IntEnum

from causerie_spec.codes import (
    HEADER_SIZE,
    MAX_BODY,
    SERVER_BIT,
    ByeCode,
    Direction,
    ErrorCode,
    Kind,
)
from causerie_spec.layout import Fault, Part, walk
from causerie_spec.messages import MESSAGES, Compose, Message

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
TIMES = ("timestamp", "server_time", "last_seen")
"""The fields that are times, in ms since the Unix epoch."""
NAMED: dict[tuple[str, str], type[IntEnum]] = {
    ("ERROR", "code"): ErrorCode,
    ("BYE", "code"): ByeCode,
    ("SEND", "kind"): Kind,
    ("MESSAGE", "kind"): Kind,
    ("HISTORY", "direction"): Direction,
}
"""Frame and field of the numbers that have names, and the names."""


@dataclass(frozen=True, slots=True)
class Row:
    """Octets that belong together.

    ``offset`` counts octets from the start of the data, ``octets`` are as they came, ``field`` says what they
    are, ``value`` what they mean, for people (empty if they could not be decoded), ``note`` what is
    remarkable about them, and is usually empty.
    """

    offset: int
    octets: bytes
    field: str
    value: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class AnnotatedFrame:
    """One frame, or what there is of it.

    ``offset`` counts octets from the start of the data; ``name`` is the frame's name, or ``unknown type
    0x7f``, or ``incomplete header``; ``type`` and ``ref`` are the header's, None where it ends before them;
    ``rows`` are all its octets; ``error`` explains the first fault, and ``error_offset`` is the first wrong
    octet, counted like ``offset`` (behind the last octet where some are missing). Both are None in a good
    frame.
    """

    offset: int
    name: str
    type: int | None
    ref: int | None
    rows: tuple[Row, ...]
    error: str | None = None
    error_offset: int | None = None

    @property
    def size(self) -> int:
        """How many octets of it there are, header included."""
        return sum(len(row.octets) for row in self.rows)


def annotate(data: bytes, limit: int = MAX_BODY) -> list[AnnotatedFrame]:
    """The frames in *data*, which may be cut off or damaged anywhere.

    *limit* is the longest legal body in octets. Behind a header over it nothing is taken for a frame any
    more.
    """
    frames = []
    offset = 0
    while offset < len(data):
        frame = _annotate_frame(data, offset, limit)
        frames.append(frame)
        offset += frame.size
    return frames


def _annotate_frame(data: bytes, offset: int, limit: int) -> AnnotatedFrame:
    header = data[offset : offset + HEADER_SIZE]
    if len(header) < HEADER_SIZE:
        rows = tuple(_header_rows(header, offset))
        missing = HEADER_SIZE - len(header)
        cut = f"the stream ends {_count(missing)} before the end of the header"
        return AnnotatedFrame(offset, "incomplete header", None, None, rows, cut, len(data))
    length, type_, _, ref = struct.unpack(">IBBH", header)
    cls = MESSAGES.get(type_)
    name = cls.NAME if cls else f"unknown type {type_:#04x}"
    rows = tuple(_header_rows(header, offset))
    start = offset + HEADER_SIZE
    if length > limit:
        rest = _rest(data[start:], start, "?", "not taken for frames")
        return AnnotatedFrame(offset, name, type_, ref, (*rows, *rest), _too_large(length, limit), offset)
    body = data[start : start + length]
    error: str | None = None
    error_offset = None
    if cls and ref == 0 and type_ < SERVER_BIT and cls is not Compose:
        error, error_offset = "a request has a ref other than 0", offset + 6
    body_rows, fault = _body_rows(cls, body, start)
    missing = length - len(body)
    if error is None and fault and not (missing and fault.offset == len(body)):
        error, error_offset = f"{fault.field}: {fault.reason}", start + fault.offset
    if error is None and missing:
        error, error_offset = f"the stream ends {_count(missing)} before the end of the body", len(data)
    return AnnotatedFrame(offset, name, type_, ref, (*rows, *body_rows), error, error_offset)


def _header_rows(header: bytes, offset: int) -> Iterator[Row]:
    """The header's fields, the last of them perhaps cut off."""
    at = 0
    for field, size in (("length", 4), ("type", 1), ("flags", 1), ("ref", 2)):
        octets = header[at : at + size]
        if octets:
            number = int.from_bytes(octets, "big")
            whole = len(octets) == size
            note = "senders set 0, receivers ignore it" if field == "flags" and number else ""
            cls = MESSAGES.get(number) if field == "type" else None
            yield Row(offset + at, octets, field, (cls.NAME if cls else str(number)) if whole else "", note)
        at += size


def _body_rows(cls: type[Message] | None, body: bytes, start: int) -> tuple[list[Row], Fault | None]:
    if cls is None:
        return _rest(body, start, "body", ""), None
    parts, fault = walk(cls, body)
    rows = [
        Row(start + part.offset, body[part.offset : part.offset + part.size], part.label, _value(cls, part))
        for part in parts
        # An empty text has no octets: its length says all.
        if part.size
    ]
    end = parts[-1].offset + parts[-1].size if parts else 0
    if fault is None:
        return rows + _rest(body[end:], start + end, "rest", "behind the last field: ignored"), None
    # The piece with the fault: what its length says, or the one octet that is wrong, or all that is left.
    size = 1
    if fault.offset == len(body):
        size = len(body) - end
    elif parts and parts[-1].field == fault.field and parts[-1].label.endswith("length"):
        size = int(str(parts[-1].value))
    rows += _rest(body[end : end + size], start + end, fault.field, "")
    return rows + _rest(body[end + size :], start + end + size, "rest", "not decoded"), fault


def _rest(octets: bytes, offset: int, field: str, note: str) -> list[Row]:
    return [Row(offset, octets, field, "", note)] if octets else []


def _too_large(length: int, limit: int) -> str:
    swapped = int.from_bytes(length.to_bytes(4, "big"), "little")
    hint = f" (read as little-endian it would be {swapped})" if swapped <= limit else ""
    return f"a body of {length} octets, the limit is {limit}{hint}"


def _value(cls: type[Message], part: Part) -> str:
    """A value for people, on one line and without anything that a terminal would obey."""
    value = part.value
    if isinstance(value, str):
        return quote(value)
    if isinstance(value, bytes):
        return quote(value.decode("ascii")) if value.isascii() else f"{len(value)} octets"
    if isinstance(value, bool):
        return "true" if value else "false"
    assert isinstance(value, int)
    if part.label in TIMES and value:
        return f"{value} ({time(value)})"
    named = NAMED.get((cls.NAME, part.label))
    if named and value in named._value2member_map_:
        return f"{value} {named(value).name}"
    return str(value)


def quote(text: str) -> str:
    """A text in quotation marks, with everything escaped that is not plainly visible."""
    return '"' + "".join(map(_escape, text)) + '"'


def _escape(character: str) -> str:
    if character in '"\\':
        return "\\" + character
    return character if character.isprintable() else f"\\u{{{ord(character):x}}}"


def time(milliseconds: int) -> str:
    """A time on the wire for people, in UTC; empty where the calendar ends."""
    try:
        moment = _EPOCH + timedelta(milliseconds=milliseconds)
    except OverflowError:
        return "beyond the year 9999"
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _count(octets: int) -> str:
    return f"{octets} octet{'s' * (octets != 1)}"


def render(frames: Iterable[AnnotatedFrame], *, per_line: int = 8, most: int = 64) -> str:
    """Annotated frames as text, *per_line* octets a line; of a field of over *most* octets the beginning only.

    The line with the wrong octet is always there.
    """
    return "\n".join(line for frame in frames for line in _render_frame(frame, per_line, most))


def _render_frame(frame: AnnotatedFrame, per_line: int, most: int) -> Iterator[str]:
    ref = "" if frame.ref is None else f" ref {frame.ref}"
    yield f"{frame.name}{ref}, {_count(frame.size)}"
    width = max(len(row.field) for row in frame.rows)
    wrong = frame.error_offset
    for row in frame.rows:
        # An error behind the last octet is marked in the last row.
        end = row.offset + len(row.octets) + (row is frame.rows[-1])
        inside = wrong is not None and row.offset <= wrong < end
        mark = (wrong - row.offset, frame.error) if wrong is not None and inside else None
        yield from _render_row(row, width, per_line, most, mark)


def _render_row(row: Row, width: int, per_line: int, most: int, mark: tuple[int, str | None] | None) -> Iterator[str]:
    starts = range(0, len(row.octets), per_line)
    marked = None if mark is None else min(mark[0] // per_line, len(starts) - 1) * per_line
    label = f"{row.field.ljust(width)}  {_shorten(row.value)}{'  ' * bool(row.value)}"
    label += f"({row.note})" if row.note else ""
    hidden = 0
    for start in starts:
        if len(row.octets) > most and start >= most // 2 and start != marked:
            hidden += len(row.octets[start : start + per_line])
            continue
        if hidden:
            yield f"  ....  {_count(hidden)} more"
            hidden = 0
        hexadecimal = row.octets[start : start + per_line].hex(" ").ljust(3 * per_line - 1)
        yield f"  {row.offset + start:04x}  {hexadecimal}  {label if start == 0 else ''}".rstrip()
        if start == marked and mark is not None:
            yield f"        {'   ' * (mark[0] - start)}^^ {mark[1]}"
    if hidden:
        yield f"  ....  {_count(hidden)} more"


def _shorten(value: str, most: int = 100) -> str:
    return value if len(value) <= most else value[:most] + " …"
