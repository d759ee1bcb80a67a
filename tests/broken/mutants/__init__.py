"""Broken servers: each breaks one clause, in a few lines, and is otherwise the reference.

In here, by topic: what each does wrong. `clause` is what it breaks, and the suite must fail at a case that cites that
clause.
"""

from mutants import (
    accounts,
    answering,
    capabilities,
    closing,
    durable,
    errors,
    frames,
    hello,
    history,
    lists,
    logins,
    messaging,
    naming,
    presence,
    presence_told,
    presence_watch,
    receipts,
    receipts_told,
    robust,
    rooms,
    scram,
    tls,
    txn,
    typing,
)
from mutants.registry import MUTANTS

__all__ = [
    "MUTANTS",
    "accounts",
    "answering",
    "capabilities",
    "closing",
    "durable",
    "errors",
    "frames",
    "hello",
    "history",
    "lists",
    "logins",
    "messaging",
    "naming",
    "presence",
    "presence_told",
    "presence_watch",
    "receipts",
    "receipts_told",
    "robust",
    "rooms",
    "scram",
    "tls",
    "txn",
    "typing",
]
