"""The command line: what it prints, and how it ends."""

import io
import json
import shlex
import subprocess
import sys

import pytest

from causerie_spec import clauses, cli, codec, files, tables, vectors
from causerie_spec.cli import main
from causerie_spec.messages import MESSAGES, Ping, Quit


@pytest.fixture
def run(capsys):
    """Runs a command line; returns exit status, output and errors."""

    def run(line, *more):
        try:
            status = main([*shlex.split(line), *more])
        except SystemExit as end:
            status = end.code
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return run


COMMANDS = ["clauses", "frames", "decode", "encode", "vectors", "tables", "dissector"]


def test_help_names_every_command_and_has_examples(run):
    status, out, err = run("--help")
    assert (status, err) == (0, "")
    listed_first = {line.split()[0] for line in out.splitlines() if line.startswith("    ")}
    assert {*COMMANDS} <= listed_first
    assert "examples:\n  causerie-spec clauses --profile CORE" in out


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_examples_that_work(run, command, monkeypatch, tmp_path):
    status, out, _ = run(f"{command} --help")
    assert status == 0
    examples = out.split("examples:\n")[1].splitlines()
    assert examples
    # The files that the examples name.
    (tmp_path / "dump.bin").write_bytes(codec.encode(Ping(1), 1))
    (tmp_path / "PROTOCOL.md").write_text(files.protocol().read_text(encoding="utf-8"), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(files, "protocol", lambda: tmp_path / "PROTOCOL.md")
    for example in examples:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(codec.encode(Ping(1), 1).hex().encode())))
        line = example.strip().removeprefix("causerie-spec ").partition(" < ")[0]
        status, out, err = run(line)
        assert (status, err) == (0, ""), example
        assert out


WRONG = [
    ("", "the following arguments are required: COMMAND\nTry: causerie-spec --help"),
    ("frob", "invalid choice: 'frob'"),
    ("clauses --profile core", "invalid choice: 'core'"),
    ("clauses FRAMES", "there is no clause or topic FRAMES; did you mean FRAME"),
    ("clauses FRAME-999", "there is no clause or topic FRAME-999; did you mean FRAME-9"),
    ("clauses QQQQ", "there is no clause or topic QQQQ\n"),
    ("frames SEN", "there is no frame 'SEN'; did you mean SEND"),
    ("frames QQQQ", "there is no frame 'QQQQ'; causerie-spec frames lists them"),
    ("frames 0x7f", "there is no frame '0x7f'; causerie-spec frames lists them"),
    ("frames 0xzz", "'0xzz' is not a number, such as 7 or 0x2a"),
    ("decode", "the following arguments are required"),
    ("decode xyz", "'xyz' is neither hexadecimal nor a file"),
    ("decode 00 0", "'00 0' is an odd number of digits"),
    ("decode ''", "there are no octets"),
    ("encode", "the following arguments are required: NAME"),
    ("encode PINGG token=1", "there is no frame 'PINGG'; did you mean PING"),
    ("encode PING", "PING also needs token=…"),
    ("encode SEND conversation=#a", "SEND also needs txn=… kind=… text=…"),
    ("encode PING token", "'token' is not of the form FIELD=VALUE"),
    ("encode PING tokken=1", "PING has no field 'tokken'; it has token"),
    ("encode OK more=1", "OK has no field 'more'; it has none at all"),
    ("encode PING token=one", "PING.token: 'one' is not a number, such as 7 or 0x2a"),
    ("encode PING token=-1", "PING.token: -1 is not a whole number from 0 to 18446744073709551615"),
    ("encode PING token=1 --ref 65536", "PING: ref 65536 is not a whole number from 0 to 65535"),
    ("encode PING token=1 --ref x", "'x' is not a number"),
    ("encode END more=maybe", "END.more: 'maybe' is not true or false"),
    ("encode AUTH payload=xyz", "AUTH.payload: 'xyz' is not hexadecimal"),
    ("tables", "one of the arguments --check --write is required"),
    ("tables --check --write", "not allowed with argument"),
]


@pytest.mark.parametrize(("line", "error"), WRONG, ids=[line or "nothing" for line, _ in WRONG])
def test_wrong_usage_is_explained_and_ends_with_2(run, line, error):
    status, out, err = run(line)
    assert (status, out) == (2, "")
    assert error in err
    assert err.startswith("causerie-spec")
    assert "Traceback" not in err


# clauses


def test_clauses_are_listed_with_their_text(run):
    status, out, _ = run("clauses FRAME-3")
    clause = clauses.load()["FRAME-3"]
    assert status == 0
    head, *text = out.splitlines()
    assert head == f"FRAME-3  MUST, both, CORE  (line {clause.line})"
    assert " ".join(line.strip() for line in text) == clause.text
    assert all(line.startswith("    ") and len(line) <= 100 for line in text)


