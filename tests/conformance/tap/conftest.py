"""The tap in a thread of this process, and servers as processes."""

from __future__ import annotations

import asyncio
import contextlib
import io
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from causerie_conformance.tap.events import Event, What
from causerie_conformance.tap.pcap import Capture
from causerie_conformance.tap.proxy import Harm, Tap
from causerie_conformance.tap.show import Show

PATIENCE = 20.0


class Running:
    """A tap that runs; ``events`` is what it told, ``shown`` what a user would see, ``captured`` its pcap."""

    def __init__(self, upstream: tuple[str, int], harm: Harm | None, *, verbose: bool = False) -> None:
        self.events: list[Event] = []
        self.pcap, self._out = io.BytesIO(), io.StringIO()
        self.show = Show(self._out, verbose=verbose)
        self._told = threading.Condition()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address: tuple[str, int] = self._listener.getsockname()
        self.name = f"127.0.0.1:{self.address[1]}"
        self._tap = Tap(upstream, self._tell, harm, Capture(self.pcap))
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()))
        self._thread.start()
        assert self._ready.wait(PATIENCE)

    async def _serve(self) -> None:
        self._loop, self._task = asyncio.get_running_loop(), asyncio.create_task(self._tap.serve(self._listener))
        self._ready.set()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task

    def _tell(self, event: Event) -> None:
        with self._told:
            self.events.append(event)
            self.show(event)
            self._told.notify_all()

    def until(self, what: What, count: int = 1) -> list[Event]:
        """Wait for so many events of a kind; they."""
        with self._told:
            assert self._told.wait_for(lambda: len(self.all(what)) >= count, PATIENCE), self.events
            return self.all(what)

    def all(self, what: What) -> list[Event]:
        return [event for event in self.events if event.what is what]

    def broken(self) -> list[tuple[str, str | None]]:
        """Who broke which clause, in order."""
        return [(event.way.speaker, event.violation.clause) for event in self.all(What.BROKEN)]

    @property
    def shown(self) -> str:
        return self._out.getvalue()

    def connect(self) -> socket.socket:
        return socket.create_connection(self.address, PATIENCE)

    def stop(self) -> None:
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._task.cancel)
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive()
        self._listener.close()


@pytest.fixture
def tap() -> Iterator[Callable[..., Running]]:
    """Starts taps: (upstream, harm=None)."""
    taps: list[Running] = []

    def start(upstream: tuple[str, int], harm: Harm | None = None, **how: Any) -> Running:
        taps.append(Running(upstream, harm, **how))
        return taps[-1]

    yield start
    for one in taps:
        one.stop()


@pytest.fixture
def server() -> Iterator[Callable[..., tuple[str, int]]]:
    """Starts the reference server, or another program with its options; where it listens."""
    running: list[subprocess.Popen[str]] = []

    def start(*program: str) -> tuple[str, int]:
        words = [sys.executable, *(program or ("-m", "causerie.server", "--memory"))]
        words += ["--port", "0", "--max-connections", "1100"]
        process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        running.append(process)
        assert process.stdout is not None
        for line in process.stdout:
            found = re.search(r"listening on 127\.0\.0\.1:(\d+)", line)
            if found is not None:
                threading.Thread(target=process.stdout.read, daemon=True).start()
                return "127.0.0.1", int(found[1])
        raise AssertionError("it did not start")

    yield start
    for process in running:
        process.terminate()
        process.wait(PATIENCE)
        assert process.stdout is not None
        process.stdout.close()
