"""Step 4: SEND, ACK and MESSAGE, in the lobby.

In here: who hears what, in which order, with which numbers. Not in here: the fields of SEND (`sending`),
direct messages (`direct`).
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

from causerie_conformance.arena import Arena, hello, login, new_handle, new_token
from causerie_conformance.cases.hello import CUTS
from causerie_conformance.client import Client, citing, new_txn
from causerie_conformance.problems import Kind
from causerie_conformance.registry import case
from causerie_spec.annotate import annotate
from causerie_spec.codec import encode
from causerie_spec.codes import CAPABILITIES, LOBBY, ByeCode
from causerie_spec.messages import Ack, ChatMessage, Error, Message, Ping, Pong, Quit, Ready, Send, Welcome

DAY_MS = 86_400_000


@case("lobby/everyone-hears", "MSG-3", "MSG-4", "MSG-5", "LOBBY-1")
def everyone_hears(arena: Arena) -> None:
    """A message to the lobby reaches every connection of everybody online, the sender's own too, once"""
    alice, bob = arena.login("alice"), arena.login("bob")
    alice2 = arena.login("alice2", like=alice)
    sent, ack = alice.post()
    for client in (alice, alice2, bob):
        client.fence()
        client.hear(sent, alice.handle, ack=ack)
        if client.heard(sent):
            raise client.problem(Kind.EXTRA, "each message once", "the same MESSAGE twice")


@case("lobby/ack", "SEND-1", "MSG-6")
def ack_(arena: Arena) -> None:
    """SEND is answered ACK, with seq and timestamp of the MESSAGE and duplicate 0"""
    alice = arena.login()
    sent, ref = alice.say()
    ack = alice.expect(Ack, ref=ref, duplicate=False)
    alice.hear(sent, alice.handle, ack=ack)


@case("lobby/before-the-ack", "REQ-7")
def before_the_ack(arena: Arena) -> None:
    """Once the sender has its ACK, a PONG that another asks for comes after the MESSAGE"""
    alice = arena.login("alice")
    bob = arena.login("bob", beside=alice)
    for _ in range(20):
        sent, _ = alice.post()
        if bob.heard(sent) != 1:
            raise bob.problem(Kind.VALUE, f"MESSAGE with txn {sent.txn} before the PONG", "PONG without it")


@case("lobby/numbers", "MSG-1", "MSG-2", "MSG-4")
def numbers(arena: Arena) -> None:
    """Messages of several senders are numbered without gaps, and each is heard in that order"""
    clients = [arena.login(name) for name in ("alice", "bob", "carol")]
    sent = [(client, client.say()) for _ in range(20) for client in clients]
    acks: dict[int, Ack] = {}
    for client, (message, ref) in sent:
        acks[message.txn] = client.expect(Ack, ref=ref)
    in_order = sorted(sent, key=lambda item: acks[item[1][0].txn].seq)
    for client in clients:
        client.fence()
        for sender, (message, _) in in_order:
            client.hear(message, sender.handle, ack=acks[message.txn])


@case("lobby/time-in-ms", "TIME-1")
def time_in_ms(arena: Arena) -> None:
    """The timestamp of a message is in milliseconds, by the same clock as the time in WELCOME"""
    client = arena.connect("alice")
    welcome = client.ask(hello(), Welcome)
    arena.enter(client)
    _, ack = client.post()
    if not -DAY_MS < ack.timestamp - welcome.server_time < DAY_MS:
        came = f"{ack.timestamp} (WELCOME said {welcome.server_time})"
        raise client.problem(Kind.VALUE, "a timestamp near server_time", came)


@case("lobby/not-before-login", "LOBBY-1", "MSG-7")
def not_before_login(arena: Arena) -> None:
    """Who is not logged in hears nothing"""
    alice, lurker = arena.login("alice"), arena.greet("lurker")
    sent, _ = alice.post()
    lurker.hears_not(sent)


@case("lobby/not-after-quit", "LOBBY-1", "STATE-4")
def not_after_quit(arena: Arena) -> None:
    """Who has quit hears nothing any more"""
    alice, bob = arena.login("alice"), arena.login("bob")
    ref = bob.send(Quit(reason=""))
    bob.expect_bye(ByeCode.NORMAL, ref=ref)
    sent, _ = alice.post()
    bob.expect_end()
    if any(getattr(event.message, "txn", 0) == sent.txn for event in bob.events):
        raise bob.problem(Kind.EXTRA, "nothing after BYE", "a MESSAGE")


@case("lobby/from-ready-on", "MSG-8", "MSG-4")
def from_ready_on(arena: Arena) -> None:
    """Who logs in amid traffic hears from READY on every message, and none before it"""
    alice = arena.login("alice")
    sent: list[tuple[Send, int]] = []
    newcomers: list[Client] = []
    for number in range(10):
        client = arena.greet(f"new{number}")
        client.send(login(new_handle("new"), new_token()), ref=40)
        sent += [alice.say() for _ in range(5)]
        newcomers.append(client)
    for _, ref in sent:
        alice.expect(Ack, ref=ref)
    for client in newcomers:
        # Whatever comes before READY breaks MSG-8, whatever is left out breaks MSG-4: both are checked on receipt.
        client.expect(Ready, ref=40)
    last, ack = alice.post()
    for client in newcomers:
        client.fence()
        client.hear(last, alice.handle, ack=ack)


