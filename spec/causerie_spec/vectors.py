"""The vectors: octets and fields that belong together, and octets that must be refused.

The files in ``vectors/`` are for any language; their README says what they mean. In here: reading them for
Python, and checking that they agree with the declarations, the codec, the states and the clauses. Not in
here: sending them to anybody.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

from construct import ConstructError

from causerie_spec import clauses, codec, files
from causerie_spec.codes import (
    MAGIC,
    MAX_BODY,
    MAX_BODY_BEFORE_READY,
    VERSION,
    ByeCode,
    ErrorCode,
)
from causerie_spec.domains import refusals
from causerie_spec.errors import FrameTooLarge, Malformed
from causerie_spec.layout import fields_of
from causerie_spec.messages import MESSAGES_BY_NAME, SERVER_TYPES, Compose, Hello, Message
from causerie_spec.states import Outcome, State, outcome


@dataclass(frozen=True, slots=True)
class Valid:
    """Octets and fields that belong together.

    ``octets`` are the whole frame; ``message`` and ``ref`` are what is in it. With ``decode_only`` a receiver
    takes the octets for that message, but no sender of this version makes them (flags, octets behind the last
    field).
    """

    id: str
    doc: str
    clauses: tuple[str, ...]
    message: Message
    ref: int
    flags: int
    octets: bytes
    decode_only: bool


@dataclass(frozen=True, slots=True)
class Invalid:
    """Octets with exactly one fault, and what the specification demands.

    ``receiver`` is "server" or "client". A server is brought into ``state`` (hello, login, auth or ready)
    first, with the capabilities in ``needs`` negotiated and those in ``without`` not; ``mechanism`` must be
    on offer, if there is one. ``outcome`` is one of ``("bye", code)``, ``("error", code)``, ``("ignored",
    "")`` and ``("close", "")``. The answer's ref is that of the octets. ``field`` and ``offset`` (in the
    body) say where decoding fails, if it does.
    """

    id: str
    doc: str
    clauses: tuple[str, ...]
    receiver: str
    state: str
    needs: tuple[str, ...]
    without: tuple[str, ...]
    mechanism: str
    octets: bytes
    outcome: tuple[str, str]
    field: str
    offset: int | None


@dataclass(frozen=True, slots=True)
class Vectors:
    """All vectors, in the order of the files' names and of the files."""

    valid: tuple[Valid, ...]
    invalid: tuple[Invalid, ...]


class VectorError(ValueError):
    """A vector cannot be read; the message says which, and why."""


@cache
def load() -> Vectors:
    """The vectors of this installation. Raises `VectorError`."""
    return read(files.vectors())


def read(folder: Path) -> Vectors:
    """The vectors in a folder. Raises `VectorError`, and `OSError`."""
    valid: list[Valid] = []
    invalid: list[Invalid] = []
    for path in sorted(folder.glob("*.json")):
        if path.name != "schema.json":
            data = _json(path)
            valid += [_vector(_valid, entry, path) for entry in data["valid"]]
            invalid += [_vector(_invalid, entry, path) for entry in data["invalid"]]
    return Vectors(tuple(valid), tuple(invalid))


def _json(path: Path) -> Any:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise VectorError(f"{path.name}: {error}") from None
    if not isinstance(data, dict) or not {"valid", "invalid"} <= data.keys():
        raise VectorError(f"{path.name}: no object with the lists valid and invalid")
    return data


def _vector(make: Any, entry: Any, path: Path) -> Any:
    try:
        return make(entry)
    except (KeyError, TypeError, ValueError) as error:
        name = entry.get("id") if isinstance(entry, dict) else entry
        raise VectorError(f"{path.name}: {name}: {type(error).__name__}: {error}") from None


