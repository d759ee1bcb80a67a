"""Where a server keeps what was said: the options for it, and the store that they mean.

In here: from --data, --memory, --sync and --keep to a store. Not in here: stores (`causerie.store`).
"""

import argparse
import re
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import platformdirs

from causerie.server.accounts import NotDone
from causerie.store.archive import Keep
from causerie.store.memory import KEEP, MemoryStore
from causerie.store.operations import Accounts
from causerie.store.schema import StoreFileError
from causerie.store.sqlite import AccountFile, SqliteStore, Sync


def default_file() -> Path:
    """The file that is used unless --data names another."""
    return platformdirs.user_data_path("causerie", appauthor=False) / "server.db"


def _keep(text: str) -> Keep:
    match = re.fullmatch(r"([1-9][0-9]{0,8})(d?)", text, re.ASCII)
    if match is None:
        raise argparse.ArgumentTypeError(
            f"{text!r} is neither a number of days, such as 30d, nor of messages, such as 1000"
        )
    number = int(match[1])
    return Keep(days=number) if match[2] else Keep(count=number)


def add_options(options: argparse.ArgumentParser) -> None:
    """Where messages are, how safe they are, and for how long."""
    group = options.add_argument_group("messages")
    where = group.add_mutually_exclusive_group()
    where.add_argument(
        "--data", metavar="FILE", type=Path, default=default_file(), help="keep everything in FILE; default %(default)s"
    )
    where.add_argument("--memory", action="store_true", help="keep everything in memory: gone when the server stops")
    group.add_argument(
        "--sync",
        choices=[sync.value for sync in Sync],
        default=Sync.FULL.value,
        help="full: a message that was acknowledged survives the loss of power; normal: the death of the server, which "
        "costs less; default %(default)s",
    )
    group.add_argument(
        "--keep",
        metavar="DAYS|COUNT",
        type=_keep,
        action="append",
        default=[],
        help="keep messages for so many days (30d), or so many of each conversation (1000); give it twice for both; "
        f"default: all, and with --memory {KEEP.count}",
    )


def open_store(options: argparse.Namespace, wall_ms: Callable[[], int]) -> MemoryStore | SqliteStore:
    """The store that the options mean. Raises `StoreFileError`."""
    keep = Keep(
        days=next((each.days for each in options.keep if each.days is not None), None),
        count=next((each.count for each in options.keep if each.count is not None), None),
    )
    if options.memory:
        return MemoryStore(wall_ms, secrets.randbits(64), keep=keep if options.keep else KEEP)
    return SqliteStore(options.data, wall_ms, sync=Sync(options.sync), keep=keep)


@contextmanager
def open_accounts(data: Path) -> Iterator[Accounts]:
    """The accounts in a data file. Raises `NotDone`."""
    try:
        accounts = AccountFile(data)
    except StoreFileError as error:
        raise NotDone(str(error)) from None
    try:
        yield accounts
    finally:
        accounts.close()
