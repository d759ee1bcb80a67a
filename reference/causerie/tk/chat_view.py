"""The chat: list, header, pane, composer and banner around one session.

In here: what changes of the model do to the widgets, and what the widgets do to the session. Not in here: connecting
(`app`), drawing.
"""

from __future__ import annotations

import contextlib
import time
import tkinter as tk
import webbrowser
from collections.abc import Callable
from tkinter import ttk
from typing import Any, Final

from causerie.client import model
from causerie.client.model import WAITING, Chat, Entry, Link, Place, Tick
from causerie.client.session import Session
from causerie.client.visible import visible
from causerie.client.wording import not_sendable, seconds, sentence
from causerie.console.commands import Help, Hint, JoinRoom, Leave, LeaveRoom, Say, understand
from causerie.core.client import Cause, NotSendable
from causerie.language import _, ngettext
from causerie.tk.chats import ChatList
from causerie.tk.composer import Composer, left_over
from causerie.tk.dialogs import Ask
from causerie.tk.look import Look
from causerie.tk.pane import Anchor, Pane
from causerie.tk.rows import Rows
from causerie.tk.texts import title, typing
from causerie_spec.codes import LOBBY
from causerie_spec.names import is_conversation, is_handle

PAGE: Final = 100
"""Entries that are paged in at once."""
WHILE: Final = 250
"""Milliseconds between looks at the countdown, and at whether somebody reads."""
SAID: Final = 6_000
"""Milliseconds for which the banner says something."""


