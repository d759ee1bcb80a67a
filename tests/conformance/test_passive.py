"""Every passive check is broken once, and names its clause; a sound conversation breaks none."""

import dataclasses
from collections.abc import Sequence

import pytest

from causerie_conformance.arena import hello, login
from causerie_conformance.logs import Shared
from causerie_conformance.passive import Observer
from causerie_conformance.problems import Violation
from causerie_spec.codec import Decoder, encode, frame
from causerie_spec.messages import (
    Ack,
    Bye,
    ChatMessage,
    Compose,
    Composing,
    Conversation,
    Conversations,
    End,
    Error,
    History,
    Join,
    Message,
    Ping,
    Pong,
    Presence,
    Quit,
    Ready,
    Receipt,
    Room,
    Rooms,
    Send,
    Welcome,
    Who,
)

NOW = 1_700_000_000_000
WELCOME = Welcome(1, 0, NOW, 7, "x", ("TOKEN",), ())
READY = Ready("alice", "Alice", b"")
SEND = Send("#lobby", 5, 0, "hi")
HEARD = ChatMessage("#lobby", 1, NOW, "alice", 5, 0, "hi")
BYE = Bye(100, 0, "")

Step = tuple[str, bytes]


def out(message: Message, ref: int) -> Step:
    return "out", encode(message, ref)


def back(message: Message, ref: int = 0) -> Step:
    return "in", encode(message, ref)


def raw(octets: bytes) -> Step:
    return "in", octets


HELLO = [out(hello(), 1), back(WELCOME, 1)]
LOGGED_IN = [*HELLO, out(login("alice", bytes(32)), 2), back(READY, 2)]
ALL = ("rooms", "history", "receipts", "typing", "presence")
FULL = [
    *(out(hello(capabilities=ALL), 1), back(Welcome(1, 0, NOW, 7, "x", ("TOKEN",), ALL), 1)),
    *(out(login("alice", bytes(32)), 2), back(READY, 2)),
]
JOINED = ChatMessage("#ops", 1, NOW, "alice", 0, 128, "")
PLACE = Conversation("#ops", 1, 3, 2, 3, 3, 2, 1)
TOLD = Receipt("#ops", 3, 3, 2, 1)
BOB = Presence("bob", "Bob", True, NOW)
SAID = ChatMessage("@bob", 4, NOW, "bob", 5, 0, "hi")


def play(steps: Sequence[Step], shared: Shared | None = None) -> Observer:
    observer = Observer(shared or Shared())
    for direction, octets in steps:
        if direction == "out":
            observer.sent(octets)
            continue
        decoder = Decoder(2**32)
        decoder.feed(octets)
        for each in decoder:
            observer.received(each, octets)
    return observer


def changed(message: Message, **values: object) -> Message:
    return dataclasses.replace(message, **values)  # type: ignore[type-var]


def test_a_sound_conversation() -> None:
    sound = [
        *LOGGED_IN,
        out(SEND, 3),
        back(HEARD),
        back(Ack(1, NOW, False), 3),
        out(changed(SEND, txn=6), 4),
        back(Ack(2, NOW + 1, False), 4),
        back(changed(HEARD, seq=2, timestamp=NOW + 1, txn=6)),
        back(changed(HEARD, conversation="@bob", seq=9, sender="bob", text="\0")),
        ("out", frame(0x7E, ref=5)),
        back(Error(1, 0, ""), 5),
        ("out", frame(0x7E, ref=0)),
        out(Ping(1), 6),
        out(Ping(2), 6),
        back(Pong(1), 6),
        back(Pong(2), 6),
        out(Quit(""), 7),
        back(BYE, 7),
    ]
    observer = play(sound)
    assert observer.ended
    assert observer.handle == "alice"


def test_octet_by_octet_is_followed_alike() -> None:
    octets = encode(hello(), 1) + encode(Ping(3), 2)
    steps = [("out", bytes([octet])) for octet in octets]
    play([*steps, back(WELCOME, 1), back(Pong(3), 2)])


