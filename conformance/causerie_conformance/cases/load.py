"""ROBUST: many connections, slow readers, fast senders.

In here: cases that push a server to its limits, and nobody else with it: floods go to direct conversations
between the case's own people, and buffers on the suite's side are small, so that little fills them.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from typing import Final

from causerie_conformance.arena import Arena, hello, login, new_handle, new_token
from causerie_conformance.cases.direct import to
from causerie_conformance.cases.keepalive import K
from causerie_conformance.client import Client, citing, new_txn
from causerie_conformance.problems import Kind, NotJudged, Problem
from causerie_conformance.registry import case
from causerie_spec.codec import encode
from causerie_spec.codes import HISTORY, MAX_TEXT, MIN_CONNECTIONS, ByeCode, ErrorCode
from causerie_spec.messages import Ack, Bye, ChatMessage, Error, Quit, Ready, Send, Welcome

MIB: Final = 2**20
FLOOD: Final = 24 * MIB
"""Octets after which one that does not read must be cut off: 8 MiB in the server, and the kernels' buffers."""
ECHOES: Final = 32 * MIB
"""Octets that a server cannot have taken in unless it holds more than it may."""
BURST: Final = 16
"""SENDs that are pipelined in a flood."""
SMALL: Final = 16 * 1024
"""Octets of receive buffer asked for by those who do not read."""
FULL: Final = 1.0
"""Seconds in which a server that is full must have said so; after that it is asked whether it is."""
MORE: Final = 300
"""Connections beyond the 64, at most, that are tried to find a server's limit."""


# Slow readers


class Flood:
    """Texts of 16 KiB from *sender* to *victim*, who does not read, until the server cuts the victim off."""

    def __init__(self, arena: Arena) -> None:
        self.bystander = arena.login("other")
        self.sender = arena.login("sender")
        self.victim = arena.login("victim", receive_buffer=SMALL)
        self.arena = arena
        self.octets = 0
        self.taken: list[int] = []
        self.cut_off = False

    def run(self, most: int) -> None:
        """Flood until the victim is cut off or *most* octets were taken; nobody else may have to wait."""
        while self.octets < most and not self.cut_off:
            with citing("LOAD-3"):
                self._burst()
                self.bystander.fence()

    def _burst(self) -> None:
        refs = []
        for _ in range(BURST):
            message = Send(to(self.victim), new_txn(), 0, "x" * MAX_TEXT)
            refs.append(self.sender.send(message))
        for ref in refs:
            self._take_answer(ref)
        self.sender.events.clear()

    def _take_answer(self, ref: int) -> None:
        answer = self.sender.next("ACK")
        while answer is not None and answer.message.EVENT and not isinstance(answer.message, Bye):
            answer = self.sender.next("ACK")
        if answer is not None and isinstance(answer.message, Error) and not self.arena.target.offers(HISTORY):
            self.sender.push_back(answer)
            self.sender.expect_error(ErrorCode.NO_SUCH_CONVERSATION, ref)
            self.cut_off = True
            return
        if answer is not None:
            self.sender.push_back(answer)
        ack = self.sender.expect(Ack, ref=ref)
        self.taken.append(ack.seq)
        self.octets += MAX_TEXT

    def read_all(self) -> tuple[int, Bye | None]:
        """Read what reached the victim, to the end of the stream: number of messages, and BYE if there was one."""
        victim, heard, bye = self.victim, 0, None
        with citing("LOAD-1"):
            while (received := victim.next("the end of the stream, as the victim is to be cut off")) is not None:
                if isinstance(received.message, ChatMessage):
                    if received.message.conversation != to(self.sender):
                        continue  # others talk in the lobby
                    heard += 1
                    if received.message.seq != heard:
                        came = f"seq {received.message.seq}"
                        raise victim.problem(Kind.VALUE, f"seq {heard}", came, received.octets, clause="LOAD-5")
                elif isinstance(received.message, Bye):
                    bye = received.message
        return heard, bye


@case("load/slow-reader", "LOAD-1", "LOAD-3", "LOAD-5", guarded=False)
def slow_reader(arena: Arena) -> None:
    """A reader that does not read is cut off, and what reached it is a prefix of what it was owed"""
    flood = Flood(arena)
    flood.run(FLOOD)
    heard, _ = flood.read_all()
    if heard >= len(flood.taken):
        came = f"all of the {heard} messages, {flood.octets // MIB} MiB"
        raise flood.victim.problem(Kind.EXTRA, "to be cut off before 8 MiB wait in the server", came)
    flood.bystander.fence()


