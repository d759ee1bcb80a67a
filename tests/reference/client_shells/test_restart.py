"""`causerie-chat` and a server that dies and comes back: what was missed is shown, in order and once."""

import contextlib
import queue
import re
import socket
import subprocess
import sys
import threading

import pytest

LIMIT = 30.0


class Door:
    """A port that stays the same while the server behind it dies and comes back elsewhere."""

    def __init__(self):
        self.behind = None
        self.sockets = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self.listener.getsockname()[1]}"
        self.thread = threading.Thread(target=self._serve)
        self.thread.start()

    def _serve(self):
        pumps = []
        while True:
            here, _ = self.listener.accept()
            if self.behind is None:
                here.close()
                break
            self.sockets.append(here)
            try:
                there = socket.create_connection(self.behind)
            except OSError:
                here.close()
                continue
            self.sockets.append(there)
            for one, other in ((here, there), (there, here)):
                pumps.append(threading.Thread(target=self._pump, args=(one, other)))
                pumps[-1].start()
        for pump in pumps:
            pump.join(LIMIT)

    @staticmethod
    def _pump(one, other):
        with contextlib.suppress(OSError):
            while data := one.recv(65_536):
                other.sendall(data)
        for sock in (one, other):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    def close(self):
        self.behind = None
        for sock in self.sockets:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        socket.create_connection(self.listener.getsockname()).close()
        self.thread.join(LIMIT)
        for sock in (*self.sockets, self.listener):
            sock.close()


@pytest.fixture
def door():
    made = Door()
    yield made
    made.close()


@pytest.fixture(params=["asyncio", "threaded"])
def serve(request, tmp_path):
    """Starts a server with the same file each time; returns its process and its (host, port)."""
    running = []

    def start(*options):
        command = [sys.executable, "-m", "causerie.server", "--port", "0", "--engine", request.param, *options]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        running.append(process)
        lines = queue.Queue()
        threading.Thread(target=lambda: lines.put(process.stdout.readline()), daemon=True).start()
        found = re.search(r"127\.0\.0\.1:(\d+) ", lines.get(timeout=LIMIT))
        return process, ("127.0.0.1", int(found[1]))

    yield start
    for process in running:
        process.kill()
        process.wait(LIMIT)
        process.stdout.close()


def lines_until(process, last):
    """What the console prints, without times, up to that line."""
    found = []
    while not found or found[-1] != last:
        line = process.stdout.readline()
        assert line, found
        found.append(line.rstrip("\n")[9:])
    return found


def type_in(process, text):
    process.stdin.write(text)
    process.stdin.flush()


@pytest.mark.once
def test_what_was_missed_is_shown_in_order_and_once(serve, door, chat, tmp_path):  # [CLIENT-6] [CLIENT-9] [CLIENT-10]
    data = ("--data", str(tmp_path / "server.db"))
    process, door.behind = serve(*data)
    alice = chat(door.address, "--handle", "alice")
    type_in(alice, "/join #ops\n/msg #ops first\n")
    lines_until(alice, "#ops alice: first")

    process.kill()  # no code of the server runs any more
    _, address = serve(*data)
    bob = chat("{}:{}".format(*address), "--handle", "bob")
    said = "/join #ops\n/msg #ops one\n/msg #ops two\n/msg @alice psst\nhello\n/leave #ops\n"
    bob.communicate(said + "quit\n", timeout=LIMIT)
    assert bob.returncode == 0
    type_in(alice, "/msg #ops mine\n")  # alice is away, and it waits
    door.behind = address
    shown = lines_until(alice, "#ops alice: mine")
    type_in(alice, "last\n")
    shown += lines_until(alice, "alice: last")
    assert [line for line in shown if line.startswith("#ops")] == [
        "#ops * bob joined #ops", "#ops bob: one", "#ops bob: two", "#ops * bob left #ops", "#ops alice: mine"
    ]  # fmt: skip
    others = [line for line in shown if not line.startswith("#ops")]  # there is no order across conversations
    assert sorted(others[:-1]) == ["bob → you: psst", "bob: hello"]
    out, err = alice.communicate("quit\n", timeout=LIMIT)
    assert (alice.returncode, out) == (0, "")
    assert "-- back at" in err
    assert "missed" not in err
    assert "restarted" not in err


@pytest.mark.once
def test_a_server_that_forgot_is_told(serve, door, chat):  # [CLIENT-9] [CLIENT-10]
    process, door.behind = serve("--memory")
    alice = chat(door.address, "--handle", "alice")
    type_in(alice, "before\n")
    lines_until(alice, "alice: before")
    process.kill()
    _, door.behind = serve("--memory")
    type_in(alice, "after\n")
    assert lines_until(alice, "alice: after") == ["alice: after"]
    out, err = alice.communicate("quit\n", timeout=LIMIT)
    assert (alice.returncode, out) == (0, "")
    assert "(the server was restarted meanwhile)" in err
