"""Receipts: MARK, cursors, RECEIPT, in the lobby, in direct conversations, in notes to self.

In here: what one or two people see. Rooms, and with them more members, are in `receipts_in_rooms`. Each case has an
observer for whatever moves: a second connection of the same handle, or the other person.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from causerie_conformance.arena import Arena, new_handle
from causerie_conformance.cases.circle import Circle, expect_place, leave
from causerie_conformance.cases.direct import to
from causerie_conformance.client import Client, citing, new_txn
from causerie_conformance.problems import Kind
from causerie_conformance.registry import case
from causerie_spec.codes import HISTORY, LOBBY, MAX_U64, RECEIPTS, ErrorCode
from causerie_spec.messages import Ack, Conversation, Conversations, Mark, Ok, Receipt, Send

WITH: Final = (RECEIPTS,)
"""What nearly all connections of these cases negotiate."""


class Pair(NamedTuple):
    """Two people with two connections each, in their direct conversation."""

    alice: Client
    alice2: Client
    bob: Client
    bob2: Client
    talk: Circle


def pair(arena: Arena) -> Pair:
    """Alice and Bob, who have not said anything yet."""
    alice, bob = arena.login("alice", capabilities=WITH), arena.login("bob", capabilities=WITH)
    alice2 = arena.login("alice2", like=alice, capabilities=WITH)
    bob2 = arena.login("bob2", like=bob, capabilities=WITH)
    return Pair(alice, alice2, bob, bob2, Circle.direct([alice, alice2], [bob, bob2]))


# What MARK does to cursors


class Step(NamedTuple):
    """A line of section 12's table: cursors before, the head, MARK, cursors after."""

    before: tuple[int, int]
    head: int
    mark: tuple[int, int]
    after: tuple[int, int]


_STEPS: Final = {
    "moves": Step((0, 0), 10, (4, 2), (4, 2)),
    "the-same-again": Step((4, 2), 10, (4, 2), (4, 2)),
    "both-lower": Step((4, 2), 10, (1, 0), (4, 2)),
    "delivered-lower": Step((4, 2), 10, (0, 3), (4, 3)),
    "read-lower": Step((4, 3), 10, (6, 1), (6, 3)),
    "read-above-delivered": Step((4, 3), 10, (5, 7), (7, 7)),
    "delivered-beyond-the-head": Step((7, 7), 10, (99, 8), (10, 8)),
    "read-beyond-the-head": Step((10, 8), 10, (0, MAX_U64), (10, 10)),
    "both-beyond-the-head": Step((0, 0), 10, (11, 2**63), (10, 10)),
    "all-zero": Step((0, 0), 10, (0, 0), (0, 0)),
    "empty-log": Step((0, 0), 0, (5, 5), (0, 0)),
}


@case("receipts/mark-{}", "MARK-1", "MARK-5", needs=WITH, over=_STEPS)
def mark_moves(arena: Arena, step: Step) -> None:
    """MARK moves one's cursors as the table says, and RECEIPT tells it"""
    people = pair(arena)
    talk = people.talk
    for _ in range(step.head):
        talk.post(people.bob)
    _mark_and_tell(people, step.before, (0, 0), step.before, step.head)
    _mark_and_tell(people, step.mark, step.before, step.after, step.head)
    talk.post(people.bob)  # had a cursor gone beyond the head, or elsewhere than told, it would show now
    _mark_and_tell(people, (step.head + 1, 0), step.after, (step.head + 1, step.after[1]), step.head + 1)


def _mark_and_tell(
    people: Pair, mark: tuple[int, int], before: tuple[int, int], after: tuple[int, int], head: int
) -> None:
    """MARK by alice, of whom bob is always ahead: all hear of her cursors, or nobody if they stay."""
    talk = people.talk
    talk.mark(people.alice, *mark)
    theirs = (head, head, *after)
    talk.told({} if after == before else {people.alice2: (*after, *after), people.bob: theirs, people.bob2: theirs})


