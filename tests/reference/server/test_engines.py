"""Both engines over real sockets."""

import json
import signal
import socket
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest

from causerie_spec.codec import encode
from causerie_spec.codes import CLOSING_TIMEOUT, ByeCode
from causerie_spec.messages import Ack, ChatMessage, Conversations, Hello, Ping, Quit, Send

B = ByeCode
HELLO = Hello(b"CAUS", 1, 1, 0, "", ())
posix = pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")


def test_it_says_where_it_listens(server, engine):
    host, port = server.addresses[0]
    assert host == "127.0.0.1"
    assert server.line == f"causerie-server: listening on 127.0.0.1:{port} ({engine}, memory)"


def test_a_session(server):
    alice, bob = server.login("alice"), server.login("bob")
    alice.send((Send("@bob", 5, 0, "hi"), 3), (Quit(""), 4))
    message, _ = bob.receive()
    assert (message.conversation, message.seq, message.sender, message.txn, message.text) == (
        "@alice",
        1,
        "alice",
        5,
        "hi",
    )
    names = [m.NAME for m, _ in alice.rest()]
    assert names == ["MESSAGE", "ACK", "BYE"]
    assert bob.ping() == []
    assert "login peer=" in server.log


def test_every_octet_alone(server):
    client = server.connect()
    for octet in encode(HELLO, 1) + encode(Ping(5), 2):
        client.send(bytes([octet]))
    assert [client.receive()[1] for _ in range(2)] == [1, 2]


@posix
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_a_signal_tells_everybody_and_ends_with_status_0(server, number):
    clients = [server.connect(), server.connect(), server.login("alice"), server.login("bob")]
    clients[1].send((HELLO, 1))
    clients[1].receive()
    clients[0].send(b"\0\0")
    clients[2].ping()
    server.signal(number)
    for client in clients:
        ((bye, ref),) = client.rest()
        assert (bye.code, ref) == (B.SHUTDOWN, 0)
        client.close()
    assert server.wait() == 0
    assert "stopped" in server.log
    assert "Traceback" not in server.log


@posix
def test_a_signal_ends_an_empty_server(server):
    server.signal(signal.SIGTERM)
    assert server.wait(5) == 0


@posix
def test_a_second_signal_ends_it_at_once(server):
    client = server.login("alice")
    server.signal(signal.SIGTERM)
    assert client.receive()[0].code == B.SHUTDOWN
    before = time.monotonic()
    server.signal(signal.SIGINT)
    assert server.wait() == 130
    assert time.monotonic() - before < 3
    assert "Traceback" not in server.log


@posix
def test_a_connection_in_the_backlog_is_told_too(server):
    server.login("alice").ping()
    server.signal(signal.SIGSTOP)
    waiting = [server.connect() for _ in range(3)]
    server.signal(signal.SIGTERM)
    server.signal(signal.SIGCONT)
    for client in [*server.clients[:1], *waiting]:
        assert client.receive()[0].code == B.SHUTDOWN
        client.close()
    assert server.wait() == 0
    assert "Traceback" not in server.log


@pytest.mark.uncounted  # it would tell how slow coverage is
@posix
def test_shutdown_ends_in_time_with_unread_output(server):
    stubborn = server.login("alice", receive_buffer=4_096)
    stubborn.send_while_taken(encode(Ping(1), 1) * 1_000_000)
    before = time.monotonic()
    server.signal(signal.SIGTERM)
    assert server.wait() == 0
    assert time.monotonic() - before < CLOSING_TIMEOUT + 10  # the suite is stricter; this machine may be busy
    assert "Traceback" not in server.log


def test_a_half_closed_client_gets_its_answers(server):
    client = server.login("alice")
    bob = server.login("bob")
    client.send(*[(Send("#lobby", n, 0, "x"), n) for n in range(1, 501)], b"\0\0\0")
    client.socket.shutdown(socket.SHUT_WR)
    got = client.rest()
    assert [ref for message, ref in got if isinstance(message, Ack)] == list(range(1, 501))
    assert not [message for message, _ in got if message.NAME == "BYE"]
    bob.send((Conversations("", 1), 9))
    while (got := bob.receive())[1] != 9:
        pass
    assert (got[0].conversation, got[0].members) == ("#lobby", 1)


