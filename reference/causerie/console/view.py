"""What the plain shell shows of each change: lines of spans, without a terminal.

In here: wording and roles (what is a name, what is a warning), from changes of the model to `Line`. All received
strings are made safe here [CLIENT-7]; what leaves this module holds no control character. Not in here: colours,
widths, files.

A line that shows a message begins with its time, a notice with ``--``, trouble with ``!!``: a text cannot
forge a line, because its own line breaks are shown (`Line` has them apart, for shells that indent).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Final

from causerie.client import model
from causerie.client.address import Address
from causerie.client.local_store import mentions
from causerie.client.model import WAITING, Entry, Link
from causerie.client.visible import LINE_BREAK, visible, visible_lines
from causerie.client.wording import seconds, sentence
from causerie.console.commands import help_lines
from causerie.core.client import SendState
from causerie.language import _, ngettext
from causerie_spec.codes import LOBBY, Kind

_QUOTED: Final = 60
"""Characters of a message that a notice quotes."""


class Role(Enum):
    """What a span is, for colours."""

    TIME = "time"
    NAME = "name"
    OWN_NAME = "own-name"
    TEXT = "text"
    PLACE = "place"
    MENTION = "mention"
    NOTICE = "notice"
    TROUBLE = "trouble"
    TICK = "tick"
    READ = "read"
    NEW = "new"


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of a line."""

    role: Role
    text: str


@dataclass(frozen=True, slots=True)
class Line:
    """One entry: ``head`` (time and who) and ``body`` (the text's own lines, at least one).

    ``chat`` tells a message from what the client itself has to say.
    """

    head: tuple[Span, ...]
    body: tuple[str, ...]
    role: Role
    chat: bool = False

    @property
    def flat(self) -> str:
        """The whole on one line, the text's line breaks as ⏎."""
        return "".join(span.text for span in self.head) + LINE_BREAK.join(self.body)


def notice(text: str) -> Line:
    """Something that the client has to say."""
    return Line((Span(Role.NOTICE, "-- "),), (text,), Role.NOTICE)


def trouble(text: str) -> Line:
    """Something that went wrong."""
    return Line((Span(Role.TROUBLE, "!! "),), (text,), Role.TROUBLE)


def clock(timestamp: int) -> str:
    """Local time HH:MM:SS of milliseconds since the epoch; a time that no calendar has shows as ``??:??:??``."""
    try:
        return datetime.fromtimestamp(timestamp / 1000).strftime("%H:%M:%S")
    except (OverflowError, OSError, ValueError):
        return "??:??:??"


