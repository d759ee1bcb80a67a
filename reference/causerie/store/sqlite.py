"""The store that keeps what it was given, in a file of SQLite.

In here: tables in SQLite, one transaction for each batch, and when an epoch ends. A batch that fails is undone as a
whole. What a commit returned survives the death of the process, and, with `Sync.FULL`, the loss of power. Not in here:
the layout (`schema`), what operations do (`archive`), which thread commits (`causerie.server`).
"""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from enum import Enum
from pathlib import Path
from threading import Lock
from typing import Final

from causerie.store.archive import Archive, Keep
from causerie.store.conversation import Conversation, Cursors
from causerie.store.keys import name_for
from causerie.store.operations import (
    Conversations,
    Credentials,
    FindPage,
    FindPerson,
    Members,
    Operation,
    Read,
    Result,
    Room,
    Rooms,
    ScramKeys,
    Settle,
    Stored,
)
from causerie.store.schema import Meta, lock_file, open_file
from causerie.store.tables import PersonRow
from causerie_spec.codes import DURABLE, HISTORY, LOBBY

_READS: Final = (Conversations, Credentials, FindPage, FindPerson, Members, Read, Rooms, Settle)
"""Operations that write nothing."""
BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")
"""Where Linux says which run of the machine this is. Elsewhere every run might be another."""


class Sync(Enum):
    """How safe a commit is."""

    FULL = "full"
    """From the loss of power."""
    NORMAL = "normal"
    """From the death of the process; after a loss of power the last messages may be gone, and the epoch is another."""


