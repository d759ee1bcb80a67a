"""The field forms of the wire, declared with construct.

In here: the forms that a frame's fields may have, as construct declarations, each with an ``Annotated``
alias for dataclass fields; and the frame header. Not in here: frames (`messages`), values and limits of
single fields (`codes`), anything that moves bytes. construct's objects stay inside `causerie_spec`.

Each form checks its own limits both ways: what parses builds, and what builds parses. The adapters are
written out rather than taken from construct's ``PascalString`` and ``Flag``, because those lose the path of
the failing field, take 2 for true, and build from whatever happens to have a truth value.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from construct import (
    Adapter,
    Bytes,
    Construct,
    FormatField,
    GreedyBytes,
    Int8ub,
    Int16ub,
    Int32ub,
    Int64ub,
    Prefixed,
    PrefixedArray,
    StringError,
    Struct,
    ValidationError,
)

from causerie_spec.codes import LIST8_MAX_ENTRIES, LIST8_MAX_ENTRY

if TYPE_CHECKING:
    # construct is generic for the type checker only.
    _BytesAdapter = Adapter[bytes, bytes, bytes, bytes]
    _TextAdapter = Adapter[bytes, bytes, str, str]
    _BoolAdapter = Adapter[int, int, bool, bool]
    _IntAdapter = Adapter[int, int, int, int]
    _StringsAdapter = Adapter[Any, Any, tuple[str, ...], Any]
else:
    _BytesAdapter = _TextAdapter = _BoolAdapter = _IntAdapter = _StringsAdapter = Adapter


class AtMost(_IntAdapter):
    """An unsigned number with a limit of its own, as the counts of ``list8`` have."""

    def __init__(self, form: FormatField[int, int], most: int) -> None:
        super().__init__(form)
        self.most = most

    def _decode(self, obj: int, _context: Any, path: Any) -> int:
        if obj > self.most:
            raise ValidationError(f"{obj} is over the limit of {self.most}", path)
        return obj

    def _encode(self, obj: int, context: Any, path: Any) -> int:
        return self._decode(obj, context, path)


class Octets(_BytesAdapter):
    """Octets as they are. Only ``bytes`` builds: construct alone would take an int for octets as well."""

    def _decode(self, obj: bytes, _context: Any, _path: Any) -> bytes:
        return obj

    def _encode(self, obj: bytes, _context: Any, path: Any) -> bytes:
        if not isinstance(obj, bytes):
            raise StringError(f"octets must be bytes, not {type(obj).__name__}", path)
        return obj


class Utf8(_TextAdapter):
    """Text as strict UTF-8 [FORM-2]: no surrogates, no overlong forms; a BOM is kept [FORM-3]."""

    def _decode(self, obj: bytes, _context: Any, path: Any) -> str:
        try:
            return obj.decode()
        except UnicodeDecodeError as error:
            raise StringError(f"not UTF-8: {error.reason}", path) from None

    def _encode(self, obj: str, _context: Any, path: Any) -> bytes:
        if not isinstance(obj, str):
            raise StringError(f"text must be str, not {type(obj).__name__}", path)
        try:
            return obj.encode()
        except UnicodeEncodeError as error:
            raise StringError(f"not encodable as UTF-8: {error.reason}", path) from None


class Boolean(_BoolAdapter):
    """A truth value in one octet, which must be 0 or 1 [FORM-6]."""

    def _decode(self, obj: int, _context: Any, path: Any) -> bool:
        if obj > 1:
            raise ValidationError(f"a bool is 0 or 1, not {obj}", path)
        return obj == 1

    def _encode(self, obj: bool, _context: Any, path: Any) -> int:
        if not isinstance(obj, bool):
            raise ValidationError(f"a bool is True or False, not {obj!r}", path)
        return int(obj)


class Strings(_StringsAdapter):
    """A counted list of short texts [FORM-5], parsed to a tuple of str."""

    def __init__(self, most: int, longest: int) -> None:
        entry = Utf8(Prefixed(AtMost(u8, longest), GreedyBytes))
        super().__init__(PrefixedArray(AtMost(u8, most), entry))
        self.most = most
        self.longest = longest

    def _decode(self, obj: Any, _context: Any, _path: Any) -> tuple[str, ...]:
        return tuple(obj)

    def _encode(self, obj: Any, _context: Any, path: Any) -> Any:
        # A bare str is a sequence of str too: the commonest slip, and it would build.
        if not isinstance(obj, tuple | list):
            raise ValidationError(f"a list8 is a tuple or list of str, not {type(obj).__name__}", path)
        return obj


u8: FormatField[int, int] = Int8ub
u16: FormatField[int, int] = Int16ub
u32: FormatField[int, int] = Int32ub
u64: FormatField[int, int] = Int64ub
boolean = Boolean(u8)
str8 = Utf8(Prefixed(u8, GreedyBytes))
str16 = Utf8(Prefixed(u16, GreedyBytes))
bytes16 = Octets(Prefixed(u16, GreedyBytes))
list8 = Strings(LIST8_MAX_ENTRIES, LIST8_MAX_ENTRY)
magic4 = Octets(Bytes(4))

#: Unsigned numbers, big-endian.
U8 = Annotated[int, u8]
U16 = Annotated[int, u16]
U32 = Annotated[int, u32]
U64 = Annotated[int, u64]
#: One octet, 0 or 1.
Bool = Annotated[bool, boolean]
#: A u8 or u16 length in octets, then UTF-8.
Str8 = Annotated[str, str8]
Str16 = Annotated[str, str16]
#: A u16 length, then octets.
Bytes16 = Annotated[bytes, bytes16]
#: A u8 count, then that many str8; at most 32 entries of at most 32 octets.
List8 = Annotated[tuple[str, ...], list8]
#: Four octets, whichever they are: a wrong magic is decodable, and refused by the state machine.
Magic = Annotated[bytes, magic4]

#: The names that the specification gives to the forms.
FORM_NAMES: dict[int, str] = {
    id(form): name
    for name, form in {
        "u8": u8,
        "u16": u16,
        "u32": u32,
        "u64": u64,
        "bool": boolean,
        "str8": str8,
        "str16": str16,
        "bytes16": bytes16,
        "list8": list8,
        "magic": magic4,
    }.items()
}


def form_name(form: Construct[Any, Any]) -> str:
    """The specification's name of a form, such as ``"str8"``; `KeyError` for anything not declared here."""
    return FORM_NAMES[id(form)]


#: The frame header, 8 octets: length of the body in octets, type, flags, ref.
HEADER: Struct = Struct("length" / u32, "type" / u8, "flags" / u8, "ref" / u16)
