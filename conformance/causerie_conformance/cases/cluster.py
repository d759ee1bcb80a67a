"""Clusters: one server at several addresses.

In here: what only several addresses can show: events that cross in time, and one state behind all of them. The other
cases spread their connections over the addresses too. `people` gives one connection at each address.
"""

from __future__ import annotations

import time
from typing import Final

from causerie_conformance.arena import Arena, hello, login, new_handle, new_token
from causerie_conformance.cases.circle import new_room
from causerie_conformance.cases.direct import to
from causerie_conformance.cases.logs import IN_ROOMS, holds, said
from causerie_conformance.cases.txn import again
from causerie_conformance.client import Client, assuming, citing
from causerie_conformance.problems import Kind
from causerie_conformance.registry import case
from causerie_conformance.target import SEVERAL
from causerie_spec.codes import CLUSTER_DELAY, HISTORY, LOBBY, ROOMS, ErrorCode
from causerie_spec.messages import Ack, Error, Ready, Welcome

NEEDS: Final = (SEVERAL,)


def people(arena: Arena) -> list[Client]:
    """Somebody at each address."""
    return [arena.login(f"n{number}", capabilities=IN_ROOMS) for number in range(len(arena.target.addresses))]


@case("cluster/within-a-second", "REQ-8", needs=NEEDS)
def within_a_second(arena: Arena) -> None:
    """A message reaches people at every other address within a second"""
    everybody = people(arena)
    for sender in everybody:
        for others in everybody:
            if others is sender:
                continue
            for where, seen in ((LOBBY, LOBBY), (to(others), to(sender))):
                message, ack = sender.post("across", where)
                acked_at = time.monotonic()
                others.hear(message, sender.handle, seen, ack=ack)
                late = time.monotonic() - acked_at
                if late > CLUSTER_DELAY + arena.target.slack:
                    raise others.problem(Kind.TIMEOUT, f"MESSAGE within {CLUSTER_DELAY} s of its ACK", f"{late:.2f} s")


@case("cluster/one-order", "MSG-1", "MSG-4", "REQ-9", profile="cluster", needs=NEEDS)
def one_order(arena: Arena) -> None:
    """People at all addresses write at once: there is one log, of which everybody hears all, in one order"""
    everybody = people(arena)
    sent = [(each, *each.say(f"{number} of {each.name}")) for number in range(20) for each in everybody]
    for each, _, ref in sent:
        each.expect(Ack, ref=ref)
    for listener in everybody:
        for each, message, _ in sorted(sent, key=lambda one: everybody.index(one[0])):
            if listener.heard(message) != 1:
                came = f"{listener.heard(message)} times"
                raise listener.problem(Kind.VALUE, f"the message of {each.name} with txn {message.txn} once", came)


@case("cluster/one-epoch", "REQ-9", "HELLO-7", needs=NEEDS)
def one_epoch(arena: Arena) -> None:
    """All addresses have one epoch, and list the same capabilities and mechanisms"""
    found = []
    for number in range(len(arena.target.addresses)):
        client = arena.connect(f"n{number}")
        with assuming("HELLO-3"):
            welcome = client.ask(hello(), Welcome)
        found.append((welcome.epoch, sorted(welcome.capabilities), sorted(welcome.mechanisms)))
    if any(each != found[0] for each in found):
        raise client.problem(Kind.VALUE, f"{found[0]} at each address", f"{found}")


@case("cluster/logged-in", "REQ-9", "DIRECT-1", needs=NEEDS)
def logged_in(arena: Arena) -> None:
    """Somebody who has READY at one address is written to from another at once"""
    for number in range(5):
        alice, bob = people(arena)[-1], arena.login(f"bob{number}")
        with citing("REQ-9"):
            message, ack = alice.post("are you in?", to(bob))
        bob.hear(message, alice.handle, to(alice), ack=ack)


@case("cluster/one-handle", "REQ-9", "TOKEN-2", "TOKEN-3", needs=NEEDS)
def one_handle(arena: Arena) -> None:
    """A handle is reserved at all addresses: of two logins at once with different tokens one succeeds"""
    for _ in range(5):
        handle = new_handle("race")
        clients = [arena.greet(f"n{number}") for number in range(len(arena.target.addresses))]
        refs = [(client, client.send(login(handle, new_token()))) for client in clients]
        answers = [client.next_answer(f"READY or ERROR HANDLE_TAKEN with ref {ref}").message for client, ref in refs]
        taken = [isinstance(each, Error) and each.code == ErrorCode.HANDLE_TAKEN for each in answers]
        ready = [isinstance(each, Ready) for each in answers]
        if sum(ready) != 1 or sum(taken) != len(answers) - 1:
            came = ", ".join(str(each) for each in answers)
            raise clients[0].problem(Kind.VALUE, "one READY, and HANDLE_TAKEN for the others", came, clause="TOKEN-2")


@case("cluster/one-log", "REQ-9", "HIST-1", "TXN-1", needs=(SEVERAL, HISTORY))
def one_log(arena: Arena) -> None:
    """What was ACKed at one address is in the log, and in txn memory, at all others at once"""
    everybody = people(arena)
    alice, bob = everybody[0], everybody[-1]
    devices = [arena.login(f"alice{number}", like=alice, capabilities=IN_ROOMS) for number in range(len(everybody))]
    lines = []
    for number in range(5):
        message, ack = alice.post(f"number {number}", to(bob))
        lines.append(said((message, ack), alice))
        for device in devices:
            again(device, ack, message)
        holds(bob, to(alice), lines)


@case("cluster/one-room", "REQ-9", "ROOM-7", "ROOM-14", needs=(SEVERAL, ROOMS))
def one_room(arena: Arena) -> None:
    """Who joined at one address is a member at all others at once, and no more when it left"""
    alice, *others = [*people(arena), *people(arena)]
    room = new_room()
    alice.join(room)
    for number, each in enumerate(others, 2):
        place = each.join(room)
        if (place.head, place.members) != (number, number):
            came = f"head={place.head} members={place.members}"
            raise each.problem(Kind.VALUE, f"head={number} members={number}", came)
    for each in others:
        each.leave(room)
    again_in = others[0].join(room)
    if again_in.members != 2:
        raise others[0].problem(Kind.VALUE, "members=2", f"members={again_in.members}")
