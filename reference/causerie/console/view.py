"""What the console shows of each event: lines of spans, without a terminal.

In here: wording and roles (what is a name, what is a warning), from events to `Line`. All received strings
are made safe here [CLIENT-7]; what leaves this module holds no control character. Not in here: colours,
widths, files.

A line that shows a message begins with its time, a notice with ``--``, trouble with ``!!``: a text cannot
forge a line, because its own line breaks are shown (`Message` has them apart, for shells that indent).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Final

from causerie.client.address import Address
from causerie.client.visible import LINE_BREAK, visible, visible_lines
from causerie.client.wording import refusal, seconds, sentence
from causerie.console.commands import HELP
from causerie.core.client import (
    Connected,
    Connecting,
    Disconnected,
    Event,
    LoggedIn,
    MessageQueued,
    MessageShown,
    MessagesMissed,
    MessageState,
    RoomJoined,
    RoomRefused,
    SendState,
    Stopped,
)
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
    """Turns events into lines, and counts what an exit code must know."""

    def __init__(self, address: Address, handle: str) -> None:
        self.stopped: Stopped | None = None
        self.logged_in = False
        """Was there ever a login?"""
        self.refused = 0
        """Messages that the server refused."""
        self.waiting = 0
        """Messages not confirmed yet."""
        self.people: set[str] = set()
        """Handles seen, for completion."""
        self._address = address
        self._handle = handle
        self._online = False
        self._away = False
        self._in_doubt: set[int] = set()

    @property
    def unconfirmed(self) -> int:
        """Messages of which nobody knows whether they arrived."""
        return len(self._in_doubt)

    def lines(self, event: Event) -> list[Line]:
        """What to show of the event; nothing, for many."""
        match event:
            case MessageShown():
                return [self._message(event)]
            case LoggedIn():
                return [self._logged_in(event)]
            case Disconnected():
                return [self._disconnected(event)]
            case MessagesMissed(gap):
                many = "1 message was" if gap.missing == 1 else f"{gap.missing} messages were"
                return [notice(f"{many} missed in {_place(gap.conversation)}")]
            case RoomJoined(room, members):
                many = "1 member" if members == 1 else f"{members} members"
                return [notice(f"in {visible(room)}, {many}; /msg {visible(room)} hello speaks there")]
            case RoomRefused():
                self.refused += 1
                verb = "joined" if event.joining else "left"
                return [trouble(f"not {verb}: {refusal(event.code, event.detail, event.conversation)}")]
            case MessageQueued():
                self.waiting += 1
                return [notice(f"waits for the connection: {_quote(event.text)}")] if self._away else []
            case MessageState():
                return self._state(event)
            case Stopped():
                return self._stopped(event)
            case Connecting() | Connected():
                return []
            case _:
                return []

    def help(self) -> list[Line]:
        """What can be typed."""
        return [notice(text) for text in HELP]

    @property
    def status(self) -> str:
        """One short line about now: who, where, and whether anything is outstanding."""
        parts = [f"{self._handle} at {visible(str(self._address))}"]
        if not self._online:
            parts.append("not connected, trying again" if self._away else "connecting")
        if self.waiting:
            parts.append(f"{self.waiting} not confirmed yet")
        return ", ".join(parts)

    def _message(self, event: MessageShown) -> Line:
        sender = visible(event.sender)
        if not event.mine and len(self.people) < 10_000:
            self.people.add(sender)
        head = [Span(Role.TIME, clock(event.timestamp)), Span(Role.TEXT, " ")]
        place = visible(event.conversation)
        name = Span(Role.OWN_NAME if event.mine else Role.NAME, sender)
        if event.conversation.startswith("#") and event.conversation != LOBBY:
            head.append(Span(Role.PLACE, f"{place} "))
        if event.kind in (Kind.ACTION, Kind.JOINED, Kind.LEFT):
            head.append(Span(Role.PLACE, "* "))
        head.append(name)
        if event.conversation.startswith("@"):
            to = place if event.mine else "you"
            head.append(Span(Role.PLACE, f" → {to}"))
        if event.kind in (Kind.JOINED, Kind.LEFT):
            done = "joined" if event.kind == Kind.JOINED else "left"
            return Line((*head, Span(Role.NOTICE, " ")), (f"{done} {place}",), Role.NOTICE, chat=True)
        head.append(Span(Role.TEXT, " " if event.kind == Kind.ACTION else ": "))
        mentioned = not event.mine and self._handle in event.text.lower()
        return Line(tuple(head), tuple(visible_lines(event.text)), Role.MENTION if mentioned else Role.TEXT, chat=True)

    def _logged_in(self, event: LoggedIn) -> Line:
        self.logged_in = self._online = True
        self._away = False
        if event.again:
            restarted = " (the server was restarted meanwhile)" if event.new_epoch else ""
            return notice(f"back at {visible(str(self._address))}{restarted}")
        return notice(f"connected to {visible(str(self._address))} as {visible(event.handle)}")

    def _disconnected(self, event: Disconnected) -> Line:
        reason = sentence(event.ending, self._address, self._handle, advise=False)
        again = f"trying again in {seconds(event.retry_in)}"
        line = trouble(f"{reason}; {again}") if self._online else notice(f"not back yet: {reason}; {again}")
        self._online, self._away = False, True
        return line

    def _state(self, event: MessageState) -> list[Line]:
        match event.state:
            case SendState.SENT:
                if event.txn in self._in_doubt:  # it had arrived after all
                    self._in_doubt.remove(event.txn)
                else:
                    self.waiting -= 1
                return []
            case SendState.FAILED:
                self.waiting -= 1
                self.refused += 1
                why = refusal(event.code or 0, event.detail, event.conversation)
                return [trouble(f"not sent: {why}: {_quote(event.text)}")]
            case SendState.UNCONFIRMED:
                self.waiting -= 1
                self._in_doubt.add(event.txn)
                return [trouble(f"unconfirmed, it may or may not have arrived: {_quote(event.text)}")]
            case _:
                return []

    def _stopped(self, event: Stopped) -> list[Line]:
        self.stopped = event
        self._online = False
        lines = []
        if event.unsent:
            many = "1 message was" if event.unsent == 1 else f"{event.unsent} messages were"
            lines.append(trouble(f"{many} never sent"))
        return lines


def _place(conversation: str) -> str:
    return "the lobby" if conversation == LOBBY else visible(conversation)


def _quote(text: str) -> str:
    return f"“{visible(text if len(text) <= _QUOTED else text[:_QUOTED] + '…')}”"
