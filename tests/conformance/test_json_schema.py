"""The schema of the JSON report: strict, true of real reports of every kind, and of one mind with the code."""

import json
import socket
from pathlib import Path

import jsonschema
import pytest

from causerie_conformance.cli import main
from causerie_conformance.problems import Kind
from causerie_conformance.registry import CLIENT_TOPICS, ROLES, TOPICS, Case, load_cases, load_client_cases
from causerie_conformance.report import json_report
from causerie_conformance.report.frames import Conversation, structured
from causerie_conformance.report.json_report import FORMAT, NotAReport
from causerie_conformance.report.schema import schema_text
from causerie_conformance.results import Exit, Finding, Result, Run, Status, Verdict
from causerie_conformance.transcript import KEEP_OCTETS, Direction, Entry, Transcript
from causerie_spec.codec import encode
from causerie_spec.codes import PROFILES, VERSION
from causerie_spec.messages import Ping, Pong, Send

SCHEMA = json.loads(schema_text())
HELLO = next(case for case in load_cases() if case.id == "hello/quit")
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA, format_checker=jsonschema.FormatChecker())


def checked(path: Path) -> dict:
    """A report that is as the schema says, and that is read as it was written."""
    report = json.loads(path.read_text(encoding="utf-8"))
    assert [f"{list(error.absolute_path)}: {error.message}" for error in VALIDATOR.iter_errors(report)] == []
    assert json_report.read(path) == report
    return report


def objects(schema):
    """All schemas of objects in a schema."""
    if isinstance(schema, dict):
        if schema.get("type") == "object":
            yield schema
        for each in schema.values():
            yield from objects(each)


def test_it_is_a_schema_and_the_command_prints_it(capsys):
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    assert main(["--schema"]) == 0
    assert capsys.readouterr().out == schema_text()


def test_no_key_is_let_through_that_it_does_not_know():
    found = list(objects(SCHEMA))
    assert len(found) > 5
    for each in found:
        assert each["additionalProperties"] is False or "propertyNames" in each
        assert set(each.get("required", ())) <= set(each.get("properties", ()))


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("status", [status.value for status in Status]),
        ("kind", [kind.value for kind in Kind]),
        ("verdict", [verdict.value for verdict in Verdict]),
        ("profile", list(PROFILES)),
        ("topic", [*TOPICS, *(topic for topic in CLIENT_TOPICS if topic not in TOPICS)]),
    ],
)
def test_its_lists_are_those_of_the_code(name, values):
    assert SCHEMA["$defs"][name]["enum"] == values


def test_its_numbers_are_those_of_the_code():
    assert SCHEMA["properties"]["exit_status"]["enum"] == [int(status) for status in Exit]
    assert SCHEMA["properties"]["role"]["enum"] == list(ROLES)
    assert SCHEMA["properties"]["protocol_version"] == {"const": VERSION}
    assert SCHEMA["$defs"]["entry"]["properties"]["direction"]["enum"] == [each.value for each in Direction]
    jsonschema.validate(FORMAT, SCHEMA["properties"]["format"])


@pytest.mark.parametrize("load", [load_cases, load_client_cases])
def test_every_case_may_stand_in_a_report(load):
    run = Run("x:1", selected=load())
    assert run.selected
    run.results = [Result(case, Status.PASSED) for case in run.selected]
    run.finish()
    VALIDATOR.validate(json_report.document(run))


# Real reports


def test_of_a_server_that_fails(serve, step_1, tmp_path, capsys):
    assert main([serve(step_1).name, "--upto", "hello", "--json", str(tmp_path / "x.json")]) == Exit.NOT_CONFORMANT
    report = checked(tmp_path / "x.json")
    assert report["counts"]["failed"] > 5
    assert sum(report["counts"].values()) == len(report["cases"])
    assert report["command"] == f"causerie-conformance {report['target']}"
    bad = next(case for case in report["cases"] if case["finding"] and case["finding"]["octets"])
    (frame,) = bad["finding"]["frames"]
    assert [field["name"] for field in frame["fields"]][:4] == ["length", "type", "flags", "ref"]
    assert sum(field["size"] for field in frame["fields"]) == len(bytes.fromhex(bad["finding"]["octets"]))
    said = [frame["name"] for entry in bad["transcript"] for frame in entry["frames"]]
    assert said[:2] == ["HELLO", "WELCOME"]


def test_of_a_reference_that_passes(tmp_path, capsys):
    assert main(["--reference", "asyncio", "--select", "hello/quit", "--json", str(tmp_path / "x.json")]) == 0
    assert checked(tmp_path / "x.json")["counts"]["passed"] >= 1


def test_of_no_server_at_all(tmp_path, capsys):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    path = tmp_path / "x.json"
    assert main([f"127.0.0.1:{port}", "--select", "hello", "--json", str(path)]) == Exit.UNREACHABLE
    report = checked(path)
    assert report["stopped"].startswith("no connection")
    assert report["counts"]["not run"] == len(report["cases"])


