"""Where a server is: HOST[:PORT] as people write it.

In here: parsing and printing. Not in here: looking names up.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from causerie.language import _
from causerie_spec.codes import DEFAULT_PORT

DEFAULT_HOST: Final = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Address:
    """A host (a name, or an IPv4 or IPv6 address without brackets) and a TCP port."""

    host: str = DEFAULT_HOST
    port: int = DEFAULT_PORT

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse_address(text: str) -> Address:
    """The address in ``HOST``, ``HOST:PORT``, ``:PORT``, ``[::1]``, ``[::1]:PORT`` or a bare ``::1``.

    Raises ValueError, with words for people, when it is none.
    """
    text = text.strip()
    if text.startswith("["):
        host, bracket, rest = text[1:].partition("]")
        if not bracket or not host or (rest and not rest.startswith(":")):
            raise ValueError(_("{text!r} is no address: an IPv6 address is written [::1]:5000").format(text=text))
        port = rest[1:] if rest else str(DEFAULT_PORT)
    elif text.count(":") > 1:
        host, port = text, str(DEFAULT_PORT)
    else:
        host, colon, port = text.partition(":")
        host = host or DEFAULT_HOST
        port = port if colon else str(DEFAULT_PORT)
    if any(character.isspace() or not character.isprintable() for character in host):
        raise ValueError(_("{text!r} is no address: a host's name holds no spaces").format(text=text))
    if not (port.isascii() and port.isdigit() and len(port) <= 5 and 1 <= int(port) <= 65535):
        raise ValueError(_("{text!r} is no address: a port is a number from 1 to 65535").format(text=text))
    return Address(host, int(port))
