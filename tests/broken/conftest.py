"""Runs the suite against broken and unusual servers, one more side by side than there are processors."""

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from causerie_spec.clauses import load
from causerie_spec.codes import DURABLE

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))  # the servers are a program of their own, not part of the tests' package
OPTIONS = (
    "--port {port} --handshake-timeout {handshake_timeout} --max-connections {max_connections}"
    " --users-file {users} --scram-iterations 4096"
)

NEED_DATA = {clause.id for clause in load().values() if clause.profile == DURABLE} | {"TOKEN-7"}
"""Clauses of servers that keep what they are told in a file."""
OVER_TLS = " --tls-cert {tls_cert} --tls-key {tls_key}"


def judge(subject, report):
    """Run the suite with `subject.options`; returns the report, the exit status and what the command printed."""
    where = "--data {data}" if subject.clause in NEED_DATA else "--memory"
    server = f'"{sys.executable}" "{HERE / "run.py"}" {subject.name} {where} {OPTIONS}'
    if subject.clause.startswith("TLS-"):
        server += OVER_TLS
    command = [sys.executable, "-m", "causerie_conformance", "--spawn", server, *subject.options, "--json", str(report)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=110, check=False)
    found = json.loads(report.read_text(encoding="utf-8")) if report.exists() else None
    return found, done.returncode, done.stdout + done.stderr


@pytest.fixture(scope="session")
def judged(tmp_path_factory, request):
    """Futures of `judge`, by name, for every server whose test was selected, in the order of the tests."""
    folder = tmp_path_factory.mktemp("reports")
    wanted = [item.callspec.params["subject"] for item in request.session.items if hasattr(item, "callspec")]
    with ThreadPoolExecutor((os.cpu_count() or 1) + 1) as pool:
        yield {each.name: pool.submit(judge, each, folder / f"{each.name}.json") for each in wanted}
        pool.shutdown(cancel_futures=True)
