"""``causerie-conformance``: the command.

In here: options, usage errors, and the order of things: select, start, run, report, exit status. Not in here:
how pytest is run (`engine`), what a case is.
"""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from causerie_conformance import engine, reruns, selection
from causerie_conformance.client_role import cli as client_cli
from causerie_conformance.known import KnownFailures, update
from causerie_conformance.process import ENGINES
from causerie_conformance.registry import TOPICS, Case, load_cases
from causerie_conformance.replay import cli as replay_cli
from causerie_conformance.replay.folder import Folder
from causerie_conformance.report.terminal import Terminal, show_list
from causerie_conformance.reporting import add_options, check_files, without_a_run, write
from causerie_conformance.results import Exit, Run
from causerie_conformance.selection import Parser
from causerie_conformance.session import Session
from causerie_conformance.setup import SetupError, StartError, accounts_for, target_for, tls_for
from causerie_conformance.target import Target
from causerie_spec import __version__

EXAMPLES = """\
examples:
  causerie-conformance 127.0.0.1:5000                    judge the server at this address
  causerie-conformance 127.0.0.1:5000 --upto hello       as far as step 1 of the build order
  causerie-conformance --spawn './server --port {port}'  start it, judge it, end it
  causerie-conformance --reference asyncio               judge the reference server
  causerie-conformance --reference asyncio --tls         the same, all of it over TLS
  causerie-conformance --list --profile ROBUST           what would be run
  causerie-conformance HOST:PORT --select HELLO-6        the cases that cite this clause
  causerie-conformance client -- ./chat {host} {port} {handle}
                                                         judge a client instead; client --help tells more
  causerie-conformance replay FILE HOST:PORT             repeat a failure, octet for octet; replay --help tells more

exit status:
  0 conformant    1 not conformant    2 usage error    3 server unreachable, or it died

With HOST:PORT alone, cases that need to restart the server, or to know its login limit, are not judged; they
are listed at the end, and say how to have them judged.
"""


def parser() -> argparse.ArgumentParser:
    """The options."""
    made = Parser(
        prog="causerie-conformance",
        description="Judge a Causerie server by the clauses of PROTOCOL.md.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    made.add_argument(
        "servers",
        nargs="*",
        metavar="HOST:PORT",
        help="a server that is running; several addresses: those of a cluster",
    )
    which = made.add_argument_group("or a server that the suite starts")
    which.add_argument("--reference", choices=ENGINES, help="the reference server, with that engine")
    which.add_argument(
        "--spawn",
        metavar="CMD",
        help="a command with {port} in it; {handshake_timeout} (seconds), {max_connections}, {users} (a file of "
        "accounts for it to have, HANDLE:PASSWORD a line) and {data} (a path to keep its data at; it is killed and "
        "started again) are filled in too; with {tls_cert} and {tls_key} (files made for this run) it is judged over "
        "TLS",
    )
    which.add_argument(
        "--handshake-timeout",
        type=float,
        metavar="SECONDS",
        help="the server's login limit, if the suite did not set it (30 unless told)",
    )
    which.add_argument("--users", metavar="NAME:PASSWORD,…", help="accounts that the server has, for SCRAM-SHA-256")
    which.add_argument("--users-file", type=Path, metavar="FILE", help="the same from a file, a line each")
    secure = made.add_argument_group("TLS")
    secure.add_argument("--tls", action="store_true", help="all connections of the suite speak TLS")
    secure.add_argument(
        "--ca-file", type=Path, metavar="FILE", help="the same; trust the authorities in it (PEM), not the system's"
    )
    secure.add_argument("--insecure", action="store_true", help="the same; trust any certificate")
    selection.add_options(made, TOPICS, "login/token-*", "HELLO-6")
    add_options(made)
    made.add_argument(
        "--reruns",
        type=_count,
        default=reruns.TIMES,
        metavar="N",
        help=f"run failures again N times, to tell steady from flaky ({reruns.TIMES} unless told; 0 for never)",
    )
    made.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    return made


def _count(text: str) -> int:
    number = int(text)
    if not 0 <= number < 100:
        raise argparse.ArgumentTypeError("a number from 0 to 99")
    return number


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; its exit status."""
    argv = sys.argv[1:] if argv is None else argv
    if list(argv[:1]) == ["client"]:
        return client_cli.main(argv[1:])
    if list(argv[:1]) == ["replay"]:
        return replay_cli.main(argv[1:])
    made = parser()
    options = made.parse_args(argv)
    status = without_a_run(made, options)
    if status is not None:
        return status
    selected = selection.selected(made, options, load_cases())
    if options.list:
        show_list(sys.stdout, selected, verbose=options.verbose)
        return Exit.CONFORMANT
    check_files(made, options)
    known = selection.known_failures(made, options, load_cases())
    try:
        named = accounts_for(options.users, options.users_file)
        tls = tls_for(options.tls, options.ca_file, options.insecure)
        target = target_for(
            options.servers, options.reference, options.spawn, options.handshake_timeout, named, tls=tls
        )
    except SetupError as error:
        made.error(str(error))
    except StartError as error:
        sys.stderr.write(f"causerie-conformance: {error}\n")
        return Exit.UNREACHABLE
    try:
        return _judge(options, target, selected, known)
    finally:
        if target.process is not None:
            target.process.stop()


def _judge(options: argparse.Namespace, target: Target, selected: list[Case], known: KnownFailures) -> int:
    run = Run(target.name, command=_rerun(options, target), total=len(load_cases()))
    terminal = Terminal(sys.stdout, verbose=options.verbose, rerun=run.command)
    replays = None if options.no_replays else Folder(options.replays, " ".join(_server(options, target)))
    session = Session(
        target,
        run,
        terminal.result,
        fail_fast=options.fail_fast,
        known=known,
        reruns=options.reruns,
        replays=replays,
    )

    def last_words() -> None:
        _finish(options, run, terminal)

    engine.run(session, selected, last_words)
    if options.update_known_failures:
        _update(options, run, known)
    _finish(options, run, terminal)
    return run.exit_status


def _update(options: argparse.Namespace, run: Run, known: KnownFailures) -> None:
    """Bring the list of known failures up to date, if the run can tell."""
    if run.stopped or run.interrupted:
        sys.stderr.write(f"causerie-conformance: {options.known_failures} is as it was: the run ended early\n")
        return
    try:
        update(options.known_failures, known, run, load_cases())
    except OSError as error:
        sys.stderr.write(f"causerie-conformance: cannot write {options.known_failures}: {error.strerror}\n")


def _finish(options: argparse.Namespace, run: Run, terminal: Terminal) -> None:
    run.finish()
    terminal.summary(run)
    write(options, run)


def _server(options: argparse.Namespace, target: Target) -> list[str]:
    """What names the server on the command line."""
    if options.reference is not None:
        words = ["--reference", options.reference]
    elif options.spawn is not None:
        words = ["--spawn", shlex.quote(options.spawn)]
    else:
        words = [target.name]
    if options.ca_file is not None:
        return [*words, "--ca-file", shlex.quote(str(options.ca_file))]
    return [*words, "--insecure" if options.insecure else "--tls"] if options.tls or options.insecure else words


def _rerun(options: argparse.Namespace, target: Target) -> str:
    words = ["causerie-conformance", *_server(options, target)]
    if options.handshake_timeout is not None:
        words += ["--handshake-timeout", f"{options.handshake_timeout:g}"]
    if options.users is not None:
        words += ["--users", "NAME:PASSWORD"]  # reports are shown to others
    if options.users_file is not None:
        words += ["--users-file", shlex.quote(str(options.users_file))]
    return " ".join(words)
