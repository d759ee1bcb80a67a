"""What every store does: logs, txn memory, membership, cursors, pages and lists, reservations.

In here: what each operation does, once, for all tables; no I/O but through `Tables`, and no time but *wall_ms*. Not in
here: where rows are (`memory`, `sqlite`), who is online, who is told what (`causerie.core`).

An archive works on `Conversation` objects, which it takes from the tables when they are first needed and keeps while
there are not too many. `flush` hands what changed back to the tables, at the end of each batch.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from causerie.store.conversation import Conversation, Cursors, Lowest
from causerie.store.keys import handles_of, name_for
from causerie.store.operations import (
    Append,
    Conversations,
    Credentials,
    Duplicate,
    Enter,
    Entered,
    Exit,
    FindPage,
    FindPerson,
    Join,
    Joined,
    Leave,
    Left,
    Listing,
    Mark,
    Members,
    Operation,
    Page,
    Person,
    Read,
    Result,
    Rooms,
    ScramKeys,
    Settle,
    Settled,
    Snapshot,
    Stored,
    Summary,
)
from causerie.store.tables import PersonRow, Tables
from causerie_spec.codes import LOBBY, MAX_PAGE_OCTETS, MIN_ROOMS_PER_HANDLE, ErrorCode, Kind

MAX_ROOMS: Final = 10 * MIN_ROOMS_PER_HANDLE
"""Rooms that a handle may be in [LOAD-7]."""
_new_stored: Final = tuple.__new__  # NamedTuple's own is a Python function: twice the time
_ITEM_OCTETS: Final = 64
"""Of a history item, about, besides its text."""
_MAX_CACHED: Final = 4_096
"""Conversations kept between batches."""
_PURGE: Final = 256
"""Messages that nobody can read any more, about, that are removed at a time."""
_SWEEP_MS: Final = 60_000
"""Between two looks for messages that are too old."""
_SWEEP_CONVERSATIONS: Final = 64
"""Looked at in one sweep: a batch must not take long."""


@dataclass(frozen=True, slots=True)
class Keep:
    """How much of each log is kept; None: all."""

    days: float | None = None
    count: int | None = None
    """Messages of a conversation."""


class Archive:
    """The state of all conversations.

    *history* False: logs are counters, and reservations and txns are not remembered.
    """

    def __init__(
        self, tables: Tables, wall_ms: Callable[[], int], *, history: bool = True, keep: Keep | None = None
    ) -> None:
        self._tables = tables
        self._wall_ms = wall_ms
        self._history = history
        self._keep = keep or Keep()
        self._now = wall_ms()
        self._swept = 0
        self._conversations: dict[str, Conversation] = {}
        self._changed: dict[Conversation, None] = {}
        self._moved: dict[tuple[Conversation, str], Cursors] = {}
        # Since the last Settle:
        self._before: dict[Conversation, Lowest] = {}
        self._marked: dict[Conversation, set[str]] = {}
        self._begun: dict[Conversation, set[str]] = {}

    # What stores do.

    def begin(self) -> None:
        """A batch begins."""
        self._now = self._wall_ms()
        if self.is_sweep_due():
            assert self._keep.days is not None
            self._sweep(self._now - int(self._keep.days * 86_400_000))

    def is_sweep_due(self) -> bool:
        """Will the next batch remove what is too old?"""
        return self._keep.days is not None and self._wall_ms() - self._swept >= _SWEEP_MS

    def apply(self, operation: Operation) -> Result:
        """Do one operation."""
        return _DO[type(operation)](self, operation)

    def flush(self) -> None:
        """Hand what the batch changed to the tables."""
        for conversation in self._changed:
            self._keep_count(conversation)
            self._tables.save(conversation)
        for (conversation, handle), cursors in self._moved.items():
            self._tables.save_cursors(conversation, handle, cursors)
        self._changed.clear()
        self._moved.clear()
        lobby = self._conversations.get(LOBBY)
        if lobby is not None and len(lobby.cursors) > _MAX_CACHED:
            lobby.cursors.clear()
        if len(self._conversations) > _MAX_CACHED:
            self._conversations.clear()

    def forget(self) -> None:
        """The batch was undone in the tables: know nothing but what is in them."""
        for cache in (self._conversations, self._changed, self._moved, self._before, self._marked, self._begun):
            cache.clear()

    # Conversations.

    def _find(self, key: str) -> Conversation:
        """A conversation; of one that there is not, an empty one that is not `known`."""
        conversation = self._conversations.get(key)
        if conversation is None:
            found = self._tables.conversation(key)
            conversation = found or Conversation(key)
            conversation.known = found is not None or key == LOBBY
            self._conversations[key] = conversation
        if not conversation.known and key[0] == "@":
            conversation.known = all(self._is_known(handle) for handle in handles_of(key))
        return conversation

    def _is_known(self, handle: str) -> bool:
        return self._tables.person(handle) is not None or self._tables.account(handle) is not None

    def _why_not(self, conversation: Conversation, handle: str) -> ErrorCode | None:
        """What keeps a handle from using a conversation [NAME-4, ROOM-6]."""
        if not conversation.known:
            return ErrorCode.NO_SUCH_CONVERSATION
        if conversation.is_room and handle not in conversation.cursors:
            return ErrorCode.NOT_A_MEMBER
        return None

    def _cursors(self, conversation: Conversation, handle: str) -> Cursors:
        """A member's. (In the lobby, of somebody who logged in.)"""
        cursors = conversation.cursors.get(handle)
        if cursors is None:
            cursors = self._tables.lobby_cursors(conversation, handle) or Cursors()
            conversation.cursors[handle] = cursors
        return cursors

    def _touch(self, conversation: Conversation) -> None:
        """It is about to change: remember what Settle compares with."""
        if conversation not in self._before:
            self._before[conversation] = conversation.lowest()
        self._changed[conversation] = None

    # Messages.

    def _append(self, append: Append) -> Result:
        conversation = self._conversations.get(append.conversation)
        if conversation is None or not conversation.known:
            conversation = self._find(append.conversation)
        if self._history and conversation.head:
            known = self._tables.find_txn(conversation, append.sender, append.txn)
            if known is not None and known.seq >= conversation.first:
                same = known.kind == append.kind and known.text == append.text
                return Duplicate(known) if same else ErrorCode.TXN_CONFLICT
        why_not = append.unless or self._why_not(conversation, append.sender)
        if why_not is not None:
            return why_not
        return self._write(conversation, append.sender, append.txn, append.kind, append.text)

    def _write(self, conversation: Conversation, sender: str, txn: int, kind: int, text: str) -> Stored:
        """Append, and move the sender's cursors: to write is to have read [MARK-2]."""
        self._touch(conversation)
        if not conversation.row:
            self._make(conversation)
        conversation.head = seq = conversation.head + 1
        timestamp = self._now
        if timestamp > conversation.timestamp:
            conversation.timestamp = timestamp
        else:  # a clock that goes back does not take timestamps with it [MSG-2]
            timestamp = conversation.timestamp
        message = _new_stored(Stored, (seq, timestamp, sender, txn, kind, text))
        if self._history:
            self._tables.append(conversation, message)
        else:
            conversation.first = seq + 1
        if conversation.first == seq:
            conversation.oldest = timestamp
        cursors = conversation.cursors.get(sender)
        if cursors is None and txn:
            cursors = self._cursors(conversation, sender)
        if cursors is not None:
            conversation.wrote(cursors)
            self._moved[conversation, sender] = cursors
        return message

    def _make(self, conversation: Conversation) -> None:
        conversation.known = True
        self._tables.save(conversation)
        for handle, cursors in conversation.cursors.items():  # of a direct one, both
            self._moved[conversation, handle] = cursors

    def _find_page(self, find: FindPage) -> Result:
        conversation = self._find(find.conversation)
        why_not = self._why_not(conversation, find.handle)
        if why_not is not None:
            return why_not
        if find.before:
            first, last = conversation.first, min(find.anchor - 1, conversation.head)
        else:
            first, last = max(min(find.anchor, conversation.head) + 1, conversation.first), conversation.head
        count = self._fitting(self._tables.sizes(conversation, first, last, find.before), find.limit)
        if count == 0:
            return Page(first, first - 1, more=False)
        if find.before:
            return Page(last - count + 1, last, more=last - count >= first)
        return Page(first, first + count - 1, more=first + count <= last)

    @staticmethod
    def _fitting(sizes: Iterable[int], limit: int) -> int:
        """How many messages go into one answer: one at least [HIST-2]."""
        octets = count = 0
        for size in sizes:
            octets += size + _ITEM_OCTETS
            if count == limit or (count and octets > MAX_PAGE_OCTETS):
                break
            count += 1
        return count

    def _read(self, read: Read) -> Result:
        conversation = self._find(read.conversation)
        octets = 0
        messages = []
        for message in self._tables.read(conversation, max(read.first, conversation.first), read.last):
            messages.append(message)
            octets += _ITEM_OCTETS + len(message.text) * (1 if message.text.isascii() else 4)
            if octets >= read.octets:
                break
        return tuple(messages)

    # Retention.

    def _keep_count(self, conversation: Conversation) -> None:
        count = self._keep.count
        if count is not None and conversation.head - conversation.first >= count:
            self._forget_below(conversation, conversation.head - count + 1)

    def _forget_below(self, conversation: Conversation, seq: int) -> None:
        old, conversation.first = conversation.first, seq
        if self._keep.days is not None:
            conversation.oldest = 0 if seq > conversation.head else self._tables.timestamp(conversation, seq)
        if seq // _PURGE != old // _PURGE or seq > conversation.head:
            self._tables.remove_below(conversation, seq)
        self._changed[conversation] = None

    def _sweep(self, time: int) -> None:
        keys = self._tables.older_than(time, _SWEEP_CONVERSATIONS)
        for key in keys:
            conversation = self._find(key)
            self._forget_below(conversation, self._tables.first_since(conversation, time))
        if len(keys) < _SWEEP_CONVERSATIONS:
            self._swept = self._now

    # Rooms.

    def _join(self, join: Join) -> Result:
        room = self._find(join.conversation)
        if join.handle in room.cursors:
            return Joined(self._summary(room, join.handle), None)
        self.flush()  # it may be in rooms since this batch
        if len(self._tables.rooms_of(join.handle)) >= MAX_ROOMS:
            return ErrorCode.LIMIT_REACHED
        message = self._write(room, join.handle, 0, Kind.JOINED, "")
        cursors = Cursors(room.head, room.head)  # [MARK-3]
        room.begin(join.handle, cursors)
        self._moved[room, join.handle] = cursors
        self._begun.setdefault(room, set()).add(join.handle)
        return Joined(self._summary(room, join.handle), message)

    def _leave(self, leave: Leave) -> Result:
        room = self._find(leave.conversation)
        why_not = self._why_not(room, leave.handle)
        if why_not is not None:
            return why_not
        self._touch(room)
        room.end(leave.handle)
        self._moved.pop((room, leave.handle), None)
        self._tables.remove_cursors(room, leave.handle)
        return Left(self._write(room, leave.handle, 0, Kind.LEFT, ""))

    # Cursors.

    def _mark(self, mark: Mark) -> Result:
        conversation = self._find(mark.conversation)
        why_not = self._why_not(conversation, mark.handle)
        if why_not is not None:
            return why_not
        cursors = self._cursors(conversation, mark.handle)
        if conversation not in self._before:
            self._before[conversation] = conversation.lowest()
        if conversation.move(cursors, mark.delivered, mark.read):
            self._moved[conversation, mark.handle] = cursors
            self._marked.setdefault(conversation, set()).add(mark.handle)
        return None

    def _settle(self, _: Settle) -> Result:
        snapshots: list[Snapshot] = []
        for conversation, before in self._before.items():
            lowest = conversation.lowest()
            if lowest != before:
                told: Iterable[str] = conversation.cursors.keys() - self._begun.get(conversation, set())
            else:
                told = self._marked.get(conversation, ())
            for handle in told:
                cursors = conversation.cursors.get(handle)
                if cursors is not None:
                    snapshots.append(Snapshot(conversation.key, handle, cursors.delivered, cursors.read, *lowest))
        self._before.clear()
        self._marked.clear()
        self._begun.clear()
        return Settled(tuple(snapshots))

    # Lists.

    def _summary(self, conversation: Conversation, handle: str) -> Summary:
        cursors = self._cursors(conversation, handle)
        return Summary(
            name_for(conversation.key, handle),
            conversation.first,
            conversation.head,
            len(conversation.cursors),
            cursors.delivered,
            cursors.read,
            *conversation.lowest(),
        )

    def _list_conversations(self, wanted: Conversations) -> Result:
        self.flush()  # a message of this batch may have begun one
        keys = self._tables.memberships(wanted.handle, wanted.after, wanted.limit + 1)
        found = tuple(self._summary(self._find(key), wanted.handle) for key in keys[: wanted.limit])
        return Listing(found, more=len(keys) > wanted.limit)

    def _list_rooms(self, wanted: Rooms) -> Result:
        self.flush()
        rooms = tuple(self._tables.rooms(wanted.after, wanted.limit + 1))
        return Listing(rooms[: wanted.limit], more=len(rooms) > wanted.limit)

    def _list_members(self, wanted: Members) -> Result:
        room = self._find(wanted.conversation)
        why_not = self._why_not(room, wanted.handle)
        if why_not is not None:
            return why_not
        handles = sorted(handle for handle in room.cursors if handle > wanted.after)
        people = tuple(self._person(handle) for handle in handles[: wanted.limit])
        return Listing(people, more=len(handles) > wanted.limit)

    def _person(self, handle: str) -> Person:
        row = self._tables.person(handle)
        return Person(handle, handle, 0) if row is None else Person(handle, row.display or handle, row.last_seen)

    def _find_person(self, wanted: FindPerson) -> Result:
        return self._person(wanted.handle) if self._is_known(wanted.handle) else ErrorCode.NO_SUCH_CONVERSATION

    # Logins.

    def _enter(self, enter: Enter) -> Result:
        row = self._tables.person(enter.handle)
        if enter.digest is not None and not self._owns(enter.handle, enter.digest, row):
            return ErrorCode.HANDLE_TAKEN
        new = row is None and enter.digest is not None
        if new and enter.unless is not None:
            return enter.unless
        if row is None:
            self._tables.save_person(PersonRow(enter.handle, enter.digest, enter.display, 0))
        elif row.display != enter.display:
            row.display = enter.display
            self._tables.save_person(row)
        lobby = self._find(LOBBY)
        if enter.handle not in lobby.cursors and self._tables.lobby_cursors(lobby, enter.handle) is None:
            cursors = Cursors(lobby.head, lobby.head)  # [MARK-3]
            lobby.cursors[enter.handle] = self._moved[lobby, enter.handle] = cursors
            self._changed[lobby] = None
        self.flush()  # it may be in rooms since this batch
        return Entered(tuple(self._tables.rooms_of(enter.handle)), new)

    def _owns(self, handle: str, digest: bytes, row: PersonRow | None) -> bool:
        if self._tables.account(handle) is not None:  # [TOKEN-9]
            return False
        return row is None or (row.digest is not None and hmac.compare_digest(row.digest, digest))

    def _exit(self, exited: Exit) -> Result:
        lobby = self._find(LOBBY)
        row = self._tables.person(exited.handle)
        if not self._history:
            self._tables.remove_person(exited.handle)
            if lobby.cursors.pop(exited.handle, None) is not None:
                self._moved.pop((lobby, exited.handle), None)
                self._tables.remove_cursors(lobby, exited.handle)
        elif row is not None:
            row.last_seen = max(row.last_seen, exited.last_seen)
            self._tables.save_person(row)
        return None

    def _credentials(self, wanted: Credentials) -> ScramKeys | None:
        return self._tables.account(wanted.handle)


_DO: Mapping[type, Callable[[Archive, Any], Result]] = {
    Append: Archive._append,
    Join: Archive._join,
    Leave: Archive._leave,
    Mark: Archive._mark,
    Settle: Archive._settle,
    FindPage: Archive._find_page,
    Read: Archive._read,
    Conversations: Archive._list_conversations,
    Rooms: Archive._list_rooms,
    Members: Archive._list_members,
    FindPerson: Archive._find_person,
    Enter: Archive._enter,
    Exit: Archive._exit,
    Credentials: Archive._credentials,
}
