"""Typing: COMPOSE is relayed as COMPOSING, and is never answered.

In here: who is told, and that refusals are silent. A server may drop COMPOSING in rooms and the lobby ([TYPE-3]): there
only what does come is judged.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from causerie_conformance.arena import Arena, new_handle
from causerie_conformance.cases.circle import leave, new_room
from causerie_conformance.cases.direct import to
from causerie_conformance.cases.sending import BAD_CONVERSATIONS
from causerie_conformance.client import Client, citing
from causerie_conformance.peer import Received
from causerie_conformance.problems import Kind
from causerie_conformance.registry import case
from causerie_spec.codec import encode, frame
from causerie_spec.codes import HISTORY, LOBBY, ROOMS, TYPING, ByeCode
from causerie_spec.messages import ChatMessage, Compose, Composing, Ping, Pong

WITH: Final = (TYPING,)


def told(clients: Mapping[Client, str], handle: str, *actives: bool) -> None:
    """Each of these has been told just this of *handle*, in that order, under its own name of the conversation."""
    for client, name in clients.items():
        came = _of(client, handle)
        for number, active in enumerate(actives):
            expected = f"COMPOSING in {name} by {handle} with active={active}"
            if number >= len(came):
                seen = f"a PONG and {len(came)} COMPOSING of {len(actives)} before it"
                raise client.problem(Kind.UNEXPECTED, expected, seen)
            _check(client, came[number], expected, {"conversation": name, "handle": handle, "active": active})
        if len(came) > len(actives):
            raise client.wrong(Kind.EXTRA, "no COMPOSING, or no more of them", came[len(actives)])


def _of(client: Client, handle: str) -> list[Received]:
    """The COMPOSING by *handle* that have come; in the lobby others may be typing."""
    came = client.gather(Composing)
    return [each for each in came if getattr(each.message, "handle", "") == handle]


def _check(client: Client, came: Received, expected: str, values: Mapping[str, object]) -> None:
    for field, value in values.items():
        if getattr(came.message, field) != value:
            raise client.wrong(Kind.VALUE, expected, came, "TYPE-5", field=field)


def not_told(handle: str, *clients: Client) -> None:
    """None of these has been told that *handle* is typing."""
    told(dict.fromkeys(clients, ""), handle)


class Four:
    """Alice and Bob, with two connections each."""

    def __init__(self, arena: Arena) -> None:
        self.alice, self.bob = arena.login("alice", capabilities=WITH), arena.login("bob", capabilities=WITH)
        self.alice2 = arena.login("alice2", like=self.alice, capabilities=WITH)
        self.bob2 = arena.login("bob2", like=self.bob, capabilities=WITH)
        self.others = {self.alice2: to(self.bob), self.bob: to(self.alice), self.bob2: to(self.alice)}

    def compose(self, active: bool = True) -> None:
        """COMPOSE by alice to bob."""
        self.alice.send(Compose(to(self.bob), active))

    def told(self, *actives: bool) -> None:
        """All connections but the sending one have been told just this."""
        self.alice.fence()  # TYPE-8: the answer to what follows COMPOSE comes after all COMPOSING
        told(self.others, self.alice.handle, *actives)
        not_told(self.alice.handle, self.alice)


@case("typing/relayed", "TYPE-1", "TYPE-5", needs=WITH)
def relayed(arena: Arena) -> None:
    """COMPOSE reaches all connections of both but the sending one, each naming the conversation as it does"""
    people = Four(arena)
    people.compose()
    people.told(True)
    people.compose(False)
    people.told(False)


@case("typing/to-oneself", "TYPE-1", "TYPE-5", needs=WITH)
def to_oneself(arena: Arena) -> None:
    """COMPOSE in notes to self reaches one's other connections, and nobody else"""
    people = Four(arena)
    people.alice.send(Compose(to(people.alice), True))
    people.alice.fence()
    told({people.alice2: to(people.alice)}, people.alice.handle, True)
    not_told(people.alice.handle, people.alice, people.bob, people.bob2)


@case("typing/nobody-else", "TYPE-5", needs=WITH)
def nobody_else(arena: Arena) -> None:
    """Who is not one of the two is not told"""
    carol = arena.login("carol", capabilities=WITH)
    people = Four(arena)
    people.compose()
    people.told(True)
    not_told(people.alice.handle, carol)


@case("typing/not-negotiated", "CAP-2", "TYPE-1", profile=TYPING, needs=WITH)
def not_negotiated(arena: Arena) -> None:
    """A connection that did not negotiate typing is not told"""
    people = Four(arena)
    plain = arena.login("plain", like=people.bob)
    people.compose()
    people.told(True)
    not_told(people.alice.handle, plain)


