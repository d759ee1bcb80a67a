"""What the store in a file adds: it survives, refuses what it cannot use, and undoes what failed."""

import sqlite3
import subprocess
import sys

import pytest

from causerie.store import schema
from causerie.store.operations import (
    Append,
    Conversations,
    Duplicate,
    Enter,
    Entered,
    Join,
    Mark,
    Read,
    ScramKeys,
    Settle,
    Stored,
)
from causerie.store.schema import StoreFileError, open_file
from causerie.store.sqlite import AccountFile, SqliteStore, Sync
from causerie_spec.codes import ErrorCode


@pytest.fixture
def path(tmp_path):
    return tmp_path / "deep" / "store.db"


def open_store(path, **options):
    return SqliteStore(path, lambda: 1_000, **options)


def append(txn, conversation="#lobby", text="x"):
    return Append(conversation, "alice", txn, 0, text)


def stored(seq, txn):
    """What came of `append`."""
    return Stored(seq, 1_000, "alice", txn, 0, "x")


def test_everything_is_there_after_a_restart(path):
    store = open_store(path)
    enter = Enter("alice", b"1" * 32, "A")
    store.commit([enter, Join("#ops", "alice"), append(1, "#ops"), append(2**64 - 1, "#ops"), Settle()])
    store.commit([append(7), append(8), Settle(), Mark("#lobby", "alice", 1, 1)])
    epoch, secret = store.epoch, store.secret
    before = store.commit([Conversations("alice", "", 9)])
    store.close()
    store = open_store(path)
    assert (store.epoch, store.secret) == (epoch, secret)
    assert store.commit([Conversations("alice", "", 9)]) == before
    assert store.commit([Enter("alice", b"2" * 32, "A"), enter]) == [ErrorCode.HANDLE_TAKEN, Entered(("#ops",))]
    assert store.commit([append(2**64 - 1, "#ops"), append(9, "#ops")]) == [
        Duplicate(stored(3, 2**64 - 1)),
        stored(4, 9),
    ]
    store.close()


KILLED = """
import os, sys
from pathlib import Path
from causerie.store.operations import Append
from causerie.store.sqlite import SqliteStore
store = SqliteStore(Path(sys.argv[1]), lambda: 1_000)
print(store.epoch, *(store.commit([Append("#lobby", "alice", n, 0, "x")])[0].seq for n in range(1, 51)), flush=True)
os._exit(1)
"""


def test_what_was_committed_survives_sudden_death(path):
    died = subprocess.run([sys.executable, "-c", KILLED, str(path)], capture_output=True, text=True, check=False)
    epoch, *seqs = map(int, died.stdout.split())
    assert seqs == list(range(1, 51)), died.stderr
    store = open_store(path)
    assert store.epoch == epoch
    assert [message.txn for message in store.commit([Read("#lobby", 1, 99, 99_999)])[0]] == seqs
    store.close()


def test_a_batch_that_fails_is_undone_as_a_whole(path):
    store = open_store(path)
    store.commit([Enter("alice", b"1" * 32, "A"), append(1)])
    original = store.write_messages

    def fail():
        raise sqlite3.OperationalError("database or disk is full")

    store.write_messages = fail
    with pytest.raises(sqlite3.OperationalError):
        store.commit([append(2), Join("#ops", "alice"), append(3)])
    store.write_messages = original
    assert store.commit([append(4), append(2)]) == [stored(2, 4), stored(3, 2)]
    (listing,) = store.commit([Conversations("alice", "", 9)])
    assert [summary.conversation for summary in listing.items] == ["#lobby"]
    store.close()


def test_a_file_is_used_by_one_server_at_a_time(path):
    store = open_store(path)
    with pytest.raises(StoreFileError, match=r"in use by another causerie-server: stop that one, or .* --data"):
        open_store(path)
    assert store.commit([append(1)]) == [stored(1, 1)]
    store.close()
    open_store(path).close()


