"""What a failure looks like: common mistakes, recognised from the octets and the talk of a failed case.

In here: the table of rules, in the order in which they are asked: the first that says yes is the diagnosis. Not in
here: anything that decides whether a case has failed. Rules are pure; a failure that none of them knows has no
diagnosis.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from causerie_conformance.diagnosis import answers, closing, delivery, framing, refusals, values
from causerie_conformance.diagnosis.evidence import Before, Evidence
from causerie_conformance.diagnosis.rule import Rule
from causerie_conformance.problems import Kind
from causerie_conformance.results import Diagnosis, Finding
from causerie_conformance.transcript import Entry

__all__ = ["RULES", "Before", "Diagnosis", "Evidence", "Rule", "diagnose"]

RULES: Final[tuple[Rule, ...]] = (
    *framing.RULES,
    *answers.RULES,
    *delivery.RULES,
    *values.RULES,
    *refusals.RULES,
    *closing.RULES,
)


def diagnose(
    finding: Finding, entries: Iterable[Entry], *, said: str = "", before: Before | None = None
) -> Diagnosis | None:
    """What the failure looks like, None if it looks like nothing known. *said* is the server's own output."""
    if finding.kind is Kind.SUITE:
        return None
    evidence = Evidence(finding, entries, said=said, before=before)
    return next((found for rule in RULES if (found := rule.ask(evidence)) is not None), None)
