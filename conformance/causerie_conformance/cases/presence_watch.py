"""Presence: watches, and the events that they bring.

In here: who is told of whose first login and last logout. Lists are in `presence`. Others may come and go in the lobby
meanwhile: only the case's own people count.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Final

from causerie_conformance.arena import Arena, login, new_handle, new_token
from causerie_conformance.cases.circle import leave, new_room
from causerie_conformance.cases.direct import to
from causerie_conformance.cases.presence import IN_ROOMS, WITH, check, clock, everybody, log_in, who
from causerie_conformance.client import Client, citing
from causerie_conformance.problems import Kind
from causerie_conformance.registry import case
from causerie_spec.codec import frame
from causerie_spec.codes import LOBBY, MIN_WATCHES, PRESENCE, ByeCode, ErrorCode
from causerie_spec.messages import Ping, Presence, Quit, Ready, Who

ON: Final = (True,)
OFF: Final = (False,)
NOTHING: Final = ()


def told(client: Client, people: Mapping[Client | str, tuple[bool, ...]]) -> list[Presence]:
    """PRESENCE must by now have said just this of these people: online or not, in that order. Returns what came."""
    events = client.gather(Presence)
    found: list[Presence] = []
    for person, wanted in people.items():
        handle = person if isinstance(person, str) else person.handle
        of = [each for each in events if getattr(each.message, "handle", "") == handle]
        for number, online in enumerate(wanted):
            expected = f"PRESENCE of {handle} with online={online}"
            if number >= len(of):
                raise client.problem(Kind.UNEXPECTED, expected, "a PONG before it")
            message = of[number].message
            assert isinstance(message, Presence)
            if message.online != online:
                raise client.wrong(Kind.VALUE, expected, of[number], field="online")
            found.append(message)
        if len(of) > len(wanted):
            raise client.wrong(Kind.EXTRA, f"no PRESENCE of {handle}, or no more", of[len(wanted)])
    return found


def told_soon(client: Client, person: Client, *, online: bool) -> None:
    """PRESENCE of that person must come in time: nothing shows when the server has seen what causes it."""
    expected = f"PRESENCE of {person.handle} with online={online}"
    deadline = time.monotonic() + client.patience
    while True:
        message = client.next_event(expected).message
        if isinstance(message, Presence) and message.handle == person.handle:
            check(client, message, online=online)
            return
        if time.monotonic() > deadline:
            raise client.problem(Kind.TIMEOUT, expected, "other events, and not that")


def again(arena: Arena, person: Client) -> Client:
    """The same person logs in anew."""
    return arena.login(person.name, like=person)


# First login, last logout


@case("presence/watch-lobby", "WHO-3", "WHO-2", "WHO-5", "WHO-8", needs=WITH)
def watch_lobby(arena: Arena) -> None:
    """Who watches the lobby is told of a first login and of a last logout, with display name and time"""
    alice = arena.login("alice", capabilities=WITH)
    who(alice, LOBBY, watch=True)
    begin = clock(arena)
    bob = log_in(arena, "bob", "Bôb 🦊")
    (event,) = told(alice, {bob: ON})
    check(alice, event, display="Bôb 🦊", last_seen=(begin, clock(arena)))
    begin = clock(arena)
    leave(bob)
    (event,) = told(alice, {bob: OFF})
    check(alice, event, display="Bôb 🦊", last_seen=(begin, clock(arena)))


@case("presence/before-ready", "REQ-7", "WHO-3", profile=PRESENCE, needs=WITH)
def before_ready(arena: Arena) -> None:
    """Once somebody has READY, a PONG that a watcher asks for comes after the PRESENCE"""
    alice = arena.login("alice", capabilities=WITH)
    who(alice, LOBBY, watch=True)
    for number in range(10):
        told(alice, {arena.login(f"new{number}"): ON})


@case("presence/before-bye", "WHO-4", needs=WITH)
def before_bye(arena: Arena) -> None:
    """Once somebody who quits has BYE, a PONG that a watcher asks for comes after the PRESENCE"""
    alice = arena.login("alice", capabilities=WITH)
    people = [arena.login(f"old{number}") for number in range(10)]
    who(alice, LOBBY, watch=True)
    for person in people:
        ref = person.send(Quit(reason=""))
        person.expect_bye(ByeCode.NORMAL, ref=ref)
        told(alice, {person: OFF})


def _quit(client: Client) -> None:
    client.send(Quit(reason=""))


def _half_close(client: Client) -> None:
    client.half_close()


def _malformed(client: Client) -> None:
    client.send_octets(frame(Ping.TYPE, b"", ref=9))


def _too_large(client: Client) -> None:
    client.send_octets(b"\xff\xff\xff\xff\x04\x00\x00\x09", "the header alone")


def _reset(client: Client) -> None:
    client.reset()


_ENDS: dict[str, Callable[[Client], None]] = {
    "quit": _quit,
    "half-close": _half_close,
    "malformed": _malformed,
    "too-large": _too_large,
    "reset": _reset,
}


@case("presence/gone-by-{}", "WHO-4", "WHO-3", "CLOSE-5", needs=WITH, over=_ENDS)
def gone_by(arena: Arena, end: Callable[[Client], None]) -> None:
    """However somebody's last connection ends, that is a logout: told at once, and once"""
    alice, bob = arena.login("alice", capabilities=WITH), arena.login("bob")
    who(alice, LOBBY, watch=True)
    end(bob)
    told_soon(alice, bob, online=False)
    told(alice, {bob: NOTHING})


