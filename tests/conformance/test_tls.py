"""The suite over TLS: against the reference, and in front of what is not what was expected."""

import contextlib
import json
import re
import select
import socket
import ssl
import sys
import threading

import pytest

from causerie_conformance import certificates
from causerie_conformance.cli import main
from causerie_conformance.client import Client
from causerie_conformance.logs import Shared
from causerie_conformance.problems import HandshakeFailed, Kind, Problem
from causerie_conformance.process import Command, ServerProcess
from causerie_conformance.results import Exit
from causerie_conformance.tls import SecureSocket, Tls, client_hello
from causerie_conformance.transcript import Transcript
from causerie_spec.codec import encode
from causerie_spec.codes import ByeCode
from causerie_spec.messages import Bye, Hello, Pong, Welcome

GREETING = Hello(b"CAUS", 1, 1, 0, "test", ())


@pytest.fixture
def server(serve, pem):
    """A TLS server for one connection: server(handler) → address. The handler gets an `SSLSocket`."""

    def start(handler, **attributes):
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(pem.both)
        context.set_alpn_protocols(["causerie/1"])

        def handle(connection: socket.socket) -> None:
            with context.wrap_socket(connection, server_side=True, suppress_ragged_eofs=False) as secured:
                handler(secured)

        return serve(handle).address

    return start


@pytest.fixture
def connect(pem):
    made = []

    def connect_to(address, tls=None, patience=10.0):
        tls = tls or Tls(pem.authority)
        made.append(Client(address, Transcript(), Shared(), name="A", patience=patience, tls=tls))
        return made[-1]

    yield connect_to
    for client in made:
        client.close()


def test_a_talk_with_records_cut_anyhow(server, connect):
    def handle(secured: ssl.SSLSocket) -> None:
        assert secured.recv(1_000)
        for octet in encode(Welcome(1, 0, 1_700_000_000_000, 7, "stub", ("TOKEN",), ()), 1):
            secured.send(bytes((octet,)))
        secured.recv(1)

    client = connect(server(handle))
    assert client.ask(GREETING, Welcome).agent == "stub"
    assert client.secure.protocol == "causerie/1"


def test_both_ends_are_told_apart(server, connect):
    def handle(secured: ssl.SSLSocket) -> None:
        secured.sendall(encode(Bye(ByeCode.SHUTDOWN, 0, ""), 0))
        secured.unwrap()  # returns when our end has come

    client = connect(server(handle))
    client.expect(Bye)
    assert client.expect_end(only_fin=True) is Kind.FIN
    assert client.secure.peer_closed
    client.half_close()
    assert client.secure.fin_comes(10.0)


def test_fin_without_close_notify(server, connect):
    client = connect(server(lambda secured: secured.shutdown(socket.SHUT_RDWR)))
    assert client.expect_end() is Kind.FIN
    assert not client.secure.peer_closed
    assert client.secure.fin_comes(10.0)


def test_more_than_there_is_room_for(server, connect):
    size = 16_000_000
    go = threading.Event()

    def handle(secured: ssl.SSLSocket) -> None:
        count = 0
        go.wait(10.0)
        while count < size:
            count += len(secured.recv(65_536))
        secured.sendall(encode(Pong(count), 9))

    secure = connect(server(handle)).secure
    rest, refused = memoryview(bytes(size)), 0
    while rest:
        try:
            rest = rest[secure.send(rest) :]
        except BlockingIOError:
            refused += 1
            go.set()
            select.select([], [secure], [], 10.0)
    assert refused
    assert _receive(secure) == encode(Pong(size), 9)


def _receive(secure: SecureSocket) -> bytes:
    while True:  # records that hold nothing for us may come first: tickets
        assert select.select([secure], [], [], 10.0)[0]
        with contextlib.suppress(BlockingIOError):
            return secure.recv(1_000)


@pytest.mark.parametrize(
    ("tls", "words"),
    [(Tls(), "the certificate is not trusted (unable to get local issuer certificate): --ca-file FILE")],
)
def test_who_is_not_trusted(server, connect, tls, words):
    address = server(lambda secured: None)
    with pytest.raises(HandshakeFailed) as caught:
        connect(address, tls)
    assert words in caught.value.came


