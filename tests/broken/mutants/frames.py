"""Broken servers that get frames and forms wrong."""

import unicodedata
from dataclasses import replace

from seams import before, frames, instead

from causerie.core import connection as connections
from causerie.core.connection import Connection
from causerie.core.refusal import Ended
from causerie.server import cli
from causerie_spec import codes
from causerie_spec.codec import Decoder, encode
from causerie_spec.codes import ByeCode
from causerie_spec.messages import ChatMessage, Error, Hello, Pong
from mutants.registry import mutant


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


@mutant("FRAME-3", "errors/wire/length")
def bodies_without_end():
    """Sends a PONG of 70,000 octets."""

    def change(data, message, ref):
        return (70_000).to_bytes(4, "big") + data[4:8] + bytes(70_000) if isinstance(message, Pong) else data

    frames(change)


@mutant("FORM-1", "errors/wire/utf8")
def details_in_latin_1():
    """Writes `detail` in Latin-1, with a letter that UTF-8 writes otherwise."""

    def change(data, message, ref):
        if not isinstance(message, Error):
            return data
        detail = "refusé".encode("latin-1")
        body = data[8:14] + bytes([len(detail)]) + detail
        return len(body).to_bytes(4, "big") + data[4:8] + body

    frames(change)


@mutant("FRAME-4")
def long_bodies_are_taken():
    """Takes bodies of any length, in every state."""
    connections.MAX_BODY = connections.MAX_BODY_BEFORE_READY = 2**32


@mutant("FRAME-4")
def no_smaller_limit_before_ready():
    """Takes bodies of up to 65,535 octets before login."""
    connections.MAX_BODY_BEFORE_READY = codes.MAX_BODY


@mutant("LOAD-11", "errors/too-large-in-*")
def long_bodies_after_hello():
    """Takes bodies of up to 65,535 octets from whoever has said HELLO."""

    @before("HELLO")
    def hello(peer, message):
        peer.decoder.limit = codes.MAX_BODY
        return message


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
