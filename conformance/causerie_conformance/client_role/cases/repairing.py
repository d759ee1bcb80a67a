"""Gaps: what was missed is fetched with HISTORY and shown in its place; and a new epoch, after which all begins anew.

Most of this is for clients that list ``history``.
"""

from __future__ import annotations

from causerie_conformance.client_role.register import case
from causerie_conformance.client_role.stage import Stage, token
from causerie_conformance.client_role.visitor import Visitor
from causerie_conformance.problems import Kind
from causerie_spec.codes import HISTORY, LOBBY, ErrorCode
from causerie_spec.messages import Conversations, End, Error, Message
from causerie_spec.messages import History as HistoryRequest

WITH = (HISTORY,)
MOST_QUESTIONS = 20
"""Questions for one gap, at most: more go round in circles."""


def _store(stage: Stage, number: int, to: str = LOBBY) -> list[str]:
    """So many messages that the client is not told of."""
    texts = [token() for _ in range(number)]
    for text in texts:
        stage.house.store(to, "bob", text)
    return texts


def _questions(visitor: Visitor) -> int:
    return len(list(visitor.heard_of(HistoryRequest)))


@case("repairing/gap", "CLIENT-10", "CLIENT-6", needs=WITH)
def gap(stage: Stage) -> None:
    """Live messages of which some are missing: they are fetched, and shown in their places"""
    visitor = stage.enter()
    texts = [stage.say(visitor), *_store(stage, 3), stage.say(visitor), stage.say(visitor)]
    stage.mark(visitor, clause="CLIENT-10")
    stage.leave(visitor)
    stage.in_order(*texts)


@case("repairing/gap-in-direct", "CLIENT-10", "CLIENT-6", needs=WITH)
def gap_in_direct(stage: Stage) -> None:
    """The same in a direct conversation"""
    visitor = stage.enter()
    texts = [stage.say(visitor, to="@bob"), *_store(stage, 2, "@bob"), stage.say(visitor, to="@bob")]
    for text in texts:
        stage.shows(text, clause="CLIENT-10")
    stage.leave(visitor)
    stage.in_order(*texts)


@case("repairing/while-away", "CLIENT-10", "CLIENT-6", needs=WITH)
def while_away(stage: Stage) -> None:
    """What was said while the client was cut off is fetched when it is back, before what comes then"""
    visitor = stage.enter()
    before = stage.say(visitor)
    stage.shows(before)
    visitor.cut()
    missed = _store(stage, 3)
    visitor = stage.again()
    after = stage.say(visitor)
    stage.mark(visitor, clause="CLIENT-10")
    stage.leave(visitor)
    stage.in_order(before, *missed, after)


@case("repairing/pages", "CLIENT-10", needs=WITH)
def pages(stage: Stage) -> None:
    """Pages of HISTORY may be shorter than was asked for: `more` says so, and the rest is asked for"""
    visitor = stage.enter()
    stage.house.page = 2
    texts = [stage.say(visitor), *_store(stage, 7), stage.say(visitor)]
    stage.mark(visitor, clause="CLIENT-10")
    stage.leave(visitor)
    stage.in_order(*texts, clause="CLIENT-10")


@case("repairing/removed", "CLIENT-10", needs=WITH)
def removed(stage: Stage) -> None:
    """What the server has removed cannot be had: the client shows the rest, and does not ask for ever"""
    visitor = stage.enter()
    first = stage.say(visitor)
    stage.shows(first)
    gone, kept = _store(stage, 3), _store(stage, 2)
    stage.house.first[LOBBY] = 5
    last = stage.say(visitor)
    stage.mark(visitor, clause="CLIENT-10")
    stage.mark(visitor)
    stage.leave(visitor)
    stage.in_order(first, *kept, last)
    for text in gone:
        stage.never(text, "it was removed")
    _not_too_often(visitor)


@case("repairing/all-removed", "CLIENT-10", needs=WITH)
def all_removed(stage: Stage) -> None:
    """HISTORY has nothing at all: the client shows what comes, and does not ask for ever"""
    visitor = stage.enter()
    first = stage.say(visitor)
    stage.shows(first)
    _store(stage, 3)
    last = stage.say(visitor)
    stage.house.first[LOBBY] = 1_000
    stage.mark(visitor, clause="CLIENT-10")
    stage.mark(visitor)
    stage.leave(visitor)
    stage.in_order(first, last)
    _not_too_often(visitor)


