"""txn memory: the same SEND again is the same message.

In here: what is the same, for whom, how long, and in which order it is looked up. None of it needs a capability to be
negotiated: what a server remembers depends on what it has ([CAP-3]).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

from causerie_conformance.arena import Arena, new_handle
from causerie_conformance.cases.circle import leave, new_room
from causerie_conformance.cases.direct import to
from causerie_conformance.cases.logs import IN_ROOMS, WITH, heard, holds, live, member, newcomer, said
from causerie_conformance.client import Client, assuming, new_txn
from causerie_conformance.problems import Kind
from causerie_conformance.registry import case
from causerie_spec.codes import HISTORY, LOBBY, MAX_TEXT, MAX_U64, ROOMS, ErrorCode
from causerie_spec.messages import Ack, Join, Send

NEEDS: Final = (HISTORY,)
NEEDS_ROOMS: Final = (HISTORY, ROOMS)


def again(client: Client, first: Ack, message: Send) -> None:
    """The same SEND again must be answered with the first ACK, duplicate 1."""
    client.ask(message, Ack, duplicate=True, seq=first.seq, timestamp=first.timestamp)


def new(client: Client, message: Send, seq: int) -> Ack:
    """The SEND must be stored as that seq, as a new one."""
    return client.ask(message, Ack, duplicate=False, seq=seq)


@case("history/txn-again", "TXN-1", needs=NEEDS)
def txn_again(arena: Arena) -> None:
    """The same SEND again stores nothing, tells nobody, and is answered with the first ACK, duplicate 1"""
    alice, bob = arena.login("alice", capabilities=WITH), arena.login("bob")
    message, ack = alice.post("once", to(bob))
    for _ in range(3):
        again(alice, ack, message)
    live(bob, to(alice), said((message, ack), alice))
    live(alice, to(bob), said((message, ack), alice))
    holds(alice, to(bob), [said((message, ack), alice)])
    new(alice, Send(to(bob), new_txn(), 0, "once"), 2)


@case("history/txn-pipelined", "TXN-1", "REQ-2", needs=NEEDS)
def txn_pipelined(arena: Arena) -> None:
    """The same SEND twice in a row is stored once: ACK with duplicate 0, then 1"""
    alice, bob = arena.login("alice"), arena.login("bob")
    message = Send(to(bob), new_txn(), 0, "in a hurry")
    first, second = alice.send(message), alice.send(message)
    ack = alice.expect(Ack, ref=first, seq=1, duplicate=False)
    alice.expect(Ack, ref=second, seq=1, timestamp=ack.timestamp, duplicate=True)
    live(bob, to(alice), said((message, ack), alice))


@case("history/txn-later", "TXN-1", needs=NEEDS)
def txn_later(arena: Arena) -> None:
    """A txn is remembered behind 300 later messages, and across logins, on whichever connection"""
    alice, bob = arena.login("alice"), arena.login("bob")
    message, ack = alice.post("a while ago", to(bob))
    refs = [alice.say(f"later {number}", to(bob))[1] for number in range(300)]
    for ref in refs:
        alice.expect(Ack, ref=ref, duplicate=False)
    again(alice, ack, message)
    leave(alice)
    leave(bob)
    again(arena.login("alice2", like=alice), ack, message)


@case("history/txn-lost-ack", "TXN-1", needs=NEEDS)
def txn_lost_ack(arena: Arena) -> None:
    """A client whose connection broke before the ACK sends again, and its message is there once"""
    bob = arena.login("bob", capabilities=WITH)
    alice = arena.login("alice")
    sent = [alice.say(f"line {number}", to(bob))[0] for number in range(20)]
    alice.reset()
    alice = arena.login("alice", like=alice)
    for message in sent:
        alice.ask(message, Ack)
    came = [(getattr(each.message, "txn", 0)) for each in heard(bob, to(alice))]
    if sorted(came) != sorted(message.txn for message in sent):
        expected = f"each of the {len(sent)} messages once"
        raise bob.problem(Kind.VALUE, expected, f"{len(came)} messages, {len(set(came))} different")


@case("history/txn-two-devices", "TXN-4", "TXN-1", needs=NEEDS)
def txn_two_devices(arena: Arena) -> None:
    """The same SEND from two devices at once is stored once; exactly one ACK has duplicate 0"""
    bob = arena.login("bob")
    alice = arena.login("alice")
    devices = [alice, arena.login("alice2", like=alice), arena.login("alice3", like=alice)]
    for seq in range(1, 21):
        message = Send(to(bob), new_txn(), 0, f"number {seq}")
        refs = [client.send(message) for client in devices]
        with assuming("TXN-1"):
            acks = [client.expect(Ack, ref=ref, seq=seq) for client, ref in zip(devices, refs, strict=True)]
        if sorted(ack.duplicate for ack in acks) != [False, True, True]:
            came = f"duplicate {', '.join(str(int(ack.duplicate)) for ack in acks)}"
            raise alice.problem(Kind.VALUE, "exactly one ACK with duplicate 0", came)
        if len({ack.timestamp for ack in acks}) != 1:
            raise alice.problem(Kind.VALUE, "one timestamp", f"{[ack.timestamp for ack in acks]}")
        live(bob, to(alice), said((message, acks[0]), alice))


# What is not the same

_OTHERS: dict[str, dict[str, Any]] = {
    "text": {"text": "Once"},
    "longer": {"text": "once "},
    "shorter": {"text": "onc"},
    "kind": {"kind": 1},
    "kind-and-text": {"kind": 64, "text": "twice"},
}


@case("history/txn-conflict-{}", "TXN-2", needs=NEEDS, over=_OTHERS)
def txn_conflict(arena: Arena, other: dict[str, Any]) -> None:
    """The same txn with other content is ERROR TXN_CONFLICT, and has no effect"""
    alice, bob = arena.login("alice", capabilities=WITH), arena.login("bob")
    message, ack = alice.post("once", to(bob))
    for _ in range(2):
        alice.refused(replace(message, **other), ErrorCode.TXN_CONFLICT)
    again(alice, ack, message)
    live(bob, to(alice), said((message, ack), alice))
    new(alice, Send(to(bob), new_txn(), 0, "next"), 2)


@case("history/txn-conflict-normalized", "TXN-2", needs=NEEDS)
def txn_conflict_normalized(arena: Arena) -> None:
    """Texts are compared octet for octet: é in one character and in two are different"""
    alice, bob = arena.login("alice"), arena.login("bob")
    message, ack = alice.post("caf\u00e9", to(bob))
    alice.refused(replace(message, text="cafe\u0301"), ErrorCode.TXN_CONFLICT)
    again(alice, ack, message)


@case("history/txn-conflict-16384", "TXN-2", "TXN-1", needs=NEEDS)
def txn_conflict_long(arena: Arena) -> None:
    """Long texts are compared to their last octet"""
    alice, bob = arena.login("alice"), arena.login("bob")
    message, ack = alice.post("x" * MAX_TEXT, to(bob))
    alice.refused(replace(message, text="x" * (MAX_TEXT - 1) + "y"), ErrorCode.TXN_CONFLICT)
    again(alice, ack, message)


@case("history/txn-of-another", "TXN-1", needs=NEEDS)
def txn_of_another(arena: Arena) -> None:
    """The same txn by another handle is another message, in the same conversation too, with the same content or not"""
    alice, bob = arena.login("alice"), arena.login("bob")
    txn = new_txn()
    first = new(alice, Send(to(bob), txn, 0, "same number"), 1)
    second = new(bob, Send(to(alice), txn, 0, "same number"), 2)
    again(alice, first, Send(to(bob), txn, 0, "same number"))
    again(bob, second, Send(to(alice), txn, 0, "same number"))
    other = new_txn()
    new(alice, Send(to(bob), other, 0, "mine"), 3)
    new(bob, Send(to(alice), other, 0, "yours"), 4)


@case("history/txn-in-another-conversation", "TXN-1", needs=NEEDS)
def txn_elsewhere(arena: Arena) -> None:
    """The same txn in another conversation is another message"""
    alice, bob, carol = arena.login("alice"), arena.login("bob"), arena.login("carol")
    txn = new_txn()
    for conversation in (to(bob), to(carol), to(alice)):
        new(alice, Send(conversation, txn, 0, f"to {conversation}"), 1)
    alice.ask(Send(LOBBY, txn, 0, "to all"), Ack, duplicate=False)
    for conversation in (to(bob), to(carol), to(alice)):
        alice.ask(Send(conversation, txn, 0, f"to {conversation}"), Ack, duplicate=True, seq=1)


@case("history/txn-in-the-lobby", "TXN-1", "TXN-2", needs=NEEDS)
def txn_in_the_lobby(arena: Arena) -> None:
    """txns are remembered in #lobby too"""
    alice, bob = arena.login("alice"), arena.login("bob")
    message, ack = alice.post("to all of you")
    again(alice, ack, message)
    alice.refused(replace(message, text="to some of you"), ErrorCode.TXN_CONFLICT)
    if (count := bob.heard(message)) != 1:
        raise bob.problem(Kind.VALUE, "the message once", f"{count} times")


