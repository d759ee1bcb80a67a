"""Logins with a password, failures, and what an address may do: the server's core, joined to people's clients."""

import base64
import random

import pytest

from causerie.core import accounts
from causerie.core.client import Password
from causerie_spec.codes import ByeCode, ErrorCode
from causerie_spec.messages import Auth, Challenge, Hello, Login, Ready, Welcome

E = ErrorCode
KEYS = accounts.keys_of("pencil", b"salt" * 4, 4096)


@pytest.fixture
def world(make_world):
    return with_account(make_world(scram_iterations=4096))


def with_account(world):
    world.store.put_account("alice", KEYS)
    return world


def exchange(password="pencil", handle="alice"):
    return Password(password, random.Random(5)).begin(handle)


def first(each, handle="alice", display="A"):
    return Login("SCRAM-SHA-256", handle, display, each.first)


def answer(peer):
    ((message, _),) = peer.inbox
    return message


def challenged(peer, each, handle="alice"):
    peer.send((first(each, handle), 2))
    if peer.world.late:
        peer.world.commit()
    message = answer(peer)
    assert isinstance(message, Challenge)
    return message.payload


def guess(peer, handle="alice"):
    """A login that fails; returns what it is told."""
    each = exchange("wrong", handle)
    peer.send((Auth(each.prove(challenged(peer, each, handle))), 3))
    return peer.codes


def test_a_login_with_a_password(world):  # [SCRAM-1]
    peer = world.hello()
    each = exchange()
    peer.send((Auth(each.prove(challenged(peer, each))), 3))
    ready = answer(peer)
    assert isinstance(ready, Ready)
    assert (ready.handle, ready.display) == ("alice", "A")
    each.verify(ready.payload)
    assert world.events("login") == [{"peer": "192.0.2.1:1", "handle": "alice"}]


def test_a_wrong_password_and_then_the_right_one(world):  # [SCRAM-7]
    peer = world.hello()
    assert guess(peer) == [E.AUTH_FAILED]
    peer.send((Auth(b"x"), 4))
    assert peer.codes == [E.WRONG_STATE]
    each = exchange()
    peer.send((Auth(each.prove(challenged(peer, each))), 5))
    assert peer.codes == ["READY"]


def test_who_has_no_account_sees_no_difference(world):  # [SCRAM-4]
    told = []
    for handle in ("alice", "nobody", "nobody"):
        peer = world.hello()
        each = exchange("wrong", handle)
        challenge = challenged(peer, each, handle)
        peer.send((Auth(each.prove(challenge)), 3))
        told.append((challenge.decode().split(",")[1:], answer(peer)))
    (known, error), (salt, other), again = told
    assert again == (salt, other)
    assert error == other
    assert known[1] == salt[1] == "i=4096"
    assert len(base64.b64decode(known[0][2:])) == len(base64.b64decode(salt[0][2:])) == 16


def test_nonces_are_new(world):  # [SCRAM-9]
    challenges = {challenged(world.hello(), exchange()) for _ in range(5)}
    assert len(challenges) == 5


def test_a_token_does_not_open_an_account(world, f):  # [TOKEN-9]
    peer = world.hello()
    peer.send((f.login("alice"), 2))
    assert peer.codes == [E.HANDLE_TAKEN]


def test_an_account_takes_a_handle_over(make_world, f):
    world = make_world(scram_iterations=4096)
    owner = world.login("alice")
    with_account(world)
    other = world.hello()
    other.send((f.login("alice"), 2))
    assert other.codes == [E.HANDLE_TAKEN]
    each = exchange()
    other.send((Auth(each.prove(challenged(other, each))), 3))
    assert other.codes == ["READY"]
    owner.send(f.ping(9))
    assert owner.codes == ["PONG"]  # who is in stays in


def test_the_third_failure(world):  # [LOGIN-7]
    peer = world.hello()
    assert guess(peer) == [E.AUTH_FAILED]
    peer.send((Login("SCRAM-SHA-256", "alice", "A", b""), 3))
    assert peer.codes == [E.AUTH_FAILED]
    assert guess(peer, "nobody") == [ByeCode.TOO_MANY_FAILURES]
    assert peer.closed or peer.fin


def test_other_refusals_are_no_failures(world, f):
    peer = world.hello()
    for ref in range(2, 8):
        peer.send((f.login("alice"), ref), (Login("SCRAM-SHA-256", "A", "A", b""), ref), (Auth(b""), ref))
    assert set(peer.codes) == {E.HANDLE_TAKEN, E.BAD_FIELD, E.WRONG_STATE}
    assert guess(peer) == [E.AUTH_FAILED]


def test_a_refusal_keeps_the_challenge(world, f):  # [SCRAM-7]
    peer = world.hello()
    each = exchange()
    final = each.prove(challenged(peer, each))
    peer.send((Auth(bytes(1_025)), 3), (f.login("bob"), 4), (first(each), 5), f.ping(6))
    assert peer.codes == [E.BAD_FIELD, E.WRONG_STATE, E.WRONG_STATE, "PONG"]
    peer.send((Auth(final), 7))
    assert peer.codes == ["READY"]


