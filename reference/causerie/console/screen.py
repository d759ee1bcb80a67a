"""The full screen: conversations, messages, a status line, and a line to type in, for a terminal.

In here: everything that needs prompt_toolkit's application, which is an optional dependency: only `cli` imports this
module, and only when it is installed. One asyncio loop in the main thread; the session's network has its own thread and
wakes the loop. Not in here: what rows say (`rows`), what a typed line means (`commands`).

What is in view is counted from the newest row (`_scroll`): rows that come below leave a reader who went up where
they are.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Callable
from datetime import date
from typing import Any, Final

from prompt_toolkit.application import Application
from prompt_toolkit.buffer import Buffer
from prompt_toolkit.filters import Condition
from prompt_toolkit.formatted_text import StyleAndTextTuples
from prompt_toolkit.history import InMemoryHistory
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.layout import (
    BufferControl,
    CompletionsMenu,
    ConditionalContainer,
    Dimension,
    Float,
    FloatContainer,
    FormattedTextControl,
    HSplit,
    Layout,
    UIContent,
    UIControl,
    VSplit,
    Window,
)
from prompt_toolkit.layout.processors import BeforeInput
from prompt_toolkit.output import ColorDepth
from prompt_toolkit.utils import get_cwidth

from causerie.client import model
from causerie.client.model import WAITING, Chat, Entry, Link, Place, Tick
from causerie.client.notification import notify
from causerie.client.session import Session
from causerie.client.visible import visible
from causerie.client.wording import not_sendable, seconds, sentence
from causerie.console import commands
from causerie.console.completion import Words
from causerie.console.layout import fit
from causerie.console.rows import Row, day_of, entry_rows, rule
from causerie.console.themes import style_of, theme
from causerie.console.view import Line, Role, View, notice, trouble
from causerie.core.client import NotSendable
from causerie.language import _, ngettext
from causerie_spec.codes import LOBBY, MAX_TEXT

BATCH: Final = 200
"""Events taken in one go, so that typing stays alive in a flood."""
PAGE: Final = 100
"""Entries that are paged in at once."""
WIDE: Final = 100
"""Columns from which on the list of conversations is shown."""
LIST: Final = 26
"""Columns of that list."""
_DAY_KNOWN: Final = 4_000
"""Rows of entries that are kept."""


class _Messages(UIControl):
    """The window of messages: rows for the room that there is."""

    def __init__(self, rows: Callable[[int, int], list[Row]]) -> None:
        self._rows = rows

    def create_content(self, width: int, height: int) -> UIContent:
        """As prompt_toolkit asks."""
        rows = self._rows(width, height)
        lines: list[StyleAndTextTuples] = [[(style_of(span), span.text) for span in row] for row in rows]
        return UIContent(get_line=lambda at: lines[at] if at < len(lines) else [], line_count=max(1, len(lines)))


class ScreenShell:
    """Runs until the session has ended; `run` returns its last change, and what to say of it is in `view`.

    ``make_session`` makes the session, given what it is to call when there is something to take. ``settings`` are the
    values of `causerie.console.settings.KEYS`.
    """

    def __init__(
        self, make_session: Callable[[Callable[[], None]], Session], settings: dict[str, str], **options: Any
    ) -> None:
        self.session = make_session(self._notify)
        self.view = View(self.session.address, self.session.handle)
        self._settings = settings
        self._loop: asyncio.AbstractEventLoop | None = None
        self._wake: asyncio.Event | None = None
        self._open = LOBBY
        self._items: list[Entry | Line] = []
        self._unread_from: Place | None = None
        self._scroll = 0
        self._below = 0
        self._asked = False
        self._at_first = False
        self._drafts: dict[str, str] = {}
        self._rooms: dict[str, int] = {}
        self._cache: dict[tuple[Any, ...], list[Row]] = {}
        self._last: list[Line] = []
        self._leaving = False
        self._size = (0, 0)
        self._input = Buffer(
            multiline=True,
            completer=Words(self.session, lambda: self._rooms),
            history=InMemoryHistory(),
            accept_handler=self._accept,
            on_text_changed=self._typed,
        )
        self.app: Application[None] = Application(
            layout=self._layout(),
            key_bindings=self._keys(),
            style=theme(settings["theme"]),
            color_depth=ColorDepth.DEPTH_1_BIT if os.environ.get("NO_COLOR") else None,
            full_screen=True,
            **options,
        )
        self._show(LOBBY)

    # The screen.

    def _layout(self) -> Layout:
        wide = Condition(self._has_list)
        chats = VSplit(
            [
                Window(FormattedTextControl(self._list_text), width=LIST, wrap_lines=False),
                Window(width=1, char="│", style="class:place"),
            ]
        )
        entry = Window(
            BufferControl(self._input, [BeforeInput("> ", "class:prompt")], focus_on_click=True),
            height=Dimension(min=1, max=6),
            wrap_lines=True,
            dont_extend_height=True,
        )
        messages = Window(_Messages(self._rows_in_view), wrap_lines=False, always_hide_cursor=True)
        body = VSplit([ConditionalContainer(chats, wide), messages], height=Dimension(min=1, weight=1))
        bar = Window(FormattedTextControl(self._bar_text), height=1, style="class:bar", wrap_lines=False)
        menu = Float(CompletionsMenu(max_height=8), xcursor=True, ycursor=True)
        return Layout(FloatContainer(HSplit([body, bar, entry]), [menu]), focused_element=entry)

    def _has_list(self) -> bool:
        wanted = self._settings["list"]
        return wanted == "yes" or (wanted == "auto" and self.app.output.get_size().columns >= WIDE)

    def _chats(self) -> list[Chat]:
        """The conversations in the order of their numbers."""
        chats = (chat for chat in self.session.order() if chat.lobby or chat.last is not None or chat.listed)
        return sorted(chats, key=lambda chat: (not chat.lobby, chat.name[0], chat.name))

    def _list_text(self) -> StyleAndTextTuples:
        text: StyleAndTextTuples = []
        for number, chat in enumerate(self._chats(), 1):
            style = "class:open" if chat.name == self._open else "class:unread" if chat.unread else ""
            count = f" ({chat.unread}{'!' if chat.mentions else ''})" if chat.unread else ""
            dot = "●" if chat.direct and self.session.people.online(chat.bare) else " "
            label = f"{number:>2} {dot}{self._title(chat)}"
            room = LIST - get_cwidth(count)
            text += [(style, f"{_cut(label, room)}{count}"), ("", "\n")]
        return text

    def _title(self, chat: Chat) -> str:
        return _("lobby") if chat.lobby else visible(chat.name)

    def _bar_text(self) -> StyleAndTextTuples:
        chat, status = self.session.chats[self._open], self.session.status
        columns = self.app.output.get_size().columns
        parts: list[tuple[str, str]] = [("class:bar", f" {self._title(chat)} ")]
        if status.link is Link.OFFLINE and status.ending is not None:
            why = sentence(status.ending, self.session.address, self.session.handle, advise=False)
            left = seconds(max(0.0, (status.retry_at or 0.0) - time.monotonic()))
            text = _("not connected: {why}; next try in {time}").format(why=why, time=left)
            parts.append(("class:bar.trouble", f" {text} "))
        elif status.link is not Link.ONLINE:
            parts.append(("class:bar", _("connecting to {address}").format(address=visible(str(self.session.address)))))
        else:
            parts.append(("class:bar", f"{visible(self.session.handle)}@{visible(str(self.session.address))} "))
        if chat.typing:
            names = ", ".join(visible(self.session.people.display(handle)) for handle in chat.typing[:3])
            parts.append(("class:bar", _("{names} is writing… ").format(names=names)))
        if self._scroll:
            text = ngettext("↓ {count} new, Esc: newest", "↓ {count} new, Esc: newest", self._below)
            parts.append(("class:bar", f"[{text.format(count=self._below)}] "))
        if status.waiting:
            parts.append(("class:bar", _("[{count} waiting] ").format(count=status.waiting)))
        for number, other in enumerate(self._chats(), 1):
            if other.unread and other.name != self._open:
                count = f"({other.unread}{'!' if other.mentions else ''})"
                parts.append(("class:bar", f"{number}:{self._title(other)}{count} "))
        return _fit(parts, columns)

    # Rows.

    def _rows_in_view(self, width: int, height: int) -> list[Row]:
        """The rows for a window of that size; older entries are asked for when they come near."""
        if (width, height) != self._size:
            self._size = (width, height)
            self._cache.clear()
        wanted = height + self._scroll
        rows: list[Row] = []
        last: Entry | Line | None = None
        for item in reversed(self._items):
            self._day_between(item, last, rows, width)
            rows[:0] = self._item_rows(item, width)
            last = item
            if len(rows) >= wanted:
                break
        else:
            if isinstance(last, Entry):
                rows[:0] = [rule(self._day_name(day_of(last)), width, Role.NOTICE, get_cwidth)]
            if len(rows) < wanted + height and not self._asked:
                self._asked = True
                self._soon(self._older)
            self._scroll = max(0, min(self._scroll, len(rows) - height))
        if not self._scroll:
            self._below = 0
            self._soon(self._read)
        end = len(rows) - self._scroll
        shown = rows[max(0, end - height) : end]
        return [[]] * (height - len(shown)) + shown

    def _day_between(self, item: Entry | Line, below: Entry | Line | None, rows: list[Row], width: int) -> None:
        """Put a line between two entries where a day begins, or what is new."""
        if not isinstance(item, Entry) or not isinstance(below, Entry):
            return
        new = self._unread_from
        if new is not None and item.place <= new < below.place:
            rows[:0] = [rule(_("new messages"), width, Role.NEW, get_cwidth)]
        if day_of(item) != day_of(below):
            rows[:0] = [rule(self._day_name(day_of(below)), width, Role.NOTICE, get_cwidth)]

    @staticmethod
    def _day_name(day: date | None) -> str:
        return "?" if day is None else _("today") if day == date.today() else day.isoformat()

    def _item_rows(self, item: Entry | Line, width: int) -> list[Row]:
        if isinstance(item, Line):
            return fit(item, width, get_cwidth)
        chat = self.session.chats[item.conversation]
        key = (item, chat.tick(item), self.session.people.display(item.sender))
        rows = self._cache.get(key)
        if rows is None:
            if len(self._cache) > _DAY_KNOWN:
                self._cache.clear()
            rows = self._cache[key] = entry_rows(
                item,
                chat,
                width,
                handle=self.session.handle,
                display=self.session.people.display,
                measure=get_cwidth,
            )
        return rows

    def _soon(self, call: Callable[[], None]) -> None:
        if self._loop is not None:
            self._loop.call_soon(call)

    def _older(self) -> None:
        """Page in what the store has, else ask the server, else say that there is nothing older."""
        first = next((item.place for item in self._items if isinstance(item, Entry) and not item.waits), (WAITING, 0))
        entries = self.session.page(self._open, first, PAGE)
        if entries:
            self._items[:0] = entries
            self._asked = False
        elif not self.session.older(self._open) and not self._at_first and self.session.status.link is Link.ONLINE:
            self._at_first = any(isinstance(item, Entry) for item in self._items)
            if self._at_first:
                self._items[:0] = [notice(_("no older messages"))]
        self.app.invalidate()

    def _read(self) -> None:
        chat = self.session.chats.get(self._open)
        if chat is not None and not self._scroll and chat.news and not self._leaving:
            self.session.read(self._open)

    def _say(self, lines: list[Line]) -> None:
        """Say something below what is there."""
        self._items += lines
        self._scroll = 0
        self.app.invalidate()

    # Conversations.

    def _show(self, name: str) -> None:
        """Show that conversation, at its newest."""
        chat = self.session.open(name)
        if name != self._open:
            self._drafts[self._open] = self._input.text
            self._input.text = self._drafts.get(name, "")
            self._input.cursor_position = len(self._input.text)
        self._open = name
        self._unread_from = (chat.era, chat.read) if chat.unread else None
        self._items = list(self.session.page(name, None, max(PAGE, chat.unread + 20)))
        self._scroll = self._below = 0
        self._asked = self._at_first = False
        self.app.invalidate()

    def _step(self, direction: int) -> None:
        names = [chat.name for chat in self._chats()]
        at = names.index(self._open) if self._open in names else 0
        self._show(names[(at + direction) % len(names)])

    def _open_named(self, name: str) -> None:
        if name.isdigit():
            chats = self._chats()
            if not 1 <= int(name) <= len(chats):
                self._say([trouble(_("there are {count} conversations").format(count=len(chats)))])
                return
            name = chats[int(name) - 1].name
        self._show(name)

    def _next_unread(self) -> None:
        for chat in self._chats():
            if chat.unread and chat.name != self._open:
                self._show(chat.name)
                return
        self._say([notice(_("nothing new elsewhere"))])

    # Keys.

    def _keys(self) -> KeyBindings:
        keys = KeyBindings()
        bindings: tuple[tuple[tuple[str, ...], Callable[[], None]], ...] = (
            (("pageup",), lambda: self._page(1)),
            (("pagedown",), lambda: self._page(-1)),
            (("escape", "up"), lambda: self._step(-1)),
            (("escape", "down"), lambda: self._step(1)),
            (("c-p",), lambda: self._step(-1)),
            (("c-n",), lambda: self._step(1)),
            (("c-end",), self._newest),
            (("c-l",), self._redraw),
            (("escape", "enter"), lambda: self._input.insert_text("\n")),
            (("c-c",), self.leave),
        )
        for names, act in bindings:
            keys.add(*names)(_acting(act))
        for number in range(1, 10):
            keys.add("escape", str(number))(_acting(lambda n=number: self._open_named(str(n))))  # type: ignore[misc]
        keys.add("escape", eager=False)(_acting(self._newest))
        keys.add("enter")(_acting(self._input.validate_and_handle))
        keys.add("c-d", filter=Condition(lambda: not self._input.text))(_acting(self.leave))
        keys.add("tab")(_acting(self._complete))
        return keys

    def _complete(self) -> None:
        if self._input.complete_state is not None:
            self._input.complete_next()
        else:
            self._input.start_completion(insert_common_part=True)

    def _page(self, direction: int) -> None:
        self._scroll = max(0, self._scroll + direction * max(1, self._size[1] - 2))
        self.app.invalidate()

    def _redraw(self) -> None:
        self.app.renderer.clear()

    def _newest(self) -> None:
        self._scroll = 0
        self.app.invalidate()

    def _typed(self, buffer: Buffer) -> None:
        text = buffer.text
        self.session.composing(self._open, bool(text.strip()) and not text.startswith("/"))

    def _accept(self, buffer: Buffer) -> bool:
        """A line was typed; True keeps it."""
        if len(buffer.text.encode("utf-8", "replace")) > MAX_TEXT:
            self._say([trouble(_("not sent: a text has {most} octets at most").format(most=MAX_TEXT))])
            return True
        action = commands.understand(buffer.text, self._open)
        if action is None:
            return False
        try:
            self._do(action)
        except NotSendable as error:
            self._say([trouble(not_sendable(error))])
        return False

    def _do(self, action: commands.Action) -> None:
        """Do what a line means. Raises `NotSendable`."""
        match action:
            case commands.Say():
                self._do_say(action)
            case commands.JoinRoom(room):
                self.session.join_room(room)
            case commands.LeaveRoom(room):
                self.session.leave_room(room)
            case commands.Open(name):
                self._open_named(name)
            case commands.Next():
                self._next_unread()
            case commands.ListRooms():
                self.session.list_rooms()
            case commands.ListPeople(name):
                self.session.list_people(name)
            case commands.Search():
                self._do_search(action)
            case commands.Retry():
                self._each_undone(self.session.retry)
            case commands.Discard():
                self._each_undone(self.session.discard)
            case commands.Theme(name):
                self.app.style = theme(name)
            case commands.Help(command):
                self._say(self.view.help(command))
            case commands.Leave():
                self.leave()
            case commands.Hint(text):
                self._say([trouble(text)])

    def _do_say(self, action: commands.Say) -> None:
        self.session.send(action.conversation, action.text, action.kind)
        self._scroll = 0
        if action.conversation != self._open:
            self._show(action.conversation)

    def _do_search(self, action: commands.Search) -> None:
        found = self.session.search(action.text, limit=20)
        lines = [notice(f"{visible(entry.conversation)} {self.view.message(entry).flat}") for entry in reversed(found)]
        self._say(lines or [notice(_("nothing found"))])

    def _undone(self) -> list[Entry]:
        chat = self.session.chats[self._open]
        entries = [item for item in self._items if isinstance(item, Entry) and item.waits]
        return [entry for entry in entries if chat.tick(entry) in (Tick.FAILED, Tick.UNCONFIRMED)]

    def _each_undone(self, do: Callable[[Entry], None]) -> None:
        undone = self._undone()
        if not undone:
            self._say([notice(_("nothing failed here"))])
        for entry in undone:
            do(entry)

    def leave(self) -> None:
        """Leave politely; at once if it is asked for twice."""
        if self._leaving:
            self.session.abandon()
        self._leaving = True
        self.session.leave()

    # What happens.

    def _notify(self) -> None:
        """In the network's thread: there is something to take."""
        loop, wake = self._loop, self._wake
        if loop is not None and wake is not None:
            with contextlib.suppress(RuntimeError):  # the loop has been closed: nobody to tell
                loop.call_soon_threadsafe(wake.set)

    async def _follow(self) -> None:
        """Take what the session has to say until it ends."""
        assert self._wake is not None
        while self.view.ended is None:
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._wake.wait(), 1.0)  # the countdown goes on
            self._wake.clear()
            for change in self.session.take(BATCH):
                self._change(change)
            self.app.invalidate()
        if self.app.is_running:
            self.app.exit()

    def _change(self, change: model.Change) -> None:
        lines = self.view.lines(change)
        match change:
            case model.EntryAdded(entry, replaces, news, mention):
                self._added(entry, replaces, news=news, mention=mention)
            case model.EntryChanged(entry):
                self._items = [entry if _at(item, entry.place) else item for item in self._items]
            case model.EntryRemoved(entry):
                self._items = [item for item in self._items if not _at(item, entry.place)]
            case model.PageCame(name, count, _refused):
                if name == self._open:
                    self._asked = count == 0
                    if not count:
                        self._older()
            case model.RoomsCame(rooms):
                self._rooms = dict(rooms)
                self._say(lines)
            case model.StatusChanged(link=Link.ONLINE):
                self._asked = self._at_first = False
                self._say(lines)
            case model.Joined(name):
                self._show(name)
            case model.Ended():
                self._last = lines
            case _other:
                if lines:
                    self._say(lines)

    def _added(self, entry: Entry, replaces: Place | None, *, news: bool, mention: bool) -> None:
        if entry.conversation == self._open:
            if replaces is not None:
                self._items = [item for item in self._items if not _at(item, replaces)]
            if any(_at(item, entry.place) for item in reversed(self._items)):
                return
            self._items.append(entry)  # also behind what waits, which moves down once it is in the log
            if self._scroll:
                self._scroll += len(self._item_rows(entry, max(1, self._size[0])))
                self._below += 1
        if news:
            self._ring(entry, mention=mention)

    def _ring(self, entry: Entry, *, mention: bool) -> None:
        for_me = mention or entry.conversation.startswith("@")
        wanted = self._settings["bell"]
        if wanted == "yes" or (wanted == "mentions" and for_me):
            self.app.output.bell()
            self.app.output.flush()
        if for_me:
            notify(self._settings["notify"], entry)

    def run(self) -> model.Ended:
        """Chat until the user leaves, or the session ends by itself."""
        asyncio.run(self._main())
        ended = self.view.ended
        assert ended is not None
        for line in self._last:
            print(line.flat)
        return ended

    async def _main(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._wake = asyncio.Event()
        self._wake.set()
        with contextlib.suppress(NotImplementedError, ValueError, RuntimeError):  # Windows; not the main thread
            self._loop.add_signal_handler(signal.SIGTERM, self.leave)
        self.session.start()
        following = asyncio.create_task(self._follow())
        try:
            await self.app.run_async()
        finally:
            if self.view.ended is None:
                self.session.leave()
            await following


def _acting(act: Callable[[], object]) -> Callable[[KeyPressEvent], None]:
    def handle(event: KeyPressEvent) -> None:
        act()

    return handle


def _at(item: Entry | Line, place: Place) -> bool:
    return isinstance(item, Entry) and item.place == place


def _cut(text: str, room: int) -> str:
    while get_cwidth(text) > room:
        text = text[:-1]
    return text + " " * (room - get_cwidth(text))


def _fit(parts: list[tuple[str, str]], columns: int) -> StyleAndTextTuples:
    """The parts, as far as there is room."""
    text: StyleAndTextTuples = []
    for style, part in parts:
        if columns <= 0:
            break
        piece = part if get_cwidth(part) <= columns else _cut(part, columns)
        columns -= get_cwidth(piece)
        text.append((style, piece))
    return text
