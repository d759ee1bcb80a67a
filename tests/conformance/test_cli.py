"""The command: usage errors, selection, isolation, exit statuses, and pytest as it is."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from causerie_conformance.cli import main
from causerie_conformance.process import Command
from causerie_conformance.registry import load_cases, matches, select
from causerie_conformance.results import Exit

REFERENCE = ("--reference", "asyncio")


def usage_error(capsys, *arguments: str) -> str:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == Exit.USAGE
    out, error = capsys.readouterr()
    assert out == ""
    assert error.startswith("causerie-conformance: ")
    return error


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "give one of HOST:PORT, --reference and --spawn"),
        (("127.0.0.1:1", "--reference", "asyncio"), "give one of"),
        (("127.0.0.1",), "is not HOST:PORT"),
        ((":5000",), "is not HOST:PORT"),
        (("127.0.0.1:http",), "'http' is not a port"),
        (("127.0.0.1:0",), "'0' is not a port"),
        (("127.0.0.1:65536",), "'65536' is not a port"),
        (("::1:5000",), "in brackets, as in [::1]:5000"),
        (("--reference", "perl"), "invalid choice: 'perl'"),
        (("--spawn", "server"), "has no {port}"),
        (("--spawn", ""), "the command is empty"),
        (("--spawn", "server 'a {port}"), "No closing quotation"),
        (("x:1", "--handshake-timeout", "0"), "--handshake-timeout"),
        (("x:1", "--handshake-timeout", "soon"), "invalid float value"),
        (("x:1", "--select", "no/such-case"), "no case matches 'no/such-case'"),
        (("x:1", "--exclude", "no/such-case"), "no case matches 'no/such-case'"),
        (("x:1", "--select", "hello", "--exclude", "hello"), "no case is selected"),
        (("x:1", "--select", "load", "--upto", "hello"), "no case is selected"),
        (("x:1", "--profile", "gold"), "there is no profile 'gold'"),
        (("x:1", "--upto", "the-end"), "invalid choice: 'the-end'"),
        (("x:1", "--json", "no/such/folder/x.json"), "there is no such folder"),
        (("x:1", "--junit", "."), "it is a folder"),
        (("x:1", "--colour"), "unrecognized arguments: --colour"),
    ],
)
def test_usage_errors(capsys, arguments, words) -> None:
    assert words in usage_error(capsys, *arguments)


def test_help(capsys) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--help"])
    assert caught.value.code == 0
    out = capsys.readouterr().out
    assert "examples:" in out
    assert "exit status:" in out


def test_list(capsys) -> None:
    assert main(["--list"]) == 0
    everything = capsys.readouterr().out
    for case in load_cases():
        assert f"  {case.id} " in everything
    assert main(["--list", "--select", "HELLO-6", "-v"]) == 0
    some = capsys.readouterr().out
    assert "hello/wrong-magic-zeros" in some
    assert "HELLO-6 (MUST): HELLO with a magic other than" in some
    assert "login/ready" not in some


@pytest.mark.parametrize(
    ("pattern", "id_", "does"),
    [
        ("hello", "hello/ping-0", True),
        ("hello/", "hello/ping-0", True),
        ("hell", "hello/ping-0", False),
        ("hello/ping", "hello/ping-0", True),
        ("hello/ping-0", "hello/ping-0", True),
        ("hello/pin*", "hello/ping-0", True),
        ("*/ping-?", "hello/ping-0", True),
        ("PING-1", "hello/ping-0", True),
        ("ping-1", "hello/ping-0", True),
        ("PING-2", "hello/ping-0", False),
        ("ping/cut", "login/vectors/ping/cut", True),
    ],
)
def test_patterns(pattern, id_, does) -> None:
    case = next(case for case in load_cases() if case.id == id_)
    assert matches(case, pattern) is does


def test_upto_stops_after_a_topic() -> None:
    chosen = {case.topic for case in select(load_cases(), upto="login")}
    assert chosen == {"hello", "errors", "login"}


def test_a_command_is_filled_in() -> None:
    command = Command.of_template("serve 'a b' --at 127.0.0.1:{port} -t {handshake_timeout} -n {max_connections}")
    assert command.filled(77) == ["serve", "a b", "--at", "127.0.0.1:77", "-t", "2", "-n", "110"]
    assert command.handshake_timeout == 2
    assert Command.of_template("serve {port}").handshake_timeout is None


# Against the reference, as a process


def test_a_server_that_conforms(suite, tmp_path: Path) -> None:
    result = suite(*REFERENCE, "--upto", "hello", "--json", "run.json", "--junit", "run.xml")
    assert result.returncode == Exit.CONFORMANT, result.stdout
    assert "CORE      CONFORMANT" in result.stdout
    assert "\x1b[" not in result.stdout
    report = json.loads((tmp_path / "run.json").read_text())
    assert {case["status"] for case in report["cases"]} == {"passed"}
    assert {case["topic"] for case in report["cases"]} == {"hello"}
    assert ET.parse(tmp_path / "run.xml").getroot().get("failures") == "0"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run.json", "run.xml"]


def test_a_server_that_does_not(serve, suite, step_1, tmp_path: Path) -> None:
    """The stub knows neither magic nor QUIT."""
    server = serve(step_1)
    result = suite(server.name, "--upto", "hello", "--json", "run.json")
    assert result.returncode == Exit.NOT_CONFORMANT
    assert "FAIL hello/wrong-magic-CAUZ" in result.stdout
    assert "HELLO with a magic other than `CAUS` is answered BYE MALFORMED." in result.stdout
    assert f"again      causerie-conformance {server.name} --select hello/wrong-magic-CAUZ" in result.stdout
    assert "CORE      NOT CONFORMANT" in result.stdout
    report = json.loads((tmp_path / "run.json").read_text())
    by_id = {case["id"]: case for case in report["cases"]}
    assert by_id["hello/wrong-magic-CAUZ"]["finding"]["kind"] == "unexpected frame"
    assert by_id["hello/ping-0"]["status"] == "passed"


@pytest.mark.uncounted
def test_the_rerun_command_runs_that_case_alone(serve, suite, step_1) -> None:
    result = suite(serve(step_1).name, "--upto", "hello")
    again = re.search(r"again +causerie-conformance (\S+ --select \S+)", result.stdout)
    assert again is not None
    alone = suite(*again[1].split())
    assert alone.returncode == Exit.NOT_CONFORMANT
    assert "1 of 1 cases" in alone.stdout


@pytest.mark.uncounted
def test_what_cannot_be_judged_is_said(serve, suite, step_1) -> None:
    result = suite(serve(step_1).name, "--select", "shutdown", "--select", "keepalive/login-limit-nothing")
    assert result.returncode == Exit.CONFORMANT
    assert "Not judged (this is not a pass):" in result.stdout
    assert "give it the command with --spawn 'CMD {port}'" in result.stdout
    assert "say so with --handshake-timeout 2" in result.stdout
    assert "CONFORMANT" not in result.stdout.replace("NOT JUDGED", "")


@pytest.mark.uncounted
def test_verbose_has_a_line_for_each_case(suite) -> None:
    result = suite(*REFERENCE, "--select", "hello/quit", "-v")
    assert re.search(r"^passed +hello/quit +\d+ ms  QUIT is answered BYE NORMAL", result.stdout, re.MULTILINE)


HOSTILE_CONFTEST = """
import pytest
def pytest_collection_modifyitems(items): items.clear()
def pytest_runtest_setup(item): raise RuntimeError("hostile")
@pytest.fixture(autouse=True)
def hostile(): raise RuntimeError("hostile")
"""


@pytest.mark.uncounted
def test_nothing_of_a_users_pytest_leaks_in(suite, tmp_path: Path) -> None:
    (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = --no-such-option -x --collect-only\ntimeout = 0.001\n")
    (tmp_path / "pyproject.toml").write_text("[tool.pytest.ini_options]\naddopts = '--no-such-option'\n")
    (tmp_path / "tox.ini").write_text("[pytest]\nminversion = 99\n")
    (tmp_path / "setup.cfg").write_text("[tool:pytest]\naddopts = --no-such-option\n")
    (tmp_path / "conftest.py").write_text(HOSTILE_CONFTEST)
    (tmp_path / "hostile_plugin.py").write_text("raise RuntimeError('hostile')\n")
    before = sorted(path.name for path in tmp_path.iterdir())
    environment = {
        "PYTEST_ADDOPTS": "--no-such-option --maxfail=1",
        "PYTEST_PLUGINS": "hostile_plugin",
        "PYTEST_TIMEOUT": "0.001",
        "PYTHONPATH": os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")]),
    }
    result = suite(*REFERENCE, "--upto", "hello", **environment)
    assert result.returncode == Exit.CONFORMANT, result.stdout + result.stderr
    assert "hostile" not in result.stdout + result.stderr
    assert sorted(path.name for path in tmp_path.iterdir() if path.name != "__pycache__") == before


HANGING = """
import sys, threading
from causerie_conformance import engine
from causerie_conformance.cli import main
from causerie_conformance.registry import case
engine.BOUND = 0.5 - engine.STOP_TIMEOUT
def hangs(arena):
    "A case that never ends"
    threading.Event().wait(60)
