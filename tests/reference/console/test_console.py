"""What a typed line means, what an event shows, and how it fits."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from causerie.client.address import Address
from causerie.console.commands import COMMANDS, Help, Hint, JoinRoom, Leave, LeaveRoom, Say, understand
from causerie.console.exits import Exit, exit_code
from causerie.console.layout import fit
from causerie.console.plain import decoded_lines
from causerie.console.view import Line, Role, Span, View, clock
from causerie.core.client import (
    Cause,
    Connected,
    Connecting,
    Disconnected,
    Ending,
    Gap,
    LoggedIn,
    MessageQueued,
    MessageShown,
    MessagesMissed,
    MessageState,
    RoomJoined,
    RoomLeft,
    RoomRefused,
    SendState,
    Stopped,
)
from causerie_spec.codes import ByeCode


@pytest.mark.parametrize(
    ("line", "action"),
    [
        ("", None),
        ("  ", None),
        ("hi", Say("#lobby", "hi")),
        ("  hi ", Say("#lobby", "  hi ")),
        ("quit", Leave()),
        (" quit ", Leave()),
        ("quit it", Say("#lobby", "quit it")),
        ("/quit", Leave()),
        ("/quit now", Leave()),
        ("/help", Help()),
        ("//quit", Say("#lobby", "/quit")),
        ("/me waves", Say("#lobby", "waves", 1)),
        ("/msg @bob hello there", Say("@bob", "hello there")),
        ("/msg bob hello", Say("@bob", "hello")),
        ("/msg #ops  x", Say("#ops", " x")),
        ("/join #ops", JoinRoom("#ops")),
        ("/join ops ", JoinRoom("#ops")),
        ("/leave #ops", LeaveRoom("#ops")),
    ],
)
def test_lines(line, action):
    assert understand(line) == action


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("/me", "/me waves"),
        ("/msg", "/msg @bob hello"),
        ("/msg @bob", "/msg @bob hello"),
        ("/msg @Bob hi", "/msg @bob hello"),
        ("/join", "/join #ops"),
        ("/join #lobby", "/join #ops"),
        ("/leave @bob", "/leave #ops"),
        ("/jion #a", "no /jion here"),
        ("/\x1b[2J", "\\x1b"),
        ("x" * 16385, "this one has 16385"),
        ("/", "/help"),
    ],
)
def test_hints(line, words):
    hint = understand(line)
    assert isinstance(hint, Hint)
    assert words in hint.text
    assert "\x1b" not in hint.text


def test_every_command_is_understood():
    for command in COMMANDS:
        rest = "#ops" if command in ("/join", "/leave") else "@bob x"
        assert not isinstance(understand(f"{command} {rest}"), Hint)


@pytest.fixture
def view(monkeypatch):
    monkeypatch.setattr("causerie.console.view.clock", lambda timestamp: "12:00:00")
    return View(Address(), "alice")


def shown(view, event):
    return [line.flat for line in view.lines(event)]


def message(text="hi", sender="bob", conversation="#lobby", kind=0):
    return MessageShown(conversation, 1, 0, sender, kind, text, 5, sender == "alice")


@pytest.mark.parametrize(
    ("event", "line"),
    [
        (message(), "12:00:00 bob: hi"),
        (message(sender="alice"), "12:00:00 alice: hi"),
        (message(kind=1, text="waves"), "12:00:00 * bob waves"),
        (message(kind=77), "12:00:00 bob: hi"),
        (message(conversation="@bob"), "12:00:00 bob → you: hi"),
        (message(conversation="@bob", sender="alice"), "12:00:00 alice → @bob: hi"),
        (message(conversation="@bob", kind=1, text="nods"), "12:00:00 * bob → you nods"),
        (message(conversation="#ops"), "12:00:00 #ops bob: hi"),
        (message(conversation="#ops", kind=128, text=""), "12:00:00 #ops * bob joined #ops"),
        (message(conversation="#ops", kind=129, text=""), "12:00:00 #ops * bob left #ops"),
        (message("a\nb"), "12:00:00 bob: a⏎b"),
    ],
)
def test_messages(view, event, line):
    assert shown(view, event) == [line]


def test_mentions(view):
    assert view.lines(message("hello Alice"))[0].role is Role.MENTION
    assert view.lines(message("hello"))[0].role is Role.TEXT
    assert view.lines(message("I am alice", sender="alice"))[0].role is Role.TEXT
    assert view.people == {"bob"}


def test_a_connection_that_comes_and_goes(view):
    assert shown(view, Connecting(1)) == []
    assert view.status == "alice at 127.0.0.1:5000, connecting"
    assert shown(view, Connected("x", frozenset(), 60, 5)) == []
    assert shown(view, LoggedIn("alice", "Alice", False, False)) == ["-- connected to 127.0.0.1:5000 as alice"]
    assert view.status == "alice at 127.0.0.1:5000"
    assert shown(view, MessageQueued(1, "#lobby", 0, "a")) == []
    assert view.status == "alice at 127.0.0.1:5000, 1 not confirmed yet"
    assert shown(view, Disconnected(Ending(Cause.END_OF_STREAM), 2.6)) == [
        "!! the server at 127.0.0.1:5000 closed the connection; trying again in 3 s"
    ]
    assert shown(view, MessageState(1, "#lobby", 0, "a", SendState.UNCONFIRMED)) == [
        "!! unconfirmed, it may or may not have arrived: “a”"
    ]
    assert shown(view, Disconnected(Ending(Cause.NOBODY_LISTENS), 4)) == [
        "-- not back yet: nothing is listening at 127.0.0.1:5000; trying again in 4 s"
    ]
    assert shown(view, MessageQueued(2, "#lobby", 0, "b" * 99)) == [f"-- waits for the connection: “{'b' * 60}…”"]
    assert "not connected, trying again" in view.status
    assert shown(view, LoggedIn("alice", "Alice", True, False)) == ["-- back at 127.0.0.1:5000"]
    assert shown(view, MessageState(2, "#lobby", 0, "b", SendState.SENT)) == []
    assert shown(view, MessagesMissed(Gap("#lobby", 1, 3))) == ["-- 1 message was missed in the lobby"]
    assert shown(view, MessagesMissed(Gap("@bob", 1, 4))) == ["-- 2 messages were missed in @bob"]
    stopped = Stopped(Ending(Cause.QUIT), 2, 0)
    assert shown(view, stopped) == ["!! 2 messages were never sent"]
    assert view.stopped is stopped
    assert (view.waiting, view.unconfirmed, view.refused) == (0, 1, 0)


def test_rooms(view):
    assert shown(view, RoomJoined("#ops", 1)) == ["-- in #ops, 1 member; /msg #ops hello speaks there"]
    assert shown(view, RoomJoined("#ops", 3)) == ["-- in #ops, 3 members; /msg #ops hello speaks there"]
    assert shown(view, RoomLeft("#ops")) == []  # LEFT says it
    assert shown(view, RoomRefused("#ops", False, 8, "")) == ["!! not left: you are not in #ops"]
    assert shown(view, RoomRefused("#ops", True, 12, "full")) == ["!! not joined: full"]
    assert view.refused == 2


def test_a_message_that_came_back_after_all(view):
    view.lines(MessageQueued(1, "#lobby", 0, "a"))
    view.lines(MessageState(1, "#lobby", 0, "a", SendState.UNCONFIRMED))
    view.lines(MessageState(1, "#lobby", 0, "a", SendState.SENT))
    assert (view.waiting, view.unconfirmed) == (0, 0)


@pytest.mark.parametrize("timestamp", [0, 1_700_000_000_000, 2**64 - 1])
def test_any_time_can_be_shown(timestamp):
    assert len(clock(timestamp)) == 8


@given(st.text(), st.text(), st.text(), st.integers(0, 255))
def test_no_received_string_gets_through_raw(text, sender, conversation, kind):  # [CLIENT-7]
    view = View(Address(), "alice")
    for event in (
        MessageShown(conversation, 1, 5, sender, kind, text, 1, False),
        MessageState(1, conversation, 0, text, SendState.FAILED, kind, sender),
        LoggedIn(sender, text, False, False),
        Disconnected(Ending(Cause.BYE, 199, 0, text), 1.0),
        MessagesMissed(Gap(conversation, 1, 3)),
        RoomJoined(conversation, 1),
        RoomRefused(conversation, True, kind, text),
    ):
        for line in view.lines(event):
            assert line.flat.isprintable() or not any(
                c < " " or "\x7f" <= c <= "\x9f" or c in "\u2028\u2029\u202a\u202b\u202c\u202d\u202e" for c in line.flat
            )


LINE = Line((Span(Role.TIME, "12:00:00 "), Span(Role.NAME, "bob: ")), ("one two three", "four"), Role.TEXT, chat=True)


def rows(line, width):
    return ["".join(span.text for span in row) for row in fit(line, width, len)]


def test_layout():
    assert rows(LINE, 80) == ["12:00:00 bob: one two three", "         four"]
    assert rows(LINE, 24) == ["12:00:00 bob: one two", "         three", "         four"]
    assert rows(Line((), ("x" * 12,), Role.TEXT), 5) == ["xxxxx", " xxxx", " xxx"]


@given(st.text("ab 🦊", max_size=60), st.integers(1, 90), st.booleans())
def test_no_row_is_too_wide(text, width, chat):
    def measure(piece):
        return sum(2 if character == "🦊" else 1 for character in piece)

    line = Line((Span(Role.TIME, "12:00:00 "),), (text,), Role.TEXT, chat=chat)
    made = fit(line, width, measure)
    joined = "".join(span.text for row in made for span in row)
    assert joined.replace(" ", "") == "12:00:00" + text.replace(" ", "")
    if width > 12:
        assert all(measure("".join(span.text for span in row)) <= width for row in made)


def test_a_long_text_is_laid_out_quickly():
    assert len(rows(Line((), ("x" * 16_384,), Role.TEXT), 40)) > 400


@pytest.mark.parametrize(
    ("ending", "unsent", "code"),
    [
        (Ending(Cause.QUIT), 0, Exit.OK),
        (Ending(Cause.QUIT), 1, Exit.NETWORK),
        (Ending(Cause.PROTOCOL), 0, Exit.PROTOCOL),
        (Ending(Cause.BYE, ByeCode.MALFORMED), 0, Exit.PROTOCOL),
        (Ending(Cause.BYE, ByeCode.TOO_MANY_FAILURES), 0, Exit.LOGIN),
        (Ending(Cause.BYE, 199), 0, Exit.NETWORK),
        (Ending(Cause.LOGIN_REFUSED, 4), 0, Exit.LOGIN),
        (Ending(Cause.NOBODY_LISTENS), 0, Exit.NETWORK),
    ],
)
def test_exit_codes(ending, unsent, code):
    assert exit_code(Stopped(ending, unsent, 0)) is code


def test_every_cause_has_an_exit_code():
    for cause in Cause:
        assert exit_code(Stopped(Ending(cause), 0, 0)) in Exit


class Pieces(io.RawIOBase):
    def __init__(self, *pieces):
        self.pieces = list(pieces)

    def read(self, size=-1):
        return self.pieces.pop(0) if self.pieces else b""


@pytest.mark.parametrize(
    ("pieces", "lines"),
    [
        ([], []),
        ([b"a\nb\n"], ["a", "b"]),
        ([b"a", b"\r", b"\nb"], ["a", "b"]),
        (["é".encode()[:1], "é".encode()[1:] + b"\n"], ["é"]),
        ([b"\xef\xbb\xbfa\n\xef\xbb\xbfb\n"], ["a", "\ufeffb"]),
        ([b"\xffa\n\n"], ["\ufffda", ""]),
        ([b"a\x0bb\xc2\x85c\n"], ["a\x0bb\x85c"]),
        ([b"cut \xe2\x82"], ["cut \ufffd"]),
    ],
)
def test_input_lines(pieces, lines):
    assert list(decoded_lines(Pieces(*pieces))) == lines
