"""``causerie-conformance client``: the command.

In here: options, usage errors, and the order of things. Not in here: a run (`session`).
"""

from __future__ import annotations

import argparse
import os
import shlex
import sys
from collections.abc import Sequence

from causerie_conformance import selection
from causerie_conformance.client_role.command import ClientCommand
from causerie_conformance.client_role.session import TURNS, ClientSession
from causerie_conformance.client_role.stage import Setup
from causerie_conformance.registry import CLIENT_TOPICS, load_client_cases
from causerie_conformance.report.terminal import Terminal, show_list
from causerie_conformance.reporting import add_options_of_runs, check_files, write
from causerie_conformance.results import Exit, Run

EXAMPLES = """\
examples:
  causerie-conformance client -- ./chat {host} {port} {handle}
  causerie-conformance client -- ./chat {host} {port} {handle} --keep {state}
  causerie-conformance client --password '--password-file {password_file}' --tls '--ca {ca_file}' -- ./chat …
  causerie-conformance client --reference console       judge the reference client
  causerie-conformance client --list                    what would be run

The client reads lines (a text for the lobby, /msg @bob text, quit) and prints a line for each message;
spec/CLIENTS.md has the whole contract.

exit status:
  0 conformant    1 not conformant    2 usage error    3 the client could not be started, or never connected
"""


def parser() -> argparse.ArgumentParser:
    """The options; what stands behind ``--`` is not among them."""
    made = selection.Parser(
        prog="causerie-conformance client",
        usage="%(prog)s [options] -- CMD {host} {port} {handle}",
        description="Judge a Causerie client by the clauses of PROTOCOL.md: the suite is the server.",
        epilog=EXAMPLES.replace("%", "%%"),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    which = made.add_argument_group("the client")
    which.add_argument("--reference", choices=("console",), help="the reference client, instead of a command")
    which.add_argument("--command", metavar="CMD", help="the command as one word, instead of words behind --")
    which.add_argument(
        "--password", metavar="WORDS", help="what to add to the command for an account; {password_file} is in it"
    )
    which.add_argument("--tls", metavar="WORDS", help="what to add to the command for TLS; {ca_file} is in it")
    which.add_argument(
        "--at-once", type=int, default=TURNS, metavar="N", help=f"clients that run side by side (default {TURNS})"
    )
    selection.add_options(made, CLIENT_TOPICS, "resending/*", "CLIENT-9")
    add_options_of_runs(made)
    return made


def main(argv: Sequence[str]) -> int:
    """Run the command; its exit status."""
    words = list(argv)
    split = words.index("--") if "--" in words else len(words)
    made = parser()
    options = made.parse_args(words[:split])
    cases = selection.selected(made, options, load_client_cases())
    if options.list:
        show_list(sys.stdout, cases, verbose=options.verbose)
        return Exit.CONFORMANT
    command = _command(made, options, words[split + 1 :])
    check_files(made, options)
    known = selection.known_failures(made, options, load_client_cases())
    run = Run(_name(options, command), command=_rerun(options, command), total=len(load_client_cases()))
    terminal = Terminal(sys.stdout, verbose=options.verbose, rerun=run.command)
    session = ClientSession(
        Setup(command), run, terminal.result, fail_fast=options.fail_fast, known=known, turns=options.at_once
    )
    session.judge(cases)
    run.finish()
    terminal.summary(run)
    write(options, run)
    return run.exit_status


def _command(made: argparse.ArgumentParser, options: argparse.Namespace, words: list[str]) -> ClientCommand:
    if options.at_once < 1:
        made.error("--at-once: a number from 1")
    if options.reference is not None:
        if words or options.command is not None or options.password is not None or options.tls is not None:
            made.error("give --reference or a command, not both")
        return ClientCommand.of_reference()
    if words and options.command is not None:
        made.error("give --command or words behind --, not both")
    try:
        words = words or shlex.split(options.command or "", posix=os.name != "nt")
        return ClientCommand.of(words, options.password, options.tls)
    except ValueError as error:
        made.error(str(error))


def _name(options: argparse.Namespace, command: ClientCommand) -> str:
    return f"the {options.reference} client" if options.reference is not None else str(command)


def _rerun(options: argparse.Namespace, command: ClientCommand) -> str:
    """The command that judges the client again; what selects cases goes behind it."""
    words = ["causerie-conformance", "client"]
    for name in ("reference", "password", "tls"):
        value = getattr(options, name)
        words += [f"--{name}", shlex.quote(value)] if value is not None else []
    if options.reference is None:
        words += ["--command", shlex.quote(str(command))]
    return " ".join(words)
