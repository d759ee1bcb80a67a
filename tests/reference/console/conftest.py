"""A terminal for the console client; skipped where there is no such thing, with why."""

import importlib.util
import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def terminal_module():
    """The module beside this one."""
    if os.name == "nt":
        pytest.skip("no pseudo-terminals on Windows")
    spec = importlib.util.spec_from_file_location("terminal", Path(__file__).with_name("terminal.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def environment(tmp_path):
    """Nothing of the user's."""
    gone = ("NO_COLOR", "CAUSERIE_HOME", "CAUSERIE_CONFIG", "TERM", "LANGUAGE")
    kept = {name: value for name, value in os.environ.items() if name not in gone}
    config = tmp_path / "causerie-chat.ini"
    return kept | {"CAUSERIE_HOME": str(tmp_path / "alice"), "CAUSERIE_CONFIG": str(config), "LANGUAGE": "en"}


@pytest.fixture
def chat(terminal_module, environment):
    """Starts the program: `terminal.Terminal`."""
    made = []

    def start(*arguments, columns=100, lines=24, **extra):
        made.append(terminal_module.Terminal(arguments, environment | extra, columns, lines))
        return made[-1]

    yield start
    for terminal in made:
        terminal.close()


@pytest.fixture
def alice(chat, house):
    """alice, logged in."""
    terminal = chat(f"127.0.0.1:{house.port}", "--handle", "alice")
    terminal.until(f"alice@127.0.0.1:{house.port}")
    return terminal
