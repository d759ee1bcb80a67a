"""Passwords from people: asked for without echo, or read from a file. For the client and for the accounts' commands.

In here: reading them. Not in here: their prepared form (`causerie.core.saslprep`); no message shows a password.
"""

import getpass
import sys
from pathlib import Path
from typing import Final

_LONGEST: Final = 4_096
"""Octets read, at most: more is no password."""


class PasswordError(Exception):
    """There is no password; the message says why, for people."""


def from_file(path: Path) -> str:
    """The first line of a file, without its end. Raises `PasswordError`."""
    try:
        with path.open("rb") as file:
            content = file.read(_LONGEST)
    except OSError as error:
        raise PasswordError(f"cannot read the password in {path}: {error.strerror or error}") from None
    return _first_line(content, str(path))


def from_stdin() -> str:
    """The first line of stdin, without its end. Raises `PasswordError`."""
    return _first_line(sys.stdin.buffer.readline(_LONGEST), "standard input")


def ask(prompt: str) -> str:
    """Ask at the terminal. Raises `PasswordError` where there is none, and KeyboardInterrupt, EOFError."""
    if not sys.stdin.isatty():
        raise PasswordError("a password is asked for at a terminal; from elsewhere it comes with --password-file FILE")
    return getpass.getpass(prompt)


def _first_line(content: bytes, where: str) -> str:
    try:
        text = content.decode().partition("\n")[0].removesuffix("\r")
    except UnicodeDecodeError:
        raise PasswordError(f"the password in {where} is not UTF-8") from None
    if not text:
        raise PasswordError(f"there is no password in {where}")
    return text
