"""The window under test, in this process, on a screen of its own; real keys and clicks.

In here: driving it, and waiting, always with a limit. Not in here: what is tested.
"""

import contextlib
import os
import time
import tkinter
from pathlib import Path
from tkinter import ttk

from causerie.tk.app import App
from causerie.tk.connect import Wish

LIMIT = 30.0
"""Seconds that anything may take."""


class Gui:
    """The window, whose main loop is this test."""

    def __init__(self, display, folder, address=None, handle="alice", **options):
        self.display = display
        wish = Wish(address, handle, handle.title()) if address is not None else None
        options = {"language": "en", "theme_name": "light"} | options
        self.app = App(folder, wish=wish, **options)
        self.root = self.app.root
        self.app.begin()
        self.pump()
        self.focus(self.root)

    @property
    def view(self):
        """The chat."""
        return self.app.view

    @property
    def pane(self):
        """The messages."""
        return self.app.view.pane

    def pump(self):
        """Let it do what it has to do."""
        with contextlib.suppress(tkinter.TclError):  # it was closed
            self.root.update()

    def until(self, condition, what=""):
        """Go on until something is so."""
        deadline = time.monotonic() + LIMIT
        while not (found := condition()):
            assert time.monotonic() < deadline, what or condition
            self.root.tk.dooneevent(0)
        self.pump()
        return found

    def online(self):
        """Wait for the login."""
        self.until(lambda: self.app.session is not None and self.app.session.status.link.value == "online", "online")
        self.pump()

    def focus(self, window):
        """Give that window the keyboard, as a window manager would."""
        window.focus_lastfor().focus_force()
        self.pump()

    def keys(self, *names):
        """Press keys."""
        self.display.keys(*names)
        self.settle()

    def type(self, text):
        """Type."""
        self.display.type(text)
        self.settle()

    def click(self, widget, x=None, y=None):
        """Click into the middle of a widget, or elsewhere in it."""
        x = widget.winfo_rootx() + (widget.winfo_width() // 2 if x is None else x)
        y = widget.winfo_rooty() + (widget.winfo_height() // 2 if y is None else y)
        self.display.xdotool("mousemove", x, y, "click", 1)
        self.settle()

    def settle(self):
        """All that the screen has for the window has come: a message of our own came back behind it."""
        self.root.event_generate("<<Settled>>")
        self.display.xdotool("getmouselocation")
        for _ in range(3):
            self.pump()

    def shows(self, text, times=1):
        """Wait until the pane shows that text, so often."""
        self.until(lambda: self.pane.visible_texts().count(text) == times, text)

    def say(self, text):
        """Type into the composer, and Return."""
        self.view.composer.focus_text()
        self.pump()
        self.type(text)
        self.until(lambda: self.view.composer.value == text, text)
        self.keys("Return")

    def picture(self, name):
        """Keep a picture, where somebody wants them."""
        folder = os.environ.get("CAUSERIE_SCREENSHOTS")
        if folder:
            Path(folder).mkdir(parents=True, exist_ok=True)
            self.pump()
            self.display.picture(Path(folder) / f"{name}.png")

    def widgets(self, kind, within=None):
        """All widgets of a kind."""
        found, waiting = [], [within or self.root]
        while waiting:
            widget = waiting.pop(0)
            found += [widget] if isinstance(widget, kind) else []
            waiting += widget.winfo_children()
        return found

    def button(self, text, within=None):
        """The button with that text."""
        return next(widget for widget in self.widgets(ttk.Button, within) if str(widget.cget("text")) == text)

    def close(self):
        """Close it as a user does; its exit status."""
        if not self.gone:
            self.app.quit()
            deadline = time.monotonic() + LIMIT
            while not self.gone and time.monotonic() < deadline:
                with contextlib.suppress(tkinter.TclError):
                    self.root.tk.dooneevent(0)
        return self.app._status

    @property
    def gone(self):
        """Is it closed?"""
        try:
            return not self.root.winfo_exists()
        except tkinter.TclError:
            return True
