"""What a whole report says, in a word or two: for the top of the page, and for the badge.

In here: that judgement, made from the document alone. Not in here: how it looks.
"""

from __future__ import annotations

from enum import Enum
from typing import Final, NamedTuple

from causerie_conformance.report.json_report import Document
from causerie_conformance.results import Exit, Status, Verdict


class Mood(str, Enum):
    """What a reader should feel. Values are class names of the page."""

    GOOD = "good"
    PARTLY = "partly"
    BAD = "bad"
    NONE = "none"


class Headline(NamedTuple):
    """``words`` for the top, ``sentence`` below it."""

    mood: Mood
    words: str
    sentence: str


SIGNS: Final = {Mood.GOOD: "✓", Mood.PARTLY: "!", Mood.BAD: "✗", Mood.NONE: "–"}
"""Beside the colour, never instead of it."""
VERDICT_MOODS: Final = {
    Verdict.CONFORMANT.value: Mood.GOOD,
    Verdict.PARTLY.value: Mood.PARTLY,
    Verdict.NOT_CONFORMANT.value: Mood.BAD,
    Verdict.KNOWN.value: Mood.PARTLY,
    Verdict.NOT_OFFERED.value: Mood.NONE,
    Verdict.UNKNOWN.value: Mood.NONE,
}
_JUDGED: Final = (Status.PASSED, Status.FAILED, Status.KNOWN, Status.WARNED)


def judged(report: Document) -> int:
    """Cases that were judged: passed, warned, or failed."""
    return sum(report["counts"].get(status.value, 0) for status in _JUDGED)


def headline(report: Document) -> Headline:
    """The first of these that is true."""
    counts = report["counts"]
    failed, known, blocked = (counts.get(status.value, 0) for status in (Status.FAILED, Status.KNOWN, Status.BLOCKED))
    number, selected = judged(report), len(report["cases"])
    of = f"{number:,} of {selected:,} cases judged"
    if report["exit_status"] == Exit.UNREACHABLE:
        words = f"The {report['role']} died" if number else f"No {report['role']}"
        return Headline(Mood.BAD, words, f"{of}, {failed:,} failed.")
    if failed or any(each["verdict"] == Verdict.NOT_CONFORMANT.value for each in report["profiles"]):
        more = f"; {blocked:,} more wait{'s' * (blocked == 1)} for that to work" if blocked else ""
        return Headline(Mood.BAD, "Not conformant", f"{failed:,} of {number:,} judged cases failed{more}.")
    if report["interrupted"]:
        return Headline(Mood.NONE, "Interrupted", f"{of}; none failed so far.")
    if report["stopped"]:
        return Headline(Mood.BAD, "Stopped", f"{of}; none failed so far.")
    if known:
        return Headline(Mood.PARTLY, "Not conformant, as known", f"{known:,} known failures, and no new one.")
    if report["stale_known_failures"]:
        return Headline(
            Mood.PARTLY, "Better than known", "The list of known failures has lines that are not true any more."
        )
    if not number:
        return Headline(Mood.NONE, "Nothing judged", f"None of {selected:,} cases could be judged.")
    if selected < report["total"]:
        there = f"{of}, of {report['total']:,} that there are; none failed."
        return Headline(Mood.PARTLY, "Conformant in what was selected", there)
    if counts.get(Status.NOT_JUDGED.value):
        return Headline(Mood.GOOD, "Conformant as far as judged", f"{of}; none failed.")
    return Headline(Mood.GOOD, "Conformant", f"{of}; none failed.")
