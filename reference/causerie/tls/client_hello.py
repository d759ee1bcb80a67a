"""What a client offers as ALPN, read from the octets of its ClientHello (RFC 8446, section 4.1.2; RFC 7301).

In here: finding that one extension. The `ssl` module cannot tell a client that offers no ALPN, which is served
[TLS-7], from one that offers other protocols, which is refused [TLS-6].
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

_RECORD_HANDSHAKE: Final = 22
_EXTENSION_ALPN: Final = 16
_VERSION_AND_RANDOM: Final = 2 + 32


class _Reader:
    """Takes fields from the front; what is cut off is short or 0, never an error."""

    def __init__(self, octets: bytes) -> None:
        self._octets = octets
        self._at = 0

    def __bool__(self) -> bool:
        return self._at < len(self._octets)

    def take(self, count: int) -> bytes:
        self._at += count
        return self._octets[self._at - count : self._at]

    def number(self, width: int) -> int:
        return int.from_bytes(self.take(width), "big")

    def vector(self, width: int) -> bytes:
        """A field behind its length, which has *width* octets."""
        return self.take(self.number(width))


def offered_protocols(octets: bytes) -> list[bytes] | None:
    """The protocols that a client offers, None if it offers no ALPN at all.

    *octets* are all that came from it, up to the end of its ClientHello at least; that it is well formed is for others
    to find out.
    """
    hello = _Reader(_handshake(octets))
    hello.take(1)  # its type
    hello = _Reader(hello.vector(3))
    hello.take(_VERSION_AND_RANDOM)
    hello.vector(1)  # session id
    hello.vector(2)  # cipher suites
    hello.vector(1)  # compression methods
    extensions = _Reader(hello.vector(2))
    while extensions:
        kind, body = extensions.number(2), extensions.vector(2)
        if kind == _EXTENSION_ALPN:
            return list(_names(_Reader(_Reader(body).vector(2))))
    return None


def _names(fields: _Reader) -> Iterator[bytes]:
    while fields:
        yield fields.vector(1)


def _handshake(octets: bytes) -> bytes:
    """The octets in handshake records: a ClientHello may be cut into several."""
    records = _Reader(octets)
    pieces = []
    while records and records.number(1) == _RECORD_HANDSHAKE:
        records.take(2)  # version
        pieces.append(records.vector(2))
    return b"".join(pieces)
