"""One run over one server: the gate first, then case by case, until the end or until the server is gone.

In here: the order of a run and what ends it early. Not in here: pytest (`plugin`), what is printed
(`report`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from causerie_conformance.blocking import Blame, settle
from causerie_conformance.diagnosis import Before, diagnose
from causerie_conformance.experience import Experience
from causerie_conformance.known import KnownFailures
from causerie_conformance.problems import Kind
from causerie_conformance.registry import CASES, GATE, Case
from causerie_conformance.replay.folder import Folder
from causerie_conformance.reruns import again, time_for
from causerie_conformance.results import Finding, Result, Run, Status
from causerie_conformance.runner import GATE_PEER, Beside, Obstacle, gone, look, run_case
from causerie_conformance.target import Target
from causerie_conformance.transcript import Transcript


class Session:
    """A run. ``on_result`` is called with each result as it is known; ``fail_fast`` ends it at the first failure.

    What fails and stands in *known* is no failure of the run. What fails is run again *reruns* times in the end, and
    is left in *replays* to be repeated.
    """

    def __init__(
        self,
        target: Target,
        run: Run,
        on_result: Callable[[Result], None] | None = None,
        *,
        fail_fast: bool = False,
        known: KnownFailures | None = None,
        reruns: int = 0,
        replays: Folder | None = None,
    ) -> None:
        self.target = target
        self.run = run
        self._fail_fast = fail_fast
        self._known = known or KnownFailures()
        self._on_result = on_result or (lambda _: None)
        self._reruns = reruns
        self._replays = replays
        self._blame = Blame()
        self._named: set[str] = set()
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
            kind = obstacle.kind or Kind.UNEXPECTED
            finding = Finding(kind, gate.clauses[0], "WELCOME in answer to HELLO", str(obstacle), peer=GATE_PEER)
            said = self.target.process.said_since(0) if self.target.process is not None else ""
            result = Result(gate, Status.FAILED, finding=finding, transcript=obstacle.transcript, server_output=said)
            self._keep(result)

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

    def settle(self) -> None:
        """All cases have been run: what is blocked by what came later, and which failures are steady."""
        self.run.results = settle(self.run.results)
        if self._reruns and not self.run.unreachable:
            self._run_again()

    def _run_again(self) -> None:
        """Run again what has failed; nothing that was learned of the server makes that any shorter."""
        self._beside.end()
        self.target.put_spare(None)
        self.target.timeouts, self.target.experience = 0, Experience()
        tries = again(
            self.run.results,
            lambda case: run_case(case, self.target),
            self._reruns,
            time_for(self.run.duration_so_far),
        )
        self.run.results = [replace(result, tries=tries.get(result.case.id)) for result in self.run.results]

    def end(self) -> None:
        """Nothing more will be run."""
        self._beside.end()
        self.target.put_spare(None)
        self.run.results = settle(self.run.results)
        self.run.stale = self._known.stale(self.run.results)

    def keep_timed_out(self, result: Result) -> Result:
        """Keep the result of a case that the last bound has ended."""
        return self._keep(result)

    def _keep(self, result: Result) -> Result:
        result = self._diagnosed(result)
        if result.status is Status.FAILED and self._known.holds(result.case):
            result = replace(result, status=Status.KNOWN)
        self._blame.learn(result)
        result = self._left(self._blame.judge(result))
        self.run.results.append(result)
        self._kept[result.case.id] = result
        self._on_result(result)
        return result

    def _left(self, result: Result) -> Result:
        """The result with the file that was left to repeat it; what was kept for that is needed no more."""
        if self._replays is not None:
            result = replace(result, replay=self._replays.leave(result))
        if result.transcript is not None:
            result.transcript.tape.forget()
        return result

    def _diagnosed(self, result: Result) -> Result:
        """The result with what it looks like, if it is a failure that looks like something."""
        if result.finding is None or result.transcript is None:
            return result
        before = Before(frozenset(self._named), self.target.experience.unanswered)
        found = diagnose(result.finding, result.transcript, said=result.server_output, before=before)
        if found is None:
            return result
        self._named.add(found.name)
        return replace(result, diagnosis=found)
