"""A received frame on its way through the checks, and how a broken clause becomes a `Violation`.

In here: nothing that judges (`passive`, `logs`, `invariants`).
"""

from __future__ import annotations

from typing import Any, NamedTuple

from causerie_conformance.octets import difference
from causerie_conformance.problems import Kind, Violation
from causerie_conformance.transcript import describe_frame, frame_name
from causerie_spec.codec import RawFrame


class Flaw(NamedTuple):
    """A broken clause: which, in which field, and what it should be, in words; *right* is the value if there is one."""

    clause: str
    field: str
    expected: str
    right: Any = None


class Found:
    """A received frame on its way through the checks."""

    def __init__(self, raw: RawFrame, octets: bytes) -> None:
        self.raw = raw
        self.octets = octets
        self.name = frame_name(raw.type)

    def check(self, flaw: Flaw | None) -> None:
        """Raise what is wrong with it, if anything is."""
        if flaw is not None:
            raise self.broken(flaw.clause, Kind.VALUE, flaw.expected, field=flaw.field, right=flaw.right)

    def broken(
        self,
        clause: str,
        kind: Kind,
        expected: str,
        offset: int | None = None,
        field: str | None = None,
        *,
        right: Any = None,
    ) -> Violation:
        """What is wrong with it, to be raised: at the offset, or in the field, whose *right* value it may be."""
        should = b""
        if field is not None:
            offset, should = difference(self.octets, field, right)
        came = describe_frame(self.raw.type, self.raw.ref, self.raw.body, self.raw.flags)
        return Violation(kind, expected, came, clause=clause, octets=self.octets, offset=offset, should=should)
