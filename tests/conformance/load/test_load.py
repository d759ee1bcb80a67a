"""The whole command, against the reference and against servers that do harm."""

import _thread
import multiprocessing
import shlex
import signal
import socket
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from causerie_conformance.load.cli import main
from causerie_conformance.load.connection import NO_ROOMS
from causerie_conformance.process import Command, ServerProcess
from causerie_spec.codec import encode
from causerie_spec.codes import ByeCode, ErrorCode
from causerie_spec.messages import Ack, Bye, Error, Hello, Join, Leave, Login, Ping, Pong, Quit, Send

SENT = 48
"""Messages of a quick run: 200 a second for 0.24 s."""


# All is well


@pytest.mark.parametrize("engine", ["asyncio", "threaded"])
@pytest.mark.parametrize(
    ("where", "owed"),
    [
        (["--rooms", "3"], 96),
        (["--pairs"], 96),
        ([], 288),
        (["--rooms", "2", "--pairs"], 120),  # the first to the room, the second to the partner, and so on
    ],
)
def test_the_reference_loses_nothing(load, reference, engine, where, owed) -> None:
    done = load(*reference(engine), *where)
    assert done.status == 0, done.out
    assert not done.wrong
    assert done.document["owed"] == owed
    assert f"All {owed} deliveries came, once and in order." in done.out
    latency = done.document["latency"]
    assert owed * 0.8 < latency["delivery"]["count"] < owed * 0.85  # the rest is warm-up
    assert latency["ack"]["count"] == SENT - 8
    assert latency["connect"]["count"] == latency["login"]["count"] == 6
    assert 0 < latency["delivery"]["p50"] <= latency["delivery"]["p99"] <= latency["delivery"]["max"]


def test_several_processes_count_what_passes_between_them(load, reference) -> None:
    done = load(*reference("asyncio"), "--processes", "2", "--connections", "5", "--rooms", "2")
    assert done.status == 0, done.out
    assert done.document["owed"] == 29 * 3 + 19 * 2  # the first, third and fifth connection share a room
    assert done.document["latency"]["delivery"]["count"] > 0


def test_a_closed_loop_writes_as_answers_come(load, lobby) -> None:
    most = 0

    def watch(seq):
        nonlocal most
        most = max(most, seq)

    server = lobby(on_send=watch)
    done = load(server.name, "--rate", "max", "--window", "3", "--connections", "2")
    assert done.status == 0, done.out
    assert done.document["plan"]["rate"] is None
    assert done.document["owed"] == 2 * most
    assert most > 6  # more than the windows: answers were followed by messages
    assert "as fast as answers come, 3 at a time each" in done.out
    assert "from when a message was sent to when a reader had it" in done.out


def test_it_leaves_as_it_came(load, lobby) -> None:
    server = lobby(capabilities=("rooms",))
    load(server.name, "--rooms", "1", "--connections", "2")
    kinds = [type(message) for message in server.received]
    assert {kind: kinds.count(kind) for kind in (Hello, Login, Join, Ping, Leave, Quit)} == dict.fromkeys(
        (Hello, Login, Join, Ping, Leave, Quit), 2
    )
    txns = [message.txn for message in server.received if isinstance(message, Send)]
    assert len(set(txns)) == len(txns) == SENT
    assert not server.members


# Harm is found


def nth(number, change):
    """Only the deliveries of one message to one reader are changed."""
    return lambda reader, seq, message: change(message) if (reader, seq) == (1, number) else (message,)


def test_a_lost_delivery_is_found(load, lobby) -> None:
    done = load(lobby(deliver=nth(20, lambda message: ())).name)
    assert done.status == 1
    assert done.wrong == {"lost": 1, "skipped": 1}
    assert "lost                   1   deliveries lost: ACKed, and never came" in done.out
    assert "Not everything came as it should." in done.out


