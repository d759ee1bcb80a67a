r"""The log of the tap: one JSON object a line, for programs.

In here: the form. Not in here: what happened (`events`).

Every line has ``at`` (seconds since the tap began), ``time`` (seconds since 1970), ``connection`` (from 1),
``event`` and ``text`` (in words). What stands beside them, by ``event``:

``connected``
    nothing more
``frame``
    a whole frame, as it came: ``direction`` (``up``: from the client, ``down``: from the server), ``octets`` (hex,
    header included), ``name`` (null if version 1 has no such frame), ``type``, ``flags``, ``ref``, ``fields`` (an
    object with each field's value, octets in hex; null if the body cannot be decoded)
``octets``
    octets that are no frame: ``direction``, ``octets`` (hex)
``broken``
    the frame before it (or the octets) breaks a clause: ``direction`` (who broke it), ``octets`` (hex, of a piece the
    beginning), ``clause``, ``expected``, ``came``, ``offset`` (the first wrong octet, null if unknown)
``note``
    nothing more; ``direction`` may be null
``end``
    FIN: ``direction``
``reset``
    the connection is no more: ``direction`` of whoever reset it, null if it was the tap

::

    {"at": 0.0021, "time": 1700000000.1, "connection": 1, "event": "frame", "direction": "down", "text": "PONG ref 3 …",
     "octets": "0000000800…", "name": "PONG", "type": 131, "flags": 0, "ref": 3, "fields": {"token": 7}}
"""

from __future__ import annotations

import json
import time
from dataclasses import fields
from typing import Any

from causerie_conformance.tap.events import Event, What
from causerie_conformance.tap.pcap import Writable
from causerie_spec.codec import RawFrame, decode
from causerie_spec.errors import PeerError
from causerie_spec.messages import MESSAGES


class Journal:
    """Writes events to a binary file, each at once."""

    def __init__(self, file: Writable) -> None:
        self._file = file

    def __call__(self, event: Event) -> None:
        """Write down what happened."""
        self._file.write(json.dumps(_line(event)).encode("ascii") + b"\n")
        self._file.flush()


def _line(event: Event) -> dict[str, Any]:
    line: dict[str, Any] = {
        "at": round(event.at, 6),
        "time": round(time.time(), 6),
        "connection": event.connection,
        "event": event.what.value,
        "text": event.text,
    }
    if event.what is not What.CONNECTED:
        line["direction"] = event.way.value if event.way is not None else None
    if event.octets:
        line["octets"] = event.octets.hex()
    if event.frame is not None:
        line |= _frame(event.frame)
    if event.violation is not None:
        broken = event.violation
        line |= {
            "clause": broken.clause,
            "expected": broken.expected,
            "came": broken.came,
            "offset": broken.offset,
        }
    return line


def _frame(raw: RawFrame) -> dict[str, Any]:
    cls = MESSAGES.get(raw.type)
    return {
        "name": cls.NAME if cls is not None else None,
        "type": raw.type,
        "flags": raw.flags,
        "ref": raw.ref,
        "fields": _fields(raw),
    }


def _fields(raw: RawFrame) -> dict[str, Any] | None:
    try:
        message: Any = decode(raw.type, raw.body)
    except PeerError:
        return None
    return {field.name: _value(getattr(message, field.name)) for field in fields(message)}


def _value(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.hex()
    return list(value) if isinstance(value, tuple) else value
