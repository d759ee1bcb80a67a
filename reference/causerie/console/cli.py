"""`causerie-chat`: arguments, the handle, the token or password, and which shell.

In here: the way from a command line to a running shell, and from its end to an exit code (`exits`). Every
failure that a user can meet ends here as one line on stderr; no traceback does.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import random
import signal
import ssl
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, NoReturn

from causerie import passwords
from causerie.client.address import Address, parse_address
from causerie.client.runner import NetworkRunner
from causerie.client.tokens import HOME_VARIABLE, TokenError, TokenStore, data_directory
from causerie.client.visible import visible
from causerie.client.wording import sentence
from causerie.console.exits import Exit
from causerie.console.plain import PlainShell, raw_input
from causerie.console.view import View
from causerie.core.client import Cause, Client, Ending, Identity, Password
from causerie.tls.contexts import CertificateError, client_context
from causerie_spec import __version__, codes
from causerie_spec.names import is_display, is_handle

EXAMPLES: Final = f"""\
examples:
  causerie-chat                             the server on this machine, port 5000; asks for a handle
  causerie-chat chat.example.org --handle alice
  causerie-chat [::1]:5001 --handle bob --display "Bob B."
  causerie-chat --handle alice --password   for an account; asks for its password
  causerie-chat chat.example.org --tls      encrypted; the server shows a certificate for that name
  printf 'hi\\nquit\\n' | causerie-chat --handle bot

while chatting:
  a line goes to everybody; /msg @bob hello to bob alone; /me waves; /join #ops; /help; quit

a handle belongs to whoever used it first: the secret that proves it is kept in the data
directory (--data, or ${HOME_VARIABLE}, or {{data}}). An account, which the server's operator made,
has a password instead. Once you used it there, nothing less is shown to that server.

exit codes: 0 ok, 1 protocol error, 2 usage, 3 login refused, 4 network.
Colours only in a terminal, and not if NO_COLOR is set.
"""

CAPABILITIES: Final = (codes.HISTORY, codes.ROOMS)
"""What the console has use for."""
DEBUG_VARIABLE: Final = "CAUSERIE_DEBUG"
"""The environment variable that lets the traceback of a bug through."""


class _Usage(Exception):
    """The command line makes no sense; the message says why."""


class _Refused(Exception):
    """The user would not answer."""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="causerie-chat",
        description="Chat from a terminal, or from a pipe.",
        epilog=EXAMPLES.format(data=data_directory()).replace("%", "%%"),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "address", nargs="?", default="", metavar="HOST[:PORT]", help="the server (default 127.0.0.1:5000)"
    )
    parser.add_argument("--handle", metavar="NAME", help="your handle: small letters, digits, and . _ - inside")
    parser.add_argument("--display", metavar="NAME", help="your name as people write it (default: the handle)")
    password = parser.add_mutually_exclusive_group()
    password.add_argument("--password", action="store_true", help="log in to an account; asks for its password")
    password.add_argument("--password-file", type=Path, metavar="FILE", help="the same; the file's first line is it")
    parser.add_argument("--tls", action="store_true", help="speak TLS: encrypted, to a server with a certificate")
    trust = parser.add_mutually_exclusive_group()
    trust.add_argument(
        "--ca-file", type=Path, metavar="FILE", help="the same; trust the authorities in it (PEM), not the system's"
    )
    trust.add_argument("--insecure", action="store_true", help="the same; trust any certificate, and so any impostor")
    parser.add_argument("--data", metavar="DIR", help="where tokens are kept")
    parser.add_argument("--version", action="version", version=f"causerie-chat {__version__}")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run `causerie-chat`; returns its exit code."""
    _prepare_streams()
    try:
        return _main(_parser().parse_args(arguments))
    except (_Usage, CertificateError) as error:
        return _fail(visible(str(error)), Exit.USAGE)
    except (TokenError, passwords.PasswordError) as error:
        return _fail(visible(str(error)), Exit.LOGIN)
    except (_Refused, KeyboardInterrupt, EOFError):
        print(file=sys.stderr)
        return Exit.OK
    except Exception as error:
        if os.environ.get(DEBUG_VARIABLE):
            raise
        bug = sentence(Ending(Cause.INTERNAL, detail=repr(error)), Address(), "")
        return _fail(f"{bug}; {DEBUG_VARIABLE}=1 shows where", Exit.PROTOCOL)


