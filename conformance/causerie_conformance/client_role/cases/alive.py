"""Keepalive: a client that sends a sign of life in time, and that gives up on a server that gives none."""

from __future__ import annotations

import itertools

from causerie_conformance.client_role.register import case
from causerie_conformance.client_role.stage import PATIENCE, Stage
from causerie_conformance.client_role.visitor import Visitor
from causerie_conformance.problems import Kind, Problem
from causerie_spec.codes import IDLE_FACTOR
from causerie_spec.messages import Ping

KEEPALIVE = 2
"""Seconds, for the case that counts frames."""
WATCHED = 7.0
"""Seconds for which frames are counted."""
SHORT = 1
"""Seconds, for the cases in which the server falls silent."""
SLACK = 2.5
"""Seconds by which a time limit may be seen late."""


@case("alive/pings", "CLIENT-2", beside=True)
def pings(stage: Stage) -> None:
    """With keepalive K a frame comes at least every K seconds; one that is missing for 1.5 K would be ended as idle"""
    visitor = stage.enter(keepalive=KEEPALIVE)
    began = stage.clock()
    end = began + WATCHED
    while (left := end - stage.clock()) > 0:
        try:
            visitor.next("frames", left)
        except Problem as problem:
            if problem.kind is not Kind.TIMEOUT:
                raise
        if visitor.end is not None:
            raise visitor.problem(visitor.end, "PING", "the end of the connection")
    times = [began, *(heard.at for heard in visitor.heard if heard.at > began), stage.clock()]
    longest = max(b - a for a, b in itertools.pairwise(times))
    if longest > KEEPALIVE * IDLE_FACTOR:
        came = f"none for {longest:.1f} s"
        raise visitor.problem(Kind.TIMEOUT, f"a frame every {KEEPALIVE} s, as WELCOME says", came)
    stage.leave(visitor)


def _gives_up(stage: Stage, visitor: Visitor, *, talking: bool) -> None:
    """The client ends the connection within K seconds of the PING that is not answered."""
    first = None
    deadline = stage.clock() + PATIENCE
    while True:
        patience = 0.3 if talking else (first + SHORT + SLACK if first else deadline) - stage.clock()
        try:
            heard = visitor.next("the end of the connection", max(0.0, patience))
        except Problem as problem:
            if problem.kind is not Kind.TIMEOUT:
                raise
            limit = deadline if first is None else first + SHORT + SLACK
            if stage.clock() >= limit:
                what = "a PING" if first is None else f"the end of the connection {SHORT} s after a PING"
                raise visitor.problem(Kind.TIMEOUT, what, f"none for {patience + SLACK:.1f} s") from None
            stage.say(visitor)
            continue
        if heard is None:
            return
        if first is None and isinstance(heard.message, Ping):
            first = heard.at


@case("alive/server-falls-silent", "CLIENT-3", "CLIENT-5", beside=True)
def falls_silent(stage: Stage) -> None:
    """A server that does not answer PING any more is given up within K seconds, and connected to again"""
    visitor = stage.enter(keepalive=SHORT)
    visitor.kept.add(Ping)
    _gives_up(stage, visitor, talking=False)
    visitor = stage.again(keepalive=60)
    stage.talk(visitor)
    stage.leave(visitor)


@case("alive/talks-without-pong", "CLIENT-3", beside=True)
def talks_without_pong(stage: Stage) -> None:
    """A server that sends messages, but does not answer PING, is given up too"""
    visitor = stage.enter(keepalive=SHORT)
    visitor.kept.add(Ping)
    _gives_up(stage, visitor, talking=True)
    stage.part()


@case("alive/answers-keep-it", "CLIENT-3", beside=True)
def answers_keep_it(stage: Stage) -> None:
    """A server that answers each PING at once is not given up, however quiet it is"""
    visitor = stage.enter(keepalive=SHORT)
    try:
        while True:
            if visitor.next("", 4.0 * SHORT) is None:
                raise visitor.problem(Kind.FIN, "the connection to be kept", "its end")
    except Problem as problem:
        if problem.kind is not Kind.TIMEOUT:
            raise
    stage.talk(visitor)
    stage.leave(visitor)
