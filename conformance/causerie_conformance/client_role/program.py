"""A client program that runs: lines to its standard input, lines from its standard output and standard error.

In here: the process, the threads that read what it prints, waiting for a line, its end. Not in here: the protocol.
Only processes started here are ever ended here.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import IO, Final

from causerie_conformance import starting
from causerie_conformance.transcript import Transcript

STDOUT: Final = "stdout"
STDERR: Final = "stderr"
MOST_LINES: Final = 20_000
"""Lines kept of what a client prints; one that prints more has gone wrong, and the rest is dropped."""


class ProgramFailed(Exception):
    """The client could not be started; ``str`` says why."""


@dataclass(frozen=True)
class Line:
    """A line that the client printed, without its end: ``at`` by `time.monotonic`, on which stream."""

    at: float
    stream: str
    octets: bytes

    @property
    def text(self) -> str:
        """As text; what is not UTF-8 as U+FFFD."""
        return self.octets.decode("utf-8", "replace")


class Program:
    """A client's process. Lines are kept with the time at which they came."""

    def __init__(self, words: Sequence[str], transcript: Transcript, name: str = "client") -> None:
        self.name = name
        self.transcript = transcript
        self._lines: list[Line] = []
        self._open = 2
        self._changed = threading.Condition()
        environment = os.environ | {"PYTHONUNBUFFERED": "1", "NO_COLOR": "1"}
        try:
            self._process = starting.start(
                list(words),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=environment,
                bufsize=0,
            )
        except OSError as error:
            raise ProgramFailed(f"cannot start {words[0]!r}: {error.strerror or error}") from None
        transcript.event(name, "started")
        _RUNNING.add(self)
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        self._threads = [
            threading.Thread(target=self._read, args=(stream, pipe), daemon=True)
            for stream, pipe in ((STDOUT, self._process.stdout), (STDERR, self._process.stderr))
        ]
        for thread in self._threads:
            thread.start()

    def _read(self, stream: str, pipe: IO[bytes]) -> None:
        rest = b""
        with contextlib.suppress(OSError, ValueError):
            while octets := pipe.read(65_536):
                *whole, rest = (rest + octets).split(b"\n")
                for line in whole:
                    self._keep(stream, line)
        if rest:
            self._keep(stream, rest)
        with self._changed:
            self._open -= 1
            self._changed.notify_all()

    def _keep(self, stream: str, octets: bytes) -> None:
        line = Line(time.monotonic(), stream, octets.removesuffix(b"\r"))
        self.transcript.event(self.name, f"{stream}: {line.text[:200]!r}")
        with self._changed:
            if len(self._lines) < MOST_LINES:
                self._lines.append(line)
            self._changed.notify_all()

    # What its user does

    def write(self, line: str) -> None:
        """Type a line."""
        self.transcript.event(self.name, f"stdin: {line[:200]!r}")
        self._type(line.encode() + b"\n")

    def write_octets(self, octets: bytes) -> None:
        """Type octets that may be no text."""
        self.transcript.event(self.name, f"stdin: {octets!r}")
        self._type(octets)

    def _type(self, octets: bytes) -> None:
        assert self._process.stdin is not None
        with contextlib.suppress(OSError, ValueError):  # it has ended: whoever waits for what it does will say so
            view = memoryview(octets)
            while view:
                view = view[self._process.stdin.write(view) :]

    def end_input(self) -> None:
        """End its input."""
        self.transcript.event(self.name, "end of stdin")
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):
            self._process.stdin.close()

    # What it shows

    @property
    def lines(self) -> list[Line]:
        """All lines so far."""
        with self._changed:
            return list(self._lines)

    def wait_for(self, wanted: Callable[[list[Line]], bool], patience: float) -> bool:
        """Wait until the lines are as *wanted*; False if they are not in time, or when nothing more can come."""
        deadline = time.monotonic() + patience
        with self._changed:
            while not wanted(self._lines):
                left = deadline - time.monotonic()
                if left <= 0 or not self._open:
                    return False
                self._changed.wait(left)
            return True

    # Its end

    @property
    def ended(self) -> int | None:
        """Its exit status, None while it runs."""
        return self._process.poll()

    def wait(self, patience: float) -> int | None:
        """Its exit status once it has ended and all that it printed was read; None if that takes too long."""
        deadline = time.monotonic() + patience
        try:
            status = self._process.wait(patience)
        except subprocess.TimeoutExpired:
            return None
        for thread in self._threads:
            thread.join(max(0.5, deadline - time.monotonic()))
        self.transcript.event(self.name, f"ended with status {status}")
        return status

    def stop(self) -> None:
        """End it at once, if it still runs, and let go of it."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        for pipe in (self._process.stdin,):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()
        for thread, pipe in zip(self._threads, (self._process.stdout, self._process.stderr), strict=True):
            thread.join(1.0)
            if pipe is not None and not thread.is_alive():
                pipe.close()
        _RUNNING.discard(self)

    def said(self, lines: int = 12) -> str:
        """The last lines that it printed, to be put behind a message."""
        last = self.lines[-lines:]
        if not last:
            return "; it printed nothing"
        return "; it printed:\n" + "\n".join(f"    {line.stream}: {line.text[:300]}" for line in last)


_RUNNING: Final[set[Program]] = set()


@atexit.register
def end_all() -> None:
    """End what is still running."""
    while _RUNNING:
        _RUNNING.pop().stop()
