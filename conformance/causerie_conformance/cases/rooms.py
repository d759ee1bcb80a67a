"""Rooms: JOIN, LEAVE, membership, and what CONVERSATION says.

In here: what the one who asks is answered, and what a room is. Who receives what is in `rooms_audience`, the list of
rooms in `lists`. A server need not have `history`, so nothing in here looks into a log.
"""

from __future__ import annotations

from causerie_conformance.arena import Arena, new_handle
from causerie_conformance.cases.circle import leave, new_room
from causerie_conformance.cases.direct import to
from causerie_conformance.cases.logs import joined, left, live, member, said
from causerie_conformance.cases.sending import BAD_CONVERSATIONS
from causerie_conformance.client import Client, assuming, citing, new_txn
from causerie_conformance.problems import Kind
from causerie_conformance.registry import case
from causerie_spec.codec import encode
from causerie_spec.codes import LOBBY, MIN_ROOMS_PER_HANDLE, ROOMS, ErrorCode
from causerie_spec.messages import Ack, Conversation, Join, Leave, Ok, Send

WITH = (ROOMS,)
NEEDS = (ROOMS,)


def expect(client: Client, place: Conversation, **values: int) -> None:
    """CONVERSATION must have these values."""
    for field, wanted in values.items():
        came = getattr(place, field)
        if came != wanted:
            clause = {"members": "ROOM-13", "head": "ROOM-12"}.get(field)
            expected = f"CONVERSATION {place.conversation} with {field}={wanted}"
            raise client.problem(Kind.VALUE, expected, f"{field}={came}", clause=clause)


# JOIN


@case("rooms/join-makes-it", "ROOM-1", "ROOM-12", "ROOM-13", needs=NEEDS)
def join_makes_it(arena: Arena) -> None:
    """JOIN of a room that there is not makes it; CONVERSATION has head 1 and one member"""
    alice = arena.login(capabilities=WITH)
    expect(alice, alice.join(new_room()), head=1, members=1)


@case("rooms/join-one-that-is", "ROOM-1", "ROOM-12", "ROOM-13", needs=NEEDS)
def join_one_that_is(arena: Arena) -> None:
    """JOIN of a room that there is counts its own JOINED in head, and the joiner in members"""
    alice, room = member(arena, "alice")
    alice.post("one", room)
    bob = arena.login("bob", capabilities=WITH)
    expect(bob, bob.join(room), head=3, members=2)


@case("rooms/join-then-send", "ROOM-1", "REQ-5", needs=NEEDS)
def join_then_send(arena: Arena) -> None:
    """SEND in the same segment as JOIN is taken: the joiner is a member by then"""
    alice, room = arena.login(capabilities=WITH), new_room()
    requests = (Join(room), Send(room, new_txn(), 0, "at once"), Leave(room), Send(room, new_txn(), 0, "too late"))
    alice.send_octets(b"".join(encode(each, 100 + number) for number, each in enumerate(requests)))
    alice.expect(Conversation, ref=100, head=1)
    alice.expect(Ack, ref=101, seq=2)
    alice.expect(Ok, ref=102)
    alice.expect_error(ErrorCode.NOT_A_MEMBER, ref=103)


_NAMES = {
    "one-letter": "{:.1}",
    "digits-first": "0{:.20}",
    "every-sign": "{:.6}.-_",
    "32-characters": "{:z<32.32}",
    "like-a-handle": "{}",
}


@case("rooms/name-{}", "ROOM-1", "NAME-5", needs=NEEDS, over=_NAMES)
def name(arena: Arena, form: str) -> None:
    """A room may have any well-formed name"""
    alice, room = arena.login(capabilities=WITH), "#" + form.format(new_handle("n"))
    alice.join(room)
    _, ack = alice.post("here", room)
    alice.leave(room)
    if ack.seq < 2:
        raise alice.problem(Kind.VALUE, "a seq behind the JOINED", f"seq {ack.seq}")


