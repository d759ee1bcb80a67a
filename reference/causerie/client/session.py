"""A user's session with one server, for any shell: the client core, its network, the local store, and the model.

In here: what the events of the core mean for what is shown. Not in here: what a client does (`causerie.core.client`),
how it is kept (`local_store`), how it is shown (shells).

All methods belong to the shell's one thread. The network's thread only keeps events (`LocalStore.record`) and calls
``notify``; the model changes in `take`, so a view that looks at it between two takes sees no half of anything.
"""

from __future__ import annotations

import queue
import sqlite3
import ssl
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, Final

from causerie.client import model
from causerie.client.address import Address
from causerie.client.local_store import LocalStore, mentions
from causerie.client.model import WAITING, Chat, Entry, Link, People, Person, Place, Status
from causerie.client.runner import NetworkRunner
from causerie.client.wording import refusal
from causerie.core.client import (
    AskRefused,
    Backoff,
    Client,
    Connected,
    Connecting,
    ConversationTold,
    Disconnected,
    Event,
    Identity,
    LoggedIn,
    MessageQueued,
    MessageShown,
    MessagesMissed,
    MessageState,
    MessageWithdrawn,
    NotSendable,
    OlderCame,
    PeopleListed,
    PersonSeen,
    Randomness,
    ReceiptTold,
    RoomJoined,
    RoomLeft,
    RoomRefused,
    RoomsListed,
    SendState,
    Stopped,
    Verb,
    WritingChanged,
    check_sendable,
)
from causerie_spec.codes import CAPABILITIES, HISTORY, LOBBY, TYPING, Kind
from causerie_spec.names import is_conversation

PAGE: Final = 100
"""Entries of a page, unless more are asked for."""
PRIMED: Final = 50
"""Conversations new to this device of which the last messages are asked for at once."""


