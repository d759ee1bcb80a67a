"""Sockets with TLS on them, over real ones whose buffers are small."""

import contextlib
import socket

import pytest

from causerie.tls.contexts import client_context, server_context
from causerie.tls.layer import TlsError, TlsLayer
from causerie.tls.sockets import TlsSocket


def shake_hands(*ends):
    waiting = list(ends)
    while waiting:
        waiting = [end for end in waiting if not end.shake_hands()]


@pytest.fixture
def raw():
    """Two connected sockets, whose buffers are as small as the system allows."""
    pair = socket.socketpair()
    for sock in pair:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
        sock.setblocking(False)
    yield pair
    for sock in pair:
        sock.close()


@pytest.fixture
def ends(raw, pem):
    """A server's end and a client's."""
    server = TlsSocket(raw[0], TlsLayer(server_context(pem.both)))
    client = TlsSocket(raw[1], TlsLayer(client_context(pem.authority), "localhost"))
    shake_hands(client, server)
    yield server, client
    server.close()
    client.close()


def receive(end):
    """What has come; None if nothing has."""
    try:
        return end.recv(65_536)
    except BlockingIOError:
        return None


def drain(end):
    came = b""
    while data := receive(end):
        came += data
    return came, data == b""


def test_octets_count_when_the_kernel_has_them_all(ends):
    server, client = ends
    data = bytes(range(256)) * 4_000
    rest = memoryview(data)
    came, refused = b"", 0
    while rest:
        try:
            count = server.send(rest)
            assert count
            rest = rest[count:]
        except BlockingIOError:
            refused += 1
            came += drain(client)[0]
    assert refused
    came += drain(client)[0]
    assert came == data


def test_the_end_waits_for_room_and_may_be_asked_for_again(ends, raw):
    server, client = ends
    data = memoryview(bytes(3 * 1024 * 1024))
    with contextlib.suppress(BlockingIOError):
        while data:
            data = data[server.send(data) :]
    assert data
    with pytest.raises(BlockingIOError):
        server.shutdown(socket.SHUT_WR)
    ended = False
    while not ended:
        _, ended = drain(client)
        try:
            server.shutdown(socket.SHUT_WR)
        except BlockingIOError:
            assert not ended
    assert raw[1].recv(1) == b""  # and FIN behind close_notify
    client.send(b"still here")
    assert server.recv(100) == b"still here"


def test_fin_without_close_notify_is_an_end_too(ends, raw):
    server, _ = ends
    raw[1].shutdown(socket.SHUT_WR)
    assert server.recv(100) == b""


def test_closing_says_so(ends):
    server, client = ends
    client.send(b"last words")
    client.close()
    assert drain(server) == (b"last words", True)


def test_what_came_with_the_end_of_the_handshake_is_not_lost(raw, pem):
    server = TlsSocket(raw[0], TlsLayer(server_context(pem.both)))
    client = TlsSocket(raw[1], TlsLayer(client_context(pem.authority), "localhost"))
    client.send(b"early bird")
    server.send(b"go away")
    server.shutdown(socket.SHUT_WR)
    shake_hands(client, server)
    assert drain(server)[0] == b"early bird"
    assert drain(client) == (b"go away", True)


def test_a_handshake_that_the_peer_ends(raw, pem):
    client = TlsSocket(raw[1], TlsLayer(client_context(pem.authority), "localhost"))
    assert not client.shake_hands()
    raw[0].shutdown(socket.SHUT_WR)
    with pytest.raises(TlsError, match="ended in the handshake"):
        client.shake_hands()


class Chatterbox:
    """A layer that answers everything with much."""

    established = True
    peer_ended = ended = False

    def receive(self, octets):
        return b""

    def take(self):
        return bytes(64 * 1024)


def test_what_tls_itself_has_to_say_is_bounded(raw):
    end = TlsSocket(raw[0], Chatterbox())

    def ask():
        for _ in range(100):
            raw[1].send(b"?")
            receive(end)

    with pytest.raises(TlsError, match="does not read what it asks for"):
        ask()
