"""Broken servers that tell the wrong people of cursors, or at the wrong time."""

from dataclasses import replace

from seams import handlers, instead, instead_of

from causerie.core import receipts
from causerie.core.hub import Hub
from causerie.core.refusal import Refused
from causerie.store.keys import key_of, name_for
from causerie.store.operations import Append, Duplicate, Join, Leave, Mark, Stored
from causerie_spec.codec import encode
from causerie_spec.codes import LOBBY, MAX_U64, RECEIPTS
from causerie_spec.messages import Receipt
from mutants.registry import mutant


def _told(change):
    """Change whom RECEIPT tells: (snapshot, handles of those who caused it) → tell it?"""

    @instead(receipts, "tell")
    def tell(original, hub, now, causes, snapshots):
        kept = []
        for snapshot in snapshots:
            handles = {connection.handle for connection in causes().get(snapshot.conversation, ())}
            if change(snapshot, handles):
                kept.append(snapshot)
        original(hub, now, causes, kept)


@mutant("MARK-5")
def only_oneself_is_told():
    """Tells nobody but who caused it."""
    _told(lambda snapshot, handles: snapshot.handle in handles)


@mutant("MARK-5")
def only_others_are_told():
    """Does not tell one's other connections."""
    _told(lambda snapshot, handles: snapshot.handle not in handles)


@mutant("MARK-5")
def the_causing_connection_is_told():
    """Tells the causing connection too."""

    @instead(receipts, "tell")
    def tell(original, hub, now, causes, snapshots):
        original(hub, now, {}, snapshots)


@mutant("MARK-5")
def ten_receipts_a_second():
    """Drops a RECEIPT that comes less than 0.1 s after another of the same conversation."""
    last = {}

    @instead(receipts, "tell")
    def tell(original, hub, now, causes, snapshots):
        for snapshot in snapshots:
            key = (snapshot.conversation, snapshot.handle)
            if now - last.get(key, 0) >= 0.1:
                last[key] = now
                original(hub, now, causes, [snapshot])


def _not_told(operation):
    """Have Settle pass over what an operation does."""

    @instead_of(operation)
    def do(original, self, asked):
        known = set(self._before)
        result = original(self, asked)
        for conversation in set(self._before) - known:
            del self._before[conversation]
        return result


@mutant("MARK-5")
def sends_are_not_told():
    """Tells nobody that a SEND raised the lowest cursor."""
    _not_told(Append)


@mutant("MARK-5")
def joins_are_not_told():
    """Tells nobody that all_* are 0 since somebody joined."""
    _not_told(Join)


@mutant("MARK-5")
def leaves_are_not_told():
    """Tells nobody that the lowest has left."""
    _not_told(Leave)


@mutant("MARK-7")
def everybody_is_told():
    """Tells everybody who negotiated receipts."""

    @instead(receipts, "tell")
    def tell(original, hub, now, causes, snapshots):
        for snapshot in snapshots:
            original(hub, now, causes, [replace(snapshot, handle=handle) for handle in hub.roster.online()])


@mutant("MARK-7")
def receipts_in_the_words_of_the_cause():
    """Names the conversation as who caused the RECEIPT does."""

    @instead(receipts, "_encode")
    def encode_(original, snapshot):
        values = (snapshot.delivered, snapshot.read, snapshot.all_delivered, snapshot.all_read)
        other = next((handle for handle in _handles(snapshot) if handle != snapshot.handle), snapshot.handle)
        return encode(Receipt(name_for(snapshot.conversation, other), *values))


def _handles(snapshot):
    return [part[1:] for part in snapshot.conversation.split(" ")] if snapshot.conversation[0] == "@" else []


