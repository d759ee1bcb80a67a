"""Failures are run again, to tell steady ones from flaky ones.

They are run again when all else is over, one at a time. A failure stays a failure, whatever comes: one that passes in
between is called flaky. All of it together has a time limit, so that a server with hundreds of failures is not waited
for; failures for which no time is left are simply not called anything.

In here: which, how often, how long. Not in here: what is made of it (`session`, `report`).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import Final

from causerie_conformance.registry import Case
from causerie_conformance.results import Result, Status, Tries

TIMES: Final = 2
"""How often a failure is run again, unless told."""
LEAST: Final = 5.0
"""Seconds that reruns may take together, at least."""
MOST: Final = 30.0
"""And at most."""
SHARE: Final = 0.3
"""Between the two: this share of what the run took."""
HANGS: Final = 15.0
"""Seconds by which a case may take longer than before; then no more is run again."""

_FAILED: Final = (Status.FAILED, Status.WARNED, Status.KNOWN)


def time_for(duration: float) -> float:
    """Seconds that reruns may take after a run of that duration."""
    return min(MOST, max(LEAST, SHARE * duration))


def again(
    results: Sequence[Result], run: Callable[[Case], Result], times: int = TIMES, seconds: float = LEAST
) -> dict[str, Tries]:
    """Run what has failed again, each *times*, in no more than about so many *seconds*; how often it failed, by id."""
    end = time.monotonic() + seconds
    failed = [result for result in results if result.status in _FAILED]
    tries = {result.case.id: Tries(1, 1) for result in failed}
    for _ in range(times):
        for result in failed:
            if time.monotonic() + result.duration > end:
                continue
            outcome = _bounded(run, result.case, result.duration + HANGS)
            if outcome is None:
                return _tried(tries)
            before = tries[result.case.id]
            if outcome.status in (*_FAILED, Status.PASSED):
                failures = before.failed + (outcome.status is not Status.PASSED)
                tries[result.case.id] = Tries(before.ran + 1, failures)
    return _tried(tries)


def _tried(tries: dict[str, Tries]) -> dict[str, Tries]:
    return {id_: each for id_, each in tries.items() if each.ran > 1}


def _bounded(run: Callable[[Case], Result], case: Case, seconds: float) -> Result | None:
    """The result; None if it takes too long."""
    outcomes: list[Result] = []
    thread = threading.Thread(target=lambda: outcomes.append(run(case)), daemon=True)
    thread.start()
    thread.join(seconds)
    return outcomes[0] if outcomes else None
