"""Accounts: SCRAM-SHA-256, right and wrong.

In here: logins with a password. Cases that need an account ask the arena for one; without `--users` they are not
judged. Malformed frames of LOGIN and AUTH are in `vectors`, AUTH outside of *auth* in `states`.
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Callable

from causerie_conformance.accounts import Account
from causerie_conformance.arena import Arena, login, new_handle, new_token
from causerie_conformance.client import Client, assuming, citing, new_txn
from causerie_conformance.octets import field_offset
from causerie_conformance.problems import Kind, Problem
from causerie_conformance.registry import case
from causerie_conformance.scram import Exchange, new_nonce
from causerie_spec.codec import encode, frame
from causerie_spec.codes import (
    LOBBY,
    MAX_LOGIN_FAILURES,
    MAX_PAYLOAD,
    MECHANISM_SCRAM,
    SCRAM_MAX_ITERATIONS,
    SCRAM_MIN_ITERATIONS,
    ByeCode,
    ErrorCode,
)
from causerie_spec.messages import Ack, Auth, Challenge, Error, Login, Message, Ping, Pong, Ready, Send

_NEEDS = (MECHANISM_SCRAM,)


def first(handle: str, payload: bytes) -> Login:
    """LOGIN with a client-first message."""
    return login(handle, payload, mechanism=MECHANISM_SCRAM)


def challenged(client: Client, handle: str, exchange: Exchange) -> int:
    """LOGIN, answered with a CHALLENGE that a client can take; the ref of both."""
    client.handle = handle
    ref = client.send(first(handle, exchange.first))
    with assuming("SCRAM-1"):
        _take(client, exchange, client.expect(Challenge, ref=ref), ref)
    return ref


def _take(client: Client, exchange: Exchange, message: Challenge, ref: int) -> None:
    wrong = exchange.take(message.payload)
    if wrong is None and not SCRAM_MIN_ITERATIONS <= exchange.iterations <= SCRAM_MAX_ITERATIONS:
        with citing("SCRAM-10"):
            raise _about(client, message, ref, f"{SCRAM_MIN_ITERATIONS} to {SCRAM_MAX_ITERATIONS} iterations")
    if wrong is not None:
        with citing("SCRAM-9" if "nonce" in wrong else "SCRAM-1"):
            raise _about(client, message, ref, wrong)


def _about(client: Client, message: Challenge | Ready | Error, ref: int, expected: str) -> Problem:
    """A problem with the text in a frame, which is shown octet by octet."""
    octets = encode(message, ref)
    field = "detail" if isinstance(message, Error) else "payload"
    text = message.detail if isinstance(message, Error) else message.payload.decode(errors="backslashreplace")
    problem = client.problem(Kind.VALUE, expected, repr(text), octets)
    problem.offset = field_offset(octets, field)
    return problem


def enter(client: Client, account: Account, exchange: Exchange | None = None) -> None:
    """Log in with an account; the server's proof is checked."""
    exchange = exchange or Exchange(account.handle, account.prepared)
    challenged(client, account.handle, exchange)
    with assuming("SCRAM-1"):
        let_in(client, exchange, client.send(Auth(exchange.final())), handle=account.handle)


def let_in(client: Client, exchange: Exchange, ref: int, **values: str) -> None:
    """READY with the server's proof must come."""
    ready = client.expect(Ready, ref=ref, **values)
    if not exchange.is_proved_by(ready.payload):
        raise _about(client, ready, ref, f"the server's signature: {exchange.server_final.decode()!r}")


def _refused(client: Client, payload: bytes) -> Error:
    return client.refused(Auth(payload), ErrorCode.AUTH_FAILED)


# The right way


@case("scram/login", "SCRAM-1", "LOGIN-1", "LOGIN-6", needs=_NEEDS)
def good_login(arena: Arena) -> None:
    """The right password is answered READY with the server's own proof"""
    account = arena.account()
    client = arena.greet()
    exchange = Exchange(account.handle, account.prepared)
    ref = client.send(login(account.handle, exchange.first, mechanism=MECHANISM_SCRAM, display="An Account"))
    _take(client, exchange, client.expect(Challenge, ref=ref), ref)
    ref = client.send(Auth(exchange.final()))
    let_in(client, exchange, ref, handle=account.handle, display="An Account")
    client.fence()


