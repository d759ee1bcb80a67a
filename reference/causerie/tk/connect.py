"""The connect form: where, who, and how to log in. What is wrong stands beside its field.

In here: the form's checks, as a pure function, and the form. Not in here: connecting.
"""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tkinter import filedialog, ttk
from typing import Any

from causerie.client.address import Address, parse_address
from causerie.client.command_line import UsageError, check_display, check_handle
from causerie.language import N_, _
from causerie_spec.codes import DEFAULT_PORT


@dataclass(frozen=True, slots=True)
class Wish:
    """What was filled in: who wants to be where. ``password`` is empty for a login with a token."""

    address: Address
    handle: str
    display: str
    password: str = ""
    tls: bool = False
    ca_file: Path | None = None
    insecure: bool = False


class FieldError(ValueError):
    """A field makes no sense: which, and why."""

    def __init__(self, name: str, text: str) -> None:
        super().__init__(text)
        self.name = name


def check(values: dict[str, str], *, tls: bool) -> Wish:
    """The wish in the fields' texts. Raises `FieldError` for the first that makes no sense."""
    host, port = values["host"].strip(), values["port"].strip()
    if not host:
        raise FieldError("host", _("type the name or the number of a machine; 127.0.0.1 is this one"))
    if not port:
        port = str(DEFAULT_PORT)
    if not (port.isascii() and port.isdigit() and len(port) <= 5 and 1 <= int(port) <= 65535):
        raise FieldError("port", _("a port is a number from 1 to 65535"))
    try:
        address = parse_address(f"[{host.strip('[]')}]:{port}" if ":" in host else f"{host}:{port}")
    except ValueError as error:
        raise FieldError("host", str(error)) from None
    handle = values["handle"].strip()
    try:
        if not handle:
            raise UsageError(_("choose a name: small letters and digits"))
        check_handle(handle)
    except UsageError as error:
        raise FieldError("handle", str(error)) from None
    display = values["display"].strip() or handle
    try:
        check_display(display)
    except UsageError as error:
        raise FieldError("display", str(error)) from None
    ca_file = Path(values["ca_file"].strip()) if tls and values["ca_file"].strip() else None
    return Wish(address, handle, display, values["password"], tls, ca_file)


_FIELDS = (
    ("host", N_("Server"), False),
    ("port", N_("Port"), False),
    ("handle", N_("Your handle"), False),
    ("display", N_("Your name"), True),
    ("password", N_("Password"), True),
    ("ca_file", N_("Authority (PEM file)"), True),
)
"""Name, label, and whether it is shown with the further ones."""


