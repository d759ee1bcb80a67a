"""Runs the suite against broken servers, as many side by side as there are processors."""

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from causerie_conformance.registry import load_cases

HERE = Path(__file__).parent
OPTIONS = "--port {port} --handshake-timeout {handshake_timeout} --max-connections {max_connections}"


def judge(mutant, clause, report):
    """Run the cases that cite *clause* against the mutant; returns the report and what the command printed.

    A clause that no case cites is one that every received frame is checked against: any cases will do.
    """
    cited = any(clause in case.clauses for case in load_cases())
    select = ["--select", clause] if cited else ["--upto", "lobby"]
    server = f'"{sys.executable}" "{HERE / "run.py"}" {mutant} {OPTIONS}'
    command = [
        sys.executable,
        "-m",
        "causerie_conformance",
        "--spawn",
        server,
        *select,
        "--fail-fast",
        "--json",
        str(report),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=110, check=False)
    shown = done.stdout + done.stderr
    return (json.loads(report.read_text(encoding="utf-8")) if report.exists() else None), shown


@pytest.fixture(scope="session")
def judged(tmp_path_factory, request):
    """Futures of `judge` for every mutant whose test was selected, by name."""
    folder = tmp_path_factory.mktemp("reports")
    wanted = {
        item.callspec.params["broken"]
        for item in request.session.items
        if "broken" in getattr(item, "fixturenames", ())
    }
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        yield {each.name: pool.submit(judge, each.name, each.clause, folder / f"{each.name}.json") for each in wanted}
        pool.shutdown(cancel_futures=True)
