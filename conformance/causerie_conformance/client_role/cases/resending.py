"""A SEND whose ACK was lost: sent again with the same txn where that is safe, and never where it is not ([CLIENT-9]).

In here: the answer to a SEND, MESSAGE and ACK, cut off at each of its fields. Whatever was lost, the message is in the
log once, and shown once at most; and whoever cannot know whether it arrived says so.
"""

from __future__ import annotations

from causerie_conformance.client_role.register import case
from causerie_conformance.client_role.stage import Stage, token
from causerie_conformance.client_role.visitor import Heard, Visitor
from causerie_conformance.problems import Kind
from causerie_spec.annotate import annotate
from causerie_spec.codec import encode
from causerie_spec.codes import HEADER_SIZE, HISTORY, LOBBY
from causerie_spec.messages import Ack, ChatMessage, Send

_EXAMPLE = encode(ChatMessage(LOBBY, 1, 1, "ada-12345678", 1, 0, token())) + encode(Ack(1, 1, False), 1)


CUT_FIELDS = ("length", "seq", "txn", "text")


def _cuts() -> dict[str, int]:
    """Where the answer is cut off, by name: in each frame's header, and in the fields that matter."""
    found = {}
    for frame in annotate(_EXAMPLE):
        name = frame.rows[1].value.lower()
        for row in frame.rows:
            if row.field in CUT_FIELDS:
                found[f"cut-in-{name}-{row.field}"] = row.offset + len(row.octets) // 2
        found[f"cut-before-{name}"] = frame.rows[0].offset
        found[f"cut-behind-header-of-{name}"] = frame.rows[0].offset + HEADER_SIZE
    found["cut-before-last-octet"] = len(_EXAMPLE) - 1
    found["cut-behind-all"] = len(_EXAMPLE)
    return found


CUTS = _cuts()


def _answer(stage: Stage, heard: Heard) -> bytes:
    message, _ = stage.house.take(heard.message)
    return encode(message) + encode(Ack(message.seq, message.timestamp, False), heard.ref)


def _cut_off(stage: Stage, octets: int, capabilities: tuple[str, ...]) -> tuple[str, Heard]:
    """A text is sent, put into the log, and so many octets of the answer arrive: the text and its SEND."""
    visitor = stage.enter(capabilities=capabilities)
    stage.types(text := token())
    heard = stage.take_send(visitor, text)
    visitor.send_octets(_answer(stage, heard)[:octets], "and no more")
    if octets % 2:
        visitor.cut(reset=True)
    else:
        visitor.finish()
        visitor.expect_end()
    return text, heard


def _serve_again(stage: Stage, visitor: Visitor, first: Heard) -> int:
    """Take what the client sends again until it sends something else; how often it came."""
    stage.types(last := token("last"))
    count = 0
    while True:
        heard = visitor.expect(Send, clause="CLIENT-9")
        stage.accept_send(visitor, heard)
        if heard.message.text == last:
            return count
        if heard.message != first.message:
            raise visitor.problem(
                *(Kind.VALUE, f"the same SEND again, or none: {first.message}", f"{heard.message}", heard.octets),
                "CLIENT-9",
            )
        count += 1


def _in_the_log_once(stage: Stage, text: str) -> None:
    log = [message for message in stage.house.logs[LOBBY] if message.text == text]
    if len(log) > 1:
        raise stage.problem(Kind.EXTRA, f"{text!r} in the log once", f"{len(log)} times", "CLIENT-9")
    if len(stage.lines(text)) > 1:
        raise stage.problem(Kind.EXTRA, f"one line with {text!r} at most", f"{len(stage.lines(text))}", "CLIENT-6")


@case("resending/{}", "CLIENT-9", "MSG-11", "CLIENT-6", over=CUTS)
def with_history(stage: Stage, octets: int) -> None:
    """The answer to a SEND is cut off, by a server with history"""
    text, heard = _cut_off(stage, octets, (HISTORY,))
    visitor = stage.again(capabilities=(HISTORY,))
    count = _serve_again(stage, visitor, heard)
    stage.leave(visitor, status=None)
    if count > 1:
        raise stage.problem(Kind.EXTRA, "the SEND again once at most", f"{count} times")
    _in_the_log_once(stage, text)
    if not count and not stage.lines(text, stream=None):
        raise stage.problem(Kind.VALUE, "the SEND again, or a line that says that it is unconfirmed", "neither")


