"""What the user sees while a run goes on, and at its end.

In here: progress by topic, failures, the verdict by profile, colour. Not in here: the words of a failure
(`failure`), what is counted (`results`). Colour only on a terminal, and never with NO_COLOR.
"""

from __future__ import annotations

import os
import shlex
from typing import Final, TextIO

from causerie_conformance import clauses
from causerie_conformance.plan import plan
from causerie_conformance.registry import GREETINGS, Case
from causerie_conformance.report.failure import LOOKS_LIKE, describe, labelled
from causerie_conformance.results import ProfileVerdict, Result, Run, Status, Verdict

MOST_FAILURES: Final = 6
"""Failures that are told at length; the others by one line each (the reports have them all)."""
IDS_SHOWN: Final = 3
"""Cases that are named beside a reason which more of them share."""
_MARKS: Final = {
    Status.PASSED: (".", "32"),
    Status.FAILED: ("F", "31;1"),
    Status.BLOCKED: ("b", "33"),
    Status.KNOWN: ("k", "33"),
    Status.WARNED: ("w", "33"),
    Status.NOT_OFFERED: ("-", "2"),
    Status.NOT_JUDGED: ("?", "33"),
    Status.NOT_RUN: ("x", "31"),
}
_VERDICT_COLOURS: Final = {
    Verdict.CONFORMANT: "32;1",
    Verdict.PARTLY: "33;1",
    Verdict.NOT_CONFORMANT: "31;1",
    Verdict.KNOWN: "33;1",
    Verdict.NOT_OFFERED: "2",
    Verdict.UNKNOWN: "33",
}


class Terminal:
    """Writes to one stream, usually standard output."""

    def __init__(self, out: TextIO, *, verbose: bool = False, rerun: str = "") -> None:
        self._out = out
        self._verbose = verbose
        self._rerun = rerun
        self._live = out.isatty()
        self._colour = self._live and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
        self._topic = ""
        self._marks: list[Status] = []

    def _paint(self, text: str, colour: str) -> str:
        return f"\x1b[{colour}m{text}\x1b[0m" if self._colour and colour else text

    def line(self, text: str = "") -> None:
        """Write one line."""
        self._out.write(text + "\n")
        self._out.flush()

    # Progress

    def result(self, result: Result) -> None:
        """Show that a case is done."""
        if self._verbose:
            word = self._paint(f"{result.status.value:<11}", _MARKS[result.status][1])
            self.line(f"{word} {result.case.id:<44} {result.duration * 1000:7.0f} ms  {result.case.title}")
            return
        if result.status is Status.NOT_RUN:
            return  # the end says why, and how many
        if result.case.topic != self._topic:
            self.end_topic()
            self._topic = result.case.topic
        self._marks.append(result.status)
        if self._live:
            self._out.write(f"\r{self._topic_line()}")
            self._out.flush()

    def end_topic(self) -> None:
        """Close the line of a topic."""
        if not self._topic:
            return
        self.line("\r" * self._live + self._topic_line())
        self._topic, self._marks = "", []

    def _topic_line(self) -> str:
        counts = [
            self._paint(f"{self._marks.count(status)} {status.value}", _MARKS[status][1])
            for status in Status
            if status in self._marks
        ]
        return f"{self._topic:<10} {', '.join(counts)}"

    # The end

    def summary(self, run: Run) -> None:
        """Failures at length, what was not judged, and the verdict."""
        self.end_topic()
        self._failures(run.of(Status.FAILED, Status.WARNED))
        self._blocked(run.of(Status.BLOCKED))
        self._tries(run)
        self._known(run)
        self._reasons(run)
        self._plan(run)
        self.line()
        if len(run.of(Status.NOT_RUN)) < len(run.results):  # else there is nothing to give a verdict on
            for verdict in run.verdicts():
                self._verdict(verdict)
        if run.stopped:
            self.line(self._paint(f"stopped: {printable(run.stopped)}", "31;1"))
            for line in run.server_output.removeprefix("; ").splitlines():
                self.line(printable(line))
        if run.interrupted:
            self.line(self._paint("interrupted: the rest was not run", "31;1"))
        self.line(self._last_line(run))

    def _failures(self, results: list[Result]) -> None:
        groups: dict[object, list[Result]] = {}
        for result in results:
            groups.setdefault(_alike(result), []).append(result)
        for result, *_ in list(groups.values())[:MOST_FAILURES]:
            rerun = f"{self._rerun} --select {shlex.quote(result.case.id)}" if self._rerun else ""
            head, *rest = describe(result, rerun)
            self.line()
            self.line(self._paint(head, _MARKS[result.status][1]))
            for line in rest:
                self._labelled(printable(line))
        others = [group[number < MOST_FAILURES :] for number, group in enumerate(groups.values())]
        count = sum(map(len, others))
        if count:
            self.line()
            self.line(f"and {count} more (a report has them at length: --json FILE, --junit FILE):")
        for group in filter(None, others):
            ids = _some([result.case.id for result in group])
            self.line(f"  {_MARKS[group[0].status][0]} {ids}: {printable(_in_short(group[0]))}"[:160])

    def _labelled(self, line: str) -> None:
        """A line of a failure; what the eye looks for has a colour."""
        label = line[: len(LOOKS_LIKE) + 2].strip()
        if label == LOOKS_LIKE or line.lstrip().startswith("^^"):
            line = self._paint(line, "36;1" if label == LOOKS_LIKE else "31;1")
        self.line(line)

    def _blocked(self, results: list[Result]) -> None:
        if results:
            self.line()
            self.line("Blocked, so not judged: they need what these cases are about (this is not a pass):")
        for by in dict.fromkeys(result.blocked_by for result in results):
            ids = [result.case.id for result in results if result.blocked_by == by]
            self.line(f"  {len(ids)} by {by}: {_some(ids)}")

    def _tries(self, run: Run) -> None:
        tried = [result for result in run.results if result.tries is not None]
        if not tried:
            return
        flaky = [result.case.id for result in tried if result.tries and result.tries.failed < result.tries.ran]
        self.line()
        self.line(f"Failures that were run again: {len(tried)} ({len(tried) - len(flaky)} steady, {len(flaky)} flaky)")
        for result in tried:
            if result.case.id in flaky and result.tries is not None:
                self.line(f"  {result.case.id}: {result.tries.word}")

    def _plan(self, run: Run) -> None:
        made = plan(run)
        if made is None:
            return
        self.line()
        self.line(self._paint("Build this next", "1"))
        self._step("works", ", ".join(made.works) or "nothing yet")
        if made.first is not None:
            self._first(made.first, "build" if made.is_new else "mend")
        else:
            role = run.results[0].case.role
            self._step(
                "build", f"{made.capability} (then list it in {GREETINGS[role]}): all that the {role} offers works"
            )
            self._step("", f"causerie-spec clauses --profile {made.capability}")
        waits = [f"{topic} ({_failed_and_blocked(*numbers)})" for topic, *numbers in made.open]
        if waits:
            self._step("then", ", ".join(waits))

    def _first(self, first: Result, word: str) -> None:
        finding = first.finding
        clause = finding.clause if finding is not None else first.case.clauses[0]
        self._step(word, f"{first.case.id}: {first.case.title} [{clause}]")
        self._step("", clauses.text(clause))
        if first.diagnosis is not None:
            self._step(LOOKS_LIKE, first.diagnosis.text)
        if self._rerun:
            self._step("again", f"{self._rerun} --select {shlex.quote(first.case.id)}")

    def _step(self, label: str, text: str) -> None:
        for number, line in enumerate(labelled(label, printable(text))):
            self.line(line if number or not label else f"  {self._paint(f'{label:<10}', '1')}{line[12:]}")

    def _known(self, run: Run) -> None:
        known = run.of(Status.KNOWN)
        if known:
            self.line()
            self.line("Failed, as the list of known failures says:")
        for result in known:
            self.line(f"  {result.case.id}: {printable(result.message)}"[:160])
        if run.stale:
            self.line()
            self.line(self._paint("Not true any more in the list of known failures, which fails this run:", "31;1"))
        for words in run.stale:
            self.line(f"  {printable(words)}")

    def _reasons(self, run: Run) -> None:
        not_judged = run.of(Status.NOT_JUDGED)
        if not_judged:
            self.line()
            self.line("Not judged (this is not a pass):")
        for reason in dict.fromkeys(result.reason for result in not_judged):
            ids = [result.case.id for result in not_judged if result.reason == reason]
            self.line(f"  {_some(ids)}: {printable(reason)}")
        not_offered = run.of(Status.NOT_OFFERED)
        if not_offered:
            missing = sorted({result.missing for result in not_offered})
            self.line()
            role = not_offered[0].case.role
            self.line(f"Not offered by the {role}, so not judged: {', '.join(missing)}")

    def _verdict(self, verdict: ProfileVerdict) -> None:
        counts = ", ".join(f"{count} {status.value}" for status, count in verdict.counts.items() if count)
        word = self._paint(f"{verdict.verdict.value.upper():<29}", _VERDICT_COLOURS[verdict.verdict])
        self.line(f"{verdict.profile:<9} {word} {counts}")

    def _last_line(self, run: Run) -> str:
        judged = len(run.of(Status.PASSED, Status.FAILED, Status.KNOWN, Status.WARNED))
        part = f" (of {run.total})" if len(run.selected) != run.total else ""
        agent = f" ({printable(run.agent)})" if run.agent else ""
        return f"{judged} of {len(run.selected)} cases{part} judged in {run.duration:.1f} s: {run.target}{agent}"


