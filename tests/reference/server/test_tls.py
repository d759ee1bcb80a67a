"""Both engines with TLS: everything as without, and what only TLS has."""

import re
import select
import shutil
import socket
import ssl
import subprocess
import sys
from contextlib import suppress

import pytest

from causerie_spec.codec import encode
from causerie_spec.codes import ByeCode
from causerie_spec.messages import Hello, Ping, Quit, Send

from .conftest import PATIENCE, Client

MIB = 2**20
HELLO = encode(Hello(b"CAUS", 1, 1, 0, "", ()), 1)


class TlsClient(Client):
    """A blocking client that speaks TLS."""

    def __init__(self, address, context):
        super().__init__(address)
        self.socket = context.wrap_socket(self.socket, server_hostname=address[0], suppress_ragged_eofs=False)


@pytest.fixture
def context(pem):
    context = ssl.create_default_context(cafile=pem.authority)
    context.set_alpn_protocols(["causerie/1"])
    return context


@pytest.fixture
def server(start, pem):
    return start("--tls-cert", str(pem.certificate), "--tls-key", str(pem.key), "--handshake-timeout", "1.5")


@pytest.fixture
def connect(server, context):
    def connect_one(context=context):
        server.clients.append(TlsClient(server.addresses[0], context))
        return server.clients[-1]

    return connect_one


def test_it_says_that_it_speaks_tls(server, engine):
    assert server.line.endswith(f"({engine}, memory, tls)")


def test_a_talk(connect):
    alice, bob = connect().login("alice"), connect().login("bob")
    alice.say("salut")
    alice.ping()
    assert [message.text for message in bob.ping()] == ["salut"]
    assert alice.socket.version() == "TLSv1.3"
    assert alice.socket.selected_alpn_protocol() == "causerie/1"


def test_a_talk_with_tls_1_2(connect, context):
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    alice = connect(context).login("alice")
    alice.ping()
    assert alice.socket.version() == "TLSv1.2"


def test_quit_ends_with_close_notify(connect):
    alice = connect().login("alice")
    alice.send((Quit(""), 9))
    ((bye, ref),) = alice.rest()  # a FIN without close_notify would be an error here
    assert (bye.code, ref) == (ByeCode.NORMAL, 9)
    alice.socket.unwrap()


def test_who_does_not_read_its_echoes_is_not_read_and_loses_nothing(connect):
    alice = connect().login("alice")
    notes = 600
    texts = [f"{number:04}" + "x" * 16_000 for number in range(notes)]
    rest = memoryview(b"".join(encode(Send("@alice", 1 + n, 0, text), 10) for n, text in enumerate(texts)))
    heard, refused = [], 0
    # One thread: an SSLSocket is not safe for two. It reads only when the server takes no more.
    alice.socket.setblocking(False)
    while len(heard) < notes:
        with suppress(ssl.SSLWantWriteError):
            while rest:
                rest = rest[alice.socket.send(rest[:65_536]) :]
        refused += bool(rest)
        select.select([alice.socket], [alice.socket] if rest else [], [], PATIENCE)
        with suppress(ssl.SSLWantReadError):
            while len(heard) < notes:
                message, ref = alice.receive()
                if ref == 0:
                    heard.append(message.text)
    alice.socket.settimeout(PATIENCE)
    assert heard == texts
    assert refused, "the server took all of it at once"
    alice.ping()


def test_who_never_reads_makes_nobody_wait(connect):
    silent, alice = connect().login("silent"), connect().login("alice")
    for number in range(40):
        alice.send(*((Send("@silent", 1 + number * 16 + n, 0, "y" * 16_000), 10) for n in range(16)))
        while alice.receive()[0].NAME != "ACK":
            pass
        alice.ping()
    connect().login("newcomer").ping()
    silent.reset()


def test_everybody_is_told_when_it_stops(server, connect):
    clients = [connect().login("alice"), connect()]
    handshaking = socket.create_connection(server.addresses[0])
    server.process.terminate()
    for client in clients:
        assert client.rest()[-1][0].code == ByeCode.SHUTDOWN
        client.close()
    handshaking.close()
    assert server.wait() == 0


