"""What the engines do when the system fails them, in this process."""

import asyncio
import random
import socket
import threading

import pytest

from causerie.core.hub import Hub
from causerie.core.limits import Limits
from causerie.server import asyncio_engine, threaded_engine
from causerie.server.listening import listen
from causerie.store.memory import MemoryStore
from causerie_spec.codec import Decoder, decode, encode
from causerie_spec.codes import MAX_BODY, ByeCode
from causerie_spec.messages import Hello, Login, Ping, Pong


@pytest.fixture
def logged(monkeypatch):
    events = []

    def log(event, **fields):
        events.append((event, fields))

    for module in (asyncio_engine, threaded_engine):
        monkeypatch.setattr(module, "log", log)
    return events


def make(**limits):
    store = MemoryStore(lambda: 0, 1)
    return Hub(wall_ms=lambda: 0, epoch=1, rng=random.Random(1), limits=Limits(**limits)), store


@pytest.fixture
def pair():
    (listener,) = listen("127.0.0.1", 0)
    with listener, socket.create_connection(listener.getsockname()) as client:
        client.settimeout(30)
        yield listener, client


@pytest.fixture
def threaded():
    server = threaded_engine.ThreadedServer(*make())
    yield server
    server._waker.close()


def test_no_more_threads(threaded, pair, logged, monkeypatch):
    def start(_):
        raise RuntimeError("can't start new thread")

    listener, client = pair
    monkeypatch.setattr(threading.Thread, "start", start)
    assert threaded.accept(listener) is False
    assert logged[-1][0] == "accept failed"
    assert threaded.hub.connections == 0
    (peer,) = threaded._discarded
    threaded.serve()
    peer.socket.close()
    assert client.recv(1) == b""


def test_no_more_descriptors(threaded, logged):
    class Listener:
        def accept(self):
            raise OSError(24, "Too many open files")

    assert threaded.accept(Listener()) is False
    assert logged[-1][0] == "accept failed"


def test_a_connection_that_is_gone_before_it_is_accepted(threaded, logged):
    class Listener:
        def accept(self):
            raise ConnectionAbortedError

    assert threaded.accept(Listener()) is True
    assert not logged


def test_a_flood_of_connections_does_not_keep_the_acceptor_from_its_signals(threaded, monkeypatch):
    class Listener:
        def accept(self):
            return None, ("192.0.2.1", 1)

    begun = []
    monkeypatch.setattr(threaded, "_begin", lambda *arguments: begun.append(arguments) or True)
    assert threaded.accept(Listener()) is True
    assert len(begun) == threaded_engine.BACKLOG


def bye_of(client):
    """The code of the BYE that is all that comes."""
    octets = b""
    while data := client.recv(4_096):
        octets += data
    decoder = Decoder(MAX_BODY)
    decoder.feed(octets)
    (frame,) = decoder
    return decode(frame.type, frame.body).code


def test_threads_stop_with_a_connection_in_the_backlog_that_stays_open(pair, logged):
    listener, client = pair
    server = threaded_engine.ThreadedServer(*make(closing_timeout=0.2))
    server._housekeeper.start()
    server._stop([listener])
    assert bye_of(client) == ByeCode.SHUTDOWN  # [CLOSE-6]
    assert server._peers == 0  # its reader was woken, and has ended
    assert not server._housekeeper.is_alive()
    server._waker.close()


def test_asyncio_stops_with_a_connection_in_the_backlog():
    late = []

    async def body(server, client):
        client.close()
        late.append(socket.create_connection(client_address(server)))

    on_loop(body, closing_timeout=0.2)
    with late[0] as client:
        client.settimeout(30)
        assert bye_of(client) == ByeCode.SHUTDOWN


def client_address(server):
    (peer,) = server.peers
    return peer._transport.get_extra_info("sockname")


def test_a_waker_wakes_however_often_it_was_woken():
    waker = threaded_engine.Waker()
    try:
        for _ in range(100_000):
            waker.wake()
        waker.clear()
        with pytest.raises(BlockingIOError):
            waker.reader.recv(1)
        waker.wake()
        assert waker.reader.recv(10) == b"\0"
    finally:
        waker.close()


def test_failures_of_threads_are_logged(logged):
    error = ValueError("x")
    threaded_engine._log_failure(threading.ExceptHookArgs((ValueError, error, None, threading.current_thread())))
    assert logged == [("failure", {"reason": "thread MainThread", "exception": error})]


def test_failures_of_the_loop_are_logged(logged):
    asyncio_engine._log_failure(None, {"message": "m"})
    assert logged == [("failure", {"reason": "m", "exception": None})]


async def until(condition):
    async def poll():
        while not condition():
            await asyncio.sleep(0.001)

    await asyncio.wait_for(poll(), 60)


