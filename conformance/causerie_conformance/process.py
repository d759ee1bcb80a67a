"""Servers that the suite starts itself, and ends again.

In here: the command line of a server, starting it on a free port, waiting until it is ready, asking it to
shut down, killing it and starting it again, what it said. Not in here: the protocol. Only processes started here are
ever ended here.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Final

from causerie_conformance import certificates, starting
from causerie_conformance.accounts import Account, as_file, made_up
from causerie_conformance.certificates import Certificate
from causerie_spec.codes import SCRAM_MIN_ITERATIONS

HOST: Final = "127.0.0.1"
START_TIMEOUT: Final = 20.0
"""Seconds in which a server must be ready."""
STOP_TIMEOUT: Final = 10.0
"""Seconds in which a server must have ended after it was asked to."""
LOOK: Final = 0.02
"""Seconds between two looks at a server that is starting; each look also notices that it has ended."""
OUTPUT_KEPT: Final = 4_096
"""Octets of a server's output that are kept."""
ENGINES: Final = ("asyncio", "threaded")
REFERENCE_TIMEOUT: Final = 2.0
"""The login limit that the reference is started with, in seconds."""
REFERENCE_CONNECTIONS: Final = 110
"""The limit of connections that the reference is started with."""


class ServerFailed(Exception):
    """A server did not start, or did not become ready; ``str`` says what happened, with its last words."""


@dataclass(frozen=True)
class Command:
    """How to start a server. ``argv`` may hold these, which are filled in with what suits the suite.

    ``{port}``, ``{handshake_timeout}`` in whole seconds, ``{max_connections}``; ``{users}``: the path of a file of the
    *accounts* that the server is to have, a line ``HANDLE:PASSWORD`` each; ``{tls_cert}`` and ``{tls_key}``: the paths
    of the *certificate* that it is to have and of its key; ``{data}``: a path at which there is nothing yet, for a file
    or a folder, the same again when this server is started again, and removed in the end.
    """

    argv: tuple[str, ...]
    accounts: tuple[Account, ...] = ()
    certificate: Certificate | None = None
    max_connections: int = REFERENCE_CONNECTIONS

    @classmethod
    def of_template(cls, template: str) -> Command:
        """From the text of ``--spawn``; raises ValueError with a message for the user."""
        argv = tuple(shlex.split(template, posix=os.name != "nt"))
        if not argv:
            raise ValueError("the command is empty")
        if not any("{port}" in word for word in argv):
            raise ValueError("the command has no {port}: the suite picks a free one and puts it there")
        users = made_up() if any("{users}" in word for word in argv) else ()
        return cls(argv, users, certificates.made_up() if any("{tls_" in word for word in argv) else None)

    @classmethod
    def of_reference(cls, engine: str, *, tls: bool = False) -> Command:
        """The reference server with that engine; raises ValueError if no certificate can be made for it."""
        secure = ("--tls-cert", "{tls_cert}", "--tls-key", "{tls_key}") if tls else ()
        limits = ("--handshake-timeout", "{handshake_timeout}", "--max-connections", "{max_connections}")
        # `--sync normal`: the suite ends servers, not machines, and what the system has outlives the server.
        data = ("--data", "{data}", "--sync", "normal")
        start = (sys.executable, "-m", "causerie.server", "--engine", engine, *data)
        users = ("--users-file", "{users}", "--scram-iterations", str(SCRAM_MIN_ITERATIONS))
        words = (*start, "--host", HOST, "--port", "{port}", *limits, *users, *secure)
        return cls(words, made_up(), certificates.made_up() if tls else None)

    @property
    def handshake_timeout(self) -> float | None:
        """The login limit that the command sets, in seconds; None if it leaves it alone."""
        return REFERENCE_TIMEOUT if any("{handshake_timeout}" in word for word in self.argv) else None

    @property
    def keeps_data(self) -> bool:
        """Is the server told where to keep its data?"""
        return any("{data}" in word for word in self.argv)

    def filled(self, port: int, users: str = "", data: str = "") -> list[str]:
        """The words of the command for one start."""
        values = {
            "{port}": str(port),
            "{handshake_timeout}": f"{REFERENCE_TIMEOUT:g}",
            "{max_connections}": str(self.max_connections),
            "{users}": users,
            "{data}": data,
        }
        if self.certificate is not None:
            values |= {"{tls_cert}": str(self.certificate.certificate), "{tls_key}": str(self.certificate.key)}
        words = list(self.argv)
        for name, value in values.items():
            words = [word.replace(name, value) for word in words]
        return words