def test_one_line_for_each_handshake_that_fails(server, connect, context):
    bob = connect().login("bob")
    plain = Client(server.addresses[0])
    plain.socket.sendall(HELLO)
    assert plain.socket.recv(100) == b"\x15\x03\x03\x00\x02\x02\x46"
    assert plain.socket.recv(100) == b""
    context.set_alpn_protocols(["h2"])
    with pytest.raises(ssl.SSLError, match="no application protocol"):
        connect(context)
    with pytest.raises(ssl.SSLError):
        connect(ssl.create_default_context())  # which does not trust it
    server.until(lambda: server.log.count("tls failed") == 3)
    reasons = re.findall(r'tls failed peer=127\.0\.0\.1:\d+ reason="(.+)"', server.log)
    assert reasons[0] == "the client does not speak TLS"
    assert reasons[1] == "the client offers other protocols than 'causerie/1' as ALPN"
    assert "unknown ca" in reasons[2]
    assert "Traceback" not in server.log
    bob.ping()
    plain.close()


def test_looking_whether_somebody_listens_is_no_failure(server, connect):
    for _ in range(3):
        socket.create_connection(server.addresses[0]).close()
    connect().login("alice").ping()
    assert "failed" not in server.log


@pytest.mark.once
def test_a_handshake_that_is_never_complete_is_ended(server, connect):
    stuck = [socket.create_connection(server.addresses[0], PATIENCE) for _ in range(3)]
    stuck[1].sendall(b"\x16\x03\x01\x02\x00\x01")
    for sock in stuck:
        assert sock.recv(100) == b""
        sock.close()
    connect().login("alice").ping()


def test_a_full_server_says_so_inside_tls(start, pem, context):
    server = start("--tls-cert", str(pem.both), "--max-connections", "64")
    clients = [TlsClient(server.addresses[0], context).login(f"n{number}") for number in range(64)]
    over = TlsClient(server.addresses[0], context)
    over.send(HELLO)
    assert [message.code for message, _ in over.rest()] == [ByeCode.TOO_MANY_CONNECTIONS]
    for client in (*clients, over):
        client.close()


class OpenSsl:
    """The command `openssl s_client`, which does what it is told by single letters."""

    def __init__(self, address, version):
        command = ["openssl", "s_client", "-connect", "{}:{}".format(*address), version]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )

    def say(self, octets, until):
        """Say something, and read until something of *until* comes; returns all that came."""
        self.process.stdin.write(octets)
        self.process.stdin.flush()
        output = b""
        while not any(each in output for each in until):
            more = self.process.stdout.read1(65_536)
            assert more, output
            output += more
        return output

    def close(self):
        self.process.kill()
        self.process.communicate(timeout=PATIENCE)


@pytest.fixture
def openssl(server):
    if shutil.which("openssl") is None:
        pytest.skip("it takes the command openssl to change keys")
    started = []

    def start_one(version):
        started.append(OpenSsl(server.addresses[0], version))
        started[-1].say(HELLO, [b"causerie/"])
        return started[-1]

    yield start_one
    for each in started:
        each.close()


@pytest.mark.parametrize("command", [b"K\n", b"k\n"])
def test_keys_may_be_updated(openssl, command):
    client = openssl("-tls1_3")
    client.say(command, [b"KEYUPDATE"])
    for token in (b"AABBCCDD", b"EEFFGGHH"):
        client.say(encode(Ping(int.from_bytes(token, "big")), 2), [token])


def test_renegotiation_is_refused_and_harms_nobody(openssl, connect):
    alice = connect().login("alice")
    client = openssl("-tls1_2")
    refusals = [b"no renegotiation", b"alert"]
    said = client.say(b"R\n", [b"RENEGOTIATING"])
    if not any(each in said for each in refusals):  # else they came in one piece
        client.say(b"", refusals)
    alice.ping()


@pytest.mark.parametrize("options", [("--tls-key", "x"), ("--tls-cert", "/nowhere/x.pem")])
def test_options_that_cannot_be_obeyed(options, engine):
    command = [sys.executable, "-m", "causerie.server", "--memory", "--port", "0", "--engine", engine, *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert done.returncode == (2 if options[0] == "--tls-key" else 1)
    assert "Traceback" not in done.stderr
    assert options[0] in done.stderr or options[1] in done.stderr
