"""The window's further parts, on a real screen: dialogs, search, emoji, what goes wrong, what it remembers."""

import json
import random
import shlex
import socket
import sqlite3
import sys
import tkinter as tk

import pytest

from causerie.client.address import Address
from causerie.client.local_store import LocalStore
from causerie.client.session import Session
from causerie.console.exits import Exit
from causerie.core.client import Cause, Ending, Identity
from causerie.tk import app as app_module
from causerie.tk import chat_view, theme
from causerie.tk.app import field_of
from causerie.tk.dialogs import Ask, Help
from causerie.tk.emoji import GROUPS
from causerie_spec.codes import MAX_TEXT, ErrorCode


def here(port):
    return Address("127.0.0.1", port)


@pytest.fixture
def chat(gui, house):
    """A window that is logged in, alone."""
    window = gui(here(house.port))
    window.online()
    return window


def dialog(window, kind):
    """The dialog of that kind, with the keyboard."""
    found = window.until(lambda: window.widgets(kind), kind.__name__)[-1]
    window.focus(found)
    return found


def test_a_new_chat_is_offered_with_who_is_here(chat, house, people):
    people("bob", house)
    people("carol", house)
    chat.keys("ctrl+n")
    ask = dialog(chat, Ask)
    chat.until(lambda: set(ask._offers) == {"@bob", "@carol"}, "offers")
    chat.picture("new-chat")
    chat.type("Who Is This")
    chat.keys("Return")
    assert ask._error.cget("text") == "write a handle: @bob"
    chat.keys("Down", "Down", "Up")
    assert ask._value.get() == "@bob"
    chat.keys("Return")
    assert not chat.widgets(Ask)
    assert chat.view.open_name == "@bob"
    assert str(chat.view._subtitle.cget("text")) == "online"
    chat.click(chat.button("New chat"))
    dialog(chat, Ask)
    chat.keys("Escape")
    assert not chat.widgets(Ask)


def test_rooms_are_joined_and_left(chat, house, people):
    bob = people("bob", house)
    bob.do("join", room="#ops")
    bob.until(lambda told: told["event"] == "in")
    chat.keys("ctrl+j")
    ask = dialog(chat, Ask)
    chat.until(lambda: ask._offers == ["#ops"], "offers")
    chat.type("#lobby")
    chat.keys("Return")
    assert ask._error.cget("text") == "write the name of a room: #ops"
    ask._value.set("Ops")
    chat.keys("Return")
    chat.until(lambda: chat.view.open_name == "#ops", "joined")
    chat.until(lambda: "2 members" in str(chat.view._subtitle.cget("text")), "members")
    bob.say("welcome alice", "#ops")
    chat.shows("welcome alice")
    chat.picture("room")
    chat.click(chat.view._leave_button)
    chat.until(lambda: "you left #ops" in chat.view._banner_text, "left")
    assert str(chat.view._subtitle.cget("text")) == "you are not in this room"
    chat.say("may I?")
    chat.until(lambda: chat.app.session.chats["#ops"].last.reason, "refused")
    assert chat.close() == Exit.OK


def test_commands_and_what_they_say(chat):
    for line, said in (
        ("/nonsense", "there is no /nonsense here"),
        ("/theme dark", "that works in the terminal only"),
        ("/msg Bob! hi", "write /msg, to whom, and what"),
        ("/leave #never", "not left"),
    ):
        chat.view.composer.focus_text()
        chat.pump()
        chat.view.composer.value = line
        chat.keys("Return")
        chat.until(lambda said=said: said in chat.view._banner_text, (said, chat.view._banner_text))
        chat.view.composer.value = ""
    chat.say("/help")
    dialog(chat, Help)
    chat.keys("Return")
    assert not chat.widgets(Help)
    chat.say("/join #den")
    chat.until(lambda: chat.view.open_name == "#den", "joined")


def test_search_finds_people_and_words(chat, house, people):
    bob = people("bob", house)
    for number in range(150):
        bob.do("send", text=f"needle {number}" if number == 7 else f"hay {number}")
    bob.until(lambda told: told.get("text") == "hay 149" and told["event"] == "message")
    bob.say("psst", "@alice")
    chat.shows("hay 149")
    chat.keys("ctrl+k")
    chat.type("bo")
    chat.until(lambda: [line.chat.name for line in chat.view.list._lines][:1] == ["@bob"], "bob")
    chat.keys("ctrl+a")
    chat.type("NEEDLE")
    chat.until(lambda: [line.entry and line.entry.text for line in chat.view.list._lines] == ["needle 7"], "the needle")
    chat.picture("search")
    chat.keys("Return")
    assert "needle 7" in chat.pane.visible_texts()
    chat.keys("ctrl+k", "ctrl+a")
    chat.type("nothing like it")
    assert chat.view.list._lines == []
    chat.keys("Escape")
    assert len(chat.view.list._lines) == 2
    chat.keys("Down", "Down", "Return")
    assert chat.view.open_name == "#lobby"
    chat.keys("F6", "Up", "space")
    assert chat.view.open_name == "@bob"


