"""Presence: what WHO lists, of the lobby, of one person, of a room.

In here: lists. Watches and the events that they bring are in `presence_watch`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from causerie_conformance.arena import Arena, hello, login, new_handle, new_token
from causerie_conformance.cases.circle import leave, new_room, passers_by
from causerie_conformance.cases.direct import to
from causerie_conformance.client import Client, assuming, citing
from causerie_conformance.problems import Kind
from causerie_conformance.registry import case
from causerie_spec.codec import encode
from causerie_spec.codes import HISTORY, LOBBY, MAX_PAGE, PRESENCE, ROOMS, ErrorCode
from causerie_spec.messages import End, Presence, Ready, Welcome, Who

WITH: Final = (PRESENCE,)
IN_ROOMS: Final = (PRESENCE, ROOMS)
CLOCK_MS: Final = 1_000
"""Milliseconds by which two readings of the server's clock may be apart from the order in which they were taken."""


def who(client: Client, conversation: str, after: str = "", limit: int = 256, *, watch: bool = False) -> list[Presence]:
    """One page of WHO; see `page` for END."""
    return page(client, conversation, after, limit, watch=watch)[0]


def page(
    client: Client, conversation: str, after: str = "", limit: int = 256, *, watch: bool = False
) -> tuple[list[Presence], bool]:
    """One page of WHO, and whether there is more: in order, behind *after*, and no longer than asked for."""
    with assuming("WHO-1"):
        items, more = client.stream(Who(conversation, after, limit, watch), Presence)
    handles = [item.handle for item in items]
    shown = f"{len(handles)} items: {', '.join(handles[:8])}{' …' if len(handles) > 8 else ''}; more={more}"
    if handles != sorted(set(handles)) or (handles and handles[0] <= after):
        expected = f"handles after {after!r} in ascending order of octets"
        raise client.problem(Kind.VALUE, expected, shown, clause="WHO-7")
    if len(handles) > min(limit, MAX_PAGE) or (more and not handles):
        expected = f"at least one of those that remain, and at most {min(limit, MAX_PAGE)}"
        raise client.problem(Kind.VALUE, expected, shown, clause="WHO-7")
    return items, more


def everybody(client: Client, conversation: str, limit: int = 256, *, watch: bool = False) -> dict[str, Presence]:
    """All that WHO lists, page by page, by handle."""
    found: dict[str, Presence] = {}
    more, after = True, ""
    while more:
        items, more = page(client, conversation, after, limit, watch=watch)
        found |= {item.handle: item for item in items}
        after = items[-1].handle if items else after
    return found


def clock(arena: Arena) -> int:
    """The server's clock, in ms since the Unix epoch."""
    client = arena.connect("clock")
    with assuming("HELLO-3"):
        now = client.ask(hello(), Welcome).server_time
    arena.forget(client)
    return now


def log_in(arena: Arena, name: str, display: str, *, like: Client | None = None) -> Client:
    """A connection that is logged in with that display name."""
    client = arena.greet(name, capabilities=WITH)
    client.handle, client.token = (like.handle, like.token) if like else (new_handle(name), new_token())
    with assuming("LOGIN-1"):
        client.ask(login(client.handle, client.token, display=display), Ready, display=display)
    return client


def check(client: Client, item: Presence, **values: object) -> None:
    """An item or an event must have these values; of ``last_seen``, a pair: not before, not after."""
    for field, wanted in values.items():
        came = getattr(item, field)
        if isinstance(wanted, tuple):
            begin, end = wanted
            if not begin - CLOCK_MS <= came <= end + CLOCK_MS:
                expected = f"last_seen of {item.handle} from {begin} to {end} (ms)"
                raise client.problem(Kind.VALUE, expected, f"last_seen={came}", clause="WHO-5")
        elif came != wanted:
            expected = f"PRESENCE of {item.handle} with {field}={wanted!r}"
            raise client.problem(Kind.VALUE, expected, f"{field}={came!r}")


def only(client: Client, items: list[Presence], person: Client) -> Presence:
    """The one item of a list that must hold just that person."""
    if [item.handle for item in items] != [person.handle]:
        came = ", ".join(item.handle for item in items) or "nobody"
        raise client.problem(Kind.VALUE, f"a list of {person.handle} alone", came)
    return items[0]


