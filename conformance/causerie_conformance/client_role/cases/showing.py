"""What is shown: each message once, in the order of seq, with its sender.

In here: live messages on one connection. Not in here: gaps (`repairing`), characters (`screen`).
"""

from __future__ import annotations

from causerie_conformance.client_role.register import case
from causerie_conformance.client_role.stage import Stage, token
from causerie_conformance.problems import Kind
from causerie_spec.codes import LOBBY
from causerie_spec.messages import Ack


@case("showing/twice", "CLIENT-6")
def twice(stage: Stage) -> None:
    """A message that comes twice is shown once"""
    visitor = stage.enter()
    text = token()
    message = stage.house.store(LOBBY, "bob", text)
    for _ in range(3):
        visitor.send(message)
    stage.mark(visitor)
    visitor.send(message)
    stage.mark(visitor)
    stage.leave(visitor)
    stage.once(text, "bob")


@case("showing/same-text", "CLIENT-6", "MSG-11")
def same_text(stage: Stage) -> None:
    """Messages with the same text and txn, but other seqs, are each shown: (conversation, seq) tells them apart"""
    visitor = stage.enter()
    text = token()
    for _ in range(3):
        visitor.send(stage.house.store(LOBBY, "bob", text, txn=7))
    stage.say(visitor, text, to="@bob")
    stage.mark(visitor)
    stage.leave(visitor)
    if len(stage.lines(text)) != 4:
        raise stage.problem(Kind.VALUE, f"four lines with {text!r}", f"{len(stage.lines(text))}")


@case("showing/own-seq-each", "CLIENT-6")
def seqs_of_their_own(stage: Stage) -> None:
    """Each conversation has its own numbers: seq 1 of another conversation is another message"""
    visitor = stage.enter()
    texts = [stage.say(visitor, to=LOBBY), stage.say(visitor, to="@bob"), stage.say(visitor, sender="cy", to="@cy")]
    texts.append(stage.say(visitor, to=LOBBY))
    stage.mark(visitor)
    for text in texts:
        stage.shows(text)
    stage.leave(visitor)
    stage.in_order(texts[0], texts[3])
    stage.once(texts[1])
    stage.once(texts[2])


@case("showing/ack-first", "MSG-11", "CLIENT-6")
def ack_first(stage: Stage) -> None:
    """The ACK may come before the MESSAGE of one's own SEND, as across a cluster"""
    visitor = stage.enter()
    stage.types(text := token())
    heard = stage.take_send(visitor, text)
    message, _ = stage.house.take(heard.message)
    visitor.answer(heard, Ack(message.seq, message.timestamp, False))
    visitor.send(message)
    stage.mark(visitor)
    stage.leave(visitor)
    _at_most_once(stage, text)


@case("showing/others-between", "MSG-11", "CLIENT-6")
def others_between(stage: Stage) -> None:
    """Other people's messages stand between a SEND, its MESSAGE and its ACK"""
    visitor = stage.enter()
    before = stage.say(visitor)
    stage.types(text := token())
    heard = stage.take_send(visitor, text)
    between = stage.say(visitor)
    message, _ = stage.house.take(heard.message)
    visitor.send(message)
    after = stage.say(visitor)
    visitor.answer(heard, Ack(message.seq, message.timestamp, False))
    stage.mark(visitor)
    stage.leave(visitor)
    stage.in_order(before, between, after)
    _at_most_once(stage, text)


@case("showing/own-elsewhere", "MSG-11", "CLIENT-6")
def own_elsewhere(stage: Stage) -> None:
    """What one's other device wrote is shown: it is not one's own SEND"""
    visitor = stage.enter()
    stage.talk(visitor)
    text = stage.say(visitor, sender=stage.handle)
    stage.mark(visitor)
    stage.leave(visitor)
    stage.once(text)


def _at_most_once(stage: Stage, text: str) -> None:
    found = stage.lines(text)
    if len(found) > 1:
        raise stage.problem(Kind.EXTRA, f"one line with {text!r} at most", f"{len(found)}")