def test_accounts_are_made_while_the_server_runs(path):
    store = open_store(path)
    accounts = AccountFile(path)
    keys = ScramKeys(b"salt", b"stored", b"server", 4_096)
    accounts.put_account("alice", keys)
    assert store.commit([Enter("alice", b"1" * 32, "A")]) == [ErrorCode.HANDLE_TAKEN]
    assert dict(accounts.accounts()) == {"alice": keys}
    accounts.close()
    store.close()


def test_files_that_are_no_store_are_left_alone(tmp_path):
    foreign = tmp_path / "foreign.db"
    with sqlite3.connect(foreign) as connection:
        connection.execute("CREATE TABLE mine (x)")
    connection.close()
    damaged = tmp_path / "damaged.db"
    damaged.write_bytes(b"these are my notes, not a database\n" * 200)
    for path, words in ((foreign, "is not a store of causerie-server"), (damaged, "is damaged, or not a store")):
        before = path.read_bytes()
        with pytest.raises(StoreFileError, match=words):
            open_store(path)
        assert path.read_bytes() == before


def test_a_damaged_store_is_refused(path):
    store = open_store(path)
    store.commit([append(n, text="y" * 1_000) for n in range(1, 201)])
    store.close()
    octets = bytearray(path.read_bytes())
    octets[len(octets) // 2 : len(octets) // 2 + 5_000] = b"\xaa" * 5_000
    path.write_bytes(octets)
    with pytest.raises(StoreFileError, match=r"damaged, .*: it was left as it is"):
        open_store(path)
    assert path.read_bytes() == octets


def test_a_directory_is_no_file(tmp_path):
    with pytest.raises(StoreFileError, match=r"choose another file with --data, or --memory"):
        open_store(tmp_path)


def test_a_newer_layout_is_refused_and_an_older_one_brought_up_to_date(path):
    store = open_store(path)
    store.commit([append(1)])
    store.close()
    newer = (*schema.MIGRATIONS, "ALTER TABLE people ADD COLUMN colour TEXT;")
    connection = open_file(path, migrations=newer)
    assert connection.execute("SELECT count(*) FROM messages").fetchone() == (1,)
    assert "colour" in [row[1] for row in connection.execute("PRAGMA table_info(people)")]
    connection.close()
    with pytest.raises(StoreFileError, match=r"written by a newer causerie-server \(layout 2; this one knows 1\)"):
        open_store(path)


def test_a_migration_that_fails_changes_nothing(path):
    open_store(path).close()
    with pytest.raises(StoreFileError):
        open_file(path, migrations=(*schema.MIGRATIONS, "CREATE TABLE more (x); CREATE TABLE more (x);"))
    open_store(path).close()


@pytest.mark.parametrize(
    ("sync", "ended", "boots", "same"),
    [
        (Sync.FULL, SqliteStore.abandon, "ab", True),
        (Sync.NORMAL, SqliteStore.close, "ab", True),
        (Sync.NORMAL, SqliteStore.abandon, "aa", True),
        (Sync.NORMAL, SqliteStore.abandon, "ab", False),
        (Sync.NORMAL, SqliteStore.abandon, ("", ""), False),
    ],
)
def test_an_epoch_ends_when_power_may_have_taken_messages(path, monkeypatch, sync, ended, boots, same):
    epochs = []
    for boot in boots:
        boot_id = path.with_name("boot_id")
        boot_id.parent.mkdir(exist_ok=True)
        boot_id.write_text(boot)
        monkeypatch.setattr("causerie.store.sqlite.BOOT_ID", boot_id)
        store = open_store(path, sync=sync)
        epochs.append(store.epoch)
        ended(store)
    assert (epochs[0] == epochs[1]) is same


def test_others_cannot_read_the_file(path):
    open_store(path).close()
    if sys.platform != "win32":
        assert path.stat().st_mode & 0o077 == 0
