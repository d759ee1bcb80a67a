"""Verdicts that can be trusted: far away, half built, interrupted, flaky."""

import contextlib
import json
import os
import queue
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from causerie_conformance.process import Command, ServerProcess
from causerie_conformance.results import Exit
from causerie_conformance.target import PATIENCE, Target
from causerie_spec.codec import Decoder, decode, encode
from causerie_spec.errors import PeerError
from causerie_spec.messages import Login, Ping, Pong

pytestmark = pytest.mark.uncounted
HALF_WAY = 0.15
"""Seconds that each direction is delayed by: 300 ms for the round trip."""


def relay(source: socket.socket, target: socket.socket) -> None:
    """Send on what comes, each piece as late as the way is long; its end too."""
    on_the_way: queue.SimpleQueue[tuple[float, bytes]] = queue.SimpleQueue()

    def deliver() -> None:
        with contextlib.suppress(OSError):
            while True:
                at, octets = on_the_way.get()
                time.sleep(max(0.0, at - time.monotonic()))  # the way itself
                if not octets:
                    target.shutdown(socket.SHUT_WR)
                    return
                target.sendall(octets)

    thread = threading.Thread(target=deliver)
    thread.start()
    octets = b"?"
    while octets:
        try:
            octets = source.recv(65_536)
        except OSError:
            octets = b""
        on_the_way.put((time.monotonic() + HALF_WAY, octets))
    thread.join()


def test_a_server_far_away_passes_and_is_not_flaky(serve, suite, tmp_path: Path) -> None:
    server = ServerProcess(Command.of_reference("asyncio"))

    def through(connection: socket.socket) -> None:
        with socket.create_connection(("127.0.0.1", server.port)) as upstream:
            back = threading.Thread(target=relay, args=(upstream, connection))
            back.start()
            relay(connection, upstream)
            back.join()

    cases = ("hello/ping-0", "hello/quit", "hello/cut", "lobby/everyone-hears", "lobby/before-the-ack", "lobby/ack")
    more = ("closing/bye-arrives-in-hello", "direct/both-hear", "keepalive/idle")
    try:
        chosen = [word for name in cases + more for word in ("--select", name)]
        options = ("--handshake-timeout", "2", "--json", "run.json")
        result = suite(serve(through).name, *chosen, *options)
    finally:
        server.stop()
    assert result.returncode == Exit.CONFORMANT, result.stdout
    report = json.loads((tmp_path / "run.json").read_text(encoding="utf-8"))
    assert report["round_trip"] > 2 * HALF_WAY
    assert {case["status"] for case in report["cases"]} <= {"passed", "not judged"}
    assert report["counts"]["passed"] >= 10


def test_time_limits_grow_with_the_round_trip() -> None:
    near, far = Target("x", 1, round_trip=0.001), Target("x", 1, round_trip=0.5)
    assert near.patience == PATIENCE < far.patience
    assert near.slack < far.slack
    for _ in range(50):
        near.note_timeout()
        far.note_timeout()
    assert near.patience < 1
    assert far.patience > 20


def test_a_server_without_login_costs_little(serve, suite, step_1, tmp_path: Path) -> None:
    """It takes LOGIN and says nothing: what needs a login is blocked, and not waited for."""

    def mute(connection: socket.socket) -> None:
        ours, theirs = socket.socketpair()
        with ours, theirs:
            thread = threading.Thread(target=step_1, args=(theirs,))
            thread.start()
            decoder = Decoder(65_535)
            with contextlib.suppress(PeerError, OSError):
                while data := connection.recv(65_536):
                    decoder.feed(data)
                    for raw in decoder:
                        message = decode(raw.type, raw.body)
                        if not isinstance(message, Login):
                            ours.sendall(encode(message, raw.ref))
                            connection.sendall(ours.recv(65_536))
            ours.shutdown(socket.SHUT_RDWR)
            thread.join()

    began = time.monotonic()
    result = suite(
        serve(mute).name, "--select", "lobby", "--select", "direct", "--select", "login/ready", "--json", "j"
    )
    assert result.returncode == Exit.NOT_CONFORMANT
    assert time.monotonic() - began < 60
    report = json.loads((tmp_path / "j").read_text(encoding="utf-8"))
    by_id = {case["id"]: case for case in report["cases"]}
    assert by_id["login/ready"]["status"] == "failed"
    assert by_id["direct/both-hear"]["blocked_by"] == "login/ready"
    assert report["counts"]["blocked"] > 100 * report["counts"]["failed"]
    assert "by login/ready: " in result.stdout
    assert "Build this next" in result.stdout


@pytest.mark.skipif(os.name == "nt", reason="there is no SIGINT for another process")
def test_an_interrupted_run_leaves_its_reports(serve, step_1, tmp_path: Path) -> None:
    reached = threading.Event()
    seen = []

    def stops_answering(connection: socket.socket) -> None:
        seen.append(connection)
        if len(seen) < 12:
            return step_1(connection)
        reached.set()
        while connection.recv(65_536):
            pass
        return None

    words = (sys.executable, "-m", "causerie_conformance", serve(stops_answering).name, "--select", "hello")
    process = subprocess.Popen(
        [*words, "--json", "run.json", "--junit", "run.xml"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=tmp_path,
    )
    try:
        assert reached.wait(60)
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == Exit.INTERRUPTED, out
    assert "Traceback" not in out
    assert "interrupted: the rest was not run" in out
    report = json.loads((tmp_path / "run.json").read_text(encoding="utf-8"))
    assert report["interrupted"] is True
    assert {case["status"] for case in report["cases"]} >= {"passed", "not run"}
    assert int(ET.parse(tmp_path / "run.xml").getroot().get("errors", "0")) > 10


def test_a_failure_that_comes_and_goes_is_called_flaky(serve, suite, step_1, tmp_path: Path) -> None:
    pings = []

    def forgetful(connection: socket.socket) -> None:
        """The first PING with that token is answered with another."""
        decoder = Decoder(65_535)
        ours, theirs = socket.socketpair()
        with ours, theirs:
            thread = threading.Thread(target=step_1, args=(theirs,))
            thread.start()
            while data := connection.recv(65_536):
                decoder.feed(data)
                for raw in decoder:
                    message = decode(raw.type, raw.body)
                    if message == Ping(1):
                        pings.append(raw)
                    if message == Ping(1) and len(pings) == 1:
                        connection.sendall(encode(Pong(2), raw.ref))
                    else:
                        ours.sendall(encode(message, raw.ref))
                        connection.sendall(ours.recv(65_536))
            ours.shutdown(socket.SHUT_RDWR)
            thread.join()

    result = suite(serve(forgetful).name, "--select", "hello/ping", "--json", "run.json")
    assert result.returncode == Exit.NOT_CONFORMANT
    assert "FAIL hello/ping-1: PING is answered PONG with the same token: 1  [flaky (failed 1 of 3)]" in result.stdout
    report = json.loads((tmp_path / "run.json").read_text(encoding="utf-8"))
    assert [case["tries"] for case in report["cases"] if case["status"] == "failed"] == [{"ran": 3, "failed": 1}]
    pings.clear()
    assert "[flaky" not in suite(serve(forgetful).name, "--select", "hello/ping", "--reruns", "0").stdout


@pytest.mark.parametrize("text", ["-1", "100", "many"])
def test_reruns_is_a_small_number(suite, text) -> None:
    result = suite("x:1", "--reruns", text)
    assert result.returncode == Exit.USAGE
    assert "--reruns" in result.stderr
