"""Accounts that the suite may log in with: given by the user, or made up for a server that the suite starts.

In here: names and passwords, and the file of them. Not in here: logging in (`scram`, `cases.scram`).
"""

from __future__ import annotations

import contextlib
import os
import secrets
import stringprep
import tempfile
import unicodedata
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from causerie_spec.names import is_handle


class Account(NamedTuple):
    """A handle, and its password as a person types it."""

    handle: str
    password: str

    @property
    def prepared(self) -> str:
        """The password's form that is hashed ([SCRAM-3]): SASLprep, for passwords that it does not refuse."""
        typed = (char for char in self.password if not stringprep.in_table_b1(char))
        spaced = "".join(" " if stringprep.in_table_c12(char) else char for char in typed)
        return unicodedata.ucd_3_2_0.normalize("NFKC", spaced)


def made_up() -> tuple[Account, ...]:
    """Three accounts for one run: two plain ones, and one whose password SASLprep changes (RFC 4013, section 3)."""
    one, two, three = (secrets.token_hex(8) for _ in range(3))
    odd = f"I\u00adX \u00aa\u2168\u00a0e\u0301 {three}"
    passwords = {"plain": one, "second": f"{two}, with =2C: and = in it", "odd": odd}
    return tuple(Account(f"account-{name}-{one[:6]}", password) for name, password in passwords.items())


def parse(lines: Iterable[str]) -> tuple[Account, ...]:
    """Accounts from ``HANDLE:PASSWORD``, one each. Raises ValueError, which does not show a password."""
    found = []
    for number, line in enumerate(lines, 1):
        handle, colon, password = line.partition(":")
        if not colon or not password or not is_handle(handle):
            raise ValueError(f"account {number} is not HANDLE:PASSWORD")
        found.append(Account(handle, password))
    return tuple(found)


def read(path: Path) -> tuple[Account, ...]:
    """Accounts from a file, a line each. Raises ValueError and OSError."""
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise ValueError(f"{path} is not UTF-8") from None
    return parse(line.removesuffix("\r") for line in text.split("\n") if line.strip())


@contextlib.contextmanager
def as_file(accounts: Iterable[Account]) -> Iterator[str]:
    """The path of a file with a line ``HANDLE:PASSWORD`` for each, for as long as it is needed."""
    descriptor, path = tempfile.mkstemp(prefix="causerie-users-", suffix=".txt")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="\n") as file:
            file.writelines(f"{account.handle}:{account.password}\n" for account in accounts)
        yield path
    finally:
        with contextlib.suppress(OSError):
            os.unlink(path)
