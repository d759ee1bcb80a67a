"""One connection's core: frames in, frames out, and every way to end."""

import pytest

from causerie.core.client.connection import (
    LOGIN_LIMIT,
    QUIT_LIMIT,
    TABLE,
    Connection,
    Identity,
    State,
)
from causerie.core.client.endings import AFTER_BYE, AFTER_CAUSE, Cause, Ending, Next
from causerie.core.client.errors import LocalProtocolError
from causerie.core.client.signals import Admitted, Answered, Arrived, Closed, Greeted
from causerie_spec import codes
from causerie_spec.codec import Decoder, decode, encode, frame
from causerie_spec.messages import (
    Ack,
    Bye,
    Challenge,
    ChatMessage,
    End,
    Error,
    Hello,
    History,
    Login,
    Ping,
    Pong,
    Presence,
    Quit,
    Ready,
    Send,
    Welcome,
)

ALICE = Identity("alice", "Alice", b"t" * 32)
WELCOME = Welcome(1, 60, 5, 7, "tiny", ("TOKEN",), ("history", "presence"))
READY = Ready("alice", "Alice", b"")
HI = ChatMessage("#lobby", 1, 1000, "bob", 5, 0, "hi")


def frames(data):
    decoder = Decoder(codes.MAX_BODY)
    decoder.feed(data)
    return [(raw.ref, decode(raw.type, raw.body)) for raw in decoder]


def ready(**options):
    connection = Connection(ALICE, 0.0, **options)
    connection.receive_data(encode(WELCOME, 1) + encode(READY, 2), 1.0)
    connection.signals()
    connection.data_to_send()
    return connection


def ending(connection):
    closed = connection.signals()[-1]
    assert isinstance(closed, Closed)
    assert connection.state is State.CLOSED
    assert connection.data_to_send() == b""
    assert connection.deadline is None
    return closed.ending


def test_the_first_frame_is_hello():  # [HELLO-1]
    connection = Connection(ALICE, 0.0, agent="me", keepalive=30, capabilities=("history",))
    assert frames(connection.data_to_send()) == [(1, Hello(b"CAUS", 1, 1, 30, "me", ("history",)))]
    assert connection.data_to_send() == b""


def test_the_token_is_shown_only_after_welcome():
    connection = Connection(ALICE, 0.0)
    assert b"t" * 32 not in connection.data_to_send()
    connection.receive_data(encode(WELCOME, 1), 1.0)
    assert frames(connection.data_to_send()) == [(2, Login("TOKEN", "alice", "Alice", b"t" * 32))]
    connection.receive_data(encode(READY, 2), 1.0)
    assert connection.signals() == [Greeted(WELCOME), Admitted(READY)]
    assert "tttt" not in repr(ALICE)


@pytest.mark.parametrize("size", [1, 3, 1000])
def test_any_split(size):  # [FRAME-2]
    connection = Connection(ALICE, 0.0)
    data = encode(WELCOME, 1) + encode(READY, 2) + encode(HI)
    for start in range(0, len(data), size):
        connection.receive_data(data[start : start + size], 1.0)
    assert connection.signals() == [Greeted(WELCOME), Admitted(READY), Arrived(HI)]


def test_unknown_frames_are_ignored():  # [CLIENT-1] [CAP-2]
    connection = ready()
    presence = Presence("bob", "Bob", True, 1)
    data = frame(0xEE, b"x", ref=9) + frame(0xEE) + frame(0x01, b"") + encode(presence) + frame(0xA3, b"?")
    connection.receive_data(data + encode(HI), 2.0)
    assert connection.signals() == [Arrived(HI)]


def test_a_negotiated_event_arrives():
    connection = ready(capabilities=("presence",))
    presence = Presence("bob", "Bob", True, 1)
    connection.receive_data(encode(presence), 2.0)
    assert connection.signals() == [Arrived(presence)]


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(frame(0xA0, b"\xff"), id="a body that ends too soon"),
        pytest.param(frame(0xA0, b"", ref=0), id="an empty body"),
        pytest.param(b"\x00\x01\x00\x00\xa0\0\0\0", id="a header over the limit"),
        pytest.param(b"HTTP/1.1 400 Bad Request\r\n", id="HTTP"),
        pytest.param(b"220 mail.example.org ESMTP\r\n", id="SMTP"),
        pytest.param(encode(Ack(1, 2, False), 77), id="an answer to nothing"),
        pytest.param(encode(Ack(1, 2, False), 0), id="an answer with ref 0"),
        pytest.param(encode(WELCOME, 1), id="a second WELCOME"),
        pytest.param(encode(Pong(1), 3), id="a PONG without a PING"),
    ],
)
def test_what_makes_no_sense_ends_the_connection(data):  # [CLIENT-12]
    connection = ready()
    connection.receive_data(data, 2.0)
    assert ending(connection).cause is Cause.PROTOCOL
    connection.receive_data(encode(HI), 3.0)
    connection.receive_eof()
    connection.lost()
    connection.tick(1e9)
    assert connection.signals() == []


