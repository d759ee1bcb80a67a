"""The suite through the tap: nothing that it judges changes, and servers that are broken are flagged."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from causerie_conformance.tap.proxy import Harm

pytestmark = pytest.mark.uncounted
BROKEN = Path(__file__).parents[2] / "broken" / "run.py"


def suite(name: str, *topics: str) -> subprocess.CompletedProcess[str]:
    words = [sys.executable, "-m", "causerie_conformance", name, "--no-replays"]
    words += [word for topic in topics for word in ("--select", topic)]
    return subprocess.run(words, capture_output=True, text=True, timeout=110, check=False)


@pytest.mark.parametrize(
    ("harm", "topics"),
    [
        (None, ("hello", "lobby", "closing")),
        (Harm(split=1), ("hello", "closing")),
        (Harm(delay=0.005), ("hello",)),
    ],
)
def test_the_reference_conforms_through_the_tap(tap, server, harm, topics) -> None:
    running = tap(server(), harm)
    done = suite(running.name, *topics)
    assert done.returncode == 0, done.stdout
    broken = running.broken()
    assert {clause for who, clause in broken if who == "server"} == set()
    assert ("client", "HELLO-1") in broken  # on purpose: that is what the cases are about


def test_a_broken_server_is_flagged(tap, server) -> None:
    running = tap(server(str(BROKEN), "flags-are-set"))
    suite(running.name, "hello")
    assert ("server", "FRAME-6") in running.broken()


@pytest.mark.skipif(shutil.which("tshark") is None, reason="there is no tshark")
def test_wireshark_follows_the_streams(tap, server, tmp_path) -> None:
    running = tap(server())
    assert suite(running.name, "closing").returncode == 0
    running.stop()
    file = tmp_path / "talk.pcap"
    file.write_bytes(running.pcap.getvalue())
    words = ["tshark", "-r", str(file), "-o", "tcp.check_checksum:TRUE", "-o", "ip.check_checksum:TRUE"]
    words += [
        "-Y",
        "(tcp.analysis.flags && !tcp.analysis.reused_ports) || tcp.checksum.status == 0 || ip.checksum.status == 0",
    ]
    done = subprocess.run(words, capture_output=True, text=True, timeout=100, check=True)
    assert done.stdout == ""
    words = [*words[:3], "-q", "-z", "follow,tcp,raw,0"]
    whole = subprocess.run(words, capture_output=True, text=True, timeout=100, check=True)
    assert "43415553" in whole.stdout  # CAUS