@case("scram/several", "SCRAM-1", "LOGIN-5", "MSG-3", needs=_NEEDS)
def several(arena: Arena) -> None:
    """Several connections may be logged in with one account, and hear each other"""
    account = arena.account()
    clients = [arena.greet(name) for name in ("phone", "laptop")]
    for client in clients:
        enter(client, account)
    sent, ack = clients[0].post("from my phone")
    for client in clients:
        client.hear(sent, account.handle, ack=ack)


@case("scram/others", "SCRAM-1", "TOKEN-2", needs=_NEEDS)
def others(arena: Arena) -> None:
    """Two accounts, and somebody with a token, hear each other"""
    clients = [arena.greet("one"), arena.greet("two"), arena.login("bob")]
    for number, client in enumerate(clients[:2]):
        enter(client, arena.account(number))
    for speaker in clients:
        sent, ack = speaker.post("hello")
        for client in clients:
            client.hear(sent, speaker.handle, ack=ack)


@case("scram/pipelined", "REQ-5", "SCRAM-1", needs=_NEEDS, profile="SCRAM")
def pipelined(arena: Arena) -> None:
    """PING behind LOGIN, and SEND behind AUTH, in one segment are served in order"""
    account = arena.account()
    client = arena.greet()
    exchange = Exchange(account.handle, account.prepared)
    client.send_octets(encode(first(account.handle, exchange.first), 70) + encode(Ping(token=7), 71))
    _take(client, exchange, client.expect(Challenge, ref=70), 70)
    client.expect(Pong, ref=71, token=7)
    said = Send(LOBBY, new_txn(), 0, "at once")
    client.send_octets(encode(Auth(exchange.final()), 72) + encode(said, 73))
    let_in(client, exchange, 72)
    client.hear(said, account.handle, ack=client.expect(Ack, ref=73))


_TAKEN: dict[str, dict[str, str]] = {
    "flag-y": {"header": "y,,"},
    "nonce-of-one": {"nonce": "~"},
    "nonce-of-all-characters": {"nonce": "".join(map(chr, range(0x21, 0x7F))).replace(",", "")},
    "nonce-of-600": {"nonce": "long" * 150},
    "extension": {"more": ",x=later"},
    "extensions": {"more": ",x=é🦊,Z==,a=b"},
}


@case("scram/takes-{}", "SCRAM-5", "SCRAM-1", needs=_NEEDS, over=_TAKEN)
def takes(arena: Arena, how: dict[str, str]) -> None:
    """A login with a client-first message that is unusual, but legal, succeeds"""
    account = arena.account()
    nonce = how.get("nonce", "")
    if nonce and nonce != "~":  # a fresh one all the same
        nonce += secrets.token_hex(4)
    exchange = Exchange(account.handle, account.prepared, **{**how, "nonce": nonce})
    enter(arena.greet(), account, exchange)


@case("scram/extension-in-final", "SCRAM-5", needs=_NEEDS)
def extension_in_final(arena: Arena) -> None:
    """Unknown extensions in client-final are ignored, and are part of what is signed"""
    account = arena.account()
    client = arena.greet()
    exchange = Exchange(account.handle, account.prepared)
    challenged(client, account.handle, exchange)
    let_in(client, exchange, client.send(Auth(exchange.final(f"{exchange.signed},x=later,Y=é"))))


@case("scram/prepared", "SCRAM-3", needs=_NEEDS)
def prepared(arena: Arena) -> None:
    """A password that SASLprep changes is kept in its prepared form"""
    account = arena.account(odd=True)
    enter(arena.greet(), account)


@case("scram/nonce-is-new", "SCRAM-9", needs=_NEEDS)
def nonce_is_new(arena: Arena) -> None:
    """The server adds to the client's nonce something new, every time"""
    handle, nonce = new_handle(), new_nonce()
    seen: set[str] = set()
    for name in "ABCD":
        client = arena.greet(name)
        exchange = Exchange(handle, nonce=nonce)
        challenged(client, handle, exchange)
        if exchange.full_nonce in seen:
            raise client.problem(Kind.VALUE, "a nonce that was not used before", exchange.full_nonce)
        seen.add(exchange.full_nonce)


