"""How a client program is started: the command with its placeholders, and the words for passwords and TLS.

In here: parsing and filling in. Not in here: the process (`program`).
"""

from __future__ import annotations

import os
import re
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

NEEDED = ("{port}", "{handle}")
"""Without these a client cannot be told where to go, and who it is."""
STATE = "{state}"
PASSWORD_FILE = "{password_file}"
CA_FILE = "{ca_file}"
_PLAIN = re.compile(r"[\w@%+=:,./{}-]+", re.ASCII)
"""Words that need no quotes."""


@dataclass(frozen=True)
class ClientCommand:
    """A command; ``password`` and ``tls`` are words that are put behind it where those are wanted, None: it cannot."""

    argv: tuple[str, ...]
    password: tuple[str, ...] | None = None
    tls: tuple[str, ...] | None = None

    @classmethod
    def of(cls, argv: Sequence[str], password: str | None = None, tls: str | None = None) -> ClientCommand:
        """From the command line's words. Raises ValueError with a message for the user."""
        if not argv:
            raise ValueError("there is no command: put it behind --, as in -- ./chat {host} {port} {handle}")
        for name in NEEDED:
            if not any(name in word for word in argv):
                raise ValueError(f"the command has no {name}: the suite puts its own there")
        made = cls(tuple(argv), _words(password), _words(tls))
        for option, words, name in (("--password", made.password, PASSWORD_FILE), ("--tls", made.tls, CA_FILE)):
            if words is not None and not any(name in word for word in words):
                raise ValueError(f"{option}: the words have no {name}")
        return made

    @classmethod
    def of_reference(cls) -> ClientCommand:
        """The reference console client."""
        argv = (sys.executable, "-m", "causerie.console", "{host}:{port}", "--handle", "{handle}", "--data", STATE)
        return cls(argv, ("--password-file", PASSWORD_FILE), ("--ca-file", CA_FILE))

    @property
    def keeps_state(self) -> bool:
        """Is the client told where to keep what it keeps from one start to the next?"""
        return any(STATE in word for word in self.argv)

    def but(self, *argv: str) -> ClientCommand:
        """The same with another program."""
        return replace(self, argv=argv)

    def filled(self, values: Mapping[str, str], *, password: bool = False, tls: bool = False) -> list[str]:
        """The words for one start; *values* by placeholder."""
        words = [*self.argv, *((self.password or ()) if password else ()), *((self.tls or ()) if tls else ())]
        for name, value in values.items():
            words = [word.replace(name, value) for word in words]
        return words

    def __str__(self) -> str:
        return " ".join(word if _PLAIN.fullmatch(word) else shlex.quote(word) for word in self.argv)


def _words(text: str | None) -> tuple[str, ...] | None:
    return None if text is None else tuple(shlex.split(text, posix=os.name != "nt"))