class View:
    """Turns changes into lines, and counts what an exit code must know. ``kept``: what is not sent is kept."""

    def __init__(self, address: Address, handle: str, *, kept: bool = True) -> None:
        self.ended: model.Ended | None = None
        self.logged_in = False
        """Was there ever a login?"""
        self.refused = 0
        """Wishes that the server refused."""
        self._address = address
        self._handle = handle
        self._kept = kept
        self._was = Link.CONNECTING
        self._away = False
        self._in_doubt: set[int] = set()

    @property
    def unconfirmed(self) -> int:
        """Messages of this run of which nobody knows whether they arrived."""
        return len(self._in_doubt)

    def lines(self, change: model.Change) -> list[Line]:
        """What to show of the change; nothing, for many."""
        match change:
            case model.EntryAdded(entry):
                return self._added(entry)
            case model.EntryChanged(entry):
                return self._state(entry)
            case model.StatusChanged():
                return self._link(change)
            case model.Joined(room, members):
                many = ngettext("in {room}, {count} member", "in {room}, {count} members", members)
                told = many.format(room=visible(room), count=members)
                return [notice(_("{told}; /msg {room} hello speaks there").format(told=told, room=visible(room)))]
            case model.Refused(_name, verb, _code, reason):
                self.refused += 1
                said = {"join": _("not joined: {reason}"), "leave": _("not left: {reason}")}
                return [trouble(said.get(verb, _("no list: {reason}")).format(reason=reason))]
            case model.RoomsCame(rooms):
                return [notice(f"{visible(room)} ({members})") for room, members in rooms]
            case model.PeopleCame(_name, people):
                return [notice(visible(person.handle)) for person in people if person.online]
            case model.KeepingFailed(reason):
                text = _("the disk takes nothing more ({reason}): what comes from now on is not kept")
                return [trouble(text.format(reason=visible(reason)))]
            case model.Ended():
                return self._end(change)
            case _other:
                return []

    def help(self, command: str = "") -> list[Line]:
        """What can be typed."""
        return [notice(text) for text in help_lines(command)]

    def message(self, entry: Entry) -> Line:
        """A message of a log, JOINED, LEFT, or a gap."""
        if entry.missing:
            count, place = entry.missing, _place(entry.conversation)
            many = ngettext("{count} message was missed in {place}", "{count} messages were missed in {place}", count)
            return notice(many.format(count=count, place=place))
        head = [Span(Role.TIME, clock(entry.timestamp)), Span(Role.TEXT, " ")]
        place = visible(entry.conversation)
        name = Span(Role.OWN_NAME if entry.mine else Role.NAME, visible(entry.sender))
        if entry.conversation.startswith("#") and entry.conversation != LOBBY:
            head.append(Span(Role.PLACE, f"{place} "))
        if entry.kind in (Kind.ACTION, Kind.JOINED, Kind.LEFT):
            head.append(Span(Role.PLACE, "* "))
        head.append(name)
        if entry.conversation.startswith("@"):
            reader = place if entry.mine else _("you")
            head.append(Span(Role.PLACE, f" → {reader}"))
        if entry.kind in (Kind.JOINED, Kind.LEFT):
            done = _("joined {room}") if entry.kind == Kind.JOINED else _("left {room}")
            return Line((*head, Span(Role.NOTICE, " ")), (done.format(room=place),), Role.NOTICE, chat=True)
        head.append(Span(Role.TEXT, " " if entry.kind == Kind.ACTION else ": "))
        mentioned = not entry.mine and mentions(entry.text, self._handle)
        return Line(tuple(head), tuple(visible_lines(entry.text)), Role.MENTION if mentioned else Role.TEXT, chat=True)

    def _added(self, entry: Entry) -> list[Line]:
        if entry.place[0] != WAITING:
            self._in_doubt.discard(entry.txn)
            return [self.message(entry)]
        return [notice(_("waits for the connection: {text}").format(text=_quote(entry.text)))] if self._away else []

    def _state(self, entry: Entry) -> list[Line]:
        match entry.state:
            case SendState.SENT:
                self._in_doubt.discard(entry.txn)
                return []
            case SendState.FAILED:
                self.refused += 1
                text = _("not sent: {reason}: {text}")
                return [trouble(text.format(reason=entry.reason, text=_quote(entry.text)))]
            case SendState.UNCONFIRMED:
                self._in_doubt.add(entry.txn)
                text = _("unconfirmed, it may or may not have arrived: {text}")
                return [trouble(text.format(text=_quote(entry.text)))]
            case _other:
                return []

    def _link(self, change: model.StatusChanged) -> list[Line]:
        was, self._was = self._was, change.link
        if self._was is Link.ONLINE:
            self.logged_in, self._away = True, False
            return [self._logged_in(change)]
        if self._was is not Link.OFFLINE or change.ending is None:
            return []
        self._away = True
        reason = sentence(change.ending, self._address, self._handle, advise=False)
        again = _("trying again in {time}").format(time=seconds(change.retry_in))
        if was is Link.ONLINE:
            return [trouble(f"{reason}; {again}")]
        return [notice(_("not back yet: {reason}; {again}").format(reason=reason, again=again))]

    def _logged_in(self, change: model.StatusChanged) -> Line:
        address = visible(str(self._address))
        if not change.again:
            text = _("connected to {address} as {handle}")
        elif change.new_epoch:
            text = _("back at {address} (the server was restarted meanwhile)")
        else:
            text = _("back at {address}")
        return notice(text.format(address=address, handle=self._handle))

    def _end(self, ended: model.Ended) -> list[Line]:
        self.ended = ended
        if not ended.unsent:
            return []
        if self._kept:
            text = ngettext(
                "{count} message was not sent: it is kept, and goes out next time",
                "{count} messages were not sent: they are kept, and go out next time",
                ended.unsent,
            )
        else:
            text = ngettext("{count} message was never sent", "{count} messages were never sent", ended.unsent)
        return [trouble(text.format(count=ended.unsent))]


def _place(conversation: str) -> str:
    return _("the lobby") if conversation == LOBBY else visible(conversation)


def _quote(text: str) -> str:
    return f"“{visible(text if len(text) <= _QUOTED else text[:_QUOTED] + '…')}”"
