"""Each unusual server passes: the suite is not stricter than the text."""

import sys
from pathlib import Path

import pytest

sys.path.insert(
    0, str(Path(__file__).parent)
)  # the variants are a program of their own, not part of the tests' package
sys.path.insert(0, str(Path(__file__).parent.parent / "broken"))
from variants import VARIANTS

from causerie_spec.clauses import load


@pytest.mark.parametrize("unusual", VARIANTS.values(), ids=str)
def test_the_suite_passes_an_unusual_server(unusual, judged_unusual):
    report, status, shown = judged_unusual[unusual.name].result()
    assert "Traceback" not in shown
    assert "\x1b" not in shown
    assert report is not None, shown
    statuses = [case["status"] for case in report["cases"]]
    assert "failed" not in statuses, shown
    assert "not run" not in statuses, shown
    assert status == 0, shown
    assert "passed" in statuses, shown
    assert ("not judged" in statuses) == unusual.not_judged, shown


def test_each_variant_says_what_it_does():
    clauses = load()
    assert len(VARIANTS) >= 25
    for unusual in VARIANTS.values():
        assert unusual.what.endswith("."), unusual
        assert unusual.clause in clauses, unusual
