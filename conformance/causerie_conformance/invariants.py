"""What holds of every frame by itself, and of the items of every streamed answer, whatever a case is about.

In here: rules as data, and `Stream`, which follows one streamed answer. Each says what is wrong as a `Flaw`; `passive`
asks, and raises. Not in here: what only the frames before can tell (`passive`, `logs`), and what a case asked for.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple

from causerie_conformance.found import Flaw
from causerie_spec.codes import LOBBY, MAX_MEMBERS_READ_BY_ALL, MAX_PAGE, Direction, Kind
from causerie_spec.messages import (
    ChatMessage,
    Composing,
    Conversation,
    Conversations,
    End,
    History,
    Message,
    Presence,
    Receipt,
    Rooms,
    Who,
)


class _Rule(NamedTuple):
    """``holds`` of a message; otherwise that is the flaw."""

    flaw: Flaw
    holds: Callable[[Any], object]


def _rule(clause: str, field: str, expected: str, holds: Callable[[Any], object]) -> _Rule:
    return _Rule(Flaw(clause, field, expected), holds)


def _is_room(message: Any) -> bool:
    return bool(message.conversation.startswith("#") and message.conversation != LOBBY)


def _tells_all(message: Any) -> bool:
    """May all_* be other than 0?"""
    return message.conversation != LOBBY and getattr(message, "members", 0) <= MAX_MEMBERS_READ_BY_ALL


_CURSORS: Final = (
    _rule("MARK-1", "delivered", "delivered of at least read", lambda it: it.delivered >= it.read),
    _rule("MARK-4", "all_delivered", "all_delivered of at most delivered", lambda it: it.all_delivered <= it.delivered),
    _rule("MARK-4", "all_read", "all_read of at most read", lambda it: it.all_read <= it.read),
    _rule("MARK-4", "all_read", "all_read of at most all_delivered", lambda it: it.all_read <= it.all_delivered),
    _rule("MARK-4", "all_delivered", "all_delivered 0 here", lambda it: _tells_all(it) or not it.all_delivered),
)
_RULES: Final[dict[type[Message], tuple[_Rule, ...]]] = {
    Receipt: _CURSORS,
    Conversation: (
        _rule("HIST-7", "first", "first from 1 to head + 1", lambda it: 1 <= it.first <= it.head + 1),
        _rule("MARK-1", "delivered", "delivered of at most head", lambda it: it.delivered <= it.head),
        *_CURSORS,
    ),
    Presence: (_rule("WHO-5", "last_seen", "last_seen now, as online", lambda it: it.last_seen or not it.online),),
    ChatMessage: (
        _rule("MSG-5", "txn", "txn of the SEND, not 0", lambda it: it.txn or it.kind >= Kind.JOINED),
        _rule("MSG-5", "text", "text of the SEND, not empty", lambda it: it.text or it.kind >= Kind.JOINED),
        _rule("ROOM-2", "kind", "JOINED and LEFT in rooms", lambda it: it.kind < Kind.JOINED or _is_room(it)),
        _rule("ROOM-2", "kind", "JOINED(128) or LEFT(129)", lambda it: it.kind <= Kind.LEFT),
        _rule("ROOM-2", "txn", "txn 0 in JOINED and LEFT", lambda it: it.kind < Kind.JOINED or not it.txn),
        _rule("ROOM-2", "text", "no text in JOINED and LEFT", lambda it: it.kind < Kind.JOINED or not it.text),
    ),
}
_WHO_SPEAKS: Final[dict[type[Message], tuple[str, str]]] = {
    Composing: ("TYPE-5", "handle"),
    ChatMessage: ("DIRECT-1", "sender"),
}
"""Of what somebody causes in a conversation: the clause, and the field that says who."""


def flaw(message: Message, me: str) -> Flaw | None:
    """What is wrong with a message that *me* receives, by itself; None if nothing is."""
    for rule in _RULES.get(type(message), ()):
        if not rule.holds(message):
            return rule.flaw
    return _stranger(message, me)


def _stranger(message: Any, me: str) -> Flaw | None:
    """In a direct conversation nobody has a part but the two."""
    clause, field = _WHO_SPEAKS.get(type(message), ("", ""))
    if not clause or not message.conversation.startswith("@"):
        return None
    two = (message.conversation[1:], me)
    return None if getattr(message, field) in two else Flaw(clause, field, f"{field} {' or '.join(two)}")


_LISTED: Final[dict[type[Message], tuple[str, str]]] = {
    Conversations: ("LIST-1", "conversation"),
    Rooms: ("LIST-1", "conversation"),
    Who: ("WHO-7", "handle"),
}
"""Of each list: its clause, and the field by which its items are in order."""
_HISTORY: Final = "HIST-1", "seq"
_LENGTH: Final[dict[type[Message], str]] = {History: "HIST-2"}


class Stream:
    """Follows one streamed answer, item by item, to its END."""

    def __init__(self, request: Message) -> None:
        self._request: Any = request
        self._count = 0
        self._last: Any = None

    def item(self, message: Message) -> Flaw | None:
        """Is this a right next item?"""
        clause, field = _LISTED.get(type(self._request), _HISTORY)
        value = getattr(message, field)
        expected = self._expected(message, value)
        self._count, self._last = self._count + 1, value
        if expected is not None:
            return Flaw(clause, field, expected)
        most = min(self._request.limit, MAX_PAGE)
        if self._count > most:
            return Flaw(_LENGTH.get(type(self._request), clause), field, f"END after at most {most} items")
        return None

    def _expected(self, message: Message, value: Any) -> str | None:
        """What should have come instead; None if this may come."""
        request = self._request
        if isinstance(request, History):
            return self._expected_of_history(message, value)
        after = request.after if self._last is None else self._last
        if value.encode() <= after.encode():
            return f"names in ascending order of octets, after {after!r}"
        if isinstance(request, Who) and isinstance(message, Presence):
            return _expected_of_who(request.conversation, message)
        return None

    def _expected_of_history(self, message: Any, seq: int) -> str | None:
        request = self._request
        if message.conversation != request.conversation:
            return f"messages of {request.conversation}"
        if self._last is not None:
            return None if seq == self._last + 1 else f"seq {self._last + 1}, after {self._last}"
        after = request.direction == Direction.AFTER
        right = seq > request.anchor if after else seq < request.anchor
        return None if right else f"a seq {'above' if after else 'below'} {request.anchor}"

    def end(self, end: End) -> Flaw | None:
        """Is this a right END?"""
        if end.more and not self._count:
            clause = _LENGTH.get(type(self._request)) or _LISTED[type(self._request)][0]
            return Flaw(clause, "more", "at least one item while any remain")
        return None


def _expected_of_who(conversation: str, item: Presence) -> str | None:
    if conversation.startswith("@") and item.handle != conversation[1:]:
        return f"{conversation[1:]} alone"
    if conversation == LOBBY and not item.online:
        return "who is online"
    return None
