"""Who may import whom, read from the source: the arrows that the linter enforces, in one place."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

#: A part of the tree, and what nothing in it may import.
FORBIDDEN = {
    "spec/causerie_spec": {"causerie", "causerie_conformance"},
    "reference/causerie": {"causerie_conformance", "construct"},
    "conformance/causerie_conformance": {"causerie", "construct"},
    "reference/causerie/core": {
        *("socket", "ssl", "select", "selectors", "asyncio", "threading", "queue", "subprocess", "sqlite3"),
        *("time", "datetime", "tkinter", "logging", "causerie.server", "causerie.client", "causerie.console"),
    },
    "reference/causerie/store": {"causerie.core", "causerie.server", "socket", "asyncio"},
}


def imports(path):
    """The dotted names that a module imports, with what it imports from them."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("part", FORBIDDEN)
def test_no_arrow_points_the_wrong_way(part):
    modules = sorted((ROOT / part).rglob("*.py"))
    assert modules
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in modules
        for name in imports(path)
        if any(name == banned or name.startswith(f"{banned}.") for banned in FORBIDDEN[part])
    ]
    assert wrong == []


def test_no_shell_of_the_server_knows_a_type_of_message():
    for path in (ROOT / "reference/causerie/server").glob("*.py"):
        assert not [name for name in imports(path) if name.startswith("causerie_spec.messages")], path
