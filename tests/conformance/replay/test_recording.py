"""Files of failures: what is written, and what is read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from causerie_conformance.problems import Kind
from causerie_conformance.registry import Case
from causerie_conformance.replay import recording
from causerie_conformance.replay.folder import Folder
from causerie_conformance.replay.recording import NotARecording
from causerie_conformance.replay.tape import Tape, What
from causerie_conformance.results import Finding, Result, Status
from causerie_conformance.transcript import Transcript
from causerie_spec.codec import encode
from causerie_spec.messages import Auth

from .recorded import A_WRONG_PONG, HELLO, WELCOME, WRONG_PONG

ADDRESS = ("127.0.0.1", 5000)
CASE = Case("hello/ping", "PING is answered", ("PING-1",), lambda arena: None, "CORE")
FINDING = Finding(Kind.VALUE, "PING-1", "PONG 5", "PONG 6", WRONG_PONG, 15, peer="bob")


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    file = tmp_path / "x.json"
    recording.write(A_WRONG_PONG, file)
    assert recording.read(file) == A_WRONG_PONG


def test_a_case_as_a_recording() -> None:
    tape = Tape()
    alice, bob = tape.connect("alice", ADDRESS), tape.connect("bob", ("127.0.0.1", 5001))
    for track in (alice, bob):
        track.add(What.SEND, HELLO)
        track.add(What.FRAME, WELCOME)
    bob.add(What.FRAME, WRONG_PONG)
    alice.add(What.CLOSE)
    bob.add(What.CLOSE)
    made = recording.of(CASE, FINDING, tape)
    assert (made.case, made.cannot, made.wrong.connection) == ("hello/ping", "", 1)
    assert made.connections == (("alice", 0), ("bob", 1))
    assert made.steps[-1].octets == WRONG_PONG  # tidying up is no part of it


@pytest.mark.parametrize(
    ("peer", "octets", "connection"),
    [("bob", b"", 2), ("bob", WRONG_PONG, 1), ("", WRONG_PONG, 1), ("", b"", None), ("carol", b"", None)],
)
def test_on_which_connection_it_was(peer: str, octets: bytes, connection: int | None) -> None:
    tape = Tape()
    for name in ("alice", "bob", "bob"):
        tape.connect(name, ADDRESS)
    tape.add(1, What.FRAME, WRONG_PONG)
    finding = Finding(Kind.VALUE, "PING-1", "PONG 5", "PONG 6", octets, peer=peer)
    assert recording.of(CASE, finding, tape).wrong.connection == connection


def test_what_cannot_be_repeated_says_why(tmp_path: Path) -> None:
    proof = Tape()
    proof.connect("bob", ADDRESS).add(What.SEND, encode(Auth(b"c=biws,r=x,p=y"), 3))
    spoiled = Tape()
    spoiled.connect("bob", ADDRESS).spoil("it is a flood")
    tls = Case("tls/one", "TLS", ("TLS-1",), lambda arena: None, "CORE")
    for case, tape, why in (
        (CASE, proof, "a SCRAM proof is good for the nonce"),
        (CASE, spoiled, "it is a flood"),
        (tls, Tape(), "it is about the TLS handshake"),
    ):
        made = recording.of(case, FINDING, tape)
        assert made.cannot.startswith(why)
        assert made.steps == ()
        recording.write(made, tmp_path / "x.json")
        assert recording.read(tmp_path / "x.json").cannot == made.cannot


def _set(place: str, value: Any) -> Any:
    """Changes one thing in a document, *value* None: takes it away."""

    def change(document: Any) -> None:
        *way, last = place.split(".")
        for part in way:
            document = document[int(part) if part.isdigit() else part]
        if value is None:
            del document[last]
        else:
            document[last] = value

    return change


@pytest.mark.parametrize(
    ("place", "value", "said"),
    [
        ("what", "shopping-list", "is no recording of a failure"),
        ("format", 1, "is no recording of a failure"),
        ("format", "2.0", "has format 2.0, and this version reads 1.x"),
        ("case", None, "is damaged: case: missing"),
        ("case", 5, "is damaged: case: not a string"),
        ("clauses", ["PING-1", 1], "is damaged: clauses: not a list of strings"),
        ("began", "now", "is damaged: began: not a number"),
        ("began", True, "is damaged: began: not a number"),
        ("finding", [], "is damaged: finding: not an object"),
        ("finding.kind", "odd", "is damaged: finding.kind: 'odd' is none of timeout, end of stream"),
        ("finding.connection", 1, "is damaged: finding.connection: there is no number 1"),
        ("finding.octets", "0g", "is damaged: finding.octets: not octets in hex"),
        ("finding.octets", "0", "is damaged: finding.octets: not octets in hex"),
        ("finding.offset", "x", "is damaged: finding.offset: not a whole number"),
        ("connections", {}, "is damaged: connections: not a list"),
        ("connections", ["bob"], "is damaged: connections[0]: not an object"),
        ("connections", [{"name": "bob", "address": -1}], "is damaged: connections[0].address: there is no number -1"),
        ("steps", [], "is damaged: steps: there are none"),
        ("steps.0.what", "send", "is damaged: steps[0].octets: missing"),
        ("steps.1.what", "connect", "is damaged: steps[1]: connection 0 is made twice"),
        ("steps.0", {"at": 0, "connection": 0, "what": "fin"}, "is damaged: steps[0]: connection 0 is not made yet"),
        ("steps.1.connection", 3, "is damaged: steps[1].connection: there is no number 3"),
        ("steps.1.what", "shout", "is damaged: steps[1].what: 'shout' is none of connect, send"),
        ("steps.2.octets", "00", "is damaged: steps[2].octets: not one whole frame"),
        ("steps.2.octets", WELCOME[:-1].hex(), "is damaged: steps[2].octets: not one whole frame"),
    ],
)
def test_what_is_damaged_is_said(tmp_path: Path, place: str, value: Any, said: str) -> None:
    document = recording.document(A_WRONG_PONG)
    if place == "steps.0":
        document["steps"][0] = value
    else:
        _set(place, value)(document)
    file = tmp_path / "x.json"
    file.write_text(json.dumps(document))
    with pytest.raises(NotARecording) as raised:
        recording.read(file)
    assert said in str(raised.value)


@pytest.mark.parametrize("octets", [b"{", b"\xff", b"[" * 100_000])
def test_what_is_not_json(tmp_path: Path, octets: bytes) -> None:
    file = tmp_path / "x.json"
    file.write_bytes(octets)
    with pytest.raises(NotARecording, match="is not JSON"):
        recording.read(file)


def test_what_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(NotARecording, match="cannot read"):
        recording.read(tmp_path / "x.json")


def test_a_later_minor_format_is_read(tmp_path: Path) -> None:
    document = recording.document(A_WRONG_PONG) | {"format": "1.7", "weather": "fair"}
    (tmp_path / "x.json").write_text(json.dumps(document))
    assert recording.read(tmp_path / "x.json") == A_WRONG_PONG


# The folder


def result(status: Status = Status.FAILED, kind: Kind = Kind.VALUE, *, said: bool = True) -> Result:
    transcript = Transcript()
    if said:
        transcript.tape.connect("bob", ADDRESS).add(What.SEND, HELLO)
    finding = None if status is Status.PASSED else Finding(kind, "PING-1", "PONG 5", "PONG 6", peer="bob")
    return Result(CASE, status, 0.1, finding, transcript=transcript)


def test_a_failure_leaves_a_file_and_what_to_type(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "er"
    replay = Folder(folder, "127.0.0.1:5000").leave(result())
    assert replay is not None
    path = folder / "hello-ping.json"
    assert replay.path == path.as_posix()
    assert replay.command == f"causerie-conformance replay {path.as_posix()} 127.0.0.1:5000"
    assert recording.read(path).case == "hello/ping"


def test_one_that_cannot_be_repeated_has_no_command(tmp_path: Path) -> None:
    failed = result()
    assert failed.transcript is not None
    failed.transcript.tape.spoil("it is a flood")
    replay = Folder(tmp_path, "127.0.0.1:5000").leave(failed)
    assert replay is not None
    assert (Path(replay.path).exists(), replay.command) == (True, "")


@pytest.mark.parametrize(
    "left",
    [
        result(Status.PASSED),
        result(Status.KNOWN),
        result(kind=Kind.SUITE),
        result(said=False),
        Result(CASE, Status.FAILED),
    ],
)
def test_what_leaves_nothing_makes_no_folder(tmp_path: Path, left: Result) -> None:
    folder = tmp_path / "replays"
    assert Folder(folder, "127.0.0.1:5000").leave(left) is None
    assert not folder.exists()


def test_a_folder_that_cannot_be_made_is_said_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("x")
    folder = Folder(tmp_path / "file" / "replays", "127.0.0.1:5000")
    assert [folder.leave(result()) for _ in range(3)] == [None] * 3
    assert capsys.readouterr().err.count("cannot write") == 1
