"""What a case is, and the register of all cases.

In here: the `case` decorator, the topics in learning order, selection by id, topic, clause and profile. Not
in here: running a case (`runner`), the cases themselves (`cases`).

A case is a function of one `Arena`. Its docstring's first line is its title. Its id is ``topic/name``, and
never changes its meaning. The first clause that it cites is the one it is about: level and profile of the
case are those of that clause.
"""

from __future__ import annotations

import fnmatch
import importlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypeVar

from causerie_conformance import clauses

if TYPE_CHECKING:
    from causerie_conformance.arena import Arena

TOPICS: Final = (
    "hello",
    "errors",
    "login",
    "lobby",
    "direct",
    "closing",
    "keepalive",
    "load",
    "shutdown",
    "scram",
    "rooms",
    "history",
    "durable",
    "receipts",
    "typing",
    "presence",
    "tls",
    "cluster",
)
"""In learning order: the steps of section 21."""
CLIENT_TOPICS: Final = (
    "greeting",
    "stream",
    "showing",
    "screen",
    "sending",
    "leaving",
    "refusals",
    "faults",
    "alive",
    "returning",
    "resending",
    "repairing",
    "password",
    "secure",
)
"""The same for clients: what section 16 asks of them, and what binds both."""
SERVER: Final = "server"
CLIENT: Final = "client"
ROLES: Final[Mapping[str, tuple[str, ...]]] = {SERVER: TOPICS, CLIENT: CLIENT_TOPICS}
"""The roles that are judged, each with its topics."""
GREETINGS: Final[Mapping[str, str]] = {SERVER: "WELCOME", CLIENT: "HELLO"}
"""The frame in which each role says what it has."""
GATE: Final = "hello/answers"
"""The case that is run before all others: if it fails, none of the others can tell anything."""

Function = Callable[[Any], None]
"""Of an `Arena`, or in the client role of a `Stage`."""
F = TypeVar("F", bound=Callable[..., None])

CASES: Final[dict[str, Case]] = {}
CLIENT_CASES: Final[dict[str, Case]] = {}


@dataclass(frozen=True)
class Case:
    """One thing that a server must or should do, and the function that finds out.

    ``needs`` names capabilities or login mechanisms without which there is nothing to judge. ``beside`` says
    that the case waits for time to pass: it runs in a thread of its own from the start of the run. ``apart``
    says that it talks to servers of its own only: a few threads run such cases, one after the other, beside the rest.
    ``guarded`` says that a bystander must come through unharmed ([ERR-9]).
    """

    id: str
    title: str
    clauses: tuple[str, ...]
    function: Function
    profile: str
    needs: tuple[str, ...] = ()
    beside: bool = False
    guarded: bool = True
    apart: bool = False
    role: str = SERVER

    @property
    def topic(self) -> str:
        """The step of the learning order that it belongs to."""
        return self.id.partition("/")[0]

    @property
    def level(self) -> str:
        """MUST or SHOULD, from the clause that it is about."""
        return clauses.level(self.clauses[0])


def case(
    id_: str,
    *cited: str,
    needs: tuple[str, ...] = (),
    profile: str | None = None,
    beside: bool = False,
    guarded: bool = True,
    apart: bool = False,
    over: Mapping[str, Any] | None = None,
    title: str | None = None,
    role: str = SERVER,
) -> Callable[[F], F]:
    """Register a case. With *over*, one for each entry: ``{}`` in the id is its key, its value the second argument.

    *title* stands in for the docstring's first line where cases are generated.
    """

    def register(function: F) -> F:
        of_all = (function.__doc__ or "").strip().splitlines()[0].rstrip(".")
        of = profile or clauses.profile(cited[0])
        for key, value in [("", None)] if over is None else list(over.items()):
            name = id_.format(key) if over is not None else id_
            shown = title or (f"{of_all}: {key}" if over is not None else of_all)
            run: Function = function if over is None else partial(_with_value, function, value)
            _add(Case(name, shown, cited, run, of, needs, beside, guarded, apart, role))
        return function

    return register


def _with_value(function: Callable[..., None], value: object, arena: Arena) -> None:
    function(arena, value)


def _add(new: Case) -> None:
    cases = CASES if new.role == SERVER else CLIENT_CASES
    assert new.id not in cases, f"two cases are called {new.id}"
    assert new.topic in ROLES[new.role], f"{new.id} is of no topic"
    assert new.clauses, f"{new.id} cites no clause"
    cases[new.id] = new


def load_cases() -> list[Case]:
    """All cases, in learning order."""
    from causerie_conformance import cases  # noqa: PLC0415  # the cases import this module

    for name in cases.MODULES:
        importlib.import_module(f"causerie_conformance.cases.{name}")
    return sorted(CASES.values(), key=lambda each: TOPICS.index(each.topic))


def load_client_cases() -> list[Case]:
    """All cases of the client role, in learning order."""
    cases = importlib.import_module("causerie_conformance.client_role.cases")
    for name in cases.MODULES:
        importlib.import_module(f"causerie_conformance.client_role.cases.{name}")
    return sorted(CLIENT_CASES.values(), key=lambda each: CLIENT_TOPICS.index(each.topic))


def matches(each: Case, pattern: str) -> bool:
    """Does a pattern of ``--select`` mean this case: its id, the beginning of it, a glob, or a clause that it cites?"""
    if pattern.upper() in each.clauses:
        return True
    if each.id.endswith(f"/vectors/{pattern}"):
        return True
    begin = pattern.rstrip("/-")
    return each.id == pattern or each.id.startswith((f"{begin}/", f"{begin}-")) or fnmatch.fnmatch(each.id, pattern)


def select(
    cases: Iterable[Case],
    *,
    only: Iterable[str] = (),
    without: Iterable[str] = (),
    profiles: Iterable[str] = (),
    upto: str | None = None,
) -> list[Case]:
    """The cases that the options ask for, in order."""
    only, without, wanted = list(only), list(without), {name.lower() for name in profiles}
    steps = {topic: step for topics in ROLES.values() for step, topic in enumerate(topics)}
    last = steps[upto] if upto is not None else len(steps)
    return [
        each
        for each in cases
        if steps[each.topic] <= last
        and (not wanted or each.profile.lower() in wanted)
        and (not only or any(matches(each, pattern) for pattern in only))
        and not any(matches(each, pattern) for pattern in without)
    ]


def module_of(each: Case) -> str:
    """The name of the module of cases in which it stands."""
    function = each.function.args[0] if isinstance(each.function, partial) else each.function
    return str(function.__module__).rpartition(".")[2]
