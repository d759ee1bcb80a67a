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
from dataclasses import dataclass
from typing import Final, NoReturn

from causerie import passwords
from causerie.client import command_line
from causerie.client.address import Address
from causerie.client.command_line import DEBUG_VARIABLE, UsageError
from causerie.client.local_store import LocalStore, LocalStoreError
from causerie.client.session import Session
from causerie.client.tokens import HOME_VARIABLE, TokenError, TokenStore, data_directory
from causerie.client.visible import visible
from causerie.client.wording import sentence
from causerie.console import settings
from causerie.console.exits import Exit, exit_code
from causerie.console.plain import PlainShell, raw_input
from causerie.console.view import View
from causerie.core.client import Cause, Ending, Identity, Password
from causerie.language import N_, _, use
from causerie.tls.contexts import CertificateError
from causerie_spec import __version__
from causerie_spec.names import is_handle

EXAMPLES: Final = N_(
    """\
examples:
  causerie-chat                             the server on this machine, port 5000; asks for a handle
  causerie-chat chat.example.org --handle alice
  causerie-chat [::1]:5001 --handle bob --display "Bob B."
  causerie-chat --handle alice --password   for an account; asks for its password
  causerie-chat chat.example.org --tls      encrypted; the server shows a certificate for that name
  printf 'hi\\nquit\\n' | causerie-chat --handle bot
  causerie-chat --handle bot --json         one JSON object a line: {{"do":"send","text":"hi"}}
  causerie-chat --handle alice --export-token alice.token    then, on another device:
  causerie-chat --import-token alice.token

while chatting:
  a line goes to everybody; /msg @bob hello to bob alone; /me waves; /join #ops; /help; quit

a handle belongs to whoever used it first: the secret that proves it is kept in the data
directory (--data, or ${variable}, or {data}). An account, which the server's operator made,
has a password instead. Once you used it there, nothing less is shown to that server.

exit codes: 0 ok, 1 protocol error, 2 usage, 3 login refused, 4 network.
Colours only in a terminal, and not if NO_COLOR is set.

keys of {config} (or ${config_variable}), in a section [chat]:
{keys}
"""
)


@dataclass(frozen=True)
class _End:
    """How a shell ended, and whether there ever was a login."""

    ending: Ending
    logged_in: bool


