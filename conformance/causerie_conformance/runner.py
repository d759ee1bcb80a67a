"""Runs cases, one by one, and turns what happens into results.

In here: the life of one case (arena, function, guard, verdict), the gate at the start of a run, cases that
wait beside the others, and the watch for a server that has died. Not in here: pytest (`plugin`), connections
(`arena`).
"""

from __future__ import annotations

import threading
import time
import traceback
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Final

from causerie_conformance import clauses
from causerie_conformance.arena import Arena, hello
from causerie_conformance.client import Client
from causerie_conformance.problems import Blocked, HandshakeFailed, Kind, NotJudged, NotOffered, Problem
from causerie_conformance.process import ServerFailed
from causerie_conformance.registry import Case
from causerie_conformance.results import Finding, Result, Status
from causerie_conformance.target import Target, address_name
from causerie_conformance.transcript import Transcript
from causerie_spec.messages import Welcome

APART: Final = 2
"""Cases with a server of their own that are run at the same time."""
GATE_PEER: Final = "A"
"""The suite's name for the connection on which it looks whether there is a server."""
TLS_ALERT: Final = b"\x15\x03"
"""How what a TLS server says to plain text begins."""


def run_case(case: Case, target: Target, transcript: Transcript | None = None) -> Result:
    """Run one case to its verdict. Raises nothing but what is meant to end the whole run."""
    began = time.monotonic()
    arena = Arena(target, case.topic, guarded=case.guarded, about=case.clauses[:1], transcript=transcript)
    try:
        _check_needs(case, target)
        with arena:
            case.function(arena)
            arena.guard()
    except Exception as error:  # whatever it is, the run goes on and the report says it
        result = _result(case, error, arena.transcript, time.monotonic() - began, target)
        return replace(result, server_output=arena.server_output)
    return Result(case, Status.PASSED, time.monotonic() - began, transcript=arena.transcript)


def _check_needs(case: Case, target: Target) -> None:
    for need in case.needs:
        if not target.offers(need):
            raise NotOffered(need)


def _result(case: Case, error: Exception, transcript: Transcript, duration: float, target: Target) -> Result:
    if isinstance(error, NotOffered):
        missing = str(error)
        return Result(
            case, Status.NOT_OFFERED, duration, reason=f"the server does not offer {missing}", missing=missing
        )
    if isinstance(error, Blocked):
        return blocked(case, error.clause, duration, transcript)
    if isinstance(error, NotJudged):
        return Result(case, Status.NOT_JUDGED, duration, reason=str(error), transcript=transcript)
    if isinstance(error, ServerFailed):
        error = Problem(Kind.REFUSED, "another server of the same kind to start", str(error))
    if not isinstance(error, Problem):
        return Result(case, Status.FAILED, duration, _fault(case, error), transcript=transcript)
    if error.kind is Kind.TIMEOUT:
        target.note_timeout()
    finding = Finding.of(error, case)
    status = Status.WARNED if clauses.level(finding.clause) == "SHOULD" else Status.FAILED
    return Result(case, status, duration, finding, transcript=transcript)


def blocked(case: Case, clause: str, duration: float = 0.0, transcript: Transcript | None = None) -> Result:
    """The result of a case whose way leads over a step that is about *clause* and does not work."""
    reason = f"a step on its way does not work: {clauses.text(clause)} [{clause}]"
    return Result(case, Status.BLOCKED, duration, reason=reason, transcript=transcript, missing=clause)


def _fault(case: Case, error: Exception) -> Finding:
    """A fault of the suite itself is reported like any other, and is never a pass."""
    where = traceback.extract_tb(error.__traceback__)[-1]
    came = f"{type(error).__name__}: {error} ({where.name}, line {where.lineno})"
    return Finding(Kind.SUITE, case.clauses[0], "the suite to work", came)


def timed_out(case: Case, seconds: float, transcript: Transcript | None = None) -> Result:
    """The result of a case that the last bound has ended."""
    finding = Finding(Kind.SUITE, case.clauses[0], f"the case to end within {seconds:g} s", "it did not")
    return Result(case, Status.FAILED, seconds, finding, transcript=transcript)


class Beside:
    """Cases that are run beside the others, from the start of the run; each result is asked for in its turn.

    Those that wait for time to pass have a thread each. Those that keep a server of their own busy, and the processor
    with it, take turns.
    """

    def __init__(self, run: Callable[[Case], Result]) -> None:
        self._run = run
        self._results: dict[str, Future[Result]] = {}
        self._turns: deque[Case] = deque()

    def start(self, cases: Sequence[Case]) -> None:
        """Begin with those of *cases* that are to be run so."""
        of_ours = [case for case in cases if case.beside or case.apart]
        self._results = {case.id: Future() for case in of_ours}
        self._turns.extend(case for case in of_ours if not case.beside)
        tasks = [partial(self._keep, case) for case in of_ours if case.beside]
        for task in tasks + [self._take_turns] * min(APART, len(self._turns)):
            threading.Thread(target=task, daemon=True).start()

    def _take_turns(self) -> None:
        with suppress(IndexError):
            while True:
                self._keep(self._turns.popleft())

    def _keep(self, case: Case) -> None:
        self._results[case.id].set_result(self._run(case))

    def result(self, case: Case) -> Result | None:
        """Wait for its result; None if it was never started."""
        future = self._results.get(case.id)
        return None if future is None else future.result()

    def end(self) -> None:
        """Begin with no further case."""
        self._turns.clear()


