"""The whole run as JSON, with stable keys; what each means stands in ``schema.json``, and nowhere else.

The HTML page and the badge are made from this document alone, and two of them can be compared.

In here: making the document, and reading one. Not in here: anything that decides.
"""

from __future__ import annotations

import dataclasses
import json
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Final

from causerie_conformance import clauses
from causerie_conformance.plan import Plan, plan
from causerie_conformance.registry import SERVER
from causerie_conformance.report.frames import Conversation, structured
from causerie_conformance.report.schema import schema_text
from causerie_conformance.results import Finding, Result, Run, Status
from causerie_conformance.transcript import Entry
from causerie_spec import __version__
from causerie_spec.codes import VERSION

FORMAT: Final = "1.0"
"""MAJOR.MINOR. Within one major format, keys are added, never renamed or removed."""
Document = dict[str, Any]
"""A report, made of nothing but dicts, lists, strings, numbers, booleans and None."""


class NotAReport(Exception):
    """A file holds no report that this version can read; ``str`` says why."""


def write(report: Document, path: Path) -> None:
    """Write the document to a file. Raises OSError."""
    path.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")


def read(path: Path) -> Document:
    """A report that was written to a file. Raises `NotAReport`."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise NotAReport(f"cannot read {path}: {error.strerror}") from None
    except ValueError:  # of JSON, and of UTF-8
        raise NotAReport(f"{path} is not JSON") from None
    major = FORMAT.partition(".")[0]
    format_ = found.get("format") if isinstance(found, dict) else None
    if isinstance(format_, str) and format_.partition(".")[0] != major:
        raise NotAReport(f"{path} has format {format_}, and this version reads {major}.x")
    if not isinstance(format_, str) or not _has_its_keys(found):
        raise NotAReport(f"{path} is no report of causerie-conformance (--json writes one)")
    return dict(found)


def _has_its_keys(found: Document) -> bool:
    """Enough to go on with; the schema says more."""
    schema = json.loads(schema_text())
    wanted = set(schema["$defs"]["case"]["required"])
    return (
        found.keys() >= set(schema["required"])
        and isinstance(found["cases"], list)
        and all(isinstance(case, dict) and case.keys() >= wanted for case in found["cases"])
    )


def document(run: Run) -> Document:
    """The document of a run that is over."""
    return {
        "format": FORMAT,
        "causerie_conformance": __version__,
        "protocol_version": VERSION,
        "role": next((result.case.role for result in run.results), SERVER),
        "target": run.target,
        "command": run.command or None,
        "agent": run.agent,
        "began": datetime.fromtimestamp(run.began, timezone.utc).isoformat(timespec="milliseconds"),
        "duration": round(run.duration, 3),
        "round_trip": round(run.round_trip, 6),
        "exit_status": int(run.exit_status),
        "stopped": run.stopped or None,
        "interrupted": run.interrupted,
        "server_output": run.server_output or None,
        "stale_known_failures": list(run.stale),
        "next": _next(plan(run)),
        "total": run.total,
        "counts": {status.value: len(run.of(status)) for status in Status},
        "profiles": [
            {
                "profile": verdict.profile,
                "verdict": verdict.verdict.value,
                "counts": {status.value: count for status, count in verdict.counts.items()},
            }
            for verdict in run.verdicts()
        ],
        "cases": [_case(result) for result in run.results],
    }


def _next(made: Plan | None) -> dict[str, Any] | None:
    if made is None:
        return None
    return {
        "works": list(made.works),
        "case": made.first.case.id if made.first is not None else None,
        "is_new": made.is_new,
        "capability": made.capability or None,
        "open": [{"topic": topic, "failed": failed, "blocked": blocked} for topic, failed, blocked in made.open],
    }


def _case(result: Result) -> dict[str, Any]:
    case = result.case
    return {
        "id": case.id,
        "title": case.title,
        "topic": case.topic,
        "profile": case.profile,
        "level": case.level,
        "clauses": list(case.clauses),
        "status": result.status.value,
        "duration": round(result.duration, 6),
        "message": result.message or None,
        "finding": _finding(result.finding) if result.finding is not None else None,
        "diagnosis": dataclasses.asdict(result.diagnosis) if result.diagnosis is not None else None,
        "blocked_by": result.blocked_by or None,
        "replay": dataclasses.asdict(result.replay) if result.replay is not None else None,
        "tries": dataclasses.asdict(result.tries) if result.tries is not None else None,
        "server_output": result.server_output or None,
        "transcript": _transcript(result),
    }


def _transcript(result: Result) -> list[dict[str, Any]]:
    """Of a case that passed the conversation explains nothing and would make the document large."""
    if result.transcript is None or result.status is Status.PASSED:
        return []
    conversation = Conversation()
    return [_entry(entry, conversation) for entry in result.transcript]


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "kind": finding.kind.value,
        "clause": finding.clause,
        "clause_text": clauses.text(finding.clause),
        "level": clauses.level(finding.clause),
        "on_the_way": finding.assumed,
        "expected": finding.expected,
        "came": finding.came,
        "octets": finding.octets.hex(),
        "offset": finding.offset,
        "frames": structured(finding.octets),
        "should": finding.should.hex(),
        "should_frames": structured(finding.should),
        "peer": finding.peer or None,
    }


def _entry(entry: Entry, conversation: Conversation) -> dict[str, Any]:
    return {
        "at": round(entry.at, 6),
        "peer": entry.peer,
        "direction": entry.direction.value,
        "octets": entry.octets.hex(),
        "size": entry.size,
        "text": entry.describe(),
        "note": entry.note or None,
        "frames": conversation.frames(entry),
    }