def test_the_list_is_used_with_the_mouse(chat):
    for number in range(30):
        chat.app.session.open(f"@person-{number:02}").listed = True
    chat.view.refresh_list()
    canvas = chat.view.list._canvas
    chat.click(canvas, 100, 200)
    assert chat.view.open_name == chat.view.list._lines[3].chat.name
    for name in ("<Button-5>", "<Button-4>", "<Button-5>"):
        canvas.event_generate(name, x=5, y=5)
    chat.pump()
    assert chat.view.list._scroll == 64
    for verb in (("moveto", "1.0"), ("scroll", "-1", "units"), ("scroll", "-1", "pages")):
        chat.view.list._bar_moved(*verb)
    assert 0 < chat.view.list._scroll < 30 * 64
    chat.keys("alt+Down", "alt+Down")
    assert chat.view.open_name == chat.view.list._lines[5].chat.name


def test_f6_goes_around(chat):
    chat.view.composer.focus_text()
    chat.pump()
    seen = []
    for _ in range(3):
        chat.keys("F6")
        seen.append(chat.root.focus_get())
    assert seen == [chat.view.list._canvas, chat.pane.canvas, chat.view.composer.text]


def test_emoji_by_keyboard_and_by_mouse(chat):
    chat.view.composer.focus_text()
    chat.pump()
    chat.keys("ctrl+e")
    picker = chat.view.composer._picker
    chat.focus(picker)
    buttons = chat.widgets(tk.Button, picker)
    buttons[0].focus_force()
    chat.picture("emoji")
    chat.keys("Right", "Down", "Left", "Up", "Up", "Right", "Return")
    assert chat.view.composer.value == buttons_text(buttons, 1)
    chat.focus(chat.root)
    chat.keys("ctrl+e")
    chat.click(chat.widgets(tk.Button, chat.view.composer._picker)[3])
    assert len(chat.view.composer.value) == 2
    chat.keys("ctrl+e")
    assert chat.view.composer._picker is not None
    chat.keys("ctrl+e")
    assert chat.view.composer._picker is None


def buttons_text(buttons, at):
    return [emoji for group in GROUPS for emoji in group][at]


def test_a_text_that_is_too_long_is_not_sent(chat):
    composer = chat.view.composer
    composer.focus_text()
    chat.pump()
    composer.text.insert("1.0", "x" * (MAX_TEXT - 10))
    chat.pump()
    assert str(composer._count.cget("text")) == "10 left"
    chat.type("y" * 12)
    assert str(composer._count.cget("text")) == "2 too many"
    assert str(composer._send.cget("state")) == "disabled"
    chat.picture("too-long")
    chat.keys("Return")
    assert len(composer.value) == MAX_TEXT + 2
    assert not chat.view.say(composer.value)
    assert "too long by 2 octets" in chat.view._banner_text
    chat.keys("BackSpace", "BackSpace", "Return")
    chat.until(lambda: composer.value == "", "sent")
    composer.value = "a\nb\nc"
    chat.pump()
    chat.keys("ctrl+a", "ctrl+x")
    assert composer.value == ""


def test_pasted_text_keeps_its_lines(chat):
    composer = chat.view.composer
    composer.focus_text()
    chat.root.clipboard_clear()
    chat.root.clipboard_append("one\r\ntwo é 😀")
    composer.value = "gone"
    chat.pump()
    chat.keys("ctrl+a", "ctrl+v")
    assert composer.value == "one\ntwo é 😀"
    chat.keys("Tab")
    assert chat.root.focus_get() is not composer.text
    composer.focus_text()
    chat.pump()
    chat.keys("shift+Tab")
    assert chat.root.focus_get() is not composer.text


