"""Everything that goes over the connections of one case, octet for octet, so that it can be repeated.

The transcript is for people and leaves out the middle of long ones; a tape is whole, or says why it is not.

In here: keeping. Not in here: the file (`recording`), what is shown to people (`causerie_conformance.transcript`).
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from enum import Enum
from typing import Final

MOST_OCTETS: Final = 1 << 20
"""Octets kept of one case, sent and received together; a flood is more, and cannot be repeated."""
MOST_STEPS: Final = 5_000
"""Steps kept of one case."""


class What(str, Enum):
    """One thing that the suite did or that came from the server. Values are stable: files contain them."""

    CONNECT = "connect"
    SEND = "send"
    HALF_CLOSE = "half-close"
    RESET = "reset"
    CLOSE = "close"
    FRAME = "frame"
    """A frame came."""
    PIECE = "piece"
    """Octets came that never became a frame."""
    FIN = "fin"
    """The server ended the stream."""
    RST = "rst"
    """The server reset the connection."""


OCTETS: Final = (What.SEND, What.FRAME, What.PIECE)
"""Steps that have octets."""
CAME: Final = (What.FRAME, What.PIECE, What.FIN, What.RST)
"""Steps that are the server's."""


@dataclass(frozen=True)
class Step:
    """One step: ``at`` in seconds since the tape began, on which connection (from 0), and its octets."""

    at: float
    line: int
    what: What
    octets: bytes = b""


@dataclass(frozen=True)
class Line:
    """A connection of the case: the suite's name for it, and to which address of a cluster (host and port)."""

    name: str
    address: tuple[str, int]


class Tape:
    """A case's steps, in the order in which the suite took them and saw them. Safe to use from several threads."""

    def __init__(self) -> None:
        self.began = time.time()
        """By the wall clock, in seconds since the Unix epoch."""
        self.lines: list[Line] = []
        self.steps: list[Step] = []
        self.spoiled = ""
        """Why this cannot be repeated, for the user; empty if it can."""
        self._clock = time.monotonic()
        self._octets = 0
        self._lock = threading.Lock()

    def connect(self, name: str, address: tuple[str, int]) -> Track:
        """A connection was made."""
        with self._lock:
            self.lines.append(Line(name, address))
            track = Track(self, len(self.lines) - 1)
        track.add(What.CONNECT)
        return track

    def spoil(self, why: str) -> None:
        """This case cannot be repeated by sending the same octets: nothing more is kept."""
        with self._lock:
            self.spoiled = self.spoiled or why
            self.steps.clear()

    def forget(self) -> None:
        """The case is over, and nobody will repeat it."""
        with self._lock:
            self.steps.clear()

    def add(self, line: int, what: What, octets: bytes = b"") -> None:
        """Keep one step, if there is room."""
        if self.spoiled:
            return
        with self._lock:
            self._octets += len(octets)
            self.steps.append(Step(time.monotonic() - self._clock, line, what, octets))
        if self._octets > MOST_OCTETS or len(self.steps) > MOST_STEPS:
            self.spoil(f"more went over its connections than is kept ({MOST_OCTETS >> 20} MiB, {MOST_STEPS} steps)")

    def of(self, line: int) -> list[Step]:
        """The steps of one connection."""
        with self._lock:
            return [step for step in self.steps if step.line == line]


class Track:
    """One connection's part of a tape: what `Peer` calls."""

    def __init__(self, tape: Tape, line: int) -> None:
        self._tape = tape
        self._line = line
        self._closed = False
        self._opening: list[Step] = []

    def add(self, what: What, octets: bytes = b"") -> None:
        """Keep a step; what follows the end of our side is no step."""
        if what in (What.RESET, What.CLOSE):
            if self._closed:
                return
            self._closed = True
        self._tape.add(self._line, what, octets)

    def spoil(self, why: str) -> None:
        """This case cannot be repeated."""
        self._tape.spoil(why)

    def opened(self) -> None:
        """It is where it should be when a case finds it; see `moved`."""
        self._opening = self._tape.of(self._line)

    def moved(self, tape: Tape) -> Track:
        """The connection goes on in another case: the new tape has how it was made, and none of what was in between."""
        line = self._tape.lines[self._line]
        if not self._opening:
            tape.spoil("a connection of it is older than what is kept")
        moved = tape.connect(line.name, line.address)
        for step in self._opening[1:]:
            moved.add(step.what, step.octets)
        moved.opened()
        return moved
