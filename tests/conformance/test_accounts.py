"""Accounts that the suite logs in with: where they come from, and what is judged without them."""

import json
import subprocess
import sys

import pytest

from causerie.core import saslprep
from causerie_conformance import accounts, setup
from causerie_conformance.accounts import Account
from causerie_conformance.process import Command
from causerie_conformance.scram import Exchange

pytestmark = pytest.mark.uncounted

SERVER = f'"{sys.executable}" -m causerie.server --memory --port {{port}} --scram-iterations 4096'
LIMIT = 100


def run(report, *arguments):
    """Run the suite; returns the cases of its report by id, the exit status, and what was printed."""
    command = [sys.executable, "-m", "causerie_conformance", *arguments, "--no-replays", "--json", str(report)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT, check=False)
    cases = json.loads(report.read_text(encoding="utf-8"))["cases"]
    return {case["id"]: case for case in cases}, done.returncode, done.stdout + done.stderr


def test_from_a_file_and_back(tmp_path):
    made = accounts.made_up()
    with accounts.as_file(made) as path:
        assert accounts.read(type(tmp_path)(path)) == made
    assert not type(tmp_path)(path).exists()
    assert len({account.handle for account in made}) == 3
    assert made != accounts.made_up()


def test_some_made_up_password_is_changed_by_saslprep():
    made = accounts.made_up()
    assert [account.prepared == account.password for account in made] == [True, True, False]
    for account in made:
        assert account.prepared == saslprep.prepare(account.password, stored=True)


def test_from_the_command_line(tmp_path):
    file = tmp_path / "users"
    file.write_bytes("carol:é,x\r\n\n".encode())
    assert setup.accounts_for("alice:pencil,bob:a:b", None) == (Account("alice", "pencil"), Account("bob", "a:b"))
    assert setup.accounts_for("alice:pencil", file) == (Account("carol", "é,x"), Account("alice", "pencil"))
    assert setup.accounts_for(None, None) == ()


@pytest.mark.parametrize("users", ["", "alice", "alice:", ":secret", "Alice:secret", "alice:secret,", "a:secret,b"])
def test_what_names_no_accounts(users):
    with pytest.raises(setup.SetupError, match="is not HANDLE:PASSWORD") as error:
        setup.accounts_for(users, None)
    assert "secret" not in str(error.value)


@pytest.mark.parametrize("content", [None, b"\xff", b"alice"])
def test_files_that_name_no_accounts(tmp_path, content):
    file = tmp_path / "users"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(setup.SetupError, match="--users-file"):
        setup.accounts_for(None, file)


def test_a_command_that_takes_accounts_gets_some():
    command = Command.of_template("serve {port} --users={users}")
    assert len(command.accounts) == 3
    assert command.filled(1, "/tmp/x") == ["serve", "1", "--users=/tmp/x"]
    assert Command.of_template("serve {port}").accounts == ()


def test_the_proof_of_rfc_7677():
    exchange = Exchange("user", "pencil", nonce="rOprNGfwEbeRWgbNEkqO")
    assert exchange.first == b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO"
    server = b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
    assert exchange.take(server) is None
    assert exchange.final().endswith(b",p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=")
    assert exchange.server_final == b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="


@pytest.mark.parametrize(
    ("first", "words"),
    [
        (b"", "server-first"),
        (b"\xff", "server-first"),
        (b"r=NONCE1,s=AAAA", "server-first"),
        (b"r=NONCE1,s=AAAA,i=0", "server-first"),
        (b"r=NONCE1,s=AAA,i=4096", "Base64"),
        (b"r=NONCE,s=AAAA,i=4096", "a nonce that begins with NONCE, and goes on"),
        (b"r=XNONCE,s=AAAA,i=4096", "a nonce that begins with NONCE, and goes on"),
        (b"r=NONCE1,s=AAAA,i=4096,m=x", "no mandatory extension"),
        (b"r=NONCE1,s=AAAA,i=4096,x=y", None),
    ],
)
def test_challenges(first, words):
    found = Exchange("user", nonce="NONCE").take(first)
    assert (found is None) if words is None else (words in found)


def test_without_accounts_what_needs_one_is_not_judged(tmp_path):
    found, status, shown = run(tmp_path / "report", "--spawn", SERVER, "--select", "scram")
    assert status == 0
    assert found["scram/unknown"]["status"] == "passed"
    assert found["scram/first-authzid"]["status"] == "passed"
    assert found["scram/login"]["status"] == "not judged"
    assert "--users" in shown


def test_with_accounts_all_is_judged(tmp_path):
    users = tmp_path / "users"
    users.write_text("alice:pencil\nbob:I\u00adX\n", encoding="utf-8")
    server = f'{SERVER} --users-file "{users}"'
    found, status, shown = run(
        tmp_path / "report", "--spawn", server, "--users-file", str(users), "--select", "scram", "--exclude", "scram/f*"
    )
    assert status == 0, shown
    assert {case["status"] for case in found.values()} == {"passed"}


def test_a_wrong_password_is_the_servers_fault_as_far_as_the_suite_knows(tmp_path):
    users = tmp_path / "users"
    users.write_text("alice:pencil\n")
    arguments = ("--spawn", f'{SERVER} --users-file "{users}"', "--users", "alice:secret", "--select", "scram/login")
    found, status, shown = run(tmp_path / "report", *arguments)
    assert status == 1
    assert found["scram/login"]["finding"]["clause"] == "SCRAM-1"
    assert "AUTH_FAILED" in shown
    assert "secret" not in shown
