"""`causerie-server user`, alone and beside a server that runs; and `causerie-chat` with what it made."""

import io
import os
import socket
import subprocess
import sys

import pytest

from causerie import passwords
from causerie.core import accounts as core
from causerie.server import accounts, cli, storage
from causerie_spec.codec import Decoder, decode, encode
from causerie_spec.codes import ErrorCode
from causerie_spec.messages import Hello, Login

LIMIT = 30.0
FAST = ("--scram-iterations", "4096")


@pytest.fixture
def data(tmp_path):
    return tmp_path / "chat.db"


@pytest.fixture
def user(data, capsys, monkeypatch):
    """A factory: runs the command, with a password on stdin; returns status, stdout and stderr."""

    def run(*arguments, password=""):
        command, *rest = arguments
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(password.encode())))
        source = ("--password-stdin", *FAST) if command in ("add", "passwd") else ()
        status = cli.main(["user", command, "--data", str(data), *source, *rest])
        return status, *capsys.readouterr()

    return run


def keys(data):
    with storage.open_accounts(data) as file:
        return dict(file.accounts())


def test_the_life_of_an_account(user, data):
    assert user("add", "bob", password="pencil\n") == (0, "bob has an account now\n", "")
    assert user("add", "alice", password="x")[0] == 0
    assert user("list") == (0, "alice\nbob\n", "")
    before = keys(data)["bob"]
    assert before == core.keys_of("pencil", before.salt, 4096)
    assert user("passwd", "bob", password="pen") == (0, "bob has another password now\n", "")
    after = keys(data)["bob"]
    assert after == core.keys_of("pen", after.salt, 4096)
    assert after.salt != before.salt
    status, out, _ = user("remove", "bob")
    assert (status, out.partition(";")[0]) == (0, "bob has no account any more")
    assert user("list")[1] == "alice\n"
    user("remove", "alice")
    assert user("list") == (0, "", "")


@pytest.mark.parametrize(
    ("arguments", "password", "words"),
    [
        (("add", "alice"), "x", "alice has an account already"),
        (("passwd", "bob"), "x", "bob has no account"),
        (("remove", "bob"), "", "bob has no account"),
        (("add", "bob"), "", "no password in standard input"),
        (("add", "bob"), "a\a", "that is no password: it holds a control character (U+0007)"),
        (("add", "bob"), "🦊", "that is no password: it holds a character that SASLprep does not know (U+1F98A)"),
        (("add", "bob"), "\u00ad", "that is no password: it is empty"),
    ],
)
def test_what_is_not_done_is_explained(user, data, arguments, password, words):
    user("add", "alice", password="y")
    before = keys(data)
    status, out, err = user(*arguments, password=password)
    assert (status, out) == (1, "")
    assert err.startswith("causerie-server user: ")
    assert words in err
    assert err.count("\n") == 1
    assert keys(data) == before


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["make", "bob"],
        ["add"],
        ["add", "Bob"],
        ["add", "bob", "--scram-iterations", "4095"],
        ["add", "bob", "--scram-iterations", "1000001"],
        ["add", "bob", "--scram-iterations", "٤٠٩٦"],
        ["add", "bob", "--password-stdin", "--password-file", "x"],
        ["list", "bob"],
    ],
)
def test_usage(data, capsys, arguments):
    with pytest.raises(SystemExit) as ended:
        cli.main(["user", *arguments])
    assert ended.value.code == 2
    assert "causerie-server user" in capsys.readouterr().err
    assert not data.exists()


def test_a_password_is_asked_for_twice(data, monkeypatch, capsys):
    asked = []
    answers = ["pencil", "pencil", "pencil", "pen"]
    monkeypatch.setattr(passwords, "ask", lambda prompt: asked.append(prompt) or answers.pop(0))
    command = ["user", "add", "--data", str(data), *FAST]
    assert cli.main([*command, "alice"]) == 0
    assert cli.main([*command, "bob"]) == 1
    assert "the two are not the same" in capsys.readouterr().err
    assert asked == ["Password for alice: ", "The same again: ", "Password for bob: ", "The same again: "]
    assert list(keys(data)) == ["alice"]


def test_a_user_who_changes_their_mind(data, monkeypatch, capsys):
    def interrupt(prompt):
        raise KeyboardInterrupt

    monkeypatch.setattr(passwords, "ask", interrupt)
    assert cli.main(["user", "add", "--data", str(data), "alice"]) == 1
    assert keys(data) == {}


@pytest.mark.parametrize("arguments", [("list",), ("remove", "bob"), ("passwd", "bob")])
def test_no_file_is_made_by_mistake(user, data, arguments):
    status, _, err = user(*arguments, password="x")
    assert status == 1
    assert f"there is no file {data}" in err
    assert not data.exists()


def test_a_file_that_is_no_store(data, user):
    data.write_text("hello")
    status, _, err = user("list")
    assert status == 1
    assert str(data) in err


# Accounts from a file


