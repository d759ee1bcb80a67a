"""A server that breaks the protocol: the connection ends, and the user is told ([CLIENT-12]).

In here: frames that cannot be decoded, are too long, or have no place where they stand. Behind most stands a message,
which must not be shown: a client does not go on as if nothing had happened.
"""

from __future__ import annotations

from causerie_conformance.client_role.register import case
from causerie_conformance.client_role.stage import Stage, token
from causerie_conformance.client_role.visitor import Visitor
from causerie_spec.codec import encode, frame
from causerie_spec.codes import LOBBY
from causerie_spec.messages import (
    Ack,
    ChatMessage,
    Hello,
    Login,
    Message,
    Ok,
    Pong,
    Ready,
)


def _message(text: str = "good") -> ChatMessage:
    return ChatMessage(LOBBY, 1, 1_700_000_000_000, "bob", 7, 0, text)


ENDS = 12.0
"""Seconds in which the client must have ended the connection: less than what some allow a login."""
WHOLE = encode(_message())

FRAMES: dict[str, bytes] = {
    "short-body": frame(0xA0, WHOLE[8:-1]),
    "text-not-utf-8": WHOLE[:-4] + b"g\xffod",
    "surrogate": WHOLE[:-4] + b"\xed\xa0\x80d",
    "too-long": b"\x00\x01\x00\x00\xa0\x00\x00\x00",
    "message-with-ref": encode(_message(), 77),
    "ack-to-nothing": encode(Ack(1, 1_700_000_000_000, False), 4_321),
    "ok-with-ref-0": encode(Ok(), 0),
}


def _must_end(
    stage: Stage, visitor: Visitor, octets: bytes, note: str = "out of place", *, alone: bool = False
) -> None:
    """The client ends the connection at these octets, tells its user, and shows nothing of what stands behind them."""
    if visitor.conduct.ready:
        stage.mark(visitor)  # what is said of the login is said by then
    before = len(stage.client_lines)
    after = token("after")
    behind = ChatMessage(LOBBY, stage.house.head(LOBBY) + 1, 1_700_000_000_000, "bob", 7, 0, after)
    visitor.send_octets(octets if alone else octets + encode(behind), note)
    visitor.expect_end(ENDS, clause="CLIENT-12")
    stage.tells(
        lambda line: any(char.isalpha() for char in line.text) and line not in stage.client_lines[:before],
        "a line that tells the user that something is wrong",
        "CLIENT-12",
    )
    stage.part(visitor)
    stage.never(after, "it stood behind a fault", "CLIENT-12")


@case("faults/{}", "CLIENT-12", over=FRAMES)
def bad_frame(stage: Stage, octets: bytes) -> None:
    """A frame that is wrong, or out of its place, ends the connection, and the user is told"""
    _must_end(stage, stage.enter(capabilities=()), octets)


ANSWERS: dict[str, Message] = {
    "pong": Pong(1),
    "ok": Ok(),
}


@case("faults/send-answered-{}", "CLIENT-12", over=ANSWERS)
def wrong_answer(stage: Stage, answer: Message) -> None:
    """Another answer than SEND has"""
    visitor = stage.enter(capabilities=())
    stage.types(text := token())
    heard = stage.take_send(visitor, text)
    _must_end(stage, visitor, encode(answer, heard.ref), "not an answer to SEND")


@case("faults/bool-2", "CLIENT-12")
def bad_bool(stage: Stage) -> None:
    """An ACK whose duplicate is 2 cannot be decoded"""
    visitor = stage.enter(capabilities=())
    stage.types(text := token())
    heard = stage.take_send(visitor, text)
    octets = bytearray(encode(Ack(1, 1_700_000_000_000, False), heard.ref))
    octets[-1] = 2
    _must_end(stage, visitor, bytes(octets), "duplicate 2")


@case("faults/event-before-ready", "CLIENT-12")
def event_before_ready(stage: Stage) -> None:
    """An event before READY has no place"""
    stage.start()
    visitor = stage.greet()
    visitor.expect(Login)
    _must_end(stage, visitor, WHOLE, "before READY")


@case("faults/ready-for-hello", "CLIENT-12")
def ready_for_hello(stage: Stage) -> None:
    """HELLO is answered with READY"""
    stage.start()
    visitor = stage.accept()
    hello = visitor.expect(Hello)
    _must_end(
        stage,
        visitor,
        encode(Ready(stage.handle, stage.handle, b""), hello.ref),
        "HELLO has another answer",
        alone=True,
    )


@case("faults/other-version", "CLIENT-12")
def other_version(stage: Stage) -> None:
    """WELCOME chooses a version that HELLO did not offer"""
    stage.start()
    visitor = stage.accept()
    hello = visitor.expect(Hello)
    version = hello.message.max_version + 1
    _must_end(
        stage, visitor, encode(stage.welcome(hello.message, version=version), hello.ref), "no such version", alone=True
    )


@case("faults/lines-of-text", "CLIENT-12")
def lines_of_text(stage: Stage) -> None:
    """What answers does not speak this protocol at all"""
    stage.start()
    visitor = stage.accept()
    visitor.expect(Hello)
    _must_end(stage, visitor, b"HTTP/1.1 400 Bad Request\r\n\r\n", "another protocol")
