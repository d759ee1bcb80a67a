"""COMPOSE: who is typing.

In here: the profile `typing` [TYPE-1 to TYPE-3]. Nothing of it is stored, and every refusal is silent.
"""

from causerie.core.connection import Connection
from causerie.store.keys import key_of, name_for
from causerie_spec import names
from causerie_spec.codec import encode
from causerie_spec.codes import TYPING
from causerie_spec.messages import Compose, Composing, Message


def compose(connection: Connection, now: float, ref: int, message: Message) -> None:
    """COMPOSE → COMPOSING to the members' connections, but this one; never answered [TYPE-2]."""
    assert isinstance(message, Compose)
    me, roster = connection.handle, connection.hub.roster
    assert me is not None
    if not names.is_conversation(message.conversation):
        return
    key = key_of(message.conversation, me)
    if not roster.is_member(me, key):
        return
    for member in roster.members(key):
        data = encode(Composing(name_for(key, member), me, message.active))
        for other in roster.connections_of(member):
            if other is not connection and TYPING in other.negotiated:
                other.event(now, data, own=False)