@case("load/slow-reader-told", "LOAD-2", guarded=False)
def slow_reader_told(arena: Arena) -> None:
    """A slow reader is told BYE SLOW_CONSUMER"""
    flood = Flood(arena)
    flood.run(FLOOD)
    _, bye = flood.read_all()
    if bye is None:
        raise flood.victim.problem(Kind.UNEXPECTED, "BYE SLOW_CONSUMER", flood.victim.ended_how())
    if bye.code != ByeCode.SLOW_CONSUMER:
        raise flood.victim.problem(Kind.VALUE, "BYE SLOW_CONSUMER", f"BYE with code {bye.code}")


@case("load/others-do-not-wait", "LOAD-3", guarded=False)
def others_do_not_wait(arena: Arena) -> None:
    """While one does not read, everybody else is served"""
    flood = Flood(arena)
    friend = arena.login("friend")
    for _ in range(8):
        flood.run(flood.octets + MIB)
        with citing("LOAD-3"):
            sent, ack = flood.bystander.post("are you well?", to(friend))
            friend.hear(sent, flood.bystander.handle, to(flood.bystander), ack=ack)
            arena.forget(arena.login("newcomer"))


# Fast senders


class Echoes:
    """Notes to oneself, pipelined without reading: their echoes and answers pile up."""

    def __init__(self, client: Client, other: Client) -> None:
        self.client = client
        self.other = other
        self.refs: list[int] = []
        self._rest = memoryview(b"")

    def fill(self, most: int) -> bool:
        """Send until the server takes no more; False if it has taken *most* octets and still takes more."""
        stuck, taken = 0, 0
        while stuck < 4:
            if not self._rest:
                self._next_note()
            sent = self.client.send_what_fits(self._rest)
            self._rest = self._rest[sent:]
            taken += sent
            if taken > most:
                return False
            if sent:
                stuck = 0
                continue
            stuck += 1  # is it busy, or does it not read us? Others must be served either way.
            with citing("LOAD-3"):
                self.other.fence()
        return True

    def _next_note(self) -> None:
        ref = self.client.new_ref()
        self.refs.append(ref)
        note = Send(to(self.client), new_txn(), 0, f"{ref:05}" + "e" * (MAX_TEXT - 5))
        self._rest = memoryview(encode(note, ref))

    def read_all(self) -> None:
        """Finish the last note, and take every answer in order."""
        if self._rest:
            self.client.send_octets(bytes(self._rest), "the rest of a frame")
        for ref in self.refs:
            self.client.expect(Ack, ref=ref)
            self.client.events.clear()

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """To be cut off in here is a fault, unless others talked in the lobby: that may have piled up ([LOAD-1])."""
        try:
            yield
        except Problem as problem:
            bye = bytes([Bye.TYPE]), ByeCode.SLOW_CONSUMER.to_bytes(2, "big")
            told = (problem.octets[4:5], problem.octets[8:10]) == bye
            others = any(isinstance(event.message, ChatMessage) for event in self.other.events)
            if others and (told or problem.kind in (Kind.RST, Kind.FIN)):
                why = "others talked in the lobby meanwhile, which may pile up for one that does not read"
                raise NotJudged(f"{why}; run it alone, with --select") from problem
            raise


@case("load/own-echoes", "LOAD-4", "LOAD-1", guarded=False)
def own_echoes(arena: Arena) -> None:
    """Who does not read its own echoes is not read, and not cut off: every request is answered in order"""
    echoes = Echoes(arena.login("alice", receive_buffer=SMALL), arena.login("other"))
    if not echoes.fill(ECHOES):
        came = f"{ECHOES // MIB} MiB of SENDs, whose echoes and answers nobody read"
        raise echoes.client.problem(Kind.EXTRA, "a server that holds less than 8 MiB", came, clause="LOAD-1")
    with citing("LOAD-4"), echoes.alone():
        echoes.read_all()
        echoes.client.fence()


@case("keepalive/while-not-read", "KEEP-5", beside=True, guarded=False)
def while_not_read(arena: Arena) -> None:
    """While a server does not read a connection, octets that its peer takes keep it alive"""
    clock = arena.login("clock")
    client = arena.connect("alice", receive_buffer=SMALL)
    client.ask(hello(keepalive=K), Welcome)
    arena.enter(client)
    echoes = Echoes(client, clock)
    if not echoes.fill(ECHOES):
        raise NotJudged("the server reads on however much of its answers is unread (see load/own-echoes)")
    begun = time.monotonic()
    with citing("KEEP-5"), echoes.alone():
        for tick in range(1, 33):
            client.take(24 * 1024)
            clock.wait_until(begun + tick / 10)
            clock.fence()
        echoes.read_all()
        client.fence()


