"""Lists: CONVERSATIONS and ROOMS, in order and page by page.

In here: what is listed, in which order, behind which name, and how many at once. The suite runs against servers with
data in them: ROOMS may list anybody's rooms, so cases look behind a stem of their own. WHO is in `presence`.
"""

from __future__ import annotations

from typing import Final

from causerie_conformance.arena import Arena, hello, login, new_handle, new_token
from causerie_conformance.cases.circle import AT_ONCE, leave, new_room, passers_by
from causerie_conformance.cases.direct import to
from causerie_conformance.cases.logs import (
    IN_ROOMS,
    WITH,
    check_names,
    conversations,
    conversations_page,
    member,
    place_in_list,
)
from causerie_conformance.cases.sending import BAD_CONVERSATIONS
from causerie_conformance.client import Client, assuming, citing
from causerie_conformance.problems import Kind
from causerie_conformance.registry import case
from causerie_spec.codec import encode
from causerie_spec.codes import HISTORY, LOBBY, MAX_PAGE, ErrorCode
from causerie_spec.codes import ROOMS as ROOMS_CAPABILITY
from causerie_spec.messages import Ack, Conversation, Conversations, Quit, Ready, Room, Rooms, Send, Welcome

NEEDS: Final = (HISTORY,)
NEEDS_ROOMS: Final = (ROOMS_CAPABILITY,)
NEEDS_BOTH: Final = (HISTORY, ROOMS_CAPABILITY)
BEHIND_ALL: Final = "#" + "z" * 32
"""A room's name that is behind every other."""
ENDINGS: Final = ("", "-", "--", "-a", ".", ".a", "0", "00", "9", "_", "a", "a-", "b", "z")
"""Endings of names, in the order of octets: a sign, digits, letters, and the shorter one first."""
MANY: Final = MAX_PAGE + 4
"""Entries that do not fit into one page."""
BAD_AFTERS: Final = {key: value for key, value in BAD_CONVERSATIONS.items() if value}
"""What `after` must not be: it may be empty."""


def rooms_page(client: Client, after: str, limit: int) -> tuple[dict[str, int], bool]:
    """One page of ROOMS, members by name, and whether there is more."""
    with assuming("ROOM-10"):
        items, more = client.stream(Rooms(after, limit), Room)
    check_names(client, [item.conversation for item in items], after, limit, more=more)
    return {item.conversation: item.members for item in items}, more


def rooms_of(client: Client, stem: str, limit: int = MAX_PAGE) -> dict[str, int]:
    """All rooms of which the names begin with *stem*, page by page."""
    found: dict[str, int] = {}
    after, more = stem[:-1], True
    while more and after[: len(stem)] <= stem:
        page, more = rooms_page(client, after, limit)
        found |= {name: count for name, count in page.items() if name.startswith(stem)}
        after = max(page, default=after)
    return found


def _expect(client: Client, what: str, wanted: object, came: object, clause: str | None = None) -> None:
    if came != wanted:
        raise client.problem(Kind.VALUE, f"{what}: {wanted!r:.160}", f"{came!r:.160}", clause=clause)


def _joined(arena: Arena) -> tuple[Client, str, list[str]]:
    """Somebody in rooms with all kinds of names, joined in no order; the stem of them, and them in order."""
    alice, stem = arena.login("alice", capabilities=IN_ROOMS), new_room()
    rooms = [stem + ending for ending in ENDINGS]
    for room in sorted(rooms, key=lambda name: name[::-1]):
        alice.join(room)
    return alice, stem, rooms


# ROOMS


@case("rooms/list-in-order", "ROOM-10", "LIST-1", "ROOM-13", needs=NEEDS_ROOMS)
def rooms_in_order(arena: Arena) -> None:
    """ROOMS lists rooms in ascending order of octets, with any limit"""
    alice, stem, rooms = _joined(arena)
    for limit in (1, 3, MAX_PAGE, MAX_PAGE + 1, 65_535):
        _expect(alice, "rooms, each with 1 member", dict.fromkeys(rooms, 1), rooms_of(alice, stem, limit))


