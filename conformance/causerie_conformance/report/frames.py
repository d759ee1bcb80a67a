"""Frames as structure, for reports: name, ref, and the fields as rows with offset, size, name and value.

A row holds no octets: offset and size say which of those beside it are meant.

In here: what `causerie_spec.annotate` knows, made of dicts and lists, and where in a conversation frames begin. Not in
here: what is done with them.
"""

from __future__ import annotations

from typing import Any

from causerie_conformance.transcript import Direction, Entry
from causerie_spec.annotate import AnnotatedFrame, annotate
from causerie_spec.codes import HEADER_SIZE


def structured(octets: bytes, *, whole: bool = True) -> list[dict[str, Any]]:
    """The frames in *octets*; if they are not the *whole* of what was said, that they end early is no fault."""
    return [_frame(frame, forgiven=not whole and _ends_early(frame, octets)) for frame in annotate(octets)]


def _ends_early(frame: AnnotatedFrame, octets: bytes) -> bool:
    length = int.from_bytes(octets[frame.offset : frame.offset + 4], "big")
    return frame.size < HEADER_SIZE or frame.error_offset == len(octets) < frame.offset + HEADER_SIZE + length


def _frame(frame: AnnotatedFrame, *, forgiven: bool) -> dict[str, Any]:
    faulty = frame.error is not None and not forgiven
    return {
        "offset": frame.offset,
        "size": frame.size,
        "name": frame.name,
        "ref": frame.ref,
        "error": frame.error if faulty else None,
        "error_offset": frame.error_offset if faulty else None,
        "fields": [
            {
                "offset": row.offset,
                "size": len(row.octets),
                "name": row.field,
                "value": row.value,
                "note": row.note or None,
            }
            for row in frame.rows
        ],
    }


class Conversation:
    """Goes along the entries of one transcript, and knows of each whether a frame begins in it.

    A frame may be written in pieces: those behind the first would be taken for headers.
    """

    def __init__(self) -> None:
        self._begun: dict[tuple[str, Direction], _Stream] = {}

    def frames(self, entry: Entry) -> list[dict[str, Any]]:
        """The frames of the next entry; none in one that goes on with a frame begun before."""
        if entry.direction is Direction.EVENT:
            return []
        stream = self._begun.setdefault((entry.peer, entry.direction), _Stream())
        begins = stream.between_frames
        stream.take(entry.octets, entry.size)
        return structured(entry.octets, whole=False) if begins else []


class _Stream:
    """One direction of a connection: how far into a frame it is."""

    def __init__(self) -> None:
        self._header = b""
        self._missing = 0
        self._lost = False

    @property
    def between_frames(self) -> bool:
        return not self._lost and not self._header and not self._missing

    def take(self, octets: bytes, size: int) -> None:
        """Follow *size* octets, of which *octets* are the first."""
        unknown = size - len(octets)
        while octets and not self._lost:
            skipped = min(self._missing, len(octets))
            self._missing -= skipped
            octets = octets[skipped:]
            taken, octets = octets[: HEADER_SIZE - len(self._header)], octets[HEADER_SIZE - len(self._header) :]
            self._header += taken
            if len(self._header) == HEADER_SIZE:
                self._missing = int.from_bytes(self._header[:4], "big")
                self._header = b""
        # What was not kept must be of the last frame, or nobody knows where the next one begins.
        self._lost = self._lost or unknown > self._missing
        self._missing -= min(unknown, self._missing)
