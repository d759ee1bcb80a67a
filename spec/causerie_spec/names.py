"""What names look like: handles, rooms, conversations, display names.

In here: pure predicates over str. They say whether a name is well formed, never whether it exists. Not in
here: what is answered to an ill-formed one.

The patterns are used with ``fullmatch``: a ``$`` would let a final newline through.
"""

import re
from functools import lru_cache
from typing import Final

from causerie_spec.codes import MAX_DISPLAY

_HANDLE: Final = re.compile(r"[a-z0-9][a-z0-9_.-]{0,31}")
_CONVERSATION: Final = re.compile(r"[#@][a-z0-9][a-z0-9_.-]{0,31}")
_ROOM: Final = re.compile(r"#[a-z0-9][a-z0-9_.-]{0,31}")
_FORBIDDEN: Final = re.compile("[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


def is_handle(text: str) -> bool:
    """Is it a bare handle: 1..32 of a-z 0-9 _ . -, the first of them a-z or 0-9 [NAME-1]?"""
    return _HANDLE.fullmatch(text) is not None


def is_room(text: str) -> bool:
    """Is it a room's name with its sign, such as ``#lobby``?"""
    return _ROOM.fullmatch(text) is not None


@lru_cache(maxsize=4096)  # every message of a talk asks for the same one
def is_conversation(text: str) -> bool:
    """Is it a conversation's name with its sign: ``#`` and a room, or ``@`` and a handle [NAME-3]?"""
    return _CONVERSATION.fullmatch(text) is not None


def is_display(text: str) -> bool:
    """Is it a display name: 1..64 octets of UTF-8, without a forbidden character [NAME-2]?"""
    if _FORBIDDEN.search(text) is not None:
        return False
    try:
        return 1 <= len(text.encode()) <= MAX_DISPLAY
    except UnicodeEncodeError:  # a lone surrogate, which no frame can carry
        return False


def is_forbidden_character(character: str) -> bool:
    """Is it a character that display names may not have, and that clients show instead of obeying [CLIENT-7]?

    The C0 and C1 controls, DEL, the line and paragraph separators, and the bidirectional embeddings,
    overrides and isolates.
    """
    return _FORBIDDEN.fullmatch(character) is not None
