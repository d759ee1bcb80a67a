"""History under load: answers that nobody reads, readers that were cut off, many readers at once.

In here: what keeps HISTORY from harming anybody ([HIST-6]), and what makes a slow reader lose nothing.
"""

from __future__ import annotations

from typing import Final

from causerie_conformance.arena import Arena
from causerie_conformance.cases.direct import to
from causerie_conformance.cases.load import FLOOD, MIB, SMALL, Flood
from causerie_conformance.cases.logs import WITH, fill, live, said, whole
from causerie_conformance.client import Client, assuming, citing
from causerie_conformance.problems import Kind
from causerie_conformance.registry import case
from causerie_spec.codes import HISTORY, MAX_TEXT, MAX_U64, Direction
from causerie_spec.messages import ChatMessage, End, History

NEEDS: Final = (HISTORY,)
REQUESTS: Final = 80
"""HISTORY requests that nobody reads the answers of: 20 MiB, more than may wait and than kernels hold."""
PAGE: Final = 15
"""Texts of 16 KiB in one answer, at least, by a server that fills its pages."""


def _unread(arena: Arena) -> tuple[Client, Client]:
    """Somebody who reads little, and somebody whom it has 300 KiB of messages from."""
    alice, bob = arena.login("alice", capabilities=WITH, receive_buffer=SMALL), arena.login("bob")
    fill(bob, to(alice), [f"{number:02}" + "h" * (MAX_TEXT - 2) for number in range(PAGE + 3)])
    alice.gather(ChatMessage)
    return alice, bob


def _take(client: Client, ref: int, first: int) -> list[ChatMessage]:
    """The answer to one HISTORY, which must begin with that seq and go on without gaps."""
    items: list[ChatMessage] = []
    expected = f"MESSAGE or END with ref {ref}"
    while not isinstance((received := client.next_answer(expected)).message, End):
        if not isinstance(received.message, ChatMessage) or received.ref != ref:
            raise client.wrong(Kind.UNEXPECTED, expected, received)
        if received.message.seq != first + len(items):
            raise client.wrong(Kind.VALUE, f"seq {first + len(items)}", received, "HIST-1", "seq")
        items.append(received.message)
    return items


@case("history/unread", "HIST-6", "LOAD-3", "LOAD-4", needs=NEEDS, guarded=False)
def unread(arena: Arena) -> None:
    """Nobody reads 80 answers of HISTORY: others go on, nobody is cut off, and later all of them come, in order"""
    alice, bob = _unread(arena)
    carol = arena.login("carol")
    refs = [alice.send(History(to(bob), Direction.AFTER, 0, 256)) for _ in range(REQUESTS)]
    with citing("LOAD-3"):
        for number in range(20):
            message = bob.post(f"number {number}", to(carol))
            live(carol, to(bob), said(message, bob))
            arena.forget(arena.login("newcomer"))
    with citing("HIST-6"):
        sizes = [len(_take(alice, ref, 1)) for ref in refs]
        alice.fence()
    if min(sizes) == 0:
        raise alice.problem(Kind.VALUE, "messages in every answer", "an answer without any", clause="HIST-2")


@case("history/unread-and-more", "HIST-6", "MSG-10", "REQ-2", needs=NEEDS, guarded=False)
def unread_and_more(arena: Arena) -> None:
    """While answers of HISTORY are unread a few live messages come too; all is there when it is read"""
    alice, bob = _unread(arena)
    refs = [alice.send(History(to(bob), Direction.BEFORE, MAX_U64, 256)) for _ in range(REQUESTS)]
    sent = [bob.post(f"live {number}", to(alice)) for number in range(5)]
    with citing("HIST-6"):
        for ref in refs:
            expected = f"MESSAGE or END with ref {ref}"
            while not isinstance((received := alice.next_answer(expected)).message, End):
                if received.ref != ref:
                    raise alice.wrong(Kind.UNEXPECTED, expected, received)
        live(alice, to(bob), *[said(message, bob) for message in sent])


@case("history/one-octet-at-a-time", "HIST-6", "HIST-1", needs=NEEDS, guarded=False)
def one_octet_at_a_time(arena: Arena) -> None:
    """A reader that takes an answer in small pieces gets all of it"""
    alice, bob = _unread(arena)
    refs = [alice.send(History(to(bob), Direction.AFTER, 3, 12)) for _ in range(8)]
    carol = arena.login("carol")
    for number in range(200):
        alice.take(1 + 37 * number % 4_096)
        if number % 20 == 0:
            carol.fence()
    for ref in refs:
        with assuming("HIST-6"):
            _take(alice, ref, 4)


@case("history/gone-in-the-midst", "HIST-6", "ERR-9", "CLOSE-8", needs=NEEDS)
def gone_in_the_midst(arena: Arena) -> None:
    """A reader that is gone in the middle of an answer harms nobody"""
    alice, bob = _unread(arena)
    for number in range(4):
        reader = arena.login(f"reader{number}", like=alice, capabilities=WITH, receive_buffer=SMALL)
        for _ in range(REQUESTS):
            reader.send(History(to(bob), Direction.AFTER, 0, 256))
        reader.take(1_000)
        reader.reset()
        with citing("HIST-6"):
            message = bob.post(f"number {number}", to(alice))
            live(alice, to(bob), said(message, bob))
    if len(whole(alice, to(bob))) != PAGE + 7:
        raise alice.problem(Kind.VALUE, f"{PAGE + 7} messages", "another log", clause="HIST-1")


@case("history/after-a-slow-reader", "MSG-10", "LOAD-5", "HIST-1", needs=NEEDS, guarded=False)
def after_a_slow_reader(arena: Arena) -> None:
    """A slow reader that was cut off catches up by HISTORY, behind what reached it, and loses nothing"""
    flood = Flood(arena)
    flood.run(FLOOD)
    heard, _ = flood.read_all()
    victim = arena.login("again", like=flood.victim, capabilities=WITH)
    with citing("MSG-10"):
        seqs = [item.seq for item in whole(victim, to(flood.sender), heard)]
    if seqs != list(range(heard + 1, len(flood.taken) + 1)):
        expected = f"seq {heard + 1} … {len(flood.taken)}, as {flood.octets // MIB} MiB were ACKed"
        raise victim.problem(Kind.VALUE, expected, f"{len(seqs)} messages, {seqs[:1]} … {seqs[-1:]}")


@case("history/many-readers", "HIST-1", "REQ-2", needs=NEEDS)
def many_readers(arena: Arena) -> None:
    """Twenty connections read the same log at once, and each gets all of it"""
    alice, bob = _unread(arena)
    readers = [arena.login(f"n{number}", like=alice, capabilities=WITH) for number in range(20)]
    asked = [
        (reader, first, reader.send(History(to(bob), Direction.AFTER, first - 1, 10)))
        for reader in readers
        for first in (1, 5, 9)
    ]
    for reader, first, ref in asked:
        _take(reader, ref, first)
