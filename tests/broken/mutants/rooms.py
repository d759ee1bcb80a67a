"""Broken servers that get rooms wrong: joining, leaving, membership, and who receives what."""

from dataclasses import replace

from seams import before, handlers, instead, instead_of, messages

from causerie.core import rooms, sending
from causerie.core.connection import Connection
from causerie.core.refusal import Refused
from causerie.core.roster import Roster
from causerie.store import archive
from causerie.store.archive import Archive
from causerie.store.operations import Append, Exit, Join, Joined, Leave, Left, Listing, Room, Rooms
from causerie_spec.codec import encode
from causerie_spec.codes import LOBBY, ErrorCode, Kind
from causerie_spec.messages import ChatMessage, Conversation
from causerie_spec.messages import Room as RoomItem
from mutants.registry import mutant


def _of(kind, **fields):
    """Change JOINED or LEFT wherever it is told."""
    values = {
        name: lambda message, name=name, value=value: value if message.kind == kind else getattr(message, name)
        for name, value in fields.items()
    }
    messages(ChatMessage, **values)


# JOIN


@mutant("ROOM-1")
def rooms_must_be_there():
    """JOIN of a room that there is not is refused, after the first room of all."""
    made = set()

    @instead_of(Join)
    def join(original, self, join):
        if made and not self._find(join.conversation).known:
            return ErrorCode.NO_SUCH_CONVERSATION
        made.add(join.conversation)
        return original(self, join)


@mutant("ROOM-1")
def joining_takes_a_while():
    """Answers JOIN before the joiner is a member."""
    late = []

    @instead_of(Join)
    def join(original, self, join):
        joined = original(self, join)
        room = self._find(join.conversation)
        late.append((room, join.handle, room.cursors.pop(join.handle)))
        return joined

    @instead_of(Append)
    def append(original, self, append):
        result = original(self, append)
        for room, handle, cursors in late:
            room.begin(handle, cursors)
        late.clear()
        return result


@mutant("ROOM-2")
def joined_has_words():
    """Says in words that somebody joined."""
    _of(Kind.JOINED, text="has joined")


@mutant("ROOM-2")
def left_is_joined():
    """Says JOINED when somebody leaves."""
    messages(ChatMessage, kind=lambda message: Kind.JOINED if message.kind == Kind.LEFT else message.kind)


@mutant("ROOM-2")
def left_has_a_txn():
    """Gives LEFT a txn."""
    _of(Kind.LEFT, txn=99)


@mutant("ROOM-2")
def nobody_is_told_of_joins():
    """Writes no JOINED."""

    @instead_of(Join)
    def join(original, self, join):
        room = self._find(join.conversation)
        joined = original(self, join)
        if joined.message is not None:
            room.head -= 1
        return Joined(self._summary(room, join.handle), None)


@mutant("ROOM-2")
def the_leaver_is_not_told():
    """LEFT does not go to the leaver."""

    @instead(rooms, "fan_out")
    def fan_out(original, hub, now, room, items):
        gone = [(connection.handle, message) for connection, message in items if message.kind == Kind.LEFT]
        for handle, _ in gone:
            hub.roster.leave(handle, room)
        original(hub, now, room, items)


@mutant("ROOM-3")
def joined_before_conversation():
    """JOINED comes before the CONVERSATION that counts it."""
    held = []

    @instead(Connection, "answer")
    def answer(original, self, message, ref):
        if isinstance(message, Conversation):
            held.append((self, message, ref))
        else:
            original(self, message, ref)

    @instead(Connection, "told")
    def told(original, self, now, done, result):
        original(self, now, done, result)
        for connection, message, ref in held:
            connection.put(encode(message, ref))
        held.clear()


@mutant("ROOM-3")
def joined_on_one_connection():
    """JOINED does not come on the joiner's other connections."""

    @instead(Roster, "connections_of")
    def connections_of(original, self, handle):
        found = original(self, handle)
        return [each for each in found if each in JOINERS] if any(each in JOINERS for each in found) else found

    @instead(rooms, "fan_out")
    def fan_out(original, hub, now, room, items):
        JOINERS.extend(connection for connection, message in items if message.kind == Kind.JOINED)
        original(hub, now, room, items)
        JOINERS.clear()


JOINERS: list[Connection] = []


@mutant("ROOM-4")
def every_join_is_written():
    """JOIN by a member writes JOINED again."""

    @instead_of(Join)
    def join(original, self, join):
        joined = original(self, join)
        if joined.message is None:
            room = self._find(join.conversation)
            message = self._write(room, join.handle, 0, Kind.JOINED, "")
            return Joined(self._summary(room, join.handle), message)
        return joined


@mutant("ROOM-4")
def members_may_not_join():
    """Refuses JOIN by a member."""

    @instead_of(Join)
    def join(original, self, join):
        joined = original(self, join)
        return joined if joined.message is not None else ErrorCode.BAD_FIELD


@mutant("ROOM-12")
def head_before_the_joined():
    """JOIN's CONVERSATION does not count its JOINED."""

    @instead_of(Join)
    def join(original, self, join):
        joined = original(self, join)
        if joined.message is None:
            return joined
        return replace(joined, summary=replace(joined.summary, head=joined.summary.head - 1))


@mutant("ROOM-13")
def members_without_the_joiner():
    """JOIN's CONVERSATION does not count the joiner among the members."""

    @instead_of(Join)
    def join(original, self, join):
        joined = original(self, join)
        if joined.message is None:
            return joined
        return replace(joined, summary=replace(joined.summary, members=joined.summary.members - 1))


@mutant("ROOM-13")
def members_online():
    """ROOMS counts the members who are online."""
    rosters = []

    @instead(Roster, "__init__")
    def init(original, self):
        original(self)
        rosters.append(self)

    messages(
        RoomItem,
        members=lambda room: (
            room.members if room.conversation == LOBBY else len(list(rosters[0].members(room.conversation)))
        ),
    )


