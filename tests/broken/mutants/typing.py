"""Broken servers that get COMPOSE and COMPOSING wrong."""

from dataclasses import replace

from seams import handlers, instead, messages

from causerie.core import connection as connections
from causerie.core import typing
from causerie.core.connection import Connection
from causerie.core.hub import Hub
from causerie.core.roster import Roster
from causerie.store.keys import key_of, name_for
from causerie_spec import names
from causerie_spec.codec import RawFrame, encode
from causerie_spec.codes import TYPING, ErrorCode
from causerie_spec.messages import Compose, Composing, Error, Ok
from mutants.registry import mutant


def _composing(change):
    """Change what is done with COMPOSE in *ready*: (original, connection, now, ref, message)."""
    original = handlers["COMPOSE"]
    handlers["COMPOSE"] = lambda *request: change(original, *request)


def _relayed(change):
    """Change how COMPOSE is relayed: (connection, other, member, is it the sending one?) → relay it?"""

    def relay(connection, now, me, message):
        key = key_of(message.conversation, me)
        for member in connection.hub.roster.members(key):
            for other in connection.hub.roster.connections_of(member):
                if TYPING in other.negotiated and change(connection, other, member):
                    other.event(now, encode(Composing(name_for(key, member), me, message.active)), own=0)

    typing._relay = relay


# Who is told what


@mutant("TYPE-1")
def typing_to_the_sending_connection():
    """Relays to the sending connection too."""
    _relayed(lambda connection, other, member: True)


@mutant("TYPE-1")
def typing_to_others_alone():
    """Does not relay to one's own other connections."""
    _relayed(lambda connection, other, member: member != connection.handle)


@mutant("TYPE-1")
def typing_to_one_device():
    """Relays to one connection of each member."""
    _relayed(
        lambda connection, other, member: (
            other is not connection and other is connection.hub.roster.connections_of(member)[-1]
        )
    )


@mutant("TYPE-5")
def typing_in_the_words_of_the_sender():
    """Names the conversation as the sender does."""

    @instead(typing, "name_for")
    def name(original, key, me):
        others = [handle for handle in Roster().members(key) if handle != me] if key[0] == "@" else []
        return original(key, others[0] if others else me)


@mutant("TYPE-5")
def always_typing():
    """Says that somebody types when they stopped."""
    messages(Composing, active=True)


@mutant("TYPE-5")
def typing_by_nobody_knows_whom():
    """Puts the reader's handle where the sender's belongs."""
    messages(Composing, handle=lambda message: message.conversation[1:])


@mutant("TYPE-5")
def typing_for_everybody():
    """Relays what is typed to one person to all."""

    def relay(connection, now, me, message):
        roster = connection.hub.roster
        for member in roster.online():
            for other in roster.connections_of(member):
                if TYPING in other.negotiated and other is not connection:
                    other.event(now, encode(Composing(f"@{me}", me, message.active)), own=0)

    typing._relay = relay


@mutant("TYPE-5")
def typing_twice():
    """Relays what is typed in rooms and in the lobby twice."""

    @instead(typing, "_relay")
    def relay(original, connection, now, me, message):
        original(connection, now, me, message)
        if message.conversation[0] == "#":
            original(connection, now, me, message)


@mutant("TYPE-5")
def typing_in_rooms_for_everybody():
    """Relays what is typed in rooms to all who are online."""
    members = Roster.members

    @instead(typing, "_relay")
    def relay(original, connection, now, me, message):
        Roster.members = lambda self, key: tuple(self.online()) if key[0] == "#" else members(self, key)
        original(connection, now, me, message)
        Roster.members = members


@mutant("CAP-2")
def typing_not_negotiated():
    """Relays to connections that did not negotiate it."""

    @instead(typing, "_relay")
    def relay(original, connection, now, me, message):
        for member in connection.hub.roster.members(key_of(message.conversation, me)):
            for other in connection.hub.roster.connections_of(member):
                if other is not connection:
                    name = name_for(key_of(message.conversation, me), member)
                    other.event(now, encode(Composing(name, me, message.active)), own=0)


# Never answered


@mutant("TYPE-2")
def typing_is_acknowledged():
    """Answers COMPOSE."""

    def change(original, peer, now, ref, message):
        original(peer, now, ref, message)
        peer.answer(Ok(), ref)

    _composing(change)


@mutant("TYPE-2")
def typing_is_refused_aloud():
    """Answers a COMPOSE that is refused with ERROR."""

    def change(original, peer, now, ref, message):
        if names.is_conversation(message.conversation):
            original(peer, now, ref, message)
        else:
            peer.answer(Error(ErrorCode.BAD_FIELD, 0, "no such name"), ref)

    _composing(change)


@mutant("TYPE-2")
def typing_needs_a_ref():
    """Takes COMPOSE with ref 0 for malformed."""

    @instead(Connection, "_dispatch")
    def dispatch(original, self, now, frame):
        if frame.type == Compose.TYPE and not frame.ref and TYPING in self.negotiated:
            frame = RawFrame(frame.type, frame.flags, frame.ref, b"")
        original(self, now, frame)


@mutant("TYPE-2")
def typing_with_a_ref_is_ignored():
    """Ignores COMPOSE with a ref."""
    _composing(lambda original, peer, now, ref, message: None if ref else original(peer, now, ref, message))