@case("receipts/taken-in-the-lobby", "MARK-11", "MARK-4", needs=WITH)
def taken_in_the_lobby(arena: Arena) -> None:
    """MARK in the lobby moves one's own cursors, is told to one's other connections, and all_* are 0"""
    alice, bob = arena.login("alice", capabilities=WITH), arena.login("bob", capabilities=WITH)
    alice2 = arena.login("alice2", like=alice, capabilities=WITH)
    lobby = Circle.of(LOBBY, alice, alice2, bob)
    seq = lobby.post(bob)
    lobby.mark(alice, seq, seq)
    lobby.told({alice2: (seq, seq, 0, 0)})
    seq = lobby.post(alice2)
    lobby.nobody_told()
    lobby.mark(alice, seq, seq)
    lobby.nobody_told()


@case("receipts/taken-in-notes", "MARK-11", "MARK-4", "MARK-5", needs=WITH)
def taken_in_notes(arena: Arena) -> None:
    """In notes to self there is one member: all_* are one's own, whether moved by SEND or by MARK"""
    alice = arena.login("alice", capabilities=WITH)
    alice2 = arena.login("alice2", like=alice, capabilities=WITH)
    notes = Circle.of(to(alice), alice, alice2)
    notes.mark(alice, 3, 3)
    notes.nobody_told()
    notes.post(alice)
    notes.told({alice2: (1, 1, 1, 1)})
    notes.post(alice2)
    notes.told({alice: (2, 2, 2, 2)})
    notes.mark(alice, 2, 2)
    notes.nobody_told()


@case("receipts/taken-in-an-empty-log", "MARK-11", needs=WITH)
def taken_in_an_empty_log(arena: Arena) -> None:
    """MARK of somebody with whom nothing was said yet is answered OK, and changes nothing"""
    alice, *_, talk = pair(arena)
    talk.mark(alice, MAX_U64, MAX_U64)
    talk.nobody_told()


_NO_CONVERSATION = {"handle": "@", "room": "#"}


@case("receipts/nobody-there-{}", "MARK-8", "NAME-4", needs=WITH, over=_NO_CONVERSATION)
def nobody_there(arena: Arena, sign: str) -> None:
    """MARK in a conversation that there is not is ERROR NO_SUCH_CONVERSATION"""
    alice = arena.login("alice", capabilities=WITH)
    alice.refused(Mark(sign + new_handle("nobody"), 1, 1), ErrorCode.NO_SUCH_CONVERSATION)


# Where cursors begin, and what SEND does to them


@case("receipts/begins-at-0", "MARK-3", "MARK-2", needs=WITH)
def begins_at_0(arena: Arena) -> None:
    """In a direct conversation both cursors begin at 0; the sender's are at the message sent"""
    alice, alice2, bob, bob2, talk = pair(arena)
    for _ in range(3):
        talk.post(alice)
    talk.nobody_told()
    talk.mark(bob, 1, 0)
    talk.told({bob2: (1, 0, 1, 0), alice: (3, 3, 1, 0), alice2: (3, 3, 1, 0)})


@case("receipts/lobby-begins-at-the-head", "MARK-3", needs=WITH)
def lobby_begins_at_the_head(arena: Arena) -> None:
    """In the lobby both cursors begin at the head at the handle's first login"""
    carol = arena.login("carol")
    _, before = carol.post()
    alice = arena.login("alice", capabilities=WITH)
    alice2 = arena.login("alice2", like=alice, capabilities=WITH)
    _, after = carol.post()
    lobby = Circle.of(LOBBY, alice, alice2)
    lobby.mark(alice, before.seq, before.seq)
    lobby.nobody_told()
    lobby.mark(alice, after.seq, 0)
    for told in alice2.gather(Receipt):  # others may have spoken meanwhile: the start is known to be between
        assert isinstance(told.message, Receipt)
        if not before.seq <= told.message.read < after.seq:
            expected = f"read from {before.seq} on, below {after.seq}: the head at the login"
            raise alice2.wrong(Kind.VALUE, expected, told, field="read")
        if told.message.delivered != after.seq:
            raise alice2.wrong(Kind.VALUE, f"delivered={after.seq}", told, field="delivered")
        return
    raise alice2.problem(Kind.UNEXPECTED, f"RECEIPT of {LOBBY} with delivered={after.seq}", "none")


