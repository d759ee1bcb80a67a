"""Octets to messages and back, without I/O.

In here: `encode` and `decode` for one frame, and `Decoder`, which cuts a stream into frames. What they do is
derived from the declarations in `messages` (see `generate`). Not in here: sockets, states, answers, the
domains of fields.

Errors: `encode` raises `EncodeError`, which is a mistake of this program; `decode` raises `Malformed` or
`UnknownType`, and `Decoder` raises `FrameTooLarge`, which are mistakes of the peer's. The tree is drawn in
`errors`.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

from causerie_spec.codes import HEADER_SIZE, MAX_BODY_BEFORE_READY
from causerie_spec.errors import EncodeError, FrameTooLarge, Malformed, UnknownType
from causerie_spec.generate import Decoder as _BodyDecoder
from causerie_spec.generate import Encoder as _FrameEncoder
from causerie_spec.generate import Packer, generate
from causerie_spec.messages import MESSAGES, Message

__all__ = [
    "Decoder",
    "EncodeError",
    "FrameTooLarge",
    "Malformed",
    "RawFrame",
    "UnknownType",
    "decode",
    "encode",
    "frame",
    "packer",
]

_ENCODERS: dict[type[Message], _FrameEncoder] = {}
_PACKERS: dict[type[Message], Packer] = {}
_DECODERS: dict[int, _BodyDecoder] = {}
for _cls in MESSAGES.values():
    _ENCODERS[_cls], _PACKERS[_cls], _DECODERS[_cls.TYPE] = generate(_cls)

_pack_header = struct.Struct(">IBBH").pack
_unpack_header = struct.Struct(">IBBH").unpack_from


class RawFrame(NamedTuple):
    """A frame as it came: the header's type, flags and ref, and the body's octets."""

    type: int
    flags: int
    ref: int
    body: bytes


def encode(message: Message, ref: int = 0) -> bytes:
    """The whole frame of a message [FRAME-1]; flags are 0 [FRAME-6].

    Raises `EncodeError` when a value does not fit its field's form, the body would be longer than MAX_BODY,
    or the ref is not a u16. Whether the values are sensible is not looked at.
    """
    try:
        encoder = _ENCODERS[message.__class__]
    except KeyError:
        raise EncodeError(type(message).__name__, None, "is not a frame of this version") from None
    return encoder(message, ref)


def packer(cls: type[Message]) -> Packer:
    """For those who make many frames of one kind: (ref, *fields) → what `encode` makes of them, in half the time.

    `packer(Ack)(9, 7, 8, False)` is `encode(Ack(7, 8, False), 9)`.
    """
    return _PACKERS[cls]


def decode(type_: int, body: bytes) -> Message:
    """The message in a body; octets behind the last field are ignored [FRAME-8].

    Raises `Malformed` for the first fault from the left, and `UnknownType` for a type that is not declared.
    """
    try:
        decoder = _DECODERS[type_]
    except KeyError:
        raise UnknownType(type_) from None
    return decoder(body)


def frame(type_: int, body: bytes = b"", ref: int = 0, flags: int = 0) -> bytes:
    """A frame with any type and any body, as tests and tools need it. Raises `EncodeError`."""
    try:
        return _pack_header(len(body), type_, flags, ref) + body
    except struct.error as error:
        raise EncodeError(f"type {type_!r}", None, str(error)) from None


class Decoder:
    """Cuts a stream of octets into frames, however it comes [FRAME-2].

    ``limit`` is the longest body taken, in octets [FRAME-5]. It may be changed between frames: a header is
    judged by the limit in force when `next_frame` comes to it, so a server that handles a LOGIN and raises
    the limit takes a longer SEND that stood behind it in the same chunk.

    Time is linear in the octets, whatever the size of the chunks.
    """

    __slots__ = ("_buffer", "_position", "_tail", "limit")

    def __init__(self, limit: int = MAX_BODY_BEFORE_READY) -> None:
        self.limit = limit
        # Octets are read from _buffer at _position. What comes while there is something left in there gathers
        # in _tail, and is joined to it only when it completes a header or a frame: joining at each feed would
        # be quadratic.
        self._buffer = b""
        self._position = 0
        self._tail = bytearray()

    @property
    def buffered(self) -> int:
        """Octets held that belong to no frame given out yet."""
        return len(self._buffer) - self._position + len(self._tail)

    @property
    def rest(self) -> bytes:
        """These octets themselves; they stay."""
        return self._buffer[self._position :] + self._tail

    def feed(self, data: bytes | bytearray | memoryview) -> None:
        """Take octets as they came from the stream, cut anywhere."""
        if self._position == len(self._buffer) and not self._tail:
            self._buffer = bytes(data)
            self._position = 0
        else:
            self._tail += data

    def next_frame(self) -> RawFrame | None:
        """The next whole frame, or None while there is none.

        Raises `FrameTooLarge` as soon as a header announces a body over the limit, without waiting for the
        body [FRAME-4], and again at each call: such a stream cannot go on.
        """
        buffer, position = self._buffer, self._position
        if len(buffer) - position < HEADER_SIZE:
            if not self._join(HEADER_SIZE):
                return None
            buffer, position = self._buffer, 0
        length, type_, flags, ref = _unpack_header(buffer, position)
        if length > self.limit:
            raise FrameTooLarge(type_, flags, ref, length, self.limit)
        start = position + HEADER_SIZE
        end = start + length
        if end > len(buffer):
            if not self._join(HEADER_SIZE + length):
                return None
            buffer, start, end = self._buffer, HEADER_SIZE, HEADER_SIZE + length
        self._position = end
        return _new_frame(RawFrame, (type_, flags, ref, buffer[start:end]))

    def run_of(self, type_: int) -> Iterator[RawFrame]:
        """The frames of that type that come next and are whole, one by one, as `next_frame` gives them.

        It ends before whatever else comes next; `next_frame` says what that is. Not to be gone on with after a call of
        `feed` or `next_frame`.
        """
        buffer = self._buffer
        while self._position <= len(buffer) - HEADER_SIZE:
            length, found, flags, ref = _unpack_header(buffer, self._position)
            start = self._position + HEADER_SIZE
            end = start + length
            if found != type_ or length > self.limit or end > len(buffer):
                return
            self._position = end
            yield _new_frame(RawFrame, (type_, flags, ref, buffer[start:end]))

    def __iter__(self) -> Iterator[RawFrame]:
        """The frames that are whole now, one by one; each is taken out only when it is asked for."""
        return iter(self.next_frame, None)

    def _join(self, needed: int) -> bool:
        """Bring all octets held into the buffer if they are as many as needed; say whether they are."""
        if not self._tail or self.buffered < needed:
            return False
        self._buffer = self._buffer[self._position :] + self._tail
        self._position = 0
        self._tail = bytearray()
        return True


# NamedTuple's own __new__ is a Python function: twice the time.
_new_frame = tuple.__new__
