"""The window on a real screen, with real keys: the form, a chat with the console client, coming back, reading back."""

import time

import pytest

from causerie.client.address import Address
from causerie.client.model import Tick
from causerie.tk.chats import HEIGHT
from causerie.tk.connect import ConnectForm


def here(port):
    return Address("127.0.0.1", port)


def test_connect_by_the_form(gui, server):
    window = gui()
    form = window.app.form
    assert isinstance(form, ConnectForm)
    assert {name: value.get() for name, value in form._values.items()} == {
        "host": "127.0.0.1", "port": "5000", "handle": "", "display": "", "password": "", "ca_file": ""
    }  # fmt: skip
    assert str(window.root.focus_get()) == str(form._entries["handle"])
    window.picture("form")
    window.type("Not Mine!")
    window.keys("Return")
    assert "is no handle" in form._errors["handle"].cget("text")
    window.picture("form-wrong")
    window.keys("ctrl+a")
    window.type("alice")
    window.keys("shift+Tab")
    window.keys("ctrl+a")
    window.type("no port")
    window.keys("Return")
    assert "a number from 1 to 65535" in form._errors["port"].cget("text")
    assert form._errors["handle"].cget("text") == ""
    window.keys("ctrl+a")
    window.type(str(server.port))
    window.click(form._button)
    window.online()
    window.say("I am in")
    window.shows("I am in")
    assert window.close() == 0
    again = gui()
    assert again.app.form._values["handle"].get() == "alice"  # as it was the last time
    assert again.app.form._values["port"].get() == str(server.port)
    again.keys("Return")
    again.online()
    again.shows("I am in")


def test_chat_with_a_console_client(gui, server, people):
    bob = people("bob", server)
    window = gui(here(server.port))
    window.online()
    bob.say("hello from a terminal")
    window.shows("hello from a terminal")
    window.say("hello from a window")
    bob.until(lambda told: told.get("text") == "hello from a window", window.pump)
    window.view.composer.focus_text()
    window.type("two")
    window.keys("shift+Return")
    window.type("lines")
    window.keys("Return")
    bob.until(lambda told: told.get("text") == "two\nlines", window.pump)
    window.say("/me waves")
    assert bob.until(lambda told: told.get("text") == "waves", window.pump)["kind"] == 1
    window.say("/msg @bob between us")
    bob.until(lambda told: told.get("conversation") == "@alice", window.pump)
    direct = window.app.session.open("@bob")
    window.until(lambda: direct.last is not None and direct.tick(direct.last) is Tick.READ, "read by all")
    bob.say("yes?", "@alice")
    window.until(lambda: direct.unread == 1, "unread")
    window.picture("unread")
    window.keys("F8")
    assert window.view.open_name == "@bob"
    window.shows("yes?")
    window.until(lambda: direct.unread == 0, "read")
    window.keys("alt+Home")
    assert window.view.open_name == "#lobby"
    window.keys("alt+Up")  # the newest stands first
    assert window.view.open_name == "@bob"
    window.keys("alt+Down", "ctrl+d")
    assert window.app.look.dark
    window.picture("chat-dark")


def test_cut_off_and_back(gui, server, people):
    bob = people("bob", server)
    window = gui(here(server.proxy.port))
    window.online()
    window.say("before")
    bob.until(lambda told: told.get("text") == "before", window.pump)
    server.cut()
    window.until(lambda: window.view._banner_text.startswith("Not connected"), "the banner")
    assert "Next try in" in window.view._banner_text
    window.say("while away")
    bob.say("did you see that?")
    chat = window.app.session.chats["#lobby"]
    window.until(lambda: chat.last.text == "while away" and chat.tick(chat.last) is Tick.PENDING, "waiting")
    window.picture("offline")
    server.heal()
    window.until(lambda: window.view._try.winfo_ismapped() or not window.view._banner_text, "the button")
    window.click(window.view._try)
    window.shows("did you see that?")
    bob.until(lambda told: told.get("text") == "while away", window.pump)
    window.until(lambda: window.app.session.status.waiting == 0, "all sent")
    texts = window.pane.visible_texts()
    assert [texts.count(text) for text in ("before", "while away", "did you see that?")] == [1, 1, 1]
    assert bob.texts().count("while away") == 1
    window.until(lambda: not window.view._banner_text, "no banner")


def test_reading_back_three_thousand_messages(gui, house, people):
    bob = people("bob", house)
    for number in range(1, 3001):
        bob.do("send", text=f"message {number}")
    bob.until(lambda told: told.get("text") == "message 3000" and told["event"] == "message")
    window = gui(here(house.port))
    window.online()
    window.shows("message 3000")
    pages = 0
    deadline = time.monotonic() + 60
    while "message 1" not in window.pane.visible_texts():
        assert time.monotonic() < deadline
        before = window.pane.first_logged
        window.keys(*["Prior"] * 10)
        pages += window.pane.first_logged != before
    assert pages >= 10  # it came in pages
    entries = [row.entry for row in window.pane._rows if row.entry is not None]
    assert [entry.place[1] for entry in entries] == list(range(1, 3001))
    assert window.pane.drawn_rows < 100
    window.picture("the-first-message")
    bob.say("one more")
    window.until(lambda: window.pane._unseen == 1, "one below")
    assert "message 1" in window.pane.visible_texts()  # and nothing moved
    window.picture("one-below")
    window.keys("ctrl+End")
    window.shows("one more")


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(("language", "send"), [("en", "Send"), ("fr", "Envoyer")])
def test_both_themes_and_both_languages(gui, house, people, theme, language, send):
    window = gui(here(house.port), theme_name=theme, language=language)
    window.online()
    bob = people("bob", house)
    bob.say("salut 😀 https://example.org")
    window.shows("salut 😀 https://example.org")
    window.say("hello")
    assert str(window.view.composer._send.cget("text")) == send
    assert window.pane.canvas.cget("background") == window.app.look.background
    window.picture(f"chat-{language}-{theme}")
    window.keys("F1")
    window.picture(f"keys-{language}-{theme}")


def test_another_language_keeps_the_place_and_the_draft(gui, house, people):
    bob = people("bob", house)
    for number in range(60):
        bob.do("send", text=f"message {number}")
    bob.until(lambda told: told.get("text") == "message 59" and told["event"] == "message")
    window = gui(here(house.port))
    window.online()
    window.shows("message 59")
    window.type("half a thought")
    window.keys("Prior")
    place = window.pane.reading_place()
    window.app.set_language("fr")
    window.pump()
    assert str(window.view.composer._send.cget("text")) == "Envoyer"
    assert window.view.composer.value == "half a thought"
    assert window.pane.reading_place() == place
    for key, larger in (("ctrl+plus", True), ("ctrl+minus", False), ("ctrl+minus", False), ("ctrl+0", True)):
        scale = window.app.look.scale
        window.keys(key)
        assert (window.app.look.scale > scale) is larger
    assert window.pane.reading_place() == place
    assert window.view.composer.value == "half a thought"


def test_a_fine_screen(gui, house, people, fine_display):
    bob = people("bob", house)
    window = gui(here(house.port), screen=fine_display)
    window.online()
    bob.say("salut")
    window.shows("salut")
    assert window.app.look.density == 2.0
    row = window.app.look.pixels(HEIGHT)
    assert row == 2 * HEIGHT
    lines = window.view.list._bold.metrics("linespace") + window.view.list._small.metrics("linespace")
    assert lines < row  # the two lines of a conversation do not touch
    window.picture("fine-screen")
