"""Strings that a server sends never control the screen, nor forge a line ([CLIENT-7]).

In here: every string that can be received, with every kind of character that could do harm. That no such character was
printed is checked at the end of each case (`Stage.check`), whatever the case is about.
"""

from __future__ import annotations

from causerie_conformance.client_role.register import case
from causerie_conformance.client_role.stage import Stage, token
from causerie_conformance.client_role.visitor import Visitor
from causerie_conformance.problems import Kind
from causerie_spec.codes import LOBBY, ByeCode, ErrorCode
from causerie_spec.messages import Ack, Bye, ChatMessage, Error, Login, Ready

HARMFUL = (
    "\x1b[2J\x1b[31mred\x1b]0;title\x07",
    "".join(map(chr, range(0x00, 0x20))).replace("\n", "").replace("\r", ""),
    "".join(map(chr, range(0x7F, 0xA0))),
    "".join(map(chr, (*range(0x202A, 0x202F), *range(0x2066, 0x206A)))),
    "a\u2028b\u2029c\u0085d",
    "back\rover",
)
FORGED = "12:00:00 bob: "
"""How a line of somebody else's begins, in many clients."""


def _finish(stage: Stage, visitor: Visitor, *, status: int | None = 0) -> None:
    stage.mark(visitor)
    stage.leave(visitor, status=status)
    stage.check()


@case("screen/texts", "CLIENT-7")
def texts(stage: Stage) -> None:
    """Texts with characters that control screens: in the lobby, in a direct conversation, and in an action"""
    visitor = stage.enter()
    for harmful in HARMFUL:
        word = token()
        stage.say(visitor, f"{word} {harmful} behind")
        stage.say(visitor, f"{harmful}{word}", to="@bob")
        stage.say(visitor, f"{word}{harmful}", kind=1)
        stage.mark(visitor)
        stage.shows_times(3, word)
        stage.check()
        if len(stage.lines(word)) != 3:
            raise stage.problem(Kind.VALUE, f"three lines with {word!r}", f"{len(stage.lines(word))}")
    _finish(stage, visitor)


@case("screen/forged-lines", "CLIENT-7")
def forged(stage: Stage) -> None:
    """A line end in a text makes no line of its own that another person could have written"""
    visitor = stage.enter()
    word, claim = token(), token("forged")
    for line_end in ("\n", "\r\n", "\r", "\u2028", "\x85", "\n\n"):
        stage.say(visitor, f"{word}{line_end}{FORGED}{claim}", sender="mallory")
    _finish(stage, visitor)
    for line in stage.lines(claim, stream=None):
        if not line.text.startswith((" ", "\t")) and word not in line.text:
            raise stage.problem(Kind.VALUE, "no line of its own for the text behind a line end", repr(line.text))


@case("screen/agent", "CLIENT-7")
def agent(stage: Stage) -> None:
    """The server's agent"""
    visitor = stage.enter(agent="evil\x1b[2J\nserver\u202e")
    _finish(stage, visitor)


@case("screen/display", "CLIENT-7")
def display(stage: Stage) -> None:
    """A display name that no server should have let in"""
    stage.start()
    visitor = stage.greet()
    login = visitor.expect(Login)
    visitor.conduct.ready = True
    visitor.answer(login, Ready(stage.handle, "A\x1b[2Jd\na\u202e", b""))
    stage.part(visitor)


@case("screen/names", "CLIENT-7")
def names(stage: Stage) -> None:
    """Names of senders and conversations that no server should have let in"""
    visitor = stage.enter()
    word = token()
    visitor.send(ChatMessage(LOBBY, 1, 1_700_000_000_000, "b\x1b[2Jo\nb", 5, 0, word))
    visitor.send(ChatMessage("@e\x1b[2Jv\ne", 1, 1_700_000_000_000, "eve", 5, 0, word))
    stage.part(visitor)


@case("screen/detail", "CLIENT-7")
def detail(stage: Stage) -> None:
    """The detail of an ERROR that refuses a message"""
    visitor = stage.enter()
    stage.types(word := token())
    heard = stage.take_send(visitor, word)
    visitor.answer(heard, Error(ErrorCode.INTERNAL, 0, "no\x1b[2J\nway\u202e\x9b31m"))
    _finish(stage, visitor, status=None)


@case("screen/detail-of-login", "CLIENT-7", "CLIENT-11")
def detail_of_login(stage: Stage) -> None:
    """The detail of an ERROR that refuses the login"""
    stage.start()
    visitor = stage.greet()
    login = visitor.expect(Login)
    visitor.answer(login, Error(ErrorCode.BAD_FIELD, 0, "no\x1b[2J\nway\u202e\x9b31m"))
    stage.part(visitor)


@case("screen/reason-{}", "CLIENT-7", over={"malformed": ByeCode.MALFORMED, "unknown": 199})
def reason(stage: Stage, code: int) -> None:
    """The reason of a BYE"""
    visitor = stage.enter()
    visitor.send(Bye(code, 60_000, "gone\x1b[2J\nfor\u2028good\x9b31m"))
    visitor.finish()
    visitor.expect_end()
    stage.part(visitor)


@case("screen/own-text", "CLIENT-7")
def own_text(stage: Stage) -> None:
    """One's own text, as it comes back: a user may have pasted anything"""
    visitor = stage.enter()
    stage.types(f"{token()}\x1b[2J")
    heard = visitor.next("SEND")
    if heard is not None and heard.message.NAME == "SEND":  # a client may refuse to send it
        message, _ = stage.house.take(heard.message)
        visitor.send(message)
        visitor.answer(heard, Ack(message.seq, message.timestamp, False))
    _finish(stage, visitor, status=None)
