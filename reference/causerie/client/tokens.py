"""The token store: the secrets that own handles, one file each, in the user's data directory [TOKEN-8].

In here: where the files are, making and reading them; and which handles log in with a password, which is not kept.
Not in here: login. No message of this module shows a token.

The rules:

* A token belongs to one (host, port, handle); its file is ``tokens/HANDLE@HOST,PORT.token`` with 64
  hexadecimal digits and a line end, so that it can be carried to a second device by hand.
* The file appears whole and with mode 0600, or not at all: it is written under another name and then linked.
  Of two clients that make one at once, one wins and both use it.
* A file that holds no token is an error, and is never written over: it may be all that is left of a handle.
* On Windows, where modes mean little, the user's data directory is private already.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import stat
from pathlib import Path
from typing import Final
from urllib.parse import quote

import platformdirs

from causerie.client.address import Address, parse_address
from causerie.client.visible import visible
from causerie.language import _
from causerie_spec.codes import TOKEN_MAX, TOKEN_MIN, TOKEN_SIZE
from causerie_spec.names import is_handle

HOME_VARIABLE: Final = "CAUSERIE_HOME"
"""The environment variable that names another data directory."""
_EXPORTED: Final = "causerie-token-1"
"""What an exported token begins with."""
_LONGEST_HOST: Final = 120
"""Characters of a host in a file's name; longer ones are hashed, because names end at 255 octets."""
_LONGEST_FILE: Final = 4_096
"""Octets read of a token's file: what is longer is none."""


class TokenError(Exception):
    """A token cannot be read or kept; the message says which file and why, for people."""


def data_directory(override: str | None = None) -> Path:
    """The directory for what the client keeps: ``override``, or $CAUSERIE_HOME, or the user's data directory."""
    chosen = override or os.environ.get(HOME_VARIABLE)
    return Path(chosen).expanduser() if chosen else platformdirs.user_data_path("causerie", appauthor=False)


class TokenStore:
    """Tokens, and the handle used last, below one directory."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def path(self, address: Address, handle: str) -> Path:
        """The file of that token, whether or not there is one."""
        host = quote(address.host.lower(), safe="")
        if len(host) > _LONGEST_HOST:
            host = hashlib.sha256(host.encode()).hexdigest()
        return self._directory / "tokens" / f"{handle}@{host},{address.port}.token"

    def token(self, address: Address, handle: str) -> bytes:
        """The token of that handle there, made now if there was none: 32 octets, or as many as the file holds.

        Raises `TokenError` when the file is damaged, or cannot be read or made.
        """
        found = self._existing(address, handle)
        path = self.path(address, handle)
        try:
            return found if found is not None else _create(path, secrets.token_bytes(TOKEN_SIZE))
        except OSError as error:
            raise _cannot_keep(path, error) from None

    def conversations(self, address: Address, handle: str) -> Path:
        """The file of that handle's conversations there."""
        name = self.path(address, handle).with_suffix(".db").name
        return self._directory / "conversations" / name

    def export(self, address: Address, handle: str) -> str:
        """The token on one line, with what it is for, as `adopt` takes it on another device. Raises `TokenError`."""
        found = self._existing(address, handle)
        if found is None:
            said = _("there is no token of {handle} at {address} here: log in once, then export it")
            raise TokenError(said.format(handle=handle, address=visible(str(address))))
        return f"{_EXPORTED} {handle} {address} {found.hex()}"

    def adopt(self, text: str) -> tuple[Address, str]:
        """Keep a token that `export` wrote; returns what it is for. Raises `TokenError`, and writes nothing over."""
        try:
            mark, handle, where, digits = text.split()
            address, token = parse_address(where), bytes.fromhex(digits)
        except ValueError:
            mark, handle, address, token = "", "", Address(), b""
        if mark != _EXPORTED or not is_handle(handle) or not TOKEN_MIN <= len(token) <= TOKEN_MAX:
            raise TokenError(_("that is no token that was written with --export-token"))
        path = self.path(address, handle)
        try:
            kept = _read(path)
            if kept is None:
                kept = _create(path, token)
        except OSError as error:
            raise _cannot_keep(path, error) from None
        if kept != token:
            said = _("{handle} has another token here, in {file}: move it away first")
            raise TokenError(said.format(handle=handle, file=path))
        return address, handle

    def _existing(self, address: Address, handle: str) -> bytes | None:
        path = self.path(address, handle)
        try:
            return _read(path)
        except OSError as error:
            raise _cannot_keep(path, error) from None

    def password_mark(self, address: Address, handle: str) -> Path:
        """The file that is there if a password was the last login with that handle there: no less will do [SCRAM-8]."""
        return self.path(address, handle).with_suffix(".password")

    def remember_password(self, address: Address, handle: str) -> None:
        """Remember that this handle logged in with a password there. Raises `TokenError` if that cannot be kept."""
        mark = self.password_mark(address, handle)
        try:
            mark.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            mark.touch(mode=0o600)
        except OSError as error:
            text = _("cannot keep in {file} that a password is needed: {reason}")
            raise TokenError(text.format(file=mark, reason=error.strerror or error)) from None

    def last_handle(self) -> str | None:
        """The handle used last, None if there is none or it cannot be read."""
        try:
            text = (self._directory / "last-handle").read_text("ascii").strip()
        except (OSError, UnicodeError):
            return None
        return text if is_handle(text) else None

    def remember_handle(self, handle: str) -> None:
        """Remember the handle for next time; a directory that cannot be written is no reason to fail."""
        path = self._directory / "last-handle"
        if self.last_handle() == handle:
            return
        temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
        try:
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            temporary.write_text(handle + "\n", "ascii")
            temporary.replace(path)
        except OSError:
            pass


