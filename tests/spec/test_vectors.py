"""The vectors agree with everything, and a vector that does not is found."""

import dataclasses
import json

import jsonschema
import pytest

from causerie_spec import clauses, codec, files, vectors
from causerie_spec.codes import MAX_BODY, MAX_BODY_BEFORE_READY, ErrorCode
from causerie_spec.domains import RULES, refusals
from causerie_spec.layout import fields_of
from causerie_spec.messages import CLIENT_TYPES, MESSAGES, MESSAGES_BY_NAME, Ack, Compose, Login, Ping
from causerie_spec.states import Outcome, State, outcome
from causerie_spec.vectors import Invalid, Valid, VectorError, Vectors, check, from_json, read, to_json

LOADED = vectors.load()
FILES = sorted(path for path in files.vectors().glob("*.json") if path.name != "schema.json")
KNOWN = clauses.load()


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_file_is_as_the_schema_says(path):
    schema = json.loads((files.vectors() / "schema.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(json.loads(path.read_text(encoding="utf-8")), schema)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_characters_that_one_could_not_see_are_escaped(path):
    assert all(character == "\n" or character.isprintable() for character in path.read_text(encoding="utf-8"))


def test_all_vectors_are_right():
    assert check(LOADED, KNOWN) == []


def test_every_frame_has_its_file_with_several_valid_vectors():
    assert {path.stem for path in FILES} == {name.lower() for name in MESSAGES_BY_NAME} | {
        "long", "states", "unknown", "length",
    }  # fmt: skip
    for name, cls in MESSAGES_BY_NAME.items():
        ids = {vector.id for vector in LOADED.valid if type(vector.message) is cls}
        expected = {"typical", "trailing", "flags"} | ({"lowest", "highest"} if fields_of(cls) else set())
        assert {f"{name.lower()}/{case}" for case in expected} <= ids


def test_every_field_is_damaged_in_some_vector():
    damaged = {
        (MESSAGES[vector.octets[4]].NAME, vector.field) for vector in LOADED.invalid if vector.field
    }  # fmt: skip
    for cls in MESSAGES.values():
        for field in fields_of(cls):
            if field.form in ("bool", "str8", "str16", "list8"):
                assert (cls.NAME, field.name) in damaged


def test_every_rule_of_the_domains_is_broken_by_some_vector():
    broken = set()
    for vector in LOADED.invalid:
        if vector.outcome in (("error", "BAD_FIELD"), ("error", "TEXT_TOO_LONG")):
            message = codec.decode(vector.octets[4], vector.octets[8:])
            broken |= {(type(message), id(rule)) for rule in refusals(message)}
    # COMPOSE is refused in silence.
    broken.add((Compose, id(RULES[Compose][0])))
    assert broken == {(cls, id(rule)) for cls, rules in RULES.items() for rule in rules}


def test_every_refusing_cell_of_the_state_table_has_a_vector():
    cells = set()
    for vector in LOADED.invalid:
        if vector.receiver == "server" and vector.octets[4] in MESSAGES and not vector.field:
            met = outcome(State(vector.state), vector.octets[4], vector.needs)
            cells.add((vector.state, vector.octets[4], met))
    for type_ in CLIENT_TYPES:
        for state in (State.HELLO, State.LOGIN, State.AUTH, State.READY):
            capability = MESSAGES[type_].CAPABILITY
            met = outcome(state, type_, [capability] if capability and state is not State.HELLO else [])
            if met is not Outcome.ACCEPT:
                assert (state.value, type_, met) in cells


def test_the_files_hold_the_edges():
    by_id = {vector.id: vector for vector in LOADED.valid}
    assert by_id["ping/highest"].message.token == 2**64 - 1
    assert len(by_id["hello/highest"].message.capabilities) == 32
    assert len(by_id["send/highest"].message.text) == 16_384
    assert len(by_id["hello/body-4096"].octets) == 8 + MAX_BODY_BEFORE_READY
    assert len(by_id["ping/body-65535"].octets) == 8 + MAX_BODY
    assert {code for kind, code in (v.outcome for v in LOADED.invalid) if kind == "error"} <= {
        code.name for code in ErrorCode
    }


# What is wrong is found

PING = Valid("ping/x", "doc", ("PING-1",), Ping(1), 7, 0, codec.encode(Ping(1), 7), False)
WRONG_VALID = [
    ({"clauses": ("PING-99",)}, "there is no clause PING-99"),
    ({"octets": PING.octets[:-1]}, "the octets are not one whole frame"),
    ({"octets": PING.octets + b"\0"}, "the octets are not one whole frame"),
    ({"ref": 8}, "the header has type, flags, ref (4, 0, 7), not (4, 0, 8)"),
    ({"flags": 1}, "the header has type, flags, ref (4, 0, 7), not (4, 1, 7)"),
    ({"octets": codec.frame(4, b"123", 7)}, "the octets cannot be decoded: "),
    ({"octets": codec.encode(Ping(2), 7)}, "the octets hold other fields: Ping(token=2)"),
    ({"octets": codec.frame(4, bytes(7) + b"\1\0", 7)}, "a sender makes 000000080400000700"),
    ({"decode_only": True}, "a sender makes 000000080400000700"),
]


def test_a_valid_vector_is_found_right():
    assert check(Vectors((PING,), ()), KNOWN) == []


@pytest.mark.parametrize(("change", "problem"), WRONG_VALID)
def test_a_wrong_valid_vector_is_found(change, problem):
    problems = check(Vectors((dataclasses.replace(PING, **change),), ()), KNOWN)
    assert any(found.startswith(f"ping/x: {problem}") for found in problems), problems


def test_construct_and_the_codec_are_compared(monkeypatch):
    monkeypatch.setattr(codec, "encode", lambda _message, _ref: b"other")
    assert check(Vectors((PING,), ()), KNOWN) == ["ping/x: construct and the codec disagree"]


def test_ids_are_there_once():
    twice = Vectors((PING, PING), ())
    assert check(twice, KNOWN) == ["ping/x: the id is there twice"]


def invalid(**changes):
    base = Invalid("x/y", "doc", ("ERR-2",), "server", "ready", (), (), "", b"", ("bye", "MALFORMED"), "", None)
    return dataclasses.replace(base, **changes)


JUDGED = [
    # octets, further changes, outcome, field, offset
    (codec.encode(Ping(1), 7)[:-1], {}, ("not one whole frame", ""), "", None),
    (codec.encode(Ping(1), 7), {}, ("accepted", ""), "", None),
    (codec.encode(Ping(1), 7), {"receiver": "client", "state": ""}, ("ignored", ""), "", None),
    (codec.encode(Ack(1, 1, True), 7), {"receiver": "client", "state": ""}, ("accepted", ""), "", None),
    (codec.frame(0x90, b"", 7), {"receiver": "client", "state": ""}, ("close", ""), "seq", 0),
    (codec.frame(0x04, bytes(4097), 7), {"state": "login"}, ("bye", "FRAME_TOO_LARGE"), "", None),
    (codec.frame(0x04, bytes(4097), 7), {"state": "ready"}, ("accepted", ""), "", None),
    (codec.encode(Login("", "", "", b""), 7), {"state": "login"}, ("2 faults", ""), "", None),
    (
        codec.encode(MESSAGES[1](b"CAUS", 1, 1, 0, "", ()), 7),
        {"state": "hello"},
        ("accepted", ""),
        "",
        None,
    ),
    (codec.encode(Ping(1), 7), {"outcome": ("error", "INTERNAL")}, ("error", "INTERNAL"), "", None),
]


@pytest.mark.parametrize(("octets", "changes", "expected", "field", "offset"), JUDGED)
def test_what_the_specification_demands_is_known(octets, changes, expected, field, offset):
    assert vectors.judge(invalid(octets=octets, **changes)) == (expected, field, offset)


def test_a_wrong_invalid_vector_is_found():
    [problem] = check(Vectors((), (invalid(octets=codec.encode(Ping(1), 7)),)), KNOWN)
    assert problem.startswith("x/y: says (('bye', 'MALFORMED'), '', None), but the specification demands")


# Reading and writing


@pytest.mark.parametrize(
    "vector", [v for v in LOADED.valid if v.id.endswith(("/typical", "/unicode"))], ids=lambda v: v.id
)
def test_fields_are_written_as_they_are_read(vector):
    cls = type(vector.message)
    assert from_json(cls, json.loads(json.dumps(to_json(vector.message)))) == vector.message


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"token": "1", "more": True},
        {"token": 1},
        {"token": "-1"},
        {"token": "0x1"},
        {"token": "١"},
    ],
)
def test_fields_that_are_written_otherwise_are_refused(fields):
    with pytest.raises(ValueError, match=r"fields are|is not how the vectors write a u64"):
        from_json(Ping, fields)


