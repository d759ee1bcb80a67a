"""The connections of one case, kept alive together where a server puts a keepalive in force that nobody asked for.

A server may do so ([KEEP-1]), and a client then owes it a frame every so often ([CLIENT-2]), while a case may be busy
with other connections. So whenever one of a case's connections waits, all of them send PING in time; no case sees the
PONGs. And where a cluster has several addresses, one of them must know when another has last done something that may
still be on its way ([REQ-8]).

In here: when, and which PONGs. Not in here: connections on which the case itself asked for a keepalive: their silence
is what it is about.
"""

from __future__ import annotations

import contextlib
import secrets
import time
from typing import TYPE_CHECKING, Final

from causerie_conformance.problems import Problem
from causerie_spec.codec import encode
from causerie_spec.codes import MAX_REF
from causerie_spec.messages import Message, Ping, Pong

if TYPE_CHECKING:
    from causerie_conformance.peer import Peer

NEVER: Final = float("inf")
OFTEN: Final = 3
"""PINGs in one keepalive."""


class Company:
    """Connections that look after each other."""

    def __init__(self) -> None:
        self._peers: list[Peer] = []
        self._tokens: set[int] = set()
        self._acted: dict[tuple[str, int], float] = {}

    def admit(self, peer: Peer) -> None:
        """From now on it is kept alive, as long as it is open."""
        self._peers.append(peer)

    def listen(self) -> None:
        """Take in what has come to all of them: what came to others explains what did not come to one."""
        for peer in self._peers:
            with contextlib.suppress(Problem):
                peer.poll()

    def acted(self, peer: Peer) -> None:
        """At its address something was asked, answered or ended just now."""
        self._acted[peer.address] = time.monotonic()

    def acted_elsewhere(self, address: tuple[str, int]) -> float:
        """When at other addresses something was last asked, answered or ended, by `time.monotonic`."""
        return max((at for other, at in self._acted.items() if other != address), default=-NEVER)

    def keep(self) -> float:
        """Send PING where it is time; the moment of `time.monotonic` at which this is to be called again."""
        self._peers = [peer for peer in self._peers if peer.open]
        return min((self._keep(peer) for peer in self._peers), default=NEVER)

    def _keep(self, peer: Peer) -> float:
        keepalive = peer.observer.unasked_keepalive
        if not keepalive:
            return NEVER
        now = time.monotonic()
        due = peer.spoke_at + keepalive / OFTEN
        if due > now:
            return due
        if peer.observer.between_frames and peer.has_room():
            token = secrets.randbits(64)
            self._tokens.add(token)
            peer.send_octets(encode(Ping(token), MAX_REF), "the suite keeps the connection alive")
        return now + keepalive / OFTEN

    def asked_for(self, message: Message) -> bool:
        """Is that the PONG to one of these PINGs, of which no case knows?"""
        return isinstance(message, Pong) and message.token in self._tokens
