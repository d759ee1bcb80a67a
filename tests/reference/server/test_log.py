"""Lines of the log: nothing that peers sent controls the terminal or forges a line [CLIENT-8]."""

import json
import logging

import pytest

from causerie.server import log as module
from causerie.server.log import FORMS, LEVELS, escape, log

EVIL = 'a\n2026 INFO forged\x1b[2J\x07\u202e"\\ \x85\u2028\x9b'


@pytest.fixture
def lines(capsys):
    root, level = logging.getLogger(), logging.getLogger().level
    handlers = root.handlers[:]

    def read():
        return capsys.readouterr().err

    yield read
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.mark.parametrize("form", sorted(FORMS))
def test_no_string_of_a_peer_controls_anything(lines, form):
    module.set_up("info", form)
    log("login refused", handle=EVIL, peer="192.0.2.1:1")
    (line,) = lines().splitlines()
    assert not set(line) & set("\n\x1b\x07\u202e\x85\u2028\x9b")
    if form == "json":
        assert json.loads(line)["handle"] == EVIL
    else:
        assert 'handle="a\\n2026 INFO forged\\x1b[2J\\x07\\u202e\\"\\\\ \\x85\\u2028\\x9b" peer=192.0.2.1:1' in line


def raised(text):
    try:
        raise RuntimeError(text)
    except RuntimeError as error:
        return error


def test_a_traceback_is_indented_and_escaped(lines):
    module.set_up("info", "text")
    log("failure", exception=raised(EVIL), peer="x")
    first, *trace = lines().splitlines()
    assert first.endswith("ERROR   failure peer=x")
    assert trace[0] == "    Traceback (most recent call last):"
    assert all(line.startswith("    ") for line in trace)
    assert not set("".join(trace)) & set("\x1b\x07\u202e\x85\u2028\x9b")


def test_a_traceback_in_json(lines):
    module.set_up("info", "json")
    log("failure", exception=raised("x"), reason=OSError(24, "Too many"))
    line = json.loads(lines())
    assert line["exception"].endswith("RuntimeError: x")
    assert line["reason"] == "[Errno 24] Too many"
    assert line["level"] == "error"
    assert line["time"].endswith("Z")


def test_what_other_loggers_say_is_escaped(lines):
    module.set_up("warning", "text")
    logging.getLogger("asyncio").warning("socket.send() raised\nexception of %s", "\x1b")
    (line,) = lines().splitlines()
    assert line.endswith('WARNING "socket.send() raised\\nexception of \\x1b"')


def test_levels(lines):
    module.set_up("warning", "text")
    for event in LEVELS:
        log(event)
    assert [line.split(None, 2)[2] for line in lines().splitlines()] == ["login refused", "accept failed", "failure"]


@pytest.mark.parametrize(
    ("text", "shown"), [("", '""'), ("a b", '"a b"'), ("a\u00a0b", '"a\u00a0b"'), ("é", "é"), ("a=b", "a=b")]
)
def test_values_end_where_they_seem_to(lines, text, shown):
    module.set_up("info", "text")
    log("login", handle=text)
    assert lines().endswith(f" handle={shown}\n")


def test_escape():
    assert escape("a\\n\n李") == "a\\\\n\\n李"
