"""Broken servers: each breaks one clause, in a few lines, and is otherwise the reference.

In here: what each does wrong. A mutant is found by its name; `clause` is what it breaks, and the suite must fail at a
case that cites that clause.
"""

import itertools
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, replace

from seams import before, frames, handlers, instead, messages

from causerie.core import connection as connections
from causerie.core import login, requests, sending
from causerie.core.connection import Connection
from causerie.core.hub import Hub
from causerie.core.refusal import Ended, Refused
from causerie.server import cli
from causerie.store.memory import MemoryStore
from causerie.store.operations import Appended, Release, Reserve
from causerie_spec import codes, names
from causerie_spec.codec import Decoder, encode
from causerie_spec.codes import ByeCode, ErrorCode
from causerie_spec.messages import Ack, Bye, ChatMessage, Error, Hello, Pong, Ready, Welcome
from causerie_spec.states import TABLE, Outcome, State


@dataclass(frozen=True)
class Mutant:
    """A broken server."""

    name: str
    clause: str
    apply: Callable[[], None]

    def __str__(self) -> str:
        return self.name

    @property
    def what(self) -> str:
        """What it does wrong."""
        return (self.apply.__doc__ or "").strip()


MUTANTS: dict[str, Mutant] = {}


def with_limits(**broken):
    """Have the server started with these limits, whatever its options say."""
    original = cli.Limits
    cli.Limits = lambda **settings: original(**{**settings, **broken})


def mutant(clause: str):
    """Enter a mutant that breaks that clause."""

    def enter(function):
        name = function.__name__.replace("_", "-")
        assert name not in MUTANTS, name
        MUTANTS[name] = Mutant(name, clause, function)
        return function

    return enter


# Frames.


@mutant("TIME-1")
def seconds_for_milliseconds():
    """Tells the time in seconds."""
    original = cli.wall_ms
    cli.wall_ms = lambda: original() // 1000


@mutant("FRAME-1")
def length_counts_the_header():
    """`length` counts the 8 octets of the header too."""
    frames(lambda data, message, ref: (len(data)).to_bytes(4, "big") + data[4:])


@mutant("FRAME-1")
def length_is_little_endian():
    """`length` is little-endian."""
    frames(lambda data, message, ref: data[3::-1] + data[4:])


@mutant("FRAME-2")
def one_read_is_one_frame():
    """Takes what one read brings for one frame, and forgets the rest of it."""

    @instead(Connection, "receive_data")
    def receive_data(original, self, now, data):
        limit = self.decoder.limit
        self.decoder = Decoder(limit)
        if len(data) >= 8:
            data = data[: 8 + int.from_bytes(data[:4], "big")]
        original(self, now, data)


@mutant("FRAME-4")
def long_bodies_are_taken():
    """Takes bodies of any length, in every state."""
    connections.MAX_BODY = connections.MAX_BODY_BEFORE_READY = 2**32


@mutant("FRAME-4")
def no_smaller_limit_before_ready():
    """Takes bodies of up to 65,535 octets before login."""
    connections.MAX_BODY_BEFORE_READY = codes.MAX_BODY


@mutant("FRAME-5")
def limit_off_by_one():
    """Refuses a body of exactly the limit."""
    connections.MAX_BODY -= 1
    connections.MAX_BODY_BEFORE_READY -= 1


@mutant("FRAME-6")
def flags_are_set():
    """Sends flags of 1."""
    frames(lambda data, message, ref: data[:5] + b"\1" + data[6:])


@mutant("FRAME-7")
def flags_are_looked_at():
    """Ends the connection when flags are not 0."""

    @instead(Connection, "_dispatch")
    def dispatch(original, self, now, frame):
        if frame.flags:
            raise Ended(ByeCode.MALFORMED, "flags")
        return original(self, now, frame)


@mutant("FRAME-8")
def trailing_octets_are_refused():
    """Ends the connection when octets follow the last field."""

    @instead(Connection, "_decode")
    def decode(original, self, frame):
        message = original(self, frame)
        if len(encode(message)) - 8 != len(frame.body):
            raise Ended(ByeCode.MALFORMED, "trailing octets")
        return message


