"""From what the user asked for to a session: parsing addresses, starting servers.

In here: usage errors about the server. Not in here: the command line itself (`cli`), the run (`session`).
"""

from __future__ import annotations

import ssl
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from causerie_conformance import accounts
from causerie_conformance.accounts import Account
from causerie_conformance.process import HOST, REFERENCE_CONNECTIONS, Command, ServerFailed, ServerProcess
from causerie_conformance.registry import CASES, load_cases
from causerie_conformance.results import Run
from causerie_conformance.session import Session
from causerie_conformance.target import Target
from causerie_conformance.tls import Tls


class SetupError(Exception):
    """The request makes no sense; ``str`` tells the user why."""


class StartError(Exception):
    """The server that was to be started did not become ready; ``str`` says what happened."""


def parse_address(text: str) -> tuple[str, int]:
    """``HOST:PORT`` or ``[IPV6]:PORT``. Raises `SetupError`."""
    host, colon, port = text.rpartition(":")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    elif ":" in host:
        raise SetupError(f"{text!r}: write an IPv6 address in brackets, as in [::1]:5000")
    if not colon or not host:
        raise SetupError(f"{text!r} is not HOST:PORT, as in 127.0.0.1:5000")
    if not (port.isascii() and port.isdecimal() and 0 < int(port) < 65_536):
        raise SetupError(f"{text!r}: {port!r} is not a port (1 to 65535)")
    return host, int(port)


def command_for(reference: str | None, spawn: str | None, *, tls: bool = False) -> Command | None:
    """The command that starts a server, if one is to be started. Raises `SetupError`."""
    try:
        if reference is not None:
            return Command.of_reference(reference, tls=tls)
        return None if spawn is None else Command.of_template(spawn)
    except ValueError as error:
        raise SetupError(f"{'--tls' if spawn is None else '--spawn'}: {error}") from None


def tls_for(wanted: bool, authorities: Path | None, insecure: bool) -> Tls | None:
    """How connections speak TLS, None if they do not. Raises `SetupError`."""
    if authorities is not None and insecure:
        raise SetupError("give one of --ca-file and --insecure")
    if not (wanted or authorities is not None or insecure):
        return None
    tls = Tls(authorities, verify=not insecure)
    try:
        tls.context()
    except OSError as error:
        why = "there is no certificate in it (in PEM form)" if isinstance(error, ssl.SSLError) else error.strerror
        raise SetupError(f"--ca-file: {authorities}: {why}") from None
    return tls


def accounts_for(users: str | None, users_file: Path | None) -> tuple[Account, ...]:
    """The accounts that the user names. Raises `SetupError`."""
    try:
        named = accounts.read(users_file) if users_file is not None else ()
        return named + (accounts.parse(users.split(",")) if users is not None else ())
    except OSError as error:
        raise SetupError(f"--users-file: cannot read {users_file}: {error.strerror or error}") from None
    except ValueError as error:
        raise SetupError(f"{'--users' if users is not None else '--users-file'}: {error}") from None


def target_for(
    servers: Sequence[str],
    reference: str | None,
    spawn: str | None,
    handshake_timeout: float | None,
    named: tuple[Account, ...] = (),
    *,
    tls: Tls | None = None,
    connections: int = REFERENCE_CONNECTIONS,
) -> Target:
    """The server to judge, started if need be; *named* are accounts that it has. Raises `SetupError`, `StartError`.

    One that is started is told to take so many *connections*, at least; one that is started with a certificate made
    here is judged over TLS, and that certificate is trusted.
    """
    if sum(map(bool, (servers, reference is not None, spawn is not None))) != 1:
        raise SetupError("give one of HOST:PORT, --reference and --spawn")
    if handshake_timeout is not None and not handshake_timeout > 0:
        raise SetupError("--handshake-timeout: seconds, more than 0")
    if servers:
        (host, port), *others = map(parse_address, servers)
        return Target(
            host, port, declared_handshake_timeout=handshake_timeout, accounts=named, tls=tls, others=tuple(others)
        )
    command = command_for(reference, spawn, tls=tls is not None)
    if command is not None and command.certificate is not None:
        tls = Tls(command.certificate.authority)
    if command is not None:
        command = replace(command, max_connections=max(connections, command.max_connections))
    if command is not None and command.accounts and named:
        command = replace(command, accounts=named)
    try:
        process = ServerProcess(command) if command is not None else None
    except ServerFailed as error:
        raise StartError(str(error)) from None
    assert process is not None
    known = process.command.accounts or named
    return Target(HOST, process.port, command, process, handshake_timeout, known, tls)


def session_for(
    servers: Sequence[str],
    reference: str | None,
    spawn: str | None,
    handshake_timeout: float | None,
    named: tuple[Account, ...] = (),
    *,
    tls: Tls | None = None,
) -> Session:
    """A session for plain pytest. Raises `SetupError`."""
    try:
        target = target_for(servers, reference, spawn, handshake_timeout, named, tls=tls)
    except StartError as error:
        raise SetupError(str(error)) from None
    load_cases()
    return Session(target, Run(target.name, total=len(CASES)))