@case("scram/iterations", "SCRAM-10", needs=_NEEDS)
def iterations(arena: Arena) -> None:
    """The iteration count is one that clients take"""
    handle = new_handle()
    challenged(arena.greet(), handle, Exchange(handle))


# The wrong password


@case("scram/wrong-password", "SCRAM-7", "ERR-1", needs=_NEEDS)
def wrong_password(arena: Arena) -> None:
    """A wrong password is ERROR AUTH_FAILED; then the right one is taken on the same connection"""
    account = arena.account()
    client = arena.greet()
    exchange = Exchange(account.handle, f"{account.prepared}x")
    challenged(client, account.handle, exchange)
    with citing("SCRAM-1"):
        _refused(client, exchange.final())
    client.refused(Auth(exchange.final()), ErrorCode.WRONG_STATE)
    enter(client, account)


_BITS = {"first": 0, "in-the-middle": 131, "last": 255}


@case("scram/wrong-bit-{}", "SCRAM-1", needs=_NEEDS, over=_BITS)
def wrong_bit(arena: Arena, bit: int) -> None:
    """A proof with one wrong bit is ERROR AUTH_FAILED"""
    account = arena.account()
    client = arena.greet()
    exchange = Exchange(account.handle, account.prepared)
    challenged(client, account.handle, exchange)
    _refused(client, exchange.final(flip=bit))


@case("scram/proof-of-another-login", "SCRAM-9", "SCRAM-7", needs=_NEEDS)
def proof_of_another_login(arena: Arena) -> None:
    """What proved a password once proves nothing the next time"""
    account = arena.account()
    exchange = Exchange(account.handle, account.prepared)
    challenged(arena.greet("A"), account.handle, exchange)
    used = exchange.final()
    client = arena.greet("B")
    again = Exchange(account.handle, account.prepared, nonce=exchange.nonce)
    challenged(client, account.handle, again)
    _refused(client, used)


@case("scram/one-challenge", "SCRAM-7", "LOAD-11", needs=_NEEDS)
def one_challenge(arena: Arena) -> None:
    """Of two challenges on one connection only the latest counts"""
    account = arena.account()
    client = arena.greet()
    old = Exchange(account.handle, account.prepared)
    challenged(client, account.handle, old)
    _refused(client, old.guess())
    new = Exchange(account.handle, account.prepared)
    challenged(client, account.handle, new)
    _refused(client, old.final())
    enter(client, account)


@case("scram/kept-challenge", "SCRAM-7", "ERR-1", "STATE-2", needs=_NEEDS)
def kept_challenge(arena: Arena) -> None:
    """Other refusals change no state: the challenge is still good"""
    account = arena.account()
    client = arena.greet()
    exchange = Exchange(account.handle, account.prepared)
    challenged(client, account.handle, exchange)
    client.refused(Auth(bytes(MAX_PAYLOAD + 1)), ErrorCode.BAD_FIELD)
    client.refused(login(new_handle(), new_token()), ErrorCode.WRONG_STATE)
    client.send_octets(frame(0x7D, b"?", ref=90))
    client.expect_error(ErrorCode.UNSUPPORTED, ref=90)
    client.fence()
    let_in(client, exchange, client.send(Auth(exchange.final())))


Change = Callable[[Exchange], bytes]

