"""A badge: one line of SVG that says what a server conforms to, for a README.

It needs no font, no network and no style sheet. Its texts are given the length that they are drawn with
(``textLength``), so that they fit whatever font there is.

In here: its words, its colours and its measures. Not in here: what the verdicts are (`results`).
"""

from __future__ import annotations

from pathlib import Path
from string import Template
from typing import Final

from causerie_conformance.report.headline import Mood, headline
from causerie_conformance.report.json_report import Document
from causerie_conformance.report.markup import text
from causerie_conformance.results import Verdict

NAMES: Final = {"server": "causerie", "client": "causerie client"}
"""What it is a badge of, by role."""
MOST_NAMED: Final = 4
"""Profiles that are named; of more, how many they are."""
COLOURS: Final = {Mood.GOOD: "#1d6f47", Mood.PARTLY: "#7d5400", Mood.BAD: "#b02a20", Mood.NONE: "#59616d"}
"""Behind white text, with a contrast of at least 4.5."""
GROUND: Final = "#333a44"
"""Behind the name."""
_WIDTH: Final = 6.4
_WIDTHS: Final = {"ijlI.,:'| ": 3.4, "frt-()": 4.6, "mwMW✓✗": 9.2, "ABCDEFGHJKLNOPQRSTUVXYZ": 7.6}
"""Pixels of a character at 11 px in the usual sans serif fonts, about; ``textLength`` makes up for the rest."""
_PAD: Final = 8
_SVG: Final = Template(
    """\
<svg xmlns="http://www.w3.org/2000/svg" width="$width" height="20" viewBox="0 0 $width 20" role="img"
 aria-labelledby="t">
<title id="t">$title</title>
<clipPath id="r"><rect width="$width" height="20" rx="4"/></clipPath>
<g clip-path="url(#r)">
<rect width="$left" height="20" fill="$ground"/><rect x="$left" width="$right" height="20" fill="$colour"/>
</g>
<g fill="#fff" font-family="Verdana,DejaVu Sans,Geneva,sans-serif" font-size="11">
<text x="$pad" y="14" textLength="$name_length" lengthAdjust="spacingAndGlyphs">$name</text>
<text x="$x" y="14" textLength="$length" lengthAdjust="spacingAndGlyphs">$words</text>
</g>
</svg>
"""
)


def write(report: Document, path: Path) -> None:
    """Write the badge to a file. Raises OSError."""
    path.write_text(svg(report), encoding="utf-8")


def words(report: Document) -> str:
    """What the badge says, in lower case but for the names of profiles."""
    top = headline(report)
    if top.mood is not Mood.GOOD:
        return top.words.lower()
    profiles = [each["profile"] for each in report["profiles"] if each["verdict"] == Verdict.CONFORMANT.value]
    if not profiles:
        return top.words.lower()
    named = profiles[: MOST_NAMED if len(profiles) <= MOST_NAMED else MOST_NAMED - 1]
    more = f" +{len(profiles) - len(named)}" if len(profiles) > len(named) else ""
    return f"✓ {', '.join(named)}{more}"


def svg(report: Document) -> str:
    """The badge."""
    top, said, name = headline(report), words(report), NAMES.get(report["role"], NAMES["server"])
    name_length, length = measure(name), measure(said)
    left, right = name_length + 2 * _PAD, length + 2 * _PAD
    values = {
        "title": text(f"{name}: {f'conformant:{said[1:]}' if said.startswith('✓') else said}"),
        "width": left + right,
        "left": left,
        "right": right,
        "ground": GROUND,
        "colour": COLOURS[top.mood],
        "pad": _PAD,
        "x": left + _PAD,
        "name": name,
        "name_length": name_length,
        "words": text(said),
        "length": length,
    }
    return _SVG.substitute(values)


def measure(line: str) -> int:
    """About how wide a line is, in pixels."""
    return round(sum(next((width for of, width in _WIDTHS.items() if character in of), _WIDTH) for character in line))
