"""The network runner: a thread, a socket, and a client core."""

import random
import socket
import threading

import pytest

from causerie.client import dialer as dialing
from causerie.client import runner as running
from causerie.client.address import Address
from causerie.client.runner import NetworkRunner
from causerie.core.client import (
    Cause,
    Client,
    Disconnected,
    Identity,
    LoggedIn,
    MessageShown,
    MessageState,
    NotSendable,
    SendState,
    Stopped,
)
from causerie_spec.codec import encode
from causerie_spec.messages import Bye, ChatMessage, Send

LIMIT = 20.0


class Tap:
    """A runner, and what it tells."""

    def __init__(self, address, **options):
        self.client = Client(Identity("alice", "Alice", b"t" * 32), random.Random(1), **options)
        self.notified = threading.Semaphore(0)
        self.runner = NetworkRunner(self.client, address, notify=self.notified.release)
        self.runner.start()

    def until(self, kind):
        """The events up to the first of that kind, and that one."""
        while True:
            event = self.runner.events.get(timeout=LIMIT)
            if isinstance(event, kind):
                return event
            assert not isinstance(event, Stopped), event

    def finish(self):
        stopped = self.until(Stopped)
        assert self.runner.join(LIMIT)
        return stopped


@pytest.fixture
def tap():
    taps = []

    def make(address, **options):
        taps.append(Tap(address, **options))
        return taps[-1]

    yield make
    for made in taps:
        made.runner.abandon()
        assert made.runner.join(LIMIT)


def test_chat_and_leave(server, tap):
    tapped = tap(server.address)
    peer = server.accept()
    login = peer.log_in()
    assert (login.handle, login.payload) == ("alice", b"t" * 32)
    tapped.until(LoggedIn)
    assert tapped.notified.acquire(timeout=LIMIT)
    tapped.runner.send("#lobby", "hi")
    assert peer.take("alice").text == "hi"
    assert tapped.until(MessageShown).text == "hi"
    tapped.runner.leave()
    peer.part()
    assert tapped.finish().ending.cause is Cause.QUIT
    tapped.runner.send("#lobby", "too late")  # nothing happens


def test_octets_one_by_one(server, tap):
    tapped = tap(server.address)
    peer = server.accept()
    peer.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    peer.log_in()
    for octet in encode(ChatMessage("#lobby", 1, 1, "bob", 1, 0, "slowly")):
        peer.sock.sendall(bytes([octet]))
    assert tapped.until(MessageShown).text == "slowly"


@pytest.mark.parametrize("how", ["close", "reset"])
def test_it_comes_back(server, tap, how):
    tapped = tap(server.address)
    peer = server.accept()
    peer.log_in()
    tapped.until(LoggedIn)
    getattr(peer, how)()
    assert tapped.until(Disconnected).ending.cause is {"close": Cause.END_OF_STREAM, "reset": Cause.LOST}[how]
    tapped.runner.send("#lobby", "written while away")
    peer = server.accept()
    peer.log_in()
    assert tapped.until(LoggedIn).again
    assert peer.take("alice").text == "written while away"


def test_a_bye_is_heard_although_the_socket_takes_nothing_more(server, tap):
    tapped = tap(server.address)
    peer = server.accept()
    peer.log_in()
    tapped.until(LoggedIn)
    peer.send(Bye(102, 0, "what was that?"))
    peer.close()
    for _ in range(50):
        tapped.runner.send("#lobby", "x" * 10_000)
    assert tapped.finish().ending.code == 102


def test_nobody_listens(nobody, tap):
    assert tap(nobody).finish().ending.cause is Cause.NOBODY_LISTENS


def test_an_unknown_host(tap, monkeypatch):
    def fail(*_):
        raise socket.gaierror(socket.EAI_NONAME, "no such name")

    monkeypatch.setattr(running, "look_up", fail)
    stopped = tap(Address("nowhere.invalid", 5000)).finish()
    assert (stopped.ending.cause, stopped.ending.detail) == (Cause.UNKNOWN_HOST, "no such name")


def test_a_host_name_that_cannot_be():
    with pytest.raises(OSError, match="label"):
        dialing.look_up("a" * 300, 5000)


def test_all_addresses_are_tried(server, nobody, tap, monkeypatch):
    addresses = [
        *dialing.look_up(nobody.host, nobody.port),
        (12345, socket.SOCK_STREAM, 0, "", ("x", 1)),  # a family that this machine does not have
        *dialing.look_up(server.address.host, server.address.port),
    ]
    monkeypatch.setattr(running, "look_up", lambda *_: addresses)
    tapped = tap(server.address)
    server.accept().log_in()
    tapped.until(LoggedIn)


