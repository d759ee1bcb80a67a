"""The server that the suite plays: its logs, and the everyday answers that a client may ask of any server.

In here: conversations as the client under test sees them, HISTORY and the lists, PONG. Not in here: connections
(`visitor`), login (`stage`), and whatever a case does on purpose.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Iterator

from causerie_spec.codes import LOBBY, MAX_PAGE, ErrorCode, Kind
from causerie_spec.messages import (
    ChatMessage,
    Compose,
    Conversation,
    Conversations,
    End,
    Error,
    History,
    Join,
    Leave,
    Mark,
    Message,
    Ok,
    Ping,
    Pong,
    Presence,
    Room,
    Rooms,
    Send,
    Who,
)


def now() -> int:
    """The server's clock, in milliseconds."""
    return time.time_ns() // 1_000_000


class House:
    """Logs by conversation; a conversation is named as the client calls it. ``first`` is what retention left."""

    def __init__(self, handle: str) -> None:
        self.handle = handle
        self.epoch = secrets.randbits(63)
        self.logs: dict[str, list[ChatMessage]] = {LOBBY: []}
        self.first: dict[str, int] = {}
        self.page = MAX_PAGE
        self._lock = threading.Lock()

    def forget(self) -> None:
        """Begin a new epoch: all logs are empty."""
        self.epoch += 1
        self.logs = {LOBBY: []}
        self.first = {}

    def head(self, conversation: str) -> int:
        """The seq of the newest message, 0 if there is none."""
        log = self.logs.get(conversation, [])
        return log[-1].seq if log else 0

    def store(self, conversation: str, sender: str, text: str, *, txn: int = 0, kind: int = Kind.TEXT) -> ChatMessage:
        """Put a message into a log."""
        with self._lock:
            log = self.logs.setdefault(conversation, [])
            txn = txn or secrets.randbits(64) or 1
            message = ChatMessage(conversation, self.head(conversation) + 1, now(), sender, txn, kind, text)
            log.append(message)
            return message

    def take(self, send: Send) -> tuple[ChatMessage, bool]:
        """What becomes of a SEND: its message, and whether it was there already ([TXN-1])."""
        for message in self.logs.get(send.conversation, []):
            if message.sender == self.handle and message.txn == send.txn:
                return message, True
        return self.store(send.conversation, self.handle, send.text, txn=send.txn, kind=send.kind), False

    def answer(self, request: Message) -> Iterator[Message] | None:
        """The answer to an everyday request, all its frames; None if this is not one."""
        if isinstance(request, Ping):
            return iter([Pong(request.token)])
        if isinstance(request, Mark):
            return iter([Ok()])
        if isinstance(request, Compose):
            return iter([])  # never answered [TYPE-2]
        if isinstance(request, History):
            return self._history(request)
        if isinstance(request, Conversations):
            return self._conversations(request)
        if isinstance(request, Rooms):
            rooms = [] if request.after >= LOBBY else [Room(LOBBY, 2)]
            return iter([*rooms, End(False)])
        if isinstance(request, Who):
            there = [] if request.after >= self.handle else [Presence(self.handle, self.handle, True, now())]
            return iter([*there, End(False)])
        if isinstance(request, Join):
            self.store(request.conversation, self.handle, "", kind=Kind.JOINED)
            return iter([self._conversation(request.conversation)])
        if isinstance(request, Leave):
            return iter([Ok()])
        return None

    def _history(self, request: History) -> Iterator[Message]:
        log = self.logs.get(request.conversation)
        if log is None and request.conversation.startswith("#"):
            yield Error(ErrorCode.NO_SUCH_CONVERSATION, 0, "there is no such room")
            return
        first = self.first.get(request.conversation, 1)
        kept = [message for message in log or [] if message.seq >= first]
        limit = min(request.limit, self.page)
        if request.direction == 0:
            there = [message for message in kept if message.seq > request.anchor]
            yield from there[:limit]
        else:
            there = [message for message in kept if message.seq < request.anchor]
            yield from there[-limit:]
        yield End(len(there) > limit)

    def _conversation(self, name: str) -> Conversation:
        head = self.head(name)
        return Conversation(name, self.first.get(name, 1) if head else 1, head, 2, 0, 0, 0, 0)

    def _conversations(self, request: Conversations) -> Iterator[Message]:
        names = sorted(name for name in self.logs if name > request.after)
        limit = min(request.limit, self.page)
        for name in names[:limit]:
            yield self._conversation(name)
        yield End(len(names) > limit)
