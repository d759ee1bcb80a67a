"""One row drawn: a bubble with its text, time and ticks, a notice, a day, the divider before what is new.

In here: Canvas items, and where in them a text's offsets are. Not in here: which rows there are, and where they stand
(`pane`). Every row is drawn with its top at 0 under a tag of its own, and moved from there.
"""

from __future__ import annotations

import tkinter as tk
from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from tkinter import font as tkfont
from typing import Final, Literal

from causerie.client.model import Entry, Tick
from causerie.client.visible import visible
from causerie.language import _
from causerie.tk.emoji import drawable
from causerie.tk.links import links
from causerie.tk.look import Look
from causerie.tk.texts import body_of, clock, day_name, notice_of
from causerie.tk.wrap import offset_at, wrap

WIDEST: Final = 0.65
"""Of the view's width, what a bubble takes at most; but NARROWEST pixels where there are so many."""
NARROWEST: Final = 240
_CACHE: Final = 20_000
"""Words whose widths are kept."""


@dataclass(slots=True, eq=False)
class Drawn:
    """A row on the Canvas: its items' ``tag``, where its top is, how high it is, and what stands in it.

    ``lines`` are offsets in ``text``, the first at (``x``, ``top``), each ``step`` high. ``raw`` maps offsets in
    ``text`` to those of the message's text; None: they are the same. ``links`` and ``actions`` are boxes.
    """

    tag: str
    height: int
    text: str = ""
    y: int = 0
    x: int = 0
    top: int = 0
    step: int = 1
    lines: list[tuple[int, int]] = field(default_factory=list)
    raw: list[int] | None = None
    links: list[tuple[int, int, int, int, str]] = field(default_factory=list)
    actions: list[tuple[int, int, int, int, str]] = field(default_factory=list)
    tick_at: tuple[int, int] | None = None


