"""One attempt to reach a host: all its addresses in turn, without blocking.

In here: non-blocking connects with a time limit for each address. Not in here: looking the name up (the
runner does it in a thread of its own, because that blocks), waiting (the runner's selector), and what is said
on the connection.
"""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Sequence
from typing import Any, Final

from causerie.core.client import Cause

ADDRESS_LIMIT: Final = 5.0
"""Seconds that one address of the host may take to answer."""
_IN_PROGRESS: Final = frozenset(
    {errno.EINPROGRESS, errno.EWOULDBLOCK, errno.EAGAIN, getattr(errno, "WSAEWOULDBLOCK", errno.EWOULDBLOCK)}
)

AddressInfo = tuple[int, int, int, str, Any]
"""As `socket.getaddrinfo` gives it: family, type, protocol, canonical name, address."""


def look_up(host: str, port: int) -> list[AddressInfo]:
    """All TCP addresses of the host. Blocks. Raises OSError when there are none."""
    try:
        return list(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
    except UnicodeError as error:  # a label of more than 63 octets, for instance
        raise socket.gaierror(socket.EAI_NONAME, str(error)) from None


class Dialer:
    """Tries the addresses in order until one takes the connection.

    While it has a ``pending`` socket, wait for it to become writable until ``deadline``, then call `advance`.
    Afterwards either ``connected`` or ``failure`` is set.
    """

    def __init__(self, addresses: Sequence[AddressInfo], now: float) -> None:
        self.pending: socket.socket | None = None
        self.deadline: float | None = None
        self.connected: socket.socket | None = None
        self.failure: tuple[Cause, str] | None = None
        self._left = list(addresses)
        self._failures: list[tuple[Cause, str]] = []
        self._next(now)

    def advance(self, now: float, *, writable: bool) -> None:
        """The pending socket became writable, or time passed; ``now`` is in monotonic seconds."""
        sock, limit = self.pending, self.deadline
        if sock is None or limit is None:
            return
        if writable:
            error = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if error == 0 and _meets_itself(sock):
                error = errno.ECONNREFUSED
            if error == 0:
                self.pending, self.deadline = None, None
                self.connected = sock
            else:
                self._failed(error)
                self._next(now)
        elif now >= limit:
            self._failures.append((Cause.CONNECT_TIMEOUT, ""))
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
        for cause in (Cause.NOBODY_LISTENS, Cause.CONNECT_TIMEOUT):
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