def _main(options: argparse.Namespace) -> int:
    address = _address(options.address)
    tls = _tls(options)
    store = TokenStore(data_directory(options.data))
    handle = _handle(options.handle, store)
    display = options.display if options.display is not None else handle
    if not is_display(display):
        raise _Usage("a display name has 1 to 64 octets, and no control characters")
    password = _password(options, store, address, handle)
    token = b"" if password else store.token(address, handle)
    identity = Identity(handle, display, token, password)
    client = Client(identity, random.SystemRandom(), agent=f"causerie-chat/{__version__}", capabilities=CAPABILITIES)
    view = View(address, handle)
    code = _run(client, address, view, tls)
    if view.logged_in:
        store.remember_handle(handle)
        if password is not None:
            store.remember_password(address, handle)
    if view.stopped is not None and view.stopped.ending.cause is not Cause.QUIT:
        return _fail(sentence(view.stopped.ending, address, handle), code)
    return code


def _run(client: Client, address: Address, view: View, tls: ssl.SSLContext | None) -> Exit:
    def make_runner(notify: Callable[[], None] | None = None) -> NetworkRunner:
        return NetworkRunner(client, address, notify=notify, tls=tls)

    interactive = sys.stdin.isatty() and sys.stdout.isatty()
    if interactive and os.environ.get("TERM") != "dumb":
        if importlib.util.find_spec("prompt_toolkit") is not None:
            from causerie.console.terminal import TerminalShell  # noqa: PLC0415  # optional dependency

            return TerminalShell(make_runner, view).run()
        print("-- for a better prompt: pip install 'causerie[console]'", file=sys.stderr)
    if threading_signal := getattr(signal, "SIGTERM", None):
        signal.signal(threading_signal, _interrupt)
    return PlainShell(
        make_runner,
        view,
        raw=raw_input(sys.stdin),
        out=sys.stdout,
        err=sys.stderr,
        patient=not sys.stdin.isatty(),
    ).run()


def _interrupt(*_: object) -> NoReturn:
    raise KeyboardInterrupt


def _address(text: str) -> Address:
    if not text:
        return Address()
    try:
        return parse_address(text)
    except ValueError as error:
        raise _Usage(str(error)) from None


def _tls(options: argparse.Namespace) -> ssl.SSLContext | None:
    """How to speak TLS, None if not at all. Raises `CertificateError`."""
    if not (options.tls or options.ca_file is not None or options.insecure):
        return None
    return client_context(options.ca_file, verify=not options.insecure)


def _handle(given: str | None, store: TokenStore) -> str:
    """The handle: given, or asked for. Raises `_Usage` and `_Refused`."""
    if given is not None:
        if not is_handle(given):
            raise _Usage(_no_handle(given))
        return given
    if not sys.stdin.isatty():
        raise _Usage("who are you? Give --handle NAME when the input is not a terminal")
    last = store.last_handle()
    while True:
        print(f"Your handle [{last}]: " if last else "Your handle: ", end="", file=sys.stderr, flush=True)
        line = sys.stdin.readline()  # not input(): that misses a Ctrl-C now and then
        if not line:
            raise _Refused
        answer = line.strip() or last or ""
        if is_handle(answer):
            return answer
        if answer:
            print(_no_handle(answer), file=sys.stderr)


def _password(options: argparse.Namespace, store: TokenStore, address: Address, handle: str) -> Password | None:
    """The password, if that is how to log in. Raises `_Usage` and `PasswordError`."""
    mark = store.password_mark(address, handle)
    if options.password_file is not None:
        text = passwords.from_file(options.password_file)
    elif options.password or (mark.exists() and sys.stdin.isatty()):
        text = passwords.ask(f"Password of {handle} at {visible(str(address))}: ")
    elif mark.exists():  # [SCRAM-8]
        raise _Usage(
            f"{handle} logs in at {visible(str(address))} with a password: give --password-file FILE "
            f"(or, if that is over, remove {visible(str(mark))})"
        )
    else:
        return None
    try:
        return Password(text, random.SystemRandom())
    except ValueError as error:
        raise passwords.PasswordError(f"that is no password: {error}") from None


def _no_handle(text: str) -> str:
    better = text.strip().lower().replace(" ", "_")
    proposal = f": try {better}" if is_handle(better) else ""
    return f"'{visible(text)}' is no handle: 1 to 32 small letters a-z, digits, and . _ - (not at the start){proposal}"


def _fail(text: str, code: int) -> int:
    print(f"causerie-chat: {text}", file=sys.stderr)
    return code


def _prepare_streams() -> None:
    """What a stream cannot encode is shown escaped: a latin-1 terminal is no reason to fall over."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")