@mutant("ROOM-13")
def a_lobby_of_one():
    """Says that the lobby has one member."""
    messages(RoomItem, members=lambda room: 1 if room.conversation == LOBBY else room.members)


# LEAVE


@mutant("ROOM-5")
def strangers_may_leave():
    """Answers LEAVE by somebody who is not a member with OK."""

    @instead_of(Leave)
    def leave(original, self, leave):
        result = original(self, leave)
        if result != ErrorCode.NOT_A_MEMBER:
            return result
        return Left(self._write(self._find(leave.conversation), leave.handle, 0, Kind.LEFT, ""))


@mutant("ROOM-11")
def rooms_that_never_were():
    """Says NOT_A_MEMBER of rooms that never were."""

    @instead(Archive, "_why_not")
    def why_not(original, self, conversation, handle):
        code = original(self, conversation, handle)
        return ErrorCode.NOT_A_MEMBER if code and conversation.is_room else code


@mutant("ROOM-11")
def empty_rooms_are_gone():
    """Says NO_SUCH_CONVERSATION of rooms that everybody left."""

    @instead(Archive, "_why_not")
    def why_not(original, self, conversation, handle):
        if conversation.is_room and not conversation.cursors:
            return ErrorCode.NO_SUCH_CONVERSATION
        return original(self, conversation, handle)


@mutant("ROOM-6")
def rooms_are_open():
    """Takes SEND to a room from anybody."""

    @instead_of(Append)
    def append(original, self, append):
        result = original(self, append)
        if result != ErrorCode.NOT_A_MEMBER:
            return result
        return self._write(self._find(append.conversation), append.sender, append.txn, append.kind, append.text)


# Membership


@mutant("ROOM-7")
def logging_out_is_leaving():
    """Membership ends with the last connection."""

    @instead_of(Exit)
    def exit_(original, self, exited):
        for room in self._tables.rooms_of(exited.handle):
            self._leave(Leave(room, exited.handle))
        return original(self, exited)


@mutant("ROOM-7")
def membership_of_a_connection():
    """Only the connection that joined may leave."""
    joined = {}

    @before("JOIN")
    def join(peer, message):
        joined.setdefault((peer.handle, message.conversation), peer)
        return message

    @before("LEAVE")
    def leave(peer, message):
        if joined.get((peer.handle, message.conversation), peer) is not peer:
            raise Refused(ErrorCode.NOT_A_MEMBER, "on this connection")
        return message


@mutant("ROOM-8")
def empty_rooms_are_forgotten():
    """A room whose last member left begins again at seq 1."""

    @instead_of(Join)
    def join(original, self, join):
        room = self._find(join.conversation)
        if not room.cursors:
            room.head, room.first = 0, 1
        return original(self, join)


@mutant("ROOM-14")
def leavers_hear_on():
    """Who left still hears the room."""
    Roster.leave = lambda self, handle, room: None


@mutant("ROOM-14")
def later_devices_are_out():
    """A connection that logs in later is not in the rooms of its handle."""

    @instead(Roster, "connections_of")
    def connections_of(original, self, handle):
        found = original(self, handle)
        return found[:1] if ROOM_NOW else found

    @instead(sending, "fan_out")
    def fan_out(original, hub, now, key, items):
        ROOM_NOW[:] = [key] if key[0] == "#" and key != LOBBY else []
        original(hub, now, key, items)
        ROOM_NOW.clear()


ROOM_NOW: list[str] = []


@mutant("ROOM-14")
def rooms_are_public():
    """Everybody online hears every room."""
    Roster.members = lambda self, key, original=Roster.members: (
        tuple(self.online()) if key[0] == "#" else original(self, key)
    )


@mutant("ROOM-15")
def fifty_rooms():
    """Lets nobody into more than 50 rooms."""
    archive.MAX_ROOMS = 50


# What is no room


@mutant("ROOM-9")
def people_are_rooms():
    """Lets people join people."""
    _check_of_rooms(lambda name: name[:1] == "@")


@mutant("LOBBY-2")
def the_lobby_is_a_room():
    """Lets people join and leave the lobby."""
    _check_of_rooms(lambda name: name == LOBBY)


def _check_of_rooms(passes):
    @instead(rooms, "_check_room")
    def check(original, name):
        if not passes(name):
            original(name)


# ROOMS


@mutant("ROOM-10")
def rooms_without_the_lobby():
    """ROOMS does not list the lobby."""

    @instead(Connection, "answer")
    def answer(original, self, message, ref):
        if not (isinstance(message, RoomItem) and message.conversation == LOBBY):
            original(self, message, ref)


@mutant("ROOM-10")
def empty_rooms_are_listed():
    """ROOMS lists rooms that have no members."""

    @instead_of(Rooms)
    def list_rooms(original, self, wanted):
        keys = (key for key, room in self._conversations.items() if room.is_room and room.row and key > wanted.after)
        found = tuple(Room(key, len(self._find(key).cursors)) for key in sorted(keys))
        return Listing(found[: wanted.limit], more=len(found) > wanted.limit)


@mutant("ROOM-10")
def only_own_rooms():
    """ROOMS lists the rooms that one is in, and no others."""
    asked = []
    request = handlers["ROOMS"]

    def ask(peer, now, ref, message):
        asked[:] = [peer.handle]
        request(peer, now, ref, message)

    handlers["ROOMS"] = ask

    @instead_of(Rooms)
    def list_rooms(original, self, wanted):
        found = original(self, wanted)
        mine = tuple(room for room in found.items if asked[0] in self._find(room.conversation).cursors)
        return Listing(mine, found.more)