@case("rooms/list-whole", "ROOM-10", "LIST-3", needs=NEEDS_ROOMS)
def rooms_whole(arena: Arena) -> None:
    """ROOMS from the start lists #lobby and every room that has members, up to an END without more"""
    alice, room = member(arena, "alice")
    found: dict[str, int] = {}
    after, more = "", True
    while more:
        page, more = rooms_page(alice, after, MAX_PAGE)
        found |= page
        after = max(page, default=after)
    for name in (LOBBY, room):
        if name not in found:
            raise alice.problem(Kind.VALUE, f"{name} in the list", f"{len(found)} rooms without it")
    if min(found.values()) < 1:
        raise alice.problem(Kind.VALUE, "rooms that have members", "one with members=0")


@case("rooms/list-for-outsiders", "ROOM-10", "ROOM-13", needs=NEEDS_ROOMS)
def rooms_for_outsiders(arena: Arena) -> None:
    """ROOMS lists rooms to those who are not in them too, and counts members, not connections, online or not"""
    alice, room = member(arena, "alice")
    arena.login("alice2", like=alice)
    bob, _ = member(arena, "bob", room)
    carol = arena.login("carol", capabilities=IN_ROOMS)
    _expect(carol, "two members", {room: 2}, rooms_of(carol, room))
    leave(bob)
    _expect(carol, "two members, one of them offline", {room: 2}, rooms_of(carol, room))


@case("rooms/list-without-empty-rooms", "ROOM-10", "ROOM-8", needs=NEEDS_ROOMS)
def rooms_without_empty(arena: Arena) -> None:
    """A room whose members have all left is not listed, until somebody joins again"""
    alice, room = member(arena, "alice")
    alice.leave(room)
    _expect(alice, "no such room", {}, rooms_of(alice, room))
    alice.join(room)
    _expect(alice, "the room again", {room: 1}, rooms_of(alice, room))


@case("rooms/list-counts-the-lobby", "ROOM-13", "ROOM-10", "LOBBY-1", needs=NEEDS_ROOMS)
def rooms_count_the_lobby(arena: Arena) -> None:
    """#lobby's members are the handles online"""
    alice = arena.login("alice", capabilities=IN_ROOMS)
    people = [arena.login(f"n{number}") for number in range(3)]
    page, _ = rooms_page(alice, LOBBY[:-1], 1)
    if page.get(LOBBY, 0) < 1 + len(people):
        raise alice.problem(Kind.VALUE, f"{LOBBY} with at least {1 + len(people)} members", f"{page}")


@case("rooms/list-after-the-lobby", "ROOM-10", "LIST-3", needs=NEEDS_ROOMS)
def rooms_after_the_lobby(arena: Arena) -> None:
    """#lobby is not behind itself, and is behind what comes right before it"""
    alice = arena.login(capabilities=IN_ROOMS)
    before, _ = rooms_page(alice, "#lobbx", MAX_PAGE)
    if LOBBY not in before:
        raise alice.problem(Kind.VALUE, f"{LOBBY} behind #lobbx", f"{', '.join(before) or 'nothing'}")
    behind, _ = rooms_page(alice, LOBBY, MAX_PAGE)
    if LOBBY in behind:
        raise alice.problem(Kind.VALUE, f"no {LOBBY} behind {LOBBY}", f"{', '.join(behind)}")


