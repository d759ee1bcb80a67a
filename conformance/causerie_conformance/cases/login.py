"""Step 3: LOGIN with TOKEN: mechanisms, handles, display names, reservation.

In here: LOGIN, and what READY changes for frames. Not in here: messages (`lobby`), the table of states
(`states`).
"""

from __future__ import annotations

import secrets

from causerie_conformance.arena import Arena, hello, login, new_handle, new_token
from causerie_conformance.client import citing
from causerie_conformance.problems import Kind, NotJudged
from causerie_conformance.registry import case
from causerie_spec.codec import encode, frame
from causerie_spec.codes import (
    HISTORY,
    LOBBY,
    MAX_BODY,
    MAX_BODY_BEFORE_READY,
    MECHANISM_TOKEN,
    PRESENCE,
    RECEIPTS,
    ROOMS,
    ByeCode,
    ErrorCode,
)
from causerie_spec.messages import Conversations, Error, Mark, Message, Ping, Pong, Ready, Rooms, Send, Welcome, Who


@case("login/ready", "LOGIN-1", "LOGIN-6", "TOKEN-6")
def ready(arena: Arena) -> None:
    """A LOGIN that succeeds is answered READY with handle, display name and an empty payload"""
    client = arena.greet()
    handle = new_handle()
    client.ask(login(handle, new_token(), display="Ali Ce"), Ready, handle=handle, display="Ali Ce", payload=b"")
    client.fence()


_MECHANISMS = {"empty": "", "unknown": "X-COFFEE", "lower-case": "token", "longer": "TOKENS", "not-ascii": "TÖKEN"}


@case("login/mechanism-{}", "LOGIN-2", "LOGIN-4", over=_MECHANISMS)
def unknown_mechanism(arena: Arena, mechanism: str) -> None:
    """An unknown mechanism is ERROR NO_SUCH_MECHANISM"""
    client = arena.greet()
    client.refused(login(new_handle(), new_token(), mechanism=mechanism), ErrorCode.NO_SUCH_MECHANISM)
    arena.enter(client)


@case("login/mechanism-before-handle", "LOGIN-2", "ERR-7")
def mechanism_before_handle(arena: Arena) -> None:
    """The mechanism is checked before handle, display name and payload"""
    message = login("Not A Handle", bytes(2_000), mechanism="X-COFFEE", display="")
    arena.greet().refused(message, ErrorCode.NO_SUCH_MECHANISM)


@case("login/payload-too-long", "LOGIN-3")
def payload_too_long(arena: Arena) -> None:
    """A payload of more than 1,024 octets is ERROR BAD_FIELD"""
    client = arena.greet()
    for length in (1_025, 3_000):
        client.refused(login(new_handle(), bytes(length)), ErrorCode.BAD_FIELD)


_TOKEN_LENGTHS = {"0": 0, "1": 1, "15": 15, "65": 65, "1024": 1_024}


@case("login/token-length-{}", "TOKEN-1", "ERR-6", over=_TOKEN_LENGTHS)
def token_length(arena: Arena, length: int) -> None:
    """A token of fewer than 16 or more than 64 octets is ERROR BAD_FIELD"""
    client = arena.greet()
    client.refused(login(new_handle(), bytes(length)), ErrorCode.BAD_FIELD)
    arena.enter(client)


@case("login/token-takes-{}", "TOKEN-1", "LOGIN-1", over={"16": 16, "64": 64})
def token_takes(arena: Arena, length: int) -> None:
    """Tokens of 16 and of 64 octets are taken"""
    client = arena.greet()
    client.ask(login(new_handle(), secrets.token_bytes(length)), Ready)


