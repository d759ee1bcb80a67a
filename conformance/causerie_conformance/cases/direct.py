"""Step 5: direct messages to people online.

In here: `@handle` conversations as a CORE server has them.
"""

from __future__ import annotations

from causerie_conformance.arena import Arena, login, new_handle, new_token
from causerie_conformance.client import Client, citing, new_txn
from causerie_conformance.problems import Kind
from causerie_conformance.registry import case
from causerie_spec.codes import HISTORY, ErrorCode
from causerie_spec.messages import Ack, Quit, Ready, Send


def to(client: Client) -> str:
    """The direct conversation with that one."""
    return f"@{client.handle}"


@case("direct/both-hear", "DIRECT-1", "MSG-3", "MSG-5", "MSG-6")
def both_hear(arena: Arena) -> None:
    """A direct message reaches every connection of both, each naming the other, with one seq and timestamp"""
    alice, bob = arena.login("alice"), arena.login("bob")
    alice2, bob2 = arena.login("alice2", like=alice), arena.login("bob2", like=bob)
    sent, ack = alice.post("psst", to(bob))
    for client, conversation in ((alice, to(bob)), (alice2, to(bob)), (bob, to(alice)), (bob2, to(alice))):
        client.fence()
        client.hear(sent, alice.handle, conversation, ack=ack)
        if client.heard(sent):
            raise client.problem(Kind.EXTRA, "each message once", "the same MESSAGE twice", clause="MSG-4")


@case("direct/one-log", "DIRECT-2", "MSG-1")
def one_log(arena: Arena) -> None:
    """Both directions share one log, which begins at seq 1"""
    alice, bob = arena.login("alice"), arena.login("bob")
    for seq in range(1, 11):
        sender, other = (alice, bob) if seq % 3 else (bob, alice)
        sent, ack = sender.post(f"number {seq}", to(other))
        if ack.seq != seq:
            raise sender.problem(Kind.VALUE, f"seq {seq} in a log of {seq - 1}", f"ACK with seq {ack.seq}")
        other.hear(sent, sender.handle, to(sender), ack=ack)


@case("direct/own-numbers", "MSG-1")
def own_numbers(arena: Arena) -> None:
    """Each conversation has its own numbers"""
    alice, bob, carol = arena.login("alice"), arena.login("bob"), arena.login("carol")
    for conversation, seq in ((to(bob), 1), (to(carol), 1), (to(alice), 1), (to(bob), 2)):
        alice.post()  # the lobby's numbers have nothing to do with it
        _, ack = alice.post("x", conversation)
        if ack.seq != seq:
            raise alice.problem(Kind.VALUE, f"seq {seq} in {conversation}", f"ACK with seq {ack.seq}")


@case("direct/nobody-else-hears", "MSG-7")
def nobody_else_hears(arena: Arena) -> None:
    """A direct message reaches nobody but the two"""
    alice, bob, carol = arena.login("alice"), arena.login("bob"), arena.login("carol")
    sent, _ = alice.post("between us", to(bob))
    reply, _ = bob.post("surely", to(alice))
    carol.hears_not(sent, reply)


@case("direct/before-the-ack", "REQ-7")
def before_the_ack(arena: Arena) -> None:
    """Once the sender has its ACK, a PONG that the other asks for comes after the MESSAGE"""
    alice = arena.login("alice")
    bob = arena.login("bob", beside=alice)
    for _ in range(20):
        sent, _ = alice.post("quick", to(bob))
        if bob.heard(sent) != 1:
            raise bob.problem(Kind.VALUE, f"MESSAGE with txn {sent.txn} before the PONG", "PONG without it")


