"""What rows of the pane and the list say, without drawing: times, days, names of ticks, the body of a message. Pure.

All received strings are made safe here [CLIENT-7]: what leaves this module holds no control character but line ends.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta

from causerie.client.model import Chat, Entry, Tick
from causerie.client.visible import visible, visible_lines
from causerie.language import N_, _, ngettext
from causerie_spec.codes import Kind

TICK_NAMES = {
    Tick.PENDING: N_("waiting"),
    Tick.SENT: N_("sent"),
    Tick.DELIVERED: N_("delivered to all"),
    Tick.READ: N_("read by all"),
    Tick.UNCONFIRMED: N_("may not have arrived"),
    Tick.FAILED: N_("not sent"),
}
MONTHS = (
    *(N_("January"), N_("February"), N_("March"), N_("April"), N_("May"), N_("June"), N_("July"), N_("August")),
    *(N_("September"), N_("October"), N_("November"), N_("December")),
)
DAYS = (*(N_("Monday"), N_("Tuesday"), N_("Wednesday"), N_("Thursday"), N_("Friday"), N_("Saturday"), N_("Sunday")),)


def _local(timestamp: int) -> datetime | None:
    try:
        return datetime.fromtimestamp(timestamp / 1000)
    except (OverflowError, OSError, ValueError):
        return None


def clock(timestamp: int) -> str:
    """Local time HH:MM of milliseconds since the epoch; ``??:??`` for a time that no calendar has."""
    moment = _local(timestamp)
    return "??:??" if moment is None else moment.strftime("%H:%M")


def day(timestamp: int) -> date | None:
    """The local day; None for one that no calendar has."""
    moment = _local(timestamp)
    return None if moment is None else moment.date()


def day_of(timestamp: int) -> str:
    """The local day as YYYY-MM-DD."""
    found = day(timestamp)
    return "????-??-??" if found is None else found.isoformat()


def day_name(found: date | None, today: date) -> str:
    """A day as people say it: today, yesterday, a date with its weekday."""
    if found is None:
        return "?"
    if found == today:
        return _("Today")
    if found == today - timedelta(days=1):
        return _("Yesterday")
    weekday, month = DAYS[found.weekday()], MONTHS[found.month - 1]
    text = _("{weekday}, {month} {day}, {year}")
    return text.format(weekday=_(weekday), month=_(month), day=found.day, year=found.year)


def short_time(timestamp: int, today: date) -> str:
    """When, for the list of conversations: the time today, else the date."""
    found = day(timestamp)
    if found is None or found == today:
        return clock(timestamp)
    if found == today - timedelta(days=1):
        return _("Yesterday")
    return found.strftime("%d/%m/%y") if found.year != today.year else found.strftime("%d/%m")


def body_of(entry: Entry, display: Callable[[str], str]) -> str:
    """The text of a message as it is drawn and copied; of an action with who does it."""
    text = "\n".join(visible_lines(entry.text))
    return f"* {visible(display(entry.sender))} {text}" if entry.kind == Kind.ACTION else text


def notice_of(entry: Entry, display: Callable[[str], str]) -> str:
    """What JOINED, LEFT and a gap say."""
    if entry.missing:
        return ngettext("{count} message is missing", "{count} messages are missing", entry.missing).format(
            count=entry.missing
        )
    text = _("{name} joined") if entry.kind == Kind.JOINED else _("{name} left")
    return text.format(name=visible(display(entry.sender)))


def preview(chat: Chat, display: Callable[[str], str]) -> str:
    """One line of what was said last."""
    entry = chat.last
    if entry is None:
        return ""
    if entry.notice:
        return notice_of(entry, display)
    text = visible(entry.text[:200])
    if entry.kind == Kind.ACTION:
        return f"* {visible(display(entry.sender))} {text}"
    if entry.mine:
        return _("You: {text}").format(text=text)
    return text if chat.direct else f"{visible(display(entry.sender))}: {text}"


def title(chat: Chat, display: Callable[[str], str]) -> str:
    """The name of a conversation, as people call it."""
    if chat.lobby:
        return _("Lobby")
    return visible(display(chat.bare)) if chat.direct else visible(chat.name)


def typing(handles: tuple[str, ...], display: Callable[[str], str]) -> str:
    """Who is writing; empty if nobody is."""
    names = [visible(display(handle)) for handle in handles[:3]]
    if not names:
        return ""
    if len(handles) > 3:
        return _("several people are writing…")
    if len(names) == 1:
        return _("{name} is writing…").format(name=names[0])
    return _("{names} are writing…").format(names=", ".join(names))


def initials(name: str) -> str:
    """One or two letters for a disc."""
    words = [word for word in name.lstrip("#@").replace("_", " ").replace(".", " ").replace("-", " ").split() if word]
    return "".join(word[0] for word in words[:2]).upper() or "?"
