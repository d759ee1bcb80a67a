"""The console client in a terminal: what stands on its screen, at every step."""

import shlex
import signal
import socket
import sys

import pytest

from causerie.console.exits import Exit

ENTER, ESCAPE, TAB = "\r", "\x1b", "\t"
PAGE_UP, PAGE_DOWN = "\x1b[5~", "\x1b[6~"
LONG = "a long message that must be broken somewhere, at a space if there is one, and goes on below itself " * 2


@pytest.mark.parametrize("columns", [40, 80, 200])
def test_three_sizes(chat, house, people, columns):
    bob = people("bob", house)
    terminal = chat(f"127.0.0.1:{house.port}", "--handle", "alice", columns=columns)
    terminal.until("connected to 127.0.0.1")
    bob.say("short")
    bob.say(LONG)
    terminal.until("Bob: short")
    terminal.until(lambda: terminal.text.count("broken") == 2)
    assert ("│" in terminal.text) == (columns >= 100)  # the list of conversations
    assert terminal.rows[-1].startswith(">")
    assert "lobby" in terminal.rows[-2]
    continued = [row for row in terminal.rows if "below itself" in row and "Bob" not in row]
    assert all(row.rpartition("│")[2].startswith(" ") for row in continued)  # nothing forges a row
    terminal.resize(60, 12)
    terminal.until(lambda: terminal.rows[-1].startswith(">") and "Bob" in terminal.text)
    terminal.until(lambda: "│" not in terminal.text)


def test_what_is_half_typed_stays_while_others_write(alice, house, people):
    bob = people("bob", house)
    alice.type("half a thou")
    alice.until("> half a thou")
    for number in range(5):
        bob.say(f"quick {number}")
    alice.until("Bob: quick 4")
    assert alice.rows[-1] == "> half a thou"
    alice.enter("ght")
    alice.until("✓  alice: half a thought")
    bob.until(lambda told: told.get("text") == "half a thought", alice.look)
    assert alice.rows[-1] == ">"


def test_conversations_unread_counts_and_switching(alice, house, people):
    bob = people("bob", house)
    bob.say("psst", "@alice")
    bob.do("join", room="#ops")
    bob.until(lambda told: told["event"] == "in")
    alice.enter("/join #ops")
    alice.until("-- alice joined")
    bob.say("hello ops", "#ops")
    alice.until("Bob: hello ops")
    alice.until(lambda: any("@bob" in row and "(1)" in row for row in alice.rows))
    alice.enter("/next")
    alice.until("Bob: psst")
    alice.until(lambda: "(1)" not in alice.text, "read")
    bob.say("again", "#ops")
    alice.until("(1)")
    alice.type(f"{ESCAPE}1")  # Alt-1: the lobby
    alice.without("Bob: psst")
    alice.type("\x0e")  # Ctrl-N: the next one
    alice.until("Bob: again")
    assert "new messages" in alice.text
    alice.type("\x10")
    alice.without("Bob: again")
    alice.enter("/open @bob")
    alice.until("Bob: psst")
    alice.enter("/open 99")
    alice.until("!! there are 3 conversations")
    alice.enter("/next")
    alice.until("-- nothing new elsewhere")


def test_ticks(alice, house, people):
    people("bob", house)
    alice.enter("/msg @bob between us")
    alice.until("✔✔ alice: between us")  # bob's program prints it: that is reading


def test_reading_back_three_hundred_messages(alice, house, people):
    bob = people("bob", house)
    for number in range(1, 301):
        bob.do("send", text=f"message {number:03}")
    alice.until("message 300")
    for _ in range(40):
        if "message 001" in alice.text:
            break
        first = alice.rows[1]
        alice.type(PAGE_UP)
        alice.until(lambda first=first: alice.rows[1] != first or "message 001" in alice.text, "another page")
    alice.until("message 001")
    before = [row for row in alice.rows if "message" in row]
    bob.say("one more")
    alice.until("↓ 1 new")
    assert [row for row in alice.rows if "message" in row][: len(before)] == before
    alice.type(PAGE_DOWN)
    alice.until(lambda: "message 001" not in alice.text)
    alice.type(ESCAPE)
    alice.until("Bob: one more")
    assert "new, Esc" not in alice.text


