"""The generated codec against its definition, the construct declarations, in both directions."""

import struct
from dataclasses import FrozenInstanceError, asdict, fields
from itertools import pairwise

import pytest
from construct import ConstructError
from hypothesis import given, settings
from hypothesis import strategies as st

from causerie_spec import codec, forms, generate
from causerie_spec.codec import Decoder, EncodeError, FrameTooLarge, Malformed, RawFrame, UnknownType
from causerie_spec.codes import HEADER_SIZE, MAX_BODY, MAX_BODY_BEFORE_READY, MAX_U64
from causerie_spec.errors import CodecError, PeerError
from causerie_spec.messages import (
    MESSAGES,
    Ack,
    ChatMessage,
    End,
    Hello,
    Login,
    Message,
    Ok,
    Ping,
    Quit,
    Send,
    declared_fields,
)

ALL = sorted(MESSAGES.values(), key=lambda cls: cls.TYPE)
# Tests with a case for each frame look at few examples of each.
few = settings(max_examples=20)
BY_NAME = pytest.mark.parametrize("cls", ALL, ids=lambda cls: cls.NAME)


def text_up_to(octets):
    # Mostly short, sometimes right at the limit.
    short = st.text(max_size=12).filter(lambda text: len(text.encode(errors="replace")) <= octets)
    utf8 = short.filter(_encodable)
    return utf8 | st.sampled_from(["", "x" * octets, "é" * (octets // 2), "\ufeff#lobby", "\0"])


def _encodable(text):
    try:
        return text.encode() is not None
    except UnicodeEncodeError:
        return False


# What fits each form.
FITTING = {
    "u8": st.integers(0, 2**8 - 1),
    "u16": st.integers(0, 2**16 - 1),
    "u32": st.integers(0, 2**32 - 1),
    "u64": st.integers(0, 2**64 - 1) | st.just(MAX_U64),
    "bool": st.booleans(),
    "str8": text_up_to(255),
    "str16": text_up_to(16_384),
    "bytes16": st.binary(max_size=40) | st.just(b"x" * 1024),
    "list8": st.lists(text_up_to(32), max_size=5).map(tuple) | st.just(("x" * 32,) * 32),
    "magic": st.binary(min_size=4, max_size=4),
}
# What does not, most of it by a hair.
MISFITS = {
    "u8": [-1, 256, 1.0, "1", None],
    "u16": [-1, 65_536, 2.5, b"\0\0"],
    "u32": [-1, 2**32, "x"],
    "u64": [-1, 2**64, 1e3, None],
    "bool": [0, 1, 2, None, "yes"],
    "str8": ["x" * 256, "é" * 128, b"#lobby", None, "\ud800", 7],
    "str16": ["x" * 65_536, b"text", None, "a\udfffb"],
    "bytes16": [b"x" * 65_536, "text", None, [1, 2], bytearray(b"x"), 3],
    "list8": [("x",) * 33, ("x" * 33,), ("ok", "é" * 17), "rooms", (b"rooms",), None, 5, ("\ud800",), (1,)],
    "magic": [b"CAU", b"CAUSE", "CAUS", None, bytearray(b"CAUS"), 5],
}


def form_of(cls, name):
    return forms.form_name({field: form for field, form, _ in declared_fields(cls)}[name])


def values_for(cls):
    return st.fixed_dictionaries({name: FITTING[form_of(cls, name)] for name, _, _ in declared_fields(cls)})


any_message = st.sampled_from(ALL).flatmap(lambda cls: values_for(cls).map(lambda values: cls(**values)))


def reference(cls, body):
    """What construct makes of a body: the message, or the name of the field that it failed at."""
    try:
        parsed = cls.STRUCT.parse(body)
    except ConstructError as error:
        return error.path.split(" -> ")[1]
    return cls(**{name: parsed[name] for name, _, _ in declared_fields(cls)})


def generated(cls, body):
    """What the codec makes of it, told alike."""
    try:
        return codec.decode(cls.TYPE, body)
    except Malformed as fault:
        return fault.field


def split(octets, cuts):
    edges = [0, *sorted(cut % (len(octets) + 1) for cut in cuts), len(octets)]
    return [octets[start:end] for start, end in pairwise(edges)]


# Encoding


@given(message=any_message, ref=st.integers(0, 65_535))
def test_encode_builds_what_construct_builds(message, ref):
    body = message.STRUCT.build(asdict(message))
    header = forms.HEADER.build({"length": len(body), "type": message.TYPE, "flags": 0, "ref": ref})
    assert codec.encode(message, ref) == header + body
    assert codec.packer(type(message))(ref, *asdict(message).values()) == header + body


@BY_NAME
@few
@given(data=st.data())
def test_encode_refuses_what_construct_refuses(cls, data):
    values = data.draw(values_for(cls))
    wrong = data.draw(st.sets(st.sampled_from(sorted(values)), max_size=2)) if values else set()
    for name in wrong:
        values[name] = data.draw(st.sampled_from(MISFITS[form_of(cls, name)]))
    message = cls(**values)
    if not wrong:
        assert codec.encode(message)[HEADER_SIZE:] == cls.STRUCT.build(values)
        return
    with pytest.raises((ConstructError, TypeError, AttributeError)):
        cls.STRUCT.build(values)
    with pytest.raises(EncodeError) as caught:
        codec.encode(message)
    first = next(name for name, _, _ in declared_fields(cls) if name in wrong)
    assert (caught.value.frame, caught.value.field) == (cls.NAME, first)
    assert str(caught.value).startswith(f"{cls.NAME}.{first}: ")
    with pytest.raises(EncodeError) as packed:
        codec.packer(cls)(0, *(values[name] for name, _, _ in declared_fields(cls)))
    assert str(packed.value) == str(caught.value)


@pytest.mark.parametrize("form", sorted(MISFITS))
def test_every_misfit_is_refused_with_a_reason(form):
    cls = next(cls for cls in ALL if form in [forms.form_name(f) for _, f, _ in declared_fields(cls)])
    values = {
        "u8": 1, "u16": 1, "u32": 1, "u64": 1, "bool": True, "str8": "a", "str16": "a", "bytes16": b"a",
        "list8": ("a",), "magic": b"CAUS",
    }  # fmt: skip
    names = {name: values[forms.form_name(f)] for name, f, _ in declared_fields(cls)}
    target = next(name for name in names if form_of(cls, name) == form)
    for misfit in MISFITS[form]:
        with pytest.raises(EncodeError) as caught:
            codec.encode(cls(**(names | {target: misfit})))
        assert caught.value.field == target
        assert caught.value.reason


@pytest.mark.parametrize("ref", [-1, 65_536, 1.5, None, "1"])
@pytest.mark.parametrize("message", [Ok(), Ping(1), Quit("")], ids=lambda message: message.NAME)
def test_encode_refuses_a_ref_that_is_no_u16(message, ref):
    with pytest.raises(EncodeError, match=r"ref .* is not a whole number from 0 to 65535") as caught:
        codec.encode(message, ref)
    assert caught.value.field is None
    with pytest.raises(EncodeError, match=r"ref .* is not a whole number from 0 to 65535"):
        codec.packer(type(message))(ref, *asdict(message).values())


def test_encode_refuses_a_body_over_the_limit_though_every_field_fits():
    fits = MAX_BODY - 12 - len("#lobby")
    assert len(codec.encode(Send("#lobby", 1, 0, "x" * fits))) == HEADER_SIZE + MAX_BODY
    with pytest.raises(EncodeError, match="longer than 65535 octets") as caught:
        codec.encode(Send("#lobby", 1, 0, "x" * (fits + 1)))
    assert caught.value.field is None


def test_encode_reports_what_it_cannot_explain():
    class Odd(str):
        __slots__ = ()

        def encode(self):
            return "odd"

    with pytest.raises(EncodeError, match="TypeError"):
        codec.encode(Quit(Odd("x")))


def test_encode_refuses_what_is_no_frame():
    class Stranger(Message):
        pass

    for stranger in (Stranger(), "HELLO", None):
        with pytest.raises(EncodeError, match="is not a frame of this version"):
            codec.encode(stranger)


def test_encode_takes_a_list_for_a_list8():
    hello = Hello(b"CAUS", 1, 1, 0, "", ["a"])
    assert codec.decode(0x01, codec.encode(hello)[HEADER_SIZE:]).capabilities == ("a",)


def test_frame_takes_any_type_and_body():
    assert codec.frame(0x7F, b"abc", ref=513, flags=255) == bytes.fromhex("00000003 7f ff 0201 616263")
    assert codec.frame(0xFF) == bytes.fromhex("00000000 ff 00 0000")


@pytest.mark.parametrize("wrong", [{"type_": 256}, {"type_": 1, "ref": 65_536}, {"type_": 1, "flags": -1}])
def test_frame_refuses_what_no_header_can_carry(wrong):
    with pytest.raises(EncodeError):
        codec.frame(**wrong)


# Decoding


@given(message=any_message, rest=st.binary(max_size=4))
def test_decode_returns_what_was_encoded_whatever_stands_behind(message, rest):
    body = codec.encode(message)[HEADER_SIZE:]
    decoded = codec.decode(message.TYPE, body + rest)
    assert decoded == message
    assert type(decoded) is type(message)
    assert decoded == reference(type(message), body)
    assert hash(decoded) == hash(message)
    assert [type(getattr(decoded, f.name)) for f in fields(decoded)] == [
        type(getattr(message, f.name)) for f in fields(message)
    ]


@given(message=any_message, data=st.data())
def test_decode_fails_where_construct_fails_when_the_body_is_cut(message, data):
    body = codec.encode(message)[HEADER_SIZE:]
    cut = body[: data.draw(st.integers(0, len(body)))]
    assert generated(type(message), cut) == reference(type(message), cut)


@given(message=any_message, data=st.data())
def test_decode_fails_where_construct_fails_when_octets_are_wrong(message, data):
    damaged = bytearray(codec.encode(message)[HEADER_SIZE:])
    for _ in range(data.draw(st.integers(1, 3))):
        if damaged:
            # The first octets are lengths, which is where most can go wrong.
            at = data.draw(st.integers(0, len(damaged) - 1) | st.integers(0, min(9, len(damaged) - 1)))
            damaged[at] = data.draw(st.integers(0, 255) | st.sampled_from([0, 1, 2, 0x80, 0xFF]))
    body = bytes(damaged)
    assert generated(type(message), body) == reference(type(message), body)


@BY_NAME
@few
@given(body=st.binary(max_size=80))
def test_decode_agrees_with_construct_on_noise(cls, body):
    assert generated(cls, body) == reference(cls, body)


@BY_NAME
def test_every_cut_of_a_frame_is_malformed(cls):
    example = {
        "u8": 1, "u16": 1, "u32": 1, "u64": 1, "bool": True, "str8": "ab", "str16": "ab", "bytes16": b"ab",
        "list8": ("ab", "c"), "magic": b"CAUS",
    }  # fmt: skip
    message = cls(*(example[forms.form_name(form)] for _, form, _ in declared_fields(cls)))
    body = codec.encode(message)[HEADER_SIZE:]
    assert codec.decode(cls.TYPE, body) == message
    for length in range(len(body)):
        with pytest.raises(Malformed, match="too early") as caught:
            codec.decode(cls.TYPE, body[:length])
        assert caught.value.offset == length


FAULTS = [
    # frame, body, field, offset of the first wrong octet, reason
    (End, "02", "more", 0, "a bool is 0 or 1, not 2"),
    (End, "ff", "more", 0, "a bool is 0 or 1, not 255"),
    (Quit, "03 61 ff 62", "reason", 2, "not UTF-8: invalid start byte"),
    (Quit, "02 61 c3", "reason", 2, "not UTF-8: unexpected end of data"),
    (Quit, "03 ed a0 80", "reason", 1, "not UTF-8: invalid continuation byte"),  # a surrogate
    (Quit, "02 c0 80", "reason", 1, "not UTF-8: invalid start byte"),  # an overlong NUL
    (Quit, "04 f4 90 80 80", "reason", 1, "not UTF-8: invalid continuation byte"),  # above U+10FFFF
    (Quit, "05 61", "reason", 2, "the body ends 4 octets too early"),
    (Quit, "02 ff", "reason", 2, "the body ends 1 octet too early"),  # short is seen before the text
    (Ack, "00" * 16 + "03", "duplicate", 16, "a bool is 0 or 1, not 3"),
    (Login, "01 ff 01 ff 00 0000", "mechanism", 1, "not UTF-8: invalid start byte"),  # the first of two
    (Login, "00 01 ff 00", "handle", 2, "not UTF-8: invalid start byte"),  # though payload is missing too
    (Hello, "43415553 01 01 0000 00 21", "capabilities", 9, "33 entries, the limit is 32"),
    (Hello, "43415553 01 01 0000 00 01 21", "capabilities", 10, "33 octets in an entry, the limit is 32"),
    (Hello, "43415553 01 01 0000 00 02 01 61 01 ff", "capabilities", 13, "not UTF-8: invalid start byte"),
]


@pytest.mark.parametrize(("cls", "body", "field", "offset", "reason"), FAULTS)
def test_malformed_names_the_first_fault(cls, body, field, offset, reason):
    with pytest.raises(Malformed) as caught:
        codec.decode(cls.TYPE, bytes.fromhex(body))
    error = caught.value
    assert (error.type, error.frame, error.field, error.offset) == (cls.TYPE, cls.NAME, field, offset)
    assert error.reason == reason
    assert str(error) == f"{cls.NAME}.{field}: {reason} (octet {offset} of the body)"


@pytest.mark.parametrize("type_", [0x00, 0x06, 0x7F, 0x80, 0xFF])
def test_decode_refuses_a_type_that_is_not_declared(type_):
    with pytest.raises(UnknownType, match=f"unknown frame type {type_:#04x}") as caught:
        codec.decode(type_, b"")
    assert caught.value.type == type_


@pytest.mark.parametrize("body", ["x", memoryview(b"\x01a"), None])
def test_decode_wants_bytes(body):
    with pytest.raises(TypeError, match="a body is bytes"):
        codec.decode(Quit.TYPE, body)


def test_decoded_messages_are_frozen():
    message = codec.decode(Ping.TYPE, bytes(8))
    with pytest.raises(FrozenInstanceError):
        message.token = 1
    with pytest.raises((AttributeError, TypeError)):
        message.other = 1


def test_the_generated_source_can_be_read():
    text = generate.source(ChatMessage)
    assert "def encode(message, ref):" in text
    assert "def decode(body):" in text


def test_the_exceptions_form_the_tree_that_is_drawn():
    assert issubclass(EncodeError, CodecError)
    assert issubclass(EncodeError, ValueError)
    assert not issubclass(EncodeError, PeerError)
    for error in (UnknownType, Malformed, FrameTooLarge):
        assert issubclass(error, PeerError)
    assert issubclass(PeerError, CodecError)


# Streams

frames = st.lists(
    st.builds(
        RawFrame,
        st.integers(0, 255),
        st.integers(0, 255),
        st.integers(0, 65_535),
        st.binary(max_size=60) | st.just(b"x" * 700),
    ),
    max_size=6,
)


def stream_of(raw):
    return b"".join(codec.frame(frame.type, frame.body, frame.ref, frame.flags) for frame in raw)


@given(raw=frames, cuts=st.lists(st.integers(0, 2**16), max_size=8), reads=st.lists(st.booleans()))
def test_a_stream_may_be_cut_anywhere_and_read_at_any_time(raw, cuts, reads):
    octets = stream_of(raw)
    decoder, seen, fed, taken = Decoder(), [], 0, 0
    for chunk, reading in zip(split(octets, cuts), [*reads, *([True] * len(cuts)), True], strict=False):
        decoder.feed(chunk)
        fed += len(chunk)
        if reading:
            new = list(decoder)
            seen += new
            taken += sum(HEADER_SIZE + len(frame.body) for frame in new)
        assert decoder.buffered == fed - taken
    seen += decoder
    assert seen == raw
    assert decoder.buffered == 0
    assert decoder.next_frame() is None


@given(raw=frames, cuts=st.lists(st.integers(0, 2**16), max_size=8), type_=st.integers(0, 3))
def test_runs_of_a_type_are_taken_in_their_place(raw, cuts, type_):
    raw = [frame._replace(type=frame.type % 4) for frame in raw]
    decoder, seen = Decoder(), []
    for chunk in split(stream_of(raw), cuts):
        decoder.feed(chunk)
        while True:
            run = list(decoder.run_of(type_))
            assert {frame.type for frame in run} <= {type_}
            seen += run
            frame = decoder.next_frame()
            if frame is None:
                break
            seen.append(frame)
    assert seen == raw
    assert decoder.buffered == 0


def test_a_run_ends_before_what_is_too_large():
    decoder = Decoder(limit=4)
    decoder.feed(codec.frame(1, b"four") + codec.frame(1, b"5five"))
    assert list(decoder.run_of(1)) == [(1, 0, 0, b"four")]
    with pytest.raises(FrameTooLarge):
        decoder.next_frame()


@given(raw=frames)
def test_a_stream_may_come_octet_by_octet(raw):
    decoder, seen = Decoder(), []
    for octet in stream_of(raw):
        decoder.feed(bytes((octet,)))
        seen += decoder
    assert seen == raw
    assert all(type(frame.body) is bytes for frame in seen)


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_feed_takes_any_octets_and_keeps_its_own(kind):
    octets = bytearray(stream_of([RawFrame(1, 0, 1, b"abc"), RawFrame(2, 0, 2, b"d")]))
    decoder = Decoder()
    decoder.feed(kind(octets[:9]))
    decoder.feed(kind(octets[9:]))
    decoder.feed(kind(b""))
    assert list(decoder) == [(1, 0, 1, b"abc"), (2, 0, 2, b"d")]
    buffer = bytearray(codec.frame(3, b"mine"))
    decoder.feed(buffer)
    buffer[:] = bytes(len(buffer))
    assert decoder.next_frame() == (3, 0, 0, b"mine")


def test_the_limit_is_judged_from_the_header_alone():
    decoder = Decoder()
    header = struct.pack(">IBBH", MAX_BODY_BEFORE_READY + 1, 0x10, 9, 77)
    for octet in header[:-1]:
        decoder.feed(bytes((octet,)))
        assert decoder.next_frame() is None
    decoder.feed(header[-1:])
    for _ in range(2):  # and it stays so
        with pytest.raises(FrameTooLarge) as caught:
            decoder.next_frame()
        error = caught.value
        assert (error.type, error.flags, error.ref, error.length, error.limit) == (0x10, 9, 77, 4097, 4096)
    assert str(error) == "a body of 4097 octets is announced, the limit is 4096"
    assert decoder.buffered == HEADER_SIZE


def test_a_body_of_just_the_limit_is_taken():
    decoder = Decoder(limit=MAX_BODY)
    decoder.feed(codec.frame(1, bytes(MAX_BODY)))
    assert decoder.next_frame() == (1, 0, 0, bytes(MAX_BODY))


def test_frames_before_one_that_is_too_large_are_given_out():
    decoder = Decoder(limit=4)
    decoder.feed(codec.frame(1, b"four") + codec.frame(2, b"5five"))
    assert decoder.next_frame() == (1, 0, 0, b"four")
    with pytest.raises(FrameTooLarge):
        decoder.next_frame()


def test_the_limit_in_force_when_the_header_is_come_to_decides():
    decoder = Decoder(limit=4)
    decoder.feed(codec.frame(1) + codec.frame(2, b"longer than four"))
    seen = []
    for frame in decoder:
        seen.append(frame.type)
        decoder.limit = 100
    assert seen == [1, 2]


def test_feeding_octet_by_octet_takes_linear_time():
    # Counted in octets moved, not in seconds: joins are the only thing that copies what is held.
    class Counting(Decoder):
        __slots__ = ("moved",)

        def _join(self, needed):
            joined = super()._join(needed)
            self.moved += len(self._buffer) if joined else 0
            return joined

    decoder = Counting(limit=MAX_BODY)
    decoder.moved = 0
    octets = codec.frame(1, bytes(20_000)) * 2 + codec.frame(1) * 50
    seen = []
    for octet in octets:
        decoder.feed(bytes((octet,)))
        seen += decoder
    assert len(seen) == 52
    assert decoder.moved <= 2 * len(octets)