class Obstacle(Exception):
    """There is no Causerie server to judge; ``str`` says what there is instead.

    ``reached``: something answered. ``kind``: how that ended, if it is known.
    """

    def __init__(self, message: str, transcript: Transcript, *, reached: bool = True, kind: Kind | None = None) -> None:
        super().__init__(message)
        self.transcript = transcript
        self.reached = reached
        self.kind = kind


def _connect(target: Target, transcript: Transcript, address: tuple[str, int]) -> Client:
    return Client(address, transcript, target.shared, name=GATE_PEER, patience=target.patience, tls=target.tls)


def look(target: Target) -> None:
    """Is there a Causerie server, at each address? If so, WELCOME is learned; else `Obstacle` is raised.

    This is lenient: whatever can be taken for a frame passes, because the cases say better what is wrong with
    it.
    """
    for address in reversed(target.addresses):
        _look_at(target, address)


def _look_at(target: Target, address: tuple[str, int]) -> None:
    transcript, name = Transcript(), address_name(address)
    try:
        client = _connect(target, transcript, address)
    except HandshakeFailed as problem:
        message = f"no TLS with {name}: {problem.came.removeprefix('none: ')}"
        raise Obstacle(message, transcript, reached=False) from None
    except Problem as problem:
        hint = "" if target.command else ": is the server running? (--spawn 'CMD {port}' has the suite start it)"
        message = f"no connection to {name}: {problem.came.removeprefix('none: ')}{hint}"
        raise Obstacle(message, transcript, reached=False) from None
    try:
        _hear_welcome(client, target)
    finally:
        client.close()


def _hear_welcome(client: Client, target: Target) -> None:
    began = time.monotonic()
    try:
        client.send(hello())
        received = client.next("WELCOME")
    except Problem as problem:
        what = _what_else(client, problem)
        if what is not None:
            raise Obstacle(what, client.transcript, kind=problem.kind) from None
        return
    if received is None and client.first_octets.startswith(TLS_ALERT):
        raise Obstacle("what listens speaks TLS: give --tls", client.transcript)
    if received is None:
        piece = f" after {client.incomplete} octets that are no whole frame" if client.incomplete else ""
        message = f"{target.name} took the connection and answered HELLO with {client.ended_how()}{piece}"
        raise Obstacle(message, client.transcript, kind=client.end)
    target.round_trip = received.at - began
    if isinstance(received.message, Welcome):
        target.welcome = received.message


def _what_else(client: Client, problem: Problem) -> str | None:
    """What listens there, if not a Causerie server."""
    if problem.kind is Kind.TIMEOUT:
        line = _answer_to_a_line(client)
        if line is not None:
            return f"what listens does not speak Causerie, but lines of text: {line}"
        return f"something listens, but does not answer HELLO: {problem.came}"
    if client.first_octets.startswith(TLS_ALERT):
        return "what listens speaks TLS: give --tls"
    if problem.kind is Kind.UNDECODABLE and problem.clause == "FRAME-3":
        return f"what answers does not speak Causerie: {problem.came}"
    return None


def _answer_to_a_line(client: Client) -> str | None:
    """What a server of lines, such as HTTP's, says when it gets an end of line; None if it says nothing."""
    try:
        client.send_octets(b"\r\n\r\n", "to see whether it wants lines")
        client.next("anything", patience=1.0)
    except Problem as problem:
        return problem.came if problem.kind is Kind.UNDECODABLE else None
    return None


def gone(target: Target) -> str | None:
    """Has the server died since? None if it still answers, else what happened, in a sentence."""
    if target.process is not None and target.process.ended is not None:
        return f"the server process ended with status {target.process.ended}"
    transcript = Transcript()
    try:
        client = _connect(target, transcript, target.address)
    except Problem as problem:
        return f"the server takes no connections any more ({problem.came.removeprefix('none: ')})"
    try:
        client.send(hello())
        received = client.next("an answer to HELLO")
    except Problem as problem:
        return None if problem.kind is not Kind.TIMEOUT else "the server does not answer HELLO any more"
    finally:
        client.close()
    if received is None:
        return "the server closes connections without answering HELLO"
    return None