def test_history_of_a_server_that_a_new_device_has_not_seen(chat, house, people):
    bob = people("bob", house)
    for number in range(1, 301):
        bob.do("send", text=f"message {number:03}")
    bob.until(lambda told: told.get("text") == "message 300" and told["event"] == "message")
    terminal = chat(f"127.0.0.1:{house.port}", "--handle", "alice", lines=60)
    terminal.until("message 300")
    for _ in range(200):
        if "no older messages" in terminal.text:
            break
        terminal.type(PAGE_UP)
        terminal.look(0.1)
    terminal.until("no older messages")
    assert "message 001" in terminal.text


def test_cut_off_and_back(chat, house, people):
    bob = people("bob", house)
    terminal = chat(f"127.0.0.1:{house.proxy.port}", "--handle", "alice")
    terminal.until("connected to")
    terminal.enter("before")
    terminal.until("✓  alice: before")
    house.cut()
    terminal.until("not connected: ")
    terminal.until("next try in")
    terminal.enter("while away")
    terminal.until("·  alice: while away")
    terminal.until("[1 waiting]")
    bob.say("did you see that?")
    house.heal()
    terminal.until("Bob: did you see that?")
    terminal.until("✓  alice: while away")
    assert terminal.text.count("while away") == 1
    assert terminal.text.count("before") == 1
    terminal.without("not connected")
    bob.until(lambda told: told.get("text") == "while away", terminal.look)


def test_it_starts_from_what_it_kept_with_no_server_there(chat, house, people):
    terminal = chat(f"127.0.0.1:{house.proxy.port}", "--handle", "alice")
    terminal.until("connected to")
    terminal.enter("remember me")
    terminal.until("✓  alice: remember me")
    terminal.enter("quit")
    assert terminal.end() == Exit.OK
    house.cut()
    again = chat(f"127.0.0.1:{house.proxy.port}", "--handle", "alice")
    again.until("✓  alice: remember me")
    again.until("not connected")
    again.enter("for later")
    again.until("·  alice: for later")
    again.type("\x03\x03")
    assert again.end() == Exit.NETWORK
    assert "kept, and goes out next time" in again.text
    house.heal()
    third = chat(f"127.0.0.1:{house.proxy.port}", "--handle", "alice")
    third.until("✓  alice: for later")


def test_commands(alice, house, people):
    bob = people("bob", house)
    for line, said in (
        ("/help", "-- /search words     find messages"),
        ("/help join", "-- /join #ops        become a member of the room"),
        ("/nonsense", "!! there is no /nonsense here"),
        ("/theme mauve", "!! write /theme and one of: light, dark, none"),
        ("/who", "-- bob"),
        ("/join #den", "-- alice joined"),
        ("/rooms", "-- #den (1)"),
        ("/me waves", "* alice waves"),
        ("/leave", "-- alice left"),
        ("/leave #never", "!! not left: "),
        ("/msg @nobody hello", "not sent: @nobody is not here"),
        ("/search nowhere", "-- nothing found"),
    ):
        alice.enter(line)
        alice.until(said, line)
    alice.enter("/discard")
    alice.without("/retry or /discard")
    alice.enter("/retry")
    alice.until("-- nothing failed here")
    alice.enter("/open #lobby")
    alice.enter("//slashed")
    alice.until("alice: /slashed")
    bob.say("a needle in the hay")
    alice.until("Bob: a needle")
    alice.enter("/search NEEDLE")
    alice.until("-- #lobby ")
    alice.enter("/theme light")
    alice.until(lambda: alice.cells("Bob:")[0].fg != "default")