def test_what_failed_is_sent_again_or_forgotten(chat, house, people):
    people("bob", house)
    session = chat.app.session
    session.send("@nobody", "are you there?")
    chat.until(lambda: "not sent" in chat.view._banner_text, "told, though another conversation is open")
    chat.view.open("@nobody")
    chat.pump()
    [row] = [row for row in chat.pane._rows if row.entry is not None]
    assert row.entry.reason == "@nobody is not here"
    chat.picture("failed")
    people("nobody", house)
    chat.view._retry(row.entry)
    chat.until(lambda: session.chats["@nobody"].last is not None and not session.chats["@nobody"].last.waits, "sent")
    session.send("@nobody-else", "hm")
    chat.until(lambda: (last := session.open("@nobody-else").last) is not None and last.reason, "failed")
    session.discard(session.chats["@nobody-else"].last)
    chat.until(lambda: session.chats["@nobody-else"].last is None, "gone")


def test_somebody_writes(chat, house):
    session = Session(Identity("bob", "Bob", b"b" * 32), here(house.port), LocalStore(None, "bob"), random.Random(1))
    session.start()
    chat.until(lambda: session.take() is not None and session.status.link.value == "online", "bob")
    session.composing("#lobby", True)
    chat.until(lambda: "Bob is writing" in str(chat.view._subtitle.cget("text")), "writing")
    chat.picture("writing")
    session.composing("#lobby", False)
    chat.until(lambda: "writing" not in str(chat.view._subtitle.cget("text")), "not writing")
    session.leave()
    session.join(10.0)
    session.close()


# What goes wrong.


def test_nobody_listens(gui, nobody_there):
    window = gui(nobody_there)
    window.until(lambda: window.app.form is not None, "the form")
    assert "nothing is listening" in window.app.form._errors["port"].cget("text")
    window.picture("nobody-listens")
    assert window.close() == Exit.NETWORK


@pytest.fixture
def nobody_there():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        yield here(sock.getsockname()[1])


def test_a_handle_that_is_taken(gui, house, people, tmp_path):
    people("alice", house)
    window = gui(here(house.port))
    window.until(lambda: window.app.form is not None, "the form")
    assert "alice" in window.app.form._errors["handle"].cget("text")
    window.app.form._values["handle"].set("alice2")
    window.app.form.submit()
    window.online()


def test_a_password_that_is_wrong_and_one_that_is_missing(gui, house, tmp_path):
    folder = tmp_path / "window"
    (folder / "tokens").mkdir(parents=True)
    window = gui(folder=folder)
    mark = window.app._tokens.password_mark(here(house.port), "alice")
    mark.touch()
    form = window.app.form
    for name, value in (("port", str(house.port)), ("handle", "alice")):
        form._values[name].set(value)
    form.submit()
    assert form._errors["password"].cget("text") == "alice logs in there with a password"
    assert form._entries["password"].winfo_ismapped() or window.until(form._entries["password"].winfo_ismapped)
    form._values["password"].set("wrong")
    form.submit()
    window.until(lambda: window.app.form is not form and window.app.form is not None, "the form")
    assert any(label.cget("text") for label in window.app.form._errors.values())
    window.app.form._values["ca_file"].set(str(tmp_path / "nothing.pem"))
    window.app.form._values["password"].set("wrong")
    window.app.form._tls.set(True)
    window.app.form.submit()
    assert "nothing.pem" in window.app.form._errors["ca_file"].cget("text")
    assert window.close() == Exit.LOGIN


def test_two_windows_of_one_person(gui, chat, house, tmp_path):
    second = gui(here(house.port), folder=tmp_path / "window")
    second.until(lambda: "open in another program" in second.view._banner_text, "told")


def test_a_disk_that_takes_nothing_more(chat, monkeypatch):
    store = chat.app.session._store
    original = store.record

    def fail(events):
        monkeypatch.setattr(store, "record", original)
        raise sqlite3.OperationalError("disk full")

    monkeypatch.setattr(store, "record", fail)
    chat.say("hello")
    chat.until(lambda: "the disk takes nothing more (disk full)" in chat.view._banner_text, "told")
    chat.shows("hello")


def test_a_bug_is_told_and_written_down(chat, capsys, monkeypatch):
    monkeypatch.setenv("CAUSERIE_DEBUG", "1")
    chat.root.after(0, lambda: {}["no such key"])
    log = chat.app._directory / "causerie-gui.log"
    chat.until(lambda: str(log) in chat.view._banner_text, "told")
    assert "KeyError: 'no such key'" in log.read_text("utf-8")
    assert "no such key" in capsys.readouterr().err
    assert chat.close() == Exit.OK