@case("resending/lost-before-the-log", "CLIENT-9")
def never_stored(stage: Stage) -> None:
    """The server died before the SEND was in its log: it is sent again with the same txn, or said to be unconfirmed"""
    visitor = stage.enter(capabilities=(HISTORY,))
    stage.types(text := token())
    first = stage.take_send(visitor, text)
    visitor.cut(reset=True)
    visitor = stage.again(capabilities=(HISTORY,))
    count = _serve_again(stage, visitor, first)
    stage.leave(visitor, status=None)
    _in_the_log_once(stage, text)
    if not count and not stage.lines(text, stream=None):
        raise stage.problem(Kind.VALUE, "the SEND again, or a line that says that it is unconfirmed", "neither")


@case("resending/in-order", "CLIENT-9")
def several(stage: Stage) -> None:
    """Several SENDs that wait for their ACKs are each sent again with their own txns"""
    visitor = stage.enter(capabilities=(HISTORY,))
    texts = [token() for _ in range(4)]
    for text in texts:
        stage.types(text)
    first = stage.take_send(visitor, texts[0]).message
    stage.house.take(first)
    visitor.cut()
    seen = {first.text: first.txn}
    visitor = stage.again(capabilities=(HISTORY,))
    stage.types(last := token("last"))
    while last not in seen:
        heard = visitor.expect(Send, clause="CLIENT-9")
        if seen.setdefault(heard.message.text, heard.message.txn) != heard.message.txn:
            raise visitor.problem(Kind.VALUE, "the txn of the first time", f"{heard.message}", heard.octets)
        stage.accept_send(visitor, heard)
    stage.leave(visitor, status=None)
    for text in texts:
        _in_the_log_once(stage, text)


WITHOUT: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "never": ((), ()),
    "before": ((), (HISTORY,)),
    "after": ((HISTORY,), ()),
}
"""What WELCOME listed when it was sent, and when the client came back."""


def _not_again(stage: Stage, text: str, visitor: Visitor, first: Heard) -> None:
    stage.types(last := token("last"))
    heard = visitor.expect(Send, clause="CLIENT-9")
    if heard.message.text != last:
        came = f"{heard.message}"
        raise visitor.problem(Kind.EXTRA, f"no SEND of {text!r} again", came, heard.octets, "CLIENT-9")
    stage.accept_send(visitor, heard)
    stage.shows(text, stream=None, clause="CLIENT-9")
    stage.leave(visitor, status=None)
    assert first.message.text == text


@case("resending/without-history-{}", "CLIENT-9", over=WITHOUT)
def without_history(stage: Stage, offered: tuple[tuple[str, ...], tuple[str, ...]]) -> None:
    """Unless WELCOME listed history both times, the SEND is not sent again, and is shown as unconfirmed"""
    visitor = stage.enter(capabilities=offered[0])
    stage.types(text := token())
    first = stage.take_send(visitor, text)
    visitor.cut(reset=True)
    visitor = stage.again(capabilities=offered[1])
    _not_again(stage, text, visitor, first)


@case("resending/new-epoch", "CLIENT-9")
def new_epoch(stage: Stage) -> None:
    """With another epoch the SEND is not sent again, and is shown as unconfirmed"""
    visitor = stage.enter(capabilities=(HISTORY,))
    stage.types(text := token())
    first = stage.take_send(visitor, text)
    visitor.cut(reset=True)
    stage.house.forget()
    visitor = stage.again(capabilities=(HISTORY,))
    _not_again(stage, text, visitor, first)


@case("resending/confirmed-is-done", "CLIENT-9")
def confirmed(stage: Stage) -> None:
    """What was ACKed is not sent again"""
    visitor = stage.enter(capabilities=(HISTORY,))
    text = stage.talk(visitor)
    stage.mark(visitor)
    visitor.cut()
    visitor = stage.again(capabilities=(HISTORY,))
    stage.types(last := token("last"))
    stage.accept_send(visitor, stage.take_send(visitor, last, clause="CLIENT-9"))
    stage.leave(visitor)
    _in_the_log_once(stage, text)
