"""MARK, and the RECEIPT events of those whose snapshot changed.

In here: the profile `receipts` [MARK-1 to MARK-8]. Not in here: the arithmetic of cursors (`causerie.store`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from causerie.core.connection import Connection
from causerie.core.requests import check_conversation
from causerie.store.keys import key_of, name_for
from causerie.store.operations import Mark, Snapshot
from causerie_spec.codec import encode
from causerie_spec.codes import RECEIPTS
from causerie_spec.messages import Mark as MarkRequest
from causerie_spec.messages import Message, Ok, Receipt

if TYPE_CHECKING:
    from causerie.core.hub import Hub


Causes = Mapping[str, set[Connection]]
"""Who did something, by conversation."""


def mark(connection: Connection, now: float, ref: int, message: Message) -> None:
    """MARK → OK [MARK-1]."""
    assert isinstance(message, MarkRequest)
    assert connection.handle is not None
    check_conversation(message.conversation)
    connection.hub.check_exists(message.conversation)
    key = key_of(message.conversation, connection.handle)

    def done(now: float, _: None) -> None:
        connection.answer(Ok(), ref)

    connection.ask_or_refuse(Mark(key, connection.handle, message.delivered, message.read), ref, done)


def tell(hub: Hub, now: float, causes: Callable[[], Causes], snapshots: Sequence[Snapshot]) -> None:
    """Tell members what changed, on all connections but one that alone caused it [MARK-5, MARK-7]."""
    caused: Causes | None = None
    for snapshot in snapshots:
        data = b""
        for connection in hub.roster.connections_of(snapshot.handle):
            if RECEIPTS not in connection.negotiated:
                continue
            caused = causes() if caused is None else caused
            if caused.get(snapshot.conversation) != {connection}:
                data = data or _encode(snapshot)
                connection.event(now, data)


def _encode(snapshot: Snapshot) -> bytes:
    name = name_for(snapshot.conversation, snapshot.handle)
    return encode(Receipt(name, snapshot.delivered, snapshot.read, snapshot.all_delivered, snapshot.all_read))
