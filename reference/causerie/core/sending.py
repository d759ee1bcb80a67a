"""SEND: how a message gets into a log and to its readers.

In here: the checks of SEND's fields, the request to the store, and the fan-out of what the store did. A message is
encoded once for each name that its conversation has (one, or two if it is direct); what one commit did in a
conversation is joined once, and every reader is handed the same octets.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from causerie.core.connection import Connection, refusal
from causerie.core.refusal import Refused, bad_field
from causerie.core.requests import check_conversation
from causerie.store.keys import key_of, name_for
from causerie.store.operations import Append, Duplicate, Result, Stored
from causerie_spec.codec import encode, packer
from causerie_spec.codes import MAX_KIND_FROM_CLIENT, MAX_TEXT, ErrorCode
from causerie_spec.messages import Ack, ChatMessage, Message, Send

if TYPE_CHECKING:
    from causerie.core.hub import Hub

pack_message = packer(ChatMessage)
pack_ack = packer(Ack)


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
    by_conversation: defaultdict[str, list[tuple[Connection, Stored]]] = defaultdict(list)
    for append, connection, _, result in sent:
        if isinstance(result, Stored):
            by_conversation[append.conversation].append((connection, result))
    for key, items in by_conversation.items():
        fan_out(hub, now, key, items)


def answer(now: float, sent: Sequence[Sent]) -> None:
    """Answer the SENDs, in their order, once all that they caused is queued [REQ-7]."""
    answers: defaultdict[Connection, list[bytes]] = defaultdict(list)
    for append, connection, ref, result in sent:
        connection.pending_octets -= append.octets
        answers[connection].append(_answer(ref, result))
    for connection, frames in answers.items():
        connection.pending_sends -= len(frames)
        connection.put(b"".join(frames))
    for connection in answers:
        connection.process(now)


def _answer(ref: int, result: Result) -> bytes:
    if isinstance(result, Stored):
        return pack_ack(ref, result.seq, result.timestamp, False)
    if isinstance(result, Duplicate):
        return pack_ack(ref, result.message.seq, result.message.timestamp, True)
    assert isinstance(result, ErrorCode)
    return encode(refusal(Refused(result, result.meaning)), ref)


def fan_out(hub: Hub, now: float, key: str, items: Sequence[tuple[Connection, Stored]]) -> None:
    """Queue the MESSAGEs of one conversation, for all connections of its members [MSG-3, MSG-7]."""
    views: dict[str, tuple[bytes, Mapping[Connection, int]]] = {}
    for member in hub.roster.members(key):
        name = name_for(key, member)
        if name not in views:
            views[name] = _view(name, items)
        data, own = views[name]
        for connection in hub.roster.connections_of(member):
            connection.event(now, data, own.get(connection, 0))


def _view(name: str, items: Sequence[tuple[Connection, Stored]]) -> tuple[bytes, Mapping[Connection, int]]:
    """The MESSAGEs for those who call the conversation so, and how many octets of them each connection caused.

    Who caused what decides whether a slow reader is slowed or cut off.
    """
    frames = [pack_message(0, name, *message) for _, message in items]
    own: defaultdict[Connection, int] = defaultdict(int)
    for (cause, _), frame in zip(items, frames, strict=True):
        own[cause] += len(frame)
    return b"".join(frames), own
