"""What is being written: a text of several lines, the emoji picker, the limit.

In here: the widgets, and drafts by conversation. Not in here: what a line means (`causerie.console.commands`), sending.
"""

from __future__ import annotations

import contextlib
import tkinter as tk
from collections.abc import Callable
from tkinter import font as tkfont
from tkinter import ttk
from typing import Final

from causerie.language import _
from causerie.tk.emoji import GROUPS
from causerie.tk.look import Look
from causerie_spec.codes import MAX_TEXT

MOST_LINES: Final = 6
"""Lines that are in view at once."""
WARN: Final = 0.8
"""Of the longest text, from where on its length is shown."""
_COLUMNS: Final = 10


def left_over(text: str) -> int:
    """How many octets a text may still grow; below 0 it is too long [SEND-7]."""
    return MAX_TEXT - len(text.encode("utf-8", "replace"))


class Composer(ttk.Frame):
    """Calls ``on_send`` with a text, which returns whether it was taken, and ``on_typing`` at keys."""

    def __init__(
        self,
        parent: tk.Misc,
        look: Look,
        *,
        on_send: Callable[[str], bool],
        on_typing: Callable[[bool], None],
    ) -> None:
        super().__init__(parent, padding=8)
        self._look = look
        self._on_send, self._on_typing = on_send, on_typing
        self._drafts: dict[str, str] = {}
        self._open = ""
        self._picker: tk.Toplevel | None = None
        self._font = tkfont.Font(root=self, family=tkfont.nametofont("TkDefaultFont").actual()["family"])
        self._emoji = ttk.Button(self, text="☺", width=3, style="Flat.TButton", command=self.pick_emoji)
        self._emoji.pack(side="left", anchor="s")
        self._send = ttk.Button(self, text=_("Send"), style="Accent.TButton", command=self.submit, state="disabled")
        self._send.pack(side="right", anchor="s", padx=(8, 0))
        self._count = ttk.Label(self, style="Muted.TLabel")
        self.text = tk.Text(
            self, height=1, wrap="word", undo=True, relief="flat", highlightthickness=2, font=self._font
        )
        self.text.pack(side="left", fill="both", expand=True)
        self._bind()
        self.set_look(look)

    def _bind(self) -> None:
        text = self.text
        text.bind("<Return>", self._return)
        text.bind("<KP_Enter>", self._return)
        text.bind("<Shift-Return>", lambda _: None)
        text.bind("<Control-Return>", lambda _: self._insert("\n"))
        text.bind("<Control-a>", self._select_all)
        text.bind("<Tab>", self._next)
        text.bind("<Shift-Tab>", self._previous)
        text.bind("<<Paste>>", self._paste)
        text.bind("<<Modified>>", self._modified)
        text.bind("<Configure>", lambda _: self._grow())

    def set_look(self, look: Look) -> None:
        """Other colours or sizes."""
        self._look = look
        self._font.configure(size=look.points())
        self.text.configure(
            background=look.field,
            foreground=look.text,
            insertbackground=look.text,
            selectbackground=look.selection,
            selectforeground=look.text,
            highlightbackground=look.field,
            highlightcolor=look.accent,
            padx=look.pixels(8),
            pady=look.pixels(6),
        )
        self._emoji.configure(state="normal" if look.emoji_safe else "disabled")
        self._close_picker()

    # Drafts.

    def open(self, name: str) -> None:
        """Another conversation: its draft comes, the other's is kept."""
        if self._open:
            self._drafts[self._open] = self.value
        self._open = name
        self.value = self._drafts.get(name, "")

    @property
    def value(self) -> str:
        """What stands there."""
        return self.text.get("1.0", "end-1c")

    @value.setter
    def value(self, text: str) -> None:
        self.text.delete("1.0", "end")
        self.text.insert("1.0", text)
        self.text.edit_reset()
        self.text.see("insert")

    def focus_text(self) -> None:
        """Take the keyboard."""
        self.text.focus_set()

    # Keys.

    def submit(self) -> None:
        """Send what stands there, unless there is nothing, or too much."""
        text = self.value
        if text.strip() and left_over(text) >= 0 and self._on_send(text):
            self.value = ""
        self.focus_text()

    def _return(self, event: tk.Event[tk.Text]) -> str | None:
        if int(event.state) & 0x1:  # Shift
            return None
        self.submit()
        return "break"

    def _insert(self, text: str) -> str:
        self.text.insert("insert", text)
        self.text.see("insert")
        return "break"

    def _paste(self, event: tk.Event[tk.Text]) -> str:
        with contextlib.suppress(tk.TclError):  # there is nothing that is a text
            pasted = self._clipboard()
            if self.text.tag_ranges("sel"):
                self.text.delete("sel.first", "sel.last")
            self._insert(pasted.replace("\r\n", "\n"))
        self.text.event_generate("<<Pasted>>")
        return "break"

    def _clipboard(self) -> str:
        try:
            return self.text.clipboard_get(type="UTF8_STRING")
        except tk.TclError:
            return self.text.clipboard_get()

    def _select_all(self, event: tk.Event[tk.Text]) -> str:
        self.text.tag_add("sel", "1.0", "end-1c")
        return "break"

    def _next(self, event: tk.Event[tk.Text]) -> str:
        event.widget.tk_focusNext().focus_set()  # type: ignore[union-attr]  # there is a button, always
        return "break"

    def _previous(self, event: tk.Event[tk.Text]) -> str:
        event.widget.tk_focusPrev().focus_set()  # type: ignore[union-attr]  # there is a list, always
        return "break"

    def _modified(self, event: tk.Event[tk.Text]) -> None:
        if not self.text.edit_modified():
            return
        self.text.edit_modified(False)
        text = self.value
        self._grow()
        left = left_over(text)
        if left < (1 - WARN) * MAX_TEXT:
            style = "Error.TLabel" if left < 0 else "Muted.TLabel"
            words = _("{count} too many") if left < 0 else _("{count} left")
            self._count.configure(text=words.format(count=abs(left)), style=style)
            self._count.pack(side="right", anchor="s", padx=6, before=self.text)
        else:
            self._count.pack_forget()
        self._send.configure(state="normal" if text.strip() and left >= 0 else "disabled")
        if self._open and self.focus_displayof() is self.text:
            self._on_typing(bool(text.strip()) and not text.startswith("/"))

    def _grow(self) -> None:
        counted = self.text.count("1.0", "end", "displaylines")
        lines = counted[0] if isinstance(counted, tuple) else counted
        self.text.configure(height=max(1, min(MOST_LINES, int(lines or 1))))

    # Emoji.

    def pick_emoji(self) -> None:
        """Open the picker, or close it."""
        if self._picker is not None and self._picker.winfo_exists():
            self._close_picker()
            return
        look = self._look
        picker = self._picker = tk.Toplevel(self, background=look.panel)
        picker.title(_("Emoji"))
        picker.transient(self.winfo_toplevel())
        first: tk.Widget | None = None
        big = tkfont.Font(root=self, size=look.points(3))
        row = 0
        for group in GROUPS:
            for at, emoji in enumerate(group):
                button = tk.Button(
                    picker,
                    text=emoji,
                    font=big,
                    relief="flat",
                    borderwidth=0,
                    background=look.panel,
                    foreground=look.text,
                    activebackground=look.chosen,
                    highlightbackground=look.panel,
                    highlightcolor=look.accent,
                    command=lambda chosen=emoji: self._picked(chosen),  # type: ignore[misc]
                )
                button.grid(row=row + at // _COLUMNS, column=at % _COLUMNS, sticky="nsew")
                button.bind("<Return>", lambda _, chosen=emoji: self._picked(chosen))  # type: ignore[misc]
                for key, step in (("<Left>", -1), ("<Right>", 1), ("<Up>", -_COLUMNS), ("<Down>", _COLUMNS)):
                    button.bind(key, lambda event, by=step: _walk(event, by))  # type: ignore[misc]
                first = first or button
            row += -(-len(group) // _COLUMNS)
        picker.bind("<Escape>", lambda _: self._close_picker())
        x, y = self._emoji.winfo_rootx(), self._emoji.winfo_rooty()
        picker.update_idletasks()
        picker.geometry(f"+{x}+{max(0, y - picker.winfo_reqheight() - 8)}")
        if first is not None:
            first.focus_set()

    def _picked(self, emoji: str) -> None:
        self._insert(emoji)
        self._close_picker()

    def _close_picker(self) -> None:
        if self._picker is not None and self._picker.winfo_exists():
            self._picker.destroy()
        self._picker = None
        if self.winfo_ismapped():
            self.focus_text()


def _walk(event: tk.Event[tk.Button], by: int) -> str:
    buttons = [child for child in event.widget.master.winfo_children() if isinstance(child, tk.Button)]
    at = buttons.index(event.widget) + by
    if 0 <= at < len(buttons):
        buttons[at].focus_set()
    return "break"
