"""Client programs: what they print, how they end, and how they are ended."""

import sys

import pytest

from causerie_conformance.client_role import program as programs
from causerie_conformance.client_role.program import STDERR, STDOUT, Program, ProgramFailed
from causerie_conformance.transcript import Transcript

LIMIT = 30.0


def start(text):
    return Program([sys.executable, "-c", text], Transcript())


def test_lines_of_both_streams():
    made = start("import sys; print('one\\rtwo\\r'); print('three', file=sys.stderr); sys.stdout.write('no end')")
    assert made.wait(LIMIT) == 0
    found = {(line.stream, line.text) for line in made.lines}
    assert found == {(STDOUT, "one\rtwo"), (STDERR, "three"), (STDOUT, "no end")}
    assert "stderr: three" in made.said()
    made.stop()


def test_what_is_typed_arrives():
    made = start("import sys; print(sys.stdin.buffer.read().upper())")
    made.write("a line")
    made.write_octets(b"\xff")
    made.end_input()
    made.wait(LIMIT)
    assert made.wait_for(lambda lines: any("A LINE" in line.text for line in lines), LIMIT)
    made.write("nobody reads this")
    made.stop()


def test_waiting_ends_with_the_program_or_with_patience():
    made = start("print('here')")
    assert made.wait_for(lambda lines: any(line.text == "here" for line in lines), LIMIT)
    assert not made.wait_for(lambda lines: len(lines) > 1, LIMIT)
    made.stop()
    quiet = start("import sys; sys.stdin.read()")
    assert not quiet.wait_for(bool, 0.01)
    assert quiet.wait(0.01) is None
    assert quiet.said() == "; it printed nothing"
    assert quiet in programs._RUNNING
    programs._RUNNING.discard(made)
    quiet.stop()
    assert quiet.ended is not None
    assert quiet not in programs._RUNNING


def test_too_many_lines_are_dropped(monkeypatch):
    monkeypatch.setattr(programs, "MOST_LINES", 3)
    made = start("print('line\\n' * 9)")
    made.wait(LIMIT)
    assert len(made.lines) == 3
    made.stop()


def test_a_program_that_there_is_not():
    with pytest.raises(ProgramFailed, match="cannot start '/no/such'"):
        Program(["/no/such"], Transcript())
