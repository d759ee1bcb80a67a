"""The kill matrix as it is written down is that of the broken servers and cases that there are."""

import matrix
from mutants import MUTANTS

from causerie_conformance.ledger import by_clause, owed
from causerie_conformance.registry import load_cases
from causerie_spec.clauses import load

OF_CLUSTERS = "cluster/"
"""Cases that take several addresses: `tests/conformance/test_cluster.py` shows that each can fail."""
ROWS = matrix.read()
ANEW = "run: python tests/broken/matrix.py"


def test_each_broken_server_has_a_row():
    assert {name: row["clause"] for name, row in ROWS.items()} == {
        name: each.clause for name, each in MUTANTS.items()
    }, ANEW


def test_each_row_has_cases_that_there_are():
    known = {case.id for case in load_cases()}
    for name, row in ROWS.items():
        assert row["killed_by"], f"{name} is not caught each time; {ANEW} {name}"
        assert set(row["killed_by"]) <= known, f"{ANEW} {name}"


def test_each_case_is_failed_by_some_broken_server():
    failed = {id_ for row in ROWS.values() for id_ in row["killed_by"]}
    never = [case.id for case in load_cases() if case.id not in failed and not case.id.startswith(OF_CLUSTERS)]
    assert not never, "no broken server fails these, so nothing shows that they can fail: write one"


def test_each_clause_with_a_case_has_a_broken_server():
    judged, broken = by_clause(load_cases()), {each.clause for each in MUTANTS.values()}
    of_clusters = {"REQ-8", "REQ-9"}
    assert not [
        id_ for id_, clause in load().items() if owed(clause) and id_ in judged and id_ not in broken | of_clusters
    ]


def test_the_table_is_made_of_the_matrix():
    assert matrix.TABLE.read_text("utf-8") == matrix.table(ROWS), ANEW
