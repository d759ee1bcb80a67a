"""Whose failure it is: a case that fails at a step on the way is blocked by the case that is about that step.

A failure is a case's own if the clause that was broken is one that it cites. Otherwise something on its way is broken;
if a case that is about just that has failed too, that is the failure, and this case only waits for it. If none has,
the failure stays where it was found: it must not get lost.

In here: that decision. Not in here: running anything.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from causerie_conformance.registry import GATE
from causerie_conformance.results import Result, Status

_FAILED = (Status.FAILED, Status.KNOWN)


def is_own(result: Result) -> bool:
    """Has the case failed at what it is about? The first of all cases has nothing on its way."""
    finding = result.finding
    if finding is None:
        return False
    if result.case.id == GATE:
        return True
    if finding.assumed:
        return finding.clause == result.case.clauses[0]
    return finding.clause in result.case.clauses


class Blame:
    """What has failed so far in a run, and what is blocked by it."""

    def __init__(self) -> None:
        self._owners: dict[str, str] = {}
        self._first: dict[str, str] = {}

    def learn(self, result: Result) -> None:
        """Remember which clause that failure is about."""
        if result.status not in _FAILED or result.finding is None:
            return
        clause = result.finding.clause
        self._first.setdefault(clause, result.case.id)
        if is_own(result):
            self._owners.setdefault(clause, result.case.id)

    def judge(self, result: Result) -> Result:
        """The result, blocked if it is known by now what blocks it."""
        if result.status is Status.BLOCKED and not result.finding:
            by = self._owners.get(result.missing) or self._first.get(result.missing, "")
            return replace(result, blocked_by=by)
        if result.status is not Status.FAILED or result.finding is None or is_own(result):
            return result
        by = self._owners.get(result.finding.clause, "")
        return replace(result, status=Status.BLOCKED, blocked_by=by) if by else result


def settle(results: Sequence[Result]) -> list[Result]:
    """The results of a whole run, each case blocked that is: what came later may be what blocks."""
    blame = Blame()
    for result in results:
        blame.learn(result)
    return [blame.judge(result) for result in results]