@case("lobby/heard-after-ready", "MSG-8")
def heard_after_ready(arena: Arena) -> None:
    """What is sent once somebody has READY reaches them"""
    alice = arena.login("alice")
    for number in range(5):
        client = arena.login(f"new{number}")
        sent, ack = alice.post()
        client.fence()
        with citing("MSG-8"):
            client.hear(sent, alice.handle, ack=ack)


@case("lobby/whatever-was-negotiated", "CAP-3", "MSG-3")
def whatever_was_negotiated(arena: Arena) -> None:
    """SEND, ACK and MESSAGE work alike, whatever capabilities were negotiated"""
    plain, full = arena.login("plain"), arena.login("full", capabilities=CAPABILITIES)
    for sender, other in ((plain, full), (full, plain)):
        sent, ack = sender.post()
        other.hear(sent, sender.handle, ack=ack)
        sender.hear(sent, sender.handle, ack=ack)


@case("lobby/nothing-unnegotiated", "CAP-2")
def nothing_unnegotiated(arena: Arena) -> None:
    """A connection that negotiated nothing receives no frames of capabilities"""
    full, plain = arena.login("full", capabilities=CAPABILITIES), arena.login("plain")
    for client in (full, plain):
        client.post()
    arena.login("late", capabilities=CAPABILITIES).post()
    plain.fence()
    for event in plain.events:
        if not isinstance(event.message, ChatMessage):
            raise plain.problem(Kind.EXTRA, "no event but MESSAGE", event.message.NAME, event.octets)


@case("lobby/answers-in-order", "REQ-2", "REQ-1", "FRAME-10")
def answers_in_order(arena: Arena) -> None:
    """Pipelined requests of all sorts are answered once each, in order"""
    alice = arena.login()
    kinds: list[tuple[type[Message], Callable[[], Message]]] = [
        (Ack, lambda: Send(LOBBY, new_txn(), 0, "one of many")),
        (Error, lambda: Send("nowhere", new_txn(), 0, "refused")),
        (Pong, lambda: Ping(token=new_txn())),
        (Error, lambda: Send(LOBBY, 0, 0, "refused")),
    ]
    octets = b""
    wanted: list[tuple[type[Message], int]] = []
    for _ in range(25):
        for answer, make in kinds:
            ref = alice.new_ref()
            octets += encode(make(), ref)
            wanted.append((answer, ref))
    alice.send_octets(octets)
    for answer, ref in wanted:
        alice.expect(answer, ref=ref)


@case("lobby/same-ref-again", "FRAME-10", "REQ-1")
def same_ref_again(arena: Arena) -> None:
    """A ref may be used again, also for requests that are open at once"""
    alice = arena.login()
    octets = b"".join(encode(Ping(token=token), 5) for token in range(10))
    alice.send_octets(octets)
    for token in range(10):
        alice.expect(Pong, ref=5, token=token)


# However the stream is cut


def _at_fields(frames: list[bytes]) -> list[bytes]:
    pieces = []
    for octets in frames:
        starts = [row.offset for row in annotate(octets)[0].rows] + [len(octets)]
        pieces += [octets[begin:end] for begin, end in pairwise(starts)]
    return pieces


@case("lobby/cut-{}", "FRAME-2", "REQ-5", "FORM-3", over=CUTS | {"at-field-boundaries": _at_fields})
def cut(arena: Arena, cut_up: object) -> None:
    """HELLO, LOGIN, SEND, a refused SEND, PING and QUIT are understood however the stream is cut"""
    assert callable(cut_up)
    bob, client = arena.login("bob"), arena.connect("alice")
    handle = new_handle("alice")
    sent = Send(LOBBY, new_txn(), 1, "cut: 🦊 é \u0000 \ufeff")
    frames = [
        encode(hello(capabilities=("x-a", "x-b")), 1),
        encode(login(handle, new_token(), display="Ålice"), 2),
        encode(sent, 3),
        encode(Send("@", new_txn(), 0, "refused"), 4),
        encode(Ping(token=6), 5),
        encode(Quit(reason="çut"), 6),
    ]
    for piece in cut_up(frames):
        client.send_octets(piece)
    with citing("FRAME-2"):
        client.expect(Welcome, ref=1)
        client.expect(Ready, ref=2, handle=handle)
        ack = client.expect(Ack, ref=3)
        client.expect(Error, ref=4)
        client.expect(Pong, ref=5, token=6)
        client.ends_with(ByeCode.NORMAL, ref=6)
        bob.hear(sent, handle, ack=ack)
