"""The command `causerie-server user`: the accounts of a server's data file; and accounts from a file, at the start.

In here: options, passwords from people, and what is said. It may run while the server does, which sees a change at the
next login. Not in here: what is kept of a password (`causerie.core.accounts`), where (`causerie.store`). Exit status: 0
done, 1 not done, 2 usage.
"""

import argparse
import secrets
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Final

from causerie import passwords
from causerie.core.accounts import ITERATIONS, SALT_SIZE, keys_of
from causerie.core.saslprep import prepare
from causerie.passwords import PasswordError
from causerie.store.operations import Accounts, ScramKeys
from causerie_spec.codes import SCRAM_MAX_ITERATIONS, SCRAM_MIN_ITERATIONS
from causerie_spec.names import is_handle

Open = Callable[[Path], AbstractContextManager[Accounts]]
"""Opens a data file's accounts. Raises `NotDone` with words for people."""

_EXAMPLES: Final = """\
examples:
  causerie-server user add alice                        asks for a password, twice
  causerie-server user add bot --password-file secret   takes it from the first line of a file
  causerie-server user list --data chat.db

An account takes a handle over from whoever used it with a token: its messages and rooms stay, and from now on only the
password lets anybody in. The server may be running: it sees a change at the next login; who is in stays in.
"""


class NotDone(Exception):
    """The command did nothing; the message says why, for people."""


def handle(text: str) -> str:
    """A handle, as an option's type."""
    if not is_handle(text):
        raise argparse.ArgumentTypeError(
            f"{text!r} is no handle: 1 to 32 small letters a-z, digits, and . _ - (not at the start)"
        )
    return text


def iterations(text: str) -> int:
    """A number of iterations that clients take [SCRAM-10], as an option's type."""
    if not (text.isascii() and text.isdecimal() and SCRAM_MIN_ITERATIONS <= int(text) <= SCRAM_MAX_ITERATIONS):
        wanted = f"a number from {SCRAM_MIN_ITERATIONS} to {SCRAM_MAX_ITERATIONS}"
        raise argparse.ArgumentTypeError(f"{text!r} is not {wanted}")
    return int(text)


def keys(password: str, count: int, salt: bytes = b"") -> ScramKeys:
    """What is kept of a password, with a salt of its own unless one is given. Raises `PasswordError`."""
    try:
        return keys_of(password, salt or secrets.token_bytes(SALT_SIZE), count)
    except ValueError as error:
        raise PasswordError(f"that is no password: {error}") from None


def read_users(path: Path) -> Mapping[str, str]:
    """Passwords by handle, from a file with a line `HANDLE:PASSWORD` for each. Raises `PasswordError`."""
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except OSError as error:
        raise PasswordError(f"cannot read {path}: {error.strerror or error}") from None
    except UnicodeDecodeError:
        raise PasswordError(f"{path} is not UTF-8") from None
    users = {}
    for number, line in enumerate(lines, 1):
        if line.strip():
            who, _, password = line.removesuffix("\r").partition(":")
            if not is_handle(who):
                raise PasswordError(f"{path}, line {number}: not HANDLE:PASSWORD")
            try:
                prepare(password, stored=True)
            except ValueError as error:
                raise PasswordError(f"{path}, line {number}: that is no password: {error}") from None
            users[who] = password
    return users


def put_users(accounts: Accounts, users: Mapping[str, str], count: int) -> None:
    """Have accounts with these passwords, which are some; those that are right already stay as they are."""
    known = accounts.accounts()
    for who, password in users.items():
        kept = known.get(who)
        if kept is None or kept != keys(password, kept.iterations, kept.salt):
            accounts.put_account(who, keys(password, count))


def parser(data: Path) -> argparse.ArgumentParser:
    """The options; *data* is the file if none is named."""
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--data", type=Path, metavar="FILE", default=data, help="default %(default)s")
    password = argparse.ArgumentParser(add_help=False)
    source = password.add_mutually_exclusive_group()
    source.add_argument("--password-file", type=Path, metavar="FILE", help="its first line is the password")
    source.add_argument("--password-stdin", action="store_true", help="the first line of stdin is the password")
    password.add_argument(
        "--scram-iterations",
        type=iterations,
        metavar="N",
        default=ITERATIONS,
        help="what a guess at the password costs; the server's own --scram-iterations must be the same, or handles "
        "without an account can be told from others; default %(default)s",
    )
    options = argparse.ArgumentParser(
        prog="causerie-server user",
        description="The accounts of a Causerie server.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    commands = options.add_subparsers(required=True, metavar="COMMAND")
    for do, needs, what in _COMMANDS:
        parents = [common, *([password] if needs else [])]
        command = commands.add_parser(do.__name__.strip("_"), parents=parents, help=what, allow_abbrev=False)
        command.set_defaults(do=do)
        if do is not list_:
            command.add_argument("handle", type=handle, metavar="HANDLE")
    return options


def main(arguments: Sequence[str], data: Path, open_: Open) -> int:
    """Run the command; returns its exit status."""
    options = parser(data).parse_args(arguments)
    try:
        if options.do is not add and not options.data.exists():  # do not make one for a slip of the finger
            raise NotDone(f"there is no file {options.data}: a server that was started makes it, or `user add`")
        with open_(options.data) as accounts:
            options.do(accounts, options)
    except (NotDone, PasswordError) as error:
        print(f"causerie-server user: {error}", file=sys.stderr)
        return 1
    except (KeyboardInterrupt, EOFError):
        print(file=sys.stderr)
        return 1
    return 0


def add(accounts: Accounts, options: argparse.Namespace) -> None:
    """Make an account."""
    if options.handle in accounts.accounts():
        raise NotDone(f"{options.handle} has an account already; `user passwd {options.handle}` changes its password")
    accounts.put_account(options.handle, _new_keys(options))
    print(f"{options.handle} has an account now")


def passwd(accounts: Accounts, options: argparse.Namespace) -> None:
    """Change a password."""
    _check_known(accounts, options.handle)
    accounts.put_account(options.handle, _new_keys(options))
    print(f"{options.handle} has another password now")


def remove(accounts: Accounts, options: argparse.Namespace) -> None:
    """Remove an account."""
    _check_known(accounts, options.handle)
    accounts.remove_account(options.handle)
    print(f"{options.handle} has no account any more; its messages stay, and nobody gets the handle without a new one")


def list_(accounts: Accounts, options: argparse.Namespace) -> None:
    """List the accounts."""
    for name in sorted(accounts.accounts()):
        print(name)


_COMMANDS: Final = (
    (add, True, "make an account"),
    (list_, False, "list the handles that have one"),
    (remove, False, "remove one"),
    (passwd, True, "change a password"),
)
"""The commands: what they do, whether they take a password, and in words."""


def _check_known(accounts: Accounts, name: str) -> None:
    if name not in accounts.accounts():
        raise NotDone(f"{name} has no account; `user list` shows those that have")


def _new_keys(options: argparse.Namespace) -> ScramKeys:
    return keys(_password(options), options.scram_iterations)


def _password(options: argparse.Namespace) -> str:
    if options.password_file is not None:
        return passwords.from_file(options.password_file)
    if options.password_stdin:
        return passwords.from_stdin()
    password = passwords.ask(f"Password for {options.handle}: ")
    if passwords.ask("The same again: ") != password:
        raise PasswordError("the two are not the same")
    return password
