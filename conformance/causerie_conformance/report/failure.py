"""One failure in about ten lines: the clause, what was expected, what came, the last of the conversation, the octets.

In here: the words, plain and without colour. Not in here: where they are printed.
"""

from __future__ import annotations

import textwrap
from typing import Final

from causerie_conformance import clauses
from causerie_conformance.octets import annotated
from causerie_conformance.problems import Kind
from causerie_conformance.results import Result, Status
from causerie_conformance.transcript import Direction, Entry, Transcript

LAST_ENTRIES: Final = 6
"""Entries of the conversation that are shown."""
WIDTH: Final = 110
"""Columns."""
_ARROWS: Final = {Direction.SENT: "->", Direction.RECEIVED: "<-", Direction.EVENT: "--"}
_WORDS: Final = {Status.FAILED: "FAIL", Status.WARNED: "WARN", Status.NOT_RUN: "NOT RUN"}


def describe(result: Result, rerun: str = "") -> list[str]:
    """The failure of one case; *rerun* is the command that runs it alone."""
    lines = [f"{_WORDS.get(result.status, result.status.value)} {result.case.id}: {result.case.title}"]
    finding = result.finding
    if finding is None:
        return [*lines, *_labelled("reason", result.reason)]
    found = clauses.find(finding.clause)
    level = found.level if found is not None else "?"
    lines += _labelled(finding.clause, f"({level}) {clauses.text(finding.clause)}")
    if finding.clause != result.case.clauses[0]:
        lines += _labelled("about", f"the case is about {', '.join(result.case.clauses)}")
    lines += _labelled("expected", finding.expected)
    lines += _labelled("came", f"{finding.came} [{finding.kind.value}]")
    if result.transcript is not None and len(result.transcript):
        lines += _conversation(result.transcript)
    if finding.octets and (finding.offset is not None or finding.kind is Kind.UNDECODABLE):
        shown = annotated(finding.octets, finding.offset)
        lines += [
            f"  {'octets':<10} {line}"[:WIDTH] if not n else f"{'':13}{line}"[:WIDTH] for n, line in enumerate(shown)
        ]
    if rerun:
        lines += _labelled("again", rerun)
    return lines


def _labelled(label: str, text: str) -> list[str]:
    first, *rest = text.splitlines() or [""]
    wrapped = textwrap.wrap(first, WIDTH - 13, break_on_hyphens=False) or [""]
    lines = [f"  {label:<10} {wrapped[0]}", *(f"{'':13}{line}" for line in wrapped[1:])]
    return lines + [f"{'':13}{line}" for line in rest]


def _conversation(transcript: Transcript) -> list[str]:
    entries = list(transcript)
    shown = entries[-LAST_ENTRIES:]
    label = f"the last {len(shown)} of {len(transcript)}" if len(transcript) > len(shown) else "all that was"
    return [f"  {'talk':<10} {label} said:", *(f"    {entry_line(entry)}"[:WIDTH] for entry in shown)]


def entry_line(entry: Entry) -> str:
    """One entry of a transcript: time, connection, direction, words."""
    return f"{entry.at * 1000:9.1f} ms  {entry.peer:<9} {_ARROWS[entry.direction]} {entry.describe()}"
