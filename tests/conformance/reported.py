"""Runs and their documents, made without a server, for the tests of reports."""

from __future__ import annotations

from causerie_conformance.problems import Kind
from causerie_conformance.registry import Case, load_cases
from causerie_conformance.report import json_report
from causerie_conformance.report.json_report import Document
from causerie_conformance.results import Diagnosis, Finding, Replay, Result, Run, Status, Tries
from causerie_conformance.transcript import Transcript
from causerie_spec.codec import encode
from causerie_spec.codes import CAPABILITIES
from causerie_spec.messages import ChatMessage, Hello, Login, Ready, Send, Welcome

EVIL = "</script><script>alert(1)</script><img src=x onerror=alert(1)> \x1b[2J\x00\u202egnol\u2028'\"&amp;"
"""What a server might say."""


def case(id_: str = "hello/one", clause: str = "PING-1", profile: str = "CORE", title: str = "One thing") -> Case:
    return Case(id_, title, (clause,), lambda arena: None, profile)


def conversation(said: str) -> Transcript:
    """A greeting, a login and a message that lost its last characters; all that the server says is *said*."""
    transcript = Transcript()
    transcript.event("A", "connected")
    transcript.sent("A", encode(Hello(b"CAUS", 1, 1, 0, "suite", ()), 1))
    transcript.received("A", encode(Welcome(1, 0, 1_700_000_000_000, 7, said, ("TOKEN",), CAPABILITIES), 1))
    transcript.sent("A", encode(Login("TOKEN", "alice", "alice", bytes(range(200, 232))), 2))
    transcript.received("A", encode(Ready("alice", "alice", b""), 2))
    transcript.sent("A", encode(Send("#lobby", 5, 0, said + "  "), 3))
    transcript.received("A", encode(ChatMessage("#lobby", 1, 1_700_000_000_000, "alice", 5, 0, said)))
    return transcript


def failed(of: Case, said: str = "hello", status: Status = Status.FAILED, tries: Tries | None = None) -> Result:
    came = encode(ChatMessage("#lobby", 1, 1_700_000_000_000, "alice", 5, 0, said))
    should = encode(ChatMessage("#lobby", 1, 1_700_000_000_000, "alice", 5, 0, said + "  "))
    finding = Finding(
        *(Kind.VALUE, "SEND-5", f"text {said!r}", f"MESSAGE text={said}", came, len(came) - 1),
        *(should, "A", False),
    )
    diagnosis = Diagnosis("text-is-trimmed", f"White space is stripped from {said}. Deliver the text octet for octet.")
    return Result(
        *(of, status, 0.012, finding),
        transcript=conversation(said),
        diagnosis=diagnosis,
        server_output=f"a line\nanother: {said}",
        tries=tries,
        replay=Replay("failures/x.json", "causerie-conformance replay failures/x.json 127.0.0.1:5000"),
    )


def run_of(*results: Result, **values: object) -> Run:
    made = Run("127.0.0.1:5000", agent="reference", command="causerie-conformance 127.0.0.1:5000", total=len(results))
    made.results, made.selected = list(results), [result.case for result in results]
    for name, value in values.items():
        setattr(made, name, value)
    made.finish()
    return made


def document(*results: Result, **values: object) -> Document:
    return json_report.document(run_of(*results, **values))


def of_every_status(said: str = "hello") -> list[Result]:
    """A result of every status, those with a finding with all that can be told of one."""
    made = []
    for status in Status:
        of = case(f"lobby/{status.value.replace(' ', '-')}", "SEND-5", title=f"The text is delivered: {status.value}")
        if status in (Status.FAILED, Status.WARNED, Status.KNOWN):
            made.append(failed(of, said, status, Tries(3, 1) if status is Status.FAILED else Tries(3, 3)))
        elif status is Status.PASSED:
            made.append(Result(of, status, 0.004))
        else:
            by = "lobby/failed" if status is Status.BLOCKED else ""
            made.append(Result(of, status, reason=f"why: {said}", blocked_by=by))
    return made


def of_all_cases(failing: int) -> list[Result]:
    """A result of every case that the suite has, the first *failing* of them failures."""
    cases = load_cases()
    return [
        failed(of, f"text {number}") if number < failing else Result(of, Status.PASSED, 0.004)
        for number, of in enumerate(cases)
    ]
