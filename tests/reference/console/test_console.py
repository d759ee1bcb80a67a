"""What a typed line means, what an event shows, and how it fits."""

import io
import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from causerie.client.address import Address
from causerie.client.model import (
    WAITING,
    Ended,
    Entry,
    EntryAdded,
    EntryChanged,
    Joined,
    KeepingFailed,
    Left,
    Link,
    PeopleCame,
    Person,
    Refused,
    RoomsCame,
    StatusChanged,
)
from causerie.console import json_lines
from causerie.console.commands import (
    COMMANDS,
    Discard,
    Help,
    Hint,
    JoinRoom,
    Leave,
    LeaveRoom,
    ListPeople,
    ListRooms,
    Next,
    Open,
    Retry,
    Say,
    Search,
    Theme,
    help_lines,
    understand,
)
from causerie.console.exits import Exit, exit_code
from causerie.console.layout import fit
from causerie.console.plain import decoded_lines
from causerie.console.view import Line, Role, Span, View, clock
from causerie.core.client import Cause, Ending, SendState
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
        ("/msg @bob", Open("@bob")),
        ("/open 2", Open("2")),
        ("/open @bob", Open("@bob")),
        ("/next", Next()),
        ("/rooms", ListRooms()),
        ("/who", ListPeople("#lobby")),
        ("/who ops", ListPeople("#ops")),
        ("/who @bob", ListPeople("@bob")),
        ("/search two words", Search("two words")),
        ("/retry", Retry()),
        ("/discard", Discard()),
        ("/theme light", Theme("light")),
        ("/help msg", Help("/msg")),
    ],
)
def test_lines(line, action):
    assert understand(line) == action


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("/me", "/me waves"),
        ("/msg", "/msg @bob hello"),
        ("/open", "/open 2"),
        ("/who ?", "/who #ops"),
        ("/search", "/search lunch"),
        ("/theme pink", "light, dark, none"),
        ("/leave", "/leave #ops"),
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


def test_lines_belong_to_the_conversation_that_is_open():
    assert understand("hi", "@bob") == Say("@bob", "hi")
    assert understand("//me", "#ops") == Say("#ops", "/me")
    assert understand("/me waves", "#ops") == Say("#ops", "waves", 1)
    assert understand("/leave", "#ops") == LeaveRoom("#ops")
    assert understand("/who", "#ops") == ListPeople("#ops")


def test_every_command_is_understood_and_has_help():
    for command in COMMANDS:
        rest = {"/join": "#ops", "/leave": "#ops", "/theme": "light", "/open": "2", "/who": "#ops"}.get(
            command, "@bob x"
        )
        assert not isinstance(understand(f"{command} {rest}"), Hint)
        assert help_lines(command)[0].startswith((command, "quit"))
    assert len(help_lines()) == len(COMMANDS) + 2


@pytest.fixture
def view(monkeypatch):
    monkeypatch.setattr("causerie.console.view.clock", lambda timestamp: "12:00:00")
    return View(Address(), "alice")


def shown(view, change):
    return [line.flat for line in view.lines(change)]


def message(text="hi", sender="bob", conversation="#lobby", kind=0, **more):
    return EntryAdded(Entry(conversation, (0, 1), 0, sender, kind, text, 5, sender == "alice", **more))


def waiting(text, state, txn=1, reason=""):
    return Entry("#lobby", (WAITING, txn), 0, "alice", 0, text, txn, True, state, reason)


@pytest.mark.parametrize(
    ("change", "line"),
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
        (message(missing=1), "-- 1 message was missed in the lobby"),
        (message(conversation="@bob", missing=2), "-- 2 messages were missed in @bob"),
        (Joined("#ops", 1), "-- in #ops, 1 member; /msg #ops hello speaks there"),
        (Joined("#ops", 3), "-- in #ops, 3 members; /msg #ops hello speaks there"),
        (RoomsCame((("#ops", 3),)), "-- #ops (3)"),
        (PeopleCame("#ops", (Person("bob", "Bob", True, 5), Person("eve", "Eve", False, 5))), "-- bob"),
        (KeepingFailed("disk full"), "!! the disk takes nothing more (disk full): what comes from now on is not kept"),
    ],
)
def test_messages(view, change, line):
    assert shown(view, change) == [line]


