"""Listening sockets, for either engine.

In here: from --host and --port to bound sockets, and the clear words when that fails. Not in here: accepting.
"""

import errno
import os
import socket
from collections.abc import Iterable

BACKLOG = 1_024
"""Connections that may wait to be accepted."""

_ABSENT = (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)
"""How a system says that it has no such address, such as one of IPv6."""


class CannotListenError(Exception):
    """No socket could be bound; the message says why and what to do."""


def format_address(address: tuple[object, ...]) -> str:
    """`127.0.0.1:5000`, `[::1]:5000`."""
    host, port = address[0], address[1]
    return f"[{host}]:{port}" if ":" in str(host) else f"{host}:{port}"


def listen(host: str, port: int) -> list[socket.socket]:
    """Sockets bound to every address of *host* (empty: all of this machine's) and listening, not blocking.

    With *port* 0 the system picks one, the same for all. Raises `CannotListenError`.
    """
    sockets: list[socket.socket] = []
    absent: OSError | None = None
    try:
        for family, (address, wanted, *rest) in _addresses(host, port):
            same = sockets[0].getsockname()[1] if sockets else wanted
            try:
                sockets.append(_bind(family, (address, same, *rest)))
            except OSError as error:
                if error.errno not in _ABSENT:
                    raise
                absent = error
        if absent is not None and not sockets:
            raise absent
    except (OSError, UnicodeError) as error:
        for opened in sockets:
            opened.close()
        raise CannotListenError(_explain(error, host, port)) from None
    return sockets


def _addresses(host: str, port: int) -> Iterable[tuple[int, tuple[object, ...]]]:
    found = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    return list(dict.fromkeys((family, address) for family, _, _, _, address in found))


def _bind(family: int, address: tuple[object, ...]) -> socket.socket:
    # The protocol is named because asyncio sets TCP_NODELAY only where it is.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if os.name == "posix":  # elsewhere the option would let two servers share a port
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listener.bind(address)
        listener.listen(BACKLOG)
        listener.setblocking(False)
    except BaseException:
        listener.close()
        raise
    return listener


def _explain(error: OSError | UnicodeError, host: str, port: int) -> str:
    where = format_address((host or "*", port))
    if isinstance(error, (socket.gaierror, UnicodeError)) or error.errno in _ABSENT:
        return f"{host!r} is not an address of this machine: try --host 127.0.0.1"
    if isinstance(error, PermissionError):
        return f"{where}: {error.strerror}: ports below 1024 belong to the system, try --port 5000"
    return (
        f"{where}: {error.strerror}: stop what listens there, or choose another port with --port (0 picks a free one)"
    )