def test_accounts_only(make_world, f):  # [HELLO-8]
    world = with_account(make_world(accounts_only=True))
    peer = world.connect()
    peer.send((Hello(b"CAUS", 1, 1, 0, "", ()), 1), (f.login("bob"), 2))
    (welcome, _), (error, _) = peer.inbox
    assert isinstance(welcome, Welcome)
    assert welcome.mechanisms == ("SCRAM-SHA-256",)
    assert error.code == E.NO_SUCH_MECHANISM


@pytest.mark.parametrize("when", ["before the challenge", "before READY"])
def test_a_connection_that_ends_while_the_store_works(make_world, f, when):
    world = with_account(make_world(late=True))
    peer = world.hello()
    each = exchange()
    if when == "before READY":
        final = each.prove(challenged(peer, each))
        peer.send((Auth(final), 3))
    else:
        peer.send((first(each), 2))
    peer.reset()
    world.commit_all()
    assert not peer.inbox
    assert world.hub.connections == 0
    again = world.hello()
    again.send((Auth(b""), 2), f.ping(3))
    assert again.codes == [E.WRONG_STATE, "PONG"]


class Failing:
    """A store that fails at operations of a kind."""

    def __init__(self, store, kind):
        self.store, self.kind = store, kind

    def commit(self, operations):
        if any(type(operation).__name__ == self.kind for operation in operations):
            return [E.INTERNAL] * len(operations)
        return self.store.commit(operations)


@pytest.mark.parametrize("kind", ["Credentials", "Enter"])
def test_a_store_that_fails(world, kind):  # [LOAD-10]
    store = world.store
    peer = world.hello()
    each = exchange()
    if kind == "Enter":
        final = each.prove(challenged(peer, each))
    world.store = Failing(store, kind)
    peer.send((first(each), 2) if kind == "Credentials" else (Auth(final), 3))
    assert peer.codes == [E.INTERNAL]
    world.store = store
    if kind == "Credentials":
        final = each.prove(challenged(peer, each))
    peer.send((Auth(final), 4))  # no state was changed
    assert peer.codes == ["READY"]


# What an address may do [LOAD-6]


def greeted(world, name):
    peer = world.connect(name)
    peer.send((Hello(b"CAUS", 1, 1, 0, "", ()), 1))
    assert peer.codes == ["WELCOME"]
    return peer


def refusal(peer, message):
    peer.send((message, 9))
    error = answer(peer)
    return error.code, error.retry_ms


def test_an_address_that_fails_often_must_wait(make_world, f):
    world = with_account(make_world(failures_per_minute=3))
    for number in range(3):
        assert guess(greeted(world, f"192.0.2.1:{number}")) == [E.AUTH_FAILED]
    peer = greeted(world, "192.0.2.1:99")
    for message in (first(exchange()), f.login("bob")):
        assert refusal(peer, message) == (E.RATE_LIMITED, 20_000)
    assert refusal(peer, f.login("Bob"))[0] == E.BAD_FIELD  # fields come first
    assert guess(greeted(world, "192.0.2.2:1")) == [E.AUTH_FAILED]  # nobody else waits
    world.advance(20.0)
    assert guess(greeted(world, "192.0.2.1:100")) == [E.AUTH_FAILED]
    assert refusal(greeted(world, "192.0.2.1:101"), f.login("bob"))[0] == E.RATE_LIMITED


def test_tokens_of_others_are_failures(make_world, f):
    world = make_world(failures_per_minute=3)
    world.login("alice")
    peer = greeted(world, "[2001:db8::1]:1")
    wrong = f.login("alice", b"x" * 32)
    assert [refusal(peer, wrong)[0] for _ in range(4)] == [E.HANDLE_TAKEN] * 3 + [E.RATE_LIMITED]
    assert refusal(greeted(world, "[2001:db8::2]:1"), wrong)[0] == E.RATE_LIMITED
    assert refusal(greeted(world, "[2001:db8:0:1::2]:1"), wrong)[0] == E.HANDLE_TAKEN


def test_new_handles_are_limited_and_old_ones_are_not(make_world, f):
    world = make_world(reservations_per_minute=2)
    for number, handle in enumerate(("alice", "bob")):
        greeted(world, f"192.0.2.1:{number}").send((f.login(handle), 2))
    late = greeted(world, "192.0.2.1:7")
    assert refusal(late, f.login("carol")) == (E.RATE_LIMITED, 30_000)
    late.send((f.login("alice"), 3))
    assert late.codes == ["READY"]
    other = greeted(world, "192.0.2.2:7")
    other.send((f.login("carol"), 3))
    assert other.codes == ["READY"]


def test_this_machine_is_not_limited_unless_it_is_asked_for(make_world, f):
    for local, expected in ((False, E.HANDLE_TAKEN), (True, E.RATE_LIMITED)):
        world = make_world(failures_per_minute=1, throttle_local=local)
        world.login("alice")
        peer = greeted(world, "127.0.0.1:1")
        refusal(peer, f.login("alice", b"x" * 32))
        assert refusal(peer, f.login("alice", b"x" * 32))[0] == expected
