"""The command: usage errors, files, colour, Ctrl-C."""

from __future__ import annotations

import io
import json
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from causerie_conformance.tap.cli import Carefully, main, parse_listen
from causerie_conformance.tap.events import Event, Way, What
from causerie_conformance.tap.show import Show
from causerie_spec.codec import encode
from causerie_spec.messages import Hello, Welcome

from .pcap_reader import streams

HELLO = encode(Hello(b"CAUS", 1, 1, 0, "test", ()), 1)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["x", "a:1"], "'127.0.0.1:x': 'x' is not a port"),
        (["0", "a"], "'a' is not HOST:PORT"),
        (["0", "a:0"], "'0' is not a port"),
        (["::1:0", "a:1"], "write an IPv6 address in brackets"),
        (["0", "a:1", "--direction", "up"], "--direction: give --cut-after too"),
        (["0", "a:1", "--cut-after", "0"], "'0' is not a whole number from 1"),
        (["0", "a:1", "--delay", "-1"], "--delay"),
        (["0", "a:1", "--drop", "all"], "--drop"),
        (["0", "a:1", "--log", "/nowhere/at/all"], "--log: cannot write"),
        (["0", "a:1", "--quiet", "--verbose"], "not allowed with"),
        (["0"], "UPSTREAM"),
    ],
)
def test_usage_errors(capsys, arguments, said) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    err = capsys.readouterr().err
    assert said in err
    assert "Try 'causerie-tap --help'." in err


def test_a_port_that_is_taken(capsys) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert main([str(taken.getsockname()[1]), "127.0.0.1:1"]) == 3
    assert "cannot listen on" in capsys.readouterr().err


def test_where_to_listen() -> None:
    assert parse_listen("0") == ("127.0.0.1", 0)
    assert parse_listen("5000") == ("127.0.0.1", 5000)
    assert parse_listen("[::1]:0") == ("::1", 0)
    assert parse_listen("0.0.0.0:70") == ("0.0.0.0", 70)


def _welcome(connection: socket.socket) -> None:
    connection.recv(1_000)
    connection.sendall(encode(Welcome(1, 0, 1_700_000_000_000, 7, "stub", ("TOKEN",), ()), 1))
    connection.recv(1)


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C cannot be sent to one process there")
@pytest.mark.parametrize(("wrong", "status"), [(False, 0), (True, 1)])
def test_the_whole_command(serve, tmp_path: Path, wrong: bool, status: int) -> None:
    log, pcap = tmp_path / "log", tmp_path / "pcap"
    words = [sys.executable, "-m", "causerie_conformance.tap", "0", serve(_welcome).name]
    words += ["--log", str(log), "--pcap", str(pcap)]
    hello = HELLO[:5] + b"\1" + HELLO[6:] if wrong else HELLO
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        first = process.stdout.readline()
        port = int(first.split(",")[0].rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port), 20) as client:
            client.sendall(hello)
            assert client.recv(1_000)
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=20)
    assert (process.returncode, err) == (status, "")
    assert "-> HELLO ref 1" in out
    assert "connections: 1; frames: 1 up, 1 down" in out
    assert ("no clause was broken" in out) == (not wrong)
    assert "\x1b" not in out
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    frames = [line for line in lines if line["event"] == "frame"]
    assert [(it["direction"], it["name"], it["ref"]) for it in frames] == [("up", "HELLO", 1), ("down", "WELCOME", 1)]
    assert bytes.fromhex(frames[0]["octets"]) == hello
    assert frames[0]["fields"]["magic"] == b"CAUS".hex()
    assert frames[1]["fields"]["mechanisms"] == ["TOKEN"]
    assert [line["clause"] for line in lines if line["event"] == "broken"] == ["FRAME-6"] * wrong
    assert streams(pcap.read_bytes())[0][0].octets == hello


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("no_color", "coloured"), [("", True), ("1", False)])
def test_colour_only_on_a_terminal_and_not_with_no_color(monkeypatch, no_color, coloured) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("NO_COLOR", no_color)
    for out, right in ((_Terminal(), coloured), (io.StringIO(), False)):
        show = Show(out)
        show(Event(0.0, 1, What.FRAME, Way.UP, text="HELLO \x1b[31m"))
        assert ("\x1b[36m" in out.getvalue()) == right
        assert "\x1b[31m" not in out.getvalue()


def test_when_nobody_reads_any_more() -> None:
    class Gone(io.StringIO):
        def write(self, text: str) -> int:
            raise BrokenPipeError

    show, called = Show(Gone()), []
    show.when_gone = lambda: called.append(1)
    show.line("x")
    show.line("y")
    assert show.gone
    assert called == [1]


def test_quiet_leaves_what_is_right_away() -> None:
    out = io.StringIO()
    Show(out, quiet=True)(Event(0.0, 1, What.FRAME, Way.UP, text="HELLO"))
    assert out.getvalue() == ""


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_a_full_disk_is_said_once(capsys) -> None:
    file = Carefully(Path("/dev/full"), "--log")
    for _ in range(3):
        file.write(b"x")
        file.flush()
    file.close()
    assert capsys.readouterr().err.count("--log: cannot write /dev/full") == 1
