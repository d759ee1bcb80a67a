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
from typing import NoReturn

from causerie_conformance import engine
from causerie_conformance.known import KnownFailures
from causerie_conformance.process import ENGINES
from causerie_conformance.registry import TOPICS, Case, load_cases, matches, select
from causerie_conformance.report import json_report
from causerie_conformance.report.terminal import Terminal, show_list
from causerie_conformance.reporting import add_options, check_files, without_a_run, write
from causerie_conformance.results import Exit, Run
from causerie_conformance.session import Session
from causerie_conformance.setup import SetupError, StartError, accounts_for, target_for, tls_for
from causerie_conformance.target import Target
from causerie_spec.codes import PROFILES

EXAMPLES = """\
examples:
  causerie-conformance 127.0.0.1:5000                    judge the server at this address
  causerie-conformance 127.0.0.1:5000 --upto hello       as far as step 1 of the build order
  causerie-conformance --spawn './server --port {port}'  start it, judge it, end it
  causerie-conformance --reference asyncio               judge the reference server
  causerie-conformance --reference asyncio --tls         the same, all of it over TLS
  causerie-conformance --list --profile ROBUST           what would be run
  causerie-conformance HOST:PORT --select HELLO-6        the cases that cite this clause

exit status:
  0 conformant    1 not conformant    2 usage error    3 server unreachable, or it died

With HOST:PORT alone, cases that need to restart the server, or to know its login limit, are not judged; they
are listed at the end, and say how to have them judged.
"""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(Exit.USAGE, f"{self.prog}: {message}\nTry '{self.prog} --help'.\n")


def parser() -> argparse.ArgumentParser:
    """The options."""
    made = _Parser(
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
    what = made.add_argument_group("which cases")
    what.add_argument("--list", action="store_true", help="list them instead of running them")
    what.add_argument(
        "--select",
        action="append",
        default=[],
        metavar="PATTERN",
        help="only these: a topic, an id, a glob such as 'login/token-*', or a clause such as HELLO-6",
    )
    what.add_argument("--exclude", action="append", default=[], metavar="PATTERN", help="not these")
    what.add_argument("--profile", action="append", default=[], metavar="NAME", help=f"only of: {' '.join(PROFILES)}")
    what.add_argument(
        "--known-failures",
        type=Path,
        metavar="FILE",
        help="cases that may fail: ids or globs, a line each, # for comments; a line that is not true any more fails",
    )
    what.add_argument("-x", "--fail-fast", action="store_true", help="stop after the first failure")
    what.add_argument("--upto", choices=TOPICS, metavar="TOPIC", help=f"stop after: {' '.join(TOPICS)}")
    add_options(made)
    made.add_argument("--version", action="version", version=f"%(prog)s {json_report.suite_version()}")
    return made


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; its exit status."""
    made = parser()
    options = made.parse_args(argv)
    status = without_a_run(made, options)
    if status is not None:
        return status
    selected = _selected(made, options)
    if options.list:
        show_list(sys.stdout, selected, verbose=options.verbose)
        return Exit.CONFORMANT
    check_files(made, options)
    known = _known(made, options)
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


def _selected(made: argparse.ArgumentParser, options: argparse.Namespace) -> list[Case]:
    cases = load_cases()
    known = {name.lower() for name in PROFILES}
    for name in options.profile:
        if name.lower() not in known:
            made.error(f"--profile: there is no profile {name!r}; there are {', '.join(PROFILES)}")
    for pattern in [*options.select, *options.exclude]:
        if not any(matches(case, pattern) for case in cases):
            made.error(f"no case matches {pattern!r}; --list shows all {len(cases)}")
    chosen = select(cases, only=options.select, without=options.exclude, profiles=options.profile, upto=options.upto)
    if not chosen:
        made.error("no case is selected by these options together")
    return chosen


def _known(made: argparse.ArgumentParser, options: argparse.Namespace) -> KnownFailures:
    path = options.known_failures
    if path is None:
        return KnownFailures()
    try:
        known = KnownFailures.read(path)
    except (OSError, ValueError) as error:
        made.error(f"--known-failures: cannot read {path}: {getattr(error, 'strerror', None) or 'it is not UTF-8'}")
    if unknown := known.unknown(load_cases()):
        made.error("--known-failures: " + "\n".join(unknown))
    return known


def _judge(options: argparse.Namespace, target: Target, selected: list[Case], known: KnownFailures) -> int:
    run = Run(target.name, command=_rerun(options, target), total=len(load_cases()))
    terminal = Terminal(sys.stdout, verbose=options.verbose, rerun=run.command)
    session = Session(target, run, terminal.result, fail_fast=options.fail_fast, known=known)

    def last_words() -> None:
        _finish(options, run, terminal)

    engine.run(session, selected, last_words)
    _finish(options, run, terminal)
    return run.exit_status


def _finish(options: argparse.Namespace, run: Run, terminal: Terminal) -> None:
    run.finish()
    terminal.summary(run)
    write(options, run)


def _rerun(options: argparse.Namespace, target: Target) -> str:
    words = ["causerie-conformance"]
    if options.reference is not None:
        words += ["--reference", options.reference]
    elif options.spawn is not None:
        words += ["--spawn", shlex.quote(options.spawn)]
    else:
        words.append(target.name)
    if options.handshake_timeout is not None:
        words += ["--handshake-timeout", f"{options.handshake_timeout:g}"]
    if options.ca_file is not None:
        words += ["--ca-file", shlex.quote(str(options.ca_file))]
    elif options.tls or options.insecure:
        words += ["--insecure" if options.insecure else "--tls"]
    if options.users is not None:
        words += ["--users", "NAME:PASSWORD"]  # reports are shown to others
    if options.users_file is not None:
        words += ["--users-file", shlex.quote(str(options.users_file))]
    return " ".join(words)