@pytest.mark.parametrize(
    ("before", "answer"),
    [
        ([], encode(READY, 1)),
        ([], encode(HI)),
        ([], encode(Error(1, 0, ""), 1)),
        ([], encode(Welcome(2, 60, 5, 7, "", ("TOKEN",), ()), 1)),
        ([encode(WELCOME, 1)], encode(HI)),
        ([encode(WELCOME, 1)], encode(Challenge(b""), 2)),
        ([encode(WELCOME, 1)], encode(Ready("mallory", "M", b""), 2)),
        ([encode(WELCOME, 1)], encode(WELCOME, 2)),
    ],
)
def test_a_greeting_or_login_that_makes_no_sense(before, answer):  # [MSG-8]
    connection = Connection(ALICE, 0.0)
    for data in before:
        connection.receive_data(data, 1.0)
    connection.receive_data(answer, 1.0)
    assert ending(connection).cause is Cause.PROTOCOL


def test_requests_are_pipelined_and_answered_by_ref():  # [REQ-4] [FRAME-12]
    connection = ready(capabilities=("history",))
    first, second = Send("#lobby", 5, 0, "a"), History("#lobby", 0, 0, 10)
    refs = [connection.request(first, 2.0), connection.request(second, 2.0)]
    assert frames(connection.data_to_send()) == list(zip(refs, [first, second], strict=True))
    ack, end = Ack(1, 1000, False), End(False)
    connection.receive_data(encode(ack, refs[0]) + encode(HI) + encode(HI, refs[1]) + encode(end, refs[1]), 3.0)
    assert connection.signals() == [
        Answered(refs[0], first, ack, True),
        Arrived(HI),
        Answered(refs[1], second, HI, False),
        Answered(refs[1], second, end, True),
    ]
    assert connection.waiting == 0


def test_local_misuse():
    connection = Connection(ALICE, 0.0)
    with pytest.raises(LocalProtocolError):
        connection.request(Ping(1), 0.0)
    connection = ready()
    with pytest.raises(LocalProtocolError, match="negotiated"):
        connection.request(History("#lobby", 0, 0, 10), 0.0)


@pytest.mark.parametrize(
    ("code", "cause"),
    [
        (codes.ErrorCode.HANDLE_TAKEN, Cause.LOGIN_REFUSED),
        (codes.ErrorCode.RATE_LIMITED, Cause.LOGIN_DELAYED),
        (99, Cause.LOGIN_REFUSED),
        (100, Cause.BYE),  # [CLIENT-1]: from 100 on the connection ended
    ],
)
def test_a_refused_login(code, cause):  # [CLIENT-11]
    connection = Connection(ALICE, 0.0)
    connection.receive_data(encode(WELCOME, 1) + encode(Error(code, 1500, "why"), 2), 1.0)
    assert ending(connection) == Ending(cause, code, 1500, "why")


def test_a_server_without_token_is_not_shown_one():
    connection = Connection(ALICE, 0.0)
    connection.data_to_send()
    connection.receive_data(encode(Welcome(1, 60, 5, 7, "", ("SCRAM-SHA-256",), ()), 1), 1.0)
    assert ending(connection).cause is Cause.LOGIN_REFUSED


def test_bye_ends_and_carries_the_advice():
    connection = ready()
    connection.receive_data(encode(Bye(101, 2500, "back soon")) + encode(HI), 2.0)
    assert ending(connection) == Ending(Cause.BYE, 101, 2500, "back soon")


def test_the_end_of_the_stream_and_a_reset():
    connection = ready()
    connection.receive_eof()
    assert ending(connection).cause is Cause.END_OF_STREAM
    connection = ready()
    connection.lost("reset")
    assert ending(connection) == Ending(Cause.LOST, detail="reset")


def test_a_login_that_takes_too_long():
    connection = Connection(ALICE, 10.0)
    assert connection.deadline == 10.0 + LOGIN_LIMIT
    connection.tick(10.0 + LOGIN_LIMIT - 0.1)
    assert not connection.closed
    connection.tick(10.0 + LOGIN_LIMIT)
    assert ending(connection).cause is Cause.SLOW_LOGIN


