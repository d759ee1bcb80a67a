"""What is repeated, how, and what is said of it: recordings made by hand, servers made for one test each."""

from __future__ import annotations

import re
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from causerie_conformance.problems import Kind
from causerie_conformance.replay import engine, plain
from causerie_conformance.replay.cli import play
from causerie_conformance.replay.engine import AGAIN, OTHERWISE
from causerie_conformance.replay.recording import Recording
from causerie_conformance.replay.tape import Step, What
from causerie_conformance.target import Target
from causerie_spec.codec import Decoder, encode
from causerie_spec.messages import Ack, Bye, ChatMessage, Pong, Presence, Room, Send, Welcome

from .recorded import A_WRONG_PONG, BEGAN, GREETING, HELLO, NAME, PING, PONG, WELCOME, WRONG_PONG, recording, wrong

PATIENCE = 0.4
Play = Callable[..., tuple[int, str]]


@pytest.fixture
def again(serve: Any, capsys: pytest.CaptureFixture[str]) -> Play:
    """Repeats a recording on a server that answers each frame with the next of these; status and what was said."""

    def run(kept: Recording, *answers: bytes, patience: float = PATIENCE, exact: bool = True) -> tuple[int, str]:
        def answer(connection: socket.socket) -> None:
            decoder, left = Decoder(65_535), list(answers)
            while octets := connection.recv(65_536):
                decoder.feed(octets)
                for _ in decoder:
                    if left:
                        connection.sendall(left.pop(0))

        return against(serve(answer).address, kept, patience=patience, exact=exact)

    def against(address: tuple[str, int], kept: Recording, *, patience: float = PATIENCE, exact: bool = True) -> Any:
        status = play(kept, Target(*address), patience, exact=exact)
        return status, capsys.readouterr().out

    run.against = against  # type: ignore[attr-defined]
    return run


# The same again, or not


def test_the_same_wrong_value(again: Play) -> None:
    status, said = again(A_WRONG_PONG, WELCOME, WRONG_PONG)
    assert status == AGAIN
    assert "then" not in said
    assert said.endswith("The same wrong thing came again: PONG 6 [PING-1]\n")


def test_another_value(again: Play) -> None:
    status, said = again(A_WRONG_PONG, WELCOME, PONG)
    assert status == OTHERWISE
    assert re.search(r"<- PONG ref 2 token=5\n +then  peer-0 +<- PONG ref 2 token=6\n", said)


def test_clocks_and_epochs_are_no_difference(again: Play) -> None:
    later = encode(Welcome(1, 0, 1_800_000_000_000, 8, "stub", ("TOKEN",), ()), 1)
    assert again(A_WRONG_PONG, later, WRONG_PONG)[0] == AGAIN
    assert "then" not in again(A_WRONG_PONG, later, WRONG_PONG)[1]
    other = encode(Welcome(1, 0, 1_800_000_000_000, 8, "other", ("TOKEN",), ()), 1)
    assert "then" in again(A_WRONG_PONG, other, WRONG_PONG)[1]


SECONDS = encode(Welcome(1, 0, 1_700_000_000, 7, "stub", ("TOKEN",), ()), 1)


def test_a_clock_that_is_wrong_is_known_by_how_far_it_is_from_now(again: Play) -> None:
    kept = recording(GREETING[0], (What.FRAME, SECONDS), wrong=wrong(octets=SECONDS, offset=12))
    assert plain.finding(kept, plain.steps(kept)).rule[2] == "far"
    assert again(kept, SECONDS)[0] == AGAIN
    now = encode(Welcome(1, 0, int(time.time() * 1_000), 7, "stub", ("TOKEN",), ()), 1)
    assert again(kept, now)[0] == OTHERWISE


def test_a_number_that_is_wrong_is_known_by_what_it_should_equal(again: Play) -> None:
    """In the lobby numbers differ by their nature, but not from the epoch that came before, for one."""

    def welcome(epoch: int) -> bytes:
        return encode(Welcome(1, 0, 1_700_000_000_000, epoch, "stub", ("TOKEN",), ()), 1)

    finding = wrong(octets=welcome(8), should=welcome(7), offset=8 + 17)
    kept = recording(*GREETING, (What.SEND, HELLO), (What.FRAME, welcome(8)), wrong=finding)
    assert plain.finding(kept, plain.steps(kept)).rule[2:] == ("differs", ((0, 0, 19),))
    assert again(kept, welcome(70), welcome(80))[0] == AGAIN
    assert again(kept, welcome(70), welcome(70))[0] == OTHERWISE


