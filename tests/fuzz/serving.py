"""A server under attack, looked at from outside, and two users who chat meanwhile (Linux).

In here: what `fuzz_server` and `load_server` share. Not in here: the attacks.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

from causerie_spec.codec import Decoder, decode, encode
from causerie_spec.codes import MAX_BODY
from causerie_spec.messages import Error, Hello, Login, Message, Ready, Welcome

PATIENCE = 30.0
"""Seconds that nobody should need."""
ENGINES = ("asyncio", "threaded")
PROFILES = ("history", "presence", "receipts", "rooms", "typing")
TIMES_SLOWER = 10
"""What others may do to a delivery, at most: issue 3's bound."""
_MESSAGES_PER_SECOND = 200
"""That two users write to each other."""
_DAY = 86_400

STORES = ("memory", "sqlite")
_KEEP = "100"
"""Messages of a conversation: what is kept is not what leaks."""


class Subject:
    """A server's process."""

    def __init__(self, engine, store, directory, options):
        self.log_path = Path(directory) / "log"
        where = ["--memory"] if store == "memory" else ["--data", str(Path(directory) / "data.db")]
        command = [sys.executable, "-m", "causerie.server", "--port", "0", "--engine", engine, "--log-level", "error"]
        command += [*where, "--keep", _KEEP, *options]
        with self.log_path.open("wb") as log:
            self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, stdin=subprocess.DEVNULL)
        line = self.process.stdout.readline().decode()
        self.address = ("127.0.0.1", int(line.split(" (")[0].rpartition(":")[2]))

    def _status(self, field):
        text = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(text.partition(f"{field}:")[2].split()[0])

    @property
    def memory(self):
        """Octets resident."""
        return self._status("VmRSS") * 1024

    @property
    def held(self):
        """(descriptors, threads): what a connection costs."""
        return len(os.listdir(f"/proc/{self.process.pid}/fd")), self._status("Threads")

    @property
    def log(self):
        """Errors, and what Python says when it must; empty if all is well."""
        return self.log_path.read_text("utf-8", "replace")

    def wait_for(self, held, seconds=PATIENCE):
        """Wait until it holds no more than that. Returns what it holds."""
        end = time.monotonic() + seconds
        while any(now > then for now, then in zip(self.held, held, strict=True)) and time.monotonic() < end:
            time.sleep(0.05)
        return self.held

    def close(self):
        """Returns the exit status of a server that is told to stop; it was dead before, if that is not 0."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()
        finally:
            self.process.stdout.close()


@contextmanager
def serving(engine, store, *options):
    with tempfile.TemporaryDirectory() as directory:
        subject = Subject(engine, store, directory, options)
        try:
            yield subject
        finally:
            subject.close()


def token_of(handle):
    return handle.encode().ljust(32, b".")


def greeting(handle, capabilities=PROFILES):
    """HELLO and LOGIN, as octets; refs 1 and 2."""
    hello = Hello(b"CAUS", 1, 1, 0, "", tuple(capabilities))
    return encode(hello, 1) + encode(Login("TOKEN", handle, handle, token_of(handle)), 2)


class User:
    """A well-behaved client."""

    def __init__(self, address, handle=None):
        self.socket = socket.create_connection(address, PATIENCE)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._decoder = Decoder(MAX_BODY)
        if handle is not None:
            self.socket.sendall(greeting(handle))
            self.expect(Welcome)
            self.expect(Ready)

    def send(self, message, ref):
        self.socket.sendall(encode(message, ref))

    def receive(self) -> Message:
        while (frame := self._decoder.next_frame()) is None:
            data = self.socket.recv(262_144)
            if not data:
                raise ConnectionError("the server closed")
            self._decoder.feed(data)
        return decode(frame.type, frame.body)

    def expect(self, kind, **fields):
        while True:
            message = self.receive()
            if isinstance(message, kind) and all(getattr(message, name) == fields[name] for name in fields):
                return message
            if isinstance(message, Error):
                raise ConnectionError(f"{message}")

    def close(self):
        self.socket.close()


class Chat:
    """Two users who write to each other all the time: ``causerie-load``, in a process of its own.

    What they write is due at its time, so that a stall counts for all who waited, and nothing of it may be lost.
    """

    def __init__(self, address, seconds=_DAY):
        self._directory = tempfile.TemporaryDirectory()
        self._report = Path(self._directory.name) / "chat.json"
        where = [f"{address[0]}:{address[1]}", "--pairs", "--connections=2"]
        how = [f"--rate={_MESSAGES_PER_SECOND}", f"--duration={seconds}", "--warmup=0", f"--json={self._report}"]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "causerie_conformance.load", *where, *how],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def wait_until_it_runs(self):
        for line in self._process.stdout:
            if " sent " in line:
                return

    def report(self, *, stop=False):
        """What it found, as ``causerie-load`` writes it, when it has come to its end or was told to stop."""
        if stop:
            self._process.send_signal(signal.SIGINT)
        with self._directory:
            said, _ = self._process.communicate(timeout=3 * PATIENCE)
            if self._process.returncode not in (0, 130):
                raise SystemExit(f"the two users: {said}")
            return json.loads(self._report.read_text())

    def end(self):
        """Whatever became of them."""
        self._process.kill()
        self._process.communicate()
        self._directory.cleanup()


def machine_is_busy():
    """Do others want more CPU cores than there are? Then delays are theirs, and no verdict on the server."""
    load, cores = os.getloadavg()[0], len(os.sched_getaffinity(0))
    if load > cores:
        print(f"the machine is busy (load {load:.1f} on {cores} cores): times are told, but not judged")
    return load > cores


def compare(quiet, loaded):
    """Words for people, and the ratios of p50 and of p99, from two reports."""
    before, after = (report["latency"]["delivery"] for report in (quiet, loaded))
    ratios = [after[name] / before[name] for name in ("p50", "p99")]
    words = (
        f"p50 {before['p50']:.2f} → {after['p50']:.2f} ms (× {ratios[0]:.1f}), "
        f"p99 {before['p99']:.2f} → {after['p99']:.2f} ms (× {ratios[1]:.1f}), {after['count']} deliveries"
    )
    return words, ratios
