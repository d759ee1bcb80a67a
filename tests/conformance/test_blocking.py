"""Whose failure it is, what a run learns of a half-built server, reruns, and what to build next."""

import io
import threading

import pytest

from causerie_conformance import reruns
from causerie_conformance.blocking import is_own, settle
from causerie_conformance.experience import IN_A_ROW, Experience, Way
from causerie_conformance.plan import plan
from causerie_conformance.problems import Blocked, Kind, Problem
from causerie_conformance.registry import GATE, Case
from causerie_conformance.report.terminal import Terminal
from causerie_conformance.results import Diagnosis, Exit, Finding, Result, Run, Status, Tries, Verdict
from causerie_spec.messages import Ping

P, F, B, K = Status.PASSED, Status.FAILED, Status.BLOCKED, Status.KNOWN
NO = Status.NOT_OFFERED


def case(id_: str, *clauses: str, profile: str = "CORE") -> Case:
    return Case(id_, "One thing", clauses or ("PING-1",), lambda arena: None, profile)


def failed(id_: str, about: str, broken: str, *, assumed: bool = False, status: Status = F) -> Result:
    finding = Finding(Kind.TIMEOUT, broken, "this", "that", assumed=assumed)
    return Result(case(id_, about), status, finding=finding)


def passed(id_: str, profile: str = "CORE", status: Status = P) -> Result:
    return Result(case(id_, profile=profile), status, missing=profile if status is NO else "")


def run_of(*results: Result) -> Run:
    run = Run("127.0.0.1:5000", selected=[result.case for result in results], total=len(results))
    run.results = settle(list(results))
    run.finish()
    return run


# Whose failure it is


@pytest.mark.parametrize(
    ("result", "own"),
    [
        (failed("lobby/a", "MSG-1", "MSG-1"), True),
        (failed("lobby/a", "MSG-1", "FRAME-6"), False),
        (failed("lobby/a", "LOGIN-1", "LOGIN-1", assumed=True), True),
        (Result(case("login/a", "LOGIN-5", "LOGIN-1"), F, finding=Finding(Kind.FIN, "LOGIN-1", "", "")), True),
        (
            Result(
                case("login/a", "LOGIN-5", "LOGIN-1"), F, finding=Finding(Kind.FIN, "LOGIN-1", "", "", assumed=True)
            ),
            False,
        ),
        (failed(GATE, "HELLO-3", "FRAME-6"), True),
        (passed("lobby/a"), False),
    ],
)
def test_whose_failure_it_is(result: Result, own: bool) -> None:
    assert is_own(result) is own


def test_a_case_is_blocked_by_what_is_about_the_clause_be_it_earlier_or_later() -> None:
    first = failed("hello/first", "PING-1", "FRAME-6")
    owner = failed("errors/flags", "FRAME-6", "FRAME-6")
    later = failed("lobby/later", "MSG-1", "FRAME-6")
    settled = settle([first, owner, later])
    assert [(each.status, each.blocked_by) for each in settled] == [
        (B, "errors/flags"),
        (F, ""),
        (B, "errors/flags"),
    ]


def test_a_failure_that_no_case_is_about_stays_a_failure() -> None:
    results = [failed("lobby/a", "MSG-1", "FRAME-6"), failed("lobby/b", "MSG-2", "FRAME-6")]
    assert [each.status for each in settle(results)] == [F, F]


def test_the_verdict_of_what_is_blocked() -> None:
    owner, waits = failed("hello/a", "PING-1", "PING-1"), failed("rooms/a", "ROOM-1", "PING-1")
    waits = Result(case("rooms/a", "ROOM-1", profile="rooms"), F, finding=waits.finding)
    run = run_of(owner, waits)
    assert [each.verdict for each in run.verdicts()] == [Verdict.NOT_CONFORMANT, Verdict.NOT_CONFORMANT]
    assert run.exit_status is Exit.NOT_CONFORMANT
    known = run_of(failed("hello/a", "PING-1", "PING-1", status=K), waits)
    assert [each.verdict for each in known.verdicts()] == [Verdict.KNOWN, Verdict.KNOWN]
    assert known.exit_status is Exit.CONFORMANT
    assert run.results[1].message == "blocked by hello/a: PING-1: expected this; came that"


# What a run learns


def step_fails(way: Way, clause: str, broken: str | None = None) -> None:
    with pytest.raises(Problem), way.step(clause):
        raise Problem(Kind.TIMEOUT, "", "", clause=broken)


def test_a_step_that_fails_in_a_row_blocks_others_but_not_the_cases_about_it() -> None:
    experience = Experience()
    way = Way(experience)
    for _ in range(IN_A_ROW):
        step_fails(way, "LOGIN-1")
    with pytest.raises(Blocked) as caught, way.step("LOGIN-1"):
        pytest.fail("it was taken")
    assert caught.value.clause == "LOGIN-1"
    with Way(experience, about=("LOGIN-1",)).step("LOGIN-1"):
        pass  # it works again, for everybody
    with way.step("LOGIN-1"):
        pass


def test_a_step_that_works_in_between_blocks_nothing() -> None:
    way = Way()
    for _ in range(IN_A_ROW):
        step_fails(way, "LOGIN-1")
        with Way(way.experience, about=("LOGIN-1",)).step("LOGIN-1"):
            pass
    with way.step("LOGIN-1"):
        pass


def test_what_is_broken_on_the_way_is_what_blocks() -> None:
    experience = Experience()
    for _ in range(IN_A_ROW):
        step_fails(Way(experience), "HELLO-3", "FRAME-9")
    with pytest.raises(Blocked) as caught, Way(experience).step("HELLO-3"):
        pytest.fail("it was taken")
    assert caught.value.clause == "FRAME-9"
    with Way(experience, about=("FRAME-9",)).step("HELLO-3"):
        pass


