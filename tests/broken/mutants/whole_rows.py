"""Broken servers that get whole rows of the table of states wrong, or the order of checks."""

from dataclasses import replace

from seams import before, handlers, instead

from causerie.core import login
from causerie.core.connection import Connection
from causerie.core.refusal import Ended, Refused
from causerie_spec import names
from causerie_spec.codes import MAX_TEXT, ByeCode, ErrorCode
from causerie_spec.messages import Hello, Ok, Ping
from causerie_spec.states import State
from mutants.registry import mutant

# States


@mutant("STATE-1", "errors/in-hello", "errors/vectors/states", "errors/vectors/unknown")
def waits_for_hello():
    """Answers ERROR WRONG_STATE to whatever comes before HELLO, and lives on."""

    @instead(Connection, "_dispatch_hello")
    def dispatch(original, self, now, frame):
        if frame.type != Hello.TYPE:
            raise Refused(ErrorCode.WRONG_STATE, "say HELLO first")
        original(self, now, frame)


def _ended_in(*states):
    @instead(Connection, "_dispatch")
    def dispatch(original, self, now, frame):
        state = self.state
        try:
            return original(self, now, frame)
        except Refused as refused:
            if refused.code is ErrorCode.WRONG_STATE and state in states:
                raise Ended(ByeCode.MALFORMED, refused.detail) from None
            raise


@mutant("STATE-2", "errors/in-login", "login/in-auth", "errors/vectors/states", "login/vectors/states", "lobby/vectors")
def no_patience_before_login():
    """Ends the connection at a frame that does not belong before READY."""
    _ended_in(State.LOGIN, State.AUTH)


@mutant("STATE-3", "login/in-ready", "login/vectors/states")
def no_patience_after_login():
    """Ends the connection at a second HELLO or LOGIN, or at an AUTH, after READY."""
    _ended_in(State.READY)


@mutant("PING-1", "errors/in-login/ping", "login/in-auth/ping")
def pings_are_for_members():
    """Answers PING with WRONG_STATE before READY."""

    @before("PING")
    def ping(peer, message):
        if peer.state is not State.READY:
            raise Refused(ErrorCode.WRONG_STATE, "log in first")
        return message


@mutant("PING-1", "login/in-ready/ping")
def pings_are_for_strangers():
    """Answers PING with WRONG_STATE after READY."""

    @before("PING")
    def ping(peer, message):
        if peer.state is State.READY:
            raise Refused(ErrorCode.WRONG_STATE, "we know that you are there")
        return message


@mutant("HELLO-3", "errors/in-hello/hello", "hello")
def an_agent_must_be_a_program():
    """Refuses an agent with a hyphen in its name."""

    @before("HELLO")
    def hello(peer, message):
        if "-" in message.agent:
            raise Ended(ByeCode.MALFORMED, "what agent is that?")
        return message


# HELLO and PING: values that only some clients send


@mutant("HELLO-4", "hello/version-*")
def one_version_is_not_enough():
    """Wants a range of versions: takes no HELLO with one version."""

    @before("HELLO")
    def hello(peer, message):
        if message.min_version == message.max_version:
            raise Ended(ByeCode.VERSION_UNSUPPORTED, "only one version")
        return message


@mutant("HELLO-4", "hello/version-*")
def version_0_is_malformed():
    """Takes no HELLO whose range begins at 0."""

    @before("HELLO")
    def hello(peer, message):
        if message.min_version == 0:
            raise Ended(ByeCode.VERSION_UNSUPPORTED, "there is no version 0")
        return message


@mutant("CAP-1", "hello/takes-*")
def agents_of_some_length():
    """Takes agents of 1 to 64 octets only."""

    @before("HELLO")
    def hello(peer, message):
        if not 1 <= len(message.agent.encode()) <= 64:
            raise Ended(ByeCode.MALFORMED, "agent")
        return message


@mutant("KEEP-1", "keepalive/in-force-*")
def keepalive_is_signed():
    """Takes a keepalive of 32,768 or more for none."""

    @before("HELLO")
    def hello(peer, message):
        return message if message.keepalive < 0x8000 else replace(message, keepalive=0)


@mutant("PING-1", "hello/ping-*")
def small_tokens_come_back_padded():
    """Returns a token of one octet with its zeros behind it."""

    @before("PING")
    def ping(peer, message):
        return message if message.token > 0xFF else Ping(message.token << 56)


@mutant("PING-1", "hello/ping-*")
def tokens_are_signed():
    """Returns no token that a signed number of 64 bits does not hold."""

    @before("PING")
    def ping(peer, message):
        return Ping(min(message.token, 2**63 - 1))


@mutant("PING-1", "hello/ping-*")
def no_token_is_no_ping():
    """Refuses a token of 0."""

    @before("PING")
    def ping(peer, message):
        if message.token == 0:
            raise Refused(ErrorCode.BAD_FIELD, "token")
        return message