class Session:
    """One handle at one address, going on from ``store``.

    ``notify`` is called in the network's thread when there is something to `take`; it must not block. ``insist`` says
    to go on trying before the first login too. ``watch`` asks who comes and goes in the lobby, and what was said last
    in conversations that are new here. ``clock`` gives
    monotonic seconds, ``wall`` milliseconds since the Unix epoch.
    """

    def __init__(
        self,
        identity: Identity,
        address: Address,
        store: LocalStore,
        randomness: Randomness,
        *,
        agent: str = "",
        tls: ssl.SSLContext | None = None,
        notify: Callable[[], None] | None = None,
        insist: bool = False,
        watch: bool = False,
        backoff: Backoff | None = None,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        self.address = address
        self.handle = identity.handle
        self.display = identity.display
        self.people = People()
        self.status = Status()
        self._store = store
        self._notify = notify
        self._clock = clock
        self._wall = wall
        self._failed: str | None = None
        self._changes: list[model.Change] = []
        self._dirty: dict[str, None] = {}
        self._era = store.era
        self._waiting = {entry.txn: entry for entry in store.waiting()}
        self._number = max((entry.place[1] for entry in self._waiting.values()), default=0)
        self.chats: dict[str, Chat] = {chat.name: chat for chat in store.chats()}
        """All conversations, by name."""
        self._chat(LOBBY).listed = True
        for entry in self._waiting.values():
            self._chat(entry.conversation).last = entry
        self._asked_people: list[str] = []
        self._watch = watch
        self._primed: set[str] = set()
        client = Client(
            identity,
            randomness,
            agent=agent,
            capabilities=CAPABILITIES,
            insist=insist,
            saved=store.saved(),
            backoff=backoff,
        )
        self._runner = NetworkRunner(client, address, notify=notify, tls=tls, record=self._record)
        self._count_waiting()

    # The way of a session.

    def start(self) -> None:
        """Connect. Once."""
        if self._watch:
            self._runner.do(lambda client, now: client.watch(LOBBY, now))
        self._runner.start()

    def hurry(self) -> None:
        """Try again now, if the next try has its time."""
        self._runner.do(lambda client, now: client.hurry(now))

    def leave(self, *, patient: bool = False) -> None:
        """Send what waits, say QUIT, and end, as `Client.leave` says; what cannot be sent is kept for the next time."""
        self._runner.leave(patient=patient)

    def abandon(self) -> None:
        """End at once, without a word to the server."""
        self._runner.abandon()

    def join(self, timeout: float) -> bool:
        """Wait at most ``timeout`` seconds for the network's thread to end; did it?"""
        return self._runner.join(timeout)

    def close(self) -> None:
        """Let go of the local store, after `join`."""
        self._store.close()

    # What the user sees.

    def order(self) -> list[Chat]:
        """All conversations, the newest first; rooms and people without a message behind, the lobby at least there."""
        return sorted(self.chats.values(), key=lambda chat: (-_time(chat), not chat.lobby, chat.name))

    def open(self, name: str) -> Chat:
        """The conversation of that name, made if it is new. Raises `NotSendable` for what is no name of one."""
        if not is_conversation(name):
            raise NotSendable("{conversation!r} is no conversation: write #room or @handle", conversation=name)
        return self._chat(name)

    def page(self, name: str, before: Place | None = None, limit: int = PAGE) -> list[Entry]:
        """The last ``limit`` entries before that place, ascending; None: the newest, then what waits to go out.

        From the local store alone: see `older`.
        """
        chat = self._chat(name)
        entries = self._store.page(name, before, limit, chat.end)
        if self.status.link is Link.ONLINE and self._store.low(name):  # between the eras something is still to be had
            entries = [entry for entry in entries if entry.place[0] == chat.era]
        if before is None:
            entries += (entry for entry in self._waiting.values() if entry.conversation == name)
        return entries

    def unseen(self, name: str) -> list[Entry]:
        """What was kept and never `read` on this device, ascending; one's own messages among it."""
        chat = self._chat(name)
        return self._store.unseen(name, chat.seen, chat.end)

    def older(self, name: str) -> bool:
        """Ask the server for what is older than all that the store has of it; `PageCame` follows.

        False if there is nothing older, or nobody to ask.
        """
        low = self._store.low(name)
        if not low or self.status.link is not Link.ONLINE or HISTORY not in self.status.capabilities:
            return False
        self._runner.do(lambda client, now: client.older(name, low + 1, now))
        return True

    def search(self, text: str, name: str | None = None, limit: int = 50) -> list[Entry]:
        """Messages in the local store that hold the text, the newest first; of one conversation, or of all."""
        return self._store.search(text, name, limit) if text.strip() else []

    # What the user does.

    def send(self, name: str, text: str, kind: int = Kind.TEXT, *, wait: bool = False) -> None:
        """Write a message: it is kept, then sent; `EntryAdded` follows. Raises `NotSendable`.

        With ``wait`` it waits while very many are unsettled, as `NetworkRunner.send` says.
        """
        self._runner.send(name, text, kind, wait=wait)

    def retry(self, entry: Entry) -> None:
        """Send a message that failed, or is unconfirmed, as a new one."""
        check_sendable(entry.conversation, entry.text, entry.kind)
        self.discard(entry)
        self.send(entry.conversation, entry.text, entry.kind)

    def discard(self, entry: Entry) -> None:
        """Forget a message that failed, or is unconfirmed; nothing happens to others."""
        if entry.state in (SendState.FAILED, SendState.UNCONFIRMED):
            self._runner.do(lambda client, _: client.withdraw(entry.txn))

    def read(self, name: str) -> None:
        """The user has seen all of that conversation that there is."""
        chat = self._chat(name)
        if chat.shown > chat.read or chat.end > chat.seen:
            place = chat.seen = chat.end
            chat.read = seq = max(chat.read, chat.shown)
            self._keep(lambda: self._store.set_read(name, place))
            self._runner.do(lambda client, now: client.read(name, seq, now))
            self._dirty[name] = None
        if chat.unread or chat.mentions:
            chat.unread = chat.mentions = 0
            self._dirty[name] = None
        if self._dirty and self._notify is not None:
            self._notify()

    def composing(self, name: str, active: bool) -> None:
        """The user types there, or no longer; call it at every key."""
        if TYPING in self.status.capabilities:
            self._runner.do(lambda client, now: client.composing(name, now, active=active))

    def join_room(self, room: str) -> None:
        """Become a member; `Joined` or `Refused` follows. Raises `NotSendable` for what is no room."""
        self._runner.join_room(room)

    def leave_room(self, room: str) -> None:
        """Be a member no longer; `Left` or `Refused` follows. Raises `NotSendable` for what is no room."""
        self._runner.leave_room(room)

    def list_rooms(self) -> None:
        """Ask which rooms there are; `RoomsCame` or `Refused` follows."""
        self._ask(Verb.ROOMS, "", lambda client, now: client.list_rooms(now))

    def list_people(self, name: str) -> None:
        """Ask who is in a conversation; `PeopleCame` or `Refused` follows."""
        self._asked_people.append(name)
        self._ask(Verb.PEOPLE, name, lambda client, now: client.list_people(name, now))

    def _ask(self, verb: Verb, name: str, question: Callable[[Client, float], None]) -> None:
        if self.status.link is Link.ONLINE:
            self._runner.do(question)
            return
        self._changes += self._ask_refused(AskRefused(verb, name, 0, ""))
        if self._notify is not None:
            self._notify()

    # What happens.

    def take(self, limit: int = 200) -> list[model.Change]:
        """What changed since the last call: at most ``limit`` events' worth; the model has changed with it."""
        changes, self._changes = self._changes, []
        for _ in range(limit):
            try:
                event = self._runner.events.get_nowait()
            except queue.Empty:
                break
            changes += self._apply(event)
        else:
            if self._notify is not None:
                self._notify()  # there may be more
        changes.sort(key=lambda change: isinstance(change, model.PageCame))  # a view then has all newer ones
        return changes + self._clean()

    def wait(self, timeout: float) -> list[model.Change]:
        """The same, but wait at most ``timeout`` seconds for something to happen."""
        if self._changes or self._dirty or self._failed:
            return self.take()
        try:
            event = self._runner.events.get(timeout=timeout)
        except queue.Empty:
            return []
        return self._apply(event) + self.take()

    def _record(self, events: list[Event]) -> None:
        """In the network's thread: keep what happened, before it has any effect."""
        self._keep(lambda: self._store.record(events))

    def _keep(self, write: Callable[[], None]) -> None:
        """Any thread: write to the store; if the disk does not take it, go on in memory, and say so."""
        try:
            write()
        except sqlite3.Error as error:
            if self._store.path is None:
                raise
            self._failed = str(error)
            self._store.to_memory()
            write()

    def _clean(self) -> list[model.Change]:
        changes: list[model.Change] = []
        if self._failed is not None:
            changes.append(model.KeepingFailed(self._failed))
            self._failed = None
        dirty, self._dirty = self._dirty, {}
        for name in dirty:
            if name in self.chats:
                self._store.refresh(self.chats[name])
            changes.append(model.ChatChanged(name))
        return changes

    def _apply(self, event: Event) -> list[model.Change]:
        apply = _APPLY.get(type(event))
        return list(apply(self, event)) if apply is not None else []

    def _chat(self, name: str) -> Chat:
        chat = self.chats.get(name)
        if chat is None:
            chat = self.chats[name] = Chat(name, self._era)
        return chat

    def _status(self, *, again: bool = False, new_epoch: bool = False, retry_in: float = 0.0) -> Iterator[model.Change]:
        yield model.StatusChanged(again, new_epoch, self.status.link, self.status.ending, retry_in)

    def _count_waiting(self) -> None:
        settled = (SendState.FAILED, SendState.UNCONFIRMED, SendState.SENT)
        self.status.waiting = sum(entry.state not in settled for entry in self._waiting.values())

    def _connecting(self, event: Connecting) -> Iterator[model.Change]:
        self.status.link, self.status.retry_at = Link.CONNECTING, None
        return self._status()

    def _connected(self, event: Connected) -> Iterator[model.Change]:
        self.status.capabilities, self.status.agent = event.capabilities, event.agent
        yield from ()

    def _logged_in(self, event: LoggedIn) -> Iterator[model.Change]:
        if event.new_epoch:
            self._era += 1
            for name, chat in self.chats.items():
                chat.era, chat.shown, chat.read, chat.all_delivered, chat.all_read = self._era, 0, 0, 0, 0
                self._dirty[name] = None
        self.display = event.display
        self.status.link, self.status.been_online, self.status.ending = Link.ONLINE, True, None
        return self._status(again=event.again, new_epoch=event.new_epoch)

    def _disconnected(self, event: Disconnected) -> Iterator[model.Change]:
        self.status.link, self.status.ending = Link.OFFLINE, event.ending
        self.status.retry_at = self._clock() + event.retry_in
        self.people.known.clear()
        return self._status(retry_in=event.retry_in)

    def _stopped(self, event: Stopped) -> Iterator[model.Change]:
        self.status.link, self.status.ending, self.status.retry_at = Link.STOPPED, event.ending, None
        self.people.known.clear()
        yield from self._status()
        yield model.Ended(event.ending, event.unsent, event.unconfirmed)

    def _shown(self, event: MessageShown) -> Iterator[model.Change]:
        chat = self._chat(event.conversation)
        chat.shown = max(chat.shown, event.seq)
        written = self._waiting.pop(event.txn, None) if event.mine and event.txn else None
        entry = Entry(
            *(event.conversation, (self._era, event.seq), event.timestamp, event.sender, event.kind, event.text),
            txn=event.txn,
            mine=event.mine,
        )
        if event.mine and event.kind in (Kind.JOINED, Kind.LEFT):
            chat.listed = event.kind == Kind.JOINED
        news = not event.mine and not entry.notice
        yield self._added(chat, entry, written.place if written else None, news=news)

    def _added(self, chat: Chat, entry: Entry, replaces: Place | None = None, *, news: bool = False) -> model.Change:
        if chat.last is None or entry.place >= chat.last.place or not self._is_waiting(chat.last):
            chat.last = entry
        self._dirty[chat.name] = None
        self._count_waiting()
        return model.EntryAdded(entry, replaces, news, news and mentions(entry.text, self.handle))

    def _is_waiting(self, entry: Entry) -> bool:
        return entry.waits and entry.txn in self._waiting

    def _missed(self, event: MessagesMissed) -> Iterator[model.Change]:
        gap = event.gap
        chat = self._chat(gap.conversation)
        chat.shown = max(chat.shown, gap.before - 1)
        timestamp = chat.last.timestamp if chat.last is not None else 0
        entry = Entry(gap.conversation, (self._era, gap.before - 1), timestamp, "", Kind.TEXT, "", missing=gap.missing)
        yield self._added(chat, entry)

    def _queued(self, event: MessageQueued) -> Iterator[model.Change]:
        self._number += 1
        entry = Entry(
            *(event.conversation, (WAITING, self._number), self._wall(), self.handle, event.kind, event.text),
            txn=event.txn,
            mine=True,
            state=SendState.PENDING,
        )
        self._waiting[event.txn] = entry
        yield self._added(self._chat(event.conversation), entry)

    def _state(self, event: MessageState) -> Iterator[model.Change]:
        entry = self._waiting.get(event.txn)
        if entry is None:
            return
        chat = self._chat(event.conversation)
        if event.state is SendState.SENT and 0 < event.seq <= chat.shown:  # it was shown already
            yield self._remove(entry)
            return
        reason = refusal(event.code, event.detail, event.conversation) if event.code is not None else ""
        changed = self._waiting[event.txn] = replace(entry, state=event.state, reason=reason)
        if chat.last == entry:
            chat.last = changed
        self._count_waiting()
        self._dirty[chat.name] = None
        yield model.EntryChanged(changed)

    def _withdrawn(self, event: MessageWithdrawn) -> Iterator[model.Change]:
        entry = self._waiting.get(event.txn)
        if entry is not None:
            yield self._remove(entry)

    def _remove(self, entry: Entry) -> model.Change:
        del self._waiting[entry.txn]
        chat = self._chat(entry.conversation)
        if chat.last is not None and chat.last.place == entry.place:
            newest = self.page(chat.name, None, 1)
            chat.last = newest[-1] if newest else None
        self._count_waiting()
        self._dirty[chat.name] = None
        return model.EntryRemoved(entry)

    def _told(self, event: ConversationTold) -> Iterator[model.Change]:
        chat = self._chat(event.conversation)
        chat.shown = max(chat.shown, event.begin)
        chat.listed = True
        self._dirty[chat.name] = None
        if self._watch and chat.last is None and event.head >= event.first:
            self._prime(chat.name, event.begin + 1)
        yield from ()

    def _prime(self, name: str, before: int) -> None:
        """Ask for what was said last in a conversation that is new here."""
        if name not in self._primed and len(self._primed) < PRIMED:
            self._primed.add(name)
            self._runner.do(lambda client, now: client.older(name, before, now))

    def _receipt(self, event: ReceiptTold) -> Iterator[model.Change]:
        self._chat(event.conversation)
        self._dirty[event.conversation] = None
        yield from ()

    def _writing(self, event: WritingChanged) -> Iterator[model.Change]:
        self._chat(event.conversation).typing = event.handles
        yield model.TypingChanged(event.conversation)

    def _person(self, event: PersonSeen) -> Iterator[model.Change]:
        self.people.known[event.handle] = _person(event)
        yield model.PersonChanged(event.handle)

    def _people(self, event: PeopleListed) -> Iterator[model.Change]:
        people = tuple(_person(person) for person in event.people)
        for person in people:
            self.people.known[person.handle] = person
            yield model.PersonChanged(person.handle)
        if event.conversation in self._asked_people:
            self._asked_people.remove(event.conversation)
            yield model.PeopleCame(event.conversation, people)

    def _rooms(self, event: RoomsListed) -> Iterator[model.Change]:
        yield model.RoomsCame(event.rooms)

    def _older(self, event: OlderCame) -> Iterator[model.Change]:
        for message in event.messages:
            entry = self._waiting.get(message.txn)
            if entry is not None and message.sender == self.handle:
                yield self._remove(entry)
        chat = self._chat(event.conversation)
        if chat.last is None and event.messages:
            chat.last = next(iter(self._store.page(chat.name, None, 1, chat.end)), None)
            self._dirty[chat.name] = None
        yield model.PageCame(event.conversation, len(event.messages))

    def _ask_refused(self, event: AskRefused) -> Iterator[model.Change]:
        reason = refusal(event.code, event.detail, event.conversation)
        if event.verb is Verb.OLDER:
            yield model.PageCame(event.conversation, 0, reason)
            return
        if event.conversation in self._asked_people:
            self._asked_people.remove(event.conversation)
        yield model.Refused(event.conversation, event.verb.value, event.code, reason)

    def _joined(self, event: RoomJoined) -> Iterator[model.Change]:
        chat = self._chat(event.conversation)
        chat.listed, chat.members = True, event.members
        self._dirty[chat.name] = None
        yield model.Joined(event.conversation, event.members)

    def _left(self, event: RoomLeft) -> Iterator[model.Change]:
        self._chat(event.conversation).listed = False
        self._dirty[event.conversation] = None
        yield model.Left(event.conversation)

    def _room_refused(self, event: RoomRefused) -> Iterator[model.Change]:
        reason = refusal(event.code, event.detail, event.conversation)
        yield model.Refused(event.conversation, "join" if event.joining else "leave", event.code, reason)


_APPLY: Final[dict[type[Event], Callable[[Session, Any], Iterator[model.Change]]]] = {
    Connecting: Session._connecting,
    Connected: Session._connected,
    LoggedIn: Session._logged_in,
    Disconnected: Session._disconnected,
    Stopped: Session._stopped,
    MessageShown: Session._shown,
    MessagesMissed: Session._missed,
    MessageQueued: Session._queued,
    MessageState: Session._state,
    MessageWithdrawn: Session._withdrawn,
    ConversationTold: Session._told,
    ReceiptTold: Session._receipt,
    WritingChanged: Session._writing,
    PersonSeen: Session._person,
    PeopleListed: Session._people,
    RoomsListed: Session._rooms,
    OlderCame: Session._older,
    AskRefused: Session._ask_refused,
    RoomJoined: Session._joined,
    RoomLeft: Session._left,
    RoomRefused: Session._room_refused,
}


def _person(seen: PersonSeen) -> Person:
    return Person(seen.handle, seen.display, seen.online, seen.last_seen)


def _time(chat: Chat) -> int:
    return chat.last.timestamp if chat.last is not None else 0