@mutant("FRAME-9")
def trailing_octets_are_sent():
    """Sends an octet more than PONG has fields for."""

    def change(data, message, ref):
        return (len(data) - 7).to_bytes(4, "big") + data[4:] + b"\0" if isinstance(message, Pong) else data

    frames(change)


@mutant("FRAME-10")
def errors_without_ref():
    """ERROR carries ref 0."""
    frames(lambda data, message, ref: data[:6] + b"\0\0" + data[8:] if isinstance(message, Error) else data)


@mutant("FRAME-10")
def ref_is_one_octet():
    """Echoes the low octet of ref alone."""
    frames(lambda data, message, ref: data[:6] + b"\0" + data[7:])


@mutant("FRAME-11")
def events_have_a_ref():
    """MESSAGE carries a ref."""
    frames(lambda data, message, ref: data[:6] + b"\0\7" + data[8:] if isinstance(message, ChatMessage) else data)


@mutant("FRAME-13")
def bit_7_is_clear():
    """PONG has the type of PING."""
    frames(lambda data, message, ref: data[:4] + b"\4" + data[5:] if isinstance(message, Pong) else data)


@mutant("FORM-2")
def lax_utf8():
    """Replaces octets that are not UTF-8 instead of ending the connection."""

    @instead(Connection, "_decode")
    def decode(original, self, frame):
        try:
            return original(self, frame)
        except Ended as ended:
            if "UTF-8" not in ended.reason:
                raise
            body = bytes(octet if octet < 0x80 else 0x3F for octet in frame.body)
            return original(self, frame._replace(body=body))


@mutant("FORM-3")
def text_is_normalized():
    """Brings texts into the composed normal form."""

    @before("SEND")
    def change(peer, message):
        return replace(message, text=unicodedata.normalize("NFC", message.text))


@mutant("FORM-3")
def byte_order_mark_is_stripped():
    """Strips U+FEFF from the start of a text."""

    @before("SEND")
    def change(peer, message):
        return replace(message, text=message.text.removeprefix("\ufeff") or " ")


@mutant("FORM-5")
def lists_without_limits():
    """Takes lists of any length, with entries of any length."""

    @instead(Connection, "_decode")
    def decode(original, self, frame):
        try:
            return original(self, frame)
        except Ended as ended:
            if "entr" not in ended.reason:
                raise
            return Hello(codes.MAGIC, 1, 1, 0, "", ())


@mutant("FORM-4")
def short_bodies_are_padded():
    """Takes the fields that are missing at the end of a body for zeros."""

    @instead(Connection, "_decode")
    def decode(original, self, frame):
        try:
            return original(self, frame)
        except Ended as ended:
            if "ends" not in ended.reason:
                raise
            return original(self, frame._replace(body=frame.body + bytes(64)))


# Names.


@mutant("NAME-1")
def newline_ends_a_handle():
    """Lets a newline through at the end of a handle."""
    original = names.is_handle
    names.is_handle = lambda text: original(text.removesuffix("\n"))


@mutant("NAME-1")
def handles_in_capitals():
    """Takes handles with capital letters."""
    original = names.is_handle
    names.is_handle = lambda text: original(text.lower())


@mutant("NAME-2")
def any_display_name():
    """Takes any display name."""
    names.is_display = lambda text: True


@mutant("NAME-3")
def any_conversation_name():
    """Looks for ill-formed conversations instead of refusing them."""
    names.is_conversation = lambda text: True


@mutant("NAME-4")
def unknown_conversations_are_bad_fields():
    """Answers BAD_FIELD for a conversation that does not exist."""
    messages(
        Error, code=lambda error: ErrorCode.BAD_FIELD if error.code == ErrorCode.NO_SUCH_CONVERSATION else error.code
    )


@mutant("NAME-5")
def display_names_count_characters():
    """Refuses display names of more than 20 octets."""
    original = names.is_display
    names.is_display = lambda text: original(text) and len(text.encode()) <= 20


