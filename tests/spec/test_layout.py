"""The declarations as plain data, and the walk over a body."""

import pytest
from construct import Flag

from causerie_spec import codec, layout
from causerie_spec.codes import HEADER_SIZE
from causerie_spec.layout import Counted, Fault, Field, Fixed, Listed, Part, fields_of, walk
from causerie_spec.messages import Ack, Auth, Hello, Ok, Quit, Send


def test_fields_have_the_shapes_of_their_forms():
    assert [(field.name, field.form, field.shape) for field in fields_of(Hello)] == [
        ("magic", "magic", Fixed("4s", 4, octets=True)),
        ("min_version", "u8", Fixed("B", 1)),
        ("max_version", "u8", Fixed("B", 1)),
        ("keepalive", "u16", Fixed("H", 2)),
        ("agent", "str8", Counted("B", 1, text=True)),
        ("capabilities", "list8", Listed(32, 32)),
    ]
    assert fields_of(Ack)[2].shape == Fixed("B", 1, boolean=True)
    assert fields_of(Send)[3].shape == Counted("H", 2, text=True)
    assert fields_of(Auth) == (
        Field("payload", "bytes16", Counted("H", 2, text=False), "the mechanism's message, at most 1024 octets"),
    )
    assert fields_of(Ok) == ()


def test_a_counted_field_knows_its_longest_value():
    assert (Counted("B", 1, True).most, Counted("H", 2, False).most) == (255, 65_535)


def test_a_form_without_a_shape_is_an_error():
    with pytest.raises(TypeError, match="no shape for"):
        layout._shape(Flag)


def test_a_walk_names_every_part():
    body = codec.encode(Hello(b"CAUS", 1, 2, 3, "é", ("", "a")))[HEADER_SIZE:]
    assert walk(Hello, body) == (
        [
            Part("magic", "magic", 0, 4, b"CAUS"),
            Part("min_version", "min_version", 4, 1, 1),
            Part("max_version", "max_version", 5, 1, 2),
            Part("keepalive", "keepalive", 6, 2, 3),
            Part("agent", "agent length", 8, 1, 2),
            Part("agent", "agent", 9, 2, "é"),
            Part("capabilities", "capabilities count", 11, 1, 2),
            Part("capabilities", "capabilities[0] length", 12, 1, 0),
            Part("capabilities", "capabilities[0]", 13, 0, ""),
            Part("capabilities", "capabilities[1] length", 13, 1, 1),
            Part("capabilities", "capabilities[1]", 14, 1, "a"),
        ],
        None,
    )


def test_a_walk_ends_at_the_first_fault_with_what_came_before():
    parts, fault = walk(Quit, b"\x02\xffa")
    assert parts == [Part("reason", "reason length", 0, 1, 2)]
    assert fault == Fault("reason", 1, "not UTF-8: invalid start byte")


def test_a_walk_passes_over_octets_behind_the_last_field():
    assert walk(Ok, b"abc") == ([], None)
    assert walk(Quit, b"\0abc") == (
        [Part("reason", "reason length", 0, 1, 0), Part("reason", "reason", 1, 0, "")],
        None,
    )