BAD_HANDLES = {
    "empty": "",
    "33-letters": "a" * 33,
    "255-letters": "a" * 255,
    "capital": "Alice",
    "dot-first": ".alice",
    "dash-first": "-a",
    "underscore-first": "_a",
    "space": "al ice",
    "space-at-the-end": "alice ",
    "accent": "élise",
    "with-sign": "@alice",
    "room-sign": "#alice",
    "newline-at-the-end": "alice\n",
    "nul": "alice\0",
    "arabic-digit": "a٣",
    "kelvin-sign": "a\u212a",
    "plus": "a+b",
}
"""Handles that are of the wrong form."""


@case("login/bad-handle-{}", "NAME-1", "ERR-6", over=BAD_HANDLES)
def bad_handle(arena: Arena, handle: str) -> None:
    """LOGIN with an ill-formed handle is ERROR BAD_FIELD"""
    arena.greet().refused(login(handle, new_token(), display="x"), ErrorCode.BAD_FIELD)


BAD_DISPLAYS = {
    "empty": "",
    "65-octets": "a" * 65,
    "65-octets-in-33-characters": "é" * 32 + "a",
    "line-feed": "a\n",
    "nul": "\0",
    "escape": "\x1b[31m",
    "delete": "a\x7f",
    "next-line": "a\u0085",
    "c1-end": "a\u009f",
    "line-separator": "a\u2028b",
    "paragraph-separator": "a\u2029b",
    "override": "a\u202eb",
    "embedding": "a\u202ab",
    "isolate": "a\u2066b",
    "pop-isolate": "a\u2069b",
}
"""Display names that are not allowed."""


@case("login/bad-display-{}", "NAME-2", "ERR-6", over=BAD_DISPLAYS)
def bad_display(arena: Arena, display: str) -> None:
    """LOGIN with an ill-formed display name is ERROR BAD_FIELD"""
    arena.greet().refused(login(new_handle(), new_token(), display=display), ErrorCode.BAD_FIELD)


def _random(alphabet: str, length: int) -> str:
    return "".join(secrets.choice(alphabet) for _ in range(length))


@case("login/handle-forms", "NAME-5", "LOGIN-1")
def handle_forms(arena: Arena) -> None:
    """Handles of full length and of every legal character are taken"""
    letters, digits = "abcdefghijklmnopqrstuvwxyz", "0123456789"
    handles = [
        _random(letters, 32),
        _random(digits, 32),
        _random(digits, 1) + _random("_.-", 15) + _random(letters, 16),
        f"{_random(letters, 12)}_.-",
        f"0{_random(digits + letters, 14)}",
        f"a..--__{_random(letters, 12)}",
    ]
    for handle in handles:
        arena.greet().ask(login(handle, new_token(), display="x"), Ready, handle=handle)


_DISPLAYS = {
    "one-letter": "A",
    "64-octets": "a" * 64,
    "64-octets-in-16-characters": "🦊" * 16,
    "chinese": "李",
    "spaces": " a  b ",
    "combining": "e\u0301",
    "no-break-space": "\u00a0",
    "byte-order-mark": "\ufeffA",
    "zero-width-joiner": "👩\u200d💻",
    "right-to-left-mark": "א\u200f",
    "private-use": "\ue000\U0010fffd",
    "not-a-character": "\uffff",
}


@case("login/display-{}", "NAME-5", "LOGIN-6", "FORM-3", over=_DISPLAYS)
def display(arena: Arena, shown: str) -> None:
    """READY shows the display name octet for octet"""
    arena.greet().ask(login(new_handle(), new_token(), display=shown), Ready, display=shown)


@case("login/refused-then-accepted", "LOGIN-4", "ERR-1")
def refused_then_accepted(arena: Arena) -> None:
    """After a LOGIN that was refused another one may follow"""
    client = arena.greet()
    for _ in range(5):
        client.refused(login("NO", new_token()), ErrorCode.BAD_FIELD)
    client.refused(Send(LOBBY, 1, 0, "not yet"), ErrorCode.WRONG_STATE, clause="STATE-2")
    arena.enter(client)


