"""Known failures: a user's own list of cases that fail, so that a run tells what is new.

A file, a line each: the id of a case, or a glob such as ``history/text-*``; ``#`` begins a comment. A case that is
listed and fails does not fail the run. A line that is not true any more does: the list must not outlive what it says.
It can be brought up to date from a run.

In here: the file, and which of its lines are not true any more. Not in here: what is done with results (`session`).
"""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from causerie_conformance import clauses
from causerie_conformance.registry import Case
from causerie_conformance.results import Result, Run, Status

_FAILING = (Status.FAILED, Status.BLOCKED, Status.KNOWN, Status.WARNED)
WIDTH: Final = 110
"""Columns of a line that is written."""


@dataclass(frozen=True)
class Entry:
    """A line of the file. ``place`` is for people: the file's name and the line's number, which ``number`` is too."""

    place: str
    pattern: str
    number: int = 0

    def means(self, case: Case) -> bool:
        """Is it about this case?"""
        return fnmatch.fnmatchcase(case.id, self.pattern)


@dataclass(frozen=True)
class KnownFailures:
    """The list; an empty one knows no failure."""

    entries: tuple[Entry, ...] = ()
    lines: tuple[str, ...] = ()

    @classmethod
    def read(cls, path: Path) -> KnownFailures:
        """From a file. Raises OSError, and ValueError if it is not UTF-8."""
        lines = path.read_text(encoding="utf-8").splitlines()
        patterns = ((number, line.partition("#")[0].strip()) for number, line in enumerate(lines, 1))
        entries = (Entry(f"{path.name}:{number}", pattern, number) for number, pattern in patterns if pattern)
        return cls(tuple(entries), tuple(lines))

    def holds(self, case: Case) -> bool:
        """Is it known that this case fails?"""
        return any(entry.means(case) for entry in self.entries)

    def unknown(self, cases: Iterable[Case]) -> list[str]:
        """What to say of lines that mean none of all *cases*."""
        cases = list(cases)
        return [
            f"{entry.place}: there is no case {entry.pattern!r}; delete the line"
            for entry in self.entries
            if not any(entry.means(case) for case in cases)
        ]

    def updated(self, results: Iterable[Result], cases: Iterable[Case]) -> str:
        """The text of the file as it should be: lines that still hold as they are, new failures behind them."""
        results, cases = list(results), list(cases)
        gone = {
            entry.number
            for entry in self.entries
            if _stale(entry, results) or not any(entry.means(case) for case in cases)
        }
        kept = [line for number, line in enumerate(self.lines, 1) if number not in gone]
        new = [_line(result) for result in results if result.status is Status.FAILED]
        return "".join(f"{line}\n" for line in kept + new)

    def stale(self, results: Iterable[Result]) -> list[str]:
        """What to say of lines whose cases have all passed, as far as they were judged."""
        results = list(results)
        return [words for entry in self.entries if (words := _stale(entry, results))]


def _stale(entry: Entry, results: list[Result]) -> str:
    meant = [result for result in results if entry.means(result.case)]
    passed = sum(result.status is Status.PASSED for result in meant)
    if not passed or any(result.status in _FAILING for result in meant):
        return ""
    what = "it passes" if len(meant) == 1 else f"all of them pass ({passed})"
    return f"{entry.place}: {entry.pattern} is listed as a known failure, but {what}; delete the line"


def _line(result: Result) -> str:
    clause = result.finding.clause if result.finding is not None else result.case.clauses[0]
    line = f"{result.case.id}  # {clause} {clauses.text(clause)}"
    return line if len(line) <= WIDTH else f"{line[: WIDTH - 1].rstrip()}…"


def update(path: Path, known: KnownFailures, run: Run, cases: Iterable[Case]) -> None:
    """Write the list as it is after *run*, in which now every failure is a known one. Raises OSError."""
    path.write_text(known.updated(run.results, cases), encoding="utf-8")
    run.stale = []
    run.results = [
        replace(result, status=Status.KNOWN) if result.status is Status.FAILED else result for result in run.results
    ]
