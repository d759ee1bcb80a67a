"""What the user types becomes SENDs: texts octet for octet, txns, and a client that reads while it writes."""

from __future__ import annotations

import threading

from causerie_conformance.client_role.register import case
from causerie_conformance.client_role.stage import Stage, token
from causerie_conformance.problems import Kind
from causerie_spec.codes import LOBBY, MAX_TEXT
from causerie_spec.messages import Send

TEXTS = ("dix-neuf à l'été", "李さん 你好", "🦊👩‍🚀 e\u0301", "שלום עליכם", "<b>%s {0} $HOME `x` \\n", "\u00a0 \u200d")
MANY = 300
"""Texts of the longest size: more than any socket holds."""


@case("sending/texts", "FORM-1")
def texts(stage: Stage) -> None:
    """Texts are sent as well-formed UTF-8, as they were typed"""
    visitor = stage.enter()
    for words in TEXTS:
        text = f"{token()} {words}"
        stage.types(text)
        stage.accept_send(visitor, stage.take_send(visitor, text))
    stage.leave(visitor)


@case("sending/not-utf-8", "FORM-1")
def not_utf_8(stage: Stage) -> None:
    """A line of octets that are not UTF-8 makes no text that is not"""
    visitor = stage.enter()
    assert stage.client is not None
    stage.client.write_octets(b"caf\xe9 \xed\xa0\x80 \xf5 " + token().encode() + b"\n")
    stage.types(last := token("last"))
    while True:
        heard = visitor.expect(Send)  # that it is in form is looked at as it comes
        stage.accept_send(visitor, heard)
        if heard.message.text == last:
            break
    stage.leave(visitor, status=None)


@case("sending/longest", "FRAME-3", "FORM-1")
def longest(stage: Stage) -> None:
    """A text of 16,384 octets is sent whole"""
    visitor = stage.enter()
    text = token().ljust(MAX_TEXT, "x")
    stage.types(text)
    stage.accept_send(visitor, stage.take_send(visitor, text))
    stage.leave(visitor)


@case("sending/too-long", "FRAME-3")
def too_long(stage: Stage) -> None:
    """A line that no frame can hold makes no frame that is longer than it may be, and the client lives on"""
    visitor = stage.enter()
    stage.types(token().ljust(70_000, "x"))
    stage.types(last := token("last"))
    while True:
        heard = visitor.expect(Send)
        stage.accept_send(visitor, heard)
        if heard.message.text == last:
            break
    stage.leave(visitor, status=None)


@case("sending/txn", "SEND-9")
def txns(stage: Stage) -> None:
    """Each SEND has a new txn, drawn at random: no counter, no clock"""
    drawn = []
    for _ in range(2):
        with Stage(stage.setup, stage.transcript) as other:
            visitor = other.enter()
            for _ in range(8):
                other.types(text := token())
                heard = other.take_send(visitor, text)
                drawn.append(heard.message.txn)
                other.accept_send(visitor, heard)
            other.leave(visitor)
    if len(set(drawn)) < len(drawn):
        raise stage.problem(Kind.VALUE, "another txn for each message", f"{drawn}")
    nearest = min(b - a for a, b in zip(sorted(drawn), sorted(drawn)[1:], strict=False))
    if nearest < 2**32 or max(drawn) < 2**58:  # for random ones once in 10^7 runs, and in 10^28
        raise stage.problem(Kind.VALUE, "txns drawn at random from 1 to 2⁶⁴-1", f"{drawn}")


@case("sending/reads-while-it-writes", "REQ-6")
def reads_while_it_writes(stage: Stage) -> None:
    """While the server takes nothing, a client that has much to send still shows what arrives"""
    visitor = stage.enter()
    visitor.read_no_more()
    lines = [token().ljust(MAX_TEXT, "x") for _ in range(MANY)]
    assert stage.client is not None
    typing = threading.Thread(target=stage.types, args=("\n".join(lines),), daemon=True)
    typing.start()
    typing.join(1.0)  # it may wait for ever: a client need not read what it cannot send
    for _ in range(3):
        stage.mark(visitor)
    visitor.read_on()
    for line in lines:
        stage.accept_send(visitor, stage.take_send(visitor, line, LOBBY))
    stage.leave(visitor)
