"""What a client keeps of one handle at one server: conversations, messages, cursors, the outbox. SQLite.

In here: the file, its layout, writing what events say, reading what views show. Not in here: what the client does
(`causerie.core.client`), what changed on the screen (`session`).

The rules:

* `record` writes all events of a turn in one transaction, before any octet of that turn goes out and before anything of
  it is shown. So a message is kept before it is sent, and what is shown stays.
* ``synchronous=NORMAL`` in WAL mode: the sudden death of this program loses nothing; a power cut may lose the last
  moments, and then the server still has them, and the txn keeps a message from being sent twice.
* One program at a time: the file is locked while it is open (`StoreInUse`).
* A file that is damaged, newer, or none of ours is refused and not touched (`LocalStoreError`).
* 64-bit numbers are kept less 2⁶³: SQLite's integers are signed, and so their order is kept.
* Numbers of messages belong to an *era*: each new epoch of the server's numbers begins one; older eras stay readable.
"""

from __future__ import annotations

import contextlib
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from causerie.client.model import WAITING, Chat, Entry, Place
from causerie.core.client import (
    AllTold,
    ConversationTold,
    Event,
    LoggedIn,
    MessageQueued,
    MessageShown,
    MessagesMissed,
    MessageState,
    MessageWithdrawn,
    OlderCame,
    ReceiptTold,
    RoomJoined,
    RoomLeft,
    Saved,
    SendState,
)
from causerie.core.client import Entry as OutboxEntry
from causerie.language import _
from causerie_spec.codes import MAX_KIND_FROM_CLIENT, Kind
from causerie_spec.messages import ChatMessage

APPLICATION_ID: Final = int.from_bytes(b"CAUc", "big")
LAYOUT: Final = 1
_SHIFT: Final = 1 << 63
_GAP: Final = -1
"""The kind of a row that stands for messages that cannot be had."""