def test_what_was_equal_by_chance_then_need_not_be_equal_now(again: Play) -> None:
    """In one millisecond a WELCOME, and two MESSAGEs, of which the ACK's timestamp is to be that of one."""

    def message(seq: int, timestamp: int) -> bytes:
        return encode(ChatMessage("#lobby", seq, timestamp, "bob", 9, 0, "x"))

    def ack(timestamp: int) -> bytes:
        return encode(Ack(4, timestamp, False), 3)

    at = 1_700_000_000_000
    send = encode(Send("#lobby", 1, 0, "x"), 3)
    before, mine = message(3, at), message(4, at)
    finding = wrong(octets=ack(at + 9), should=ack(at), offset=8 + 8 + 7)
    events = [(What.FRAME, before), (What.FRAME, mine), (What.FRAME, ack(at + 9))]
    kept = recording(*GREETING, (What.SEND, send), *events, wrong=finding)
    assert len(plain.finding(kept, plain.steps(kept)).rule[3]) == 2
    later = message(3, at + 100) + message(4, at + 200)
    assert again(kept, WELCOME, later + ack(at + 200))[0] == OTHERWISE
    assert again(kept, WELCOME, later + ack(at + 209))[0] == AGAIN


def test_numbers_of_the_lobby_are_no_difference() -> None:
    def message(conversation: str, seq: int) -> bytes:
        return encode(ChatMessage(conversation, seq, 1_700_000_000_000, "bob", 9, 0, "x"))

    for conversation, alike in (("#lobby", True), ("#room", False)):
        kept = recording((What.FRAME, message(conversation, 3)), wrong=wrong())
        assert engine.same(plain.steps(kept)[1], message(conversation, 4)) == alike
    send = encode(Send("#lobby", 1, 0, "x"), 9)
    ack = bytes.fromhex("00000011 90 00 0009 0000000000000003 00000000000000ff 00")
    kept = recording((What.SEND, send), (What.FRAME, ack), wrong=wrong())
    assert engine.same(plain.steps(kept)[2], ack[:15] + b"\x09" + ack[16:])
    assert not engine.same(plain.steps(kept)[2], ack[:-1] + b"\x01")


def test_a_frame_that_does_not_belong_there(again: Play) -> None:
    bye = encode(Bye(100, 0, ""), 0)
    finding = wrong(Kind.UNEXPECTED, bye)
    kept = recording(*GREETING, (What.SEND, PING), (What.FRAME, bye), wrong=finding)
    assert again(kept, WELCOME, bye)[0] == AGAIN
    assert again(kept, WELCOME, PONG)[0] == OTHERWISE


def test_an_item_of_a_list_in_the_wrong_place(again: Play) -> None:
    first, second, third = (encode(Room(f"#{name}", 1), 2) for name in ("a", "b", "c"))
    finding = wrong(octets=second, offset=9)
    kept = recording(*GREETING, (What.SEND, PING), (What.FRAME, third), (What.FRAME, second), wrong=finding)
    assert again(kept, WELCOME, third + second)[0] == AGAIN
    assert again(kept, WELCOME, first + second + third)[0] == OTHERWISE


def test_what_came_late_is_waited_for_as_long(serve: Any, again: Any) -> None:
    kept = replace(A_WRONG_PONG, steps=(*A_WRONG_PONG.steps[:-1], Step(0.9, 0, What.FRAME, WRONG_PONG)))

    def late(connection: socket.socket) -> None:
        connection.recv(65_536)
        connection.sendall(WELCOME)
        connection.recv(65_536)
        release.wait(3 * PATIENCE / 2)
        connection.sendall(WRONG_PONG)
        connection.recv(65_536)

    release = threading.Event()
    assert again.against(serve(late).address, kept)[0] == AGAIN


def test_an_event_of_others_is_put_beside(again: Play) -> None:
    beside = encode(Presence("#lobby", "carol", True, 1_700_000_000_000))
    status, said = again(A_WRONG_PONG, WELCOME, beside + WRONG_PONG)
    assert status == AGAIN
    assert "<- PRESENCE" in said


