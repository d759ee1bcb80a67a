"""What changed between two reports, and what can be done with reports without a server."""

import io
import json
from pathlib import Path

import pytest
from reported import EVIL, case, document, failed

from causerie_conformance.cli import main
from causerie_conformance.report.compare import SHOWN, Change, compare, show
from causerie_conformance.results import Exit, Result, Status, Tries

P, F, W, K = Status.PASSED, Status.FAILED, Status.WARNED, Status.KNOWN
NO, NJ, NR, B = Status.NOT_OFFERED, Status.NOT_JUDGED, Status.NOT_RUN, Status.BLOCKED


def one(status: Status, id_: str = "hello/one", tries: Tries | None = None) -> Result:
    return Result(case(id_), status, reason="" if status is P else "why", tries=tries)


@pytest.mark.parametrize(
    ("was", "is_", "change"),
    [
        (P, P, None),
        (P, F, Change.NEWLY_FAILING),
        (P, K, Change.NEWLY_FAILING),
        (NO, F, Change.NEWLY_FAILING),
        (W, F, Change.NEWLY_FAILING),
        (F, K, None),
        (K, F, None),
        (F, F, None),
        (P, W, Change.NEWLY_WARNED),
        (NJ, W, Change.NEWLY_WARNED),
        (W, W, None),
        (F, W, Change.MENDED),
        (F, P, Change.NEWLY_PASSING),
        (NO, P, Change.NEWLY_PASSING),
        (W, P, Change.NEWLY_PASSING),
        (P, NO, Change.LOST),
        (W, NR, Change.LOST),
        (P, B, Change.LOST),
        (P, NJ, Change.LOST),
        (F, NR, Change.UNKNOWN),
        (K, NJ, Change.UNKNOWN),
        (NO, NJ, None),
    ],
)
def test_how_a_case_changes(was, is_, change):
    found = compare(document(one(was)), document(one(is_)))
    assert [each for each, cases in found.changes.items() if cases] == ([] if change is None else [change])
    assert found.worse == (change in (Change.NEWLY_FAILING, Change.NEWLY_WARNED, Change.LOST))


def test_cases_of_one_report_only_are_neither_better_nor_worse():
    found = compare(document(one(P, "hello/old"), one(P)), document(one(P), one(F, "hello/new")))
    assert [each["id"] for each in found.added] == ["hello/new"]
    assert [each["id"] for each in found.removed] == ["hello/old"]
    assert found.worse == 0


def test_verdicts_that_change():
    before = document(one(P), Result(case("rooms/x", profile="rooms"), P))
    after = document(one(F), Result(case("history/x", profile="history"), NO))
    assert compare(before, after).verdicts == [
        ("CORE", "conformant", "not conformant"),
        ("rooms", "conformant", "not in it"),
        ("history", "not in it", "not offered"),
    ]


def test_flaky_is_told_once():
    flaky, steady = Tries(3, 1), Tries(3, 3)
    found = compare(document(one(F, tries=steady)), document(one(F, tries=flaky)))
    assert len(found.changes[Change.FLAKY]) == 1
    assert found.worse == 0
    assert compare(document(one(F, tries=flaky)), document(one(F, tries=flaky))).changes[Change.FLAKY] == []


def shown(before, after) -> str:
    out = io.StringIO()
    show(out, compare(before, after), ("a.json", "b.json"))
    return out.getvalue()


def test_the_words():
    before = document(one(P), one(F, "hello/two"), one(P, "hello/gone"))
    text = shown(before, document(one(F), one(P, "hello/two"), one(F, "hello/new"), agent=EVIL))
    assert text.startswith("a.json: 127.0.0.1:5000 (reference), 20")
    assert "\nNewly failing (1)\n  hello/one: passed -> failed: why\n" in text
    assert "\nNewly passing (1)\n  hello/two: failed -> passed\n" in text
    assert "\nOnly in the second: 1 failed\n  hello/new: failed\n" in text
    assert "\nOnly in the first: 1 passed\n" in text
    assert text.endswith("\nOf the 2 cases that both have: 1 worse, 1 better.\n")
    assert "\x1b" not in text
    assert "\u202e" not in text