def test_the_last_delivery_is_missed_too(load, lobby) -> None:
    assert load(lobby(deliver=nth(SENT, lambda message: ())).name).wrong == {"lost": 1}


def test_a_delivery_that_comes_twice_is_found(load, lobby) -> None:
    done = load(lobby(deliver=nth(20, lambda message: (message, message))).name)
    assert (done.status, done.wrong) == (1, {"duplicated": 1, "unordered": 1})


def test_deliveries_in_the_wrong_order_are_found(load, lobby) -> None:
    """Two of one sender: the first is kept back until after the second."""
    kept, swapped = [], []

    def swap(reader, seq, message):
        if reader == 1 and seq >= 20 and not kept and not swapped:
            kept.append(message)
            return ()
        if reader == 1 and kept and message.sender == kept[0].sender:
            swapped.append(kept.pop())
            return (message, swapped[0])
        return (message,)

    # Of different senders in between, in order: what is late is late for its sender, and out of seq for all.
    assert load(lobby(deliver=swap).name).wrong == {"disordered": 1, "skipped": 1, "unordered": 1}


def test_an_altered_text_is_found_and_is_not_what_was_owed(load, lobby) -> None:
    changed = nth(20, lambda message: (replace(message, text=message.text.upper()),))
    assert load(lobby(deliver=changed).name).wrong == {"altered": 1, "lost": 1}
    swapped = nth(20, lambda message: (replace(message, text=message.text[:6] + "-" * 26 + message.text[32:]),))
    assert load(lobby(deliver=swapped).name).wrong == {"altered": 1, "lost": 1}
    far = nth(20, lambda message: (replace(message, text=message.text[:6] + "f" * 10 + message.text[16:]),))
    assert load(lobby(deliver=far).name).wrong == {"altered": 1, "lost": 1}


def test_a_message_in_another_conversation_is_found(load, lobby) -> None:
    elsewhere = nth(20, lambda message: (message, replace(message, conversation="#elsewhere")))
    assert load(lobby(deliver=elsewhere).name).wrong == {"misdelivered": 1}
    server = lobby(capabilities=("rooms",))  # all that is sent to any room reaches all
    done = load(server.name, "--rooms", "2")
    assert done.wrong["misdelivered"] == 3 * SENT


def test_messages_of_others_are_told_and_are_no_matter(load, lobby) -> None:
    def others(reader, seq, message):
        return (message, replace(message, seq=0, sender="anna")) if seq == 9 else (message,)

    done = load(lobby(deliver=others).name)
    assert done.document["foreign"] == 6
    assert done.wrong == {"unordered": 6}  # its seq was wrong all the same


def test_a_second_answer_is_found(load, lobby) -> None:
    def twice(peer, message, ref):
        return encode(Pong(message.token), ref) + encode(Ack(5, 0, False), ref) if isinstance(message, Ping) else None

    done = load(lobby(answer=twice).name, "--connections", "1")
    assert done.wrong == {"stray": 1}


def test_a_stall_counts_from_when_messages_were_due(load, lobby) -> None:
    """Whoever waited to send would have seen six long latencies: one for each connection."""
    server = lobby(on_send=lambda seq: pause.wait(STALL) if seq == 20 else None)
    done = load(server.name, "--duration", "0.8", "--rate", "100", "--fail-if", "p50>60s,p99>400ms")
    assert not done.wrong
    waited = sum(count for lower, _, count in done.document["distribution"] if lower >= 1e3 * STALL / 2)
    assert waited >= 6 * 100 * STALL / 2 - 6  # all that was due in its first half
    assert done.document["latency"]["delivery"]["p99"] >= 1e3 * STALL * 0.9
    assert done.status == 1
    assert done.document["thresholds"] == [{"text": "p50>60s", "failed": False}, {"text": "p99>400ms", "failed": True}]
    assert "fails p99>400ms: it is " in done.out


STALL = 0.5


