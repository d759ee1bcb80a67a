"""What a typed line means.

In here: a pure function from a line to an action. Not in here: doing it, showing anything.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from causerie.client.visible import visible
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
class Leave:
    """The user wants to go."""


@dataclass(frozen=True, slots=True)
class Help:
    """The user wants to know what can be typed."""


@dataclass(frozen=True, slots=True)
class Hint:
    """The line makes no sense; ``text`` says what would."""

    text: str


Action = Say | JoinRoom | LeaveRoom | Leave | Help | Hint

COMMANDS: Final = ("/msg", "/me", "/join", "/leave", "/help", "/quit")

HELP: Final = (
    N_("type a line, and everybody in the lobby sees it"),
    N_("/msg @bob hello   say hello to bob alone"),
    N_("/me waves         everybody sees: * you wave"),
    N_("/join #ops        become a member of the room; /msg #ops hello speaks there"),
    N_("/leave #ops       be a member no longer"),
    N_("//text            a line that begins with a slash"),
    N_("/help             this"),
    N_("quit or /quit     leave (Ctrl-D and Ctrl-C too)"),
)


def help_lines() -> list[str]:
    """What can be typed, a line each, in the user's language."""
    return [_(text) for text in HELP]


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
    command, _, rest = line.partition(" ")
    command = command.strip()
    if command in ("/quit", "/exit"):
        return Leave()
    if command in ("/help", "/?"):
        return Help()
    if command == "/me":
        return say(here, rest, Kind.ACTION) if rest.strip() else Hint("write /me and what you do: /me waves")
    if command == "/msg":
        return _message(rest)
    if command == "/join":
        return _room(JoinRoom, "join", rest)
    if command == "/leave":
        return _room(LeaveRoom, "leave", rest)
    return Hint(f"there is no {visible(command)} here: /help lists what there is, //text sends a leading slash")


def _message(rest: str) -> Action:
    target, _, text = rest.lstrip().partition(" ")
    conversation = f"@{target}" if is_handle(target) else target
    if not is_conversation(conversation) or not text.strip():
        return Hint("write /msg, to whom, and what: /msg @bob hello")
    return say(conversation, text)


def _room(action: type[JoinRoom | LeaveRoom], verb: str, rest: str) -> Action:
    name = rest.strip()
    room = f"#{name}" if is_handle(name) else name
    try:
        check_room(room)
    except NotSendable:
        return Hint(f"write /{verb} and which room: /{verb} #ops")
    return action(room)


def say(conversation: str, text: str, kind: int = Kind.TEXT) -> Action:
    """Send this, or a hint why it cannot be sent."""
    try:
        check_sendable(conversation, text, kind)
    except NotSendable as error:
        return Hint(f"not sent: {error}")
    return Say(conversation, text, kind)