def listed(out):
    return [line.split()[0] for line in out.splitlines() if not line.startswith(" ")]


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("", lambda clause: True),
        ("--profile rooms", lambda clause: clause.profile == "rooms"),
        ("--role client", lambda clause: clause.role in ("client", "both")),
        ("--level SHOULD", lambda clause: clause.level == "SHOULD"),
        (
            "--level MUST --role server --profile TLS",
            lambda clause: (clause.level, clause.profile) == ("MUST", "TLS") and clause.role in ("server", "both"),
        ),
        ("frame [ERR-9]", lambda clause: clause.topic == "FRAME" or clause.id == "ERR-9"),
    ],
)
def test_clauses_can_be_chosen(run, line, wanted):
    status, out, _ = run(f"clauses {line}")
    assert status == 0
    assert listed(out) == [clause.id for clause in clauses.load().values() if wanted(clause)]


def test_clauses_as_json_say_all_about_each(run):
    status, out, _ = run("clauses --json TIME-1")
    assert status == 0
    [entry] = json.loads(out)
    assert clauses.Clause(**entry) == clauses.load()["TIME-1"]


def test_no_clause_at_all_is_said_and_ends_with_1(run):
    assert run("clauses FRAME --profile TLS") == (1, "", "no clause is all of that\n")


# frames


def test_all_frames_are_listed(run):
    status, out, _ = run("frames")
    assert status == 0
    assert [line.split()[:2] for line in out.splitlines()] == [
        [f"0x{cls.TYPE:02x}", cls.NAME] for cls in MESSAGES.values()
    ]


def test_a_frame_is_described(run):
    status, out, _ = run("frames history")
    assert status == 0
    assert out.startswith("HISTORY  0x11, client to server\n  Asks for messages")
    assert "Needs the capability history." in out
    assert "Answer: MESSAGE …, END." in out
    assert "direction      u8       0 after the anchor, 1 before it" in out
    assert "in hello:     BYE MALFORMED" in out
    assert "in ready:     accept" in out


def test_a_frame_of_the_server_is_described(run):
    _, out, _ = run("frames 0x8D")
    assert out.startswith("OK  0x8d, server to client\n")
    assert "Stands as: answers MARK, LEAVE." in out
    assert "no fields" in out
    assert "in ready" not in out
    assert "capability" not in out


# decode

GOOD = codec.encode(Quit("jkl"), 7)


@pytest.mark.parametrize(
    "given",
    [GOOD.hex(), GOOD.hex(" "), GOOD.hex(":"), GOOD.hex().upper(), " ".join(f"0x{octet:02x}" for octet in GOOD)],
)
def test_hexadecimal_is_decoded_however_it_is_written(run, given):
    status, out, _ = run("decode", given)
    assert status == 0
    assert out.startswith("QUIT ref 7, 12 octets\n")
    assert out.endswith('reason         "jkl"\n')
    assert run("decode", *given.split()) == (status, out, "")


CONTENTS = {"octets": GOOD, "digits": GOOD.hex().encode(), "lines": GOOD.hex(" ").encode() + b"\n"}


@pytest.mark.parametrize("content", CONTENTS.values(), ids=CONTENTS)
def test_files_and_stdin_are_decoded(run, content, tmp_path, monkeypatch):
    path = tmp_path / "dump"
    path.write_bytes(content)
    expected = run("decode", GOOD.hex())
    assert run("decode", str(path)) == expected
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
    assert run("decode -") == expected


def test_octets_that_cannot_be_decoded_are_shown_and_end_with_1(run):
    status, out, _ = run("decode", codec.frame(5, b"\x01\xff", 7).hex())
    assert status == 1
    assert "^^ reason: not UTF-8: invalid start byte" in out


def test_a_file_that_cannot_be_read_is_an_error_and_no_traceback(run, tmp_path):
    status, _, err = run("decode", str(tmp_path))
    assert status == 1
    assert err.startswith("causerie-spec decode: ")


# encode


@pytest.mark.parametrize(
    ("line", "octets"),
    [
        ("encode PING token=0x2a --ref 7", "00000008 04 00 0007 000000000000002a"),
        ("encode ping token=42 --ref 0x7", "00000008 04 00 0007 000000000000002a"),
        ("encode OK", "00000000 8d 00 0000"),
        ("encode END more=true --ref 1", "00000001 8e 00 0001 01"),
        ("encode END more=0 --ref 1", "00000001 8e 00 0001 00"),
        ("encode QUIT reason=a=b --ref 1", "00000004 05 00 0001 03 613d62"),
        ("encode QUIT reason= --ref 1", "00000001 05 00 0001 00"),
        ("encode AUTH payload=ff:00 --ref 1", "00000004 03 00 0001 0002 ff00"),
        (
            "encode HELLO min_version=1 max_version=1 keepalive=0 agent=é capabilities=a,b --ref 1",
            "00000010 01 00 0001 43415553 01 01 0000 02 c3a9 02 01 61 01 62",
        ),
        (
            "encode HELLO magic=00000000 min_version=1 max_version=1 keepalive=0 agent= capabilities= --ref 1",
            "0000000a 01 00 0001 00000000 01 01 0000 00 00",
        ),
    ],
)
def test_frames_are_encoded(run, line, octets):
    assert run(line) == (0, bytes.fromhex(octets).hex() + "\n", "")


