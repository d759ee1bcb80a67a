"""TLS without I/O: two layers, whose octets the test carries to and fro, cut as it likes."""

import random
import ssl

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from causerie.tls.client_hello import offered_protocols
from causerie.tls.contexts import client_context, server_context
from causerie.tls.layer import NotTlsError, TlsError, TlsLayer, UntrustedError

HELLO = b"\x00\x00\x00\x0d\x01\x00\x00\x01CAUS"


class Wire:
    """A client and a server; what each receives is kept."""

    def __init__(self, pem, *, server=None, client=None, hostname="localhost", piece=None):
        self.server = TlsLayer(server or server_context(pem.certificate, pem.key))
        self.client = TlsLayer(client or client_context(pem.authority), hostname)
        self.came = {self.server: b"", self.client: b""}
        self._piece = piece

    def carry(self):
        """Carry octets until there are no more."""
        while True:
            carried = 0
            for sender, receiver in ((self.client, self.server), (self.server, self.client)):
                octets = sender.take()
                carried += len(octets)
                while octets:
                    size = self._piece() if self._piece else len(octets)
                    self.came[receiver] += receiver.receive(octets[:size])
                    octets = octets[size:]
            if not carried:
                return self


@pytest.fixture
def wire(pem):
    return Wire(pem).carry()


def test_a_handshake_and_a_word_each_way(wire):
    assert wire.client.established
    assert wire.server.established
    wire.client.send(b"question")
    wire.server.send(b"answer" * 50_000)
    wire.carry()
    assert wire.came == {wire.server: b"question", wire.client: b"answer" * 50_000}


def test_one_octet_at_a_time(pem):
    wire = Wire(pem, piece=lambda: 1).carry()
    wire.client.send(b"question")
    wire.server.send(b"answer")
    wire.client.finish()
    wire.carry()
    assert wire.came == {wire.server: b"question", wire.client: b"answer"}
    assert wire.server.peer_ended
    assert not wire.client.peer_ended


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32), texts=st.lists(st.binary(min_size=1, max_size=40_000), max_size=6))
def test_however_it_is_cut(pem, seed, texts):
    chance = random.Random(seed)
    wire = Wire(pem, piece=lambda: chance.choice((1, 2, 5, 100, 16_384, 100_000)))
    for text in texts:
        wire.client.send(text)
        wire.server.send(text[::-1])
    wire.client.finish()
    wire.carry()
    assert wire.came[wire.server] == b"".join(texts)
    assert wire.came[wire.client] == b"".join(text[::-1] for text in texts)
    assert wire.server.peer_ended


def test_what_is_sent_before_the_handshake_is_complete_goes_out_behind_it(pem):
    wire = Wire(pem)
    wire.server.send(b"go ")
    wire.server.send(memoryview(b"away"))
    wire.server.finish()
    assert not wire.server.ended
    wire.client.send(b"hello?")
    wire.carry()
    assert wire.came == {wire.client: b"go away", wire.server: b"hello?"}
    assert wire.server.ended
    assert wire.client.peer_ended


def test_each_direction_ends_by_itself(wire):
    wire.client.finish()
    wire.client.finish()
    wire.carry()
    assert (wire.client.ended, wire.server.peer_ended) == (True, True)
    assert (wire.server.ended, wire.client.peer_ended) == (False, False)
    wire.server.send(b"still here")
    wire.server.finish()
    wire.carry()
    assert wire.came[wire.client] == b"still here"
    assert wire.client.peer_ended


def test_after_close_notify_the_rest_is_still_received(wire):
    wire.server.send(b"bye")
    wire.server.finish()
    wire.client.send(b"late" * 100_000)
    wire.carry()
    wire.client.send(b"later")
    wire.carry()
    assert wire.came[wire.server] == b"late" * 100_000 + b"later"


def test_what_comes_behind_close_notify_is_dropped(wire):
    wire.client.send(b"last words")
    wire.client.finish()
    octets = wire.client.take()
    assert wire.server.receive(octets + b"\x17\x03\x03\x00\x05junk!") == b"last words"
    assert wire.server.peer_ended


def test_a_forged_record_is_an_error(wire):
    with pytest.raises(TlsError):
        wire.server.receive(b"\x17\x03\x03\x00\x20" + bytes(32))


