"""Broken servers: each breaks one clause, in a few lines, and is otherwise the reference.

In here, by topic: what each does wrong. `clause` is what it breaks, and the suite must fail at a case that cites that
clause.
"""

from mutants import (
    accounts,
    answering,
    closing,
    errors,
    frames,
    hello,
    logins,
    messaging,
    naming,
    receipts,
    receipts_told,
    robust,
    scram,
    tls,
)
from mutants.registry import MUTANTS

__all__ = [
    "MUTANTS",
    "accounts",
    "answering",
    "closing",
    "errors",
    "frames",
    "hello",
    "logins",
    "messaging",
    "naming",
    "receipts",
    "receipts_told",
    "robust",
    "scram",
    "tls",
]