class ConnectForm(ttk.Frame):
    """Asks; calls ``on_connect`` with a wish."""

    def __init__(
        self, parent: tk.Misc, values: dict[str, str], *, tls: bool, on_connect: Callable[[Wish], None]
    ) -> None:
        super().__init__(parent, padding=24)
        self._on_connect = on_connect
        self._values = {name: tk.StringVar(self, values.get(name, "")) for name, _label, _more in _FIELDS}
        self._tls = tk.BooleanVar(self, tls)
        self._more = tk.BooleanVar(self, tls or bool(values.get("password")))
        self._errors: dict[str, ttk.Label] = {}
        self._entries: dict[str, ttk.Entry] = {}
        self._further: list[Any] = []
        self._build()
        self._show_more()

    def _build(self) -> None:
        box = ttk.Frame(self)
        box.place(relx=0.5, rely=0.45, anchor="center")
        ttk.Label(box, text="Causerie", style="Big.TLabel").grid(row=0, column=0, columnspan=3, pady=(0, 4))
        ttk.Label(box, text=_("Chat with everybody on a server."), style="Muted.TLabel").grid(
            row=1, column=0, columnspan=3, pady=(0, 18)
        )
        row = 2
        for name, label, further in _FIELDS:
            widgets = self._field(box, row, name, _(label))
            row += 2
            if further:
                self._further += widgets
            if name == "handle":
                more = ttk.Checkbutton(
                    box, text=_("More: name, password, TLS"), variable=self._more, command=self._show_more
                )
                more.grid(row=row, column=1, sticky="w", pady=(6, 6))
                row += 1
            if name == "password":
                tls = ttk.Checkbutton(box, text=_("TLS: encrypted, to a server with a certificate"), variable=self._tls)
                tls.grid(row=row, column=1, sticky="w", pady=2)
                self._further.append(tls)
                row += 1
        self._button = ttk.Button(box, text=_("Connect"), style="Accent.TButton", command=self.submit)
        self._button.grid(row=row, column=1, sticky="ew", pady=(14, 4))
        general = ttk.Label(box, style="Error.TLabel", wraplength="270p", justify="left")
        general.grid(row=row + 1, column=0, columnspan=3)
        self._errors[""] = general
        self.bind_all("<Return>", self._return)
        self.bind_all("<Escape>", lambda _: self.clear())

    def _field(self, box: ttk.Frame, row: int, name: str, label: str) -> list[Any]:
        caption = ttk.Label(box, text=label)
        caption.grid(row=row, column=0, sticky="e", padx=(0, 10), pady=2)
        entry = ttk.Entry(box, textvariable=self._values[name], width=30, show="•" if name == "password" else "")
        entry.grid(row=row, column=1, sticky="ew", pady=2)
        error = ttk.Label(box, style="Error.TLabel", wraplength="255p", justify="left")
        error.grid(row=row + 1, column=1, sticky="w")
        self._errors[name], self._entries[name] = error, entry
        widgets: list[Any] = [caption, entry, error]
        if name == "ca_file":
            browse = ttk.Button(box, text="…", width=3, command=self._browse)
            browse.grid(row=row, column=2, padx=4)
            widgets.append(browse)
        return widgets

    def _browse(self) -> None:
        chosen = filedialog.askopenfilename(parent=self, filetypes=[("PEM", "*.pem *.crt"), ("*", "*")])
        if chosen:
            self._values["ca_file"].set(chosen)
            self._tls.set(True)

    def _show_more(self) -> None:
        for widget in self._further:
            if self._more.get():
                widget.grid()
            else:
                widget.grid_remove()

    def _return(self, event: tk.Event[Any]) -> None:
        if self.winfo_exists() and str(event.widget) != str(self._button):
            self.submit()

    def destroy(self) -> None:
        """Give the keys back."""
        self.unbind_all("<Return>")
        self.unbind_all("<Escape>")
        super().destroy()

    def focus_first(self) -> None:
        """The first field that is empty, else the button, has the keyboard."""
        for name in ("host", "port", "handle"):
            if not self._values[name].get():
                self._entries[name].focus_set()
                return
        self._entries["handle"].focus_set()
        self._entries["handle"].select_range(0, "end")

    def clear(self) -> None:
        """Nothing is wrong."""
        for label in self._errors.values():
            label.configure(text="")

    def complain(self, name: str, text: str) -> None:
        """Say beside that field what is wrong; with ``name`` empty below the button."""
        self.clear()
        if name in ("display", "password", "ca_file"):
            self._more.set(True)
            self._show_more()
        self._errors[name].configure(text=text)
        if name:
            self._entries[name].focus_set()

    def busy(self, on: bool) -> None:
        """While it connects, nothing can be pressed."""
        self._button.configure(state="disabled" if on else "normal", text=_("Connecting…") if on else _("Connect"))

    def submit(self) -> None:
        """Connect, if everything makes sense."""
        if str(self._button.cget("state")) == "disabled":
            return
        self.clear()
        try:
            wish = check({name: value.get() for name, value in self._values.items()}, tls=self._tls.get())
        except FieldError as error:
            self.complain(error.name, str(error))
            return
        self._on_connect(wish)
