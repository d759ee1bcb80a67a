"""The server under test, as the whole run knows it.

In here: its address, what it offers, how long to wait for it, and whether the suite may start another one
like it. Not in here: a single case's connections (`arena`).
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from causerie_conformance.accounts import Account
from causerie_conformance.experience import Experience
from causerie_conformance.logs import Shared
from causerie_conformance.process import HOST, Command, ServerProcess
from causerie_conformance.tls import Tls
from causerie_spec.codes import HANDSHAKE_TIMEOUT
from causerie_spec.messages import Welcome

if TYPE_CHECKING:
    from causerie_conformance.client import Client

PATIENCE: Final = 5.0
"""Seconds to wait for anything, at least: a busy machine must never make a case fail."""
SHORTER: Final = ((3, 1.0), (20, 0.3))
"""The same once so many cases have failed by waiting: a server that is half built should not cost minutes."""
ROUND_TRIPS: Final = 100
"""Round trips to wait for anything, at least: a server far away must not fail either."""
TLS: Final = "TLS"
"""What cases about TLS need: a run over it."""
SEVERAL: Final = "several addresses"
"""What cases about clusters need."""


def address_name(address: tuple[str, int]) -> str:
    """HOST:PORT, with brackets around an IPv6 address."""
    host, port = address
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


@dataclass
class Target:
    """A server, and what has been learned of it. ``round_trip`` is in seconds.

    A cluster has *others* beside its first address; a case's connections spread over all of them.
    """

    host: str
    port: int
    command: Command | None = None
    process: ServerProcess | None = None
    declared_handshake_timeout: float | None = None
    accounts: tuple[Account, ...] = ()
    tls: Tls | None = None
    others: tuple[tuple[str, int], ...] = ()
    shared: Shared = field(default_factory=Shared)
    welcome: Welcome | None = None
    round_trip: float = 0.0
    timeouts: int = 0
    spare: Client | None = None
    experience: Experience = field(default_factory=Experience)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @property
    def address(self) -> tuple[str, int]:
        """Host and port, of a cluster the first ones."""
        return self.host, self.port

    @property
    def addresses(self) -> tuple[tuple[str, int], ...]:
        """All of them, each once."""
        return tuple(dict.fromkeys((self.address, *self.others)))

    @property
    def name(self) -> str:
        """HOST:PORT; of a cluster all of them."""
        return " ".join(map(address_name, self.addresses))

    @property
    def patience(self) -> float:
        """Seconds to wait for an answer."""
        floor = next((short for count, short in reversed(SHORTER) if self.timeouts >= count), PATIENCE)
        return max(floor, ROUND_TRIPS * self.round_trip)

    @property
    def slack(self) -> float:
        """Seconds by which a time limit may be seen late, for the network's and the machine's sake."""
        return 0.75 + 10 * self.round_trip

    @property
    def handshake_timeout(self) -> float:
        """The server's login limit in seconds, as far as the suite knows."""
        if self.declared_handshake_timeout is not None:
            return self.declared_handshake_timeout
        set_by_command = self.command.handshake_timeout if self.command is not None else None
        return set_by_command if set_by_command is not None else float(HANDSHAKE_TIMEOUT)

    def offers(self, need: str) -> bool:
        """Does the server offer that capability or mechanism, by what WELCOME said, or this run?"""
        if need == TLS:
            return self.tls is not None
        if need == SEVERAL:
            return len(self.addresses) > 1
        if self.welcome is None:
            return False
        return need in self.welcome.capabilities or need in self.welcome.mechanisms

    def crash(self) -> None:
        """Kill the server, which the suite has started, and start it again with the data that it had."""
        assert self.process is not None
        self.process.kill()
        self.start_again()

    def start_again(self) -> None:
        """Start the server, which has ended, with the data that it had. Raises `ServerFailed`."""
        assert self.process is not None
        self.process.start()
        self.port = self.process.port

    def note_timeout(self) -> None:
        """A case has failed by waiting."""
        with self._lock:
            self.timeouts += 1

    def take_spare(self) -> Client | None:
        """The bystander of the case before, if it is free."""
        with self._lock:
            spare, self.spare = self.spare, None
            return spare

    def put_spare(self, client: Client | None) -> None:
        """Keep a bystander for the next case, or let go the one that is kept."""
        with self._lock:
            client, self.spare = self.spare, client
        if client is not None:
            client.close()


def another(target: Target) -> Target:
    """A second server like *target*, started for one case alone. Raises `ServerFailed`."""
    assert target.command is not None
    process = ServerProcess(target.command)
    return Target(HOST, process.port, target.command, process, tls=target.tls, round_trip=target.round_trip)
