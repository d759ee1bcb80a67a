"""TLS between an asyncio transport and a protocol of the server's.

In here: passing on, in both directions, through a `TlsLayer`. asyncio's own TLS transport will not do: it cannot
half-close, and drops what comes in after it sent close_notify [CLOSE-3].
"""

import asyncio
import ssl
from contextlib import suppress
from typing import Any, Final, cast

from causerie.server.listening import format_address
from causerie.server.log import log
from causerie.tls.layer import TlsError, TlsLayer

_MOST_UNSENT: Final = 1024 * 1024
"""Octets in the transport's buffer at which TLS itself has nothing more answered: more than is written at once."""


class TlsTransport(asyncio.Transport, asyncio.Protocol):
    """To *above* a transport, to the transport below it a protocol."""

    _below: asyncio.Transport

    def __init__(self, context: ssl.SSLContext, above: asyncio.Protocol) -> None:
        super().__init__()
        self._above = above
        self._layer = TlsLayer(context)
        self._plain = 0
        """Octets of the last `write`."""
        self._sent_fin = False
        self._told_eof = False

    # What the transport below calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Accepted."""
        self._below = cast(asyncio.Transport, transport)  # uvloop's are no subclass of it
        self._above.connection_made(self)

    def data_received(self, data: bytes) -> None:
        """Octets came."""
        try:
            plain = self._layer.receive(data)
            self._push()
            if self._below.get_write_buffer_size() > _MOST_UNSENT:
                raise TlsError("the peer does not read what it asks for")
        except TlsError as error:
            self._fail(error)
            return
        if plain:
            self._above.data_received(plain)
        if self._layer.peer_ended:
            self.eof_received()

    def eof_received(self) -> bool:
        """FIN came, with or without close_notify before it [TLS-9]."""
        if not self._told_eof:
            self._told_eof = True
            self._above.eof_received()
        return True

    def pause_writing(self) -> None:
        """The kernel takes no more for now."""
        self._above.pause_writing()

    def resume_writing(self) -> None:
        """The kernel took all."""
        self._above.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        """Closed, by us or by a reset."""
        self._above.connection_lost(exc)

    # What the protocol above calls.

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send plain octets; with the handshake incomplete, when it is complete."""
        self._plain = len(data)
        self._layer.send(bytes(data))
        self._push()

    def write_eof(self) -> None:
        """Send close_notify and FIN [TLS-8]; with the handshake incomplete, when it is complete."""
        self._layer.finish()
        self._push()

    def get_write_buffer_size(self) -> int:
        """Plain octets of the last `write` that the kernel did not take, at most: they grow when they are encrypted."""
        return min(self._plain, self._below.get_write_buffer_size())

    def abort(self) -> None:
        """Close it now."""
        self._below.abort()

    def is_closing(self) -> bool:
        """Is it closed?"""
        return self._below.is_closing()

    def is_reading(self) -> bool:
        """Is it not paused?"""
        return self._below.is_reading()

    def pause_reading(self) -> None:
        """Read no more for now."""
        self._below.pause_reading()

    def resume_reading(self) -> None:
        """Read again."""
        self._below.resume_reading()

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """When to call `pause_writing`."""
        self._below.set_write_buffer_limits(high, low)

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """What the transport below knows."""
        return self._below.get_extra_info(name, default)

    def _push(self) -> None:
        if octets := self._layer.take():
            self._below.write(octets)
        if self._layer.ended and not self._sent_fin:
            self._sent_fin = True
            with suppress(OSError):  # the peer was faster
                self._below.write_eof()

    def _fail(self, error: TlsError) -> None:
        log("tls failed", peer=format_address(self.get_extra_info("peername") or ("?", 0)), reason=error)
        if octets := self._layer.take():
            self._below.write(octets)  # the alert
        (self._below.abort if self._below.get_write_buffer_size() else self._below.close)()