def test_no_change_and_many_changes():
    same = document(one(P))
    assert shown(same, same).endswith("\nNo change in the 1 cases that both have.\n")
    many = [f"hello/{number}" for number in range(SHOWN + 5)]
    text = shown(document(*(one(P, id_) for id_ in many)), document(*(one(F, id_) for id_ in many)))
    assert "  and 5 more\n" in text
    assert all(len(line) <= 160 for line in shown(same, document(failed(case(), "x" * 200))).splitlines())
    assert "none worse, 1 better" in shown(document(one(F)), document(one(P)))


# The command


@pytest.fixture
def reports(tmp_path: Path) -> tuple[Path, Path]:
    paths = tmp_path / "a.json", tmp_path / "b.json"
    for path, status in zip(paths, (P, F), strict=True):
        path.write_text(json.dumps(document(one(status))), encoding="utf-8")
    return paths


def test_its_exit_status(reports, capsys):
    before, after = map(str, reports)
    assert main(["--compare", before, after]) == Exit.NOT_CONFORMANT
    assert main(["--compare", after, before]) == Exit.CONFORMANT
    assert main(["--compare", after, after]) == Exit.CONFORMANT
    assert "Newly failing (1)" in capsys.readouterr().out


def test_page_and_badge_of_a_report_that_is_there(reports, tmp_path, capsys):
    page, badge = tmp_path / "x.html", tmp_path / "x.svg"
    assert main(["--from", str(reports[1]), "--html", str(page), "--badge", str(badge)]) == Exit.CONFORMANT
    assert "Not conformant" in page.read_text(encoding="utf-8")
    assert "not conformant" in badge.read_text(encoding="utf-8")
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--compare", "A"), "expected 2 arguments"),
        (("--compare", "A", "nothing.json"), "cannot read nothing.json"),
        (("--compare", "A", "A", "x:1"), "--compare is about reports that are there"),
        (("--compare", "A", "A", "--html", "x.html"), "--compare writes to the terminal"),
        (("--from", "A"), "--from needs --html FILE or --badge FILE"),
        (("--from", "A", "--html", "x.html", "--reference", "asyncio"), "--from is about reports that are there"),
        (("--from", "A", "--html", "no/such/x.html"), "there is no such folder"),
        (("--from", "A", "--badge", "x.svg", "--junit", "x.xml"), "--from is about reports that are there"),
    ],
)
def test_usage_errors(reports, capsys, monkeypatch, arguments, words):
    monkeypatch.chdir(reports[0].parent)
    with pytest.raises(SystemExit) as caught:
        main([str(reports[0]) if word == "A" else word for word in arguments])
    assert caught.value.code == Exit.USAGE
    assert words in capsys.readouterr().err


def test_another_major_format_is_a_usage_error(reports, capsys):
    later = json.loads(reports[1].read_text(encoding="utf-8")) | {"format": "2.0"}
    reports[1].write_text(json.dumps(later), encoding="utf-8")
    with pytest.raises(SystemExit) as caught:
        main(["--compare", *map(str, reports)])
    assert caught.value.code == Exit.USAGE
    assert "has format 2.0, and this version reads 1.x" in capsys.readouterr().err


def test_a_server_is_not_compared_with_a_client(reports, capsys):
    client = json.loads(reports[1].read_text(encoding="utf-8")) | {"role": "client"}
    reports[1].write_text(json.dumps(client), encoding="utf-8")
    with pytest.raises(SystemExit) as caught:
        main(["--compare", *map(str, reports)])
    assert caught.value.code == Exit.USAGE
    assert "one is of a server, the other of a client" in capsys.readouterr().err


def test_what_cannot_be_written_is_said(reports, tmp_path, capsys, monkeypatch):
    def no(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", no)
    assert main(["--from", str(reports[0]), "--html", str(tmp_path / "x.html")]) == Exit.USAGE
    assert "x.html: No space left on device" in capsys.readouterr().err


def test_a_run_writes_all_of_them(serve, step_1, tmp_path, capsys):
    files = {name: tmp_path / f"x.{name}" for name in ("json", "junit", "html", "badge")}
    options = [word for name, path in files.items() for word in (f"--{name}", str(path))]
    assert main([serve(step_1).name, "--select", "hello/ping-0", *options]) == Exit.CONFORMANT
    assert "Conformant in what was selected" in files["html"].read_text(encoding="utf-8")
    assert "conformant in what was selected" in files["badge"].read_text(encoding="utf-8")
    assert main(["--compare", str(files["json"]), str(files["json"])]) == Exit.CONFORMANT