def _valid(entry: dict[str, Any]) -> Valid:
    cls = MESSAGES_BY_NAME[entry["frame"]]
    message = from_json(cls, entry["fields"])
    return Valid(
        entry["id"],
        entry["doc"],
        tuple(entry["clauses"]),
        message,
        entry["ref"],
        entry.get("flags", 0),
        bytes.fromhex(entry["octets"]),
        entry.get("decode_only", False),
    )


def _invalid(entry: dict[str, Any]) -> Invalid:
    [(kind, code)] = entry["outcome"].items()
    fault = entry.get("fault", {})
    return Invalid(
        entry["id"],
        entry["doc"],
        tuple(entry["clauses"]),
        entry["receiver"],
        entry.get("state", ""),
        tuple(entry.get("needs", ())),
        tuple(entry.get("without", ())),
        entry.get("mechanism", ""),
        bytes.fromhex(entry["octets"]),
        (kind, "" if code is True else code),
        fault.get("field", ""),
        fault.get("offset"),
    )


def from_json(cls: type[Message], values: dict[str, Any]) -> Message:
    """A message from its fields as the vectors write them: u64 as decimal text, octets as hexadecimal.

    Raises `ValueError` when fields are missing or are not written like that.
    """
    fields = {field.name: field.form for field in fields_of(cls)}
    if values.keys() != fields.keys():
        raise ValueError(f"fields are {', '.join(values)}, and must be {', '.join(fields)}")
    return cls(**{name: _from_json(fields[name], value) for name, value in values.items()})


def _from_json(form: str, value: Any) -> object:
    if form == "u64" and isinstance(value, str) and value.isdecimal() and value.isascii():
        return int(value)
    if form in ("bytes16", "magic") and isinstance(value, str):
        return bytes.fromhex(value)
    if form == "list8" and isinstance(value, list):
        return tuple(value)
    kinds = {"u8": int, "u16": int, "u32": int, "bool": bool, "str8": str, "str16": str}
    if type(value) is not kinds.get(form):
        raise ValueError(f"{value!r} is not how the vectors write a {form}")
    return value


def to_json(message: Message) -> dict[str, Any]:
    """A message's fields as the vectors write them."""
    return {field.name: _to_json(field.form, getattr(message, field.name)) for field in fields_of(type(message))}


def _to_json(form: str, value: Any) -> object:
    if form == "u64":
        return str(value)
    if form in ("bytes16", "magic"):
        return value.hex()
    return list(value) if form == "list8" else value


def check(vectors: Vectors, known: dict[str, clauses.Clause]) -> list[str]:
    """What is wrong with vectors: with ids, with clauses that are not *known*, and with what each says."""
    problems: list[str] = []
    seen: set[str] = set()
    both: tuple[Valid | Invalid, ...] = (*vectors.valid, *vectors.invalid)
    for vector in both:
        if vector.id in seen:
            problems.append(f"{vector.id}: the id is there twice")
        seen.add(vector.id)
        problems += [f"{vector.id}: there is no clause {id_}" for id_ in vector.clauses if id_ not in known]
        found = _check_valid(vector) if isinstance(vector, Valid) else _check_invalid(vector)
        problems += [f"{vector.id}: {problem}" for problem in found]
    return problems


def _one_frame(octets: bytes, limit: int) -> codec.RawFrame | None:
    """The frame, if the octets are one and no more. Raises `FrameTooLarge`."""
    decoder = codec.Decoder(limit)
    decoder.feed(octets)
    raw = decoder.next_frame()
    return None if decoder.buffered else raw


