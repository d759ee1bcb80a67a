"""A failure as a file, so that it can be repeated: what was said on all its connections, and what was wrong.

The file is one JSON object:

    format       "1.0", MAJOR.MINOR: within one major format keys are added, never renamed or removed
    what         "causerie-replay"
    case         id of the case; title, clauses: what it is about
    began        when, in seconds since the Unix epoch
    cannot       why it cannot be repeated, or null; then there are no steps
    finding      kind, clause, expected, came: as in the reports of the suite; connection: its number or null;
                 octets: the offending frame in hex; should: that frame as it should be, or empty;
                 offset: its first wrong octet or null
    connections  a list of: name (the suite's), address (its number among the addresses of the server)
    steps        in order: at (seconds since the case began), connection (its number), what (`tape.What`), octets (hex;
                 of "send", "frame" and "piece" alone)

In here: writing, and reading that takes nothing else for it. Not in here: repeating (`engine`).
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

from causerie_conformance.problems import Kind
from causerie_conformance.registry import Case
from causerie_conformance.replay.tape import OCTETS, Step, Tape, What
from causerie_conformance.results import Finding
from causerie_spec.messages import Auth, Challenge

FORMAT: Final = "1.0"
WHAT: Final = "causerie-replay"
NOT_TLS: Final = "it is about the TLS handshake itself, and what is kept is inside of TLS"
NOT_NONCE: Final = "it is about what a CHALLENGE holds, which is new each time"
NOT_SCRAM: Final = "a SCRAM proof is good for the nonce of its own login alone"
_T = TypeVar("_T")


class NotARecording(Exception):
    """A file holds no recording that this version can read; ``str`` says why."""


@dataclass(frozen=True)
class Wrong:
    """What was wrong; see the head of the module."""

    kind: Kind
    clause: str
    expected: str
    came: str
    connection: int | None
    octets: bytes
    should: bytes
    offset: int | None


@dataclass(frozen=True)
class Recording:
    """A failure that can be repeated, or that says why it ``cannot`` (else empty)."""

    case: str
    title: str
    clauses: tuple[str, ...]
    began: float
    cannot: str
    wrong: Wrong
    connections: tuple[tuple[str, int], ...]
    steps: tuple[Step, ...]


def of(case: Case, finding: Finding, tape: Tape) -> Recording:
    """What is to be kept of a case that has failed."""
    cannot = tape.spoiled or (NOT_TLS if case.topic == "tls" else "") or (NOT_SCRAM if _proves(tape) else "")
    vague = finding.kind is Kind.VALUE and not finding.octets
    cannot = cannot or (NOT_NONCE if vague and _ends_in_a_challenge(tape) else "")
    addresses = list(dict.fromkeys(line.address for line in tape.lines))
    return Recording(
        *(case.id, case.title, tuple(case.clauses), tape.began, cannot),
        Wrong(
            *(finding.kind, finding.clause, finding.expected, finding.came),
            *(None if cannot else _connection(tape, finding), finding.octets, finding.should, finding.offset),
        ),
        () if cannot else tuple((line.name, addresses.index(line.address)) for line in tape.lines),
        () if cannot else tuple(_without_clean_up(tape.steps)),
    )


def _proves(tape: Tape) -> bool:
    return any(step.what is What.SEND and step.octets[4:5] == bytes([Auth.TYPE]) for step in tape.steps)


def _ends_in_a_challenge(tape: Tape) -> bool:
    came = [step.octets for step in tape.steps if step.what is What.FRAME]
    return bool(came) and came[-1][4] == Challenge.TYPE


def _without_clean_up(steps: list[Step]) -> list[Step]:
    """The steps without those by which the suite tidies up in the end."""
    kept = list(steps)
    while kept and kept[-1].what is What.CLOSE:
        kept.pop()
    return kept


def _connection(tape: Tape, finding: Finding) -> int | None:
    """On which connection it was: the last one of that name; the one on which the frame came, if that is known."""
    named = [number for number, line in enumerate(tape.lines) if finding.peer in (line.name, "")]
    came = [step.line for step in tape.steps if step.octets == finding.octets and step.what is What.FRAME]
    heard = [number for number in named if number in came] if finding.octets else []
    if not heard and not finding.peer:
        return None
    return max(heard or named, default=None)


def write(recording: Recording, path: Path) -> None:
    """Write it to a file. Raises OSError."""
    path.write_text(json.dumps(document(recording), indent=1) + "\n", encoding="utf-8")


def document(recording: Recording) -> dict[str, Any]:
    """The file's object."""
    wrong = recording.wrong
    return {
        "format": FORMAT,
        "what": WHAT,
        "case": recording.case,
        "title": recording.title,
        "clauses": list(recording.clauses),
        "began": round(recording.began, 3),
        "cannot": recording.cannot or None,
        "finding": {
            "kind": wrong.kind.value,
            "clause": wrong.clause,
            "expected": wrong.expected,
            "came": wrong.came,
            "connection": wrong.connection,
            "octets": wrong.octets.hex(),
            "should": wrong.should.hex(),
            "offset": wrong.offset,
        },
        "connections": [{"name": name, "address": address} for name, address in recording.connections],
        "steps": [_step(step) for step in recording.steps],
    }