class _Never:
    """An event that nobody sets: to wait for it is to stall."""

    def wait(self, seconds):
        with socket.socket() as nobody:
            nobody.bind(("127.0.0.1", 0))
            nobody.listen()
            nobody.settimeout(seconds)
            with pytest.raises(TimeoutError):
                nobody.accept()


pause = _Never()


BROKEN = Path(__file__).parents[2] / "broken" / "run.py"


@pytest.mark.parametrize(
    ("name", "where", "wrong"),
    [
        ("everything-twice", ["--rooms", "3"], {"duplicated": 2 * SENT}),
        ("not-to-the-sender", ["--rooms", "3"], {"lost": range(SENT, 2 * SENT + 1)}),  # it drops others' with them
        ("not-to-the-sender", ["--pairs"], {"lost": range(SENT, 2 * SENT + 1)}),
        ("one-counter-for-all", ["--rooms", "3"], {"skipped": range(1, 1_000)}),
        ("direct-messages-to-all", ["--pairs"], {"misdelivered": 4 * SENT}),
        ("rooms-are-public", ["--rooms", "3"], {"misdelivered": range(4 * SENT, 8 * SENT)}),
    ],
)
def test_what_broken_servers_do_is_found(load, name, where, wrong) -> None:
    """Those of ``tests/broken``: the reference with one mistake."""
    words = " ".join(map(shlex.quote, (sys.executable, str(BROKEN), name)))
    done = load("--spawn", f"{words} --port {{port}} --log-level error", *where)
    assert done.status == 1
    for figure, count in wrong.items():
        assert done.document["wrong"][figure] in (count if isinstance(count, range) else [count])


# Refusals, and ends


def refusing(kind, error, times):
    """That request is answered with the error so many times."""
    left = [times]

    def answer(peer, message, ref):
        if isinstance(message, kind) and left[0]:
            left[0] -= 1
            return error
        return None

    return answer


@pytest.mark.parametrize("kind", [Login, Join])
def test_rate_limited_is_obeyed_counted_and_told(load, lobby, kind) -> None:
    server = lobby(capabilities=("rooms",), answer=refusing(kind, Error(ErrorCode.RATE_LIMITED, 20, ""), 3))
    done = load(server.name, "--rooms", "1", "--connections", "2")
    assert done.status == 0, done.out
    assert list(done.document["answers"].values()) == [3]
    assert "3 × ERROR RATE_LIMITED (too many of these; come back after retry_ms)" in done.out


def test_a_refused_message_is_told_and_owed_to_nobody(load, lobby) -> None:
    server = lobby(answer=refusing(Send, Error(ErrorCode.RATE_LIMITED, 10, ""), 2))
    done = load(server.name)
    assert (done.status, done.wrong) == (1, {"refused": 2})
    assert done.document["owed"] == 6 * (SENT - 2)
    assert "RATE_LIMITED" in done.out


@pytest.mark.parametrize(
    ("kind", "answer", "words"),
    [
        (Hello, Bye(ByeCode.TOO_MANY_CONNECTIONS, 0, ""), "BYE TOO_MANY_CONNECTIONS (the server has as many"),
        (Login, Error(ErrorCode.LIMIT_REACHED, 0, ""), "LOGIN was answered ERROR LIMIT_REACHED (a limit on"),
        (Login, Error(ErrorCode.NO_SUCH_MECHANISM, 0, ""), "LOGIN was answered ERROR NO_SUCH_MECHANISM"),
        (Login, Error(99, 0, ""), "LOGIN was answered ERROR 99"),
        (Hello, Error(ErrorCode.INTERNAL, 0, ""), "HELLO was answered ERROR INTERNAL"),
        (Join, Ack(1, 1, False), "JOIN was answered ACK"),
        (Hello, b"\x00\x00\x00\x01\x81\x00\x00\x01\x01", "it sent what cannot be decoded"),
        (Hello, encode(Bye(250, 0, "")), "BYE 250"),
    ],
)
def test_when_not_all_get_in_nothing_is_measured(load, lobby, kind, answer, words) -> None:
    server = lobby(capabilities=("rooms",), answer=refusing(kind, answer, 1))
    done = load(server.name, "--rooms", "1", "--connections", "3")
    assert done.status == 1
    assert done.document["stopped"].startswith(f"2 of 3 connections got in: {words}")
    assert words in done.out
    assert done.document["series"] == []


