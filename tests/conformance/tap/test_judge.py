"""The checks go on after a broken clause, and the next frame is judged by itself."""

from __future__ import annotations

import dataclasses

import pytest

from causerie_conformance.tap import judge
from causerie_conformance.tap.judge import House, Judge
from causerie_spec.codec import RawFrame, encode, frame
from causerie_spec.messages import (
    Ack,
    ChatMessage,
    Conversation,
    Conversations,
    End,
    Hello,
    Login,
    Message,
    Ping,
    Pong,
    Ready,
    Send,
    Welcome,
)

AT = 1_700_000_000_000
WELCOME = Welcome(1, 0, AT, 7, "stub", ("TOKEN",), ())
READY = Ready("alice", "alice", b"")
TEXT = ChatMessage("#lobby", 1, AT, "bob", 9, 0, "salut")


class Talk:
    """A judge that is fed messages; each call gives the clause that was broken, None if none was."""

    def __init__(self) -> None:
        self.house = House()
        self.judge = Judge(1, self.house)

    def up(self, message: Message, ref: int) -> str | None:
        octets = encode(message, ref)
        self.judge.sent(octets)
        return self._clause(self.judge.from_client, octets)

    def down(self, message: Message, ref: int = 0, *, flags: int = 0) -> str | None:
        octets = encode(message, ref)
        return self._clause(self.judge.from_server, octets[:5] + bytes([flags]) + octets[6:])

    def raw(self, type_: int, body: bytes, ref: int = 0) -> str | None:
        return self._clause(self.judge.from_server, frame(type_, body, ref))

    @staticmethod
    def _clause(judged, octets: bytes) -> str | None:
        violation = judged(RawFrame(octets[4], octets[5], int.from_bytes(octets[6:8], "big"), octets[8:]), octets)
        return None if violation is None else violation.clause

    def log_in(self, *, flags: int = 0) -> None:
        assert self.up(Hello(b"CAUS", 1, 1, 0, "test", ()), 1) is None
        assert self.down(WELCOME, 1, flags=flags) == ("FRAME-6" if flags else None)
        assert self.up(Login("TOKEN", "alice", "alice", bytes(32)), 2) is None
        assert self.down(READY, 2, flags=flags) == ("FRAME-6" if flags else None)


@pytest.mark.parametrize("flags", [0, 1])
def test_a_broken_welcome_and_a_broken_ready_are_believed(flags: int) -> None:
    talk = Talk()
    talk.log_in(flags=flags)
    assert talk.down(TEXT) is None  # no event before READY, [MSG-8]
    assert talk.up(Ping(1), 1) is None  # its ref is free again
    assert talk.down(Pong(1), 1) is None


def test_one_gap_is_told_once() -> None:
    talk = Talk()
    talk.log_in()
    seqs = [1, 2, 4, 5, 6]
    told = [talk.down(dataclasses.replace(TEXT, seq=seq, timestamp=AT + seq, txn=seq)) for seq in seqs]
    assert told == [None, None, "MSG-1", None, None]


def test_a_broken_item_is_no_answer() -> None:
    talk = Talk()
    talk.log_in()
    talk.up(Conversations("", 9), 3)
    item = Conversation("#lobby", 1, 0, 1, 0, 0, 0, 0)
    assert talk.down(item, 3, flags=1) == "FRAME-6"
    assert talk.down(End(False), 3) is None


def test_an_answer_that_overtook_others_takes_their_place() -> None:
    talk = Talk()
    talk.log_in()
    for ref in (3, 4, 5):
        talk.up(Ping(ref), ref)
    assert talk.down(Pong(4), 4) == "REQ-2"
    assert talk.down(Pong(5), 5) is None


def test_what_cannot_be_decoded_is_an_answer_too() -> None:
    talk = Talk()
    talk.log_in()
    for ref in (3, 4):
        talk.up(Ping(ref), ref)
    assert talk.raw(Pong.TYPE, b"\0", 3) == "FRAME-1"
    assert talk.down(Pong(4), 4) is None


def test_a_broken_hello_is_believed() -> None:
    talk = Talk()
    assert talk.up(Hello(b"NOPE", 1, 1, 0, "test", ()), 1) == "HELLO-1"
    assert talk.up(Ping(1), 2) is None


def test_what_is_not_decodable_at_first_is_no_hello() -> None:
    talk = Talk()
    octets = frame(Hello.TYPE, b"\xff", 1)
    assert talk._clause(talk.judge.from_client, octets) == "HELLO-1"


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judge, "FACTS_KEPT", 3)
    talk = Talk()
    talk.log_in()
    for seq in range(1, 9):
        assert talk.down(dataclasses.replace(TEXT, seq=seq, txn=seq)) is None
    assert [seq for _, seq in talk.house.shared.facts] == [6, 7, 8]


def test_an_ack_that_contradicts_is_told_of_the_server() -> None:
    talk = Talk()
    talk.log_in()
    talk.up(Send("#lobby", 5, 0, "salut"), 3)
    assert talk.down(dataclasses.replace(TEXT, sender="alice", txn=5)) is None
    assert talk.down(Ack(1, AT + 1, False), 3) is not None
