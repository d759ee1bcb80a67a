"""Durability: what is there after the server process was killed and started again.

In here: cases that kill a server of their own (SIGKILL), so they are judged only where the suite knows the command and
where the server keeps its data. Nothing waits: what the suite has seen before the kill must be there after it. Epoch
and messages are held against those before the kill whichever case looks at them (`causerie_conformance.logs`).
"""

from __future__ import annotations

import binascii
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from causerie_conformance.arena import Arena, hello, login
from causerie_conformance.cases.circle import expect_place, leave, new_room
from causerie_conformance.cases.direct import to
from causerie_conformance.cases.logs import (
    IN_ROOMS,
    Line,
    conversations,
    fill,
    heard,
    holds,
    joined,
    left,
    page,
    place_in_list,
    said,
    whole,
)
from causerie_conformance.cases.txn import again
from causerie_conformance.cases.waiting import SCRIPTS, longest
from causerie_conformance.client import Client, assuming, citing, new_txn
from causerie_conformance.peer import Received
from causerie_conformance.problems import Kind, NotJudged
from causerie_conformance.registry import case
from causerie_conformance.target import Target
from causerie_spec.codes import DURABLE, HISTORY, LOBBY, MAX_PAGE, RECEIPTS, ROOMS, Direction, ErrorCode
from causerie_spec.messages import (
    Ack,
    ChatMessage,
    Conversation,
    History,
    Join,
    Leave,
    Mark,
    Ok,
    Send,
    Welcome,
)

NEEDS: Final = (DURABLE,)
NEEDS_ROOMS: Final = (DURABLE, ROOMS)
NEEDS_RECEIPTS: Final = (DURABLE, RECEIPTS)
PEOPLE: Final = 4
"""Senders at the moment of a kill."""
IN_FLIGHT: Final = 60
"""SENDs that each of them pipelines."""


def _enter(arena: Arena, server: Target, *names: str) -> list[Client]:
    return [arena.login(name, target=server, capabilities=IN_ROOMS) for name in names]


def _back(arena: Arena, server: Target, *clients: Client) -> list[Client]:
    """The same people, logged in again."""
    with assuming("DUR-2"):
        return [arena.login(each.name, like=each, target=server, capabilities=IN_ROOMS) for each in clients]


@case("durable/has-history", "CAP-4", needs=NEEDS)
def has_history(arena: Arena) -> None:
    """A server that lists `durable` lists `history`"""
    client = arena.connect()
    welcome = client.ask(hello(), Welcome)
    if HISTORY not in welcome.capabilities:
        came = f"capabilities {', '.join(welcome.capabilities)}"
        raise client.problem(Kind.VALUE, "`history` beside `durable`", came)


# Messages


@case("durable/acked", "DUR-1", "SEND-2", needs=NEEDS, guarded=False, apart=True)
def acked(arena: Arena) -> None:
    """A message whose ACK has come is there after a kill: in #lobby, between two, in notes to self"""
    server = arena.another_server(lasting=True)
    alice, bob = _enter(arena, server, "alice", "bob")
    sent = [(where, alice.post(f"to {where}", where)) for where in (LOBBY, to(bob), to(alice))]
    server.crash()
    (alice,) = _back(arena, server, alice)
    for where, message in sent:
        holds(alice, where, [said(message, alice)])


@case("durable/delivered", "DUR-1", "SEND-2", needs=NEEDS, guarded=False, apart=True)
def delivered(arena: Arena) -> None:
    """A message that has reached anybody is there after a kill, whether its sender got the ACK or not"""
    server = arena.another_server(lasting=True)
    alice, bob = _enter(arena, server, "alice", "bob")
    for number in range(2):
        message, _ = alice.say(f"number {number}", to(bob))
        bob.hear(message, alice.handle, to(alice))
        server.crash()
        alice, bob = _back(arena, server, alice, bob)
        items = whole(bob, to(alice))
        if [item.txn for item in items[number:]] != [message.txn]:
            expected = f"{number + 1} messages, the last one with txn {message.txn}"
            raise bob.problem(Kind.VALUE, expected, f"{len(items)} messages")