@mutant("FRAME-10", "hello/ref-echoed-*")
def ref_is_little_endian():
    """Writes the ref of an answer with its octets the other way round."""

    @instead(Connection, "answer")
    def answer(original, self, message, ref):
        original(self, message, int.from_bytes(ref.to_bytes(2, "big"), "little"))


# LOGIN


@mutant("NAME-1", "login/vectors/login")
def handles_of_any_form():
    """Takes any handle."""

    class Lenient:
        is_handle = staticmethod(lambda name: True)
        is_display = staticmethod(names.is_display)

    login.names = Lenient


@mutant("LOGIN-3", "login/payload-too-long")
def long_payloads_end_the_connection():
    """Ends the connection at a payload that is too long."""

    @instead(login, "_check_payload")
    def check(original, payload):
        try:
            original(payload)
        except Refused as refused:
            raise Ended(ByeCode.MALFORMED, refused.detail) from None


@mutant("TOKEN-2", "login/refused-reserves-nothing")
def the_first_attempt_reserves():
    """Reserves a handle for the first token that asks for it, even if the LOGIN is refused."""
    asked = {}

    @before("LOGIN")
    def login_(peer, message):
        if asked.setdefault(message.handle, message.payload) != message.payload:
            raise Refused(ErrorCode.HANDLE_TAKEN, "somebody asked before")
        return message


@mutant("FRAME-5", "login/limit-behind-login")
def the_limit_rises_with_the_next_read():
    """Judges what came in one read with LOGIN by the limit from before it."""

    @instead(Connection, "become_ready")
    def become_ready(original, self, now, handle):
        limit = self.decoder.limit
        original(self, now, handle)
        self.decoder.limit = limit

    @instead(Connection, "receive_data")
    def receive_data(original, self, now, data):
        if self.state is State.READY:
            self.decoder.limit = 65_535
        original(self, now, data)


# The order of checks


@mutant("ERR-7", "lobby/order-*")
def the_text_first():
    """Looks at a message's text before all else."""

    @before("SEND")
    def send(peer, message):
        if not message.text:
            raise Refused(ErrorCode.BAD_FIELD, "text")
        if len(message.text.encode()) > MAX_TEXT:
            raise Refused(ErrorCode.TEXT_TOO_LONG, "text")
        return message


def _existence_first(request):
    rooms = {"#lobby"}

    @before("JOIN")
    def join(peer, message):
        rooms.add(message.conversation)
        return message

    @before(request)
    def check(peer, message):
        if names.is_conversation(message.conversation):
            peer.hub.check_exists(message.conversation)
            if message.conversation[0] == "#" and message.conversation not in rooms:
                raise Refused(ErrorCode.NO_SUCH_CONVERSATION, "nobody was ever there")
        return message


@mutant("ERR-7", "lobby/order-*")
def existence_before_the_fields():
    """Looks whether the conversation of a SEND exists before its other fields."""
    _existence_first("SEND")


@mutant("ERR-7", "history/fields-first")
def existence_before_the_fields_of_history():
    """Looks whether the conversation exists before HISTORY's other fields."""
    _existence_first("HISTORY")


@mutant("TXN-3", "history/txn-*")
def txn_before_the_fields():
    """Looks for the txn in its memory before it looks at the other fields."""
    known = {}

    @before("SEND")
    def send(peer, message):
        if known.setdefault((peer.handle, message.conversation, message.txn), message) != message:
            raise Refused(ErrorCode.TXN_CONFLICT, "another message has that txn")
        return message


# Lists


@mutant("ROOM-5", "ROOM-5")
def leaving_nothing_is_ok():
    """Answers OK to LEAVE of a room that never was."""

    original = handlers["LEAVE"]
    rooms = set()

    def join(peer, now, ref, message, original=handlers["JOIN"]):
        rooms.add(message.conversation)
        original(peer, now, ref, message)

    def leave(peer, now, ref, message):
        if (
            message.conversation in rooms
            or not message.conversation.startswith("#")
            or message.conversation == "#lobby"
        ):
            original(peer, now, ref, message)
        else:
            peer.answer(Ok(), ref)

    handlers["JOIN"], handlers["LEAVE"] = join, leave


@mutant("LIST-1", "login/vectors/who", "LIST-1")
def limit_0_is_one():
    """Takes WHO with limit 0 for limit 1."""

    @before("WHO")
    def who(peer, message):
        return message if message.limit else replace(message, limit=1)


@mutant("ROOM-10", "ROOM-10")
def lists_begin_again():
    """Begins again from the start where there is nothing behind `after`."""

    @before("ROOMS")
    def rooms(peer, message):
        return message if message.after < "#z" else replace(message, after="")


@mutant("LIST-3", "rooms/list-after-the-lobby")
def the_lobby_is_behind_itself():
    """Lists the lobby again to those who have come to it."""

    @before("ROOMS")
    def rooms(peer, message):
        return message if message.after != "#lobby" else replace(message, after="#lobbx")
