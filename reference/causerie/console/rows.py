"""Entries to rows of a terminal: times, ticks, names, days. Pure: a width in columns and a measure are given.

In here: what a row says and which role each piece has. Received strings are made safe here [CLIENT-7]; a text cannot
forge a row, because its further rows are indented. Not in here: colours (`themes`), which rows are in view (`screen`).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from typing import Final

from causerie.client.local_store import mentions
from causerie.client.model import Chat, Entry, Tick
from causerie.client.visible import visible, visible_lines
from causerie.console.layout import Measure, fit
from causerie.console.view import Line, Role, Span
from causerie.language import _, ngettext
from causerie_spec.codes import Kind

TICKS: Final = {
    Tick.PENDING: "·",
    Tick.SENT: "✓",
    Tick.DELIVERED: "✓✓",
    Tick.READ: "✔✔",
    Tick.UNCONFIRMED: "?",
    Tick.FAILED: "!",
}
"""How far a message of one's own has come, distinct without colour."""
INDENT: Final = 9
"""Columns before a row that goes on: a time and ticks."""
NARROW: Final = 50
"""Columns below which rows that go on are hardly indented."""

Row = list[Span]


def day_of(entry: Entry) -> date | None:
    """The local day of an entry; None for a time that no calendar has."""
    try:
        return datetime.fromtimestamp(entry.timestamp / 1000).date()
    except (OverflowError, OSError, ValueError):
        return None


def clock(timestamp: int) -> str:
    """Local time HH:MM of milliseconds since the epoch."""
    try:
        return datetime.fromtimestamp(timestamp / 1000).strftime("%H:%M")
    except (OverflowError, OSError, ValueError):
        return "??:??"


def rule(text: str, width: int, role: Role, measure: Measure) -> Row:
    """A line across with words in it: a day, or what is new."""
    room = max(0, width - measure(text) - 2)
    left = room // 2
    return [Span(role, f"{'─' * left} {text} {'─' * (room - left)}"[: max(width, 1)])]


def entry_rows(
    entry: Entry, chat: Chat, width: int, *, handle: str, display: Callable[[str], str], measure: Measure
) -> list[Row]:
    """The rows of one entry."""
    head = [Span(Role.TIME, f"{clock(entry.timestamp)} ")]
    indent = INDENT if width >= NARROW else 2
    name = visible(display(entry.sender))
    if entry.missing:
        text = ngettext("{count} message is missing", "{count} messages are missing", entry.missing)
        body, role = [text.format(count=entry.missing)], Role.TROUBLE
        head.append(Span(role, "-- "))
    elif entry.notice:
        text = _("{name} joined") if entry.kind == Kind.JOINED else _("{name} left")
        body, role = [text.format(name=name)], Role.NOTICE
        head.append(Span(role, "-- "))
    else:
        tick = chat.tick(entry)
        mark = TICKS[tick] if tick is not None else ""
        head.append(Span(_TICK_ROLES.get(tick, Role.TICK) if tick is not None else Role.TICK, f"{mark:<2} "))
        body, role = visible_lines(entry.text), Role.TEXT
        named = Role.OWN_NAME if entry.mine else Role.NAME
        if entry.kind == Kind.ACTION:
            head += [Span(Role.PLACE, "* "), Span(named, name), Span(Role.TEXT, " ")]
        else:
            head += [Span(named, name), Span(Role.TEXT, ": ")]
        if not entry.mine and mentions(entry.text, handle):
            role = Role.MENTION
        if tick is Tick.FAILED:
            body = [*body, _("not sent: {reason}; /retry or /discard").format(reason=visible(entry.reason))]
        elif tick is Tick.UNCONFIRMED:
            body = [*body, _("may not have arrived; /retry or /discard")]
    return fit(Line(tuple(head), tuple(body), role, chat=True), width, measure, indent)


_TICK_ROLES: Final = {Tick.READ: Role.READ, Tick.FAILED: Role.TROUBLE, Tick.UNCONFIRMED: Role.TROUBLE}
