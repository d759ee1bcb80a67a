"""Broken servers that get cursors wrong."""

from dataclasses import replace

from seams import before, handlers, instead, instead_of

from causerie.core import receipts
from causerie.core.hub import Hub
from causerie.core.refusal import Refused
from causerie.store import conversation as conversations
from causerie.store.archive import Archive
from causerie.store.conversation import NOT_TOLD, Conversation
from causerie.store.operations import Enter, Exit, Join, Leave, Mark
from causerie_spec.codes import LOBBY, MAX_U64, RECEIPTS, ErrorCode
from causerie_spec.messages import Ok
from mutants.registry import mutant


def _put(conversation, cursors, delivered, read):
    """Set a member's cursors, whatever they were."""
    cursors.delivered, cursors.read = delivered, read
    conversation._lowest = None


# What MARK does


@mutant("MARK-1")
def cursors_go_back():
    """Moves cursors to wherever MARK says."""

    @instead(Conversation, "move")
    def move(original, self, cursors, delivered, read):
        old = (cursors.delivered, cursors.read)
        read = min(read, self.head)
        _put(self, cursors, max(read, min(delivered, self.head)), read)
        return old != (cursors.delivered, cursors.read)


@mutant("MARK-1")
def cursors_beyond_the_head():
    """Takes cursors beyond the head."""

    @instead(Conversation, "move")
    def move(original, self, cursors, delivered, read):
        head, self.head = self.head, MAX_U64
        moved = original(self, cursors, delivered, read)
        self.head = head
        return moved


@mutant("MARK-1")
def read_is_not_delivered():
    """Moves read without delivered."""

    @instead(Conversation, "move")
    def move(original, self, cursors, delivered, read):
        old = (cursors.delivered, cursors.read)
        _put(self, cursors, max(old[0], min(delivered, self.head)), max(old[1], min(read, self.head)))
        return old != (cursors.delivered, cursors.read)


@mutant("MARK-1")
def delivered_is_read():
    """Takes what was delivered for read."""

    @instead(Conversation, "move")
    def move(original, self, cursors, delivered, read):
        return original(self, cursors, delivered, max(delivered, read))


def _marks(change):
    """Change what the archive does with MARK: (original, archive, mark, conversation) → result."""

    @instead_of(Mark)
    def mark(original, self, mark):
        return change(lambda mark: original(self, mark), self, mark, self._find(mark.conversation))


@mutant("MARK-1")
def marks_beyond_the_head_are_refused():
    """Refuses MARK beyond the head."""
    _marks(
        lambda original, archive, mark, conversation: (
            ErrorCode.BAD_FIELD if max(mark.delivered, mark.read) > conversation.head else original(mark)
        )
    )


@mutant("MARK-2")
def writing_is_not_reading():
    """Leaves the sender's cursors alone."""
    _unmoved_by(lambda sender, txn: txn)


@mutant("MARK-2")
def writing_on_plain_connections_is_not_reading():
    """Leaves the sender's cursors alone if its connection did not negotiate receipts."""
    plain = set()

    @before("SEND")
    def note(peer, message):
        if RECEIPTS not in peer.negotiated:
            plain.add((peer.handle, message.txn))
        return message

    _unmoved_by(lambda sender, txn: (sender, txn) in plain)


def _unmoved_by(which):
    @instead(Archive, "_write")
    def write(original, self, conversation, sender, txn, *what):
        cursors = conversation.cursors.get(sender)
        old = (cursors.delivered, cursors.read) if cursors else None
        appended = original(self, conversation, sender, txn, *what)
        if old and which(sender, txn):
            _put(conversation, cursors, *old)
        return appended


# Where cursors begin