def test_of_a_server_that_speaks_something_else(serve, tmp_path, capsys):
    server = serve(lambda connection: connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n"))
    assert main([server.name, "--select", "hello", "--json", str(tmp_path / "x.json")]) == Exit.NOT_CONFORMANT
    checked(tmp_path / "x.json")


def test_of_a_server_that_dies(tmp_path, capsys):
    """The reference is not given the case's frame, but a command that ends at once after its first connection."""
    program = tmp_path / "dies.py"
    program.write_text(DIES, encoding="utf-8")
    path = tmp_path / "x.json"
    arguments = ["--spawn", f"{json.dumps(PYTHON)} {json.dumps(str(program))} {{port}}", "--select", "hello"]
    assert main([*arguments, "--json", str(path)]) == Exit.UNREACHABLE
    report = checked(path)
    assert "out of cheese" in report["server_output"]
    assert report["counts"]["not run"] > 10


def test_of_a_run_with_stale_known_failures(serve, step_1, tmp_path, capsys):
    known = tmp_path / "known.txt"
    known.write_text("hello/ping-0\nhello/wrong-magic-CAUZ\n", encoding="utf-8")
    arguments = ["--select", "hello/ping-0", "--select", "hello/wrong-magic-CAUZ", "--known-failures", str(known)]
    assert main([serve(step_1).name, *arguments, "--json", str(tmp_path / "x.json")]) == Exit.NOT_CONFORMANT
    report = checked(tmp_path / "x.json")
    assert len(report["stale_known_failures"]) == 1
    assert report["counts"]["known failure"] == 1


def test_of_an_interrupted_run_with_a_hostile_server(tmp_path):
    case = Case("hello/one", "One thing", ("PING-1",), lambda arena: None, "CORE")
    run = Run("x:1", selected=[case, HELLO], agent="\x1b[2J\u202e\x00", interrupted=True)
    transcript = Transcript()
    transcript.event("A", "connected")
    transcript.sent("A", encode(Send("#lobby", 1, 0, "x" * 9_000), 2), "a note")
    transcript.received("A", b"\xff\xff\xff\xff\x00")
    finding = Finding(Kind.UNDECODABLE, "PING-1", "a", "b\x00\ud800", b"\xff\xff\xff\xff\x00", 0)
    run.results = [Result(case, Status.FAILED, 0.1, finding, transcript=transcript)]
    run.finish()
    json_report.write(json_report.document(run), tmp_path / "x.json")
    report = checked(tmp_path / "x.json")
    assert report["interrupted"] is True
    assert report["exit_status"] == 130
    assert [entry["size"] for entry in report["cases"][0]["transcript"]] == [0, 9_026, 5]


PYTHON = __import__("sys").executable
DIES = """
import socket, sys
from causerie_spec.codec import encode
from causerie_spec.messages import Welcome
listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
for number in range(3):
    with listener.accept()[0] as peer:
        if peer.recv(4096):
            peer.sendall(encode(Welcome(1, 0, 1_700_000_000_000, 7, "dies", ("TOKEN",), ()), 1))
            peer.recv(4096)
sys.exit("out of cheese")
"""


# Frames as structure

PING = encode(Ping(1), 9)


def entry(octets: bytes, size: int | None = None, peer: str = "A", direction: Direction = Direction.SENT) -> Entry:
    return Entry(0.0, peer, direction, octets, len(octets) if size is None else size)


def names(conversation: Conversation, *entries: Entry) -> list[list[str]]:
    return [[frame["name"] for frame in conversation.frames(each)] for each in entries]


def test_pieces_of_a_frame_are_not_taken_for_frames():
    pieces = [entry(PING[:3]), entry(PING[3:10]), entry(PING[10:] + PING), entry(PING)]
    assert names(Conversation(), *pieces) == [["incomplete header"], [], [], ["PING"]]


def test_connections_and_directions_are_told_apart():
    entries = [entry(PING[:9]), entry(PING, peer="B"), entry(PING, direction=Direction.RECEIVED), entry(PING[9:])]
    assert names(Conversation(), *entries) == [["PING"], ["PING"], ["PING"], []]


def test_a_long_entry_of_which_the_first_octets_were_kept():
    long = encode(Send("#lobby", 1, 0, "x" * 9_000), 2)
    conversation = Conversation()
    (frame,) = conversation.frames(entry(long[:KEEP_OCTETS], len(long)))
    assert frame["error"] is None
    assert names(conversation, entry(PING)) == [["PING"]]
    many = PING * 200
    assert len(conversation.frames(entry(many[:KEEP_OCTETS], len(many)))) == 128
    assert names(conversation, entry(PING)) == [[]]  # nobody knows where it begins


def test_a_fault_is_told_where_it_is():
    (frame,) = structured(encode(Pong(1), 9)[:-1])
    assert frame["error"] == "the stream ends 1 octet before the end of the body"
    assert frame["error_offset"] == 15
    (frame,) = structured(b"\x00\x00\x00\x01\x85\x00\x00\x00\x00", whole=False)
    assert frame["error"]


# Reading


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is not JSON"),
        ("[]", "is no report"),
        ("{}", "is no report"),
        ('{"format": "1.0"}', "is no report"),
        ('{"format": 1}', "is no report"),
        ('{"format": "2.0"}', "has format 2.0, and this version reads 1.x"),
        ("\ud800", "is not JSON"),
    ],
)
def test_what_is_no_report(tmp_path, text, words):
    path = tmp_path / "x.json"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    with pytest.raises(NotAReport, match=words):
        json_report.read(path)


def test_what_cannot_be_read(tmp_path):
    with pytest.raises(NotAReport, match="cannot read"):
        json_report.read(tmp_path / "nothing.json")


def test_a_report_with_a_case_that_is_none(tmp_path):
    run = Run("x:1", selected=[HELLO])
    run.finish()
    report = json_report.document(run)
    path = tmp_path / "x.json"
    path.write_text(json.dumps(report | {"format": "1.99", "later": 1}), encoding="utf-8")
    assert json_report.read(path)["later"] == 1
    del report["cases"][0]["status"]
    path.write_text(json.dumps(report), encoding="utf-8")
    with pytest.raises(NotAReport, match="is no report"):
        json_report.read(path)