@case("presence/not-by-a-second-device", "WHO-3", needs=WITH)
def not_by_a_second_device(arena: Arena) -> None:
    """Only the first of several logins is told, and only the last of several logouts"""
    alice = arena.login("alice", capabilities=WITH)
    who(alice, LOBBY, watch=True)
    bob = arena.login("bob")
    bob2, bob3 = log_in(arena, "bob2", "Another name", like=bob), again(arena, bob)
    told(alice, {bob: ON})
    leave(bob)
    leave(bob3)
    told(alice, {bob: NOTHING})
    leave(bob2)
    told(alice, {bob: OFF})
    told(alice, {again(arena, bob): ON})


@case("presence/not-by-a-refused-login", "WHO-3", "WHO-6", needs=WITH)
def not_by_a_refused_login(arena: Arena) -> None:
    """A LOGIN that is refused is no login"""
    alice = arena.login("alice", capabilities=WITH)
    who(alice, LOBBY, watch=True)
    mallory, handle = arena.greet("mallory"), new_handle("bob")
    mallory.refused(login(handle, b"too short"), ErrorCode.BAD_FIELD)
    told(alice, {handle: NOTHING})
    bob = arena.login("bob")
    mallory.refused(login(bob.handle, new_token()), ErrorCode.HANDLE_TAKEN)
    leave(mallory)
    told(alice, {bob: ON})


@case("presence/nobody-slips-through", "WHO-2", "WHO-10", needs=WITH)
def nobody_slips_through(arena: Arena) -> None:
    """Who logs in while the list is made is on it, or is told as an event"""
    alice = arena.login("alice", capabilities=WITH)
    comers = [arena.greet(f"new{number}") for number in range(20)]
    for number, comer in enumerate(comers):
        comer.handle, comer.token = new_handle(f"new{number}"), new_token()
        comer.send(login(comer.handle, comer.token), ref=40)
    listed = set(everybody(alice, LOBBY, watch=True))
    for comer in comers:
        comer.expect(Ready, ref=40)
    listed |= {getattr(event.message, "handle", "") for event in alice.gather(Presence)}
    for comer in comers:
        if comer.handle not in listed:
            expected = f"{comer.handle} on the list or in an event"
            raise alice.problem(Kind.UNEXPECTED, expected, "a PONG, and nothing of it before")


# Who is told


@case("presence/not-without-a-watch", "WHO-6", "WHO-2", needs=WITH)
def not_without_a_watch(arena: Arena) -> None:
    """Who does not watch is told nothing, whether it asked WHO without or not at all"""
    alice, carol = arena.login("alice", capabilities=WITH), arena.login("carol", capabilities=WITH)
    who(alice, LOBBY, watch=False)
    bob = arena.login("bob")
    leave(bob)
    for client in (alice, carol):
        told(client, {bob: NOTHING})


@case("presence/ended-by-0", "WHO-2", "WHO-6", needs=WITH)
def ended_by_0(arena: Arena) -> None:
    """WHO with watch 0 ends the watch of that conversation, and of no other; with 1 it begins again"""
    alice, bob = arena.login("alice", capabilities=WITH), arena.login("bob")
    carol = arena.login("carol")
    for conversation in (LOBBY, to(bob)):
        who(alice, conversation, watch=True)
    who(alice, LOBBY, watch=False)
    leave(bob)
    leave(carol)
    told(alice, {bob: OFF, carol: NOTHING})
    who(alice, LOBBY, watch=True)
    told(alice, {again(arena, carol): ON})


