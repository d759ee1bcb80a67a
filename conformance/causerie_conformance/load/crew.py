"""The workers of a run, each in a process of its own if there are several, and the steps that they take together.

In here: processes, pipes, the order of steps. Not in here: what a worker does (`worker`), options, reports.
"""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
import signal
from collections import Counter
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from time import perf_counter_ns
from typing import Any, Final, Protocol

from causerie_conformance.load import loops
from causerie_conformance.load.measures import Measures
from causerie_conformance.load.plan import Plan
from causerie_conformance.load.worker import Progress, Worker, Written

HEAD_START: Final = 50_000_000
"""From the order to begin to the beginning, in ns, so that all have it by then; for each process."""
END_SECONDS: Final = 5.0
"""In which a process must have ended."""

Tell = Callable[[Progress], None]


class Stopped(Exception):
    """The run cannot go on; ``str`` says why, ``reached`` whether a connection was ever made."""

    def __init__(self, why: str, *, reached: bool = True) -> None:
        super().__init__(why)
        self.reached = reached


class Member(Protocol):
    """A worker, wherever it runs."""

    async def do(self, step: str, *arguments: Any) -> Any:
        """Have it take a step: a method of `Worker`. Raises `Stopped` if it is not there any more."""

    def stop(self) -> None:
        """Have it write nothing more."""

    async def end(self) -> None:
        """Let it go."""


class Here:
    """A worker in this process."""

    def __init__(self, plan: Plan, process: int, tell: Tell) -> None:
        self._worker = Worker(plan, process, tell)

    async def do(self, step: str, *arguments: Any) -> Any:
        """As `Member`."""
        return await getattr(self._worker, step)(*arguments)

    def stop(self) -> None:
        """As `Member`."""
        self._worker.stop()

    async def end(self) -> None:
        """As `Member`."""
        await self._worker.end()


class There:
    """A worker in a process of its own."""

    def __init__(self, plan: Plan, process: int, tell: Tell) -> None:
        context = multiprocessing.get_context("spawn")  # there is no other on Windows, and none is safer elsewhere
        self._pipe, theirs = context.Pipe()
        self._tell = tell
        self._process = context.Process(target=serve, args=(theirs, plan, process), daemon=True)
        self._process.start()
        theirs.close()

    async def do(self, step: str, *arguments: Any) -> Any:
        """As `Member`."""
        loop = asyncio.get_running_loop()
        try:
            self._pipe.send((step, arguments))
            while True:
                kind, value = await loop.run_in_executor(None, self._pipe.recv)
                if kind == "done":
                    return value
                self._tell(value)
        except (EOFError, OSError):
            raise Stopped("a process of the load generator ended") from None

    def stop(self) -> None:
        """As `Member`."""
        self._pipe.send(("stop", ()))

    async def end(self) -> None:
        """As `Member`."""
        with contextlib.suppress(OSError):
            self._pipe.send(("end", ()))
        self._process.join(END_SECONDS)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()
        self._pipe.close()


def serve(pipe: Connection, plan: Plan, process: int) -> None:
    """The process of a worker: take steps as they are ordered, until it is ended."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all; what it means is decided by the first
    loops.run(_serve(pipe, plan, process))


async def _serve(pipe: Connection, plan: Plan, process: int) -> None:
    loop = asyncio.get_running_loop()
    worker = Worker(plan, process, lambda progress: pipe.send(("progress", progress)))
    steps = set()

    async def take(step: str, arguments: Sequence[Any]) -> None:
        pipe.send(("done", await getattr(worker, step)(*arguments)))

    while True:
        try:
            step, arguments = await loop.run_in_executor(None, pipe.recv)
        except (EOFError, OSError):
            return
        if step == "end":
            await worker.end()
            return
        if step == "stop":
            worker.stop()
        else:
            task = loop.create_task(take(step, arguments))
            steps.add(task)
            task.add_done_callback(steps.discard)


class Crew:
    """All workers of a plan. *tell* gets what they have done together, each second of the load."""

    def __init__(self, plan: Plan, tell: Tell) -> None:
        self._plan = plan
        self._tell = tell
        self._latest: dict[int, Progress] = {}
        self._stopping = False
        kind = Here if plan.processes == 1 else There
        self._members: list[Member] = []
        for process in range(plan.processes):
            self._members.append(kind(plan, process, self._listener(process)))

    def _listener(self, process: int) -> Tell:
        def listen(progress: Progress) -> None:
            self._latest[process] = progress
            if len(self._latest) == self._plan.processes:
                total = Progress()
                for part in self._latest.values():
                    total.add(part)
                self._latest.clear()
                self._tell(total)

        return listen

    def stop(self) -> None:
        """Write nothing more; the steps that are left are taken."""
        self._stopping = True
        for member in self._members:
            member.stop()

    async def connect(self) -> None:
        """Log in with all connections. Raises `Stopped` if not all are in."""
        inside, failures, reached = 0, Counter[str](), False
        for in_one, why, one_reached in await self._all("connect"):
            inside += in_one
            failures.update(why)
            reached = reached or one_reached
        if failures:
            ((most, _),) = failures.most_common(1)
            few = f"{inside} of {self._plan.connections} connections got in: " if reached else ""
            raise Stopped(few + most, reached=reached)
        if self._stopping:
            raise Stopped("interrupted before the load began")

    async def load(self) -> Written:
        """Write all there is to write. What was written."""
        origin = perf_counter_ns() + HEAD_START * self._plan.processes
        written: Written = {}
        for part in await self._all("load", origin):
            written.update(part)
        return written

    async def settle(self, written: Written) -> Measures:
        """What all have counted and measured."""
        total = Measures.of(self._plan)
        for part in await self._all("settle", written):
            total.add(part)
        return total

    async def end(self) -> None:
        """Let all workers go."""
        for member in self._members:
            await member.end()

    async def _all(self, step: str, *arguments: Any) -> Sequence[Any]:
        return await asyncio.gather(*(member.do(step, *arguments) for member in self._members))