def _some(ids: list[str]) -> str:
    more = f" and {len(ids) - IDS_SHOWN} more" if len(ids) > IDS_SHOWN else ""
    return f"{', '.join(ids[:IDS_SHOWN])}{more}"


def _alike(result: Result) -> object:
    """What failures have in common of which one is told at length: the clause, and what it looks like."""
    finding, diagnosis = result.finding, result.diagnosis
    if finding is None:
        return result.case.id
    return result.status, finding.clause, finding.kind, diagnosis and diagnosis.name


def _in_short(result: Result) -> str:
    """One line: what it looks like, or what was wrong."""
    if result.diagnosis is None:
        return result.message.partition("\n")[0]
    return f"{LOOKS_LIKE} {result.diagnosis.text.partition('. ')[0]}"


def _failed_and_blocked(failed: int, blocked: int) -> str:
    words = [f"{count} {word}" for count, word in ((failed, "failed"), (blocked, "blocked")) if count]
    return ", ".join(words)


def printable(text: str) -> str:
    """A string of the server's, which must not control the terminal."""
    return "".join(char if char.isprintable() else "�" for char in text)


def show_list(out: TextIO, cases: list[Case], *, verbose: bool = False) -> None:
    """The cases by topic: id, clauses, title; with *verbose* the clause too."""
    for topic in dict.fromkeys(case.topic for case in cases):
        of_topic = [case for case in cases if case.topic == topic]
        out.write(f"{topic} ({len(of_topic)})\n")
        for case in of_topic:
            out.write(f"  {case.id:<44} {' '.join(case.clauses):<24} {case.title}\n")
            if verbose:
                out.write(f"      {case.clauses[0]} ({case.level}): {clauses.text(case.clauses[0])}\n")
