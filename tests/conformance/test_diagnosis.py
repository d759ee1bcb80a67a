"""Diagnoses: of failures of broken servers that were recorded (tests/broken/record.py), and of made-up ones."""

import importlib.util
import json
from pathlib import Path

import pytest

from causerie_conformance.diagnosis import RULES, Before, Evidence, diagnose
from causerie_conformance.problems import Kind
from causerie_conformance.results import Finding
from causerie_conformance.transcript import Direction, Entry, Transcript
from causerie_spec.clauses import load
from causerie_spec.codec import encode, frame
from causerie_spec.codes import MAX_BODY_BEFORE_READY, ByeCode, ErrorCode
from causerie_spec.messages import Ack, Bye, ChatMessage, Error, Hello, Ping, Pong, Ready, Send, Welcome

HERE = Path(__file__).parent
RECORDED = [json.loads(line) for line in (HERE / "failures.jsonl").read_text(encoding="utf-8").splitlines()]
HELLO = Hello(b"CAUS", 1, 1, 0, "suite", ())
WELCOME = Welcome(1, 0, 1_700_000_000_000, 7, "server", ("TOKEN",), ())


def diagnoses() -> dict[str, str]:
    """The table of the broken servers, which are a program of their own."""
    spec = importlib.util.spec_from_file_location("diagnoses", HERE.parent / "broken" / "diagnoses.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return dict(module.DIAGNOSES)


DIAGNOSES = diagnoses()


def finding_of(recorded) -> Finding:
    values = dict(recorded["finding"])
    values |= {"kind": Kind(values["kind"]), "peer": values["peer"] or ""}
    values |= {name: bytes.fromhex(values[name]) for name in ("octets", "should")}
    return Finding(**values)


def entries_of(recorded) -> list[Entry]:
    return [
        Entry(at, peer, Direction(direction), bytes.fromhex(octets), size, note)
        for at, peer, direction, octets, size, note in recorded["entries"]
    ]


@pytest.mark.parametrize("recorded", RECORDED, ids=lambda recorded: recorded["name"])
def test_a_recorded_failure_looks_like_what_it_is(recorded) -> None:
    found = diagnose(finding_of(recorded), entries_of(recorded), said=recorded["said"])
    assert (found.name if found else None) == DIAGNOSES.get(recorded["name"])


def test_every_rule_is_proved_by_a_broken_server() -> None:
    proved = set(DIAGNOSES.values())
    assert {rule.name for rule in RULES} == proved
    assert {DIAGNOSES.get(recorded["name"]) for recorded in RECORDED} >= proved
    assert sum(recorded["name"] not in DIAGNOSES for recorded in RECORDED) >= 10


def test_names_are_stable_and_texts_are_sentences() -> None:
    clauses = load()
    assert len({rule.name for rule in RULES}) == len(RULES)
    for rule in RULES:
        assert rule.name == rule.name.lower().replace(" ", "-")
        assert rule.advice.endswith((".", "?", "]", ")"))
        for cited in [word.partition("]")[0] for word in rule.advice.split("[")[1:]]:
            assert cited in clauses or not cited.isupper() or "-" not in cited[1:] or cited.startswith("A-"), cited


# Made-up failures: (finding, talk)


class Talk:
    """A transcript that is written by hand."""

    def __init__(self, peer: str = "A") -> None:
        self.transcript = Transcript()
        self.peer = peer

    def ask(self, *octets: bytes) -> "Talk":
        for each in octets:
            self.transcript.sent(self.peer, each)
        return self

    def hear(self, *octets: bytes, note: str = "") -> "Talk":
        for each in octets:
            self.transcript.received(self.peer, each, note)
        return self

    def of(self, kind: Kind, expected: str, **values: object) -> Evidence:
        clause = str(values.pop("clause", "PING-1"))
        said, before = str(values.pop("said", "")), values.pop("before", None)
        finding = Finding(kind, clause, expected, "?", peer=self.peer, **values)  # type: ignore[arg-type]
        return Evidence(finding, self.transcript, said=said, before=before)  # type: ignore[arg-type]


def name(evidence: Evidence) -> str | None:
    return next((rule.name for rule in RULES if rule.ask(evidence)), None)


def greeted() -> Talk:
    return Talk().ask(encode(HELLO, 1)).hear(encode(WELCOME, 1))


@pytest.mark.parametrize(
    ("rest", "wanted"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\n", "http"),
        (b"<!DOCTYPE html>\n<html>", "http"),
        (b"\x16\x03\x03\x00\x31\x02", "tls"),
        (b'{"type": "welcome"}', "json"),
        (b"\x00\x00\x00\x13[1, 2]", "json"),
        (b"220 mail.example.org ESMTP\r\n", "lines"),
        (b"Hello! Who are you?", "lines"),
        (encode(WELCOME, 1)[3::-1] + encode(WELCOME, 1)[4:], "length-little-endian"),
        (len(encode(WELCOME)).to_bytes(4, "big") + encode(WELCOME, 1)[4:], "length-counts-header"),
        ((len(encode(WELCOME)) - 4).to_bytes(4, "big") + encode(WELCOME, 1)[4:], "length-counts-header"),
        (encode(WELCOME, 1)[:5] + encode(WELCOME, 1)[8:], "header-short"),
        (encode(WELCOME, 1)[:6] + encode(WELCOME, 1)[8:], "header-short"),
        (encode(WELCOME, 1)[2:], "length-of-2-octets"),
        (encode(WELCOME, 1)[:-5], None),
        (b"\x00\x00\x00", None),
        (b"\xff\xff\xff\xff\x81\x00\x00\x01", None),
        (b"\x80\x81\x82\x83\x84\x85\x86\x87", None),
        (b"", None),
    ],
)
def test_octets_that_never_became_a_frame(rest, wanted) -> None:
    talk = Talk().ask(encode(HELLO, 1))
    if rest:
        talk.hear(rest, note="no whole frame")
    assert name(talk.of(Kind.TIMEOUT, "WELCOME")) == wanted


def test_one_read_is_one_frame() -> None:
    joined = encode(Ping(1), 2) + encode(Ping(2), 3)
    talk = greeted().ask(joined).hear(encode(Pong(1), 2))
    assert name(talk.of(Kind.TIMEOUT, "PONG token=2 with ref 3")) == "one-read-one-frame"
    # Where PING is not answered at all, not when it comes alone either, nothing is said about reads.
    before = Before(unanswered=frozenset({"PING"}))
    assert name(talk.of(Kind.TIMEOUT, "PONG token=2 with ref 3", before=before)) is None
    alone = greeted().ask(encode(Ping(1), 2))
    assert name(alone.of(Kind.TIMEOUT, "PONG token=1 with ref 2")) is None
    split = greeted().ask(encode(Ping(1), 2)[:9], encode(Ping(1), 2)[9:])
    assert name(split.of(Kind.FIN, "PONG token=1 with ref 2")) == "one-read-one-frame"
    lost = greeted().ask(joined)
    bye = encode(Bye(ByeCode.FRAME_TOO_LARGE, 0, ""), 9)
    lost.hear(bye)
    assert name(lost.of(Kind.VALUE, "the ref", octets=bye, clause="ERR-8")) == "one-read-one-frame"
    # By chance, the ref of what it took for a header is 0, or one that was sent.
    bye = encode(Bye(ByeCode.FRAME_TOO_LARGE, 0, ""), 0)
    for size in (9, MAX_BODY_BEFORE_READY + 2):
        hello = frame(Hello.TYPE, bytes(size), 1)
        taken = Talk().ask(hello[:9], hello[9:]).hear(bye).of(Kind.VALUE, "WELCOME with ref 1", octets=bye)
        assert name(taken) == ("one-read-one-frame" if size < 100 else None)
    whole = Talk().ask(encode(HELLO, 1)).hear(bye)
    assert name(whole.of(Kind.VALUE, "WELCOME with ref 1", octets=bye)) is None


def test_the_ref_is_not_echoed_but_zero_was_asked() -> None:
    pong = encode(Pong(1), 0)
    asked = greeted().ask(encode(Ping(1), 2)).hear(pong)
    evidence = asked.of(Kind.VALUE, "ref 2, as in the request", octets=pong, clause="FRAME-10")
    assert name(evidence) == "ref-not-echoed"
    zero = greeted().ask(encode(Ping(1), 0)).hear(pong)
    assert name(zero.of(Kind.UNEXPECTED, "BYE MALFORMED(102) with ref 0", octets=pong)) == "answers-ref-0"


def chat(text: str, *, seq: int = 1, ref: int = 0, txn: int = 5) -> bytes:
    return encode(ChatMessage("#lobby", seq, 1_700_000_000_000, "bob", txn, 0, text), ref)


@pytest.mark.parametrize(
    ("sent", "came", "wanted"),
    [
        ("\ufeffhi", "hi", "byte-order-mark-stripped"),
        ("e\u0301", "\u00e9", "text-normalized"),
        (" hi ", "hi", "text-trimmed"),
        ("hi\n", "hi", "text-trimmed"),
        ("a\r\nb", "a\nb", "line-ends-changed"),
        ("a🦊b", "a\ufffdb", "text-replaced"),
        ("a\0b", "a", "text-ends-at-nul"),
        ("abcdef", "abc", "text-cut"),
        ("abc", "xyz", None),
        ("abc", "abcd", None),
    ],
)
def test_texts_that_were_changed(sent, came, wanted) -> None:
    octets = chat(came)
    talk = greeted().ask(encode(Send("#lobby", 5, 0, sent), 2)).hear(octets)
    assert name(talk.of(Kind.VALUE, "the text", octets=octets, clause="SEND-5")) == wanted


@pytest.mark.parametrize(
    ("token", "came", "wanted"),
    [
        (2**60 + 1, 2**60, "number-as-double"),
        (2**40 + 3, 3, "number-of-32-bits"),
        (2**63 + 1, 2**63 - 1, "number-signed"),
        (1, 1 << 56, "number-swapped"),
        (5, 6, None),
    ],
)
def test_numbers_that_were_changed(token, came, wanted) -> None:
    octets = encode(Pong(came), 2)
    talk = greeted().ask(encode(Ping(token), 2)).hear(octets)
    assert name(talk.of(Kind.VALUE, "PONG", octets=octets)) == wanted


def test_a_length_in_characters() -> None:
    text = "naïve café"
    right = chat(text)
    wrong = right[: -len(text.encode()) - 2] + len(text).to_bytes(2, "big") + text.encode()
    talk = greeted().ask(encode(Send("#lobby", 5, 0, text), 2)).hear(wrong)
    assert name(talk.of(Kind.UNDECODABLE, "a body", octets=wrong, clause="FORM-1")) == "characters-for-octets"


def test_a_limit_in_characters_or_none() -> None:
    ack = encode(Ack(1, 1_700_000_000_000, False), 2)
    for text, wanted in (("é" * 8_193, "characters-for-octets"), ("x" * 16_385, "limit-missing")):
        talk = greeted().ask(encode(Send("#lobby", 5, 0, text), 2)).hear(ack)
        evidence = talk.of(Kind.UNEXPECTED, "ERROR TEXT_TOO_LONG(9) with ref 2", octets=ack, clause="SEND-7")
        assert name(evidence) == wanted


def test_a_reset_loses_the_bye_only_where_one_is_due() -> None:
    talk = greeted().ask(frame(Ping.TYPE, b"", ref=9))
    assert name(talk.of(Kind.RST, "BYE MALFORMED(102) with ref 9")) == "bye-lost"
    assert name(talk.of(Kind.RST, "PONG token=1")) is None
    assert name(talk.of(Kind.FIN, "BYE MALFORMED(102) with ref 9")) == "no-bye"


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ('Traceback (most recent call last):\n  File "x.py", line 1\nKeyError: 7\n', "KeyError: 7"),
        ("panic: runtime error: index out of range\n\ngoroutine 1", "panic: "),
        ("thread 'main' panicked at src/main.rs:3:5:\nboom", "panicked at src/main.rs"),
        ('Exception in thread "main" java.io.EOFException\n', "Exception in thread"),
    ],
)
def test_a_crash_is_told_by_the_servers_own_output(said, words) -> None:
    talk = greeted().ask(encode(Ping(1), 2))
    evidence = talk.of(Kind.FIN, "PONG token=1 with ref 2", said=said)
    found = next(rule.ask(evidence) for rule in RULES if rule.ask(evidence))
    assert found is not None
    assert found.name == "crash"
    assert words in found.text
    assert name(talk.of(Kind.VALUE, "PONG token=1 with ref 2", said=said)) is None