def _read(path: Path) -> bytes | None:
    """The token in the file, None if there is no file. Raises `TokenError` if it holds none, and OSError."""
    try:
        with path.open("rb") as file:
            _tighten(file.fileno())
            content = file.read(_LONGEST_FILE)
    except FileNotFoundError:
        return None
    try:
        token = bytes.fromhex(content.decode("ascii").strip())
    except ValueError:
        token = b""
    if not TOKEN_MIN <= len(token) <= TOKEN_MAX:
        raise TokenError(
            _(
                "{file} is damaged: it should hold {count} hexadecimal digits. Restore it from a copy, or "
                "move it away to get a new token (the server may then say that the handle belongs to somebody else)"
            ).format(file=path, count=2 * TOKEN_SIZE)
        )
    return token


def _tighten(descriptor: int) -> None:
    """A file that others can read, restored from a copy perhaps, is made private again, where modes exist."""
    if hasattr(os, "fchmod") and stat.S_IMODE(os.fstat(descriptor).st_mode) & 0o077:
        with contextlib.suppress(OSError):  # not ours to change: still better to log in
            os.fchmod(descriptor, 0o600)


def _cannot_keep(path: Path, error: OSError) -> TokenError:
    said = _("cannot keep the login token in {file}: {reason}")
    return TokenError(said.format(file=path, reason=error.strerror or error))


def _create(path: Path, token: bytes) -> bytes:
    """A new token in a new file; the other one's if somebody was faster. Raises OSError and `TokenError`."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    temporary = path.with_name(f".{secrets.token_hex(16)}.new")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)
    descriptor = os.open(temporary, flags, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(token.hex().encode("ascii") + b"\n")
            file.flush()
            os.fsync(file.fileno())
        try:
            _publish(temporary, path)
        except FileExistsError:
            other = _read(path)
            if other is None:
                raise
            return other
    finally:
        temporary.unlink(missing_ok=True)
    return token


def _publish(temporary: Path, path: Path) -> None:
    """Give the file its name, which nobody else may have. Raises FileExistsError, and other OSErrors."""
    if os.name == "nt":
        temporary.rename(path)  # fails there if the name is taken
        return
    try:
        os.link(temporary, path)
    except FileExistsError:
        raise
    except OSError:
        # A file system without hard links. Between the look and the rename somebody else may come: two clients
        # of one user started in the same instant, on such a file system. The later token stays.
        if path.exists():
            raise FileExistsError(str(path)) from None
        temporary.rename(path)
