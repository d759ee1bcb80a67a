"""The open conversation: rows on a Canvas, of which only those near the view are drawn.

In here: which rows there are, where they stand, scrolling, selecting, what the mouse and keys do. Not in here: how a
row is drawn (`bubbles`), what it says (`texts`).

The place of reading is a row and an offset (`_top`, `_shift`), never a height of everything: rows that were never drawn
have no height yet, so nothing that is learnt about them can make the view jump. A step costs what is near, however long
the conversation is.
"""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from tkinter import ttk
from typing import Any, Final

from causerie.client.model import Entry, Place, Tick
from causerie.language import _
from causerie.tk.bubbles import Drawn, Painter
from causerie.tk.look import Look
from causerie.tk.selection import Point, Selection, selected_text, word_at
from causerie.tk.texts import body_of, day

TOGETHER: Final = 300_000
"""Milliseconds within which messages of one person stand together, with the name above the first."""
STEP: Final = 48
"""Pixels of a turn of the wheel."""


@dataclass(slots=True, eq=False)
class Row:
    """A row: a message or notice, or (without an entry) a day or the divider before what is new."""

    entry: Entry | None = None
    day: date | None = None
    divider: bool = False
    first: bool = False
    named: bool = False
    drawn: Drawn | None = None
    told: bool = False
    """Was the hook told of it, or does it not count as new?"""


@dataclass(frozen=True, slots=True)
class Anchor:
    """A place of reading: that entry's top stands ``shift`` pixels below the view's top; None: the end."""

    place: Place | None
    shift: int = 0


