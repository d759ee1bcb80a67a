"""JOIN, LEAVE and the lists of rooms and conversations.

In here: the profile `rooms`, and CONVERSATIONS of `history` [ROOM-1 to ROOM-10, LIST-1, LIST-2]. Not in here: members
and logs (`causerie.store`).
"""

from __future__ import annotations

from causerie.core.connection import Connection
from causerie.core.refusal import bad_field
from causerie.core.requests import check_after, check_limit
from causerie.core.sending import fan_out
from causerie.store.operations import (
    Conversations,
    Join,
    Joined,
    Leave,
    Left,
    Listing,
    Room,
    Rooms,
    Summary,
)
from causerie_spec import names
from causerie_spec.codes import LOBBY, MAX_PAGE
from causerie_spec.messages import Conversation, End, Message, Ok
from causerie_spec.messages import Conversations as ConversationsRequest
from causerie_spec.messages import Join as JoinRequest
from causerie_spec.messages import Leave as LeaveRequest
from causerie_spec.messages import Room as RoomItem
from causerie_spec.messages import Rooms as RoomsRequest


def join(connection: Connection, now: float, ref: int, message: Message) -> None:
    """JOIN → CONVERSATION, then JOINED to all members, the joiner too [ROOM-1 to ROOM-4]."""
    assert isinstance(message, JoinRequest)
    me, room, hub = connection.handle, message.conversation, connection.hub
    assert me is not None
    _check_room(room)

    def done(now: float, result: Joined) -> None:
        connection.answer(_conversation(connection, result.summary), ref)
        if result.message is not None:
            hub.roster.join(me, room)
            fan_out(hub, now, room, [(connection, result.message)])

    connection.ask_or_refuse(Join(room, me), ref, done)


def leave(connection: Connection, now: float, ref: int, message: Message) -> None:
    """LEAVE → LEFT to all members, the leaver too, then OK [ROOM-5]."""
    assert isinstance(message, LeaveRequest)
    me, room, hub = connection.handle, message.conversation, connection.hub
    assert me is not None
    _check_room(room)

    def done(now: float, result: Left) -> None:
        fan_out(hub, now, room, [(connection, result.message)])
        hub.roster.leave(me, room)
        connection.answer(Ok(), ref)

    connection.ask_or_refuse(Leave(room, me), ref, done)


def _check_room(name: str) -> None:
    if not names.is_conversation(name) or name[0] != "#" or name == LOBBY:  # [LOBBY-2, ROOM-9]
        raise bad_field("conversation", "is not a room: # and 1 to 32 of a-z 0-9 _ . -, other than #lobby")


def conversations(connection: Connection, now: float, ref: int, message: Message) -> None:
    """CONVERSATIONS → CONVERSATION …, END [LIST-2]."""
    assert isinstance(message, ConversationsRequest)
    assert connection.handle is not None
    check_after(message.after, names.is_conversation, "a conversation")
    check_limit(message.limit)

    def done(now: float, result: Listing[Summary]) -> None:
        for summary in result.items:
            connection.answer(_conversation(connection, summary), ref)
        connection.answer(End(result.more), ref)

    operation = Conversations(connection.handle, message.after, min(message.limit, MAX_PAGE))
    connection.ask_or_refuse(operation, ref, done)


def rooms(connection: Connection, now: float, ref: int, message: Message) -> None:
    """ROOMS → ROOM …, END: `#lobby`, and the rooms that have members [ROOM-10]."""
    assert isinstance(message, RoomsRequest)
    check_after(message.after, names.is_conversation, "a conversation")
    check_limit(message.limit)
    limit = min(message.limit, MAX_PAGE)

    def done(now: float, result: Listing[Room]) -> None:
        found, more = list(result.items), result.more
        last = found[-1].conversation if more else None
        if message.after < LOBBY and (last is None or last > LOBBY):
            found = sorted([*found, Room(LOBBY, len(connection.hub.roster))], key=lambda room: room.conversation)
            more = more or len(found) > limit
        for room in found[:limit]:
            connection.answer(RoomItem(room.conversation, room.members), ref)
        connection.answer(End(more), ref)

    connection.ask_or_refuse(Rooms(message.after, limit), ref, done)


def _conversation(connection: Connection, summary: Summary) -> Conversation:
    """As CONVERSATION says it: of the lobby the hub knows the members."""
    members = len(connection.hub.roster) if summary.conversation == LOBBY else summary.members
    return Conversation(
        summary.conversation,
        summary.first,
        summary.head,
        members,
        summary.delivered,
        summary.read,
        summary.all_delivered,
        summary.all_read,
    )