@case("rooms/not-the-person-of-that-name", "ROOM-1", "MSG-1", "MSG-7", needs=NEEDS)
def not_the_person(arena: Arena) -> None:
    """`#bob` and `@bob` have nothing to do with each other"""
    alice, bob = arena.login("alice", capabilities=WITH), arena.login("bob")
    room = "#" + bob.handle
    alice.join(room)
    sent, _ = alice.post("about bob", room)
    told, ack = alice.post("to bob", to(bob))
    if ack.seq != 1:
        raise alice.problem(Kind.VALUE, "seq 1 in a log that is new", f"ACK with seq {ack.seq}")
    bob.hears_not(sent)
    bob.hear(told, alice.handle, to(alice), ack=ack)


@case("rooms/join-again", "ROOM-4", "ROOM-12", needs=NEEDS)
def join_again(arena: Arena) -> None:
    """JOIN by a member, on whichever connection, is answered CONVERSATION with the head, and writes nothing"""
    alice, room = member(arena, "alice")
    alice2 = arena.login("alice2", like=alice, capabilities=WITH)
    bob, _ = member(arena, "bob", room)
    expect(alice, alice.join(room), head=2, members=2)
    message = alice.post("between", room)
    expect(alice2, alice2.join(room), head=3, members=2)
    expect(bob, bob.join(room), head=3, members=2)
    live(bob, room, said(message, alice))
    live(alice2, room, joined(2, bob), said(message, alice))
    if (seq := alice.post("next", room)[1].seq) != 4:
        raise alice.problem(Kind.VALUE, "seq 4, as nothing was written by JOIN", f"ACK with seq {seq}")


@case("rooms/join-on-two-at-once", "ROOM-4", "ROOM-1", needs=NEEDS)
def join_on_two_at_once(arena: Arena) -> None:
    """Of two JOINs of a handle at once one writes JOINED, and both are answered CONVERSATION"""
    for _ in range(5):
        bob, room = member(arena, "bob")
        alice = arena.login("alice", capabilities=WITH)
        alice2 = arena.login("alice2", like=alice, capabilities=WITH)
        refs = [(client, client.send(Join(room))) for client in (alice, alice2)]
        for client, ref in refs:
            with assuming("ROOM-1"):
                expect(client, client.expect(Conversation, ref=ref, conversation=room), head=2, members=2)
        for client in (bob, alice, alice2):
            live(client, room, joined(2, alice))


# LEAVE


@case("rooms/leave", "ROOM-5", "ROOM-6", needs=NEEDS)
def leave_a_room(arena: Arena) -> None:
    """LEAVE is answered OK; after that LEAVE and SEND are ERROR NOT_A_MEMBER, on every connection of the handle"""
    alice, room = member(arena, "alice")
    alice2 = arena.login("alice2", like=alice, capabilities=WITH)
    alice.leave(room)
    for client in (alice, alice2):
        client.refused(Leave(room), ErrorCode.NOT_A_MEMBER, clause="ROOM-5")
        client.refused(Send(room, new_txn(), 0, "hello?"), ErrorCode.NOT_A_MEMBER, clause="ROOM-6")


@case("rooms/leave-on-another-connection", "ROOM-7", "ROOM-5", needs=NEEDS)
def leave_on_another(arena: Arena) -> None:
    """A room joined on one connection is left on another"""
    alice, room = member(arena, "alice")
    alice2 = arena.login("alice2", like=alice, capabilities=WITH)
    with citing("ROOM-7"):
        alice2.ask(Leave(room), Ok)
    alice.refused(Send(room, new_txn(), 0, "hello?"), ErrorCode.NOT_A_MEMBER)


@case("rooms/outsider", "ROOM-6", "ROOM-5", "ROOM-11", "SEND-8", needs=NEEDS)
def outsider(arena: Arena) -> None:
    """SEND and LEAVE by somebody who never joined are ERROR NOT_A_MEMBER, and have no effect"""
    alice, room = member(arena, "alice")
    bob = arena.login("bob", capabilities=WITH)
    bob.refused(Send(room, new_txn(), 0, "let me in"), ErrorCode.NOT_A_MEMBER)
    bob.refused(Leave(room), ErrorCode.NOT_A_MEMBER, clause="ROOM-5")
    live(alice, room)
    expect(bob, bob.join(room), head=2, members=2)