def on_loop(body, **limits):
    """Run *body(server, client)* beside an asyncio server in this process."""

    async def main():
        hub, store = make(**limits)
        server = asyncio_engine.AsyncioServer(hub, store)
        (listener,) = listen("127.0.0.1", 0)
        accepting = await asyncio.get_running_loop().create_server(lambda: asyncio_engine.Peer(server), sock=listener)
        with socket.create_connection(listener.getsockname()) as client:
            client.setblocking(False)
            await until(lambda: server.peers)
            await body(server, client)
        await server.stop([accepting])

    asyncio.run(main())


def test_asyncio_sends_at_once():
    async def body(server, client):
        (peer,) = server.peers
        assert peer._transport.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)

    on_loop(body)


async def block(server, client, octets):
    """Log in, and let so much be queued for the client that the kernels do not take it all."""
    (peer,) = server.peers
    connection = peer._connection
    login = Login("TOKEN", "alice", "A", b"t" * 32)
    client.send(encode(Hello(b"CAUS", 1, 1, 60, "", ()), 1) + encode(login, 2))
    await until(lambda: connection.handle and not connection.output)
    connection.output.put(bytes(octets), own=0)
    server.hub.touch(connection)
    server._serve()
    assert peer in server.blocked
    return connection


def test_asyncio_looks_at_what_slow_readers_take():
    # What the kernel took of a chunk counts before it took all of it [KEEP-5, CLOSE-3].
    reports = []

    async def body(server, client):
        connection = await block(server, client, 600 * MAX_BODY)
        first = connection.output.in_flight
        await read_some(client, 8 * 1024 * 1024)
        await until(lambda: connection.output.in_flight < first)
        reports.append(connection.output.in_flight)

    on_loop(body)
    assert reports[0] > 0


def test_asyncio_writes_on_after_the_end_of_the_clients_stream():
    async def body(server, client):
        connection = await block(server, client, 300 * MAX_BODY)
        client.send(encode(Ping(1), 1))
        client.shutdown(socket.SHUT_WR)
        await until(lambda: connection._eof)
        assert connection.output.own
        count = 0
        while True:
            try:
                data = client.recv(65_536)
            except BlockingIOError:
                await asyncio.sleep(0.001)
                continue
            if not data:
                break
            count += len(data)
            last = data
        assert last.endswith(encode(Pong(1), 1))
        assert count > 300 * MAX_BODY

    on_loop(body)


async def read_some(client, count):
    while count > 0:
        try:
            count -= len(client.recv(65_536))
        except BlockingIOError:
            await asyncio.sleep(0.001)


def test_asyncio_half_closes_what_is_gone_already(monkeypatch):
    def write_eof(_):
        raise OSError(107, "not connected")

    async def body(server, client):
        (peer,) = server.peers
        client.send(encode(Ping(1), 1))
        await until(lambda: peer._sent_fin)

    monkeypatch.setattr(asyncio.selector_events._SelectorSocketTransport, "write_eof", write_eof)
    on_loop(body, closing_timeout=0.2)


def test_a_reader_that_must_wait_does_not_spin(threaded, pair, logged, monkeypatch):
    monkeypatch.setattr(threading.Thread, "start", lambda _: None)
    listener, _ = pair
    assert threaded.accept(listener)
    (connection,) = threaded.hub._connections
    peer = connection.shell
    assert peer._may_read()
    peer._resume.set()
    connection.waiting = True
    assert not peer._may_read()
    assert not peer._resume.is_set()
    peer.settle()
    assert not peer._resume.is_set()
    connection.waiting = False
    peer.settle()
    assert peer._resume.is_set()
    peer.socket.close()


def test_threads_write_on_whenever_the_kernel_takes_more_and_close_at_once(logged):
    server = threaded_engine.ThreadedServer(*make())
    server._housekeeper.start()
    (listener,) = listen("127.0.0.1", 0)
    for _ in range(2):  # the second connection gets the descriptor of the first
        with socket.create_connection(listener.getsockname()) as client:
            client.settimeout(60)
            assert server.accept(listener)
            (connection,) = server.hub._connections
            for _ in range(3):
                block_thread(server, connection)
                count = 0
                while count < 300 * MAX_BODY:
                    count += len(client.recv(262_144))
            block_thread(server, connection)
        asyncio.run(until(lambda: server._peers == 0))  # long before any deadline
    listener.close()
    server._gone.set()
    server._waker.wake()
    server._housekeeper.join(30)
    server._waker.close()


def block_thread(server, connection):
    """Let more be queued than the kernels take."""
    with server.hub_lock:
        connection.output.put(bytes(300 * MAX_BODY), own=0)
        server.hub.touch(connection)
    server.serve()
    asyncio.run(until(lambda: connection.output.in_flight))  # the housekeeper may have had the turn