# The lobby


@case("presence/lobby", "WHO-1", "WHO-7", needs=WITH)
def lobby(arena: Arena) -> None:
    """WHO of the lobby lists who is online, oneself included"""
    alice, bob = arena.login("alice", capabilities=WITH), arena.login("bob")
    found = everybody(alice, LOBBY)
    for person in (alice, bob):
        if person.handle not in found:
            raise alice.problem(Kind.VALUE, f"{person.handle} in the list of {LOBBY}", "a list without")
    for item in found.values():
        check(alice, item, online=True)


@case("presence/lobby-one-by-one", "WHO-7", "WHO-1", needs=WITH)
def lobby_one_by_one(arena: Arena) -> None:
    """Pages of one item, each after the last, list everybody once"""
    alice = arena.login("alice", capabilities=WITH)
    others = {arena.login(name).handle for name in ("bob", "carol", "dave")}
    found: set[str] = set()
    after = alice.handle
    while not others <= found:
        items, more = page(alice, LOBBY, after, 1)
        found |= {item.handle for item in items}
        if not items or not (more or others <= found):
            missing = ", ".join(sorted(others - found))
            raise alice.problem(Kind.VALUE, f"{missing} after {after!r}", f"{len(items)} items and more={more}")
        after = items[0].handle


@case("presence/lobby-without-those-gone", "WHO-1", "CLOSE-5", needs=WITH)
def lobby_without_those_gone(arena: Arena) -> None:
    """Who has no connection any more is not in the lobby; who has one of two still is"""
    alice, bob = arena.login("alice", capabilities=WITH), arena.login("bob")
    bob2 = arena.login("bob2", like=bob)
    for gone, there in ((bob, True), (bob2, False)):
        leave(gone)
        if (bob.handle in everybody(alice, LOBBY)) != there:
            expected = f"a list {'with' if there else 'without'} {bob.handle}"
            raise alice.problem(Kind.VALUE, expected, "the other way round")


# One person


@case("presence/person", "WHO-1", "WHO-5", "WHO-8", needs=WITH)
def person(arena: Arena) -> None:
    """WHO of a person is that person, last seen now; of oneself too"""
    begin = clock(arena)
    alice, bob = log_in(arena, "alice", "Alice"), log_in(arena, "bob", "Bôb 🦊")
    for each, display in ((bob, "Bôb 🦊"), (alice, "Alice")):
        items, more = page(alice, to(each))
        item = only(alice, items, each)
        check(alice, item, display=display, online=True, last_seen=(begin, clock(arena)))
        if more:
            raise alice.problem(Kind.VALUE, "END with more=False", "more=True", clause="WHO-7")


@case("presence/person-last-seen-now", "WHO-5", needs=WITH)
def person_last_seen_now(arena: Arena) -> None:
    """last_seen of somebody online goes on with the clock; it is not the time of the login"""
    alice, bob = arena.login("alice", capabilities=WITH), arena.login("bob")
    first = only(alice, who(alice, to(bob)), bob).last_seen
    deadline = clock(arena) + CLOCK_MS
    now = 0
    while now <= first and clock(arena) < deadline:
        now = only(alice, who(alice, to(bob)), bob).last_seen
    if now <= first:
        raise alice.problem(
            Kind.VALUE, "a last_seen that goes on with the clock", f"{first} for more than {CLOCK_MS} ms"
        )


@case("presence/person-after", "WHO-7", needs=WITH)
def person_after(arena: Arena) -> None:
    """The list of one person ends behind that person"""
    alice, bob = arena.login("alice", capabilities=WITH), arena.login("bob")
    for after, there in (("", True), ("b", True), (bob.handle, False), ("zoe", False)):
        items, more = page(alice, to(bob), after, 1)
        if bool(items) != there or more:
            expected = f"{'one' if there else 'no'} item after {after!r}, and more=False"
            raise alice.problem(Kind.VALUE, expected, f"{len(items)} items, more={more}")


