"""Servers as processes of their own, and clients on real sockets.

Every wait is bounded by `PATIENCE`, which nobody should ever need. Only processes that were started here are ended.
"""

import queue
import socket
import struct
import subprocess
import sys
import threading
import time
from contextlib import suppress

import pytest

from causerie_spec.codec import Decoder, decode, encode
from causerie_spec.codes import MAX_BODY
from causerie_spec.messages import Hello, Login, Ping, Send

PATIENCE = 30.0


class Client:
    """A blocking client."""

    def __init__(self, address, receive_buffer=None):
        family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        self.socket = socket.socket(family)
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(PATIENCE)
        self.socket.connect(address)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._decoder = Decoder(MAX_BODY)
        self.name = "{}:{}".format(*self.socket.getsockname()[:2])

    def send(self, *frames):
        self.socket.sendall(b"".join(frame if isinstance(frame, bytes) else encode(*frame) for frame in frames))

    def send_while_taken(self, data):
        """Send as much of *data* as is taken before the other side stops taking; returns the rest."""
        self.socket.settimeout(1.0)
        rest = memoryview(data)
        with suppress(TimeoutError):
            while rest:
                rest = rest[self.socket.send(rest[:65_536]) :]
        self.socket.settimeout(PATIENCE)
        return bytes(rest)

    def send_aside(self, data, fin=False):
        """Send in a thread of its own, as clients must that read while they write; then half-close, if *fin*."""
        thread = threading.Thread(target=self._send_quietly, args=(data, fin), daemon=True)
        thread.start()
        return thread

    def _send_quietly(self, data, fin):
        with suppress(OSError):
            self.socket.sendall(data)
            if fin:
                self.socket.shutdown(socket.SHUT_WR)

    def receive(self):
        """The next (message, ref); None at the end of the stream."""
        while (frame := self._decoder.next_frame()) is None:
            data = self.socket.recv(262_144)
            if not data:
                return None
            self._decoder.feed(data)
        return decode(frame.type, frame.body), frame.ref

    def rest(self):
        """Everything up to the end of the stream, which must be a FIN."""
        return list(iter(self.receive, None))

    def login(self, handle, keepalive=0):
        self.send((Hello(b"CAUS", 1, 1, keepalive, "", ("history",)), 1))
        self.send((Login("TOKEN", handle, handle, handle.encode().ljust(32, b".")), 2))
        names = [self.receive()[0].NAME for _ in range(2)]
        assert names == ["WELCOME", "READY"]
        return self

    def ping(self, token=1):
        """Nothing but events stands before the PONG; returns them."""
        self.send((Ping(token), 7))
        events = []
        while (got := self.receive())[1] != 7:
            events.append(got[0])
        assert got[0].token == token
        return events

    def say(self, text, txn=1):
        self.send((Send("#lobby", txn, 0, text), 8))

    def reset(self):
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def close(self):
        self.socket.close()


class Server:
    """A server's process."""

    def __init__(self, command, log_path, **options):
        self.clients = []
        self.log_path = log_path
        with log_path.open("wb") as log:
            self.process = subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=log, stdin=subprocess.DEVNULL, text=True, **options
            )
        lines = queue.Queue()
        self._reader = threading.Thread(target=lambda: lines.put(self.process.stdout.readline()), daemon=True)
        self._reader.start()
        self.line = lines.get(timeout=PATIENCE).rstrip("\n")

    @property
    def addresses(self):
        where = self.line.removeprefix("causerie-server: listening on ").partition(" (")[0].split(", ")
        split = [address.rpartition(":") for address in where]
        return [(host.strip("[]"), int(port)) for host, _, port in split]

    def connect(self, **options):
        client = Client(self.addresses[0], **options)
        self.clients.append(client)
        return client

    def login(self, handle, keepalive=0, **options):
        return self.connect(**options).login(handle, keepalive)

    def signal(self, number):
        self.process.send_signal(number)

    def wait(self, seconds=PATIENCE):
        return self.process.wait(seconds)

    @property
    def log(self):
        return self.log_path.read_text("utf-8")

    def until(self, condition):
        """Wait for something that no frame tells."""
        end = time.monotonic() + PATIENCE
        while not condition():
            assert self.process.poll() is None
            assert time.monotonic() < end
            threading.Event().wait(0.01)

    def close(self):
        for client in self.clients:
            client.close()
        try:
            if self.process.poll() is None:
                self.process.terminate()
            self.process.wait(PATIENCE)
        finally:
            if self.process.poll() is None:
                self.process.kill()
                self.process.wait()
            self._reader.join()
            self.process.stdout.close()


@pytest.fixture(params=["asyncio", "threaded"])
def engine(request):
    return request.param


@pytest.fixture
def start(engine, tmp_path):
    """Starts servers: start(*arguments) → Server."""
    servers = []

    def start_one(*arguments, code=None, **options):
        program = ["-c", code] if code else ["-m", "causerie.server"]
        store = [] if "--data" in arguments else ["--memory"]
        command = [sys.executable, *program, "--port", "0", "--engine", engine, *store, *arguments]
        server = Server(command, tmp_path / f"{len(servers)}.log", **options)
        servers.append(server)
        return server

    yield start_one
    for server in servers:
        server.close()


@pytest.fixture
def server(start):
    return start()
