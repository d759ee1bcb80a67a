"""The dissector for Wireshark: Lua, made from the declarations.

`text` fills the tables in ``dissector.lua``, the part that is written by hand; what comes of it stands in
``spec/wireshark/causerie.lua``. In here: frames, fields, codes and numbers as Lua tables, and which fields the
info column shows. Not in here: any fact of the protocol, and any reading of octets.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from enum import IntEnum
from pathlib import Path
from typing import Final

from causerie_spec import codes, forms
from causerie_spec.annotate import NAMED, TIMES
from causerie_spec.layout import Counted, Field, Fixed, Listed, fields_of
from causerie_spec.messages import MESSAGES, Hello

_TEMPLATE: Final = Path(__file__).with_name("dissector.lua")
_HEAD: Final = """\
-- Causerie for Wireshark and tshark. README.md, beside this file, says how to install it.
--
-- Generated: `causerie-spec dissector` writes it from the declarations; do not edit it. It runs on Lua 5.1 to 5.4.

"""

SHOWN: Final[Mapping[str, str]] = {
    "agent": '"%s"',
    "mechanism": "%s",
    "handle": "%s",
    "conversation": "%s",
    "after": "after %s",
    "seq": "seq %s",
    "sender": "%s",
    "text": '"%s"',
    "token": "token %s",
    "code": "%s",
    "reason": '"%s"',
    "detail": '"%s"',
    "duplicate": "duplicate %s",
    "more": "more %s",
    "active": "active %s",
    "online": "online %s",
    "head": "head %s",
    "delivered": "delivered %s",
    "read": "read %s",
    "anchor": "anchor %s",
    "direction": "%s",
    "limit": "limit %s",
    "members": "members %s",
}
"""The fields that the info column shows, and how, wherever a frame has them."""


class DissectorError(ValueError):
    """The declarations cannot be said in one table of fields; the message says why."""


def text() -> str:
    """The whole dissector, as Lua."""
    values = {
        "HEADER_SIZE": str(codes.HEADER_SIZE),
        "MAX_BODY": str(codes.MAX_BODY),
        "SERVER_BIT": f"0x{codes.SERVER_BIT:02X}",
        "HELLO": f"0x{Hello.TYPE:02X}",
        "MAGIC": quote(codes.MAGIC.decode("ascii")),
        "PORT": str(codes.DEFAULT_PORT),
        "ALPN": quote(codes.ALPN),
        "HEADER": _lines(_header()),
        "FIELDS": _lines(_fields(declared())),
        "NAMES": _lines(_names(attribute="name")),
        "MEANINGS": _lines(_names(attribute="meaning")),
        "FRAMES": _lines(_frames()),
    }
    template = _TEMPLATE.read_text(encoding="utf-8")
    return _HEAD + re.sub(r"@([A-Z_]+)@", lambda match: values[match[1]], template)


def declared() -> dict[str, list[Field]]:
    """The fields of all frames, by name. Raises `DissectorError` if one name has two forms."""
    found: dict[str, list[Field]] = {}
    for cls in MESSAGES.values():
        for field in fields_of(cls):
            found.setdefault(field.name, []).append(field)
    for name, fields in found.items():
        if len({field.shape for field in fields}) > 1:
            raise DissectorError(f"{name} is {' and '.join(sorted({field.form for field in fields}))}")
    return found


def quote(value: str) -> str:
    """A Lua string."""
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def _lines(rows: Iterable[str]) -> str:
    return "\n".join(f"    {row}," for row in rows)


def _header() -> Iterator[str]:
    at = 0
    for part in forms.HEADER.subcons:
        size = part.sizeof()
        yield f"{part.name} = {{ at = {at}, size = {size} }}"
        at += size


def _fields(found: Mapping[str, list[Field]]) -> Iterator[str]:
    for name, fields in found.items():
        entry = [f"name = {quote(name)}", _shape(fields[0])]
        if name in TIMES:
            entry.append("time = true")
        if name in SHOWN:
            entry.append(f"show = {quote(SHOWN[name])}")
        # Frames may say different things of a field of the same form.
        entry.append(f"doc = {quote(' / '.join(dict.fromkeys(field.doc for field in fields)))}")
        yield f"{{ {', '.join(entry)} }}"


def _shape(field: Field) -> str:
    match field.shape:
        case Fixed(boolean=True):
            return 'kind = "bool"'
        case Fixed(octets=True, size=size):
            return f'kind = "octets", size = {size}'
        case Fixed(size=size):
            return f'kind = "number", size = {size}'
        case Counted(size=size, text=is_text):
            return f'kind = "{"text" if is_text else "bytes"}", size = {size}'
        case Listed(most, longest):
            return f'kind = "list", most = {most}, longest = {longest}'


def _names(attribute: str) -> Iterator[str]:
    """A table of values for each field that has named ones; *attribute* of the values' enum is what they get."""
    tables: dict[str, dict[int, str]] = {}
    for (_, field), enum in NAMED.items():
        for value in enum:
            if hasattr(value, attribute):
                _enter(tables.setdefault(field, {}), field, value, getattr(value, attribute))
    for field, names in tables.items():
        rows = "".join(f"        [{number}] = {quote(name)},\n" for number, name in sorted(names.items()))
        yield f"{field} = {{\n{rows}    }}"


def _enter(names: dict[int, str], field: str, value: IntEnum, name: str) -> None:
    """Frames share a field's names, so a value has one name."""
    if names.setdefault(value.value, name) != name:
        raise DissectorError(f"{field} {value.value} is {names[value.value]} and {name}")


def _frames() -> Iterator[str]:
    for cls in MESSAGES.values():
        entry = [f"name = {quote(cls.NAME)}"]
        if cls.ANSWERS:
            entry.append("request = true")
        entry.append(f"fields = {{{', '.join(quote(field.name) for field in fields_of(cls))}}}")
        yield f"[0x{cls.TYPE:02X}] = {{ {', '.join(entry)} }}"
