"""`causerie-chat` in a real terminal (a pty): what is half typed survives what comes in."""

import contextlib
import os
import re
import select
import signal
import subprocess
import sys
import time

import pytest

from causerie_spec.codes import ErrorCode
from causerie_spec.messages import Error, Hello, Login, Quit, Welcome

if os.name == "nt":
    pytest.skip("ptys are POSIX; the terminal shell is driven by hand on Windows", allow_module_level=True)

import fcntl
import pty
import struct
import termios

LIMIT = 20.0
CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b[()=>][0-9AB]?|\x1b\][^\x07]*\x07|\r")


class Terminal:
    """The user's end of the pty: everything that was written to the screen so far, and a keyboard."""

    def __init__(self, arguments, environment, columns=80):
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        self.process = subprocess.Popen(
            [sys.executable, "-W", "error", "-m", "causerie.console", *arguments],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env=environment | {"TERM": "xterm-256color", "PROMPT_TOOLKIT_NO_CPR": "1"},
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # noqa: PLW1509  # so that Ctrl-C is a signal
        )
        os.close(slave)
        self.raw = b""
        self.mark = 0

    def read(self, deadline):
        """One more piece of output; False at its end."""
        assert select.select([self.master], [], [], max(0.0, deadline - time.monotonic()))[0], self.text
        try:
            data = os.read(self.master, 65536)
        except OSError:  # Linux says EIO when the last process has closed the terminal
            return False
        self.raw += data
        return bool(data)

    @property
    def text(self):
        return CONTROL.sub("", self.raw.decode("utf-8", "replace"))

    def until(self, words):
        """Read until the words appear after those of the last call."""
        deadline = time.monotonic() + LIMIT
        while words not in self.text[self.mark :]:
            assert self.read(deadline), f"{words!r} did not come: {self.text!r}"
        self.mark = self.text.index(words, self.mark) + len(words)

    def type(self, text):
        os.write(self.master, text.encode())

    def end(self):
        """Read to the end; the exit code."""
        deadline = time.monotonic() + LIMIT
        while self.read(deadline):
            pass
        code = self.process.wait(LIMIT)
        assert "Traceback" not in self.text
        return code

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(LIMIT)
        os.close(self.master)


@pytest.fixture
def terminal(environment):
    with contextlib.ExitStack() as stack:

        def make(*arguments, columns=80, **extra):
            made = Terminal(arguments, environment | extra, columns)
            stack.callback(made.close)
            return made

        yield make


@pytest.fixture
def chatting(terminal, server):
    """A factory: a terminal that is logged in as alice, and its peer."""

    def make(**options):
        made = terminal(str(server.address), "--handle", "alice", **options)
        peer = server.accept()
        peer.log_in()
        made.until("tells more")
        return made, peer

    return make


def test_half_typed_input_survives(chatting):
    terminal, peer = chatting()
    terminal.type("half ty")
    terminal.until("half ty")
    peer.say("an interruption")
    terminal.until("bob: an interruption")
    terminal.until("> half ty")  # drawn again, below
    terminal.type("ped\r")
    assert peer.take("alice").text == "half typed"
    terminal.until("alice: half typed")
    terminal.type("quit\r")
    peer.part()
    assert terminal.end() == 0


@pytest.mark.parametrize("keys", ["\x03", "\x04", "/quit\r", "half typed\x03"])
def test_ways_to_leave(chatting, keys):  # [CLIENT-4]
    terminal, peer = chatting()
    terminal.type(keys)
    peer.part()
    assert terminal.end() == 0


def test_a_signal_leaves_cleanly(chatting):
    terminal, peer = chatting()
    terminal.process.send_signal(signal.SIGTERM)
    peer.part()
    assert terminal.end() == 0


def test_ctrl_c_twice_waits_for_nothing(chatting):
    terminal, peer = chatting()
    terminal.type("\x03")
    peer.expect(Quit)
    terminal.process.send_signal(signal.SIGINT)
    assert terminal.end() == 0


def test_the_server_goes_and_comes_back(chatting, server):
    terminal, peer = chatting()
    terminal.type("/msg @b")
    terminal.until("/msg @b")
    peer.close()
    terminal.until("trying again in 1 s")
    terminal.until("/msg @b")
    peer = server.accept()
    peer.log_in(epoch=2)
    terminal.until(f"back at {server.address} (the server was restarted meanwhile)")
    terminal.type("ob hi\r")
    assert peer.take("alice").conversation == "@bob"


def test_the_server_ends_it_while_something_is_half_typed(chatting):
    from causerie_spec.messages import Bye

    terminal, peer = chatting()
    terminal.type("half")
    terminal.until("half")
    peer.send(Bye(104, 0, "old"))
    terminal.until("causerie-chat: the server at")
    assert terminal.end() == 1


