"""What values the fields of a request may have, beyond their form.

A value outside its field's domain is understood and refused [ERR-6]. In here: the table of section 20 as
data, for the fields whose domain does not depend on the server. Not in here: the magic and the versions of
HELLO, which end the connection; which mechanisms a server offers; what exists, and who is a member.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from causerie_spec import codes, messages
from causerie_spec.codes import ErrorCode
from causerie_spec.messages import Message
from causerie_spec.names import is_conversation, is_display, is_handle, is_room


@dataclass(frozen=True, slots=True)
class Rule:
    """A field may hold what ``allows`` says of the whole message; otherwise the answer is ``code``."""

    field: str
    allows: Callable[[Any], bool]
    code: ErrorCode = ErrorCode.BAD_FIELD


def _conversation(message: Any) -> bool:
    return is_conversation(message.conversation)


def _room(message: Any) -> bool:
    return is_room(message.conversation) and bool(message.conversation != codes.LOBBY)


def _payload(message: Any) -> bool:
    return len(message.payload) <= codes.MAX_PAYLOAD


def _token(message: Any) -> bool:
    if message.mechanism != codes.MECHANISM_TOKEN or not _payload(message):
        return True
    return codes.TOKEN_MIN <= len(message.payload) <= codes.TOKEN_MAX


def _after(well_formed: Callable[[str], bool]) -> Callable[[Any], bool]:
    return lambda message: message.after == "" or well_formed(message.after)


_LIMIT: Final = Rule("limit", lambda message: message.limit > 0)
_CONVERSATION: Final = Rule("conversation", _conversation)

RULES: Final[dict[type[Message], tuple[Rule, ...]]] = {
    messages.Login: (
        Rule("handle", lambda message: is_handle(message.handle)),
        Rule("display", lambda message: is_display(message.display)),
        Rule("payload", _payload),
        Rule("payload", _token),
    ),
    messages.Auth: (Rule("payload", _payload),),
    messages.Send: (
        _CONVERSATION,
        Rule("txn", lambda message: message.txn != 0),
        Rule("kind", lambda message: message.kind <= codes.MAX_KIND_FROM_CLIENT),
        Rule("text", lambda message: message.text != ""),
        Rule("text", lambda message: len(message.text.encode()) <= codes.MAX_TEXT, code=ErrorCode.TEXT_TOO_LONG),
    ),
    messages.History: (_CONVERSATION, Rule("direction", lambda message: message.direction <= 1), _LIMIT),
    messages.Mark: (_CONVERSATION,),
    messages.Compose: (_CONVERSATION,),
    messages.Join: (Rule("conversation", _room),),
    messages.Leave: (Rule("conversation", _room),),
    messages.Conversations: (Rule("after", _after(is_conversation)), _LIMIT),
    messages.Rooms: (Rule("after", _after(is_conversation)), _LIMIT),
    messages.Who: (_CONVERSATION, Rule("after", _after(is_handle)), _LIMIT),
}
"""The rules of each request in the order of its fields; requests that are not here take any value."""


def refusals(message: Message) -> list[Rule]:
    """The rules that a request breaks, from left to right: the first decides the answer [ERR-7]."""
    return [rule for rule in RULES.get(type(message), ()) if not rule.allows(message)]
