"""The suite as a pytest plugin: cases become items, selected and ordered, each with one verdict.

In here: pytest's hooks and nothing of the protocol. With ``causerie-conformance`` a `Session` is handed over
and pytest itself is silent; with plain pytest (``pytest -p causerie_conformance.plugin --pyargs
causerie_conformance --server HOST:PORT``) the session is made from pytest's options and pytest reports in its
own way.

What is imported at the head is little: this module may be loaded into test runs that have nothing to do with
it.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from causerie_conformance.registry import Case
    from causerie_conformance.results import Result
    from causerie_conformance.session import Session

SESSION: pytest.StashKey[Session] = pytest.StashKey()
CASES_FOLDER = Path(__file__).parent / "cases"


class Handover:
    """What the command line gives to the plugin: the session, the cases selected, and what to do at the last bound."""

    NAME = "causerie-handover"

    def __init__(self, session: Session, selected: list[Case], last_words: Callable[[], None]) -> None:
        self.session = session
        self.selected = {case.id for case in selected}
        self.last_words = last_words


def pytest_load_initial_conftests(parser: pytest.Parser, args: list[str]) -> None:
    """Options of plain pytest; ``causerie-conformance`` has its own.

    pytest loads this plugin wherever the distribution is installed. It adds nothing to runs that do not name the suite.
    """
    if not any("causerie_conformance" in each for each in args):
        return
    group = parser.getgroup("causerie", "Causerie conformance suite")
    group.addoption(
        "--server", action="append", metavar="HOST:PORT", help="judge the server at this address (or these)"
    )
    group.addoption("--reference", choices=("asyncio", "threaded"), help="start and judge the reference server")
    group.addoption("--spawn", metavar="CMD", help="start and judge a server by a command with {port} in it")
    group.addoption("--handshake-timeout", type=float, metavar="SECONDS", help="the server's login limit")
    group.addoption("--tls", action="store_true", help="all connections of the suite speak TLS")
    group.addoption("--ca-file", type=Path, metavar="FILE", help="the same; trust the authorities in it (PEM)")
    group.addoption("--insecure", action="store_true", help="the same; trust any certificate")
    group.addoption("--users", metavar="NAME:PASSWORD,…", help="accounts that the server has")
    group.addoption("--users-file", type=Path, metavar="FILE", help="the same from a file, a line each")


def pytest_configure(config: pytest.Config) -> None:
    """Take the session over, or make one from the options."""
    handover = config.pluginmanager.get_plugin(Handover.NAME)
    if handover is not None:
        config.stash[SESSION] = handover.session
        return
    server, reference, spawn = (config.getoption(name, None) for name in ("server", "reference", "spawn"))
    if server is None and reference is None and spawn is None:
        return
    from causerie_conformance import setup  # noqa: PLC0415  # only when the suite is asked for

    try:
        named = setup.accounts_for(config.getoption("users", None), config.getoption("users_file", None))
        timeout = config.getoption("handshake_timeout", None)
        tls = setup.tls_for(*(config.getoption(name, None) for name in ("tls", "ca_file", "insecure")))
        config.stash[SESSION] = setup.session_for(server or (), reference, spawn, timeout, named, tls=tls)
    except setup.SetupError as error:
        raise pytest.UsageError(str(error)) from None


@pytest.hookimpl(wrapper=True)
def pytest_runtestloop(session: pytest.Session) -> Generator[None, object, object]:
    """When all cases have been run, and the server still runs, settle what they have shown."""
    result = yield
    ours = session.config.stash.get(SESSION, None)
    if ours is not None and not session.config.option.collectonly:
        ours.settle()
    return result


def pytest_unconfigure(config: pytest.Config) -> None:
    """End the server that was started for this run."""
    session = config.stash.get(SESSION, None)
    if session is None:
        return
    session.end()
    if session.target.process is not None:
        session.target.process.stop()


class CaseFile(pytest.File):
    """A module of cases."""

    def collect(self) -> Iterator[CaseItem]:
        """Its cases, in its order."""
        from causerie_conformance.registry import load_cases, module_of  # noqa: PLC0415

        for case in load_cases():
            if module_of(case) == self.path.stem:
                yield CaseItem.from_parent(self, name=case.id, case=case)


class CaseItem(pytest.Item):
    """A case."""

    def __init__(self, *, case: Case, **options: Any) -> None:
        super().__init__(**options)
        self.case = case
        self.result: Result | None = None

    def runtest(self) -> None:
        """Have the session run the case, and tell pytest what became of it."""
        from causerie_conformance.results import Status  # noqa: PLC0415

        self.result = result = _execute(self)
        if result.status in (Status.FAILED, Status.NOT_RUN):
            raise CaseFailed(result)
        if result.status in (Status.WARNED, Status.KNOWN):
            pytest.xfail(result.message)
        if result.status in (Status.NOT_OFFERED, Status.NOT_JUDGED):
            pytest.skip(result.message)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """The failure as the suite tells it; no traceback of the suite's own code."""
        if not isinstance(excinfo.value, CaseFailed):
            return super().repr_failure(excinfo, style)
        from causerie_conformance.report.failure import describe  # noqa: PLC0415

        return "\n".join(describe(excinfo.value.result))

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """Where pytest says that it is."""
        return self.path, None, self.case.id


