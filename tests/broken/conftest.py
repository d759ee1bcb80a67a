"""Runs the suite against the broken and unusual servers whose tests were selected, some side by side."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # the servers are a program of their own, not part of the tests' package
from judging import judging


@pytest.fixture(scope="session")
def judged(tmp_path_factory, request):
    """Futures of `judging.judge`, by name, for every server whose test was selected, in the order of the tests."""
    wanted = [item.callspec.params["subject"] for item in request.session.items if hasattr(item, "callspec")]
    pool, futures = judging(wanted, tmp_path_factory.mktemp("reports"))
    yield futures
    pool.shutdown(cancel_futures=True)
