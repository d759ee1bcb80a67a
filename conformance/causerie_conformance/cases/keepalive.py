"""ROBUST: keepalive and the login limit.

In here: cases that wait for time to pass. Each runs beside the others from the start of the run, so that they
cost the time of the longest. They wait on sockets, never otherwise; a limit is judged early by the clock from
before it began, and late with `Target.slack` to spare.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from causerie_conformance.arena import Arena, hello, login, new_handle, new_token
from causerie_conformance.client import Client, assuming, citing, new_txn
from causerie_conformance.problems import Kind, NotJudged, Problem
from causerie_conformance.registry import case
from causerie_spec.codec import encode, frame
from causerie_spec.codes import IDLE_FACTOR, IDLE_FACTOR_MAX, ByeCode, ErrorCode
from causerie_spec.messages import Bye, Error, Message, Ping, Pong, Ready, Send, Welcome

K: Final = 1
"""The shortest keepalive there is, in seconds."""
LONG: Final = 3.2
"""Seconds of life that show that a connection with keepalive K is not ended as idle."""
LONGEST_LIMIT: Final = 10.0
"""The longest login limit, in seconds, that is worth waiting for."""
EARLY: Final = 0.02
"""Seconds that clocks may differ by."""

TRIES: Final = 3
"""Connections that may fail because this machine was too busy to keep its own promise."""

_KEEPALIVES = {"1": 1, "60": 60, "65535": 65_535}


@case("keepalive/in-force-{}", "KEEP-1", over=_KEEPALIVES)
def in_force(arena: Arena, seconds: int) -> None:
    """The keepalive in force is at most what was asked, and not 0"""
    client = arena.connect()
    welcome = client.ask(hello(keepalive=seconds), Welcome)
    if not 1 <= welcome.keepalive <= seconds:
        raise client.problem(Kind.VALUE, f"a keepalive from 1 to {seconds}", f"{welcome.keepalive}")


class Lease:
    """A connection with keepalive K, silent since ``begun`` at the earliest, ``sure`` at the latest."""

    def __init__(self, arena: Arena, name: str = "alice") -> None:
        self.target = arena.target
        self.client = arena.greet(name, keepalive=K)
        self.begun = time.monotonic()
        arena.enter(self.client)
        self.sure = time.monotonic()

    def touched(self, act: Callable[[], object]) -> None:
        """Do something that sends a whole frame and takes its answer."""
        self.begun = time.monotonic()
        act()
        self.sure = time.monotonic()

    def ends_idle(self) -> None:
        """BYE IDLE must come, neither too early nor too late."""
        client = self.client
        latest = self.sure + IDLE_FACTOR_MAX * K + self.target.slack
        client.patience = max(0.0, latest - time.monotonic())
        with assuming("KEEP-2"):
            client.ends_with(ByeCode.IDLE, ref=0)
        lasted = (client.bye_at or 0.0) - self.begun
        if lasted < IDLE_FACTOR * K - EARLY:
            earliest = f"BYE IDLE after {IDLE_FACTOR * K:g} s of silence at the earliest"
            raise client.problem(Kind.VALUE, earliest, f"it after {lasted:.2f} s")


@case("keepalive/idle", "KEEP-2", beside=True)
def idle(arena: Arena) -> None:
    """With keepalive 1 a silent connection is ended with BYE IDLE after 1.5 to 2 s"""
    Lease(arena).ends_idle()


@case("keepalive/idle-after-traffic", "KEEP-2", beside=True)
def idle_after_traffic(arena: Arena) -> None:
    """The time of silence counts from the last complete frame"""
    lease = Lease(arena)
    for _ in range(2):
        lease.client.wait_until(lease.begun + 0.6)
        lease.touched(lease.client.fence)
    lease.ends_idle()


@case("keepalive/pieces-do-not-count", "KEEP-4", "KEEP-2", beside=True)
def pieces_do_not_count(arena: Arena) -> None:
    """Octets of a frame that never becomes complete do not keep a connection alive"""
    lease = Lease(arena)
    octets = frame(Ping.TYPE, bytes(200), ref=50)
    for number in range(24):  # past the time at which it must have ended, however late the first were
        if lease.client.waiting or lease.client.end is not None:
            break
        lease.client.send_octets(octets[number * 4 : number * 4 + 4], "a piece")
        lease.client.wait_until(lease.begun + 0.1 * (number + 1))
    with citing("KEEP-4"):
        lease.ends_idle()


def _ping(client: Client) -> None:
    client.fence()


def _refused(client: Client) -> None:
    client.refused(Send("nowhere", new_txn(), 0, "x"), ErrorCode.BAD_FIELD)


def _ignored(client: Client) -> None:
    client.send_octets(frame(0x7E, b"?"))


def _unsupported(client: Client) -> None:
    ref = client.new_ref()
    client.send_octets(frame(0x7E, ref=ref))
    client.expect_error(ErrorCode.UNSUPPORTED, ref)


_FRAMES: dict[str, Callable[[Client], None]] = {
    "ping": _ping,
    "refused": _refused,
    "ignored": _ignored,
    "unsupported": _unsupported,
}


@case("keepalive/kept-alive-by-{}", "KEEP-3", over=_FRAMES, beside=True)
def kept_alive(arena: Arena, act: Callable[[Client], None]) -> None:
    """A connection on which a frame arrives in every keepalive is not ended"""
    for _ in range(TRIES):
        client, silences = Lease(arena).client, [0.0]
        try:
            with citing("KEEP-3"):
                _keep_alive(client, act, silences)
        except Problem:
            if max(silences) <= K:
                raise
        else:
            return
    raise NotJudged(f"this machine is too busy to send a frame every {K} s")


def _keep_alive(client: Client, act: Callable[[Client], None], silences: list[float]) -> None:
    """Send frames in time; tells how long it was silent before each, in seconds."""
    begun = time.monotonic()
    for number in range(1, 5):
        silences.append(time.monotonic() - client.spoke_at)
        act(client)
        client.wait_until(begun + number * LONG / 4)
    silences.append(time.monotonic() - client.spoke_at)
    client.fence()


@case("keepalive/none", "KEEP-7", beside=True)
def none(arena: Arena) -> None:
    """With keepalive 0 a quiet connection is not ended"""
    client = arena.connect("alice")
    welcome = client.ask(hello(keepalive=0), Welcome)
    if welcome.keepalive != 0:
        raise NotJudged(f"the server puts a keepalive of {welcome.keepalive} s in force for those who ask none")
    arena.enter(client)
    client.wait_until(time.monotonic() + LONG)
    with citing("KEEP-7"):
        client.fence()


# The login limit


def limit_of(arena: Arena) -> float:
    """The server's login limit in seconds; not judged where waiting for it would take too long."""
    limit = arena.target.handshake_timeout
    if limit > LONGEST_LIMIT:
        raise NotJudged(
            f"the server's login limit is {limit:g} s as far as the suite knows; start it with a short one and say so "
            "with --handshake-timeout 2, or have it set by --spawn 'CMD {port} {handshake_timeout}'"
        )
    return limit


