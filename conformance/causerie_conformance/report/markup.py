"""HTML from text that nobody has to trust: whatever is not markup is escaped, and what cannot be seen is made visible.

In here: `tag` and `text`. Not in here: what a page has on it (`html_report`).
"""

from __future__ import annotations

import html
from collections.abc import Iterable
from typing import Final

_VOID: Final = ("input",)


class Html(str):
    """Markup. Any other string is text."""

    __slots__ = ()


def _visible(character: str) -> str:
    return character if character.isprintable() else f"\\u{{{ord(character):x}}}"


def text(value: str) -> Html:
    """Text as markup; characters that control a screen are named, and set off from what was written so."""
    if isinstance(value, Html):
        return value
    if value.isprintable():
        return Html(html.escape(value, quote=False))
    shown = (
        html.escape(character, quote=False) if character.isprintable() else f"<i class=c>{_visible(character)}</i>"
        for character in value
    )
    return Html("".join(shown))


def lines(value: str) -> Html:
    """The same for text of several lines, to stand in ``pre``."""
    return join(value.split("\n"), "\n")


def join(parts: Iterable[str], between: str = "") -> Html:
    """Texts and markup, one after the other."""
    return Html(between.join(text(part) for part in parts))


def tag(name: str, /, *content: str, **attributes: str | bool | None) -> Html:
    """An element; ``class_`` is class, ``data_x`` data-x. True makes one without a value, False and None make none."""
    words = [name]
    for key, value in attributes.items():
        if value is None or value is False:
            continue
        shown = key.rstrip("_").replace("_", "-")
        if value is not True:
            shown += '="' + html.escape("".join(map(_visible, value))) + '"'
        words.append(shown)
    end = "" if name in _VOID else f"</{name}>"
    return Html(f"<{' '.join(words)}>{join(content)}{end}")
