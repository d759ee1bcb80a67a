"""Receipts in rooms: more than two members, cursors that begin and end, and the limit of 256 members.

In here: what the table of section 12 says of `#ops`, line by line, and what JOIN and LEAVE do to cursors.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

from causerie_conformance.arena import Arena
from causerie_conformance.cases.circle import Circle, Values, expect_place, leave, new_room, passers_by
from causerie_conformance.cases.receipts import place
from causerie_conformance.client import Client
from causerie_conformance.problems import Kind
from causerie_conformance.registry import case
from causerie_spec.codes import HISTORY, MAX_MEMBERS_READ_BY_ALL, RECEIPTS, ROOMS, ErrorCode
from causerie_spec.messages import Conversation, Mark, Receipt

WITH: Final = (RECEIPTS, ROOMS)


class Ops:
    """The room of the table: head 10; alice at 10, 8; bob at 6, 4; carol at 10, 10. All have two connections."""

    def __init__(self, arena: Arena) -> None:
        self.room = new_room()
        self.alice, self.alice2 = self._enter(arena, "alice")
        self.bob, self.bob2 = self._enter(arena, "bob")
        self.carol, self.carol2 = self._enter(arena, "carol")
        self.dave = arena.login("dave", capabilities=WITH)
        self.dave2 = arena.login("dave2", like=self.dave, capabilities=WITH)
        everybody = (self.alice, self.alice2, self.bob, self.bob2, self.carol, self.carol2, self.dave, self.dave2)
        self.talk = Circle.of(self.room, *everybody)
        for _ in range(7):
            self.talk.post(self.carol)
        self.talk.mark(self.alice, 10, 8)
        self.talk.mark(self.bob, 6, 4)
        for client in everybody:
            client.gather(Receipt)

    def _enter(self, arena: Arena, name: str) -> tuple[Client, Client]:
        client = arena.login(name, capabilities=WITH)
        client.join(self.room)
        return client, arena.login(f"{name}2", like=client, capabilities=WITH)


Told = dict[str, Values]


class Line(NamedTuple):
    """A line of the table: what is done, and which connections are told what."""

    act: Callable[[Ops], object]
    told: Told


_LINES: Final = {
    "mark-of-one-ahead": Line(lambda ops: ops.talk.mark(ops.alice, 10, 10), {"alice2": (10, 10, 6, 4)}),
    "mark-of-the-lowest": Line(
        lambda ops: ops.talk.mark(ops.bob, 8, 4),
        {"bob2": (8, 4, 8, 4)}
        | dict.fromkeys(("alice", "alice2"), (10, 8, 8, 4))
        | dict.fromkeys(("carol", "carol2"), (10, 10, 8, 4)),
    ),
    "mark-of-nothing-new": Line(lambda ops: ops.talk.mark(ops.bob, 6, 4), {}),
    "send-of-one-ahead": Line(lambda ops: ops.talk.post(ops.carol), {}),
    "send-of-the-lowest": Line(
        lambda ops: ops.talk.post(ops.bob),
        {"bob2": (11, 11, 10, 8)}
        | dict.fromkeys(("alice", "alice2"), (10, 8, 10, 8))
        | dict.fromkeys(("carol", "carol2"), (10, 10, 10, 8)),
    ),
    "join": Line(lambda ops: ops.dave.join(ops.room), {}),
    "leave-of-the-lowest": Line(
        lambda ops: ops.bob.leave(ops.room),
        dict.fromkeys(("alice", "alice2"), (10, 8, 10, 8)) | dict.fromkeys(("carol", "carol2"), (10, 10, 10, 8)),
    ),
    "leave-of-one-ahead": Line(lambda ops: ops.carol.leave(ops.room), {}),
    "refused-mark": Line(
        lambda ops: ops.dave.refused(Mark(ops.room, 11, 11), ErrorCode.NOT_A_MEMBER, clause="MARK-8"), {}
    ),
}


@case("receipts/room-{}", "MARK-5", "MARK-4", "MARK-10", "MARK-7", needs=WITH, over=_LINES)
def room(arena: Arena, line: Line) -> None:
    """In a room of three RECEIPT goes to whom the table says"""
    ops = Ops(arena)
    line.act(ops)
    ops.talk.told({getattr(ops, name): values for name, values in line.told.items()})


@case("receipts/room-first", "MARK-3", "MARK-12", needs=WITH)
def room_first(arena: Arena) -> None:
    """The first to join a room begins at its own JOINED, seq 1"""
    alice, name = arena.login("alice", capabilities=WITH), new_room()
    alice2 = arena.login("alice2", like=alice, capabilities=WITH)
    expect_place(alice, alice.join(name), head=1, values=(1, 1, 1, 1))
    alone = Circle.of(name, alice, alice2)
    alone.nobody_told()
    alone.post(alice)
    alone.told({alice2: (2, 2, 2, 2)})


@case("receipts/room-begins-at-the-head", "MARK-3", "MARK-12", needs=WITH)
def room_begins_at_the_head(arena: Arena) -> None:
    """A joiner's cursors begin at the head, which counts its JOINED"""
    alice, bob, name = arena.login("alice", capabilities=WITH), arena.login("bob", capabilities=WITH), new_room()
    talk = Circle.of(name, alice, bob)
    alice.join(name)
    for _ in range(5):
        talk.post(alice)
    expect_place(bob, bob.join(name), head=7, values=(7, 7, 6, 6))
    talk.nobody_told()
    talk.mark(alice, 7, 6)
    talk.told({bob: (7, 7, 7, 6)})


