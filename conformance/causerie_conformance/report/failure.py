"""One failure in about ten lines: the clause, what it looks like, what was expected, what came, the talk, the octets.

In here: the words, plain and without colour. Not in here: where they are printed.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from causerie_conformance import clauses
from causerie_conformance.octets import SHOULD_BE, annotated
from causerie_conformance.problems import Kind
from causerie_conformance.results import Finding, Result, Status
from causerie_conformance.transcript import Direction, Entry, Transcript
from causerie_spec.messages import Ping, Pong

LAST_ENTRIES: Final = 5
"""Entries of the conversation that are shown."""
LAST_LINES: Final = 3
"""Lines of the server's own output that are shown."""
LOOKS_LIKE: Final = "looks like"
"""The label of a diagnosis."""
WIDTH: Final = 110
"""Columns."""
PASSERS_BY: Final = ("bystander", "newcomer")
"""Connections that are there to see that nobody is harmed; they are shown where it is about them."""
FENCE_SIZE: Final = 16
"""Octets of PING and PONG."""
_FENCE: Final = (Ping.TYPE, Pong.TYPE)
_ARROWS: Final = {Direction.SENT: "->", Direction.RECEIVED: "<-", Direction.EVENT: "--"}
_WORDS: Final = {Status.FAILED: "FAIL", Status.WARNED: "WARN", Status.NOT_RUN: "NOT RUN", Status.BLOCKED: "BLOCKED"}


def describe(result: Result, rerun: str = "") -> list[str]:
    """The failure of one case; *rerun* is the command that runs it alone."""
    tries = f"  [{result.tries.word}]" if result.tries is not None else ""
    lines = [f"{_WORDS.get(result.status, result.status.value)} {result.case.id}: {result.case.title}{tries}"]
    finding = result.finding
    if finding is None:
        return [*lines, *labelled("reason", result.message)]
    found = clauses.find(finding.clause)
    level = found.level if found is not None else "?"
    lines += labelled(finding.clause, f"({level}) {clauses.text(finding.clause)}")
    if result.blocked_by:
        lines += labelled("blocked by", result.blocked_by)
    elif finding.clause != result.case.clauses[0]:
        lines += labelled("about", f"the case is about {', '.join(result.case.clauses)}")
    if result.diagnosis is not None:
        lines += labelled(LOOKS_LIKE, result.diagnosis.text)
    lines += labelled("expected", finding.expected)
    lines += labelled("came", f"{finding.came} [{finding.kind.value}{f', on {finding.peer}' if finding.peer else ''}]")
    if result.transcript is not None and len(result.transcript):
        lines += _conversation(result.transcript, finding)
    lines += _octets(result)
    lines += _said(result.server_output)
    if rerun:
        lines += labelled("again", rerun)
    if result.replay is not None and result.replay.command:
        lines += labelled("replay", result.replay.command)
    return lines


def labelled(label: str, text: str) -> list[str]:
    """A text with a label before it, wrapped."""
    first, *rest = text.splitlines() or [""]
    wrapped = textwrap.wrap(first, WIDTH - 13, break_on_hyphens=False) or [""]
    lines = [f"  {label:<10} {wrapped[0]}", *(f"{'':13}{line}" for line in wrapped[1:])]
    return lines + [f"{'':13}{line}" for line in rest]


def _octets(result: Result) -> list[str]:
    """The offending frame, or the octets that never became one."""
    finding = result.finding
    assert finding is not None
    octets, offset = finding.octets, finding.offset
    if not octets and result.transcript is not None:
        octets, offset = _never_a_frame(result.transcript, finding.peer), None
    elif offset is None and finding.kind is not Kind.UNDECODABLE:
        return []
    shown = annotated(octets, offset, finding.should)
    lines = []
    for number, line in enumerate(shown):
        label = "octets" if not number else SHOULD_BE if line.startswith(SHOULD_BE) else ""
        lines.append(f"  {label:<10} {line.removeprefix(SHOULD_BE)}"[:WIDTH])
    return lines


def _never_a_frame(transcript: Transcript, peer: str) -> bytes:
    of_peer = [entry for entry in transcript if entry.peer == peer and entry.direction is Direction.RECEIVED]
    return of_peer[-1].octets if of_peer and of_peer[-1].note else b""


def _said(output: str) -> list[str]:
    lines = [line for line in output.splitlines() if line.strip()][-LAST_LINES:]
    return [f"  {'it said':<10} {line}"[:WIDTH] if not n else f"{'':13}{line}"[:WIDTH] for n, line in enumerate(lines)]


def _conversation(transcript: Transcript, finding: Finding) -> list[str]:
    relevant = [entry for entry in transcript if finding.peer in PASSERS_BY or entry.peer not in PASSERS_BY]
    told = [entry for entry in relevant if not _is_fence(entry) or _is_about_pings(finding)]
    entries = list(_joined(told))
    shown = entries[-LAST_ENTRIES:]
    if not any(entry.direction is Direction.SENT for entry in shown):  # what caused all that
        shown = [entry for entry in entries if entry.direction is Direction.SENT][-1:] + shown[-LAST_ENTRIES + 1 :]
    label = f"the last {len(shown)} of {len(entries)}" if len(entries) > len(shown) else "all that was"
    less = " (without PING and PONG)" if len(told) < len(relevant) else ""
    return [f"  {'talk':<10} {label} said{less}:", *(f"    {entry_line(entry)}"[:WIDTH] for entry in shown)]


def _is_fence(entry: Entry) -> bool:
    """PING and PONG stand between what others do; where nothing is wrong with them they explain nothing."""
    return entry.size == len(entry.octets) == FENCE_SIZE and entry.octets[4] in _FENCE and not entry.note


def _is_about_pings(finding: Finding) -> bool:
    words = f"{finding.expected} {finding.came}"
    return "PONG token" in words or "PONG with" in words or finding.octets[4:5] in (b"\x04", b"\x84")


def _joined(entries: Iterable[Entry]) -> Iterable[Entry]:
    """The entries, many writes in a row of pieces too small for a frame made one."""
    run: list[Entry] = []
    for entry in entries:
        if run and (entry.peer, entry.direction, entry.note) == (run[-1].peer, Direction.SENT, "") and _is_piece(entry):
            run.append(entry)
            continue
        yield from _one(run)
        run = [entry]
        if not (entry.direction is Direction.SENT and not entry.note and _is_piece(entry)):
            yield from _one(run)
            run = []
    yield from _one(run)


def _is_piece(entry: Entry) -> bool:
    return 0 < entry.size == len(entry.octets) < int.from_bytes(entry.octets[:4].ljust(8, b"\xff"), "big") + 8


def _one(run: list[Entry]) -> Iterable[Entry]:
    if len(run) <= 2:
        yield from run
        return
    octets = b"".join(entry.octets for entry in run)
    yield replace(run[-1], octets=octets, size=len(octets), note=f"in {len(run)} pieces")


def entry_line(entry: Entry) -> str:
    """One entry of a transcript: time, connection, direction, words."""
    return f"{entry.at * 1000:9.1f} ms  {entry.peer:<9} {_ARROWS[entry.direction]} {entry.describe()}"
