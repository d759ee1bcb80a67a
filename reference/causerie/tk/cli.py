"""`causerie-gui`: arguments, and what can go wrong before there is a window.

In here: from a command line to a running `App`, and its exit status. Every failure is one line on stderr.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import sys
from collections.abc import Sequence
from typing import Final

from causerie import passwords
from causerie.client import command_line
from causerie.client.address import Address
from causerie.client.command_line import DEBUG_VARIABLE, UsageError
from causerie.client.tokens import HOME_VARIABLE, TokenStore, data_directory
from causerie.client.visible import visible
from causerie.console.exits import Exit
from causerie.language import N_, _, use
from causerie_spec import __version__

EXAMPLES: Final = N_(
    """\
examples:
  causerie-gui                              asks where and who; the server on this machine is filled in
  causerie-gui chat.example.org --handle alice
  causerie-gui --handle alice --password-file FILE     for an account
  causerie-gui chat.example.org --tls --handle alice   encrypted

F1 lists the keys. Conversations and settings are kept in the data directory
(--data, or ${variable}, or {data}).

exit codes: 0 ok, 1 protocol error, 2 usage, 3 login refused, 4 network.
"""
)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="causerie-gui",
        description=_("Chat in a window."),
        epilog=_(EXAMPLES).format(variable=HOME_VARIABLE, data=data_directory()).replace("%", "%%"),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command_line.add_options(parser)
    parser.add_argument("--theme", choices=("system", "light", "dark"), help=_("colours (default: as chosen last)"))
    parser.add_argument("--version", action="version", version=f"causerie-gui {__version__}")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run `causerie-gui`; returns its exit status."""
    arguments = sys.argv[1:] if arguments is None else arguments
    use(command_line.asked_language(arguments))
    options = _parser().parse_args(arguments)
    try:
        return _main(options)
    except UsageError as error:
        return _fail(visible(str(error)), Exit.USAGE)
    except passwords.PasswordError as error:
        return _fail(visible(str(error)), Exit.LOGIN)
    except KeyboardInterrupt:
        return Exit.OK


def _main(options: argparse.Namespace) -> int:
    if importlib.util.find_spec("tkinter") is None:
        raise UsageError(_("this Python has no tkinter: on Debian, apt-get install python3-tk"))
    import tkinter  # noqa: PLC0415  # only now is it known to be there

    from causerie.tk.app import App  # noqa: PLC0415
    from causerie.tk.connect import Wish  # noqa: PLC0415

    address = command_line.address_of(options.address)
    directory = data_directory(options.data)
    values = {"host": address.host, "port": str(address.port)} if options.address else {}
    wish = None
    if options.handle is not None:
        command_line.check_handle(options.handle)
        display = options.display if options.display is not None else options.handle
        command_line.check_display(display)
        password = _password(options, address)
        tls = options.tls or options.ca_file is not None or options.insecure
        wish = Wish(address, options.handle, display, password, tls, options.ca_file, options.insecure)
        values["handle"] = options.handle
    if options.display is not None:
        values["display"] = options.display
    try:
        app = App(
            directory,
            wish=wish,
            values=values,
            memory=options.memory,
            theme_name=options.theme,
            language=options.language,
        )
    except tkinter.TclError as error:
        if os.environ.get(DEBUG_VARIABLE):
            raise
        said = _("there is no screen to open a window on ({reason}): use causerie-chat in a terminal")
        raise UsageError(said.format(reason=error)) from None
    return app.run()


def _password(options: argparse.Namespace, address: Address) -> str:
    if options.password_file is not None:
        return passwords.from_file(options.password_file)
    if options.password:
        question = _("Password of {handle} at {address}: ")
        return passwords.ask(question.format(handle=options.handle, address=visible(str(address))))
    mark = TokenStore(data_directory(options.data)).password_mark(address, options.handle)
    if mark.exists():
        raise UsageError(
            _("{handle} logs in there with a password: give --password or --password-file FILE").format(
                handle=options.handle
            )
        )
    return ""


def _fail(text: str, code: int) -> int:
    print(f"causerie-gui: {text}", file=sys.stderr)
    return code
