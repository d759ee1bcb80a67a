"""TLS on the suite's connections: the methods of a socket that `peer` uses, with plain octets.

In here: how to connect, and both ends of a stream, each by itself: close_notify takes the part of FIN ([TLS-8]). Not in
here: certificates for servers that the suite starts (`certificates`).
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import select
import socket
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from causerie_spec.codes import ALPN

PIECE: Final = 4_096
"""Octets encrypted at a time. They count as sent when the kernel has them all."""
CHUNK: Final = 65_536
"""Octets asked of the socket at once while nobody says how many."""
_TLS_FIRST: Final = (0x15, 0x16)
"""What a server's first octet is: the type of a record that holds an alert or a handshake message."""


class TlsFailed(OSError):
    """TLS failed; ``str`` says why, and what to do where the user can do something."""


@dataclass(frozen=True)
class Tls:
    """How connections speak TLS.

    ``authorities`` is a file of trusted certificates (PEM), None for those of the system; without ``verify`` anybody
    is trusted. ``protocols`` are offered as ALPN. ``cut`` is how many octets are handed to TCP at a time, None: all.
    """

    authorities: Path | None = None
    verify: bool = True
    protocols: tuple[str, ...] = (ALPN,)
    cut: int | None = None

    def but(self, *, protocols: tuple[str, ...] | None = None, cut: int | None = None) -> Tls:
        """The same with something else."""
        return dataclasses.replace(self, protocols=self.protocols if protocols is None else protocols, cut=cut)

    @functools.cache  # noqa: B019  # a few, each for the whole run: reading certificates takes as long as a handshake
    def context(self) -> ssl.SSLContext:
        """For any number of connections. Raises OSError, also when there is no certificate in the file."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if self.protocols:
            context.set_alpn_protocols(list(self.protocols))
        if not self.verify:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        elif self.authorities is not None:
            context.load_verify_locations(self.authorities)
        else:
            context.load_default_certs()
        return context


class SecureSocket:
    """A connected socket with TLS on it; the handshake is complete. Raises `TlsFailed` if there can be none.

    *sock* waits at most its own timeout for each step of the handshake; afterwards it does not block.
    """

    def __init__(self, sock: socket.socket, tls: Tls, hostname: str) -> None:
        self._sock = sock
        self._cut = tls.cut
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = tls.context().wrap_bio(self._incoming, self._outgoing, server_hostname=hostname)
        self._unsent = b""
        self._promised = 0
        self.peer_closed = False
        """Has close_notify come?"""
        self._shake_hands()
        sock.setblocking(False)

    @property
    def protocol(self) -> str | None:
        """The ALPN protocol that the server selected."""
        return self._tls.selected_alpn_protocol()

    @property
    def version(self) -> str | None:
        """The version in use, such as ``TLSv1.3``."""
        return self._tls.version()

    def _shake_hands(self) -> None:
        first = b""
        while True:
            try:
                self._tls.do_handshake()
            except ssl.SSLWantReadError:
                self._push()
            except ssl.SSLError as error:
                with contextlib.suppress(OSError):
                    self._push()  # the alert
                raise TlsFailed(why(error, first)) from None
            else:
                self._push()
                return
            octets = self._sock.recv(CHUNK)
            if not octets:
                raise TlsFailed("the server ended the connection in the TLS handshake")
            first = first or octets
            self._incoming.write(octets)

    def fileno(self) -> int:
        """The socket's file descriptor."""
        return self._sock.fileno()

    def setsockopt(self, level: int, name: int, value: int | bytes) -> None:
        """As a socket's. Raises OSError."""
        self._sock.setsockopt(level, name, value)

    def send(self, octets: memoryview | bytes) -> int:
        """Send a piece; its size. Raises BlockingIOError: then call it again with the same octets. Raises OSError."""
        if not self._promised:
            self._promised = self._tls.write(octets[:PIECE])
        self._push()
        sent, self._promised = self._promised, 0
        return sent

    def send_raw(self, octets: bytes) -> None:
        """Send octets as they are, below TLS. Raises OSError."""
        self._sock.send(octets)

    def recv(self, most: int) -> bytes:
        """Plain octets, about *most* at most; none after close_notify or FIN. Raises BlockingIOError, OSError."""
        while not self.peer_closed:
            octets = self._sock.recv(most)
            if not octets:
                break
            self._incoming.write(octets)
            if plain := self._read():
                return plain
        return b""

    def _read(self) -> bytes:
        pieces = []
        try:
            while piece := self._tls.read(CHUNK):
                pieces.append(piece)
            self.peer_closed = True
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLZeroReturnError:
            self.peer_closed = True
        except ssl.SSLError as error:
            raise TlsFailed(f"TLS: {_reason(error)}") from None
        return b"".join(pieces)

    def close_notify(self) -> None:
        """End our direction inside TLS, without FIN behind it. Raises OSError."""
        with contextlib.suppress(ssl.SSLError):  # it would like to wait for the server's
            self._tls.unwrap()
        while True:
            try:
                return self._push()
            except BlockingIOError:
                select.select([], [self._sock], [], 1.0)

    def shutdown(self, how: int) -> None:
        """SHUT_WR: close_notify, and FIN behind it. Raises OSError."""
        if how == socket.SHUT_WR:
            self.close_notify()
        self._sock.shutdown(how)

    def shutdown_raw(self) -> None:
        """FIN without close_notify. Raises OSError."""
        self._sock.shutdown(socket.SHUT_WR)

    def fin_comes(self, patience: float) -> bool:
        """Does FIN come, and nothing before it, within *patience* seconds?"""
        self._sock.settimeout(patience)
        try:
            return self._sock.recv(1) == b""
        except OSError:
            return False
        finally:
            self._sock.setblocking(False)

    def close(self) -> None:
        """Close the socket, without a word."""
        self._sock.close()

    def _push(self) -> None:
        self._unsent += self._outgoing.read()
        while self._unsent:
            sent = self._sock.send(self._unsent[: self._cut])
            self._unsent = self._unsent[sent:]


def client_hello() -> bytes:
    """How a handshake begins; nobody can finish this one."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.set_alpn_protocols([ALPN])
    outgoing = ssl.MemoryBIO()
    with contextlib.suppress(ssl.SSLWantReadError):
        context.wrap_bio(ssl.MemoryBIO(), outgoing).do_handshake()
    return outgoing.read()


def why(error: ssl.SSLError, first: bytes = b"") -> str:
    """Why a handshake failed, for the user; *first* is what the server sent first, as far as that is known."""
    if isinstance(error, ssl.SSLCertVerificationError):
        why = error.verify_message.rstrip(".")
        return f"the certificate is not trusted ({why}): --ca-file FILE names its authority, --insecure trusts anybody"
    if (first and first[0] not in _TLS_FIRST) or error.reason == "WRONG_VERSION_NUMBER":
        return "the server does not speak TLS: leave out --tls"
    return f"the TLS handshake failed: {_reason(error)}"


def _reason(error: ssl.SSLError) -> str:
    return (error.reason or str(error)).replace("_", " ").lower()