@mutant("NAME-6")
def sender_with_a_sign():
    """Writes the sender with a sign."""
    messages(ChatMessage, sender=lambda message: "@" + message.sender)


# Errors and states.


@mutant("ERR-1")
def errors_end_the_connection():
    """Closes after an ERROR."""

    @instead(Connection, "answer")
    def answer(original, self, message, ref):
        original(self, message, ref)
        if isinstance(message, Error):
            self.hub.logout(self, 0)
            self._begin_closing(self._active_at)


@mutant("ERR-2")
def malformed_is_an_error():
    """Answers ERROR BAD_FIELD to what cannot be decoded."""

    @instead(Connection, "_decode")
    def decode(original, self, frame):
        try:
            return original(self, frame)
        except Ended as ended:
            raise Refused(ErrorCode.BAD_FIELD, ended.reason) from None


@mutant("ERR-3")
def ref_0_is_answered():
    """Answers requests with ref 0 like any other."""

    @instead(Connection, "_decode")
    def decode(original, self, frame):
        return original(self, frame._replace(ref=frame.ref or 1))


@mutant("ERR-4")
def unknown_types_end_the_connection():
    """Ends the connection at an unknown type."""

    @instead(Connection, "_dispatch")
    def dispatch(original, self, now, frame):
        try:
            return original(self, now, frame)
        except Refused as refused:
            if refused.code is ErrorCode.UNSUPPORTED:
                raise Ended(ByeCode.MALFORMED, refused.detail) from None
            raise


@mutant("ERR-5")
def unknown_types_with_ref_0_are_answered():
    """Answers ERROR to an unknown type with ref 0."""

    @instead(Connection, "_dispatch")
    def dispatch(original, self, now, frame):
        if self.state is not State.HELLO and frame.type not in (1, 2, 3, 4, 5, 16):
            raise Refused(ErrorCode.UNSUPPORTED, "unknown")
        return original(self, now, frame)


@mutant("ERR-6")
def bad_fields_are_internal_errors():
    """Answers INTERNAL where it should say BAD_FIELD."""
    messages(Error, code=lambda error: ErrorCode.INTERNAL if error.code == ErrorCode.BAD_FIELD else error.code)


@mutant("ERR-7")
def state_before_decodable():
    """Looks at the state before it decodes."""

    @instead(Connection, "_dispatch")
    def dispatch(original, self, now, frame):
        if self.state is State.LOGIN and frame.type == 0x10:
            raise Refused(ErrorCode.WRONG_STATE, "log in first")
        return original(self, now, frame)


@mutant("ERR-8")
def bye_without_ref():
    """BYE carries ref 0, whatever caused it."""
    frames(lambda data, message, ref: data[:6] + b"\0\0" + data[8:] if isinstance(message, Bye) else data)


@mutant("ERR-9")
def malformed_ends_everybody():
    """Ends every connection when one sends what cannot be decoded."""

    @instead(Connection, "end")
    def end(original, self, now, ended, ref=0):
        original(self, now, ended, ref)
        if ended.code is ByeCode.MALFORMED:
            for other in list(self.hub._connections):
                original(other, now, ended)


@mutant("ERR-10")
def no_details():
    """Says nothing in `detail` and `reason`."""
    messages(Error, detail="")
    messages(Bye, reason="")


@mutant("ERR-11")
def codes_of_its_own():
    """ERROR carries a code that is not in the protocol, where it should say UNSUPPORTED."""
    messages(Error, code=lambda error: 404 if error.code == ErrorCode.UNSUPPORTED else error.code)


@mutant("STATE-1")
def ping_before_hello():
    """Answers PING before HELLO."""

    @instead(Connection, "_dispatch_hello")
    def dispatch(original, self, now, frame):
        if frame.type == 4 and len(frame.body) == 8:
            self.answer(Pong(int.from_bytes(frame.body, "big")), frame.ref)
        else:
            original(self, now, frame)