def test_mentions(view):
    assert view.lines(message("hello Alice"))[0].role is Role.MENTION
    assert view.lines(message("hello"))[0].role is Role.TEXT
    assert view.lines(message("malice is no name of mine"))[0].role is Role.TEXT
    assert view.lines(message("I am alice", sender="alice"))[0].role is Role.TEXT


def go(view, link, ending=None, retry_in=0.0, **more):
    return shown(view, StatusChanged(link=link, ending=ending, retry_in=retry_in, **more))


def test_a_connection_that_comes_and_goes(view):
    assert go(view, Link.CONNECTING) == []
    assert go(view, Link.ONLINE) == ["-- connected to 127.0.0.1:5000 as alice"]
    assert shown(view, EntryAdded(waiting("a", SendState.PENDING))) == []
    assert go(view, Link.OFFLINE, Ending(Cause.END_OF_STREAM), 2.6) == [
        "!! the server at 127.0.0.1:5000 closed the connection; trying again in 3 s"
    ]
    assert shown(view, EntryChanged(waiting("a", SendState.UNCONFIRMED))) == [
        "!! unconfirmed, it may or may not have arrived: “a”"
    ]
    assert go(view, Link.CONNECTING) == []
    assert go(view, Link.OFFLINE, Ending(Cause.NOBODY_LISTENS), 4.0) == [
        "-- not back yet: nothing is listening at 127.0.0.1:5000; trying again in 4 s"
    ]
    assert shown(view, EntryAdded(waiting("b" * 99, SendState.PENDING, 2))) == [
        f"-- waits for the connection: “{'b' * 60}…”"
    ]
    assert go(view, Link.ONLINE, again=True) == ["-- back at 127.0.0.1:5000"]
    assert shown(view, EntryChanged(waiting("b", SendState.SENT, 2))) == []
    assert view.unconfirmed == 1
    ended = Ended(Ending(Cause.QUIT), 2, 0)
    assert shown(view, ended) == ["!! 2 messages were not sent: they are kept, and go out next time"]
    assert view.ended is ended
    assert (view.logged_in, view.refused) == (True, 0)


def test_a_server_that_was_restarted(view):
    again = {"again": True, "new_epoch": True}
    assert go(view, Link.ONLINE, **again) == ["-- back at 127.0.0.1:5000 (the server was restarted meanwhile)"]


def test_what_is_not_kept_is_never_sent():
    view = View(Address(), "alice", kept=False)
    assert shown(view, Ended(Ending(Cause.QUIT), 1, 0)) == ["!! 1 message was never sent"]
    assert shown(view, Ended(Ending(Cause.QUIT), 0, 0)) == []


def test_refusals(view):
    assert shown(view, Left("#ops")) == []  # LEFT says it
    assert shown(view, Refused("#ops", "leave", 8, "you are not in #ops")) == ["!! not left: you are not in #ops"]
    assert shown(view, Refused("#ops", "join", 12, "full")) == ["!! not joined: full"]
    assert shown(view, Refused("", "rooms", 11, "later")) == ["!! no list: later"]
    assert shown(view, EntryChanged(waiting("a", SendState.FAILED, reason="no"))) == ["!! not sent: no: “a”"]
    assert view.refused == 4


@pytest.mark.parametrize("came", [EntryChanged(waiting("a", SendState.SENT)), message(sender="alice")])
def test_a_message_that_came_back_after_all(view, came):
    view.lines(EntryAdded(waiting("a", SendState.PENDING)))
    view.lines(EntryChanged(waiting("a", SendState.UNCONFIRMED, 5 if isinstance(came, EntryAdded) else 1)))
    assert view.unconfirmed == 1
    view.lines(came)
    assert view.unconfirmed == 0


@pytest.mark.parametrize("timestamp", [0, 1_700_000_000_000, 2**64 - 1])
def test_any_time_can_be_shown(timestamp):
    assert len(clock(timestamp)) == 8


