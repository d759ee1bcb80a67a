"""The declarations: what the frames are, and that they hang together."""

import copy
import dataclasses
import pickle

import pytest

from causerie_spec import codes, messages
from causerie_spec.messages import CLIENT_TYPES, MESSAGES, MESSAGES_BY_NAME, SERVER_TYPES, Message, declared_fields

ALL = list(MESSAGES.values())
EACH = pytest.mark.parametrize("cls", ALL, ids=lambda cls: cls.NAME)

# The table of frames once more, written by hand: the declarations must not change by accident.
WIRE = """
01 HELLO magic magic, min_version u8, max_version u8, keepalive u16, agent str8, capabilities list8
81 WELCOME version u8, keepalive u16, server_time u64, epoch u64, agent str8, mechanisms list8, capabilities list8
02 LOGIN mechanism str8, handle str8, display str8, payload bytes16
03 AUTH payload bytes16
82 READY handle str8, display str8, payload bytes16
83 CHALLENGE payload bytes16
04 PING token u64
84 PONG token u64
05 QUIT reason str8
85 BYE code u16, retry_ms u32, reason str8
8d OK
8e END more bool
8f ERROR code u16, retry_ms u32, detail str8
10 SEND conversation str8, txn u64, kind u8, text str16
90 ACK seq u64, timestamp u64, duplicate bool
a0 MESSAGE conversation str8, seq u64, timestamp u64, sender str8, txn u64, kind u8, text str16
11 HISTORY conversation str8, direction u8, anchor u64, limit u16
12 MARK conversation str8, delivered u64, read u64
a1 RECEIPT conversation str8, delivered u64, read u64, all_delivered u64, all_read u64
13 COMPOSE conversation str8, active bool
a2 COMPOSING conversation str8, handle str8, active bool
20 JOIN conversation str8
21 LEAVE conversation str8
22 CONVERSATIONS after str8, limit u16
b0 CONVERSATION conversation str8, first u64, head u64, members u32, delivered u64, read u64, all_delivered u64, \
all_read u64
23 ROOMS after str8, limit u16
b1 ROOM conversation str8, members u32
24 WHO conversation str8, after str8, limit u16, watch bool
a3 PRESENCE handle str8, display str8, online bool, last_seen u64
"""


def test_the_frames_are_those_of_the_table():
    from causerie_spec.forms import form_name

    declared = ""
    for cls in ALL:
        fields = ", ".join(f"{name} {form_name(form)}" for name, form, _ in declared_fields(cls))
        declared += f"\n{cls.TYPE:02x} {cls.NAME} {fields}".rstrip()
    assert declared + "\n" == WIRE


@EACH
def test_a_frame_is_a_frozen_slotted_dataclass_with_a_struct_of_its_fields(cls):
    assert issubclass(cls, Message)
    assert cls.__dataclass_params__.frozen
    assert not any("__dict__" in vars(base) for base in cls.__mro__[:-1])
    assert [sub.name for sub in cls.STRUCT.subcons] == [field.name for field in dataclasses.fields(cls)]
    assert all(field.metadata["doc"] for field in dataclasses.fields(cls))
    assert all(field.default is dataclasses.MISSING for field in dataclasses.fields(cls))
    assert cls.__doc__.splitlines()[0].endswith(".")


def test_the_types_are_those_of_clients_and_servers():
    assert all(type_ == cls.TYPE for type_, cls in MESSAGES.items())
    assert all(name == cls.NAME for name, cls in MESSAGES_BY_NAME.items())
    assert MESSAGES.keys() == CLIENT_TYPES | SERVER_TYPES
    assert all(type_ < 0x80 for type_ in CLIENT_TYPES)
    assert all(type_ >= 0x80 for type_ in SERVER_TYPES)
    assert len(MESSAGES_BY_NAME) == len(MESSAGES) == 29


def test_capabilities_gate_what_the_design_says():
    gated = {}
    for cls in ALL:
        if cls.CAPABILITY:
            gated.setdefault(cls.CAPABILITY, set()).add(cls.NAME)
    assert gated == {
        "history": {"HISTORY", "CONVERSATIONS"},
        "rooms": {"JOIN", "LEAVE", "ROOMS"},
        "receipts": {"MARK", "RECEIPT"},
        "typing": {"COMPOSE", "COMPOSING"},
        "presence": {"WHO", "PRESENCE"},
    }
    assert gated.keys() < set(codes.CAPABILITIES)


def test_answers_name_server_frames_and_only_compose_has_none():
    for cls in ALL:
        for name in (*cls.ANSWERS, *cls.ITEMS):
            assert MESSAGES_BY_NAME[name].TYPE in SERVER_TYPES
        if cls.TYPE in SERVER_TYPES:
            assert cls.ANSWERS == cls.ITEMS == ()
        else:
            assert not cls.EVENT
            assert bool(cls.ANSWERS) == (cls.NAME != "COMPOSE")
        assert not cls.ITEMS or cls.ANSWERS == ("END",)


def test_every_server_frame_has_its_place():
    answering = {name for cls in ALL for name in (*cls.ANSWERS, *cls.ITEMS)}
    events = {cls.NAME for cls in ALL if cls.EVENT}
    assert events == {"MESSAGE", "RECEIPT", "COMPOSING", "PRESENCE", "BYE"}
    assert {MESSAGES[type_].NAME for type_ in SERVER_TYPES} == answering | events | {"ERROR"}


def test_messages_compare_copy_and_pickle_like_values():
    ack = messages.Ack(1, 2, False)
    assert ack == messages.Ack(seq=1, timestamp=2, duplicate=False) != messages.Ack(1, 2, True)
    assert len({ack, messages.Ack(1, 2, False)}) == 1
    assert pickle.loads(pickle.dumps(ack)) == copy.copy(ack) == copy.deepcopy(ack) == ack
    assert dataclasses.replace(ack, seq=5) == messages.Ack(5, 2, False)
    assert repr(ack) == "Ack(seq=1, timestamp=2, duplicate=False)"
    with pytest.raises(dataclasses.FrozenInstanceError):
        ack.seq = 2


def test_a_type_cannot_be_declared_twice():
    with pytest.raises(AssertionError, match="type 0x04 is declared twice"):
        messages._frame(messages.Ping)


def test_a_field_without_a_form_is_an_error():
    @dataclasses.dataclass
    class Bare(Message):
        field: int = messages._doc("no form")

    with pytest.raises(AssertionError, match=r"Bare\.field has no form"):
        declared_fields(Bare)
