"""Annotated dumps: of good frames, of damaged ones, and of noise."""

import textwrap

import pytest
from hypothesis import given
from hypothesis import strategies as st

from causerie_spec import annotate as module
from causerie_spec import codec
from causerie_spec.annotate import AnnotatedFrame, Row, annotate, quote, render, time
from causerie_spec.messages import (
    Ack,
    Bye,
    ChatMessage,
    Compose,
    End,
    Error,
    Hello,
    History,
    Login,
    Ok,
    Ping,
    Quit,
    Send,
)

HELLO = Hello(b"CAUS", 1, 1, 60, "é", ("rooms", ""))


def cells(frame):
    return [(row.offset, row.octets.hex(), row.field, row.value) for row in frame.rows]


def test_a_good_frame_is_shown_octet_by_octet():
    [frame] = annotate(codec.encode(HELLO, 258))
    assert (frame.offset, frame.name, frame.type, frame.ref, frame.size) == (0, "HELLO", 0x01, 258, 27)
    assert (frame.error, frame.error_offset) == (None, None)
    assert cells(frame) == [
        (0, "00000013", "length", "19"),
        (4, "01", "type", "HELLO"),
        (5, "00", "flags", "0"),
        (6, "0102", "ref", "258"),
        (8, "43415553", "magic", '"CAUS"'),
        (12, "01", "min_version", "1"),
        (13, "01", "max_version", "1"),
        (14, "003c", "keepalive", "60"),
        (16, "02", "agent length", "2"),
        (17, "c3a9", "agent", '"é"'),
        (19, "02", "capabilities count", "2"),
        (20, "05", "capabilities[0] length", "5"),
        (21, "726f6f6d73", "capabilities[0]", '"rooms"'),
        (26, "00", "capabilities[1] length", "0"),
    ]


def test_frames_follow_each_other_with_their_offsets():
    frames = annotate(codec.encode(Ok(), 1) + codec.encode(Ping(5), 2))
    assert [(frame.offset, frame.name, frame.size) for frame in frames] == [(0, "OK", 8), (8, "PING", 16)]
    assert frames[1].rows[-1] == Row(16, bytes(7) + b"\5", "token", "5")


VALUES = [
    (Error(3, 0, ""), "code", "3 BAD_FIELD"),
    (Error(99, 0, ""), "code", "99"),
    (Bye(102, 0, ""), "code", "102 MALFORMED"),
    (Bye(3, 0, ""), "code", "3"),
    (Send("#a", 1, 1, "x"), "kind", "1 ACTION"),
    (ChatMessage("#a", 1, 0, "b", 0, 129, ""), "kind", "129 LEFT"),
    (ChatMessage("#a", 1, 0, "b", 0, 129, ""), "timestamp", "0"),
    (History("#a", 1, 0, 1), "direction", "1 BEFORE"),
    (Ack(1, 1_790_000_000_123, True), "timestamp", "1790000000123 (2026-09-21T14:13:20.123Z)"),
    (Ack(1, 2**64 - 1, True), "timestamp", "18446744073709551615 (beyond the year 9999)"),
    (Ack(1, 0, True), "duplicate", "true"),
    (End(False), "more", "false"),
    (Login("TOKEN", "a", "A", b"n,,n=a"), "payload", '"n,,n=a"'),
    (Login("TOKEN", "a", "A", b"\xff\0"), "payload", "2 octets"),
]


@pytest.mark.parametrize(("message", "field", "value"), VALUES)
def test_values_are_shown_for_people(message, field, value):
    [frame] = annotate(codec.encode(message, 1))
    assert [row.value for row in frame.rows if row.field == field] == [value]


def test_nothing_in_a_dump_controls_a_terminal():
    forbidden = [*range(0x20), *range(0x7F, 0xA0), 0x2028, 0x2029, *range(0x202A, 0x202F), *range(0x2066, 0x206A)]
    [frame] = annotate(codec.encode(Quit("".join(map(chr, forbidden[:40]))), 1))
    text = render([frame], most=1000)
    assert all(line.isprintable() for line in text.split("\n"))
    assert quote('a"b\\c\n\u202eé🦊\ufeff') == r'"a\"b\\c\u{a}\u{202e}é🦊\u{feff}"'