def test_what_failed_is_sent_again(alice, house, people):
    alice.enter("/msg @late are you there?")
    alice.until("/retry or /discard")
    people("late", house)
    alice.enter("/retry")
    alice.without("/retry or")
    alice.until("alice: are you there?")


def test_a_text_that_is_too_long_stays_to_be_cut(alice):
    alice.paste("x" * 70_000)
    alice.until(lambda: alice.rows[-1].endswith("x"))
    alice.type(ENTER)
    alice.until("!! not sent: a text has ")
    alice.until(lambda: alice.rows[-1].endswith("x"))


def test_tab_completes(alice, house, people):
    people("bob", house)
    alice.enter("/who")
    alice.until("-- bob")
    alice.type("/jo" + TAB)
    alice.until(lambda: alice.rows[-1] == "> /join")
    alice.type("\x15/msg @b" + TAB)
    alice.until(lambda: alice.rows[-1] == "> /msg @bob")
    alice.type("\x15/theme l" + TAB)
    alice.until(lambda: alice.rows[-1] == "> /theme light")
    alice.type("\x15/help se" + TAB)
    alice.until(lambda: alice.rows[-1] == "> /help search")
    alice.type("\x15/join #l" + TAB)
    alice.until(lambda: alice.rows[-1] == "> /join #lobby")
    alice.type("\x15bo" + TAB)
    alice.until(lambda: alice.rows[-1] == "> bob:")
    alice.type("\x15hello @b" + TAB)
    alice.until(lambda: alice.rows[-1] == "> hello @bob")
    alice.type("\x15/l" + TAB)
    alice.until("/leave")


def test_pasted_lines_are_one_message(alice, house, people):
    bob = people("bob", house)
    alice.paste("one\ntwo")
    alice.until("> one")
    alice.type(f"{ESCAPE}{ENTER}three{ENTER}")  # Alt-Enter: another line
    bob.until(lambda told: told.get("text") == "one\ntwo\nthree", alice.look)
    alice.until("alice: one")


def colours(terminal, text):
    return {cell.fg for cell in terminal.cells(text)}


def test_colours_and_mentions(alice, house, people):
    bob = people("bob", house)
    bob.say("plain")
    bob.say("hey alice!")
    alice.until("Bob: hey alice!")
    assert colours(alice, "plain") == {"default"}
    assert colours(alice, "Bob:") != {"default"}
    assert all(cell.bold for cell in alice.cells("hey alice!"))
    assert alice.screen.bells == 1  # for the mention
    bob.say("psst", "@alice")
    alice.until("@bob")
    alice.until(lambda: alice.screen.bells == 2, "for the direct message")


def test_no_color(chat, house, people):
    bob = people("bob", house)
    terminal = chat(f"127.0.0.1:{house.port}", "--handle", "alice", NO_COLOR="1")
    terminal.until("connected to")
    bob.say("hey alice!")
    terminal.until("Bob: hey alice!")
    cells = [cell for row in terminal.screen.buffer.values() for cell in row.values()]
    assert {(cell.fg, cell.bg) for cell in cells} == {("default", "default")}


@pytest.mark.parametrize("keys", ["\x03", "\x04", f"quit{ENTER}", f"/quit{ENTER}"])
def test_ways_to_leave(alice, keys):
    alice.type(keys)
    assert alice.end() == Exit.OK
    assert "Traceback" not in alice.text


def test_the_end_of_the_machine(alice):
    alice.process.send_signal(signal.SIGTERM)
    assert alice.end() == Exit.OK


def test_the_first_question(chat, house):
    terminal = chat(f"127.0.0.1:{house.port}", columns=200)
    terminal.until("Your handle:")
    terminal.enter("Alice Liddell")
    terminal.until("try alice_liddell")
    terminal.enter("alice")
    terminal.until("connected to")
    terminal.type("\x04")
    assert terminal.end() == Exit.OK
    again = chat(f"127.0.0.1:{house.port}")
    again.until("Your handle [alice]:")
    again.type(ENTER)
    again.until("connected to")


