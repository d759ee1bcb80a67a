"""HISTORY: pages of a log, made only as fast as their reader takes them.

In here: one streamed answer, from the page that the store finds to END [HIST-1 to HIST-6]. Not in here: which
messages a page holds (`causerie.store`).
"""

from collections.abc import Sequence

from causerie.core.connection import Connection
from causerie.core.refusal import bad_field
from causerie.core.requests import check_conversation, check_limit
from causerie.store.keys import key_of
from causerie.store.operations import FindPage, Page, Read, Stored
from causerie_spec.codec import packer
from causerie_spec.codes import MAX_PAGE, Direction
from causerie_spec.messages import ChatMessage, End, History, Message

pack_message = packer(ChatMessage)


def history(connection: Connection, now: float, ref: int, message: Message) -> None:
    """HISTORY → MESSAGE …, END."""
    assert isinstance(message, History)
    assert connection.handle is not None
    check_conversation(message.conversation)
    if message.direction not in tuple(Direction):  # [HIST-4]
        raise bad_field("direction", f"{message.direction} is neither 0 (after) nor 1 (before)")
    check_limit(message.limit)
    connection.hub.check_exists(message.conversation)
    key = key_of(message.conversation, connection.handle)

    def done(now: float, page: Page) -> None:
        _Answer(connection, ref, key, message.conversation, page).go_on(now)

    before = message.direction == Direction.BEFORE
    operation = FindPage(key, connection.handle, before, message.anchor, min(message.limit, MAX_PAGE))
    connection.ask_or_refuse(operation, ref, done)


class _Answer:
    """One answer under way."""

    def __init__(self, connection: Connection, ref: int, key: str, name: str, page: Page) -> None:
        self._connection = connection
        self._ref = ref
        self._key = key
        self._name = name
        self._page = page
        self._next = page.first

    def go_on(self, now: float) -> None:
        """The reader took what it was sent: read the next piece, if there is one."""
        if self._next > self._page.last:
            self._connection.answer(End(self._page.more), self._ref)
        else:
            octets = self._connection.hub.limits.history_octets
            read = Read(self._key, self._next, self._page.last, octets)
            self._connection.ask_or_refuse(read, self._ref, self._came)

    def _came(self, now: float, result: Sequence[Stored]) -> None:
        self._connection.put(b"".join([pack_message(self._ref, self._name, *item) for item in result]))
        self._next = result[-1].seq + 1 if result else self._page.last + 1  # nothing: retention was faster
        self._connection.when_read(self.go_on)
