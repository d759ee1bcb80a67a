"""SASLprep (RFC 4013): one form for passwords that look the same, whatever keyboard they were typed on [SCRAM-3].

In here: the profile, over the standard library's tables of RFC 3454, with Unicode 3.2 as it demands. Not in here: what
is done with a password (`scram`).
"""

import stringprep
import unicodedata
from collections.abc import Callable, Mapping
from typing import Final

_PROHIBITED: Final[Mapping[str, Callable[[str], bool]]] = {
    "a control character": stringprep.in_table_c21_c22,
    "a character for private use": stringprep.in_table_c3,
    "a code point that is no character": stringprep.in_table_c4,
    "half a character": stringprep.in_table_c5,
    "a character that is not for plain text": stringprep.in_table_c6,
    "an ideographic description character": stringprep.in_table_c7,
    "a direction mark, or another that changes how text is shown": stringprep.in_table_c8,
    "a tag character": stringprep.in_table_c9,
}
"""RFC 4013, section 2.3 (its tables of spaces are empty by then)."""


def prepare(password: str, *, stored: bool = False) -> str:
    """The form of a password that is hashed; *stored*: for an account, not for a login (RFC 3454, section 7).

    Raises ValueError, with words for people, for a password that has no such form.
    """
    mapped = "".join(
        " " if stringprep.in_table_c12(char) else char for char in password if not stringprep.in_table_b1(char)
    )
    prepared = unicodedata.ucd_3_2_0.normalize("NFKC", mapped)
    if not prepared:
        raise ValueError("it is empty")
    for char in prepared:
        for what, prohibited in _PROHIBITED.items():
            if prohibited(char):
                raise ValueError(f"it holds {what} (U+{ord(char):04X})")
        if stored and stringprep.in_table_a1(char):
            raise ValueError(f"it holds a character that SASLprep does not know (U+{ord(char):04X})")
    _check_direction(prepared)
    return prepared


def _check_direction(prepared: str) -> None:
    """RFC 3454, section 6: what is written from right to left begins and ends so, and holds nothing else."""
    if not any(map(stringprep.in_table_d1, prepared)):
        return
    ends = stringprep.in_table_d1(prepared[0]) and stringprep.in_table_d1(prepared[-1])
    if not ends or any(map(stringprep.in_table_d2, prepared)):
        raise ValueError("it mixes letters that run from right to left with others")
