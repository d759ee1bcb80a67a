"""The list of conversations, with its search: a Canvas of rows, of which only those in view are drawn.

In here: rows for conversations and for messages found, choosing with mouse and keys. Not in here: what they say
(`texts`), searching (`causerie.client.session`).
"""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from tkinter import font as tkfont
from tkinter import ttk
from typing import Any, Final

from causerie.client.model import Chat, Entry, People
from causerie.client.visible import visible
from causerie.language import _
from causerie.tk.emoji import drawable
from causerie.tk.look import Look
from causerie.tk.texts import body_of, initials, preview, short_time, title, typing
from causerie.tk.wrap import fitting

HEIGHT: Final = 64
"""Pixels of a row at zoom 1."""


@dataclass(frozen=True, slots=True)
class Line:
    """A row of the list: a conversation, or (with ``entry``) a message that was found in it."""

    chat: Chat
    entry: Entry | None = None


class ChatList(ttk.Frame):
    """Shows conversations; calls ``on_open`` with a name, ``on_found`` with an entry, ``on_search`` with a text."""

    def __init__(
        self,
        parent: tk.Misc,
        look: Look,
        people: People,
        *,
        on_open: Callable[[str], None],
        on_found: Callable[[Entry], None],
        on_search: Callable[[str], list[Entry]],
    ) -> None:
        super().__init__(parent)
        self._look, self._people = look, people
        self._on_open, self._on_found, self._on_search = on_open, on_found, on_search
        self._chats: list[Chat] = []
        self._lines: list[Line] = []
        self._open = ""
        self._cursor = 0
        self._scroll = 0
        self._query = tk.StringVar(self)
        self._entry = ttk.Entry(self, textvariable=self._query)
        self._entry.pack(fill="x", padx=8, pady=8)
        self._hint = tk.Label(
            self._entry, text=_("Search"), background=look.field, foreground=look.muted, cursor="xterm"
        )
        self._canvas = tk.Canvas(self, highlightthickness=2, takefocus=True, width=look.pixels(290))
        self._bar = ttk.Scrollbar(self, orient="vertical", command=self._bar_moved)
        self._canvas.pack(side="left", fill="both", expand=True)
        self._font = tkfont.Font(root=self, name=None, **self._family())
        self._bold = tkfont.Font(root=self, weight="bold", **self._family())
        self._small = tkfont.Font(root=self, **self._family())
        self._bind()
        self.set_look(look)

    def _family(self) -> dict[str, Any]:
        return {"family": tkfont.nametofont("TkDefaultFont").actual()["family"]}

    def _bind(self) -> None:
        canvas, entry = self._canvas, self._entry
        canvas.bind("<Configure>", lambda _: self._draw())
        canvas.bind("<Button-1>", self._clicked)
        canvas.bind("<Button-4>", lambda _: self._move(-HEIGHT))
        canvas.bind("<Button-5>", lambda _: self._move(HEIGHT))
        canvas.bind("<MouseWheel>", lambda event: self._move(-round(event.delta / 120 * HEIGHT)))
        canvas.bind("<Up>", lambda _: self._step(-1))
        canvas.bind("<Down>", lambda _: self._step(1))
        canvas.bind("<Return>", lambda _: self._choose(self._cursor))
        canvas.bind("<space>", lambda _: self._choose(self._cursor))
        canvas.bind("<FocusIn>", lambda _: self._draw())
        canvas.bind("<FocusOut>", lambda _: self._draw())
        self._query.trace_add("write", lambda *_: self._searched())
        entry.bind("<Escape>", lambda _: self.clear_search())
        entry.bind("<Down>", lambda _: self._canvas.focus_set())
        entry.bind("<Return>", lambda _: self._choose(0))
        entry.bind("<FocusIn>", lambda _: self._show_hint())
        entry.bind("<FocusOut>", lambda _: self._show_hint())
        self._hint.bind("<Button-1>", lambda _: entry.focus_set())
        self._show_hint()

    def _show_hint(self) -> None:
        if self._query.get() or self.focus_displayof() is self._entry:
            self._hint.place_forget()
        else:
            self._hint.place(x=8, rely=0.5, anchor="w")

    # What is shown.

    def set_look(self, look: Look) -> None:
        """Other colours or sizes."""
        self._look = look
        self._font.configure(size=look.points())
        self._bold.configure(size=look.points(), weight="bold")
        self._small.configure(size=look.points(-2))
        self._canvas.configure(
            background=look.panel, width=look.pixels(290), highlightbackground=look.panel, highlightcolor=look.accent
        )
        self._hint.configure(background=look.field, foreground=look.muted, font=self._small)
        self._draw()

    def show(self, chats: list[Chat], open_name: str) -> None:
        """These conversations, of which that one is open."""
        self._chats, self._open = chats, open_name
        self._arrange()

    def focus_search(self) -> None:
        """Begin to search."""
        self._entry.focus_set()
        self._entry.select_range(0, "end")

    def clear_search(self) -> None:
        """Show all conversations again."""
        self._query.set("")

    def focus_list(self) -> None:
        """Take the keyboard."""
        self._canvas.focus_set()

    def neighbour(self, direction: int) -> str | None:
        """The conversation above (-1) or below (1) the open one in the list; None at its end."""
        names = [line.chat.name for line in self._lines if line.entry is None]
        if self._open not in names:
            return names[0] if names else None
        at = names.index(self._open) + direction
        return names[at] if 0 <= at < len(names) else None

    def _searched(self) -> None:
        self._show_hint()
        self._scroll = self._cursor = 0
        self._arrange()

    def _arrange(self) -> None:
        query = self._query.get().strip().casefold()
        display = self._people.display
        self._lines = [
            Line(chat)
            for chat in self._chats
            if not query or query in chat.name.casefold() or query in title(chat, display).casefold()
        ]
        if query:
            by_name = {chat.name: chat for chat in self._chats}
            for entry in self._on_search(query):
                if entry.conversation in by_name:
                    self._lines.append(Line(by_name[entry.conversation], entry))
        self._cursor = min(self._cursor, max(0, len(self._lines) - 1))
        self._draw()

    def _draw(self) -> None:
        canvas, look = self._canvas, self._look
        canvas.delete("all")
        height, width, row = canvas.winfo_height(), canvas.winfo_width(), look.pixels(HEIGHT)
        self._scroll = max(0, min(self._scroll, row * len(self._lines) - height))
        if not self._lines:
            text = _("Nothing found") if self._query.get() else _("No conversations yet")
            canvas.create_text([width // 2, row], text=text, fill=look.muted, font=self._small)
        first = self._scroll // row
        for index in range(first, min(len(self._lines), first + height // row + 2)):
            self._draw_line(index, index * row - self._scroll, row, width)
        self._show_bar(height, row)

    def _show_bar(self, height: int, row: int) -> None:
        total = row * len(self._lines)
        if total > height > 1:
            self._bar.set(str(self._scroll / total), str((self._scroll + height) / total))
            if not self._bar.winfo_ismapped():
                self._bar.pack(side="right", fill="y")
        elif self._bar.winfo_ismapped():
            self._bar.pack_forget()

    def _draw_line(self, index: int, y: int, row: int, width: int) -> None:
        line, look, canvas = self._lines[index], self._look, self._canvas
        chat, px = line.chat, look.pixels
        display = self._people.display
        chosen = chat.name == self._open and line.entry is None
        focused = self.focus_displayof() is canvas and index == self._cursor
        if chosen or focused:
            outline = look.accent if focused else look.chosen
            canvas.create_rectangle(
                1, y, width - 2, y + row - 1, fill=look.chosen if chosen else look.panel, outline=outline
            )
        name = title(chat, display)
        self._disc(chat, name, px(14), y + row // 2, px(21))
        left, right = px(70), width - px(12)
        when = line.entry if line.entry is not None else chat.last
        stamp = short_time(when.timestamp, date.today()) if when is not None else ""
        canvas.create_text([right, y + px(13)], text=stamp, anchor="ne", fill=look.muted, font=self._small)
        room = right - left - self._small.measure(stamp) - px(8)
        self._text(left, y + px(11), name, self._bold, look.text, room)
        if line.entry is not None:
            body, colour = " ".join(body_of(line.entry, display).split()), look.muted
            self._text(left, y + px(35), body, self._small, colour, right - left)
            return
        writing = typing(chat.typing, display)
        badge = self._badge(chat, right, y + px(43))
        colour = look.accent if writing else look.muted
        self._text(left, y + px(35), writing or preview(chat, display), self._small, colour, right - left - badge)

    def _badge(self, chat: Chat, right: int, y: int) -> int:
        """How many are unread; returns the room that it takes."""
        if not chat.unread:
            return 0
        look = self._look
        count = str(chat.unread) if chat.unread < 1000 else "999+"
        text = f"@ {count}" if chat.mentions else count
        half = max(self._small.measure(text) // 2 + look.pixels(6), look.pixels(10))
        r = look.pixels(10)
        colour = look.failed if chat.mentions else look.accent
        ink = look.panel if chat.mentions else look.on_accent
        x = right - half
        for at in (x - half + r, x + half - r):
            self._canvas.create_oval(at - r, y - r, at + r, y + r, fill=colour, width=0)
        self._canvas.create_rectangle(x - half + r, y - r, x + half - r, y + r, fill=colour, width=0)
        self._canvas.create_text([x, y], text=text, fill=ink, font=self._small)
        return 2 * half + look.pixels(8)

    def _disc(self, chat: Chat, name: str, x: int, y: int, r: int) -> None:
        look, canvas = self._look, self._canvas
        colour = look.accent if chat.lobby else look.colour_of(chat.bare)
        canvas.create_oval(x, y - r, x + 2 * r, y + r, fill=colour, width=0)
        letters = "#" if chat.name.startswith("#") else initials(name)
        letters = drawable(letters, safe=look.emoji_safe)[0]
        canvas.create_text([x + r, y], text=letters, fill=look.panel, font=self._bold)
        if chat.direct and self._people.online(chat.bare):
            d = look.pixels(5)
            cx, cy = x + 2 * r - d, y + r - d
            canvas.create_oval(cx - d, cy - d, cx + d, cy + d, fill="#23c55e", outline=look.panel, width=2)

    def _text(self, x: int, y: int, text: str, font: tkfont.Font, colour: str, room: int) -> None:
        """One line, cut with … where there is no room."""
        text = drawable(visible(text[:300]), safe=self._look.emoji_safe)[0]
        if font.measure(text) > room:
            text = text[: fitting(text, max(1, room - font.measure("…")), font.measure)] + "…"
        self._canvas.create_text([x, y], text=text, anchor="nw", fill=colour, font=font)

    # Mouse and keys.

    def _bar_moved(self, verb: str, amount: str, unit: str = "") -> None:
        row = self._look.pixels(HEIGHT)
        if verb == "moveto":
            self._scroll = round(float(amount) * row * len(self._lines))
            self._draw()
        else:
            self._move(int(amount) * (self._canvas.winfo_height() if unit == "pages" else row))

    def _move(self, pixels: int) -> None:
        self._scroll += pixels
        self._draw()

    def _step(self, direction: int) -> str:
        self._cursor = max(0, min(len(self._lines) - 1, self._cursor + direction))
        row, height = self._look.pixels(HEIGHT), self._canvas.winfo_height()
        self._scroll = min(self._scroll, self._cursor * row)
        self._scroll = max(self._scroll, (self._cursor + 1) * row - height)
        self._draw()
        return "break"

    def _clicked(self, event: tk.Event[tk.Canvas]) -> None:
        self._canvas.focus_set()
        self._choose((event.y + self._scroll) // self._look.pixels(HEIGHT))

    def _choose(self, index: int) -> str:
        if 0 <= index < len(self._lines):
            self._cursor = index
            line = self._lines[index]
            if line.entry is not None:
                self._on_found(line.entry)
            else:
                self._on_open(line.chat.name)
        return "break"
