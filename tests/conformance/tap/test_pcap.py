"""Captures: what is written is read back by a reader that shares nothing with the writer."""

from __future__ import annotations

import io

import pytest

from causerie_conformance.tap.pcap import MSS, Capture

from .pcap_reader import packets, streams

CLIENT = ("127.0.0.1", 40_000)
SERVER = ("192.0.2.7", 5_000)
AT = 1_700_000_000.25


def test_both_directions_are_put_together_again() -> None:
    file = io.BytesIO()
    stream = Capture(file).connect(CLIENT, SERVER, AT)
    stream.sent(b"hello", AT + 1)
    stream.received(b"welcome", AT + 2)
    stream.sent(b"", AT + 3)
    stream.sent(b" again", AT + 3)
    stream.fin(AT + 4, by_client=True)
    stream.received(b"!", AT + 5)
    stream.fin(AT + 6, by_client=False)
    ((up, down),) = streams(file.getvalue())
    assert (up.octets, down.octets) == (b"hello again", b"welcome!")
    assert up.flags == ["S", "A", "PA", "A", "PA", "FA", "A", "A"]
    assert down.flags == ["SA", "A", "PA", "A", "A", "PA", "FA"]


def test_packets_bear_their_addresses_and_times() -> None:
    file = io.BytesIO()
    stream = Capture(file).connect(CLIENT, SERVER, AT)
    stream.received(b"x", AT + 0.000_5)
    first, *_, data, _ = packets(file.getvalue())
    assert (first.at, first.ends) == (AT, (CLIENT, SERVER))
    assert (data.at, data.ends) == (pytest.approx(AT + 0.000_5, abs=1e-6), (SERVER, CLIENT))


@pytest.mark.parametrize("size", [MSS - 1, MSS, MSS + 1, 200_001])
def test_much_is_split_into_segments(size: int) -> None:
    file = io.BytesIO()
    octets = bytes(range(256)) * (size // 256 + 1)
    Capture(file).connect(CLIENT, SERVER, AT).sent(octets[:size], AT)
    ((up, _),) = streams(file.getvalue())
    assert up.octets == octets[:size]
    assert max(len(packet.data) for packet in packets(file.getvalue())) == min(size, MSS)


@pytest.mark.parametrize(
    ("client", "server", "seen"),
    [
        ("::1", "2001:db8::7", ("::1", "2001:db8::7")),
        ("fe80::1%lo", "::1", ("fe80::1", "::1")),
        ("::1", "192.0.2.7", ("::1", "::ffff:192.0.2.7")),
        ("192.0.2.7", "::1", ("::ffff:192.0.2.7", "::1")),
    ],
)
def test_ipv6_and_two_versions_in_one_connection(client: str, server: str, seen: tuple[str, str]) -> None:
    file = io.BytesIO()
    stream = Capture(file).connect((client, 1), (server, 2), AT)
    stream.sent(b"up", AT)
    stream.received(b"down", AT)
    ((up, down),) = streams(file.getvalue())
    assert (up.octets, down.octets) == (b"up", b"down")
    source, target = packets(file.getvalue())[0].ends
    assert {_same(source[0]), _same(target[0])} == {_same(it) for it in seen}


def _same(text: str) -> object:
    from ipaddress import ip_address

    return ip_address(text)


@pytest.mark.parametrize("by_client", [True, False])
def test_reset_ends_both_directions(by_client: bool) -> None:
    file = io.BytesIO()
    stream = Capture(file).connect(CLIENT, SERVER, AT)
    stream.sent(b"up", AT)
    stream.reset(AT, by_client=by_client)
    before = len(file.getvalue())
    stream.sent(b"late", AT)
    stream.received(b"late", AT)
    stream.fin(AT, by_client=True)
    assert len(file.getvalue()) == before
    ((up, down),) = streams(file.getvalue())
    assert "RA" in (up if by_client else down).flags
    assert up.octets == b"up"


def test_connections_stand_beside_each_other() -> None:
    file = io.BytesIO()
    capture = Capture(file)
    one, two = capture.connect(CLIENT, SERVER, AT), capture.connect(("127.0.0.1", 40_001), SERVER, AT)
    one.sent(b"one", AT)
    two.sent(b"two", AT)
    one.sent(b"more", AT)
    assert [up.octets for up, _ in streams(file.getvalue())] == [b"onemore", b"two"]


def test_a_name_is_no_address() -> None:
    with pytest.raises(ValueError, match="localhost"):
        Capture(io.BytesIO()).connect(("localhost", 1), SERVER, AT)
