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
    def declared(self) -> tuple[str, ...]:
        """Patterns of the cases that are to fail: those that cite the clause, or those that were named.

        Empty for a clause that no case cites: every received frame is checked against it, so any case may fail.
        """
        cited = any(self.clause in case.clauses for case in load_cases())
        return self.cases or ((self.clause,) if cited else ())

    @property
    def options(self) -> tuple[str, ...]:
        """The suite's: the declared cases, up to the first that fails."""
        return ("--fail-fast", "--reruns", "0", *(_selecting(self.declared) or ("--upto", "lobby")))

    @property
    def all_options(self) -> tuple[str, ...]:
        """The suite's: all declared cases and all of the clause's."""
        cited = any(self.clause in case.clauses for case in load_cases())
        return _selecting((*self.declared, *([self.clause] if cited else []))) or ("--upto", "lobby")

    @property
    def what(self) -> str:
        """What it does wrong."""
        return (self.apply.__doc__ or "").strip()


def _selecting(patterns):
    return tuple(word for pattern in dict.fromkeys(patterns) for word in ("--select", pattern))


MUTANTS: dict[str, Mutant] = {}


def mutant(clause: str, *cases: str):
    """Enter a mutant that breaks that clause, judged by these *cases* if not by all that cite it."""

    def enter(function):
        name = function.__name__.replace("_", "-")
        assert name not in MUTANTS, name
        MUTANTS[name] = Mutant(name, clause, function, cases)
        return function

    return enter