def test_a_reset_in_the_middle_harms_nobody(server):
    bob = server.login("bob")
    for n in range(20):
        client = server.login(f"h{n}")
        client.send(encode(Ping(1), 1) * 1_000, b"\0\0\0\1\4"[: n % 6])
        client.reset()
        bob.ping()
    server.until(lambda: server.log.count("logout") == 20)
    assert "Traceback" not in server.log
    assert "ERROR" not in server.log


def test_bye_is_not_lost_to_a_reset(server):
    # The client goes on sending behind QUIT, and reads only then.
    client = server.login("alice")
    client.send((Quit(""), 3))
    client.send(bytes(500_000))
    ((bye, ref),) = client.rest()
    assert (bye.code, ref) == (B.NORMAL, 3)
    client.send(bytes(1_000))
    client.close()


def test_who_does_not_stop_sending_is_closed(server):
    client = server.login("alice")
    client.send((Quit(""), 3))
    assert client.receive()[0].code == B.NORMAL
    with pytest.raises(ConnectionError):
        client.send(bytes(50_000_000))


@pytest.mark.once
def test_a_sender_that_does_not_read_is_slowed_then_answered_in_order(server):
    count = 20_000
    client, other = server.login("alice", receive_buffer=65_536), server.login("bob")
    data = b"".join(encode(Send("@alice", n, 0, "x" * 1_000), n) for n in range(1, count + 1))
    rest = client.send_while_taken(data)
    assert rest, "the server read on and on"
    assert other.ping() == []
    thread = client.send_aside(rest, fin=True)
    answers = [(message, ref) for message, ref in client.rest() if ref]  # to the last, though the end was seen before
    assert [ref for _, ref in answers] == list(range(1, count + 1))
    assert all(message.seq == ref for message, ref in answers)
    thread.join()
    other.ping()


def test_a_slow_reader_is_cut_off_and_nobody_waits(server):
    fast, slow, other = server.login("alice"), server.login("slow", receive_buffer=4_096), server.login("bob")
    sent = 0
    while "SLOW_CONSUMER" not in server.log:
        assert sent < 20_000
        for _ in range(20):
            sent += 1
            fast.say("x" * 16_000, txn=sent)
        seqs = seqs_of(fast.ping())
        assert seqs == list(range(sent - 19, sent + 1))
        assert seqs_of(other.ping()) == seqs
    got = []
    with suppress(OSError):  # a bare close conforms
        while (item := slow.receive()) is not None:
            got.append(item[0])
    seqs = seqs_of(got)
    assert seqs == list(range(1, len(seqs) + 1))
    assert [message.NAME for message in got[len(seqs) :]] in ([], ["BYE"])
    fast.ping()


def seqs_of(messages):
    return [message.seq for message in messages if isinstance(message, ChatMessage)]


def test_many_fast_senders_do_not_cut_off_a_reader_who_reads(server):
    reader = server.login("reader")
    senders = [server.login(f"s{n}") for n in range(10)]
    threads = [
        sender.send_aside(b"".join(encode(Send("#lobby", n, 0, "x" * 16_000), 9) for n in range(1, 41)))
        for sender in senders
    ]
    drains = [threading.Thread(target=drain, args=(sender, 40)) for sender in senders]
    for thread in drains:
        thread.start()
    assert [reader.receive()[0].seq for _ in range(400)] == list(range(1, 401))
    for thread in [*threads, *drains]:
        thread.join()


def drain(client, acks):
    while acks:
        acks -= isinstance(client.receive()[0], Ack)


def test_the_connection_over_the_limit(start):
    server = start("--max-connections", "64")
    clients = [server.connect() for _ in range(64)]
    clients[0].login("alice")
    clients[63].login("bob")
    for _ in range(3):
        ((bye, ref),) = server.connect().rest()
        assert (bye.code, ref) == (B.TOO_MANY_CONNECTIONS, 0)
    clients[0].ping()
    clients[30].send((HELLO, 1))
    assert clients[30].receive()[1] == 1
    clients[63].send((Quit(""), 1))
    clients[63].rest()
    clients[63].close()
    server.until(lambda: is_let_in(server))
    clients[0].ping()


def is_let_in(server):
    client = server.connect()
    client.send((HELLO, 1))
    return client.receive()[0].NAME == "WELCOME"