@case("presence/one-connection-alone", "WHO-11", "WHO-6", needs=WITH)
def one_connection_alone(arena: Arena) -> None:
    """A watch belongs to one connection: another of the same handle is told nothing, and ends nothing"""
    alice = arena.login("alice", capabilities=WITH)
    alice2 = arena.login("alice2", like=alice, capabilities=WITH)
    who(alice, LOBBY, watch=True)
    who(alice2, LOBBY, watch=False)
    bob = arena.login("bob")
    told(alice, {bob: ON})
    told(alice2, {bob: NOTHING})


@case("presence/ends-with-its-connection", "WHO-11", "WHO-6", needs=WITH)
def ends_with_its_connection(arena: Arena) -> None:
    """Who comes back watches nothing"""
    alice = arena.login("alice", capabilities=WITH)
    who(alice, LOBBY, watch=True)
    leave(alice)
    alice = arena.login("alice", like=alice, capabilities=WITH)
    told(alice, {arena.login("bob"): NOTHING})


@case("presence/not-negotiated", "CAP-2", "WHO-6", profile=PRESENCE, needs=WITH)
def not_negotiated(arena: Arena) -> None:
    """A connection that did not negotiate presence is told nothing"""
    alice = arena.login("alice", capabilities=WITH)
    plain = arena.login("plain", like=alice)
    who(alice, LOBBY, watch=True)
    plain.refused(Who(LOBBY, "", 1, True), ErrorCode.UNSUPPORTED, clause="CAP-2")
    bob = arena.login("bob")
    told(alice, {bob: ON})
    told(plain, {bob: NOTHING})


@case("presence/watch-a-person", "WHO-10", "WHO-3", needs=WITH)
def watch_a_person(arena: Arena) -> None:
    """A watch of a person tells of that person, again and again, and of nobody else"""
    alice, bob, carol = arena.login("alice", capabilities=WITH), arena.login("bob"), arena.login("carol")
    who(alice, to(bob), watch=True)
    leave(carol)
    for _ in range(2):
        leave(bob)
        bob = again(arena, bob)
    told(alice, {bob: (False, True, False, True), carol: NOTHING})


@case("presence/watch-oneself", "WHO-3", "WHO-10", needs=WITH)
def watch_oneself(arena: Arena) -> None:
    """Who watches itself hears nothing of its other devices: it is online all the time"""
    alice = arena.login("alice", capabilities=WITH)
    who(alice, to(alice), watch=True)
    who(alice, LOBBY, watch=True)
    leave(again(arena, alice))
    told(alice, {alice: NOTHING})


@case("presence/once-for-many-watches", "WHO-3", needs=WITH)
def once_for_many_watches(arena: Arena) -> None:
    """However many watches cover somebody, a change is told once"""
    alice, bob = arena.login("alice", capabilities=WITH), arena.login("bob")
    for conversation in (LOBBY, to(bob), LOBBY):
        who(alice, conversation, watch=True)
    leave(bob)
    again(arena, bob)
    told(alice, {bob: (False, True)})


@case("presence/16-watches", "WHO-12", "LOAD-7", needs=WITH)
def sixteen_watches(arena: Arena) -> None:
    """A connection can have 16 watches"""
    alice = arena.login("alice", capabilities=WITH)
    people = [arena.login(f"n{number}") for number in range(MIN_WATCHES)]
    for person in people:
        with citing("WHO-12"):
            who(alice, to(person), watch=True)
    for person in people:
        leave(person)
    told(alice, dict.fromkeys(people, OFF))


@case("presence/watched-beyond-the-page", "WHO-9", "WHO-2", needs=WITH)
def watched_beyond_the_page(arena: Arena) -> None:
    """A page that lists nobody, or not everybody, sets the watch all the same"""
    alice, bob = arena.login("alice", capabilities=WITH), arena.login("bob")
    who(alice, to(bob), after="zzz", watch=True)
    leave(bob)
    told(alice, {bob: OFF})
    who(alice, LOBBY, after="", limit=1, watch=True)
    told(alice, {again(arena, bob): ON})


_REFUSED = {"limit-0": ("", 0), "bad-after": ("@", 1)}