_FINALS: dict[str, Change] = {
    "empty": lambda _: b"",
    "garbage": lambda _: b"\x03\xff\x00\xff",
    "nul-behind": lambda exchange: exchange.final() + b"\0",
    "comma-behind": lambda exchange: exchange.final() + b",",
    "something-behind": lambda exchange: exchange.final() + b",x=y",
    "no-proof": lambda exchange: exchange.signed.encode(),
    "empty-proof": lambda exchange: exchange.signed.encode() + b",p=",
    "short-proof": lambda exchange: _with_proof(exchange, lambda proof: proof[:-1]),
    "long-proof": lambda exchange: _with_proof(exchange, lambda proof: proof + b"\0"),
    "proof-of-zeros": lambda exchange: _with_proof(exchange, lambda _: bytes(32)),
    "proof-not-base64": lambda exchange: exchange.final()[:-4] + b"(!)=",
    "no-binding": lambda exchange: exchange.final(f"r={exchange.full_nonce}"),
    "empty-binding": lambda exchange: exchange.final(f"c=,r={exchange.full_nonce}"),
    "binding-not-base64": lambda exchange: exchange.final(f"c=b!ws,r={exchange.full_nonce}"),
    "other-binding": lambda exchange: exchange.final(f"c={_b64(b'y,,')},r={exchange.full_nonce}"),
    "binding-with-data": lambda exchange: exchange.final(f"c={_b64(b'n,,data')},r={exchange.full_nonce}"),
    "binding-with-authzid": lambda exchange: exchange.final(f"c={_b64(b'n,a=bob,')},r={exchange.full_nonce}"),
    "no-nonce": lambda exchange: exchange.final(f"c={exchange.binding}"),
    "nonce-first": lambda exchange: exchange.final(f"r={exchange.full_nonce},c={exchange.binding}"),
    "own-nonce-alone": lambda exchange: exchange.final(f"c={exchange.binding},r={exchange.nonce}"),
    "longer-nonce": lambda exchange: exchange.final(f"{exchange.signed}x"),
    "shorter-nonce": lambda exchange: exchange.final(exchange.signed[:-1]),
    "other-nonce": lambda exchange: exchange.final(f"c={exchange.binding},r={exchange.full_nonce[::-1]}"),
    "mandatory-extension": lambda exchange: exchange.final(f"{exchange.signed},m=x"),
    "mandatory-extension-first": lambda exchange: exchange.final(f"m=x,{exchange.signed}"),
    "client-first-again": lambda exchange: exchange.first,
}
"""Client-final messages with one fault each; where that can be, the proof is right for what is sent."""


def _b64(octets: bytes) -> str:
    return base64.b64encode(octets).decode()


def _with_proof(exchange: Exchange, change: Callable[[bytes], bytes]) -> bytes:
    signed, _, proof = exchange.final().partition(b",p=")
    return signed + b",p=" + base64.b64encode(change(base64.b64decode(proof)))


@case("scram/final-{}", "SCRAM-5", "SCRAM-7", needs=_NEEDS, over=_FINALS)
def bad_final(arena: Arena, change: Change) -> None:
    """A client-final message that is malformed is ERROR AUTH_FAILED"""
    account = arena.account()
    client = arena.greet()
    exchange = Exchange(account.handle, account.prepared)
    challenged(client, account.handle, exchange)
    _refused(client, change(exchange))
    enter(client, account)


# Client-first messages


_FIRSTS: dict[str, bytes] = {
    "empty": b"",
    "garbage": b"\x03\xff\x00\xff",
    "one-letter": b"n",
    "commas": b",,",
    "header-alone": b"n,,",
    "no-header": b"n=HANDLE,r=NONCE",
    "one-comma": b"n,n=HANDLE,r=NONCE",
    "three-commas": b"n,,,n=HANDLE,r=NONCE",
    "capital-flag": b"N,,n=HANDLE,r=NONCE",
    "other-flag": b"z,,n=HANDLE,r=NONCE",
    "no-flag": b",,n=HANDLE,r=NONCE",
    "channel-binding": b"p=tls-exporter,,n=HANDLE,r=NONCE",
    "channel-binding-unknown": b"p=x,,n=HANDLE,r=NONCE",
    "authzid": b"n,a=bob,n=HANDLE,r=NONCE",
    "authzid-same": b"n,a=HANDLE,n=HANDLE,r=NONCE",
    "authzid-without-a": b"n,bob,n=HANDLE,r=NONCE",
    "mandatory-extension": b"n,,m=x,n=HANDLE,r=NONCE",
    "mandatory-extension-last": b"n,,n=HANDLE,r=NONCE,m=x",
    "no-name": b"n,,r=NONCE",
    "empty-name": b"n,,n=,r=NONCE",
    "name-last": b"n,,r=NONCE,n=HANDLE",
    "other-name": b"n,,n=bob,r=NONCE",
    "longer-name": b"n,,n=HANDLEx,r=NONCE",
    "name-with-space": b"n,,n=HANDLE ,r=NONCE",
    "name-with-sign": b"n,,n=@HANDLE,r=NONCE",
    "name-with-bare-equals": b"n,,n=HANDLE=,r=NONCE",
    "name-with-comma": b"n,,n=HANDLE=2C,r=NONCE",
    "name-not-utf8": b"n,,n=HANDLE\xff,r=NONCE",
    "no-nonce": b"n,,n=HANDLE",
    "empty-nonce": b"n,,n=HANDLE,r=",
    "nonce-with-space": b"n,,n=HANDLE,r=NON CE",
    "nonce-with-newline": b"n,,n=HANDLE,r=NONCE\n",
    "nonce-with-nul": b"n,,n=HANDLE,r=NONCE\0",
    "nonce-with-accent": "n,,n=HANDLE,r=NONCEé".encode(),
    "comma-behind": b"n,,n=HANDLE,r=NONCE,",
    "extension-without-value": b"n,,n=HANDLE,r=NONCE,x=",
    "extension-without-equals": b"n,,n=HANDLE,r=NONCE,x",
    "extension-of-a-digit": b"n,,n=HANDLE,r=NONCE,1=x",
    "client-final": b"c=biws,r=NONCE,p=AAAA",
}
"""Client-first messages with one fault each."""


