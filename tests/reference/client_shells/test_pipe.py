"""`causerie-chat` between pipes, as a process."""

import os
import signal
import subprocess
import sys

import pytest

from causerie_spec.messages import Ack, Bye, Error, Hello, Login, Quit, Send, Welcome

LIMIT = 20.0


def end(process, text=""):
    out, err = process.communicate(text, timeout=LIMIT)
    assert "Traceback" not in err
    assert "\x1b" not in out + err
    return process.returncode, out, err


def type_in(process, text):
    process.stdin.write(text)
    process.stdin.flush()


def test_say_hi_and_quit(server, chat):
    process = chat(str(server.address), "--handle", "bot")
    type_in(process, "hi\nquit\n")
    peer = server.accept()
    login = peer.log_in()
    assert (login.handle, login.display, len(login.payload)) == ("bot", "bot", 32)
    assert peer.take("bot").text == "hi"
    peer.part()
    code, out, err = end(process)
    assert (code, out) == (0, "22:13:20 bot: hi\n")
    assert err == f"-- connected to {server.address} as bot\n"


def test_the_token_is_the_same_next_time(server, chat):
    tokens = []
    for _ in range(2):
        process = chat(str(server.address), "--handle", "bot", "--display", "The Bot")
        process.stdin.close()
        peer = server.accept()
        login = peer.log_in()
        assert login.display == "The Bot"
        tokens.append(login.payload)
        peer.part()
        assert process.wait(LIMIT) == 0
    assert tokens[0] == tokens[1]


def test_the_end_of_input_waits_for_the_acks(server, chat):
    process = chat(str(server.address), "--handle", "bot")
    type_in(process, "one\ntwo")
    process.stdin.close()
    process.stdin = None
    peer = server.accept()
    peer.log_in()
    first, one = peer.expect(Send)
    second, two = peer.expect(Send)
    assert (one.text, two.text) == ("one", "two")
    peer.send(Ack(1, 1, False), first)
    peer.send(Ack(2, 1, False), second)
    peer.part()  # QUIT comes after them
    assert end(process)[0] == 0


def test_lines_are_what_was_typed(server, chat):
    process = chat(str(server.address), "--handle", "bot")
    type_in(process, "\ufeff  indented \r\n\n//slash\n/me waves\n/msg @bob psst\nquit now\n/quit\nnever\n")
    peer = server.accept()
    peer.log_in()
    sends = [peer.take("bot") for _ in range(5)]
    assert [(send.conversation, send.kind, send.text) for send in sends] == [
        ("#lobby", 0, "  indented "),
        ("#lobby", 0, "/slash"),
        ("#lobby", 1, "waves"),
        ("@bob", 0, "psst"),
        ("#lobby", 0, "quit now"),
    ]
    peer.part()
    code, out, _ = end(process)
    assert code == 0
    assert out.splitlines()[2:4] == ["22:13:20 * bot waves", "22:13:20 bot → @bob: psst"]


def test_each_line_is_there_at_once(server, chat):
    process = chat(str(server.address), "--handle", "bot")
    peer = server.accept()
    peer.log_in()
    for number in range(3):
        peer.say(f"number {number}")
        assert process.stdout.readline() == f"22:13:20 bob: number {number}\n"
    process.stdin.close()
    process.stdin = None
    peer.part()
    assert end(process)[0] == 0


