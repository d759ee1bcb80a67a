"""How the window looks: two palettes, fonts, and the zoom.

In here: colours and sizes as data, and the contrast between them. Not in here: ttk's styles (`theme`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

SMALLEST, LARGEST = 0.6, 2.5
"""Zoom, at least and at most."""


@dataclass(frozen=True, slots=True)
class Look:
    """Colours as ``#rrggbb``; ``size`` in points at zoom 1; ``scale`` is the zoom; ``density`` how fine the screen is,
    1 at 96 pixels an inch.

    ``panel`` is behind lists and forms, ``field`` behind what can be typed in. ``names`` are for people, readable on
    ``theirs`` and ``panel``. ``emoji_safe`` says that this system draws emoji without harm.
    """

    dark: bool
    background: str
    panel: str
    field: str
    chosen: str
    mine: str
    theirs: str
    text: str
    muted: str
    link: str
    accent: str
    on_accent: str
    divider: str
    failed: str
    selection: str
    names: tuple[str, ...]
    family: str = "TkDefaultFont"
    size: int = 11
    scale: float = 1.0
    density: float = 1.0
    emoji_safe: bool = True

    def points(self, change: int = 0) -> int:
        """A font's size in points, larger or smaller than the text's by so much."""
        return max(6, round((self.size + change) * self.scale))

    def pixels(self, length: float) -> int:
        """A length that grows with the zoom, and is as long on a fine screen."""
        return max(1, round(length * self.scale * self.density))

    def zoomed(self, scale: float) -> Look:
        """The same at another zoom, within what is sensible."""
        return replace(self, scale=min(LARGEST, max(SMALLEST, round(scale, 2))))

    def colour_of(self, handle: str) -> str:
        """A person's colour, the same every time."""
        return self.names[sum(handle.encode("utf-8", "replace")) % len(self.names)]


LIGHT: Final = Look(
    dark=False,
    background="#efeae2",
    panel="#ffffff",
    field="#f0f2f5",
    chosen="#e7f3ef",
    mine="#d9fdd3",
    theirs="#ffffff",
    text="#111b21",
    muted="#54656f",
    link="#0b57d0",
    accent="#00755e",
    on_accent="#ffffff",
    divider="#c8efe2",
    failed="#b3261e",
    selection="#a8d1f5",
    names=("#0b6e4f", "#1d4ed8", "#9c27b0", "#b3261e", "#7a4f01", "#00695c", "#ad1457", "#4a4fb5"),
)
DARK: Final = Look(
    dark=True,
    background="#0b141a",
    panel="#111b21",
    field="#202c33",
    chosen="#2a3942",
    mine="#004a3d",
    theirs="#202c33",
    text="#e9edef",
    muted="#aebac1",
    link="#7fd0ff",
    accent="#25d0a5",
    on_accent="#06251d",
    divider="#123a31",
    failed="#ffb4ab",
    selection="#2f6ea3",
    names=("#7be0b0", "#8ab4f8", "#e0a3f0", "#ffb4ab", "#f2c66d", "#6fdccb", "#f7a1c4", "#b9bdfb"),
)


def contrast(one: str, other: str) -> float:
    """The contrast of two colours, from 1 to 21 (WCAG 2, section 1.4.3)."""
    bright, dim = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (bright + 0.05) / (dim + 0.05)


def _luminance(colour: str) -> float:
    red, green, blue = (_linear(int(colour[i : i + 2], 16) / 255) for i in (1, 3, 5))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(part: float) -> float:
    return part / 12.92 if part <= 0.03928 else float(((part + 0.055) / 1.055) ** 2.4)
