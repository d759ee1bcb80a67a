"""Recordings made by hand, for the tests of replays."""

from __future__ import annotations

from typing import Any

from causerie_conformance.problems import Kind
from causerie_conformance.replay.recording import Recording, Wrong
from causerie_conformance.replay.tape import Step, What
from causerie_spec.codec import encode
from causerie_spec.messages import Hello, Ping, Pong, Welcome

BEGAN = 1_700_000_000.0
NAME = "0123456789abcde"
HELLO = encode(Hello(b"CAUS", 1, 1, 0, f"agent-{NAME}", ()), 1)
WELCOME = encode(Welcome(1, 0, 1_700_000_000_000, 7, "stub", ("TOKEN",), ()), 1)
PING = encode(Ping(5), 2)
PONG = encode(Pong(5), 2)
WRONG_PONG = encode(Pong(6), 2)
CONNECT = Step(0.0, 0, What.CONNECT)
Moment = tuple[Any, ...]


def steps(*moments: Moment) -> tuple[Step, ...]:
    """What, and octets if any, on connection 0, a millisecond between them."""
    return tuple(Step(number / 1_000, 0, *moment) for number, moment in enumerate([(What.CONNECT,), *moments]))


def wrong(kind: Kind = Kind.VALUE, octets: bytes = b"", connection: int | None = 0, **values: Any) -> Wrong:
    made = {"clause": "PING-1", "expected": "PONG 5", "came": "PONG 6", "should": b"", "offset": None} | values
    return Wrong(kind=kind, connection=connection, octets=octets, **made)


def recording(*moments: Moment, wrong: Wrong, cannot: str = "", lines: int = 1) -> Recording:
    connections = tuple((f"peer-{number}", 0) for number in range(lines))
    made = () if cannot else steps(*moments)
    return Recording("hello/ping", "PING is answered", ("PING-1",), BEGAN, cannot, wrong, connections, made)


GREETING = (What.SEND, HELLO), (What.FRAME, WELCOME)
A_WRONG_PONG = recording(*GREETING, (What.SEND, PING), (What.FRAME, WRONG_PONG), wrong=wrong(octets=WRONG_PONG))