def test_nothing_received_controls_the_terminal(server, chat):  # [CLIENT-7]
    process = chat(str(server.address), "--handle", "bot")
    type_in(process, "/msg @bob x\n")
    peer = server.accept()
    ref, _ = peer.expect(Hello)
    peer.send(Welcome(1, 60, 5, 1, "\x1b]0;agent\x07", ("TOKEN",), ()), ref)
    ref, login = peer.expect(Login)
    from causerie_spec.messages import Ready

    peer.send(Ready(login.handle, "\x1b[31m", b""), ref)
    ref, _ = peer.expect(Send)
    peer.send(Error(99, 0, "\x1b[2Jdetail\u202e"), ref)
    peer.say("\x1b[2J\x9b\u2028\u202e\x07\r\n22:13:20 alice: forged")
    peer.say("x", sender="\x1b[1mbob\n")
    peer.say("x", conversation="#a\x1b\n")
    peer.send(Bye(102, 0, "\x1b[31mreason\n"))
    code, out, err = end(process)
    assert code == 1
    assert out.splitlines() == [
        "22:13:20 bob: \\x1b[2J\\x9b\\u2028\\u202e\\x07⏎22:13:20 alice: forged",
        "22:13:20 \\x1b[1mbob⏎: x",
        "22:13:20 #a\\x1b⏎ bob: x",
    ]
    assert "\\x1b[2Jdetail\\u202e" in err
    assert "\\x1b[31mreason⏎" in err
    assert not set(err) & {"\x1b", "\u202e", "\x07"}


def test_nobody_listens(nobody, chat):
    code, out, err = end(chat(str(nobody), "--handle", "bot"))
    assert (code, out) == (4, "")
    assert err == f"causerie-chat: nothing is listening at {nobody}: start a server with `causerie-server`\n"


def test_a_taken_handle(server, chat):  # [CLIENT-11]
    process = chat(str(server.address), "--handle", "bot")
    peer = server.accept()
    ref, _ = peer.expect(Hello)
    peer.send(Welcome(1, 60, 5, 1, "", ("TOKEN",), ()), ref)
    ref, _ = peer.expect(Login)
    peer.send(Error(4, 0, "taken"), ref)
    code, _, err = end(process)
    assert code == 3
    assert "bot belongs to somebody else" in err


@pytest.mark.parametrize("answer", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\0\0\0\1\x81\0\0\1?"])
def test_something_else_listens(server, chat, answer):  # [CLIENT-12]
    process = chat(str(server.address), "--handle", "bot")
    peer = server.accept()
    peer.expect(Hello)
    peer.sock.sendall(answer)
    code, _, err = end(process)
    assert code == 1
    assert "does not speak Causerie as it should" in err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--handle", "Bot"], "try bot"),
        (["--handle", "bot\x1b"], "\\x1b"),
        (["--handle", "bot", "--display", ""], "display name"),
        (["127.0.0.1:0", "--handle", "bot"], "port"),
        ([], "--handle NAME"),
        (["--nonsense"], "--nonsense"),
    ],
)
def test_usage(chat, arguments, words):
    code, _, err = end(chat(*arguments))
    assert code == 2
    assert words in err


def test_a_damaged_token(chat, environment, tmp_path):
    directory = tmp_path / "data" / "tokens"
    directory.mkdir(parents=True)
    path = directory / "bot@127.0.0.1,5000.token"
    path.write_text("what is this?")
    code, _, err = end(chat("--handle", "bot"))
    assert code == 3
    assert "is damaged" in err
    assert path.read_text() == "what is this?"


def test_help_has_examples(chat):
    code, out, _ = end(chat("--help"))
    assert code == 0
    assert "printf 'hi\\nquit\\n' | causerie-chat --handle bot" in out


def test_misuse_is_hinted_and_remembered(server, chat):
    process = chat(str(server.address), "--handle", "bot")
    type_in(process, "/nonsense\n/help\n")
    peer = server.accept()
    peer.log_in()
    process.stdin.close()
    process.stdin = None
    peer.part()
    code, _, err = end(process)
    assert code == 2
    assert "no /nonsense here" in err
    assert "-- /me waves" in err


def test_a_refused_message(server, chat):
    process = chat(str(server.address), "--handle", "bot")
    type_in(process, "/msg @nobody hi\nquit\n")
    peer = server.accept()
    peer.log_in()
    ref, _ = peer.expect(Send)
    peer.send(Error(7, 0, "no such conversation"), ref)
    peer.part()
    code, _, err = end(process)
    assert code == 1
    assert "not sent: @nobody is not here: “hi”" in err