def _nothing(client: Client, _end: float) -> None:
    client.transcript.event(client.name, "says nothing")


def _hello_alone(client: Client, _end: float) -> None:
    client.ask(hello(keepalive=K), Welcome)  # idle counts from READY, so this ends by the login limit too


def _pings(client: Client, end: float) -> None:
    client.ask(hello(), Welcome)
    pings: list[int] = []
    while client.end is None and time.monotonic() < end - 0.1:
        pings.append(client.send(Ping(token=1)))
        client.wait_until(time.monotonic() + 0.3)
    _take(client, pings, Pong)


def _take(client: Client, refs: list[int], wanted: type[Message]) -> None:
    """Take the answers to requests that were sent up to the limit; it may have come before the last ones."""
    for ref in refs:
        received = client.next(wanted.NAME)
        if received is None:
            return
        client.push_back(received)
        if isinstance(received.message, Bye):
            return
        client.expect(wanted, ref=ref)


def _piece(client: Client, _end: float) -> None:
    client.send_octets(encode(hello(), 1)[:-1], "all but the last octet")


def _refused_logins(client: Client, end: float) -> None:
    client.ask(hello(), Welcome)
    logins: list[int] = []
    while client.end is None and time.monotonic() < end - 0.1:
        logins.append(client.send(login("NO", new_token())))
        client.wait_until(time.monotonic() + 0.3)
    _take(client, logins, Error)


_DELAYS: dict[str, Callable[[Client, float], None]] = {
    "nothing": _nothing,
    "hello": _hello_alone,
    "pings": _pings,
    "piece": _piece,
    "refused-logins": _refused_logins,
}


@case("keepalive/login-limit-{}", "KEEP-6", over=_DELAYS, beside=True, guarded=False)
def loginlimit_of(arena: Arena, delay: Callable[[Client, float], None]) -> None:
    """A connection that does not log in within the login limit is ended with BYE HANDSHAKE_TIMEOUT"""
    limit = limit_of(arena)
    begun = time.monotonic()
    client = arena.connect()
    delay(client, begun + limit)
    client.patience = limit + arena.target.patience
    client.ends_with(ByeCode.HANDSHAKE_TIMEOUT, ref=0)
    lasted = (client.bye_at or 0.0) - begun
    if lasted < limit - EARLY:
        raise client.problem(Kind.VALUE, f"{limit:g} s to log in", f"BYE after {lasted:.2f} s")


@case("keepalive/login-limit-met", "KEEP-6", beside=True, guarded=False)
def login_limit_met(arena: Arena) -> None:
    """A connection that has logged in is not ended by the login limit"""
    limit = limit_of(arena)
    client = arena.greet("alice")
    client.wait_until(time.monotonic() + limit / 2)
    handle = new_handle()
    client.ask(login(handle, new_token()), Ready, handle=handle)
    client.wait_until(time.monotonic() + limit)
    with citing("KEEP-6"):
        client.fence()