@case("receipts/send-is-read", "MARK-2", "MARK-10", needs=WITH)
def send_is_read(arena: Arena) -> None:
    """SEND moves the sender's cursors; that alone is told to nobody"""
    alice, alice2, bob, bob2, talk = pair(arena)
    talk.post(alice)
    talk.nobody_told()
    talk.mark(alice2, 1, 1)  # they are there already
    talk.nobody_told()
    talk.mark(bob, 1, 1)
    talk.told({bob2: (1, 1, 1, 1), alice: (1, 1, 1, 1), alice2: (1, 1, 1, 1)})


@case("receipts/answer-is-read", "MARK-5", "MARK-2", "MARK-4", needs=WITH)
def answer_is_read(arena: Arena) -> None:
    """A SEND that raises the lowest cursor is told to all connections of both but the sending one"""
    alice, alice2, bob, bob2, talk = pair(arena)
    talk.post(alice)
    talk.nobody_told()
    talk.post(bob)
    talk.told({bob2: (2, 2, 1, 1), alice: (1, 1, 1, 1), alice2: (1, 1, 1, 1)})
    talk.post(bob)
    talk.nobody_told()
    talk.post(alice2)
    talk.told({alice: (4, 4, 3, 3), bob: (3, 3, 3, 3), bob2: (3, 3, 3, 3)})


@case("receipts/refused-send-moves-nothing", "MARK-10", "SEND-8", needs=WITH)
def refused_send_moves_nothing(arena: Arena) -> None:
    """A SEND that is refused moves no cursor"""
    alice, alice2, bob, bob2, talk = pair(arena)
    talk.post(alice)
    bob.refused(Send(to(alice), new_txn(), 0, ""), ErrorCode.BAD_FIELD)
    talk.nobody_told()
    talk.mark(bob2, 1, 0)
    talk.told({bob: (1, 0, 1, 0), alice: (1, 1, 1, 0), alice2: (1, 1, 1, 0)})


# Who is told


@case("receipts/devices-share-cursors", "MARK-9", "MARK-1", needs=WITH)
def devices_share_cursors(arena: Arena) -> None:
    """All connections of a handle move the same cursors"""
    alice, alice2, bob, bob2, talk = pair(arena)
    for _ in range(4):
        talk.post(bob)
    talk.mark(alice, 3, 0)
    talk.told({alice2: (3, 0, 3, 0), bob: (4, 4, 3, 0), bob2: (4, 4, 3, 0)})
    talk.mark(alice2, 1, 2)
    talk.told({alice: (3, 2, 3, 2), bob: (4, 4, 3, 2), bob2: (4, 4, 3, 2)})


@case("receipts/plain-devices-count", "MARK-2", "CAP-3", "MARK-4", needs=WITH)
def plain_devices_count(arena: Arena) -> None:
    """A SEND on a connection that did not negotiate receipts moves the handle's cursors too"""
    alice, bob = arena.login("alice", capabilities=WITH), arena.login("bob", capabilities=WITH)
    plain = arena.login("plain", like=alice)
    talk = Circle.direct([alice, plain], [bob])
    talk.post(bob)
    talk.post(plain)
    talk.told({alice: (2, 2, 1, 1), bob: (1, 1, 1, 1)})
    talk.mark(bob, 2, 0)
    talk.told({alice: (2, 2, 2, 1)})


@case("receipts/not-negotiated", "CAP-2", "MARK-5", profile=RECEIPTS, needs=WITH)
def not_negotiated(arena: Arena) -> None:
    """A connection that did not negotiate receipts receives none, and its MARK is ERROR UNSUPPORTED"""
    alice, bob = arena.login("alice", capabilities=WITH), arena.login("bob", capabilities=WITH)
    plain = arena.login("plain", like=alice)
    talk = Circle.direct([alice, plain], [bob])
    talk.post(alice)
    talk.mark(bob, 1, 1)
    talk.told({alice: (1, 1, 1, 1)})
    plain.refused(Mark(to(bob), 1, 1), ErrorCode.UNSUPPORTED, clause="CAP-2")
    talk.nobody_told()