def test_a_lost_connection_is_told_and_made_again(server, chat):  # [CLIENT-9]
    process = chat(str(server.address), "--handle", "bot")
    peer = server.accept()
    peer.log_in()
    type_in(process, "lost?\n")
    peer.expect(Send)
    peer.close()
    peer = server.accept()  # now it knows: a line typed earlier may still go into the dead connection
    type_in(process, "later\n")
    peer.log_in()
    assert peer.take("bot").text == "later"
    process.stdin.close()
    process.stdin = None
    peer.part()
    code, out, err = end(process)
    assert code == 4  # one message may not have arrived
    assert "unconfirmed, it may or may not have arrived: “lost?”" in err
    assert "trying again in 1 s" in err
    assert f"back at {server.address}" in err
    assert out == "22:13:20 bot: later\n"


def test_a_reader_that_stops_reading(server, chat):
    process = chat(str(server.address), "--handle", "bot")
    peer = server.accept()
    peer.log_in()
    process.stdout.close()
    process.stdout = None
    peer.say("is anybody reading?")
    peer.say("no?")
    peer.part()
    assert process.wait(LIMIT) == 0
    assert process.stderr.read() == f"-- connected to {server.address} as bot\n"


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_leaves_cleanly(server, chat, number):  # [CLIENT-4]
    process = chat(str(server.address), "--handle", "bot")
    peer = server.accept()
    peer.log_in()
    peer.say("hello")
    assert process.stdout.readline()
    process.send_signal(number)
    peer.part()
    assert process.wait(LIMIT) == 0
    assert "Traceback" not in process.stderr.read()


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
def test_a_second_ctrl_c_waits_for_nothing(server, chat):
    process = chat(str(server.address), "--handle", "bot")
    peer = server.accept()
    peer.log_in()
    peer.say("hello")
    assert process.stdout.readline()
    process.send_signal(signal.SIGINT)
    peer.expect(Quit)
    process.send_signal(signal.SIGINT)
    assert process.wait(LIMIT) == 0


def test_the_server_ends_it_while_input_is_open(server, chat):
    """The thread that waits for input must not keep the process, nor crash its end."""
    process = chat(str(server.address), "--handle", "bot")
    peer = server.accept()
    peer.log_in()
    peer.send(Bye(104, 0, ""))
    assert process.wait(LIMIT) == 1
    assert "Fatal" not in process.stderr.read()


def test_a_terminal_that_speaks_latin_1(server, chat):
    process = chat(str(server.address), "--handle", "bot", PYTHONIOENCODING="latin-1")
    peer = server.accept()
    peer.log_in()
    peer.say("é 🦊")
    process.stdin.close()
    process.stdin = None
    peer.part()
    raw = process.stdout.buffer.read()
    assert raw == b"22:13:20 bob: \xe9 \\U0001f98a\n"


@pytest.mark.parametrize(("debug", "shown"), [("", False), ("1", True)])
def test_a_bug_is_one_line_unless_asked_for(environment, tmp_path, debug, shown):
    (tmp_path / "sitecustomize.py").write_text(
        "import causerie.client.tokens as tokens\ntokens.TokenStore.token = lambda *_: 1 / 0\n"
    )
    process = subprocess.run(
        [sys.executable, "-m", "causerie.console", "--handle", "bot"],
        check=False,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        env=environment | {"PYTHONPATH": str(tmp_path), "CAUSERIE_DEBUG": debug},
        encoding="utf-8",
        timeout=LIMIT,
    )
    assert process.returncode == 1
    assert ("Traceback" in process.stderr) is shown
    assert "division by zero" in process.stderr


def test_the_command_is_installed():
    from pathlib import Path

    script = Path(sys.executable).with_name("causerie-chat")
    if not script.exists():
        pytest.skip("causerie is not installed beside this Python")
    assert subprocess.run([script, "--version"], capture_output=True, check=True, timeout=LIMIT).stdout
