"""Runs the suite against unusual servers, one more side by side than there are processors: some of them wait."""

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

HERE = Path(__file__).parent
OPTIONS = "--port {port} --handshake-timeout {handshake_timeout} --max-connections {max_connections}"


def judge(variant, options, report):
    """Run the suite against the variant; returns the report, the exit status and what the command printed."""
    server = f'"{sys.executable}" "{HERE / "run.py"}" {variant} {OPTIONS}'
    command = [sys.executable, "-m", "causerie_conformance", "--spawn", server, *options, "--json", str(report)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=110, check=False)
    found = json.loads(report.read_text(encoding="utf-8")) if report.exists() else None
    return found, done.returncode, done.stdout + done.stderr


@pytest.fixture(scope="session")
def judged_unusual(tmp_path_factory, request):
    """Futures of `judge` for every variant whose test was selected, by name."""
    folder = tmp_path_factory.mktemp("unusual")
    wanted = [
        item.callspec.params["unusual"]
        for item in request.session.items
        if "unusual" in getattr(item, "fixturenames", ())
    ]
    with ThreadPoolExecutor((os.cpu_count() or 1) + 1) as pool:
        yield {each.name: pool.submit(judge, each.name, each.options, folder / f"{each.name}.json") for each in wanted}
        pool.shutdown(cancel_futures=True)