class _Refused(Exception):
    """The user would not answer."""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="causerie-chat",
        description=_("Chat from a terminal, or from a pipe."),
        epilog=_(EXAMPLES)
        .format(
            variable=HOME_VARIABLE,
            data=data_directory(),
            config=settings.path(),
            config_variable=settings.VARIABLE,
            keys=settings.documented(),
        )
        .replace("%", "%%"),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command_line.add_options(parser)
    parser.add_argument(
        "--json", action="store_true", help=_("one JSON object a line, in and out; no prompt, for programs")
    )
    token = parser.add_mutually_exclusive_group()
    token.add_argument(
        "--export-token", metavar="FILE", help=_("write your login token for another device to FILE (- is stdout)")
    )
    token.add_argument("--import-token", metavar="FILE", help=_("take over a token from such a file (- is stdin)"))
    parser.add_argument("--version", action="version", version=f"causerie-chat {__version__}")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run `causerie-chat`; returns its exit code."""
    _prepare_streams()
    try:
        use(command_line.asked_language(sys.argv[1:] if arguments is None else arguments))
        return _main(_parser().parse_args(arguments))
    except (UsageError, CertificateError, LocalStoreError) as error:
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
        return _fail(_("{bug}; {variable}=1 shows where").format(bug=bug, variable=DEBUG_VARIABLE), Exit.PROTOCOL)


def _main(options: argparse.Namespace) -> int:
    store = TokenStore(data_directory(options.data))
    if options.import_token is not None:
        where, who = command_line.import_token(store, options.import_token)
        text = _("{handle} can log in at {address} from here: causerie-chat {address} --handle {handle}")
        print(text.format(handle=who, address=where))
        return Exit.OK
    options.settings = settings.load()
    address = command_line.address_of(options.address or options.settings["server"])
    tls = command_line.tls_of(options)
    handle = _handle(options.handle or options.settings["handle"] or None, store)
    if options.export_token is not None:
        command_line.export_token(store, address, handle, options.export_token)
        return Exit.OK
    display = options.display if options.display is not None else handle
    command_line.check_display(display)
    password = _password(options, store, address, handle)
    identity = command_line.identity(store, address, handle, display, password)
    kept, warning = command_line.local_store(store, address, handle, memory=options.memory)
    if warning:
        print(f"-- {warning}", file=sys.stderr)
    try:
        ended, code = _run(options, identity, address, kept, tls)
    finally:
        kept.close()
    if ended.logged_in:
        store.remember_handle(handle)
        if password is not None:
            store.remember_password(address, handle)
    if ended.ending.cause is not Cause.QUIT:
        return _fail(sentence(ended.ending, address, handle), code)
    return code


def _run(
    options: argparse.Namespace, identity: Identity, address: Address, store: LocalStore, tls: ssl.SSLContext | None
) -> tuple[_End, Exit]:
    interactive = sys.stdin.isatty() and sys.stdout.isatty() and not options.json
    agent = f"causerie-chat/{__version__}"
    if interactive and os.environ.get("TERM") != "dumb":
        if importlib.util.find_spec("prompt_toolkit") is not None:
            return _run_screen(options, identity, address, store, tls)
        print(_("-- for a better prompt: pip install 'causerie[console]'"), file=sys.stderr)
    if threading_signal := getattr(signal, "SIGTERM", None):
        signal.signal(threading_signal, _interrupt)
    session = Session(identity, address, store, random.SystemRandom(), agent=agent, tls=tls)
    view = View(address, identity.handle, kept=store.path is not None)
    patient = not sys.stdin.isatty()
    shell = PlainShell(
        session,
        view,
        raw=raw_input(sys.stdin),
        out=sys.stdout,
        err=sys.stderr,
        patient=patient,
        as_json=options.json,
    )
    code = shell.run()
    session.join(1.0)
    assert view.ended is not None
    return _End(view.ended.ending, view.logged_in), code


def _run_screen(
    options: argparse.Namespace, identity: Identity, address: Address, store: LocalStore, tls: ssl.SSLContext | None
) -> tuple[_End, Exit]:
    from causerie.console.screen import ScreenShell  # noqa: PLC0415  # optional dependency

    def make_session(notify: Callable[[], None]) -> Session:
        return Session(
            identity,
            address,
            store,
            random.SystemRandom(),
            agent=f"causerie-chat/{__version__}",
            tls=tls,
            notify=notify,
            insist=store.saved().epoch is not None,
            watch=True,
        )

    shell = ScreenShell(make_session, options.settings)
    ended = shell.run()
    shell.session.join(1.0)
    return _End(ended.ending, shell.view.logged_in), exit_code(ended)


def _interrupt(*_: object) -> NoReturn:
    raise KeyboardInterrupt


def _handle(given: str | None, store: TokenStore) -> str:
    """The handle: given, or asked for. Raises `UsageError` and `_Refused`."""
    if given is not None:
        command_line.check_handle(given)
        return given
    if not sys.stdin.isatty():
        raise UsageError(_("who are you? Give --handle NAME when the input is not a terminal"))
    last = store.last_handle()
    while True:
        question = _("Your handle [{last}]: ").format(last=last) if last else _("Your handle: ")
        print(question, end="", file=sys.stderr, flush=True)
        line = sys.stdin.readline()  # not input(): that misses a Ctrl-C now and then
        if not line:
            raise _Refused
        answer = line.strip() or last or ""
        if is_handle(answer):
            return answer
        if answer:
            try:
                command_line.check_handle(answer)
            except UsageError as error:
                print(error, file=sys.stderr)


def _password(options: argparse.Namespace, store: TokenStore, address: Address, handle: str) -> Password | None:
    """The password, if that is how to log in. Raises `UsageError` and `PasswordError`."""
    mark = store.password_mark(address, handle)
    if options.password_file is not None:
        text = passwords.from_file(options.password_file)
    elif options.password or (mark.exists() and sys.stdin.isatty()):
        question = _("Password of {handle} at {address}: ")
        text = passwords.ask(question.format(handle=handle, address=visible(str(address))))
    elif mark.exists():  # [SCRAM-8]
        said = _(
            "{handle} logs in at {address} with a password: give --password-file FILE "
            "(or, if that is over, remove {file})"
        )
        raise UsageError(said.format(handle=handle, address=visible(str(address)), file=visible(str(mark))))
    else:
        return None
    return command_line.password_from(text)


def _fail(text: str, code: int) -> int:
    print(f"causerie-chat: {text}", file=sys.stderr)
    return code


def _prepare_streams() -> None:
    """What a stream cannot encode is shown escaped: a latin-1 terminal is no reason to fall over."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")
