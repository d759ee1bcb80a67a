"""The driver: what comes is told apart, absence is shown by a fence, floods do not lock up."""

import socket
import struct
import threading

import pytest

from causerie_conformance.arena import Arena, hello
from causerie_conformance.client import Client
from causerie_conformance.passive import Shared
from causerie_conformance.problems import Kind, Problem
from causerie_conformance.target import Target
from causerie_conformance.transcript import KEEP_FIRST, KEEP_LAST, Direction, Transcript, describe_octets
from causerie_spec.codec import encode, frame
from causerie_spec.codes import ByeCode, ErrorCode
from causerie_spec.messages import Bye, ChatMessage, Error, Ping, Pong, Send, Welcome

NOW = 1_700_000_000_000
WELCOME = Welcome(1, 0, NOW, 7, "x", ("TOKEN",), ())


@pytest.fixture
def client_of(serve):
    clients = []

    def connect(handler, patience: float = 5.0) -> Client:
        server = serve(handler)
        clients.append(Client(server.address, Transcript(), Shared(), name="A", patience=patience))
        return clients[-1]

    yield connect
    for client in clients:
        client.close()


def says(*octets: bytes, then: str = "wait"):
    """A handler that waits for a request, says *octets*, and ends its side as *then* says."""

    def handle(connection: socket.socket) -> None:
        connection.recv(65_536)
        for piece in octets:
            connection.sendall(piece)
        if then == "reset":
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        elif then == "wait":
            while connection.recv(65_536):
                pass

    return handle


def failure_of(client: Client) -> Problem:
    with pytest.raises(Problem) as caught:
        client.ask(Ping(1), Pong, token=1)
    return caught.value


PONG = encode(Pong(1), 1)


def test_the_right_answer(client_of) -> None:
    client_of(says(PONG)).ask(Ping(1), Pong, token=1)


@pytest.mark.parametrize(
    ("handler", "patience", "kind", "words"),
    [
        (says(), 0.05, Kind.TIMEOUT, "nothing for 0.1 s"),
        (says(PONG[:11]), 0.05, Kind.TIMEOUT, "but a piece of 11 octets of a frame"),
        (says(then="fin"), 5, Kind.FIN, "the end of the stream (FIN)"),
        (says(then="reset"), 5, Kind.RST, "a reset (RST)"),
        (says(encode(Error(3, 0, "no"), 1)), 5, Kind.UNEXPECTED, "ERROR ref 1 code=BAD_FIELD(3)"),
        (says(encode(Pong(2), 1)), 5, Kind.VALUE, "PONG ref 1 token=2"),
        (says(b"HTTP/1.1 200 OK\r\n\r\n"), 5, Kind.UNDECODABLE, "octets that are no frame: b'HTTP/1.1 200"),
        (says(frame(0x84, bytes(7), ref=1)), 5, Kind.UNDECODABLE, "undecodable"),
    ],
    ids=["timeout", "piece", "fin", "reset", "unexpected", "value", "http", "short"],
)
def test_what_comes_is_told_apart(client_of, handler, patience, kind, words) -> None:
    client = client_of(handler, patience)
    client.observer.sent(b"")  # nothing but PING was said: HELLO-2 is not what this is about
    problem = failure_of(client)
    assert problem.kind is kind
    assert words in problem.came
    assert "PONG" in problem.expected or problem.clause is not None


def test_events_are_put_by(client_of) -> None:
    heard = ChatMessage("#lobby", 1, NOW, "bob", 5, 0, "hi")
    client = client_of(says(encode(heard) + PONG))
    client.observer.handle = "alice"
    client.ask(Ping(1), Pong, token=1)
    assert client.hear(Send("#lobby", 5, 0, "hi"), "bob") == heard


@pytest.mark.parametrize("event", [Kind.EXTRA, None])
def test_absence_is_shown_by_a_fence(serve, step_1, event) -> None:
    sent = Send("#lobby", 5, 0, "hi")

    def handle(connection: socket.socket) -> None:
        if event is not None:
            connection.sendall(encode(ChatMessage("#lobby", 1, NOW, "bob", 5, 0, "hi")))
        step_1(connection)

    client = Client(serve(handle).address, Transcript(), Shared(), name="A", patience=5)
    client.observer.handle = "alice"
    client.observer.sent(encode(Ping(1), 999))  # so that events may come
    client.observer.open.clear()
    if event is None:
        client.hears_not(sent)
    else:
        with pytest.raises(Problem) as caught:
            client.hears_not(sent)
        assert caught.value.kind is event
    client.close()


@pytest.mark.once
def test_ends_with_wants_the_end_too(client_of) -> None:
    bye = encode(Bye(ByeCode.MALFORMED, 0, ""), 9)
    client = client_of(says(bye, then="wait"), 0.05)
    client.send_octets(frame(0x04, ref=9))
    with pytest.raises(Problem) as caught:
        client.ends_with(ByeCode.MALFORMED, ref=9)
    assert caught.value.kind is Kind.TIMEOUT
    assert caught.value.clause == "STATE-5"


