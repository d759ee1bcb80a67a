"""WHO, watches and PRESENCE, where the store or the order of things matters [WHO-1 to WHO-13]."""

import pytest

from causerie_spec.codes import ErrorCode
from causerie_spec.messages import Join, Leave, Presence, Who

E = ErrorCode
WATCH = Who("#lobby", "", 256, True)


def told(peer):
    """The PRESENCE events since the last look: (handle, online)."""
    return [
        (message.handle, message.online) for message, ref in peer.inbox if isinstance(message, Presence) and not ref
    ]


def listed(peer):
    """The items since the last look."""
    return [message for message, ref in peer.inbox if isinstance(message, Presence) and ref]


def test_first_login_and_last_logout_are_told_once_however_many_watches_cover_them(full):
    alice = full.login("alice")
    alice.send((Join("#ops"), 1), (WATCH, 2), (Who("#ops", "", 1, True), 3))
    bob = full.login("bob")
    bob.send((Join("#ops"), 1))
    alice.send((Who("@bob", "", 1, True), 4))
    told(alice)
    second = full.login("bob")
    bob.eof()
    assert told(alice) == []
    second.reset()
    assert told(alice) == [("bob", False)]
    full.login("bob")
    assert told(alice) == [("bob", True)]


def test_a_watch_of_a_room_ends_with_any_leave_of_its_handle(full):
    alice, other, bob = full.login("alice"), full.login("alice"), full.login("bob")
    bob.send((Join("#ops"), 1))
    alice.send((Join("#ops"), 1), (Who("#ops", "", 1, True), 2))
    other.send((Leave("#ops"), 1))
    alice.send((Join("#ops"), 3))
    bob.eof()
    assert told(alice) == []


def test_the_watches_of_a_connection_are_bounded(make_world):
    world = make_world(history=True, watches=2)
    alice = world.login("alice")
    rooms = [f"#r{n}" for n in range(3)]
    alice.send(*[(Join(room), 1) for room in rooms])
    alice.inbox  # noqa: B018
    alice.send(*[(Who(room, "zz", 1, True), 2) for room in rooms])
    assert alice.codes == ["END", "END", E.LIMIT_REACHED]
    alice.send((Who("#r0", "zz", 1, True), 3), (Who("#r1", "zz", 1, False), 3), (Who("#r2", "zz", 1, True), 3))
    assert alice.codes == ["END"] * 3


@pytest.mark.parametrize("rejoin", [False, True], ids=["gone", "a-thief-tries"])
def test_last_seen_is_known_before_the_store_knows_it(make_world, f, rejoin):
    # The store looks for bob before it is told of the logout; a login that waits, and fails, does not lose it.
    late = make_world(history=True, late=True)
    alice, bob = late.login("alice"), late.login("bob")
    thief = late.hello()
    alice.send((Who("@bob", "", 1, False), 5))
    if rejoin:
        thief.send((f.login("bob", b"t" * 16), 5))
    bob.eof()
    left = late.wall
    late.wall += 60_000
    late.commit(1)
    assert listed(alice) == [Presence("bob", "BOB", False, left)]
    late.commit_all()
    alice.send((Who("@bob", "", 1, False), 6))
    late.commit_all()
    assert listed(alice) == [Presence("bob", "BOB", False, left)]
    assert not late.hub._left


def test_who_asks_for_a_watch_and_is_gone_when_the_store_answers(make_world):
    late = make_world(history=True, late=True)
    alice, bob = late.login("alice"), late.login("bob")
    alice.send((Who("@bob", "", 1, True), 5))
    alice.reset()
    late.commit_all()
    bob.eof()
    late.commit_all()
    assert not any(vars(late.hub.roster).values())