_TXNS = {"1": 1, "2-to-the-53-and-1": 2**53 + 1, "2-to-the-63": 2**63, "largest": MAX_U64}


@case("history/txn-value-{}", "TXN-1", needs=NEEDS, over=_TXNS)
def txn_value(arena: Arena, txn: int) -> None:
    """Any txn is told from its neighbours, and remembered"""
    alice, bob = arena.login("alice"), arena.login("bob")
    neighbour = txn - 1 if txn > 1 else 2
    first = new(alice, Send(to(bob), txn, 0, "one"), 1)
    new(alice, Send(to(bob), neighbour, 0, "two"), 2)
    again(alice, first, Send(to(bob), txn, 0, "one"))


# In which order it is looked up


@case("history/txn-after-leaving", "TXN-3", "ERR-7", needs=NEEDS_ROOMS)
def txn_after_leaving(arena: Arena) -> None:
    """txn memory comes before membership: who left sends the old SEND again and is answered as before"""
    alice, room = member(arena, "alice")
    bob, _ = member(arena, "bob", room)
    message, ack = alice.post("last words", room)
    alice.leave(room)
    heard(bob, room)
    again(alice, ack, message)
    alice.refused(replace(message, text="other words"), ErrorCode.TXN_CONFLICT)
    alice.refused(Send(room, new_txn(), 0, "new words"), ErrorCode.NOT_A_MEMBER)
    live(bob, room)
    bob.leave(room)
    again(alice, ack, message)  # also when nobody is a member any more


