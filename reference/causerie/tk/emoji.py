"""Emoji that Tk 8.6 can draw: what joins and varies them is left out, and where there is no safe font, all of them.

In here: pure functions over texts, and the list for the picker. Not in here: whether this system draws them (`theme`).
"""

from __future__ import annotations

from typing import Final

PLACEHOLDER: Final = "▯"
_INVISIBLE: Final = frozenset("\u200d\ufe0e\ufe0f") | {chr(number) for number in range(0x1F3FB, 0x1F400)}
"""Joiners, variation selectors and skin tones: Tk would draw boxes for them."""
_RANGES: Final = ((0x1F000, 0x1FAFF), (0x2600, 0x27BF), (0x2B00, 0x2BFF), (0xE0000, 0xE0FFF))

GROUPS: Final = (
    "😀😃😄😁😅😂🙂😉😊😍😘😜🤪🤔🤨😐😏😴😷🤒🥳😎😕😮😢😭😱😡😇🤗",
    "👍👎👌✌🤞👋👏🙌🙏💪👀🧠💬💭💤🎉🔥✨💯✅❌❓❗🚀💡🔔📌📎🔒🔑",
    "🧡💛💚💙💜🖤💔💕🌞🌙⭐🌈🌧⛄⚡🌍🌱🌳🌻🌹🍀🍁🐶🐱🦊🐻🐼🐧🐸🐝",
    "☕🍵🍺🍷🍎🍌🍓🍕🍔🍟🥐🥖🧀🍰🎂🍫⚽🏀🎾🎲🎮🎸🎵🎬📷🚲🚗🚂✈🏠",
)
"""What the picker shows: one group after the other."""


def is_emoji(character: str) -> bool:
    """Is it drawn as a picture?"""
    number = ord(character)
    return any(first <= number <= last for first, last in _RANGES)


def drawable(text: str, *, safe: bool) -> tuple[str, list[int] | None]:
    """The text as it can be drawn, and for each of its offsets (its end included) the one in ``text``.

    The offsets are None where they are the same. Without ``safe`` each emoji becomes a placeholder.
    """
    if text.isascii() or not any(c in _INVISIBLE or (not safe and is_emoji(c)) for c in text):
        return text, None
    drawn: list[str] = []
    offsets: list[int] = []
    for offset, character in enumerate(text):
        if character not in _INVISIBLE:
            drawn.append(character if safe or not is_emoji(character) else PLACEHOLDER)
            offsets.append(offset)
    return "".join(drawn), [*offsets, len(text)]