class Painter:
    """Draws rows on one Canvas."""

    def __init__(
        self,
        canvas: tk.Canvas,
        look: Look,
        chat_tick: Callable[[Entry], Tick | None],
        display: Callable[[str], str],
    ) -> None:
        self._canvas = canvas
        self._tick, self._display = chat_tick, display
        self._count = 0
        self._jump: tuple[int, int, int] | None = None
        base = tkfont.nametofont("TkDefaultFont").actual()
        self._fonts = {
            name: tkfont.Font(root=canvas, family=base["family"], size=11, **more)
            for name, more in (
                ("text", {}),
                ("link", {"underline": True}),
                ("name", {"weight": "bold"}),
                ("small", {}),
                ("action", {"underline": True}),
            )
        }
        self._widths: dict[str, int] = {}
        self.set_look(look)

    def set_look(self, look: Look) -> None:
        """Other colours or sizes; what is drawn must be drawn anew."""
        self._look = look
        for name, font in self._fonts.items():
            font.configure(size=look.points(-2 if name in ("small", "action") else 0))
            if look.family != "TkDefaultFont":
                font.configure(family=look.family)
        self._step = round(self._fonts["text"].metrics("linespace") * 1.15)
        self._small_step = self._fonts["small"].metrics("linespace")
        self._widths.clear()
        self._jump = None
        self._canvas.delete("jump")

    # Rows.

    def line(self, day: date | None, *, divider: bool, width: int) -> Drawn:
        """A day, or the divider before what is new."""
        look = self._look
        text = _("New messages") if divider else day_name(day, date.today())  # as the user's clock says
        tag, pad = self._tag(), look.pixels(8)
        height = self._small_step + 2 * pad
        middle = pad + self._small_step // 2
        if divider:
            self._canvas.create_rectangle(0, pad // 2, width, height - pad // 2, fill=look.divider, width=0, tags=tag)
        else:
            half = self._fonts["small"].measure(text) // 2 + look.pixels(12)
            for left, right in ((look.pixels(16), width // 2 - half), (width // 2 + half, width - look.pixels(16))):
                if right > left:
                    self._canvas.create_line(left, middle, right, middle, fill=look.muted, dash=(1, 3), tags=tag)
        colour = look.text if divider else look.muted
        self._write(width // 2, middle, text, "small", colour, tag, anchor="center")
        return Drawn(tag, height, text)

    def notice(self, entry: Entry, width: int) -> Drawn:
        """JOINED, LEFT, a gap."""
        look = self._look
        text = self._safe(notice_of(entry, self._display))[0]
        tag, pad = self._tag(), look.pixels(5)
        colour = look.failed if entry.missing else look.muted
        self._write(width // 2, pad, text, "small", colour, tag, anchor="n", width=width - 4 * pad, justify="center")
        box = self._canvas.bbox(tag) or (0, 0, 0, self._small_step)
        return Drawn(tag, box[3] - box[1] + 2 * pad, text)

    def bubble(self, entry: Entry, width: int, *, first: bool, named: bool, flash: bool = False) -> Drawn:
        """A message; ``first`` of several of one person, ``named`` with that person's name."""
        look, tag = self._look, self._tag()
        px = look.pixels
        text, raw = self._safe(body_of(entry, self._display))
        tick = self._tick(entry)
        widest = min(max(int(width * WIDEST), NARROWEST), width - px(40))
        room = max(px(60), widest - 2 * px(10))
        lines = wrap(text, room, self._measure)
        name = self._safe(visible(self._display(entry.sender)))[0] if named else ""
        foot = self._foot(entry, tick)
        foot_width = sum(self._fonts[font].measure(piece) for piece, font, _verb in foot) + (
            px(26) if tick is not None else 0
        )
        widths = [self._measure(text[begin:end]) for begin, end in lines]
        inner = max([*widths, foot_width, self._fonts["name"].measure(name) if name else 0])
        beside = len(lines) == 1 and not name and widths[0] + px(12) + foot_width <= room
        if beside:  # a short message has its time behind it
            inner = widths[0] + px(12) + foot_width
        inner = min(inner, room) if inner > room and foot_width <= room else inner
        box_width = inner + 2 * px(10)
        left = width - px(14) - box_width if entry.mine else px(14)
        top = px(8) if first else px(2)
        y = top + px(6)
        if name:
            self._write(left + px(10), y, name, "name", look.colour_of(entry.sender), tag)
            y += self._step
        drawn = Drawn(tag, 0, text, 0, left + px(10), y, self._step, lines, raw)
        colour = look.text
        spans = links(text)
        for number, (begin, end) in enumerate(lines):
            self._write_line(drawn, number, begin, end, spans, colour)
        y += self._step * len(lines)
        if beside:
            y -= self._small_step + (self._step - self._small_step) // 2
        self._write_foot(drawn, foot, left + box_width - px(8), y, tick, entry)
        y += self._small_step + px(5)
        fill = look.divider if flash else look.mine if entry.mine else look.theirs
        outline = look.failed if tick is Tick.FAILED else look.accent if flash else ""
        rectangle = self._rounded(left, top, left + box_width, y, px(9), fill, outline, tag)
        self._canvas.tag_lower(rectangle, tag)
        drawn.height = y + px(1)
        return drawn

    def _foot(self, entry: Entry, tick: Tick | None) -> list[tuple[str, str, str]]:
        """What stands below the text: pieces with their font, and what a click on them does."""
        pieces = []
        if tick is Tick.FAILED:
            pieces.append((_("not sent: {reason}").format(reason=visible(entry.reason)) + "  ", "small", ""))
        elif tick is Tick.UNCONFIRMED:
            pieces.append((_("may not have arrived") + "  ", "small", ""))
        if tick in (Tick.FAILED, Tick.UNCONFIRMED):
            pieces += [(_("Send again"), "action", "retry"), ("  ", "small", ""), (_("Discard"), "action", "discard")]
            pieces.append(("  ", "small", ""))
        pieces.append((clock(entry.timestamp), "small", ""))
        return pieces

    def _write_foot(
        self, drawn: Drawn, foot: list[tuple[str, str, str]], right: int, y: int, tick: Tick | None, entry: Entry
    ) -> None:
        look = self._look
        x = right
        if tick is not None:
            x -= look.pixels(24)
            drawn.tick_at = (x + look.pixels(5), y + self._small_step // 2)
            self.tick(drawn, entry)
        for text, font, verb in reversed(foot):
            width = self._fonts[font].measure(text)
            x -= width
            colour = look.link if verb else look.failed if tick is Tick.FAILED and ":" in text[:30] else look.muted
            self._write(x, y, text, font, colour, drawn.tag)
            if verb:
                drawn.actions.append((x, y, x + width, y + self._small_step, verb))

    def _write_line(
        self, drawn: Drawn, number: int, begin: int, end: int, spans: list[tuple[int, int]], colour: str
    ) -> None:
        x, y = drawn.x, drawn.top + number * drawn.step
        at = begin
        for first, last in [*((max(a, begin), min(b, end)) for a, b in spans if a < end and b > begin), (end, end)]:
            if first > at:
                self._write(x, y, drawn.text[at:first], "text", colour, drawn.tag)
                x += self._measure(drawn.text[at:first])
            if last > first:
                self._write(x, y, drawn.text[first:last], "link", self._look.link, drawn.tag)
                width = self._measure(drawn.text[first:last])
                whole = next(drawn.text[a:b] for a, b in spans if a <= first < b)
                drawn.links.append((x, y, x + width, y + drawn.step, whole))
                x += width
            at = last

    # Ticks.

    def tick(self, drawn: Drawn, entry: Entry) -> None:
        """Draw how far a message has come, in place of what is there: shapes that differ without their colours."""
        tick, where = self._tick(entry), drawn.tick_at
        if where is None or tick is None:
            return
        tag = f"{drawn.tag}t"
        self._canvas.delete(tag)
        look, canvas = self._look, self._canvas
        x, y, u = where[0], where[1] + drawn.y, look.pixels(4)
        tags = (drawn.tag, tag)
        thick = max(1, look.pixels(1.6))
        if tick is Tick.PENDING:
            canvas.create_oval(x + u, y - u, x + 3 * u, y + u, outline=look.muted, width=thick, tags=tags)
            hands = [x + 2 * u, y - u // 2, x + 2 * u, y, x + 2 * u + u // 2, y]
            canvas.create_line(hands, fill=look.muted, tags=tags)
        elif tick in (Tick.FAILED, Tick.UNCONFIRMED):
            canvas.create_oval(x + u, y - u - 1, x + 3 * u + 2, y + u + 1, fill=look.failed, width=0, tags=tags)
            mark = "!" if tick is Tick.FAILED else "?"
            fill = look.mine
            self._write(x + 2 * u + 1, y, mark, "small", fill, drawn.tag, anchor="center", extra=tag)
        else:
            read = tick is Tick.READ
            if read:
                canvas.create_polygon(
                    *self._corners(x - 1, y - u - 1, x + 4 * u + 1, y + u + 2, u),
                    fill=look.accent,
                    smooth=True,
                    width=0,
                    tags=tags,
                )
            colour = look.on_accent if read else look.muted
            for shift in (0,) if tick is Tick.SENT else (-u // 2, u):
                left = x + u // 2 + shift
                points = [left, y, left + u * 0.7, y + u * 0.8, left + 2 * u, y - u * 0.9]
                canvas.create_line(points, fill=colour, width=thick, capstyle="round", tags=tags)

    # Where things are.

    def offset_at(self, drawn: Drawn, x: int, y: int) -> int:
        """The offset in the message's text, as received, that is nearest to a point of the view."""
        if not drawn.lines:
            return 0
        line = min(max((y - drawn.y - drawn.top) // drawn.step, 0), len(drawn.lines) - 1)
        if y < drawn.y + drawn.top:
            return 0
        begin, end = drawn.lines[line]
        below = y >= drawn.y + drawn.top + drawn.step * len(drawn.lines)
        offset = end if below else begin + offset_at(drawn.text[begin:end], x - drawn.x, self._measure)
        return drawn.raw[offset] if drawn.raw is not None else offset

    def link_at(self, drawn: Drawn, x: int, y: int) -> str | None:
        """The link there."""
        return _box_at(drawn.links, x, y - drawn.y)

    def action_at(self, drawn: Drawn, x: int, y: int) -> str | None:
        """What a click there does: retry, discard."""
        return _box_at(drawn.actions, x, y - drawn.y)

    def mark(self, drawn: Drawn, begin: int, end: int) -> None:
        """Show that this part of a message's text, as received, is selected."""
        if drawn.raw is not None:
            begin = _drawn_offset(drawn.raw, begin)
            end = _drawn_offset(drawn.raw, end)
        for number, (first, last) in enumerate(drawn.lines):
            left, right = max(begin, first), min(end, last)
            if left < right or (begin <= first and end > last):
                x = drawn.x + self._measure(drawn.text[first:left])
                y = drawn.y + drawn.top + number * drawn.step
                width = max(self._measure(drawn.text[left:right]), self._look.pixels(4))
                item = self._canvas.create_rectangle(
                    x, y, x + width, y + drawn.step, fill=self._look.selection, width=0, tags="marked"
                )
                self._canvas.tag_lower(item, self._first_text(drawn))

    def _first_text(self, drawn: Drawn) -> int:
        items = self._canvas.find_withtag(drawn.tag)
        return next(item for item in items if str(self._canvas.type(item)) == "text")

    def unmark(self) -> None:
        """Nothing is selected."""
        self._canvas.delete("marked")

    # The button that goes to the newest.

    def jump(self, where: tuple[int, int, int] | None) -> None:
        """Show the button in a view of that width and height, with so many new messages; or not at all."""
        if where == self._jump:
            if where is not None:
                self._canvas.tag_raise("jump")
            return
        self._canvas.delete("jump")
        self._jump = where
        if where is None:
            return
        width, height, count = where
        look, r = self._look, self._look.pixels(18)
        x, y = width - r - look.pixels(14), height - r - look.pixels(14)
        canvas = self._canvas
        canvas.create_oval(x - r, y - r, x + r, y + r, fill=look.panel, outline=look.muted, tags="jump")
        u = r // 3
        canvas.create_line([x - u, y - u // 2, x, y + u // 2, x + u, y - u // 2], fill=look.text, width=2, tags="jump")
        if count:
            text = str(count) if count < 100 else "99+"
            half = self._fonts["small"].measure(text) // 2 + look.pixels(5)
            top = y - r - look.pixels(4)
            shape = self._corners(x - half, top - self._small_step // 2, x + half, top + self._small_step // 2, 7)
            canvas.create_polygon(*shape, fill=look.accent, smooth=True, width=0, tags="jump")
            self._write(x, top, text, "small", look.on_accent, "jump", anchor="center")

    def on_jump(self, x: int, y: int) -> bool:
        """Is the button there?"""
        if self._jump is None:
            return False
        box = self._canvas.bbox("jump")
        return box[0] <= x <= box[2] and box[1] <= y <= box[3]

    # Inside.

    def _tag(self) -> str:
        self._count += 1
        return f"r{self._count}"

    def _safe(self, text: str) -> tuple[str, list[int] | None]:
        return drawable(text, safe=self._look.emoji_safe)

    def _measure(self, text: str) -> int:
        """The width of a text, which words make that came before."""
        if len(text) > 40:
            return sum(self._measure(piece) for piece in _pieces(text))
        width = self._widths.get(text)
        if width is None:
            if len(self._widths) > _CACHE:
                self._widths.clear()
            width = self._widths[text] = self._fonts["text"].measure(text)
        return width

    def _write(
        self,
        x: float,
        y: float,
        text: str,
        font: str,
        colour: str,
        tag: str,
        *,
        anchor: Literal["nw", "n", "center"] = "nw",
        width: int = 0,
        justify: Literal["left", "center"] = "left",
        extra: str = "",
    ) -> int:
        return self._canvas.create_text(
            [x, y],
            text=text,
            font=self._fonts[font],
            fill=colour,
            anchor=anchor,
            width=width,
            justify=justify,
            tags=(tag, extra) if extra else (tag,),
        )

    def _rounded(self, x1: int, y1: int, x2: int, y2: int, r: int, fill: str, outline: str, tag: str) -> int:
        return self._canvas.create_polygon(
            *self._corners(x1, y1, x2, y2, r), smooth=True, fill=fill, outline=outline or fill, tags=(tag,)
        )

    @staticmethod
    def _corners(x1: float, y1: float, x2: float, y2: float, r: float) -> list[float]:
        """The points of a rounded rectangle, for a smooth polygon: those that are not corners count twice."""
        top = [x1 + r, y1, x1 + r, y1, x2 - r, y1, x2 - r, y1, x2, y1, x2, y1 + r, x2, y1 + r]
        bottom = [x2, y2 - r, x2, y2 - r, x2, y2, x2 - r, y2, x2 - r, y2, x1 + r, y2, x1 + r, y2, x1, y2]
        return [*top, *bottom, x1, y2 - r, x1, y2 - r, x1, y1 + r, x1, y1 + r, x1, y1]


def _pieces(text: str) -> list[str]:
    """A long text in pieces of words, so that their widths can be kept."""
    pieces, start = [], 0
    while start < len(text):
        end = text.find(" ", start + 12)
        end = len(text) if end < 0 else end + 1
        if end - start > 40:
            end = start + 40
        pieces.append(text[start:end])
        start = end
    return pieces


def _drawn_offset(raw: list[int], offset: int) -> int:
    """The drawn offset of one in the text as received."""
    return bisect_left(raw, offset, hi=len(raw) - 1)


def _box_at(boxes: list[tuple[int, int, int, int, str]], x: int, y: int) -> str | None:
    return next((what for x1, y1, x2, y2, what in boxes if x1 <= x <= x2 and y1 <= y <= y2), None)