def test_an_error_and_then_the_end() -> None:
    talk = greeted().ask(frame(0x7E, b"", ref=2)).hear(encode(Error(ErrorCode.UNSUPPORTED, 0, ""), 2))
    assert name(talk.of(Kind.FIN, "PONG token=1 with ref 3")) == "ends-after-error"


def test_who_was_told() -> None:
    send = encode(Send("#lobby", 5, 0, "hi"), 3)
    expected = "MESSAGE in #lobby by bob with txn 5"
    talk = Talk("alice").hear(encode(Ready("bob", "bob", b""), 2)).ask(send)
    talk.hear(encode(Ack(1, 1_700_000_000_000, False), 3))
    assert name(talk.of(Kind.TIMEOUT, expected)) is None  # nobody else is there
    talk.peer = "carol"
    talk.hear(encode(Ready("carol", "carol", b""), 2))
    talk.peer = "alice"
    assert name(talk.of(Kind.TIMEOUT, expected)) == "no-relay"
    talk.peer = "carol"
    talk.hear(chat("hi"))
    talk.peer = "alice"
    assert name(talk.of(Kind.TIMEOUT, expected)) == "not-to-the-sender"


def test_faults_of_the_suite_look_like_nothing() -> None:
    assert diagnose(Finding(Kind.SUITE, "PING-1", "the suite to work", "KeyError"), Transcript()) is None