def test_an_event_may_be_overtaken(again: Play) -> None:
    event = encode(ChatMessage("#lobby", 3, 1_700_000_000_000, "bob", 9, 0, "cut"))
    kept = recording(*GREETING, (What.SEND, PING), (What.FRAME, PONG), (What.FRAME, event), wrong=wrong(octets=event))
    assert again(kept, WELCOME, event + PONG)[0] == AGAIN
    whole = encode(ChatMessage("#lobby", 3, 1_700_000_000_000, "bob", 9, 0, "uncut"))
    assert again(kept, WELCOME, whole + PONG)[0] == OTHERWISE


def test_an_event_that_comes_too_late(again: Play) -> None:
    event = encode(ChatMessage("#lobby", 3, 1_700_000_000_000, f"bob-{NAME}", 9, 0, "x"))
    moments = [*GREETING, (What.SEND, PING), (What.FRAME, PONG), (What.FRAME, event)]
    kept = recording(*moments, wrong=wrong(Kind.UNEXPECTED, connection=0))
    assert again(kept, WELCOME, PONG + event)[0] == AGAIN
    assert again(kept, WELCOME, event + PONG)[0] == OTHERWISE


def test_what_others_do_is_no_part_of_it(again: Play) -> None:
    event = encode(ChatMessage("#lobby", 3, 1_700_000_000_000, "bob-fffffffffffffff", 9, 0, "x"))
    kept = recording(*GREETING, (What.SEND, PING), (What.FRAME, PONG), wrong=wrong(Kind.EXTRA))
    assert again(kept, WELCOME, event + PONG)[0] == AGAIN
    own = encode(ChatMessage("#lobby", 3, 1_700_000_000_000, f"bob-{NAME}", 9, 0, "x"))
    assert again(kept, WELCOME, own + PONG)[0] == OTHERWISE


def test_a_frame_that_is_wrong_beside_another_only(again: Play) -> None:
    """The first answer was right; what shows that it was not meant so is the second."""
    third = encode(Pong(7), 3)
    moments = [*GREETING, (What.SEND, PING), (What.FRAME, PONG), (What.SEND, PING), (What.FRAME, third)]
    kept = recording(*moments, wrong=wrong(octets=PONG))
    assert again(kept, WELCOME, PONG, third)[0] == AGAIN
    assert again(kept, WELCOME, PONG, WRONG_PONG)[0] == OTHERWISE


def test_text_that_is_taken_for_a_frame(again: Play) -> None:
    """JSON behind a length: what follows its beginning has a clock in it."""
    texts = b'{"type": "a", "time": 9}', b'{"type": "a", "time": 10}'
    unknown = [(len(text) - 4).to_bytes(4, "big") + text for text in texts]
    kept = recording((What.SEND, HELLO), (What.FRAME, unknown[0]), wrong=wrong(octets=unknown[0], offset=4))
    assert again(kept, unknown[1])[0] == AGAIN
    assert again(kept, PONG)[0] == OTHERWISE


def test_nothing_came(again: Play) -> None:
    kept = recording(*GREETING, (What.SEND, PING), wrong=wrong(Kind.TIMEOUT))
    assert again(kept, WELCOME)[0] == AGAIN
    assert again(kept, WELCOME, PONG)[0] == OTHERWISE


def test_octets_that_are_no_frame(again: Play) -> None:
    http = b"HTTP/1.1 400 Bad Request\r\n"
    kept = recording((What.SEND, HELLO), (What.PIECE, http), wrong=wrong(Kind.UNDECODABLE, http))
    assert again(kept, http)[0] == AGAIN
    assert again(kept, WELCOME)[0] == OTHERWISE


def test_one_too_many_without_its_octets(again: Play) -> None:
    kept = recording(*GREETING, (What.SEND, PING), (What.FRAME, PONG), wrong=wrong(Kind.EXTRA, connection=None))
    assert again(kept, WELCOME, PONG)[0] == AGAIN
    assert again(kept, WELCOME, WRONG_PONG)[0] == OTHERWISE


# How it ends