class ChatView(ttk.Frame):
    """One session on the screen. ``on_leave`` is called when the user says quit, ``on_news`` for messages of others."""

    def __init__(
        self,
        parent: tk.Misc,
        session: Session,
        look: Look,
        rows: Rows,
        *,
        on_leave: Callable[[], None],
        on_help: Callable[[], None],
        on_news: Callable[[Entry, bool], None],
    ) -> None:
        super().__init__(parent)
        self.session, self._look, self._rows = session, look, rows
        self._on_leave, self._on_help, self._on_news = on_leave, on_help, on_news
        self.open_name = LOBBY
        self._shown = False
        self._ask: Ask | None = None
        self._told: dict[str, Place] = {}
        self._said_until = 0.0
        self._said = ""
        self._banner_text = ""
        self._build()
        self.refresh_list()
        self.open(LOBBY)

    def _build(self) -> None:
        session = self.session
        side = ttk.Frame(self)
        side.pack(side="left", fill="y")
        self._side = side
        top = ttk.Frame(side, padding=(8, 8, 8, 0))
        top.pack(fill="x")
        ttk.Label(top, text=visible(session.display), style="Title.TLabel").pack(side="left")
        ttk.Button(top, text=_("Rooms"), style="Flat.TButton", command=self.join_room).pack(side="right")
        ttk.Button(top, text=_("New chat"), style="Flat.TButton", command=self.new_chat).pack(side="right")
        self.list = ChatList(
            side, self._look, session.people, on_open=self.open, on_found=self.found, on_search=session.search
        )
        self.list.pack(fill="both", expand=True)
        main = ttk.Frame(self)
        main.pack(side="left", fill="both", expand=True)
        header = ttk.Frame(main, padding=(14, 8))
        header.pack(fill="x")
        self._leave_button = ttk.Button(header, text=_("Leave room"), style="Flat.TButton", command=self._leave_room)
        self._title = ttk.Label(header, style="Title.TLabel")
        self._title.pack(anchor="w")
        self._subtitle = ttk.Label(header, style="Muted.TLabel")
        self._subtitle.pack(anchor="w")
        self._banner = ttk.Frame(main, style="Banner.TFrame", padding=(14, 6))
        self._banner_label = ttk.Label(self._banner, style="Banner.TLabel", wraplength="420p", justify="left")
        self._banner_label.grid(row=0, column=0, sticky="w")
        self._banner.columnconfigure(0, weight=1)
        self._try = ttk.Button(self._banner, text=_("Try now"), command=session.hurry)
        self._try.grid(row=0, column=1, sticky="e")
        self._banner.bind("<Configure>", self._wrap_banner)
        self.pane = Pane(
            main,
            self._look,
            chat_tick=lambda entry: session.open(entry.conversation).tick(entry),
            display=session.people.display,
            on_older=self._older,
            on_retry=self._retry,
            on_discard=session.discard,
            on_open_link=_browse,
            on_read=self._read,
        )
        self.pane.bind_drawn(self._drawn)
        self.composer = Composer(main, self._look, on_send=self.say, on_typing=self._typing)
        self.composer.pack(side="bottom", fill="x")
        self.pane.pack(fill="both", expand=True)
        self._header = header
        self.composer.text.bind("<<Pasted>>", lambda _: self._rows.pasted())
        self.composer.text.bind("<FocusIn>", lambda _: self._rows.ready(), add=True)
        text = self.composer.text
        text.bind("<Prior>", lambda _: self._page(-1))
        text.bind("<Next>", lambda _: self._page(1))
        self._again = self.after(WHILE, self._every_while)

    def destroy(self) -> None:
        """The end of it."""
        self.after_cancel(self._again)
        super().destroy()

    def set_look(self, look: Look) -> None:
        """Other colours or sizes; what is open, read and written stays."""
        self._look = look
        self.list.set_look(look)
        self.pane.set_look(look)
        self.composer.set_look(look)

    # Conversations.

    @property
    def chat(self) -> Chat:
        """The open one."""
        return self.session.chats[self.open_name]

    def open(self, name: str, *, focus: bool = True) -> None:
        """Show that conversation."""
        if name == self.open_name and self._shown:
            self.pane.jump_to_newest()
        else:
            chat = self.session.open(name)
            self.open_name = name
            entries = self.session.page(name, None, max(PAGE, chat.unread + 20))
            self._shown = True
            unread = (chat.era, chat.read) if chat.unread else None
            self.pane.show(entries, direct=chat.direct, unread_from=unread, more=True)
            self.composer.open(name)
        self._show_header()
        self.refresh_list()
        if focus:
            self.composer.focus_text()

    def go_to(self, anchor: Anchor) -> None:
        """Go to a place of reading in the open conversation, paging in what it takes."""
        while not self.pane.go_to(anchor):
            if not self._page_in():
                return

    def found(self, entry: Entry) -> None:
        """Show a message that was found, with what stands around it."""
        if entry.conversation != self.open_name:
            self.open(entry.conversation, focus=False)
        while not self.pane.reveal(entry.place):
            if not self._page_in():
                return

    def neighbour(self, direction: int) -> None:
        """Go to the conversation above or below."""
        name = self.list.neighbour(direction)
        if name is not None:
            self.open(name)

    def next_unread(self) -> None:
        """Go to a conversation with something new."""
        for chat in self.session.order():
            if chat.unread and chat.name != self.open_name:
                self.open(chat.name)
                break
        self._tell_below()

    def _page(self, direction: int) -> str:
        self.pane.page(direction)
        self._tell_below()
        return "break"

    def _tell_below(self) -> None:
        if self._rows.on and not self.pane.at_bottom:
            self._rows.below()

    def refresh_list(self) -> None:
        """Draw the list anew."""
        chats = [
            chat
            for chat in self.session.order()
            if chat.lobby or chat.last is not None or chat.listed or chat.name == self.open_name
        ]
        self.list.show(chats, self.open_name)

    def _show_header(self) -> None:
        chat, people = self.chat, self.session.people
        self._title.configure(text=title(chat, people.display))
        self._subtitle.configure(text=self._about_chat(chat))
        if chat.name.startswith("#") and not chat.lobby and chat.listed:
            self._leave_button.place(in_=self._header, relx=1.0, rely=0.5, anchor="e")
        else:
            self._leave_button.place_forget()

    def _about_chat(self, chat: Chat) -> str:
        people = self.session.people
        writing = typing(chat.typing, people.display)
        if writing:
            return writing
        if chat.direct:
            return _("online") if people.online(chat.bare) else visible(chat.name)
        if self.session.status.link is not Link.ONLINE:
            return ""
        if chat.lobby:
            online = sum(person.online for person in people.known.values())
            return ngettext("{count} online", "{count} online", online).format(count=online)
        return _members(chat.members) if chat.listed else _("you are not in this room")

    # What the widgets ask.

    def say(self, text: str) -> bool:
        """A text, or a command, was entered; was it taken?"""
        if left_over(text) < 0:
            self.tell(_("not sent: that is too long by {count} octets").format(count=-left_over(text)))
            return False
        action = understand(text, self.open_name)
        try:
            match action:
                case Say(conversation, said, kind):
                    self.session.send(conversation, said, kind)
                    if conversation != self.open_name:
                        self.tell(_("sent to {name}").format(name=visible(conversation)))
                case JoinRoom(room):
                    self.session.join_room(room)
                case LeaveRoom(room):
                    self.session.leave_room(room)
                case Leave():
                    self._on_leave()
                case Help():
                    self._on_help()
                case Hint(hint):
                    self.tell(hint)
                    return False
                case _other:
                    self.tell(_("that works in the terminal only"))
                    return False
        except NotSendable as error:
            self.tell(not_sendable(error))
            return False
        return True

    def _typing(self, active: bool) -> None:
        self.session.composing(self.open_name, active)

    def _retry(self, entry: Entry) -> None:
        with contextlib.suppress(NotSendable):
            self.session.retry(entry)

    def _read(self) -> None:
        chat = self.session.chats.get(self.open_name)
        if chat is not None and self.pane.at_bottom and self.focus_displayof() is not None:
            self.session.read(self.open_name)

    def _older(self) -> None:
        if not self._page_in() and not self.session.older(self.open_name):
            self.pane.prepend([], more=False)

    def _page_in(self) -> bool:
        """Page in what the store has; False if that is all."""
        entries = self.session.page(self.open_name, self.pane.first_logged or (WAITING, 0), PAGE)
        if entries:
            self.pane.prepend(entries, more=True)
        return bool(entries)

    # Asking.

    def new_chat(self) -> None:
        """Ask with whom."""
        me = self.session.handle
        self._ask = Ask(
            self,
            self._look,
            _("New chat"),
            _("Handle of the person (yours is for notes)"),
            check=_a_person,
            on_choose=self.open,
        )
        known = [p for p in self.session.people.known.values() if p.online and p.handle != me]
        self._ask.offer([(f"@{p.handle}", p.display if p.display != p.handle else "") for p in known])
        self.session.list_people(LOBBY)

    def join_room(self) -> None:
        """Ask which room."""
        self._ask = Ask(
            self,
            self._look,
            _("Join a room"),
            _("Name of the room; a new name makes a new room"),
            check=_a_room,
            on_choose=self.session.join_room,
        )
        self.session.list_rooms()

    def _leave_room(self) -> None:
        self.session.leave_room(self.open_name)

    # What happened.

    def changed(self, changes: list[model.Change]) -> None:
        """The model changed."""
        for change in changes:
            show = _SHOW.get(type(change))
            if show is not None:
                show(self, change)
        if any(type(change) in _LISTED for change in changes):
            self.refresh_list()

    def _added(self, change: model.EntryAdded) -> None:
        entry = change.entry
        if entry.conversation == self.open_name:
            self.pane.add(entry, change.replaces)
        elif change.news:
            self._rows.unread()
        if change.news:
            self._on_news(entry, change.mention)

    def _entry_changed(self, change: model.EntryChanged) -> None:
        entry = change.entry
        if entry.conversation == self.open_name:
            self.pane.change(entry)
        elif self.session.open(entry.conversation).tick(entry) in (Tick.FAILED, Tick.UNCONFIRMED):
            self.tell(self._failed(entry))

    def _removed(self, change: model.EntryRemoved) -> None:
        if change.entry.conversation == self.open_name:
            self.pane.remove(change.entry)

    def _chat_changed(self, change: model.ChatChanged | model.TypingChanged) -> None:
        if change.name == self.open_name:
            self.pane.refresh_ticks()
            self._show_header()

    def _page_came(self, change: model.PageCame) -> None:
        if change.name == self.open_name and not (change.count and self._page_in()):
            self.pane.prepend([], more=False)

    def _rooms_came(self, change: model.RoomsCame) -> None:
        self._offer([(room, _members(count)) for room, count in change.rooms if room != LOBBY])

    def _people_came(self, change: model.PeopleCame) -> None:
        others = (person for person in change.people if person.online and person.handle != self.session.handle)
        self._offer([(f"@{p.handle}", p.display if p.display != p.handle else "") for p in others])

    def _joined(self, change: model.Joined) -> None:
        self.open(change.name)

    def _left(self, change: model.Left) -> None:
        self.tell(_("you left {room}").format(room=visible(change.name)))
        self._show_header()

    def _keeping_failed(self, change: model.KeepingFailed) -> None:
        text = _("the disk takes nothing more ({reason}): what comes from now on is not kept")
        self.tell(text.format(reason=visible(change.reason)))

    def _person(self, change: model.PersonChanged) -> None:
        self._show_header()

    def _failed(self, entry: Entry) -> str:
        text = visible(entry.text[:60])
        if entry.reason:
            return _("not sent: {reason}: “{text}”").format(reason=visible(entry.reason), text=text)
        return _("may not have arrived: “{text}”").format(text=text)

    def _refused(self, change: model.Refused) -> None:
        verb, reason = change.verb, change.reason
        said = {"join": _("not joined: {reason}"), "leave": _("not left: {reason}")}
        text = said.get(verb, _("no list: {reason}")).format(reason=reason)
        if self._ask is not None and self._ask.winfo_exists() and verb in ("rooms", "people"):
            self._ask.complain(text)
        else:
            self.tell(text)

    def _offer(self, offers: list[tuple[str, str]]) -> None:
        if self._ask is not None and self._ask.winfo_exists():
            self._ask.offer(offers)

    def _link(self, change: model.StatusChanged) -> None:
        if change.link is Link.ONLINE and change.new_epoch:
            self.tell(_("the server was restarted: it knows nothing of what was said before"))
        if change.link is Link.ONLINE:
            self.pane.more_may_exist()
        self._show_banner()
        self._show_header()

    # The banner.

    def tell(self, text: str) -> None:
        """Say something to the user, for a while."""
        self._said, self._said_until = text, time.monotonic() + SAID / 1000
        self._show_banner()

    def _every_while(self) -> None:
        self._show_banner()
        self._read()
        self._again = self.after(WHILE, self._every_while)

    def _show_banner(self) -> None:
        status = self.session.status
        text, away = "", False
        if time.monotonic() < self._said_until:
            text = self._said
        elif status.link is Link.OFFLINE and status.ending is not None:
            away = True
            why = sentence(status.ending, self.session.address, self.session.handle, advise=False)
            left = max(0.0, (status.retry_at or 0.0) - time.monotonic())
            text = _("Not connected: {why}. Next try in {time}.").format(why=why, time=seconds(left))
        elif status.link is Link.CONNECTING and (status.ending is not None or not status.been_online):
            text = _("Connecting to {address}…").format(address=visible(str(self.session.address)))
        elif status.link is Link.STOPPED and status.ending is not None and status.ending.cause is not Cause.QUIT:
            text = sentence(status.ending, self.session.address, self.session.handle)
        if away:
            self._try.grid()
        else:
            self._try.grid_remove()
        if text != self._banner_text:
            self._tell_rows(text)
            self._banner_text = text
            self._banner_label.configure(text=text)
        if text and not self._banner.winfo_ismapped():
            self._banner.pack(fill="x", after=self._header)
        elif not text and self._banner.winfo_ismapped():
            self._banner.pack_forget()

    def _wrap_banner(self, event: tk.Event[Any]) -> None:
        self._banner_label.configure(wraplength=max(120, event.width - self._try.winfo_reqwidth() - 40))

    def _tell_rows(self, text: str) -> None:
        if text and text.partition(". ")[0] != self._banner_text.partition(". ")[0]:
            self._rows.notice(text)

    def _drawn(self, entry: Entry, text: str) -> None:
        """A row was drawn for the first time."""
        if entry.waits:
            self._rows.notice(f"{self._failed(entry)} {text}")
        elif entry.place > self._told.get(entry.conversation, (-1, 0)):
            self._told[entry.conversation] = entry.place
            self._rows.message(visible(entry.sender), text)

    def focus_next(self) -> None:
        """From the list to the messages to the text, and around."""
        focused = self.focus_displayof()
        if focused is self.composer.text:
            self.list.focus_list()
        elif focused is self.pane.canvas:
            self.composer.focus_text()
        else:
            self.pane.focus_rows()


