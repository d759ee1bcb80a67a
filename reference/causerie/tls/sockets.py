"""A connected socket with TLS on it, for shells that read and write sockets themselves.

In here: the methods of a socket that they use, with plain octets. Not in here: asyncio (`server.tls_transport`).
"""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from typing import Final

from causerie.tls.layer import TlsError, TlsLayer

_PIECE: Final = 64 * 1024
"""Octets encrypted at a time."""
_MOST_UNSENT: Final = 256 * 1024
"""Octets that may wait to be sent although nobody sends: answers to what TLS itself asks."""


class TlsSocket:
    """Like a non-blocking socket. One thread may receive while another one sends.

    Selectors may be asked with it: whatever there is to receive, `recv` returns at once (so call it once after
    `shake_hands`). A client's handshake begins at once.
    """

    def __init__(self, sock: socket.socket, layer: TlsLayer) -> None:
        self._sock = sock
        self._layer = layer
        self._lock = threading.Lock()
        self._unsent = b""
        self._promised = 0
        """Plain octets of the next `send` that are encrypted already, but not all sent."""
        self._sent_fin = False
        self._early = b""
        """Plain octets that came with the end of the handshake, in `shake_hands`."""
        self._push()

    def fileno(self) -> int:
        """The socket's descriptor."""
        return self._sock.fileno()

    def shake_hands(self) -> bool:
        """Go on with the handshake; is it complete? Raises OSError."""
        while not self._layer.established:
            try:
                octets = self._sock.recv(_PIECE)
            except BlockingIOError:
                return False
            if not octets:
                raise TlsError("the connection was ended in the handshake")
            self._early += self._decrypt(octets)
        return True

    def recv(self, size: int) -> bytes:
        """Plain octets, none at the end of the peer's stream [TLS-8, TLS-9]; *size* is about how many.

        Raises BlockingIOError when none have come, OSError when the connection is broken, `TlsError` if by TLS.
        """
        if self._early:
            early, self._early = self._early, b""
            return early
        while not self._layer.peer_ended:
            octets = self._sock.recv(size)
            if not octets:
                break
            if plain := self._decrypt(octets):
                return plain
        return b""

    def _decrypt(self, octets: bytes) -> bytes:
        with self._lock:
            try:
                plain = self._layer.receive(octets)
            except TlsError:
                with suppress(OSError):
                    self._push()  # the alert
                raise
            if not self._push() and not self._promised and len(self._unsent) > _MOST_UNSENT:
                raise TlsError("the peer does not read what it asks for")
            return plain

    def send(self, data: bytes | memoryview) -> int:
        """Send some of *data*; the number of octets that the kernel took.

        Raises BlockingIOError when it takes none; then the next call must be with the same data. Raises OSError.
        """
        with self._lock:
            if not self._promised:
                piece = data[:_PIECE]
                self._layer.send(piece)
                self._promised = len(piece)
            if not self._push():
                raise BlockingIOError
            count, self._promised = self._promised, 0
            return count

    def shutdown(self, how: int) -> None:
        """SHUT_WR: send close_notify and FIN [TLS-8]; with the handshake incomplete, when it is complete.

        Raises BlockingIOError when the kernel does not take them; then call it again. Raises OSError.
        """
        if how != socket.SHUT_WR:
            self._sock.shutdown(how)
            return
        with self._lock:
            self._layer.finish()
            if not self._push():
                raise BlockingIOError

    def setsockopt(self, level: int, name: int, value: int) -> None:
        """As a socket's. Raises OSError."""
        self._sock.setsockopt(level, name, value)

    def close(self) -> None:
        """Close it, with close_notify if there is room for it."""
        with suppress(OSError):
            self.shutdown(socket.SHUT_WR)
        self._sock.close()

    def _push(self) -> bool:
        """Send what there is; does the kernel have all of it?"""
        self._unsent += self._layer.take()
        while self._unsent:
            try:
                count = self._sock.send(self._unsent)
            except BlockingIOError:
                return False
            self._unsent = self._unsent[count:]
        if self._layer.ended and not self._sent_fin:
            self._sent_fin = True
            self._sock.shutdown(socket.SHUT_WR)
        return True
