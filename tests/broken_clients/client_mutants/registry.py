"""What a broken client is, the register of all of them, and the way to break one. A mutant is found by its name."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Mutant:
    """A broken client. ``cases``: patterns of those of which one must fail, at least."""

    name: str
    clause: str
    apply: Callable[[], None]
    cases: tuple[str, ...]

    def __str__(self) -> str:
        return self.name

    @property
    def what(self) -> str:
        """What it does wrong."""
        return (self.apply.__doc__ or "").strip()


MUTANTS: dict[str, Mutant] = {}


def mutant(clause, *cases):
    """Decorator: the function breaks the reference client, in the process in which it is called."""

    def register(function):
        assert function.__name__ not in MUTANTS
        MUTANTS[function.__name__] = Mutant(function.__name__, clause, function, cases)
        return function

    return register


def instead(owner, name):
    """Decorator: the function stands in place of `owner.name`, and gets the original as first argument."""

    def replace(function):
        original = getattr(owner, name)

        def patched(*args, **kwargs):
            return function(original, *args, **kwargs)

        setattr(owner, name, patched)
        return function

    return replace
