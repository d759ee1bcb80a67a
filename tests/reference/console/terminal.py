"""`causerie-chat` in a pseudo-terminal, and the screen that its user sees: pyte draws it.

In here: starting, typing, resizing, waiting until something is on the screen. Not in here: what is tested.
"""

import contextlib
import fcntl
import os
import select
import signal
import struct
import subprocess
import sys
import termios
import time

import pyte

LIMIT = 30.0
"""Seconds that anything may take."""
ENTER, ESCAPE, TAB = "\r", "\x1b", "\t"
PAGE_UP, PAGE_DOWN = "\x1b[5~", "\x1b[6~"


class Screen(pyte.Screen):
    """One that counts its bells."""

    bells = 0

    def bell(self, *_):
        self.bells += 1


class Terminal:
    """The program on a screen of that size."""

    def __init__(self, arguments, environment, columns=100, lines=24):
        self.master, slave = os.openpty()
        self._size(columns, lines)
        self.process = subprocess.Popen(
            [sys.executable, "-m", "causerie.console", *arguments],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env={"TERM": "xterm-256color", **environment},
            start_new_session=True,
        )
        os.close(slave)
        self.screen = Screen(columns, lines)
        self._stream = pyte.ByteStream(self.screen)
        self._open = True

    def _size(self, columns, lines):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    # What is there.

    @property
    def rows(self):
        """The rows of the screen, without the spaces behind them."""
        return [row.rstrip() for row in self.screen.display]

    @property
    def text(self):
        """All of it."""
        return "\n".join(self.rows)

    def look(self, seconds=0.02):
        """Draw what was written since, or within so many seconds."""
        if self._open and select.select([self.master], [], [], seconds)[0]:
            try:
                data = os.read(self.master, 65_536)
            except OSError:  # the program has ended
                data = b""
            self._open = bool(data)
            self._stream.feed(data)

    def until(self, condition, what=""):
        """Wait until the screen is so: a condition, or a text that stands there."""
        wanted = (lambda: condition in self.text) if isinstance(condition, str) else condition
        deadline = time.monotonic() + LIMIT
        while not wanted():
            assert time.monotonic() < deadline, f"{what or condition}\n{self.text}"
            self.look()

    def without(self, text):
        """Wait until that is not there."""
        self.until(lambda: text not in self.text, f"no {text}")

    def cells(self, text):
        """The cells of a text on the screen: each has colours, bold, reverse."""
        for y, row in enumerate(self.screen.display):
            at = row.find(text)
            if at >= 0:
                return [self.screen.buffer[y][x] for x in range(at, at + len(text))]
        raise AssertionError(f"no {text}\n{self.text}")

    # What its user does.

    def type(self, text):
        """Keys."""
        os.write(self.master, text.encode())

    def enter(self, line):
        """A line, and Enter."""
        self.type(line + ENTER)

    def paste(self, text):
        """Text from a clipboard, as terminals mark it."""
        self.type(f"\x1b[200~{text}\x1b[201~")

    def resize(self, columns, lines):
        """Another size of the window."""
        self.screen.resize(lines, columns)
        self._size(columns, lines)
        self.process.send_signal(signal.SIGWINCH)

    def end(self):
        """Wait for its end; its exit status."""
        deadline = time.monotonic() + LIMIT
        while self.process.poll() is None:
            assert time.monotonic() < deadline, self.text
            self.look()
        while self._open:
            self.look()
        return self.process.returncode

    def close(self):
        """Give it up, if it is still there."""
        if self.process.poll() is None:
            with contextlib.suppress(OSError):
                self.type("\x03\x03")
            try:
                self.end()
            except AssertionError:
                self.process.kill()
                self.process.wait(LIMIT)
        os.close(self.master)