def test_damaged_settings_are_set_aside(gui, tmp_path):
    folder = tmp_path / "window"
    folder.mkdir()
    (folder / "window.json").write_text("{]")
    window = gui(folder=folder)
    assert "the settings were damaged" in window.app.form._errors[""].cget("text")
    window.root.geometry("640x480+10+20")
    window.pump()
    window.app.set_theme("dark")
    window.close()
    kept = json.loads((folder / "window.json").read_text())
    assert (kept["geometry"], kept["theme"]) == ("640x480+10+20", "dark")
    again = gui(folder=folder, theme_name=None)
    assert again.app.look.dark
    assert again.root.geometry() == "640x480+10+20"
    again.close()
    kept["geometry"] = "640x480+9000+20"  # of a screen that is gone
    (folder / "window.json").write_text(json.dumps(kept))
    assert gui(folder=folder).root.winfo_x() < 1280


def test_who_looks_elsewhere_is_told(chat, house, people, monkeypatch, tmp_path):
    told = tmp_path / "told"
    program = "import os, sys; open('new', 'w').write(repr(sys.argv[1:])); os.replace('new', 'told')"
    monkeypatch.chdir(tmp_path)
    chat.app.settings.notify = shlex.join([sys.executable, "-c", program, "--"])
    monkeypatch.setattr(chat.root, "focus_displayof", lambda: None)
    monkeypatch.setattr(chat.view, "focus_displayof", lambda: None)
    bob = people("bob", house)
    bob.say("alice: psst")
    chat.until(lambda: chat.root.title() == "(1) Causerie", "the title")
    chat.until(told.exists, "the command")
    assert told.read_text("utf-8") == "['--', 'bob', 'alice: psst']"
    assert chat.app.session.chats["#lobby"].unread == 1
    monkeypatch.undo()
    chat.root.event_generate("<FocusIn>")
    chat.pump()
    assert chat.root.title() == "Causerie"
    chat.until(lambda: chat.app.session.chats["#lobby"].unread == 0, "read")


def test_links_and_about(chat, monkeypatch):
    opened, shown = [], []
    monkeypatch.setattr(chat_view.webbrowser, "open", opened.append)
    chat.view.pane._on_open_link("https://example.org")
    assert opened == ["https://example.org"]
    monkeypatch.setattr(app_module.messagebox, "showinfo", lambda title, text, **_: shown.append(text))
    chat.app._about()
    assert "can be read on the server" in shown[0]


def test_the_view_is_laid_out_before_anything_comes(gui, house, monkeypatch):
    """What came before would be above the view, and never seen."""
    heights = []
    start = Session.start

    def started(session):
        [view] = [child for child in tk._default_root.winfo_children() if isinstance(child, chat_view.ChatView)]
        heights.append(view.pane.canvas.winfo_height())
        start(session)

    monkeypatch.setattr(Session, "start", started)
    gui(here(house.port)).online()
    assert heights[0] > 300


def test_leaving_in_a_hurry(chat):
    chat.app._leaving = True  # it was asked before, and takes long
    chat.app.quit()
    assert chat.gone


def test_quit_as_a_word(chat):
    chat.say("quit")
    chat.until(lambda: chat.gone or not chat.root.winfo_viewable(), "closed")


@pytest.mark.parametrize(
    ("answer", "environment", "dark"),
    [("'prefer-dark'", {}, True), ("'default'", {}, False), ("", {"GTK_THEME": "Adwaita:dark"}, True)],
)
def test_the_system_says_whether_it_is_dark(monkeypatch, answer, environment, dark):
    monkeypatch.setattr(theme.sys, "platform", "linux")
    monkeypatch.delenv("GTK_THEME", raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(theme, "_said", lambda command: answer)
    assert theme.prefers_dark() is dark
    assert theme.look_for("system", 1.0, emoji=True).dark is dark
    monkeypatch.setattr(theme.sys, "platform", "darwin")
    monkeypatch.setattr(theme, "_said", lambda command: "Dark\n" if dark else "")
    assert theme.prefers_dark() is dark


def test_a_system_that_does_not_answer_is_light():
    assert theme._said(["causerie-no-such-command"]) == ""
    assert theme._said(["false"]) == ""


def test_where_an_ending_is_told():
    assert field_of(Ending(Cause.NOBODY_LISTENS)) == "port"
    assert field_of(Ending(Cause.LOGIN_REFUSED, ErrorCode.AUTH_FAILED)) == "password"
    assert field_of(Ending(Cause.LOGIN_REFUSED, ErrorCode.INTERNAL)) == ""
    assert field_of(Ending(Cause.BYE)) == ""
