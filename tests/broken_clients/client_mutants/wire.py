"""Broken clients that get frames, fields and the order of things on the wire wrong."""

import contextlib
import itertools
import socket
from dataclasses import replace

from causerie.client import runner
from causerie.client.tokens import TokenStore
from causerie.console import commands
from causerie.core.client import client, connection, endings
from causerie.core.client.connection import Connection
from causerie.core.client.outbox import Outbox
from causerie.core.client.requests import Requests
from causerie.core.client.timeline import Timeline
from causerie_spec.codec import Decoder, EncodeError, frame
from causerie_spec.errors import Malformed
from causerie_spec.messages import Error, Hello, Login, Send
from client_mutants.registry import instead, mutant


def octets_of(kind, change):
    """Change the octets of each frame of that kind."""

    @instead(connection, "encode")
    def encode(original, message, ref=0):
        octets = original(message, ref)
        return change(octets) if isinstance(message, kind) else octets


def body_of(kind, change):
    """Change the body of each frame of that kind."""
    octets_of(kind, lambda octets: frame(octets[4], change(octets[8:]), int.from_bytes(octets[6:8], "big")))


@mutant("HELLO-1", "greeting/hello")
def wrong_magic():
    """Begins with another magic."""
    body_of(Hello, lambda body: b"CHAT" + body[4:])


@mutant("HELLO-1", "greeting/hello")
def login_first():
    """Sends LOGIN before HELLO."""
    octets_of(Hello, lambda octets: frame(Login.TYPE, b"\x05TOKEN\x01a\x01a\x00\x00", 9) + octets)


@mutant("FRAME-1", "greeting/hello")
def length_counts_the_header():
    """Counts the header in the length."""
    octets_of(Hello, lambda octets: (int.from_bytes(octets[:4], "big") + 8).to_bytes(4, "big") + octets[4:])


@mutant("FRAME-2", "stream/octet-by-octet", "stream/joined")
def a_read_is_a_frame():
    """Takes what one read gives for one frame."""

    @instead(Connection, "receive_data")
    def receive_data(original, self, data, now):
        original(self, data, now)
        self._decoder = Decoder(65_535)


@mutant("FRAME-3", "sending/too-long")
def frames_of_any_length():
    """Sends texts of any length."""
    commands.check_sendable = client.check_sendable = runner.check_sendable = lambda *_: None

    @instead(connection, "encode")
    def encode(original, message, ref=0):
        try:
            return original(message, ref)
        except EncodeError:
            octets = original(replace(message, text=""), ref)[8:] + message.text.encode()
            return len(octets).to_bytes(4, "big") + bytes([message.TYPE, 0]) + ref.to_bytes(2, "big") + octets


@mutant("FRAME-6", "greeting/hello")
def flags():
    """Sets a flag."""
    octets_of(Hello, lambda octets: octets[:5] + b"\x01" + octets[6:])


@mutant("FRAME-7", "stream/flags")
def minds_flags():
    """Takes frames with flags for broken."""

    class Minding(Decoder):
        def __iter__(self):
            for raw in super().__iter__():
                if raw.flags:
                    raise Malformed("flags", None, "what is that?")
                yield raw

    connection.Decoder = Minding


@mutant("FRAME-8", "stream/more-fields")
def minds_more_fields():
    """Takes frames with octets behind their fields for broken."""
    encode = connection.encode

    @instead(connection, "decode")
    def decode(original, type_, body):
        message = original(type_, body)
        if len(encode(message)) - 8 != len(body):
            raise Malformed("rest", None, "what is that?")
        return message


@mutant("FRAME-9", "greeting/hello", "greeting/speaks-first")
def more_fields():
    """Puts an octet behind the fields of SEND."""
    body_of(Send, lambda body: body + b"\0")


@mutant("FRAME-12", "greeting/hello")
def no_refs():
    """Sends ref 0."""

    @instead(connection, "encode")
    def encode(original, message, ref=0):
        return original(message)


@mutant(
    "FRAME-12", "resending/in-order", "refusals/known-codes", "greeting/speaks-first", "sending/reads-while-it-writes"
)
def one_ref_for_all():
    """Sends each SEND with the ref of the first, answered or not."""

    @instead(connection, "encode")
    def encode(original, message, ref=0):
        return original(message, 500 if isinstance(message, Send) else ref)