def test_an_address_that_does_not_answer_has_a_limit():
    listener = socket.create_server(("127.0.0.1", 0), backlog=0)
    held = []
    try:
        port = listener.getsockname()[1]
        while True:  # fill the queue of the listener, until a connection stays pending
            dialer = dialing.Dialer(dialing.look_up("127.0.0.1", port), 0.0)
            held.append(dialer)
            assert dialer.pending is not None
            readable = threading.Event()
            dialer.pending.settimeout(0.2)
            try:
                dialer.pending.connect(("127.0.0.1", port))
            except OSError:
                break
            finally:
                dialer.pending.setblocking(False)
            del readable
            if len(held) > 50:
                pytest.skip("this system takes connections without bound")
        dialer.advance(dialing.ADDRESS_LIMIT - 0.1, ready=False)
        assert dialer.failure is None
        dialer.advance(dialing.ADDRESS_LIMIT, ready=False)
        assert dialer.failure == (Cause.CONNECT_TIMEOUT, "")
    finally:
        for dialer in held:
            dialer.close()
        listener.close()


def test_a_large_backlog_is_sent_while_reading(server, tap):  # [REQ-6]
    tapped = tap(server.address)
    peer = server.accept()
    peer.log_in()
    count = 300

    def write():
        for number in range(count):
            tapped.runner.send("#lobby", f"{number} " + "x" * 16_000)

    writer = threading.Thread(target=write)
    writer.start()
    for number in range(count):
        assert peer.take("alice").text.startswith(f"{number} ")
    writer.join(LIMIT)
    for number in range(count):
        assert tapped.until(MessageShown).text.startswith(f"{number} ")


def test_a_shell_that_does_not_look_stops_the_reading(server, tap, monkeypatch):
    monkeypatch.setattr(running, "EVENTS_LIMIT", 50)
    tapped = tap(server.address)
    peer = server.accept()
    peer.log_in()
    peer.sock.settimeout(1.0)  # what takes longer is not taken

    def flood():
        while peer.seq < 5_000:
            peer.say("x" * 16_000)

    with pytest.raises(TimeoutError):
        flood()
    waiting = tapped.runner.events.qsize()
    assert 50 <= waiting < 100
    for _ in range(waiting):
        tapped.runner.events.get(timeout=LIMIT)
    assert tapped.until(MessageShown).seq == waiting - 2  # it goes on where it was: three events were no messages


def test_a_writer_can_wait_for_room(server, tap, monkeypatch):
    monkeypatch.setattr(running, "BACKLOG_LIMIT", 3)
    tapped = tap(server.address)
    peer = server.accept()
    peer.log_in()
    done = threading.Event()

    def write():
        for number in range(10):
            tapped.runner.send("#lobby", str(number), wait=True)
        done.set()

    threading.Thread(target=write, daemon=True).start()
    for number in range(10):
        assert not done.is_set() or number >= 7
        assert peer.take("alice").text == str(number)
    assert done.wait(LIMIT)


def test_a_writer_that_waits_is_let_go_at_the_end(server, tap, monkeypatch):
    monkeypatch.setattr(running, "BACKLOG_LIMIT", 1)
    tapped = tap(server.address)
    server.accept().log_in()
    tapped.until(LoggedIn)
    tapped.runner.send("#lobby", "never acknowledged")
    done = threading.Event()

    def write():
        tapped.runner.send("#lobby", "waits", wait=True)
        done.set()

    threading.Thread(target=write, daemon=True).start()
    tapped.runner.abandon()
    assert done.wait(LIMIT)


def test_not_sendable_is_told_at_once(server, tap):
    tapped = tap(server.address)
    with pytest.raises(NotSendable):
        tapped.runner.send("lobby", "x")


def test_a_bug_in_the_thread_ends_with_stopped(server, tap, monkeypatch):
    tapped = tap(server.address)
    peer = server.accept()
    peer.log_in()
    tapped.until(LoggedIn)
    monkeypatch.setattr(tapped.client, "receive_data", lambda *_: 1 / 0)
    peer.say("boom")
    assert tapped.finish().ending.cause is Cause.INTERNAL
    assert isinstance(tapped.runner.failure, ZeroDivisionError)


def test_keepalive_runs_on_real_time(server, tap):  # [CLIENT-2] [CLIENT-3]
    tapped = tap(server.address)
    peer = server.accept()
    peer.log_in(keepalive=1)
    tapped.until(LoggedIn)
    assert tapped.until(Disconnected).ending.cause is Cause.SILENT  # nobody answers its PING


def test_history_makes_it_ask_again(server, tap):  # [CLIENT-9]
    tapped = tap(server.address)
    peer = server.accept()
    peer.log_in(capabilities=("history",))
    tapped.runner.send("#lobby", "once")
    _, first = peer.expect(Send)
    peer.reset()
    peer = server.accept()
    peer.log_in(capabilities=("history",))
    assert peer.take("alice") == first
    while tapped.until(MessageState).state is not SendState.SENT:
        pass
