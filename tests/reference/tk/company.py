"""Everybody around the window under test: a server, a way to it that can be cut, people with the console client, and
the window itself, in this process, on a screen of its own.

In here: waiting for what has to happen, always with a limit. Not in here: what is tested.
"""

import contextlib
import importlib.util
import json
import os
import queue
import re
import subprocess
import sys
import threading
import time
import tkinter
from pathlib import Path

from causerie.client.address import Address
from causerie.tk.app import App
from causerie.tk.connect import Wish

LIMIT = 30.0
"""Seconds that anything may take."""


def _load(path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


Network = _load(Path(__file__).parents[2] / "chaos" / "proxy.py").Network


class Server:
    """A server's process, and a network that can be cut between it and one client."""

    def __init__(self, engine, folder, *options):
        command = [sys.executable, "-m", "causerie.server", "--port", "0", "--engine", engine, *options]
        if "--memory" not in options:
            command += ["--data", str(folder / "server.db")]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.port = int(re.search(r":(\d+) ", self.process.stdout.readline()).group(1))
        self._reader = threading.Thread(target=self.process.stdout.read, daemon=True)
        self._reader.start()
        self.network = Network(1)
        self.proxy = self.network.proxy("window")
        self.proxy.set(calm=True)
        self.heal()

    def heal(self):
        """Let connections through."""
        self.network.upstream = ("127.0.0.1", self.port)

    def cut(self):
        """Cut the window's connection, and let no other through."""
        self.network.upstream = ("127.0.0.1", 1)  # where nobody listens

        async def cut():
            for link in list(self.proxy.links):
                link.cut("rst")

        self.network.do(cut())

    def close(self):
        """End it."""
        self.network.close()
        self.process.terminate()
        self.process.wait(LIMIT)
        self._reader.join(LIMIT)
        self.process.stdout.close()


class Console:
    """Somebody with `causerie-chat --json`."""

    def __init__(self, handle, port, folder):
        self.process = subprocess.Popen(
            [
                *(sys.executable, "-m", "causerie.console", f"127.0.0.1:{port}", "--json"),
                *("--handle", handle, "--display", handle.title(), "--data", str(folder / handle)),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )
        self.told = []
        self._lines = queue.SimpleQueue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self.until(lambda told: told.get("link") == "online")

    def _read(self):
        for line in self.process.stdout:
            self._lines.put(json.loads(line))

    def hear(self):
        """What was said since."""
        with contextlib.suppress(queue.Empty):
            while True:
                self.told.append(self._lines.get_nowait())

    def until(self, condition, more=lambda: None):
        """Wait for an object; ``more`` is called meanwhile."""
        deadline = time.monotonic() + LIMIT
        while True:
            self.hear()
            found = next((told for told in self.told if condition(told)), None)
            if found is not None:
                return found
            assert time.monotonic() < deadline, self.told[-5:]
            with contextlib.suppress(queue.Empty):
                self.told.append(self._lines.get(timeout=0.02))
            more()

    def do(self, verb, **more):
        """Ask the program to do something."""
        self.process.stdin.write(json.dumps({"do": verb, **more}) + "\n")
        self.process.stdin.flush()

    def say(self, text, place="#lobby"):
        """Say something, and wait until it is in the log."""
        self.do("send", conversation=place, text=text)
        self.until(lambda told: told["event"] == "message" and told["text"] == text)

    def texts(self, place="#lobby"):
        """What was shown."""
        self.hear()
        return [told["text"] for told in self.told if told["event"] == "message" and told["conversation"] == place]

    def close(self):
        """Leave."""
        if self.process.poll() is None:
            self.do("quit")
        self.process.stdin.close()
        self.process.wait(LIMIT)
        self._reader.join(LIMIT)
        self.process.stdout.close()


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
        from tkinter import ttk

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


def address(port):
    """That port of this machine."""
    return Address("127.0.0.1", port)