@mutant("MARK-7")
def who_left_is_told():
    """Goes on telling who has left a room."""
    left = {}

    @instead_of(Leave)
    def leave(original, self, leave):
        left.setdefault(leave.conversation, set()).add(leave.handle)
        return original(self, leave)

    @instead(receipts, "tell")
    def tell(original, hub, now, causes, snapshots):
        more = [
            replace(snapshot, handle=handle) for snapshot in snapshots for handle in left.get(snapshot.conversation, ())
        ]
        original(hub, now, causes, [*snapshots, *more])


# Nothing else causes a RECEIPT


@mutant("MARK-10")
def every_mark_is_told():
    """Tells of every MARK, whether or not it moved anything."""

    @instead_of(Mark)
    def mark(original, self, mark):
        result = original(self, mark)
        if result is None:
            self._marked.setdefault(self._find(mark.conversation), set()).add(mark.handle)
        return result


@mutant("MARK-10")
def own_sends_are_told():
    """Tells one's other connections that one's own SEND moved one's cursors."""

    @instead_of(Append)
    def append(original, self, append):
        result = original(self, append)
        if isinstance(result, Stored):
            self._marked.setdefault(self._find(append.conversation), set()).add(append.sender)
        return result


@mutant("MARK-10")
def beginnings_are_told():
    """Tells a joiner's other connections where its cursors begin."""

    @instead_of(Join)
    def join(original, self, join):
        result = original(self, join)
        self._marked.setdefault(self._find(join.conversation), set()).add(join.handle)
        self._before.setdefault(self._find(join.conversation), self._find(join.conversation).lowest())
        return result


@mutant("MARK-10")
def logins_are_told():
    """Tells the other connections of a handle that logs in how far they are in the lobby."""

    @instead(Hub, "login")
    def login(original, self, connection, now, handle, *more):
        original(self, connection, now, handle, *more)
        for other in self.roster.connections_of(handle):
            if other is not connection and RECEIPTS in other.negotiated:
                other.event(now, encode(Receipt(LOBBY, 1, 1, 0, 0)))


@mutant("MARK-10")
def the_same_send_again_reads_all():
    """Moves the sender's cursors to the head when a SEND is there already."""

    @instead_of(Append)
    def append(original, self, append):
        result = original(self, append)
        if isinstance(result, Duplicate):
            conversation = self._find(append.conversation)
            self._touch(conversation)
            conversation.move(self._cursors(conversation, append.sender), conversation.head, conversation.head)
        return result


@mutant("MARK-10")
def refused_sends_read_all():
    """Moves the sender's cursors to the head when its SEND is refused."""
    send = handlers["SEND"]

    def refused(peer, now, ref, message):
        try:
            send(peer, now, ref, message)
        except Refused:
            key = key_of(message.conversation, peer.handle) if message.conversation[:1] in ("#", "@") else LOBBY
            peer.hub.ask(Mark(key, peer.handle, MAX_U64, MAX_U64), peer, lambda now, result: None)
            raise

    handlers["SEND"] = refused


# The fence, and what was negotiated


@mutant("REQ-7")
def receipts_behind_the_fence():
    """Queues RECEIPT behind the next PONG."""
    late = {}

    @instead(receipts, "tell")
    def tell(original, hub, now, causes, snapshots):
        for snapshot in snapshots:
            for connection in hub.roster.connections_of(snapshot.handle):
                if RECEIPTS in connection.negotiated and causes().get(snapshot.conversation) != {connection}:
                    late.setdefault(connection, []).append(receipts._encode(snapshot))

    ping = handlers["PING"]

    def ping_first(peer, now, ref, message):
        ping(peer, now, ref, message)
        for data in late.pop(peer, ()):
            peer.event(now, data)

    handlers["PING"] = ping_first


@mutant("CAP-2")
def receipts_not_negotiated():
    """Sends RECEIPT on connections that did not negotiate it."""

    @instead(receipts, "tell")
    def tell(_, hub, now, causes, snapshots):
        for snapshot in snapshots:
            for connection in hub.roster.connections_of(snapshot.handle):
                if causes().get(snapshot.conversation) != {connection}:
                    connection.event(now, receipts._encode(snapshot))