class ServerProcess:
    """A running server of our own. ``port`` is another one at each start."""

    def __init__(self, command: Command) -> None:
        self.command = command
        self._files = contextlib.ExitStack()
        self._users = self._files.enter_context(as_file(command.accounts)) if command.accounts else ""
        self.data = self._files.enter_context(_place_for_data()) if command.keeps_data else ""
        """Where it keeps its data; there may be others beside it, of names that begin so."""
        self._output: IO[bytes] = self._files.enter_context(tempfile.TemporaryFile())  # noqa: SIM115  # it is one
        self.start()

    def start(self) -> None:
        """Start it, with the data that it had if it ran before. Raises `ServerFailed`."""
        self.port = _free_port()
        flags = getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)
        try:
            self._process = starting.start(
                self.command.filled(self.port, self._users, self.data),
                stdin=subprocess.DEVNULL,
                stdout=self._output,
                stderr=subprocess.STDOUT,
                creationflags=flags,
            )
        except OSError as error:
            self._files.close()
            raise ServerFailed(f"cannot start {self.command.argv[0]!r}: {error.strerror or error}") from None
        _RUNNING.add(self)
        if _ENDING.is_set():
            self.kill()
        self._wait_until_ready()

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + START_TIMEOUT
        while not _listening(self.port):
            try:
                status = self._process.wait(LOOK)
            except subprocess.TimeoutExpired:
                if time.monotonic() < deadline:
                    continue
                said = self.said()
                self.stop()
                message = f"the server did not listen on port {self.port} within {START_TIMEOUT:g} s"
                raise ServerFailed(message + said) from None
            said = self.said()
            self._files.close()
            raise ServerFailed(f"the server ended with status {status} before it was ready{said}")

    @property
    def ended(self) -> int | None:
        """Its exit status, None while it runs."""
        return self._process.poll()

    def ask_to_stop(self) -> None:
        """Ask for an orderly shutdown: SIGTERM, on Windows CTRL_BREAK."""
        with contextlib.suppress(OSError):
            self._process.send_signal(getattr(signal, "CTRL_BREAK_EVENT", signal.SIGTERM))

    def wait(self, timeout: float = STOP_TIMEOUT) -> int | None:
        """Its exit status once it has ended; None if it has not within *timeout* seconds."""
        try:
            return self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            return None

    def stop(self) -> None:
        """End it, in order if it can, by force if not."""
        if self._process.poll() is None:
            self.ask_to_stop()
            if self.wait(2.0) is None:
                self.kill()
        self._files.close()
        _RUNNING.discard(self)

    def kill(self) -> None:
        """End it at once: SIGKILL, on Windows TerminateProcess. No code of it runs any more."""
        self._process.kill()
        self._process.wait()

    def said(self, lines: int = 12) -> str:
        """The last lines of its output, to be put behind a message; empty if there are none."""
        if self._output.closed:
            return ""
        text = self.said_since(0)
        if not text:
            return "; it said nothing"
        return "; its last words:\n" + "\n".join(f"    {line}" for line in text.splitlines()[-lines:])

    @property
    def said_so_far(self) -> int:
        """Octets of output so far."""
        return 0 if self._output.closed else os.fstat(self._output.fileno()).st_size

    def said_since(self, octets: int) -> str:
        """What it has said since it had said so many octets; of much only the end."""
        size = self.said_so_far
        begin = max(octets, size - OUTPUT_KEPT)
        return self._read(begin, size - begin).decode(errors="replace").rstrip() if size > begin else ""

    def _read(self, offset: int, size: int) -> bytes:
        """From the file that the server writes to as well, by a position that is not its."""
        if hasattr(os, "pread"):
            return os.pread(self._output.fileno(), size, offset)
        self._output.seek(offset)
        octets = self._output.read(size)
        self._output.seek(0, os.SEEK_END)
        return octets


_RUNNING: Final[set[ServerProcess]] = set()
_ENDING: Final = threading.Event()
"""Is this process about to end? A server that is started now ends at once."""


@atexit.register
def end_all() -> None:
    """End what is still running: a run that ends early leaves the servers of cases that were on their way."""
    _ENDING.set()
    while _RUNNING:
        server = _RUNNING.pop()
        server.kill()
        server.stop()


@contextlib.contextmanager
def _place_for_data() -> Iterator[str]:
    folder = tempfile.mkdtemp(prefix="causerie-data-")
    try:
        yield os.path.join(folder, "data")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _free_port() -> int:
    """A port that was free a moment ago. (Nothing better exists for a server that must be told its port.)"""
    with socket.socket() as sock:
        sock.bind((HOST, 0))
        return int(sock.getsockname()[1])


def _listening(port: int) -> bool:
    with socket.socket() as sock:
        sock.settimeout(1.0)
        return sock.connect_ex((HOST, port)) == 0
