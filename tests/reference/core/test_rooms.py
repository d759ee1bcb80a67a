"""JOIN, LEAVE and lists of rooms, where the order of things matters [ROOM-1 to ROOM-10, LIST-1]; what is forgotten."""

import pytest

from causerie_spec.codes import ErrorCode, Kind
from causerie_spec.messages import ChatMessage, Conversations, Join, Leave, Room, Rooms, Who

E = ErrorCode


def notes(frames):
    """Of each frame: JOINED or LEFT and whose; the sender of any other MESSAGE; the frame's name."""
    kinds = {Kind.JOINED: "JOINED", Kind.LEFT: "LEFT"}
    return [
        (kinds.get(message.kind, "MESSAGE"), message.sender) if isinstance(message, ChatMessage) else message.NAME
        for message, _ in frames
    ]


def test_conversation_joined_left_ok(full):
    alice, other, bob = full.login("alice"), full.login("alice"), full.login("bob")
    bob.send((Join("#ops"), 1))
    bob.inbox  # noqa: B018
    alice.send((Join("#ops"), 1), (Join("#ops"), 2), (Leave("#ops"), 3), (Leave("#ops"), 4))
    joined, left = ("JOINED", "alice"), ("LEFT", "alice")
    assert notes(alice.inbox) == ["CONVERSATION", joined, "CONVERSATION", left, "OK", "ERROR"]
    assert notes(other.inbox) == [joined, left]
    assert [note for note in notes(bob.inbox) if note != "RECEIPT"] == [joined, left]


def test_membership_is_there_at_the_next_login_and_on_every_connection(full, f):
    alice, bob = full.login("alice"), full.login("bob")
    for peer in (alice, bob):
        peer.send((Join("#ops"), 1))
    alice.eof()
    bob.send(f.say(2, "missed", to="#ops"))
    first, second = full.login("alice"), full.login("alice", capabilities=())
    bob.send(f.say(3, "live", to="#ops"))
    for peer in (first, second):
        assert f.texts(peer.inbox) == [("#ops", 4, "bob", "live")]


def test_a_join_that_waits_while_its_connection_goes_counts_for_the_others(make_world, f):
    late = make_world(history=True, late=True)
    alice, other, bob = (late.login(handle) for handle in ("alice", "alice", "bob"))
    alice.send((Join("#ops"), 1))
    alice.reset()
    bob.send((Join("#ops"), 1))
    late.commit_all()
    bob.send(f.say(2, to="#ops"))
    late.commit_all()
    assert notes(other.inbox) == [("JOINED", "alice"), ("JOINED", "bob"), ("MESSAGE", "bob")]


@pytest.mark.parametrize(
    ("after", "limit", "expected", "more"),
    [
        ("", 9, ["#a", "#lobby", "#m", "#z"], False),
        ("", 1, ["#a"], True),
        ("", 2, ["#a", "#lobby"], True),
        ("#a", 1, ["#lobby"], True),
        ("#lobby", 1, ["#m"], True),
        ("#lobby", 2, ["#m", "#z"], False),
        ("#z", 1, [], False),
    ],
)
def test_the_lobby_stands_in_its_place_among_the_rooms(full, after, limit, expected, more):
    alice = full.login("alice")
    alice.send(*[(Join(room), 1) for room in ("#z", "#a", "#m", "#left")], (Leave("#left"), 2))
    alice.inbox  # noqa: B018
    alice.send((Rooms(after, limit), 3))
    *items, (end, _) = alice.inbox
    assert [item for item, _ in items] == [Room(name, 1) for name in expected]
    assert end.more is more


@pytest.mark.parametrize("request_", [Join("#lobby"), Leave("#lobby"), Join("@bob"), Join("ops"), Rooms("x", 1)])
def test_bad_fields(full, request_):
    alice = full.login("alice")
    alice.send((request_, 1))
    assert alice.codes == [E.BAD_FIELD]


def test_people_who_come_and_go_leave_nothing_in_the_roster(full, f):
    for number in range(300):
        peer, second = full.login(f"h{number % 7}"), full.login(f"h{number % 7}")
        rooms = [f"#r{(number + each) % 5}" for each in range(3)]
        peer.send(*[(Join(room), 1) for room in rooms], *[(Who(room, "", 9, True), 2) for room in rooms])
        peer.send((Who("#lobby", "", 9, True), 3), (Who("@h0", "", 9, True), 4), (Conversations("", 9), 5))
        second.send((Leave(rooms[0]), 1), f.say(2, to=rooms[1], txn=number + 1))
        (peer.reset, peer.eof)[number % 2]()
        second.send((f.QUIT, 3))
        second.eof()
    assert full.hub.connections == 0
    assert not any(vars(full.hub.roster).values())