@case("rooms/never-was", "ROOM-11", "ROOM-5", "NAME-4", needs=NEEDS)
def never_was(arena: Arena) -> None:
    """SEND and LEAVE of a room that never was are ERROR NO_SUCH_CONVERSATION, and do not make it"""
    alice, bob, room = arena.login("alice", capabilities=WITH), arena.login("bob", capabilities=WITH), new_room()
    for client in (alice, bob, alice):
        client.refused(Leave(room), ErrorCode.NO_SUCH_CONVERSATION)
        client.refused(Send(room, new_txn(), 0, "echo?"), ErrorCode.NO_SUCH_CONVERSATION)
    expect(alice, alice.join(room), head=1, members=1)


@case("rooms/in-and-out", "ROOM-2", "ROOM-12", "MSG-1", needs=NEEDS)
def in_and_out(arena: Arena) -> None:
    """JOIN, LEAVE, JOIN: each writes a message of its own, and CONVERSATION counts them"""
    alice, room = arena.login(capabilities=WITH), new_room()
    for head in (1, 3, 5):
        expect(alice, alice.join(room), head=head, members=1)
        live(alice, room, joined(head, alice))
        alice.leave(room)
        live(alice, room, left(head + 1, alice))


# What is no room


_BAD = {f"bad-{key}": value for key, value in BAD_CONVERSATIONS.items()}


@case("rooms/join-{}", "NAME-3", "ERR-6", profile="rooms", needs=NEEDS, over=_BAD)
def join_ill_formed(arena: Arena, conversation: str) -> None:
    """JOIN and LEAVE of an ill-formed conversation are ERROR BAD_FIELD"""
    alice = arena.login(capabilities=WITH)
    alice.refused(Join(conversation), ErrorCode.BAD_FIELD)
    alice.refused(Leave(conversation), ErrorCode.BAD_FIELD)


@case("rooms/lobby", "LOBBY-2", needs=NEEDS)
def join_the_lobby(arena: Arena) -> None:
    """JOIN and LEAVE of #lobby are ERROR BAD_FIELD, and change nothing"""
    alice = arena.login("alice", capabilities=WITH)
    alice.refused(Join(LOBBY), ErrorCode.BAD_FIELD)
    alice.refused(Leave(LOBBY), ErrorCode.BAD_FIELD)
    bob = arena.login("bob")
    sent, ack = bob.post("still here")
    alice.hear(sent, bob.handle, ack=ack)


@case("rooms/people", "ROOM-9", needs=NEEDS)
def join_people(arena: Arena) -> None:
    """JOIN and LEAVE of somebody who is online, of nobody, and of oneself are ERROR BAD_FIELD"""
    alice, bob = arena.login("alice", capabilities=WITH), arena.login("bob")
    for conversation in (to(bob), f"@{new_handle('nobody')}", to(alice)):
        alice.refused(Join(conversation), ErrorCode.BAD_FIELD)
        alice.refused(Leave(conversation), ErrorCode.BAD_FIELD)
    sent, _ = alice.post("hello", to(bob))
    bob.hear(sent, alice.handle, to(alice))


# Membership


@case("rooms/across-connections", "ROOM-7", "ROOM-14", needs=NEEDS)
def across_connections(arena: Arena) -> None:
    """Who logs out and in again is still a member: hears, sends, and JOIN writes nothing"""
    alice, room = member(arena, "alice")
    bob, _ = member(arena, "bob", room)
    leave(alice)
    bob.post("while you were out", room)
    alice = arena.login("alice", like=alice, capabilities=WITH)
    with citing("ROOM-7"):
        message = alice.post("back again", room)
        if message[1].seq != 4:
            raise alice.problem(Kind.VALUE, "seq 4, as nobody left or joined", f"ACK with seq {message[1].seq}")
        live(alice, room, said(message, alice))
        expect(alice, alice.join(room), head=4, members=2)