@case("receipts/room-join-again", "MARK-12", "MARK-3", needs=WITH)
def room_join_again(arena: Arena) -> None:
    """JOIN by a member moves no cursor: it tells where they are"""
    ops = Ops(arena)
    for client, values in ((ops.alice, (10, 8, 6, 4)), (ops.bob2, (6, 4, 6, 4)), (ops.carol, (10, 10, 6, 4))):
        expect_place(client, client.join(ops.room), head=10, values=values)
    ops.talk.nobody_told()


@case("receipts/room-left-and-joined", "MARK-3", "MARK-9", needs=WITH)
def room_left_and_joined(arena: Arena) -> None:
    """LEAVE discards the cursors: who joins again begins at the head"""
    ops = Ops(arena)
    ops.bob.leave(ops.room)
    expect_place(ops.bob, ops.bob.join(ops.room), head=12, values=(12, 12, 10, 8))


@case("receipts/room-kept", "MARK-9", "MARK-4", needs=WITH)
def room_kept(arena: Arena) -> None:
    """Who is offline stays a member: the cursors are kept, and count"""
    ops = Ops(arena)
    leave(ops.bob)
    leave(ops.bob2)
    present = Circle.of(ops.room, ops.alice, ops.alice2, ops.carol, ops.carol2)
    present.post(ops.carol)
    present.mark(ops.alice, 11, 11)
    present.told({ops.alice2: (11, 11, 6, 4)})
    bob = arena.login("bob", like=ops.bob, capabilities=WITH)
    present.nobody_told()
    expect_place(bob, bob.join(ops.room), head=11, values=(6, 4, 6, 4))
    bob.leave(ops.room)
    present.told(dict.fromkeys((ops.alice, ops.alice2, ops.carol, ops.carol2), (11, 11, 11, 11)))


@case("receipts/room-after-leave", "MARK-8", "MARK-7", needs=WITH)
def room_after_leave(arena: Arena) -> None:
    """Who has left is told nothing more, and its MARK is ERROR NOT_A_MEMBER"""
    ops = Ops(arena)
    ops.bob.leave(ops.room)
    ops.bob2.refused(Mark(ops.room, 8, 8), ErrorCode.NOT_A_MEMBER)
    for client in (ops.alice, ops.alice2, ops.carol, ops.carol2):
        client.gather(Receipt)
    ops.talk.mark(ops.alice, 11, 10)
    ops.talk.told({ops.alice2: (11, 10, 10, 10), ops.carol: (10, 10, 10, 10), ops.carol2: (10, 10, 10, 10)})


@case("receipts/room-plain-members-count", "MARK-4", "CAP-3", needs=WITH)
def room_plain_members_count(arena: Arena) -> None:
    """A member that negotiated no receipts counts among all members, and moves on only by writing"""
    alice, name = arena.login("alice", capabilities=WITH), new_room()
    plain = arena.login("plain", capabilities=(ROOMS,))
    talk = Circle.of(name, alice, plain)
    alice.join(name)
    plain.join(name)
    talk.post(alice)
    talk.nobody_told()
    talk.post(plain)
    talk.told({alice: (3, 3, 3, 3)})


@case("receipts/room-in-conversations", "MARK-12", needs=(*WITH, HISTORY))
def room_in_conversations(arena: Arena) -> None:
    """CONVERSATIONS tells of a room what JOIN's answer does"""
    ops = Ops(arena)
    client = arena.login("bob3", like=ops.bob, capabilities=(*WITH, HISTORY))
    expect_place(client, place(client, ops.room), head=10, values=(6, 4, 6, 4))


@case("receipts/room-of-256", "MARK-4", "MARK-5", needs=WITH)
def room_of_256(arena: Arena) -> None:
    """In a room of 256 all_* are told, with one more member they are 0, with one less they are told again"""
    alice, bob, carol = (arena.login(name, capabilities=WITH) for name in ("alice", "bob", "carol"))
    alice2 = arena.login("alice2", like=alice, capabilities=WITH)
    carol2, name = arena.login("carol2", like=carol, capabilities=WITH), new_room()
    talk = Circle.of(name, alice, alice2, bob, carol, carol2)
    alice.join(name)
    bob.join(name)
    passers_by(arena, name, MAX_MEMBERS_READ_BY_ALL - 2)
    full = MAX_MEMBERS_READ_BY_ALL
    _expect_members(alice, alice.join(name), full, (1, 1, 1, 1))
    talk.nobody_told()
    talk.mark(alice, full, full)  # the lowest is bob
    talk.told({alice2: (full, full, 2, 2), bob: (2, 2, 2, 2)})
    _expect_members(carol, carol.join(name), full + 1, (full + 1, full + 1, 0, 0))
    talk.told({alice: (full, full, 0, 0), alice2: (full, full, 0, 0), bob: (2, 2, 0, 0)})
    talk.mark(bob, 3, 2)
    talk.nobody_told()
    talk.mark(alice, full + 1, full)
    talk.told({alice2: (full + 1, full, 0, 0)})
    carol.leave(name)
    talk.told({alice: (full + 1, full, 3, 2), alice2: (full + 1, full, 3, 2), bob: (3, 2, 3, 2)})


def _expect_members(client: Client, found: Conversation, members: int, values: Values) -> None:
    if found.members != members:
        raise client.problem(Kind.VALUE, f"CONVERSATION with members={members}", f"members={found.members}")
    expect_place(client, found, head=found.head, values=values)
