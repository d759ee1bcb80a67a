"""Octets of MESSAGE to what they say about the load: decoded once, however many connections of a process they reach.

In here: a memory of the last bodies read. Not in here: counting (`tally`).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Final, NamedTuple

from causerie_conformance.load.plan import Plan, Texts
from causerie_spec.codec import decode
from causerie_spec.codes import MAX_KIND_FROM_CLIENT
from causerie_spec.messages import ChatMessage

REMEMBERED: Final = 4 * 1024 * 1024
"""Octets of texts that are remembered, about."""
SENDERS: Final = 65_536
"""Senders, and conversations as they are called, that are remembered."""


class Note(NamedTuple):
    """What a MESSAGE says. ``place`` is its writer's in the conversation, or one of the numbers below 0."""

    conversation: str
    seq: int
    place: int
    number: int = 0
    at: int = 0
    slot: int = -1


FOREIGN: Final = -1
"""By somebody else."""
ALTERED: Final = -2
"""By one of ours, and not what was written."""
MISDELIVERED: Final = -3
"""By one of ours, in a conversation that it does not write to."""
NOTICE: Final = -4
"""JOINED or LEFT."""


def reader(plan: Plan) -> Callable[[bytes], Note]:
    """The function that reads a body of MESSAGE. It raises `Malformed`."""
    texts = Texts(plan)

    @lru_cache(maxsize=SENDERS)
    def place_of(number: int, conversation: str) -> int:
        return plan.place(number, conversation) if plan.belongs(number, conversation) else MISDELIVERED

    @lru_cache(maxsize=SENDERS)
    def number_of(sender: str) -> int:
        return plan.number(sender)

    @lru_cache(maxsize=max(64, REMEMBERED // plan.size))
    def read(body: bytes) -> Note:
        message = decode(ChatMessage.TYPE, body)
        assert isinstance(message, ChatMessage)
        conversation, seq = message.conversation, message.seq
        if message.kind > MAX_KIND_FROM_CLIENT:
            return Note(conversation, seq, NOTICE)
        number = number_of(message.sender)
        if number < 0:
            return Note(conversation, seq, FOREIGN)
        place = place_of(number, conversation)
        if place < 0:
            return Note(conversation, seq, place)
        written = texts.read(message.text)
        if written is None:
            return Note(conversation, seq, ALTERED)
        return Note(conversation, seq, place, *written, plan.slot_of(written[1]))

    return read
