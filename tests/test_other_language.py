"""A server that shares no line with the reference, in another language, written from PROTOCOL.md alone.

It shows that the text suffices, and that the suite judges by the text and not by the reference.
"""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SERVER = Path(__file__).parent / "fixtures" / "server.mjs"
NODE = shutil.which("node")


@pytest.mark.skipif(NODE is None, reason="Node is not installed")
def test_the_javascript_server_conforms_to_core():
    server = f'"{NODE}" "{SERVER}" {{port}} {{handshake_timeout}}'
    command = [sys.executable, "-m", "causerie_conformance", "--spawn", server, "--profile", "CORE"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=110, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "CONFORMANT" in done.stdout
