"""Rooms: who receives what, and when.

In here: JOINED, LEFT and texts, at all connections of members, of those who were, and of those who are not. A server
need not have `history`.
"""

from __future__ import annotations

from causerie_conformance.arena import Arena
from causerie_conformance.cases.circle import new_room
from causerie_conformance.cases.logs import Line, heard, joined, left, live, member, said
from causerie_conformance.client import Client, assuming, citing
from causerie_conformance.problems import Kind
from causerie_conformance.registry import case
from causerie_spec.codes import ROOMS
from causerie_spec.codes import Kind as MessageKind
from causerie_spec.messages import Ack, ChatMessage, Conversation, Join, Leave, Ok

WITH = (ROOMS,)
NEEDS = (ROOMS,)


@case("rooms/joined-is-told", "ROOM-2", "ROOM-14", "REQ-7", needs=NEEDS)
def joined_is_told(arena: Arena) -> None:
    """JOIN tells every connection of every member JOINED: empty text, txn 0, the joiner as sender"""
    alice, room = member(arena, "alice")
    alice2 = arena.login("alice2", like=alice)
    bob = arena.login("bob", capabilities=WITH)
    bob.join(room)
    for client in (alice, alice2, bob):
        live(client, room, joined(2, bob))


@case("rooms/left-is-told", "ROOM-2", "ROOM-14", "REQ-7", needs=NEEDS)
def left_is_told(arena: Arena) -> None:
    """LEAVE tells every connection of every member LEFT, the leaver's included"""
    alice, room = member(arena, "alice")
    alice2 = arena.login("alice2", like=alice)
    bob, _ = member(arena, "bob", room)
    bob2 = arena.login("bob2", like=bob)
    for client in (alice, alice2):
        live(client, room, joined(2, bob))
    bob.leave(room)
    for client in (bob, bob2, alice, alice2):
        live(client, room, left(3, bob))


@case("rooms/left-is-the-last", "ROOM-2", "ROOM-14", "MSG-7", needs=NEEDS)
def left_is_the_last(arena: Arena) -> None:
    """After LEFT no connection of the leaver hears anything of the room"""
    alice, room = member(arena, "alice")
    bob, _ = member(arena, "bob", room)
    bob2 = arena.login("bob2", like=bob)
    bob.leave(room)
    alice.post("behind your back", room)
    carol, _ = member(arena, "carol", room)
    carol.leave(room)
    for client in (bob, bob2):
        live(client, room, left(3, bob))


@case("rooms/the-last-to-leave", "ROOM-2", needs=NEEDS)
def the_last_to_leave(arena: Arena) -> None:
    """Who leaves as the last one is told LEFT too"""
    alice, room = member(arena, "alice")
    alice2 = arena.login("alice2", like=alice)
    alice.leave(room)
    for client in (alice, alice2):
        live(client, room, left(2, alice))


@case("rooms/conversation-then-joined", "ROOM-3", needs=NEEDS)
def conversation_then_joined(arena: Arena) -> None:
    """CONVERSATION comes before the JOINED that it counts; JOINED follows before what is asked next is answered"""
    alice, room = arena.login(capabilities=WITH), new_room()
    ref = alice.send(Join(room))
    with assuming("ROOM-1"):
        place = alice.expect(Conversation, ref=ref, conversation=room)
    early = [event for event in alice.events if getattr(event.message, "conversation", "") == room]
    if early:
        raise alice.wrong(Kind.UNEXPECTED, "CONVERSATION before the JOINED that it counts", early[0])
    live(alice, room, joined(place.head, alice))


@case("rooms/joined-on-other-connections", "ROOM-3", "ROOM-7", "ROOM-14", needs=NEEDS)
def joined_on_others(arena: Arena) -> None:
    """JOINED comes on the joiner's other connections too, which are in the room from then on"""
    alice = arena.login("alice", capabilities=WITH)
    alice2, alice3 = arena.login("alice2", like=alice), arena.login("alice3", like=alice, capabilities=WITH)
    room = new_room()
    alice.join(room)
    alice.fence()
    for client in (alice, alice2, alice3):
        with citing("ROOM-3"):
            live(client, room, joined(1, alice))
    message = alice3.post("I am here too", room)
    for client in (alice, alice2, alice3):
        live(client, room, said(message, alice))


@case("rooms/both-hear", "ROOM-14", "MSG-3", "MSG-5", "MSG-6", needs=NEEDS)
def both_hear(arena: Arena) -> None:
    """A message reaches every connection of every member once"""
    alice, room = member(arena, "alice")
    bob, _ = member(arena, "bob", room)
    alice2, bob2 = arena.login("alice2", like=alice), arena.login("bob2", like=bob)
    messages = [(alice, alice.post("one", room)), (bob2, bob2.post("two", room)), (bob, bob.post("three", room))]
    lines = [said(message, sender) for sender, message in messages]
    live(alice, room, joined(2, bob), *lines)
    for client in (bob, alice2, bob2):
        live(client, room, *lines)