def ends(how: str) -> Callable[[socket.socket], None]:
    def handle(connection: socket.socket) -> None:
        if how == "reset":
            connection.recv(1)  # what is left unread makes closing a reset
        else:
            connection.recv(65_536)
            if how == "answer":
                connection.sendall(WELCOME)
                while connection.recv(65_536):
                    pass

    return handle


@pytest.mark.parametrize("kind", [Kind.FIN, Kind.RST])
def test_the_stream_ended(serve: Any, again: Any, kind: Kind) -> None:
    ended = What.FIN if kind is Kind.FIN else What.RST
    kept = recording((What.SEND, HELLO), (ended,), wrong=wrong(kind))
    how = "end" if kind is Kind.FIN else "reset"
    status, said = again.against(serve(ends(how)).address, kept)
    assert status == AGAIN
    assert ("end of stream (FIN)" if kind is Kind.FIN else "connection reset") in said
    assert again.against(serve(ends("answer")).address, kept)[0] == OTHERWISE


def test_an_end_that_was_another_then_is_shown(serve: Any, again: Any) -> None:
    kept = recording((What.SEND, HELLO), (What.RST,), wrong=wrong(Kind.RST))
    status, said = again.against(serve(ends("end")).address, kept)
    assert status == OTHERWISE
    assert re.search(r"then  peer-0 +<- connection reset", said)


def test_what_did_not_come_is_shown(again: Play) -> None:
    status, said = again(A_WRONG_PONG, WELCOME)
    assert status == OTHERWISE
    assert "PONG ref 2 token=6 (did not come now)" in said


def test_what_is_awaited_in_vain_is_said_and_it_goes_on(again: Play) -> None:
    kept = recording(
        *GREETING, (What.SEND, PING), (What.FRAME, PONG), (What.SEND, PING), (What.FRAME, WRONG_PONG), wrong=wrong()
    )
    status, said = again(kept, WELCOME)
    assert status == OTHERWISE
    assert "waited 0.4 s for 1 frame, in vain" in said
    assert said.count("-> PING") == 2


def test_an_end_that_does_not_come_is_waited_for_once(serve: Any, again: Any) -> None:
    first, second = Step(0.0, 0, What.CONNECT), Step(0.002, 1, What.CONNECT)
    kept = recording(wrong=wrong(Kind.TIMEOUT, connection=1), lines=2)
    ended = (first, Step(0.001, 0, What.FIN), second, Step(0.003, 1, What.SEND, PING), Step(0.004, 1, What.SEND, PING))
    _, said = again.against(serve(ends("answer")).address, kept.__class__(**{**vars(kept), "steps": ended}))
    assert said.count("waited 0.4 s for the end of the stream, in vain") == 1


# What the suite did


def heard_by(serve: Any, again: Any, kept: Recording, *, exact: bool = True) -> tuple[list[bytes], str]:
    """What a server hears of a recording: pieces, then b"" for an end or b"RST"."""
    heard: list[bytes] = []
    done = threading.Event()

    def listen(connection: socket.socket) -> None:
        try:
            while octets := connection.recv(65_536):
                heard.append(octets)
                connection.sendall(PONG)
            heard.append(b"")
        except ConnectionResetError:
            heard.append(b"RST")
        done.set()

    _, said = again.against(serve(listen).address, kept, exact=exact)
    assert done.wait(10)
    return heard, said


def test_octets_are_sent_as_they_were_in_the_same_pieces(serve: Any, again: Any) -> None:
    moments = [(What.SEND, HELLO[:3]), (What.FRAME, PONG), (What.SEND, HELLO[3:]), (What.FRAME, PONG)]
    heard, _ = heard_by(serve, again, recording(*moments, wrong=wrong()))
    assert heard == [HELLO[:3], HELLO[3:], b""]


@pytest.mark.parametrize(("what", "end"), [(What.HALF_CLOSE, b""), (What.CLOSE, b""), (What.RESET, b"RST")])
def test_its_ends_too(serve: Any, again: Any, what: What, end: bytes) -> None:
    kept = recording((What.SEND, HELLO), (What.FRAME, PONG), (what,), wrong=wrong())
    heard, said = heard_by(serve, again, kept)
    assert heard == [HELLO, end]
    assert f"{what.value} by the suite" in said