@case("login/same-token-again", "LOGIN-5", "TOKEN-4")
def same_token_again(arena: Arena) -> None:
    """Several connections may be logged in with one handle and its token"""
    first = arena.login()
    others = [arena.login(name, like=first) for name in ("alice2", "alice3")]
    for client in (first, *others):
        client.fence()


@case("login/other-token", "TOKEN-3")
def other_token(arena: Arena) -> None:
    """LOGIN with a reserved handle and another token is ERROR HANDLE_TAKEN"""
    owner = arena.login()
    thief = arena.greet("thief")
    first, last = bytes([owner.token[0] ^ 1]) + owner.token[1:], owner.token[:-1] + bytes([owner.token[-1] ^ 1])
    for token in (new_token(), first, last, owner.token[:16], owner.token + bytes(1), owner.token[:-1]):
        thief.refused(login(owner.handle, token), ErrorCode.HANDLE_TAKEN)
    owner.fence()
    arena.enter(thief, like=owner)


@case("login/reserved-while-online", "TOKEN-4", "TOKEN-3")
def reserved_while_online(arena: Arena) -> None:
    """A reservation lasts while any connection of the handle is logged in"""
    first = arena.login()
    second = arena.login("alice2", like=first)
    first.half_close()
    first.expect_end()
    arena.greet("thief").refused(login(second.handle, new_token()), ErrorCode.HANDLE_TAKEN)
    arena.login("alice3", like=second)


@case("login/refused-reserves-nothing", "TOKEN-2")
def refused_reserves_nothing(arena: Arena) -> None:
    """A LOGIN that was refused does not reserve the handle"""
    handle = new_handle()
    arena.greet().refused(login(handle, new_token(), display=""), ErrorCode.BAD_FIELD)
    with citing("TOKEN-2"):
        arena.greet("B").ask(login(handle, new_token()), Ready, handle=handle)


@case("login/race", "TOKEN-2")
def race(arena: Arena) -> None:
    """Of several logins at once with different tokens, exactly one succeeds"""
    for _ in range(4):
        handle = new_handle("contested")
        clients = [arena.greet(f"racer{number}") for number in range(6)]
        for client in clients:
            client.send(login(handle, new_token()), ref=50)
        winners = 0
        for client in clients:
            received = client.next("READY or ERROR HANDLE_TAKEN")
            message = received.message if received is not None else None
            if isinstance(message, Error) and message.code in (ErrorCode.RATE_LIMITED, ErrorCode.LIMIT_REACHED):
                raise NotJudged("the server limits the rate of LOGIN, and this needs several at once")
            winners += isinstance(message, Ready)
            if received is not None and not isinstance(message, Ready):
                client.push_back(received)
                client.expect(Error, ref=50, code=ErrorCode.HANDLE_TAKEN)
        if winners != 1:
            raise clients[0].problem(Kind.VALUE, "exactly one READY", f"{winners} of them")
        for client in clients:
            arena.forget(client)


@case("login/display-latest", "LOGIN-6")
def display_latest(arena: Arena) -> None:
    """READY shows the display name of this LOGIN, also when the handle is online with another one"""
    first = arena.login()
    second = arena.greet("alice2")
    second.ask(login(first.handle, first.token, display="Renamed"), Ready, display="Renamed")


@case("login/in-one-segment", "REQ-5", "FRAME-2")
def in_one_segment(arena: Arena) -> None:
    """HELLO, LOGIN and PING in one segment are served"""
    client = arena.connect()
    octets = encode(hello(), 1) + encode(login(new_handle(), new_token()), 2) + encode(Ping(token=9), 3)
    client.send_octets(octets)
    with citing("REQ-5"):
        client.expect(Welcome, ref=1)
        client.expect(Ready, ref=2)
        client.expect(Pong, ref=3, token=9)


