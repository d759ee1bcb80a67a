"""Passwords from people: asked for without echo, or read from a file. For the client and for the accounts' commands.

In here: reading them. Not in here: their prepared form (`causerie.core.saslprep`); no message shows a password.
"""

import getpass
import sys
from pathlib import Path
from typing import Final

from causerie.language import _

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
        text = _("cannot read the password in {file}: {reason}")
        raise PasswordError(text.format(file=path, reason=error.strerror or error)) from None
    return _first_line(content, str(path))


def from_stdin() -> str:
    """The first line of stdin, without its end. Raises `PasswordError`."""
    return _first_line(sys.stdin.buffer.readline(_LONGEST), _("standard input"))


def ask(prompt: str) -> str:
    """Ask at the terminal. Raises `PasswordError` where there is none, and KeyboardInterrupt, EOFError."""
    if not sys.stdin.isatty():
        raise PasswordError(
            _("a password is asked for at a terminal; from elsewhere it comes with --password-file FILE")
        )
    return getpass.getpass(prompt)


def _first_line(content: bytes, where: str) -> str:
    try:
        text = content.decode().partition("\n")[0].removesuffix("\r")
    except UnicodeDecodeError:
        raise PasswordError(_("the password in {where} is not UTF-8").format(where=where)) from None
    if not text:
        raise PasswordError(_("there is no password in {where}").format(where=where))
    return text
