"""Judges the broken and the unusual clients whose tests were selected, some side by side."""

import os
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # the clients are programs of their own, not part of the tests' package
from judging import judge

AT_ONCE = 3 * (os.cpu_count() or 1)


@pytest.fixture(scope="session")
def judged(request, verdicts):
    """The verdicts of the suite on every client whose test was selected, in the order of the tests."""
    wanted = [item.callspec.params["subject"] for item in request.session.items if hasattr(item, "callspec")]
    wanted = [subject for subject in wanted if hasattr(subject, "cases")]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        yield verdicts(judge, {subject.name: pool.submit(judge, subject) for subject in wanted})
        pool.shutdown(cancel_futures=True)
