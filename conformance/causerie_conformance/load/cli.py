"""``causerie-load``: the command.

In here: the order of things: start, connect, load, settle, report, exit status; and Ctrl-C. Not in here: options
(`options`), figures (`results`).
"""

from __future__ import annotations

import socket
import sys
from argparse import Namespace
from collections.abc import Sequence
from typing import Final

from causerie_conformance import interrupt
from causerie_conformance.load import document, loops, page
from causerie_conformance.load.connection import NO_ROOMS
from causerie_conformance.load.crew import Crew, Stopped
from causerie_conformance.load.measures import Measures
from causerie_conformance.load.options import parse, parser, plan_of
from causerie_conformance.load.plan import SECOND, Plan
from causerie_conformance.load.results import Results
from causerie_conformance.load.terminal import Terminal
from causerie_conformance.results import Exit
from causerie_conformance.setup import SetupError, StartError, target_for, tls_for
from causerie_conformance.target import Target

SPARE: Final = 8
"""Connections that a server which is started for a run takes beside those of the load."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; its exit status."""
    made = parser()
    options = parse(made, arguments)
    servers = [options.server] if options.server is not None else []
    try:
        tls = tls_for(options.tls, options.ca_file, options.insecure)
        target = target_for(
            servers, options.reference, options.spawn, None, tls=tls, connections=options.connections + SPARE
        )
    except SetupError as error:
        made.error(str(error))
    except StartError as error:
        sys.stderr.write(f"causerie-load: {error}\n")
        return Exit.UNREACHABLE
    try:
        return _measure(options, target)
    except KeyboardInterrupt:
        sys.stderr.write("\ncauserie-load: interrupted, without a report\n")
        return Exit.INTERRUPTED
    finally:
        if target.process is not None:
            target.process.stop()


def _measure(options: Namespace, target: Target) -> int:
    plan, terminal = plan_of(options, target), Terminal(sys.stdout, quiet=options.quiet)
    results = loops.run(_run(plan, terminal))
    results.thresholds = options.fail_if
    _look_after(results, target)
    terminal.summary(results)
    made = document.document(results)
    for path, write in ((options.json, document.write), (options.html, page.write)):
        if path is None:
            continue
        try:
            write(made, path)
        except OSError as error:
            sys.stderr.write(f"causerie-load: cannot write {path}: {error.strerror}\n")
            return results.exit_status or Exit.NOT_CONFORMANT
    return results.exit_status


def _look_after(results: Results, target: Target) -> None:
    """If not one connection is left, is there a server any more?"""
    if not results.stopped and sum(results.measures.ends.values()) < results.plan.connections:
        return
    if target.process is not None and target.process.wait(0.5) is not None:
        results.server_output = target.process.said().lstrip("; ")
        results.stopped, results.reached = f"the server ended with status {target.process.ended}", False
        return
    if results.stopped:
        return
    try:
        socket.create_connection(target.address, 5.0).close()
    except OSError:
        results.stopped, results.reached = "the server takes no connections any more", False


async def _run(plan: Plan, terminal: Terminal) -> Results:
    """All steps; as far as they go."""
    crew = Crew(plan, lambda progress: terminal.progress(plan, progress))
    interrupted = False

    def stop() -> None:
        nonlocal interrupted
        interrupted = True
        crew.stop()

    try:
        with interrupt.calls(stop):
            terminal.step(f"connecting {plan.connections} to {plan.target}")
            await crew.connect()
            written = await crew.load()
            terminal.step("counting")
            measures = await crew.settle(written)
    except Stopped as error:
        return Results(
            plan,
            Measures.of(plan),
            stopped=str(error),
            reached=error.reached,
            interrupted=interrupted,
            usage=str(error).endswith(NO_ROOMS),
        )
    finally:
        await crew.end()
    measured = max(0, min(measures.over, plan.end) - plan.begin) / SECOND
    return Results(plan, measures, interrupted=interrupted, measured=measured)
