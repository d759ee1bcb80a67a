"""Addresses, safe text, wording."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from causerie.client.address import Address, parse_address
from causerie.client.visible import visible, visible_lines
from causerie.client.wording import refusal, seconds, sentence
from causerie.core.client import Cause, Ending
from causerie_spec.codes import ByeCode, ErrorCode
from causerie_spec.names import is_forbidden_character


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("localhost", "localhost", 5000),
        ("chat.example.org:6000", "chat.example.org", 6000),
        (":6000", "127.0.0.1", 6000),
        ("[::1]", "::1", 5000),
        ("[::1]:6000", "::1", 6000),
        ("::1", "::1", 5000),
        ("fe80::1%eth0", "fe80::1%eth0", 5000),
        (" 127.0.0.1:1 ", "127.0.0.1", 1),
        ("127.0.0.1:65535", "127.0.0.1", 65535),
    ],
)
def test_addresses(text, host, port):
    address = parse_address(text)
    assert address == Address(host, port)
    assert parse_address(str(address)) == address


@pytest.mark.parametrize(
    "text",
    ["a:0", "a:65536", "a:", "a:x", "a:-1", "a:٣", "[::1", "[]", "[::1]x", "[::1]5000", "a b", "a\x1b", "a:123456"],
)
def test_what_is_no_address(text):
    with pytest.raises(ValueError, match="no address"):
        parse_address(text)


def test_the_default_address():
    assert str(Address()) == "127.0.0.1:5000"


@given(st.text())
def test_nothing_visible_controls_anything(text):  # [CLIENT-7]
    for shown in (visible(text), *visible_lines(text)):
        assert not any(is_forbidden_character(character) for character in shown)
        shown.encode()


@given(st.text().filter(lambda text: not any(map(is_forbidden_character, text))))
def test_everything_else_stays(text):
    assert visible(text) == text


def test_visible_forms():
    assert visible("a\nb\r\nc\rd\te\x1b\x85\u202e\u2028") == "a⏎b⏎c\\rd\\te\\x1b\\x85\\u202e\\u2028"
    assert visible_lines("a\r\nb\n") == ["a", "b", ""]
    assert visible("👩‍💻 مرحبا") == "👩‍💻 مرحبا"


ADDRESS = Address("::1", 5001)


@pytest.mark.parametrize("cause", Cause)
def test_every_ending_has_a_sentence(cause):
    codes = [None]
    if cause is Cause.BYE:
        codes = [*ByeCode, 199]
    elif cause in (Cause.LOGIN_REFUSED, Cause.LOGIN_DELAYED):
        codes = [*ErrorCode, 99, None]
    for code in codes:
        text = sentence(Ending(cause, code, 0, "de\x1btail"), ADDRESS, "bob")
        assert "\x1b" not in text
        assert "{" not in text
        assert not text.endswith(".")


def test_sentences():
    listens = Ending(Cause.NOBODY_LISTENS, detail="Connection refused")
    assert sentence(listens, Address(), "bob") == (
        "nothing is listening at 127.0.0.1:5000: start a server with `causerie-server`"
    )
    assert sentence(listens, ADDRESS, "bob", advise=False) == "nothing is listening at [::1]:5001"
    shutdown = Ending(Cause.BYE, ByeCode.SHUTDOWN, 0, "going down")
    assert sentence(shutdown, ADDRESS, "bob", advise=False) == "the server at [::1]:5001 is shutting down"
    taken = Ending(Cause.LOGIN_REFUSED, ErrorCode.HANDLE_TAKEN, 0, "x")
    assert "--handle" in sentence(taken, ADDRESS, "bob")


def test_refusals():
    assert refusal(ErrorCode.NO_SUCH_CONVERSATION, "x", "@bob") == "@bob is not here"
    assert refusal(ErrorCode.NO_SUCH_CONVERSATION, "x", "#ops") == "there is no #ops"
    assert refusal(ErrorCode.NOT_A_MEMBER, "x", "#ops") == "you are not in #ops"
    assert refusal(ErrorCode.INTERNAL, "o\x1bops", "#ops") == "o\\x1bops"
    assert refusal(99, "", "#ops") == "code 99"
    assert refusal(ErrorCode.TXN_CONFLICT, "", "#ops") == ErrorCode.TXN_CONFLICT.meaning


@pytest.mark.parametrize(("duration", "words"), [(0.2, "1 s"), (7.6, "8 s"), (60, "60 s"), (600, "10 min")])
def test_durations(duration, words):
    assert seconds(duration) == words