class SqliteTables:
    """The rows, as SQLite has them. Not for two threads at once."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._do = connection.execute
        self._appended: list[tuple[int, int, int, str, int, int, bytes]] = []
        self._txns: dict[tuple[int, str, int], Stored] = {}
        """Of the messages in `_appended`, which are not in the table yet."""

    def write_messages(self) -> None:
        """Put into the table what was appended, all at once."""
        if self._appended:
            self._connection.executemany("INSERT INTO messages VALUES (?, ?, ?, ?, ?, ?, ?)", self._appended)
            self._appended.clear()
            self._txns.clear()

    def forget_messages(self) -> None:
        """The batch was undone."""
        self._appended.clear()
        self._txns.clear()

    def conversation(self, key: str) -> Conversation | None:
        """See `Tables`."""
        row = self._do("SELECT id, head, first, timestamp, oldest FROM conversations WHERE key = ?", (key,)).fetchone()
        if row is None:
            return None
        conversation = Conversation(key)
        conversation.row, conversation.head, conversation.first, conversation.timestamp, conversation.oldest = row
        if key != LOBBY:
            members = self._do(
                "SELECT handle, delivered, read FROM members WHERE conversation = ?", (conversation.row,)
            )
            for handle, delivered, read in members:
                conversation.begin(handle, Cursors(delivered, read))
        return conversation

    def save(self, conversation: Conversation) -> None:
        """See `Tables`."""
        numbers = (conversation.head, conversation.first, conversation.timestamp, conversation.oldest)
        members = 0 if conversation.key == LOBBY else len(conversation.cursors)
        if conversation.row:
            self._do(
                "UPDATE conversations SET head = ?, first = ?, timestamp = ?, oldest = ?, members = ? WHERE id = ?",
                (*numbers, members, conversation.row),
            )
        else:
            made = self._do(
                "INSERT INTO conversations (key, head, first, timestamp, oldest, members) VALUES (?, ?, ?, ?, ?, ?)",
                (conversation.key, *numbers, members),
            )
            assert made.lastrowid is not None
            conversation.row = made.lastrowid

    def lobby_cursors(self, lobby: Conversation, handle: str) -> Cursors | None:
        """See `Tables`."""
        row = self._do("SELECT delivered, read FROM members WHERE handle = ? AND name = ?", (handle, LOBBY)).fetchone()
        return None if row is None else Cursors(*row)

    def save_cursors(self, conversation: Conversation, handle: str, cursors: Cursors) -> None:
        """See `Tables`."""
        name = name_for(conversation.key, handle)
        self._do(
            "INSERT OR REPLACE INTO members VALUES (?, ?, ?, ?, ?)",
            (handle, name, conversation.row, cursors.delivered, cursors.read),
        )

    def remove_cursors(self, conversation: Conversation, handle: str) -> None:
        """See `Tables`."""
        name = name_for(conversation.key, handle)
        self._do("DELETE FROM members WHERE handle = ? AND name = ?", (handle, name))

    def memberships(self, handle: str, after: str, limit: int) -> Sequence[str]:
        """See `Tables`."""
        rows = self._do(
            "SELECT key FROM members JOIN conversations ON id = conversation"
            " WHERE handle = ? AND name > ? ORDER BY name LIMIT ?",
            (handle, after, limit),
        )
        return [key for (key,) in rows]

    def rooms_of(self, handle: str) -> Sequence[str]:
        """See `Tables`."""
        rows = self._do("SELECT name FROM members WHERE handle = ? AND name < '$' AND name <> ?", (handle, LOBBY))
        return [name for (name,) in rows]

    def rooms(self, after: str, limit: int) -> Sequence[Room]:
        """See `Tables`."""
        rows = self._do(
            "SELECT key, members FROM conversations"
            " WHERE members > 0 AND key > ? AND key < '$' AND key <> ? ORDER BY key LIMIT ?",
            (after, LOBBY, limit),
        )
        return [Room(*row) for row in rows]

    def append(self, conversation: Conversation, message: Stored) -> None:
        """See `Tables`."""
        self._appended.append(
            (
                _message_id(conversation, message.seq),
                conversation.row,
                message.timestamp,
                message.sender,
                _signed(message.txn),
                message.kind,
                message.text.encode(),
            )
        )
        self._txns[conversation.row, message.sender, message.txn] = message

    def find_txn(self, conversation: Conversation, sender: str, txn: int) -> Stored | None:
        """See `Tables`."""
        pending = self._txns.get((conversation.row, sender, txn))
        if pending is not None:
            return pending
        row = self._do(
            "SELECT id, timestamp, sender, txn, kind, text FROM messages"
            " WHERE conversation = ? AND sender = ? AND txn = ? AND txn <> 0 ORDER BY id DESC LIMIT 1",
            (conversation.row, sender, _signed(txn)),
        ).fetchone()
        return None if row is None else _stored(row)

    def read(self, conversation: Conversation, first: int, last: int) -> Iterable[Stored]:
        """See `Tables`."""
        self.write_messages()
        rows = self._do(
            "SELECT id, timestamp, sender, txn, kind, text FROM messages WHERE id BETWEEN ? AND ? ORDER BY id",
            (_message_id(conversation, first), _message_id(conversation, last)),
        )
        return map(_stored, rows)

    def sizes(self, conversation: Conversation, first: int, last: int, backwards: bool) -> Iterator[int]:
        """See `Tables`."""
        if first > last:
            return
        self.write_messages()
        rows = self._do(
            f"SELECT length(text) FROM messages WHERE id BETWEEN ? AND ? ORDER BY id {'DESC' if backwards else 'ASC'}",
            (_message_id(conversation, first), _message_id(conversation, last)),
        )
        for (size,) in rows:
            yield size

    def timestamp(self, conversation: Conversation, seq: int) -> int:
        """See `Tables`."""
        self.write_messages()
        row = self._do("SELECT timestamp FROM messages WHERE id = ?", (_message_id(conversation, seq),)).fetchone()
        return int(row[0])

    def first_since(self, conversation: Conversation, time: int) -> int:
        """See `Tables`."""
        row = self._do(
            "SELECT min(id) FROM messages WHERE id BETWEEN ? AND ? AND timestamp >= ?",
            (_message_id(conversation, conversation.first), _message_id(conversation, conversation.head), time),
        ).fetchone()
        return conversation.head + 1 if row[0] is None else row[0] & 0xFFFF_FFFF

    def older_than(self, time: int, limit: int) -> Sequence[str]:
        """See `Tables`."""
        rows = self._do("SELECT key FROM conversations WHERE oldest > 0 AND oldest < ? LIMIT ?", (time, limit))
        return [key for (key,) in rows]

    def remove_below(self, conversation: Conversation, seq: int) -> None:
        """See `Tables`."""
        self.write_messages()
        span = (_message_id(conversation, 0), _message_id(conversation, seq))
        self._do("DELETE FROM messages WHERE id >= ? AND id < ?", span)

    def person(self, handle: str) -> PersonRow | None:
        """See `Tables`."""
        row = self._do("SELECT handle, digest, display, last_seen FROM people WHERE handle = ?", (handle,)).fetchone()
        return None if row is None else PersonRow(*row)

    def save_person(self, person: PersonRow) -> None:
        """See `Tables`."""
        row = (person.handle, person.digest, person.display, person.last_seen)
        self._do("INSERT OR REPLACE INTO people VALUES (?, ?, ?, ?)", row)

    def remove_person(self, handle: str) -> None:
        """See `Tables`."""
        self._do("DELETE FROM people WHERE handle = ?", (handle,))

    def account(self, handle: str) -> ScramKeys | None:
        """See `Tables`."""
        row = self._do(
            "SELECT salt, stored_key, server_key, iterations FROM accounts WHERE handle = ?", (handle,)
        ).fetchone()
        return None if row is None else ScramKeys(*row)

    def accounts(self) -> Mapping[str, ScramKeys]:
        """See `Accounts`."""
        rows = self._do("SELECT handle, salt, stored_key, server_key, iterations FROM accounts ORDER BY handle")
        return {handle: ScramKeys(*keys) for handle, *keys in rows}

    def put_account(self, handle: str, keys: ScramKeys) -> None:
        """See `Accounts`."""
        row = (handle, keys.salt, keys.stored_key, keys.server_key, keys.iterations)
        with _transaction(self._connection):
            self._do("INSERT OR REPLACE INTO accounts VALUES (?, ?, ?, ?, ?)", row)
            self._do("UPDATE people SET digest = NULL WHERE handle = ?", (handle,))

    def remove_account(self, handle: str) -> bool:
        """See `Accounts`."""
        with _transaction(self._connection):
            self._do(
                "INSERT OR IGNORE INTO people SELECT handle, NULL, handle, 0 FROM accounts WHERE handle = ?", (handle,)
            )
            return self._do("DELETE FROM accounts WHERE handle = ?", (handle,)).rowcount > 0


class _transaction:  # noqa: N801  # reads like a statement
    """All of it, or nothing."""

    def __init__(self, connection: sqlite3.Connection, *, writes: bool = True) -> None:
        self._connection = connection
        self._begin = "BEGIN IMMEDIATE" if writes else "BEGIN"

    def __enter__(self) -> None:
        self._connection.execute(self._begin)

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is None:
            self._connection.execute("COMMIT")
        elif self._connection.in_transaction:
            self._connection.execute("ROLLBACK")


def _signed(number: int) -> int:
    """A u64 as SQLite, whose integers have a sign, keeps it."""
    return number - (1 << 64) if number >= 1 << 63 else number


def _message_id(conversation: Conversation, seq: int) -> int:
    return conversation.row << 32 | seq


def _stored(row: tuple[int, int, str, int, int, bytes]) -> Stored:
    id_, timestamp, sender, txn, kind, text = row
    return Stored(id_ & 0xFFFF_FFFF, timestamp, sender, txn % (1 << 64), kind, text.decode())


class AccountFile(SqliteTables):
    """The accounts in a store's file, which a server may be using at the same time. Raises `StoreFileError`."""

    def __init__(self, path: Path) -> None:
        super().__init__(open_file(path))

    def close(self) -> None:
        """Give it back."""
        self._connection.close()


