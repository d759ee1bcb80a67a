"""The servers that are compared: how each is started, and what the load generator is to say to it.

In here: one table, and starting and stopping. Not in here: what is measured (`bench_server`), the load (`load/`).
"""

import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

_START_SECONDS = 10
_STOP_SECONDS = 10
_MAX_CONNECTIONS = 6_000

Command = Callable[[int, Path], list[str]]
"""The command that serves on a port of 127.0.0.1, with a directory of its own."""


@dataclass(frozen=True)
class Contender:
    """A server, as it is compared."""

    name: str
    protocol: str
    """What the load generator speaks."""
    command: Command
    absent: str = ""
    """Why it cannot take part here; empty if it can."""
    room: str = "room"
    skips: Mapping[str, str] = field(default_factory=dict)
    """Shapes that are beyond it, and why."""

    @contextmanager
    def running(self, directory: Path, core: int) -> Iterator[tuple[int, int]]:
        """It serves on that CPU core; gives its port and process id."""
        port = _free_port()
        with (directory / "output").open("wb") as output:
            process: subprocess.Popen[Any] = subprocess.Popen(
                on_core(core, self.command(port, directory)),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        try:
            self._wait(process, port, directory)
            yield port, process.pid
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _wait(self, process: "subprocess.Popen[Any]", port: int, directory: Path) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
            except OSError:
                if process.poll() is not None or time.monotonic() > deadline:
                    said = (directory / "output").read_text(errors="replace")
                    raise SystemExit(f"{self.name} does not start:\n{said}") from None
                time.sleep(0.02)
            else:
                return


def on_core(core: int, command: Sequence[str]) -> list[str]:
    """The command, kept to one CPU core."""
    return ["taskset", "--cpu-list", str(core), *command]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


# Ours.

_PLAIN = "import sys; sys.modules['uvloop'] = None; from causerie.server.cli import main; sys.exit(main())"
"""The server as it is where uvloop is not installed."""
_SERVER = "import sys; from causerie.server.cli import main; sys.exit(main())"


def _causerie(engine: str, *options: str, program: str = _SERVER) -> Command:
    def command(port: int, directory: Path) -> list[str]:
        own = [option.format(directory=directory) for option in options]
        limits = ["--max-connections", str(_MAX_CONNECTIONS), "--log-level", "error"]
        return [sys.executable, "-c", program, "--port", str(port), "--engine", engine, *limits, *own]

    return command


def _bare(port: int, directory: Path) -> list[str]:
    return [sys.executable, str(Path(__file__).with_name("bare.py")), str(port)]


# Peers, with whatever would slow them down switched off.

_MOSQUITTO = """\
listener {port} 127.0.0.1
allow_anonymous true
max_connections -1
set_tcp_nodelay true
max_queued_messages 0
max_inflight_messages 0
persistence false
log_type none
"""

_NGIRCD = """\
[Global]
Name = irc.bench.local
Info = bench
Listen = 127.0.0.1
Ports = {port}
MotdPhrase = "bench"
[Limits]
MaxConnections = 0
MaxConnectionsIP = 0
MaxJoins = 0
MaxPenaltyTime = 0
[Options]
DNS = no
Ident = no
PAM = no
"""

_NATS = """\
listen: "127.0.0.1:{port}"
max_pending: 256MB
"""


def _configured(text: str, *command: str) -> Command:
    def configure(port: int, directory: Path) -> list[str]:
        file = directory / "configuration"
        file.write_text(text.format(port=port))
        return [*command, str(file)]

    return configure


def _redis(port: int, directory: Path) -> list[str]:
    limits = ["--maxclients", "10000", "--client-output-buffer-limit", "pubsub 0 0 0"]
    return ["redis-server", "--bind", "127.0.0.1", "--port", str(port), "--save", "", "--dir", str(directory), *limits]


def _without(program: str) -> str:
    found = shutil.which(program) or shutil.which(program, path="/usr/sbin:/usr/local/sbin")
    return "" if found else f"{program} is not installed"


def _without_uvloop() -> str:
    return "" if find_spec("uvloop") else "uvloop is not installed"


def _ours() -> list[Contender]:
    def contender(name: str, command: Command, absent: str = "") -> Contender:
        return Contender(name, "causerie", command, absent, room="#room")

    memory, durable = "--memory", ("--data", "{directory}/data.db")
    return [
        contender("asyncio, uvloop", _causerie("asyncio", memory), _without_uvloop()),
        contender("asyncio", _causerie("asyncio", memory, program=_PLAIN)),
        contender("threaded", _causerie("threaded", memory)),
        contender("asyncio, uvloop, durable", _causerie("asyncio", *durable), _without_uvloop()),
        contender("asyncio, durable", _causerie("asyncio", *durable, program=_PLAIN)),
        contender("threaded, durable", _causerie("threaded", *durable)),
    ]


CONTENDERS = (
    *_ours(),
    Contender("bare asyncio", "causerie", _bare, room="#room"),
    Contender("Redis", "redis", _redis, _without("redis-server")),
    Contender("NATS", "nats", _configured(_NATS, "nats-server", "-c"), _without("nats-server")),
    Contender("NATS, verbose", "nats-verbose", _configured(_NATS, "nats-server", "-c"), _without("nats-server")),
    Contender("mosquitto", "mqtt", _configured(_MOSQUITTO, "mosquitto", "-c"), _without("mosquitto")),
    Contender("mosquitto, QoS 1", "mqtt-qos1", _configured(_MOSQUITTO, "mosquitto", "-c"), _without("mosquitto")),
    Contender(
        name="ngircd",
        protocol="irc",
        command=_configured(_NGIRCD, "ngircd", "-n", "-f"),
        absent=_without("ngircd"),
        room="#room",
        skips={"idle": "it lets about 1,100 in"},
    ),
)