_REFS = {"0": 0, "7": 7, "65535": 65_535}


@case("typing/ref-{}", "TYPE-2", "ERR-3", needs=WITH, over=_REFS)
def ref(arena: Arena, ref: int) -> None:
    """The ref of COMPOSE is ignored: it is relayed, and not answered"""
    people = Four(arena)
    people.alice.send(Compose(to(people.bob), True), ref=ref)
    people.told(True)


@case("typing/pipelined", "TYPE-2", "REQ-2", needs=WITH)
def pipelined(arena: Arena) -> None:
    """COMPOSE amid other requests takes no answer of theirs"""
    people = Four(arena)
    octets = b""
    for number in range(1, 21):
        octets += encode(Compose(to(people.bob), number % 2 == 1), number) + encode(Ping(number), 100 + number)
    people.alice.send_octets(octets)
    for number in range(1, 21):
        people.alice.expect(Pong, ref=100 + number, token=number)
    people.told(*(number % 2 == 1 for number in range(1, 21)))


@case("typing/in-its-place", "TYPE-8", needs=WITH)
def in_its_place(arena: Arena) -> None:
    """COMPOSING comes before the MESSAGE that its sender sends next"""
    people = Four(arena)
    for _ in range(10):
        people.compose()
        sent, ack = people.alice.post("typed", to(people.bob))
        people.bob.fence()
        kinds = [type(event.message) for event in people.bob.events if _is_of(event, people.alice)]
        if kinds != [Composing, ChatMessage]:
            came = " and ".join(kind.NAME for kind in kinds) or "nothing"
            raise people.bob.problem(Kind.UNEXPECTED, "COMPOSING, then MESSAGE, before the PONG", came)
        people.bob.hear(sent, people.alice.handle, to(people.alice), ack)
        people.bob.events.clear()


def _is_of(event: Received, client: Client) -> bool:
    return getattr(event.message, "conversation", "") == to(client)


@case("typing/each-by-itself", "TYPE-7", needs=WITH)
def each_by_itself(arena: Arena) -> None:
    """The same COMPOSE again is relayed again"""
    people = Four(arena)
    for _ in range(3):
        people.compose()
    people.told(True, True, True)
    for _ in range(2):
        people.compose(False)
    people.told(False, False)


@case("typing/not-stored", "TYPE-7", "TYPE-1", needs=WITH)
def not_stored(arena: Arena) -> None:
    """Nobody is told that somebody stopped because they wrote or disconnected, nor told later that they type"""
    people = Four(arena)
    people.compose()
    people.told(True)
    people.alice.post("done", to(people.bob))
    people.told()
    people.compose()
    people.told(True)
    late = arena.login("bob3", like=people.bob, capabilities=WITH)
    not_told(people.alice.handle, late)
    leave(people.alice)
    leave(people.alice2)
    not_told(people.alice.handle, people.bob, people.bob2, late)
    arena.login("alice", like=people.alice, capabilities=WITH)
    not_told(people.alice.handle, people.bob, people.bob2, late)


# Refused in silence


@case("typing/bad-conversation-{}", "TYPE-2", "TYPE-6", needs=WITH, over=BAD_CONVERSATIONS)
def bad_conversation(arena: Arena, conversation: str) -> None:
    """COMPOSE in an ill-formed conversation has no effect and no answer"""
    _is_silent(arena, conversation)


_NOT_THERE = {"handle": "@", "room": "#"}


@case("typing/nobody-there-{}", "TYPE-2", "TYPE-6", "WHO-13", needs=WITH, over=_NOT_THERE)
def nobody_there(arena: Arena, sign: str) -> None:
    """COMPOSE in a conversation that there is not has no effect and no answer"""
    _is_silent(arena, sign + new_handle("nobody"))


def _is_silent(arena: Arena, conversation: str) -> None:
    people = Four(arena)
    for ref in (0, 9):
        people.alice.send(Compose(conversation, True), ref=ref)
    people.alice.fence()
    not_told(people.alice.handle, people.alice, people.alice2, people.bob)
    people.compose()  # and the connection is as it was
    people.told(True)


@case("typing/not-a-member", "TYPE-6", "TYPE-2", needs=(TYPING, ROOMS))
def not_a_member(arena: Arena) -> None:
    """COMPOSE in a room by somebody who is not a member has no effect and no answer"""
    bob, name = arena.login("bob", capabilities=(TYPING, ROOMS)), new_room()
    alice = arena.login("alice", capabilities=WITH)
    alice2 = arena.login("alice2", like=alice, capabilities=WITH)
    bob.join(name)
    alice.send(Compose(name, True))
    alice.fence()
    not_told(alice.handle, alice, alice2, bob)


