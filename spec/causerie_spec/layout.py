"""The declarations as plain data, and the one careful walk over a body.

In here: what the forms of `forms` come to (a size and a struct code, a length prefix, limits), read off the
construct objects themselves; and `walk`, which goes through a body from left to right, piece by piece, and
names the first fault. The codec's generator, its error messages and the annotated dumps all build on it. Not
in here: speed. The codec's generated functions are fast and only notice *that* something is wrong; then they
ask here what it was.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from construct import Bytes, Construct, FormatField, Prefixed

from causerie_spec import forms
from causerie_spec.messages import Message, declared_fields


@dataclass(frozen=True, slots=True)
class Fixed:
    """A field of fixed size: a number, a bool, or octets; ``code`` is its struct code, ``size`` in octets."""

    code: str
    size: int
    boolean: bool = False
    octets: bool = False


@dataclass(frozen=True, slots=True)
class Counted:
    """A length in octets, by struct ``code`` and ``size``, then that many octets: UTF-8 if ``text``."""

    code: str
    size: int
    text: bool

    @property
    def most(self) -> int:
        """The longest value, in octets."""
        return int(256**self.size - 1)


@dataclass(frozen=True, slots=True)
class Listed:
    """A u8 count, then that many texts with a u8 length: at most ``most`` of at most ``longest`` octets."""

    most: int
    longest: int


Shape = Fixed | Counted | Listed


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a frame: its name, the specification's name of its form, its shape, its meaning."""

    name: str
    form: str
    shape: Shape
    doc: str


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a body that belongs together: a value, or the length or count that stands before one.

    ``field`` is the field's name, ``label`` that with what the piece is (``agent length``,
    ``capabilities[2]``), ``offset`` and ``size`` are in octets in the body, ``value`` is as decoded.
    """

    field: str
    label: str
    offset: int
    size: int
    value: object


@dataclass(frozen=True, slots=True)
class Fault:
    """The first thing that is wrong in a body: in which field, at which offset in octets, and what."""

    field: str
    offset: int
    reason: str


def fields_of(cls: type[Message]) -> tuple[Field, ...]:
    """The fields of a frame in wire order."""
    return tuple(Field(name, forms.form_name(form), _shape(form), doc) for name, form, doc in declared_fields(cls))


def _shape(form: Construct[Any, Any]) -> Shape:
    """Read a form's shape off the construct objects; `TypeError` for one that has no shape here."""
    match form:
        case FormatField():
            return Fixed(form.fmtstr[1:], form.length)
        case forms.Boolean():
            return Fixed("B", 1, boolean=True)
        case forms.Octets(subcon=Bytes() as inner):
            return Fixed(f"{inner.length}s", inner.sizeof(), octets=True)
        case forms.Octets(subcon=Prefixed() as inner) | forms.Utf8(subcon=Prefixed() as inner):
            prefix = _shape(inner.lengthfield)
            assert isinstance(prefix, Fixed)
            return Counted(prefix.code, prefix.size, text=isinstance(form, forms.Utf8))
        case forms.Strings():
            return Listed(form.most, form.longest)
    raise TypeError(f"no shape for {form!r}")


class _FaultError(Exception):
    """Ends a walk."""

    def __init__(self, field: str, offset: int, reason: str) -> None:
        super().__init__(reason)
        self.fault = Fault(field, offset, reason)


def walk(cls: type[Message], body: bytes) -> tuple[list[Part], Fault | None]:
    """All parts of a body up to the first fault, and the fault, if there is one.

    Octets behind the last field are neither part nor fault: the sum of the parts' sizes says where they
    begin.
    """
    parts: list[Part] = []
    offset = 0
    try:
        for field in fields_of(cls):
            for part in _walk_field(field, body, offset):
                parts.append(part)
                offset = part.offset + part.size
    except _FaultError as stop:
        return parts, stop.fault
    return parts, None


def _walk_field(field: Field, body: bytes, offset: int) -> Iterator[Part]:
    shape = field.shape
    if isinstance(shape, Fixed):
        yield _fixed(field, shape, body, offset)
        return
    if isinstance(shape, Counted):
        length = _number(field, "length", shape.code, body, offset)
        yield length
        yield _counted(field, field.name, body, length, shape.text)
        return
    count = _number(field, "count", "B", body, offset, most=shape.most)
    yield count
    offset += count.size
    assert isinstance(count.value, int)
    for index in range(count.value):
        length = _number(field, f"[{index}] length", "B", body, offset, most=shape.longest)
        yield length
        entry = _counted(field, f"{field.name}[{index}]", body, length, text=True)
        yield entry
        offset = entry.offset + entry.size


def _fixed(field: Field, shape: Fixed, body: bytes, offset: int) -> Part:
    _need(field, body, offset, shape.size)
    value: Any = struct.unpack_from(">" + shape.code, body, offset)[0]
    if shape.boolean:
        if value > 1:
            raise _FaultError(field.name, offset, f"a bool is 0 or 1, not {value}")
        value = value == 1
    return Part(field.name, field.name, offset, shape.size, value)


def _number(field: Field, what: str, code: str, body: bytes, offset: int, *, most: int | None = None) -> Part:
    """A length or count that stands before a value."""
    size = struct.calcsize(">" + code)
    _need(field, body, offset, size)
    (value,) = struct.unpack_from(">" + code, body, offset)
    if most is not None and value > most:
        noun = "entries" if what == "count" else "octets in an entry"
        raise _FaultError(field.name, offset, f"{value} {noun}, the limit is {most}")
    glue = "" if what.startswith("[") else " "
    return Part(field.name, f"{field.name}{glue}{what}", offset, size, value)


def _counted(field: Field, label: str, body: bytes, length: Part, text: bool) -> Part:
    """The value that stands behind its length."""
    offset = length.offset + length.size
    assert isinstance(length.value, int)
    _need(field, body, offset, length.value)
    raw = body[offset : offset + length.value]
    if not text:
        return Part(field.name, label, offset, length.value, raw)
    try:
        return Part(field.name, label, offset, length.value, raw.decode())
    except UnicodeDecodeError as error:
        raise _FaultError(field.name, offset + error.start, f"not UTF-8: {error.reason}") from None


def _need(field: Field, body: bytes, offset: int, size: int) -> None:
    missing = offset + size - len(body)
    if missing > 0:
        raise _FaultError(field.name, len(body), f"the body ends {missing} octet{'s' * (missing > 1)} too early")
