"""The list of known failures: what it forgives, what it does not, and when it is not true any more."""

import json
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from causerie_conformance.cli import main
from causerie_conformance.known import Entry, KnownFailures
from causerie_conformance.registry import Case
from causerie_conformance.results import Exit, Result, Run, Status, Verdict

P, F, W, K = Status.PASSED, Status.FAILED, Status.WARNED, Status.KNOWN
NO, NJ, NR = Status.NOT_OFFERED, Status.NOT_JUDGED, Status.NOT_RUN


def case(id_: str) -> Case:
    return Case(id_, "One thing", ("PING-1",), lambda arena: None, "CORE")


def known(*patterns: str) -> KnownFailures:
    return KnownFailures(tuple(Entry(f"list:{number}", pattern) for number, pattern in enumerate(patterns, 1)))


def test_a_file_has_ids_globs_and_comments(tmp_path: Path) -> None:
    path = tmp_path / "known.txt"
    path.write_text("# not yet\n\n  hello/quit  # issue 7\r\nhistory/text-*\n#hello/ping-0\n", encoding="utf-8")
    read = KnownFailures.read(path)
    assert read.entries == (Entry("known.txt:3", "hello/quit", 3), Entry("known.txt:4", "history/text-*", 4))
    assert read.holds(case("hello/quit"))
    assert read.holds(case("history/text-han"))
    assert not read.holds(case("hello/quit-2"))
    assert not read.holds(case("hello/ping-0"))


@pytest.mark.parametrize(
    ("pattern", "statuses", "words"),
    [
        ("hello/0", [P], "list:1: hello/0 is listed as a known failure, but it passes; delete the line"),
        ("hello/*", [P, P], "list:1: hello/* is listed as a known failure, but all of them pass (2); delete the line"),
        ("hello/*", [P, K], ""),
        ("hello/*", [P, W], ""),
        ("hello/*", [P, NJ], "all of them pass (1)"),
        ("hello/0", [K, P], ""),
        ("hello/0", [NO, P], ""),
        ("hello/0", [NJ, P], ""),
        ("hello/0", [NR, P], ""),
        ("hello/9", [P], ""),
    ],
)
def test_when_a_line_is_not_true_any_more(pattern: str, statuses: list[Status], words: str) -> None:
    results = [Result(case(f"hello/{number}"), status) for number, status in enumerate(statuses)]
    stale = known(pattern).stale(results)
    assert len(stale) == bool(words)
    assert words in "".join(stale)


def test_lines_that_mean_no_case() -> None:
    unknown = known("hello/0", "hello/x*", "PING-1").unknown([case("hello/0"), case("hello/1")])
    assert unknown == [
        "list:2: there is no case 'hello/x*'; delete the line",
        "list:3: there is no case 'PING-1'; delete the line",
    ]


@pytest.mark.parametrize(
    ("statuses", "stale", "verdict", "status"),
    [
        ([P, K], [], Verdict.KNOWN, Exit.CONFORMANT),
        ([F, K], [], Verdict.NOT_CONFORMANT, Exit.NOT_CONFORMANT),
        ([P, P], ["list:1: …"], Verdict.CONFORMANT, Exit.NOT_CONFORMANT),
    ],
)
def test_verdicts_and_exit_statuses(statuses, stale, verdict, status) -> None:
    run = Run("x:1", results=[Result(case(f"hello/{number}"), each) for number, each in enumerate(statuses)])
    run.stale = stale
    assert [each.verdict for each in run.verdicts()] == [verdict]
    assert run.exit_status == status


# From the command line, against a server that does not know the magic

SELECT = ("--select", "hello/wrong-magic-zeros", "--select", "hello/ping-0", "--select", "hello/wrong-magic-CAUZ")


def test_known_failures_do_not_fail_a_run(serve, step_1, tmp_path: Path, capsys) -> None:
    path, report, junit = (tmp_path / name for name in ("known.txt", "run.json", "run.xml"))
    path.write_text("hello/wrong-magic-zeros\nhello/wrong-magic-C*\n")
    options = ("--known-failures", str(path), "--json", str(report), "--junit", str(junit), "--fail-fast")
    assert main([serve(step_1).name, *SELECT, *options]) == Exit.CONFORMANT
    shown = capsys.readouterr().out
    assert "2 known failure" in shown
    assert "Failed, as the list of known failures says:" in shown
    assert "  hello/wrong-magic-zeros: HELLO-6: expected BYE" in shown
    assert "NOT CONFORMANT, AS KNOWN" in shown
    assert "FAIL " not in shown
    document = json.loads(report.read_text(encoding="utf-8"))
    assert [each["status"] for each in document["cases"]].count("known failure") == 2
    assert document["stale_known_failures"] == []
    root = ET.parse(junit).getroot()
    assert (root.get("failures"), root[0].get("skipped"), root.get("tests")) == ("0", "2", "3")