@case("typing/before-login", "TYPE-2", "TYPE-6", needs=WITH)
def before_login(arena: Arena) -> None:
    """COMPOSE before login has no effect and no answer"""
    bob, client = arena.login("bob", capabilities=WITH), arena.greet("alice", capabilities=WITH)
    for ref in (0, 9):
        client.send(Compose(to(bob), True), ref=ref)
    client.fence()
    for came in bob.gather(Composing):
        if _is_of(came, bob):
            raise bob.wrong(Kind.EXTRA, "no COMPOSING by nobody", came)
    arena.enter(client)
    client.send(Compose(to(bob), True))
    client.fence()
    told({bob: to(client)}, client.handle, True)


@case("typing/somebody-gone", "WHO-13", "TYPE-1", "TYPE-6", profile=TYPING, needs=WITH)
def somebody_gone(arena: Arena) -> None:
    """COMPOSE to somebody who has gone: with history one's other connections are told, without it nobody"""
    people = Four(arena)
    leave(people.bob)
    leave(people.bob2)
    people.compose()
    people.alice.fence()
    actives = (True,) if arena.target.offers(HISTORY) else ()
    told({people.alice2: to(people.bob)}, people.alice.handle, *actives)
    not_told(people.alice.handle, people.alice)


# What cannot be decoded

_MALFORMED = {
    "active-2": b"\x06#lobby\x02",
    "active-255": b"\x06#lobby\xff",
    "active-missing": b"\x06#lobby",
    "conversation-cut": b"\x06#lob",
    "empty": b"",
    "not-utf8": b"\x02#\xff\x01",
}


@case("typing/malformed-{}", "TYPE-2", "FORM-6", "ERR-8", needs=WITH, over=_MALFORMED)
def malformed(arena: Arena, body: bytes) -> None:
    """A COMPOSE that cannot be decoded is BYE MALFORMED, with the ref that it has"""
    for ref in (0, 9):
        client = arena.login("alice", capabilities=WITH)
        client.send_octets(frame(Compose.TYPE, body, ref=ref))
        client.ends_with(ByeCode.MALFORMED, ref=ref)


@case("typing/malformed-before-login", "TYPE-2", "ERR-7", needs=WITH)
def malformed_before_login(arena: Arena) -> None:
    """Before login, too, a COMPOSE that cannot be decoded is BYE MALFORMED"""
    client = arena.greet("alice", capabilities=WITH)
    client.send_octets(frame(Compose.TYPE, _MALFORMED["active-2"], ref=9))
    client.ends_with(ByeCode.MALFORMED, ref=9)


# Where it may be dropped


@case("typing/in-the-lobby", "TYPE-5", "TYPE-1", "CAP-2", needs=WITH)
def in_the_lobby(arena: Arena) -> None:
    """If COMPOSING comes in the lobby, it comes once, in the right words, and not to the sending connection"""
    plain = arena.login("plain")
    people = Four(arena)
    people.alice.send(Compose(LOBBY, True))
    people.alice.fence()
    _at_most_told(people.alice.handle, LOBBY, people.alice2, people.bob, people.bob2)
    not_told(people.alice.handle, people.alice, plain)


@case("typing/in-a-room", "TYPE-5", "TYPE-1", needs=(TYPING, ROOMS))
def in_a_room(arena: Arena) -> None:
    """If COMPOSING comes in a room, it comes once, in the right words, to members alone"""
    alice, bob = (arena.login(name, capabilities=(TYPING, ROOMS)) for name in ("alice", "bob"))
    carol, dave = (arena.login(name, capabilities=(TYPING, ROOMS)) for name in ("carol", "dave"))
    alice2, name = arena.login("alice2", like=alice, capabilities=WITH), new_room()
    for client in (alice, bob, dave):
        client.join(name)
    dave.leave(name)
    alice.send(Compose(name, True))
    alice.fence()
    _at_most_told(alice.handle, name, alice2, bob)
    not_told(alice.handle, alice, carol, dave)


def _at_most_told(handle: str, conversation: str, *clients: Client) -> None:
    for client in clients:
        came = _of(client, handle)
        with citing("TYPE-5"):
            for each in came[1:]:
                raise client.wrong(Kind.EXTRA, "one COMPOSING for one COMPOSE", each)
        for each in came:
            expected = f"COMPOSING in {conversation} by {handle} with active=True"
            _check(client, each, expected, {"conversation": conversation, "active": True})
