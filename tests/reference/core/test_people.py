"""Handles, conversations, who is told what [LOGIN, TOKEN, MSG, LOBBY, DIRECT]."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from causerie.store.keys import handles_of, key_of, name_for
from causerie_spec import names
from causerie_spec.codes import ErrorCode
from causerie_spec.messages import Ack, ChatMessage

E = ErrorCode


def test_a_message_to_the_lobby(world, f):
    alice, bob = world.login("alice"), world.login("bob")
    outside = world.hello()
    alice.send(f.say(9, "hé\r\n\0", txn=2**64 - 1, kind=127))
    event = (f.ChatMessage("#lobby", 1, world.wall, "alice", 2**64 - 1, 127, "hé\r\n\0"), 0)
    assert bob.inbox == [event]
    assert alice.inbox == [event, (f.Ack(1, world.wall, False), 9)]
    assert outside.inbox == []


def test_a_direct_message_reaches_both_and_nobody_else(world, f):
    alice, alice2, bob, carol = (world.login(handle) for handle in ("alice", "alice", "bob", "carol"))
    alice.send(f.say(1, "to bob", to="@bob"))
    bob.send(f.say(2, "to alice", to="@alice"))
    carol.send(f.say(3, "note", to="@carol"))
    assert f.texts(bob.inbox) == [("@alice", 1, "alice", "to bob"), ("@alice", 2, "bob", "to alice")]
    for peer in (alice, alice2):
        assert f.texts(peer.inbox) == [("@bob", 1, "alice", "to bob"), ("@bob", 2, "bob", "to alice")]
    assert f.texts(carol.inbox) == [("@carol", 1, "carol", "note")]  # once


def test_numbers_and_times_go_on(world, f):
    alice, bob = world.login("alice"), world.login("bob")
    alice.send(f.say(1, to="@bob"))
    world.wall -= 10_000  # a clock that goes back
    bob.send((f.QUIT, 2))
    alice.send(f.say(3, to="@bob"), f.say(4))
    world.login("bob").send(f.say(5, to="@alice"))
    acks = [message for message, _ in alice.inbox if isinstance(message, ChatMessage)]
    assert [(m.conversation, m.seq, m.timestamp - world.wall) for m in acks] == [
        ("@bob", 1, 10_000),
        ("#lobby", 1, 0),
        ("@bob", 2, 10_000),  # [MSG-2, MSG-9]
    ]


def test_several_connections_of_one_handle(world, f):
    first, second = world.login("alice"), world.login("alice")
    bob = world.login("bob")
    first.send((f.QUIT, 2))
    bob.send(f.say(3, to="@alice"))
    assert [m.NAME for m, _ in bob.inbox] == ["MESSAGE", "ACK"]
    assert len(second.inbox) == 1
    second.eof()
    bob.send(f.say(3, to="@alice"))
    assert bob.codes == [E.NO_SUCH_CONVERSATION]


def test_a_handle_belongs_to_its_token_while_it_is_online(world, f):
    first = world.login("alice")
    second = world.login("alice")
    thief = world.hello()
    thief.send((f.login("alice", b"t" * 16), 5))
    assert thief.codes == [E.HANDLE_TAKEN]
    first.eof()
    thief.send((f.login("alice", b"t" * 16), 6))
    assert thief.codes == [E.HANDLE_TAKEN]
    second.reset()
    thief.send((f.login("alice", b"t" * 16), 7))
    assert thief.codes == ["READY"]
    assert [fields["handle"] for fields in world.events("login refused")] == ["alice", "alice"]


def test_of_two_at_once_one_gets_the_handle(late, f):
    one, two = late.hello(), late.hello()
    one.send((f.login("alice", b"1" * 16), 5))
    two.send((f.login("alice", b"2" * 16), 5))
    late.commit()
    late.commit_all()
    assert [one.codes, two.codes] == [["READY"], [E.HANDLE_TAKEN]]
    one.eof()
    late.commit_all()
    two.send((f.login("alice", b"2" * 16), 6))
    late.commit()
    assert two.codes == ["READY"]


def test_a_login_that_waits_keeps_the_reservation_from_being_released(late, f):
    # The last connection goes while another of the same handle waits for the store.
    first = late.login("alice")
    second = late.hello()
    second.send((f.login("alice"), 5))
    first.eof()
    assert len(late.asked) == 1  # no release
    late.commit()
    assert second.codes == ["READY"]
    thief = late.hello()
    thief.send((f.login("alice", b"t" * 16), 5))
    late.commit_all()
    assert thief.codes == [E.HANDLE_TAKEN]
    second.eof()
    thief.send((f.login("alice", b"t" * 16), 6))
    late.commit_all()
    assert thief.codes == ["READY"]


def test_a_release_comes_before_the_login_that_follows_it(late, f):
    first = late.login("alice")
    first.eof()
    second = late.hello()
    second.send((f.login("alice", b"t" * 16), 5))
    late.commit(1)
    late.commit()
    assert second.codes == ["READY"]
    third = late.hello()
    third.send((f.login("alice"), 5))
    late.commit_all()
    assert third.codes == [E.HANDLE_TAKEN]


def test_the_latest_display_name_wins(world, f):
    peer = world.login("alice")
    other = world.hello()
    other.send((f.login("alice"), 3))
    assert other.inbox == [(f.Ready("alice", "ALICE", b""), 3)]
    assert peer.inbox == []
    assert world.hub.roster.display("alice") == "ALICE"


HANDLES = st.from_regex(r"[a-z0-9][a-z0-9_.-]{0,31}", fullmatch=True)


@given(HANDLES, HANDLES)
def test_both_sides_of_a_direct_conversation_have_one_key(one, two):
    key = key_of(f"@{two}", one)
    assert key == key_of(f"@{one}", two)
    assert set(handles_of(key)) == {one, two}
    assert len(handles_of(key)) == len({one, two})
    assert name_for(key, one) == f"@{two}"
    assert name_for(key, two) == f"@{one}"
    assert not names.is_conversation(key)  # no room has that key


@given(HANDLES)
def test_a_room_is_its_own_key(room):
    assert key_of(f"#{room}", "me") == f"#{room}" == name_for(f"#{room}", "me")


@pytest.mark.parametrize("count", [1, 5])
def test_acks_say_what_the_message_says(world, f, count):
    alice = world.login("alice")
    alice.send(*[f.say(n) for n in range(1, count + 1)])
    inbox = alice.inbox
    told = [(m.seq, m.timestamp) for m, _ in inbox if isinstance(m, ChatMessage)]
    assert told == [(m.seq, m.timestamp) for m, _ in inbox if isinstance(m, Ack)]
    assert [seq for seq, _ in told] == list(range(1, count + 1))