def test_octets_are_written_as_they_are(monkeypatch):
    out = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", out)
    assert main(["encode", "PING", "token=1", "--ref", "7", "--binary"]) == 0
    assert out.buffer.getvalue() == codec.encode(Ping(1), 7)


def test_output_may_go_to_any_text_stream(monkeypatch):
    out = io.StringIO()
    monkeypatch.setattr(sys, "stdout", out)
    assert main(["encode", "OK", "--ref", "1"]) == 0
    assert out.getvalue() == "000000008d000001\n"


# vectors and tables


def test_vectors_are_listed_and_checked(run):
    loaded = vectors.load()
    status, out, _ = run("vectors")
    assert status == 0
    assert [line.split()[0] for line in out.splitlines()] == [v.id for v in (*loaded.valid, *loaded.invalid)]
    count = f"{len(loaded.valid)} valid and {len(loaded.invalid)} invalid vectors are right\n"
    assert run("vectors --check") == (0, count, "")


def test_wrong_vectors_end_with_1(run, monkeypatch):
    monkeypatch.setattr(vectors, "check", lambda *_: ["a/b: wrong"])
    assert run("vectors --check") == (1, "a/b: wrong\n", "")


def test_vectors_that_cannot_be_read_end_with_1(run, tmp_path, monkeypatch):
    (tmp_path / "ping.json").write_text("{")
    monkeypatch.setattr(vectors, "load", lambda: vectors.read(tmp_path))
    status, out, err = run("vectors --check")
    assert (status, out) == (1, "")
    assert err.startswith("causerie-spec vectors: ping.json: ")


def test_tables_are_checked_and_written(run, tmp_path):
    path = tmp_path / "text.md"
    path.write_text("".join(f"<!-- generated: {name} -->\n<!-- end generated -->\n" for name in tables.GENERATED))
    names = ", ".join(tables.GENERATED)
    out_of_date = f"out of date: {names}; run causerie-spec tables --write\n"
    assert run("tables --check", str(path)) == (1, "", out_of_date)
    assert run("tables --write", str(path)) == (0, f"written: {names}\n", "")
    assert run("tables --check", str(path)) == (0, "the tables are up to date\n", "")
    assert run("tables --write", str(path)) == (0, "the tables are up to date\n", "")
    assert tables.stale(path.read_text(encoding="utf-8")) == []


def test_wrong_markers_end_with_1(run, tmp_path):
    path = tmp_path / "text.md"
    path.write_text("# nothing here\n")
    status, _, err = run("tables --write", str(path))
    assert status == 1
    assert err.startswith("causerie-spec tables: no place for frames")
    assert path.read_text() == "# nothing here\n"


def test_the_tables_of_this_installation_are_meant_if_no_file_is_named(run):
    assert run("tables --check") == (0, "the tables are up to date\n", "")


# The process


def test_an_interrupt_ends_quietly(run, monkeypatch):
    def interrupted():
        raise KeyboardInterrupt

    monkeypatch.setattr(clauses, "load", interrupted)
    assert run("clauses") == (130, "", "")


def module(*arguments, **options):
    return subprocess.run(
        [sys.executable, "-m", "causerie_spec", *arguments], capture_output=True, timeout=60, check=False, **options
    )


def test_the_module_can_be_run():
    done = module("encode", "PING", "token=1", "--ref", "7")
    assert (done.returncode, done.stdout.decode().strip(), done.stderr) == (0, codec.encode(Ping(1), 7).hex(), b"")
    assert module("frob").returncode == 2


def test_a_reader_that_goes_away_is_no_error():
    process = subprocess.Popen(
        [sys.executable, "-m", "causerie_spec", "clauses"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    # Closed before anything is written: whatever the program writes meets a broken pipe.
    process.stdout.close()
    errors = process.stderr.read()
    process.stderr.close()
    assert (process.wait(timeout=60), errors) == (0, b"")


def test_a_terminal_that_cannot_show_a_character_is_no_error():
    done = module("clauses", "NAME-2", "SEND-9", env={"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"})
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"2\\u2076\\u2074-1" in done.stdout


def test_the_parser_has_no_other_commands():
    assert set(COMMANDS) == {
        name.removeprefix("_") for name in vars(cli) if name.removeprefix("_") in COMMANDS and name.startswith("_")
    }