@case("presence/display", "WHO-8", "LOGIN-6", needs=WITH)
def display(arena: Arena) -> None:
    """The display name is that of the latest login, whichever connection that was"""
    alice, bob = arena.login("alice", capabilities=WITH), log_in(arena, "bob", "Bob the first")
    bob2 = log_in(arena, "bob2", "Bob the second", like=bob)
    check(alice, only(alice, who(alice, to(bob)), bob), display="Bob the second")
    leave(bob2)
    check(alice, only(alice, who(alice, to(bob)), bob), display="Bob the second")


@case("presence/somebody-gone", "WHO-5", "WHO-13", "WHO-8", needs=WITH)
def somebody_gone(arena: Arena) -> None:
    """WHO of somebody offline: with history the last display name and the last logout, else NO_SUCH_CONVERSATION"""
    alice, bob = arena.login("alice", capabilities=WITH), log_in(arena, "bob", "Bob that was before")
    leave(bob)
    bob = log_in(arena, "bob", "Bob who was", like=bob)
    begin = clock(arena)
    leave(bob)
    end = clock(arena)
    if not arena.target.offers(HISTORY):
        alice.refused(Who(to(bob), "", 1, False), ErrorCode.NO_SUCH_CONVERSATION, clause="WHO-13")
        return
    gone = only(alice, who(alice, to(bob)), bob)
    check(alice, gone, online=False, display="Bob who was", last_seen=(begin, end))


_NOBODY = {"handle": "@", "room": "#"}


@case("presence/nobody-there-{}", "WHO-13", "NAME-4", needs=WITH, over=_NOBODY)
def nobody_there(arena: Arena, sign: str) -> None:
    """WHO of a conversation that there is not is ERROR NO_SUCH_CONVERSATION"""
    alice = arena.login("alice", capabilities=WITH)
    for watch in (False, True):
        alice.refused(Who(sign + new_handle("nobody"), "", 1, watch), ErrorCode.NO_SUCH_CONVERSATION)


# Rooms


@case("presence/room", "WHO-1", "WHO-7", needs=IN_ROOMS)
def room(arena: Arena) -> None:
    """WHO of a room lists its members, online or not, and nobody else"""
    alice, bob, carol = (arena.login(name, capabilities=IN_ROOMS) for name in ("alice", "bob", "carol"))
    dave, name = arena.login("dave", capabilities=IN_ROOMS), new_room()
    for each in (alice, bob, carol, dave):
        each.join(name)
    begin = clock(arena)
    leave(bob)
    end = clock(arena)
    dave.leave(name)
    found = everybody(alice, name)
    _expect_handles(alice, found, alice, bob, carol)
    for each in (alice, carol):
        check(alice, found[each.handle], online=True)
    check(alice, found[bob.handle], online=False)
    if arena.target.offers(HISTORY):
        check(alice, found[bob.handle], display=bob.handle, last_seen=(begin, end))


def _expect_handles(client: Client, found: Mapping[str, Presence], *people: Client) -> None:
    wanted = {each.handle for each in people}
    if set(found) != wanted:
        words = ", ".join(sorted(wanted)) or "nobody"
        raise client.problem(Kind.VALUE, f"a list of {words}", ", ".join(sorted(found)) or "nobody")


@case("presence/room-not-a-member", "WHO-1", needs=IN_ROOMS)
def room_not_a_member(arena: Arena) -> None:
    """WHO of a room by somebody who is not a member, or not any more, is ERROR NOT_A_MEMBER"""
    alice, bob, name = (
        arena.login("alice", capabilities=IN_ROOMS),
        arena.login("bob", capabilities=IN_ROOMS),
        new_room(),
    )
    alice.join(name)
    bob.refused(Who(name, "", 1, False), ErrorCode.NOT_A_MEMBER)
    bob.join(name)
    who(bob, name)
    bob.leave(name)
    bob.refused(Who(name, "", 1, True), ErrorCode.NOT_A_MEMBER)