@mutant("STATE-2")
def bad_field_before_login():
    """Answers BAD_FIELD, not WRONG_STATE, to SEND before login."""
    TABLE[State.LOGIN]["SEND"] = Outcome.ACCEPT

    def send(peer, now, ref, message):
        raise Refused(ErrorCode.BAD_FIELD, "log in first")

    original = handlers["SEND"]
    handlers["SEND"] = lambda peer, *rest: (original if peer.handle else send)(peer, *rest)


@mutant("STATE-3")
def hello_again():
    """Answers a second HELLO with WELCOME."""
    TABLE[State.READY]["HELLO"] = Outcome.ACCEPT

    @instead(requests, "hello")
    def hello(original, peer, now, ref, message):
        state = peer.state
        original(peer, now, ref, message)
        if state is State.READY:
            peer.state = state

    handlers["HELLO"] = requests.hello


@mutant("STATE-4")
def talks_after_bye():
    """Sends PONG after BYE."""

    @instead(Connection, "end")
    def end(original, self, now, ended, ref=0):
        original(self, now, ended, ref)
        self.output.put(encode(Pong(0), ref), own=True)


@mutant("STATE-5")
def never_closes():
    """Keeps the connection open after BYE."""
    Connection.finished = property(lambda self: False)

    @instead(Connection, "due")
    def due(original, self):
        return None if self.state is State.CLOSING else original(self)


# Hello.


@mutant("HELLO-2")
def greets_first():
    """Sends PONG as soon as a connection is accepted."""

    @instead(Hub, "connect")
    def connect(original, self, now, peer):
        connection = original(self, now, peer)
        connection.answer(Pong(0), 0)
        return connection


@mutant("HELLO-3")
def no_welcome_for_unknown_capabilities():
    """Ends the connection at a capability that it does not know."""

    @before("HELLO")
    def change(peer, message):
        if message.capabilities:
            raise Ended(ByeCode.MALFORMED, "what is that?")
        return message


@mutant("HELLO-4")
def the_clients_highest_version():
    """Answers with the highest version of the client."""
    highest = {}

    @before("HELLO")
    def change(peer, message):
        highest[0] = message.max_version
        return message

    messages(Welcome, version=lambda message: highest[0])


@mutant("HELLO-5")
def any_version():
    """Takes any range of versions."""

    @before("HELLO")
    def change(peer, message):
        return replace(message, min_version=1, max_version=1)


@mutant("HELLO-6")
def any_magic():
    """Takes any magic."""

    @before("HELLO")
    def change(peer, message):
        return replace(message, magic=codes.MAGIC)


@mutant("HELLO-7")
def an_epoch_for_each_connection():
    """Tells each connection another epoch."""
    epochs = itertools.count(1)
    messages(Welcome, epoch=lambda message: next(epochs))


@mutant("HELLO-8")
def offers_no_mechanism():
    """Lists no login mechanism."""
    messages(Welcome, mechanisms=())


@mutant("CAP-1")
def lists_what_it_has_not():
    """Lists a capability whose requests it does not know."""
    messages(Welcome, capabilities=("rooms",))


# Login.


@mutant("LOGIN-1")
def ready_for_another():
    """READY names the handle in capitals."""
    messages(Ready, handle=lambda message: message.handle[::-1])


@mutant("LOGIN-2")
def handle_before_mechanism():
    """Answers BAD_FIELD to an unknown mechanism."""
    messages(Error, code=lambda error: ErrorCode.BAD_FIELD if error.code == ErrorCode.NO_SUCH_MECHANISM else error.code)


@mutant("LOGIN-4")
def one_try():
    """Takes no second LOGIN after one that was refused."""
    tried = set()

    @before("LOGIN")
    def change(peer, message):
        if peer in tried:
            raise Refused(ErrorCode.WRONG_STATE, "once only")
        tried.add(peer)
        return message


@mutant("LOGIN-5")
def one_connection_a_handle():
    """Refuses a second connection of a handle."""

    @before("LOGIN")
    def change(peer, message):
        if message.handle in peer.hub._online:
            raise Refused(ErrorCode.HANDLE_TAKEN, "online already")
        return message


