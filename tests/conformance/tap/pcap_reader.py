"""An own little reader of pcap files, to hold what the tap writes against: it knows nothing of how they were made."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from ipaddress import ip_address


@dataclass
class Packet:
    """One packet: ``at`` in seconds since 1970, ``ends`` are (address, port) of source and target."""

    at: float
    ends: tuple[tuple[str, int], tuple[str, int]]
    seq: int
    ack: int
    flags: str
    data: bytes


@dataclass
class Direction:
    """What one end of a stream sent."""

    octets: bytes = b""
    flags: list[str] = field(default_factory=list)
    next: int = 0


def packets(octets: bytes) -> list[Packet]:
    """All packets of a file; every length and checksum must be right."""
    magic, _, _, _, _, _, link = struct.unpack_from("<IHHiIII", octets)
    assert (magic, link) == (0xA1B2C3D4, 101)
    found = []
    at = 24
    while at < len(octets):
        seconds, micros, kept, size = struct.unpack_from("<IIII", octets, at)
        assert kept == size
        assert len(octets) >= at + 16 + size
        found.append(_packet(seconds + micros / 1e6, octets[at + 16 : at + 16 + size]))
        at += 16 + size
    return found


def _packet(at: float, packet: bytes) -> Packet:
    if packet[0] >> 4 == 4:
        assert _sum(packet[:20]) == 0xFFFF
        assert int.from_bytes(packet[2:4], "big") == len(packet)
        assert packet[9] == 6
        source, target, segment = packet[12:16], packet[16:20], packet[20:]
    else:
        assert packet[0] >> 4 == 6
        assert int.from_bytes(packet[4:6], "big") == len(packet) - 40
        assert packet[6] == 6
        source, target, segment = packet[8:24], packet[24:40], packet[40:]
    assert _sum(source + target + struct.pack(">II", len(segment), 6) + segment) == 0xFFFF
    one, other, seq, ack, offset, flags = struct.unpack_from(">HHIIBB", segment)
    names = "".join(name for bit, name in ((1, "F"), (2, "S"), (4, "R"), (8, "P"), (16, "A")) if flags & bit)
    ends = (str(ip_address(source)), one), (str(ip_address(target)), other)
    return Packet(at, ends, seq, ack, names, segment[(offset >> 4) * 4 :])


def _sum(octets: bytes) -> int:
    octets += bytes(len(octets) % 2)
    total = 0
    for at in range(0, len(octets), 2):
        total += octets[at] << 8 | octets[at + 1]
        total = (total & 0xFFFF) + (total >> 16)
    return total


def streams(octets: bytes) -> list[tuple[Direction, Direction]]:
    """Both directions of every connection, put together; a number out of place fails."""
    found: dict[frozenset[tuple[str, int]], dict[tuple[str, int], Direction]] = {}
    order: list[tuple[Direction, Direction]] = []
    for packet in packets(octets):
        source, target = packet.ends
        key = frozenset(packet.ends)
        if packet.flags == "S":
            found[key] = {source: Direction(), target: Direction()}
            order.append((found[key][source], found[key][target]))
        mine, others = found[key][source], found[key][target]
        if "S" in packet.flags:
            mine.next = packet.seq
        assert packet.seq == mine.next
        if "A" in packet.flags:
            assert packet.ack == others.next
        mine.flags.append(packet.flags)
        mine.octets += packet.data
        mine.next = (mine.next + len(packet.data) + ("S" in packet.flags) + ("F" in packet.flags)) % 2**32
    return order