def test_a_request_that_is_never_answered_is_mute() -> None:
    experience = Experience()
    for _ in range(IN_A_ROW):
        assert not experience.is_mute(Ping.TYPE)
        experience.in_vain(Ping.TYPE)
    assert experience.is_mute(Ping.TYPE)
    assert experience.unanswered == {"PING"}
    experience.answered(Ping.TYPE)
    assert not experience.is_mute(Ping.TYPE)
    assert experience.unanswered == set()


# Run again


def outcomes(*statuses: Status):
    left = list(statuses)
    return lambda case: Result(case, left.pop(0))


@pytest.mark.parametrize(
    ("statuses", "tries", "word"),
    [
        ((F, F), Tries(3, 3), "steady (failed 3 of 3)"),
        ((P, P), Tries(3, 1), "flaky (failed 1 of 3)"),
        ((F, P), Tries(3, 2), "flaky (failed 2 of 3)"),
        ((B, P), Tries(2, 1), "flaky (failed 1 of 2)"),
    ],
)
def test_steady_or_flaky(statuses, tries, word) -> None:
    results = [passed("hello/good"), failed("hello/bad", "PING-1", "PING-1")]
    assert reruns.again(results, outcomes(*statuses), 2) == {"hello/bad": tries}
    assert tries.word == word


def test_reruns_end_with_their_time_and_at_what_hangs(monkeypatch) -> None:
    slow = Result(case("hello/slow"), F, duration=9.0, finding=Finding(Kind.TIMEOUT, "PING-1", "", ""))
    assert reruns.again([slow], outcomes(), 2, seconds=5.0) == {}
    assert reruns.again([failed("hello/bad", "PING-1", "PING-1")], outcomes(B, B), 2) == {}
    monkeypatch.setattr(reruns, "HANGS", 0.05)
    never = threading.Event()
    hangs = failed("hello/hangs", "PING-1", "PING-1")
    assert reruns.again([hangs], lambda case: Result(case, P, reason=str(never.wait(30))), 2) == {}
    never.set()


def test_the_time_for_reruns_is_bounded() -> None:
    assert reruns.time_for(0) == reruns.LEAST
    assert reruns.LEAST < reruns.time_for(60) < reruns.MOST
    assert reruns.time_for(10_000) == reruns.MOST


# What next


def test_the_first_failure_in_learning_order_is_next() -> None:
    results = [passed("hello/a"), passed("login/a"), failed("login/b", "LOGIN-1", "LOGIN-1")]
    run = run_of(*results, failed("lobby/a", "MSG-1", "LOGIN-1", assumed=True), passed("rooms/a", "rooms", NO))
    made = plan(run)
    assert made is not None
    assert made.first is not None
    assert (made.works, made.first.case.id, made.is_new, made.capability) == (("hello",), "login/b", False, "")
    assert made.open == (("login", 1, 0), ("lobby", 0, 1))


def test_a_topic_of_which_nothing_works_is_new() -> None:
    made = plan(run_of(passed("hello/a"), failed("login/b", "LOGIN-1", "LOGIN-1")))
    assert made is not None
    assert made.is_new


def test_a_capability_is_next_once_all_else_works() -> None:
    results = [passed("hello/a"), passed("tls/a", "TLS", NO), passed("presence/a", "presence", NO)]
    made = plan(run_of(*results, passed("history/a", "history", NO)))
    assert made is not None
    assert (made.works, made.first, made.capability) == (("hello",), None, "history")


@pytest.mark.parametrize(
    "results",
    [
        [passed("hello/a"), passed("hello/b")],
        [failed("hello/a", "PING-1", "PING-1")],
        [passed("hello/a"), passed("tls/a", "TLS", NO)],
        [failed("hello/a", "PING-1", "PING-1", status=K), passed("rooms/a", "rooms", NO)],
    ],
)
def test_there_is_no_plan_where_there_is_nothing_to_plan(results) -> None:
    assert plan(run_of(*results)) is None


def shown(run: Run) -> str:
    out = io.StringIO()
    Terminal(out, rerun="causerie-conformance x:1").summary(run)
    return out.getvalue()


def test_the_summary_says_what_is_blocked_flaky_and_next() -> None:
    first = failed("login/b", "LOGIN-1", "LOGIN-1")
    bad = Result(
        first.case, F, finding=first.finding, diagnosis=Diagnosis("x", "it is odd. Mend it."), tries=Tries(3, 1)
    )
    waits = [failed(f"lobby/{number}", "MSG-1", "LOGIN-1", assumed=True) for number in range(5)]
    text = shown(run_of(passed("hello/a"), bad, *waits))
    assert "FAIL login/b: One thing  [flaky (failed 1 of 3)]" in text
    assert "  looks like it is odd. Mend it." in text
    assert "  5 by login/b: lobby/0, lobby/1, lobby/2 and 2 more" in text
    assert "Failures that were run again: 1 (0 steady, 1 flaky)\n  login/b: flaky (failed 1 of 3)" in text
    assert "Build this next\n  works      hello\n  build      login/b: One thing [LOGIN-1]" in text
    assert "  again      causerie-conformance x:1 --select login/b" in text
    assert "  then       login (1 failed), lobby (5 blocked)" in text
    assert "CORE      NOT CONFORMANT                1 passed, 1 failed, 5 blocked" in text
    assert "2 of 7 cases judged" in text


def test_the_summary_names_the_next_capability() -> None:
    text = shown(run_of(passed("hello/a"), passed("rooms/a", "rooms", NO)))
    assert "  build      rooms (then list it in WELCOME): all that the server offers works" in text
    assert "causerie-spec clauses --profile rooms" in text
