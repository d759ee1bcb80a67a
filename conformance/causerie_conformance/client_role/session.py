"""One run over one client: a look at it first, then all cases, several at a time.

Each case has a client program, a listener and a folder of its own, so that none disturbs another. Those that wait for
time to pass begin at once, each in a thread of its own; the others take turns on a few threads.

In here: running a case, and the order of a run. Not in here: the command line, what is printed (`report`).
"""

from __future__ import annotations

import os
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from dataclasses import replace
from typing import Final

from causerie_conformance import clauses
from causerie_conformance.client_role.program import ProgramFailed
from causerie_conformance.client_role.stage import START, Setup, Stage
from causerie_conformance.known import KnownFailures
from causerie_conformance.problems import Kind, NotJudged, NotOffered, Problem
from causerie_conformance.registry import CLIENT_CASES, Case
from causerie_conformance.results import Finding, Result, Run, Status
from causerie_conformance.transcript import Transcript
from causerie_spec.messages import Hello

GATE: Final = "greeting/hello"
"""What the look at the client is reported as."""
TURNS: Final = 3 * (os.cpu_count() or 1)
"""Cases that take turns at the same time: they wait more than they compute."""
BOUND: Final = 300.0
"""Seconds after which a run without any result has gone wrong."""
PASSWORD: Final = "a password"
TLS: Final = "TLS"
_OPTIONS: Final = {PASSWORD: "password", TLS: "tls"}


def run_case(case: Case, setup: Setup) -> Result:
    """Run one case to its verdict."""
    began = time.monotonic()
    transcript = Transcript()
    try:
        _check_needs(case, setup)
        with Stage(setup, transcript) as stage:
            case.function(stage)
            stage.check()
    except Exception as error:  # whatever it is, the run goes on and the report says it
        return _result(case, error, transcript, time.monotonic() - began)
    return Result(case, Status.PASSED, time.monotonic() - began, transcript=transcript)


def _check_needs(case: Case, setup: Setup) -> None:
    for need in case.needs:
        offered = setup.hello.capabilities if setup.hello is not None else ()
        if need in _OPTIONS:
            if getattr(setup.command, _OPTIONS[need]) is None:
                raise NotOffered(f"{need} (--{_OPTIONS[need]} tells the suite how)")
        elif need not in offered:
            raise NotOffered(need)


def _result(case: Case, error: Exception, transcript: Transcript, duration: float) -> Result:
    if isinstance(error, NotOffered):
        missing = str(error)
        return Result(
            case, Status.NOT_OFFERED, duration, reason=f"the client does not offer {missing}", missing=missing
        )
    if isinstance(error, NotJudged):
        return Result(case, Status.NOT_JUDGED, duration, reason=str(error), transcript=transcript)
    if isinstance(error, ProgramFailed):
        error = Problem(Kind.REFUSED, "the client to start", str(error))
    if isinstance(error, Problem):
        finding = Finding.of(error, case)
    else:
        where = traceback.extract_tb(error.__traceback__)[-1]
        came = f"{type(error).__name__}: {error} ({where.name}, line {where.lineno})"
        finding = Finding(Kind.SUITE, case.clauses[0], "the suite to work", came)
    status = Status.WARNED if clauses.level(finding.clause) == "SHOULD" else Status.FAILED
    return Result(case, status, duration, finding, transcript=transcript)


class ClientSession:
    """A run. ``on_result`` is called with each result in order; ``fail_fast`` ends it at the first failure."""

    def __init__(
        self,
        setup: Setup,
        run: Run,
        on_result: Callable[[Result], None] | None = None,
        *,
        fail_fast: bool = False,
        known: KnownFailures | None = None,
        turns: int = TURNS,
    ) -> None:
        self.setup = setup
        self.run = run
        self._on_result = on_result or (lambda _: None)
        self._fail_fast = fail_fast
        self._known = known or KnownFailures()
        self._turns = turns
        self._waiting: deque[Case] = deque()
        self._results: dict[str, Future[Result]] = {}

    def judge(self, cases: Sequence[Case]) -> None:
        """Run them all; what was found is in ``run``."""
        self.run.selected = list(cases)
        try:
            if self._look():
                self._start(cases)
                self._collect(cases)
        except KeyboardInterrupt:
            self.run.interrupted = True
        finally:
            self.setup.stopping.set()
            self._waiting.clear()
        self.run.stale = self._known.stale(self.run.results)

    def _look(self) -> bool:
        """Does the command start a client that says HELLO? What it says tells what it offers."""
        transcript = Transcript()
        try:
            with Stage(self.setup, transcript) as stage:
                stage.start()
                visitor = stage.accept(START)
                hello = visitor.expect(Hello)
        except ProgramFailed as failure:
            self.run.stopped, self.run.unreachable = str(failure), True
            return False
        except Problem as problem:
            came, *said = problem.came.splitlines()
            self.run.stopped = f"there is no client to judge: expected {problem.expected}, came {came}"
            self.run.server_output = "\n".join(said)
            self.run.unreachable = problem.kind in (Kind.REFUSED, Kind.TIMEOUT)
            gate = CLIENT_CASES[GATE]
            self._keep(Result(gate, Status.FAILED, finding=Finding.of(problem, gate), transcript=transcript))
            return False
        self.setup.hello = hello.message
        self.run.agent = hello.message.agent
        return True

    def _start(self, cases: Sequence[Case]) -> None:
        self._results = {case.id: Future() for case in cases}
        for case in cases:
            if case.beside:
                threading.Thread(target=self._run, args=(case,), daemon=True).start()
            else:
                self._waiting.append(case)
        for _ in range(min(self._turns, len(self._waiting))):
            threading.Thread(target=self._take_turns, daemon=True).start()

    def _take_turns(self) -> None:
        while True:
            try:
                case = self._waiting.popleft()
            except IndexError:
                return
            self._run(case)

    def _run(self, case: Case) -> None:
        self._results[case.id].set_result(run_case(case, self.setup))

    def _collect(self, cases: Sequence[Case]) -> None:
        for case in cases:
            try:
                result = self._results[case.id].result(BOUND)
            except FutureTimeout:
                self.run.stopped = f"{case.id} did not end within {BOUND:g} s"
                return
            kept = self._keep(result)
            if self._fail_fast and kept.status is Status.FAILED:
                self.run.stopped = f"--fail-fast: {case.id} failed"
                return

    def _keep(self, result: Result) -> Result:
        if result.status is Status.FAILED and self._known.holds(result.case):
            result = replace(result, status=Status.KNOWN)
        self.run.results.append(result)
        self._on_result(result)
        return result
