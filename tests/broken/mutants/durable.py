"""Broken servers that say `durable`, and lose something when they are killed."""

import secrets
from types import SimpleNamespace

from seams import instead, messages

from causerie.core import login
from causerie.server import cli
from causerie.store import sqlite
from causerie.store.sqlite import SqliteStore, SqliteTables
from causerie_spec.codes import HISTORY
from causerie_spec.messages import Welcome
from mutants.registry import mutant


def _at_start(*statements):
    """Do something to the data that a start finds."""

    @instead(SqliteStore, "_begin_run")
    def begin_run(original, self, sync):
        for statement in statements:
            self._do(statement)
        return original(self, sync)


def _commits(each):
    """Only each so-manieth transaction is really committed; the others wait for it."""
    done = iter(range(1, 1 << 60))

    @instead(sqlite._transaction, "__enter__")
    def enter(original, self):
        if not self._connection.in_transaction:
            original(self)

    @instead(sqlite._transaction, "__exit__")
    def exit_(original, self, kind, *error):
        if next(done) % each == 1 or kind is not None:
            original(self, kind, *error)


@mutant("DUR-1", "durable/acked")
def keeps_nothing():
    """Commits once an hour."""
    _commits(10**6)


@mutant("SEND-2", "durable/acked")
def acks_before_it_commits():
    """Commits every twentieth batch: what was told before may be lost."""
    _commits(20)


@mutant("DUR-1", "durable/texts")
def long_texts_are_lost():
    """Forgets long texts when it is killed."""
    _at_start("DELETE FROM messages WHERE length(text) > 10000")


@mutant("DUR-2", "durable/txn-memory")
def txns_are_forgotten():
    """Forgets txns at each start."""

    @instead(SqliteTables, "find_txn")
    def find_txn(original, self, conversation, sender, txn):
        return self.__dict__.setdefault("_since", {}).get((conversation.row, sender, txn))

    @instead(SqliteTables, "append")
    def append(original, self, conversation, message):
        self.__dict__.setdefault("_since", {})[conversation.row, message.sender, message.txn] = message
        original(self, conversation, message)


@mutant("DUR-2", "durable/memberships")
def memberships_are_forgotten():
    """Forgets who is in which room."""
    _at_start("DELETE FROM members WHERE name < '$' AND name <> '#lobby'")


@mutant("DUR-2", "durable/handles")
def handles_are_forgotten():
    """Forgets whose handle is whose."""
    _at_start("DELETE FROM people")


@mutant("DUR-2", "durable/handles")
def handles_of_silent_people_are_forgotten():
    """Forgets the handles of those who never wrote anything."""
    _at_start("DELETE FROM people WHERE handle NOT IN (SELECT sender FROM messages)")


@mutant("DUR-2", "durable/cursors")
def cursors_do_not_survive():
    """Forgets cursors."""
    _at_start("UPDATE members SET delivered = 0, read = 0")


@mutant("DUR-3", "durable/epoch")
def an_epoch_a_start():
    """Has another epoch at each start."""

    @instead(SqliteStore, "_begin_run")
    def begin_run(original, self, sync):
        original(self, sync)
        return secrets.randbits(63)


@mutant("DUR-4", "durable/numbers-go-on")
def a_number_is_left_out():
    """Leaves out a number at each start."""
    _at_start("UPDATE conversations SET head = head + 1 WHERE head > 0")


@mutant("DUR-4", "durable/again-and-again")
def the_clock_falls():
    """Has a clock that is an hour behind after a start, and believes it."""

    @instead(SqliteStore, "_begin_run")
    def begin_run(original, self, sync):
        if self._do("SELECT count(*) FROM messages").fetchone()[0]:
            self._do("UPDATE conversations SET timestamp = 0")
            CLOCK.behind = 3_600_000
        return original(self, sync)

    original = cli.wall_ms
    cli.wall_ms = lambda: original() - CLOCK.behind


CLOCK = SimpleNamespace(behind=0)


@mutant("CAP-4")
def durable_without_history():
    """Lists `durable`, and not `history`."""
    messages(Welcome, capabilities=lambda message: tuple(name for name in message.capabilities if name != HISTORY))


@mutant("TOKEN-7")
def tokens_are_kept():
    """Keeps tokens as they are."""
    login.hashlib = SimpleNamespace(sha256=lambda token: SimpleNamespace(digest=lambda: token))
