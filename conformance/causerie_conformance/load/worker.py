"""One process of the load: its connections from the first to the last, and the clock that says when they write.

The steps are those of `Worker`, in their order; whoever directs several (`crew`) waits for all between two steps.

In here: when. Not in here: frames (`connection`), processes (`crew`).
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from time import perf_counter_ns
from typing import Final

from causerie_conformance.load.connection import Link, NotIn, Shared
from causerie_conformance.load.histogram import Histogram
from causerie_conformance.load.measures import Measures
from causerie_conformance.load.plan import SECOND, Plan
from causerie_conformance.load.tally import Stream, Streams
from causerie_conformance.tls import TlsFailed, why
from causerie_spec.codes import ALPN
from causerie_spec.messages import Ping

AT_ONCE: Final = 50
"""Connections that log in at the same time."""
CONNECT_SECONDS: Final = 20.0
DRAIN_SECONDS: Final = 60.0
"""To wait for answers after the last message was written, at most; and no longer than `SILENCE` for the next frame."""
SILENCE: Final = 5.0
"""Seconds without a frame from the server after which nothing more is expected."""
FAREWELL_SECONDS: Final = 5.0
LAG_EVERY: Final = SECOND // 50
MOST_AT_ONCE: Final = 500
"""Messages that are written before anything is read again."""

Written = dict[int, list[Stream]]
"""What each connection wrote to each of its targets."""


@dataclass
class Progress:
    """What happened until now, and how long deliveries took that were due in the last whole second."""

    written: int = 0
    acked: int = 0
    delivered: int = 0
    outstanding: int = 0
    ended: int = 0
    recent: Histogram = field(default_factory=Histogram)

    def add(self, other: Progress) -> None:
        """Count all that another process has counted."""
        for name in ("written", "acked", "delivered", "outstanding", "ended"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.recent.add(other.recent)


class Ticker:
    """Calls *work* with how late it is, in ns, each *period* ns of the load, until it is cancelled."""

    def __init__(self, shared: Shared, period: int, work: Callable[[int], None]) -> None:
        self._shared = shared
        self._period = self._due = period
        self._work = work
        self._wait()

    def _wait(self) -> None:
        left = max(0, self._due - self._shared.now)
        self._timer = asyncio.get_running_loop().call_later(left / SECOND, self._tick)

    def _tick(self) -> None:
        while self._due <= self._shared.now:  # those that were passed over were late too
            self._work(self._shared.now - self._due)
            self._due += self._period
        self._wait()

    def cancel(self) -> None:
        """Call it no more."""
        self._timer.cancel()


class Worker:
    """One process's part of a plan. *tell* is called each second of the load."""

    def __init__(self, plan: Plan, process: int, tell: Callable[[Progress], None]) -> None:
        self._plan = plan
        self._process = process
        self._tell = tell
        self._shared = Shared(plan, Measures.of(plan))
        self._links: dict[int, Link] = {}
        self._made: list[Link] = []
        self._stopping = False
        self._over = asyncio.get_running_loop().create_future()
        self._calm = asyncio.Event()
        self._shared.quiet = self._calm.set
        self._schedule: Iterator[tuple[int, int]] = iter(())
        self._next = (0, 0)

    # Connecting

    async def connect(self) -> tuple[int, dict[str, int], bool]:
        """Log in with all. How many are in; why the others are not; was the server reached at all?"""
        gate = asyncio.Semaphore(AT_ONCE)
        await asyncio.gather(*(self._enter(number, gate) for number in self._plan.share(self._process)))
        measures = self._shared.measures
        return len(self._links), dict(measures.failures), bool(len(measures.connecting))

    async def _enter(self, number: int, gate: asyncio.Semaphore) -> None:
        plan, measures = self._plan, self._shared.measures
        await asyncio.sleep(plan.ramp * number / plan.connections)
        async with gate:
            if self._stopping:
                return
            try:
                link = await self._connect(number)
                await link.enter()
            except NotIn as error:
                measures.failures[str(error)] += 1
            else:
                self._links[number] = link

    async def _connect(self, number: int) -> Link:
        plan = self._plan
        began = perf_counter_ns()
        tls = plan.tls.context() if plan.tls is not None else None
        opening = asyncio.get_running_loop().create_connection(
            lambda: self._link(number), plan.host, plan.port, ssl=tls
        )
        try:
            transport, link = await asyncio.wait_for(opening, CONNECT_SECONDS)
        except asyncio.TimeoutError:
            raise NotIn(f"no connection within {CONNECT_SECONDS:g} s") from None
        except (ssl.SSLError, TlsFailed) as error:
            raise NotIn(why(error) if isinstance(error, ssl.SSLError) else str(error)) from None
        except OSError as error:
            raise NotIn(_reason(error)) from None
        secure = transport.get_extra_info("ssl_object")
        if secure is not None and secure.selected_alpn_protocol() not in (ALPN, None):  # [TLS-5], [TLS-7]
            transport.abort()
            raise NotIn(f"the server selected another protocol than {ALPN}")
        self._shared.measures.connecting.record(perf_counter_ns() - began)
        return link

    def _link(self, number: int) -> Link:
        link = Link(self._shared, number)
        self._made.append(link)
        return link

    # The load

    async def load(self, origin: int) -> Written:
        """Write all there is to be written, from that moment of `perf_counter_ns` on, and wait for the answers."""
        shared, plan, loop = self._shared, self._plan, asyncio.get_running_loop()
        shared.origin, shared.heard = origin, 0
        tickers = [Ticker(shared, LAG_EVERY, self._lag), Ticker(shared, SECOND, self._second)]
        began, cpu = time.monotonic(), time.process_time()
        if plan.closed_loop:
            shared.writing = True
            loop.call_later(max(0, -shared.now) / SECOND, self._fill)
            loop.call_later((plan.end - shared.now) / SECOND, self._finish)
        else:
            self._schedule = plan.due(self._process)
            self._write_what_is_due(first=True)
        await self._over
        shared.writing = False
        shared.measures.over = shared.now
        shared.measures.busy = (time.process_time() - cpu) / max(time.monotonic() - began, 1e-9)
        for ticker in tickers:
            ticker.cancel()
        await self._drain()
        return {number: link.streams() for number, link in self._links.items()}

    def stop(self) -> None:
        """Write nothing more: the report is about what was."""
        self._stopping = True
        self._finish()

    def _finish(self) -> None:
        self._shared.writing = False
        if not self._over.done():
            self._over.set_result(None)

    def _fill(self) -> None:
        for link in self._links.values():
            link.write([self._shared.now] * self._plan.window)

    def _write_what_is_due(self, *, first: bool = False) -> None:
        """Write all messages whose time has come, and come back when the next one's has."""
        shared, loop = self._shared, asyncio.get_running_loop()
        for _ in range(MOST_AT_ONCE):
            if not first:
                at, number = self._next
                if at > shared.now or self._stopping:
                    break
                if number in self._links:
                    self._links[number].write([at])
            first = False
            following = next(self._schedule, None)
            if following is None:
                loop.call_later((self._plan.end - shared.now) / SECOND, self._finish)
                return
            self._next = following
        if not self._stopping:
            loop.call_later(max(0, self._next[0] - shared.now) / SECOND, self._write_what_is_due)

    async def _drain(self) -> None:
        """Wait until every request is answered, or the server says nothing more."""
        shared = self._shared
        end = shared.now + round(DRAIN_SECONDS * SECOND)
        last = shared.now
        while shared.outstanding and shared.now < end and shared.now - max(last, shared.heard) < SILENCE * SECOND:
            self._calm.clear()
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._calm.wait(), SILENCE / 10)

    # What is measured of this process itself

    def _lag(self, late: int) -> None:
        if self._plan.slot_of(self._shared.now) >= 0:
            self._shared.measures.lag.record(late)

    def _second(self, late: int) -> None:
        for link in self._links.values():
            link.second()
        if late < SECOND:
            self._tell(self._progress())
        if not any(link.open for link in self._links.values()):
            self._finish()  # there is nobody to write any more

    def _progress(self) -> Progress:
        shared, measures = self._shared, self._shared.measures
        last = self._plan.slot_of(shared.now - SECOND)
        recent = Histogram.sum([measures.latencies[last]]) if last >= 0 else Histogram()
        return Progress(
            sum(measures.written.counts),
            sum(measures.acked.counts),
            sum(measures.delivered.counts),
            shared.outstanding,
            sum(not link.open for link in self._links.values()),
            recent,
        )

    # The end

    async def settle(self, written: Mapping[int, list[Stream]]) -> Measures:
        """Fence, count what is missing of all that was written by anybody, and leave."""
        shared, measures = self._shared, self._shared.measures
        await asyncio.gather(*(self._fence(link) for link in self._links.values()))
        self._account(written)
        for link in self._links.values():
            measures.unanswered += link.unanswered
            if link.why_ended:
                measures.ends[link.why_ended] += 1
        await self._leave()
        return shared.measures

    async def _fence(self, link: Link) -> None:
        """What is owed stands before PONG ([REQ-7]): all that wrote have their answers."""
        try:
            await link.ask(Ping(1))
        except NotIn as error:
            link.why_ended = link.why_ended or str(error)

    def _account(self, written: Mapping[int, list[Stream]]) -> None:
        plan, measures = self._plan, self._shared.measures
        known: dict[tuple[int, int], Streams] = {}
        for number, link in self._links.items():
            for stream, target in enumerate(plan.targets(number)):
                members = plan.members(number, target)
                key = (stream, members[0])
                if key not in known:
                    known[key] = Streams(
                        [written[member][stream] if member in written else Stream() for member in members]
                    )
                missing = link.missing(target, known[key])
                measures.owed += known[key].owed
                if link.why_ended:
                    measures.wrong.undelivered += missing
                else:
                    measures.wrong.lost += missing

    async def _leave(self) -> None:
        links = list(self._links.values())
        for link in links:
            link.leave()
        if links:
            await asyncio.wait([link.gone for link in links], timeout=FAREWELL_SECONDS)

    async def end(self) -> None:
        """Let go of every connection."""
        for link in self._made:
            link.end()
        await asyncio.sleep(0)  # asyncio closes sockets in its next turn


def _reason(error: OSError) -> str:
    """Why there is no connection, in words. (asyncio's own are about its internals.)"""
    if isinstance(error, ConnectionRefusedError):
        return "the connection was refused"
    return (error.strerror or "no address of that host takes a connection").lower()
