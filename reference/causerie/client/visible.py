"""Received strings made safe to show: what would control the screen is shown instead [CLIENT-7].

In here: pure functions over str. Every string from the server goes through here before it is shown: texts,
names, details, reasons, agents.
"""

from __future__ import annotations

from typing import Final

from causerie_spec.names import is_forbidden_character

LINE_BREAK: Final = "⏎"
"""What stands for a line break, where a line must stay one line."""

_NAMED: Final = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


def _escape(character: str) -> str:
    if character in _NAMED:
        return _NAMED[character]
    number = ord(character)
    return f"\\x{number:02x}" if number < 0x100 else f"\\u{number:04x}"


def visible(text: str) -> str:
    """The text on one line: line breaks as ⏎, other forbidden characters as ``\\x1b`` or ``\\u202e``."""
    return LINE_BREAK.join(_line(line) for line in text.replace("\r\n", "\n").split("\n"))


def visible_lines(text: str) -> list[str]:
    """The text's lines, for a shell that indents all but the first, so that none can pass for a line of its own."""
    return [_line(line) for line in text.replace("\r\n", "\n").split("\n")]


def _line(text: str) -> str:
    if text.isprintable():  # the usual case, at C speed: every forbidden character is unprintable
        return text
    return "".join(
        _escape(character) if is_forbidden_character(character) or "\ud800" <= character <= "\udfff" else character
        for character in text
    )
