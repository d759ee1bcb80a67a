"""The command and its reports: the options, writing all that is asked for, and what is done with reports alone.

In here: files. Not in here: what stands in them (`report`), and runs (`cli`).
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, TypeVar

from causerie_conformance.replay.recording import FOLDER
from causerie_conformance.report import badge, compare, html_report, json_report, junit
from causerie_conformance.report.json_report import Document
from causerie_conformance.report.schema import schema_text
from causerie_conformance.results import Exit, Run

T = TypeVar("T")
_OF_RUNS: Final[Mapping[str, Callable[[Run, Path], None]]] = {"junit": junit.write}
_OF_DOCUMENTS: Final[Mapping[str, Callable[[Document, Path], None]]] = {
    "json": json_report.write,
    "html": html_report.write,
    "badge": badge.write,
}


def add_options(made: argparse.ArgumentParser) -> None:
    """Give a parser the options about reports."""
    add_options_of_runs(made)
    left = made.add_argument_group("failures to be repeated (causerie-conformance replay FILE)")
    left.add_argument(
        "--replays", type=Path, default=Path(FOLDER), metavar="FOLDER", help=f"leave them there ({FOLDER} unless told)"
    )
    left.add_argument("--no-replays", action="store_true", help="leave none")
    alone = made.add_argument_group("reports that are there already, without a run")
    alone.add_argument("--from", dest="report", type=Path, metavar="JSON", help="make --html and --badge of this one")
    alone.add_argument(
        "--compare",
        type=Path,
        nargs=2,
        metavar=("BEFORE", "AFTER"),
        help="what changed between two of --json; exit status 1 if anything got worse",
    )
    alone.add_argument("--schema", action="store_true", help="print the JSON Schema of --json")


def add_options_of_runs(made: argparse.ArgumentParser) -> None:
    """Give a parser the options about the reports of a run."""
    how = made.add_argument_group("reports")
    how.add_argument("--json", type=Path, metavar="FILE", help="write the whole run as JSON")
    how.add_argument("--junit", type=Path, metavar="FILE", help="write JUnit XML")
    how.add_argument("--html", type=Path, metavar="FILE", help="write one HTML page that needs nothing else")
    how.add_argument("--badge", type=Path, metavar="FILE", help="write a badge (SVG) for a README")
    how.add_argument("-v", "--verbose", action="store_true", help="a line for each case")


def without_a_run(made: argparse.ArgumentParser, options: argparse.Namespace) -> int | None:
    """Do what needs no server, if that is what the options ask for; the exit status."""
    if options.schema:
        sys.stdout.write(schema_text())
        return Exit.CONFORMANT
    if not options.compare and not options.report:
        return None
    name = "--compare" if options.compare else "--from"
    if options.servers or options.spawn or options.reference or options.json or options.junit:
        made.error(f"{name} is about reports that are there: no server, no --json, no --junit")
    if options.compare and (options.report or options.html or options.badge):
        made.error("--compare writes to the terminal: no --from, no --html, no --badge")
    if options.report and not (options.html or options.badge):
        made.error("--from needs --html FILE or --badge FILE: what to make of it")
    check_files(made, options)
    try:
        reports = [json_report.read(path) for path in options.compare or [options.report]]
    except json_report.NotAReport as error:
        made.error(str(error))
    if not options.compare:
        return Exit.CONFORMANT if _write(options, _OF_DOCUMENTS, reports[0]) else Exit.USAGE
    if reports[0]["role"] != reports[1]["role"]:
        made.error(f"--compare: one is of a {reports[0]['role']}, the other of a {reports[1]['role']}")
    found = compare.compare(*reports)
    compare.show(sys.stdout, found, (str(options.compare[0]), str(options.compare[1])))
    return Exit.NOT_CONFORMANT if found.worse else Exit.CONFORMANT


def check_files(made: argparse.ArgumentParser, options: argparse.Namespace) -> None:
    """A report that cannot be written should be known before the run, not after it."""
    for path in (getattr(options, option) for option in (*_OF_RUNS, *_OF_DOCUMENTS)):
        if path is not None and (path.is_dir() or not path.absolute().parent.is_dir()):
            made.error(f"cannot write {path}: {'it is a folder' if path.is_dir() else 'there is no such folder'}")


def write(options: argparse.Namespace, run: Run) -> None:
    """Write all that the options ask for; what cannot be written is said."""
    _write(options, _OF_RUNS, run)
    if any(getattr(options, option) for option in _OF_DOCUMENTS):
        _write(options, _OF_DOCUMENTS, json_report.document(run))


def _write(options: argparse.Namespace, writers: Mapping[str, Callable[[T, Path], None]], what: T) -> bool:
    """Has everything been written?"""
    done = True
    for option, writer in writers.items():
        path = getattr(options, option)
        if path is None:
            continue
        try:
            writer(what, path)
        except OSError as error:
            done = False
            sys.stderr.write(f"causerie-conformance: cannot write {path}: {error.strerror}\n")
    return done
