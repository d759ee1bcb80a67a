"""A server that shares no line with the reference, in another language, written from PROTOCOL.md alone.

It shows that the text suffices, and that the suite judges by the text and not by the reference.
"""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.uncounted

SERVER = Path(__file__).parent / "fixtures" / "server.mjs"
NODE = shutil.which("node")
CAPABILITIES = ("rooms", "history", "receipts", "typing", "presence")


@pytest.mark.skipif(NODE is None, reason="Node is not installed")
@pytest.mark.parametrize(
    "capabilities",
    [
        pytest.param((), id="CORE alone"),
        pytest.param(("rooms", "receipts", "typing", "presence"), id="without history"),
        pytest.param(CAPABILITIES, id="all that it has"),
    ],
)
@pytest.mark.timeout(600)
def test_the_javascript_server_conforms(capabilities, tmp_path):
    report = tmp_path / "report.json"
    server = f'"{NODE}" "{SERVER}" {{port}} {{handshake_timeout}} {",".join(capabilities) or "none"}'
    command = [sys.executable, "-m", "causerie_conformance", "--spawn", server, "--no-replays", "--json", str(report)]
    for profile in capabilities or ("CORE",):  # its cases once: they take the longest
        command += ["--profile", profile]
    done = subprocess.run(command, capture_output=True, text=True, timeout=500, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    verdicts = {one["profile"]: one["verdict"] for one in json.loads(report.read_text())["profiles"]}
    assert verdicts == dict.fromkeys(capabilities or ("CORE",), "conformant"), done.stdout