def test_other_failures_do(serve, step_1, tmp_path: Path, capsys) -> None:
    path = tmp_path / "known.txt"
    path.write_text("hello/wrong-magic-zeros\n")
    assert main([serve(step_1).name, *SELECT, "--known-failures", str(path)]) == Exit.NOT_CONFORMANT
    shown = capsys.readouterr().out
    assert "FAIL hello/wrong-magic-CAUZ" in shown
    assert "FAIL hello/wrong-magic-zeros" not in shown


def test_what_is_not_true_any_more_fails_a_run(serve, step_1, tmp_path: Path, capsys) -> None:
    path, report, junit = (tmp_path / name for name in ("known.txt", "run.json", "run.xml"))
    path.write_text("hello/wrong-magic-zeros\nhello/ping-0\nhello/wrong-magic-*\nlogin/ready\n")
    options = ("--known-failures", str(path), "--json", str(report), "--junit", str(junit))
    assert main([serve(step_1).name, *SELECT, *options]) == Exit.NOT_CONFORMANT
    words = "known.txt:2: hello/ping-0 is listed as a known failure, but it passes; delete the line"
    assert words in capsys.readouterr().out
    assert json.loads(report.read_text(encoding="utf-8"))["stale_known_failures"] == [words]
    root = ET.parse(junit).getroot()
    assert (root.get("failures"), root.get("tests")) == ("1", "4")
    assert root.findall("testsuite/testcase/failure[@type='stale']")[0].get("message") == words


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"hello/quit\nhello/quiet\n", "known.txt:2: there is no case 'hello/quiet'; delete the line"),
        (b"\xff\n", "it is not UTF-8"),
        (None, "cannot read"),
    ],
)
def test_lists_that_are_wrong(content: bytes | None, words: str, tmp_path: Path, capsys) -> None:
    path = tmp_path / "known.txt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(SystemExit) as caught:
        main(["x:1", "--known-failures", str(path)])
    assert caught.value.code == Exit.USAGE
    assert words in capsys.readouterr().err


# Bringing the list up to date


def test_the_list_is_brought_up_to_date(serve, step_1, tmp_path: Path, capsys) -> None:
    path = tmp_path / "known.txt"
    kept = "# ours\n\nhello/wrong-magic-z*  # issue 7\nlogin/ready\n"
    path.write_text(kept + "hello/ping-0\nhello/there-is-no-such\n", encoding="utf-8")
    options = ("--known-failures", str(path), "--update-known-failures", "--reruns", "0")
    assert main([serve(step_1).name, *SELECT, *options]) == Exit.CONFORMANT
    shown = capsys.readouterr().out
    assert "2 known failure" in shown
    assert "FAIL " not in shown
    lines = path.read_text(encoding="utf-8").removeprefix(kept).splitlines()
    assert [line.split()[:3] for line in lines] == [["hello/wrong-magic-CAUZ", "#", "HELLO-6"]]
    assert max(map(len, lines)) <= 110
    assert main([serve(step_1).name, *SELECT, "--known-failures", str(path)]) == Exit.CONFORMANT


def test_a_list_that_is_not_there_is_made(serve, step_1, tmp_path: Path) -> None:
    path = tmp_path / "new.txt"
    options = ("--known-failures", str(path), "--update-known-failures", "--reruns", "0")
    assert main([serve(step_1).name, *SELECT, *options]) == Exit.CONFORMANT
    assert [line.split()[0] for line in path.read_text(encoding="utf-8").splitlines()] == [
        "hello/wrong-magic-CAUZ",
        "hello/wrong-magic-zeros",
    ]


def test_a_run_that_ended_early_changes_no_list(serve, step_1, tmp_path: Path, capsys) -> None:
    path = tmp_path / "known.txt"
    path.write_text("hello/ping-0\n", encoding="utf-8")
    options = ("--known-failures", str(path), "--update-known-failures", "--fail-fast")
    assert main([serve(step_1).name, *SELECT, *options]) == Exit.NOT_CONFORMANT
    assert "is as it was: the run ended early" in capsys.readouterr().err
    assert path.read_text(encoding="utf-8") == "hello/ping-0\n"


def test_a_list_that_cannot_be_written_is_said(serve, step_1, tmp_path: Path, capsys, monkeypatch) -> None:
    def refuse(*args: object, **options: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "write_text", refuse)
    options = ("--known-failures", str(tmp_path / "x"), "--update-known-failures", "--reruns", "0")
    assert main([serve(step_1).name, *SELECT, *options]) == Exit.NOT_CONFORMANT
    assert "cannot write" in capsys.readouterr().err


def test_updating_needs_a_name(capsys) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["x:1", "--update-known-failures"])
    assert caught.value.code == Exit.USAGE
    assert "name the file with --known-failures FILE" in capsys.readouterr().err


def test_what_is_blocked_keeps_its_line_and_gets_none(tmp_path: Path) -> None:
    results = [
        Result(case("hello/0"), Status.BLOCKED),
        Result(case("hello/1"), Status.BLOCKED),
        Result(case("hello/2"), P),
    ]
    path = tmp_path / "list"
    path.write_text("hello/0\nhello/[02]\n", encoding="utf-8")
    cases = [result.case for result in results]
    assert KnownFailures.read(path).updated(results, cases) == "hello/0\nhello/[02]\n"