hangs.__module__ = "causerie_conformance.cases.load"
case("load/hangs", "LOAD-1", guarded=False)(hangs)
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.uncounted
@pytest.mark.skipif(not hasattr(signal, "SIGALRM"), reason="without SIGALRM the last bound ends the run")
def test_the_last_bound_ends_a_case_and_keeps_the_report(tmp_path: Path, serve, step_1) -> None:
    program = tmp_path / "hanging.py"
    program.write_text(HANGING)
    server = serve(step_1)
    result = subprocess.run(
        [
            *(sys.executable, str(program), server.name, "--select", "load/hangs", "--select", "hello/ping"),
            *("--json", "run.json", "--handshake-timeout", "1"),
        ],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=tmp_path,
        check=False,
    )
    assert result.returncode == Exit.NOT_CONFORMANT, result.stdout + result.stderr
    assert "FAIL load/hangs" in result.stdout
    report = json.loads((tmp_path / "run.json").read_text())
    statuses = {case["id"]: case["status"] for case in report["cases"]}
    assert statuses.pop("load/hangs") == "failed"
    assert set(statuses.values()) == {"passed"}


@pytest.mark.uncounted
def test_plain_pytest_works_too(serve, step_1, tmp_path: Path) -> None:
    server = serve(step_1)
    result = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-p", "no:cacheprovider"),
            *("--pyargs", "causerie_conformance", "--server", server.name, "-k", "ping-0 or magic-CAUZ", "-q"),
        ],
        capture_output=True,
        text=True,
        timeout=100,
        cwd=tmp_path,
        check=False,
    )
    assert result.returncode == 1, result.stdout + result.stderr
    assert "1 failed, 1 passed" in result.stdout
    assert "HELLO-6    (MUST)" in result.stdout
    assert "Traceback" not in result.stdout


def test_fail_fast_stops_after_the_first_failure(serve, step_1, capsys: pytest.CaptureFixture[str]) -> None:
    server = serve(step_1)
    assert main([server.name, "--select", "hello", "--fail-fast"]) == Exit.NOT_CONFORMANT
    shown = capsys.readouterr().out
    assert shown.count("FAIL ") == 1
    assert "--fail-fast" in shown
