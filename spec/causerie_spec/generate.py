"""Encode and decode functions, written out from the declarations at import.

construct interprets its declarations octet by octet, which is right for a definition and about thirty times
too slow for a server. Here the same declarations are turned into the source text of straight functions, one
pair for each frame, as `dataclasses` does for ``__init__``: neighbouring fields of fixed size, and the length
that stands before the next text, are packed and unpacked by one `struct.Struct`. What it makes of a frame is
shown by `source`.

Three decisions make it fast without making it wrong:

* The functions only notice *that* something is wrong (a short slice, a struct error, a bad octet); what, and
  where, is found by a second, careful look (`layout.walk` for octets, `misfit` for values). So the common
  case pays nothing for exact errors, and the first fault from the left is named whatever order the fast code
  saw.
* A decoded message is filled as a *draft*, an ordinary class with the very same slots, and becomes the frozen
  class by assignment to ``__class__``. A frozen dataclass's ``__init__`` goes through ``object.__setattr__``
  field by field, which takes six times as long as all the rest of decoding.
* Nothing is copied but the text itself.

In here: the generator. Not in here: the header, streams (`codec`), and any knowledge of single frames.
"""

from __future__ import annotations

import linecache
import struct
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from causerie_spec.codes import HEADER_SIZE, MAX_BODY, MAX_REF
from causerie_spec.errors import EncodeError, Malformed
from causerie_spec.layout import Counted, Field, Fixed, Listed, fields_of, walk
from causerie_spec.messages import Message

Encoder = Callable[[Any, int], bytes]
Packer = Callable[..., bytes]
Decoder = Callable[[bytes], Message]

#: What the fast code runs into when a value or an octet is wrong.
FAULTS = (AttributeError, IndexError, TypeError, ValueError, struct.error)

_HEADER = "IBBH"


def generate(cls: type[Message]) -> tuple[Encoder, Packer, Decoder]:
    """The encode, pack and decode functions of a frame.

    The encoder takes a message and its ref, and returns the whole frame; so does the packer, which takes the ref and
    the values of all fields; they raise `EncodeError`. The decoder takes a body and returns a message; it raises
    `Malformed`. None looks at any limit of a single field.
    """
    text, names = _write(cls)
    filename = f"<causerie_spec codec of {cls.NAME}>"
    # So that tracebacks and debuggers can show the lines.
    linecache.cache[filename] = (len(text), None, text.splitlines(keepends=True), filename)
    exec(compile(text, filename, "exec"), names)
    return names["encode"], names["pack"], names["decode"]


def source(cls: type[Message]) -> str:
    """The source text of a frame's generated functions, for the curious."""
    return _write(cls)[0]


def _write(cls: type[Message]) -> tuple[str, dict[str, Any]]:
    fields = fields_of(cls)
    names: dict[str, Any] = {
        "FAULTS": FAULTS,
        "Frozen": cls,
        # The same base and the same slots: the condition for changing __class__ from one to the other.
        "Draft": type(f"{cls.__name__}Draft", (Message,), {"__slots__": tuple(f.name for f in fields)}),
        "explain": _explain,
        "misfit": misfit,
        "pack_list": _pack_list,
        "unpack_list": _unpack_list,
    }
    values = ", ".join(field.name for field in fields)
    lines = [
        *_write_encode(cls, fields, names, _Given("encode(message, ref)", "message.", "message")),
        *("", ""),
        *_write_encode(cls, fields, names, _Given(f"pack(ref, {values})", "", f"Frozen({values})")),
        *("", ""),
        *_write_decode(fields, names),
    ]
    return "\n".join(lines) + "\n", names


class _Given(NamedTuple):
    """How a function that makes a frame gets its values."""

    signature: str
    prefix: str
    """What stands before a field's name where its value is."""
    message: str
    """The message of them all."""