def _step(step: Step) -> dict[str, Any]:
    plain = {"at": round(step.at, 6), "connection": step.line, "what": step.what.value}
    return plain | ({"octets": step.octets.hex()} if step.what in OCTETS else {})


def read(path: Path) -> Recording:
    """What a file holds. Raises `NotARecording`."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise NotARecording(f"cannot read {path}: {error.strerror or error}") from None
    except (ValueError, RecursionError):  # of JSON, and of UTF-8
        raise NotARecording(f"{path} is not JSON") from None
    if not isinstance(found, dict) or found.get("what") != WHAT or not isinstance(found.get("format"), str):
        raise NotARecording(f"{path} is no recording of a failure (causerie-conformance leaves them in {FOLDER}/)")
    if found["format"].partition(".")[0] != FORMAT.partition(".")[0]:
        major = FORMAT.partition(".")[0]
        raise NotARecording(f"{path} has format {found['format'][:20]}, and this version reads {major}.x")
    try:
        return _parsed(found)
    except _Bad as error:
        raise NotARecording(f"{path} is damaged: {error}") from None


FOLDER: Final = "causerie-replays"
"""Where they are left, unless told."""


class _Bad(Exception):
    """What is wrong, and where."""


def _parsed(found: dict[str, Any]) -> Recording:
    connections = [
        (_get(each, "name", str, f"connections[{number}]"), _number(each, "address", f"connections[{number}]", None))
        for number, each in enumerate(_get(found, "connections", list))
    ]
    many = len(connections)
    clauses = _get(found, "clauses", list)
    if not all(isinstance(clause, str) for clause in clauses):
        raise _Bad("clauses: not a list of strings")
    steps = [_step_of(each, f"steps[{number}]", many) for number, each in enumerate(_get(found, "steps", list))]
    connected: set[int] = set()
    for number, step in enumerate(steps):
        if (step.what is What.CONNECT) == (step.line in connected):
            how = "made twice" if step.line in connected else "not made yet"
            raise _Bad(f"steps[{number}]: connection {step.line} is {how}")
        connected.add(step.line)
    cannot = _optional(found, "cannot", str) or ""
    if not steps and not cannot:
        raise _Bad("steps: there are none")
    return Recording(
        *(_get(found, "case", str), _get(found, "title", str), tuple(clauses)),
        *(_seconds(found, "began", ""), cannot, _wrong(_get(found, "finding", dict), many)),
        *(tuple(connections), tuple(steps)),
    )


def _wrong(found: dict[str, Any], many: int) -> Wrong:
    where = "finding"
    connection = _optional(found, "connection", int, where)
    return Wrong(
        kind=_one_of(Kind, found, "kind", where),
        clause=_get(found, "clause", str, where),
        expected=_get(found, "expected", str, where),
        came=_get(found, "came", str, where),
        connection=None if connection is None else _number(found, "connection", where, many),
        octets=_hex(found, "octets", where),
        should=_hex(found, "should", where),
        offset=_optional(found, "offset", int, where),
    )


def _step_of(found: Any, where: str, many: int) -> Step:
    what = _one_of(What, found, "what", where)
    octets = _hex(found, "octets", where) if what in OCTETS else b""
    if what is What.FRAME and (len(octets) < 8 or len(octets) != 8 + int.from_bytes(octets[:4], "big")):
        raise _Bad(f"{where}.octets: not one whole frame")
    return Step(_seconds(found, "at", where), _number(found, "connection", where, many), what, octets)


def _get(found: Any, name: str, kind: type[_T], where: str = "") -> _T:
    place = f"{where}.{name}" if where else name
    if not isinstance(found, dict):
        raise _Bad(f"{where}: not an object")
    if name not in found:
        raise _Bad(f"{place}: missing")
    if not isinstance(found[name], kind) or (isinstance(found[name], bool)):
        raise _Bad(f"{place}: not {_NAMES[kind]}")
    value: _T = found[name]
    return value


_NAMES: Final[dict[Any, str]] = {
    str: "a string",
    int: "a whole number",
    list: "a list",
    dict: "an object",
    (int, float): "a number",
}


def _optional(found: dict[str, Any], name: str, kind: type[_T], where: str = "") -> _T | None:
    return None if name in found and found[name] is None else _get(found, name, kind, where)


def _seconds(found: Any, name: str, where: str) -> float:
    return float(_get(found, name, (int, float), where))  # type: ignore[arg-type]  # isinstance takes several


def _number(found: Any, name: str, where: str, below: int | None) -> int:
    number = _get(found, name, int, where)
    if number < 0 or (below is not None and number >= below):
        raise _Bad(f"{where}.{name}: there is no number {number}")
    return number


def _one_of(kind: Any, found: Any, name: str, where: str) -> Any:
    value = _get(found, name, str, where)
    try:
        return kind(value)
    except ValueError:
        raise _Bad(f"{where}.{name}: {value[:40]!r} is none of {', '.join(each.value for each in kind)}") from None


def _hex(found: Any, name: str, where: str) -> bytes:
    value = _get(found, name, str, where)
    if not re.fullmatch(r"([0-9a-f]{2})*", value):
        raise _Bad(f"{where}.{name}: not octets in hex")
    return bytes.fromhex(value)