def test_login_has_its_time(start):
    server = start("--handshake-timeout", "0.3")
    silent, in_time = server.connect(), server.login("alice")
    before = time.monotonic()
    ((bye, ref),) = silent.rest()
    assert (bye.code, ref) == (B.HANDSHAKE_TIMEOUT, 0)
    assert time.monotonic() - before < 5
    in_time.ping()


def test_idle(server):
    client, other = server.login("alice", keepalive=1), server.login("bob")
    before = time.monotonic()
    ((bye, ref),) = client.rest()
    assert (bye.code, ref) == (B.IDLE, 0)
    assert 1.3 < time.monotonic() - before < 4
    other.ping()


def test_ipv6(start):
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        pytest.skip("no IPv6 here")
    server = start("--host", "::1")
    assert "listening on [::1]:" in server.line
    assert server.login("alice").ping() == []
    assert "peer=[::1]:" in server.log


@pytest.mark.parametrize("host", ["localhost", ""])
def test_every_address_of_a_host(start, host):
    server = start("--host", host)
    ports = {port for _, port in server.addresses}
    assert len(ports) == 1
    for address, port in server.addresses:
        client = type(server.connect())(({"0.0.0.0": "127.0.0.1", "::": "::1"}.get(address, address), port))
        server.clients.append(client)
        client.login("alice")
        client.ping()


@linux
def test_connections_that_come_and_go_leave_nothing_behind(server):
    def size():
        proc = Path(f"/proc/{server.process.pid}")
        return len(list((proc / "fd").iterdir())), len(list((proc / "task").iterdir()))

    server.login("alice").ping()
    before = size()
    for n in range(150):
        client = server.login(f"h{n}") if n % 3 else server.connect()
        if n % 2:
            client.reset()
        else:
            client.send((Ping(1), 1))
            client.close()
    server.until(lambda: size() == before)
    server.clients[0].ping()


def is_closed(sock):
    try:
        return not sock.recv(1)
    except BlockingIOError:
        return False


@linux
def test_a_server_without_descriptors_serves_on(start):
    import resource

    server = start(preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (32, 32)))
    first = server.login("alice")
    crowd = [server.connect() for _ in range(40)]
    crowd[-1].socket.setblocking(False)
    server.until(lambda: "accept" in server.log or is_closed(crowd[-1].socket))  # uvloop closes them without a word
    first.ping()
    for client in crowd:
        client.close()
    server.until(lambda: logs_in(server, "bob"))  # uvloop still closes those who come too early
    first.ping()


def logs_in(server, handle):
    try:
        server.login(handle).ping()
    except ConnectionError:
        return False
    return True


FAILING = """
import sys
from causerie.core import hub
from causerie.server.cli import main
from causerie.store.memory import MemoryStore

def fail(*_):
    raise RuntimeError("a bug\\nof \\x1b[31mours")

commit = MemoryStore.commit

def fail_at_times(self, operations):
    if any(getattr(operation, "text", "") == "fail" for operation in operations):
        fail()
    return commit(self, operations)

hub.Hub.handlers = {**hub.HANDLERS, "PING": fail}
MemoryStore.commit = fail_at_times
sys.exit(main())
"""


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_bug_ends_one_connection_and_is_logged(start, form):
    server = start("--log-format", form, code=FAILING)
    alice, bob = server.login("alice"), server.login("bob")
    alice.send((Ping(1), 3), (Ping(1), 4))
    ((bye, _),) = alice.rest()
    assert bye.code == B.SERVER_FAILURE
    bob.say("fail")
    error, ref = bob.receive()
    assert (error.NAME, error.code, ref) == ("ERROR", 13, 8)
    bob.say("works")
    assert [bob.receive()[0].NAME for _ in range(2)] == ["MESSAGE", "ACK"]
    assert "Traceback" in server.log
    assert "RuntimeError: a bug" in server.log
    assert "\x1b" not in server.log
    assert server.login("carol")


def test_debug_logs_say_more(start):
    server = start("--log-level", "debug", "--log-format", "json")
    client = server.login("alice")
    client.send((Quit(""), 3))
    client.rest()
    events = [json.loads(line) for line in server.log.splitlines()]
    mine = [event for event in events if event.get("peer") == client.name]
    assert [event["event"] for event in mine] == ["accept", "login", "logout", "bye"]
    assert mine[-1]["code"] == "NORMAL"
    assert mine[1]["handle"] == "alice"
