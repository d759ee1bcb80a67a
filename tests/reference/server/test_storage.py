"""Where a server keeps messages: the options, sudden death, and the thread that commits."""

import argparse
import random
import threading

import pytest

from causerie.core.hub import CAPABILITIES, Hub
from causerie.server import cli, pump, storage
from causerie.store.archive import Keep
from causerie.store.memory import MemoryStore
from causerie_spec.codec import encode
from causerie_spec.messages import Ack, ChatMessage, Conversations, Hello, History, Login, Ping, Send


def parse(*arguments):
    options = argparse.ArgumentParser()
    storage.add_options(options)
    return options.parse_args(arguments)


def test_the_default_is_a_file_of_the_users():
    options = parse()
    assert (options.data, options.memory, options.sync) == (storage.default_file(), False, "full")
    assert options.data.name == "server.db"


def kept(*arguments):
    store = storage.open_store(parse("--memory", *arguments), lambda: 0)
    return store.archive._keep


def test_how_much_is_kept():
    assert kept() == Keep(count=10_000)
    assert kept("--keep", "30d") == Keep(days=30)
    assert kept("--keep", "30d", "--keep", "500") == Keep(days=30, count=500)


@pytest.mark.parametrize("text", ["0", "0d", "-1", "1w", "", "1.5d", "١"])
def test_keep_is_explained(capsys, text):
    with pytest.raises(SystemExit):
        cli.main([f"--keep={text}"])
    assert "is neither a number of days, such as 30d, nor of messages, such as 1000" in capsys.readouterr().err


def test_a_file_that_cannot_be_used_is_explained(capsys, tmp_path):
    (tmp_path / "notes").write_text("my notes " * 100)
    assert cli.main(["--port", "0", "--data", str(tmp_path / "notes")]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("causerie-server: ")
    assert err.count("\n") == 1
    assert (tmp_path / "notes").read_text() == "my notes " * 100


def answer_to(client, message, ref=9):
    """The frames of one streamed answer, without its END."""
    client.send((message, ref))
    items = []
    while (got := client.receive())[0].NAME != "END":
        if got[1] == ref:
            items.append(got[0])
    return items


def test_what_was_acknowledged_is_there_after_kill_9(start, tmp_path):
    data = ("--data", str(tmp_path / "server.db"))
    server = start(*data)
    assert server.line.endswith(", sqlite)")
    alice = server.login("alice")
    alice.send(*[(Send("#lobby", txn, 0, f"text {txn}"), txn) for txn in range(1, 1_001)])
    acked = {}
    while len(acked) < 300:
        message, ref = alice.receive()
        if isinstance(message, Ack):
            acked[ref] = message
    server.process.kill()
    server.wait()
    server = start(*data)
    alice = server.login("alice")
    (lobby,) = answer_to(alice, Conversations("", 9))
    there = {}
    while len(there) < lobby.head:
        there |= {item.seq: item for item in answer_to(alice, History("#lobby", 0, len(there), 256))}
    for ref, ack in acked.items():
        assert (there[ack.seq].txn, there[ack.seq].timestamp) == (ref, ack.timestamp)
    assert [there[seq].txn for seq in sorted(there)] == list(range(1, lobby.head + 1))


@pytest.mark.once
def test_a_shutdown_loses_nothing(start, tmp_path):
    data = ("--data", str(tmp_path / "server.db"))
    server = start(*data)
    alice = server.login("alice")
    alice.send(*[(Send("#lobby", txn, 0, "x"), txn) for txn in range(1, 201)])
    first = alice.receive()
    server.process.terminate()
    got = [first, *alice.rest()]
    assert server.wait() == 0
    acked = [ref for message, ref in got if isinstance(message, Ack)]
    assert got[-1][0].NAME == "BYE"
    (lobby,) = answer_to(start(*data).login("alice"), Conversations("", 9))
    assert lobby.head == len(acked)
    assert "Traceback" not in server.log


class SlowStore(MemoryStore):
    """A store whose commits take as long as a test wants."""

    capabilities = frozenset({"history", "durable"})

    def __init__(self):
        super().__init__(lambda: 0, 1)
        self.capabilities = SlowStore.capabilities
        self.batches = []
        self.threads = set()
        self.may_commit = threading.Semaphore(0)
        self.fails = False

    def commit(self, operations):
        self.threads.add(threading.current_thread().name)
        self.batches.append(len(operations))
        assert self.may_commit.acquire(timeout=30)
        if self.fails:
            raise OSError("no space left on device")
        return super().commit(operations)


@pytest.fixture
def slow():
    return SlowStore()


@pytest.fixture
def driven(slow):
    """A hub, a connection, and a function that has turns until the store has answered once more."""

    hub = Hub(
        wall_ms=lambda: 0, epoch=1, rng=random.Random(1), secret=b"", capabilities=CAPABILITIES | slow.capabilities
    )
    woken = threading.Semaphore(0)
    driver = pump.make(hub, slow, woken.release)
    connection = hub.connect(0.0, "192.0.2.1:1")

    def answered():
        slow.may_commit.release()
        assert woken.acquire(timeout=30)
        while driver.turn(0.0):
            pass

    connection.receive_data(0.0, encode(Hello(b"CAUS", 1, 1, 0, "", ()), 1))
    connection.receive_data(0.0, encode(Login("TOKEN", "alice", "A", b"x" * 32), 2))
    driver.turn(0.0)
    answered()
    yield driver, connection, answered
    slow.may_commit.release(100)
    driver.close()


def send(connection, *txns):
    connection.receive_data(0.0, b"".join(encode(Send("#lobby", txn, 0, "x"), txn) for txn in txns))


def test_what_comes_while_one_commit_runs_goes_into_the_next(slow, driven):
    driver, connection, answered = driven
    slow.batches.clear()
    connection.take()
    connection.written(0.0, connection.output.in_flight)
    send(connection, 1)
    driver.turn(0.0)
    for txn in range(2, 12):
        send(connection, txn)
        driver.turn(0.0)
    assert connection.take() == b""  # nothing is told before it is safe [SEND-2]
    answered()
    answered()
    assert slow.batches == [2, 11]  # each with its Settle
    data = connection.take()
    assert data.count(bytes([ChatMessage.TYPE])) >= 11
    assert slow.threads == {"writer"}


def test_a_disk_that_fails_is_told(slow, driven):
    driver, connection, answered = driven
    connection.take()
    connection.written(0.0, connection.output.in_flight)
    slow.fails = True
    send(connection, 1)
    connection.receive_data(0.0, encode(Ping(1), 9))
    driver.turn(0.0)
    answered()
    assert b"server" in connection.take()
    connection.written(0.0, connection.output.in_flight)
    slow.fails = False
    send(connection, 2)
    driver.turn(0.0)
    answered()
    assert connection.take()