def test_random_names_are_drawn_anew_even_where_they_are_cut(serve: Any, again: Any) -> None:
    middle = HELLO.index(NAME.encode()) + 5
    moments = [(What.SEND, HELLO[:middle]), (What.FRAME, PONG), (What.SEND, HELLO[middle:]), (What.FRAME, PONG)]
    kept = recording(*moments, wrong=wrong(octets=HELLO))
    heard, _ = heard_by(serve, again, kept, exact=False)
    sent = b"".join(heard)
    assert NAME.encode() not in sent
    assert re.fullmatch(re.escape(HELLO).replace(NAME.encode(), rb"[0-9a-f]{15}"), sent, re.DOTALL)
    _, finding = engine.with_fresh_names(plain.steps(kept), plain.finding(kept, plain.steps(kept)))
    assert finding.octets != HELLO
    assert len(finding.octets) == len(HELLO)


def test_order_among_random_names_is_kept() -> None:
    """Lists are in order of names."""
    octets = b"".join(b"-%015x" % number for number in (7, 3, 9))
    steps, _ = engine.with_fresh_names([engine.Step(0.0, 0, "send", octets)], engine.Finding("timeout"))
    one, two, three = steps[0].octets.split(b"-")[1:]
    assert two < one < three


def test_a_long_silence_is_kept(serve: Any, again: Any) -> None:
    kept = recording((What.SEND, HELLO), (What.SEND, PING), wrong=wrong(Kind.TIMEOUT))
    late = kept.steps[2].__class__(0.5, 0, What.SEND, PING)
    times: list[float] = []

    def listen(connection: socket.socket) -> None:
        while connection.recv(65_536):
            times.append(time.monotonic())

    again.against(serve(listen).address, kept.__class__(**{**vars(kept), "steps": (*kept.steps[:2], late)}))
    assert times[1] - times[0] > 0.4


def test_a_server_that_does_not_read(serve: Any, again: Any) -> None:
    release = threading.Event()
    kept = recording((What.SEND, b"\xff" * 50_000_000), wrong=wrong())
    server = serve(lambda connection: release.wait(20))
    try:
        _, said = again.against(server.address, kept)
    finally:
        release.set()
    assert "no room to send for 0.4 s" in said


def test_a_server_that_is_gone(serve: Any, again: Any) -> None:
    moments = [(What.SEND, HELLO), (What.RST,), (What.SEND, PING), (What.HALF_CLOSE,), (What.SEND, PING)]
    kept = recording(*moments, wrong=wrong(Kind.RST))
    _, said = again.against(serve(ends("reset")).address, kept)
    assert "could not send: " in said


# Connections


def nowhere() -> tuple[str, int]:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        address: tuple[str, int] = closed.getsockname()
    return address


def test_a_server_that_cannot_be_reached(again: Any) -> None:
    with pytest.raises(engine.Unreachable):
        again.against(nowhere(), A_WRONG_PONG)


def test_a_connection_that_was_refused(serve: Any, again: Any) -> None:
    kept = recording((What.SEND, HELLO), wrong=wrong(Kind.REFUSED, connection=None))
    status, said = again.against(nowhere(), kept)
    assert status == AGAIN
    assert "no connection: " in said
    assert again.against(serve(ends("answer")).address, kept)[0] == OTHERWISE


def test_steps_are_words_and_masks() -> None:
    kept = recording((What.SEND, b"\xff" * 20), (What.FRAME, WELCOME), wrong=wrong())
    sent, came = plain.steps(kept)[1:]
    assert (sent.masks, sent.words) == ((), sent.words)
    assert came.words.startswith("WELCOME")
    assert plain.is_the_servers(came)
    assert not plain.is_the_servers(sent)
    assert len(came.masks) == 2
    assert kept.began == BEGAN
    assert engine.number_at(encode(Pong(5), 2), 8, 16) == 5


def test_a_name_that_stands_right_before_a_random_one_does_so_anew() -> None:
    steps = [engine.Step(0.0, 0, "send", f"-{NAME} -{NAME[:-1]} -{NAME}0".encode())]
    one, before, behind = engine.with_fresh_names(steps, engine.Finding("timeout"))[0][0].octets.split()
    assert one != f"-{NAME}".encode()
    assert (before, behind) == (one[:-1], one + b"0")
