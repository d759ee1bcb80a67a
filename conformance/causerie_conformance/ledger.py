"""The ledger: which clause is judged by which cases, and why some are by none.

In here: the written reasons, and the check that keeps ledger and cases honest. The build fails when a clause
has neither case nor reason, when a case cites a clause that there is not, and when a reason is not needed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from causerie_conformance.registry import SERVER, Case
from causerie_spec.clauses import Clause

REASONS: Final[dict[str, str]] = {
    "CLIENT-8": "what a server writes to its logs cannot be seen from outside",
    "HIST-8": "what a server removes, and when, is its operator's affair: the suite cannot make it remove anything",
    "DUR-5": "the suite cannot cut off the power",
    "TLS-13": "it takes a TLS library that sends early data, which Python's does not",
}
"""Clauses that no case can judge, and why."""
CLIENT_REASONS: Final[dict[str, str]] = {
    "TYPE-4": "the contract with clients has no word for showing that somebody types, and for ceasing to show it",
    "TLS-13": "it takes a TLS library that takes early data, which Python's does not",
}
"""The same of clauses that bind clients."""


def owed(clause: Clause, role: str = SERVER) -> bool:
    """Must the ledger of that role account for that clause?"""
    return clause.level in ("MUST", "SHOULD") and clause.binds(role)


def by_clause(cases: Iterable[Case]) -> dict[str, list[str]]:
    """The ids of the cases that cite each clause, in order."""
    ledger: dict[str, list[str]] = {}
    for case in cases:
        for clause in case.clauses:
            ledger.setdefault(clause, []).append(case.id)
    return ledger


def problems(
    cases: Iterable[Case],
    clauses: Mapping[str, Clause],
    reasons: Mapping[str, str] = REASONS,
    role: str = SERVER,
) -> list[str]:
    """What is wrong with the ledger, a line each; empty if nothing is."""
    judged = by_clause(cases)
    found = []
    for id_, clause in clauses.items():
        if owed(clause, role) and id_ not in judged and id_ not in reasons:
            found.append(f"{id_} ({clause.level}, {clause.profile}) has neither case nor reason: {clause.text}")
    for id_, ids in judged.items():
        if id_ not in clauses:
            found.append(f"{', '.join(ids)}: there is no clause {id_}")
    for id_, reason in reasons.items():
        found += _problems_of_reason(id_, reason, judged, clauses, role)
    return found


def _problems_of_reason(
    id_: str, reason: str, judged: Mapping[str, list[str]], clauses: Mapping[str, Clause], role: str
) -> list[str]:
    if id_ not in clauses:
        return [f"a reason is given for {id_}, but there is no such clause"]
    if id_ in judged:
        return [f"a reason is given for {id_}, but it has cases: {', '.join(judged[id_])}"]
    if not owed(clauses[id_], role):
        return [f"a reason is given for {id_}, but none is owed: it is a MAY, or does not bind a {role}"]
    return [] if reason.strip() else [f"the reason for {id_} is empty"]
