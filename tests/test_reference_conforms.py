"""The claim of the whole kit: the suite passes on both reference servers, with everything judged that they offer.

Here with the store in memory, on every Python. With the durable store, with and without TLS: `tox -e conformance-…`.
"""

import json
import subprocess
import sys

import pytest

from causerie_spec.codes import DURABLE

pytestmark = [pytest.mark.once, pytest.mark.timeout(600)]
PATIENCE = 500
"""Seconds: all of the suite, with coverage measured in each process, on a busy machine."""

OPTIONS = (
    "--port {port} --handshake-timeout {handshake_timeout} --max-connections {max_connections} "
    "--users-file {users} --scram-iterations 4096"
)


@pytest.mark.parametrize("engine", ["asyncio", "threaded"])
def test_the_reference_conforms(engine, tmp_path):
    report = tmp_path / "report.json"
    server = f'"{sys.executable}" -m causerie.server --engine {engine} --memory {OPTIONS}'
    command = [sys.executable, "-m", "causerie_conformance", "--spawn", server, "--no-replays", "--json", str(report)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    found = {each["profile"]: each for each in json.loads(report.read_text(encoding="utf-8"))["profiles"]}
    for absent in (DURABLE, "TLS", "cluster"):
        assert found.pop(absent)["verdict"] == "not offered", done.stdout
    for each in found.values():
        assert each["verdict"] == "conformant", done.stdout
        assert {status for status, count in each["counts"].items() if count} == {"passed"}, done.stdout


def test_what_was_acknowledged_survives():
    command = [
        sys.executable,
        "-m",
        "causerie_conformance",
        "--reference",
        "threaded",
        "--profile",
        "durable",
        "--no-replays",
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "durable   CONFORMANT" in done.stdout
