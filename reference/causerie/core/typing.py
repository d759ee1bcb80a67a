"""COMPOSE: who is typing.

In here: the profile `typing` [TYPE-1 to TYPE-3]. Nothing of it is stored, and every refusal is silent.
"""

from causerie.core.connection import Connection
from causerie.store.keys import key_of, name_for
from causerie.store.operations import FindPerson, Person, Result
from causerie_spec import names
from causerie_spec.codec import encode
from causerie_spec.codes import TYPING
from causerie_spec.messages import Compose, Composing, Message


def compose(connection: Connection, now: float, ref: int, message: Message) -> None:
    """COMPOSE → COMPOSING to the members' connections, but this one; never answered [TYPE-2]."""
    assert isinstance(message, Compose)
    me, name, roster = connection.handle, message.conversation, connection.hub.roster
    assert me is not None
    if not names.is_conversation(name) or not roster.is_member(me, key_of(name, me)):
        return
    if name[0] == "#" or name[1:] in roster:
        _relay(connection, now, me, message)
        return

    def found(now: float, result: Result) -> None:
        if isinstance(result, Person):  # one's own other connections hear of it
            _relay(connection, now, me, message)

    connection.ask(FindPerson(name[1:]), found)


def _relay(connection: Connection, now: float, me: str, message: Compose) -> None:
    roster = connection.hub.roster
    key = key_of(message.conversation, me)
    for member in roster.members(key):
        data = encode(Composing(name_for(key, member), me, message.active))
        for other in roster.connections_of(member):
            if other is not connection and TYPING in other.negotiated:
                other.event(now, data)
