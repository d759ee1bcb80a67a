"""Broken servers that get txn memory wrong: what is the same, for whom, how long."""

import unicodedata
from dataclasses import replace

from seams import instead, instead_of, messages

from causerie.core import sending
from causerie.store.memory import MemoryTables
from causerie.store.operations import Append, Duplicate, Exit
from causerie_spec.codes import ErrorCode
from causerie_spec.messages import Ack
from mutants.registry import mutant


@mutant("TXN-1")
def txns_of_a_connection():
    """Remembers txns as long as the handle is online."""

    @instead_of(Exit)
    def exit_(original, self, exited):
        for log in self._tables._logs.values():
            for key in [key for key in log.txns if key[0] == exited.handle]:
                del log.txns[key]
        return original(self, exited)


@mutant("TXN-1")
def the_last_hundred_txns():
    """Remembers the last 100 txns of a conversation."""

    @instead(MemoryTables, "append")
    def append(original, self, conversation, message):
        original(self, conversation, message)
        txns = self._logs[conversation.key].txns
        while len(txns) > 100:
            del txns[next(iter(txns))]


@mutant("TXN-1")
def txns_of_everybody():
    """Takes the same txn of two people in one conversation for the same."""

    @instead(MemoryTables, "find_txn")
    def find_txn(original, self, conversation, sender, txn):
        found = (item for (_, number), item in self._logs[conversation.key].txns.items() if number == txn)
        return next(found, None)


@mutant("TXN-1")
def duplicates_are_told():
    """Tells everybody a duplicate again."""

    @instead_of(Append)
    def append(original, self, append):
        result = original(self, append)
        return getattr(result, "message", result)


@mutant("TXN-1")
def duplicates_have_the_time_of_now():
    """Answers a duplicate with another time than the first ACK."""
    messages(Ack, timestamp=lambda ack: ack.timestamp + ack.duplicate)


@mutant("TXN-2")
def conflicts_are_duplicates():
    """Takes the same txn with other content for a duplicate."""
    _same(lambda known, append: True)


@mutant("TXN-2")
def kinds_do_not_count():
    """Does not compare kinds."""
    _same(lambda known, append: known.text == append.text)


@mutant("TXN-2")
def texts_are_compared_normalized():
    """Compares texts after normalization."""
    _same(
        lambda known, append: (
            known.kind == append.kind
            and unicodedata.normalize("NFC", known.text) == unicodedata.normalize("NFC", append.text)
        )
    )


@mutant("TXN-2")
def the_beginnings_of_texts():
    """Compares the first 1,000 characters of texts."""
    _same(lambda known, append: known.kind == append.kind and known.text[:1_000] == append.text[:1_000])


def _same(judge):
    @instead_of(Append)
    def append(original, self, append):
        log = self._find(append.conversation)
        known = self._tables.find_txn(log, append.sender, append.txn) if log.head else None
        if known is not None and judge(known, append):
            return original(self, replace(append, kind=known.kind, text=known.text))
        return original(self, append)


@mutant("TXN-3")
def membership_comes_first():
    """Looks at membership before txn memory."""

    @instead_of(Append)
    def append(original, self, append):
        return self._why_not(self._find(append.conversation), append.sender) or original(self, append)


@mutant("TXN-4")
def each_device_is_the_first():
    """Says duplicate 0 to every connection that sends a message for the first time."""
    seen = set()

    @instead(sending, "answer")
    def answer(original, now, sent):
        told = []
        for append, connection, ref, result in sent:
            first = (connection, append.txn) not in seen
            seen.add((connection, append.txn))
            again = first and isinstance(result, Duplicate)
            told.append((append, connection, ref, result.message if again else result))
        original(now, told)


@mutant("TXN-5")
def refused_sends_are_remembered():
    """Remembers SENDs that it refused: the next one with that txn must have the same content."""
    refused = {}

    @instead_of(Append)
    def append(original, self, append):
        key = (append.conversation, append.sender, append.txn)
        if key in refused and refused[key] != append.text:
            return ErrorCode.TXN_CONFLICT
        result = original(self, append)
        if isinstance(result, ErrorCode):
            refused[key] = append.text
        return result
