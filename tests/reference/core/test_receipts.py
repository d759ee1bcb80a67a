"""RECEIPT: whom it goes to when one commit holds what several did [MARK-5 to MARK-7].

The arithmetic of cursors is the archive's affair (tests/reference/store); any order of requests, test_state_machine's.
"""

import pytest

from causerie_spec.messages import Join, Mark, Receipt


def receipts(peer):
    """Those since the last look, as tuples."""
    found = [message for message, _ in peer.inbox if isinstance(message, Receipt)]
    return [(m.conversation, m.delivered, m.read, m.all_delivered, m.all_read) for m in found]


@pytest.fixture
def room(make_world, f):
    """Alice on two connections, bob and carol in #ops with head 10, a late store, nothing unread."""
    late = make_world(history=True, late=True)
    peers = [late.login(handle) for handle in ("alice", "alice", "bob", "carol")]
    for peer in peers[1:]:
        peer.send((Join("#ops"), 1))
        late.commit_all()
    peers[0].send(*[f.say(n, to="#ops") for n in range(1, 8)])
    late.commit_all()
    for peer in peers:
        peer.inbox  # noqa: B018
    return late, peers


def test_a_mark_that_raises_the_lowest_is_told_to_all_but_the_connection_that_sent_it(room):
    late, (alice, alice2, bob, carol) = room
    bob.send((Mark("#ops", 9, 4), 5))
    late.commit()
    assert [receipts(peer) for peer in (alice, alice2, carol, bob)] == [
        [("#ops", 10, 10, 3, 3)],
        [("#ops", 10, 10, 3, 3)],
        [("#ops", 3, 3, 3, 3)],
        [],
    ]


def test_a_mark_that_moves_nothing_is_told_to_nobody(room):
    late, peers = room
    peers[0].send((Mark("#ops", 99, 99), 5), (Mark("#ops", 1, 1), 6))
    late.commit_all()
    assert [receipts(peer) for peer in peers] == [[], [], [], []]


def test_what_two_of_them_caused_in_one_commit_is_told_to_both_with_the_newest_values(room):
    late, (alice, alice2, bob, carol) = room
    bob.send((Mark("#ops", 10, 10), 5))
    carol.send((Mark("#ops", 8, 5), 5))
    late.commit()
    assert receipts(bob) == [("#ops", 10, 10, 8, 5)]
    assert receipts(carol) == [("#ops", 8, 5, 8, 5)]
    assert receipts(alice) == receipts(alice2) == [("#ops", 10, 10, 8, 5)]


def test_who_did_not_negotiate_them_gets_none(make_world):
    world = make_world(history=True)
    quiet, alice = world.login("alice", capabilities=()), world.login("alice")
    world.login("bob").send((Join("#ops"), 1))
    alice.send((Join("#ops"), 1), (Mark("#ops", 9, 9), 2))
    assert receipts(quiet) == []