def test_keepalive_pings_in_time_and_gives_up():  # [CLIENT-2] [CLIENT-3]
    connection = ready()  # K = 60, READY at 1.0
    assert connection.deadline == 31.0
    connection.tick(30.9)
    assert connection.data_to_send() == b""
    connection.tick(31.0)
    [(ref, ping)] = frames(connection.data_to_send())
    connection.receive_data(encode(Pong(ping.token), ref), 32.0)
    assert connection.signals() == []
    assert connection.deadline == 61.0
    connection.tick(61.0)
    assert len(frames(connection.data_to_send())) == 1
    connection.receive_data(encode(HI), 100.0)  # words are no answer
    connection.tick(120.9)
    assert not connection.closed
    connection.tick(121.0)
    assert ending(connection).cause is Cause.SILENT


def test_without_keepalive_a_ping_has_30_seconds():  # [CLIENT-3]
    connection = Connection(ALICE, 0.0)
    connection.receive_data(encode(Welcome(1, 0, 5, 7, "", ("TOKEN",), ()), 1) + encode(READY, 2), 0.0)
    connection.tick(15.0)
    connection.tick(44.9)
    assert not connection.closed
    connection.tick(45.0)
    assert connection.closed


def test_a_shell_that_did_not_read_blames_nobody():
    connection = ready()
    connection.tick(31.0)
    connection.excuse(90.0)
    connection.tick(91.0)
    assert not connection.closed


def test_a_pong_must_be_its_pings():  # [PING-1]
    connection = ready()
    connection.tick(31.0)
    [(ref, ping)] = frames(connection.data_to_send())
    connection.receive_data(encode(Pong(ping.token + 1), ref), 32.0)
    assert ending(connection).cause is Cause.PROTOCOL


@pytest.mark.parametrize("state", [State.GREETING, State.LOGIN, State.READY])
def test_quit_waits_for_bye(state):  # [CLIENT-4]
    connection = Connection(ALICE, 0.0)
    answers = [encode(WELCOME, 1), encode(READY, 2)]
    before = {State.GREETING: 0, State.LOGIN: 1, State.READY: 2}[state]
    for answer in answers[:before]:
        connection.receive_data(answer, 1.0)
    connection.data_to_send()
    connection.quit(5.0, "bye")
    connection.quit(6.0)
    [(ref, quit_)] = frames(connection.data_to_send())
    assert quit_ == Quit("bye")
    assert connection.deadline == 5.0 + QUIT_LIMIT
    for answer in answers[before : before + 1]:
        connection.receive_data(answer, 6.0)
    connection.receive_data(encode(Bye(100, 0, ""), ref), 6.0)
    assert ending(connection) == Ending(Cause.QUIT, 100)


@pytest.mark.parametrize("how", ["eof", "lost", "time", "another bye"])
def test_quit_ends_without_its_bye_too(how):  # [CLIENT-4]
    connection = ready()
    connection.quit(5.0)
    if how == "eof":
        connection.receive_eof()
    elif how == "lost":
        connection.lost()
    elif how == "time":
        connection.tick(5.0 + QUIT_LIMIT)
    else:
        connection.receive_data(encode(Bye(101, 9, "")), 6.0)
    assert ending(connection).cause is Cause.QUIT


def test_quit_does_not_hide_what_the_server_found_wrong():
    connection = ready()
    connection.quit(5.0)
    connection.receive_data(encode(Bye(102, 0, "what?")), 6.0)
    assert ending(connection) == Ending(Cause.BYE, 102, 0, "what?")


def test_answers_between_quit_and_bye_still_count():  # [CLOSE-2]
    connection = ready()
    send = Send("#lobby", 5, 0, "a")
    ref = connection.request(send, 2.0)
    connection.quit(2.0)
    connection.receive_data(encode(Ack(1, 1, False), ref) + encode(HI), 3.0)
    assert connection.signals() == [Answered(ref, send, Ack(1, 1, False), True), Arrived(HI)]


def test_the_tables_are_filled():
    assert set(TABLE) == set(State)
    assert set(AFTER_CAUSE) == set(Cause)
    assert set(AFTER_BYE) == set(codes.ByeCode)
    assert Ending(Cause.BYE, 199).next is Next.RETRY  # [CLIENT-1]
    assert Ending(Cause.BYE, codes.ByeCode.MALFORMED).next is Next.STOP