def _write_encode(cls: type[Message], fields: Sequence[Field], names: dict[str, Any], given: _Given) -> list[str]:
    lines: list[str] = []
    runs: list[str] = []  # source of each piece that is joined into the frame
    code, values = _HEADER, ["{length}", f"{cls.TYPE:#04x}", "0", "ref"]
    fixed, lengths, largest = 0, [], 0

    def flush() -> None:
        nonlocal code, values
        if values:
            name = f"pack_{len(runs)}"
            names[name] = struct.Struct(">" + code).pack
            runs.append(f"{name}({', '.join(values)})")
            code, values = "", []

    for field in fields:
        name, shape, value = field.name, field.shape, given.prefix + field.name
        if isinstance(shape, Fixed):
            code, fixed, largest = code + shape.code, fixed + shape.size, largest + shape.size
            if shape.boolean:
                lines += [f"v_{name} = {value}", f"if v_{name} is not True and v_{name} is not False:"]
                lines += ["    raise TypeError"]
                values.append(f"v_{name}")
            elif shape.octets:
                lines += [f"v_{name} = {value}", f"if not is_octets(v_{name}, {shape.size}):"]
                lines += ["    raise TypeError"]
                names["is_octets"] = _is_octets
                values.append(f"v_{name}")
            else:
                values.append(value)
        elif isinstance(shape, Counted):
            lines.append(f"v_{name} = {value}{'.encode()' if shape.text else ''}")
            if not shape.text:
                lines += [f"if not isinstance(v_{name}, bytes):", "    raise TypeError"]
            lines.append(f"n_{name} = len(v_{name})")
            code, fixed, largest = code + shape.code, fixed + shape.size, largest + shape.size + shape.most
            values.append(f"n_{name}")
            lengths.append(f"n_{name}")
            flush()
            runs.append(f"v_{name}")
        else:
            flush()
            lines.append(f"v_{name} = pack_list({value}, {shape.most}, {shape.longest})")
            lengths.append(f"len(v_{name})")
            largest += 1 + shape.most * (1 + shape.longest)
            runs.append(f"v_{name}")
    flush()
    length = " + ".join([str(fixed), *lengths])
    if lengths:
        lines.append(f"length = {length}")
        length = "length"
    if largest > MAX_BODY:
        lines += [f"if length > {MAX_BODY}:", "    raise ValueError"]
    lines.append(f"return {' + '.join(runs)}".replace("{length}", length))
    return [
        f"def {given.signature}:",
        "    try:",
        *("        " + line for line in lines),
        "    except FAULTS as fault:",
        f"        raise misfit({given.message}, ref, fault) from None",
    ]


def _write_decode(fields: Sequence[Field], names: dict[str, Any]) -> list[str]:
    lines: list[str] = ["message = Draft()"]
    after: list[str] = []  # checks of the octets in the current run
    code = ""
    targets: list[str] = []
    base, known = "", 0  # where the current run begins: a variable (or none yet), and octets behind it
    ends_open = False  # does the frame end in something that a slice cut silently?

    def at(offset: int) -> str:
        return " + ".join(filter(None, [base, str(offset) if offset or not base else ""]))

    def flush() -> None:
        nonlocal code, targets, known
        if targets:
            compiled = struct.Struct(">" + code)
            if code == "B":
                lines.append(f"{targets[0]} = body[{at(known)}]")
            else:
                name = f"unpack_{len(names)}"
                names[name] = compiled.unpack_from
                lines.append(f"{', '.join(targets)}{',' * (len(targets) == 1)} = {name}(body, {at(known)})")
            lines.extend(after)
            after.clear()
            known += compiled.size
            code, targets = "", []

    for field in fields:
        name, shape = field.name, field.shape
        ends_open = False
        if isinstance(shape, Fixed):
            code += shape.code
            if shape.boolean:
                targets.append(name)
                after.extend([f"if {name} > 1:", "    raise ValueError", f"message.{name} = {name} == 1"])
            else:
                targets.append(f"message.{name}")
        elif isinstance(shape, Counted):
            code += shape.code
            targets.append(f"n_{name}")
            flush()
            lines.append(f"start = {at(known)}")
            lines.append(f"end = start + n_{name}")
            lines.append(f"message.{name} = body[start:end]{'.decode()' if shape.text else ''}")
            base, known, ends_open = "end", 0, True
        else:
            flush()
            lines.append(f"message.{name}, end = unpack_list(body, {at(known)}, {shape.most}, {shape.longest})")
            base, known = "end", 0
    flush()
    if ends_open:
        lines += ["if end > len(body):", "    raise IndexError"]
    lines += ["message.__class__ = Frozen", "return message"]
    return [
        "def decode(body):",
        "    try:",
        *("        " + line for line in lines),
        "    except FAULTS as fault:",
        "        raise explain(Frozen, body, fault) from None",
    ]