class Rush:
    """People who all write at once, to the lobby and to one of them, and what each of them has seen of it."""

    def __init__(self, people: list[Client]) -> None:
        self.people = people
        self.sent: dict[tuple[str, int], Send] = {}
        self._refs: dict[tuple[str, int], Send] = {}
        self._acks: list[tuple[str, Send, Ack]] = []
        self.seen: dict[tuple[str, int], tuple[int, str, str]] = {}
        """By sender and txn: seq, text, and how it was seen."""

    def write(self, acks: int) -> None:
        """Everybody pipelines SENDs; return as soon as the first one has so many ACKs: most are on their way."""
        for number in range(IN_FLIGHT):
            for place, each in enumerate(self.people):
                where = LOBBY if number % 3 else to(self.people[(place + 1) % len(self.people)])
                message, ref = each.say(f"{each.name} {number}", where)
                self.sent[each.handle, message.txn] = message
                self._refs[each.handle, ref] = message
        for _ in range(acks):
            received = self.people[0].next_answer("ACK")
            self._note(self.people[0], received)

    def see(self) -> None:
        """After the kill: all that still reached anybody."""
        for each in self.people:
            while (received := each.next("the end of the stream")) is not None:
                self._note(each, received)
            for event in each.events:
                self._note(each, event)

    def _note(self, client: Client, received: Received) -> None:
        message = received.message
        if isinstance(message, ChatMessage):
            self.seen.setdefault((message.sender, message.txn), (message.seq, message.text, "delivered"))
        elif isinstance(message, Ack):
            send = self._refs[client.handle, received.ref]
            self.seen[client.handle, send.txn] = (message.seq, send.text, "ACKed")

    def check(self, people: list[Client]) -> None:
        """All that was seen is in the logs; what is sent again is there once."""
        logs = self._logs(people)
        for key, (seq, text, how) in self.seen.items():
            item = logs.get(key)
            if item is None or (item.seq, item.text) != (seq, text):
                expected = f"seq {seq} {text!r} by {key[0]} in its log, as it was {how}"
                raise people[0].problem(Kind.VALUE, expected, "nothing" if item is None else str(item))
        for each in people:
            for (handle, _), send in self.sent.items():
                if handle == each.handle:
                    with citing("DUR-2"):
                        each.ask(send, Ack)
        if len(self._logs(people)) != len(self.sent):
            came = f"{len(self._logs(people))}"
            raise people[0].problem(Kind.VALUE, f"{len(self.sent)} messages, each once", came, clause="DUR-2")

    def _logs(self, people: list[Client]) -> dict[tuple[str, int], ChatMessage]:
        found: list[ChatMessage] = whole(people[0], LOBBY)
        for place, each in enumerate(people):
            found += whole(each, to(people[(place + 1) % len(people)]))
        logs = {(item.sender, item.txn): item for item in found}
        if len(logs) != len(found):
            came = f"{len(found)} messages with {len(logs)} different txns"
            raise people[0].problem(Kind.VALUE, "each message once", came, clause="DUR-2")
        return logs


_KILLS: Final = {"at-the-first-ack": 1, "after-some": 20}


@case("durable/in-flight-{}", "DUR-1", "SEND-2", "DUR-2", needs=NEEDS, guarded=False, apart=True, over=_KILLS)
def in_flight(arena: Arena, acks: int) -> None:
    """Killed while four people write, the server has what was ACKed or delivered, and the rest at most once"""
    server = arena.another_server(lasting=True)
    people = _enter(arena, server, *(f"n{number}" for number in range(PEOPLE)))
    rush = Rush(people)
    rush.write(acks)
    assert server.process is not None
    server.process.kill()
    rush.see()
    server.start_again()
    rush.check(_back(arena, server, *people))


@case("durable/again-and-again", "DUR-1", "DUR-3", "DUR-4", "MSG-1", needs=NEEDS, guarded=False, apart=True)
def again_and_again(arena: Arena) -> None:
    """Killed four times, the server has one log without gaps, times that do not fall, and one epoch"""
    server = arena.another_server(lasting=True)
    alice, bob = _enter(arena, server, "alice", "bob")
    lines: list[Line] = []
    for number in range(4):
        with assuming("DUR-4"):
            message, ack = alice.post(f"number {number}", to(bob))
        lines.append(said((message, ack), alice))
        if ack.seq != number + 1:
            raise alice.problem(Kind.VALUE, f"seq {number + 1}", f"ACK with seq {ack.seq}", clause="DUR-4")
        server.crash()
        alice, bob = _back(arena, server, alice, bob)
    holds(bob, to(alice), lines)
    _never_falling(bob, whole(bob, to(alice)))


def _never_falling(client: Client, items: Iterable[ChatMessage]) -> None:
    last = 0
    for item in items:
        if item.timestamp < last:
            raise client.problem(Kind.VALUE, f"a timestamp of at least {last}", str(item.timestamp), clause="DUR-4")
        last = item.timestamp


