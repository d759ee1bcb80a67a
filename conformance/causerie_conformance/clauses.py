"""The clauses of PROTOCOL.md, as the suite needs them: level, profile and text by id.

In here: look-ups in what `causerie_spec.clauses` reads from the normative text, once a process. Not in here:
any text of a clause, and which of them have cases (`ledger`).
"""

from __future__ import annotations

from functools import lru_cache

from causerie_spec.clauses import Clause, load


@lru_cache(maxsize=1)
def all_clauses() -> dict[str, Clause]:
    """Every clause by id, in the order of the text."""
    return load()


def find(clause: str) -> Clause | None:
    """The clause with that id, None if there is none (the ledger reports such a citation)."""
    return all_clauses().get(clause)


def level(clause: str) -> str:
    """MUST, SHOULD or MAY."""
    found = find(clause)
    return str(found.level) if found is not None else "MUST"


def profile(clause: str) -> str:
    """The profile, such as CORE."""
    found = find(clause)
    return str(found.profile) if found is not None else "CORE"


def text(clause: str) -> str:
    """The clause word for word, on one line; empty if there is none."""
    found = find(clause)
    return " ".join(found.text.split()) if found is not None else ""
