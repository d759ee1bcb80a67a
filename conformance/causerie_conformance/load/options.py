"""The options of ``causerie-load``, and what is wrong with them.

In here: argparse, and from options to a plan. Not in here: running it (`cli`).
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, NoReturn

from causerie_conformance.load import thresholds
from causerie_conformance.load.plan import MIN_SIZE, Plan
from causerie_conformance.load.thresholds import Threshold
from causerie_conformance.process import ENGINES
from causerie_conformance.results import Exit
from causerie_conformance.target import Target
from causerie_spec import __version__
from causerie_spec.codes import MAX_TEXT

EXAMPLES = """\
examples:
  causerie-load 127.0.0.1:5000                                 50 connections in the lobby, 50 messages a second, 10 s
  causerie-load 127.0.0.1:5000 --connections 500 --rooms 10    500 connections in 10 rooms
  causerie-load 127.0.0.1:5000 --pairs --rate max              pairs that write to each other as fast as they can
  causerie-load --reference asyncio --rate 500 --html r.html   a server that is started for it, and a page with plots
  causerie-load HOST:PORT --fail-if 'p99>50ms,lost>0'          for CI: exit status 1 if it is so

With a rate, latencies count from when a message was due, not from when it could be sent: if the server stalls for a
second, all that was due in that second waited for it. With --rate max they count from sending, and stalls hide.

It makes handles, rooms and messages on the server (load-…), which stay where the server keeps such things.

exit status:
  0 all came, in order, and within --fail-if    1 not so    2 usage error    3 server unreachable, or it died
"""
MOST_PROCESSES: Final = 64


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(Exit.USAGE, f"{self.prog}: {message}\nTry '{self.prog} --help'.\n")


def _number(kind: Callable[[str], float], least: float, most: float, unit: str) -> Callable[[str], float]:
    def parse(text: str) -> float:
        try:
            value = kind(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"{text!r} is not a number of {unit}") from None
        if not least <= value <= most:
            raise argparse.ArgumentTypeError(f"{text}: from {least:g} to {most:g} {unit}")
        return value

    return parse


def _rate(text: str) -> float:
    return 0.0 if text == "max" else _number(float, 0, 1e7, "messages a second, or max")(text)


def _conditions(text: str) -> list[Threshold]:
    try:
        return thresholds.parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def parser() -> argparse.ArgumentParser:
    """The options."""
    made = _Parser(
        prog="causerie-load",
        description="Measure a Causerie server under load: how fast it is, and whether all arrives, once and in order.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    made.add_argument("server", nargs="?", metavar="HOST:PORT", help="a server that is running")
    which = made.add_argument_group("or a server that is started for it")
    which.add_argument("--reference", choices=ENGINES, help="the reference server, with that engine")
    which.add_argument(
        "--spawn",
        metavar="CMD",
        help="a command with {port} in it; {max_connections} and {data} (a path) are filled in too",
    )
    load = made.add_argument_group("the load")
    seconds = _number(float, 0, 86_400, "seconds")
    load.add_argument(
        "--connections",
        type=_number(int, 1, 100_000, "connections"),
        default=50,
        metavar="N",
        help="default %(default)s",
    )
    load.add_argument(
        "--rooms",
        type=_number(int, 0, 100_000, "rooms"),
        default=0,
        metavar="R",
        help="spread them over so many rooms; 0, the default: all are in the lobby",
    )
    load.add_argument(
        "--pairs", action="store_true", help="direct messages between two and two; with --rooms, to each in turn"
    )
    load.add_argument(
        "--rate",
        type=_rate,
        default=50.0,
        metavar="N",
        help="messages a second, of all connections together; max: as fast as the answers come; default %(default)g",
    )
    load.add_argument(
        "--window",
        type=_number(int, 1, 10_000, "messages"),
        metavar="N",
        help="with --rate max: messages of a connection that may wait for their ACK; default 8",
    )
    load.add_argument(
        "--size",
        type=_number(int, MIN_SIZE, MAX_TEXT, "octets"),
        default=64,
        metavar="OCTETS",
        help="of each text; default %(default)s",
    )
    load.add_argument(
        "--duration", type=_number(float, 0.1, 86_400, "seconds"), default=10.0, metavar="S", help="default %(default)g"
    )
    load.add_argument("--warmup", type=seconds, default=1.0, metavar="S", help="before measuring; default %(default)g")
    load.add_argument("--ramp", type=seconds, default=0.0, metavar="S", help="spread the logins over so many seconds")
    load.add_argument(
        "--processes",
        type=_number(int, 1, MOST_PROCESSES, "processes"),
        default=1,
        metavar="N",
        help="of the load generator, each with its part of the connections; default %(default)s",
    )
    secure = made.add_argument_group("TLS")
    secure.add_argument("--tls", action="store_true", help="all connections speak TLS")
    secure.add_argument(
        "--ca-file", type=Path, metavar="FILE", help="the same; trust the authorities in it (PEM), not the system's"
    )
    secure.add_argument("--insecure", action="store_true", help="the same; trust any certificate")
    how = made.add_argument_group("reports")
    how.add_argument("--json", type=Path, metavar="FILE", help="write all figures as JSON")
    how.add_argument("--html", type=Path, metavar="FILE", help="write a page with plots")
    how.add_argument("--quiet", action="store_true", help="no progress, only what was found")
    how.add_argument(
        "--fail-if",
        type=_conditions,
        action="extend",
        default=[],
        metavar="CONDITIONS",
        help="such as 'p99>50ms,ack.p99.9>1s,deliveries/s<1000,busy>80%%': exit status 1 if one is true",
    )
    made.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    return made


def parse(made: argparse.ArgumentParser, arguments: Sequence[str] | None) -> argparse.Namespace:
    """The options, if they make sense together; else the process ends with exit status 2."""
    options = made.parse_args(arguments)
    if options.pairs and options.connections % 2:
        made.error(f"--pairs: {options.connections} connections cannot pair off; give an even number")
    if options.rooms > options.connections:
        made.error(f"--rooms: {options.rooms} rooms are too many for {options.connections} connections")
    if options.window is not None and options.rate:
        made.error("--window is for --rate max; with a rate, messages are sent when they are due")
    if options.processes > options.connections:
        made.error(f"--processes: {options.processes} are too many for {options.connections} connections")
    for path in (options.json, options.html):
        # What cannot be written should be known before the run, not after it.
        if path is not None and (folder := os.path.isdir(path)) | (not os.path.isdir(path.absolute().parent)):
            made.error(f"cannot write {path}: {'it is a folder' if folder else 'there is no such folder'}")
    return options


def plan_of(options: argparse.Namespace, target: Target) -> Plan:
    """What is to be done to a server."""
    return Plan(
        target.host,
        target.port,
        target.tls,
        options.connections,
        options.rooms,
        options.pairs,
        options.rate,
        options.window or 8,
        options.size,
        options.duration,
        options.warmup,
        options.ramp,
        options.processes,
    )