@mutant("LOGIN-6")
def the_first_display_name():
    """READY shows the display name of the handle's first login."""
    first = {}
    messages(Ready, display=lambda message: first.setdefault(message.handle, message.display))


@mutant("TOKEN-1")
def tokens_of_any_length():
    """Takes tokens of any length."""
    login.TOKEN_MIN, login.TOKEN_MAX = 0, 1024


@mutant("TOKEN-1")
def tokens_of_32_octets_only():
    """Refuses tokens of 16 and of 64 octets."""
    login.TOKEN_MIN, login.TOKEN_MAX = 32, 32


@mutant("TOKEN-2")
def the_last_token_wins():
    """Reserves a handle for whoever asked last."""

    @instead(MemoryStore, "_do")
    def do(original, self, operation):
        if isinstance(operation, Reserve):
            self._tokens.pop(operation.handle, None)
        return original(self, operation)


@mutant("TOKEN-3")
def any_token():
    """Lets any token in."""

    @instead(MemoryStore, "_do")
    def do(original, self, operation):
        return isinstance(operation, Reserve) or original(self, operation)


@mutant("TOKEN-4")
def released_by_the_first_logout():
    """Forgets the token when the first of two connections leaves."""

    @instead(Hub, "logout")
    def logout(original, self, connection, now):
        handle = connection.handle
        original(self, connection, now)
        if handle is not None:
            self.ask(Release(handle), None)


@mutant("TOKEN-6")
def ready_with_payload():
    """READY carries a payload after TOKEN."""
    messages(Ready, payload=b"welcome")


# Requests.


@mutant("REQ-1")
def two_answers():
    """Answers PING twice."""
    original = handlers["PING"]

    def ping(*args):
        original(*args)
        original(*args)

    handlers["PING"] = ping


@mutant("REQ-2")
def answers_out_of_order():
    """Answers what comes behind a SEND before it."""

    @instead(Connection, "_handle")
    def handle(original, self, now, frame):
        pending, self.pending_sends = self.pending_sends, 0
        original(self, now, frame)
        self.pending_sends += pending


@mutant("REQ-5")
def forgets_what_follows_hello():
    """Drops what came in the same read as HELLO."""

    @before("HELLO")
    def change(peer, message):
        peer.decoder = Decoder(peer.decoder.limit)
        return message


@mutant("REQ-7")
def ack_before_message():
    """Tells of a message only when the next request has been answered."""
    late = []
    fan_out = sending._fan_out
    sending._fan_out = lambda *args: late.append(args)

    @instead(Connection, "_dispatch")
    def dispatch(original, self, now, frame):
        try:
            original(self, now, frame)
        finally:
            while late:
                fan_out(*late.pop(0))


@mutant("PING-1")
def tokens_of_53_bits():
    """Keeps 53 bits of PING's token, as a language without integers does."""
    messages(Pong, token=lambda message: min(int(float(message.token)), 2**64 - 1))


# Messages.


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

    @instead(MemoryStore, "_append")
    def append(original, self, operation):
        return original(self, replace(operation, conversation="all") if operation.unless is None else operation)


@mutant("MSG-2")
def time_falls():
    """Timestamps fall as seq rises."""
    messages(ChatMessage, timestamp=lambda message: message.timestamp - message.seq * 100_000)
    messages(Ack, timestamp=lambda message: message.timestamp - message.seq * 100_000)


@mutant("MSG-3")
def not_to_the_sender():
    """The sender does not get its own message."""

    @instead(Connection, "event")
    def event(original, self, now, data, own):
        if not own:
            original(self, now, data, own)


@mutant("MSG-3")
def to_one_connection_of_each():
    """Only one connection of a member gets a message."""

    @instead(Hub, "connections_of")
    def connections_of(original, self, handle):
        return original(self, handle)[:1]


@mutant("MSG-4")
def everything_twice():
    """Delivers every message twice."""

    @instead(Connection, "event")
    def event(original, self, now, data, own):
        original(self, now, data + data, own)


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
    original = Hub.members
    Hub.members = lambda self, key: tuple(self._online) if key[0] == "@" and " " in key else original(self, key)
    name_for = sending.name_for
    sending.name_for = lambda key, me: (
        name_for(key, me) if key[0] == "#" or f"@{me}" in key.split(" ") else key.split(" ")[0]
    )