@pytest.mark.parametrize("value", [1, None, "rooms"])
def test_lists_octets_and_bools_have_one_way_to_be_written(value):
    good = to_json(MESSAGES[1](b"CAUS", 1, 1, 0, "", ()))
    with pytest.raises(ValueError, match="not how the vectors write a list8"):
        from_json(MESSAGES[1], good | {"capabilities": value})
    with pytest.raises(ValueError, match="not how the vectors write a u8"):
        from_json(MESSAGES[1], good | {"min_version": True})
    with pytest.raises(ValueError, match="not how the vectors write a magic"):
        from_json(MESSAGES[1], good | {"magic": 5})


BROKEN = [
    ("{", r"ping\.json: Expecting property name"),
    ("[]", r"ping\.json: no object with the lists valid and invalid"),
    ('{"valid": []}', r"ping\.json: no object with the lists valid and invalid"),
    ('{"valid": [{"id": "ping/x"}], "invalid": []}', r"ping\.json: ping/x: KeyError: 'frame'"),
    ('{"valid": ["what"], "invalid": []}', r"ping\.json: what: TypeError"),
    ('{"valid": [], "invalid": [{"id": "a/b", "outcome": {}}]}', r"ping\.json: a/b: ValueError"),
]


@pytest.mark.parametrize(("text", "problem"), BROKEN)
def test_a_file_that_cannot_be_read_is_told_by_name(tmp_path, text, problem):
    (tmp_path / "ping.json").write_text(text, encoding="utf-8")
    with pytest.raises(VectorError, match=problem):
        read(tmp_path)


def test_the_examples_in_the_readme_are_vectors():
    text = (files.vectors() / "README.md").read_text(encoding="utf-8")
    entries = {
        entry["id"]: entry
        for path in FILES
        for kind in ("valid", "invalid")
        for entry in json.loads(path.read_text(encoding="utf-8"))[kind]
    }
    examples = [json.loads(block.partition("```")[0]) for block in text.split("```json\n")[1:]]
    assert len(examples) == 2
    for example in examples:
        assert entries[example["id"]] == example
