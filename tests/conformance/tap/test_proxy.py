"""Octets through the tap, and harm on request: ends are passed on as they are."""

from __future__ import annotations

import socket
import struct
import threading

import pytest

from causerie_conformance.tap.events import Way, What
from causerie_conformance.tap.proxy import Harm
from causerie_spec.codec import encode
from causerie_spec.messages import Hello, Ping, Welcome

from .pcap_reader import streams

HELLO = encode(Hello(b"CAUS", 1, 1, 0, "test", ()), 1)
LATE = Harm(delay=0.005)


def echo(connection: socket.socket) -> None:
    while octets := connection.recv(65_536):
        connection.sendall(octets)


def all_of(connection: socket.socket) -> bytes:
    came = b""
    while octets := connection.recv(65_536):
        came += octets
    return came


def reset(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


@pytest.mark.parametrize("harm", [None, Harm(split=7), LATE])
def test_all_octets_pass_and_half_closes_too(tap, serve, harm) -> None:
    def answer_at_the_end(connection: socket.socket) -> None:
        connection.sendall(b"all of " + all_of(connection))

    running = tap(serve(answer_at_the_end).address, harm)
    octets = bytes(range(256)) * 20
    with running.connect() as client:
        client.sendall(octets)
        client.shutdown(socket.SHUT_WR)
        assert all_of(client) == b"all of " + octets
    running.until(What.END, 2)
    ((up, down),) = streams(running.pcap.getvalue())
    assert (up.octets, down.octets) == (octets, b"all of " + octets)
    assert "FA" in up.flags
    assert "FA" in down.flags


@pytest.mark.parametrize("harm", [None, LATE])
def test_a_reset_of_the_client_reaches_the_server(tap, serve, harm) -> None:
    ended = threading.Event()

    def expect(connection: socket.socket) -> None:
        connection.sendall(connection.recv(10))
        try:
            connection.recv(10)
        except ConnectionResetError:
            ended.set()

    running = tap(serve(expect).address, harm)
    client = running.connect()
    client.sendall(b"x")
    assert client.recv(10) == b"x"
    reset(client)
    assert ended.wait(10)
    (event,) = running.until(What.RESET)
    assert event.way is Way.UP
    assert "RA" in streams(running.pcap.getvalue())[0][0].flags


def test_a_reset_of_the_server_reaches_the_client(tap, serve) -> None:
    def crash(connection: socket.socket) -> None:
        connection.recv(10)
        reset(connection)

    running = tap(serve(crash).address)
    with running.connect() as client:
        client.sendall(b"x")
        with pytest.raises(ConnectionResetError):
            client.recv(10)
    (event,) = running.until(What.RESET)
    assert event.way is Way.DOWN


def test_a_reset_after_a_half_close_is_noticed(tap, serve) -> None:
    """The client is gone for good, and the server, which has more to say, is told."""
    told = threading.Event()

    def talk(connection: socket.socket) -> None:
        all_of(connection)
        try:
            while True:
                connection.sendall(b"x" * 1_000)
        except OSError:
            told.set()

    running = tap(serve(talk).address)
    running.connect().close()
    assert told.wait(10)
    running.until(What.RESET)


def test_a_slow_reader_slows_the_sender(tap, serve) -> None:
    go_on = threading.Event()
    taken = []

    def slow(connection: socket.socket) -> None:
        go_on.wait(20)
        taken.append(len(all_of(connection)))
        connection.sendall(b"done")

    running = tap(serve(slow).address)
    with running.connect() as client:
        client.settimeout(0.5)
        sent = 0
        with pytest.raises(TimeoutError):  # noqa: PT012
            for _ in range(1_000):
                sent += client.send(b"\xff" * 1_000_000)  # no frames
        client.settimeout(20)
        go_on.set()
        client.shutdown(socket.SHUT_WR)
        assert client.recv(10) == b"done"
    assert taken == [sent]


@pytest.mark.parametrize("way", [Way.UP, Way.DOWN, None])
def test_cut_after_so_many_octets(tap, serve, way) -> None:
    harm = Harm(cut_after=10, cut=tuple(Way) if way is None else (way,))
    running = tap(serve(echo).address, harm)
    with running.connect() as client:
        client.sendall(b"123456")
        came = client.recv(4 if way is None else 6)
        with pytest.raises(ConnectionError):  # noqa: PT012
            while True:
                client.sendall(b"7")
                came += client.recv(1)
    (event,) = running.until(What.RESET)
    assert event.text.startswith("cut by the tap after 10 octets")
    ((up, down),) = streams(running.pcap.getvalue())
    passed = {Way.UP: len(up.octets), Way.DOWN: len(down.octets)}
    assert (sum(passed.values()) if way is None else passed[way]) == 10
    assert b"1234567777".startswith(came)


@pytest.mark.parametrize("way", Way)
def test_drop_one_direction(tap, serve, way) -> None:
    heard = []

    def answer(connection: socket.socket) -> None:
        heard.append(all_of(connection))
        connection.sendall(b"answer")

    running = tap(serve(answer).address, Harm(drop=(way,)))
    with running.connect() as client:
        client.sendall(HELLO)
        client.shutdown(socket.SHUT_WR)
        came = all_of(client)
    assert heard == [b"" if way is Way.UP else HELLO]
    assert came == (b"" if way is Way.DOWN else b"answer")


def test_a_server_that_cannot_be_reached(tap) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        nowhere = closed.getsockname()
    running = tap(nowhere)
    for _ in range(2):  # it goes on
        with pytest.raises(ConnectionResetError), running.connect() as client:  # it may be there before connect returns
            client.recv(10)
    first, _ = running.until(What.RESET, 2)
    assert first.text.startswith("no connection to the server: ")


def test_a_name_that_is_none(tap) -> None:
    running = tap(("x" * 300, 1))
    with pytest.raises(ConnectionResetError), running.connect() as client:  # it may be there before connect returns
        client.recv(10)
    assert "no name of a host" in running.until(What.RESET)[0].text


def test_tls_is_passed_on_and_said_once(tap, serve) -> None:
    running = tap(serve(echo).address)
    with running.connect() as client:
        for octets in (b"\x16\x03\x01", b"\x02\x00\x01\x00\x01\xfc", b"more"):
            client.sendall(octets)
            assert client.recv(100) == octets
    running.until(What.END, 2)
    (note,) = running.all(What.NOTE)
    assert note.text == "this is TLS: passed on as it is, not decoded"
    assert running.broken() == []
    assert not running.all(What.FRAME)


def test_what_is_wrong_with_clients_and_servers_is_told(tap, serve) -> None:
    """All goes on after a broken clause, and each is told by itself."""

    def badly(connection: socket.socket) -> None:
        connection.recv(1_000)
        welcome = encode(Welcome(1, 0, 1_700_000_000_000, 7, "stub\x1b[2J", ("TOKEN",), ()), 1)
        connection.sendall(welcome[:5] + b"\x09" + welcome[6:])
        all_of(connection)
        connection.sendall(b"HTTP/1.1 400 Bad Request")

    running = tap(serve(badly).address, verbose=True)
    with running.connect() as client:
        client.sendall(HELLO[:5] + b"\x01" + HELLO[6:])
        client.recv(1_000)
        for _ in range(5):
            client.sendall(encode(Ping(1), 0))
        running.until(What.FRAME, 7)
        client.sendall(b"\0\0\0")
        client.shutdown(socket.SHUT_WR)
        all_of(client)
    assert running.until(What.BROKEN, 8)
    wrong = running.broken()
    assert sorted(wrong) == sorted(
        [("client", "FRAME-6"), ("server", "FRAME-6"), *[("client", "FRAME-12")] * 5, ("server", "FRAME-3")]
    )
    running.until(What.END, 2)
    running.show.summary()
    assert "\x1b" not in running.shown
    assert "! FRAME-6 broken by the server, #1: expected flags 0" in running.shown
    assert "A sender sets `flags` to 0." in running.shown
    assert "! FRAME-12 broken by the client, #1, time 5" in running.shown
    assert "\n5 × FRAME-12 by the client" in running.shown
    assert "3 octets of an incomplete frame of the client" in running.shown
    assert "min_version" in running.shown


def test_a_server_that_was_started_anew(tap, serve) -> None:
    epochs = iter([7, 8, 9])

    def welcome(connection: socket.socket) -> None:
        connection.recv(1_000)
        connection.sendall(encode(Welcome(1, 0, 1_700_000_000_000, next(epochs), "stub", ("TOKEN",), ()), 1))
        all_of(connection)

    running = tap(serve(welcome).address)
    for count in (1, 2):
        with running.connect() as client:
            client.sendall(HELLO)
            client.recv(1_000)
        running.until(What.END, 2 * count)
    assert len(running.all(What.NOTE)) == 1
    assert running.broken() == []
    with running.connect() as one, running.connect() as other:
        one.sendall(HELLO)
        one.recv(1_000)
        epochs = iter([10])
        other.sendall(HELLO)
        other.recv(1_000)
        assert running.until(What.BROKEN)
    assert running.broken() == [("server", "HELLO-7")]