def test_who_does_not_speak_tls(serve, connect):
    server = serve(lambda connection: connection.sendall(encode(Bye(ByeCode.MALFORMED, 0, ""), 0)))
    with pytest.raises(HandshakeFailed, match="does not speak TLS: leave out --tls"):
        connect(server.address)


def test_who_ends_the_handshake(serve, connect):
    server = serve(lambda connection: connection.recv(100_000) and None)
    with pytest.raises(HandshakeFailed, match="ended the connection in the TLS handshake"):
        connect(server.address)


def test_who_is_silent_in_the_handshake(connect):
    with socket.create_server(("127.0.0.1", 0)) as listener, pytest.raises(Problem) as caught:
        connect(listener.getsockname(), patience=0.2)
    assert caught.value.kind is Kind.TIMEOUT


def test_a_client_hello_is_one():
    octets = client_hello()
    assert octets[:2] == b"\x16\x03"
    assert b"\x0acauserie/1" in octets


# The command

PART = ("--select", "hello/answers", "--select", "tls/*alpn*", "--select", "closing/bye-arrives*")


@pytest.mark.once
@pytest.mark.parametrize("engine", ["asyncio", "threaded"])
def test_the_reference_over_tls(suite, engine, tmp_path):
    done = suite("--reference", engine, "--tls", *PART, "--json", "report.json", cwd=tmp_path)
    assert done.returncode == Exit.CONFORMANT, done.stdout
    found = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert {each["profile"]: each["verdict"] for each in found["profiles"]} == {
        "CORE": "conformant",
        "ROBUST": "conformant",
        "TLS": "conformant",
    }


@pytest.mark.once
def test_without_tls_its_profile_is_not_judged(suite):
    done = suite("--reference", "asyncio", "--select", "hello/answers", "--select", "tls")
    assert done.returncode == Exit.CONFORMANT
    assert "so not judged: TLS" in done.stdout
    assert re.search(r"^TLS +NOT OFFERED ", done.stdout, re.MULTILINE)


@pytest.fixture(scope="module")
def running():
    """A reference server with TLS, and the authority of its certificate."""
    process = ServerProcess(Command.of_reference("asyncio", tls=True))
    yield process
    process.stop()


@pytest.mark.once
def test_a_running_server(suite, running):
    address = f"127.0.0.1:{running.port}"
    authority = str(running.command.certificate.authority)
    for options, status, words in (
        (["--ca-file", authority], Exit.CONFORMANT, "CONFORMANT"),
        (["--insecure"], Exit.CONFORMANT, "CONFORMANT"),
        (["--tls"], Exit.UNREACHABLE, "--ca-file FILE names its authority, --insecure trusts anybody"),
        ([], Exit.NOT_CONFORMANT, "what listens speaks TLS: give --tls"),
    ):
        done = suite(address, *options, "--select", "hello/answers")
        assert done.returncode == status, done.stdout
        assert words in done.stdout


@pytest.mark.once
def test_the_rerun_is_over_tls_too(suite, running):
    done = suite(f"127.0.0.1:{running.port}", "--insecure", "--select", "tls/handshake-limit-half")
    assert "--handshake-timeout" in done.stdout  # not judged: it is running, with a limit that the suite does not know
    server = f'"{sys.executable}" -m causerie.server --memory --port {{port}}'
    done = suite("--spawn", server + " --tls-cert {tls_cert} --tls-key {tls_key}", "--select", "tls/alpn-none-served")
    assert done.returncode == Exit.CONFORMANT, done.stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("x:1", "--ca-file", "no/such.pem"), "--ca-file: no/such.pem: No such file"),
        (("x:1", "--ca-file", __file__), "there is no certificate in it"),
        (("x:1", "--ca-file", __file__, "--insecure"), "give one of --ca-file and --insecure"),
    ],
)
def test_usage_errors(capsys, arguments, words):
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == Exit.USAGE
    assert words in capsys.readouterr().err


def test_where_no_certificate_can_be_made(capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "trustme", None)
    with pytest.raises(ValueError, match="pip install trustme"):
        certificates.made_up()
    with pytest.raises(SystemExit):
        main(("--reference", "asyncio", "--tls"))
    assert "pip install trustme" in capsys.readouterr().err
