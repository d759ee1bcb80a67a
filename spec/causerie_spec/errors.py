"""What can go wrong with octets, by who is to blame.

::

    CodecError
    ├── EncodeError      local misuse: a value does not fit its field's form (also a ValueError)
    └── PeerError        what came in is not right
        ├── UnknownType      no frame of this version has that type
        ├── Malformed        a body cannot be decoded: BYE MALFORMED
        └── FrameTooLarge    a header announces more than the limit: BYE FRAME_TOO_LARGE

In here: exceptions. They carry what a report needs; wording for people is their ``str``.
"""


class CodecError(Exception):
    """Base of everything that the codec raises."""


class EncodeError(CodecError, ValueError):
    """A message that cannot be put on the wire.

    ``frame`` is the name of the frame, ``field`` the name of the field (None if none is to blame: the ref, or
    the body as a whole), ``reason`` what is wrong with it.
    """

    def __init__(self, frame: str, field: str | None, reason: str) -> None:
        super().__init__(frame, field, reason)
        self.frame = frame
        self.field = field
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.frame}{'.' + self.field if self.field else ''}: {self.reason}"


class PeerError(CodecError):
    """Base of the errors that the sender of the octets made."""


class UnknownType(PeerError):
    """No frame of this version has the type ``type``: a server answers UNSUPPORTED, a client ignores it."""

    def __init__(self, type_: int) -> None:
        super().__init__(type_)
        self.type = type_

    def __str__(self) -> str:
        return f"unknown frame type {self.type:#04x}"


class Malformed(PeerError):
    """A body that cannot be decoded, by its first fault from the left.

    ``type`` is the frame's type, ``frame`` its name, ``field`` the name of the field, ``offset`` the first
    wrong octet, counted in the body from 0 (the body's length, where octets are missing), ``reason`` what is
    wrong.
    """

    def __init__(self, type_: int, frame: str, field: str, offset: int, reason: str) -> None:
        super().__init__(type_, frame, field, offset, reason)
        self.type = type_
        self.frame = frame
        self.field = field
        self.offset = offset
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.frame}.{self.field}: {self.reason} (octet {self.offset} of the body)"


class FrameTooLarge(PeerError):
    """A header that announces a longer body than the ``limit`` in force.

    ``type``, ``flags`` and ``ref`` are the header's, ``length`` is the body's as announced, in octets.
    """

    def __init__(self, type_: int, flags: int, ref: int, length: int, limit: int) -> None:
        super().__init__(type_, flags, ref, length, limit)
        self.type = type_
        self.flags = flags
        self.ref = ref
        self.length = length
        self.limit = limit

    def __str__(self) -> str:
        return f"a body of {self.length} octets is announced, the limit is {self.limit}"