def _is_octets(value: object, size: int) -> bool:
    # struct's "4s" would pad what is too short, and cut what is too long.
    return isinstance(value, bytes) and len(value) == size


def _pack_list(entries: Sequence[str], most: int, longest: int) -> bytes:
    if not isinstance(entries, tuple | list) or len(entries) > most:
        raise ValueError
    octets = bytearray((len(entries),))
    for entry in entries:
        raw = entry.encode()
        if len(raw) > longest:
            raise ValueError
        octets.append(len(raw))
        octets += raw
    return bytes(octets)


def _unpack_list(body: bytes, offset: int, most: int, longest: int) -> tuple[tuple[str, ...], int]:
    count = body[offset]
    if count > most:
        raise ValueError
    end = offset + 1
    entries = []
    for _ in range(count):
        size = body[end]
        if size > longest:
            raise ValueError
        start, end = end + 1, end + 1 + size
        entries.append(body[start:end].decode())
    if end > len(body):
        raise IndexError
    return tuple(entries), end


def _explain(cls: type[Message], body: bytes, fault: Exception) -> Exception:
    """What the fast decoder stumbled over, exactly."""
    if not isinstance(body, bytes):
        return TypeError(f"a body is bytes, not {type(body).__name__}")
    _, found = walk(cls, body)
    assert found is not None, f"{cls.NAME}: only the generated decoder found a fault: {fault!r}"
    return Malformed(cls.TYPE, cls.NAME, found.field, found.offset, found.reason)


def misfit(message: Message, ref: int, fault: Exception) -> EncodeError:
    """What the fast encoder stumbled over, exactly: the first field whose value does not fit its form."""
    for field in fields_of(type(message)):
        reason = _misfit(field, getattr(message, field.name))
        if reason is not None:
            return EncodeError(message.NAME, field.name, reason)
    if not _is_number(ref, MAX_REF):
        return EncodeError(message.NAME, None, f"ref {ref!r} is not a whole number from 0 to {MAX_REF}")
    if isinstance(fault, ValueError):
        return EncodeError(message.NAME, None, f"the body is longer than {MAX_BODY} octets")
    return EncodeError(message.NAME, None, repr(fault))


def _misfit(field: Field, value: Any) -> str | None:
    """Why a value does not fit a field's form; None if it does."""
    shape = field.shape
    if isinstance(shape, Listed):
        if not isinstance(value, tuple | list):
            return f"{value!r} is not a tuple or list of str"
        if len(value) > shape.most:
            return f"{len(value)} entries, the limit is {shape.most}"
        reasons = (_misfit_text(entry, shape.longest) for entry in value)
        return next((f"[{index}] {reason}" for index, reason in enumerate(reasons) if reason), None)
    if isinstance(shape, Counted):
        if shape.text:
            return _misfit_text(value, shape.most)
        if not isinstance(value, bytes):
            return f"{value!r} is not bytes"
        return None if len(value) <= shape.most else f"{len(value)} octets, the limit is {shape.most}"
    if shape.boolean:
        return None if isinstance(value, bool) else f"{value!r} is not True or False"
    if shape.octets:
        return None if _is_octets(value, shape.size) else f"{value!r} is not {shape.size} bytes"
    most = 256**shape.size - 1
    return None if _is_number(value, most) else f"{value!r} is not a whole number from 0 to {most}"


def _misfit_text(value: object, most: int) -> str | None:
    if not isinstance(value, str):
        return f"{value!r} is not str"
    try:
        length = len(value.encode())
    except UnicodeEncodeError as error:
        return f"not encodable as UTF-8: {error.reason}"
    return None if length <= most else f"{length} octets, the limit is {most}"


def _is_number(value: Any, most: int) -> bool:
    return isinstance(value, int) and 0 <= value <= most


assert struct.calcsize(">" + _HEADER) == HEADER_SIZE
