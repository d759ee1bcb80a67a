"""The user quits: QUIT, BYE, and the end of the program ([CLIENT-4])."""

from __future__ import annotations

from causerie_conformance.client_role.register import case
from causerie_conformance.client_role.stage import Stage
from causerie_conformance.problems import Kind, Problem
from causerie_spec.codes import QUIT_TIMEOUT, ByeCode
from causerie_spec.messages import Quit

HELD_BACK = 1.0
"""Seconds for which the suite keeps its BYE back."""
SLACK = 3.0
"""Seconds by which a time limit may be seen late."""


@case("leaving/quit", "CLIENT-4")
def quits(stage: Stage) -> None:
    """`quit` sends QUIT, and the client ends with status 0 once BYE has come"""
    visitor = stage.enter()
    stage.talk(visitor)
    stage.leave(visitor)


@case("leaving/end-of-input", "CLIENT-4")
def end_of_input(stage: Stage) -> None:
    """The end of the input is a user who quits"""
    visitor = stage.enter()
    stage.talk(visitor)
    assert stage.client is not None
    stage.client.end_input()
    stage.left(visitor)


@case("leaving/waits-for-bye", "CLIENT-4", beside=True)
def waits_for_bye(stage: Stage) -> None:
    """After QUIT the client waits for BYE, and does not end the connection before"""
    visitor = stage.enter()
    visitor.kept.add(Quit)
    stage.types("quit")
    quit_ = visitor.expect(Quit)
    try:
        if visitor.next("the end", HELD_BACK) is None:
            came = "the end of the connection, before BYE"
            raise visitor.problem(Kind.FIN, f"the client to wait for BYE, at least {HELD_BACK:g} s", came)
    except Problem as problem:
        if problem.kind is not Kind.TIMEOUT:
            raise
    visitor.say_goodbye(quit_.ref)
    stage.ends()


@case("leaving/fin-for-bye", "CLIENT-4")
def fin_for_bye(stage: Stage) -> None:
    """The end of the stream will do instead of BYE"""
    visitor = stage.enter()
    visitor.kept.add(Quit)
    stage.types("quit")
    visitor.expect(Quit)
    visitor.finish()
    stage.ends()


@case("leaving/no-bye", "CLIENT-4", beside=True)
def no_bye(stage: Stage) -> None:
    """A server that never says BYE is waited for 5 s at the most"""
    visitor = stage.enter()
    visitor.kept.add(Quit)
    stage.types("quit")
    visitor.expect(Quit)
    stage.ends(status=None, patience=QUIT_TIMEOUT + SLACK)


@case("leaving/other-bye", "CLIENT-4", "CLIENT-1")
def other_bye(stage: Stage) -> None:
    """Another BYE than NORMAL after QUIT is an end too; the client does not come back"""
    visitor = stage.enter()
    visitor.kept.add(Quit)
    stage.types("quit")
    quit_ = visitor.expect(Quit)
    visitor.say_goodbye(quit_.ref, ByeCode.SHUTDOWN, 1)
    stage.ends(status=None)