@case("rooms/reset-is-no-leave", "ROOM-7", "CLOSE-8", needs=NEEDS)
def reset_is_no_leave(arena: Arena) -> None:
    """A connection that is reset leaves no room: nobody is told so, and the handle is a member when it comes back"""
    alice, room = member(arena, "alice")
    bob, _ = member(arena, "bob", room)
    alice.reset()
    alice = arena.login("alice", like=alice, capabilities=WITH)
    message = bob.post("are you there?", room)
    live(bob, room, said(message, bob))
    live(alice, room, said(message, bob))


@case("rooms/without-negotiating", "CAP-3", "ROOM-7", "ROOM-14", profile="rooms", needs=NEEDS)
def without_negotiating(arena: Arena) -> None:
    """A member's connection that did not negotiate `rooms` hears the room and sends to it"""
    alice, room = member(arena, "alice")
    plain = arena.login("plain", like=alice)
    with citing("CAP-3"):
        message = plain.post("from an old client", room)
        live(plain, room, said(message, alice))
        live(alice, room, said(message, alice))
    bob, _ = member(arena, "bob", room)
    live(plain, room, joined(3, bob))


@case("rooms/outlive-their-members", "ROOM-8", "ROOM-11", needs=NEEDS)
def outlive_their_members(arena: Arena) -> None:
    """A room whose members have all left is still there: NOT_A_MEMBER, and its numbers go on at the next JOIN"""
    alice, room = member(arena, "alice")
    alice.post("the last word", room)
    alice.leave(room)
    bob = arena.login("bob", capabilities=WITH)
    for client in (alice, bob):
        client.refused(Send(room, new_txn(), 0, "echo?"), ErrorCode.NOT_A_MEMBER, clause="ROOM-11")
        client.refused(Leave(room), ErrorCode.NOT_A_MEMBER, clause="ROOM-11")
    expect(bob, bob.join(room), head=4, members=1)


@case("rooms/outlive-connections", "ROOM-8", "ROOM-7", needs=NEEDS)
def outlive_connections(arena: Arena) -> None:
    """When all members have logged out the room is there all the same, with its members and numbers"""
    alice, room = member(arena, "alice")
    bob, _ = member(arena, "bob", room)
    leave(alice)
    leave(bob)
    carol = arena.login("carol", capabilities=WITH)
    expect(carol, carol.join(room), head=3, members=3)


@case("rooms/100-of-one-handle", "ROOM-15", needs=NEEDS)
def many_rooms(arena: Arena) -> None:
    """A handle may be in 100 rooms"""
    alice, stem = arena.login(capabilities=WITH), new_room()
    rooms = [f"{stem}-{number}" for number in range(MIN_ROOMS_PER_HANDLE)]
    with citing("ROOM-15"):
        for room in rooms:
            alice.join(room)
        alice2 = arena.login("alice2", like=alice)
        for room in (rooms[0], rooms[-1]):
            message = alice.post("one of many", room)
            live(alice2, room, said(message, alice))
    for room in rooms:
        alice.leave(room)


@case("rooms/independent", "MSG-1", "ROOM-14", profile="rooms", needs=NEEDS)
def independent(arena: Arena) -> None:
    """Rooms have their own numbers and members: leaving one changes nothing in another"""
    alice, one = member(arena, "alice")
    bob, _ = member(arena, "bob", one)
    two = new_room()
    for client in (alice, bob):
        client.join(two)
    bob.leave(one)
    live(alice, one, joined(2, bob), left(3, bob))
    live(bob, one, left(3, bob))
    message = alice.post("over here", two)
    live(bob, two, joined(2, bob), said(message, alice))
    if message[1].seq != 3:
        raise alice.problem(Kind.VALUE, f"seq 3 in {two}", f"ACK with seq {message[1].seq}", clause="MSG-1")
