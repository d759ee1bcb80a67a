"""Failures are left in files and repeated: by the command, and by the program that it writes."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from causerie_conformance.cli import main
from causerie_conformance.process import Command, ServerProcess
from causerie_conformance.results import Exit

BROKEN = Path(__file__).parents[1] / "broken" / "run.py"
PATIENCE = ("--patience", "1")
Server = Callable[[str], str]

#: A broken server, a case that it fails, and the kind of that failure.
FAILURES = [
    ("text-is-trimmed", "lobby/text-spaces", "wrong value"),
    ("no-ack", "lobby/wire/seq", "timeout"),
    ("txn-is-lost", "lobby/wire/same-everywhere", "wrong value"),
    ("ack-has-its-own-time", "lobby/wire/time", "wrong value"),
]


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """HOST:PORT of a broken server by its name, or of the reference by none; each is started once."""
    with ExitStack() as running:
        known: dict[str, str] = {}

        def start(name: str = "") -> str:
            if name not in known:
                which = f'"{BROKEN}" {name}' if name else "-m causerie.server"
                process = ServerProcess(Command.of_template(f'"{sys.executable}" {which} --port {{port}} --memory'))
                running.callback(process.stop)
                known[name] = f"127.0.0.1:{process.port}"
            return known[name]

        yield start


def judge(server: str, case: str, *options: str) -> int:
    return main([server, "--select", case, "--reruns", "0", *options])


@pytest.fixture
def left(server: Server, replays: Path, capsys: Any) -> Callable[[str, str], Path]:
    """The file that a broken server's failure of a case has left."""

    def run(name: str, case: str) -> Path:
        assert judge(server(name), case) == Exit.NOT_CONFORMANT
        file = replays / f"{case.replace('/', '-')}.json"
        said = capsys.readouterr().out
        assert "".join(f"replay causerie-conformance replay {file} {server(name)}".split()) in "".join(said.split())
        return file

    return run


@pytest.mark.parametrize("failure", FAILURES, ids=[name for name, *_ in FAILURES])
def test_a_failure_comes_again_there_and_not_elsewhere(failure, server, left, tmp_path, capsys):
    name, case, kind = failure
    file = left(name, case)
    found = json.loads(file.read_text("utf-8"))
    assert (found["case"], found["finding"]["kind"], found["cannot"]) == (case, kind, None)
    assert main(["replay", str(file), server(name), *PATIENCE]) == 1
    assert "The same wrong thing came again" in capsys.readouterr().out
    assert main(["replay", str(file), server(""), *PATIENCE]) == 0
    assert "It behaves otherwise now" in capsys.readouterr().out

    script = tmp_path / "again.py"
    assert main(["replay", str(file), "--script", str(script), *PATIENCE]) == 0
    assert repeated(script, server(name)) == (1, "")
    assert repeated(script, server("")) == (0, "")


def repeated(script: Path, server: str) -> tuple[int, str]:
    """The program's exit status, and what it said of errors; it must need nothing but Python."""
    command = [sys.executable, "-I", "-S", str(script), *server.rsplit(":", 1)]
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", timeout=30, check=False)
    return done.returncode, done.stderr


def test_what_came_then_stands_beside_what_comes_now(server, left, capsys):
    main(["replay", str(left("text-is-trimmed", "lobby/text-spaces")), server(""), *PATIENCE])
    said = capsys.readouterr().out.splitlines()
    (now,) = [number for number, line in enumerate(said) if "alice     <- MESSAGE" in line and "ms" in line]
    assert said[now].endswith("text='  two before, two behind  '")
    assert said[now + 1].split()[:4] == ["then", "alice", "<-", "MESSAGE"]
    assert said[now + 1].endswith("text='two before, two behind'")


def test_the_very_same_octets(server, left, capsys):
    file = left("text-is-trimmed", "lobby/text-spaces")
    assert main(["replay", str(file), server("text-is-trimmed"), *PATIENCE]) == 1
    first = names(capsys)
    assert main(["replay", str(file), server("text-is-trimmed"), *PATIENCE]) == 1
    assert not first & names(capsys)  # a server may have met the names
    for _ in range(2):
        main(["replay", str(file), server("text-is-trimmed"), "--exact", *PATIENCE])
        assert names(capsys) == names_in(file)


def names(capsys) -> set[str]:
    """The handles that were asked for."""
    lines = capsys.readouterr().out.splitlines()
    return {line.partition("handle='")[2].partition("'")[0] for line in lines if "-> LOGIN" in line}


