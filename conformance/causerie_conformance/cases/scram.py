"""Accounts: SCRAM-SHA-256, right and wrong.

In here: logins with a password. Cases that need an account ask the arena for one; without `--users` they are not
judged. Not in here: SCRAM's messages, legal and malformed (`scram_messages`), malformed frames of LOGIN and AUTH
(`vectors`), AUTH outside of *auth* (`states`).
"""

from __future__ import annotations

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

NEEDS = (MECHANISM_SCRAM,)


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


def refuse(client: Client, payload: bytes) -> Error:
    """AUTH that must be refused."""
    return client.refused(Auth(payload), ErrorCode.AUTH_FAILED)


# The right way


@case("scram/login", "SCRAM-1", "LOGIN-1", "LOGIN-6", needs=NEEDS)
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


@case("scram/several", "SCRAM-1", "LOGIN-5", "MSG-3", needs=NEEDS)
def several(arena: Arena) -> None:
    """Several connections may be logged in with one account, and hear each other"""
    account = arena.account()
    clients = [arena.greet(name) for name in ("phone", "laptop")]
    for client in clients:
        enter(client, account)
    sent, ack = clients[0].post("from my phone")
    for client in clients:
        client.hear(sent, account.handle, ack=ack)


@case("scram/others", "SCRAM-1", "TOKEN-2", needs=NEEDS)
def others(arena: Arena) -> None:
    """Two accounts, and somebody with a token, hear each other"""
    clients = [arena.greet("one"), arena.greet("two"), arena.login("bob")]
    for number, client in enumerate(clients[:2]):
        enter(client, arena.account(number))
    for speaker in clients:
        sent, ack = speaker.post("hello")
        for client in clients:
            client.hear(sent, speaker.handle, ack=ack)


@case("scram/pipelined", "REQ-5", "SCRAM-1", needs=NEEDS, profile="SCRAM")
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


@case("scram/prepared", "SCRAM-3", needs=NEEDS)
def prepared(arena: Arena) -> None:
    """A password that SASLprep changes is kept in its prepared form"""
    account = arena.account(odd=True)
    enter(arena.greet(), account)


@case("scram/nonce-is-new", "SCRAM-9", needs=NEEDS)
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


@case("scram/iterations", "SCRAM-10", needs=NEEDS)
def iterations(arena: Arena) -> None:
    """The iteration count is one that clients take"""
    handle = new_handle()
    challenged(arena.greet(), handle, Exchange(handle))


# The wrong password


@case("scram/wrong-password", "SCRAM-7", "ERR-1", needs=NEEDS)
def wrong_password(arena: Arena) -> None:
    """A wrong password is ERROR AUTH_FAILED; then the right one is taken on the same connection"""
    account = arena.account()
    client = arena.greet()
    exchange = Exchange(account.handle, f"{account.prepared}x")
    challenged(client, account.handle, exchange)
    with citing("SCRAM-1"):
        refuse(client, exchange.final())
    client.refused(Auth(exchange.final()), ErrorCode.WRONG_STATE)
    enter(client, account)


_BITS = {"first": 0, "in-the-middle": 131, "last": 255}


@case("scram/wrong-bit-{}", "SCRAM-1", needs=NEEDS, over=_BITS)
def wrong_bit(arena: Arena, bit: int) -> None:
    """A proof with one wrong bit is ERROR AUTH_FAILED"""
    account = arena.account()
    client = arena.greet()
    exchange = Exchange(account.handle, account.prepared)
    challenged(client, account.handle, exchange)
    refuse(client, exchange.final(flip=bit))


@case("scram/proof-of-another-login", "SCRAM-9", "SCRAM-7", needs=NEEDS)
def proof_of_another_login(arena: Arena) -> None:
    """What proved a password once proves nothing the next time"""
    account = arena.account()
    exchange = Exchange(account.handle, account.prepared)
    challenged(arena.greet("A"), account.handle, exchange)
    used = exchange.final()
    client = arena.greet("B")
    again = Exchange(account.handle, account.prepared, nonce=exchange.nonce)
    challenged(client, account.handle, again)
    refuse(client, used)


