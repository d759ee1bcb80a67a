"""Each unusual server passes: the suite is not stricter than the text."""

import pytest
from variants_of_profiles import VARIANTS

from causerie_spec.clauses import load


def passed(subject, report, status, shown):
    assert "Traceback" not in shown
    assert "\x1b" not in shown
    assert report is not None, shown
    statuses = [case["status"] for case in report["cases"]]
    assert "failed" not in statuses, shown
    assert "not run" not in statuses, shown
    assert status == 0, shown
    assert "passed" in statuses, shown
    assert ("not judged" in statuses) == subject.not_judged, shown


@pytest.mark.parametrize("subject", VARIANTS.values(), ids=str)
def test_the_suite_passes_an_unusual_server(subject, judged):
    judged.as_declared(subject, passed)


def test_each_variant_says_what_it_does():
    clauses = load()
    assert len(VARIANTS) >= 25
    for unusual in VARIANTS.values():
        assert unusual.what.endswith("."), unusual
        assert unusual.clause in clauses, unusual