@pytest.mark.parametrize("octets", [HELLO, b"GET / HTTP/1.1\r\n", b"\x00"])
def test_plain_text_is_answered_with_an_alert(pem, octets):
    layer = TlsLayer(server_context(pem.both))
    with pytest.raises(NotTlsError, match="the client does not speak TLS"):
        layer.receive(octets)
    assert layer.take() == b"\x15\x03\x03\x00\x02\x02\x46"


def test_a_server_of_plain_text_is_recognized_by_its_first_octet(pem):
    layer = TlsLayer(client_context(pem.authority), "localhost")
    assert layer.take().startswith(b"\x16\x03")
    with pytest.raises(NotTlsError, match="the server does not speak TLS"):
        layer.receive(b"\x00")


# Whom to trust


def test_the_name_is_verified(pem):
    with pytest.raises(UntrustedError, match=r"not valid for 'chat\.example\.org'"):
        Wire(pem, hostname="chat.example.org").carry()


def test_the_authority_is_verified(pem):
    with pytest.raises(UntrustedError, match="unable to get local issuer certificate"):
        Wire(pem, client=client_context()).carry()


def test_who_does_not_verify_trusts_anybody(pem):
    assert Wire(pem, client=client_context(verify=False), hostname="chat.example.org").carry().client.established


@pytest.mark.parametrize("name", ["", ".example", "a" * 64 + ".example"])
def test_a_name_that_no_certificate_has(pem, name):
    with pytest.raises(UntrustedError):
        Wire(pem, hostname=name)


# Versions and ALPN


def client_with(pem, *protocols, **attributes):
    context = ssl.create_default_context(cafile=pem.authority)
    if protocols:
        context.set_alpn_protocols(protocols)
    for name, value in attributes.items():
        setattr(context, name, value)
    return context


def test_tls_1_2(pem):
    wire = Wire(pem, client=client_with(pem, "causerie/1", maximum_version=ssl.TLSVersion.TLSv1_2)).carry()
    wire.client.send(b"old but good")
    wire.client.finish()
    wire.carry()
    assert wire.came[wire.server] == b"old but good"
    assert wire.server.peer_ended


def test_no_alpn_is_served(pem):
    assert Wire(pem, client=client_with(pem)).carry().server.established


@pytest.mark.parametrize("protocols", [("causerie/1",), ("h2", "causerie/1"), ("causerie/1", "h2")])
def test_alpn(pem, protocols):
    assert Wire(pem, client=client_with(pem, *protocols)).carry().server.established


@pytest.mark.parametrize("piece", [None, lambda: 1])
def test_alpn_of_others_is_refused_in_the_handshake(pem, piece):
    wire = Wire(pem, client=client_with(pem, "h2", "http/1.1", "causerie/2"), piece=piece)
    with pytest.raises(TlsError, match="other protocols than 'causerie/1'"):
        wire.carry()
    with pytest.raises(TlsError, match="no application protocol"):
        wire.client.receive(wire.server.take())


def test_a_client_goes_on_with_a_server_that_selects_no_alpn(pem):
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(pem.both)
    wire = Wire(pem)
    wire.server = ssl_server = TlsLayer(context)
    wire.came[ssl_server] = b""
    assert wire.carry().client.established


def hello_of(context):
    outgoing = ssl.MemoryBIO()
    with pytest.raises(ssl.SSLWantReadError):
        context.wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname="localhost").do_handshake()
    return outgoing.read()


@pytest.mark.parametrize("protocols", [("causerie/1",), ("h2", "x" * 255, "causerie/1"), None])
def test_offered_protocols(pem, protocols):
    octets = hello_of(client_with(pem, *(protocols or ())))
    expected = None if protocols is None else [name.encode() for name in protocols]
    assert offered_protocols(octets) == expected
    body = octets[5:]  # the same in several records
    cut = b"".join(
        b"\x16\x03\x01" + len(body[at : at + 50]).to_bytes(2, "big") + body[at : at + 50]
        for at in range(0, len(body), 50)
    )
    assert offered_protocols(cut + b"\x17\x03\x03\x00\x01x") == expected


@given(st.binary(max_size=300))
def test_offered_protocols_of_anything(octets):
    assert offered_protocols(octets) is None or octets[:1] == b"\x16"


@given(st.data())
def test_offered_protocols_of_something_cut_off_or_changed(pem, data):
    octets = bytearray(hello_of(client_with(pem, "h2", "causerie/1")))
    octets[data.draw(st.integers(5, len(octets) - 1))] ^= data.draw(st.integers(0, 255))
    offered_protocols(bytes(octets[: data.draw(st.integers(0, len(octets)))]))
