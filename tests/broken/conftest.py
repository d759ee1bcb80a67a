"""Runs the suite against the broken and unusual servers whose tests were selected, some side by side."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # the servers are a program of their own, not part of the tests' package
from judging import judge, judging


@pytest.fixture(scope="session")
def judged(tmp_path_factory, request, verdicts):
    """The verdicts of the suite on every server whose test was selected, in the order of the tests."""
    wanted = [item.callspec.params["subject"] for item in request.session.items if hasattr(item, "callspec")]
    folder = tmp_path_factory.mktemp("reports")
    pool, futures = judging(wanted, folder)
    yield verdicts(lambda subject: judge(subject, subject.options, folder / f"{subject.name}-again.json"), futures)
    pool.shutdown(cancel_futures=True)