@case("rooms/list-after", "ROOM-10", "LIST-3", "LIST-1", needs=NEEDS_ROOMS)
def rooms_after(arena: Arena) -> None:
    """ROOMS lists what is behind `after`, which need not be a room"""
    alice, stem, rooms = _joined(arena)
    for after in (*rooms[:-1], f"{stem}-0", f"{stem}8", f"{stem}a-x", f"{stem}c"):
        wanted = [name for name in rooms if name > after]
        page, more = rooms_page(alice, after, len(wanted))
        _expect(alice, f"the rooms behind {after}", wanted, list(page)[: len(wanted)])
        page, more = rooms_page(alice, after, 1)
        _expect(alice, f"the room behind {after}", wanted[:1], list(page))
        _expect(alice, f"more behind {wanted[0]}", len(wanted) > 1 or more, more, "LIST-3")


@case("rooms/list-behind-all", "ROOM-10", "LIST-3", needs=NEEDS_ROOMS)
def rooms_behind_all(arena: Arena) -> None:
    """Behind the last name there is nothing; people's names are behind all rooms"""
    alice, _ = member(arena, "alice")
    for after in (BEHIND_ALL, "@a", to(alice), "@" + "z" * 32):
        _expect(alice, f"nothing behind {after}", ({}, False), rooms_page(alice, after, 10))


@case("rooms/list-257", "ROOM-10", "LIST-1", "LIST-3", needs=NEEDS_ROOMS)
def rooms_257(arena: Arena) -> None:
    """At most 256 rooms come at once, whatever the limit, and the rest behind them"""
    clients, stem = [arena.login(f"n{number}", capabilities=IN_ROOMS) for number in range(3)], new_room()
    rooms = [f"{stem}-{number:03}" for number in range(MANY)]
    for number, room in enumerate(rooms):  # a handle need not be let into more than 100
        clients[number % 3].join(room)
    alice = clients[0]
    _expect(alice, f"{MANY} rooms", dict.fromkeys(rooms, 1), rooms_of(alice, stem, 65_535))
    _, more = rooms_page(alice, stem, 65_535)
    _expect(alice, "more of them", True, more, "LIST-3")


@case("rooms/list-limit-0", "LIST-1", "ROOM-10", "ERR-6", profile="rooms", needs=NEEDS_ROOMS)
def rooms_limit_0(arena: Arena) -> None:
    """ROOMS with limit 0 is ERROR BAD_FIELD"""
    arena.login(capabilities=IN_ROOMS).refused(Rooms("", 0), ErrorCode.BAD_FIELD)


@case("rooms/list-after-{}", "NAME-3", "ERR-6", profile="rooms", needs=NEEDS_ROOMS, over=BAD_AFTERS)
def rooms_bad_after(arena: Arena, after: str) -> None:
    """ROOMS with an `after` that is neither empty nor well-formed is ERROR BAD_FIELD"""
    arena.login(capabilities=IN_ROOMS).refused(Rooms(after, 10), ErrorCode.BAD_FIELD)


# CONVERSATIONS


@case("history/conversations-of-a-newcomer", "LIST-2", "ROOM-13", needs=NEEDS)
def of_a_newcomer(arena: Arena) -> None:
    """A newcomer has #lobby and nothing else; its members are the handles online"""
    arena.login("bob")
    alice = arena.login("alice", capabilities=WITH)
    found = conversations(alice)
    _expect(alice, "the list", [LOBBY], list(found))
    if found[LOBBY].members < 2:
        raise alice.problem(Kind.VALUE, "2 members at least", f"members={found[LOBBY].members}", clause="ROOM-13")


@case("history/conversations-with-people", "LIST-2", "ROOM-13", needs=NEEDS)
def with_people(arena: Arena) -> None:
    """Direct conversations are listed once they have a message, whoever wrote it, online or not, and notes to self"""
    alice = arena.login("alice", capabilities=WITH)
    bob, carol, dave = (arena.login(name, capabilities=WITH) for name in ("bob", "carol", "dave"))
    alice.post("to bob", to(bob))
    carol.post("to alice", to(alice))
    carol.post("again", to(alice))
    alice.post("to myself", to(alice))
    leave(bob)
    leave(carol)
    found = conversations(alice)
    wanted = [LOBBY, *sorted((to(alice), to(bob), to(carol)))]
    _expect(alice, "the list", wanted, list(found))
    for name, head, members in ((to(alice), 1, 1), (to(bob), 1, 2), (to(carol), 2, 2)):
        _expect(alice, f"head of {name}", head, found[name].head)
        _expect(alice, f"members of {name}", members, found[name].members, "ROOM-13")
    _expect(dave, "the list of somebody whom nobody wrote to", [LOBBY], list(conversations(dave)))


