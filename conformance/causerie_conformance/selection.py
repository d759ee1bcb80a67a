"""The options that say which cases are run, for every role: --select and its like, and the list of known failures.

In here: options and their usage errors. Not in here: what a pattern means (`registry`), the runs (`cli`).
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from causerie_conformance.known import KnownFailures
from causerie_conformance.registry import Case, matches, select
from causerie_conformance.results import Exit
from causerie_spec.codes import PROFILES


class Parser(argparse.ArgumentParser):
    """Says in one line what is wrong, and where to look."""

    def error(self, message: str) -> NoReturn:
        """End with the status of a usage error."""
        self.exit(Exit.USAGE, f"{self.prog}: {message}\nTry '{self.prog} --help'.\n")


def add_options(made: argparse.ArgumentParser, topics: Sequence[str], example: str, clause: str) -> None:
    """Give a parser the options about cases; *example* is a glob, *clause* one that cases cite."""
    what = made.add_argument_group("which cases")
    what.add_argument("--list", action="store_true", help="list them instead of running them")
    what.add_argument(
        "--select",
        action="append",
        default=[],
        metavar="PATTERN",
        help=f"only these: a topic, an id, a glob such as '{example}', or a clause such as {clause}",
    )
    what.add_argument("--exclude", action="append", default=[], metavar="PATTERN", help="not these")
    what.add_argument("--profile", action="append", default=[], metavar="NAME", help=f"only of: {' '.join(PROFILES)}")
    what.add_argument(
        "--known-failures",
        type=Path,
        metavar="FILE",
        help="cases that may fail: ids or globs, a line each, # for comments; a line that is not true any more fails",
    )
    what.add_argument(
        "--update-known-failures",
        action="store_true",
        help="write that file from this run: lines that still hold stay, others go, new failures come",
    )
    what.add_argument("-x", "--fail-fast", action="store_true", help="stop after the first failure")
    what.add_argument("--upto", choices=topics, metavar="TOPIC", help=f"stop after: {' '.join(topics)}")


def selected(made: argparse.ArgumentParser, options: argparse.Namespace, cases: list[Case]) -> list[Case]:
    """Those of *cases* that the options ask for; at least one."""
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


def known_failures(made: argparse.ArgumentParser, options: argparse.Namespace, cases: list[Case]) -> KnownFailures:
    """The user's list, each line of which must mean one of *cases*, unless it is to be brought up to date."""
    path = options.known_failures
    if path is None:
        if options.update_known_failures:
            made.error("--update-known-failures: name the file with --known-failures FILE")
        return KnownFailures()
    if options.update_known_failures and not path.exists() and path.absolute().parent.is_dir():
        return KnownFailures()
    try:
        known = KnownFailures.read(path)
    except (OSError, ValueError) as error:
        made.error(f"--known-failures: cannot read {path}: {getattr(error, 'strerror', None) or 'it is not UTF-8'}")
    unknown = known.unknown(cases)
    if unknown and not options.update_known_failures:
        made.error("--known-failures: " + "\n".join(unknown))
    return known