@mutant("FORM-1", "sending/texts")
def latin_1():
    """Sends texts as ISO 8859-1."""
    body_of(Send, lambda body: body.replace("é".encode(), b"\xe9\xe9"))


@mutant("FORM-1", "sending/texts")
def byte_order_mark():
    """Puts a byte order mark before each text."""

    @instead(connection, "encode")
    def encode(original, message, ref=0):
        return original(replace(message, text="\ufeff" + message.text) if isinstance(message, Send) else message, ref)


@mutant("CAP-2", "greeting/core")
def asks_whoever_it_is():
    """Uses what it has, whether the server has it or not."""

    @instead(Connection, "_welcome")
    def _welcome(original, self, welcome, now):
        original(self, welcome, now)
        self.negotiated = frozenset(self._capabilities)


@mutant("CAP-2", "greeting/speaks-first")
def frames_of_its_own():
    """Sends a frame of a type that there is not."""
    octets_of(Send, lambda octets: frame(0x6F, b"", 77) + octets)


@mutant("TOKEN-8", "greeting/login")
def short_token():
    """Has a token of 8 octets."""
    TokenStore.token = lambda *_: bytes(range(8))


@mutant("TOKEN-8", "greeting/login")
def same_token_for_all():
    """Has the same token wherever it is installed."""
    TokenStore.token = lambda *_: bytes(range(32))


@mutant("TOKEN-8", "greeting/same-token")
def new_token_each_time():
    """Makes a new token at each start."""
    import secrets

    TokenStore.token = lambda *_: secrets.token_bytes(32)


@mutant("REQ-6", "sending/reads-while-it-writes")
def writes_before_it_reads():
    """Waits for room to send without taking what has arrived."""
    client.WINDOW = 60_000

    @instead(runner.NetworkRunner, "_write")
    def _write(original, self, now):
        octets = self._client.data_to_send()
        if self._socket is not None and octets:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65_536)
            self._socket.setblocking(True)
            self._socket.sendall(octets)
            self._socket.setblocking(False)


@mutant("MSG-11", "showing/same-text")
def tells_messages_apart_by_txn():
    """Shows no second message with the same txn."""
    seen = set()

    @instead(Timeline, "live")
    def live(original, self, message):
        again = message.txn in seen
        seen.add(message.txn)
        shown = original(self, message)
        return [] if again else shown


@mutant("MSG-11", "showing/ack-first")
def wants_its_message_before_the_ack():
    """Takes an ACK before the MESSAGE for an error."""
    confirmed = set()

    @instead(client.Client, "_confirm")
    def _confirm(original, self, message):
        confirmed.add(message.txn)
        original(self, message)

    @instead(client.Client, "_sent")
    def _sent(original, self, entry, answer):
        if not isinstance(answer, Error) and entry.txn not in confirmed:
            self.abandon()
        original(self, entry, answer)


@mutant("SEND-9", "sending/txn")
def counts_txns():
    """Counts txns."""
    number = itertools.count(1)

    @instead(Outbox, "__init__")
    def init(original, self, randomness):
        original(self, type("Counter", (), {"getrandbits": lambda self, bits: next(number)})())


@mutant("SEND-9", "greeting/speaks-first")
def txn_0():
    """Sends txn 0."""

    @instead(connection, "encode")
    def encode(original, message, ref=0):
        return original(replace(message, txn=0) if isinstance(message, Send) else message, ref)


@mutant("CLIENT-1", "stream/unknown-types")
def minds_unknown_frames():
    """Takes a frame of unknown type for an error."""

    @instead(Connection, "_frame")
    def _frame(original, self, type_, *rest):
        if type_ not in connection.SERVER_TYPES:
            raise Malformed("type", None, "what is that?")
        original(self, type_, *rest)


@mutant("CLIENT-1", "stream/not-negotiated")
def minds_what_was_not_negotiated():
    """Takes an event of a capability that was not negotiated for an error."""

    @instead(Connection, "_frame")
    def _frame(original, self, type_, ref, *rest):
        if type_ in (0xA1, 0xA2, 0xA3):
            raise Malformed("type", None, "what is that?")
        original(self, type_, ref, *rest)


