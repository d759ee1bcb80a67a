"""Runs the cases with pytest inside, shut off from everything around it.

In here: how pytest is called so that no configuration, plugin, conftest or environment variable of the user's
leaks in, and so that it prints nothing. Not in here: cases, reports.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import pytest
from _pytest.terminal import TerminalReporter

from causerie_conformance.plugin import CASES_FOLDER, Handover
from causerie_conformance.process import STOP_TIMEOUT
from causerie_conformance.registry import Case
from causerie_conformance.session import Session

PACKAGE: Final = Path(__file__).parent
BOUND: Final = 60.0
"""Seconds that a case may take, beside the server's login limit: the last bound, for a suite that has gone wrong."""
_CLEARED: Final = ("PYTEST_ADDOPTS", "PYTEST_PLUGINS", "PYTEST_DEBUG", "PYTEST_THEME", "PYTEST_VERSION")


class _Silence:
    """Makes pytest's own reporter write to nowhere; what it would say of internal errors is kept."""

    def __init__(self) -> None:
        self.errors: list[str] = []

    @pytest.hookimpl(trylast=True)
    def pytest_configure(self, config: pytest.Config) -> None:
        reporter = config.pluginmanager.get_plugin("terminalreporter")
        if reporter is not None:
            config.pluginmanager.unregister(reporter)
        nowhere = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115  # closed with the configuration
        config.add_cleanup(nowhere.close)
        config.pluginmanager.register(TerminalReporter(config, nowhere), "terminalreporter")

    def pytest_internalerror(self, excrepr: object) -> bool:
        self.errors.append(str(excrepr))
        return True

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self.errors.append(report.longreprtext)


def run(session: Session, selected: list[Case], last_words: Callable[[], None]) -> None:
    """Run *selected* in *session*. All that is found is in ``session.run``."""
    handover = Handover(session, selected, last_words)
    silence = _Silence()
    bound = BOUND + session.target.handshake_timeout + STOP_TIMEOUT
    with _shut_off(), _path_put_back():
        status = pytest.main(_arguments(bound), plugins=[handover_plugin(handover), silence])
    if status == pytest.ExitCode.INTERRUPTED:
        session.run.interrupted = True
    if silence.errors:
        session.run.stopped = session.run.stopped or "the suite itself failed: " + _last_line(silence.errors[0])


def _last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1].strip() if lines else "pytest did not say how"


def handover_plugin(handover: Handover) -> Handover:
    """pytest finds the handover by its name."""
    handover.__name__ = Handover.NAME  # type: ignore[attr-defined]  # how pytest names plugin objects
    return handover


def _arguments(bound: float) -> list[str]:
    return [
        *("-c", str(PACKAGE / "pytest.ini"), "--rootdir", str(PACKAGE), "--noconftest"),
        *("-p", "no:cacheprovider", "-p", "no:junitxml", "-p", "no:pastebin", "-p", "no:doctest"),
        *("-p", "no:warnings", "-p", "no:logging", "-p", "no:faulthandler", "-p", "no:unraisableexception"),
        *("-p", "pytest_timeout", f"--timeout={bound:g}"),
        *("-p", "causerie_conformance.plugin"),
        *("--capture=no", "--import-mode=importlib", "--tb=no", "--quiet"),
        str(CASES_FOLDER),
    ]


@contextlib.contextmanager
def _shut_off() -> Iterator[None]:
    """An environment in which no variable speaks to pytest, put back afterwards."""
    saved = dict(os.environ)
    for name in _CLEARED:
        os.environ.pop(name, None)
    for name in [name for name in os.environ if name.startswith("PYTEST_TIMEOUT")]:
        del os.environ[name]
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(saved)


@contextlib.contextmanager
def _path_put_back() -> Iterator[None]:
    """pytest changes sys.path; put it back."""
    saved = list(sys.path)
    try:
        yield
    finally:
        sys.path[:] = saved
