"""What a server owes to whom, once more and as simply as can be: the model that `test_state_machine` holds the core to.

Written from the protocol alone, one request at a time, with no thought of speed: logs are lists, members are
dictionaries, and what somebody must be told is found by comparing everything before with everything after.
"""

from collections import deque
from dataclasses import dataclass, field

from causerie_spec.codes import ErrorCode, Kind
from causerie_spec.messages import (
    Ack,
    ChatMessage,
    Compose,
    Composing,
    Conversation,
    Conversations,
    End,
    History,
    Join,
    Leave,
    Login,
    Mark,
    Ok,
    Presence,
    Ready,
    Receipt,
    Room,
    Rooms,
    Send,
    Who,
)

E = ErrorCode


@dataclass(eq=False)
class Device:
    """A connection, and what it is owed."""

    peer: object
    capabilities: frozenset
    handle: str | None = None
    slow: bool = False
    gone: bool = False
    """Nothing more is owed to it."""
    ended: bool = False
    """Its FIN was sent."""
    outstanding: int = 0
    """Requests that wait for the store."""
    sends_only: bool = True
    watches: set = field(default_factory=set)
    answers: deque = field(default_factory=deque)
    """(message, or the code of an error; ref; what must have come before: (conversation, seq))."""
    messages: dict = field(default_factory=dict)
    others: deque = field(default_factory=deque)
    """PRESENCE and COMPOSING."""
    receipts: dict = field(default_factory=dict)
    """By conversation: (RECEIPT, must it come? was it a change?)."""
    heads: dict = field(default_factory=dict)
    """By conversation: the last seq that came."""

    def answer(self, message, ref, after=None):
        if not self.gone:
            self.answers.append((message, ref, after))

    def check(self):
        """Whatever came is what was owed, in order."""
        for message, ref in self.peer.inbox:
            if ref:
                self._check_answer(message, ref)
            elif isinstance(message, ChatMessage):
                name = message.conversation
                assert message == self.messages[name].popleft()
                assert message.seq == self.heads.get(name, message.seq - 1) + 1
                self.heads[name] = message.seq
                if message.kind == Kind.LEFT and message.sender == self.handle:
                    del self.heads[name]
            elif isinstance(message, Receipt):
                self._check_receipt(message)
            else:
                assert message == self.others.popleft()

    def _check_answer(self, message, ref):
        expected, expected_ref, after = self.answers.popleft()
        assert (getattr(message, "code", None) if isinstance(expected, int) else message, ref) == (
            expected,
            expected_ref,
        )
        if after is not None:
            name, seq = after
            if isinstance(message, Conversation):
                assert self.heads.get(name, 0) < seq  # [ROOM-3]
            else:
                assert self.heads[name] >= seq  # [REQ-7]

    def _check_receipt(self, message):
        options = self.receipts[message.conversation]
        place = [receipt for receipt, _, _ in options].index(message)
        assert any(change for _, _, change in options[: place + 1])  # [MARK-10]
        del options[: place + 1]

    def check_fence(self):
        """Whatever was owed has come."""
        assert not any(self.messages.values())
        assert not self.others
        for options in self.receipts.values():
            assert not any(must for _, must, _ in options)
        self.receipts.clear()


class Log:
    """A conversation."""

    def __init__(self, key):
        self.key = key
        self.entries = []
        self.cursors = {} if isinstance(key, str) else dict.fromkeys(key, (0, 0))

    def name_for(self, handle):
        if isinstance(self.key, str):
            return self.key
        (other,) = self.key - {handle} or {handle}
        return f"@{other}"

    def snapshot(self, handle):
        """RECEIPT, as of now."""
        lowest = (0, 0)
        if self.key != "#lobby":
            lowest = tuple(min(each) for each in zip(*self.cursors.values(), strict=True))
        return Receipt(self.name_for(handle), *self.cursors[handle], *lowest)