@mutant("CLIENT-1", "refusals/unknown-codes")
def ends_at_unknown_codes():
    """Takes an ERROR with an unknown code for the end of the connection."""

    @instead(Connection, "_answer")
    def _answer(original, self, ref, request, answer, *rest):
        if isinstance(answer, Error) and answer.code > 13:
            answer = replace(answer, code=150)
        original(self, ref, request, answer, *rest)


@mutant("CLIENT-1", "refusals/connection-is-over")
def goes_on_after_100():
    """Takes an ERROR with a code from 100 on for a refusal."""

    @instead(Connection, "_answer")
    def _answer(original, self, ref, request, answer, *rest):
        if isinstance(answer, Error):
            answer = replace(answer, code=min(answer.code, 99))
        original(self, ref, request, answer, *rest)


@mutant("CLIENT-4", "leaving/quit")
def leaves_without_quit():
    """Closes the connection when its user quits."""

    @instead(Connection, "quit")
    def quit_(original, self, now, reason=""):
        self._close(endings.Ending(endings.Cause.QUIT))


@mutant("CLIENT-4", "leaving/waits-for-bye")
def does_not_wait_for_bye():
    """Closes the connection as soon as QUIT is sent."""
    connection.QUIT_LIMIT = 0.05


@mutant("CLIENT-4", "leaving/no-bye")
def waits_for_bye_for_ever():
    """Waits for BYE as long as it takes."""
    connection.QUIT_LIMIT = 1e6


@mutant("CLIENT-4", "leaving/end-of-input")
def misses_the_end_of_input():
    """Goes on when its input has ended."""
    import threading

    from causerie.console.plain import PlainShell

    @instead(PlainShell, "_read")
    def _read(original, self):
        leave, self._runner.leave = self._runner.leave, lambda **_: threading.Event().wait()
        original(self)
        self._runner.leave = leave


@mutant("CLIENT-12", "faults/text-not-utf-8", "faults/surrogate")
def lax_utf_8():
    """Replaces what is not UTF-8."""

    @instead(connection, "decode")
    def decode(original, type_, body):
        try:
            return original(type_, body)
        except Malformed:
            return original(type_, body.replace(b"\xff", b"?").replace(b"\xed\xa0\x80", b"???"))


@mutant("CLIENT-12", "faults/short-body")
def passes_over_what_it_cannot_decode():
    """Goes on behind a frame that it cannot decode."""

    @instead(Connection, "_frame")
    def _frame(original, self, type_, ref, *rest):
        with contextlib.suppress(Malformed):
            original(self, type_, ref, *rest)


@mutant("CLIENT-12", "faults/ack-to-nothing")
def passes_over_answers_to_nothing():
    """Ignores answers to nothing."""

    @instead(Connection, "_frame")
    def _frame(original, self, type_, ref, *rest):
        if not ref or ref in self._requests._waiting:
            original(self, type_, ref, *rest)


@mutant("CLIENT-12", "faults/send-answered-pong", "faults/send-answered-ok")
def takes_any_answer():
    """Takes any answer for the answer."""
    from causerie_spec.messages import Ack

    @instead(Requests, "match")
    def match(original, self, ref, message):
        request = self._waiting.pop(ref) if isinstance(self._waiting.get(ref), Send) else None
        return (request, True) if request is not None else original(self, ref, message)

    @instead(client.Client, "_sent")
    def _sent(original, self, entry, answer):
        original(self, entry, answer if isinstance(answer, (Ack, Error)) else Ack(1, 1, False))


@mutant("CLIENT-12", "faults/event-before-ready")
def takes_events_before_ready():
    """Takes events at any time."""
    state, came = connection.State, connection.Came
    connection.TABLE[state.LOGIN][came.EVENT] = state.LOGIN


@mutant("CLIENT-12", "faults/other-version")
def takes_any_version():
    """Takes any version."""

    @instead(Connection, "_welcome")
    def _welcome(original, self, welcome, now):
        original(self, replace(welcome, version=1), now)


@mutant("CLIENT-12", "faults/short-body")
def ends_without_a_word():
    """Ends the connection at a fault, and does not say why."""
    from causerie.console import cli

    cli._fail = lambda text, code: code