@case("presence/room-pages", "WHO-7", needs=IN_ROOMS)
def room_pages(arena: Arena) -> None:
    """Pages of a room are as in the table of section 14"""
    name = new_room()
    ann, bob, cy = people = [arena.login(each, capabilities=IN_ROOMS) for each in ("ann", "bob", "cy")]
    for each in people:
        each.join(name)
    for after, limit, behind in (
        ("", 2, [ann, bob, cy]),
        (bob.handle, 2, [cy]),
        ("b", 1, [bob, cy]),
        ("zoe", 1, []),
        ("", 3, [ann, bob, cy]),
        ("", 65_535, [ann, bob, cy]),
        (cy.handle, 1, []),
        (ann.handle, 1, [bob, cy]),
        ("0", 1, [ann, bob, cy]),
    ):
        items, more = page(bob, name, after, limit)
        handles, wanted = [item.handle for item in items], [each.handle for each in behind]
        if handles != wanted[: len(handles)] or more != (len(handles) < len(wanted)):
            expected = f"after {after!r} the first of {', '.join(wanted) or 'nobody'}, and more if that is not all"
            raise bob.problem(Kind.VALUE, expected, f"{', '.join(handles) or 'nobody'}, more={more}")


@case("presence/room-of-257", "WHO-7", needs=IN_ROOMS)
def room_of_257(arena: Arena) -> None:
    """A page holds at most 256, whatever the limit; the rest comes on the next"""
    alice, name = arena.login("alice", capabilities=IN_ROOMS), new_room()
    alice.join(name)
    passers_by(arena, name, MAX_PAGE)
    for limit in (MAX_PAGE, 65_535):
        items, more = page(alice, name, "", limit)
        if not items or not more:
            raise alice.problem(Kind.VALUE, "1 to 256 of 257, and more=True", f"{len(items)} items, more={more}")
    found = everybody(alice, name)
    if len(found) != MAX_PAGE + 1:
        raise alice.problem(Kind.VALUE, "257 members on all pages", f"{len(found)}")


# Fields

_BAD_AFTER = {
    "with-sign": "@bob",
    "of-a-room": "#lobby",
    "capital": "Bob",
    "newline": "bob\n",
    "33-letters": "a" * 33,
    "space": " ",
    "dot-first": ".a",
}


@case("presence/bad-after-{}", "WHO-7", "ERR-6", needs=WITH, over=_BAD_AFTER)
def bad_after(arena: Arena, after: str) -> None:
    """An `after` that is neither empty nor a handle is ERROR BAD_FIELD"""
    arena.login("alice", capabilities=WITH).refused(Who(LOBBY, after, 1, False), ErrorCode.BAD_FIELD)


@case("presence/limit-0", "WHO-7", "ERR-6", needs=WITH)
def limit_0(arena: Arena) -> None:
    """limit 0 is ERROR BAD_FIELD"""
    arena.login("alice", capabilities=WITH).refused(Who(LOBBY, "", 0, False), ErrorCode.BAD_FIELD)


_ORDER = {
    "conversation-before-existence": (Who("nowhere", "", 1, False), ErrorCode.BAD_FIELD),
    "after-before-existence": (Who("#no-such-room", "@", 1, False), ErrorCode.BAD_FIELD),
    "limit-before-existence": (Who("#no-such-room", "", 0, True), ErrorCode.BAD_FIELD),
}


@case("presence/order-{}", "ERR-7", profile=PRESENCE, needs=WITH, over=_ORDER)
def order(arena: Arena, what: tuple[Who, ErrorCode]) -> None:
    """The fields of WHO are checked before the conversation is looked for"""
    message, code = what
    arena.login("alice", capabilities=WITH).refused(message, code)


@case("presence/pipelined", "REQ-2", "FRAME-10", "WHO-1", profile=PRESENCE, needs=WITH)
def pipelined(arena: Arena) -> None:
    """WHO after WHO is answered one after the other, each item with the ref of its request"""
    alice, bob = arena.login("alice", capabilities=WITH), arena.login("bob")
    wanted = [bob, alice] * 10
    refs = [alice.new_ref() for _ in wanted]
    asked = zip(wanted, refs, strict=True)
    alice.send_octets(b"".join(encode(Who(to(each), "", 1, False), ref) for each, ref in asked))
    for each, ref in zip(wanted, refs, strict=True):
        with citing("REQ-2"):
            alice.expect(Presence, ref=ref, handle=each.handle, online=True)
            alice.expect(End, ref=ref, more=False)
