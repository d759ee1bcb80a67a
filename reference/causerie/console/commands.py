"""What a typed line means.

In here: a pure function from a line to an action. Not in here: doing it, showing anything.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from causerie.client.visible import visible
from causerie.client.wording import not_sendable
from causerie.core.client import NotSendable, check_room, check_sendable
from causerie.language import N_, _
from causerie_spec.codes import LOBBY, Kind
from causerie_spec.names import is_conversation, is_handle


@dataclass(frozen=True, slots=True)
class Say:
    """Send a message."""

    conversation: str
    text: str
    kind: int = Kind.TEXT


@dataclass(frozen=True, slots=True)
class JoinRoom:
    """Become a member."""

    room: str


@dataclass(frozen=True, slots=True)
class LeaveRoom:
    """Be a member no longer."""

    room: str


@dataclass(frozen=True, slots=True)
class Open:
    """Show that conversation: a name, or its number in the list."""

    name: str


@dataclass(frozen=True, slots=True)
class Next:
    """Show the next conversation with something new."""


@dataclass(frozen=True, slots=True)
class ListRooms:
    """Which rooms are there?"""


@dataclass(frozen=True, slots=True)
class ListPeople:
    """Who is there?"""

    name: str


@dataclass(frozen=True, slots=True)
class Search:
    """Find messages that hold the text."""

    text: str


@dataclass(frozen=True, slots=True)
class Retry:
    """Send what failed in this conversation again."""


@dataclass(frozen=True, slots=True)
class Discard:
    """Forget what failed in this conversation."""


@dataclass(frozen=True, slots=True)
class Theme:
    """Other colours."""

    name: str


@dataclass(frozen=True, slots=True)
class Leave:
    """The user wants to go."""


@dataclass(frozen=True, slots=True)
class Help:
    """The user wants to know what can be typed: all of it, or about one ``command``."""

    command: str = ""


@dataclass(frozen=True, slots=True)
class Hint:
    """The line makes no sense; ``text`` says what would."""

    text: str


Action = (
    Say
    | JoinRoom
    | LeaveRoom
    | Open
    | Next
    | ListRooms
    | ListPeople
    | Search
    | Retry
    | Discard
    | Theme
    | Leave
    | Help
    | Hint
)

THEMES: Final = ("dark", "light", "none")

HELP: Final = {
    "/msg": N_("/msg @bob hello   say hello to bob alone; /msg @bob opens the conversation"),
    "/me": N_("/me waves         everybody sees: * you wave"),
    "/join": N_("/join #ops        become a member of the room; /msg #ops hello speaks there"),
    "/leave": N_("/leave #ops       be a member no longer"),
    "/rooms": N_("/rooms            which rooms there are"),
    "/who": N_("/who [#ops]       who is there, or in that room"),
    "/open": N_("/open 2, /open @bob   show that conversation; Ctrl-N, Ctrl-P, Alt-1 … Alt-9"),
    "/next": N_("/next             the next conversation with something new"),
    "/search": N_("/search words     find messages"),
    "/retry": N_("/retry            send again what failed here"),
    "/discard": N_("/discard          forget what failed here"),
    "/theme": N_("/theme light      light, dark or none: colours"),
    "/help": N_("/help             this; /help search: about one command"),
    "/quit": N_("quit or /quit     leave (Ctrl-D and Ctrl-C too)"),
}
"""Every command, and what to say of it."""
COMMANDS: Final = tuple(HELP)


def help_lines(command: str = "") -> list[str]:
    """What can be typed, a line each, in the user's language; of one command, if there is such a one."""
    if command in HELP:
        return [_(HELP[command])]
    first = _("type a line, and everybody in the conversation (the lobby, at first) sees it")
    return [first, *(_(text) for text in HELP.values()), _("//text            a line that begins with a slash")]


def understand(line: str, here: str = LOBBY) -> Action | None:
    """What the line (without its line end) means, said in the conversation ``here``; None for a blank one."""
    if not line.strip():
        return None
    if line.strip() == "quit":
        return Leave()
    if line.startswith("//"):
        return say(here, line[1:])
    if not line.startswith("/"):
        return say(here, line)
    command, _space, rest = line.partition(" ")
    command = command.strip()
    if command in _SIMPLE:
        return _SIMPLE[command]
    means = _MEANINGS.get(command)
    if means is None:
        text = _("there is no {command} here: /help lists what there is, //text sends a leading slash")
        return Hint(text.format(command=visible(command)))
    return means(rest, here)


def _me(rest: str, here: str) -> Action:
    return say(here, rest, Kind.ACTION) if rest.strip() else Hint(_("write /me and what you do: /me waves"))


def _message(rest: str, here: str) -> Action:
    target, _space, text = rest.lstrip().partition(" ")
    conversation = f"@{target}" if is_handle(target) else target
    if not is_conversation(conversation):
        return Hint(_("write /msg, to whom, and what: /msg @bob hello"))
    return say(conversation, text) if text.strip() else Open(conversation)


def _join(rest: str, here: str) -> Action:
    room = _room(rest.strip())
    return JoinRoom(room) if room else Hint(_("write /join and which room: /join #ops"))


def _leave(rest: str, here: str) -> Action:
    room = _room(rest.strip() or here)
    return LeaveRoom(room) if room else Hint(_("write /leave and which room: /leave #ops"))


def _room(name: str) -> str | None:
    room = f"#{name}" if is_handle(name) else name
    try:
        check_room(room)
    except NotSendable:
        return None
    return room


def _who(rest: str, here: str) -> Action:
    name = rest.strip() or here
    name = f"#{name}" if is_handle(name) else name
    return ListPeople(name) if is_conversation(name) else Hint(_("write /who and where: /who #ops"))


def _open(rest: str, here: str) -> Action:
    name = rest.strip()
    return (
        Open(name) if name.isdigit() or is_conversation(name) else Hint(_("write /open and what: /open 2, /open @bob"))
    )


def _search(rest: str, here: str) -> Action:
    return Search(rest.strip()) if rest.strip() else Hint(_("write /search and which words: /search lunch"))


def _theme(rest: str, here: str) -> Action:
    name = rest.strip()
    return Theme(name) if name in THEMES else Hint(_("write /theme and one of: light, dark, none"))


def _help(rest: str, here: str) -> Action:
    name = rest.strip()
    return Help(f"/{name.lstrip('/')}" if name else "")


_SIMPLE: Final[dict[str, Action]] = {
    "/rooms": ListRooms(),
    "/next": Next(),
    "/retry": Retry(),
    "/discard": Discard(),
    "/quit": Leave(),
    "/exit": Leave(),
}
_MEANINGS: Final[dict[str, Callable[[str, str], Action]]] = {
    "/msg": _message,
    "/me": _me,
    "/join": _join,
    "/leave": _leave,
    "/who": _who,
    "/open": _open,
    "/search": _search,
    "/theme": _theme,
    "/help": _help,
    "/?": _help,
}


def say(conversation: str, text: str, kind: int = Kind.TEXT) -> Action:
    """Send this, or a hint why it cannot be sent."""
    try:
        check_sendable(conversation, text, kind)
    except NotSendable as error:
        return Hint(_("not sent: {reason}").format(reason=not_sendable(error)))
    return Say(conversation, text, kind)
