"""Each broken server fails, at a case that cites the clause that it breaks or with a finding about it."""

import pytest
from diagnoses import DIAGNOSES
from mutants import MUTANTS

from causerie_spec.clauses import load


def noticed(subject, report, _, shown):
    assert "Traceback" not in shown
    assert report is not None, shown
    failed = [case for case in report["cases"] if case["status"] in ("failed", "warned")]
    assert failed, f"{subject.what} was not noticed:\n{shown}"
    kinds = {case["finding"]["kind"] for case in failed}
    assert "error in the suite" not in kinds, shown
    assert any(subject.clause in (*case["clauses"], case["finding"]["clause"]) for case in failed), shown


def named(subject, report, _, shown):
    failed = [case for case in report["cases"] if case["status"] in ("failed", "warned")]
    names = {case["diagnosis"]["name"] for case in failed if case["diagnosis"] is not None}
    if subject.name in DIAGNOSES:
        assert names == {DIAGNOSES[subject.name]}, shown
    alike = {DIAGNOSES[name] for name in DIAGNOSES if MUTANTS[name].clause == subject.clause}
    assert names <= alike, f"{subject.what} If that is what it looks like, enter it in diagnoses.py.\n{shown}"


@pytest.mark.parametrize("subject", MUTANTS.values(), ids=str)
def test_the_suite_fails_a_broken_server(subject, judged):
    judged.as_declared(subject, noticed)


@pytest.mark.parametrize("subject", MUTANTS.values(), ids=str)
def test_a_common_mistake_is_named_and_no_other(subject, judged):
    judged.as_declared(subject, named)


def test_each_mutant_says_what_it_breaks():
    clauses = load()
    assert len(MUTANTS) >= 25
    for broken in MUTANTS.values():
        assert broken.what.endswith(".")
        assert clauses[broken.clause].level != "MAY"