def test_rooms_that_are_not_offered_are_a_usage_error(load, lobby) -> None:
    done = load(lobby().name, "--rooms", "2")
    assert done.status == 2
    assert NO_ROOMS in done.out


def test_a_connection_that_the_server_ends_is_told(load, lobby) -> None:
    """It gets BYE for its second message; what the others are owed has come."""
    server = lobby(answer=refusing(Ping, Bye(ByeCode.SLOW_CONSUMER, 0, ""), 1))
    done = load(server.name)
    assert (done.status, done.wrong) == (1, {"ended": 1})
    assert "1 × BYE SLOW_CONSUMER (events were taken too slowly)" in done.out


def test_messages_without_an_answer_are_told_and_owed_to_nobody(load, lobby) -> None:
    def cut(peer, message, ref):
        if isinstance(message, Send) and server.seq == 20:
            peer.shutdown(socket.SHUT_RDWR)
            return b""
        return None

    server = lobby(answer=cut)
    done = load(server.name)
    assert done.status == 1
    assert done.wrong["ended"] >= 1
    assert done.wrong["unanswered"] >= 1
    assert "lost" not in done.wrong
    assert "the stream ended, without BYE" in done.out


def test_a_quiet_connection_says_that_it_is_there(load, lobby) -> None:
    server = lobby(keepalive=3)
    done = load(server.name, "--connections", "2", "--rate", "1", "--duration", "1.1", "--warmup", "0")
    assert done.status == 0, done.out
    assert sum(isinstance(message, Ping) for message in server.received) > 2  # the fences are two


# Servers that are not there, and users who do not wait


def test_unreachable(load) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    done = load(f"127.0.0.1:{port}")
    assert done.status == 3
    assert "stopped: the connection was refused" in done.out
    assert done.document["exit_status"] == 3


def test_a_server_that_does_not_start(capsys) -> None:
    assert main(["--spawn", "no-such-program {port}"]) == 3
    assert "causerie-load: cannot start 'no-such-program'" in capsys.readouterr().err


def test_a_server_that_dies_is_unreachable(load, lobby, serve) -> None:
    servers = []

    def die(seq):
        if seq == 20:
            servers[0].die()

    fake = lobby(on_send=die)
    servers.append(serve(fake))
    done = load(servers[0].name, "--duration", "60")
    assert done.status == 3
    assert done.document["measured"] < 30  # nobody is left to write
    assert done.document["stopped"] == "the server takes no connections any more"


def test_a_started_server_that_dies_is_told_with_its_last_words(load, tmp_path) -> None:
    program = tmp_path / "dies.py"
    program.write_text(DIES)
    done = load("--spawn", f"{shlex.quote(sys.executable)} {shlex.quote(str(program))} {{port}}", "--connections", "1")
    assert done.status == 3
    assert done.document["stopped"] == "the server ended with status 7"
    assert "I am out of memory" in done.out


DIES = """
import os, socket, sys
from causerie_spec.codec import Decoder, decode, encode
from causerie_spec.messages import Hello, Login, Ready, Send, Welcome
listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
while True:
    connection, decoder = listener.accept()[0], Decoder(65_535)
    while data := connection.recv(65_536):
        decoder.feed(data)
        for raw in decoder:
            message = decode(raw.type, raw.body)
            if isinstance(message, Hello):
                connection.sendall(encode(Welcome(1, 0, 0, 0, "", ("TOKEN",), ()), raw.ref))
            if isinstance(message, Login):
                connection.sendall(encode(Ready(message.handle, "", b""), raw.ref))
            if isinstance(message, Send):
                print("I am out of memory", flush=True)
                os._exit(7)
"""


