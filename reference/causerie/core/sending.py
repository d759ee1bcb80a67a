"""SEND: how a message gets into a log and to its readers.

In here: the checks of SEND's fields, the request to the store, and the fan-out of what the store did. A message is
encoded once for each name that its conversation has (one, or two if it is direct); what one commit did in a
conversation is joined once, and every reader is handed the same octets.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from causerie.core.connection import Connection
from causerie.core.refusal import Refused, bad_field
from causerie.core.requests import check_conversation
from causerie.store.keys import key_of, name_for
from causerie.store.operations import Append, Appended, Result, Stored
from causerie_spec.codec import encode
from causerie_spec.codes import MAX_KIND_FROM_CLIENT, MAX_TEXT, ErrorCode
from causerie_spec.messages import Ack, ChatMessage, Message, Send

if TYPE_CHECKING:
    from causerie.core.hub import Hub


def send(connection: Connection, now: float, ref: int, message: Message) -> None:
    """SEND → ACK, when the store has it [SEND-1]."""
    assert isinstance(message, Send)
    assert connection.handle is not None
    _check_fields(message)
    hub = connection.hub
    me = connection.handle
    key = key_of(message.conversation, me)
    unless = hub.why_not(message.conversation)
    append = Append(key, me, message.txn, message.kind, message.text, unless)
    connection.pending_sends += 1
    connection.pending_octets += append.octets
    hub.ask_append(append, connection, ref)


def _check_fields(message: Send) -> None:
    check_conversation(message.conversation)
    if message.txn == 0:  # [SEND-3]
        raise bad_field("txn", "is 0")
    if message.kind > MAX_KIND_FROM_CLIENT:  # [SEND-4]
        raise bad_field("kind", f"{message.kind} is for servers; the highest is {MAX_KIND_FROM_CLIENT}")
    if not message.text:  # [SEND-6]
        raise bad_field("text", "is empty")
    if len(message.text) > MAX_TEXT // 4:  # a character has at most 4 octets
        octets = len(message.text.encode())
        if octets > MAX_TEXT:  # [SEND-7]
            raise Refused(ErrorCode.TEXT_TOO_LONG, f"the text has {octets} octets, more than {MAX_TEXT}")


Sent = tuple[Append, Connection, int, Result]
"""An append that the store answered: what was asked, by whom, with which ref, and the result."""


def deliver(hub: Hub, now: float, sent: Sequence[Sent]) -> None:
    """Queue the MESSAGEs of what one commit did, for each conversation in the order of its log."""
    by_conversation: dict[str, list[tuple[Connection, Stored]]] = {}
    for append, connection, _, result in sent:
        if isinstance(result, Appended) and not result.duplicate:
            stored = Stored(result.seq, result.timestamp, append.sender, append.txn, append.kind, append.text)
            by_conversation.setdefault(append.conversation, []).append((connection, stored))
    for key, items in by_conversation.items():
        fan_out(hub, now, key, items)


def answer(now: float, sent: Sequence[Sent]) -> None:
    """Answer the SENDs, in their order, once all that they caused is queued [REQ-7]."""
    answered: dict[Connection, None] = {}
    for append, connection, ref, result in sent:
        connection.pending_sends -= 1
        connection.pending_octets -= append.octets
        if isinstance(result, Appended):
            connection.answer(Ack(result.seq, result.timestamp, result.duplicate), ref)
        else:
            assert isinstance(result, ErrorCode)
            connection.refuse(Refused(result, result.meaning), ref)
        answered[connection] = None
    for connection in answered:
        connection.process(now)


def fan_out(hub: Hub, now: float, key: str, items: Sequence[tuple[Connection, Stored]]) -> None:
    """Queue the MESSAGEs of one conversation, for all connections of its members [MSG-3, MSG-7]."""
    causes = {connection for connection, _ in items}
    views: dict[str, list[tuple[Connection, bytes]]] = {}
    joined: dict[str, bytes] = {}
    for member in hub.roster.members(key):
        name = name_for(key, member)
        if name not in views:
            views[name] = [(cause, _encode(name, stored)) for cause, stored in items]
            joined[name] = b"".join(data for _, data in views[name])
        data = joined[name]
        for connection in hub.roster.connections_of(member):
            if connection not in causes:
                connection.event(now, data, own=False)
            elif len(causes) == 1:
                connection.event(now, data, own=True)
            else:  # who caused what decides whether a slow reader is slowed or cut off
                for cause, one in views[name]:
                    connection.event(now, one, own=cause is connection)


def _encode(name: str, stored: Stored) -> bytes:
    return encode(ChatMessage(name, stored.seq, stored.timestamp, stored.sender, stored.txn, stored.kind, stored.text))