# Putting the talk together again


def test_frames_in_pieces_and_several_in_one_write() -> None:
    octets = encode(Ping(1), 2) + encode(Ping(2), 3) + encode(Ping(3), 4)
    evidence = Talk().ask(octets[:20], octets[20:40], octets[40:]).of(Kind.TIMEOUT, "PONG")
    assert [(each.ref, each.began, each.ended, each.place) for each in evidence.sent("A")] == [
        (2, 0, 0, 0),
        (3, 0, 1, 1),
        (4, 1, 2, 1),
    ]
    assert [each.ref for each in evidence.unanswered] == [2, 3, 4]


def test_a_long_entry_is_filled_up_and_what_is_behind_a_gap_begins_anew() -> None:
    long = encode(Send("#lobby", 5, 0, "x" * 5_000), 2)
    talk = Talk().ask(long)
    frame_ = talk.of(Kind.TIMEOUT, "ACK").sent()[0]
    assert (frame_.cut, len(frame_.octets), frame_.ref) == (True, len(long), 2)
    many = Talk().ask(long + long)
    assert many.of(Kind.TIMEOUT, "ACK").sent() == []
    flood = Talk()
    for number in range(200):
        flood.ask(encode(Ping(number), number + 1))
    assert len(flood.of(Kind.TIMEOUT, "PONG").sent()) == 120
