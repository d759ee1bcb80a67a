"""The whole run as JSON, with stable keys.

Keys of the document: ``causerie_conformance`` (version of the suite), ``protocol_version``, ``target``,
``agent`` (the server's name for itself), ``began`` (ISO 8601, UTC), ``duration`` (seconds), ``round_trip``
(seconds), ``exit_status``, ``stopped`` (why the run ended early, or null), ``server_output`` (of a server
that died, or null), ``stale_known_failures`` (a list of sentences), ``profiles``, ``cases``.

``profiles``: a list of ``profile``, ``verdict``, and ``counts`` by status. ``cases``: a list of ``id``,
``title``, ``topic``, ``profile``, ``level``, ``clauses``, ``status``, ``duration`` (seconds), ``message`` (or
null), ``finding`` (or null: ``kind``, ``clause``, ``clause_text``, ``expected``, ``came``, ``octets`` in hex,
``offset`` of the first wrong octet or null), ``transcript`` (a list of ``at`` in seconds since the case
began, ``peer``, ``direction`` (sent, received, event), ``octets`` in hex, ``size`` in octets, ``text``).

Keys are added, never renamed or removed, within one major version of the suite.

In here: that document. Not in here: anything that decides.
"""

from __future__ import annotations

import json
from datetime import datetime, timezone
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from causerie_conformance import clauses
from causerie_conformance.results import Finding, Result, Run, Status
from causerie_conformance.transcript import Entry
from causerie_spec.codes import VERSION


def suite_version() -> str:
    """The version of the distribution, or "unknown" where it is not installed."""
    try:
        return version("causerie")
    except PackageNotFoundError:
        return "unknown"


def write(run: Run, path: Path) -> None:
    """Write the document to a file. Raises OSError."""
    path.write_text(json.dumps(document(run), indent=1) + "\n", encoding="utf-8")


def document(run: Run) -> dict[str, Any]:
    """The document, made of nothing but dicts, lists, strings, numbers and None."""
    return {
        "causerie_conformance": suite_version(),
        "protocol_version": VERSION,
        "target": run.target,
        "agent": run.agent,
        "began": datetime.fromtimestamp(run.began, timezone.utc).isoformat(timespec="milliseconds"),
        "duration": round(run.duration, 3),
        "round_trip": round(run.round_trip, 6),
        "exit_status": int(run.exit_status),
        "stopped": run.stopped or None,
        "server_output": run.server_output or None,
        "stale_known_failures": list(run.stale),
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
        "transcript": _transcript(result),
    }


def _transcript(result: Result) -> list[dict[str, Any]]:
    """Of a case that passed the conversation explains nothing and would make the document large."""
    if result.transcript is None or result.status is Status.PASSED:
        return []
    return [_entry(entry) for entry in result.transcript]


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "kind": finding.kind.value,
        "clause": finding.clause,
        "clause_text": clauses.text(finding.clause),
        "expected": finding.expected,
        "came": finding.came,
        "octets": finding.octets.hex(),
        "offset": finding.offset,
    }


def _entry(entry: Entry) -> dict[str, Any]:
    return {
        "at": round(entry.at, 6),
        "peer": entry.peer,
        "direction": entry.direction.value,
        "octets": entry.octets.hex(),
        "size": entry.size,
        "text": entry.describe(),
    }