@given(st.text(), st.text(), st.text(), st.integers(0, 255))
def test_no_received_string_gets_through_raw(text, sender, conversation, kind):  # [CLIENT-7]
    view = View(Address(), "alice")
    failed = Entry(conversation, (WAITING, 1), 5, sender, 0, text, 1, True, SendState.FAILED, "no")
    for change in (
        EntryAdded(Entry(conversation, (0, 1), 5, sender, kind, text)),
        EntryAdded(Entry(conversation, (0, 1), 5, sender, kind, text, missing=1)),
        EntryChanged(failed),
        StatusChanged(link=Link.OFFLINE, ending=Ending(Cause.BYE, 199, 0, text)),
        Joined(conversation, 1),
        RoomsCame(((conversation, 1),)),
        PeopleCame(conversation, (Person(sender, text, True, 1),)),
    ):
        for line in view.lines(change):
            assert line.flat.isprintable() or not any(
                c < " " or "\x7f" <= c <= "\x9f" or c in "\u2028\u2029\u202a\u202b\u202c\u202d\u202e" for c in line.flat
            )
        told = json_lines.line(change)
        assert told is None or (told.isascii() and told.isprintable() and json.loads(told)["event"])


@pytest.mark.parametrize(
    ("line", "action"),
    [
        ("", None),
        ('{"do":"send","text":"hi"}', Say("#lobby", "hi")),
        ('{"do":"send","conversation":"@bob","text":"waves","kind":"action"}', Say("@bob", "waves", 1)),
        ('{"do":"join","room":"#ops"}', JoinRoom("#ops")),
        ('{"do":"leave","room":"#ops"}', LeaveRoom("#ops")),
        ('{"do":"quit"}', Leave()),
    ],
)
def test_json_lines(line, action):
    assert json_lines.understand(line) == action


@pytest.mark.parametrize("line", ["hi", "[1]", '{"do":"dance"}', '{"do":"send","text":1}', "[" * 9999, '{"do":"send"}'])
def test_json_that_says_nothing(line):
    assert isinstance(json_lines.understand(line), Hint)


def test_json_of_a_message_tells_all_of_it():
    told = json.loads(json_lines.line(message("é\n", conversation="#ops")) or "")
    assert told == {
        "event": "message",
        "conversation": "#ops",
        "era": 0,
        "seq": 1,
        "time": 0,
        "sender": "bob",
        "mine": False,
        "kind": 0,
        "text": "é\n",
        "txn": "5",
    }
    assert json.loads(json_lines.line(message(kind=128)) or "")["event"] == "joined"
    assert json.loads(json_lines.line(EntryChanged(waiting("a", SendState.FAILED, reason="no"))) or "") == {
        "event": "state",
        "state": "failed",
        "txn": "1",
        "conversation": "#lobby",
        "reason": "no",
        "text": "a",
    }


README = Path(__file__).parents[3] / "README.md"
TOLD = (
    message(),
    message(kind=128),
    message(kind=129),
    message(missing=3),
    EntryAdded(waiting("a", SendState.PENDING)),
    *(EntryChanged(waiting("a", state, reason="no")) for state in SendState),
    *(StatusChanged(link=link, ending=Ending(Cause.BYE, ByeCode.SHUTDOWN)) for link in Link),
    Joined("#ops", 3),
    Left("#ops"),
    Refused("#ops", "join", 3, "no"),
    KeepingFailed("disk full"),
    Ended(Ending(Cause.BYE, ByeCode.SHUTDOWN), 1, 2),
)


def test_the_readme_lists_all_events_and_their_keys():
    table = {}
    for row in re.findall(r"^\| (`\w+`(?:, `\w+`)?) \| (.*) \|$", README.read_text("utf-8"), re.M):
        for event in re.findall(r"`(\w+)`", row[0]):
            table[event] = set(re.findall(r"`([\w ]+)`", row[1]))
    seen = {}
    for change in TOLD:
        told = json.loads(json_lines.line(change) or "")
        event = told.pop("event")
        assert told.keys() <= table[event], event
        seen.setdefault(event, set()).update(told.keys())
    assert table.keys() >= seen.keys() >= {"message", "joined", "left", "gap", "state", "status", "in", "out"}
    values = {state.value for state in SendState} | {link.value for link in Link}
    assert {event: table[event] - keys - values for event, keys in seen.items() if table[event] - keys - values} == {
        "in": {"join", "leave"},
        "out": {"members", "join", "leave"},
    }
    assert table["state"] >= {state.value for state in SendState}
    assert table["status"] >= {link.value for link in Link}


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
    assert exit_code(Ended(ending, unsent, 0)) is code


def test_every_cause_has_an_exit_code():
    for cause in Cause:
        assert exit_code(Ended(Ending(cause), 0, 0)) in Exit


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
