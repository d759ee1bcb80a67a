"""What the command lines of all clients share: where, who, how to log in, where things are kept.

In here: the options, and from options to an identity and a local store. Not in here: asking a person (the shells do),
running anything.
"""

from __future__ import annotations

import argparse
import os
import random
import ssl
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from causerie import passwords
from causerie.client.address import Address, parse_address
from causerie.client.local_store import LocalStore, StoreInUse
from causerie.client.tokens import TokenError, TokenStore
from causerie.client.visible import visible
from causerie.core.client import Identity, Password
from causerie.language import _
from causerie.tls.contexts import client_context
from causerie_spec.names import is_display, is_handle

DEBUG_VARIABLE: Final = "CAUSERIE_DEBUG"
"""The environment variable that lets the traceback of a bug through."""


class UsageError(Exception):
    """The command line makes no sense; the message says why, and what to type."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of every client."""
    parser.add_argument(
        "address", nargs="?", default="", metavar="HOST[:PORT]", help=_("the server (default 127.0.0.1:5000)")
    )
    parser.add_argument("--handle", metavar="NAME", help=_("your handle: small letters, digits, and . _ - inside"))
    parser.add_argument("--display", metavar="NAME", help=_("your name as people write it (default: the handle)"))
    password = parser.add_mutually_exclusive_group()
    password.add_argument("--password", action="store_true", help=_("log in to an account; asks for its password"))
    password.add_argument("--password-file", type=Path, metavar="FILE", help=_("the same; the file's first line is it"))
    parser.add_argument("--tls", action="store_true", help=_("speak TLS: encrypted, to a server with a certificate"))
    trust = parser.add_mutually_exclusive_group()
    trust.add_argument(
        "--ca-file", type=Path, metavar="FILE", help=_("the same; trust the authorities in it (PEM), not the system's")
    )
    trust.add_argument(
        "--insecure", action="store_true", help=_("the same; trust any certificate, and so any impostor")
    )
    parser.add_argument("--data", metavar="DIR", help=_("where tokens and conversations are kept"))
    parser.add_argument("--memory", action="store_true", help=_("keep no conversations; only the token is kept"))
    parser.add_argument("--language", metavar="CODE", help=_("en or fr (default: as your system says)"))


def asked_language(arguments: Sequence[str]) -> str | None:
    """The language that the command line asks for: its help is written in it, before it is parsed."""
    parser = argparse.ArgumentParser(add_help=False, exit_on_error=False, allow_abbrev=False)
    parser.add_argument("--language")
    try:
        return str(parser.parse_known_args(list(arguments))[0].language or "") or None
    except argparse.ArgumentError:
        return None


def address_of(text: str) -> Address:
    """The address; the usual one for an empty text. Raises `UsageError`."""
    if not text:
        return Address()
    try:
        return parse_address(text)
    except ValueError as error:
        raise UsageError(str(error)) from None


def tls_of(options: argparse.Namespace) -> ssl.SSLContext | None:
    """How to speak TLS, None if not at all. Raises `CertificateError`."""
    return tls(options.ca_file, insecure=options.insecure, wanted=options.tls)


def tls(ca_file: Path | None, *, insecure: bool, wanted: bool) -> ssl.SSLContext | None:
    """How to speak TLS; None if nothing asks for it. Raises `CertificateError`."""
    if not (wanted or insecure or ca_file is not None):
        return None
    return client_context(ca_file, verify=not insecure)


def check_handle(text: str) -> None:
    """Raises `UsageError` if it is no handle, with one that would do where there is one."""
    if is_handle(text):
        return
    better = text.strip().lower().replace(" ", "_")
    if is_handle(better):
        said = _("'{text}' is no handle, which has small letters a-z, digits, and . _ - inside: try {handle}")
    else:
        said = _("'{text}' is no handle: 1 to 32 small letters a-z, digits, and . _ - (not at the start)")
    raise UsageError(said.format(text=visible(text), handle=better))


def check_display(text: str) -> None:
    """Raises `UsageError` if it is no display name."""
    if not is_display(text):
        raise UsageError(_("a display name has 1 to 64 octets, and no control characters"))


def password_from(text: str) -> Password:
    """The password. Raises `passwords.PasswordError`."""
    try:
        return Password(text, random.SystemRandom())
    except ValueError as error:
        raise passwords.PasswordError(_("that is no password: {reason}").format(reason=error)) from None


def identity(tokens: TokenStore, address: Address, handle: str, display: str, password: Password | None) -> Identity:
    """Who logs in: with the password, or with the token of that handle there. Raises `TokenError`."""
    token = b"" if password else tokens.token(address, handle)
    return Identity(handle, display, token, password)


def local_store(tokens: TokenStore, address: Address, handle: str, *, memory: bool) -> tuple[LocalStore, str]:
    """Where that handle's conversations there are kept, and what to tell the user about it, if anything.

    In memory alone if ``memory`` says so, or if another program has the file open. Raises `LocalStoreError`.
    """
    if memory:
        return LocalStore(None, handle), ""
    path = tokens.conversations(address, handle)
    try:
        return LocalStore(path, handle), ""
    except StoreInUse:
        said = _("{handle} is open in another program here: this one keeps nothing of what is said")
        return LocalStore(None, handle), said.format(handle=handle)


def export_token(tokens: TokenStore, address: Address, handle: str, target: str) -> None:
    """Write the token for another device to a new file, or to standard output (``-``). Raises `TokenError`."""
    line = tokens.export(address, handle)
    if target == "-":
        print(line)
        return
    try:
        with open(target, "x", encoding="ascii", opener=_private) as file:
            file.write(line + "\n")
    except OSError as error:
        said = _("cannot write the token to {file}: {reason}")
        raise TokenError(said.format(file=visible(target), reason=error.strerror or error)) from None


def import_token(tokens: TokenStore, source: str) -> tuple[Address, str]:
    """Take over a token that another device wrote, from a file or standard input (``-``). Raises `TokenError`.

    Returns the address and the handle that it is for.
    """
    try:
        text = sys.stdin.read(4_096) if source == "-" else Path(source).read_text("ascii")
    except (OSError, UnicodeError) as error:
        said = _("cannot read the token from {file}: {reason}")
        reason = error.strerror if isinstance(error, OSError) else _("it is no text")
        raise TokenError(said.format(file=visible(source), reason=reason)) from None
    return tokens.adopt(text)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
