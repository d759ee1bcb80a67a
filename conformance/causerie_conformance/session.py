"""One run over one server: the gate first, then case by case, until the end or until the server is gone.

In here: the order of a run and what ends it early. Not in here: pytest (`plugin`), what is printed
(`report`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from causerie_conformance.known import KnownFailures
from causerie_conformance.problems import Kind
from causerie_conformance.registry import CASES, GATE, Case
from causerie_conformance.results import Finding, Result, Run, Status
from causerie_conformance.runner import Beside, Obstacle, gone, look, run_case
from causerie_conformance.target import Target
from causerie_conformance.transcript import Transcript


class Session:
    """A run. ``on_result`` is called with each result as it is known; ``fail_fast`` ends it at the first failure.

    What fails and stands in *known* is no failure of the run.
    """

    def __init__(
        self,
        target: Target,
        run: Run,
        on_result: Callable[[Result], None] | None = None,
        *,
        fail_fast: bool = False,
        known: KnownFailures | None = None,
    ) -> None:
        self.target = target
        self.run = run
        self._fail_fast = fail_fast
        self._known = known or KnownFailures()
        self._on_result = on_result or (lambda _: None)
        self._kept: dict[str, Result] = {}
        self._beside = Beside(lambda case: run_case(case, target))

    def begin(self, cases: Sequence[Case]) -> None:
        """Look whether there is a Causerie server at all; if so, start the cases that wait beside the others."""
        self.run.selected = list(cases)
        try:
            look(self.target)
        except Obstacle as obstacle:
            self._stop_at_gate(obstacle)
            return
        if self.target.welcome is not None:
            self.run.agent = self.target.welcome.agent
        self.run.round_trip = self.target.round_trip
        self._beside.start(cases)

    def _stop_at_gate(self, obstacle: Obstacle) -> None:
        self.run.stopped = str(obstacle)
        self.run.unreachable = not obstacle.reached
        self._keep_last_words()
        if obstacle.reached:
            gate = CASES[GATE]
            finding = Finding(Kind.UNEXPECTED, gate.clauses[0], "WELCOME in answer to HELLO", str(obstacle))
            self._keep(Result(gate, Status.FAILED, finding=finding, transcript=obstacle.transcript))

    def execute(self, case: Case, transcript: Transcript | None = None) -> Result:
        """The result of a case: run now, or waited for, or not run any more."""
        known = self._kept.get(case.id)
        if known is not None:
            return known
        if self.run.stopped:
            return self._keep(Result(case, Status.NOT_RUN, reason=self.run.stopped))
        result = self._keep(self._beside.result(case) or run_case(case, self.target, transcript))
        if result.status in (Status.FAILED, Status.KNOWN):
            self._look_after(result)
        return result

    def _look_after(self, result: Result) -> None:
        """After a failure: does the server still live? If not, nothing that follows can tell anything."""
        what = gone(self.target)
        if what is None:
            if self._fail_fast and result.status is Status.FAILED:
                self.run.stopped = f"--fail-fast: {result.case.id} failed"
            return
        self.run.stopped = f"{what}, during or after {result.case.id}"
        self.run.unreachable = True
        self._keep_last_words()

    def _keep_last_words(self) -> None:
        if self.target.process is not None:
            self.run.server_output = self.target.process.said()

    def end(self) -> None:
        """Nothing more will be run."""
        self._beside.end()
        self.target.put_spare(None)
        self.run.stale = self._known.stale(self.run.results)

    def keep_timed_out(self, result: Result) -> Result:
        """Keep the result of a case that the last bound has ended."""
        return self._keep(result)

    def _keep(self, result: Result) -> Result:
        if result.status is Status.FAILED and self._known.holds(result.case):
            result = replace(result, status=Status.KNOWN)
        self.run.results.append(result)
        self._kept[result.case.id] = result
        self._on_result(result)
        return result
