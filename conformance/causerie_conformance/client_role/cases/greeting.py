"""How a client begins: HELLO, LOGIN with TOKEN, the first message.

In here: what is sent before READY. Not in here: logins that are refused (`refusals`), passwords (`password`).
"""

from __future__ import annotations

from causerie_conformance.client_role.register import case
from causerie_conformance.client_role.stage import Stage, token
from causerie_conformance.problems import Kind
from causerie_spec.codes import LOBBY, VERSION
from causerie_spec.messages import Hello, Login


@case("greeting/hello", "HELLO-1", "FRAME-1", "FRAME-6", "FRAME-12")
def hello_first(stage: Stage) -> None:
    """The first frame is HELLO, in form, with a range of versions that holds 1"""
    stage.start()
    visitor = stage.accept()
    hello = visitor.expect(Hello)
    if not hello.message.min_version <= VERSION <= hello.message.max_version:
        raise visitor.problem(Kind.VALUE, "a range of versions that holds 1", str(hello.message), hello.octets)


@case("greeting/speaks-first", "HELLO-1", "FRAME-9")
def speaks_first(stage: Stage) -> None:
    """A client says HELLO without being spoken to, and goes on to a login and a conversation"""
    visitor = stage.enter()
    stage.say(visitor, heard := token())
    stage.shows(heard)
    stage.talk(visitor)
    stage.leave(visitor)


@case("greeting/login", "TOKEN-8")
def login(stage: Stage) -> None:
    """LOGIN with TOKEN has the handle that the user gave, and at least 16 octets that no other client has"""
    payloads = set()
    for _ in range(2):
        with Stage(stage.setup, stage.transcript) as other:
            other.start()
            visitor = other.greet()
            heard = visitor.expect(Login, mechanism="TOKEN", handle=other.handle)
            payloads.add(heard.message.payload)
            if len(set(heard.message.payload)) < len(heard.message.payload) // 4:
                came = f"{heard.message.payload.hex()}"
                raise visitor.problem(Kind.VALUE, "a token of random octets", came, heard.octets)
    if len(payloads) == 1:
        raise stage.problem(Kind.VALUE, "another token for another client", "the same: it is not random")


@case("greeting/same-token", "TOKEN-8")
def same_token(stage: Stage) -> None:
    """A client that is started again logs in with the token that it kept"""
    stage.need_state()
    tokens = []
    for _ in range(2):
        stage.start()
        visitor = stage.greet()
        login = visitor.expect(Login)
        tokens.append(login.message.payload)
        stage.admit(visitor, login)
        stage.leave(visitor)
    if tokens[0] != tokens[1]:
        raise stage.problem(Kind.VALUE, "the same token as before", "another one: its handle is lost")


@case("greeting/core", "CAP-2")
def core_server(stage: Stage) -> None:
    """With a server that has no capability nothing but frames of CORE are sent"""
    visitor = stage.enter(capabilities=())
    stage.say(visitor, text := token())
    stage.shows("bob", text)
    stage.talk(visitor)
    stage.mark(visitor)
    stage.leave(visitor)


@case("greeting/all-capabilities", "CAP-2")
def rich_server(stage: Stage) -> None:
    """With a server that has more capabilities than a client, it sends frames only of those that it has listed"""
    every = ("rooms", "history", "durable", "receipts", "typing", "presence", "later-1", "x" * 32)
    visitor = stage.enter(capabilities=every)
    stage.say(visitor, text := token())
    stage.shows("bob", text)
    stage.talk(visitor)
    stage.say(visitor, text, to="@bob")
    stage.mark(visitor)
    stage.leave(visitor)


@case("greeting/direct", "CLIENT-6", "MSG-11")
def direct(stage: Stage) -> None:
    """/msg @bob sends to @bob; what bob answers is shown with his handle, and other people's talk with theirs"""
    visitor = stage.enter()
    text = token("whisper")
    stage.types(f"/msg @bob {text}")
    stage.accept_send(visitor, stage.take_send(visitor, text, "@bob"))
    stage.say(visitor, answer := token(), to="@bob")
    stage.say(visitor, loud := token(), sender="carol", to=LOBBY)
    stage.mark(visitor)
    stage.leave(visitor)
    stage.once(answer, "bob")
    stage.once(loud, "carol")
