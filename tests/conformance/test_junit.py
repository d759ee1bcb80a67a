"""JUnit XML: by a schema of what the readers have in common, and by a reader."""

from pathlib import Path

import junitparser
import pytest
import xmlschema

from causerie_conformance.cli import main
from causerie_conformance.problems import Kind
from causerie_conformance.registry import Case
from causerie_conformance.report import junit
from causerie_conformance.results import Exit, Finding, Result, Run, Status
from causerie_conformance.transcript import Transcript

SCHEMA = xmlschema.XMLSchema(Path(__file__).parent / "junit.xsd")
FINDING = Finding(Kind.VALUE, "PING-1", "PONG \x1b[1m", "\x00\x1f\ufffe\ud800 nothing\nat all", b"\xff" * 9, 8)


def case(id_: str) -> Case:
    return Case(id_, "One thing", ("PING-1",), lambda arena: None, "CORE")


def of_every_status() -> Run:
    run = Run("127.0.0.1:5000", stale=["list:1: hello/x \x07"], server_output="out of\x00 cheese")
    for number, status in enumerate(Status):
        found = status in (Status.FAILED, Status.KNOWN, Status.WARNED)
        result = Result(
            case(f"hello/{number}"), status, finding=FINDING if found else None, reason="" if found else "why"
        )
        run.results += [result, Result(case(f"zebra/{number}"), status, transcript=Transcript())]
    run.finish()
    return run


def read(run: Run, path: Path) -> junitparser.JUnitXml:
    junit.write(run, path)
    SCHEMA.validate(str(path))
    return junitparser.JUnitXml.fromfile(str(path))


def test_every_status_in_every_reader(tmp_path):
    found = read(of_every_status(), tmp_path / "x.xml")
    suites = {suite.name: suite for suite in found}
    assert list(suites) == ["causerie.hello", "causerie.zebra", "causerie.known-failures"]
    seen = {each.name: each for suite in suites.values() for each in suite}
    expected = {
        Status.PASSED: [],
        Status.WARNED: [],
        Status.FAILED: [junitparser.Failure],
        Status.NOT_RUN: [junitparser.Error],
    }
    for number, status in enumerate(Status):
        for topic in ("hello", "zebra"):
            results = [type(result) for result in seen[f"{topic}/{number}"].result]
            assert results == expected.get(status, [junitparser.Skipped]), status
        if status not in expected:
            assert seen[f"hello/{number}"].result[0].message.startswith(f"{status.value}: ")
    warned = seen[f"hello/{list(Status).index(Status.WARNED)}"]
    assert "expected   PONG �[1m" in warned.system_out


def test_the_totals_are_those_that_a_reader_counts(tmp_path):
    found = read(of_every_status(), tmp_path / "x.xml")

    def totals(of):
        return of.tests, of.failures, of.errors

    stated = [(*totals(suite), suite.skipped) for suite in found]
    whole = totals(found)
    for suite in found:
        suite.update_statistics()
    assert stated == [(*totals(suite), suite.skipped) for suite in found]
    found.update_statistics()
    assert whole == totals(found)
    assert found.failures == 3  # two cases, and a line of the list


def test_the_last_words_of_a_server_stand_where_it_died(tmp_path):
    died = of_every_status()
    died.results.sort(key=lambda result: result.status is Status.NOT_RUN)
    found = read(died, tmp_path / "x.xml")
    said = {suite.name: suite._elem.findtext("system-err") for suite in found}
    assert said == {"causerie.hello": None, "causerie.zebra": "out of� cheese", "causerie.known-failures": None}
    never = Run("x:1", selected=[case("hello/a"), case("zebra/b")], stopped="it died", server_output="no cheese")
    never.finish()
    found = read(never, tmp_path / "x.xml")
    assert [suite._elem.findtext("system-err") for suite in found] == ["no cheese", None]


def test_of_nothing_at_all(tmp_path):
    empty = Run("x:1", server_output="no cheese")
    empty.finish()
    assert list(read(empty, tmp_path / "x.xml")) == []


@pytest.mark.parametrize("topic", ["hello", "load"])
def test_of_real_servers(serve, step_1, tmp_path, capsys, topic):
    path = tmp_path / "x.xml"
    status = main([serve(step_1).name, "--select", topic, "--handshake-timeout", "30", "--junit", str(path)])
    SCHEMA.validate(str(path))
    found = junitparser.JUnitXml.fromfile(str(path))
    assert (status == Exit.CONFORMANT) == (found.failures + found.errors == 0)
    assert {each.classname for suite in found for each in suite} == {f"causerie.{topic}"}
