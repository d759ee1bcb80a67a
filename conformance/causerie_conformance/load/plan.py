"""What is to be done to a server: who talks where, when, how much.

A *target* is a conversation that a connection writes to; with several it writes to them in turn. A *stream* is what one
connection writes to one target: its messages are numbered 1, 2, 3, …, so that each of its readers can tell what is
missing, what came twice and what came late. Message *k* of the whole run is written by connection k mod N, and with a
rate it is due k/rate seconds after the start, whether or not the server kept up with those before it.

In here: data, and arithmetic on it. All times in ns since the start of the load. Not in here: clocks, connections.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

from causerie_conformance.target import address_name
from causerie_conformance.tls import Tls
from causerie_spec.codes import LOBBY, TOKEN_SIZE
from causerie_spec.codes import ROOMS as ROOMS_CAPABILITY

SECOND: Final = 10**9
"""In ns."""
MIN_SIZE: Final = 32
"""Octets of text, at least: that many say which message it is."""
MAX_SLOTS: Final = 600
"""Pieces of time that are told apart, at most; they are of a second each, or of several in a long run."""


@dataclass(frozen=True)
class Plan:
    """One run. ``rate`` is in messages a second, all connections together; 0: as fast as ``window`` allows.

    ``duration`` (measured), ``warmup`` (before it) and ``ramp`` (for connecting) are in seconds, ``size`` in octets of
    text; ``window`` is how many messages of a connection may wait for their ACK if there is no rate. ``run`` is six
    hexadecimal digits that no other run has.
    """

    host: str
    port: int
    tls: Tls | None = None
    connections: int = 50
    rooms: int = 0
    pairs: bool = False
    rate: float = 50.0
    window: int = 8
    size: int = 64
    duration: float = 10.0
    warmup: float = 1.0
    ramp: float = 0.0
    processes: int = 1
    run: str = field(default_factory=lambda: secrets.token_hex(3))
    secret: bytes = field(default_factory=lambda: secrets.token_bytes(TOKEN_SIZE))

    @property
    def target(self) -> str:
        """HOST:PORT."""
        return address_name((self.host, self.port))

    # Who talks where

    @property
    def capabilities(self) -> tuple[str, ...]:
        """What is needed of the server."""
        return (ROOMS_CAPABILITY,) if self.rooms else ()

    def handle(self, number: int) -> str:
        """The handle of a connection."""
        return f"load-{self.run}-{number}"

    def number(self, handle: str) -> int:
        """The connection of a handle; -1 if it is none of this run."""
        prefix, _, digits = handle.rpartition("-")
        return int(digits) if prefix == f"load-{self.run}" and digits.isdecimal() else -1

    def token(self, number: int) -> bytes:
        """What that connection logs in with: of this run alone."""
        return self.secret[:-4] + number.to_bytes(4, "big")

    def room(self, number: int) -> str | None:
        """The room that a connection joins."""
        return f"#load-{self.run}-{number % self.rooms}" if self.rooms else None

    def targets(self, number: int) -> tuple[str, ...]:
        """The conversations that a connection writes to, as it calls them."""
        room = self.room(number)
        group = (room,) if room is not None else () if self.pairs else (LOBBY,)
        return (*group, f"@{self.handle(number ^ 1)}") if self.pairs else group

    @property
    def streams(self) -> int:
        """Targets of each connection."""
        return len(self.targets(0))

    def members(self, number: int, conversation: str) -> range:
        """Who is in that conversation beside that connection, itself included; a connection's *place* is its index."""
        if conversation.startswith("@"):
            return range(number & ~1, (number | 1) + 1)
        if self.rooms:
            return range(number % self.rooms, self.connections, self.rooms)
        return range(self.connections)

    def place(self, number: int, conversation: str) -> int:
        """The place of a connection in a conversation."""
        if conversation.startswith("@"):
            return number & 1
        return number // self.rooms if self.rooms else number

    def belongs(self, number: int, conversation: str) -> bool:
        """May that connection have written what is read in a conversation of that name?"""
        if not 0 <= number < self.connections:
            return False
        if conversation.startswith("@"):
            return self.pairs and self.number(conversation[1:]) in (number, number ^ 1)
        return conversation == self.targets(number)[0]

    def stream(self, conversation: str) -> int:
        """Which target of its writers a conversation is."""
        return self.streams - 1 if conversation.startswith("@") else 0

    def share(self, process: int) -> range:
        """The connections of one process."""
        return range(process, self.connections, self.processes)

    # When

    @cached_property
    def closed_loop(self) -> bool:
        """Is the next message written when an earlier one was answered?"""
        return not self.rate

    @cached_property
    def begin(self) -> int:
        """When measuring begins."""
        return round(self.warmup * SECOND)

    @cached_property
    def end(self) -> int:
        """When measuring, and writing, ends."""
        return round((self.warmup + self.duration) * SECOND)

    @cached_property
    def slot(self) -> int:
        """How long each piece of time is that is told apart."""
        return -int(-self.duration // MAX_SLOTS) * SECOND

    @cached_property
    def slots(self) -> int:
        """How many of them there are."""
        return -((self.begin - self.end) // self.slot)

    def slot_of(self, at: int) -> int:
        """The piece of time that holds a moment; -1 if it is not measured."""
        return (at - self.begin) // self.slot if self.begin <= at < self.end else -1

    def due(self, process: int) -> Iterator[tuple[int, int]]:
        """(due time, connection) of all that one process is to write, with a rate."""
        own, turn = self.share(process), 0
        while True:
            for number in own:
                at = int((turn + number) * SECOND / self.rate)
                if at >= self.end:
                    return
                yield at, number
            turn += self.connections


class Texts:
    """What is written, and how it is read again: 32 octets that tell a message from all others, then filling."""

    def __init__(self, plan: Plan) -> None:
        self._run = plan.run
        self._filling = ("causerie " * (plan.size // 9 + 1))[: plan.size - MIN_SIZE]
        self._size = plan.size

    def write(self, number: int, at: int) -> str:
        """The text of message *number* of its stream, due at that time."""
        return f"{self._run}{number:010x}{at:016x}{self._filling}"

    def read(self, text: str) -> tuple[int, int] | None:
        """(number, due time); None if it is not what was written."""
        if len(text) != self._size or text[:6] != self._run or text[MIN_SIZE:] != self._filling:
            return None
        try:
            return int(text[6:16], 16), int(text[16:MIN_SIZE], 16)
        except ValueError:
            return None
