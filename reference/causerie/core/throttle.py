"""How often an address may do what attackers do often: fail to log in, reserve new handles [LOAD-6].

In here: who pays, and a budget for each, in bounded memory. Not in here: what is charged, and when (`login`).

A budget of N a minute may be spent at once, and grows again by and by. Who overspends it (with many connections at the
same time) pays that back first, so that nobody has more than this in the long run. It is kept as one number for each
payer: the time at which all is paid (the generic cell rate algorithm).
"""

import ipaddress
from typing import Final

WINDOW: Final = 60.0
"""Seconds in which a budget that was spent has grown again."""
MOST_PAYERS: Final = 10_000
"""Payers remembered, about 1 MB; then the one who was charged longest ago is forgotten."""


def payer_of(peer: str, *, local: bool = False) -> str | None:
    """Who pays for *peer* (`HOST:PORT`): an IPv4 address, or an IPv6 /64, which is one subscriber with 2⁶⁴ addresses.

    None, which is nobody, for what has no address, and for this machine's own unless *local*.
    """
    try:
        address = ipaddress.ip_address(peer.rpartition(":")[0].strip("[]").partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address):
        address = address.ipv4_mapped or address
    if address.is_loopback and not local:
        return None
    if isinstance(address, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((address, 64), strict=False))
    return str(address)


class Throttle:
    """A budget for each payer; *per_minute* 0 is no limit."""

    def __init__(self, per_minute: int) -> None:
        self._price = WINDOW / per_minute if per_minute else 0.0
        self._paid_at: dict[str, float] = {}  # in the order of the last charge

    def wait(self, payer: str | None, now: float) -> int:
        """Ms until the payer may spend again; 0: now."""
        paid_at = self._paid_at.get(payer, now) if payer is not None else now
        wait = paid_at + self._price - now - WINDOW
        return max(1, round(wait * 1_000)) if wait > 1e-6 else 0

    def charge(self, payer: str | None, now: float) -> None:
        """The payer has spent one, whether or not it was there."""
        if payer is None or not self._price:
            return
        self._paid_at[payer] = max(now, self._paid_at.pop(payer, now)) + self._price
        oldest = next(iter(self._paid_at))
        if len(self._paid_at) > MOST_PAYERS or self._paid_at[oldest] <= now:
            del self._paid_at[oldest]
