"""Requests that are refused: the request failed, and nothing more; and logins that are refused."""

from __future__ import annotations

from causerie_conformance.client_role.program import Line
from causerie_conformance.client_role.register import case
from causerie_conformance.client_role.stage import COMES_BACK, Stage, token
from causerie_conformance.problems import Kind
from causerie_spec.codes import ErrorCode
from causerie_spec.messages import Error, Login

CODES: dict[str, tuple[int, ...]] = {"known": tuple(ErrorCode), "unknown": (0, 14, 99)}


@case("refusals/{}-codes", "CLIENT-1", over=CODES)
def send(stage: Stage, codes: tuple[int, ...]) -> None:
    """SENDs that are refused have failed, and no more: the connection lives on, and they are not shown"""
    visitor = stage.enter()
    refused = [token() for _ in codes]
    for code, text in zip(codes, refused, strict=True):
        stage.types(text)
        heard = stage.take_send(visitor, text)
        visitor.answer(heard, Error(code, 0, "refused"))
    stage.talk(visitor)
    stage.mark(visitor)
    stage.leave(visitor, status=None)
    for text in refused:
        for line in stage.lines(text):
            if stage.handle in line.text:
                raise stage.problem(Kind.EXTRA, "no message shown that was refused", repr(line.text))


@case("refusals/connection-is-over", "CLIENT-1")
def ended_by_error(stage: Stage) -> None:
    """A code from 100 on means that the connection ended, also in ERROR"""
    visitor = stage.enter()
    stage.types(text := token())
    heard = stage.take_send(visitor, text)
    visitor.answer(heard, Error(150, 0, "over"))
    visitor.expect_end(clause="CLIENT-1")
    stage.part(visitor)


@case("refusals/handle-taken", "CLIENT-11")
def handle_taken(stage: Stage) -> None:
    """HANDLE_TAKEN is told to the user, and no other handle is tried"""
    stage.start()
    visitor = stage.greet()
    login = visitor.expect(Login)
    assert stage.client is not None
    before = len(stage.client.lines)
    visitor.answer(login, Error(ErrorCode.HANDLE_TAKEN, 0, "it belongs to somebody else"))

    def told(line: Line) -> bool:
        return any(char.isalpha() for char in line.text) and line not in stage.client_lines[:before]

    stage.tells(told, "a line that tells the user of it")
    stage.part(visitor)
    for other in visitor.heard_of(Login):
        if other.message.handle != stage.handle:
            raise visitor.problem(Kind.VALUE, f"no handle but {stage.handle}", other.message.handle, other.octets)


@case("refusals/rate-limited-login", "CLIENT-5", beside=True)
def rate_limited_login(stage: Stage) -> None:
    """After a LOGIN that was refused with retry_ms, the next LOGIN comes no sooner"""
    visitor = stage.enter()
    visitor.cut()
    visitor = stage.greet(patience=COMES_BACK, clause="CLIENT-5")
    login = visitor.expect(Login)
    wait = 2.5
    visitor.answer(login, Error(ErrorCode.RATE_LIMITED, int(wait * 1000), "slowly"))
    refused = stage.clock()
    again = stage.next_login(visitor)
    if again is not None and again.at - refused < wait - 0.02:
        came = f"one after {again.at - refused:.2f} s"
        raise stage.problem(Kind.VALUE, f"no LOGIN before {wait:g} s have passed", came)
