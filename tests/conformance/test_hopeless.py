"""Servers that are beyond judging get a clear report and an exit status: no traceback, no hang."""

import json
import socket
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from causerie_conformance.results import Exit

pytestmark = pytest.mark.uncounted


def silent(connection: socket.socket) -> None:
    while connection.recv(65_536):
        pass


def closes_at_once(connection: socket.socket) -> None:
    connection.close()


def closes_after_hello(connection: socket.socket) -> None:
    connection.recv(65_536)


def resets(connection: socket.socket) -> None:
    connection.recv(1)  # what is left unread makes closing a reset


def http_patient(connection: socket.socket) -> None:
    data = b""
    while b"\r\n\r\n" not in data:
        if not (piece := connection.recv(65_536)):
            return
        data += piece
    connection.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")


def http_at_once(connection: socket.socket) -> None:
    connection.recv(65_536)
    connection.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
    silent(connection)


def greets_in_lines(connection: socket.socket) -> None:
    connection.sendall(b"220 mail.example.org ESMTP\r\n")
    silent(connection)


HOPELESS = {
    "silent": (silent, "does not answer HELLO: nothing for 5.0 s"),
    "closes-at-once": (closes_at_once, "answered HELLO with"),
    "closes-after-hello": (closes_after_hello, "answered HELLO with the end of the stream (FIN)"),
    "resets": (resets, "answered HELLO with a reset (RST)"),
    "http-patient": (http_patient, "b'HTTP/1.1 400 Bad"),
    "http-at-once": (http_at_once, "does not speak Causerie: octets that are no frame: b'HTTP/1.1 400 Bad"),
    "greets-in-lines": (greets_in_lines, "does not speak Causerie: octets that are no frame: b'220 mail"),
}


LOOKS_LIKE = {
    "http-patient": "looks like an HTTP server (or a WebSocket one) answers at this address.",
    "http-at-once": "looks like an HTTP server (or a WebSocket one) answers at this address.",
    "greets-in-lines": "looks like the server speaks lines of text ('220 mail.example.org ESMTP').",
}
"""What is recognised at the gate; the others look like nothing known."""


@pytest.mark.uncounted
@pytest.mark.parametrize("name", HOPELESS)
def test_a_server_that_does_not_speak_causerie(name, serve, suite, tmp_path: Path) -> None:
    handler, words = HOPELESS[name]
    server = serve(handler)
    result = suite(server.name, "--json", "run.json", "--junit", "run.xml")
    assert result.returncode == Exit.NOT_CONFORMANT
    assert words in " ".join(result.stdout.split())
    assert "HELLO-3" in result.stdout
    assert "stopped:" in result.stdout
    assert ("looks like" in result.stdout) is (name in LOOKS_LIKE)
    assert LOOKS_LIKE.get(name, "") in " ".join(result.stdout.split())
    report = json.loads((tmp_path / "run.json").read_text())
    assert report["exit_status"] == 1
    assert words in report["stopped"]
    statuses = {case["status"] for case in report["cases"]}
    assert statuses == {"failed", "not run"}
    root = ET.parse(tmp_path / "run.xml").getroot()
    assert root.get("failures") == "1"


def test_nobody_listens(suite, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    result = suite(f"127.0.0.1:{port}", "--json", "run.json", "--junit", "run.xml")
    assert result.returncode == Exit.UNREACHABLE
    assert f"no connection to 127.0.0.1:{port}" in result.stdout
    report = json.loads((tmp_path / "run.json").read_text())
    assert {case["status"] for case in report["cases"]} == {"not run"}
    assert int(ET.parse(tmp_path / "run.xml").getroot().get("errors", "0")) == len(report["cases"])


def test_a_name_that_does_not_resolve(suite) -> None:
    result = suite("no-such-host.invalid:5000")
    assert result.returncode == Exit.UNREACHABLE
    assert "no connection to no-such-host.invalid:5000" in result.stdout


def test_a_server_that_crashes_midway(serve, suite, step_1, tmp_path: Path) -> None:
    connections = []

    def crashes(connection: socket.socket) -> None:
        connections.append(connection)
        if len(connections) == 30:
            server.die()
        step_1(connection)

    server = serve(crashes)
    result = suite(server.name, "--json", "run.json", "--junit", "run.xml", "--exclude", "keepalive")
    assert result.returncode == Exit.UNREACHABLE
    assert "stopped: the server " in result.stdout
    assert ", during or after hello/" in result.stdout
    report = json.loads((tmp_path / "run.json").read_text())
    statuses = [case["status"] for case in report["cases"]]
    assert statuses.count("passed") > 3
    assert statuses.count("not run") > 300
    assert ET.parse(tmp_path / "run.xml").getroot().get("errors") == str(statuses.count("not run"))


@pytest.mark.uncounted
def test_a_server_that_falls_silent_midway(serve, suite, step_1) -> None:
    connections = []

    def tires(connection: socket.socket) -> None:
        connections.append(connection)
        (step_1 if len(connections) < 12 else silent)(connection)

    result = suite(serve(tires).name, "--upto", "hello")
    assert result.returncode == Exit.UNREACHABLE
    assert "the server does not answer HELLO any more" in result.stdout


def test_a_process_that_crashes_midway_is_quoted(suite, tmp_path: Path) -> None:
    program = tmp_path / "server.py"
    program.write_text(
        "import socket, sys\n"
        "with socket.create_server(('127.0.0.1', int(sys.argv[1]))) as listener:\n"
        "    for _ in range(3):\n"
        "        listener.accept()[0].recv(100)\n"
        "sys.exit('out of cheese')\n"
    )
    result = suite("--spawn", f"{_python()} {program} {{port}}", "--select", "hello")
    assert result.returncode in (Exit.NOT_CONFORMANT, Exit.UNREACHABLE)
    assert "stopped:" in result.stdout


def _python() -> str:
    import shlex
    import sys

    return shlex.quote(sys.executable)


def test_a_server_that_never_listens(suite) -> None:
    result = suite("--spawn", f"{_python()} -c 'raise SystemExit(\"no licence\")' {{port}}")
    assert result.returncode == Exit.UNREACHABLE
    assert "ended with status 1 before it was ready" in result.stderr
    assert "no licence" in result.stderr


def test_a_command_that_does_not_exist(suite) -> None:
    result = suite("--spawn", "no-such-command-anywhere {port}")
    assert result.returncode == Exit.UNREACHABLE
    assert "cannot start 'no-such-command-anywhere'" in result.stderr