class SqliteStore(SqliteTables):
    """A store in the file *path*, and its accounts. Raises `StoreFileError`.

    *wall_ms* tells the time in ms since the Unix epoch; *keep* is everything unless it says otherwise.
    """

    name = "sqlite"
    capabilities = frozenset({HISTORY, DURABLE})

    def __init__(
        self, path: Path, wall_ms: Callable[[], int], *, sync: Sync = Sync.FULL, keep: Keep | None = None
    ) -> None:
        connection = open_file(path)
        try:
            self._lock = lock_file(path)
        except BaseException:
            connection.close()
            raise
        super().__init__(connection)
        self._do(f"PRAGMA synchronous = {sync.value}")
        self._meta = Meta(connection)
        self._busy = Lock()
        """Held while a batch is committed: a server that is stopped at once closes its store meanwhile."""
        with _transaction(connection):
            self.secret = self._meta.made_once("secret", 32)
            self.epoch = self._begin_run(sync)
        self.archive = Archive(self, wall_ms, keep=keep)

    def _begin_run(self, sync: Sync) -> int:
        """The epoch: another one if the last run may have lost what it committed, together with power [HELLO-7]."""
        boot = BOOT_ID.read_bytes() if BOOT_ID.exists() else b""
        unsafe = self._meta.get("sync") == Sync.NORMAL.value.encode() and self._meta.get("clean") != b"1"
        same_boot = boot != b"" and boot == self._meta.get("boot")
        if unsafe and not same_boot:
            self._meta.put("epoch", secrets.token_bytes(8))
        self._meta.put("sync", sync.value.encode())
        self._meta.put("boot", boot)
        self._meta.put("clean", b"0")
        return int.from_bytes(self._meta.made_once("epoch", 8), "big")

    def commit(self, operations: Sequence[Operation]) -> list[Result]:
        """See `Store`. Raises `sqlite3.Error`."""
        writes = self.archive.is_sweep_due() or not all(isinstance(operation, _READS) for operation in operations)
        try:
            with self._busy, _transaction(self._connection, writes=writes):
                self.archive.begin()
                apply = self.archive.apply
                results = [apply(operation) for operation in operations]
                self.archive.flush()
                self.write_messages()
        except BaseException:
            self.forget_messages()
            self.archive.forget()
            raise
        return results

    def close(self) -> None:
        """See `Store`."""
        with self._busy, _transaction(self._connection):
            self._meta.put("clean", b"1")
        self.abandon()

    def abandon(self) -> None:
        """Let go of the file, as the death of the process would."""
        self._connection.close()
        self._lock.close()