def test_a_sound_conversation_of_all_profiles() -> None:
    sound = [
        *FULL,
        out(Join("#ops"), 3),
        back(changed(PLACE, head=1, members=1, delivered=1, read=1, all_delivered=1, all_read=1), 3),
        back(JOINED),
        back(TOLD),
        back(changed(TOLD, all_delivered=0, all_read=0)),
        back(changed(JOINED, seq=2, kind=129)),
        back(changed(TOLD, delivered=9, read=9)),
        back(changed(JOINED, seq=9)),
        back(changed(TOLD, delivered=9, read=9)),
        out(Compose("@bob", True), 0),
        back(Composing("@bob", "alice", True)),
        back(Composing("@bob", "bob", False)),
        out(Who("#ops", "", 2, True), 4),
        back(changed(BOB, handle="alice"), 4),
        back(changed(BOB, online=False, last_seen=0)),
        back(BOB, 4),
        back(End(True), 4),
        out(Who("@bob", "", 9, False), 5),
        back(changed(BOB, online=False, last_seen=0), 5),
        back(End(False), 5),
        out(History("@bob", 0, 3, 2), 6),
        back(SAID, 6),
        back(changed(SAID, seq=5, sender="alice"), 6),
        back(End(False), 6),
        out(History("@bob", 1, 2**64 - 1, 2), 7),
        back(SAID, 7),
        back(End(True), 7),
        out(Conversations("", 9), 8),
        back(PLACE, 8),
        back(changed(PLACE, conversation="@bob", members=2), 8),
        back(End(False), 8),
        out(Rooms("#a", 1), 9),
        back(Room("#b", 3), 9),
        back(End(True), 9),
    ]
    play(sound)