@case("history/conversations-in-rooms", "LIST-2", "ROOM-13", needs=NEEDS_BOTH)
def in_rooms(arena: Arena) -> None:
    """Joined rooms are listed, those that were left are not"""
    alice, one = member(arena, "alice")
    two = new_room()
    alice.join(two)
    member(arena, "bob", two)
    found = conversations(alice)
    _expect(alice, "the list", sorted((LOBBY, one, two)), list(found))
    _expect(alice, f"first, head, members of {two}", (1, 2, 2), _place(found[two]))
    alice.leave(one)
    _expect(alice, "the list", sorted((LOBBY, two)), list(conversations(alice)))
    alice.join(one)
    _expect(alice, f"first, head, members of {one}", (1, 3, 1), _place(place_in_list(alice, one)))


def _place(conversation: Conversation) -> tuple[int, int, int]:
    return conversation.first, conversation.head, conversation.members


@case("history/conversations-whatever-was-negotiated", "LIST-2", "CAP-3", needs=NEEDS_BOTH)
def whatever_was_negotiated(arena: Arena) -> None:
    """Joined rooms are listed to connections that did not negotiate `rooms` too"""
    alice, room = member(arena, "alice")
    plain = arena.login("plain", like=alice, capabilities=WITH)
    _expect(plain, "the list", sorted((LOBBY, room)), list(conversations(plain)))


@case("history/conversations-after-a-new-login", "LIST-2", "ROOM-7", needs=NEEDS_BOTH)
def after_a_new_login(arena: Arena) -> None:
    """The list is there at the next login, with the heads as they are then"""
    alice, room = member(arena, "alice")
    bob, _ = member(arena, "bob", room)
    bob.post("hello", to(alice))
    leave(alice)
    bob.post("while you were out", to(alice))
    bob.post("nobody there?", room)
    found = conversations(arena.login("alice", like=alice, capabilities=WITH))
    _expect(alice, "the list", sorted((LOBBY, room, to(bob))), list(found))
    _expect(alice, "the heads", (3, 2), (found[room].head, found[to(bob)].head))


@case("history/conversations-in-order", "LIST-1", "LIST-3", "LIST-2", needs=NEEDS_BOTH)
def in_order(arena: Arena) -> None:
    """CONVERSATIONS is in ascending order of octets, rooms before people, with any limit"""
    alice, _, rooms = _joined(arena)
    people = [arena.login(name, capabilities=WITH) for name in ("zoe", "0bob", "bob")]
    for each in people:
        alice.post("hello", to(each))
    wanted = sorted([LOBBY, *rooms, *map(to, people)])
    for limit in (1, 2, len(wanted) - 1, len(wanted), len(wanted) + 1, 65_535):
        _expect(alice, "the list", wanted, list(conversations(alice, limit)))
    for place, after in enumerate(wanted):
        behind = wanted[place + 1 :]
        for limit in (1, len(behind) or 1, len(behind) + 1):
            items, more = conversations_page(alice, after, limit)
            names = [item.conversation for item in items]
            _expect(alice, f"what is behind {after}", behind[: len(names)], names, "LIST-1")
            _expect(alice, f"more, behind {names[-1:]}", len(names) < len(behind), more, "LIST-3")


