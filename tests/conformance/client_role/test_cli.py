"""``causerie-conformance client``: usage errors, lists, reports and exit statuses."""

import json
import re
import sys

import pytest

from causerie_conformance.cli import main
from causerie_conformance.client_role.command import ClientCommand
from causerie_conformance.registry import load_client_cases
from causerie_conformance.results import Exit

COMMAND = ("--", "./chat", "{port}", "{handle}")


def usage_error(capsys, *arguments):
    with pytest.raises(SystemExit) as caught:
        main(["client", *arguments])
    assert caught.value.code == Exit.USAGE
    out, error = capsys.readouterr()
    assert out == ""
    assert error.startswith("causerie-conformance client: ")
    return error


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "there is no command: put it behind --"),
        (("--",), "there is no command"),
        (("--", "./chat", "{handle}"), "the command has no {port}"),
        (("--", "./chat", "{port}"), "the command has no {handle}"),
        (("--command", "chat 'a"), "No closing quotation"),
        (("--command", "chat {port} {handle}", *COMMAND), "not both"),
        (("--reference", "console", *COMMAND), "not both"),
        (("--reference", "perl"), "invalid choice: 'perl'"),
        (("--password", "--pw file", *COMMAND), "--password: the words have no {password_file}"),
        (("--tls", "--ca file", *COMMAND), "--tls: the words have no {ca_file}"),
        (("--at-once", "0", *COMMAND), "--at-once: a number from 1"),
        (("--select", "no/such-case", *COMMAND), "no case matches 'no/such-case'"),
        (("--select", "greeting", "--exclude", "greeting", *COMMAND), "no case is selected"),
        (("--profile", "gold", *COMMAND), "there is no profile 'gold'"),
        (("--json", "no/such/folder/x.json", *COMMAND), "there is no such folder"),
        (("127.0.0.1:5000",), "unrecognized arguments: 127.0.0.1:5000"),
    ],
)
def test_usage_errors(capsys, arguments, words):
    assert words in usage_error(capsys, *arguments)


def test_list(capsys):
    assert main(["client", "--list", "--select", "CLIENT-9"]) == Exit.CONFORMANT
    out = capsys.readouterr().out
    assert "resending/new-epoch" in out
    assert "greeting" not in out
    assert out.startswith("resending (")


def test_known_failures_are_those_of_clients(capsys, tmp_path):
    known = tmp_path / "known"
    known.write_text("hello/answers\n")
    error = usage_error(capsys, "--known-failures", str(known), *COMMAND)
    assert "there is no case 'hello/answers'" in error


def test_a_client_that_cannot_be_started(capsys):
    status = main(["client", "--", "/no/such/program", "{port}", "{handle}"])
    assert status == Exit.UNREACHABLE
    assert "cannot start '/no/such/program': " in capsys.readouterr().out


def script(text):
    """A client whose whole program is this."""
    return ["--", sys.executable, "-c", text, "{host}", "{port}", "{handle}", "{state}"]


def test_a_client_that_ends_at_once(capsys):
    assert main(["client", *script("print('no server here')")]) == Exit.UNREACHABLE
    out = capsys.readouterr().out
    assert "there is no client to judge" in out
    assert "no server here" in out


TALKS_HTTP = """
import socket, sys
sock = socket.create_connection((sys.argv[1], int(sys.argv[2])))
sock.sendall(b"GET / HTTP/1.1\\r\\n\\r\\n")
sock.recv(1)
"""


def test_a_client_of_another_protocol(capsys, tmp_path):
    report = tmp_path / "report.json"
    assert main(["client", "--json", str(report), *script(TALKS_HTTP)]) == Exit.NOT_CONFORMANT
    found = json.loads(report.read_text(encoding="utf-8"))
    (gate, *others) = found["cases"]
    assert (gate["id"], gate["status"]) == ("greeting/hello", "failed")
    assert {case["status"] for case in others} == {"not run"}
    assert found["role"] == "client"


HELLO_ONLY = """
import socket, sys
sock = socket.create_connection((sys.argv[1], int(sys.argv[2])))
sock.sendall(bytes.fromhex("0000000a 01 00 0001 43415553 01 01 0000 00 00"))
sys.stdin.read()
"""


def test_fail_fast_and_known_failures(capsys, tmp_path):
    known = tmp_path / "known"
    known.write_text("greeting/login  # not yet\n")
    selected = ["--select", "greeting/login", "--select", "greeting/hello", "--select", "repairing/gap"]
    options = [*selected, "--known-failures", str(known), "--verbose"]
    assert main(["client", *options, *script(HELLO_ONLY + "sys.exit(0)")]) == Exit.CONFORMANT
    out = capsys.readouterr().out
    assert "passed      greeting/hello" in out
    assert "known" in out
    assert "Not offered by the client, so not judged: history" in out
    assert main(["client", "-x", *selected, *script("raise SystemExit" + HELLO_ONLY)]) != Exit.CONFORMANT


def test_the_command_that_runs_it_again(capsys):
    program = [sys.executable, "-c", "print('it ends here')"]
    main(["client", "--password", "--pw {password_file}", "--", *program, "{port}", "{handle}"])
    command = ClientCommand.of([*program, "{port}", "{handle}"])
    assert "{port} {handle}" in str(command)
    assert "there is no client to judge" in capsys.readouterr().out


def test_fail_fast(capsys):
    ends = HELLO_ONLY.replace("sys.stdin.read()", "print('gone')")
    status = main(["client", "-x", "--at-once", "1", "--select", "greeting", *script(ends)])
    out = capsys.readouterr().out
    assert status == Exit.NOT_CONFORMANT
    (failed,) = re.findall(r"--fail-fast: (greeting/[a-z-]+) failed", out)  # which, depends on how soon it is gone
    assert f"--select {failed}" in out


def test_every_case_has_a_role_of_its_own():
    assert {case.role for case in load_client_cases()} == {"client"}
