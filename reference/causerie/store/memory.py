"""The store that forgets everything when the process ends; so each start is a new epoch.

In here: tables in memory, and the store over them. What it holds is bounded by `Keep.count` messages of each
conversation. Without history it holds no message at all: a log is a counter (whose numbers go on [MSG-9]), and a
reservation lasts while its handle is online.
"""

import secrets
from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice

from causerie.store.archive import Archive, Keep
from causerie.store.conversation import Conversation, Cursors
from causerie.store.keys import name_for
from causerie.store.operations import Operation, Result, Room, ScramKeys, Stored
from causerie.store.tables import PersonRow
from causerie_spec.codes import LOBBY

KEEP = Keep(count=10_000)
"""What a memory store keeps if nobody says otherwise: memory must not grow with history."""


class _Log:
    """A conversation's messages, without gaps."""

    __slots__ = ("base", "messages", "txns")

    def __init__(self, base: int) -> None:
        self.base = base
        """The seq of the first of `messages`."""
        self.messages: list[Stored] = []
        self.txns: dict[tuple[str, int], Stored] = {}


class MemoryTables:
    """The rows, as the objects that the archive works on: `save` and `save_cursors` find them saved."""

    def __init__(self) -> None:
        self._conversations: dict[str, Conversation] = {}
        self._logs: dict[str, _Log] = {}
        self._people: dict[str, PersonRow] = {}
        self._accounts: dict[str, ScramKeys] = {}
        self._names: dict[str, dict[str, str]] = {}
        """The keys of a handle's conversations, by the names that it has for them."""
        self._lobby: dict[str, Cursors] = {}

    def conversation(self, key: str) -> Conversation | None:
        """See `Tables`."""
        return self._conversations.get(key)

    def save(self, conversation: Conversation) -> None:
        """See `Tables`."""
        if not conversation.row:
            self._conversations[conversation.key] = conversation
            conversation.row = len(self._conversations)

    def lobby_cursors(self, lobby: Conversation, handle: str) -> Cursors | None:
        """See `Tables`."""
        return self._lobby.get(handle)

    def save_cursors(self, conversation: Conversation, handle: str, cursors: Cursors) -> None:
        """See `Tables`."""
        if conversation.key == LOBBY:
            self._lobby[handle] = cursors
        self._names.setdefault(handle, {})[name_for(conversation.key, handle)] = conversation.key

    def remove_cursors(self, conversation: Conversation, handle: str) -> None:
        """See `Tables`."""
        if conversation.key == LOBBY:
            self._lobby.pop(handle, None)
        self._names.get(handle, {}).pop(name_for(conversation.key, handle), None)

    def memberships(self, handle: str, after: str, limit: int) -> Sequence[str]:
        """See `Tables`."""
        names = self._names.get(handle, {})
        return [names[name] for name in sorted(name for name in names if name > after)[:limit]]

    def rooms_of(self, handle: str) -> Sequence[str]:
        """See `Tables`."""
        return [key for key in self._names.get(handle, ()) if key[0] == "#" and key != LOBBY]

    def rooms(self, after: str, limit: int) -> Sequence[Room]:
        """See `Tables`."""
        keys = sorted(key for key, each in self._conversations.items() if each.is_room and each.cursors and key > after)
        return [Room(key, len(self._conversations[key].cursors)) for key in keys[:limit]]

    def append(self, conversation: Conversation, message: Stored) -> None:
        """See `Tables`."""
        log = self._logs.get(conversation.key)
        if log is None:
            log = self._logs[conversation.key] = _Log(message.seq)
        log.messages.append(message)
        if message.txn:
            log.txns[message.sender, message.txn] = message

    def find_txn(self, conversation: Conversation, sender: str, txn: int) -> Stored | None:
        """See `Tables`."""
        log = self._logs.get(conversation.key)
        return None if log is None else log.txns.get((sender, txn))

    def read(self, conversation: Conversation, first: int, last: int) -> Iterable[Stored]:
        """See `Tables`."""
        log = self._logs.get(conversation.key)
        return () if log is None else log.messages[max(0, first - log.base) : max(0, last + 1 - log.base)]

    def sizes(self, conversation: Conversation, first: int, last: int, backwards: bool) -> Iterable[int]:
        """See `Tables`."""
        log = self._logs.get(conversation.key)
        if log is None:
            return
        for seq in range(last, first - 1, -1) if backwards else range(first, last + 1):
            yield len(log.messages[seq - log.base].text.encode())

    def timestamp(self, conversation: Conversation, seq: int) -> int:
        """See `Tables`."""
        log = self._logs[conversation.key]
        return log.messages[seq - log.base].timestamp

    def first_since(self, conversation: Conversation, time: int) -> int:
        """See `Tables`."""
        log = self._logs[conversation.key]
        return log.base + bisect_left(
            log.messages, time, lo=conversation.first - log.base, key=lambda message: message.timestamp
        )

    def older_than(self, time: int, limit: int) -> Sequence[str]:
        """See `Tables`."""
        old = (key for key, each in self._conversations.items() if 0 < each.oldest < time and each.first <= each.head)
        return list(islice(old, limit))

    def remove_below(self, conversation: Conversation, seq: int) -> None:
        """See `Tables`."""
        log = self._logs[conversation.key]
        dead = seq - log.base
        for message in log.messages[:dead]:
            log.txns.pop((message.sender, message.txn), None)
        del log.messages[:dead]
        log.base = seq

    def person(self, handle: str) -> PersonRow | None:
        """See `Tables`."""
        return self._people.get(handle)

    def save_person(self, person: PersonRow) -> None:
        """See `Tables`."""
        self._people[person.handle] = person

    def remove_person(self, handle: str) -> None:
        """See `Tables`."""
        self._people.pop(handle, None)

    def account(self, handle: str) -> ScramKeys | None:
        """See `Tables`."""
        return self._accounts.get(handle)

    def accounts(self) -> Mapping[str, ScramKeys]:
        """See `Accounts`."""
        return dict(self._accounts)

    def put_account(self, handle: str, keys: ScramKeys) -> None:
        """See `Accounts`."""
        self._accounts[handle] = keys
        if handle in self._people:
            self._people[handle].digest = None

    def remove_account(self, handle: str) -> bool:
        """See `Accounts`."""
        if handle not in self._people:
            self._people[handle] = PersonRow(handle, None, handle, 0)
        return self._accounts.pop(handle, None) is not None


class MemoryStore(MemoryTables):
    """A store in memory, and its accounts.

    *wall_ms* tells the time in ms since the Unix epoch; *epoch* is a number that no earlier start used.
    """

    name = "memory"

    def __init__(
        self, wall_ms: Callable[[], int], epoch: int, *, history: bool = True, keep: Keep | None = None
    ) -> None:
        super().__init__()
        self.epoch = epoch
        self.capabilities = frozenset({"history"}) if history else frozenset[str]()
        self.secret = secrets.token_bytes(32)
        self.archive = Archive(self, wall_ms, history=history, keep=keep or KEEP)

    def commit(self, operations: Sequence[Operation]) -> list[Result]:
        """See `Store`."""
        self.archive.begin()
        apply = self.archive.apply
        results = [apply(operation) for operation in operations]
        self.archive.flush()
        return results

    def close(self) -> None:
        """See `Store`."""