@mutant("MARK-3")
def direct_cursors_begin_at_the_head():
    """Moves cursors that were never moved along with the head of a direct conversation."""

    @instead(Archive, "_write")
    def write(original, self, conversation, *message):
        appended = original(self, conversation, *message)
        if conversation.key[0] == "@":
            for cursors in conversation.cursors.values():
                if not cursors.delivered:
                    _put(conversation, cursors, appended.seq, appended.seq)
        return appended


@mutant("MARK-3")
def joiners_begin_at_0():
    """Has the cursors of who joins a room begin at 0."""

    @instead_of(Join)
    def join(original, self, join):
        joined = original(self, join)
        room = self._find(join.conversation)
        if joined.message is not None:
            _put(room, room.cursors[join.handle], 0, 0)
        return replace(joined, summary=self._summary(room, join.handle))


@mutant("MARK-3")
def lobby_begins_at_0():
    """Has cursors in the lobby begin at 0."""

    @instead_of(Enter)
    def enter(original, self, enter):
        lobby = self._find(LOBBY)
        new = enter.handle not in lobby.cursors
        entered = original(self, enter)
        if new:
            _put(lobby, lobby.cursors[enter.handle], 0, 0)
        return entered


@mutant("MARK-3")
def cursors_outlive_leave():
    """Gives who joins again the cursors from before."""
    old = {}

    @instead_of(Leave)
    def leave(original, self, leave):
        room = self._find(leave.conversation)
        old[room.key, leave.handle] = room.cursors.get(leave.handle)
        return original(self, leave)

    @instead_of(Join)
    def join(original, self, join):
        joined = original(self, join)
        room, before = self._find(join.conversation), old.pop((join.conversation, join.handle), None)
        if before is not None:
            _put(room, room.cursors[join.handle], before.delivered, before.read)
        return replace(joined, summary=self._summary(room, join.handle))


@mutant("MARK-9")
def the_lobby_begins_at_each_login():
    """Moves cursors in the lobby to its head at each login."""

    @instead_of(Enter)
    def enter(original, self, enter):
        entered = original(self, enter)
        lobby = self._find(LOBBY)
        _put(lobby, self._cursors(lobby, enter.handle), lobby.head, lobby.head)
        return entered


@mutant("MARK-9")
def who_goes_offline_begins_again():
    """Forgets the cursors of who goes offline."""

    @instead_of(Exit)
    def exit_(original, self, exited):
        for conversation in self._conversations.values():
            if exited.handle in conversation.cursors:
                _put(conversation, conversation.cursors[exited.handle], 0, 0)
        return original(self, exited)


@mutant("MARK-9")
def only_the_first_device_counts():
    """Takes MARK from the first connection of a handle alone."""
    mark = handlers["MARK"]

    def first(peer, now, ref, message):
        if peer.hub.roster.connections_of(peer.handle)[0] is peer:
            mark(peer, now, ref, message)
        else:
            peer.answer(Ok(), ref)

    handlers["MARK"] = first


# The lowest


def _lowest(change):
    """Change all_*: (original, conversation) → all_delivered, all_read; never kept."""

    @instead(Conversation, "lowest")
    def lowest(original, self):
        self._lowest = None
        return change(lambda: original(self), self)


def _least(everybody):
    everybody = list(everybody)
    if not everybody:
        return NOT_TOLD
    return min(cursors.delivered for cursors in everybody), min(cursors.read for cursors in everybody)


@mutant("MARK-4")
def all_of_the_lobby():
    """Tells one's own cursors for the lowest in the lobby."""

    @instead(receipts, "_encode")
    def encode(original, snapshot):
        if snapshot.conversation == LOBBY:
            snapshot = replace(snapshot, all_delivered=snapshot.delivered, all_read=snapshot.read)
        return original(snapshot)


@mutant("MARK-4")
def all_of_any_number():
    """Tells all_* in rooms of any size."""
    conversations.MAX_MEMBERS_READ_BY_ALL = 10_000


@mutant("MARK-4")
def all_of_255():
    """Tells all_* of 256 members no more."""
    conversations.MAX_MEMBERS_READ_BY_ALL = 255


