"""Each broken client fails at a case that cites the clause that it breaks, or with a finding about it."""

import pytest
from client_mutants import MUTANTS
from judging import declared

from causerie_conformance import ledger
from causerie_conformance.clauses import all_clauses
from causerie_conformance.problems import Kind
from causerie_conformance.registry import CLIENT, load_client_cases
from causerie_conformance.results import Status


def noticed(subject, *results):
    shown = "\n".join(f"{result.case.id}: {result.status.value}: {result.message}" for result in results)
    failed = [result for result in results if result.status in (Status.FAILED, Status.WARNED)]
    assert failed, f"{subject.what} was not noticed:\n{shown}"
    assert all(result.finding.kind is not Kind.SUITE for result in failed), shown
    assert "Traceback" not in shown
    assert any(subject.clause in (*result.case.clauses, result.finding.clause) for result in failed), shown


@pytest.mark.parametrize("subject", MUTANTS.values(), ids=str)
def test_the_suite_fails_a_broken_client(subject, judged):
    judged.as_declared(subject, noticed)


def test_every_clause_with_cases_has_a_broken_client():
    broken = {mutant.clause for mutant in MUTANTS.values()}
    judged = set(ledger.by_clause(load_client_cases()))
    owed = {id_ for id_, clause in all_clauses().items() if ledger.owed(clause, CLIENT)}
    assert owed & judged <= broken
    assert broken <= owed


def test_each_broken_client_says_what_it_breaks():
    for mutant in MUTANTS.values():
        assert mutant.what.endswith(".")
        assert declared(mutant), mutant.name