def test_times_are_shown_in_utc():
    assert time(0) == "1970-01-01T00:00:00.000Z"
    assert time(253_402_300_799_999) == "9999-12-31T23:59:59.999Z"


FAULTS = [
    # octets, name, error, its offset, field of the row in which it is
    ("00000004 05 00 0007 02 61 ff 00", "QUIT", "reason: not UTF-8: invalid start byte", 10, "reason"),
    ("00000001 05 00 0007 03", "QUIT", "reason: the body ends 3 octets too early", 9, None),
    ("00000000 05 00 0007", "QUIT", "reason: the body ends 1 octet too early", 8, None),
    ("00000002 05 00 0007 03 61", "QUIT", "reason: the body ends 2 octets too early", 10, None),
    ("00000001 8e 00 0007 02", "END", "more: a bool is 0 or 1, not 2", 8, "more"),
    ("00000003 8e 00 0007 02 0000", "END", "more: a bool is 0 or 1, not 2", 8, "more"),
    ("00000004 04 00 0001 01020304", "PING", "token: the body ends 4 octets too early", 12, None),
    ("00000008 04 00 0001 01020304", "PING", "the stream ends 4 octets before the end of the body", 12, None),
    ("00000008 04 00 0001", "PING", "the stream ends 8 octets before the end of the body", 8, None),
    ("00000009 7f 00 0001 61", "unknown type 0x7f", "the stream ends 8 octets before the end of the body", 9, None),
    ("00000003 8e 00 0001 05", "END", "more: a bool is 0 or 1, not 5", 8, "more"),  # before the cut
    ("0000 00", "incomplete header", "the stream ends 5 octets before the end of the header", 3, None),
    ("00000000 05 00 00", "incomplete header", "the stream ends 1 octet before the end of the header", 7, None),
    ("00000001 05 00 0000 00", "QUIT", "a request has a ref other than 0", 6, "ref"),
    ("00000001 05 00 0000 05", "QUIT", "a request has a ref other than 0", 6, "ref"),  # the first of two
    ("00010000 05 00 0001 00", "QUIT", "a body of 65536 octets, the limit is 65535 (read as little-endian it would "
     "be 256)", 0, "length"),
    ("7fffffff 05 00 0001", "QUIT", "a body of 2147483647 octets, the limit is 65535", 0, "length"),
    (
        "0000000b 01 00 0001 43415553 01 01 0000 00 21 00",
        "HELLO",
        "capabilities: 33 entries, the limit is 32",
        17,
        "capabilities",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("octets", "name", "error", "offset", "field"), FAULTS)
def test_the_first_fault_is_explained_and_marked(octets, name, error, offset, field):
    data = bytes.fromhex(octets)
    [frame] = annotate(data)
    assert (frame.name, frame.error, frame.error_offset) == (name, error, offset)
    assert b"".join(row.octets for row in frame.rows) == data
    holding = [row.field for row in frame.rows if row.offset <= offset < row.offset + len(row.octets)]
    assert holding == ([field] if field else [])
    lines = render([frame]).splitlines()
    [mark] = [index for index, line in enumerate(lines) if "^^" in line]
    assert lines[mark].endswith(f"^^ {error}")
    # The mark stands below the octet, or behind the last one.
    line, column = lines[mark - 1], lines[mark].index("^^")
    at = int(line[2:6], 16) + (column - 8) // 3
    assert at == offset
    if field:
        assert line[column : column + 2] == f"{data[offset]:02x}"


def test_what_stands_behind_a_fault_is_shown_but_not_decoded():
    [frame] = annotate(bytes.fromhex("00000004 05 00 0007 02 61 ff 00"))
    assert frame.rows[-2:] == (
        Row(9, b"a\xff", "reason", ""),
        Row(11, b"\0", "rest", "", "not decoded"),
    )


def test_frames_behind_a_malformed_one_are_shown():
    frames = annotate(codec.frame(5, b"\x01\xff", 1) + codec.encode(Ping(1), 2))
    assert [frame.name for frame in frames] == ["QUIT", "PING"]
    assert frames[1].error is None


def test_nothing_behind_a_header_over_the_limit_is_taken_for_a_frame():
    ping = codec.encode(Ping(1), 2)
    [frame] = annotate(codec.frame(5, b"12345", 1)[:8] + ping, limit=4)
    assert frame.error == "a body of 5 octets, the limit is 4"
    assert frame.rows[-1] == Row(8, ping, "?", "", "not taken for frames")


def test_a_body_of_just_the_limit_is_no_error():
    [frame] = annotate(codec.frame(0x8D, b"1234", 1), limit=4)
    assert frame.error is None


NOTES = [
    (codec.frame(0x8D, b"zz", 1), "rest", "behind the last field: ignored"),
    (codec.frame(0x8D, b"", 1, flags=3), "flags", "senders set 0, receivers ignore it"),
]


@pytest.mark.parametrize(("data", "field", "note"), NOTES)
def test_what_is_odd_but_legal_is_noted(data, field, note):
    [frame] = annotate(data)
    assert frame.error is None
    assert [(row.field, row.note) for row in frame.rows if row.note] == [(field, note)]
    assert f"({note})" in render([frame])


def test_a_compose_and_a_server_frame_may_have_ref_0():
    for message in (Compose("#a", True), Ok()):
        [frame] = annotate(codec.encode(message, 0))
        assert frame.error is None


def test_a_body_of_unknown_type_is_shown_as_it_is():
    [frame] = annotate(codec.frame(0x7F, b"abc", 9))
    assert frame.rows[-1] == Row(8, b"abc", "body", "")
    assert frame.error is None


def test_no_octets_are_no_frames():
    assert annotate(b"") == []
    assert render([]) == ""


def test_the_example_in_the_module_is_what_is_rendered():
    example = render(annotate(bytes.fromhex("00000004 05 00 0007 02 61 ff 00")))
    assert textwrap.indent(example, "    ") in module.__doc__


def test_long_fields_are_cut_and_their_wrong_octet_shown():
    frame = AnnotatedFrame(0, "X", 1, None, (Row(0, bytes(range(40)), "data", "v" * 101),), "bad", 25)
    assert render([frame], per_line=4, most=16).splitlines() == [
        "X, 40 octets",
        "  0000  00 01 02 03  data  " + "v" * 100 + " …",
        "  0004  04 05 06 07",
        "  ....  16 octets more",
        "  0018  18 19 1a 1b",
        "           ^^ bad",
        "  ....  12 octets more",
    ]
    assert len(render([frame], per_line=4, most=40).splitlines()) == 12


@given(st.binary(max_size=200), st.integers(0, 70_000))
def test_every_octet_of_any_data_is_shown_once_and_in_order(data, limit):
    frames = annotate(data, limit)
    rows = [row for frame in frames for row in frame.rows]
    assert b"".join(row.octets for row in rows) == data
    assert [row.offset for row in rows] == [
        sum(len(before.octets) for before in rows[:index]) for index in range(len(rows))
    ]
    assert render(frames).count("^^") >= sum(frame.error is not None for frame in frames)


@given(st.binary(max_size=60), st.sampled_from([0x01, 0x02, 0x05, 0x10, 0x24, 0x8E]))
def test_an_error_is_shown_exactly_when_the_codec_finds_one(body, type_):
    [frame] = annotate(codec.frame(type_, body, ref=1))
    try:
        codec.decode(type_, body)
    except codec.Malformed as error:
        expected = (f"{error.field}: {error.reason}", 8 + error.offset)
    else:
        expected = (None, None)
    assert (frame.error, frame.error_offset) == expected
