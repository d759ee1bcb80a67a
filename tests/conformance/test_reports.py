"""Verdicts, exit statuses, and the reports: terminal, JSON, JUnit."""

import io
import json
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from causerie_conformance.octets import difference
from causerie_conformance.problems import Kind
from causerie_conformance.registry import Case
from causerie_conformance.report import json_report, junit
from causerie_conformance.report.failure import describe
from causerie_conformance.report.terminal import Terminal, printable
from causerie_conformance.results import Exit, Finding, Result, Run, Status, Verdict
from causerie_conformance.transcript import Transcript
from causerie_spec.codec import encode
from causerie_spec.messages import ChatMessage, Hello, Ping, Pong


def case(id_: str = "hello/one", clause: str = "PING-1", profile: str = "CORE") -> Case:
    return Case(id_, "One thing", (clause,), lambda arena: None, profile)


def failed(id_: str = "hello/bad") -> Result:
    transcript = Transcript()
    transcript.sent("A", encode(Ping(1), 9))
    transcript.received("A", encode(Pong(2), 9))
    finding = Finding(Kind.VALUE, "PING-1", "PONG token=1", "PONG token=2 \x1b[0m\x00", encode(Pong(2), 9), 15)
    return Result(case(id_), Status.FAILED, 0.25, finding, transcript=transcript)


def run_of(*results: Result, **values: object) -> Run:
    run = Run("127.0.0.1:5000", selected=[result.case for result in results], total=99)
    run.results = list(results)
    for name, value in values.items():
        setattr(run, name, value)
    run.finish()
    return run


def results(*statuses: Status) -> list[Result]:
    return [Result(case(f"hello/{number}"), status, reason="why") for number, status in enumerate(statuses)]


P, F, W = Status.PASSED, Status.FAILED, Status.WARNED
NO, NJ, NR = Status.NOT_OFFERED, Status.NOT_JUDGED, Status.NOT_RUN


@pytest.mark.parametrize(
    ("statuses", "verdict", "status"),
    [
        ([P, P], Verdict.CONFORMANT, Exit.CONFORMANT),
        ([P, W], Verdict.CONFORMANT, Exit.CONFORMANT),
        ([P, F], Verdict.NOT_CONFORMANT, Exit.NOT_CONFORMANT),
        ([P, NJ], Verdict.PARTLY, Exit.CONFORMANT),
        ([P, NR], Verdict.PARTLY, Exit.NOT_CONFORMANT),
        ([NO, NO], Verdict.NOT_OFFERED, Exit.CONFORMANT),
        ([NJ], Verdict.UNKNOWN, Exit.CONFORMANT),
        ([NR], Verdict.UNKNOWN, Exit.NOT_CONFORMANT),
        ([F, NR, NO], Verdict.NOT_CONFORMANT, Exit.NOT_CONFORMANT),
    ],
)
def test_verdicts_and_exit_statuses(statuses, verdict, status) -> None:
    run = run_of(*results(*statuses))
    assert [each.verdict for each in run.verdicts()] == [verdict]
    assert run.exit_status == status


def test_ends_that_outrank_verdicts() -> None:
    assert run_of(*results(P), unreachable=True).exit_status == Exit.UNREACHABLE
    assert run_of(*results(P), interrupted=True).exit_status == Exit.INTERRUPTED
    assert run_of(*results(P), stopped="it is HTTP").exit_status == Exit.NOT_CONFORMANT


def test_what_was_not_run_is_said() -> None:
    run = Run("x:1", selected=[case("hello/a"), case("hello/b")], stopped="it died")
    run.results = [Result(case("hello/a"), P)]
    run.finish()
    assert [(result.status, result.reason) for result in run.results] == [(P, ""), (NR, "it died")]


def test_profiles_come_in_the_order_of_the_text() -> None:
    run = run_of(*(Result(case(f"hello/{name}", profile=name), P) for name in ("SCRAM", "rooms", "ROBUST", "CORE")))
    assert [verdict.profile for verdict in run.verdicts()] == ["CORE", "ROBUST", "rooms", "SCRAM"]


# A failure in words


def test_a_failure_says_what_is_needed_to_mend_it() -> None:
    lines = describe(failed(), "causerie-conformance HOST:1 --select hello/bad")
    text = "\n".join(lines)
    assert lines[0] == "FAIL hello/bad: One thing"
    assert "PING-1     (MUST) PING is answered PONG with the same `token`" in text
    assert "expected   PONG token=1" in text
    assert "[wrong value]" in text
    assert "-> PING ref 9 token=1" in text
    assert "<- PONG ref 9 token=2" in text
    assert "^^ the first wrong octet" in text
    assert lines[-1].endswith("causerie-conformance HOST:1 --select hello/bad")
    assert len(lines) <= 16