@mutant("MARK-4")
def all_who_are_online():
    """Passes over who is offline."""
    hubs = []

    @instead(Hub, "__init__")
    def init(original, self, **settings):
        original(self, **settings)
        hubs.append(self)

    _lowest(
        lambda original, conversation: (
            NOT_TOLD
            if conversation.key == LOBBY
            else _least(cursors for handle, cursors in conversation.cursors.items() if handle in hubs[0].roster)
        )
    )


@mutant("MARK-4")
def all_who_have_receipts():
    """Passes over who never negotiated receipts."""
    have = set()

    @instead(Hub, "login")
    def login(original, self, connection, now, handle, *more):
        if RECEIPTS in connection.negotiated:
            have.add(handle)
        original(self, connection, now, handle, *more)

    _lowest(
        lambda original, conversation: (
            NOT_TOLD
            if conversation.key == LOBBY
            else _least(cursors for handle, cursors in conversation.cursors.items() if handle in have)
        )
    )


# Where MARK is taken


def _refuses(which, code):
    mark = handlers["MARK"]

    def refuse(peer, now, ref, message):
        if which(peer, message.conversation):
            raise Refused(code, "not here")
        mark(peer, now, ref, message)

    handlers["MARK"] = refuse


@mutant("MARK-11")
def no_marks_in_the_lobby():
    """Refuses MARK in the lobby."""
    _refuses(lambda peer, name: name == LOBBY, ErrorCode.NOT_A_MEMBER)


@mutant("MARK-11")
def no_marks_of_notes():
    """Refuses MARK in notes to self."""
    _refuses(lambda peer, name: name == f"@{peer.handle}", ErrorCode.NO_SUCH_CONVERSATION)


@mutant("MARK-11")
def no_marks_of_those_offline():
    """Refuses MARK of somebody offline, whose messages wait."""
    _refuses(lambda peer, name: name[:1] == "@" and name[1:] not in peer.hub.roster, ErrorCode.NO_SUCH_CONVERSATION)


@mutant("MARK-11")
def no_marks_of_silence():
    """Refuses MARK where nothing was said yet."""
    _marks(
        lambda original, archive, mark, conversation: (
            original(mark) if conversation.head else ErrorCode.NO_SUCH_CONVERSATION
        )
    )


@mutant("MARK-8")
def strangers_may_mark():
    """Answers MARK by somebody who is not a member with OK."""
    _marks_instead_of(ErrorCode.NOT_A_MEMBER)


@mutant("MARK-8")
def marks_of_nothing():
    """Answers MARK in a conversation that there is not with OK."""
    _marks_instead_of(ErrorCode.NO_SUCH_CONVERSATION)


def _marks_instead_of(code):
    def change(original, archive, mark, conversation):
        result = original(mark)
        return None if result == code else result

    _marks(change)


# What CONVERSATION says


@mutant("MARK-12")
def join_again_reads_all():
    """Moves the cursors of a member that JOINs again to the head."""

    @instead_of(Join)
    def join(original, self, join):
        joined = original(self, join)
        room = self._find(join.conversation)
        if joined.message is None:
            room.move(room.cursors[join.handle], room.head, room.head)
        return replace(joined, summary=self._summary(room, join.handle))


@mutant("MARK-12")
def conversations_without_cursors():
    """Says 0 for all cursors in CONVERSATION."""

    @instead(Archive, "_summary")
    def summary(original, self, *of):
        return replace(original(self, *of), delivered=0, read=0, all_delivered=0, all_read=0)


@mutant("MARK-12")
def conversations_without_the_lowest():
    """Says one's own cursors for the lowest in CONVERSATION."""

    @instead(Archive, "_summary")
    def summary(original, self, *of):
        found = original(self, *of)
        if not found.all_delivered:
            return found
        return replace(found, all_delivered=found.delivered, all_read=found.read)
