"""WHO, and the PRESENCE events of those who watch.

In here: the profile `presence` [WHO-1 to WHO-6]. Not in here: who watches whom (`roster`).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from causerie.core.refusal import Refused
from causerie.core.requests import check_after, check_conversation, check_limit
from causerie.store.keys import key_of
from causerie.store.operations import FindPerson, Listing, Members, Person
from causerie_spec import names
from causerie_spec.codec import encode
from causerie_spec.codes import LOBBY, MAX_PAGE, PRESENCE, ErrorCode
from causerie_spec.messages import End, Message, Presence, Who

if TYPE_CHECKING:
    from causerie.core.connection import Connection
    from causerie.core.hub import Hub


def who(connection: Connection, now: float, ref: int, message: Message) -> None:
    """WHO → PRESENCE …, END; and the watch is what it says [WHO-2]."""
    assert isinstance(message, Who)
    assert connection.handle is not None
    check_conversation(message.conversation)
    check_after(message.after, names.is_handle, "a handle")
    check_limit(message.limit)
    limit = min(message.limit, MAX_PAGE)
    key = key_of(message.conversation, connection.handle)

    def listed(now: float, people: Listing[Person]) -> None:
        _answer(connection, ref, key, message.watch, people)

    def found(now: float, person: Person) -> None:
        listed(now, Listing((person,) if person.handle > message.after else (), more=False))

    if key == LOBBY:
        listed(now, _list_lobby(connection.hub, message.after, limit))
    elif key[0] == "@":
        connection.ask_or_refuse(FindPerson(message.conversation[1:]), ref, found)
    else:
        connection.ask_or_refuse(Members(key, connection.handle, message.after, limit), ref, listed)


def _list_lobby(hub: Hub, after: str, limit: int) -> Listing[Person]:
    handles = sorted(handle for handle in hub.roster.online() if handle > after)
    return Listing(tuple(Person(handle, handle, 0) for handle in handles[:limit]), more=len(handles) > limit)


def _answer(connection: Connection, ref: int, key: str, watch: bool, people: Listing[Person]) -> None:
    roster = connection.hub.roster
    if connection.handle is None:  # gone while the store was asked
        return
    roster.unwatch(connection, key)
    if watch and roster.watches(connection) >= connection.hub.limits.watches:  # [LOAD-7]
        refused = Refused(ErrorCode.LIMIT_REACHED, f"{connection.hub.limits.watches} watches are the most")
        connection.refuse(refused, ref)
        return
    if watch:
        roster.watch(connection, key)
    for person in people.items:
        connection.answer(_presence(connection.hub, person), ref)
    connection.answer(End(people.more), ref)


def _presence(hub: Hub, person: Person) -> Presence:
    if person.handle in hub.roster:
        return Presence(person.handle, hub.roster.display(person.handle), True, hub.wall_ms())
    return Presence(person.handle, person.display, False, hub.last_seen(person))


def tell(hub: Hub, now: float, watchers: Iterable[Connection], presence: Presence) -> None:
    """Tell those who watch that somebody came online or went [WHO-3, WHO-6]."""
    data = encode(presence)
    for connection in watchers:
        if PRESENCE in connection.negotiated:
            connection.event(now, data)
