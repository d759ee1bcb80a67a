"""Servers made for one test each, in threads on ports that the system picks, and the suite as a process."""

import contextlib
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from causerie_spec.codec import Decoder, decode, encode
from causerie_spec.codes import ErrorCode
from causerie_spec.errors import PeerError
from causerie_spec.messages import Error, Hello, Login, Message, Ping, Pong, Ready, Welcome

sys.path.insert(0, str(Path(__file__).parent))  # `reported` and `browser` are for several of the tests here

Handler = Callable[[socket.socket], None]
Address = tuple[str, int]


class Server:
    """Accepts connections and gives each to a handler, in a thread of its own, until it is closed."""

    def __init__(self, handler: Handler) -> None:
        self._handler = handler
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._connections: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self.address: Address = self._listener.getsockname()[:2]
        self.name = f"{self.address[0]}:{self.address[1]}"
        self._acceptor = threading.Thread(target=self._accept)
        self._acceptor.start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self._connections.append(connection)
                thread = threading.Thread(target=self._serve, args=(connection,))
                self._threads.append(thread)
                thread.start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            self._handler(connection)

    def die(self) -> None:
        """Take no more connections and drop all there are, as a crash does."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in self._connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self.die()
        self._acceptor.join()
        for thread in self._threads:
            if thread is not threading.current_thread():
                thread.join()


@pytest.fixture
def serve() -> Iterator[Callable[[Handler], Server]]:
    servers: list[Server] = []

    def start(handler: Handler) -> Server:
        servers.append(Server(handler))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


def answer(message: Message | None) -> Message:
    """What a server of step 1 answers, and a little more."""
    if isinstance(message, Hello):
        return Welcome(1, message.keepalive, 1_700_000_000_000, 7, "stub", ("TOKEN",), ())
    if isinstance(message, Ping):
        return Pong(message.token)
    if isinstance(message, Login):
        return Ready(message.handle, message.display, b"")
    return Error(ErrorCode.UNSUPPORTED, 0, "not built")


@pytest.fixture
def step_1() -> Handler:
    """A handler that answers HELLO, PING and LOGIN well, and everything else with ERROR UNSUPPORTED."""

    def handle(connection: socket.socket) -> None:
        decoder = Decoder(65_535)
        while data := connection.recv(65_536):
            decoder.feed(data)
            for raw in decoder:
                try:
                    message = decode(raw.type, raw.body)
                except PeerError:
                    message = None
                connection.sendall(encode(answer(message), raw.ref))

    return handle


@pytest.fixture(autouse=True)
def replays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder for failures, unless told: no test leaves any where it was started."""
    folder = tmp_path / "replays-of-this-test"
    monkeypatch.setattr("causerie_conformance.reporting.FOLDER", str(folder))
    return folder


Suite = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def suite(tmp_path: Path) -> Suite:
    """``causerie-conformance`` as a process, in an empty folder; what it printed must hold no traceback."""

    def run(*arguments: str, cwd: Path = tmp_path, **environment: str) -> subprocess.CompletedProcess[str]:
        result = subprocess.run(
            [sys.executable, "-m", "causerie_conformance", *arguments],
            capture_output=True,
            text=True,
            timeout=100,
            cwd=cwd,
            env=os.environ | environment,
            check=False,
        )
        assert "Traceback" not in result.stdout + result.stderr
        return result

    return run
