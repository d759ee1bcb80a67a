"""The file of a durable store: how its tables are laid out, and how an older layout becomes the current one.

In here: the layout, its versions, and which files are refused. `application_id` says that a file is Causerie's,
`user_version` which layout it has. A file that is refused is not touched. Not in here: what is read and written
(`sqlite`).
"""

from __future__ import annotations

import contextlib
import secrets
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Final

APPLICATION_ID: Final = int.from_bytes(b"CAUS", "big")

MIGRATIONS: Final[Sequence[str]] = (
    """
    CREATE TABLE meta (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
    CREATE TABLE people (
        handle TEXT PRIMARY KEY,
        digest BLOB,                        -- SHA-256 of the token; NULL: none
        display TEXT NOT NULL,
        last_seen INTEGER NOT NULL          -- ms since the Unix epoch; 0 unknown
    ) WITHOUT ROWID;
    CREATE TABLE accounts (
        handle TEXT PRIMARY KEY,
        salt BLOB NOT NULL,
        stored_key BLOB NOT NULL,
        server_key BLOB NOT NULL,
        iterations INTEGER NOT NULL
    ) WITHOUT ROWID;
    CREATE TABLE conversations (
        id INTEGER PRIMARY KEY,
        key TEXT NOT NULL UNIQUE,
        head INTEGER NOT NULL,
        first INTEGER NOT NULL,
        timestamp INTEGER NOT NULL,         -- of the newest message
        oldest INTEGER NOT NULL,            -- timestamp of the oldest message; 0 none
        members INTEGER NOT NULL
    );
    CREATE INDEX rooms_with_members ON conversations (key) WHERE members > 0;
    CREATE INDEX by_age ON conversations (oldest) WHERE oldest > 0;
    CREATE TABLE members (
        handle TEXT NOT NULL,
        name TEXT NOT NULL,                 -- the conversation, as this member names it
        conversation INTEGER NOT NULL,
        delivered INTEGER NOT NULL,
        read INTEGER NOT NULL,
        PRIMARY KEY (handle, name)
    ) WITHOUT ROWID;
    CREATE INDEX members_of ON members (conversation);
    CREATE TABLE messages (
        id INTEGER PRIMARY KEY,             -- conversation << 32 | seq
        conversation INTEGER NOT NULL,
        timestamp INTEGER NOT NULL,
        sender TEXT NOT NULL,
        txn INTEGER NOT NULL,               -- two's complement
        kind INTEGER NOT NULL,
        text BLOB NOT NULL
    );
    CREATE INDEX txns ON messages (conversation, sender, txn) WHERE txn <> 0;
    """,
)
"""How to get from each version to the next; the first makes an empty file version 1."""


class StoreFileError(Exception):
    """A file that cannot be used: the message says why, and what to do."""


def open_file(path: Path, *, migrations: Sequence[str] = MIGRATIONS) -> sqlite3.Connection:
    """Open a store's file, or make it; bring it up to date. Raises `StoreFileError`."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        made = not path.exists()
        connection = sqlite3.connect(path, timeout=5, isolation_level=None, check_same_thread=False)
        if made:
            with contextlib.suppress(OSError):  # nobody else reads what people say
                path.chmod(0o600)
    except (OSError, sqlite3.Error) as error:
        raise StoreFileError(f"{path}: {error}: choose another file with --data, or --memory to keep nothing") from None
    try:
        _check(connection, path, len(migrations))
        connection.execute("PRAGMA journal_mode = WAL")
        _migrate(connection, migrations)
    except sqlite3.DatabaseError as error:
        connection.close()
        hint = "it was left as it is; restore a copy of it, or choose another file with --data"
        why = " ".join(str(error).split())
        raise StoreFileError(f"{path} is damaged, or not a store of causerie-server ({why}): {hint}") from None
    except StoreFileError:
        connection.close()
        raise
    return connection


def _check(connection: sqlite3.Connection, path: Path, newest: int) -> None:
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if application != APPLICATION_ID and (tables or version or application):
        raise StoreFileError(f"{path} is not a store of causerie-server: choose another file with --data")
    if version > newest:
        raise StoreFileError(
            f"{path} was written by a newer causerie-server (layout {version}; this one knows {newest}): "
            "use that version, or choose another file with --data"
        )
    (state,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    if state != "ok":
        raise sqlite3.DatabaseError(state)


def _migrate(connection: sqlite3.Connection, migrations: Sequence[str]) -> None:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    for number, script in enumerate(migrations[version:], version + 1):
        marks = f"PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {number};"
        try:
            connection.executescript(f"BEGIN IMMEDIATE; {script} {marks} COMMIT;")
        except sqlite3.Error:
            with contextlib.suppress(sqlite3.Error):
                connection.execute("ROLLBACK")
            raise


class Meta:
    """Named values of a store's file."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def get(self, name: str) -> bytes | None:
        """A value, if there is one."""
        row = self._connection.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
        return None if row is None else bytes(row[0])

    def put(self, name: str, value: bytes) -> None:
        """Keep a value."""
        self._connection.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (name, value))

    def made_once(self, name: str, octets: int) -> bytes:
        """Random octets, the same ever after."""
        self._connection.execute("INSERT OR IGNORE INTO meta VALUES (?, ?)", (name, secrets.token_bytes(octets)))
        value = self.get(name)
        assert value is not None
        return value


def lock_file(path: Path) -> sqlite3.Connection:
    """Keep other servers away from a store's file, until the connection is closed or the process ends, however it does.

    (A database that nobody writes to: SQLite knows how to lock files on every system.) Raises `StoreFileError`.
    """
    lock = sqlite3.connect(
        path.with_name(path.name + ".lock"), timeout=0, isolation_level=None, check_same_thread=False
    )
    try:
        lock.execute("BEGIN EXCLUSIVE")
    except sqlite3.Error:
        lock.close()
        raise StoreFileError(
            f"{path} is in use by another causerie-server: stop that one, or choose another file with --data"
        ) from None
    return lock
