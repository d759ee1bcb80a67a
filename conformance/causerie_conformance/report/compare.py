"""What changed between two reports, case by case: for the terminal, and as an answer to "did anything get worse?".

Worse is what passed and does not any more, whatever it is now, and what fails and did not before. That a case is listed
as a known failure does not make it better. Cases that only one of the reports has are named, and are neither.

In here: that comparison, and its words. Not in here: reading reports (`json_report`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from enum import Enum
from typing import Any, Final, NamedTuple, TextIO

from causerie_conformance.report.json_report import Document
from causerie_conformance.report.terminal import printable
from causerie_conformance.results import Status

SHOWN: Final = 25
"""Cases that are named under one heading."""
WIDTH: Final = 160
"""Columns."""

Case = dict[str, Any]


class Change(Enum):
    """How a case has changed. The value is the heading."""

    NEWLY_FAILING = "Newly failing"
    NEWLY_WARNED = "Newly warned"
    LOST = "Passed before, and is not judged any more"
    NEWLY_PASSING = "Newly passing"
    MENDED = "A warning now, a failure before"
    UNKNOWN = "Failed before, and is not judged any more"
    FLAKY = "Flaky: failed, and passed when run again"


WORSE: Final = (Change.NEWLY_FAILING, Change.NEWLY_WARNED, Change.LOST)
_BAD: Final = (Status.FAILED.value, Status.KNOWN.value)


class Comparison(NamedTuple):
    """``changes``: by kind, cases as they were and as they are. ``added``, ``removed``: those that only one has."""

    before: Document
    after: Document
    changes: dict[Change, list[tuple[Case, Case]]]
    added: list[Case]
    removed: list[Case]
    verdicts: list[tuple[str, str, str]]

    @property
    def worse(self) -> int:
        """How many cases got worse."""
        return sum(len(self.changes[change]) for change in WORSE)


def compare(before: Document, after: Document) -> Comparison:
    """What is different in *after*."""
    old = {case["id"]: case for case in before["cases"]}
    new = {case["id"]: case for case in after["cases"]}
    changes: dict[Change, list[tuple[Case, Case]]] = {change: [] for change in Change}
    for id_, case in new.items():
        change = _change(old[id_]["status"], case["status"]) if id_ in old else None
        if change is not None:
            changes[change].append((old[id_], case))
        if _flaky(case) and not (id_ in old and _flaky(old[id_])):
            changes[Change.FLAKY].append((old.get(id_, case), case))
    return Comparison(
        before,
        after,
        changes,
        [case for id_, case in new.items() if id_ not in old],
        [case for id_, case in old.items() if id_ not in new],
        list(_verdicts(before, after)),
    )


def _flaky(case: Case) -> bool:
    tries = case["tries"]
    return tries is not None and tries["failed"] < tries["ran"]


def _change(was: str, is_: str) -> Change | None:
    if is_ in _BAD:
        return None if was in _BAD else Change.NEWLY_FAILING
    if is_ == Status.PASSED.value:
        return None if was == Status.PASSED.value else Change.NEWLY_PASSING
    if is_ == Status.WARNED.value:
        return None if was == Status.WARNED.value else Change.MENDED if was in _BAD else Change.NEWLY_WARNED
    if was in _BAD:
        return Change.UNKNOWN
    return Change.LOST if was in (Status.PASSED.value, Status.WARNED.value) else None


def _verdicts(before: Document, after: Document) -> Iterator[tuple[str, str, str]]:
    old = {each["profile"]: each["verdict"] for each in before["profiles"]}
    new = {each["profile"]: each["verdict"] for each in after["profiles"]}
    for profile in {**old, **new}:
        was, is_ = old.get(profile, "not in it"), new.get(profile, "not in it")
        if was != is_:
            yield profile, was, is_


def show(out: TextIO, found: Comparison, names: tuple[str, str]) -> None:
    """Write it, short; *names* are those of the files."""
    for name, report in zip(names, (found.before, found.after), strict=True):
        agent = f" ({report['agent']})" if report["agent"] else ""
        line = f"{name}: {report['target']}{agent}, {report['began'][:16].replace('T', ' ')} UTC"
        out.write(printable(line) + "\n")
    for change, cases in found.changes.items():
        _section(out, change.value, [_moved(was, is_) for was, is_ in cases])
    _only(out, "second", found.added)
    _only(out, "first", found.removed)
    if found.verdicts:
        out.write("\nVerdicts\n")
    for profile, was, is_ in found.verdicts:
        out.write(f"  {profile:<9} {was} -> {is_}\n")
    out.write(f"\n{_last_line(found)}\n")


def _section(out: TextIO, heading: str, lines: list[str]) -> None:
    if not lines:
        return
    out.write(f"\n{heading} ({len(lines)})\n")
    for line in lines[:SHOWN]:
        out.write(f"  {printable(line)}"[:WIDTH] + "\n")
    if len(lines) > SHOWN:
        out.write(f"  and {len(lines) - SHOWN} more\n")


def _only(out: TextIO, which: str, cases: list[Case]) -> None:
    """Cases that one of the reports has: how many, and those that fail."""
    if not cases:
        return
    counts = Counter(case["status"] for case in cases)
    out.write(f"\nOnly in the {which}: {', '.join(f'{count} {status}' for status, count in counts.items())}\n")
    for case in [case for case in cases if case["status"] in _BAD][:SHOWN]:
        out.write(f"  {printable(case['id'])}: {case['status']}\n")


def _moved(was: Case, is_: Case) -> str:
    why = f": {is_['message']}" if is_["message"] else ""
    return f"{is_['id']}: {was['status']} -> {is_['status']}{why}"


def _last_line(found: Comparison) -> str:
    better = len(found.changes[Change.NEWLY_PASSING]) + len(found.changes[Change.MENDED])
    both = len(found.after["cases"]) - len(found.added)
    if not any(found.changes.values()):
        return f"No change in the {both:,} cases that both have."
    worse = f"{found.worse:,} worse" if found.worse else "none worse"
    return f"Of the {both:,} cases that both have: {worse}, {better:,} better."