@case("history/conversations-after-no-entry", "LIST-3", "LIST-1", needs=NEEDS)
def after_no_entry(arena: Arena) -> None:
    """`after` need not be the name of anything, nor have the sign of what is listed"""
    alice, bob = arena.login("alice", capabilities=WITH), arena.login("bob")
    alice.post("hello", to(bob))
    for after, wanted in (
        ("#a", [LOBBY, to(bob)]),
        ("#lobbx", [LOBBY, to(bob)]),
        ("#lobby-", [to(bob)]),
        (BEHIND_ALL, [to(bob)]),
        ("@0", [to(bob)]),
        (to(bob)[:-1], [to(bob)]),
        (to(bob), []),
        ("@" + "z" * 32, []),
    ):
        items, more = conversations_page(alice, after, 10)
        _expect(alice, f"what is behind {after}", wanted[: len(items) or 1], [item.conversation for item in items])
        _expect(alice, f"more behind {after}", len(items) < len(wanted), more)


@case("history/conversations-257", "LIST-1", "LIST-3", needs=NEEDS)
def conversations_257(arena: Arena) -> None:
    """At most 256 conversations come at once, whatever the limit, and the rest behind them"""
    alice = arena.login("alice", capabilities=WITH)
    writers = sorted(f"@{handle}" for handle in _strangers_write(arena, to(alice), MANY))
    wanted = [LOBBY, *writers]
    for limit in (MAX_PAGE, MAX_PAGE + 1, 65_535):
        _expect(alice, f"{len(wanted)} conversations", wanted, list(conversations(alice, limit)))
    items, more = conversations_page(alice, "", 65_535)
    _expect(alice, "more behind the first page", (True, True), (more, len(items) <= MAX_PAGE))
    items, more = conversations_page(alice, wanted[-3], 65_535)
    if items and items[-1].conversation == wanted[-1]:
        _expect(alice, "more behind the last one", False, more, "LIST-3")


def _strangers_write(arena: Arena, conversation: str, count: int) -> list[str]:
    """So many handles log in, write there, and log out; the handles. All is pipelined."""
    handles = []
    for begin in range(0, count, AT_ONCE):
        clients = []
        for number in range(begin, min(count, begin + AT_ONCE)):
            client, handle = arena.connect(f"n{number}"), new_handle("n")
            requests = (hello(), login(handle, new_token()), Send(conversation, 1, 0, "hello"), Quit(reason=""))
            client.send_octets(b"".join(encode(each, ref) for ref, each in enumerate(requests, 1)))
            clients.append(client)
            handles.append(handle)
        for client in clients:
            for ref, answer in enumerate((Welcome, Ready, Ack), 1):
                client.expect(answer, ref=ref)
            client.expect_end_after_bye()
            arena.forget(client)
    return handles


@case("history/conversations-limit-0", "LIST-1", "ERR-6", needs=NEEDS)
def conversations_limit_0(arena: Arena) -> None:
    """CONVERSATIONS with limit 0 is ERROR BAD_FIELD"""
    arena.login(capabilities=WITH).refused(Conversations("", 0), ErrorCode.BAD_FIELD)


@case("history/conversations-after-{}", "NAME-3", "ERR-6", profile="history", needs=NEEDS, over=BAD_AFTERS)
def conversations_bad_after(arena: Arena, after: str) -> None:
    """CONVERSATIONS with an `after` that is neither empty nor well-formed is ERROR BAD_FIELD"""
    arena.login(capabilities=WITH).refused(Conversations(after, 10), ErrorCode.BAD_FIELD)


@case("rooms/257-members", "ROOM-13", "ROOM-10", needs=NEEDS_ROOMS)
def members_257(arena: Arena) -> None:
    """A room of many members counts them all"""
    alice, room = member(arena, "alice")
    passers_by(arena, room, MANY)
    with citing("ROOM-13"):
        _expect(alice, "the members", {room: MANY + 1}, rooms_of(alice, room))
        _expect(alice, "the members, by JOIN", MANY + 1, alice.join(room).members)