@case("scram/first-{}", "SCRAM-5", "SCRAM-7", needs=_NEEDS, over=_FIRSTS)
def bad_first(arena: Arena, template: bytes) -> None:
    """A client-first message that is malformed, or asks for what there is not, is ERROR AUTH_FAILED at LOGIN"""
    client = arena.greet()
    handle = new_handle()
    payload = template.replace(b"HANDLE", handle.encode()).replace(b"NONCE", new_nonce().encode())
    client.refused(first(handle, payload), ErrorCode.AUTH_FAILED)
    client.fence()
    arena.enter(client)


@case("scram/capital-name", "SCRAM-2", "SCRAM-5", needs=_NEEDS)
def capital_name(arena: Arena) -> None:
    """A SCRAM user name that is the handle in capitals is ERROR AUTH_FAILED"""
    handle = new_handle()
    payload = f"n,,n={handle.upper()},r={new_nonce()}".encode()
    arena.greet().refused(first(handle, payload), ErrorCode.AUTH_FAILED)


@case("scram/name-of-an-account", "SCRAM-2", needs=_NEEDS)
def name_of_an_account(arena: Arena) -> None:
    """Nobody logs in as a handle with another one's name and password"""
    account = arena.account()
    payload = f"n,,n={account.handle},r={new_nonce()}".encode()
    arena.greet().refused(first(new_handle(), payload), ErrorCode.AUTH_FAILED)


# Who has no account


@case("scram/unknown", "SCRAM-4", needs=_NEEDS)
def unknown(arena: Arena) -> None:
    """A user who is not known is asked the same every time, and then fails"""
    handle = new_handle()
    told = []
    for name in "AB":
        client = arena.greet(name)
        exchange = Exchange(handle)
        ref = challenged(client, handle, exchange)
        told.append((exchange.salt, exchange.iterations))
        if told[0] != told[-1]:
            message = Challenge(exchange.server_first.encode())
            salt, count = told[0]
            raise _about(client, message, ref, f"salt {_b64(salt)} and {count} iterations, as the first time")
        _refused(client, exchange.guess())
        client.fence()


@case("scram/unknown-salts", "SCRAM-4", needs=_NEEDS)
def unknown_salts(arena: Arena) -> None:
    """Users who are not known have salts that differ"""
    salts: dict[bytes, str] = {}
    for name in "ABC":
        client = arena.greet(name)
        handle = new_handle()
        exchange = Exchange(handle)
        ref = challenged(client, handle, exchange)
        if exchange.salt in salts:
            message = Challenge(exchange.server_first.encode())
            raise _about(client, message, ref, f"another salt than that of {salts[exchange.salt]}")
        salts[exchange.salt] = handle


@case("scram/unknown-looks-known", "SCRAM-4", needs=_NEEDS)
def unknown_looks_known(arena: Arena) -> None:
    """Nothing tells a user who is not known from one with another password"""
    known, unknown = ((who, *_guess(arena, who)) for who in (arena.account().handle, new_handle("account")))
    client, exchange, ref, error = unknown[1:]
    if (size := len(known[2].salt), known[2].iterations) != (len(exchange.salt), exchange.iterations):
        expected = f"a salt of {size} octets and {known[2].iterations} iterations, as for an account"
        raise _about(client, Challenge(exchange.server_first.encode()), ref, expected)
    words = known[4].detail.replace(known[0], unknown[0])
    if (error.detail, error.retry_ms) != (words, known[4].retry_ms):
        raise _about(client, error, ref + 1, f"what answers a wrong password: {words!r}, retry_ms {known[4].retry_ms}")


