"""Broken servers that get answers, their order or the fence wrong."""

from seams import before, handlers, instead, messages

from causerie.core import sending
from causerie.core.connection import Connection
from causerie_spec.codec import Decoder
from causerie_spec.messages import Pong
from mutants.registry import mutant


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


@mutant("REQ-5", "hello/cut-all-joined")
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
    fan_out = sending.fan_out
    sending.fan_out = lambda *args: late.append(args)

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
