"""Names, good and bad ones."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from causerie_spec.names import is_conversation, is_display, is_forbidden_character, is_handle, is_room

HANDLES = ["a", "7", "alice", "a.b-c_d", "0xff", "a" * 32, "a.", "a-"]
NO_HANDLES = [
    "", "a" * 33, "Alice", "aLice", ".alice", "-a", "_a", "al ice", " alice", "alice ", "élise", "@alice", "#a",
    "alice\n", "\nalice", "alice\0", "a\u0660", "ａ", "a/b", "a@b", "ſ", "\ud800",
]  # fmt: skip


@pytest.mark.parametrize("name", HANDLES)
def test_handles(name):
    assert is_handle(name)
    assert is_room("#" + name)
    assert is_conversation("#" + name)
    assert is_conversation("@" + name)
    assert not is_room("@" + name)
    assert not is_room(name)
    assert not is_conversation(name)


@pytest.mark.parametrize("name", NO_HANDLES)
def test_what_is_no_handle_is_no_part_of_a_conversation(name):
    assert not is_handle(name)
    assert not is_room("#" + name)
    assert not is_conversation("#" + name)
    assert not is_conversation("@" + name)


@pytest.mark.parametrize("name", ["", "#", "@", "##a", "@@a", "#@a", "&a", " #a", "+a", "＃a", "\n#a"])
def test_what_is_no_conversation(name):
    assert not is_conversation(name)
    assert not is_room(name)


@pytest.mark.parametrize(
    "name", ["A", "é", "李", "🦊", "a b", " ", "x" * 64, "é" * 32, "🦊" * 16, "\ufeffa", "\u200b", "\u2027", "\u2030"]
)
def test_displays(name):
    assert is_display(name)


FORBIDDEN = [
    *range(0x00, 0x20), *range(0x7F, 0xA0), 0x2028, 0x2029, *range(0x202A, 0x202F), *range(0x2066, 0x206A)
]  # fmt: skip


@pytest.mark.parametrize(
    "name", ["", "x" * 65, "é" * 33, "é" * 32 + "a", "🦊" * 17, "\ud800", *(f"a{chr(c)}b" for c in FORBIDDEN)]
)
def test_what_is_no_display(name):
    assert not is_display(name)


@pytest.mark.parametrize("place", ["{}ab", "a{}b", "ab{}"])
@pytest.mark.parametrize("character", ["\n", "\u0085", "\u202e"])
def test_a_forbidden_character_is_found_anywhere(place, character):
    assert not is_display(place.format(character))


def test_the_forbidden_characters_are_just_these():
    assert [c for c in range(0x110000) if is_forbidden_character(chr(c))] == FORBIDDEN
    assert not is_forbidden_character("")
    assert not is_forbidden_character("\n\n")


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"])))
def test_a_display_is_short_and_free_of_forbidden_characters(text):
    expected = 1 <= len(text.encode()) <= 64 and not any(map(is_forbidden_character, text))
    assert is_display(text) == expected