def test_users_from_a_file(tmp_path):
    file = tmp_path / "users"
    file.write_bytes("alice:pencil\r\n\nbob: a:b, é \n".encode())
    assert accounts.read_users(file) == {"alice": "pencil", "bob": " a:b, é "}


@pytest.mark.parametrize("content", [b"alice", b"alice:", b"Alice:x", b":x", b"a:b\nbob", b"\xff:x", b"a:\a"])
def test_files_that_are_no_list_of_users(tmp_path, content, capsys):
    file = tmp_path / "users"
    file.write_bytes(content)
    with pytest.raises(passwords.PasswordError):
        accounts.read_users(file)
    assert cli.main(["--memory", "--port", "0", "--users-file", str(file)]) == 1
    assert str(file) in capsys.readouterr().err


def test_an_account_whose_password_is_right_keeps_its_salt(data):
    with storage.open_accounts(data) as file:
        accounts.put_users(file, {"alice": "pencil", "bob": "x"}, 4096)
    before = keys(data)
    with storage.open_accounts(data) as file:
        accounts.put_users(file, {"alice": "pencil", "bob": "y"}, 4096)
    after = keys(data)
    assert after["alice"] == before["alice"]
    assert after["bob"] != before["bob"]


# Beside a server that runs


@pytest.fixture(params=["asyncio", "threaded"])
def server(data, request):
    """The address of a server of its own process, which counts what this machine's own addresses do."""
    limits = ("--throttle-local", "--failures-per-minute", "6", "--reservations-per-minute", "2")
    start = (sys.executable, "-m", "causerie.server", "--engine", request.param, "--port", "0", "--data", str(data))
    command = [*start, *FAST, *limits]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert process.stdout is not None
    yield process.stdout.readline().split()[3]
    process.terminate()
    process.wait(LIMIT)
    process.stdout.close()


@pytest.fixture
def chat(tmp_path, server):
    """A factory: `causerie-chat` that says hi and leaves; returns status, stdout and stderr."""

    def run(*arguments, home="home"):
        environment = {**os.environ, "CAUSERIE_HOME": str(tmp_path / home)}
        command = [sys.executable, "-m", "causerie.console", server, "--handle", "alice", *arguments]
        done = subprocess.run(
            command, input="hi\n", capture_output=True, text=True, env=environment, timeout=LIMIT, check=False
        )
        return done.returncode, done.stdout, done.stderr

    return run


@pytest.mark.once
def test_an_account_while_the_server_runs(tmp_path, user, chat):
    secret, wrong = tmp_path / "secret", tmp_path / "wrong"
    secret.write_text("pencil\n")
    wrong.write_text("pen\n")
    assert chat(home="first")[0] == 0  # alice is reserved by a token
    user("add", "alice", password="pencil")
    status, _, err = chat(home="first")
    assert status == 3
    assert "give --password if it is your account" in err
    status, out, err = chat("--password-file", str(wrong))
    assert status == 3
    assert "did not accept that password for alice" in err
    status, out, _ = chat("--password-file", str(secret))
    assert status == 0
    assert out.endswith("alice: hi\n")
    status, _, err = chat()  # [SCRAM-8]: no token is shown to this server any more
    assert status == 2
    assert "logs in" in err
    assert "with a password" in err
    user("passwd", "alice", password="pen")
    assert chat("--password-file", str(secret))[0] == 3
    assert chat("--password-file", str(wrong))[0] == 0
    user("remove", "alice")
    assert chat("--password-file", str(wrong))[0] == 3
    assert chat(home="first")[0] == 3  # nobody gets the handle, not who had it first either
    status, _, err = chat("--password")
    assert status == 3
    assert "--password-file" in err


def answers(server, *logins):
    """What one connection is told: the code of ERROR, else the frame's name."""
    host, _, port = server.rpartition(":")
    with socket.create_connection((host, int(port)), LIMIT) as sock:
        frames = [encode(Hello(b"CAUS", 1, 1, 0, "", ()), 1), *(encode(login, 2) for login in logins)]
        sock.sendall(b"".join(frames))
        sock.shutdown(socket.SHUT_WR)
        decoder = Decoder()
        while data := sock.recv(65536):
            decoder.feed(data)
    messages = [decode(frame.type, frame.body) for frame in decoder]
    return [getattr(message, "code", message.NAME) for message in messages[1:]]


def test_an_address_is_held_back(server):  # [LOAD-6]
    def token(handle, octet):
        return Login("TOKEN", handle, handle, octet * 32)

    mine = token("alice", b"a")
    assert [answers(server, token(handle, b"a"))[:1] for handle in ("alice", "bob")] == [["READY"]] * 2
    assert answers(server, token("carol", b"a")) == [ErrorCode.RATE_LIMITED]
    assert answers(server, mine)[:1] == ["READY"]
    thief = [token("alice", b"x")] * 8
    assert answers(server, *thief) == [ErrorCode.HANDLE_TAKEN] * 6 + [ErrorCode.RATE_LIMITED] * 2
    assert answers(server, mine) == [ErrorCode.RATE_LIMITED]