@case("durable/numbers-go-on", "DUR-4", "MSG-1", "MSG-2", needs=NEEDS, guarded=False, apart=True)
def numbers_go_on(arena: Arena) -> None:
    """After a kill the next message of every conversation has the next seq, and no earlier time"""
    server = arena.another_server(lasting=True)
    alice, bob = _enter(arena, server, "alice", "bob")
    places = (LOBBY, to(bob), to(alice))
    before = {where: fill(alice, where, ["x"] * (3 + number))[-1][1] for number, where in enumerate(places)}
    server.crash()
    alice, bob = _back(arena, server, alice, bob)
    for where, last in before.items():
        _, ack = alice.post("after", where)
        if ack.seq != last.seq + 1 or ack.timestamp < last.timestamp:
            expected = f"seq {last.seq + 1} in {where}, not before {last.timestamp}"
            raise alice.problem(Kind.VALUE, expected, f"seq {ack.seq} at {ack.timestamp}")
    if (head := place_in_list(bob, LOBBY).head) != before[LOBBY].seq + 1:
        raise bob.problem(Kind.VALUE, f"head {before[LOBBY].seq + 1} of {LOBBY}", f"head {head}")


@case("durable/pages", "DUR-1", "HIST-1", "HIST-3", needs=NEEDS, guarded=False, apart=True)
def pages(arena: Arena) -> None:
    """After a kill a long log is paged as before, in both directions"""
    server = arena.another_server(lasting=True)
    alice, bob = _enter(arena, server, "alice", "bob")
    sent = fill(alice, to(bob), [f"number {number}" for number in range(400)])
    server.crash()
    (bob,) = _back(arena, server, bob)
    for direction, anchor in ((Direction.AFTER, 0), (Direction.AFTER, 300), (Direction.BEFORE, 401)):
        page(bob, History(to(alice), direction, anchor, MAX_PAGE), range(1, 401))
    holds(bob, to(alice), [said(message, alice) for message in sent])


@case("durable/texts", "DUR-1", "HIST-9", "FORM-3", needs=NEEDS, guarded=False, apart=True)
def texts(arena: Arena) -> None:
    """After a kill texts of every script are there octet for octet, long ones too, and every kind"""
    server = arena.another_server(lasting=True)
    alice, bob = _enter(arena, server, "alice", "bob")
    lines: list[Line] = []
    for sample in SCRIPTS.values():
        for text in (sample, longest(sample)):
            lines.append(said(alice.post(text, to(bob), kind=len(lines) % 128), alice))
    server.crash()
    (bob,) = _back(arena, server, bob)
    holds(bob, to(alice), lines)


# What else survives


@case("durable/epoch", "DUR-3", "HELLO-7", needs=NEEDS, guarded=False, apart=True)
def epoch(arena: Arena) -> None:
    """The epoch is the same after a kill, and after an orderly end"""
    server = arena.another_server(lasting=True)
    alice = arena.connect("alice", target=server)
    first = alice.ask(hello(), Welcome).epoch
    server.crash()
    second = _epoch(arena, server)
    _shut_down(server)
    third = _epoch(arena, server)
    if not first == second == third:
        raise alice.problem(Kind.VALUE, f"epoch {first} at each start", f"{second} after a kill, then {third}")


def _epoch(arena: Arena, server: Target) -> int:
    client = arena.connect("later", target=server)
    with assuming("DUR-3"):
        found = client.ask(hello(), Welcome).epoch
    arena.forget(client)
    return found


def _shut_down(server: Target, *clients: Client) -> None:
    """End it in order, and start it again. (These are all who are connected: it waits for them.)"""
    assert server.process is not None
    server.process.ask_to_stop()
    for client in clients:
        with assuming("CLOSE-6"):
            client.expect_end_after_bye()
        client.close()
    if server.process.wait() is None:
        server.process.kill()
    server.start_again()


@case("durable/orderly-end", "DUR-1", "DUR-2", "DUR-4", needs=NEEDS, guarded=False, apart=True)
def orderly_end(arena: Arena) -> None:
    """An orderly end loses nothing either"""
    server = arena.another_server(lasting=True)
    alice, bob = _enter(arena, server, "alice", "bob")
    message, ack = alice.post("before", to(bob))
    _shut_down(server, alice, bob)
    alice, bob = _back(arena, server, alice, bob)
    again(alice, ack, message)
    later = alice.post("after", to(bob))
    holds(bob, to(alice), [said((message, ack), alice), said(later, alice)])
    if later[1].seq != 2:
        raise alice.problem(Kind.VALUE, "seq 2", f"ACK with seq {later[1].seq}", clause="DUR-4")


