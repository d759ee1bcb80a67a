"""What a rule is: a common mistake, how to recognise it, and what to do about it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from causerie_conformance.diagnosis.evidence import Evidence
from causerie_conformance.results import Diagnosis


@dataclass(frozen=True)
class Rule:
    """A common mistake. ``found`` says whether the evidence shows it; a string is put into ``{}`` of ``says``.

    A rule is pure, looks at nothing but the evidence, and says no when in doubt: a wrong guess is worse than none.
    """

    name: str
    says: str
    advice: str
    found: Callable[[Evidence], str | bool]

    def ask(self, evidence: Evidence) -> Diagnosis | None:
        """The diagnosis, if the evidence shows this mistake."""
        found = self.found(evidence)
        if found is False:
            return None
        says = self.says.replace("{}", found) if isinstance(found, str) else self.says
        return Diagnosis(self.name, f"{says}. {self.advice}")
