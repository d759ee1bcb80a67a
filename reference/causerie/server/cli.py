"""The command `causerie-server`.

In here: options, and putting hub, store and engine together. Exit status: 0 stopped by a signal, 1 could not listen,
or use its certificate or its data, 2 usage, 130 stopped by a second Ctrl-C before all was done.
"""

import argparse
import random
import socket
import ssl
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

from causerie.core.hub import CAPABILITIES, Hub
from causerie.core.limits import Limits
from causerie.passwords import PasswordError
from causerie.server import accounts, asyncio_engine, log, storage, threaded_engine
from causerie.server.listening import CannotListenError, format_address, listen
from causerie.store.operations import Store
from causerie.store.schema import StoreFileError
from causerie.tls.contexts import CertificateError, server_context
from causerie_spec import __version__
from causerie_spec.codes import DEFAULT_PORT, MIN_CONNECTIONS

ENGINES = {"asyncio": asyncio_engine.run, "threaded": threaded_engine.run}
"""The engines, by name."""

_EXAMPLES = """\
examples:
  causerie-server                                 on 127.0.0.1:5000, for this machine only
  causerie-server --host 0.0.0.0 --port 5001      for the whole network (nothing is encrypted without TLS)
  causerie-server --tls-cert chat.pem --tls-key chat.key
                                                  with TLS; clients then need --tls
  causerie-server --host ::1 --engine threaded    over IPv6, with threads
  causerie-server --port 0                        on a free port, which the first line names
  causerie-server --memory                        keeps nothing when it stops
  causerie-server user add alice                  makes an account; see causerie-server user --help

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
    options.add_argument(
        "--tls-cert",
        metavar="FILE",
        type=Path,
        help="speak TLS with this certificate (PEM; with the authorities between, and its key, without --tls-key)",
    )
    options.add_argument("--tls-key", metavar="FILE", type=Path, help="the certificate's private key (PEM)")
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
    storage.add_options(options)
    _add_login_options(options, defaults)
    options.add_argument("--log-level", choices=("debug", "info", "warning", "error"), default="info")
    options.add_argument("--log-format", choices=sorted(log.FORMS), default="text")
    options.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    return options


def _add_login_options(options: argparse.ArgumentParser, defaults: Limits) -> None:
    """Who may log in, and how often."""
    group = options.add_argument_group("logins")
    group.add_argument("--accounts-only", action="store_true", help="no handles without an account: no TOKEN")
    group.add_argument(
        "--users-file",
        type=Path,
        metavar="FILE",
        help="give these handles accounts with these passwords, at the start: a line HANDLE:PASSWORD each",
    )
    group.add_argument(
        "--scram-iterations",
        type=accounts.iterations,
        metavar="N",
        default=defaults.scram_iterations,
        help="what a guess at a password costs; default %(default)s",
    )
    per_minute = _number(int, 0, 1_000_000, "a number")
    group.add_argument(
        "--failures-per-minute",
        type=per_minute,
        metavar="N",
        default=defaults.failures_per_minute,
        help="logins of one address that may fail; 0 any; default %(default)s",
    )
    group.add_argument(
        "--reservations-per-minute",
        type=per_minute,
        metavar="N",
        default=defaults.reservations_per_minute,
        help="new handles of one address; 0 any; default %(default)s",
    )
    group.add_argument("--throttle-local", action="store_true", help="both for this machine's own addresses too")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit status."""
    arguments = sys.argv[1:] if arguments is None else arguments
    if arguments[:1] == ["user"]:
        return accounts.main(arguments[1:], storage.default_file(), storage.open_accounts)
    made = parser()
    options = made.parse_args(arguments)
    if options.tls_key is not None and options.tls_cert is None:
        made.error("--tls-key: which certificate does it belong to? Give --tls-cert too")
    log.set_up(options.log_level, options.log_format)
    try:
        users = {} if options.users_file is None else accounts.read_users(options.users_file)
        tls = None if options.tls_cert is None else server_context(options.tls_cert, options.tls_key)
        with closing(storage.open_store(options, wall_ms)) as store:
            accounts.put_users(store, users, options.scram_iterations)
            _serve(options, store, listen(options.host, options.port), tls)
    except (CannotListenError, CertificateError, PasswordError, StoreFileError) as error:
        print(f"causerie-server: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:  # a second Ctrl-C
        return 130
    return 0


def _serve(
    options: argparse.Namespace, store: Store, sockets: Sequence[socket.socket], tls: ssl.SSLContext | None
) -> None:
    hub = Hub(
        wall_ms=wall_ms,
        epoch=store.epoch,
        rng=random.SystemRandom(),
        secret=store.secret,
        limits=Limits(
            max_connections=options.max_connections,
            handshake_timeout=options.handshake_timeout,
            keepalive=options.keepalive,
            failures_per_minute=options.failures_per_minute,
            reservations_per_minute=options.reservations_per_minute,
            throttle_local=options.throttle_local,
            accounts_only=options.accounts_only,
            scram_iterations=options.scram_iterations,
        ),
        agent=f"causerie/{__version__} ({options.engine})",
        capabilities=CAPABILITIES | store.capabilities,
        log=log.log,
    )
    where = ", ".join(format_address(listener.getsockname()) for listener in sockets)

    how = ", ".join((options.engine, store.name, *(("tls",) if tls else ())))

    def ready() -> None:
        print(f"causerie-server: listening on {where} ({how})", flush=True)

    ENGINES[options.engine](sockets, hub, store, ready, tls)


def wall_ms() -> int:
    """Ms since the Unix epoch."""
    return time.time_ns() // 1_000_000
