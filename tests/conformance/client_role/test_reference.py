"""The claim of the client role: the reference console passes all of it, here in one process with the suite."""

import json

import pytest

from causerie_conformance.cli import main
from causerie_conformance.results import Exit


@pytest.mark.once
def test_the_console_client_passes(tmp_path, capsys):
    report = tmp_path / "report.json"
    status = main(["client", "--reference", "console", "--json", str(report)])
    shown = capsys.readouterr().out
    assert status == Exit.CONFORMANT, shown
    counts = json.loads(report.read_text(encoding="utf-8"))["counts"]
    assert {name for name, count in counts.items() if count} == {"passed"}, shown


def test_the_console_client_passes_what_it_is_quick_to_judge(capsys):
    """On every Python: one case of each topic."""
    some = ("greeting/login", "stream/joined", "showing/twice", "screen/texts", "sending/texts", "leaving/quit")
    more = ("refusals/handle-taken", "faults/short-body", "returning/after-fin", "resending/cut-in-ack-seq")
    last = ("repairing/gap", "password/login", "secure/talk")
    selected = [word for id_ in (*some, *more, *last) for word in ("--select", id_)]
    assert main(["client", "--reference", "console", *selected]) == Exit.CONFORMANT, capsys.readouterr().out
