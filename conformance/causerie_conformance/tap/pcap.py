"""Captures of TCP conversations that were never seen as packets: pcap files that Wireshark follows.

In here: packets made up around octets that a proxy has passed on: raw IP (version 4 or 6) and TCP with right lengths,
sequence numbers and checksums. Every piece of data is acknowledged at once, nothing is ever lost. Not in here: where
the octets come from.

::

    capture = Capture(file)
    stream = capture.connect(("127.0.0.1", 40000), ("127.0.0.1", 5000), at=time.time())
    stream.sent(b"...", at=time.time())
    stream.received(b"...", at=time.time())
    stream.fin(time.time(), by_client=True)
    stream.fin(time.time(), by_client=False)

The file is a classic pcap with times in microseconds and link type 101 (raw IP).
"""

from __future__ import annotations

import struct
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final, Protocol

LINKTYPE_RAW: Final = 101
MSS: Final = 1_400
"""Octets of data in one segment, at most."""

_MAGIC: Final = 0xA1B2C3D4
_SNAP: Final = 65_535
_TCP: Final = 6
_HOPS: Final = 64
_SEQ_STEP: Final = 2_654_435_761
"""Between the first numbers of two connections: far enough that a port which is used again is no retransmission."""
_SCALE: Final = 7
_SYN_OPTIONS: Final = struct.pack(">BBH", 2, 4, MSS) + struct.pack(">BBBB", 1, 3, 3, _SCALE)
_WINDOW: Final = 65_535

FIN: Final = 0x01
SYN: Final = 0x02
RST: Final = 0x04
PSH: Final = 0x08
ACK: Final = 0x10

Address = IPv4Address | IPv6Address


class Writable(Protocol):
    """What a capture needs of a binary file."""

    def write(self, octets: bytes, /) -> object:
        """Write all octets."""

    def flush(self) -> object:
        """Hand them on."""


class Capture:
    """A pcap file, written as things happen: each call leaves whole packets behind, and flushes them."""

    def __init__(self, file: Writable) -> None:
        self._file = file
        self._streams = 0
        self._write(struct.pack("<IHHiIII", _MAGIC, 2, 4, 0, 0, _SNAP, LINKTYPE_RAW))

    def connect(self, client: tuple[str, int], server: tuple[str, int], at: float) -> Stream:
        """A new connection, with its handshake: addresses are IP addresses and ports, *at* is seconds since 1970.

        Raises ValueError for a host that is no IP address.
        """
        self._streams += 1
        return Stream(self, client, server, at, self._streams * _SEQ_STEP % 2**32)

    def packets(self, packets: list[bytes], at: float) -> None:
        """Write IP packets that came at that time."""
        seconds, micros = divmod(round(at * 1_000_000), 1_000_000)
        records = [struct.pack("<IIII", seconds, micros, len(it), len(it)) + it for it in packets]
        self._write(b"".join(records))

    def _write(self, octets: bytes) -> None:
        self._file.write(octets)
        self._file.flush()


class _End:
    """One end of a stream: where it is, and the number of the octet that it sends next."""

    def __init__(self, address: Address, port: int, seq: int) -> None:
        self.address = address
        self.port = port
        self.seq = seq
        self.closed = False


class Stream:
    """One connection in a capture. Times are seconds since 1970."""

    def __init__(
        self, capture: Capture, client: tuple[str, int], server: tuple[str, int], at: float, seq: int = 0
    ) -> None:
        self._capture = capture
        one, other = _of_one_family(ip_address(client[0].partition("%")[0]), ip_address(server[0].partition("%")[0]))
        self._client, self._server = _End(one, client[1], seq), _End(other, server[1], seq ^ 0x5555)
        packets = [
            self._segment(self._client, SYN),
            self._segment(self._server, SYN | ACK),
            self._segment(self._client, ACK),
        ]
        capture.packets(packets, at)

    def sent(self, octets: bytes, at: float) -> None:
        """The client sent *octets*."""
        self._data(self._client, octets, at)

    def received(self, octets: bytes, at: float) -> None:
        """The client received *octets*."""
        self._data(self._server, octets, at)

    def fin(self, at: float, *, by_client: bool) -> None:
        """One end has ended its direction; the other may go on."""
        end, other = self._ends(by_client)
        if not end.closed:
            packets = [self._segment(end, FIN | ACK), self._segment(other, ACK)]
            end.closed = True
            self._capture.packets(packets, at)

    def reset(self, at: float, *, by_client: bool) -> None:
        """One end has reset the connection."""
        end, other = self._ends(by_client)
        self._capture.packets([self._segment(end, RST | ACK)], at)
        end.closed = other.closed = True

    def _ends(self, by_client: bool) -> tuple[_End, _End]:
        return (self._client, self._server) if by_client else (self._server, self._client)

    def _data(self, end: _End, octets: bytes, at: float) -> None:
        if not octets or end.closed:
            return  # what comes behind an end is in no TCP stream
        pieces = [octets[start : start + MSS] for start in range(0, len(octets), MSS)]
        packets = [self._segment(end, ACK, piece) for piece in pieces[:-1]]
        packets += [self._segment(end, PSH | ACK, pieces[-1]), self._segment(self._other(end), ACK)]
        self._capture.packets(packets, at)

    def _other(self, end: _End) -> _End:
        return self._server if end is self._client else self._client

    def _segment(self, end: _End, flags: int, octets: bytes = b"") -> bytes:
        """The next packet of one end; SYN and FIN take a number as an octet does."""
        other = self._other(end)
        options = _SYN_OPTIONS if flags & SYN else b""
        offset = (20 + len(options)) // 4 << 4
        ack = other.seq if flags & ACK else 0
        window = _WINDOW if flags & SYN else _WINDOW >> 2
        ports = (end.port, other.port)
        header = struct.pack(">HHIIBBHHH", *ports, end.seq, ack, offset, flags, window, 0, 0) + options
        end.seq = (end.seq + len(octets) + bool(flags & (SYN | FIN))) % 2**32
        segment = header + octets
        total = _checksum(_pseudo_header(end.address, other.address, len(segment)) + segment)
        segment = segment[:16] + struct.pack(">H", total) + segment[18:]
        return _ip_header(end.address, other.address, len(segment)) + segment


def _of_one_family(one: Address, other: Address) -> tuple[Address, Address]:
    """Two addresses of one version of IP: where they differ, the older becomes one that is mapped."""
    if one.version == other.version:
        return one, other
    return _mapped(one), _mapped(other)


def _mapped(address: Address) -> IPv6Address:
    return IPv6Address(f"::ffff:{address}") if isinstance(address, IPv4Address) else address


def _pseudo_header(source: Address, target: Address, size: int) -> bytes:
    form = ">HH" if source.version == 4 else ">II"  # the protocol stands in the lower octet either way
    ends = source.packed + target.packed
    return ends + struct.pack(form, _TCP, size)


def _ip_header(source: Address, target: Address, size: int) -> bytes:
    if source.version == 6:
        return struct.pack(">IHBB", 6 << 28, size, _TCP, _HOPS) + source.packed + target.packed
    dont_fragment = 0x4000
    header = struct.pack(">BBHHHBBH", 0x45, 0, 20 + size, 0, dont_fragment, _HOPS, _TCP, 0)
    header += source.packed + target.packed
    return header[:10] + struct.pack(">H", _checksum(header)) + header[12:]


def _checksum(octets: bytes) -> int:
    """The checksum of the Internet: the complement of the sum of all pairs of octets."""
    octets += bytes(len(octets) % 2)
    total: int = sum(struct.unpack(f">{len(octets) // 2}H", octets))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
