"""Broken servers that get the one rule of errors wrong, or the table of states."""

from seams import frames, handlers, instead, messages

from causerie.core import requests
from causerie.core.connection import Connection
from causerie.core.refusal import Ended, Refused
from causerie_spec.codec import encode
from causerie_spec.codes import ByeCode, ErrorCode
from causerie_spec.messages import Bye, Error, Pong
from causerie_spec.states import TABLE, Outcome, State
from mutants.registry import mutant


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
        self.output.put(encode(Pong(0), ref), own=0)


@mutant("STATE-5")
def never_closes():
    """Keeps the connection open after BYE."""
    Connection.finished = property(lambda self: False)

    @instead(Connection, "due")
    def due(original, self):
        return None if self.state is State.CLOSING else original(self)
