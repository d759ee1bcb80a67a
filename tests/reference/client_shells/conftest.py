"""A server played by the test itself, frame by frame, on a port of its own; every wait is bounded."""

import contextlib
import os
import socket
import struct
import subprocess
import sys

import pytest

from causerie.client.address import Address
from causerie_spec import codes
from causerie_spec.codec import Decoder, decode, encode
from causerie_spec.messages import Ack, Bye, ChatMessage, Hello, Login, Message, Ping, Pong, Quit, Ready, Send, Welcome

LIMIT = 20.0
"""Seconds that anything may take before a test fails."""


class Peer:
    """The server's end of one connection."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.sock.settimeout(LIMIT)
        self.decoder = Decoder(codes.MAX_BODY)
        self.seq = 0

    def next(self) -> tuple[int, Message] | None:
        """The next frame, None at the end of the stream; PINGs are answered."""
        while True:
            raw = self.decoder.next_frame()
            if raw is not None:
                message = decode(raw.type, raw.body)
                if not isinstance(message, Ping):
                    return raw.ref, message
                self.send(Pong(message.token), raw.ref)
                continue
            data = self.sock.recv(65536)
            if not data:
                return None
            self.decoder.feed(data)

    def expect(self, kind: type) -> tuple[int, Message]:
        received = self.next()
        assert received is not None, f"the stream ended, {kind.__name__} was expected"
        assert isinstance(received[1], kind), received
        return received

    def send(self, message: Message, ref: int = 0) -> None:
        self.sock.sendall(encode(message, ref))

    def log_in(self, *, epoch: int = 1, capabilities: tuple[str, ...] = (), keepalive: int = 60) -> Login:
        ref, _ = self.expect(Hello)
        self.send(Welcome(1, keepalive, 5, epoch, "fake", ("TOKEN",), capabilities), ref)
        ref, login = self.expect(Login)
        assert isinstance(login, Login)
        self.send(Ready(login.handle, login.display, b""), ref)
        return login

    def say(self, text: str, sender: str = "bob", conversation: str = "#lobby", kind: int = 0, txn: int = 1) -> None:
        self.seq += 1
        self.send(ChatMessage(conversation, self.seq, 1_700_000_000_000, sender, txn, kind, text))

    def take(self, me: str) -> Send:
        """The next SEND, echoed and acknowledged."""
        ref, send = self.expect(Send)
        assert isinstance(send, Send)
        self.say(send.text, me, send.conversation, send.kind, send.txn)
        self.send(Ack(self.seq, 1_700_000_000_000, False), ref)
        return send

    def part(self) -> None:
        """Answer QUIT, and see the client close."""
        ref, _ = self.expect(Quit)
        self.send(Bye(codes.ByeCode.NORMAL, 0, ""), ref)
        self.sock.shutdown(socket.SHUT_WR)
        assert self.next() is None
        self.close()

    def close(self) -> None:
        self.sock.close()

    def reset(self) -> None:
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()


class FakeServer:
    def __init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.settimeout(LIMIT)
        self.address = Address("127.0.0.1", self.listener.getsockname()[1])
        self.peers: list[Peer] = []

    def accept(self) -> Peer:
        peer = Peer(self.listener.accept()[0])
        self.peers.append(peer)
        return peer

    def close(self) -> None:
        self.listener.close()
        for peer in self.peers:
            peer.close()


@pytest.fixture
def server():
    fake = FakeServer()
    yield fake
    fake.close()


@pytest.fixture
def nobody():
    """An address where nobody listens."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        yield Address("127.0.0.1", sock.getsockname()[1])


@pytest.fixture
def environment(tmp_path):
    """The environment of a client process: its own data directory, nothing of the user's."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in ("NO_COLOR", "CAUSERIE_HOME", "TERM") and not name.startswith("PYTHON")
    }
    kept |= {"CAUSERIE_HOME": str(tmp_path / "data"), "PYTHONIOENCODING": "utf-8", "TZ": "UTC", "LANGUAGE": "en"}
    return kept


@pytest.fixture
def chat(environment):
    """A factory: a `causerie-chat` process between pipes."""
    running = []

    def start(*arguments: str, **extra: str) -> subprocess.Popen:
        process = subprocess.Popen(
            [sys.executable, "-W", "error", "-m", "causerie.console", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment | extra,
            encoding="utf-8",
        )
        running.append((process, (process.stdin, process.stdout, process.stderr)))
        return process

    yield start
    for process, streams in running:
        if process.poll() is None:
            process.kill()
        process.wait(LIMIT)
        for stream in streams:
            with contextlib.suppress(OSError):
                stream.close()