class Model:
    """A server with history and every capability."""

    def __init__(self, wall, late):
        self.wall = wall
        self.late = late
        """Requests may be told together: then who caused one may hear of what another caused."""
        self.devices = []
        self.logs = {"#lobby": Log("#lobby")}
        self.tokens = {}
        self.displays = {}
        self.last_seen = {}

    # Who is there.

    def devices_of(self, handle):
        return [device for device in self.devices if device.handle == handle]

    def online(self):
        return {device.handle for device in self.devices if device.handle}

    def log(self, name, me):
        key = name if name[0] == "#" else frozenset({me, name[1:]})
        return self.logs.setdefault(key, Log(key))

    def members(self, log):
        """Those who are online count in the lobby."""
        return self.online() if log.key == "#lobby" else set(log.cursors)

    def why_not(self, log, me):
        if isinstance(log.key, frozenset):
            return None if log.key <= self.tokens.keys() else E.NO_SUCH_CONVERSATION
        if log.key != "#lobby" and not log.entries:
            return E.NO_SUCH_CONVERSATION
        return None if log.key == "#lobby" or me in log.cursors else E.NOT_A_MEMBER

    def presence(self, handle, online):
        """A handle comes, or went: whoever watches a conversation that it is a member of is told."""
        event = Presence(handle, self.displays[handle], online, self.wall())
        for device in self.devices:
            watched = [self.log(name, device.handle) for name in device.watches]
            if any(log.key == "#lobby" or handle in log.cursors for log in watched):
                device.others.append(event)

    def logout(self, device):
        handle, device.handle = device.handle, None
        device.watches.clear()
        if handle and handle not in self.online():
            self.last_seen[handle] = max(self.wall(), self.last_seen[handle])
            self.presence(handle, False)

    def leave_behind(self, device):
        """Its end was seen."""
        device.gone = True
        self.logout(device)
        self.devices.remove(device)

    # Requests, once it is their turn.

    def apply(self, device, handle, request, ref):
        getattr(self, f"do_{request.NAME.lower()}")(device, handle, request, ref)

    def do_login(self, device, handle, request: Login, ref):
        if self.tokens.setdefault(handle, request.payload) != request.payload:
            device.answer(E.HANDLE_TAKEN, ref)
            return
        self.displays[handle] = request.display
        self.last_seen.setdefault(handle, 0)
        lobby = self.logs["#lobby"]
        lobby.cursors.setdefault(handle, (len(lobby.entries),) * 2)
        if device.gone:
            return
        if handle not in self.online():
            self.presence(handle, True)
        device.handle = handle
        device.answer(Ready(handle, request.display, b""), ref)

    def write(self, log, sender, txn, kind, text):
        earlier = log.entries[-1][0] if log.entries else 0
        log.entries.append((max(self.wall(), earlier), sender, txn, kind, text))
        for member in self.members(log):
            for device in self.devices_of(member):
                message = self.item(log, len(log.entries), member)
                device.messages.setdefault(message.conversation, deque()).append(message)

    def item(self, log, seq, reader):
        timestamp, *rest = log.entries[seq - 1]
        return ChatMessage(log.name_for(reader), seq, timestamp, *rest)

    def tell_changes(self, log, device, act, *, but=None, sender=None):
        """Do something; then those whose snapshot it changed are owed a RECEIPT [MARK-5]."""
        before = {handle: log.snapshot(handle) for handle in self.members(log)}
        act()
        for handle in before.keys() & self.members(log) - {but}:
            old, new = before[handle], log.snapshot(handle)
            if old == new:
                continue
            change = handle != sender or (old.all_delivered, old.all_read) != (new.all_delivered, new.all_read)
            for other in self.devices_of(handle):
                if "receipts" in other.capabilities and (self.late or other is not device):
                    options = other.receipts.setdefault(new.conversation, [])
                    options.append((new, change and other is not device, change))

    def do_send(self, device, handle, request: Send, ref):
        log = self.log(request.conversation, handle)
        known = [seq for seq, entry in enumerate(log.entries, 1) if entry[1:3] == (handle, request.txn)]
        if known:
            timestamp, _, _, kind, text = log.entries[known[0] - 1]
            same = (kind, text) == (request.kind, request.text)
            device.answer(Ack(known[0], timestamp, True) if same else E.TXN_CONFLICT, ref)
            return
        if self.why_not(log, handle):
            device.answer(self.why_not(log, handle), ref)
            return

        def act():
            self.write(log, handle, request.txn, request.kind, request.text)
            log.cursors[handle] = (len(log.entries),) * 2

        self.tell_changes(log, device, act, sender=handle)
        seq = len(log.entries)
        device.answer(Ack(seq, log.entries[-1][0], False), ref, (request.conversation, seq))

    def do_mark(self, device, handle, request: Mark, ref):
        log = self.log(request.conversation, handle)
        if self.why_not(log, handle):
            device.answer(self.why_not(log, handle), ref)
            return
        head = len(log.entries)

        def act():
            delivered, read = log.cursors[handle]
            read = max(read, min(request.read, head))
            log.cursors[handle] = (max(delivered, min(request.delivered, head), read), read)

        self.tell_changes(log, device, act)
        device.answer(Ok(), ref)

    def do_join(self, device, handle, request: Join, ref):
        log = self.log(request.conversation, handle)
        joined = handle not in log.cursors

        def act():
            log.cursors[handle] = (len(log.entries) + 1,) * 2
            self.write(log, handle, 0, Kind.JOINED, "")

        if joined:
            self.tell_changes(log, device, act, but=handle)
        after = (request.conversation, len(log.entries)) if joined else None
        device.answer(self.conversation(log, handle), ref, after)

    def do_leave(self, device, handle, request: Leave, ref):
        log = self.log(request.conversation, handle)
        if self.why_not(log, handle):
            device.answer(self.why_not(log, handle), ref)
            return

        def act():
            self.write(log, handle, 0, Kind.LEFT, "")
            del log.cursors[handle]

        self.tell_changes(log, device, act)
        for other in self.devices_of(handle):
            other.watches.discard(request.conversation)
        device.answer(Ok(), ref)

    def conversation(self, log, handle):
        snapshot = log.snapshot(handle)
        return Conversation(
            snapshot.conversation,
            1,
            len(log.entries),
            len(self.members(log)),
            snapshot.delivered,
            snapshot.read,
            snapshot.all_delivered,
            snapshot.all_read,
        )

    def do_history(self, device, handle, request: History, ref):
        log = self.log(request.conversation, handle)
        if self.why_not(log, handle):
            device.answer(self.why_not(log, handle), ref)
            return
        seqs = range(1, len(log.entries) + 1)
        wanted = [seq for seq in seqs if (seq < request.anchor if request.direction else seq > request.anchor)]
        chosen = wanted[-request.limit :] if request.direction else wanted[: request.limit]
        for seq in chosen:
            device.answer(self.item(log, seq, handle), ref)
        device.answer(End(len(wanted) > len(chosen)), ref)

    def do_conversations(self, device, handle, request: Conversations, ref):
        mine = (log for log in self.logs.values() if handle in log.cursors and (log.entries or log.key == "#lobby"))
        self.listed(device, ref, request, {log.name_for(handle): self.conversation(log, handle) for log in mine})

    def do_rooms(self, device, handle, request: Rooms, ref):
        counts = {log.key: len(self.members(log)) for log in self.logs.values() if isinstance(log.key, str)}
        items = {name: Room(name, count) for name, count in counts.items() if count or name == "#lobby"}
        self.listed(device, ref, request, items)

    def do_who(self, device, handle, request: Who, ref):
        log = self.log(request.conversation, handle)
        if self.why_not(log, handle):
            device.answer(self.why_not(log, handle), ref)
            return
        if device.handle:
            (device.watches.add if request.watch else device.watches.discard)(request.conversation)
        people = self.members(log) if request.conversation[0] == "#" else {request.conversation[1:]}
        self.listed(device, ref, request, {each: self.who_item(each) for each in people})

    def who_item(self, handle):
        online = handle in self.online()
        return Presence(handle, self.displays[handle], online, self.wall() if online else self.last_seen[handle])

    def listed(self, device, ref, request, items):
        names = sorted(name for name in items if name > request.after)
        for name in names[: request.limit]:
            device.answer(items[name], ref)
        device.answer(End(len(names) > request.limit), ref)

    def do_compose(self, device, handle, request: Compose, ref):
        log = self.log(request.conversation, handle)
        if self.why_not(log, handle) or device.gone:
            return
        for member in self.members(log):
            for other in self.devices_of(member):
                if other is not device and "typing" in other.capabilities:
                    other.others.append(Composing(log.name_for(member), handle, request.active))
