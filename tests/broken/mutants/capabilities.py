"""Broken servers that do not check the frames of capabilities as they check those of CORE."""

from seams import before, instead

from causerie.core import connection as connections
from causerie.core import history, presence, receipts, rooms
from causerie.core.connection import Connection
from causerie.core.refusal import Refused
from causerie_spec import names
from causerie_spec.codec import Malformed
from causerie_spec.codes import LOBBY, ROOMS, ErrorCode
from causerie_spec.messages import MESSAGES, Compose
from causerie_spec.states import State
from mutants.registry import mutant

_FRAMES = {type_: cls for type_, cls in MESSAGES.items() if cls.CAPABILITY and type_ < 0x80 and cls is not Compose}


def _decoded(change):
    """Change the bodies of frames of capabilities that cannot be decoded: (type, body, error) → body."""

    @instead(connections, "decode")
    def decode(original, type_, body):
        try:
            return original(type_, body)
        except Malformed as error:
            if type_ not in _FRAMES:
                raise
            return original(type_, change(type_, body, error))


@mutant("FORM-4")
def capabilities_may_be_short():
    """Reads zeros behind the end of short bodies."""
    _decoded(lambda type_, body, error: body + bytes(64) if "UTF-8" not in str(error) else body)


@mutant("FORM-2")
def capabilities_in_any_octets():
    """Mends text that is not UTF-8."""
    _decoded(lambda type_, body, error: bytes(octet if octet < 0x80 else 0x3F for octet in body))


@mutant("FORM-6")
def capabilities_with_any_bool():
    """Takes a bool of 2 for true."""
    _decoded(lambda type_, body, error: body[:-1] + b"\x01")


@mutant("ERR-3")
def capabilities_with_ref_0():
    """Takes requests of capabilities with ref 0."""

    @instead(Connection, "_decode")
    def decode(original, self, frame):
        return original(self, frame._replace(ref=frame.ref or 1) if frame.type in _FRAMES else frame)


@mutant("NAME-3")
def capabilities_of_any_name():
    """Looks for conversations whose names are ill-formed, and finds none."""

    def check(name):
        if not names.is_conversation(name):
            raise Refused(ErrorCode.NO_SUCH_CONVERSATION, "there is none")

    for module in (receipts, presence, history):
        module.check_conversation = check
    rooms._check_room = lambda name: None


@mutant("STATE-2")
def capabilities_are_unknown_before_login():
    """Answers requests of capabilities before login as unknown types."""

    @instead(Connection, "_dispatch")
    def dispatch(original, self, now, frame):
        if frame.type in _FRAMES and self.state in (State.LOGIN, State.AUTH) and frame.ref:
            raise Refused(ErrorCode.UNSUPPORTED, "not known")
        original(self, now, frame)


@mutant("CAP-3", "rooms/without-negotiating")
def rooms_for_those_who_negotiated():
    """Takes a SEND to a room only on a connection that negotiated `rooms`."""

    @before("SEND")
    def send(peer, message):
        if message.conversation.startswith("#") and message.conversation != LOBBY and ROOMS not in peer.negotiated:
            raise Refused(ErrorCode.UNSUPPORTED, "rooms were not negotiated")
        return message