def _not_too_often(visitor: Visitor) -> None:
    if _questions(visitor) > MOST_QUESTIONS:
        raise visitor.problem(Kind.EXTRA, f"{MOST_QUESTIONS} HISTORY for one gap at most", f"{_questions(visitor)}")


@case("repairing/live-meanwhile", "CLIENT-6", "CLIENT-10", needs=WITH)
def live_meanwhile(stage: Stage) -> None:
    """What comes live while HISTORY is answered, and in the answer too, is shown once and in order"""
    visitor = stage.enter()
    visitor.kept.add(HistoryRequest)
    first = stage.say(visitor)
    missed = _store(stage, 2)
    live = [stage.say(visitor), stage.say(visitor)]
    question = visitor.expect(HistoryRequest, clause="CLIENT-10", conversation=LOBBY)
    log = stage.house.logs[LOBBY]
    for message in log[question.message.anchor :]:
        visitor.answer(question, message)
        if message is log[2]:
            live.append(stage.say(visitor))
    visitor.answer(question, End(False))
    visitor.kept.clear()
    stage.mark(visitor, clause="CLIENT-10")
    stage.leave(visitor)
    stage.in_order(first, *missed, *live)


@case("repairing/rate-limited", "CLIENT-10", needs=WITH)
def rate_limited(stage: Stage) -> None:
    """A question that is answered RATE_LIMITED is asked again after retry_ms, and the gap is closed"""
    visitor = stage.enter()
    visitor.kept.add(HistoryRequest)
    first = stage.say(visitor)
    missed = _store(stage, 2)
    last = stage.say(visitor)
    question = visitor.expect(HistoryRequest, clause="CLIENT-10")
    said = stage.clock()
    visitor.kept.clear()
    visitor.answer(question, Error(ErrorCode.RATE_LIMITED, 400, "slowly"))
    stage.shows(last, clause="CLIENT-10")
    again = [heard.at for heard in visitor.heard_of(HistoryRequest)][1:]
    if again and again[0] - said < 0.39:
        came = f"one after {again[0] - said:.2f} s"
        raise visitor.problem(Kind.VALUE, "no HISTORY before 0.4 s have passed, as retry_ms says", came)
    stage.leave(visitor)
    stage.in_order(first, *missed, last)


REFUSALS: dict[str, type[Message]] = {"history": HistoryRequest, "conversations": Conversations}


@case("repairing/refused-{}", "CLIENT-1", "CLIENT-10", needs=WITH, over=REFUSALS)
def refused(stage: Stage, kind: type[Message]) -> None:
    """A question that is refused, with a code that nobody knows, has failed, and no more: the client goes on"""
    visitor = stage.enter(refused={kind: Error(99, 0, "no")})
    first = stage.say(visitor)
    _store(stage, 1)
    last = stage.say(visitor)
    stage.shows(last)
    stage.leave(visitor, status=None)
    stage.in_order(first, last, clause="CLIENT-6")


@case("repairing/no-history", "CAP-2", "CLIENT-6")
def no_history(stage: Stage) -> None:
    """Without history on the server nobody can be asked: what comes is shown, behind a gap too"""
    visitor = stage.enter(capabilities=())
    first = stage.say(visitor)
    _store(stage, 3)
    last = stage.say(visitor)
    stage.mark(visitor)
    stage.leave(visitor)
    stage.in_order(first, last, clause="CLIENT-6")


@case("repairing/new-epoch", "CLIENT-10", "CLIENT-6")
def new_epoch(stage: Stage) -> None:
    """A new epoch begins with seq 1 again: its messages are not taken for those of the old one"""
    visitor = stage.enter()
    before = [stage.say(visitor) for _ in range(5)]
    stage.shows(before[-1])
    visitor.cut()
    stage.house.forget()
    visitor = stage.again()
    after = [stage.say(visitor) for _ in range(3)]
    stage.mark(visitor, clause="CLIENT-10")
    stage.leave(visitor)
    stage.in_order(*before, *after, clause="CLIENT-10")


@case("repairing/same-epoch", "CLIENT-6")
def same_epoch(stage: Stage) -> None:
    """With the same epoch, what was shown before the cut is not shown again"""
    visitor = stage.enter()
    before = [stage.say(visitor) for _ in range(3)]
    stage.shows(before[-1])
    visitor.cut()
    visitor = stage.again()
    for message in stage.house.logs[LOBBY]:
        visitor.send(message)
    stage.mark(visitor)
    stage.leave(visitor)
    stage.in_order(*before)