def test_ctrl_c_ends_the_load_and_tells_what_was(load, lobby) -> None:
    server = lobby(on_send=lambda seq: _thread.interrupt_main() if seq == 20 else None)
    done = load(server.name, "--duration", "60")
    assert done.status == 130
    assert done.document["interrupted"]
    assert 0 < done.document["measured"] < 30
    assert done.document["sends"] >= 1
    assert not done.wrong
    assert "Interrupted: this is what there is so far." in done.out


def test_ctrl_c_while_connecting(load, lobby) -> None:
    def interrupt(peer, message, ref):
        if isinstance(message, Login):
            _thread.interrupt_main()

    done = load(lobby(answer=interrupt).name, "--connections", "1")
    assert done.status == 130
    assert done.document["stopped"] == "interrupted before the load began"


def test_a_second_ctrl_c_ends_everything(lobby, capsys) -> None:
    """The server does not answer, so that the first one waits for it."""

    def interrupt(peer, message, ref):
        if not isinstance(message, Send):
            return None
        if any(isinstance(earlier, Send) for earlier in server.received[:-1]):
            return b""
        ours = signal.getsignal(signal.SIGINT)
        _thread.interrupt_main()
        end = time.monotonic() + 10
        while signal.getsignal(signal.SIGINT) is ours and time.monotonic() < end:
            pass  # until the first has been seen
        _thread.interrupt_main()
        return b""

    server = lobby(answer=interrupt)
    assert main([server.name, "--warmup", "0", "--duration", "60", "--connections", "2"]) == 130
    assert "interrupted, without a report" in capsys.readouterr().err


# Several processes


def test_ctrl_c_reaches_all_processes(load, lobby) -> None:
    server = lobby(on_send=lambda seq: _thread.interrupt_main() if seq == 20 else None)
    done = load(server.name, "--duration", "60", "--processes", "2", "--connections", "2")
    assert done.status == 130
    assert 0 < done.document["measured"] < 30
    assert not done.wrong


def test_a_process_that_ends_stops_the_run(load, lobby) -> None:
    def kill(seq):
        if seq == 20:
            multiprocessing.active_children()[0].kill()

    done = load(lobby(on_send=kill).name, "--duration", "60", "--processes", "2", "--connections", "2")
    assert done.status == 1
    assert done.document["stopped"] == "a process of the load generator ended"


# TLS


def test_tls(load) -> None:
    done = load("--reference", "asyncio", "--tls")
    assert done.status == 0, done.out
    assert done.document["plan"]["tls"]
    assert done.document["owed"] == 6 * SENT


def test_a_certificate_that_is_not_trusted(load, pem, reference) -> None:
    _, command = reference("asyncio")
    secure = f"{command} --tls-cert {shlex.quote(str(pem.certificate))} --tls-key {shlex.quote(str(pem.key))}"
    server = ServerProcess(Command.of_template(secure))
    try:
        name = f"127.0.0.1:{server.port}"
        done = load(name, "--tls")
        assert done.status == 3
        assert "the certificate is not trusted" in done.out
        assert "--ca-file FILE names its authority" in done.out
        assert load(name, "--ca-file", str(pem.authority)).status == 0
        assert load(name, "--insecure").status == 0
    finally:
        server.stop()


def test_tls_to_a_server_without(load, reference) -> None:
    done = load(*reference("asyncio"), "--tls")
    assert done.status == 3
    assert "the server does not speak TLS: leave out --tls" in done.out


# As a process


def test_as_a_process() -> None:
    words = [sys.executable, "-m", "causerie_conformance.load", "--version"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0
    assert done.stdout.startswith("causerie-load ")
