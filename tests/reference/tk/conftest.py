"""A screen of its own for the tests of the window, and a window on it; skipped where there can be none, with why."""

import importlib.util
import sys
from pathlib import Path

import pytest


def _load(name):
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


display_module = _load("display")


@pytest.fixture(scope="session")
def display():
    """A screen."""
    why = display_module.missing()
    if why:
        pytest.skip(why)
    made = display_module.Display()
    yield made
    made.close()


@pytest.fixture
def root(display):
    """A window on it."""
    import tkinter

    made = tkinter.Tk(screenName=display.name)
    made.geometry("700x600+0+0")
    made.update()
    display.xdotool("windowfocus", "--sync", made.winfo_id())
    yield made
    made.update()
    made.destroy()
