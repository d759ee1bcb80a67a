"""What the window shows, told to a file as it is drawn: for an adapter that reads the window (spec/CLIENTS.md).

Off unless the environment variable ``CAUSERIE_ROWS`` names a file. Each row is a line: its kind, a tab, and the text
after all escaping. Nothing that is told here is not on the screen.
"""

from __future__ import annotations

import os
from typing import Final, TextIO

VARIABLE: Final = "CAUSERIE_ROWS"


class Rows:
    """Appends to the file, if there is one."""

    def __init__(self) -> None:
        path = os.environ.get(VARIABLE)
        self._file: TextIO | None = open(path, "a", encoding="utf-8") if path else None  # noqa: SIM115  # as long as we

    @property
    def on(self) -> bool:
        """Is somebody reading?"""
        return self._file is not None

    def message(self, sender: str, text: str) -> None:
        """A message was drawn."""
        self._write("M", f"{sender}: {text}")

    def notice(self, text: str) -> None:
        """Something was said to the user."""
        self._write("N", text)

    def gave_up(self, text: str) -> None:
        """The chat is over, and the connect form says why."""
        self._write("F", text)

    def ready(self) -> None:
        """The composer has the keyboard."""
        self._write("K", "")

    def pasted(self) -> None:
        """What was pasted stands in the composer."""
        self._write("V", "")

    def unread(self) -> None:
        """Another conversation has something new."""
        self._write("U", "")

    def below(self) -> None:
        """What is new goes on below the view."""
        self._write("D", "")

    def _write(self, kind: str, text: str) -> None:
        if self._file is not None:
            self._file.write(f"{kind}\t{text.replace(chr(10), '⏎')}\n")
            self._file.flush()