@case("history/txn-never-a-member", "TXN-3", "ROOM-6", needs=NEEDS_ROOMS)
def txn_never_a_member(arena: Arena) -> None:
    """Somebody else's txn in a room is no way in"""
    alice, room = member(arena, "alice")
    bob = arena.login("bob", capabilities=IN_ROOMS)
    message, _ = alice.post("secret number", room)
    bob.refused(message, ErrorCode.NOT_A_MEMBER)


_BEFORE_TXN: dict[str, tuple[dict[str, Any], ErrorCode]] = {
    "kind-128": ({"kind": 128}, ErrorCode.BAD_FIELD),
    "empty-text": ({"text": ""}, ErrorCode.BAD_FIELD),
    "long-text": ({"text": "x" * (MAX_TEXT + 1)}, ErrorCode.TEXT_TOO_LONG),
}


@case("history/txn-behind-{}", "ERR-7", "TXN-3", profile="history", needs=NEEDS, over=_BEFORE_TXN)
def txn_behind_fields(arena: Arena, wrong: tuple[dict[str, Any], ErrorCode]) -> None:
    """Fields are checked before txn memory"""
    alice, bob = arena.login("alice"), arena.login("bob")
    message, ack = alice.post("well formed", to(bob))
    alice.refused(replace(message, **wrong[0]), wrong[1])
    again(alice, ack, message)


# What was refused


def _not_a_member(arena: Arena, alice: Client) -> tuple[Send, ErrorCode, Callable[[], object]]:
    _, room = member(arena, "other")
    return Send(room, new_txn(), 0, "let me in"), ErrorCode.NOT_A_MEMBER, lambda: alice.join(room)


def _no_such_room(arena: Arena, alice: Client) -> tuple[Send, ErrorCode, Callable[[], object]]:
    room = new_room()
    return Send(room, new_txn(), 0, "is it there?"), ErrorCode.NO_SUCH_CONVERSATION, lambda: alice.join(room)


@case(
    "history/txn-refused-{}",
    "TXN-5",
    needs=NEEDS_ROOMS,
    over={"not-a-member": _not_a_member, "no-such-room": _no_such_room},
)
def txn_refused(arena: Arena, prepare: Callable[[Arena, Client], tuple[Send, ErrorCode, Callable[[], object]]]) -> None:
    """A SEND that was refused is not remembered: when it can be stored, the same is new, and other content too"""
    alice = arena.login("alice", capabilities=IN_ROOMS)
    message, code, mend = prepare(arena, alice)
    alice.refused(message, code, clause="ROOM-11")
    alice.refused(replace(message, text="other words"), code, clause="TXN-5")
    mend()
    with assuming("TXN-5"):
        alice.ask(message, Ack, duplicate=False)


@case("history/txn-refused-nobody", "TXN-5", "DIRECT-6", needs=NEEDS)
def txn_refused_nobody(arena: Arena) -> None:
    """A SEND to somebody who was not known yet is not remembered"""
    alice = arena.login("alice")
    handle = new_handle("bob")
    message = Send(f"@{handle}", new_txn(), 0, "are you new here?")
    alice.refused(message, ErrorCode.NO_SUCH_CONVERSATION, clause="DIRECT-6")
    newcomer(arena, handle)
    new(alice, message, 1)


@case("history/txn-of-a-joined", "TXN-1", "ROOM-2", "SEND-3", needs=NEEDS_ROOMS)
def txn_of_a_joined(arena: Arena) -> None:
    """JOINED and LEFT have txn 0, which SEND cannot ask for"""
    alice, room = member(arena, "alice")
    alice.refused(Send(room, 0, 0, "zero"), ErrorCode.BAD_FIELD)
    alice.send(Join(room))
    message = Send(room, new_txn(), 0, "a number")
    alice.next_answer("CONVERSATION")
    new(alice, message, 2)
