"""Small windows that ask or tell: a new chat, a room, the keys.

In here: their widgets. What is wrong stands below the field; Escape closes, Enter agrees.
"""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable, Sequence
from tkinter import ttk
from typing import Any

from causerie.client.visible import visible
from causerie.language import N_, _
from causerie.tk.look import Look

KEYS = (
    (N_("Enter"), N_("send")),
    (N_("Shift-Enter"), N_("another line")),
    ("Ctrl-N", N_("new chat")),
    ("Ctrl-J", N_("join a room")),
    ("Ctrl-K", N_("search")),
    ("Alt-↑  Alt-↓", N_("conversation above, below")),
    ("F8", N_("next conversation with something new")),
    (N_("Alt-Home"), N_("the lobby")),
    (N_("PgUp  PgDn"), N_("read back, and forth")),
    (N_("Ctrl-End"), N_("the newest message")),
    ("Ctrl-E", N_("emoji")),
    ("Ctrl-C", N_("copy what is selected")),
    ("Ctrl-+  Ctrl--  Ctrl-0", N_("larger, smaller, as usual")),
    ("Ctrl-D", N_("light or dark")),
    ("F6", N_("from list to messages to text")),
    ("F1", N_("this")),
    ("Ctrl-Q", N_("quit")),
)


class Dialog(tk.Toplevel):
    """A window above its parent, in the middle of it."""

    def __init__(self, parent: tk.Misc, look: Look, title: str) -> None:
        super().__init__(
            parent,
            background=look.panel,
            highlightthickness=1,
            highlightbackground=look.muted,
            highlightcolor=look.muted,
        )
        self.look = look
        self.title(title)
        self.transient(parent.winfo_toplevel())
        self.resizable(False, False)
        self.body = ttk.Frame(self, padding=18)
        self.body.pack(fill="both", expand=True)
        self.bind("<Escape>", lambda _: self.destroy())

    def place_above(self) -> None:
        """Put it into the middle of its parent."""
        self.update_idletasks()
        top = self.master.winfo_toplevel()
        x = top.winfo_rootx() + (top.winfo_width() - self.winfo_reqwidth()) // 2
        y = top.winfo_rooty() + (top.winfo_height() - self.winfo_reqheight()) // 3
        self.geometry(f"+{max(0, x)}+{max(0, y)}")


class Ask(Dialog):
    """Asks for a name, and offers some. ``check`` raises ValueError for one that will not do; ``on_choose`` gets it."""

    def __init__(
        self,
        parent: tk.Misc,
        look: Look,
        title: str,
        label: str,
        *,
        check: Callable[[str], str],
        on_choose: Callable[[str], None],
    ) -> None:
        super().__init__(parent, look, title)
        self._check, self._on_choose = check, on_choose
        self._value = tk.StringVar(self)
        self._offers: list[str] = []
        ttk.Label(self.body, text=label).pack(anchor="w")
        self._entry = ttk.Entry(self.body, textvariable=self._value, width=34)
        self._entry.pack(fill="x", pady=(4, 2))
        self._error = ttk.Label(self.body, style="Error.TLabel", wraplength=look.pixels(320))
        self._error.pack(anchor="w")
        self._list = tk.Listbox(
            self.body,
            height=8,
            activestyle="none",
            background=look.field,
            foreground=look.text,
            selectbackground=look.chosen,
            selectforeground=look.text,
            highlightbackground=look.panel,
            highlightcolor=look.accent,
            relief="flat",
        )
        self._list.pack(fill="both", expand=True, pady=6)
        buttons = ttk.Frame(self.body)
        buttons.pack(anchor="e")
        ttk.Button(buttons, text=_("Cancel"), command=self.destroy).pack(side="left", padx=6)
        ttk.Button(buttons, text=_("Open"), style="Accent.TButton", command=self._agree).pack(side="left")
        self._entry.bind("<Return>", lambda _: self._agree())
        self._entry.bind("<Down>", lambda _: self._list.focus_set())
        self._list.bind("<<ListboxSelect>>", self._selected)
        self._list.bind("<Return>", lambda _: self._agree())
        self._list.bind("<Double-Button-1>", lambda _: self._agree())
        self.place_above()
        self._entry.focus_set()

    def offer(self, offers: Sequence[tuple[str, str]]) -> None:
        """These names, and what is said of each."""
        self._offers = [name for name, _said in offers]
        self._list.delete(0, "end")
        for name, said in offers:
            self._list.insert("end", visible(f"{name}   {said}" if said else name))

    def complain(self, text: str) -> None:
        """Something is wrong."""
        self._error.configure(text=text)

    def _selected(self, event: tk.Event[Any]) -> None:
        chosen = self._list.curselection()  # type: ignore[no-untyped-call]
        if chosen:
            self._value.set(self._offers[chosen[0]])

    def _agree(self) -> None:
        try:
            name = self._check(self._value.get().strip())
        except ValueError as error:
            self.complain(str(error))
            return
        self.destroy()
        self._on_choose(name)


class Help(Dialog):
    """The keys."""

    def __init__(self, parent: tk.Misc, look: Look, further: Sequence[str]) -> None:
        super().__init__(parent, look, _("Keys"))
        for row, (key, what) in enumerate(KEYS):
            ttk.Label(self.body, text=_(key)).grid(row=row, column=0, sticky="w", padx=(0, 18))
            ttk.Label(self.body, text=_(what), style="Muted.TLabel").grid(row=row, column=1, sticky="w")
        ttk.Label(self.body, text="\n".join(further), style="Muted.TLabel").grid(
            row=len(KEYS), column=0, columnspan=2, sticky="w", pady=(12, 8)
        )
        button = ttk.Button(self.body, text=_("Close"), command=self.destroy)
        button.grid(row=len(KEYS) + 1, column=1, sticky="e")
        self.bind("<Return>", lambda _: self.destroy())
        self.place_above()
        button.focus_set()
