"""Each broken server fails, at a case that cites the clause that it breaks or with a finding about it."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # the mutants are a program of their own, not part of the tests' package
from mutants import MUTANTS

from causerie_spec.clauses import load


@pytest.mark.parametrize("broken", MUTANTS.values(), ids=str)
def test_the_suite_fails_a_broken_server(broken, judged):
    report, shown = judged[broken.name].result()
    assert "Traceback" not in shown
    assert report is not None, shown
    failed = [case for case in report["cases"] if case["status"] in ("failed", "warned")]
    assert failed, f"{broken.what} was not noticed:\n{shown}"
    kinds = {case["finding"]["kind"] for case in failed}
    assert "error in the suite" not in kinds, shown
    assert any(broken.clause in (*case["clauses"], case["finding"]["clause"]) for case in failed), shown


def test_each_mutant_says_what_it_breaks():
    clauses = load()
    assert len(MUTANTS) >= 25
    for broken in MUTANTS.values():
        assert broken.what.endswith(".")
        assert clauses[broken.clause].level != "MAY"