@case("rooms/nobody-else-hears", "ROOM-14", "MSG-7", needs=NEEDS)
def nobody_else_hears(arena: Arena) -> None:
    """Who is no member hears nothing of a room: no text, no JOINED, no LEFT"""
    outsider = arena.login("outsider", capabilities=WITH)
    other, _ = member(arena, "other")
    alice, room = member(arena, "alice")
    bob, _ = member(arena, "bob", room)
    alice.post("between us", room)
    bob.leave(room)
    for client in (outsider, other):
        live(client, room)


@case("rooms/before-the-ack", "REQ-7", profile="rooms", needs=NEEDS)
def before_the_ack(arena: Arena) -> None:
    """Once the sender has its ACK, a PONG that a member asks for comes after the MESSAGE"""
    alice, room = member(arena, "alice")
    bob = arena.login("bob", beside=alice, capabilities=WITH)
    bob.join(room)
    heard(bob, room)
    for _ in range(20):
        message = alice.post("quick", room)
        live(bob, room, said(message, alice))


@case("rooms/in-the-midst", "ROOM-14", "ROOM-12", "ROOM-3", "MSG-4", needs=NEEDS)
def in_the_midst(arena: Arena) -> None:
    """Who joins and leaves while others write hears all from its JOINED to its LEFT, and nothing else"""
    alice, room = member(arena, "alice")
    bob = arena.login("bob", capabilities=WITH)
    for _ in range(10):
        refs = [alice.say(f"line {number}", room)[1] for number in range(8)]
        place = bob.join(room)
        refs += [alice.say(f"line {number}", room)[1] for number in range(8)]
        with assuming("ROOM-5"):
            bob.ask(Leave(room), Ok)
        refs += [alice.say(f"line {number}", room)[1] for number in range(8)]
        for ref in refs:
            alice.expect(Ack, ref=ref)
        _from_joined_to_left(bob, room, place.head)


def _from_joined_to_left(client: Client, room: str, head: int) -> None:
    """What came of a room must begin with one's JOINED at *head*, and end with one's LEFT. (Gaps show passively.)"""
    came = [each for each in heard(client, room) if isinstance(each.message, ChatMessage)]
    ends = [(getattr(each.message, "sender", ""), getattr(each.message, "kind", 0)) for each in (*came[:1], *came[-1:])]
    if ends != [(client.handle, MessageKind.JOINED), (client.handle, MessageKind.LEFT)]:
        shown = [f"{getattr(each.message, 'seq', 0)}:{getattr(each.message, 'kind', 0)}" for each in came]
        expected = f"what came of {room} to begin with one's JOINED and to end with one's LEFT"
        raise client.problem(Kind.VALUE, expected, f"seq:kind {', '.join(shown[:20]) or 'nothing'}", clause="ROOM-14")
    if getattr(came[0].message, "seq", 0) != head:
        raise client.wrong(Kind.VALUE, f"seq {head}, as CONVERSATION's head", came[0], "ROOM-12", "seq")


@case("rooms/a-crowd", "MSG-1", "MSG-4", "ROOM-14", "ROOM-2", profile="rooms", needs=NEEDS)
def a_crowd(arena: Arena) -> None:
    """Ten people come, write and go at once: each message is numbered, and reaches who was a member at its place"""
    watcher, room = member(arena, "watcher")
    crowd = [arena.login(f"n{number}", capabilities=WITH) for number in range(10)]
    for number in range(6):
        for each in crowd:
            each.send(Join(room))
            each.say(f"round {number}", room)
            each.send(Leave(room))
        heads: list[int] = []
        for each in crowd:
            with assuming("ROOM-1"):
                heads.append(each.expect(Conversation).head)
            each.expect(Ack)
            each.expect(Ok)
        for each, head in zip(crowd, heads, strict=True):
            _from_joined_to_left(each, room, head)
    came = heard(watcher, room)
    if len(came) != 180:
        raise watcher.problem(Kind.VALUE, "180 messages: 60 of each kind", f"{len(came)}", clause="ROOM-14")


@case("rooms/every-kind", "SEND-4", "ROOM-14", profile="rooms", needs=NEEDS)
def every_kind(arena: Arena) -> None:
    """kind 0 to 127 is relayed in a room as it came: only the server says JOINED and LEFT"""
    alice, room = member(arena, "alice")
    bob, _ = member(arena, "bob", room)
    live(alice, room, joined(2, bob))
    lines: list[Line] = []
    for kind in (0, 1, 2, 63, 64, 127):
        lines.append(said(alice.post("of that kind", room, kind=kind), alice))
    live(bob, room, *lines)
