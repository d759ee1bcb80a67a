"""The runner and `causerie-chat` with TLS: a server played by the test, whose certificate is trusted or not."""

import contextlib
import random
import ssl
import threading

import pytest

from causerie.client.runner import NetworkRunner
from causerie.client.wording import sentence
from causerie.core.client import Cause, Client, Identity, LoggedIn, MessageShown, Stopped
from causerie.tls.contexts import client_context
from causerie_spec.codes import ByeCode
from causerie_spec.messages import Bye, Quit

LIMIT = 20.0


@pytest.fixture
def secured(server, pem):
    """The server, whose `accept` shakes hands; `context` is its own."""
    server.context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server.context.load_cert_chain(pem.both)
    server.context.set_alpn_protocols(["causerie/1"])
    accept = server.accept

    def accept_and_shake_hands():
        peer = accept()
        peer.sock = server.context.wrap_socket(peer.sock, server_side=True, suppress_ragged_eofs=False)
        peer.sock.settimeout(LIMIT)
        return peer

    server.accept = accept_and_shake_hands
    return server


def part(peer):
    """Answer QUIT, and see the client end with close_notify."""
    ref, _ = peer.expect(Quit)
    peer.send(Bye(ByeCode.NORMAL, 0, ""), ref)
    peer.sock.unwrap().close()


@pytest.fixture
def run(server):
    """Starts runners: run(context) → runner."""
    started = []

    def start(context):
        client = Client(Identity("alice", "Alice", b"t" * 32), random.Random(1))
        started.append(NetworkRunner(client, server.address, tls=context))
        started[-1].start()
        return started[-1]

    yield start
    for runner in started:
        runner.abandon()
        assert runner.join(LIMIT)


def until(runner, kind):
    while not isinstance(event := runner.events.get(timeout=LIMIT), kind):
        assert not isinstance(event, Stopped), event
    return event


def test_chat_and_leave(secured, run, pem):
    runner = run(client_context(pem.authority))
    peer = secured.accept()
    assert peer.sock.selected_alpn_protocol() == "causerie/1"
    peer.log_in()
    until(runner, LoggedIn)
    runner.send("#lobby", "salut" * 3_000)
    assert peer.take("alice").text == "salut" * 3_000
    assert until(runner, MessageShown).text == "salut" * 3_000
    runner.leave()
    part(peer)
    assert until(runner, Stopped).ending.cause is Cause.QUIT


def refused(secured, run, context):
    """How a client ends that breaks the handshake off."""
    runner = run(context)
    with pytest.raises(OSError, match=r".*"):
        secured.accept()
    return until(runner, Stopped).ending


def test_an_unknown_authority(secured, run):
    ending = refused(secured, run, client_context())
    assert ending.cause is Cause.UNTRUSTED
    said = sentence(ending, secured.address, "alice")
    assert "not trusted: give --ca-file FILE" in said
    assert said.endswith("(unable to get local issuer certificate)")


def test_a_certificate_of_somebody_else(secured, run, tmp_path):
    import trustme

    authority = trustme.CA()
    secured.context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("chat.example.org").configure_cert(secured.context)
    authority.cert_pem.write_to_path(str(tmp_path / "authority.pem"))
    ending = refused(secured, run, client_context(tmp_path / "authority.pem"))
    assert ending.cause is Cause.UNTRUSTED
    assert "IP address mismatch" in ending.detail


def test_without_verification_anybody_will_do(secured, run):
    runner = run(client_context(verify=False))
    secured.accept().log_in()
    until(runner, LoggedIn)


def test_a_server_that_selects_no_alpn(secured, run, pem):
    secured.context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    secured.context.load_cert_chain(pem.both)
    runner = run(client_context(pem.authority))
    secured.accept().log_in()
    until(runner, LoggedIn)


@pytest.mark.parametrize("said", [b"\x00\x00\x00\x07\x85\x00\x00\x00\x00\x67\x00\x00\x00\x00\x00", b"220 ready\r\n"])
def test_a_server_without_tls(server, run, pem, said):
    runner = run(client_context(pem.authority))
    peer = server.accept()
    assert peer.sock.recv(10).startswith(b"\x16\x03")
    peer.sock.sendall(said)
    ending = until(runner, Stopped).ending
    assert ending.cause is Cause.NO_TLS
    assert sentence(ending, server.address, "alice").endswith("does not speak TLS: leave out --tls")


def test_a_server_that_ends_the_handshake(server, run, pem):
    runner = run(client_context(pem.authority))
    peer = server.accept()
    peer.sock.recv(65_536)
    peer.close()
    ending = until(runner, Stopped).ending
    assert ending.cause is Cause.TLS_FAILED
    assert "ended in the handshake" in sentence(ending, server.address, "alice")


def test_a_server_of_tls_alone(server, run):
    runner = run(None)
    peer = server.accept()
    peer.sock.recv(10)
    peer.sock.sendall(b"\x15\x03\x03\x00\x02\x02\x46")
    ending = until(runner, Stopped).ending
    assert ending.cause is Cause.ONLY_TLS
    assert sentence(ending, server.address, "alice").endswith("speaks TLS: add --tls")


def test_a_handshake_that_takes_for_ever(server, run, pem, monkeypatch):
    from causerie.client import dialer

    monkeypatch.setattr(dialer, "ADDRESS_LIMIT", 0.2)
    runner = run(client_context(pem.authority))
    peer = server.accept()
    assert until(runner, Stopped).ending.cause is Cause.CONNECT_TIMEOUT
    peer.close()


def test_a_connection_that_breaks_is_made_again(secured, run, pem):
    runner = run(client_context(pem.authority))
    peer = secured.accept()
    peer.log_in()
    until(runner, LoggedIn)
    peer.reset()
    secured.accept().log_in()
    until(runner, LoggedIn)


def serve(server):
    """One client, in a thread of its own: it says something, and leaves."""

    def one():
        with contextlib.suppress(OSError):  # it does not trust us
            peer = server.accept()
            login = peer.log_in()
            peer.take(login.handle)
            part(peer)

    thread = threading.Thread(target=one)
    thread.start()
    return thread


def test_the_command(secured, chat, pem):
    host, port = secured.address.host, secured.address.port
    for options, code, words in (
        (["--ca-file", str(pem.authority)], 0, "-- connected to"),
        (["--insecure"], 0, "-- connected to"),
        (["--tls"], 4, "is not trusted: give --ca-file FILE"),
    ):
        thread = serve(secured)
        process = chat(f"{host}:{port}", "--handle", "bot", *options)
        _, said = process.communicate("hi\nquit\n", timeout=LIMIT)
        assert process.returncode == code, said
        assert words in said
        thread.join(LIMIT)


def test_the_command_with_files_that_will_not_do(chat, tmp_path):
    for options in (["--ca-file", str(tmp_path / "missing.pem")], ["--insecure", "--ca-file", "x"]):
        process = chat("127.0.0.1:1", "--handle", "bot", *options)
        _, said = process.communicate("", timeout=LIMIT)
        assert process.returncode == 2
        assert "Traceback" not in said