@case("presence/refused-changes-nothing-{}", "WHO-9", needs=WITH, over=_REFUSED)
def refused_changes_nothing(arena: Arena, fields: tuple[str, int]) -> None:
    """A WHO that is refused starts no watch and ends none"""
    alice, carol = arena.login("alice", capabilities=WITH), arena.login("carol", capabilities=WITH)
    who(alice, LOBBY, watch=True)
    alice.refused(Who(LOBBY, *fields, False), ErrorCode.BAD_FIELD)
    carol.refused(Who(LOBBY, *fields, True), ErrorCode.BAD_FIELD)
    bob = arena.login("bob")
    told(alice, {bob: ON})
    told(carol, {bob: NOTHING})


# Rooms


@case("presence/room-watch", "WHO-10", "WHO-3", needs=IN_ROOMS)
def room_watch(arena: Arena) -> None:
    """A watch of a room tells of its members, those offline at first too, and of nobody else"""
    name = new_room()
    alice, bob, carol = (arena.login(each, capabilities=IN_ROOMS) for each in ("alice", "bob", "carol"))
    for each in (alice, bob):
        each.join(name)
    leave(bob)
    who(alice, name, watch=True)
    bob = again(arena, bob)
    leave(carol)
    told(alice, {bob: ON, carol: NOTHING})
    leave(bob)
    told(alice, {bob: OFF})


@case("presence/room-joined-and-left", "WHO-3", "WHO-10", needs=IN_ROOMS)
def room_joined_and_left(arena: Arena) -> None:
    """JOIN and LEAVE cause no PRESENCE; but who joined is covered from then on, and who left is no more"""
    name = new_room()
    alice, bob, carol = (arena.login(each, capabilities=IN_ROOMS) for each in ("alice", "bob", "carol"))
    for each in (alice, carol):
        each.join(name)
    who(alice, name, watch=True)
    bob.join(name)
    carol.leave(name)
    told(alice, {bob: NOTHING, carol: NOTHING})
    leave(carol)
    leave(bob)
    told(alice, {bob: OFF, carol: NOTHING})


@case("presence/room-left-oneself", "WHO-11", "WHO-3", "WHO-6", needs=IN_ROOMS)
def room_left_oneself(arena: Arena) -> None:
    """One's LEAVE, on any connection, ends the watch on all; JOIN does not bring it back; other watches stay"""
    name = new_room()
    alice, bob, carol = (arena.login(each, capabilities=IN_ROOMS) for each in ("alice", "bob", "carol"))
    alice2 = arena.login("alice2", like=alice, capabilities=IN_ROOMS)
    for each in (alice, bob):
        each.join(name)
    for client in (alice, alice2):
        who(client, name, watch=True)
        who(client, to(carol), watch=True)
    alice2.leave(name)
    alice.join(name)
    leave(bob)
    leave(carol)
    for client in (alice, alice2):
        told(client, {bob: NOTHING, carol: OFF})
    who(alice, name, watch=True)
    told(alice, {again(arena, bob): ON})


@case("presence/room-left-by-another", "WHO-11", "WHO-10", needs=IN_ROOMS)
def room_left_by_another(arena: Arena) -> None:
    """Somebody else's LEAVE ends no watch of one's own"""
    name = new_room()
    alice, bob, carol = (arena.login(each, capabilities=IN_ROOMS) for each in ("alice", "bob", "carol"))
    for each in (alice, bob, carol):
        each.join(name)
    who(alice, name, watch=True)
    carol.leave(name)
    leave(bob)
    told(alice, {bob: OFF})


@case("presence/room-refused", "WHO-9", "WHO-6", needs=IN_ROOMS)
def room_refused(arena: Arena) -> None:
    """A WHO that is refused for want of membership starts no watch, nor does a later JOIN"""
    name = new_room()
    alice, bob = (arena.login(each, capabilities=IN_ROOMS) for each in ("alice", "bob"))
    bob.join(name)
    alice.refused(Who(name, "", 1, True), ErrorCode.NOT_A_MEMBER, clause="WHO-1")
    alice.join(name)
    leave(bob)
    told(alice, {bob: NOTHING})


@case("presence/room-and-lobby", "WHO-3", needs=IN_ROOMS)
def room_and_lobby(arena: Arena) -> None:
    """Somebody who is in several watched rooms is told of once"""
    rooms = [new_room() for _ in range(3)]
    alice, bob = (arena.login(each, capabilities=IN_ROOMS) for each in ("alice", "bob"))
    for name in rooms:
        alice.join(name)
        bob.join(name)
        who(alice, name, watch=True)
    who(alice, LOBBY, watch=True)
    leave(bob)
    told(alice, {bob: OFF})
    who(alice, LOBBY, watch=False)
    who(alice, rooms[0], watch=False)
    told(alice, {again(arena, bob): ON})
