"""SCRAM-SHA-256: a client that proves that it knows the password, and believes a server only that proves the same.

In here: servers that tell the truth, and servers that lie. The client is started with the words of ``--password``.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable

from causerie_conformance.client_role.host import Host
from causerie_conformance.client_role.register import case
from causerie_conformance.client_role.session import PASSWORD
from causerie_conformance.client_role.stage import COMES_BACK, Stage, token
from causerie_conformance.client_role.visitor import Visitor
from causerie_conformance.problems import Kind
from causerie_spec.codec import encode
from causerie_spec.codes import MECHANISM_SCRAM, MECHANISM_TOKEN, ErrorCode
from causerie_spec.messages import Auth, Challenge, Error, Login, Ready, Send

BOTH = (MECHANISM_TOKEN, MECHANISM_SCRAM)
NEEDS = (PASSWORD,)
ENDS = 12.0
"""Seconds in which the client must have given up: less than what some allow a login."""


def _greet(stage: Stage, mechanisms: tuple[str, ...] = BOTH) -> Visitor:
    stage.start(password=True)
    return stage.greet(mechanisms=mechanisms)


@case("password/login", "SCRAM-1", "SCRAM-2", "SCRAM-3", needs=NEEDS)
def login(stage: Stage) -> None:
    """A login with a password: the messages of RFC 5802, the handle as user name, the password prepared"""
    visitor = _greet(stage)
    host, login = stage.challenge(visitor)
    if not host.well_formed:
        came = repr(login.message.payload)
        raise visitor.problem(Kind.VALUE, "a client-first message without authzid: n,,n=…,r=…", came, login.octets)
    if host.name != stage.handle or login.message.handle != stage.handle:
        raise visitor.problem(Kind.VALUE, f"n={stage.handle}", f"n={host.name}", login.octets, "SCRAM-2")
    visitor.answer(login, Challenge(host.first))
    auth = visitor.expect(Auth)
    wrong = host.proves(auth.message.payload)
    if wrong is not None:
        raise visitor.problem(Kind.VALUE, "the right proof, of the prepared password", wrong, auth.octets, "SCRAM-3")
    stage.admit(visitor, auth, host.final())
    stage.talk(visitor)
    stage.mark(visitor)
    stage.leave(visitor)


@case("password/fresh-nonce", "SCRAM-1", needs=NEEDS)
def fresh_nonce(stage: Stage) -> None:
    """Each login has another nonce"""
    visitor = _greet(stage)
    first = stage.enter_with_password(visitor)
    visitor.cut()
    visitor = stage.greet(patience=COMES_BACK, clause="CLIENT-5", mechanisms=BOTH)
    second = stage.enter_with_password(visitor)
    stage.talk(visitor)
    stage.leave(visitor)
    if first.client_nonce == second.client_nonce:
        raise stage.problem(Kind.VALUE, "another nonce for another login", first.client_nonce)


FINALS: dict[str, Callable[[Host], bytes]] = {
    "wrong": lambda host: host.final(wrong=True),
    "error": lambda _: b"e=invalid-proof",
    "one-bit": lambda host: host.final()[:-4] + (b"AAA=" if not host.final().endswith(b"AAA=") else b"AAE="),
}


@case("password/signature-{}", "SCRAM-6", needs=NEEDS, over=FINALS)
def bad_signature(stage: Stage, final: Callable[[Host], bytes]) -> None:
    """READY without the right server signature: the client gives up, believes nothing, and says so"""
    visitor = _greet(stage)
    host, login = stage.challenge(visitor)
    visitor.answer(login, Challenge(host.first))
    auth = visitor.expect(Auth)
    host.proves(auth.message.payload)
    _lie(stage, visitor, auth.ref, Ready(stage.handle, stage.handle, final(host)))


@case("password/no-challenge", "SCRAM-6", needs=NEEDS)
def no_challenge(stage: Stage) -> None:
    """READY in answer to the LOGIN, without any challenge: the server has proved nothing"""
    visitor = _greet(stage)
    login = visitor.expect(Login, mechanism=MECHANISM_SCRAM)
    _lie(stage, visitor, login.ref, Ready(stage.handle, stage.handle, b""))


def _lie(stage: Stage, visitor: Visitor, ref: int, ready: Ready) -> None:
    """The client gets READY, which it must not believe, and a message behind it."""
    text = token()
    visitor.conduct.answered(ref)
    visitor.send_octets(encode(ready, ref) + encode(stage.house.store("#lobby", "mallory", text)), "a lie")
    _gives_up(stage, visitor)
    stage.never(text, "its server is an impostor", "SCRAM-6")


def _gives_up(stage: Stage, visitor: Visitor) -> None:
    """The client ends the connection and tells its user; it goes no further, and no other way."""
    visitor.expect_end(ENDS)
    stage.tells(lambda line: any(map(str.isalpha, line.text)), "a line that tells the user of it")
    stage.part(visitor)
    for heard in visitor.heard:
        if isinstance(heard.message, Send) or getattr(heard.message, "mechanism", MECHANISM_SCRAM) != MECHANISM_SCRAM:
            raise visitor.problem(Kind.EXTRA, "nothing more on this connection", f"{heard.message}", heard.octets)


COUNTS: dict[str, str] = {
    "1": "1",
    "4095": "4095",
    "1000001": "1000001",
    "no-number": "many",
}


@case("password/iterations-{}", "SCRAM-6", needs=NEEDS, over=COUNTS)
def iterations(stage: Stage, count: str) -> None:
    """An iteration count that is too low, too high, or none: the client gives up before it has proved anything"""
    visitor = _greet(stage)
    host, login = stage.challenge(visitor)
    visitor.answer(login, Challenge(host.first.rpartition(b"=")[0] + b"=" + count.encode()))
    _no_auth(stage, visitor)


@case("password/iterations-10000", "SCRAM-6", needs=NEEDS)
def more_iterations(stage: Stage) -> None:
    """An iteration count in between is taken"""
    visitor = _greet(stage)
    stage.enter_with_password(visitor, iterations=10_000)
    stage.leave(visitor)


CHALLENGES: dict[str, Callable[[Host], bytes]] = {
    "nonce-not-extended": lambda host: host.first.replace(host.nonce.encode(), host.client_nonce.encode()),
    "other-nonce": lambda host: host.first.replace(host.nonce.encode(), secrets.token_hex(18).encode()),
    "no-salt": lambda host: host.first.replace(b",s=", b",x="),
    "extension-m": lambda host: b"m=mandatory," + host.first,
}


@case("password/challenge-{}", "SCRAM-1", needs=NEEDS, over=CHALLENGES)
def bad_challenge(stage: Stage, challenge: Callable[[Host], bytes]) -> None:
    """A challenge that RFC 5802 does not allow is not answered with a proof"""
    visitor = _greet(stage)
    host, login = stage.challenge(visitor)
    visitor.answer(login, Challenge(challenge(host)))
    _no_auth(stage, visitor)


def _no_auth(stage: Stage, visitor: Visitor) -> None:
    _gives_up(stage, visitor)
    if any(visitor.heard_of(Auth)):
        raise visitor.problem(Kind.EXTRA, "no AUTH", "AUTH", next(visitor.heard_of(Auth)).octets)


@case("password/wrong-password", "SCRAM-8", needs=NEEDS)
def wrong_password(stage: Stage) -> None:
    """AUTH_FAILED is told to the user, and TOKEN is not tried instead"""
    visitor = _greet(stage)
    host, login = stage.challenge(visitor)
    visitor.answer(login, Challenge(host.first))
    auth = visitor.expect(Auth)
    visitor.answer(auth, Error(ErrorCode.AUTH_FAILED, 0, "no"))
    stage.tells(lambda line: any(map(str.isalpha, line.text)), "a line that tells the user of it")
    stage.part(visitor)
    _no_token(visitor)


def _no_token(visitor: Visitor) -> None:
    for heard in visitor.heard_of(Login):
        if heard.message.mechanism != MECHANISM_SCRAM:
            came = f"LOGIN with {heard.message.mechanism}"
            raise visitor.problem(Kind.EXTRA, "no weaker mechanism than SCRAM", came, heard.octets, "SCRAM-8")


@case("password/no-such-mechanism", "SCRAM-8", needs=NEEDS)
def no_such_mechanism(stage: Stage) -> None:
    """NO_SUCH_MECHANISM, from a server that said that it has SCRAM, is no reason to try TOKEN"""
    visitor = _greet(stage)
    login = visitor.expect(Login, mechanism=MECHANISM_SCRAM)
    visitor.answer(login, Error(ErrorCode.NO_SUCH_MECHANISM, 0, "not that one"))
    stage.tells(lambda line: any(map(str.isalpha, line.text)), "a line that tells the user of it")
    stage.part(visitor)
    _no_token(visitor)


@case("password/only-token-from-the-start", "SCRAM-8", needs=NEEDS)
def only_token(stage: Stage) -> None:
    """A server that offers TOKEN only gets no LOGIN from a user who has a password to prove"""
    _no_login_with_token(stage, _greet(stage, (MECHANISM_TOKEN,)))


@case("password/only-token-later", "SCRAM-8", needs=NEEDS)
def only_token_later(stage: Stage) -> None:
    """A server that offered SCRAM, and offers TOKEN only when the client comes back, is not believed"""
    visitor = _greet(stage)
    stage.enter_with_password(visitor)
    stage.talk(visitor)
    visitor.cut()
    again = stage.greet(patience=COMES_BACK, clause="CLIENT-5", mechanisms=(MECHANISM_TOKEN,))
    _no_login_with_token(stage, again)


@case("password/only-token-next-time", "SCRAM-8", needs=NEEDS)
def next_time(stage: Stage) -> None:
    """The same when the client is started again, and its user names no password: it has kept what it used last"""
    stage.need_state()
    visitor = _greet(stage)
    stage.enter_with_password(visitor)
    stage.leave(visitor)
    stage.start()
    visitor_again = stage.visitor_or_end(mechanisms=(MECHANISM_TOKEN,))
    if visitor_again is None:
        return
    _no_login_with_token(stage, visitor_again)


def _no_login_with_token(stage: Stage, visitor: Visitor) -> None:
    """Whatever the client does with such a server, no token goes there."""
    stage.types("quit")
    heard = visitor.next("the end of the connection, or QUIT")
    if heard is not None and isinstance(heard.message, Login):
        _no_token(visitor)
    stage.part(visitor)
    _no_token(visitor)
