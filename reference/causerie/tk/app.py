"""The window: the connect form, then the chat; the keys, the menu, what is remembered.

In here: the one window and its life. Only this thread touches Tk: the session is asked every POLL milliseconds. Not in
here: the chat itself (`chat_view`).
"""

from __future__ import annotations

import contextlib
import os
import random
import tkinter as tk
import traceback
from collections.abc import Callable
from functools import partial
from pathlib import Path
from tkinter import messagebox
from types import TracebackType
from typing import Any, Final

from causerie import passwords
from causerie.client import command_line, model
from causerie.client.address import Address
from causerie.client.local_store import LocalStoreError
from causerie.client.model import Entry
from causerie.client.notification import notify
from causerie.client.session import Session
from causerie.client.tokens import TokenError, TokenStore
from causerie.client.visible import visible
from causerie.client.wording import sentence
from causerie.console.exits import Exit, exit_code
from causerie.core.client import Cause, Ending, SendState
from causerie.language import _, available, spoken, use
from causerie.tk import settings as remembered
from causerie.tk import theme
from causerie.tk.chat_view import ChatView
from causerie.tk.connect import ConnectForm, Wish
from causerie.tk.dialogs import Help
from causerie.tk.look import Look
from causerie.tk.rows import Rows
from causerie.tls.contexts import CertificateError
from causerie_spec import __version__
from causerie_spec.codes import ErrorCode

POLL: Final = 30
"""Milliseconds between looks at what the session has to say."""
BATCH: Final = 200
"""Events of one look, at most: the window stays alive in a flood."""
USUAL: Final = (980, 700)
LEAST: Final = (560, 400)
"""Pixels of the window at the first start, and at least."""
GOODBYE: Final = 6.0
"""Seconds that leaving may take."""
NAMES: Final = {"en": "English", "fr": "Français"}

_FIELD_OF: Final = {
    Cause.NOBODY_LISTENS: "port",
    Cause.UNKNOWN_HOST: "host",
    Cause.CONNECT_TIMEOUT: "host",
    Cause.UNREACHABLE: "host",
    Cause.UNTRUSTED: "ca_file",
}
_FIELD_OF_CODE: Final = {
    ErrorCode.HANDLE_TAKEN: "handle",
    ErrorCode.BAD_FIELD: "handle",
    ErrorCode.AUTH_FAILED: "password",
    ErrorCode.NO_SUCH_MECHANISM: "password",
}


def field_of(ending: Ending) -> str:
    """The field of the connect form beside which an ending is told; empty: below the button."""
    if ending.cause is Cause.LOGIN_REFUSED and ending.code is not None:
        return next((name for code, name in _FIELD_OF_CODE.items() if code == ending.code), "")
    return _FIELD_OF.get(ending.cause, "")