@case("direct/to-oneself", "DIRECT-4", "MSG-3", "MSG-4")
def to_oneself(arena: Arena) -> None:
    """A message to oneself reaches each of one's own connections once, and nobody else"""
    alice, bob = arena.login("alice"), arena.login("bob")
    alice2 = arena.login("alice2", like=alice)
    with citing("DIRECT-4"):
        sent, ack = alice.post("buy milk", to(alice))
        for client in (alice, alice2):
            client.fence()
            client.hear(sent, alice.handle, to(alice), ack=ack)
            if client.heard(sent):
                raise client.problem(Kind.EXTRA, "the note once", "the same MESSAGE twice")
    bob.hears_not(sent)


@case("direct/nobody-there", "DIRECT-3", "NAME-4", "SEND-8")
def nobody_there(arena: Arena) -> None:
    """SEND to a handle that never logged in is ERROR NO_SUCH_CONVERSATION"""
    alice = arena.login()
    message = Send(f"@{new_handle('nobody')}", new_txn(), 0, "anybody?")
    alice.refused(message, ErrorCode.NO_SUCH_CONVERSATION)
    alice.hears_not(message)


@case("direct/gone", "DIRECT-3")
def gone(arena: Arena) -> None:
    """SEND to a handle that is not online any more is ERROR NO_SUCH_CONVERSATION (without history)"""
    alice, bob = arena.login("alice"), arena.login("bob")
    alice.post("still there?", to(bob))
    bob.send(Quit(reason=""))
    bob.expect_end_after_bye()
    message = Send(to(bob), new_txn(), 0, "and now?")
    if arena.target.offers(HISTORY):
        alice.ask(message, Ack)  # it waits for bob: DIRECT-5
    else:
        alice.refused(message, ErrorCode.NO_SUCH_CONVERSATION)


@case("direct/numbers-go-on", "MSG-9", "DIRECT-2")
def numbers_go_on(arena: Arena) -> None:
    """The numbers of a conversation go on after both have been away"""
    alice, bob = arena.login("alice"), arena.login("bob")
    for _ in range(3):
        alice.post("before", to(bob))
    for client in (bob, alice):
        client.send(Quit(reason=""))
        client.expect_end_after_bye()
    alice, bob = arena.login("alice", like=alice), arena.login("bob", like=bob)
    sent, ack = bob.post("after", to(alice))
    if ack.seq != 4:
        raise bob.problem(Kind.VALUE, "seq 4, as the log had 3 messages", f"ACK with seq {ack.seq}")
    alice.hear(sent, bob.handle, to(bob), ack=ack)


@case("direct/refused-uses-no-seq", "SEND-8", "MSG-1")
def refused_uses_no_seq(arena: Arena) -> None:
    """SENDs that are refused use up no seq"""
    alice, bob = arena.login("alice"), arena.login("bob")
    alice.post("first", to(bob))
    for message, code in (
        (Send(to(bob), 0, 0, "txn 0"), ErrorCode.BAD_FIELD),
        (Send(to(bob), new_txn(), 128, "kind 128"), ErrorCode.BAD_FIELD),
        (Send(to(bob), new_txn(), 0, ""), ErrorCode.BAD_FIELD),
        (Send(to(bob), new_txn(), 0, "x" * 16_385), ErrorCode.TEXT_TOO_LONG),
    ):
        alice.refused(message, code)
    _, ack = alice.post("second", to(bob))
    if ack.seq != 2:
        raise alice.problem(Kind.VALUE, "seq 2, as one message was stored", f"ACK with seq {ack.seq}")


@case("direct/long-handles", "NAME-5", "DIRECT-1")
def long_handles(arena: Arena) -> None:
    """People with handles of 32 characters can write to each other"""
    clients = []
    for name in ("alice", "bob"):
        client = arena.greet(name)
        client.handle = (new_handle(f"0_.-{name}") + "z" * 32)[:32]
        client.token = new_token()
        client.ask(login(client.handle, client.token), Ready, handle=client.handle)
        clients.append(client)
    alice, bob = clients
    sent, ack = alice.post("hello", to(bob))
    bob.hear(sent, alice.handle, to(alice), ack=ack)
