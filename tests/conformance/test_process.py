"""Servers that the suite starts: a place for their data, a kill, and a new start."""

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from causerie_conformance.arena import Arena
from causerie_conformance.problems import NotJudged
from causerie_conformance.process import HOST, Command, ServerFailed, ServerProcess
from causerie_conformance.target import Target

COUNTS_STARTS = """
import pathlib, socket, sys
data = pathlib.Path(sys.argv[2])
data.write_text(f"{data.read_text() if data.exists() else ''}x")
listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
while True:
    connection, _ = listener.accept()
    with connection:
        connection.sendall(str(data).encode())
"""


@pytest.fixture
def counts_starts(tmp_path: Path) -> Command:
    """A server that tells where its data is: as many x as it was started."""
    program = tmp_path / "server.py"
    program.write_text(COUNTS_STARTS)
    return Command((sys.executable, str(program), "{port}", "{data}"))


def said(port: int) -> Path:
    with socket.create_connection((HOST, port), timeout=10) as connection:
        return Path(connection.makefile("rb").read().decode())


def test_data_is_kept_from_start_to_start_and_removed_in_the_end(counts_starts: Command) -> None:
    process = ServerProcess(counts_starts)
    data = said(process.port)
    assert data.read_text() == "x"
    process.kill()
    assert process.ended is not None
    process.start()
    assert process.ended is None
    assert said(process.port) == data
    assert data.read_text() == "xx"
    process.stop()
    assert not data.parent.exists()


def test_each_server_has_a_place_of_its_own(counts_starts: Command) -> None:
    first, second = ServerProcess(counts_starts), ServerProcess(counts_starts)
    places = {said(first.port), said(second.port)}
    first.stop()
    second.stop()
    assert len(places) == 2


LEAVES_A_SERVER = """
import sys, threading
from causerie_conformance.process import Command, ServerProcess
server = ServerProcess(Command((sys.executable, sys.argv[1], "{port}", "{data}")))
threading.Thread(target=threading.Event().wait, daemon=True).start()  # a case that is still on its way
print(server.port, server.data)
"""


def test_a_run_that_ends_early_leaves_no_server(counts_starts: Command) -> None:
    command = [sys.executable, "-c", LEAVES_A_SERVER, counts_starts.argv[1]]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    port, data = done.stdout.split()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((HOST, int(port)), timeout=10)
    assert not Path(data).parent.exists()


def test_a_target_goes_where_its_server_went(counts_starts: Command) -> None:
    process = ServerProcess(counts_starts)
    target = Target(HOST, process.port, counts_starts, process)
    target.crash()
    assert target.address == (HOST, process.port)
    assert said(target.port).read_text() == "xx"
    process.stop()


def test_what_is_left_of_a_server_that_does_not_start_again(counts_starts: Command, tmp_path: Path) -> None:
    process = ServerProcess(counts_starts)
    data = said(process.port)
    process.kill()
    (tmp_path / "server.py").write_text("raise SystemExit(7)")
    with pytest.raises(ServerFailed, match="ended with status 7"):
        process.start()
    assert not data.parent.exists()


@pytest.mark.parametrize(
    ("command", "words"),
    [(None, "give it the command with --spawn"), (Command(("server", "{port}")), "put {data}")],
)
def test_what_keeps_the_suite_from_killing(command: Command | None, words: str) -> None:
    arena = Arena(Target(HOST, 1, command), guarded=False)
    with pytest.raises(NotJudged) as caught:
        arena.another_server(lasting=True)
    assert words in str(caught.value)
