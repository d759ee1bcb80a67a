"""The command `causerie-server`.

In here: options, and putting hub, store and engine together. Exit status: 0 stopped by a signal, 1 could not listen,
2 usage, 130 stopped by a second Ctrl-C before all was done.
"""

import argparse
import random
import secrets
import sys
import time
from collections.abc import Callable, Sequence
from importlib.metadata import version

from causerie.core.hub import CAPABILITIES, Hub
from causerie.core.limits import Limits
from causerie.server import asyncio_engine, log, threaded_engine
from causerie.server.listening import CannotListenError, format_address, listen
from causerie.store.memory import MemoryStore
from causerie_spec.codes import DEFAULT_PORT, MIN_CONNECTIONS

ENGINES = {"asyncio": asyncio_engine.run, "threaded": threaded_engine.run}
"""The engines, by name."""

_EXAMPLES = """\
examples:
  causerie-server                                 on 127.0.0.1:5000, for this machine only
  causerie-server --host 0.0.0.0 --port 5001      for the whole network (nothing is encrypted)
  causerie-server --host ::1 --engine threaded    over IPv6, with threads
  causerie-server --port 0                        on a free port, which the first line names

Stop it with Ctrl-C: everybody is told.
"""


def _number(kind: Callable[[str], float], least: float, most: float, what: str) -> Callable[[str], float]:
    def parse(text: str) -> float:
        try:
            value = kind(text)
        except ValueError:
            value = None
        if value is None or not least <= value <= most:
            raise argparse.ArgumentTypeError(f"{text!r} is not {what} from {least} to {most}")
        return value

    return parse


def parser() -> argparse.ArgumentParser:
    """The options."""
    defaults = Limits()
    options = argparse.ArgumentParser(
        prog="causerie-server",
        description="A Causerie chat server.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    options.add_argument("--host", default="127.0.0.1", help="address to listen on; default %(default)s")
    options.add_argument(
        "--port",
        type=_number(int, 0, 65_535, "a port"),
        default=DEFAULT_PORT,
        help="TCP port; 0 picks a free one; default %(default)s",
    )
    options.add_argument("--engine", choices=sorted(ENGINES), default="asyncio", help="default %(default)s")
    options.add_argument(
        "--handshake-timeout",
        metavar="SECONDS",
        type=_number(float, 0.1, 3_600, "a number of seconds"),
        default=float(defaults.handshake_timeout),
        help="time for a login; default %(default)g",
    )
    options.add_argument(
        "--keepalive",
        metavar="SECONDS",
        type=_number(int, 1, 65_535, "a number of seconds"),
        default=defaults.keepalive,
        help="longest keepalive granted to a client; default %(default)s",
    )
    options.add_argument(
        "--max-connections",
        metavar="N",
        type=_number(int, MIN_CONNECTIONS, 1_000_000, "a number"),
        default=defaults.max_connections,
        help="connections served at once; default %(default)s",
    )
    options.add_argument("--log-level", choices=("debug", "info", "warning", "error"), default="info")
    options.add_argument("--log-format", choices=sorted(log.FORMS), default="text")
    options.add_argument("--version", action="version", version=f"%(prog)s {version('causerie')}")
    return options


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit status."""
    options = parser().parse_args(arguments)
    log.set_up(options.log_level, options.log_format)
    try:
        sockets = listen(options.host, options.port)
    except CannotListenError as error:
        print(f"causerie-server: {error}", file=sys.stderr)
        return 1
    store = MemoryStore(wall_ms, secrets.randbits(64))
    hub = Hub(
        wall_ms=wall_ms,
        epoch=store.epoch,
        rng=random.Random(secrets.randbits(64)),
        limits=Limits(
            max_connections=options.max_connections,
            handshake_timeout=options.handshake_timeout,
            keepalive=options.keepalive,
        ),
        agent=f"causerie/{version('causerie')} ({options.engine})",
        capabilities=CAPABILITIES | store.capabilities,
        log=log.log,
    )
    where = ", ".join(format_address(listener.getsockname()) for listener in sockets)

    def ready() -> None:
        print(f"causerie-server: listening on {where} ({options.engine}, {store.name})", flush=True)

    try:
        ENGINES[options.engine](sockets, hub, store, ready)
    except KeyboardInterrupt:  # a second Ctrl-C
        return 130
    return 0


def wall_ms() -> int:
    """Ms since the Unix epoch."""
    return time.time_ns() // 1_000_000