PING = out(Ping(1), 3)
BROKEN = {
    "bit-7": ("FRAME-13", [*HELLO, raw(frame(0x04, bytes(8), ref=1))]),
    "flags": ("FRAME-6", [*HELLO, PING, raw(frame(0x84, bytes(8), ref=3, flags=1))]),
    "behind-the-fields": ("FRAME-9", [*HELLO, PING, raw(frame(0x84, bytes(9), ref=3))]),
    "unknown-type": ("CAP-2", [*HELLO, raw(frame(0xFE))]),
    "too-short": ("FRAME-1", [*HELLO, PING, raw(frame(0x84, bytes(7), ref=3))]),
    "not-utf8": ("FORM-1", [*HELLO, raw(frame(0x85, b"\x00\x64\x00\x00\x00\x00\x01\xff"))]),
    "before-hello": ("HELLO-2", [back(WELCOME, 1)]),
    "after-bye": ("STATE-4", [*HELLO, back(BYE), back(Pong(1), 3)]),
    "bye-twice": ("STATE-4", [*HELLO, back(BYE), back(BYE)]),
    "ref-of-answer": ("FRAME-10", [*HELLO, PING, back(Pong(1), 4)]),
    "answer-to-nothing": ("FRAME-10", [*HELLO, back(Pong(1), 4)]),
    "answer-ref-0": ("FRAME-10", [*HELLO, PING, back(Pong(1), 0)]),
    "answered-twice": ("REQ-1", [*HELLO, PING, back(Pong(1), 3), back(Pong(1), 3)]),
    "wrong-answer": ("REQ-1", [*HELLO, PING, back(WELCOME, 3)]),
    "out-of-order": ("REQ-2", [*HELLO, PING, out(Ping(2), 4), back(Pong(2), 4)]),
    "bye-before-answers": ("REQ-2", [*HELLO, PING, out(Ping(2), 4), back(Bye(102, 0, ""), 4)]),
    "bye-to-quit-before-answers": ("CLOSE-2", [*HELLO, PING, out(Quit(""), 4), back(BYE, 4)]),
    "ref-of-bye": ("ERR-8", [*HELLO, PING, back(BYE, 99)]),
    "ref-of-event": ("FRAME-11", [*LOGGED_IN, back(HEARD, 3)]),
    "event-before-ready": ("MSG-8", [*HELLO, back(HEARD)]),
    "bad-sender": ("NAME-6", [*LOGGED_IN, back(changed(HEARD, sender="@alice"))]),
    "bad-conversation": ("NAME-6", [*LOGGED_IN, back(changed(HEARD, conversation="lobby"))]),
    "bad-handle": ("NAME-6", [*HELLO, out(login("a", bytes(32)), 2), back(changed(READY, handle="A"), 2)]),
    "bad-display": ("NAME-6", [*HELLO, out(login("a", bytes(32)), 2), back(changed(READY, display=""), 2)]),
    "seconds": ("TIME-1", [*LOGGED_IN, back(changed(HEARD, timestamp=NOW // 1000))]),
    "microseconds": ("TIME-1", [*LOGGED_IN, back(changed(HEARD, timestamp=NOW * 1000))]),
    "welcome-in-seconds": ("TIME-1", [out(hello(), 1), back(changed(WELCOME, server_time=NOW // 1000), 1)]),
    "version": ("HELLO-4", [out(hello(), 1), back(changed(WELCOME, version=2), 1)]),
    "keepalive-higher": ("KEEP-1", [out(hello(keepalive=9), 1), back(changed(WELCOME, keepalive=10), 1)]),
    "keepalive-0": ("KEEP-1", [out(hello(keepalive=9), 1), back(WELCOME, 1)]),
    "seq-0": ("MSG-1", [*LOGGED_IN, back(changed(HEARD, seq=0))]),
    "gap": ("MSG-1", [*LOGGED_IN, back(HEARD), back(changed(HEARD, seq=3))]),
    "twice": ("MSG-4", [*LOGGED_IN, back(HEARD), back(HEARD)]),
    "backwards": ("MSG-4", [*LOGGED_IN, back(changed(HEARD, seq=5)), back(changed(HEARD, seq=4))]),
    "time-falls": ("MSG-2", [*LOGGED_IN, back(HEARD), back(changed(HEARD, seq=2, timestamp=NOW - 1))]),
    "ack-other-time": ("MSG-6", [*LOGGED_IN, out(SEND, 3), back(HEARD), back(Ack(1, NOW + 1, False), 3)]),
    "ack-other-txn": ("MSG-5", [*LOGGED_IN, out(changed(SEND, txn=9), 3), back(HEARD), back(Ack(1, NOW, False), 3)]),
}


def listed(request: Message, *items: Message, more: bool | None = None) -> list[Step]:
    """A streamed answer; without END unless *more* is given."""
    end = [] if more is None else [back(End(more), 3)]
    return [*FULL, out(request, 3), *(back(item, 3) for item in items), *end]


ROOM = Room("#b", 1)
BROKEN |= {
    "receipt-not-negotiated": ("CAP-2", [*LOGGED_IN, back(TOLD)]),
    "presence-not-negotiated": ("CAP-2", [*LOGGED_IN, back(BOB)]),
    "composing-not-negotiated": ("CAP-2", [*LOGGED_IN, back(Composing("@bob", "bob", True))]),
    "receipt-before-ready": ("MSG-8", [*FULL[:2], back(TOLD)]),
    "presence-before-ready": ("MSG-8", [*FULL[:2], back(BOB)]),
    "read-above-delivered": ("MARK-1", [*FULL, back(changed(TOLD, delivered=2))]),
    "cursor-goes-back": ("MARK-1", [*FULL, back(TOLD), back(changed(TOLD, read=2))]),
    "all-above-own": ("MARK-4", [*FULL, back(changed(TOLD, all_delivered=4))]),
    "all-read-above-own": ("MARK-4", [*FULL, back(Receipt("#ops", 9, 3, 5, 4))]),
    "all-read-above-all-delivered": ("MARK-4", [*FULL, back(changed(TOLD, all_read=3))]),
    "all-in-the-lobby": ("MARK-4", [*FULL, back(changed(TOLD, conversation="#lobby"))]),
    "all-of-257": ("MARK-4", listed(Conversations("", 9), changed(PLACE, members=257))),
    "cursor-above-head": ("MARK-1", listed(Conversations("", 9), changed(PLACE, head=2))),
    "first-above-head": ("HIST-7", listed(Conversations("", 9), changed(PLACE, first=5))),
    "first-0": ("HIST-7", listed(Conversations("", 9), changed(PLACE, first=0))),
    "composing-of-a-stranger": ("TYPE-5", [*FULL, back(Composing("@bob", "carol", True))]),
    "message-of-a-stranger": ("DIRECT-1", [*FULL, back(changed(SAID, sender="carol"))]),
    "compose-answered": ("TYPE-2", [*FULL, out(Compose("@bob", True), 9), back(Error(3, 0, ""), 9)]),
    "compose-with-ref-0-answered": ("TYPE-2", [*FULL, out(Compose("@bob", True), 0), back(Error(3, 0, ""), 0)]),
    "online-never-seen": ("WHO-5", [*FULL, back(changed(BOB, last_seen=0))]),
    "message-without-txn": ("MSG-5", [*FULL, back(changed(SAID, txn=0))]),
    "message-without-text": ("MSG-5", [*FULL, back(changed(SAID, text=""))]),
    "joined-with-text": ("ROOM-2", [*FULL, back(changed(JOINED, text="x"))]),
    "joined-with-txn": ("ROOM-2", [*FULL, back(changed(JOINED, txn=1))]),
    "joined-the-lobby": ("ROOM-2", [*FULL, back(changed(JOINED, conversation="#lobby"))]),
    "kind-130": ("ROOM-2", [*FULL, back(changed(JOINED, kind=130))]),
    "gap-above-the-head": ("MSG-10", [*listed(Conversations("", 9), PLACE), back(changed(JOINED, seq=5))]),
    "duplicate-of-another": (
        "MSG-5",
        [*FULL, back(HEARD), out(changed(SEND, txn=9), 3), back(Ack(1, NOW, True), 3)],
    ),
    "who-out-of-order": ("WHO-7", listed(Who("#ops", "", 9, False), BOB, changed(BOB, handle="ann"))),
    "who-twice": ("WHO-7", listed(Who("#ops", "", 9, False), BOB, BOB)),
    "who-not-behind-after": ("WHO-7", listed(Who("#ops", "bob", 9, False), BOB)),
    "who-above-limit": ("WHO-7", listed(Who("#ops", "", 1, False), BOB, changed(BOB, handle="cy"))),
    "who-nobody-and-more": ("WHO-7", listed(Who("#ops", "", 1, False), more=True)),
    "who-somebody-else": ("WHO-7", listed(Who("@cy", "", 1, False), BOB)),
    "who-offline-in-the-lobby": ("WHO-7", listed(Who("#lobby", "", 1, False), changed(BOB, online=False))),
    "conversations-out-of-order": (
        "LIST-1",
        listed(Conversations("", 9), PLACE, changed(PLACE, conversation="#lobby", all_delivered=0, all_read=0)),
    ),
    "rooms-not-behind-after": ("LIST-1", listed(Rooms("#b", 9), ROOM)),
    "rooms-none-and-more": ("LIST-1", listed(Rooms("", 9), more=True)),
    "history-of-another": ("HIST-1", listed(History("@cy", 0, 0, 9), SAID)),
    "history-not-contiguous": ("HIST-1", listed(History("@bob", 0, 0, 9), SAID, changed(SAID, seq=6))),
    "history-descending": ("HIST-1", listed(History("@bob", 1, 9, 9), SAID, changed(SAID, seq=3))),
    "history-at-the-anchor": ("HIST-1", listed(History("@bob", 0, 4, 9), SAID)),
    "history-behind-the-anchor": ("HIST-1", listed(History("@bob", 1, 4, 9), SAID)),
    "history-above-limit": ("HIST-2", listed(History("@bob", 0, 0, 1), SAID, changed(SAID, seq=5))),
    "history-nothing-and-more": ("HIST-2", listed(History("@bob", 0, 0, 1), more=True)),
    "history-contradicts": (
        "SEND-5",
        [*listed(History("@bob", 0, 0, 9)), back(SAID), back(changed(SAID, text="ho"), 3)],
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_clause_is_named(name: str) -> None:
    clause, steps = BROKEN[name]
    play(steps[:-1])
    with pytest.raises(Violation) as caught:
        play(steps)
    assert caught.value.clause == clause
    assert caught.value.octets


def test_a_lost_message_is_told_from_a_gap_in_the_numbers() -> None:
    shared = Shared()
    play([*LOGGED_IN, back(HEARD), back(changed(HEARD, seq=2, txn=6))], shared)
    with pytest.raises(Violation) as caught:
        play([*LOGGED_IN, back(HEARD), back(changed(HEARD, seq=3, txn=7))], shared)
    assert caught.value.clause == "MSG-4"


@pytest.mark.parametrize(
    ("values", "clause"),
    [
        ({"txn": 8}, "MSG-5"),
        ({"text": "ho"}, "SEND-5"),
        ({"text": "ho", "txn": 8}, "MSG-6"),
        ({"kind": 1}, "MSG-5"),
        ({"timestamp": NOW + 1}, "MSG-6"),
    ],
)
def test_a_message_is_the_same_for_everybody(values: dict[str, object], clause: str) -> None:
    shared = Shared()
    play([*LOGGED_IN, back(HEARD)], shared)
    with pytest.raises(Violation) as caught:
        play([*LOGGED_IN, back(changed(HEARD, **values))], shared)
    assert caught.value.clause == clause


def test_the_epoch_is_the_same_for_everybody() -> None:
    shared = Shared()
    play(HELLO, shared)
    with pytest.raises(Violation) as caught:
        play([out(hello(), 1), back(changed(WELCOME, epoch=8), 1)], shared)
    assert caught.value.clause == "HELLO-7"


def test_a_direct_conversation_is_one_log_by_two_names() -> None:
    shared = Shared()
    bob = [*HELLO, out(login("bob", bytes(32)), 2), back(changed(READY, handle="bob"), 2)]
    play([*LOGGED_IN, back(changed(HEARD, conversation="@bob"))], shared)
    play([*bob, back(changed(HEARD, conversation="@alice"))], shared)
    with pytest.raises(Violation):
        play([*bob, back(changed(HEARD, conversation="@alice", txn=99))], shared)


def test_a_malformed_compose_may_be_answered_by_bye() -> None:
    compose = frame(0x13, b"\x01", ref=9)
    asked = out(hello(capabilities=("typing",)), 1)
    play([asked, back(changed(WELCOME, capabilities=("typing",)), 1), ("out", compose), back(Bye(102, 0, ""), 9)])
