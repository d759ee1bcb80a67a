"""Where fields stand, and the mark below the first wrong octet."""

from causerie_conformance.octets import ROWS_SHOWN, annotated, field_offset
from causerie_spec.codec import encode, frame
from causerie_spec.messages import ChatMessage, Pong

PONG = encode(Pong(258), 9)
MESSAGE = encode(ChatMessage("#lobby", 1, 2, "bob", 5, 0, "hi"))


def test_where_a_field_stands() -> None:
    assert field_offset(PONG, "token") == 8
    assert field_offset(PONG, "ref") == 6
    assert field_offset(PONG, "text") is None
    assert field_offset(MESSAGE, "conversation") == 9
    assert MESSAGE[field_offset(MESSAGE, "text") or 0 :] == b"hi"
    assert field_offset(b"", "token") is None


def test_the_mark_stands_below_the_wrong_octet() -> None:
    lines = annotated(PONG, 15)
    mark = next(index for index, line in enumerate(lines) if "^^" in line)
    column = lines[mark].index("^^")
    assert lines[mark - 1][column : column + 2] == "02"
    assert "token" in lines[mark - 1]


def test_undecodable_octets_mark_themselves() -> None:
    lines = annotated(frame(0x85, b"\x00\x64\x00\x00\x00\x00\x01\xff"), None)
    assert any("^^" in line for line in lines)


def test_a_long_frame_is_shown_around_the_wrong_octet() -> None:
    lines = annotated(MESSAGE, field_offset(MESSAGE, "text"))
    assert len(lines) == ROWS_SHOWN + 1
    assert "text" in lines[-2]
    assert annotated(b"", None) == []