def test_nothing_received_controls_the_terminal(chatting):  # [CLIENT-7]
    terminal, peer = chatting()
    peer.say("\x1b[2J\x07\x9b1m\u202e end", sender="bob\x1b[31m")
    terminal.until("bob\\x1b[31m: \\x1b[2J\\x07\\x9b1m\\u202e end")
    assert b"\x1b[2J\x07" not in terminal.raw
    peer.say("one\n22:13:20 alice: forged")
    terminal.until("bob: one\n" + " " * 9 + "22:13:20 alice: forged")


def test_long_lines_go_on_indented(chatting):
    terminal, peer = chatting(columns=40)
    peer.say("word " * 10 + "22:13:20 alice: forged")
    terminal.until("bob: word word word word word\n" + " " * 9 + "word")


def test_colours_and_no_colour(chatting):
    terminal, peer = chatting()
    peer.say("hello")
    terminal.until("bob: hello")
    assert re.search(rb"\x1b\[0;3[0-9]m", terminal.raw)
    plain, peer = chatting(NO_COLOR="1")
    peer.say("hello")
    plain.until("bob: hello")
    assert not re.search(rb"\x1b\[[0-9;]*(3|9)[0-7]m", plain.raw)


def test_help_hints_and_completion(chatting):
    terminal, peer = chatting()
    terminal.type("/nope\r")
    terminal.until("!! there is no /nope here")
    terminal.type("/help\r")
    terminal.until("quit or /quit")
    terminal.type("/ms\t")
    terminal.until("/msg")
    terminal.type("@bob hi\r")
    assert peer.take("alice").text == "hi"


def test_it_asks_for_a_handle_and_remembers_it(terminal, server):
    asked = terminal(str(server.address))
    asked.until("Your handle: ")
    asked.type("Alice\r")
    asked.until("try alice")
    asked.type("alice\r")
    peer = server.accept()
    assert peer.log_in().handle == "alice"
    asked.until("everybody in the lobby")
    asked.type("\x04")
    peer.part()
    assert asked.end() == 0
    again = terminal(str(server.address))
    again.until("Your handle [alice]: ")
    again.type("\r")
    assert server.accept().log_in().handle == "alice"


@pytest.mark.parametrize("key", ["\x03", "\x04"])
def test_a_user_who_will_not_say(terminal, key):
    asked = terminal()
    asked.until("Your handle: ")
    asked.type(key)
    assert asked.end() == 0


def test_a_dumb_terminal_and_one_without_prompt_toolkit_get_the_plain_shell(terminal, server, tmp_path, environment):
    hidden = tmp_path / "hidden"
    hidden.mkdir()
    (hidden / "sitecustomize.py").write_text(
        "import importlib.util as util\n"
        "find = util.find_spec\n"
        "util.find_spec = lambda name, *rest: None if name == 'prompt_toolkit' else find(name, *rest)\n"
    )
    plain = terminal(str(server.address), "--handle", "alice", PYTHONPATH=str(hidden))
    plain.until("for a better prompt: pip install 'causerie[console]'")
    peer = server.accept()
    peer.log_in()
    plain.until("connected to")
    plain.type("hi\n")
    assert peer.take("alice").text == "hi"
    plain.until("alice: hi")
    plain.type("\x04")
    peer.part()
    assert plain.end() == 0
    assert b"\x1b" not in plain.raw


def test_a_password_is_asked_for_without_echo(terminal, server):
    made = terminal(str(server.address), "--handle", "alice", "--password")
    made.until(f"Password of alice at {server.address}: ")
    made.type("pencil\n")
    peer = server.accept()
    ref, _ = peer.expect(Hello)
    peer.send(Welcome(1, 60, 5, 1, "fake", ("TOKEN", "SCRAM-SHA-256"), ()), ref)
    ref, login = peer.expect(Login)
    assert login.mechanism == "SCRAM-SHA-256"
    assert login.payload.startswith(b"n,,n=alice,r=")
    peer.send(Error(ErrorCode.AUTH_FAILED, 0, "no"), ref)
    assert made.end() == 3
    assert "did not accept that password for alice" in made.text
    assert "pencil" not in made.text


def test_no_password_is_no_login(terminal, server):
    made = terminal(str(server.address), "--handle", "alice", "--password")
    made.until("Password of alice")
    made.type("\x04")
    assert made.end() == 0
    made = terminal(str(server.address), "--handle", "alice", "--password")
    made.until("Password of alice")
    made.type("\n")
    assert made.end() == 3
    assert "that is no password: it is empty" in made.text