def _check_valid(vector: Valid) -> Iterator[str]:
    """Both directions, by construct and by the codec."""
    message, cls = vector.message, type(vector.message)
    raw = _one_frame(vector.octets, MAX_BODY)
    if raw is None:
        yield "the octets are not one whole frame"
        return
    if raw[:3] != (cls.TYPE, vector.flags, vector.ref):
        yield f"the header has type, flags, ref {raw[:3]}, not {(cls.TYPE, vector.flags, vector.ref)}"
    try:
        parsed = cls.STRUCT.parse(raw.body)
        decoded = codec.decode(cls.TYPE, raw.body)
    except (ConstructError, Malformed) as error:
        yield f"the octets cannot be decoded: {error}"
        return
    values = {field.name: getattr(message, field.name) for field in fields_of(cls)}
    if decoded != message or any(parsed[name] != value for name, value in values.items()):
        yield f"the octets hold other fields: {decoded}"
    built = codec.frame(cls.TYPE, cls.STRUCT.build(values), vector.ref)
    if codec.encode(message, vector.ref) != built:
        yield "construct and the codec disagree"
    if (built == vector.octets) == vector.decode_only:
        yield f"a sender makes {built.hex()}"


def _check_invalid(vector: Invalid) -> Iterator[str]:
    said = (vector.outcome, vector.field, vector.offset)
    demanded = judge(vector)
    if demanded != said:
        yield f"says {said}, but the specification demands {demanded}"


Verdict = tuple[tuple[str, str], str, int | None]
"""Outcome, field and offset, as in `Invalid`."""

_CLOSE: Final = ("close", "")
_IGNORED: Final = ("ignored", "")


def judge(vector: Invalid) -> Verdict:
    """What the specification demands, as far as it can be told without a server.

    What depends on a server's memory (a name that does not exist, a wrong proof) is taken from the vector.
    """
    to_client = vector.receiver == "client"
    ready = to_client or vector.state == State.READY.value
    try:
        raw = _one_frame(vector.octets, MAX_BODY if ready else MAX_BODY_BEFORE_READY)
    except FrameTooLarge:
        return _CLOSE if to_client else ("bye", ByeCode.FRAME_TOO_LARGE.name), "", None
    if raw is None:
        return ("not one whole frame", ""), "", None
    if to_client:
        return _judge_at_client(raw)
    return _judge_at_server(vector, raw)


def _judge_at_client(raw: codec.RawFrame) -> Verdict:
    if raw.type not in SERVER_TYPES:
        return _IGNORED, "", None
    try:
        codec.decode(raw.type, raw.body)
    except Malformed as error:
        return _CLOSE, error.field, error.offset
    return ("accepted", ""), "", None


def _judge_at_server(vector: Invalid, raw: codec.RawFrame) -> Verdict:
    """The flowchart of section 3, from the type on."""
    state = State(vector.state)
    malformed = ("bye", ByeCode.MALFORMED.name)
    met = outcome(state, raw.type, vector.needs)
    if met is Outcome.BYE_MALFORMED:
        return malformed, "", None
    if met is Outcome.UNSUPPORTED:
        return (("error", ErrorCode.UNSUPPORTED.name) if raw.ref else _IGNORED), "", None
    try:
        message = codec.decode(raw.type, raw.body)
    except Malformed as error:
        return malformed, error.field, error.offset
    if raw.ref == 0 and not isinstance(message, Compose):
        return malformed, "", None
    if met is Outcome.WRONG_STATE:
        return ("error", ErrorCode.WRONG_STATE.name), "", None
    if met is Outcome.IGNORE:
        return _IGNORED, "", None
    return _judge_fields(vector, message), "", None


def _judge_fields(vector: Invalid, message: Message) -> tuple[str, str]:
    if isinstance(message, Hello):
        if message.magic != MAGIC:
            return "bye", ByeCode.MALFORMED.name
        common = message.min_version <= VERSION <= message.max_version
        return ("accepted", "") if common else ("bye", ByeCode.VERSION_UNSUPPORTED.name)
    broken = refusals(message)
    if len(broken) > 1:
        return f"{len(broken)} faults", ""
    if broken:
        return _IGNORED if isinstance(message, Compose) else ("error", broken[0].code.name)
    # Whether it is refused depends on the server's memory; that it cannot end in BYE does not.
    return vector.outcome if vector.outcome[0] in ("error", "ignored") else ("accepted", "")