def test_nobody_wants_to_answer(chat, house):
    terminal = chat(f"127.0.0.1:{house.port}")
    terminal.until("Your handle:")
    terminal.type("\x04")
    assert terminal.end() == Exit.OK


def test_where_nobody_listens(chat):
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        terminal = chat(f"127.0.0.1:{sock.getsockname()[1]}", "--handle", "alice")
        assert terminal.end() == Exit.NETWORK
    assert "nothing is listening" in terminal.text


def test_a_handle_that_is_taken(chat, house, people):
    people("bob", house)
    terminal = chat(f"127.0.0.1:{house.port}", "--handle", "bob")
    assert terminal.end() == Exit.LOGIN
    assert "Traceback" not in terminal.text


def test_the_configuration_file(chat, house, people, tmp_path):
    bob = people("bob", house)
    told = tmp_path / "told"
    program = tmp_path / "tell.py"
    program.write_text(f"import sys, pathlib; pathlib.Path({str(told)!r}).write_text(repr(sys.argv[1:]))")
    (tmp_path / "causerie-chat.ini").write_text(
        f"[chat]\nserver = 127.0.0.1:{house.port}\nhandle = alice\nlist = yes\nbell = yes\n"
        f"notify = {shlex.join([sys.executable, str(program)])}\ntheme = light\n"
    )
    terminal = chat(columns=60)
    terminal.until("connected to")
    terminal.until("│")
    bob.say("good day")
    terminal.until(lambda: terminal.screen.bells == 1, "for every message")
    bob.say("alice: psst")
    terminal.until(lambda: told.exists() and told.read_text() == "['bob', 'alice: psst']", "the command")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[chat]\ntheme = mauve\n", "theme = mauve makes no sense: write one of dark, light, none"),
        ("[chat]\ncolour = red\n", "there is no key colour: write one of server, handle"),
        ("[chats]\n", "there is no section [chats]: write [chat]"),
        ("theme = dark\n", "cannot be read"),
    ],
)
def test_a_configuration_that_makes_no_sense(chat, tmp_path, text, said):
    (tmp_path / "causerie-chat.ini").write_text(text)
    terminal = chat("--handle", "alice", columns=300)
    assert terminal.end() == Exit.USAGE
    assert said in terminal.text
    assert "causerie-chat.ini" in terminal.text


def test_a_terminal_that_can_do_nothing(chat, house, people):
    bob = people("bob", house)
    terminal = chat(f"127.0.0.1:{house.port}", "--handle", "alice", TERM="dumb")
    terminal.until("-- connected to")
    bob.say("hello")
    terminal.until("bob: hello")
    terminal.type("\x04")
    assert terminal.end() == Exit.OK


def test_a_french_terminal(chat, house, people):
    terminal = chat(f"127.0.0.1:{house.port}", "--handle", "alice", LANGUAGE="fr")
    terminal.until("salon commun")
    terminal.enter("/rien")
    terminal.until("/help")


def test_somebody_writes(chat, alice, house, environment, tmp_path):
    bob = chat(f"127.0.0.1:{house.port}", "--handle", "bob", CAUSERIE_HOME=str(tmp_path / "bob"))
    bob.until("connected to")
    bob.type("hm")
    alice.until("bob is writing…")
    bob.type("\x15")
    alice.without("is writing")


def test_an_account(chat, serve, tmp_path):
    users = tmp_path / "users"
    users.write_text("alice:correct horse\n")
    server = serve("asyncio", "--memory", "--users-file", str(users), "--scram-iterations", "4096")
    terminal = chat(f"127.0.0.1:{server.port}", "--handle", "alice", "--password")
    terminal.until("Password of alice at")
    terminal.enter("correct horse")
    terminal.until("connected to")
    terminal.type("\x04")
    assert terminal.end() == Exit.OK
    again = chat(f"127.0.0.1:{server.port}", "--handle", "alice")  # it is remembered that there is one
    again.until("Password of alice at")
    again.enter("wrong")
    assert again.end() == Exit.LOGIN
