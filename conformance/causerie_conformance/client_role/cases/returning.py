"""Coming back after a connection that was lost: that, when, and how often ([CLIENT-5])."""

from __future__ import annotations

import itertools

from causerie_conformance.client_role.register import case
from causerie_conformance.client_role.stage import COMES_BACK, START, Stage, token
from causerie_conformance.problems import Kind
from causerie_spec.codes import ByeCode

WAIT = 2.5
"""Seconds that BYE tells a client to wait: longer than most wait by themselves."""
GROWN = 1.5
"""How much longer the third and fourth delay must be than the first and second together."""
LIKE = 1.1
"""Delays whose ratios differ by less than this, each time and in each client, have no jitter."""
OTHERS = 3
"""More clients that are asked, before that is said."""
ENDINGS = ("fin", "reset", "shutdown", "idle", "unknown-code")


@case("returning/after-{}", "CLIENT-5", over={each: each for each in ENDINGS})
def comes_back(stage: Stage, ending: str) -> None:
    """A client whose connection ended comes back by itself, and goes on"""
    visitor = stage.enter()
    stage.say(visitor, before := token())
    stage.shows(before)
    codes = {"shutdown": ByeCode.SHUTDOWN, "idle": ByeCode.IDLE, "unknown-code": 177}
    if ending in codes:
        visitor.say_goodbye(0, codes[ending])
        visitor.expect_end(clause="CLIENT-1")
    else:
        visitor.cut(reset=ending == "reset")
    visitor = stage.again()
    after = stage.say(visitor)
    stage.shows(after)
    stage.talk(visitor)
    stage.leave(visitor)
    stage.in_order(before, after, clause="CLIENT-6")


@case("returning/not-before-retry-ms", "CLIENT-5", beside=True)
def retry_ms(stage: Stage) -> None:
    """Never sooner than retry_ms of the last BYE"""
    visitor = stage.enter()
    said = stage.clock()
    visitor.say_goodbye(0, ByeCode.SHUTDOWN, int(WAIT * 1000))
    visitor.expect_end()
    again = stage.accept(COMES_BACK, "CLIENT-5")
    if again.since - said < WAIT - 0.01:
        came = f"one after {again.since - said:.2f} s"
        raise stage.problem(Kind.VALUE, f"no connection before {WAIT:g} s have passed", came)
    stage.part(again)


@case("returning/delay-grows", "CLIENT-5", beside=True)
def grows(stage: Stage) -> None:
    """The delay grows with each failure, and is jittered"""
    visitor = stage.enter()
    delays = []
    cut = stage.clock()
    visitor.cut()
    patience = COMES_BACK
    for _ in range(4):
        visitor = stage.accept(patience, "CLIENT-5")
        delays.append(visitor.since - cut)
        patience = max(COMES_BACK, 8 * delays[-1])
        cut = stage.clock()
        visitor.cut()
    shown = ", ".join(f"{delay:.2f} s" for delay in delays)
    if sum(delays[2:]) < GROWN * sum(delays[:2]):
        raise stage.problem(Kind.VALUE, "delays that grow with each failure", shown)
    ratios = [b / max(a, 0.001) for a, b in itertools.pairwise(delays)]
    if max(ratios) < LIKE * min(ratios) and all(_alike(_first_delay(stage), delays[0]) for _ in range(OTHERS)):
        raise stage.problem(Kind.VALUE, "delays with chance in them", shown)
    stage.part()


def _alike(one: float, other: float) -> bool:
    return max(one, other) < LIKE * min(one, other)


def _first_delay(stage: Stage) -> float:
    """How long another client of the same kind waits at first."""
    with Stage(stage.setup, stage.transcript) as other:
        visitor = other.enter(patience=START)
        cut = other.clock()
        visitor.cut()
        return other.accept(COMES_BACK).since - cut
