"""A screen of its own for the tests of the window, and a window on it; skipped where there can be none, with why."""

import gc
import importlib.util
import sys
from pathlib import Path

import pytest

from causerie.language import use


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


@pytest.fixture(scope="session")
def fine_display(display):
    """A screen with twice as many pixels an inch. It stays to the end: Tk ends a process whose screen goes away."""
    made = display_module.Display("2560x1800", dpi=192)
    yield made
    made.close()


@pytest.fixture
def gui(display, tmp_path, monkeypatch):
    """Makes windows of the program, in this process: `gui.Gui`."""
    module = _load("gui")
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.delenv("CAUSERIE_ROWS", raising=False)
    made = []

    def make(address=None, handle="alice", folder=None, screen=display, **options):
        monkeypatch.setenv("DISPLAY", screen.name)
        made.append(module.Gui(screen, folder or tmp_path / "window", address, handle, **options))
        return made[-1]

    gc.disable()  # Tk's variables must go in this thread, and its main loop does not run while others collect
    yield make
    for each in made:
        each.close()
    made.clear()
    gc.collect()
    gc.enable()
    use("en")


@pytest.fixture(params=["asyncio", "threaded"])
def server(request, serve):
    """A server, with each engine."""
    return serve(request.param)


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