@case("durable/txn-memory", "DUR-2", "TXN-1", "TXN-2", needs=NEEDS, guarded=False, apart=True)
def txn_memory(arena: Arena) -> None:
    """After a kill the same SEND is answered with the first ACK, duplicate 1, and other content is TXN_CONFLICT"""
    server = arena.another_server(lasting=True)
    alice, bob = _enter(arena, server, "alice", "bob")
    sent = [alice.post(f"to {where}", where) for where in (LOBBY, to(bob), to(alice)) for _ in range(3)]
    server.crash()
    alice, bob = _back(arena, server, alice, bob)
    with citing("DUR-2"):
        for message, ack in sent:
            again(alice, ack, message)
            other = Send(message.conversation, message.txn, 1, message.text)
            alice.refused(other, ErrorCode.TXN_CONFLICT)
        bob.ask(Send(to(alice), sent[0][0].txn, 0, "another handle"), Ack, duplicate=False)


@case("durable/handles", "DUR-2", "TOKEN-5", "DIRECT-5", needs=NEEDS, guarded=False, apart=True)
def handles(arena: Arena) -> None:
    """After a kill a handle still belongs to its token, and messages wait for it, though it never wrote anything"""
    server = arena.another_server(lasting=True)
    alice, silent, gone = _enter(arena, server, "alice", "silent", "gone")
    leave(gone)
    server.crash()
    thief = arena.greet("thief", target=server)
    for each in (silent, gone):
        thief.refused(login(each.handle, b"another token " * 2), ErrorCode.HANDLE_TAKEN, clause="DUR-2")
    (alice,) = _back(arena, server, alice)
    with citing("DUR-2"):
        sent = {each.name: alice.post("are you there?", to(each)) for each in (silent, gone)}
    for each in _back(arena, server, silent, gone):
        holds(each, to(alice), [said(sent[each.name], alice)])


@case("durable/no-token-in-its-data", "TOKEN-7", profile="durable", needs=NEEDS, guarded=False, apart=True)
def no_token(arena: Arena) -> None:
    """A token that somebody logged in with is nowhere in the server's data, in hexadecimal or Base64 neither"""
    server = arena.another_server(lasting=True)
    alice, bob = _enter(arena, server, "alice", "bob")
    sent, _ = alice.post("the quick brown fox", to(bob))
    assert server.process is not None
    server.process.kill()
    files = [path for path in Path(server.process.data).parent.rglob("*") if path.is_file()]
    data = b"\0".join(path.read_bytes() for path in files)
    if sent.text.encode() not in data:
        raise NotJudged("the server does not keep messages in its data as they are, so a token would not show either")
    for form in (bytes, binascii.hexlify, binascii.b2a_base64):
        if form(alice.token).strip(b"=\n") in data:
            came = f"the token, by {form.__name__}, in one of {', '.join(path.name for path in files)}"
            raise alice.problem(Kind.EXTRA, "no token in the server's data, only its hash", came)


@case("durable/memberships", "DUR-2", "ROOM-7", "ROOM-8", needs=NEEDS_ROOMS, guarded=False, apart=True)
def memberships(arena: Arena) -> None:
    """After a kill who joined is a member, who left is none, and empty rooms are still there"""
    server = arena.another_server(lasting=True)
    alice, bob = _enter(arena, server, "alice", "bob")
    stays, leaves, empty = (new_room() for _ in range(3))
    for client in (alice, bob):
        for room in (stays, leaves):
            client.join(room)
    bob.leave(leaves)
    alice.join(empty)
    alice.leave(empty)
    server.crash()
    alice, bob = _back(arena, server, alice, bob)
    wanted = {alice: sorted([LOBBY, stays, leaves]), bob: sorted([LOBBY, stays])}
    for client, names in wanted.items():
        if (found := list(conversations(client))) != names:
            raise client.problem(Kind.VALUE, f"the list {', '.join(names)}", ", ".join(found), clause="DUR-2")
    for client, room in ((bob, leaves), (alice, empty), (bob, empty)):
        client.refused(Send(room, new_txn(), 0, "hello?"), ErrorCode.NOT_A_MEMBER, clause="DUR-2")
    message = bob.post("we two", stays)
    with citing("DUR-2"):
        alice.hear(message[0], bob.handle, ack=message[1])
    holds(alice, stays, [joined(1, alice), joined(2, bob), said(message, bob)])
    holds(alice, leaves, [joined(1, alice), joined(2, bob), left(3, bob)])
    place = bob.join(empty)
    if (place.head, place.members) != (3, 1):
        came = f"head={place.head} members={place.members}"
        raise bob.problem(Kind.VALUE, f"head=3 members=1 in {empty}", came, clause="DUR-4")


