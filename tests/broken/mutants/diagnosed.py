"""Broken servers that make mistakes which many make, for the diagnosis: what the suite must name."""

import itertools
import json
import sys
import time
import traceback
from dataclasses import asdict

from seams import frames, handlers, instead, messages

from causerie.core import sending
from causerie.core.connection import Connection
from causerie.core.refusal import Ended, Refused
from causerie.server import cli
from causerie_spec import names
from causerie_spec.codec import encode
from causerie_spec.codes import ByeCode
from causerie_spec.messages import ChatMessage, Composing, Pong, Ready, Welcome
from mutants.registry import mutant

GATE = "hello/answers"


# No frames at all


@mutant("HELLO-3", GATE)
def speaks_http():
    """Answers everything with HTTP."""
    frames(lambda data, message, ref: b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")


@mutant("HELLO-3", GATE)
def speaks_json():
    """Sends JSON, an object a line."""
    frames(lambda data, message, ref: json.dumps({"ref": ref} | asdict(message), default=repr).encode() + b"\n")


@mutant("HELLO-3", GATE)
def json_behind_a_length():
    """Sends JSON behind a length of four octets."""

    def change(data, message, ref):
        body = json.dumps({"ref": ref} | asdict(message), default=repr).encode()
        return len(body).to_bytes(4, "big") + body

    frames(change)


@mutant("HELLO-3", GATE)
def speaks_lines():
    """Sends lines of text."""
    frames(lambda data, message, ref: f"{message.NAME} {ref} welcome to my server\r\n".encode())


@mutant("HELLO-3", GATE)
def speaks_tls():
    """Sends a TLS alert, as a server does that expects TLS."""
    frames(lambda data, message, ref: b"\x15\x03\x01\x00\x02\x02\x0a")


# Frames a little different


@mutant("FRAME-1", "hello/cut-header-then-body")
def line_ends_behind_frames():
    """Ends every frame with CR LF."""
    frames(lambda data, message, ref: data + b"\r\n")


@mutant("FRAME-1", GATE)
def length_of_16_bits():
    """Writes the length in two octets."""
    frames(lambda data, message, ref: data[2:])


@mutant("FRAME-1", GATE)
def length_counts_from_the_type():
    """`length` counts what is left of the header too."""
    frames(lambda data, message, ref: (len(data) - 4).to_bytes(4, "big") + data[4:])


@mutant("FRAME-1", GATE)
def header_without_ref():
    """The header has no flags and no ref."""
    frames(lambda data, message, ref: data[:5] + data[8:])


@mutant("FRAME-9", "hello/ping-0")
def padded_bodies():
    """Fills the body of PONG up to 32 octets."""
    frames(
        lambda data, message, ref: (
            (32).to_bytes(4, "big") + data[4:].ljust(36, b"\0") if isinstance(message, Pong) else data
        )
    )


@mutant("FORM-1", "lobby/text-emoji")
def length_of_text_in_characters():
    """Writes the number of a text's characters for the number of its octets."""

    def change(data, message, ref):
        if isinstance(message, ChatMessage) and not message.text.isascii():
            text = message.text.encode()
            rest = data[: -len(text) - 2]
            return rest + len(message.text).to_bytes(2, "big") + text
        return data

    frames(change)


# Refs


@mutant("FRAME-10", "hello/ref-echoed-1")
def answers_without_ref():
    """Answers carry ref 0."""
    frames(lambda data, message, ref: data[:6] + b"\0\0" + data[8:] if ref else data)


@mutant("FRAME-10", "hello/ref-echoed-256")
def refs_of_its_own():
    """Answers carry a number of the server's own."""
    numbers = itertools.count(40_000)
    frames(lambda data, message, ref: data[:6] + next(numbers).to_bytes(2, "big") + data[8:] if ref else data)


@mutant("FRAME-10", "hello/ref-echoed-255")
def ref_is_swapped():
    """Writes ref little-endian."""
    frames(lambda data, message, ref: data[:6] + data[7:5:-1] + data[8:])


@mutant("FRAME-11", "lobby/everyone-hears")
def ref_of_the_send_in_its_message():
    """MESSAGE carries the ref that the SEND had."""
    frames(lambda data, message, ref: data[:6] + b"\0\3" + data[8:] if isinstance(message, ChatMessage) else data)


# Numbers and times


@mutant("PING-1", "hello/ping-like-text")
def tokens_of_32_bits():
    """Keeps the low 32 bits of PING's token."""
    messages(Pong, token=lambda pong: pong.token & 0xFFFFFFFF)


@mutant("PING-1", "hello/ping-like-text")
def tokens_are_swapped():
    """Writes PING's token little-endian."""
    messages(Pong, token=lambda pong: int.from_bytes(pong.token.to_bytes(8, "big"), "little"))


@mutant("TIME-1", "hello/time-in-ms")
def microseconds_for_milliseconds():
    """Tells the time in microseconds."""
    messages(Welcome, server_time=lambda welcome: welcome.server_time * 1000)


@mutant("TIME-1", "hello/time-in-ms")
def time_since_the_start():
    """Tells the time since the server began."""
    began = time.monotonic()
    cli.wall_ms = lambda: int((time.monotonic() - began) * 1000) + 1


@mutant("TIME-1", "hello/time-in-ms")
def times_are_swapped():
    """Writes the server's time little-endian."""
    messages(Welcome, server_time=lambda welcome: int.from_bytes(welcome.server_time.to_bytes(8, "big"), "little"))


# Texts


def texts(change):
    """Change the text of every MESSAGE on its way out."""
    messages(ChatMessage, text=lambda message: change(message.text) or "?")


@mutant("SEND-5", "lobby/text-nul")
def texts_in_c_strings():
    """Keeps texts in C strings."""
    texts(lambda text: text.partition("\0")[0])


@mutant("SEND-5", "lobby/text-line-ends")
def line_ends_become_lf():
    """Writes every line end as LF."""
    texts(lambda text: text.replace("\r\n", "\n").replace("\r", "\n"))


@mutant("SEND-5", "lobby/text-emoji")
def texts_through_an_8_bit_set():
    """Replaces what is not in the first plane."""
    texts(lambda text: "".join(char if ord(char) < 0x10000 else "\ufffd" for char in text))


@mutant("SEND-5", "lobby/text-16383-octets")
def texts_are_cut_to_500_characters():
    """Cuts texts to 500 characters."""
    texts(lambda text: text[:500])


# Who hears what, and ends


@mutant("MSG-3", "lobby/everyone-hears")
def nobody_is_told():
    """Acknowledges SEND and tells nobody."""
    sending.fan_out = lambda *args: None


@mutant("NAME-6", "login/ready")
def handles_with_a_sign():
    """READY names the handle with a sign."""
    messages(Ready, handle=lambda ready: "@" + ready.handle)


@mutant("CLOSE-1", "hello/quit")
def quit_raises():
    """An exception at QUIT ends the connection."""

    def quit_(peer, now, ref, message):
        try:
            {}[message.reason]
        except KeyError:
            traceback.print_exc(file=sys.stderr)
        peer.hub.logout(peer, now)
        peer._begin_closing(now)

    handlers["QUIT"] = quit_


# Refusing


@mutant("ERR-1", "login/refused-then-accepted")
def refusals_end_the_connection():
    """Ends the connection as malformed where it should refuse."""

    @instead(Connection, "_refuse_in_turn")
    def refuse(original, self, now, refusal, frame):
        if isinstance(refusal, Refused):
            refusal = Ended(ByeCode.MALFORMED, refusal.detail)
        original(self, now, refusal, frame)


@mutant("NAME-1", "login/vectors/login/handle-not-ascii")
def handles_in_any_letters():
    """Takes handles with letters of any script."""
    names.is_handle = lambda text: 0 < len(text) <= 32 and text.isprintable()


@mutant("CAP-2", "lobby/wire/names")
def composing_is_not_negotiated():
    """Tells of every message with a COMPOSING first, to everybody."""

    def change(data, message, ref):
        if isinstance(message, ChatMessage):
            return encode(Composing(message.conversation, message.sender, False)) + data
        return data

    frames(change)