class Pane(ttk.Frame):
    """Shows one conversation. ``hooks`` are what it asks and tells its owner."""

    def __init__(
        self,
        parent: tk.Misc,
        look: Look,
        *,
        chat_tick: Callable[[Entry], Tick | None],
        display: Callable[[str], str],
        on_older: Callable[[], None],
        on_retry: Callable[[Entry], None],
        on_discard: Callable[[Entry], None],
        on_open_link: Callable[[str], None],
        on_read: Callable[[], None],
    ) -> None:
        super().__init__(parent)
        self._tick, self._display = chat_tick, display
        self._on_older, self._on_read = on_older, on_read
        self._on_retry, self._on_discard, self._on_open_link = on_retry, on_discard, on_open_link
        self._rows: list[Row] = []
        self._live: list[Row] = []
        """Those that were near the view the last time."""
        self._direct = False
        self._more = False
        self._asked = False
        self._top, self._shift = 0, 0
        self._pinned = True
        self._unseen = 0
        self._selection: Selection | None = None
        self._flash: Place | None = None
        self._hook: Callable[[Entry, str], None] | None = None
        self._canvas = tk.Canvas(self, highlightthickness=0, takefocus=True, width=400, height=300)
        self._bar = ttk.Scrollbar(self, orient="vertical", command=self._bar_moved)
        self._canvas.pack(side="left", fill="both", expand=True)
        self._bar.pack(side="right", fill="y")
        self._painter = Painter(self._canvas, look, chat_tick, display)
        self._menu = tk.Menu(self, tearoff=False)
        self._redraw_later: str | None = None
        self._bind()
        self.set_look(look)

    # What is shown.

    def show(self, entries: Sequence[Entry], *, direct: bool, unread_from: Place | None, more: bool) -> None:
        """Another conversation: at its newest, or at what is new behind ``unread_from``. ``more``: older ones exist."""
        self._forget_drawn()
        self._direct, self._more, self._asked = direct, more, False
        self._selection, self._unseen, self._flash = None, 0, None
        self._rows = []
        divided = False
        for entry in entries:
            if unread_from is not None and not divided and entry.place > unread_from and not entry.mine:
                divided = True
                self._append_row(Row(divider=True))
            self._append(entry)
        for row in self._rows:
            row.told = unread_from is None or (row.entry is not None and row.entry.place <= unread_from)
        self._pinned = not divided
        self._top = next((index for index, row in enumerate(self._rows) if row.divider), len(self._rows))
        self._shift = self._look.pixels(12)
        self._arrange()

    def add(self, entry: Entry, replaces: Place | None = None) -> None:
        """An entry came: it stands last, also behind what waits, which moves down once it is in the log.

        What waited at ``replaces`` goes.
        """
        if replaces is not None:
            self._drop(replaces)
        if self._index(entry.place) is not None:
            return
        at_end = self._pinned
        self._append(entry)
        if not at_end and not entry.mine and not entry.notice:
            self._unseen += 1
        if entry.mine and entry.waits:
            self._pinned = True
        self._arrange()

    def change(self, entry: Entry) -> None:
        """An entry of the outbox has another state."""
        index = self._index(entry.place)
        if index is not None:
            row = self._rows[index]
            same = row.entry is not None and self._tick(row.entry) is self._tick(entry)
            row.entry = entry
            if not same:  # PENDING has several states
                row.told = False
                self._undraw(row)
                self._arrange()

    def remove(self, entry: Entry) -> None:
        """An entry of the outbox is gone."""
        self._drop(entry.place)
        self._arrange()

    def prepend(self, entries: Sequence[Entry], *, more: bool) -> None:
        """Older entries: what is read stays where it is."""
        old, self._rows = self._rows, []
        self._more, self._asked = more, False
        for entry in entries:
            self._append(entry)
        for row in self._rows:
            row.told = True
        added = len(self._rows)
        if old and entries:  # the day at the joint may stand there already
            first = next((row.entry for row in old if row.entry is not None), None)
            if first is not None and old[0].day is not None and day(entries[-1].timestamp) == old[0].day:
                if self._top > 0:
                    self._top -= 1
                else:  # what stood below it stays where it is
                    self._shift += self._draw(old[0]).height
                self._undraw(old[0])
                old = old[1:]
        self._rows += old
        self._top += added
        self._move_selection(added)
        self._arrange()

    def more_may_exist(self) -> None:
        """There is somebody to ask for older entries."""
        self._more, self._asked = True, False
        self._arrange()

    def refresh_ticks(self) -> None:
        """Ticks, or names of people, may have changed."""
        for row in self._live:
            if row.drawn is not None and row.entry is not None and row.entry.mine:
                self._painter.tick(row.drawn, row.entry)

    def set_look(self, look: Look) -> None:
        """Other colours or sizes: the place of reading stays."""
        self._look = look
        self._forget_drawn()
        self._painter.set_look(look)
        self._canvas.configure(background=look.background)
        self._arrange()

    def redraw(self) -> None:
        """Draw everything anew: another language, another day."""
        self.set_look(self._look)

    # Where one reads.

    @property
    def at_bottom(self) -> bool:
        """Does the newest stand in view?"""
        return self._pinned

    @property
    def first_logged(self) -> Place | None:
        """The place of the first entry that is in the log; None if none is."""
        return next((row.entry.place for row in self._rows if row.entry is not None and not row.entry.waits), None)

    def jump_to_newest(self) -> None:
        """Go to the end."""
        self._pinned = True
        self._arrange()

    def reading_place(self) -> Anchor:
        """The place of reading, for `go_to`."""
        if self._pinned:
            return Anchor(None)
        y = self._shift
        for row in self._rows[self._top :]:
            if row.entry is not None:
                return Anchor(row.entry.place, y)
            y += row.drawn.height if row.drawn is not None else 0
        return Anchor(None)

    def go_to(self, anchor: Anchor) -> bool:
        """Go to a place of reading; False if it is not among the rows."""
        index = self._index(anchor.place) if anchor.place is not None else None
        if index is None:
            self._pinned = True
        else:
            self._pinned, self._top, self._shift = False, index, anchor.shift
        self._arrange()
        return anchor.place is None or index is not None

    def reveal(self, place: Place) -> bool:
        """Go to an entry and mark it; False if it is not among the rows."""
        index = self._index(place)
        if index is None:
            return False
        self._flash = place
        self._forget_drawn()
        self._pinned, self._top, self._shift = False, index, self._canvas.winfo_height() // 3
        self._arrange()
        return True

    def bind_drawn(self, hook: Callable[[Entry, str], None]) -> None:
        """Call ``hook`` when a message that is new, or failed, is drawn first, with its text as drawn."""
        self._hook = hook

    def visible_texts(self) -> list[str]:
        """The texts that are in view."""
        height = self._canvas.winfo_height()
        found = []
        for row in self._rows:
            if row.drawn is not None and row.drawn.y + row.drawn.height > 0 and row.drawn.y < height:
                found.append(row.drawn.text)
        return found

    def focus_rows(self) -> None:
        """Take the keyboard."""
        self._canvas.focus_set()

    # Rows.

    def _append(self, entry: Entry) -> None:
        self._insert(len(self._rows), entry)

    def _append_row(self, row: Row) -> None:
        self._rows.append(row)

    def _insert(self, at: int, entry: Entry) -> None:
        """Put the entry there, with its day before it if it is the first of one."""
        above = (self._rows[index] for index in range(at - 1, -1, -1))
        before = next((row for row in above if row.entry is not None), None)
        new_day = day(entry.timestamp)
        rows = []
        if before is None or before.entry is None or day(before.entry.timestamp) != new_day:
            rows.append(Row(day=new_day))
        first = bool(rows) or not self._follows(before.entry if before is not None else None, entry)
        rows.append(Row(entry, first=first, named=first and not entry.mine and not self._direct and not entry.notice))
        self._rows[at:at] = rows
        if at < self._top:
            self._top += len(rows)

    def _follows(self, before: Entry | None, entry: Entry) -> bool:
        return (
            before is not None
            and not before.notice
            and before.sender == entry.sender
            and 0 <= entry.timestamp - before.timestamp < TOGETHER
        )

    def _drop(self, place: Place) -> None:
        index = self._index(place)
        if index is None:
            return
        last = index == len(self._rows) - 1
        first = index - 1 if last and index and self._rows[index - 1].day is not None else index
        for row in self._rows[first : index + 1]:
            self._undraw(row)
        del self._rows[first : index + 1]
        if first < self._top:
            self._top -= min(self._top, index + 1) - first

    def _index(self, place: Place | None) -> int | None:
        for index in range(len(self._rows) - 1, -1, -1):
            entry = self._rows[index].entry
            if entry is not None and entry.place == place:
                return index
        return None

    # Drawing.

    def _arrange(self) -> None:
        """Draw what is near the view, let go of what is not, and put everything in its place."""
        height, width = self._canvas.winfo_height(), self._canvas.winfo_width()
        if height <= 1 or not self._rows:
            self._bar.set("0.0", "1.0")
            self._painter.jump(None)
            return
        self._top = min(max(self._top, 0), len(self._rows) - 1)
        if self._pinned:
            self._from_below(height)
        first, last, bottom = self._fill(height)
        if bottom < height and not self._pinned:
            self._pinned = True
            self._from_below(height)
            first, last, bottom = self._fill(height)
        for row in self._drawn_outside(first, last):
            self._undraw(row)
        for row in self._live:
            self._tell(row)
        self._show_bar(height)
        self._paint_selection()
        if self._pinned:
            self._unseen = 0
        self._painter.jump(None if self._pinned else (width, height, self._unseen))
        if self._top == 0 and self._shift > -height and self._more and not self._asked:
            self._asked = True
            self.after_idle(self._on_older)
        if self._pinned:
            self.after_idle(self._on_read)

    def _from_below(self, height: int) -> None:
        """Let the last row stand at the bottom of the view."""
        y = height - self._look.pixels(10)
        top = len(self._rows)
        while top > 0 and y > 0:
            top -= 1
            y -= self._draw(self._rows[top]).height
        if top == 0 and y > 0:
            y = max(self._look.pixels(10), 0) if self._total_short(height) else y
        self._top, self._shift = top, y

    def _total_short(self, height: int) -> bool:
        return sum(self._draw(row).height for row in self._rows) + 2 * self._look.pixels(10) < height

    def _fill(self, height: int) -> tuple[int, int, int]:
        """Draw from the top row down and up, a screen more each way; the rows drawn, and where the last one ends."""
        y, index = self._shift, self._top
        while index < len(self._rows) and y < 2 * height:
            y += self._place(self._rows[index], y)
            index += 1
        bottom = y + self._look.pixels(10) if index == len(self._rows) else 2 * height
        y, first = self._shift, self._top
        while first > 0 and y > -height:
            first -= 1
            y -= self._draw(self._rows[first]).height
            self._place(self._rows[first], y)
            if y + self._rows[first].drawn.height > 0:  # type: ignore[union-attr]  # it was drawn just now
                self._top, self._shift = first, y
        if first == 0 and y > self._look.pixels(10) and not self._pinned:  # above the first row there is nothing
            return self._settle_at_first(height)
        while self._top < len(self._rows) - 1 and self._shift + self._draw(self._rows[self._top]).height <= 0:
            self._shift += self._draw(self._rows[self._top]).height
            self._top += 1
        return first, index, bottom

    def _settle_at_first(self, height: int) -> tuple[int, int, int]:
        self._top, self._shift = 0, self._look.pixels(10)
        y, index = self._shift, 0
        while index < len(self._rows) and y < 2 * height:
            y += self._place(self._rows[index], y)
            index += 1
        return 0, index, y + self._look.pixels(10) if index == len(self._rows) else 2 * height

    def _draw(self, row: Row) -> Drawn:
        if row.drawn is None:
            width = self._canvas.winfo_width()
            if row.entry is None:
                row.drawn = self._painter.line(row.day, divider=row.divider, width=width)
            elif row.entry.notice:
                row.drawn = self._painter.notice(row.entry, width)
            else:
                flash = row.entry.place == self._flash
                row.drawn = self._painter.bubble(row.entry, width, first=row.first, named=row.named, flash=flash)
        return row.drawn

    def _tell(self, row: Row) -> None:
        entry = row.entry
        if row.told or entry is None or row.drawn is None or self._hook is None or entry.notice:
            return
        if not entry.waits or self._tick(entry) in (Tick.FAILED, Tick.UNCONFIRMED):
            row.told = True
            self._hook(entry, row.drawn.text)

    def _place(self, row: Row, y: int) -> int:
        drawn = self._draw(row)
        if drawn.y != y:
            self._canvas.move(drawn.tag, 0, y - drawn.y)
            drawn.y = y
        return drawn.height

    def _undraw(self, row: Row) -> None:
        if row.drawn is not None:
            self._canvas.delete(row.drawn.tag)
            row.drawn = None

    def _forget_drawn(self) -> None:
        for row in self._rows:
            self._undraw(row)

    def _drawn_outside(self, first: int, last: int) -> list[Row]:
        kept = {id(row) for row in self._rows[first:last]}
        outside = [row for row in self._live if id(row) not in kept and row.drawn is not None]
        self._live = list(self._rows[first:last])
        return outside

    def _show_bar(self, height: int) -> None:
        shown = next((i for i in range(self._top, len(self._rows)) if self._bottom_of(i) >= height), len(self._rows))
        total = max(1, len(self._rows))
        into = 0.0
        drawn = self._rows[self._top].drawn
        if drawn is not None and self._shift < 0:
            into = min(1.0, -self._shift / max(1, drawn.height))
        first, last = (self._top + into) / total, min(1.0, (shown + 1) / total)
        self._bar.set(str(first if self._top or into else 0.0), str(1.0 if self._pinned else last))

    def _bottom_of(self, index: int) -> int:
        drawn = self._rows[index].drawn
        return 1 << 30 if drawn is None else drawn.y + drawn.height

    # Scrolling.

    def scroll(self, pixels: int) -> None:
        """Go down by so many pixels; up, if they are negative."""
        if not self._rows:
            return
        if pixels < 0:
            self._pinned = False
        elif self._pinned:
            return
        self._shift -= pixels
        self._arrange()

    def page(self, direction: int) -> None:
        """Go down, or up, by nearly a screen."""
        self.scroll(direction * round(0.9 * self._canvas.winfo_height()))

    def _bar_moved(self, verb: str, amount: str, unit: str = "") -> None:
        if verb == "moveto":
            where = min(1.0, max(0.0, float(amount))) * len(self._rows)
            self._top, self._pinned = min(int(where), len(self._rows) - 1), False
            if self._rows:
                self._shift = -round((where - self._top) * self._draw(self._rows[self._top]).height)
            self._arrange()
        else:
            page = self._canvas.winfo_height() if unit == "pages" else STEP
            self.scroll(int(amount) * page)

    def _bind(self) -> None:
        canvas = self._canvas
        canvas.bind("<Configure>", self._resized)
        canvas.bind("<Button-4>", lambda _: self.scroll(-STEP))
        canvas.bind("<Button-5>", lambda _: self.scroll(STEP))
        canvas.bind("<MouseWheel>", lambda event: self.scroll(-round(event.delta / 120 * STEP)))
        canvas.bind("<Up>", lambda _: self.scroll(-STEP))
        canvas.bind("<Down>", lambda _: self.scroll(STEP))
        canvas.bind("<Prior>", lambda _: self.page(-1))
        canvas.bind("<Next>", lambda _: self.page(1))
        canvas.bind("<Home>", lambda _: self._home())
        canvas.bind("<End>", lambda _: self.jump_to_newest())
        canvas.bind("<Button-1>", self._pressed)
        canvas.bind("<B1-Motion>", self._dragged)
        canvas.bind("<ButtonRelease-1>", self._released)
        canvas.bind("<Double-Button-1>", self._word)
        canvas.bind("<Motion>", self._hover)
        canvas.bind("<Button-3>", self._context)
        canvas.bind("<Control-c>", lambda _: self.copy())
        canvas.bind("<Control-a>", lambda _: self.select_all())
        canvas.bind("<FocusIn>", lambda _: self._focus_ring(True))
        canvas.bind("<FocusOut>", lambda _: self._focus_ring(False))

    def _focus_ring(self, on: bool) -> None:
        colour = self._look.accent if on else self._look.background
        self._canvas.configure(highlightthickness=2, highlightcolor=colour, highlightbackground=self._look.background)

    def _home(self) -> None:
        if self._rows:
            self._pinned, self._top, self._shift = False, 0, self._look.pixels(10)
            self._arrange()

    def _resized(self, event: tk.Event[tk.Canvas]) -> None:
        anchor = self.reading_place()
        self._forget_drawn()
        if anchor.place is not None:
            self.go_to(anchor)
        else:
            self._arrange()

    # Selecting and clicking.

    def copy_selection(self) -> str:
        """The selected text; empty if nothing is."""
        if self._selection is None or self._selection.empty:
            return ""
        return selected_text(self._selection, [row.entry for row in self._rows], self._display)

    def copy(self) -> None:
        """Put the selected text on the clipboard."""
        text = self.copy_selection()
        if text:
            self._to_clipboard(text)

    def _to_clipboard(self, text: str) -> None:
        self.clipboard_clear()
        self.clipboard_append(text)

    def select_all(self) -> None:
        """Select every row that there is."""
        if self._rows:
            self._selection = Selection((0, 0), (len(self._rows) - 1, self._length(len(self._rows) - 1)))
            self._paint_selection()

    def _length(self, index: int) -> int:
        entry = self._rows[index].entry
        return 0 if entry is None or entry.notice else len(body_of(entry, self._display))

    def _move_selection(self, rows: int) -> None:
        if self._selection is not None:
            (one, a), (other, b) = self._selection.anchor, self._selection.head
            self._selection = Selection((one + rows, a), (other + rows, b))

    def _row_at(self, y: int) -> int | None:
        for index in range(self._top, len(self._rows)):
            drawn = self._rows[index].drawn
            if drawn is None:
                return None
            if y < drawn.y + drawn.height:
                return index
        return len(self._rows) - 1 if self._rows else None

    def _point(self, x: int, y: int) -> Point | None:
        index = self._row_at(y)
        if index is None:
            return None
        drawn = self._rows[index].drawn
        assert drawn is not None
        return index, self._painter.offset_at(drawn, x, y)

    def _pressed(self, event: tk.Event[tk.Canvas]) -> str | None:
        self._canvas.focus_set()
        if self._painter.on_jump(event.x, event.y):
            self.jump_to_newest()
            return "break"
        index = self._row_at(event.y)
        row = self._rows[index] if index is not None else None
        if row is not None and row.entry is not None and row.drawn is not None:
            verb = self._painter.action_at(row.drawn, event.x, event.y)
            if verb is not None:
                (self._on_retry if verb == "retry" else self._on_discard)(row.entry)
                return "break"
        point = self._point(event.x, event.y)
        self._selection = Selection(point, point) if point is not None else None
        self._paint_selection()
        return None

    def _dragged(self, event: tk.Event[tk.Canvas]) -> None:
        height = self._canvas.winfo_height()
        if event.y < 0 or event.y > height:
            self.scroll(-STEP // 2 if event.y < 0 else STEP // 2)
        point = self._point(event.x, min(max(event.y, 0), height - 1))
        if self._selection is not None and point is not None:
            self._selection = Selection(self._selection.anchor, point)
            self._paint_selection()

    def _released(self, event: tk.Event[tk.Canvas]) -> None:
        if self._selection is None or not self._selection.empty:
            return
        link = self._link_at(event.x, event.y)
        if link is not None:
            self._on_open_link(link)

    def _word(self, event: tk.Event[tk.Canvas]) -> str:
        point = self._point(event.x, event.y)
        if point is not None:
            index, offset = point
            entry = self._rows[index].entry
            if entry is not None and not entry.notice:
                begin, end = word_at(body_of(entry, self._display), offset)
                self._selection = Selection((index, begin), (index, end))
                self._paint_selection()
        return "break"

    def _link_at(self, x: int, y: int) -> str | None:
        index = self._row_at(y)
        row = self._rows[index] if index is not None else None
        return None if row is None or row.drawn is None else self._painter.link_at(row.drawn, x, y)

    def _hover(self, event: tk.Event[tk.Canvas]) -> None:
        index = self._row_at(event.y)
        drawn = self._rows[index].drawn if index is not None else None
        hand = self._painter.on_jump(event.x, event.y) or (
            drawn is not None
            and (
                self._painter.link_at(drawn, event.x, event.y) is not None
                or self._painter.action_at(drawn, event.x, event.y) is not None
            )
        )
        self._canvas.configure(cursor="hand2" if hand else "")

    def _context(self, event: tk.Event[tk.Canvas]) -> None:
        index = self._row_at(event.y)
        entry = self._rows[index].entry if index is not None else None
        menu = self._menu
        menu.delete(0, "end")
        if self.copy_selection():
            menu.add_command(label=_("Copy"), command=self.copy)
        if entry is not None and not entry.notice:
            body = body_of(entry, self._display)
            menu.add_command(label=_("Copy message"), command=lambda: self._to_clipboard(body))
            if self._tick(entry) in (Tick.FAILED, Tick.UNCONFIRMED):
                menu.add_command(label=_("Send again"), command=lambda: self._on_retry(entry))
                menu.add_command(label=_("Discard"), command=lambda: self._on_discard(entry))
        menu.add_command(label=_("Select all"), command=self.select_all)
        menu.tk_popup(event.x_root, event.y_root)

    def _paint_selection(self) -> None:
        self._painter.unmark()
        if self._selection is None or self._selection.empty:
            return
        for index in range(max(0, self._top - 1), len(self._rows)):
            row = self._rows[index]
            if row.drawn is None:
                break
            part = self._selection.part(index, self._length(index))
            if part is not None:
                self._painter.mark(row.drawn, *part)

    # For tests.

    @property
    def canvas(self) -> tk.Canvas:
        """What is drawn on."""
        return self._canvas

    @property
    def drawn_rows(self) -> int:
        """How many rows are drawn just now."""
        return sum(row.drawn is not None for row in self._rows)

    def top_of(self, place: Place) -> int | None:
        """How far below the view's top an entry stands, if it is drawn."""
        index = self._index(place)
        drawn: Any = self._rows[index].drawn if index is not None else None
        return None if drawn is None else int(drawn.y)
