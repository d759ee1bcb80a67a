"""A command of the user's that is told of a message: ``notify-send``, or any other.

In here: running it, without waiting for it. Not in here: when (the shells).
"""

from __future__ import annotations

import contextlib
import os
import shlex
import subprocess
import threading
from typing import Final

from causerie.client.model import Entry
from causerie.client.visible import visible

LIMIT: Final = 60.0
"""Seconds after which the command is ended."""
LONGEST: Final = 200
"""Characters of the text that it is given."""


def notify(command: str, entry: Entry) -> None:
    """Run the command with the sender and the text as its last arguments; nothing, if there is none or it fails."""
    try:
        words = shlex.split(command, posix=os.name != "nt")
    except ValueError:  # a quotation mark that is not closed
        return
    if words:
        words += [visible(entry.sender), visible(entry.text[:LONGEST])]
        threading.Thread(target=_run, args=(words,), name="causerie-notify", daemon=True).start()


def _run(words: list[str]) -> None:
    with contextlib.suppress(OSError, ValueError, subprocess.SubprocessError):
        subprocess.run(
            words,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=LIMIT,
            check=False,
        )
