"""One end of a TLS connection: octets of the peer in, plain octets out, and the other way.

In here: handshake, ALPN, and both ends of the stream, without I/O. Not in here: sockets, certificates.

    receive(octets of the peer) → plain octets; `peer_ended` afterwards tells that there is no more
    send(plain octets), finish()
    take() → octets for the peer, to be asked for after each of the others; `ended` tells that FIN goes behind them
"""

from __future__ import annotations

import ssl
from contextlib import suppress
from typing import Final

from causerie.tls.client_hello import offered_protocols
from causerie_spec.codes import ALPN

_READ_OCTETS: Final = 64 * 1024
_HANDSHAKE: Final = 22
_ALERT: Final = 21
_PROTOCOL_VERSION: Final = 70
_NO_APPLICATION_PROTOCOL: Final = 120


class TlsError(OSError):
    """TLS failed, and with it the connection; the message is for people."""


class NotTlsError(TlsError):
    """What came is no TLS at all."""


class UntrustedError(TlsError):
    """The server's certificate does not show that it is the host that was asked for [TLS-2]."""


class TlsLayer:
    """What comes in before the handshake is complete is kept, and goes out then: a BYE, or a HELLO.

    *server_hostname* makes it a client's end: the name that the certificate must have (a server has None). After a
    `TlsError` it is of no use any more, but `take` has the alert for the peer.
    """

    def __init__(self, context: ssl.SSLContext, server_hostname: str | None = None) -> None:
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._is_server = server_hostname is None
        try:
            self._tls = context.wrap_bio(
                self._incoming, self._outgoing, server_side=self._is_server, server_hostname=server_hostname
            )
        except ValueError as error:  # no name that could stand in a certificate
            raise UntrustedError(f"{server_hostname!r}: {error}") from None
        self.established = False
        """Is the handshake complete?"""
        self.peer_ended = False
        """Has the peer sent close_notify?"""
        self.ended = False
        """Is our close_notify in what `take` has returned, or will?"""
        self._heard = False
        self._hello = b"" if self._is_server else None
        """What came of a client, until it is answered."""
        self._kept: list[bytes] = []
        self._finishing = False
        if not self._is_server:
            self._shake_hands()

    def receive(self, octets: bytes) -> bytes:
        """Octets came from the peer; the plain octets in them. Raises `TlsError`."""
        if not self._heard and octets[0] not in (_HANDSHAKE, _ALERT):  # [TLS-1]
            raise self._not_tls()
        self._heard = True
        if self._hello is not None:
            self._hello += octets
        self._incoming.write(octets)
        if self.established:
            return self._read()
        self._shake_hands()
        if not self.established:
            return b""
        plain = self._read()  # before `finish`: what is not read by then would be lost
        for kept in self._kept:
            self.send(kept)
        self._kept.clear()
        if self._finishing:
            self.finish()
        return plain

    def send(self, plain: bytes | memoryview) -> None:
        """Have plain octets sent. Raises `TlsError`."""
        if not self.established:
            self._kept.append(bytes(plain))
            return
        try:
            self._tls.write(plain)  # all of it: a buffer in memory is never full
        except ssl.SSLError as error:
            raise _explained(error) from None

    def finish(self) -> None:
        """Nothing more will be sent: close_notify [TLS-8]. What the peer sends is received as before."""
        self._finishing = True
        if self.established and not self.ended:
            self.ended = True
            with suppress(ssl.SSLError):  # it would like to wait for the peer's
                self._tls.unwrap()

    def take(self) -> bytes:
        """The octets for the peer since the last time."""
        return self._outgoing.read()

    def _shake_hands(self) -> None:
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            self._look_at_hello()
            return
        except ssl.SSLError as error:
            raise _explained(error) from None
        if self._tls.selected_alpn_protocol() not in (ALPN, None):  # [TLS-5, TLS-7]
            raise TlsError(f"the server selected {self._tls.selected_alpn_protocol()!r} as ALPN, not {ALPN!r}")
        self.established = True

    def _look_at_hello(self) -> None:
        """Once the ClientHello is complete, and before its answer goes out: is this protocol meant [TLS-6]?"""
        if self._hello is None or not self._outgoing.pending:
            return
        offered, self._hello = offered_protocols(self._hello), None
        if offered is not None and ALPN.encode() not in offered:
            self._refuse(_NO_APPLICATION_PROTOCOL)
            raise TlsError(f"the client offers other protocols than {ALPN!r} as ALPN")

    def _not_tls(self) -> NotTlsError:
        if self._is_server:
            self._refuse(_PROTOCOL_VERSION)  # so that who talks in plain text can tell what listens here
        return NotTlsError(f"the {'client' if self._is_server else 'server'} does not speak TLS")

    def _refuse(self, description: int) -> None:
        """Send a fatal alert instead of an answer, in plain text, as no keys are known yet."""
        self._outgoing.read()
        self._outgoing.write(bytes((_ALERT, 3, 3, 0, 2, 2, description)))

    def _read(self) -> bytes:
        pieces = []
        try:
            while piece := self._tls.read(_READ_OCTETS):
                pieces.append(piece)
            self.peer_ended = True
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLZeroReturnError:
            self.peer_ended = True
        except ssl.SSLError as error:
            raise _explained(error) from None
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def _explained(error: ssl.SSLError) -> TlsError:
    if isinstance(error, ssl.SSLCertVerificationError):
        return UntrustedError(error.verify_message.rstrip("."))
    return TlsError((error.reason or str(error)).replace("_", " ").lower())
