"""The field forms: what they parse, what they build, what they refuse."""

import pytest
from construct import ConstructError, StreamError, StringError, ValidationError

from causerie_spec import forms
from causerie_spec.forms import boolean, bytes16, list8, magic4, str8, str16, u8, u16, u32, u64

GOOD = [
    (u8, 0, "00"),
    (u8, 255, "ff"),
    (u16, 0x0102, "0102"),
    (u32, 0x01020304, "01020304"),
    (u64, 2**64 - 1, "ff" * 8),
    (u64, 1, "0000000000000001"),
    (boolean, False, "00"),
    (boolean, True, "01"),
    (str8, "", "00"),
    (str8, "é", "02 c3a9"),
    (str8, "\ufeffa\0", "05 efbbbf 61 00"),
    (str8, "x" * 255, "ff" + "78" * 255),
    (str16, "🦊", "0004 f09fa68a"),
    (str16, "x" * 65_535, "ffff" + "78" * 65_535),
    (bytes16, b"", "0000"),
    (bytes16, b"\xff\0", "0002 ff00"),
    (list8, (), "00"),
    (list8, ("", "a"), "02 00 01 61"),
    (list8, ("x" * 32,) * 32, "20" + ("20" + "78" * 32) * 32),
    (list8, ("é" * 16,), "01 20" + "c3a9" * 16),
    (magic4, b"CAUS", "43415553"),
    (magic4, b"\0\0\0\0", "00000000"),
]


@pytest.mark.parametrize(("form", "value", "octets"), GOOD)
def test_forms_build_and_parse(form, value, octets):
    octets = bytes.fromhex(octets)
    assert form.build(value) == octets
    parsed = form.parse(octets)
    assert parsed == value
    assert type(parsed) is type(value)


CANNOT_PARSE = [
    (u8, "", StreamError),
    (u64, "00000000000000", StreamError),
    (boolean, "02", ValidationError),
    (boolean, "ff", ValidationError),
    (boolean, "", StreamError),
    (str8, "02 61", StreamError),
    (str8, "01 ff", StringError),
    (str8, "02 c080", StringError),  # overlong
    (str8, "03 eda080", StringError),  # a surrogate
    (str8, "04 f4908080", StringError),  # above U+10FFFF
    (str8, "01 c3", StringError),  # cut off
    (str16, "0001", StreamError),
    (str16, "0001 80", StringError),
    (bytes16, "0002 00", StreamError),
    (list8, "", StreamError),
    (list8, "21" + "00" * 33, ValidationError),
    (list8, "01 21" + "61" * 33, ValidationError),
    (list8, "02 00", StreamError),
    (list8, "01 01 ff", StringError),
    (magic4, "434155", StreamError),
]


@pytest.mark.parametrize(("form", "octets", "error"), CANNOT_PARSE)
def test_forms_refuse_octets_that_are_not_theirs(form, octets, error):
    with pytest.raises(error):
        form.parse(bytes.fromhex(octets))


CANNOT_BUILD = [
    (u8, 256),
    (u16, -1),
    (u32, 1.5),
    (u64, 2**64),
    (boolean, 1),
    (boolean, None),
    (str8, "x" * 256),
    (str8, b"x"),
    (str8, "\ud800"),
    (str16, "x" * 65_536),
    (bytes16, "x"),
    (bytes16, bytearray(b"x")),
    (bytes16, b"x" * 65_536),
    (list8, ("x",) * 33),
    (list8, ("x" * 33,)),
    (list8, "rooms"),
    (list8, (b"rooms",)),
    (magic4, b"CAU"),
    (magic4, b"CAUSE"),
    (magic4, 5),
]


@pytest.mark.parametrize(("form", "value"), CANNOT_BUILD)
def test_forms_refuse_values_that_do_not_fit(form, value):
    with pytest.raises(ConstructError):
        form.build(value)


def test_the_header_is_8_octets_big_endian():
    header = {"length": 0x01020304, "type": 5, "flags": 6, "ref": 0x0708}
    assert forms.HEADER.build(header) == bytes(range(1, 9))
    assert forms.HEADER.sizeof() == 8
    assert {name: forms.HEADER.parse(bytes(range(1, 9)))[name] for name in header} == header


def test_forms_have_the_names_that_the_specification_gives_them():
    named = [u8, u16, u32, u64, boolean, str8, str16, bytes16, list8, magic4]
    assert [forms.form_name(form) for form in named] == [
        "u8", "u16", "u32", "u64", "bool", "str8", "str16", "bytes16", "list8", "magic",
    ]  # fmt: skip
    with pytest.raises(KeyError):
        forms.form_name(forms.Boolean(u8))