def names_in(file: Path) -> set[str]:
    steps = json.loads(file.read_text("utf-8"))["steps"]
    sent = [bytes.fromhex(step["octets"]) for step in steps if step["what"] == "send"]
    return {octets[15 : 15 + octets[14]].decode() for octets in sent if octets[4] == 2}


def test_nothing_is_left_when_all_pass(server, replays):
    assert judge(server(""), "lobby/text-spaces") == Exit.CONFORMANT
    assert not replays.exists()


def test_where_it_is_left(server, replays, tmp_path, capsys):
    folder = tmp_path / "a" / "place"
    assert judge(server("text-is-trimmed"), "lobby/text-spaces", "--replays", str(folder)) == Exit.NOT_CONFORMANT
    assert [path.name for path in folder.iterdir()] == ["lobby-text-spaces.json"]
    assert judge(server("text-is-trimmed"), "lobby/text-spaces", "--no-replays") == Exit.NOT_CONFORMANT
    assert not replays.exists()
    capsys.readouterr()
    file = tmp_path / "file"
    file.write_text("")
    assert judge(server("text-is-trimmed"), "lobby/text-spaces", "--replays", str(file)) == Exit.NOT_CONFORMANT
    said = capsys.readouterr()
    assert f"cannot write {(file / 'lobby-text-spaces.json')}" in said.err
    assert "replay  " not in said.out


def test_nobody_is_there(left, tmp_path, capsys, free_port):
    file = left("text-is-trimmed", "lobby/text-spaces")
    assert main(["replay", str(file), f"127.0.0.1:{free_port}"]) == Exit.UNREACHABLE
    assert f"no connection to 127.0.0.1:{free_port}: " in capsys.readouterr().err
    assert main(["replay", str(file), "--spawn", f'"{sys.executable}" -c "exit(5)" {{port}}']) == Exit.UNREACHABLE
    script = tmp_path / "again.py"
    assert main(["replay", str(file), "--script", str(script)]) == 0
    status, error = repeated(script, f"127.0.0.1:{free_port}")
    assert (status, error.partition(": ")[0]) == (3, f"no connection to 127.0.0.1:{free_port}")


@pytest.fixture
def free_port() -> int:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


def test_a_server_that_is_started_for_it_over_tls(left, capsys):
    file = left("text-is-trimmed", "lobby/text-spaces")
    assert main(["replay", str(file), "--reference", "asyncio", "--tls", *PATIENCE]) == 0
    assert "It behaves otherwise now" in capsys.readouterr().out


def test_a_program_says_how_to_use_it(left, tmp_path):
    script = tmp_path / "again.py"
    main(["replay", str(left("text-is-trimmed", "lobby/text-spaces")), "--script", str(script)])
    for words in ([], ["127.0.0.1"], ["127.0.0.1", "port"]):
        command = [sys.executable, "-I", "-S", str(script), *words]
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
        assert (done.returncode, done.stderr.startswith("usage: python ")) == (2, True)


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (["127.0.0.1:5000", "--script", "x.py"], "--script writes a program: no server"),
        (["--script", "no/such/folder/x.py"], "cannot write"),
        ([], "give one of HOST:PORT, --reference and --spawn"),
        (["127.0.0.1"], "is not HOST:PORT"),
        (["127.0.0.1:5000", "--patience", "0"], "seconds, more than 0"),
        (["127.0.0.1:5000", "--ca-file", "x", "--insecure"], "give one of --ca-file and --insecure"),
    ],
)
def test_what_makes_no_sense(options, why, left, capsys):
    file = left("text-is-trimmed", "lobby/text-spaces")
    with pytest.raises(SystemExit) as ended:
        main(["replay", str(file), *options])
    assert ended.value.code == Exit.USAGE
    assert why in capsys.readouterr().err


def test_another_file(tmp_path, capsys):
    file = tmp_path / "x.json"
    for content, why in (("{", "is not JSON"), ('{"cases": []}', "is no recording of a failure")):
        file.write_text(content)
        with pytest.raises(SystemExit) as ended:
            main(["replay", str(file), "127.0.0.1:5000"])
        assert ended.value.code == Exit.USAGE
        assert f"{file} {why}" in capsys.readouterr().err


def test_what_cannot_be_repeated_says_so(left, tmp_path, capsys):
    file = left("text-is-trimmed", "lobby/text-spaces")
    found = json.loads(file.read_text("utf-8"))
    file.write_text(json.dumps(found | {"cannot": "it kills a server", "steps": []}))
    with pytest.raises(SystemExit) as ended:
        main(["replay", str(file), "127.0.0.1:5000"])
    assert ended.value.code == Exit.USAGE
    assert "lobby/text-spaces cannot be repeated so: it kills a server" in capsys.readouterr().err
