"""What all tests may ask for: certificates, made for one run and never kept; verdicts that a busy machine does not
turn; and how many tests run side by side."""

import os
from concurrent.futures import Future
from functools import partial
from types import SimpleNamespace

import pytest
import trustme


def pytest_xdist_auto_num_workers():
    """For ``-n auto``: the tests wait more than they compute."""
    return 2 * (os.cpu_count() or 1)


class Verdicts:
    """What judging found for each subject, by name.

    A subject whose verdict is not as declared is judged again, once, as the suite does with its own failures: a mistake
    may show otherwise when the machine stands still. Which were is said at the end of the run.
    """

    JUDGED_AGAIN = pytest.StashKey[list[str]]()

    def __init__(self, judge, futures, again):
        self._judge = judge
        self._futures = futures
        self._again = again

    def as_declared(self, subject, check):
        """Have the check assert what is declared of what `judge` returned: check(subject, *found)."""
        try:
            check(subject, *self._futures[subject.name].result())
        except AssertionError:
            if subject.name in self._again:
                raise
            self._again.append(subject.name)
            self._futures[subject.name] = found = Future()
            found.set_result(self._judge(subject))
            check(subject, *found.result())


def pytest_configure(config):
    config.stash[Verdicts.JUDGED_AGAIN] = []


def pytest_terminal_summary(terminalreporter, config):
    if again := config.stash[Verdicts.JUDGED_AGAIN]:
        terminalreporter.write_line(f"Judged again, because the first verdict was another: {', '.join(again)}")


@pytest.fixture(scope="session")
def verdicts(request):
    """Makes `Verdicts` of a function that judges one subject, and futures by name of what it returned."""
    return partial(Verdicts, again=request.config.stash[Verdicts.JUDGED_AGAIN])


@pytest.fixture(scope="session")
def pem(tmp_path_factory):
    """Files: `authority`, and `certificate`, `key` and `both` of a server on this machine that it vouches for."""
    folder = tmp_path_factory.mktemp("pem")
    files = SimpleNamespace(**{name: folder / f"{name}.pem" for name in ("authority", "certificate", "key", "both")})
    authority = trustme.CA()
    leaf = authority.issue_cert("localhost", "127.0.0.1", "::1")
    authority.cert_pem.write_to_path(str(files.authority))
    leaf.cert_chain_pems[0].write_to_path(str(files.certificate))
    leaf.private_key_pem.write_to_path(str(files.key))
    leaf.private_key_and_cert_chain_pem.write_to_path(str(files.both))
    return files