@mutant("MSG-8")
def message_before_ready():
    """Sends an event before READY."""

    @instead(Connection, "become_ready")
    def become_ready(original, self, now, handle, display):
        original(self, now, handle, display)
        self.event(now, encode(ChatMessage("#lobby", 1, self.hub.wall_ms(), handle, 1, 0, "hi")), own=True)


@mutant("MSG-9")
def numbers_start_again():
    """Forgets a conversation's numbers when a handle leaves."""

    @instead(MemoryStore, "_do")
    def do(original, self, operation):
        if isinstance(operation, Release):
            for key in [key for key in self._last if f"@{operation.handle}" in key.split(" ")]:
                del self._last[key]
        return original(self, operation)


@mutant("SEND-1")
def no_ack():
    """Does not answer SEND."""

    @instead(Connection, "answer")
    def answer(original, self, message, ref):
        if not isinstance(message, Ack):
            original(self, message, ref)


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
            last = STORES[0]._last.get(message.conversation, Appended(0, 0))
            STORES[0]._last[message.conversation] = Appended(last.seq + 1, last.timestamp)
            raise

    _keep_stores()


STORES: list[MemoryStore] = []


def _keep_stores():
    @instead(MemoryStore, "__init__")
    def init(original, self, *args):
        original(self, *args)
        STORES.append(self)


@mutant("LOBBY-1")
def lobby_of_those_who_spoke():
    """Only those who ever spoke are in the lobby."""
    spoke = set()

    @before("SEND")
    def change(peer, message):
        spoke.add(peer.handle)
        return message

    original = Hub.members
    Hub.members = lambda self, key: tuple(spoke & set(self._online)) if key == codes.LOBBY else original(self, key)


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

    @instead(MemoryStore, "_append")
    def append(original, self, operation):
        return original(self, replace(operation, conversation=f"{operation.conversation}<{operation.sender}"))


@mutant("DIRECT-3")
def messages_into_the_void():
    """Acknowledges direct messages to people who are not online."""
    original = Hub.why_not_send
    Hub.why_not_send = lambda self, name, me: None if name[0] == "@" else original(self, name, me)


@mutant("DIRECT-4")
def no_notes_to_self():
    """Refuses direct messages to oneself."""
    original = Hub.why_not_send

    def why_not_send(self, name, me):
        return ErrorCode.NO_SUCH_CONVERSATION if name == f"@{me}" else original(self, name, me)

    Hub.why_not_send = why_not_send


# Closing.


@mutant("CLOSE-1")
def quit_without_bye():
    """Closes at QUIT without BYE."""

    def quit_(peer, now, ref, message):
        peer.hub.logout(peer, now)
        peer._begin_closing(now)

    handlers["QUIT"] = quit_


@mutant("CLOSE-2")
def bye_overtakes_answers():
    """QUIT drops the answers that were not sent yet."""

    @instead(Connection, "end")
    def end(original, self, now, ended, ref=0):
        if ended.code is ByeCode.NORMAL:
            self.output.drop()
        original(self, now, ended, ref)


@mutant("CLOSE-3")
def bye_is_lost_to_a_reset():
    """Closes right after BYE, while octets of the peer are unread."""
    reading = Connection.reading.fget
    Connection.reading = property(lambda self: self.state is not State.CLOSING and reading(self))

    @instead(Connection, "_settle")
    def settle(original, self):
        original(self)
        if self.finished:
            self._close()


@mutant("CLOSE-4")
def the_end_of_the_stream_goes_unnoticed():
    """Does not notice that the client half-closed."""
    Connection.receive_eof = lambda self, now: None


@mutant("CLOSE-4")
def a_piece_of_a_frame_counts():
    """Takes a frame that was cut off by the end of the stream, filled up with zeros."""

    @instead(Connection, "receive_eof")
    def receive_eof(original, self, now):
        if self.decoder.buffered > 8:
            self.receive_data(now, b"z" * 8)
        original(self, now)