class App:
    """The program. ``directory`` is where everything is kept; ``wish`` connects at once."""

    def __init__(
        self,
        directory: Path,
        *,
        wish: Wish | None = None,
        values: dict[str, str] | None = None,
        memory: bool = False,
        theme_name: str | None = None,
        language: str | None = None,
    ) -> None:
        self._directory = directory
        self._memory = memory
        self._tokens = TokenStore(directory)
        self.settings, damaged = remembered.load(directory)
        if theme_name is not None:
            self.settings.theme = theme_name
        use(language or self.settings.language or None)
        theme.be_sharp()
        self.root = tk.Tk(className="Causerie")
        self.root.withdraw()
        self.root.title("Causerie")
        self.root.report_callback_exception = self._bug
        self._emoji = theme.emoji_safe()
        self.look = self._look()
        theme.apply(self.root, self.look)
        self._rows = Rows()
        self.form: ConnectForm | None = None
        self.view: ChatView | None = None
        self.session: Session | None = None
        self._wish = wish
        self._values = {"host": "127.0.0.1", "port": "5000", "handle": self._tokens.last_handle() or ""}
        self._values |= self._server_before() | (values or {})
        self._status = Exit.OK
        self._trouble = False
        self._leaving = False
        self._unseen = 0
        self._later: list[str] = []
        """What Tk is to call: the next look first."""
        self._menu()
        self._keys()
        self.root.minsize(self.look.pixels(LEAST[0]), self.look.pixels(LEAST[1]))
        self.root.geometry(self._geometry())
        self.root.protocol("WM_DELETE_WINDOW", self.quit)
        self.root.bind("<FocusIn>", lambda _: self._looked_at())
        self.root.deiconify()
        if wish is not None:
            self.connect(wish)
        else:
            self.show_form()
        if damaged:
            self._say(_("the settings were damaged: they are in {file} now").format(file=damaged))

    def run(self) -> int:
        """Until the window is closed; the exit status."""
        self.begin()
        self.root.mainloop()
        return Exit.PROTOCOL if self._status is Exit.OK and self._trouble else self._status

    def begin(self) -> None:
        """Look at what the session has to say from now on."""
        self._later[:1] = [self.root.after(POLL, self._poll)]

    def _server_before(self) -> dict[str, str]:
        with contextlib.suppress(command_line.UsageError):
            if self.settings.server:
                address = command_line.address_of(self.settings.server)
                return {"host": address.host, "port": str(address.port)}
        return {}

    # The form.

    def show_form(self, ending: Ending | None = None, text: str = "", field: str = "") -> None:
        """The connect form, with what went wrong."""
        self._close_view()
        self.form = ConnectForm(self.root, self._values, tls=self.settings.tls, on_connect=self.connect)
        self.form.pack(fill="both", expand=True)
        self.form.focus_first()
        if ending is not None and self.session is not None:
            text, field = sentence(ending, self.session.address, self.session.handle), field_of(ending)
        if text:
            self.form.complain(field, text)
            self._rows.gave_up(text)

    def connect(self, wish: Wish) -> None:
        """Begin a session."""
        self._wish = wish
        self._values |= {
            "host": wish.address.host,
            "port": str(wish.address.port),
            "handle": wish.handle,
            "display": wish.display if wish.display != wish.handle else "",
            "ca_file": str(wish.ca_file or ""),
            "password": wish.password,
        }
        self.settings.server, self.settings.tls = str(wish.address), wish.tls
        try:
            session, warning = self._session(wish)
        except (TokenError, LocalStoreError, CertificateError, passwords.PasswordError) as error:
            fields = {CertificateError: "ca_file", passwords.PasswordError: "password"}
            self._show_error(visible(str(error)), fields.get(type(error), ""))
            self._status = Exit.LOGIN
            return
        self.session = session
        self._values["password"] = ""
        if self.form is not None:
            self.form.destroy()
            self.form = None
        self.view = ChatView(
            self.root,
            session,
            self.look,
            self._rows,
            on_leave=self.quit,
            on_help=self.help,
            on_news=self._news,
        )
        self.view.pack(fill="both", expand=True)
        self.root.update_idletasks()  # what comes first is drawn as it comes, not above a view that is opened later
        session.start()
        if warning:
            self.view.tell(warning)

    def _session(self, wish: Wish) -> tuple[Session, str]:
        mark = self._tokens.password_mark(wish.address, wish.handle)
        if not wish.password and mark.exists():  # [SCRAM-8]
            said = _("{handle} logs in there with a password").format(handle=wish.handle)
            raise passwords.PasswordError(said)
        password = command_line.password_from(wish.password) if wish.password else None
        identity = command_line.identity(self._tokens, wish.address, wish.handle, wish.display, password)
        tls = command_line.tls(wish.ca_file, insecure=wish.insecure, wanted=wish.tls)
        store, warning = command_line.local_store(self._tokens, wish.address, wish.handle, memory=self._memory)
        session = Session(
            identity,
            wish.address,
            store,
            random.SystemRandom(),
            agent=f"causerie-gui/{__version__}",
            tls=tls,
            insist=store.saved().epoch is not None,
            watch=True,
        )
        return session, warning

    def _show_error(self, text: str, field: str) -> None:
        if self.form is None:
            self.show_form(text=text, field=field)
        else:
            self.form.complain(field, text)
            self._rows.gave_up(text)

    def _close_view(self) -> None:
        if self.view is not None:
            self.view.destroy()
            self.view = None

    # What happens.

    def _poll(self) -> None:
        session, view = self.session, self.view
        if session is not None:
            changes = session.take(BATCH)
            if view is not None and changes:
                view.changed(changes)
            for change in changes:
                self._note(change)
        with contextlib.suppress(tk.TclError):  # that was the end
            self._later[:1] = [self.root.after(POLL, self._poll)]

    def _note(self, change: model.Change) -> None:
        """What the program remembers of a change, and its end."""
        session, wish = self.session, self._wish
        assert session is not None
        assert wish is not None
        match change:
            case model.StatusChanged(link=model.Link.ONLINE):
                self._tokens.remember_handle(wish.handle)
                if wish.password:
                    with contextlib.suppress(TokenError):
                        self._tokens.remember_password(wish.address, wish.handle)
            case model.EntryChanged(entry) if entry.state in (SendState.FAILED, SendState.UNCONFIRMED):
                self._trouble = True
            case model.Refused():
                self._trouble = True
            case model.Ended():
                self._ended(change)
            case _other:
                pass

    def _ended(self, ended: model.Ended) -> None:
        session = self.session
        assert session is not None
        self._status = exit_code(ended)
        session.join(1.0)
        session.close()
        if self._leaving:
            self._destroy()
        elif ended.ending.cause is Cause.QUIT:
            self.session = None
            self.show_form()
        else:
            self.show_form(ended.ending)
            self.session = None

    def _news(self, entry: Entry, mention: bool) -> None:
        """Somebody wrote: tell the user who is looking elsewhere."""
        if self.root.focus_displayof() is not None:
            return
        self._unseen += 1
        self.root.title(f"({self._unseen}) Causerie")
        if self.settings.bell and (mention or entry.conversation.startswith("@")):
            self.root.bell()
        notify(self.settings.notify, entry)

    def _looked_at(self) -> None:
        if self._unseen:
            self._unseen = 0
            self.root.title("Causerie")

    def _say(self, text: str) -> None:
        if self.view is not None:
            self.view.tell(text)
        elif self.form is not None:
            self.form.complain("", text)

    def _bug(self, kind: type[BaseException], error: BaseException, where: TracebackType | None) -> None:
        """A callback failed: a line for the user, the rest into a file."""
        path = self._directory / "causerie-gui.log"
        with contextlib.suppress(OSError), path.open("a", encoding="utf-8") as file:
            traceback.print_exception(kind, error, where, file=file)
        self._trouble = True
        bug = sentence(Ending(Cause.INTERNAL, detail=repr(error)), Address(), "")
        self._say(_("{bug}: more in {file}").format(bug=bug, file=path))
        if os.environ.get(command_line.DEBUG_VARIABLE):
            traceback.print_exception(kind, error, where)

    # Leaving.

    def quit(self) -> None:
        """Say goodbye, and close; at once if it is asked for twice."""
        self.settings.geometry = self.root.geometry()
        remembered.save(self.settings, self._directory)
        if self.session is None or self._leaving:
            if self.session is not None:
                self.session.abandon()
                self.session.join(1.0)
            self._destroy()
            return
        self._leaving = True
        self.root.withdraw()
        self.session.leave()
        self._later.append(self.root.after(round(GOODBYE * 1000), self._destroy))

    def _destroy(self) -> None:
        with contextlib.suppress(tk.TclError):
            for later in self._later:
                self.root.after_cancel(later)
            self.root.destroy()

    # Looks.

    def _geometry(self) -> str:
        """As it was the last time, but on the screen that there is."""
        screen = self.root.winfo_screenwidth(), self.root.winfo_screenheight()
        size, _plus, place = self.settings.geometry.partition("+")
        if not size:
            width, height = (min(self.look.pixels(one), all_) for one, all_ in zip(USUAL, screen, strict=True))
            return f"{width}x{height}"
        seen = bool(place) and all(int(at) < all_ for at, all_ in zip(place.split("+"), screen, strict=False))
        return self.settings.geometry if seen else size

    def _look(self) -> Look:
        return theme.look_for(
            self.settings.theme, self.settings.zoom, emoji=self._emoji, density=theme.density(self.root)
        )

    def set_theme(self, name: str) -> None:
        """System, light or dark."""
        self.settings.theme = name
        self._restyle()

    def zoom(self, by: float) -> None:
        """Larger, smaller (factors), or as usual (0)."""
        self.settings.zoom = self.look.zoomed(self.look.scale * by if by else 1.0).scale
        self._restyle()

    def _restyle(self) -> None:
        self.look = self._look()
        theme.apply(self.root, self.look)
        if self.view is not None:
            self.view.set_look(self.look)
        self._menu()
        remembered.save(self.settings, self._directory)

    def set_language(self, code: str) -> None:
        """Speak another language: the window is built anew around the same session, place and draft."""
        self.settings.language = code
        use(code)
        remembered.save(self.settings, self._directory)
        self._menu()
        if self.form is not None:
            self.form.destroy()
            self.show_form()
        view = self.view
        if view is not None and self.session is not None:
            place, draft, name = view.pane.reading_place(), view.composer.value, view.open_name
            view.destroy()
            self.view = ChatView(
                self.root,
                self.session,
                self.look,
                self._rows,
                on_leave=self.quit,
                on_help=self.help,
                on_news=self._news,
            )
            self.view.pack(fill="both", expand=True)
            self.root.update_idletasks()
            self.view.open(name)
            self.view.composer.value = draft
            self.view.go_to(place)

    # Menu and keys.

    def _menu(self) -> None:
        bar = tk.Menu(self.root, tearoff=False, background=self.look.panel, foreground=self.look.text, relief="flat")
        chat, view = tk.Menu(bar, tearoff=False), tk.Menu(bar, tearoff=False)
        bar.add_cascade(label=_("Chat"), menu=chat)
        bar.add_cascade(label=_("View"), menu=view)
        for label, key, verb in (
            (_("New chat…"), "Ctrl+N", self._in_view("new_chat")),
            (_("Join a room…"), "Ctrl+J", self._in_view("join_room")),
            (_("Search"), "Ctrl+K", self._search),
            (_("Keys"), "F1", self.help),
            (_("About"), "", self._about),
            (_("Quit"), "Ctrl+Q", self.quit),
        ):
            chat.add_command(label=label, accelerator=key, command=verb)
        themes = (("system", _("As the system")), ("light", _("Light")), ("dark", _("Dark")))
        for name, label in themes:
            chosen = self._chosen(name == self.settings.theme, label)
            view.add_command(label=chosen, command=partial(self.set_theme, name))
        view.add_separator()
        sizes = ((_("Larger"), "Ctrl++", 1.1), (_("Smaller"), "Ctrl+-", 1 / 1.1), (_("Usual size"), "Ctrl+0", 0.0))
        for label, key, by in sizes:
            view.add_command(label=label, accelerator=key, command=partial(self.zoom, by))
        view.add_separator()
        for code in available():
            label = self._chosen(code == spoken(), NAMES.get(code, code))
            view.add_command(label=label, command=partial(self.set_language, code))
        self.root.configure(menu=bar)

    @staticmethod
    def _chosen(on: bool, label: str) -> str:
        return f"✓ {label}" if on else f"   {label}"

    def _in_view(self, verb: str) -> Any:
        def call(*_event: object) -> str:
            if self.view is not None:
                getattr(self.view, verb)()
            return "break"

        return call

    def _keys(self) -> None:
        bind = self.root.bind_all
        self.root.bind_class("TEntry", "<Control-a>", _select_all)  # Tk on X11 goes to the start of the line
        bind("<Control-q>", lambda _: self.quit())
        bind("<F1>", lambda _: self.help())
        bind("<Control-n>", self._in_view("new_chat"))
        bind("<Control-j>", self._in_view("join_room"))
        bind("<Control-k>", lambda _: self._search())
        bind("<F6>", self._in_view("focus_next"))
        bind("<F8>", self._in_view("next_unread"))
        bind("<Alt-Up>", lambda _: self._go(lambda view: view.neighbour(-1)))
        bind("<Alt-Down>", lambda _: self._go(lambda view: view.neighbour(1)))
        bind("<Alt-Home>", lambda _: self._go(lambda view: view.open("#lobby")))
        bind("<Control-End>", lambda _: self._go(lambda view: view.pane.jump_to_newest()))
        bind("<Control-e>", lambda _: self._go(lambda view: view.composer.pick_emoji()))
        bind("<Control-d>", lambda _: self.set_theme("light" if self.look.dark else "dark"))
        for by, keys in ((1.1, "plus KP_Add equal"), (1 / 1.1, "minus KP_Subtract"), (0.0, "0")):
            for key in keys.split():
                bind(f"<Control-{key}>", self._zoomer(by))

    def _zoomer(self, by: float) -> Callable[[object], None]:
        return lambda _event: self.zoom(by)

    def _go(self, verb: Any) -> str:
        if self.view is not None:
            verb(self.view)
        return "break"

    def _search(self) -> str:
        return self._go(lambda view: view.list.focus_search())

    def help(self) -> None:
        """Show the keys."""
        Help(
            self.root,
            self.look,
            [
                _("Ticks: a clock: waiting; one: sent; two: delivered to all; two on a field: read by all."),
                _("Type /me waves for an action, /msg @bob hello to write to bob, /join #ops for a room."),
            ],
        )

    def _about(self) -> None:
        text = _("Causerie {version}. What you write can be read on the server; without TLS also on the way.")
        messagebox.showinfo("Causerie", text.format(version=__version__), parent=self.root)


def _select_all(event: tk.Event[Any]) -> str:
    event.widget.select_range(0, "end")
    event.widget.icursor("end")
    return "break"
