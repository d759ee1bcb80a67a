"""``causerie-tap``: the command.

In here: options, usage errors, files, Ctrl-C, exit statuses. Not in here: what it does (`proxy`).
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import io
import os
import signal
import socket
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import BinaryIO, Final

from causerie_conformance import interrupt
from causerie_conformance.results import Exit
from causerie_conformance.selection import Parser
from causerie_conformance.setup import SetupError, parse_address
from causerie_conformance.tap.events import Event, Way, Witness
from causerie_conformance.tap.journal import Journal
from causerie_conformance.tap.pcap import Capture
from causerie_conformance.tap.proxy import Address, Harm, Tap
from causerie_conformance.tap.show import Show

HERE: Final = "127.0.0.1"
EXAMPLES: Final = """\
examples:
  causerie-tap 5001 127.0.0.1:5000                       show what clients of port 5001 and that server say
  causerie-tap 5001 chat.example:5000 --verbose          every octet, with its field
  causerie-tap 5001 [::1]:5000 --pcap talk.pcap          for Wireshark
  causerie-tap 5001 127.0.0.1:5000 --split 1 --delay 50  a bad network
  causerie-tap 5001 127.0.0.1:5000 --cut-after 100       a worse one

Frames of both sides are held against the clauses. The log and the capture hold all that is said, passwords and
tokens included. Ctrl-C ends it, with a summary.

exit status:
  0 no clause was broken    1 a clause was broken    2 usage error    3 it could not listen there
"""


def parser() -> argparse.ArgumentParser:
    """The options."""
    made = Parser(
        prog="causerie-tap",
        description="Show, decoded and checked, what Causerie clients and a server say to each other.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    made.add_argument("listen", metavar="LISTEN", help="PORT or HOST:PORT to listen on; port 0: a free one")
    made.add_argument("upstream", metavar="UPSTREAM", help="HOST:PORT of the server")
    seen = made.add_argument_group("what is shown")
    much = seen.add_mutually_exclusive_group()
    much.add_argument("-v", "--verbose", action="store_true", help="every octet, with its field")
    much.add_argument("-q", "--quiet", action="store_true", help="only broken clauses, and the summary")
    seen.add_argument("--log", type=Path, metavar="FILE", help="write a line of JSON for each thing that happens")
    seen.add_argument("--pcap", type=Path, metavar="FILE", help="write what is passed on, for Wireshark")
    harm = made.add_argument_group("harm on request")
    harm.add_argument("--delay", type=_number(0), default=0, metavar="MS", help="milliseconds, each way")
    harm.add_argument("--split", type=_number(1), default=0, metavar="N", help="at most N octets in a write")
    harm.add_argument("--cut-after", type=_number(1), metavar="N", help="reset a connection after N octets")
    harm.add_argument(
        "--direction", choices=("up", "down", "both"), help="octets that --cut-after counts (default both, together)"
    )
    harm.add_argument(
        "--drop",
        action="append",
        default=[],
        choices=[way.value for way in Way],
        help="read that direction and throw it away: up is to the server, down is to the client",
    )
    return made


def _number(least: int) -> Callable[[str], int]:
    def number(text: str) -> int:
        if not (text.isascii() and text.isdecimal() and least <= int(text) <= 10**9):
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from {least}")
        return int(text)

    return number


def parse_listen(text: str) -> Address:
    """``PORT`` (of this machine alone), ``HOST:PORT`` or ``[IPV6]:PORT``; port 0 is a free one. Raises `SetupError`."""
    host, colon, port = text.rpartition(":")
    address = text if colon else f"{HERE}:{text}"
    if port == "0":
        return parse_address(f"{host or HERE}:1")[0], 0
    return parse_address(address)


class Carefully:
    """A file to write to. What cannot be written (a full disk) is said once, and the rest is lost."""

    def __init__(self, path: Path, option: str) -> None:
        self._file: BinaryIO = path.open("wb")
        self._what = f"{option}: cannot write {path}"

    def write(self, octets: bytes, /) -> None:
        """Write all octets, if it still can."""
        self._try(lambda: self._file.write(octets))

    def flush(self) -> None:
        """Hand them on."""
        self._try(self._file.flush)

    def close(self) -> None:
        """Close it."""
        self._try(self._file.close)

    def _try(self, act: Callable[[], object]) -> None:
        if self._file.closed:
            return
        try:
            act()
        except OSError as error:
            sys.stderr.write(f"causerie-tap: {self._what}: {error.strerror or error}\n")
            with contextlib.suppress(OSError):
                self._file.close()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; its exit status."""
    if isinstance(sys.stdout, io.TextIOWrapper):  # a terminal that cannot show a character must not end the program
        sys.stdout.reconfigure(errors="backslashreplace")
    made = parser()
    options = made.parse_args(arguments)
    if options.direction is not None and options.cut_after is None:
        made.error("--direction: give --cut-after too, whose octets it is about")
    try:
        listen, upstream = parse_listen(options.listen), parse_address(options.upstream)
    except SetupError as error:
        made.error(str(error))
    with contextlib.ExitStack() as stack:
        log, pcap = (_opened(made, stack, name, getattr(options, name)) for name in ("log", "pcap"))
        try:
            listener = stack.enter_context(_listener(listen))
        except OSError as error:
            of_a_name = error.errno is None or isinstance(error, socket.gaierror)
            why = error.strerror if of_a_name else os.strerror(error.errno or 0)
            sys.stderr.write(f"causerie-tap: cannot listen on {options.listen}: {why}\n")
            return Exit.UNREACHABLE
        show = Show(sys.stdout, verbose=options.verbose, quiet=options.quiet)
        tell = _all([show, Journal(log)] if log is not None else [show])
        tap = Tap(upstream, tell, _harm(options), Capture(pcap) if pcap is not None else None)
        return _run(tap, listener, show, options.upstream)


def _run(tap: Tap, listener: socket.socket, show: Show, upstream: str) -> int:
    host, port = listener.getsockname()[:2]
    show.line(f"listening on {f'[{host}]' if ':' in host else host}:{port}, passing on to {upstream}")
    with contextlib.suppress(KeyboardInterrupt):  # the second Ctrl-C
        asyncio.run(_serve(tap, listener, show))
    show.summary()
    if show.gone:  # what is still buffered must not complain at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return Exit.NOT_CONFORMANT if show.broken else Exit.CONFORMANT


async def _serve(tap: Tap, listener: socket.socket, show: Show) -> None:
    serving = asyncio.create_task(tap.serve(listener))
    show.when_gone = serving.cancel
    with interrupt.calls(serving.cancel, signal.SIGTERM), contextlib.suppress(asyncio.CancelledError):
        await serving


def _harm(options: argparse.Namespace) -> Harm:
    cut = tuple(Way) if options.direction in (None, "both") else (Way(options.direction),)
    drop = tuple(Way(name) for name in options.drop)
    return Harm(options.delay / 1000, options.split, options.cut_after, cut, drop)


def _opened(
    made: argparse.ArgumentParser, stack: contextlib.ExitStack, name: str, path: Path | None
) -> Carefully | None:
    if path is None:
        return None
    try:
        return stack.enter_context(contextlib.closing(Carefully(path, f"--{name}")))
    except OSError as error:
        made.error(f"--{name}: cannot write {path}: {error.strerror or error}")


def _listener(address: Address) -> socket.socket:
    return socket.create_server(address, family=socket.AF_INET6 if ":" in address[0] else socket.AF_INET, backlog=512)


def _all(witnesses: Sequence[Witness]) -> Witness:
    def tell(event: Event) -> None:
        for witness in witnesses:
            witness(event)

    return tell