@mutant("CLOSE-5")
def ghosts():
    """A handle stays online when its connection ends without QUIT."""

    @instead(Hub, "logout")
    def logout(original, self, connection, now):
        if connection._eof:
            connection.handle = None
        else:
            original(self, connection, now)


# Robust.


@mutant("KEEP-1")
def more_keepalive_than_asked():
    """Grants a longer keepalive than was asked."""
    messages(Welcome, keepalive=lambda message: message.keepalive + 1 if message.keepalive else 0)


@mutant("KEEP-2")
def idle_is_never_ended():
    """Never ends an idle connection."""
    connections.IDLE_FACTOR = 1e9


@mutant("KEEP-3")
def only_pings_count():
    """Only PING keeps a connection alive."""

    @instead(Connection, "_dispatch")
    def dispatch(original, self, now, frame):
        PINGED.setdefault(self, now)
        if frame.type == 4:
            PINGED[self] = now
        original(self, now, frame)

    @instead(Connection, "due")
    def due(original, self):
        due = original(self)
        return min(due, PINGED[self] + 1.5 * self.keepalive) if self.state is State.READY and due else due


PINGED: dict[Connection, float] = {}


@mutant("KEEP-4")
def any_octet_counts():
    """Octets of a frame that is not complete keep a connection alive."""

    @instead(Connection, "receive_data")
    def receive_data(original, self, now, data):
        original(self, now, data)
        self._active_at = now


@mutant("KEEP-6")
def no_login_limit():
    """Waits for a login for ever."""
    with_limits(handshake_timeout=1e6)


@mutant("KEEP-7")
def keepalive_0_is_a_second():
    """Takes keepalive 0 for one second."""

    @instead(Connection, "become_ready")
    def become_ready(original, self, now, handle, display):
        self.keepalive = self.keepalive or 1
        original(self, now, handle, display)


@mutant("LOAD-3")
def everybody_waits_for_the_slowest():
    """Reads nobody while one reader has not taken its events."""
    reading = Connection.reading.fget
    Connection.reading = property(
        lambda self: reading(self) and not any(other.output.others > 2**18 for other in self.hub._connections)
    )


@mutant("LOAD-5")
def the_oldest_events_are_dropped():
    """Drops the oldest events of a slow reader instead of cutting it off."""

    @instead(Connection, "event")
    def event(original, self, now, data, own):
        while self.output.others > 2**20:
            chunk, _ = self.output._chunks.popleft()
            self.output.others -= len(chunk)
        original(self, now, data, own)


@mutant("LOAD-1")
def queues_without_bound():
    """Never cuts off a reader."""
    with_limits(queue_octets=2**40)


@mutant("LOAD-4")
def fast_senders_are_cut_off():
    """Cuts off a sender whose own echoes pile up."""
    with_limits(own_octets=2**40, queue_octets=64 * 1024)

    @instead(Connection, "event")
    def event(original, self, now, data, own):
        original(self, now, data, False)


@mutant("LOAD-8")
def fifty_connections():
    """Serves fifty connections at once."""
    with_limits(max_connections=50)


@mutant("LOAD-9")
def too_many_without_a_word():
    """Closes a connection over the limit without BYE."""
    with_limits(max_refused=-1)


@mutant("CLOSE-6")
def shutdown_without_bye():
    """Goes down without a word."""

    @instead(Hub, "shut_down")
    def shut_down(original, self, now):
        for connection in list(self._connections):
            connection.lost(now)


@mutant("CLOSE-7")
def all_come_back_at_once():
    """Gives everybody the same advice at shutdown."""
    with_limits(retry_spread_ms=0)


@mutant("CLOSE-8")
def a_reset_ends_everybody():
    """Ends every connection when one is reset."""

    @instead(Connection, "lost")
    def lost(original, self, now):
        abrupt = self.state is not State.CLOSING
        original(self, now)
        if abrupt:
            for other in list(self.hub._connections):
                original(other, now)