# Many connections


def _try_to_enter(arena: Arena, name: str) -> Client | None:
    """A connection that is logged in; None if the server said that it has too many."""
    client = arena.connect(name)
    client.handle, client.token = new_handle("many"), new_token()
    client.send_octets(encode(hello(), 1) + encode(login(client.handle, client.token), 2))
    received = client.next("WELCOME or BYE TOO_MANY_CONNECTIONS")
    if received is None:
        raise client.problem(client.end or Kind.FIN, "WELCOME or BYE TOO_MANY_CONNECTIONS", client.ended_how())
    client.push_back(received)
    if isinstance(received.message, Bye):
        client.ends_with(ByeCode.TOO_MANY_CONNECTIONS, ref=0)
        arena.forget(client)
        return None
    client.expect(Welcome, ref=1)
    client.expect(Ready, ref=2)
    return client


@case("load/64-connections", "LOAD-8", guarded=False)
def many_connections(arena: Arena) -> None:
    """64 connections are served at once, idle ones included"""
    arena.target.put_spare(None)  # it would be one of the 64
    clients = []
    for number in range(MIN_CONNECTIONS):
        with citing("LOAD-8"):
            clients.append(_enter_soon(arena, f"n{number}"))
    sent, ack = clients[0].post("to all of you")
    for client in clients:
        client.hear(sent, clients[0].handle, ack=ack)


def _enter_soon(arena: Arena, name: str) -> Client:
    """Get in; connections of earlier cases may still be on their way out."""
    deadline = time.monotonic() + arena.target.patience
    while True:
        client = _try_to_enter(arena, name)
        if client is not None:
            return client
        if time.monotonic() > deadline:
            came = "BYE TOO_MANY_CONNECTIONS"
            raise arena.connect(name).problem(Kind.UNEXPECTED, "to be let in", came)


def _fill_up(arena: Arena) -> list[Client]:
    """As many connections as the server takes; one at least, once those of earlier cases are gone."""
    with citing("LOAD-9"):
        clients = [_enter_soon(arena, "n0")]
    while len(clients) < MIN_CONNECTIONS + MORE:
        client = _try_to_enter(arena, f"n{len(clients)}")
        if client is None:
            return clients
        clients.append(client)
    raise NotJudged(
        f"the server takes more than {len(clients)} connections; start it with a lower limit, "
        "or have it set by --spawn 'CMD {port} {max_connections}'"
    )


@case("load/too-many", "LOAD-9", "STATE-5", guarded=False)
def too_many(arena: Arena) -> None:
    """A connection over the limit is told BYE TOO_MANY_CONNECTIONS without waiting for its HELLO"""
    clients = _fill_up(arena)
    over = arena.connect("over")
    while _is_in(over):  # somebody of an earlier case has only now left
        clients.append(over)
        over = arena.connect("over")
    over.ends_with(ByeCode.TOO_MANY_CONNECTIONS, ref=0)
    sent, ack = clients[0].post("nobody was harmed")
    for client in clients:
        with citing("LOAD-9"):
            client.hear(sent, clients[0].handle, ack=ack)


def _is_in(client: Client) -> bool:
    """Was it let in? A server that is full speaks first; one that is not is silent until HELLO, which tells."""
    client.patience, patience = FULL, client.patience
    try:
        received = client.next("BYE TOO_MANY_CONNECTIONS")
    except Problem as problem:
        if problem.kind is not Kind.TIMEOUT:
            raise
        received = None
    client.patience = patience
    if received is not None:
        client.push_back(received)
        return False
    if client.end is not None:
        return False
    client.send_octets(encode(hello(), 1))
    answer = client.next("WELCOME or BYE TOO_MANY_CONNECTIONS")
    if answer is None or not isinstance(answer.message, Welcome):
        came = "silence until HELLO"
        raise client.problem(Kind.UNEXPECTED, "BYE TOO_MANY_CONNECTIONS without waiting for HELLO", came)
    client.handle, client.token = new_handle("many"), new_token()
    client.ask(login(client.handle, client.token), Ready)
    return True


@case("load/room-again", "LOAD-9", guarded=False)
def room_again(arena: Arena) -> None:
    """When one leaves a server that is full, another gets in"""
    clients = _fill_up(arena)
    leaver = clients.pop()
    leaver.send(Quit(reason="room for you"))
    leaver.expect_end_after_bye()
    arena.forget(leaver)
    with citing("LOAD-9"):
        _enter_soon(arena, "next").fence()
