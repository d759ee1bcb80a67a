"""What to build next, by a run over a server that is not finished.

In here: what works, the first thing to build or mend in learning order, and what waits for it, as data. Not in here:
how it is shown (`report.terminal`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from causerie_conformance.results import Result, Run, Status
from causerie_spec.codes import PROFILES

_WORKS: Final = {Status.PASSED, Status.WARNED, Status.NOT_OFFERED, Status.NOT_JUDGED}
_NO_STEP: Final = ("CORE", "ROBUST", "TLS", "cluster")
"""Profiles that no capability or mechanism of WELCOME stands for."""


@dataclass(frozen=True)
class Plan:
    """``works`` are topics. ``first`` is what to build or mend, None if nothing has failed; ``capability`` then is what
    could be built next, empty if there is nothing left. ``open`` are the topics with failures, in learning order, each
    with its numbers of failed and of blocked cases.
    """

    works: tuple[str, ...]
    first: Result | None
    is_new: bool
    capability: str
    open: tuple[tuple[str, int, int], ...]


def plan(run: Run) -> Plan | None:
    """The plan, None if the run does not tell enough, or if there is nothing to do."""
    if run.stopped or run.interrupted or len(run.results) < 2:
        return None
    topics = dict.fromkeys(result.case.topic for result in run.results)
    by_topic = {topic: [result for result in run.results if result.case.topic == topic] for topic in topics}
    works = tuple(topic for topic, results in by_topic.items() if _all_works(results))
    failed = run.of(Status.FAILED)
    first = failed[0] if failed else None
    capability = "" if first is not None or run.of(Status.KNOWN) else _not_offered(run)
    if first is None and not capability:
        return None
    is_new = first is not None and not any(each.status is Status.PASSED for each in by_topic[first.case.topic])
    numbers = (
        (topic, _count(results, Status.FAILED), _count(results, Status.BLOCKED)) for topic, results in by_topic.items()
    )
    return Plan(works, first, is_new, capability, tuple(each for each in numbers if any(each[1:])))


def _all_works(results: Sequence[Result]) -> bool:
    statuses = {result.status for result in results}
    return Status.PASSED in statuses and statuses <= _WORKS


def _count(results: Sequence[Result], status: Status) -> int:
    return sum(result.status is status for result in results)


def _not_offered(run: Run) -> str:
    """The first capability or mechanism, in the order of the text, that the server does not offer."""
    missing = {
        result.case.profile for result in run.of(Status.NOT_OFFERED) if not _is_offered(run, result.case.profile)
    }
    return next((profile for profile in PROFILES if profile in missing and profile not in _NO_STEP), "")


def _is_offered(run: Run, profile: str) -> bool:
    return any(result.case.profile == profile and result.status is not Status.NOT_OFFERED for result in run.results)