def test_a_reset_after_bye_is_an_end_but_not_always_good_enough(client_of) -> None:
    bye = encode(Bye(ByeCode.MALFORMED, 0, ""), 9)
    client = client_of(says(bye, then="reset"))
    client.send_octets(frame(0x04, ref=9))
    client.expect_bye(ByeCode.MALFORMED, ref=9)
    with pytest.raises(Problem) as caught:
        client.expect_end(only_fin=True)
    assert caught.value.kind is Kind.RST


def test_sending_reads_while_it_waits_for_room(client_of) -> None:
    """A server that answers everything before it reads on would lock up with a client that does not read."""
    size, rounds = 65_535, 200

    def echo(connection: socket.socket) -> None:
        for _ in range(rounds):
            left = size + 8
            while left:
                left -= len(connection.recv(left))
            connection.sendall(frame(0x8F, encode(Error(ErrorCode.UNSUPPORTED, 0, "x" * 200))[8:], ref=7) * 64)

    client = client_of(echo)
    client.observer.sent = lambda octets: None  # type: ignore[method-assign]
    client.observer.received = lambda raw, octets: Error(1, 0, "")  # type: ignore[method-assign]
    client.send_octets(frame(0x7E, bytes(size), ref=7) * rounds)
    for _ in range(rounds * 64):
        assert client.next() is not None


def test_what_fits_leaves_the_rest(client_of) -> None:
    release = threading.Event()
    client = client_of(lambda connection: release.wait(20) and None)
    octets = memoryview(frame(0x7E, bytes(65_535), ref=7) * 400)
    sent = 0
    while more := client.send_what_fits(octets[sent:]):
        sent += more
    release.set()
    assert 0 < sent < len(octets)


def test_a_connection_that_is_refused() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = listener.getsockname()[:2]
    with pytest.raises(Problem) as caught:
        Client(address, Transcript(), Shared(), name="A", patience=5)
    assert caught.value.kind is Kind.REFUSED


# The guard


def test_the_guard_sees_that_a_newcomer_is_not_served(serve, step_1) -> None:
    connections = []

    def only_two(connection: socket.socket) -> None:
        connections.append(connection)
        if len(connections) <= 2:
            step_1(connection)

    target = Target(*serve(only_two).address)
    with Arena(target, "hello") as arena:
        client = arena.greet()
        client.send_octets(frame(0x7E, ref=9))
        client.expect(Error, ref=9)
        with pytest.raises(Problem) as caught:
            arena.guard()
    assert caught.value.clause == "ERR-9"
    assert "a new connection to be served" in caught.value.expected
    target.put_spare(None)


def test_the_guard_is_content_with_a_sound_server(serve, step_1) -> None:
    target = Target(*serve(step_1).address)
    for topic in ("hello", "login", "login"):
        with Arena(target, topic) as arena:
            client = arena.greet()
            client.send_octets(frame(0x7E, ref=9))
            client.expect(Error, ref=9)
            arena.guard()
    assert target.spare is not None
    target.put_spare(None)


# Transcripts


def test_a_transcript_keeps_the_first_and_the_last() -> None:
    transcript = Transcript()
    for number in range(1_000):
        transcript.sent("A", encode(Ping(number), 1))
    entries = list(transcript)
    assert len(transcript) == 1_000
    assert len(entries) == KEEP_FIRST + KEEP_LAST + 1
    assert transcript.dropped == 1_000 - KEEP_FIRST - KEEP_LAST
    assert entries[KEEP_FIRST].note == f"… {transcript.dropped} entries not kept …"
    assert "token=999" in entries[-1].describe()
    assert [entry.at for entry in entries] == sorted(entry.at for entry in entries)


def test_a_long_entry_is_kept_in_part() -> None:
    transcript = Transcript()
    transcript.received("A", encode(ChatMessage("#lobby", 1, NOW, "bob", 5, 0, "x" * 16_000)))
    (entry,) = transcript
    assert entry.size > 16_000 > len(entry.octets)
    assert entry.direction is Direction.RECEIVED
    assert "MESSAGE ref 0 (a body of" in entry.describe()


def test_octets_in_words() -> None:
    two = encode(Ping(1), 1) + frame(0x7D, b"\x01\x02", ref=3, flags=4)
    assert describe_octets(two) == "PING ref 1 token=1, type 0x7d ref 3 flags 0x04 body 01 02"
    assert describe_octets(b"") == "nothing"
    assert describe_octets(b"\x00\x01") == "piece of 2 octets: 00 01"
    assert "undecodable" in describe_octets(frame(0x04, b"\x01", ref=3))
    assert "capabilities=[a, b]" in describe_octets(encode(hello(capabilities=("a", "b")), 1))
