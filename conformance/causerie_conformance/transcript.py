"""What was said on a connection: when, in which direction, in which octets.

In here: the record, and its form for people and for reports. Nothing in here judges. A transcript keeps the
first and the last of what was said and counts what it drops between, so a flood of many MiB costs little.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, fields
from enum import Enum
from typing import Final

from causerie_conformance.replay.tape import Tape
from causerie_spec.codec import Decoder as FrameDecoder
from causerie_spec.codec import FrameTooLarge, Malformed, UnknownType, decode
from causerie_spec.codes import ByeCode, ErrorCode
from causerie_spec.messages import MESSAGES, Message

KEEP_FIRST: Final = 60
"""Entries kept from the start: greeting and login are what explains most."""
KEEP_LAST: Final = 60
"""Entries kept from the end, where it went wrong."""
KEEP_OCTETS: Final = 2_048
"""Octets kept of one entry; the rest of a long one is text that explains nothing."""
SHOWN_VALUE: Final = 40
"""Characters of a field's value that are shown."""


class Direction(str, Enum):
    """Who said it. Values are stable: reports contain them."""

    SENT = "sent"
    RECEIVED = "received"
    EVENT = "event"


@dataclass(frozen=True)
class Entry:
    """One thing said: ``at`` in seconds since the case began, who said it on which connection, and its octets.

    ``size`` is the number of octets, of which ``octets`` may be only the first. ``note`` tells what no octets
    tell, such as the end of the stream.
    """

    at: float
    peer: str
    direction: Direction
    octets: bytes
    size: int
    note: str = ""

    def describe(self) -> str:
        """The entry in words: frames with their fields, or the note, or octets that are no frame."""
        if self.direction is Direction.EVENT:
            return self.note
        text = describe_octets(self.octets, cut=self.size > len(self.octets))
        return f"{text} ({self.note})" if self.note else text


class Transcript:
    """The conversation of one case, over all its connections, in the order of time."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._first: list[Entry] = []
        self._last: deque[Entry] = deque(maxlen=KEEP_LAST)
        self._count = 0
        self.tape = Tape()
        """The same octet for octet, to be repeated."""

    def now(self) -> float:
        """Seconds since the case began."""
        return time.monotonic() - self._began

    def sent(self, peer: str, octets: bytes, note: str = "") -> None:
        """Record what the suite sent."""
        self._add(Entry(self.now(), peer, Direction.SENT, octets[:KEEP_OCTETS], len(octets), note))

    def received(self, peer: str, octets: bytes, note: str = "") -> None:
        """Record a frame, or octets that never became one, that came from the server."""
        self._add(Entry(self.now(), peer, Direction.RECEIVED, octets[:KEEP_OCTETS], len(octets), note))

    def event(self, peer: str, note: str) -> None:
        """Record something that has no octets: a connection made, a stream ended."""
        self._add(Entry(self.now(), peer, Direction.EVENT, b"", 0, note))

    def _add(self, entry: Entry) -> None:
        self._count += 1
        if len(self._first) < KEEP_FIRST:
            self._first.append(entry)
        else:
            self._last.append(entry)

    @property
    def dropped(self) -> int:
        """Entries that were not kept, between the first and the last."""
        return self._count - len(self._first) - len(self._last)

    def __iter__(self) -> Iterator[Entry]:
        yield from list(self._first)
        if self.dropped:
            first = self._last[0]
            yield Entry(first.at, "", Direction.EVENT, b"", 0, f"… {self.dropped} entries not kept …")
        yield from list(self._last)

    def __len__(self) -> int:
        return self._count


def describe_octets(octets: bytes, *, cut: bool = False) -> str:
    """All frames in *octets* in words; what is no whole frame is shown in hex. *cut* says that more was sent."""
    decoder = FrameDecoder(limit=2**32)
    decoder.feed(octets)
    words = []
    used = 0
    for raw in decoder:
        used += 8 + len(raw.body)
        words.append(describe_frame(raw.type, raw.ref, raw.body, raw.flags))
    rest = octets[used:]
    if rest or cut:
        words.append(_piece(rest, cut=cut))
    return ", ".join(words) or "nothing"


def _piece(rest: bytes, *, cut: bool) -> str:
    if cut and len(rest) >= 8:
        length, type_ = int.from_bytes(rest[:4], "big"), rest[4]
        return f"{frame_name(type_)} ref {int.from_bytes(rest[6:8], 'big')} (a body of {length} octets)"
    shown = rest[:24].hex(" ")
    return f"piece of {len(rest)} octets: {shown}{' …' if cut or len(rest) > 24 else ''}"


def frame_name(type_: int) -> str:
    """The frame's name in the specification, or its type in hex."""
    cls = MESSAGES.get(type_)
    return cls.NAME if cls is not None else f"type {type_:#04x}"


def describe_frame(type_: int, ref: int, body: bytes, flags: int = 0) -> str:
    """One frame in words, whatever its octets."""
    head = f"{frame_name(type_)} ref {ref}" + (f" flags {flags:#04x}" if flags else "")
    try:
        message = decode(type_, body)
    except UnknownType:
        return f"{head} body {body[:16].hex(' ')}{' …' if len(body) > 16 else ''}".rstrip()
    except (Malformed, FrameTooLarge) as error:
        return f"{head} (undecodable: {error})"
    values = describe_fields(message)
    return f"{head} {values}" if values else head


def describe_fields(message: Message) -> str:
    """The fields of a message as ``name=value`` words, long values cut."""
    words = []
    for field in fields(message):  # type: ignore[arg-type]  # every frame is a dataclass
        value = getattr(message, field.name)
        if field.name == "code":
            words.append(f"code={code_name(value)}")
        else:
            text = repr(value) if not isinstance(value, tuple) else "[" + ", ".join(map(str, value)) + "]"
            if len(text) > SHOWN_VALUE:
                text = f"{text[:SHOWN_VALUE]}… ({len(value)})"
            words.append(f"{field.name}={text}")
    return " ".join(words)


def code_name(code: int) -> str:
    """A code of ERROR or BYE by its name, with its number."""
    for enum in (ErrorCode, ByeCode):
        try:
            return f"{enum(code).name}({code})"
        except ValueError:
            continue
    return str(code)