@case("durable/joins-in-flight", "DUR-2", "DUR-1", needs=NEEDS_ROOMS, guarded=False, apart=True)
def joins_in_flight(arena: Arena) -> None:
    """Killed among many JOINs and LEAVEs, the server holds to each that it has answered"""
    server = arena.another_server(lasting=True)
    (alice,) = _enter(arena, server, "alice")
    rooms = [new_room() for _ in range(40)]
    for room in rooms:
        alice.send(Join(room))
        alice.send(Leave(room))
    is_in: list[bool | None] = [None] * len(rooms)
    for place in range(20):
        alice.expect(Conversation)
        is_in[place] = True
        alice.expect(Ok)
        is_in[place] = False
    assert server.process is not None
    server.process.kill()
    _rest_of_answers(alice, is_in)
    server.start_again()
    (alice,) = _back(arena, server, alice)
    found = conversations(alice)
    for room, wanted in zip(rooms, is_in, strict=True):
        if wanted is False and room in found:
            raise alice.problem(Kind.VALUE, f"{room} to be left, as LEAVE was answered OK", "a member")
        if wanted is not None:
            _joined_was_kept(alice, room)


def _rest_of_answers(client: Client, is_in: list[bool | None]) -> None:
    """What was answered before the kill. (A JOIN of which the LEAVE was not answered may be either.)"""
    place = 20
    while (received := client.next("the end of the stream")) is not None:
        if isinstance(received.message, Conversation):
            is_in[place] = True
        elif isinstance(received.message, Ok):
            is_in[place] = False
            place += 1


def _joined_was_kept(client: Client, room: str) -> None:
    """A JOIN that was answered has written seq 1, so the room was."""
    with citing("DUR-2"):
        place = client.join(room)
    if place.head < 1 or next(iter(whole(client, room)), None) is None:
        raise client.problem(Kind.VALUE, f"{room} with its JOINED", f"head={place.head}", clause="DUR-1")


@case("durable/cursors", "DUR-2", "MARK-9", needs=NEEDS_RECEIPTS, guarded=False, apart=True)
def cursors(arena: Arena) -> None:
    """After a kill cursors are where a MARK that was answered OK has put them, or one's own SEND or JOIN"""
    server = arena.another_server(lasting=True)
    alice, bob = (arena.login(name, target=server, capabilities=(*IN_ROOMS, RECEIPTS)) for name in ("alice", "bob"))
    alice.post("one more", LOBBY)
    fill(alice, to(bob), ["x"] * 10)
    _mark(bob, to(alice), 7, 4)
    room = new_room() if arena.target.offers(ROOMS) else ""
    if room:
        alice.join(room)
        bob.join(room)
        fill(alice, room, ["three", "four"])
        _mark(bob, room, 3, 0)
    server.crash()
    alice, bob = _back(arena, server, alice, bob)
    with citing("DUR-2"):
        expect_place(bob, place_in_list(bob, to(alice)), head=10, values=(7, 4, 7, 4))
        expect_place(alice, place_in_list(alice, to(bob)), head=10, values=(10, 10, 7, 4))
        expect_place(alice, place_in_list(alice, LOBBY), head=1, values=(1, 1, 0, 0))
        if room:
            expect_place(bob, place_in_list(bob, room), head=4, values=(3, 2, 3, 2))
            expect_place(alice, place_in_list(alice, room), head=4, values=(4, 4, 3, 2))


def _mark(client: Client, conversation: str, delivered: int, read: int) -> None:
    with assuming("MARK-1"):
        client.ask(Mark(conversation, delivered, read), Ok)


@case("durable/live-again", "DUR-2", "MSG-10", "MSG-3", needs=NEEDS_ROOMS, guarded=False, apart=True)
def live_again(arena: Arena) -> None:
    """After a kill everything goes on as before: members hear each other without joining again"""
    server = arena.another_server(lasting=True)
    alice, bob = _enter(arena, server, "alice", "bob")
    room = new_room()
    alice.join(room)
    bob.join(room)
    server.crash()
    alice, bob = _back(arena, server, alice, bob)
    for where, seen in ((room, room), (to(bob), to(alice)), (LOBBY, LOBBY)):
        message, ack = alice.post("as before", where)
        bob.hear(message, alice.handle, seen, ack=ack)
    if len(heard(alice, room)) != 1:
        raise alice.problem(Kind.VALUE, "one message in the room, and no JOINED", "others", clause="DUR-2")
