"""`causerie-gui` as a program: its command line, its settings, its exit status. The suite judges it elsewhere."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from causerie.client.address import Address
from causerie.client.tokens import TokenStore
from causerie.console.exits import Exit
from causerie.tk.cli import main
from causerie.tk.connect import FieldError, Wish, check
from causerie.tk.rows import Rows
from causerie.tk.settings import FILE, Settings, load, save

LIMIT = 60.0


def run(*arguments, **environment):
    kept = {name: value for name, value in os.environ.items() if name not in ("DISPLAY", "WAYLAND_DISPLAY")}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "causerie.tk", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=LIMIT,
        check=False,
        env=kept | {"LANGUAGE": "en", "CAUSERIE_HOME": "nowhere"} | environment,
    )
    assert "Traceback" not in done.stderr
    return done


def test_help_and_version():
    done = run("--help")
    assert done.returncode == 0
    assert "causerie-gui chat.example.org --handle alice" in done.stdout
    assert run("--version").stdout.startswith("causerie-gui ")
    assert "Discuter dans une fenêtre" in run("--help", LANGUAGE="fr").stdout


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere there is always a screen")
def test_without_a_screen(tmp_path):
    done = run("--data", tmp_path)
    assert done.returncode == Exit.USAGE
    assert done.stderr.startswith("causerie-gui: there is no screen to open a window on (")
    assert done.stderr.endswith("): use causerie-chat in a terminal\n")


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--handle", "Not Mine!"], Exit.USAGE, "is no handle"),
        (["--handle", "alice", "--display", "\n"], Exit.USAGE, "a display name has 1 to 64 octets"),
        (["chat.example.org:http"], Exit.USAGE, "port"),
        (["--handle", "alice", "--password-file", "nothing"], Exit.LOGIN, "nothing"),
        (["--theme", "mauve"], Exit.USAGE, "invalid choice"),
    ],
)
def test_what_makes_no_sense(tmp_path, arguments, code, said):
    done = run(*arguments, "--data", tmp_path)
    assert (done.returncode, said in done.stderr) == (code, True), done.stderr


def test_an_account_needs_its_password(tmp_path, capsys):
    marks = tmp_path / "tokens"
    marks.mkdir()
    TokenStore(tmp_path).password_mark(Address(), "alice").touch()
    assert main(["--handle", "alice", "--data", str(tmp_path), "--language", "en"]) == Exit.USAGE
    assert "give --password or --password-file FILE" in capsys.readouterr().err


def test_the_window_of_a_process(display, house, people, tmp_path):
    bob = people("bob", house)
    rows = tmp_path / "rows"
    rows.touch()
    process = subprocess.Popen(
        [
            *(sys.executable, "-W", "error", "-m", "causerie.tk", f"127.0.0.1:{house.port}"),
            *("--handle", "alice", "--data", str(tmp_path / "alice"), "--language", "en"),
        ],
        env=display.environment | {"CAUSERIE_ROWS": str(rows)},
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert display.window(process)
        bob.until(lambda _: "K\t" in rows.read_text("utf-8"))
        bob.say("hello you")
        bob.until(lambda _: "M\tbob: hello you\n" in rows.read_text("utf-8"))
        display.type("hello")
        display.keys("Return")
        bob.until(lambda told: told.get("text") == "hello")
        display.keys("ctrl+q")
        _, err = process.communicate(timeout=LIMIT)
        assert (process.returncode, err) == (0, "")
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()


# Parts without a screen.


FILLED = {"host": "127.0.0.1", "port": "5000", "handle": "alice", "display": "", "password": "", "ca_file": ""}


def test_the_form_as_it_stands():
    wish = check(FILLED, tls=False)
    assert (str(wish.address), wish.handle, wish.display, wish.tls) == ("127.0.0.1:5000", "alice", "alice", False)


@pytest.mark.parametrize(
    ("change", "address"),
    [
        ({"port": ""}, "127.0.0.1:5000"),
        ({"host": "::1", "port": "1"}, "[::1]:1"),
        ({"host": " [::1] "}, "[::1]:5000"),
        ({"host": "chat.example.org", "port": " 65535 "}, "chat.example.org:65535"),
    ],
)
def test_addresses(change, address):
    assert str(check(FILLED | change, tls=False).address) == address


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"host": ""}, "host"),
        ({"host": "no such host"}, "host"),
        ({"port": "0"}, "port"),
        ({"port": "65536"}, "port"),
        ({"port": "٣"}, "port"),
        ({"port": "9" * 5000}, "port"),
        ({"handle": ""}, "handle"),
        ({"handle": "Bob B"}, "handle"),
        ({"display": "a\x07"}, "display"),
    ],
)
def test_what_is_told_beside_its_field(change, field):
    with pytest.raises(FieldError) as caught:
        check(FILLED | change, tls=False)
    assert caught.value.name == field
    assert str(caught.value)


def test_a_file_of_authorities_is_for_tls_alone():
    values = FILLED | {"ca_file": "ca.pem", "password": "secret"}
    assert check(values, tls=False).ca_file is None
    wish = check(values, tls=True)
    assert isinstance(wish, Wish)
    assert (wish.ca_file, wish.password) == (Path("ca.pem"), "secret")


def test_settings_come_back(tmp_path):
    assert load(tmp_path) == (Settings(), "")
    settings = Settings("800x600+1+-2", "dark", 1.21, "fr", "chat.example.org:1", True, False, "notify-send")
    assert save(settings, tmp_path / "new")
    assert load(tmp_path / "new") == (settings, "")


@pytest.mark.parametrize(
    "values",
    [
        {"theme": "mauve"},
        {"zoom": 99},
        {"zoom": "large"},
        {"tls": "yes"},
        {"geometry": "1x1"},
        {"geometry": "huge"},
        {"geometry": "²00x300"},
        {"language": 7},
        {"unknown": 1},
    ],
)
def test_values_that_make_no_sense_are_the_usual_ones(tmp_path, values):
    (tmp_path / FILE).write_text(json.dumps(values))
    assert load(tmp_path) == (Settings(), "")


def test_a_place_that_makes_no_sense_keeps_the_size(tmp_path):
    (tmp_path / FILE).write_text(json.dumps({"geometry": "700x500+a+b", "zoom": 1}))
    assert load(tmp_path)[0].geometry == "700x500"


@pytest.mark.parametrize("text", ["", "{", "[]", "[" * 100_000, "\ud800"])
def test_damaged_settings_are_kept_apart(tmp_path, text):
    (tmp_path / FILE).write_bytes(text.encode("utf-8", "surrogatepass"))
    settings, aside = load(tmp_path)
    assert settings == Settings()
    assert Path(aside).read_bytes() == text.encode("utf-8", "surrogatepass")
    assert not (tmp_path / FILE).exists()


def test_a_disk_that_takes_no_settings(tmp_path):
    (tmp_path / "file").touch()
    assert not save(Settings(), tmp_path / "file")


def test_rows_are_told_to_nobody_unless_asked(tmp_path, monkeypatch):
    monkeypatch.delenv("CAUSERIE_ROWS", raising=False)
    assert not Rows().on
    Rows().message("bob", "hi")
    monkeypatch.setenv("CAUSERIE_ROWS", str(tmp_path / "rows"))
    rows = Rows()
    assert rows.on
    rows.message("bob", "two\nlines")
    rows.gave_up("no")
    rows._file.close()
    assert (tmp_path / "rows").read_text("utf-8") == "M\tbob: two⏎lines\nF\tno\n"
