"""Links in a text: where they stand, and where they lead. Pure; only http and https count."""

from __future__ import annotations

import re
from typing import Final

_LINK: Final = re.compile(r"https?://[^\s<>\"“”«»]+", re.IGNORECASE)
_NOT_LAST: Final = ".,;:!?'…"
_PAIRS: Final = {")": "(", "]": "[", "}": "{"}


def links(text: str) -> list[tuple[int, int]]:
    """Where links begin and end; punctuation behind one is not part of it, nor a bracket that was opened before it."""
    found = []
    for match in _LINK.finditer(text):
        end = match.end()
        while end > match.start():
            last = text[end - 1]
            opened = _PAIRS.get(last)
            link = text[match.start() : end]
            if last not in _NOT_LAST and (opened is None or link.count(opened) >= link.count(last)):
                break
            end -= 1
        if end - match.start() > len("https://"):
            found.append((match.start(), end))
    return found