_SHOW: Final[dict[type[model.Change], Callable[[ChatView, Any], None]]] = {
    model.EntryAdded: ChatView._added,
    model.EntryChanged: ChatView._entry_changed,
    model.EntryRemoved: ChatView._removed,
    model.ChatChanged: ChatView._chat_changed,
    model.TypingChanged: ChatView._chat_changed,
    model.PersonChanged: ChatView._person,
    model.StatusChanged: ChatView._link,
    model.PageCame: ChatView._page_came,
    model.RoomsCame: ChatView._rooms_came,
    model.PeopleCame: ChatView._people_came,
    model.Joined: ChatView._joined,
    model.Left: ChatView._left,
    model.Refused: ChatView._refused,
    model.KeepingFailed: ChatView._keeping_failed,
}
_LISTED: Final = frozenset(_SHOW) - {model.RoomsCame, model.PeopleCame, model.Refused, model.KeepingFailed}
"""Changes after which the list may look different."""


def _browse(link: str) -> None:
    webbrowser.open(link)


def _members(count: int) -> str:
    return ngettext("{count} member", "{count} members", count).format(count=count)


def _a_person(text: str) -> str:
    handle = text.removeprefix("@").lower()
    if not is_handle(handle):
        raise ValueError(_("write a handle: @bob"))
    return f"@{handle}"


def _a_room(text: str) -> str:
    room = f"#{text.removeprefix('#').lower()}"
    if not is_conversation(room) or room == LOBBY:
        raise ValueError(_("write the name of a room: #ops"))
    return room
