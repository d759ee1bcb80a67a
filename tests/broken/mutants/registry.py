"""What a broken server is, and the register of all of them. A mutant is found by its name."""

from collections.abc import Callable
from dataclasses import dataclass

from causerie_conformance.registry import load_cases


@dataclass(frozen=True)
class Mutant:
    """A broken server. ``cases``: patterns of those that are worth their time with it; empty: all of the clause's."""

    name: str
    clause: str
    apply: Callable[[], None]
    cases: tuple[str, ...] = ()

    def __str__(self) -> str:
        return self.name

    @property
    def options(self) -> tuple[str, ...]:
        """The suite's: the cases that cite the clause.

        A clause that no case cites is one that every received frame is checked against: any cases will do.
        """
        cited = any(self.clause in case.clauses for case in load_cases())
        selected = self.cases or ((self.clause,) if cited else ())
        chosen = [word for pattern in selected for word in ("--select", pattern)]
        return ("--fail-fast", *(chosen or ("--upto", "lobby")))

    @property
    def what(self) -> str:
        """What it does wrong."""
        return (self.apply.__doc__ or "").strip()


MUTANTS: dict[str, Mutant] = {}


def mutant(clause: str, *cases: str):
    """Enter a mutant that breaks that clause, judged by these *cases* if not by all that cite it."""

    def enter(function):
        name = function.__name__.replace("_", "-")
        assert name not in MUTANTS, name
        MUTANTS[name] = Mutant(name, clause, function, cases)
        return function

    return enter