@case("scram/one-challenge", "SCRAM-7", "LOAD-11", needs=NEEDS)
def one_challenge(arena: Arena) -> None:
    """Of two challenges on one connection only the latest counts"""
    account = arena.account()
    client = arena.greet()
    old = Exchange(account.handle, account.prepared)
    challenged(client, account.handle, old)
    refuse(client, old.guess())
    new = Exchange(account.handle, account.prepared)
    challenged(client, account.handle, new)
    refuse(client, old.final())
    enter(client, account)


@case("scram/kept-challenge", "SCRAM-7", "ERR-1", "STATE-2", needs=NEEDS)
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


@case("scram/name-of-an-account", "SCRAM-2", needs=NEEDS)
def name_of_an_account(arena: Arena) -> None:
    """Nobody logs in as a handle with another one's name and password"""
    account = arena.account()
    payload = f"n,,n={account.handle},r={new_nonce()}".encode()
    arena.greet().refused(first(new_handle(), payload), ErrorCode.AUTH_FAILED)


# Who has no account


@case("scram/unknown", "SCRAM-4", needs=NEEDS)
def unknown(arena: Arena) -> None:
    """A user who is not known is asked the same every time, and then fails"""
    handle = new_handle()
    told = []
    for name in "AB":
        client = arena.greet(name)
        exchange = Exchange(handle)
        ref = challenged(client, handle, exchange)
        told.append(exchange.server_first)
        if told[0].partition(",")[2] != told[-1].partition(",")[2]:
            message = Challenge(exchange.server_first.encode())
            raise _about(client, message, ref, f"{told[0].partition(',')[2]!r}, as the first time")
        refuse(client, exchange.guess())
        client.fence()


@case("scram/unknown-salts", "SCRAM-4", needs=NEEDS)
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


@case("scram/unknown-looks-known", "SCRAM-4", needs=NEEDS)
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
    return client, exchange, ref, refuse(client, exchange.guess())


@case("scram/unknown-with-token", "SCRAM-4", "TOKEN-3", needs=NEEDS)
def unknown_with_token(arena: Arena) -> None:
    """A handle with a token and without an account is not known to SCRAM, and keeps its token"""
    owner = arena.login()
    client = arena.greet()
    exchange = Exchange(owner.handle)
    challenged(client, owner.handle, exchange)
    refuse(client, exchange.guess())
    owner.fence()
    arena.login("alice2", like=owner)


@case("scram/unknown-reserves-nothing", "SCRAM-4", "TOKEN-2", needs=NEEDS)
def unknown_reserves_nothing(arena: Arena) -> None:
    """A login that failed does not reserve its handle"""
    handle = new_handle()
    client = arena.greet()
    exchange = Exchange(handle)
    challenged(client, handle, exchange)
    refuse(client, exchange.guess())
    arena.greet("B").ask(login(handle, new_token()), Ready, handle=handle)


# TOKEN and failures


@case("scram/no-token", "TOKEN-9", needs=NEEDS)
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


@case("scram/third-failure-at-{}", "LOGIN-7", needs=NEEDS, over=_WAYS)
def third_failure(arena: Arena, last: Callable[[Client], Message]) -> None:
    """The third AUTH_FAILED on a connection is BYE TOO_MANY_FAILURES in its place"""
    client = arena.greet()
    ways = (_fail_at_login, _fail_at_auth)
    for number in range(MAX_LOGIN_FAILURES - 1):
        client.refused(ways[number % 2](client), ErrorCode.AUTH_FAILED)
    message = last(client)
    client.ends_with(ByeCode.TOO_MANY_FAILURES, ref=client.send(message))


@case("scram/what-is-no-failure", "LOGIN-7", "LOGIN-4", needs=NEEDS)
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


@case("scram/failures-of-others", "LOGIN-7", "ERR-9", needs=NEEDS)
def failures_of_others(arena: Arena) -> None:
    """Failures are counted for each connection"""
    handle = new_handle()
    for name in "ABCD":
        client = arena.greet(name)
        client.refused(first(handle, b"not SCRAM"), ErrorCode.AUTH_FAILED)
        client.fence()