@mutant("TYPE-2")
def malformed_typing_is_ignored():
    """Ignores COMPOSE that cannot be decoded."""

    @instead(Connection, "_decode")
    def decode(original, self, frame):
        try:
            return original(self, frame)
        except connections.Ended:
            if frame.type != Compose.TYPE:
                raise
            return Compose("", False)


@mutant("FORM-6")
def any_bool_is_true():
    """Takes a bool of 2 for true."""

    @instead(connections, "decode")
    def decode(original, type_, body):
        if type_ == Compose.TYPE and len(body) > 1 and body[-1] > 1:
            body = body[:-1] + b"\x01"
        return original(type_, body)


@mutant("TYPE-2")
def typing_before_login_is_a_wrong_state():
    """Answers COMPOSE before login with ERROR WRONG_STATE."""

    @instead(Connection, "_dispatch")
    def dispatch(original, self, now, frame):
        original(self, now, frame)
        if frame.type == Compose.TYPE and self.handle is None and TYPING in self.negotiated:
            self.answer(Error(ErrorCode.WRONG_STATE, 0, "not yet"), frame.ref)


# Refused without effect


@mutant("TYPE-6")
def typing_by_strangers():
    """Relays what somebody types in a room without being a member."""

    def change(original, peer, now, ref, message):
        if names.is_conversation(message.conversation):
            typing._relay(peer, now, peer.handle, message)

    _composing(change)


@mutant("TYPE-6")
def typing_in_any_name():
    """Mends names of conversations that are ill-formed."""

    def change(original, peer, now, ref, message):
        name = message.conversation.strip().strip("\0").lower()
        if not names.is_conversation(name):
            name = f"@{peer.handle}"
        original(peer, now, ref, replace(message, conversation=name))

    _composing(change)


@mutant("WHO-13")
def typing_to_nobody():
    """Relays what is typed to a handle that nobody has to one's own other connections."""

    def change(original, peer, now, ref, message):
        if message.conversation[:1] == "@" and names.is_conversation(message.conversation):
            typing._relay(peer, now, peer.handle, message)
        else:
            original(peer, now, ref, message)

    _composing(change)


@mutant("TYPE-1")
def typing_to_those_gone():
    """Does not relay to one's own other connections while the other person is offline."""

    def change(original, peer, now, ref, message):
        if message.conversation[:1] != "@" or message.conversation[1:] in peer.hub.roster:
            original(peer, now, ref, message)

    _composing(change)


@mutant("TYPE-6")
def typing_is_kept_until_login():
    """Relays what was typed before login when the login comes."""
    kept = {}

    @instead(Connection, "_dispatch")
    def dispatch(original, self, now, frame):
        if frame.type == Compose.TYPE and self.handle is None and TYPING in self.negotiated:
            kept[self] = self._decode(frame)
        original(self, now, frame)

    @instead(Hub, "login")
    def login(original, self, connection, now, handle, *more):
        original(self, connection, now, handle, *more)
        if connection in kept:
            handlers["COMPOSE"](connection, now, 0, kept.pop(connection))


# Each by itself, in its place


@mutant("TYPE-7")
def only_changes_of_typing():
    """Does not relay the same COMPOSE again."""
    last = {}

    def change(original, peer, now, ref, message):
        if last.get((peer, message.conversation)) != message.active:
            last[peer, message.conversation] = message.active
            original(peer, now, ref, message)

    _composing(change)


def _stop(peer, now, last):
    """Relay that they stopped."""
    message = last.pop(peer, None)
    if message is not None:
        typing._relay(peer, now, peer.handle, replace(message, active=False))


def _remembering():
    last = {}

    def change(original, peer, now, ref, message):
        last[peer] = message
        original(peer, now, ref, message)

    _composing(change)
    return last


@mutant("TYPE-7")
def who_writes_stops_typing():
    """Says that somebody stopped typing when they write."""
    last = _remembering()
    send = handlers["SEND"]

    def stop(peer, now, ref, message):
        _stop(peer, now, last)
        send(peer, now, ref, message)

    handlers["SEND"] = stop


@mutant("TYPE-7")
def who_leaves_stops_typing():
    """Says that somebody stopped typing when they disconnect."""
    last = _remembering()

    @instead(Hub, "logout")
    def logout(original, self, connection, now):
        if connection.handle is not None:
            _stop(connection, now, last)
        original(self, connection, now)


@mutant("TYPE-7")
def who_comes_late_is_told():
    """Tells who logs in who is typing to them."""
    last = _remembering()

    @instead(Hub, "login")
    def login(original, self, connection, now, handle, *more):
        original(self, connection, now, handle, *more)
        for peer, message in last.items():
            if message.conversation == f"@{handle}" and TYPING in connection.negotiated and peer.handle:
                connection.event(now, encode(Composing(f"@{peer.handle}", peer.handle, True)), own=0)


@mutant("TYPE-8")
def typing_comes_late():
    """Relays COMPOSE after the answer to what came next."""
    late = []

    def change(original, *request):
        late.append((original, request))

    _composing(change)

    @instead(Connection, "answer")
    def answer(original, self, message, ref):
        original(self, message, ref)
        while late and late[0][1][0] is self:
            compose, request = late.pop(0)
            compose(*request)
