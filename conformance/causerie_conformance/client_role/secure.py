"""The server's end of TLS on one connection: the few methods of a socket that `visitor` uses, with plain octets.

In here: handshake, octets, close_notify. One thread may read while another writes: what both touch has a lock. Not in
here: certificates.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
import warnings
from dataclasses import dataclass
from typing import Final

from causerie_conformance.certificates import Certificate
from causerie_spec.codes import ALPN

CHUNK: Final = 65_536
"""Octets asked of the socket at once."""


@dataclass(frozen=True)
class Secrecy:
    """How the suite's server speaks TLS.

    It takes ``protocols`` as ALPN, and no version above ``maximum``; a record has ``step`` octets, 0: as many as fit.
    """

    certificate: Certificate
    protocols: tuple[str, ...] = (ALPN,)
    maximum: ssl.TLSVersion = ssl.TLSVersion.MAXIMUM_SUPPORTED
    step: int = 0

    def context(self) -> ssl.SSLContext:
        """For any number of connections. Raises OSError."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate.certificate, self.certificate.key)
        if self.maximum is ssl.TLSVersion.TLSv1_1:
            context.set_ciphers("DEFAULT:@SECLEVEL=0")  # else the library refuses by itself to be that old
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)  # so it is
                context.minimum_version = context.maximum_version = self.maximum
        else:
            context.maximum_version = self.maximum
        if self.protocols:
            context.set_alpn_protocols(list(self.protocols))
        return context


class SecureEnd:
    """A connected socket with TLS on it; the handshake is complete. Raises OSError if there can be none."""

    def __init__(self, sock: socket.socket, secrecy: Secrecy, patience: float) -> None:
        self._sock = sock
        self._step = secrecy.step
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = secrecy.context().wrap_bio(self._incoming, self._outgoing, server_side=True)
        self._lock = threading.Lock()
        self.first_octets = b""
        self.notified = False
        """Has the client's close_notify come?"""
        sock.settimeout(patience)
        self._shake_hands()
        sock.settimeout(None)

    @property
    def version(self) -> str:
        """The version in use, such as ``TLSv1.3``."""
        return self._tls.version() or ""

    @property
    def protocol(self) -> str | None:
        """The ALPN protocol that both chose."""
        return self._tls.selected_alpn_protocol()

    def _shake_hands(self) -> None:
        while True:
            try:
                self._tls.do_handshake()
            except ssl.SSLWantReadError:
                self._push()
                octets = self._sock.recv(CHUNK)
                self.first_octets = self.first_octets or octets[:16]
                if not octets:
                    raise OSError("the client ended the connection in the TLS handshake") from None
                self._incoming.write(octets)
            except ssl.SSLError:
                with contextlib.suppress(OSError):
                    self._push()
                raise
            else:
                return self._push()

    def recv(self, most: int) -> bytes:
        """Plain octets; none after close_notify or FIN. Raises OSError."""
        while True:
            with self._lock:
                try:
                    return self._tls.read(most)
                except ssl.SSLWantReadError:
                    self._push()
                except ssl.SSLZeroReturnError:
                    self.notified = True
                    return b""
            octets = self._sock.recv(most)
            if not octets:
                return b""
            self._incoming.write(octets)

    def sendall(self, octets: bytes) -> None:
        """Send octets. Raises OSError."""
        step = self._step or len(octets)
        with self._lock:
            for place in range(0, len(octets), step):
                self._tls.write(octets[place : place + step])
                self._push()

    def shutdown(self, how: int) -> None:
        """SHUT_WR: close_notify, and FIN behind it. Raises OSError."""
        if how != socket.SHUT_RD:
            with self._lock, contextlib.suppress(ssl.SSLError):
                self._tls.unwrap()
            with self._lock:
                self._push()
        self._sock.shutdown(how)

    def setsockopt(self, level: int, name: int, value: bytes) -> None:
        """As a socket's. Raises OSError."""
        self._sock.setsockopt(level, name, value)

    def close(self) -> None:
        """Close the socket, without a word."""
        self._sock.close()

    def _push(self) -> None:
        if octets := self._outgoing.read():
            self._sock.sendall(octets)