@case("receipts/nobody-else", "MARK-7", needs=WITH)
def nobody_else(arena: Arena) -> None:
    """Who is not one of the two hears no RECEIPT of theirs"""
    carol = arena.login("carol", capabilities=WITH)
    alice, alice2, bob, bob2, talk = pair(arena)
    talk.post(alice)
    talk.mark(bob, 1, 1)
    talk.told({bob2: (1, 1, 1, 1), alice: (1, 1, 1, 1), alice2: (1, 1, 1, 1)})
    for came in carol.gather(Receipt):
        raise carol.wrong(Kind.EXTRA, "no RECEIPT of a conversation of others", came)


@case("receipts/before-the-answer", "REQ-7", "MARK-5", "MARK-6", profile=RECEIPTS, needs=WITH)
def before_the_answer(arena: Arena) -> None:
    """Once MARK is answered OK, a PONG that the other asks for comes after the RECEIPT"""
    alice, bob = arena.login("alice", capabilities=WITH), arena.login("bob", capabilities=WITH)
    talk = Circle.direct([alice], [bob])
    for seq in range(1, 21):
        talk.post(alice)
        talk.mark(bob, seq, seq - 1)
        talk.told({alice: (seq, seq, seq, seq - 1)})


@case("receipts/many-at-once", "MARK-5", "MARK-1", "MARK-6", needs=WITH)
def many_at_once(arena: Arena) -> None:
    """Of many MARKs in a row all or some are told, in order, and the last one always"""
    alice, bob = arena.login("alice", capabilities=WITH), arena.login("bob", capabilities=WITH)
    talk = Circle.direct([alice], [bob])
    for _ in range(30):
        talk.post(alice)
    refs = [bob.send(Mark(to(alice), seq, 0)) for seq in range(1, 31)]
    with citing("MARK-1"):
        for ref in refs:
            bob.expect(Ok, ref=ref)
    told = alice.gather(Receipt)
    values = [getattr(each.message, "all_delivered", 0) for each in told]
    if not told:
        raise alice.problem(Kind.UNEXPECTED, "RECEIPT with all_delivered=30", "none", clause="MARK-5")
    if values != sorted(values) or values[-1] != 30:
        expected = "rising all_delivered, the last one 30"
        raise alice.wrong(Kind.VALUE, expected, told[-1], "MARK-5", field="all_delivered")


@case("receipts/nothing-else-causes-it", "MARK-10", needs=WITH)
def nothing_else_causes_it(arena: Arena) -> None:
    """Logins, logouts, messages delivered and MARKs that change nothing cause no RECEIPT"""
    alice, alice2, bob, bob2, talk = pair(arena)
    talk.post(alice)
    talk.mark(bob, 1, 1)
    talk.told({bob2: (1, 1, 1, 1), alice: (1, 1, 1, 1), alice2: (1, 1, 1, 1)})
    talk.mark(bob, 1, 1)
    talk.mark(alice, 0, 0)
    talk.post(alice)
    leave(arena.login("bob3", like=bob, capabilities=WITH))
    leave(arena.login("carol", capabilities=WITH))
    talk.nobody_told()


# With history