class CaseFailed(Exception):
    """Carries a result that is a failure through pytest."""

    def __init__(self, result: Result) -> None:
        super().__init__(result.message)
        self.result = result


def _execute(item: CaseItem) -> Result:
    from causerie_conformance.runner import timed_out  # noqa: PLC0415
    from causerie_conformance.transcript import Transcript  # noqa: PLC0415

    session = item.config.stash[SESSION]
    transcript = Transcript()
    try:
        return session.execute(item.case, transcript)
    except pytest.fail.Exception:  # pytest-timeout, by signal
        return session.keep_timed_out(timed_out(item.case, transcript.now(), transcript))


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Modules of cases are collected only when there is a server to judge."""
    if file_path.parent != CASES_FOLDER or file_path.name == "__init__.py" or file_path.suffix != ".py":
        return None
    if parent.config.stash.get(SESSION, None) is None:
        return None
    return CaseFile.from_parent(parent, path=file_path)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep what was selected, in learning order."""
    if config.stash.get(SESSION, None) is None:
        return
    from causerie_conformance.registry import load_cases  # noqa: PLC0415

    order = {case.id: place for place, case in enumerate(load_cases())}
    handover = config.pluginmanager.get_plugin(Handover.NAME)
    if handover is not None:
        items[:] = [item for item in items if isinstance(item, CaseItem) and item.case.id in handover.selected]
    items.sort(key=lambda item: order[item.case.id] if isinstance(item, CaseItem) else -1)


def pytest_collection_finish(session: pytest.Session) -> None:
    """All is known: look at the server, and start what takes time."""
    ours = session.config.stash.get(SESSION, None)
    if ours is not None and not session.config.option.collectonly:
        ours.begin([item.case for item in session.items if isinstance(item, CaseItem)])


@pytest.hookimpl(optionalhook=True, tryfirst=True)
def pytest_timeout_set_timer(item: pytest.Item, settings: Any) -> bool | None:
    """Without SIGALRM the last bound ends the whole run: the report is written before."""
    handover = item.config.pluginmanager.get_plugin(Handover.NAME)
    if handover is None or not isinstance(item, CaseItem) or hasattr(signal, "SIGALRM"):
        return None
    timer = threading.Timer(settings.timeout, _last_bound, (handover, item.case, settings.timeout))
    timer.daemon = True
    timer.start()
    item.cancel_timeout = timer.cancel  # type: ignore[attr-defined]  # pytest-timeout calls it
    return True


def _last_bound(handover: Handover, case: Case, seconds: float) -> None:
    from causerie_conformance.process import end_all  # noqa: PLC0415
    from causerie_conformance.runner import timed_out  # noqa: PLC0415

    handover.session.keep_timed_out(timed_out(case, seconds))
    handover.session.run.stopped = f"{case.id} did not end"
    handover.last_words()
    end_all()
    os._exit(1)