def _guess(arena: Arena, handle: str) -> tuple[Client, Exchange, int, Error]:
    client, exchange = arena.greet(), Exchange(handle)
    ref = challenged(client, handle, exchange)
    return client, exchange, ref, _refused(client, exchange.guess())


@case("scram/unknown-with-token", "SCRAM-4", "TOKEN-3", needs=_NEEDS)
def unknown_with_token(arena: Arena) -> None:
    """A handle with a token and without an account is not known to SCRAM, and keeps its token"""
    owner = arena.login()
    client = arena.greet()
    exchange = Exchange(owner.handle)
    challenged(client, owner.handle, exchange)
    _refused(client, exchange.guess())
    owner.fence()
    arena.login("alice2", like=owner)


@case("scram/unknown-reserves-nothing", "SCRAM-4", "TOKEN-2", needs=_NEEDS)
def unknown_reserves_nothing(arena: Arena) -> None:
    """A login that failed does not reserve its handle"""
    handle = new_handle()
    client = arena.greet()
    exchange = Exchange(handle)
    challenged(client, handle, exchange)
    _refused(client, exchange.guess())
    arena.greet("B").ask(login(handle, new_token()), Ready, handle=handle)


# TOKEN and failures


@case("scram/no-token", "TOKEN-9", needs=_NEEDS)
def no_token(arena: Arena) -> None:
    """A handle with an account refuses TOKEN: ERROR HANDLE_TAKEN"""
    account = arena.account()
    token = new_token()
    client = arena.greet()
    client.refused(login(account.handle, token), ErrorCode.HANDLE_TAKEN)
    enter(client, account)
    other = arena.greet("B")
    for payload in (token, new_token(), account.prepared.encode().ljust(16, b"\0")[:64]):
        other.refused(login(account.handle, payload), ErrorCode.HANDLE_TAKEN)
    client.fence()


def _fail_at_login(client: Client) -> Message:
    return first(new_handle(), b"not SCRAM")


def _fail_at_auth(client: Client) -> Message:
    handle = new_handle()
    exchange = Exchange(handle)
    challenged(client, handle, exchange)
    return Auth(exchange.guess())


_WAYS = {"login": _fail_at_login, "auth": _fail_at_auth}


@case("scram/third-failure-at-{}", "LOGIN-7", needs=_NEEDS, over=_WAYS)
def third_failure(arena: Arena, last: Callable[[Client], Message]) -> None:
    """The third AUTH_FAILED on a connection is BYE TOO_MANY_FAILURES in its place"""
    client = arena.greet()
    ways = (_fail_at_login, _fail_at_auth)
    for number in range(MAX_LOGIN_FAILURES - 1):
        client.refused(ways[number % 2](client), ErrorCode.AUTH_FAILED)
    message = last(client)
    client.ends_with(ByeCode.TOO_MANY_FAILURES, ref=client.send(message))


@case("scram/what-is-no-failure", "LOGIN-7", "LOGIN-4", needs=_NEEDS)
def what_is_no_failure(arena: Arena) -> None:
    """Other refusals of LOGIN do not count as failures"""
    client = arena.greet()
    owner = arena.login()
    for _ in range(2):
        client.refused(first("Not A Handle", b"x"), ErrorCode.BAD_FIELD)
        client.refused(login(owner.handle, new_token()), ErrorCode.HANDLE_TAKEN)
        client.refused(login(new_handle(), new_token(), mechanism="X-COFFEE"), ErrorCode.NO_SUCH_MECHANISM)
        client.refused(Auth(b"x"), ErrorCode.WRONG_STATE)
        client.refused(_fail_at_login(client), ErrorCode.AUTH_FAILED)
    arena.enter(client)


@case("scram/failures-of-others", "LOGIN-7", "ERR-9", needs=_NEEDS)
def failures_of_others(arena: Arena) -> None:
    """Failures are counted for each connection"""
    handle = new_handle()
    for name in "ABCD":
        client = arena.greet(name)
        client.refused(first(handle, b"not SCRAM"), ErrorCode.AUTH_FAILED)
        client.fence()
