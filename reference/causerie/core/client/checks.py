"""What no server would take is refused before it is sent: conversations, kinds, texts, rooms.

In here: pure checks, for the core and for shells that want to say so at once. Each reason is a template and its values,
which a shell may look up in the user's language.
"""

from __future__ import annotations

from causerie.core.client.errors import NotSendable
from causerie_spec import codes
from causerie_spec.names import is_conversation


def check_sendable(conversation: str, text: str, kind: int = codes.Kind.TEXT) -> None:
    """Raise `NotSendable` for what every server would refuse: conversation form, kind, length of text [SEND-7]."""
    if not is_conversation(conversation):
        raise NotSendable("{conversation!r} is no conversation: write #room or @handle", conversation=conversation)
    if not 0 <= kind <= codes.MAX_KIND_FROM_CLIENT:
        raise NotSendable("kind {kind} is not for clients", kind=kind)
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        raise NotSendable("the text holds half a character, which UTF-8 cannot carry") from None
    if not 1 <= size <= codes.MAX_TEXT:
        raise NotSendable("a text has 1 to {most} octets, this one has {size}", most=codes.MAX_TEXT, size=size)


def check_room(conversation: str) -> None:
    """Raise `NotSendable` for what nobody can join or leave [LOBBY-2, ROOM-9]."""
    if not is_conversation(conversation) or conversation[0] != "#" or conversation == codes.LOBBY:
        raise NotSendable("{conversation!r} is no room to join or leave: write #room", conversation=conversation)