@case("receipts/kept", "MARK-9", "MARK-12", needs=(RECEIPTS, HISTORY))
def kept(arena: Arena) -> None:
    """Cursors are kept while a handle is offline, in the lobby and in direct conversations"""
    wanted = (RECEIPTS, HISTORY)
    alice, bob = arena.login("alice", capabilities=wanted), arena.login("bob", capabilities=wanted)
    talk, lobby = Circle.direct([alice], [bob]), Circle.of(LOBBY, alice, bob)
    for _ in range(3):
        talk.post(bob)
    seq = lobby.post(bob)
    talk.mark(alice, 2, 1)
    lobby.mark(alice, seq, seq)
    leave(alice)
    lobby.post(bob)
    talk.post(bob)
    alice = arena.login("alice", like=alice, capabilities=wanted)
    expect_place(alice, place(alice, to(bob)), head=4, values=(2, 1, 2, 1))
    found = place(alice, LOBBY)
    expect_place(alice, found, head=found.head, values=(seq, seq, 0, 0))


@case("receipts/in-conversations", "MARK-12", needs=(RECEIPTS, HISTORY))
def in_conversations(arena: Arena) -> None:
    """CONVERSATIONS tells each of the two the same as RECEIPT would"""
    wanted = (RECEIPTS, HISTORY)
    alice, bob = arena.login("alice", capabilities=wanted), arena.login("bob", capabilities=wanted)
    talk = Circle.direct([alice], [bob])
    for _ in range(5):
        talk.post(alice)
    talk.mark(bob, 4, 2)
    expect_place(alice, place(alice, to(bob)), head=5, values=(5, 5, 4, 2))
    expect_place(bob, place(bob, to(alice)), head=5, values=(4, 2, 4, 2))
    alice.post("note", to(alice))
    expect_place(alice, place(alice, to(alice)), head=1, values=(1, 1, 1, 1))


def place(client: Client, conversation: str) -> Conversation:
    """What CONVERSATIONS says of one of one's conversations."""
    after, more = "", True
    while more:
        found, more = client.stream(Conversations(after, 256), Conversation)
        for each in found:
            if each.conversation == conversation:
                return each
        after = found[-1].conversation if found else after
        more = more and bool(found)
    raise client.problem(Kind.UNEXPECTED, f"{conversation} in the list of conversations", "a list without it")


@case("receipts/offline-counts", "MARK-4", "MARK-11", needs=(RECEIPTS, HISTORY))
def offline_counts(arena: Arena) -> None:
    """The cursors of somebody offline count as ever, and MARK is taken"""
    alice, alice2, bob, bob2, talk = pair(arena)
    talk.post(alice)
    leave(bob)
    leave(bob2)
    ours = Circle.of(to(bob), alice, alice2)
    ours.post(alice)
    ours.mark(alice2, 2, 2)
    ours.nobody_told()
    bob = arena.login("bob", like=bob, capabilities=WITH)
    Circle.of(to(alice), bob).mark(bob, 2, 1)
    ours.told({alice: (2, 2, 2, 1), alice2: (2, 2, 2, 1)})


@case("receipts/the-same-send-again", "MARK-10", "TXN-1", needs=(RECEIPTS, HISTORY))
def the_same_send_again(arena: Arena) -> None:
    """A SEND that is there already moves no cursor"""
    alice, alice2, bob, bob2, talk = pair(arena)
    sent, _ = bob.post("once", to(alice))
    talk.post(alice)
    talk.told({alice2: (2, 2, 1, 1), bob: (1, 1, 1, 1), bob2: (1, 1, 1, 1)})
    with citing("TXN-1"):
        bob.ask(sent, Ack, seq=1, duplicate=True)
    talk.nobody_told()
    talk.mark(bob, 2, 1)
    talk.told({bob2: (2, 1, 2, 1), alice: (2, 2, 2, 1), alice2: (2, 2, 2, 1)})


@case("receipts/somebody-gone", "MARK-11", "NAME-4", needs=WITH)
def somebody_gone(arena: Arena) -> None:
    """MARK of somebody who has gone: with history taken, without it ERROR NO_SUCH_CONVERSATION"""
    alice, bob = arena.login("alice", capabilities=WITH), arena.login("bob", capabilities=WITH)
    leave(bob)
    message = Mark(to(bob), 0, 0)
    if arena.target.offers(HISTORY):
        alice.ask(message, Ok)
    else:
        alice.refused(message, ErrorCode.NO_SUCH_CONVERSATION)
