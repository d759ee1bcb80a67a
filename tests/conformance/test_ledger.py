"""The gate: every MUST and SHOULD has a case or a reason, and every cell of the state table too."""

import re

import pytest

from causerie_conformance import ledger
from causerie_conformance.cases.states import CELLS, all_cells, no_case
from causerie_conformance.clauses import all_clauses
from causerie_conformance.registry import CLIENT, CLIENT_TOPICS, GATE, TOPICS, load_cases, load_client_cases
from causerie_spec import files
from causerie_spec.clauses import parse
from causerie_spec.states import TABLE

CLAUSES = parse(
    "- **[ONE-1] (MUST, server, CORE)** A server does one thing.\n"
    "- **[ONE-2] (SHOULD, both, ROBUST)** Both should do another.\n"
    "- **[ONE-3] (MAY, server, CORE)** A server may do a third.\n"
    "- **[ONE-4] (MUST, client, CORE)** A client does a fourth.\n"
)


class FakeCase:
    def __init__(self, id_: str, *clauses: str) -> None:
        self.id = id_
        self.clauses = clauses


def found(*cases: FakeCase, **reasons: str) -> list[str]:
    return ledger.problems(cases, CLAUSES, {key.replace("_", "-"): text for key, text in reasons.items()})


def test_every_clause_has_a_case_or_a_reason() -> None:
    assert ledger.problems(load_cases(), all_clauses()) == []


def test_every_clause_that_binds_clients_has_a_case_or_a_reason() -> None:
    assert ledger.problems(load_client_cases(), all_clauses(), ledger.CLIENT_REASONS, CLIENT) == []
    assert sum(ledger.owed(clause, CLIENT) for clause in all_clauses().values()) > 30


def test_the_ledger_is_about_something() -> None:
    assert sum(ledger.owed(clause) for clause in all_clauses().values()) > 100


def test_a_complete_ledger_has_no_problems() -> None:
    assert found(FakeCase("a/b", "ONE-1"), FakeCase("a/c", "ONE-2", "ONE-3")) == []
    assert found(FakeCase("a/b", "ONE-1"), ONE_2="cannot be seen from outside") == []


@pytest.mark.parametrize(
    ("cases", "reasons", "words"),
    [
        ([("a/b", "ONE-1")], {}, "ONE-2 (SHOULD, ROBUST) has neither case nor reason"),
        ([("a/b", "ONE-2")], {}, "ONE-1 (MUST, CORE) has neither case nor reason"),
        ([("a/b", "ONE-1", "ONE-2", "TWO-1")], {}, "a/b: there is no clause TWO-1"),
        ([("a/b", "ONE-1", "ONE-2")], {"ONE_1": "why"}, "ONE-1, but it has cases: a/b"),
        ([("a/b", "ONE-1", "ONE-2")], {"TWO_1": "why"}, "TWO-1, but there is no such clause"),
        ([("a/b", "ONE-1", "ONE-2")], {"ONE_3": "why"}, "ONE-3, but none is owed"),
        ([("a/b", "ONE-1", "ONE-2")], {"ONE_4": "why"}, "ONE-4, but none is owed"),
        ([("a/b", "ONE-1")], {"ONE_2": "  "}, "the reason for ONE-2 is empty"),
    ],
)
def test_what_is_wrong_with_a_ledger(cases, reasons, words) -> None:
    problems = found(*(FakeCase(*case) for case in cases), **reasons)
    assert len(problems) == 1
    assert words in problems[0]


def test_every_cell_of_the_state_table_has_a_case_or_a_reason() -> None:
    cells = all_cells()
    assert {(cell.state, cell.frame) for cell in cells} == {(state, name) for state in TABLE for name in TABLE[state]}
    ids = {case.id for case in load_cases()}
    for cell in cells:
        assert (cell in CELLS) != (no_case(cell) is not None), cell
        if cell in CELLS:
            assert CELLS[cell] in ids


def test_ids_and_titles() -> None:
    assert not set(TOPICS) & set(CLIENT_TOPICS)
    cases = load_cases()
    for case in [*cases, *load_client_cases()]:
        assert re.fullmatch(r"[a-z]+(/[a-z0-9.+-]+)+", case.id, re.IGNORECASE), case.id
        assert case.topic in TOPICS + CLIENT_TOPICS
        assert 5 <= len(case.title) < 160, case.title
        assert not case.title.endswith("."), case.title
    assert len({case.id for case in cases}) == len(cases)
    assert cases[0].id == GATE


def test_the_topics_are_those_of_the_build_order() -> None:
    """Every topic that section 21 names is one, in its order."""
    text = files.protocol().read_text(encoding="utf-8")
    named = re.findall(r"--upto ([a-z]+)", text)
    assert named
    assert [topic for topic in TOPICS if topic in named] == list(dict.fromkeys(named))