@case("login/has-what-it-lists", "CAP-1")
def has_what_it_lists(arena: Arena) -> None:
    """Frames of the capabilities that WELCOME lists are known once negotiated"""
    for capability, message in _OF_CAPABILITY.items():
        if not arena.target.offers(capability):
            continue
        client = arena.login(capabilities=(capability,))
        ref = client.send(message)
        answer = client.next("an answer")
        while answer is not None and answer.message.EVENT and answer.ref == 0:
            answer = client.next("an answer")
        error = answer.message if answer is not None else None
        if isinstance(error, Error) and error.code == ErrorCode.UNSUPPORTED:
            came = f"{capability} in WELCOME, and ERROR UNSUPPORTED to {message.NAME} ref {ref}"
            raise client.problem(Kind.UNEXPECTED, "capabilities that the server has", came)


_OF_CAPABILITY: dict[str, Message] = {
    ROOMS: Rooms(after="", limit=1),
    HISTORY: Conversations(after="", limit=1),
    RECEIPTS: Mark(conversation=LOBBY, delivered=0, read=0),
    PRESENCE: Who(conversation=LOBBY, after="", limit=1, watch=False),
}
"""A request of each capability that is answered."""


# The limit of a body depends on the state in which its header is processed


def _long_ping(length: int, ref: int) -> bytes:
    octets = encode(Ping(token=11), ref)
    return length.to_bytes(4, "big") + octets[4:].ljust(4 + length, b"\x5a")


@case("login/largest-body", "FRAME-5", "FRAME-8")
def largest_body(arena: Arena) -> None:
    """After READY a body of 65,535 octets is legal"""
    client = arena.login()
    client.send_octets(_long_ping(MAX_BODY, 70))
    client.expect(Pong, ref=70, token=11)


@case("login/too-large-{}", "FRAME-4", "ERR-8", over={"65536": MAX_BODY + 1, "largest": 2**32 - 1})
def too_large(arena: Arena, length: int) -> None:
    """After READY a header over 65,535 is answered BYE FRAME_TOO_LARGE, before any of the body"""
    client = arena.login()
    client.send_octets(length.to_bytes(4, "big") + b"\x10\x00\x00\x4d", "the header alone")
    client.ends_with(ByeCode.FRAME_TOO_LARGE, ref=0x4D)


@case("login/limit-behind-login", "FRAME-4", "FRAME-5", "REQ-5")
def limit_behind_login(arena: Arena) -> None:
    """A long frame in one segment with the LOGIN before it is judged by the state that LOGIN led to"""
    client = arena.greet()
    client.send_octets(encode(login(new_handle(), new_token()), 60) + _long_ping(MAX_BODY_BEFORE_READY + 1, 61))
    client.expect(Ready, ref=60)
    with citing("FRAME-5"):
        client.expect(Pong, ref=61)


@case("login/limit-behind-refused-login", "FRAME-4", "LOAD-11", "ERR-8")
def limit_behind_refused_login(arena: Arena) -> None:
    """A long frame behind a LOGIN that is refused is BYE FRAME_TOO_LARGE"""
    client = arena.greet()
    refused = encode(login("NOT", new_token(), mechanism=MECHANISM_TOKEN), 60)
    client.send_octets(refused + _long_ping(MAX_BODY_BEFORE_READY + 1, 61)[:8])
    client.expect_error(ErrorCode.BAD_FIELD, ref=60)
    client.ends_with(ByeCode.FRAME_TOO_LARGE, ref=61)


@case("login/undecodable-when-ready", "ERR-2", "FORM-4", "ERR-8")
def undecodable_when_ready(arena: Arena) -> None:
    """After READY what cannot be decoded is BYE MALFORMED, and other connections of the handle live on"""
    client = arena.login()
    other = arena.login("alice2", like=client)
    client.send_octets(frame(Ping.TYPE, bytes(7), ref=80))
    client.ends_with(ByeCode.MALFORMED, ref=80)
    with citing("ERR-9"):
        other.fence()