def test_the_mark_stands_below_the_octet() -> None:
    lines = describe(failed())
    row = next(index for index, line in enumerate(lines) if "^^" in line)
    column = lines[row].index("^^")
    assert lines[row - 1][column : column + 2] == "02"


# The terminal


class Tty(io.StringIO):
    def isatty(self) -> bool:
        return True


def shown(out: io.StringIO, run: Run, **options: object) -> str:
    terminal = Terminal(out, **options)  # type: ignore[arg-type]
    for result in run.results:
        terminal.result(result)
    terminal.summary(run)
    return out.getvalue()


def a_bit_of_everything() -> Run:
    warned = Result(case("hello/warned", "ERR-10"), W, finding=Finding(Kind.VALUE, "ERR-10", "words", "none"))
    return run_of(
        Result(case("hello/good"), P), failed(), warned, *results(NO, NJ, NR), agent="evil\x1b[2J", duration=1.0
    )


def test_no_colour_but_on_a_terminal(monkeypatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    assert "\x1b[" not in shown(io.StringIO(), run_of(*results(P, F)))
    assert "\x1b[" in shown(Tty(), run_of(*results(P, F)))
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[" not in shown(Tty(), run_of(*results(P, F)))


def test_the_summary(monkeypatch) -> None:
    text = shown(io.StringIO(), a_bit_of_everything(), rerun="causerie-conformance x:1")
    assert "1 passed, 1 failed, 1 warned, 1 not offered, 1 not judged, 1 not run" in text
    assert "FAIL hello/bad" in text
    assert "WARN hello/warned" in text
    assert "again      causerie-conformance x:1 --select hello/bad" in text
    assert "Not judged (this is not a pass):\n  hello/1: why" in text
    assert "CORE      NOT CONFORMANT" in text
    assert "3 of 6 cases (of 99) judged" in text


def test_the_server_does_not_control_the_terminal() -> None:
    assert "\x1b" not in shown(io.StringIO(), a_bit_of_everything())
    assert printable("a\x1b[2J\u202eb") == "a�[2J�b"


def test_many_failures_are_cut_short() -> None:
    clauses = ("PING-1", "REQ-1", "REQ-2", "ERR-1", "ERR-2", "ERR-8", "HELLO-3", "HELLO-4")
    unlike = [
        replace(failed(f"hello/bad-{number}"), finding=Finding(Kind.VALUE, clause, "this", "that"))
        for number, clause in enumerate(clauses)
    ]
    text = shown(io.StringIO(), run_of(*unlike))
    assert text.count("FAIL hello/bad-") == 6
    assert "and 2 more (a report has them at length" in text
    assert "  F hello/bad-7: HELLO-4: expected this; came that" in text


def test_of_failures_that_are_alike_one_is_told_at_length() -> None:
    text = shown(io.StringIO(), run_of(*(failed(f"hello/bad-{number}") for number in range(20))))
    assert text.count("FAIL hello/bad-") == 1
    assert "and 19 more (a report has them at length" in text
    assert "  F hello/bad-1, hello/bad-2, hello/bad-3 and 16 more: PING-1: expected PONG token=1" in text


# JSON


def test_json(tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    json_report.write(json_report.document(a_bit_of_everything()), path)
    report = json.loads(path.read_text(encoding="utf-8"))
    assert list(report) == [
        *("format", "causerie_conformance", "protocol_version", "role", "target", "command", "agent", "began"),
        *("duration", "round_trip", "exit_status", "stopped", "interrupted", "server_output", "stale_known_failures"),
        *("next", "total", "counts", "profiles", "cases"),
    ]
    assert report["protocol_version"] == 1
    assert report["exit_status"] == 1
    assert report["profiles"][0]["verdict"] == "not conformant"
    assert report["profiles"][0]["counts"]["passed"] == 1
    good, bad, *_ = report["cases"]
    assert good["message"] is None
    assert good["finding"] is None
    assert bad["status"] == "failed"
    assert bad["level"] == "MUST"
    assert bad["finding"]["clause_text"].startswith("PING is answered PONG")
    assert bytes.fromhex(bad["finding"]["octets"]) == encode(Pong(2), 9)
    assert [entry["direction"] for entry in bad["transcript"]] == ["sent", "received"]
    assert bad["transcript"][0]["text"] == "PING ref 9 token=1"


# JUnit


def test_junit(tmp_path: Path) -> None:
    path = tmp_path / "run.xml"
    junit.write(a_bit_of_everything(), path)
    root = ET.parse(path).getroot()
    assert root.tag == "testsuites"
    totals = {"tests": "6", "failures": "1", "errors": "1"}
    assert {name: root.get(name) for name in totals} == totals
    (suite,) = root
    totals["skipped"] = "2"
    assert {name: suite.get(name) for name in totals} == totals
    assert suite.get("name") == "causerie.hello"
    cases = {each.get("name"): each for each in suite}
    assert [child.tag for child in cases["hello/bad"]] == ["failure"]
    failure = cases["hello/bad"][0]
    assert failure.get("type") == "PING-1"
    assert "expected   PONG token=1" in (failure.text or "")
    assert list(cases["hello/good"]) == []
    assert [child.tag for child in cases["hello/warned"]] == ["system-out"]
    assert [cases[f"hello/{number}"][0].tag for number in range(3)] == ["skipped", "skipped", "error"]


def test_what_is_missing_is_named_and_nothing_else():
    needs = ("history", "SCRAM-SHA-256")
    needs_two = Case("history/waits", "One thing", ("DIRECT-5",), lambda arena: None, "history", needs)
    out = io.StringIO()
    terminal = Terminal(out)
    terminal.summary(run_of(Result(needs_two, Status.NOT_OFFERED, missing="SCRAM-SHA-256")))
    assert "Not offered by the server, so not judged: SCRAM-SHA-256\n" in out.getvalue()


# The talk of a failure


def talk(transcript: Transcript, finding: Finding) -> list[str]:
    lines = describe(Result(case(), F, finding=finding, transcript=transcript))
    begin = next(number for number, line in enumerate(lines) if line.startswith("  talk"))
    return lines[begin:]


def test_fences_and_bystanders_are_left_out_where_nothing_is_wrong_with_them() -> None:
    transcript = Transcript()
    transcript.sent("bystander", encode(Ping(1), 1))
    transcript.sent("A", encode(Hello(b"CAUS", 1, 1, 0, "", ()), 1))
    transcript.sent("A", encode(Ping(2), 2))
    transcript.received("A", encode(Pong(2), 2))
    lines = talk(transcript, Finding(Kind.TIMEOUT, "HELLO-3", "WELCOME", "nothing", peer="A"))
    assert lines[0] == "  talk       all that was said (without PING and PONG):"
    assert [line.split()[2:5] for line in lines[1:]] == [["A", "->", "HELLO"]]
    lines = talk(transcript, Finding(Kind.TIMEOUT, "PING-1", "PONG token=2 with ref 2", "nothing", peer="bystander"))
    assert [line.split()[4] for line in lines[1:]] == ["PING", "HELLO", "PING", "PONG"]


def test_what_was_sent_last_is_shown_and_pieces_are_one_line() -> None:
    transcript = Transcript()
    hello = encode(Hello(b"CAUS", 1, 1, 0, "", ()), 1)
    for octet in hello:
        transcript.sent("A", bytes([octet]))
    for number in range(9):
        transcript.received("A", encode(ChatMessage("#lobby", number, 2, "bob", 5, 0, "hi")))
    lines = talk(transcript, Finding(Kind.TIMEOUT, "HELLO-3", "WELCOME", "nothing", peer="A"))
    assert lines[0].endswith("the last 5 of 10 said:")
    assert "-> HELLO ref 1" in lines[1]
    assert [line.split()[4] for line in lines[2:]] == ["MESSAGE"] * 4


def test_the_servers_own_words_and_octets_that_never_became_a_frame_are_shown() -> None:
    transcript = Transcript()
    transcript.received("A", b"\x69\x00\x00\x00\x81\x00\x00\x01\x01", "no whole frame")
    finding = Finding(Kind.TIMEOUT, "HELLO-3", "WELCOME", "nothing", peer="A")
    result = Result(case(), F, finding=finding, transcript=transcript, server_output="one\n\ntwo\nthree\nfour\n")
    text = "\n".join(describe(result))
    assert "  octets     0000  69 00 00 00" in text
    assert "  it said    two\n             three\n             four" in text
    assert "[timeout, on A]" in text


def test_what_the_field_should_be_stands_below_it() -> None:
    octets = encode(ChatMessage("#lobby", 0, 2, "bob", 5, 0, "hi"))
    offset, should = difference(octets, "seq", 1)
    finding = Finding(Kind.VALUE, "MSG-1", "a seq from 1 on", "seq 0", octets, offset, should)
    lines = describe(Result(case(), F, finding=finding))
    row = next(number for number, line in enumerate(lines) if "^^" in line)
    assert lines[row + 1].split() == ["should", "be", *["00"] * 7, "01", "seq", "1"]
    assert lines[row].index("^^") == lines[row + 1].index("01")


@pytest.mark.parametrize(
    ("field", "right", "mark"),
    [
        ("ref", 7, 7),
        ("flags", 1, 5),
        ("text", "hallo", 0x2F),
        ("text", "h", 0x2D),
        ("text", None, 0x2E),
        ("no such field", 1, None),
        ("seq", "no number", 0x0F),
    ],
)
def test_the_first_wrong_octet(field, right, mark) -> None:
    octets = encode(ChatMessage("#lobby", 3, 2, "bob", 5, 0, "hi"))
    offset, should = difference(octets, field, right)
    assert offset == mark
    assert bool(should) is (right not in (None, "no number") and field != "no such field")
