"""Colours of the terminal, by role: for dark and for light screens, and none."""

from __future__ import annotations

import os
from typing import Final

from prompt_toolkit.styles import Style

from causerie.console.view import Role, Span

_NAMES: Final = {
    "dark": ("ansicyan", "ansigreen", "ansiyellow", "ansimagenta", "ansibrightblue", "ansibrightcyan"),
    "light": ("#00616b", "#0b6e0b", "#7a4f01", "#8a1a8a", "#1d4ed8", "#a02020"),
}
_ROLES: Final = {
    "dark": {
        "time": "ansibrightblack",
        "own-name": "bold",
        "place": "ansibrightblack",
        "mention": "bold ansiyellow",
        "notice": "ansibrightblack",
        "trouble": "ansired",
        "tick": "ansibrightblack",
        "read": "bold ansigreen",
        "new": "ansigreen",
        "bar": "bg:#303030 #d0d0d0",
        "bar.trouble": "bg:#5f0000 #ffffff",
        "open": "bold ansigreen",
        "unread": "bold ansiyellow",
    },
    "light": {
        "time": "#606060",
        "own-name": "bold",
        "place": "#606060",
        "mention": "bold #8a3b00",
        "notice": "#606060",
        "trouble": "#b00020",
        "tick": "#606060",
        "read": "bold #0b6e0b",
        "new": "#0b6e0b",
        "bar": "bg:#e0e0e0 #202020",
        "bar.trouble": "bg:#b00020 #ffffff",
        "open": "bold #0b6e0b",
        "unread": "bold #8a3b00",
    },
    "none": {"own-name": "bold", "mention": "bold", "read": "bold", "bar": "reverse", "open": "bold", "unread": "bold"},
}


def theme(name: str) -> Style:
    """The style of that theme; without colours where NO_COLOR is set."""
    name = "none" if os.environ.get("NO_COLOR") else name
    names = {f"name{number}": colour for number, colour in enumerate(_NAMES.get(name, ()))}
    return Style.from_dict({**_ROLES[name], **names})


def style_of(span: Span) -> str:
    """The style class of a span; each name has its own colour, the same every time."""
    if span.role is Role.NAME:
        return f"class:name{sum(span.text.encode('utf-8', 'replace')) % 6}"
    return f"class:{span.role.value}"
