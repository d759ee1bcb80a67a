"""One attempt to reach a host: all its addresses in turn, without blocking.

In here: non-blocking connects, and TLS handshakes, with a time limit for each address. Not in here: looking the name
up (the runner does it in a thread of its own, because that blocks), waiting (the runner's selector), and what is said
on the connection.
"""

from __future__ import annotations

import errno
import os
import selectors
import socket
from collections.abc import Callable, Sequence
from typing import Any, Final

from causerie.core.client import Cause
from causerie.tls.layer import NotTlsError, TlsError, UntrustedError
from causerie.tls.sockets import TlsSocket

ADDRESS_LIMIT: Final = 5.0
"""Seconds that one address of the host may take to answer, and then for the TLS handshake."""
_IN_PROGRESS: Final = frozenset(
    {errno.EINPROGRESS, errno.EWOULDBLOCK, errno.EAGAIN, getattr(errno, "WSAEWOULDBLOCK", errno.EWOULDBLOCK)}
)

Secure = Callable[[socket.socket], TlsSocket]
"""Puts TLS on a connected socket. Raises OSError."""
AddressInfo = tuple[int, int, int, str, Any]
"""As `socket.getaddrinfo` gives it: family, type, protocol, canonical name, address."""


_TLS_CAUSES: Final = {
    UntrustedError: Cause.UNTRUSTED,
    NotTlsError: Cause.NO_TLS,
    TlsError: Cause.TLS_FAILED,
}
"""What an error of the handshake means, the particular ones first."""


def look_up(host: str, port: int) -> list[AddressInfo]:
    """All TCP addresses of the host. Blocks. Raises OSError when there are none."""
    try:
        return list(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
    except UnicodeError as error:  # a label of more than 63 octets, for instance
        raise socket.gaierror(socket.EAI_NONAME, str(error)) from None


class Dialer:
    """Tries the addresses in order until one takes the connection, with TLS if there is a ``secure``.

    While it has a ``pending`` socket, wait for what it ``waits_for`` (of `selectors`) until ``deadline``, then call
    `advance`. Afterwards either ``connected`` or ``failure`` is set.
    """

    def __init__(self, addresses: Sequence[AddressInfo], now: float, secure: Secure | None = None) -> None:
        self.pending: socket.socket | TlsSocket | None = None
        self.waits_for = selectors.EVENT_WRITE
        self.deadline: float | None = None
        self.connected: socket.socket | TlsSocket | None = None
        self.failure: tuple[Cause, str] | None = None
        self._secure = secure
        self._left = list(addresses)
        self._failures: list[tuple[Cause, str]] = []
        self._next(now)

    def advance(self, now: float, *, ready: bool) -> None:
        """What the pending socket waits for has come, or time passed; ``now`` is in monotonic seconds."""
        sock, limit = self.pending, self.deadline
        if sock is None or limit is None:
            return
        if not ready:
            if now >= limit:
                self._failures.append((Cause.CONNECT_TIMEOUT, ""))
                self._next(now)
        elif isinstance(sock, TlsSocket):
            self._shake_hands(sock, now)
        else:
            self._meet(sock, now)

    def _meet(self, sock: socket.socket, now: float) -> None:
        """The TCP connection is there, or failed."""
        error = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if error == 0 and _meets_itself(sock):
            error = errno.ECONNREFUSED
        if error:
            self._failed(error)
            self._next(now)
        elif self._secure is None:
            self._succeeded(sock)
        else:
            try:
                self.pending = self._secure(sock)
            except OSError as failure:
                self._unsafe(failure, now)
            else:
                self.waits_for, self.deadline = selectors.EVENT_READ, now + ADDRESS_LIMIT

    def _shake_hands(self, sock: TlsSocket, now: float) -> None:
        try:
            if sock.shake_hands():
                self._succeeded(sock)
        except OSError as failure:
            self._unsafe(failure, now)

    def _succeeded(self, sock: socket.socket | TlsSocket) -> None:
        self.pending, self.deadline = None, None
        self.connected = sock

    def _unsafe(self, failure: OSError, now: float) -> None:
        cause = next((cause for kind, cause in _TLS_CAUSES.items() if isinstance(failure, kind)), Cause.TLS_FAILED)
        self._failures.append((cause, failure.strerror or str(failure)))
        self._next(now)

    def close(self) -> None:
        """Give up."""
        self._left.clear()
        if self.pending is not None:
            self.pending.close()
            self.pending, self.deadline = None, None

    def _next(self, now: float) -> None:
        if self.pending is not None:
            self.pending.close()
            self.pending, self.deadline = None, None
        self.waits_for = selectors.EVENT_WRITE
        while self._left:
            family, type_, protocol, _, address = self._left.pop(0)
            try:
                sock = socket.socket(family, type_, protocol)
            except OSError as error:  # for instance: no IPv6 here
                self._failed(error.errno or 0)
                continue
            try:
                sock.setblocking(False)
                error_number = sock.connect_ex(address)
            except OSError as error:
                error_number = error.errno or errno.EINVAL
            if error_number == 0 or error_number in _IN_PROGRESS:
                self.pending, self.deadline = sock, now + ADDRESS_LIMIT
                return
            sock.close()
            self._failed(error_number)
        self.failure = self._worst()

    def _failed(self, error: int) -> None:
        refused = error in (errno.ECONNREFUSED, getattr(errno, "WSAECONNREFUSED", errno.ECONNREFUSED))
        self._failures.append((Cause.NOBODY_LISTENS if refused else Cause.UNREACHABLE, os.strerror(error)))

    def _worst(self) -> tuple[Cause, str]:
        """Of all failures the one that tells most: a host that refuses is there, one that is slow may be."""
        for cause in (*_TLS_CAUSES.values(), Cause.NOBODY_LISTENS, Cause.CONNECT_TIMEOUT):
            for failure in self._failures:
                if failure[0] is cause:
                    return failure
        return self._failures[-1] if self._failures else (Cause.UNREACHABLE, "")


def _meets_itself(sock: socket.socket) -> bool:
    """Did TCP connect the socket to itself? It does, now and then, when nobody listens at a port of its own range."""
    try:
        return bool(sock.getsockname() == sock.getpeername())
    except OSError:
        return False
