"""Broken servers that get SEND, logs or who receives what wrong."""

from dataclasses import replace

from seams import before, instead, messages, without_history

from causerie.core import sending
from causerie.core.connection import Connection
from causerie.core.hub import Hub
from causerie.core.refusal import Refused
from causerie.core.roster import Roster
from causerie.store.archive import Archive
from causerie.store.operations import Exit, Stored
from causerie_spec import codes
from causerie_spec.codec import encode
from causerie_spec.codes import ErrorCode
from causerie_spec.messages import Ack, ChatMessage
from mutants.registry import mutant


@mutant("MSG-1")
def seq_from_0():
    """Numbers messages from 0."""
    messages(ChatMessage, seq=lambda message: message.seq - 1)
    messages(Ack, seq=lambda message: message.seq - 1)


@mutant("MSG-1")
def one_counter_for_all():
    """Numbers the messages of all conversations with one counter."""

    @before("SEND")
    def change(peer, message):
        return message

    counter = iter(range(1, 1 << 60))

    @instead(Archive, "_write")
    def write(original, self, conversation, *message):
        conversation.head = next(counter) - 1
        return original(self, conversation, *message)


@mutant("MSG-2")
def time_falls():
    """Timestamps fall as seq rises."""
    messages(ChatMessage, timestamp=lambda message: message.timestamp - message.seq * 100_000)
    messages(Ack, timestamp=lambda message: message.timestamp - message.seq * 100_000)


@mutant("MSG-3")
def not_to_the_sender():
    """The sender does not get its own message."""

    @instead(Connection, "event")
    def event(original, self, now, data, own=0):
        if not own:
            original(self, now, data, own)


@mutant("MSG-3")
def to_one_connection_of_each():
    """Only one connection of a member gets a message."""

    @instead(Roster, "connections_of")
    def connections_of(original, self, handle):
        return original(self, handle)[:1]


@mutant("MSG-4")
def everything_twice():
    """Delivers every message twice."""

    @instead(Connection, "event")
    def event(original, self, now, data, own=0):
        original(self, now, data + data, 2 * own)


@mutant("MSG-5")
def txn_is_lost():
    """MESSAGE has txn 0."""
    messages(ChatMessage, txn=0)


@mutant("MSG-6")
def ack_has_its_own_time():
    """ACK's timestamp is not that of the MESSAGE."""
    messages(Ack, timestamp=lambda message: message.timestamp + 1)


@mutant("MSG-7")
def direct_messages_to_all():
    """Everybody gets direct messages."""
    original = Roster.members
    Roster.members = lambda self, key: tuple(self.online()) if key[0] == "@" else original(self, key)
    name_for = sending.name_for
    sending.name_for = lambda key, me: (
        name_for(key, me) if key[0] == "#" or f"@{me}" in key.split(" ") else key.split(" ")[0]
    )


@mutant("MSG-8")
def message_before_ready():
    """Sends an event before READY."""

    @instead(Connection, "become_ready")
    def become_ready(original, self, now, handle):
        original(self, now, handle)
        self.event(now, encode(ChatMessage("#lobby", 1, self.hub.wall_ms(), handle, 1, 0, "hi")))


@mutant("MSG-9")
def numbers_start_again():
    """Forgets a conversation's numbers when a handle leaves."""

    without_history()

    @instead(Archive, "apply")
    def apply(original, self, operation):
        if isinstance(operation, Exit):
            for key, conversation in self._conversations.items():
                if f"@{operation.handle}" in key.split(" "):
                    conversation.head = 0
        return original(self, operation)


@mutant("SEND-1")
def no_ack():
    """Does not answer SEND."""

    @instead(sending, "_answer")
    def answer(original, ref, result):
        return b"" if isinstance(result, Stored) else original(ref, result)


@mutant("SEND-3")
def txn_0_is_taken():
    """Takes txn 0."""

    @instead(sending, "_check_fields")
    def check(original, message):
        original(message if message.txn else replace(message, txn=1))


@mutant("SEND-4")
def only_known_kinds():
    """Refuses kinds above 1."""

    @before("SEND")
    def change(peer, message):
        if 1 < message.kind < 128:
            raise Refused(ErrorCode.BAD_FIELD, "kind")
        return message


@mutant("SEND-4")
def any_kind():
    """Takes kinds that are the server's."""
    sending.MAX_KIND_FROM_CLIENT = 255


@mutant("SEND-5")
def text_is_trimmed():
    """Strips white space from texts."""

    @before("SEND")
    def change(peer, message):
        return replace(message, text=message.text.strip() or message.text)


@mutant("SEND-6")
def empty_texts():
    """Takes empty texts."""

    @instead(sending, "_check_fields")
    def check(original, message):
        original(message if message.text else replace(message, text=" "))


@mutant("SEND-7")
def long_texts_are_cut():
    """Cuts texts that are too long."""

    @before("SEND")
    def change(peer, message):
        return replace(message, text=message.text.encode()[: codes.MAX_TEXT].decode(errors="ignore"))


@mutant("SEND-7")
def text_limit_in_characters():
    """Counts characters, not octets."""

    @instead(sending, "_check_fields")
    def check(original, message):
        if 0 < len(message.text) <= codes.MAX_TEXT:
            message = replace(message, text="x")
        original(message)


@mutant("SEND-8")
def refused_sends_use_up_a_seq():
    """A SEND that is refused takes a number."""

    @instead(sending, "_check_fields")
    def check(original, message):
        try:
            original(message)
        except Refused:
            archives[0]._find(message.conversation).head += 1
            raise

    archives = []

    @instead(Archive, "__init__")
    def init(original, self, *settings, **named):
        original(self, *settings, **named)
        archives.append(self)


@mutant("LOBBY-1")
def lobby_of_those_who_spoke():
    """Only those who ever spoke are in the lobby."""
    spoke = set()

    @before("SEND")
    def change(peer, message):
        spoke.add(peer.handle)
        return message

    original = Roster.members
    Roster.members = lambda self, key: tuple(spoke & set(self.online())) if key == codes.LOBBY else original(self, key)


@mutant("DIRECT-1")
def direct_as_the_sender_names_it():
    """The receiver sees a direct message under its own name."""

    @instead(sending, "name_for")
    def name_for(original, key, me):
        if key[0] == "#":
            return original(key, me)
        first, second = key.split(" ")
        return second if first == second else f"@{me}"


@mutant("DIRECT-2")
def a_log_for_each_direction():
    """Numbers each direction of a direct conversation by itself."""

    heads = {}

    @instead(Archive, "_write")
    def write(original, self, conversation, sender, *message):
        if conversation.key[0] == "@":
            heads[conversation, sender] = heads.get((conversation, sender), 0) + 1
            conversation.head = heads[conversation, sender] - 1
        return original(self, conversation, sender, *message)


@mutant("DIRECT-3")
def messages_into_the_void():
    """Acknowledges direct messages to people who are not online."""
    without_history()
    Hub.why_not = lambda self, name: None
    Archive._why_not = lambda self, conversation, handle: None


@mutant("DIRECT-4")
def no_notes_to_self():
    """Refuses direct messages to oneself."""

    @before("SEND")
    def change(peer, message):
        if message.conversation == f"@{peer.handle}":
            raise Refused(ErrorCode.NO_SUCH_CONVERSATION, "yourself")
        return message