_TABLES: Final = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value INTEGER) WITHOUT ROWID;
CREATE TABLE conversations (
    name TEXT PRIMARY KEY,
    known INTEGER NOT NULL,             -- does `shown` belong to this era?
    low INTEGER NOT NULL,               -- what is above it, up to `shown`, is kept, or cannot be had
    shown INTEGER NOT NULL,
    read INTEGER NOT NULL,              -- by the user, on any device
    seen_era INTEGER NOT NULL,
    seen INTEGER NOT NULL,              -- what was before the user's eyes here
    all_delivered INTEGER NOT NULL,
    all_read INTEGER NOT NULL,
    members INTEGER NOT NULL,
    listed INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE messages (
    conversation TEXT NOT NULL,
    era INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    timestamp INTEGER NOT NULL,         -- ms since the Unix epoch
    sender TEXT NOT NULL,
    kind INTEGER NOT NULL,
    text TEXT NOT NULL,
    mention INTEGER NOT NULL,
    missing INTEGER NOT NULL,
    PRIMARY KEY (conversation, era, seq)
) WITHOUT ROWID;
CREATE TABLE outbox (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    txn INTEGER NOT NULL UNIQUE,
    conversation TEXT NOT NULL,
    kind INTEGER NOT NULL,
    text TEXT NOT NULL,
    written INTEGER NOT NULL,           -- ms since the Unix epoch
    state TEXT NOT NULL,
    epoch INTEGER,
    repeatable INTEGER NOT NULL,
    code INTEGER,
    detail TEXT NOT NULL,
    seq INTEGER                         -- once it was ACKed
);
"""


class LocalStoreError(Exception):
    """The file cannot be used; the message says which and why, for people."""


class StoreInUse(LocalStoreError):
    """Another program has it open."""


def mentions(text: str, handle: str) -> bool:
    """Does the text name that handle, as a word?"""
    folded = text.casefold()
    start = folded.find(handle)
    while start >= 0:
        before, after = folded[start - 1 : start], folded[start + len(handle) : start + len(handle) + 1]
        if not (_in_handle(before) or (_in_handle(after) and after not in ".-")):
            return True
        start = folded.find(handle, start + 1)
    return False


def _in_handle(character: str) -> bool:
    return bool(character) and (character.isalnum() or character in "_.-")


def _in(number: int) -> int:
    return number - _SHIFT


def _out(number: int) -> int:
    return number + _SHIFT


_ZERO: Final = _in(0)


class LocalStore:
    """The store of ``handle`` in the file ``path``, or in memory alone (None). All methods may be called in any thread.

    ``clock`` gives milliseconds since the Unix epoch. Raises `LocalStoreError` and `StoreInUse`.
    """

    def __init__(
        self, path: Path | None, handle: str, *, clock: Callable[[], int] = lambda: time.time_ns() // 1_000_000
    ) -> None:
        self.path = path
        self._handle = handle
        self._clock = clock
        self._lock = threading.RLock()
        self._database = _open(path)
        self._era = self._meta("era") or 0

    @property
    def era(self) -> int:
        """The era of the server's numbers that is current."""
        return self._era

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._database.close()

    def to_memory(self) -> None:
        """Go on in memory with what is there: the disk takes nothing more."""
        with self._lock:
            memory = _connect(":memory:")
            with contextlib.suppress(sqlite3.Error):
                self._database.rollback()
            try:
                self._database.backup(memory)
            except sqlite3.Error:
                _lay_out(memory)
            self._database.close()
            self._database, self.path = memory, None

    # What happened.

    def record(self, events: Iterable[Event]) -> None:
        """Keep what these events say, all or nothing. Raises sqlite3.Error when the disk does not take it."""
        with self._lock:
            era = self._era
            database = self._database
            try:
                begun = False
                for event in events:
                    write = _WRITERS.get(type(event))
                    if write is not None:
                        if not begun:
                            database.execute("BEGIN IMMEDIATE")
                            begun = True
                        write(self, event)
                if begun:
                    database.execute("COMMIT")
            except BaseException:
                self._era = era
                with contextlib.suppress(sqlite3.Error):
                    database.execute("ROLLBACK")
                raise

    def set_read(self, conversation: str, place: Place) -> None:
        """The user has read up to there, on this device. Raises sqlite3.Error."""
        era, seq = place[0], _in(place[1])
        with self._lock:
            self._run("UPDATE conversations SET seen_era = ?, seen = ? WHERE name = ?", era, seq, conversation)
            if era == self._era:
                self._run("UPDATE conversations SET read = MAX(read, ?) WHERE name = ?", seq, conversation)

    # For the client core.

    def saved(self) -> Saved:
        """What the client goes on from."""
        with self._lock:
            epoch = self._meta("epoch")
            known = self._rows("SELECT name, shown, read FROM conversations WHERE known = 1")
            entries = tuple(self._entry_of_core(row) for row in self._outbox(("pending", "in flight", "unconfirmed")))
            return Saved(
                None if epoch is None else _out(epoch),
                {name: _out(shown) for name, shown, _ in known},
                {name: _out(read) for name, _, read in known if read != _ZERO},
                bool(self._meta("listed")),
                entries,
            )

    # For views.

    def chats(self) -> list[Chat]:
        """All conversations."""
        with self._lock:
            found = []
            rows = self._rows(
                "SELECT name, shown, read, all_delivered, all_read, members, listed, seen_era, seen"
                " FROM conversations ORDER BY name"
            )
            for name, shown, read, all_delivered, all_read, members, listed, seen_era, seen in rows:
                chat = Chat(name, self._era, _out(shown), _out(read), _out(all_delivered), _out(all_read), members)
                chat.listed, chat.seen = bool(listed), (seen_era, _out(seen))
                chat.unread, chat.mentions = self.unread(name, chat.read, chat.shown)
                newest = self.page(name, None, 1)
                chat.last = newest[-1] if newest else None
                found.append(chat)
            return found

    def unread(self, name: str, read: int, shown: int) -> tuple[int, int]:
        """How many messages of others stand above ``read``, up to ``shown``, and how many of them name the user."""
        row = self._rows(
            "SELECT COUNT(*), COALESCE(SUM(mention), 0) FROM messages"
            " WHERE conversation = ? AND era = ? AND seq > ? AND seq <= ? AND sender <> ? AND kind BETWEEN 0 AND ?",
            *(name, self._era, _in(read), _in(shown), self._handle, MAX_KIND_FROM_CLIENT),
        )[0]
        return int(row[0]), int(row[1])

    def page(self, name: str, before: Place | None, limit: int, last: Place | None = None) -> list[Entry]:
        """The last ``limit`` rows before that place, ascending; None: the newest, up to ``last`` (included)."""
        era, seq = before if before is not None else (WAITING, 0)
        until_era, until_seq = last if last is not None else (WAITING, 0)
        rows = self._rows(
            "SELECT era, seq, timestamp, sender, kind, text, missing FROM messages WHERE conversation = ?"
            " AND (era, seq) < (?, ?) AND (era, seq) <= (?, ?) ORDER BY era DESC, seq DESC LIMIT ?",
            *(name, era, _in(seq), until_era, _in(until_seq), limit),
        )
        return [self._entry(name, *row) for row in reversed(rows)]

    def unseen(self, name: str, seen: Place, last: Place) -> list[Entry]:
        """The rows behind ``seen``, up to ``last`` (included), ascending."""
        rows = self._rows(
            "SELECT era, seq, timestamp, sender, kind, text, missing FROM messages WHERE conversation = ?"
            " AND (era, seq) > (?, ?) AND (era, seq) <= (?, ?) ORDER BY era, seq",
            *(name, seen[0], _in(seen[1]), last[0], _in(last[1])),
        )
        return [self._entry(name, *row) for row in rows]

    def refresh(self, chat: Chat) -> None:
        """What the server told, and what is unread, anew; how far the conversation is shown is the caller's affair."""
        with self._lock:
            rows = self._rows(
                "SELECT read, all_delivered, all_read, members, seen_era, seen FROM conversations WHERE name = ?",
                chat.name,
            )
            if rows and chat.era == self._era:
                read, all_delivered, all_read, chat.members, seen_era, seen = rows[0]
                chat.seen = (seen_era, _out(seen))
                chat.read, chat.all_delivered, chat.all_read = _out(read), _out(all_delivered), _out(all_read)
                chat.unread, chat.mentions = self.unread(chat.name, chat.read, chat.shown)

    def low(self, name: str) -> int:
        """The seq of this era above which everything is kept or cannot be had; 0: there is nothing older."""
        rows = self._rows("SELECT low FROM conversations WHERE name = ? AND known = 1", name)
        return _out(rows[0][0]) if rows else 0

    def waiting(self) -> list[Entry]:
        """What is in the outbox, in order, also what failed."""
        return [self._waiting_entry(row) for row in self._outbox()]

    def search(self, text: str, name: str | None, limit: int) -> list[Entry]:
        """Messages that hold the text, whatever its case, the newest first."""
        where, arguments = ("AND conversation = ?", (name,)) if name is not None else ("", ())
        with self._lock:
            rows = self._rows(
                "SELECT conversation, era, seq, timestamp, sender, kind, text, missing FROM messages"
                f" WHERE kind BETWEEN 0 AND ? {where} AND holds(text, ?) ORDER BY timestamp DESC, seq DESC LIMIT ?",
                *(MAX_KIND_FROM_CLIENT, *arguments, text.casefold(), limit),
            )
        return [self._entry(*row) for row in rows]

    # Inside.

    def _rows(self, statement: str, *arguments: Any) -> list[Any]:
        with self._lock:
            return self._database.execute(statement, arguments).fetchall()

    def _run(self, statement: str, *arguments: Any) -> None:
        with self._lock:
            self._database.execute(statement, arguments)

    def _meta(self, name: str) -> int | None:
        rows = self._rows("SELECT value FROM meta WHERE name = ?", name)
        return int(rows[0][0]) if rows else None

    def _outbox(self, states: Sequence[str] = ()) -> Iterator[dict[str, Any]]:
        with self._lock:
            cursor = self._database.execute("SELECT * FROM outbox ORDER BY number")
            names = [column[0] for column in cursor.description]
            rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
        return (row for row in rows if not states or row["state"] in states)

    def _entry(
        self, name: str, era: int, seq: int, timestamp: int, sender: str, kind: int, text: str, missing: int
    ) -> Entry:
        mine = sender == self._handle
        return Entry(name, (era, _out(seq)), _out(timestamp), sender, max(kind, 0), text, 0, mine, None, "", missing)

    def _waiting_entry(self, row: dict[str, Any]) -> Entry:
        core = self._entry_of_core(row)
        state = {"failed": SendState.FAILED, "sent": SendState.SENT}.get(row["state"], core.state)
        reason = row["detail"]
        place = (WAITING, row["number"])
        return Entry(
            core.conversation, place, row["written"], self._handle, core.kind, core.text, core.txn, True, state, reason
        )

    def _entry_of_core(self, row: dict[str, Any]) -> OutboxEntry:
        state = SendState.PENDING
        if row["state"] != "pending":
            sure = row["state"] == "in flight" and row["repeatable"]
            state = SendState.DOUBTFUL if sure else SendState.UNCONFIRMED
        epoch = None if row["epoch"] is None else _out(row["epoch"])
        return OutboxEntry(
            _out(row["txn"]), row["conversation"], row["kind"], row["text"], state, epoch, bool(row["repeatable"])
        )

    # Writers, inside a transaction.

    def _logged_in(self, event: LoggedIn) -> None:
        epoch = self._meta("epoch")
        if epoch is not None and _out(epoch) != event.epoch:
            # What was ACKed, and came back to nobody, was in the log of the era that ends.
            for row in list(self._outbox(("sent",))):
                self._keep(row["conversation"], row["seq"], _in(row["written"]), self._handle, row["kind"], row["text"])
            self._run("DELETE FROM outbox WHERE state = 'sent'")
            self._era += 1
            self._set_meta("era", self._era)
            self._set_meta("listed", 0)
            self._run(
                "UPDATE conversations SET known = 0, low = ?, shown = ?, read = ?, all_delivered = ?, all_read = ?",
                *([_ZERO] * 5),
            )
        self._set_meta("epoch", _in(event.epoch))

    def _set_meta(self, name: str, value: int) -> None:
        self._run("INSERT INTO meta VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value", name, value)

    def _queued(self, event: MessageQueued) -> None:
        self._run(
            "INSERT INTO outbox (txn, conversation, kind, text, written, state, repeatable, detail)"
            " VALUES (?, ?, ?, ?, ?, 'pending', 0, '')",
            *(_in(event.txn), event.conversation, event.kind, event.text, self._clock()),
        )

    def _state(self, event: MessageState) -> None:
        if event.state is SendState.DOUBTFUL:
            return
        if event.state is SendState.SENT and (not event.seq or self._is_behind(event.conversation, event.seq)):
            self._run("DELETE FROM outbox WHERE txn = ?", _in(event.txn))
            return
        self._run(
            "UPDATE outbox SET state = ?, epoch = ?, repeatable = ?, code = ?, detail = ?, seq = ? WHERE txn = ?",
            event.state.value,
            None if event.epoch is None else _in(event.epoch),
            event.repeatable,
            event.code,
            event.detail,
            _in(event.seq) if event.seq else None,
            _in(event.txn),
        )

    def _withdrawn(self, event: MessageWithdrawn) -> None:
        self._run("DELETE FROM outbox WHERE txn = ?", _in(event.txn))

    def _shown(self, event: MessageShown) -> None:
        mine = event.sender == self._handle
        seq = _in(event.seq)
        self._keep(event.conversation, seq, _in(event.timestamp), event.sender, event.kind, event.text)
        self._reach(event.conversation, event.seq, event.seq - 1)
        if mine:
            self._forget(event.txn, event.conversation)
            self._run("UPDATE conversations SET read = MAX(read, ?) WHERE name = ?", seq, event.conversation)
            if event.kind in (Kind.JOINED, Kind.LEFT):
                self._list(event.conversation, event.kind == Kind.JOINED)

    def _missed(self, event: MessagesMissed) -> None:
        gap = event.gap
        self._reach(gap.conversation, gap.before - 1, gap.after)
        before = self.page(gap.conversation, (self._era, gap.before), 1)
        timestamp = before[-1].timestamp if before else 0
        self._run(
            "INSERT OR IGNORE INTO messages VALUES (?, ?, ?, ?, '', ?, '', 0, ?)",
            *(gap.conversation, self._era, _in(gap.before - 1), _in(timestamp), _GAP, min(gap.missing, _SHIFT - 1)),
        )

    def _told(self, event: ConversationTold) -> None:
        known = self._rows("SELECT 1 FROM conversations WHERE name = ? AND known = 1", event.conversation)
        self._reach(event.conversation, event.begin, event.begin)
        read = min(max(event.read, 0 if known else event.begin), event.head)
        self._run(
            "UPDATE conversations SET read = MAX(read, ?), all_delivered = ?, all_read = ?, members = ?, listed = 1,"
            " low = CASE WHEN low < ? THEN ? ELSE low END WHERE name = ?",
            *(_in(read), _in(event.all_delivered), _in(event.all_read), event.members),
            *(_in(event.first), _ZERO, event.conversation),
        )

    def _all_told(self, event: AllTold) -> None:
        self._set_meta("listed", 1)

    def _receipt(self, event: ReceiptTold) -> None:
        self._run(
            "UPDATE conversations SET read = MAX(read, ?), all_delivered = ?, all_read = ? WHERE name = ?",
            *(_in(event.read), _in(event.all_delivered), _in(event.all_read), event.conversation),
        )

    def _joined(self, event: RoomJoined) -> None:
        self._list(event.conversation, True)

    def _left(self, event: RoomLeft) -> None:
        self._list(event.conversation, False)

    def _older(self, event: OlderCame) -> None:
        for message in event.messages:
            if _is_shown(message):
                text = message.text
                sender, kind = message.sender, message.kind
                self._keep(event.conversation, _in(message.seq), _in(message.timestamp), sender, kind, text)
                if sender == self._handle:
                    self._forget(message.txn, event.conversation)
        low = min((message.seq for message in event.messages), default=1) - 1
        self._run("UPDATE conversations SET low = MIN(low, ?) WHERE name = ?", _in(low), event.conversation)

    def _forget(self, txn: int, name: str) -> None:
        """What was written is in the log, and kept as the log has it."""
        self._run("DELETE FROM outbox WHERE txn = ? AND conversation = ?", _in(txn), name)

    def _keep(self, name: str, seq: int, timestamp: int, sender: str, kind: int, text: str) -> None:
        mention = sender != self._handle and mentions(text, self._handle)
        self._run(
            "INSERT OR IGNORE INTO messages VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0)",
            *(name, self._era, seq, timestamp, sender, kind, text, mention),
        )

    def _reach(self, name: str, shown: int, low: int) -> None:
        """The conversation is shown up to there; if it was not known in this era, it begins behind ``low``."""
        self._run(
            "INSERT INTO conversations VALUES (?, 1, ?, ?, ?, ?, ?, ?, ?, 0, 0) ON CONFLICT (name) DO UPDATE SET"
            " low = CASE WHEN known THEN low ELSE excluded.low END, known = 1, shown = MAX(shown, excluded.shown)",
            *(name, _in(low), _in(shown), _ZERO, self._era, _in(low), _ZERO, _ZERO),
        )

    def _list(self, name: str, listed: bool) -> None:
        self._run("UPDATE conversations SET listed = ? WHERE name = ?", listed, name)

    def _is_behind(self, name: str, seq: int) -> bool:
        """Was it shown, or is it history?"""
        return bool(self._rows("SELECT 1 FROM conversations WHERE name = ? AND known AND shown >= ?", name, _in(seq)))


_WRITERS: Final[dict[type[Event], Callable[[LocalStore, Any], None]]] = {
    LoggedIn: LocalStore._logged_in,
    MessageQueued: LocalStore._queued,
    MessageState: LocalStore._state,
    MessageWithdrawn: LocalStore._withdrawn,
    MessageShown: LocalStore._shown,
    MessagesMissed: LocalStore._missed,
    ConversationTold: LocalStore._told,
    AllTold: LocalStore._all_told,
    ReceiptTold: LocalStore._receipt,
    RoomJoined: LocalStore._joined,
    RoomLeft: LocalStore._left,
    OlderCame: LocalStore._older,
}


def _is_shown(message: ChatMessage) -> bool:
    return message.kind <= MAX_KIND_FROM_CLIENT or message.kind in (Kind.JOINED, Kind.LEFT)


def _connect(name: str) -> sqlite3.Connection:
    database = sqlite3.connect(name, timeout=0.5, isolation_level=None, check_same_thread=False)
    database.create_function("holds", 2, lambda text, part: part in text.casefold(), deterministic=True)
    return database


def _open(path: Path | None) -> sqlite3.Connection:
    if path is None:
        database = _connect(":memory:")
        _lay_out(database)
        return database
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not path.exists():
            path.touch(mode=0o600)
        database = _connect(str(path))
    except (OSError, sqlite3.Error) as error:
        raise LocalStoreError(
            _("cannot keep conversations in {file}: {reason}").format(file=path, reason=error)
        ) from None
    try:
        _prepare(database, path)
    except sqlite3.Error as error:
        database.close()
        if "locked" in str(error):
            raise StoreInUse(_("another program has {file} open").format(file=path)) from None
        raise LocalStoreError(
            _("{file} is damaged ({reason}): move it away to begin anew, the server still has what it keeps").format(
                file=path, reason=error
            )
        ) from None
    except LocalStoreError:
        database.close()
        raise
    return database


def _prepare(database: sqlite3.Connection, path: Path) -> None:
    """Lock it, check whose it is, and lay it out if it is new. Raises sqlite3.Error and `LocalStoreError`."""
    database.execute("PRAGMA locking_mode = EXCLUSIVE")
    application = database.execute("PRAGMA application_id").fetchone()[0]
    layout = database.execute("PRAGMA user_version").fetchone()[0]
    tables = database.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()[0]
    new = application == 0 and layout == 0 and tables == 0
    if not new and application != APPLICATION_ID:
        raise LocalStoreError(_("{file} is no file of Causerie's conversations").format(file=path))
    if layout > LAYOUT:
        raise LocalStoreError(_("{file} was made by a newer Causerie").format(file=path))
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("PRAGMA synchronous = NORMAL")
    database.execute("BEGIN IMMEDIATE")  # takes the lock, which the mode keeps
    if new:
        _lay_out(database)
        database.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        database.execute(f"PRAGMA user_version = {LAYOUT}")
    database.execute("COMMIT")


def _lay_out(database: sqlite3.Connection) -> None:
    for statement in _TABLES.split(";\n"):
        if statement.strip():
            database.execute(statement)
