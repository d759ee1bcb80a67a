"""``causerie-conformance replay``: the command.

In here: options, usage errors, connections, and the order of things. Not in here: repeating (`engine`).
"""

from __future__ import annotations

import argparse
import socket
import sys
from collections.abc import Sequence
from pathlib import Path

from causerie_conformance.process import ENGINES
from causerie_conformance.replay import engine, plain, recording, script
from causerie_conformance.replay.recording import NotARecording, Recording
from causerie_conformance.report.terminal import printable
from causerie_conformance.results import Exit
from causerie_conformance.selection import Parser
from causerie_conformance.setup import SetupError, StartError, target_for, tls_for
from causerie_conformance.target import PATIENCE, Target
from causerie_conformance.tls import SecureSocket
from causerie_conformance.transcript import describe_octets

EXAMPLES = """\
examples:
  causerie-conformance replay causerie-replays/sending-text.json 127.0.0.1:5000
  causerie-conformance replay causerie-replays/sending-text.json --spawn './server --port {port}'
  causerie-conformance replay causerie-replays/sending-text.json --script again.py
                                          then, on any machine: python again.py 127.0.0.1 5000

The octets are those that the suite sent, in the same order and pieces; random names in them are drawn anew unless
--exact is given, because the server may have met the old ones. Compared is all but clocks, the epoch, nonces, and
numbers in the lobby, which is everybody's.

exit status:
  0 it behaves otherwise now    1 the same wrong thing came again    2 usage error    3 server unreachable
"""


def parser() -> argparse.ArgumentParser:
    """The options."""
    made = Parser(
        prog="causerie-conformance replay",
        description="Repeat a failure that the suite has left in a file, octet for octet.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    made.add_argument("file", type=Path, metavar="FILE", help="what a failure has left (causerie-replays/….json)")
    made.add_argument("servers", nargs="*", metavar="HOST:PORT", help="the server; several: those of a cluster")
    made.add_argument("--reference", choices=ENGINES, help="instead: the reference server, with that engine")
    made.add_argument("--spawn", metavar="CMD", help="instead: a server that is started by a command with {port} in it")
    made.add_argument("--tls", action="store_true", help="speak TLS")
    made.add_argument("--ca-file", type=Path, metavar="FILE", help="the same; trust the authorities in it (PEM)")
    made.add_argument("--insecure", action="store_true", help="the same; trust any certificate")
    made.add_argument("--exact", action="store_true", help="send the very same octets, random names too")
    made.add_argument(
        "--patience",
        type=_seconds,
        default=PATIENCE,
        metavar="SECONDS",
        help=f"how long to wait for anything ({PATIENCE:g} unless told)",
    )
    made.add_argument("--script", type=Path, metavar="OUT.py", help="write a program that does it, and do nothing else")
    return made


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0 < seconds < 3_600:
        raise argparse.ArgumentTypeError("seconds, more than 0")
    return seconds


def main(argv: Sequence[str]) -> int:
    """Run the command; its exit status."""
    made = parser()
    options = made.parse_args(argv)
    try:
        kept = recording.read(options.file)
    except NotARecording as error:
        made.error(str(error))
    if kept.cannot:
        made.error(f"{kept.case} cannot be repeated so: {kept.cannot}. Run it again: --select {kept.case}")
    if options.script is not None:
        return _write(made, options, kept)
    try:
        tls = tls_for(options.tls, options.ca_file, options.insecure)
        target = target_for(options.servers, options.reference, options.spawn, None, tls=tls)
    except SetupError as error:
        made.error(str(error))
    except StartError as error:
        sys.stderr.write(f"causerie-conformance: {error}\n")
        return Exit.UNREACHABLE
    try:
        return play(kept, target, options.patience, exact=options.exact)
    except engine.Unreachable as error:
        sys.stderr.write(f"causerie-conformance: no connection to {target.name}: {error}\n")
        return Exit.UNREACHABLE
    finally:
        if target.process is not None:
            target.process.stop()


def _write(made: argparse.ArgumentParser, options: argparse.Namespace, kept: Recording) -> int:
    if options.servers or options.reference or options.spawn or options.tls or options.ca_file or options.insecure:
        made.error("--script writes a program: no server, no TLS (the program is told HOST and PORT)")
    if len({address for _, address in kept.connections}) > 1:
        made.error("--script: the case is about a cluster, and the program knows one address")
    try:
        options.script.write_text(script.text(kept, options.patience), encoding="utf-8")
    except OSError as error:
        made.error(f"cannot write {options.script}: {error.strerror or error}")
    return Exit.CONFORMANT


def play(kept: Recording, target: Target, patience: float, *, exact: bool = False) -> int:
    """Repeat it on *target*, and print what is said; the exit status. Raises `engine.Unreachable`."""

    def connect(address: int) -> socket.socket | SecureSocket:
        host, port = target.addresses[address % len(target.addresses)]
        sock = socket.create_connection((host, port), timeout=patience)
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if target.tls is not None:
                return SecureSocket(sock, target.tls, host)
        except BaseException:
            sock.close()
            raise
        sock.setblocking(False)
        return sock

    steps = plain.steps(kept)
    finding = plain.finding(kept, steps)
    if not exact:
        steps, finding = engine.with_fresh_names(steps, finding)
        steps = plain.with_words(steps)
    _say(f"{kept.case}: {kept.title}")
    player = engine.Player(plain.lines(kept), steps, finding, connect, _say, describe_octets, patience)
    return player.play()


def _say(line: str) -> None:
    sys.stdout.write(printable(line) + "\n")
    sys.stdout.flush()
