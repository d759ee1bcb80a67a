"""Step 2: the one rule of errors, limits from the header, and what cannot be decoded.

In here: faults in frames, in the states *hello* and *login*, so that LOGIN need not be built. Not in here:
the table of states (`states`), the fields of LOGIN and SEND (`login`, `lobby`).
"""

from __future__ import annotations

from dataclasses import dataclass

from causerie_conformance.arena import Arena, hello, login
from causerie_conformance.client import Client
from causerie_conformance.problems import Kind
from causerie_conformance.registry import case
from causerie_spec.codec import encode, frame
from causerie_spec.codes import LOBBY, MAX_BODY, MAX_BODY_BEFORE_READY, ByeCode, ErrorCode
from causerie_spec.messages import Error, Hello, Login, Ping, Pong, Quit, Send, Welcome

TOKEN = bytes(range(32))
SEND = Send(conversation=LOBBY, txn=1, kind=0, text="x")


def malformed(client: Client, octets: bytes, note: str = "") -> None:
    """Send a frame that cannot be decoded: BYE MALFORMED with its ref must come."""
    client.send_octets(octets, note)
    client.ends_with(ByeCode.MALFORMED, ref=int.from_bytes(octets[6:8], "big"))


# Limits, from the header

_TOO_LARGE = {
    "4097": MAX_BODY_BEFORE_READY + 1,
    "65535": MAX_BODY,
    "65536": MAX_BODY + 1,
    "2-to-the-31": 2**31,
    "largest": 2**32 - 1,
}


def _header(length: int, type_: int, ref: int) -> bytes:
    return length.to_bytes(4, "big") + bytes([type_, 0]) + ref.to_bytes(2, "big")


@case("errors/too-large-in-hello-{}", "FRAME-4", "ERR-8", "LOAD-11", over=_TOO_LARGE)
def too_large_in_hello(arena: Arena, length: int) -> None:
    """In hello a header over the limit is answered BYE FRAME_TOO_LARGE, before any of the body"""
    client = arena.connect()
    client.send_octets(_header(length, Hello.TYPE, 9), "the header alone")
    client.ends_with(ByeCode.FRAME_TOO_LARGE, ref=9)


@case("errors/too-large-in-login-{}", "FRAME-4", "ERR-8", "LOAD-11", over=_TOO_LARGE)
def too_large_in_login(arena: Arena, length: int) -> None:
    """In login a header over the limit is answered BYE FRAME_TOO_LARGE, before any of the body"""
    client = arena.greet()
    client.send_octets(_header(length, Ping.TYPE, 9), "the header alone")
    client.ends_with(ByeCode.FRAME_TOO_LARGE, ref=9)


@case("errors/too-large-unknown-type", "ERR-7", "FRAME-4")
def too_large_unknown_type(arena: Arena) -> None:
    """Length is checked before the type: an unknown type over the limit is BYE FRAME_TOO_LARGE too"""
    client = arena.greet()
    client.send_octets(_header(MAX_BODY_BEFORE_READY + 1, 0x7F, 0), "the header alone")
    client.ends_with(ByeCode.FRAME_TOO_LARGE, ref=0)


@case("errors/too-large-text-protocol", "FRAME-4", "STATE-1")
def text_protocol(arena: Arena) -> None:
    """A peer that speaks HTTP is told BYE FRAME_TOO_LARGE: its first octets are a length"""
    client = arena.connect()
    client.send_octets(b"GET / HT", "the first octets of an HTTP request")
    client.ends_with(ByeCode.FRAME_TOO_LARGE)


@case("errors/largest-body-in-hello", "FRAME-5", "FRAME-8")
def largest_in_hello(arena: Arena) -> None:
    """A HELLO of 4,096 octets is legal"""
    client = arena.connect()
    client.send_octets(_padded(encode(hello(), 3), MAX_BODY_BEFORE_READY), "padded to 4096 octets")
    client.expect(Welcome, ref=3)
    client.fence()


@case("errors/largest-body-in-login", "FRAME-5", "FRAME-8")
def largest_in_login(arena: Arena) -> None:
    """A body of 4,096 octets is legal in login"""
    client = arena.greet()
    client.send_octets(_padded(encode(Ping(token=5), 3), MAX_BODY_BEFORE_READY), "padded to 4096 octets")
    client.expect(Pong, ref=3, token=5)


def _padded(octets: bytes, length: int) -> bytes:
    return length.to_bytes(4, "big") + octets[4:].ljust(4 + length, b"\xa5")


# What cannot be decoded

_LOGIN = encode(login("alice", TOKEN), 9)[8:]
_SHORT = {
    "ping-empty": (Ping.TYPE, b""),
    "ping-7-octets": (Ping.TYPE, bytes(7)),
    "quit-empty": (Quit.TYPE, b""),
    "quit-cut": (Quit.TYPE, b"\x05abcd"),
    "login-empty": (Login.TYPE, b""),
    "login-mechanism-alone": (Login.TYPE, _LOGIN[:6]),
    "login-display-missing": (Login.TYPE, _LOGIN[:12]),
    "login-display-cut": (Login.TYPE, _LOGIN[:15]),
    "login-payload-missing": (Login.TYPE, _LOGIN[:18]),
    "login-payload-length-cut": (Login.TYPE, _LOGIN[:19]),
    "login-payload-cut": (Login.TYPE, _LOGIN[:-1]),
    "send-in-login": (Send.TYPE, b"\x06#lobby"),
}


@case("errors/short-{}", "FORM-4", "ERR-2", "ERR-8", "STATE-5", over=_SHORT)
def short_body(arena: Arena, what: tuple[int, bytes]) -> None:
    """A body that ends before its last field is BYE MALFORMED"""
    malformed(arena.greet(), frame(*what, ref=9))


_HELLO_BODY = encode(hello(), 9)[8:]
_SHORT_HELLO = {
    "empty": 0,
    "magic-cut": 3,
    "magic-alone": 4,
    "keepalive-cut": 7,
    "agent-missing": 8,
    "agent-cut": 12,
    "capabilities-missing": len(_HELLO_BODY) - 1,
}


@case("errors/short-hello-{}", "STATE-1", "FORM-4", "ERR-2", "ERR-8", over=_SHORT_HELLO)
def short_hello(arena: Arena, length: int) -> None:
    """A HELLO that is too short is BYE MALFORMED"""
    malformed(arena.connect(), frame(Hello.TYPE, _HELLO_BODY[:length], ref=9))


NOT_UTF8 = {
    "lone-continuation": b"\x80",
    "truncated": b"a\xc3",
    "truncated-4": b"\xf0\x9f\xa6",
    "broken-in-the-middle": b"\xc3a",
    "overlong-2": b"\xc0\xaf",
    "overlong-nul": b"\xc0\x80",
    "overlong-3": b"\xe0\x80\xaf",
    "overlong-4": b"\xf0\x80\x80\xaf",
    "surrogate": b"\xed\xa0\x80",
    "surrogate-pair": b"\xed\xa0\xbe\xed\xb6\x8a",
    "above-10ffff": b"\xf4\x90\x80\x80",
    "five-octets": b"\xf8\x88\x80\x80\x80",
    "ff": b"\xff",
    "latin-1": "café".encode("latin-1"),
}
"""Octets that are not UTF-8."""


@case("errors/not-utf8-{}", "FORM-2", "ERR-2", "ERR-8", over=NOT_UTF8)
def not_utf8(arena: Arena, text: bytes) -> None:
    """Text that is not UTF-8 is BYE MALFORMED"""
    malformed(arena.greet(), frame(Quit.TYPE, bytes([len(text)]) + text, ref=9))


_NOT_UTF8_HELLO = {
    "agent": b"\x02\xc3(\x00",
    "capability": b"\x01a\x02\x01b\x02\xed\xa0",
}


@case("errors/not-utf8-in-hello-{}", "FORM-2", "STATE-1", over=_NOT_UTF8_HELLO)
def not_utf8_in_hello(arena: Arena, rest: bytes) -> None:
    """A HELLO with text that is not UTF-8 is BYE MALFORMED"""
    malformed(arena.connect(), frame(Hello.TYPE, b"CAUS\x01\x01\x00\x00" + rest, ref=9))


@case("errors/not-utf8-in-login", "FORM-2", "ERR-7")
def not_utf8_in_login(arena: Arena) -> None:
    """A LOGIN with a display name that is not UTF-8 is BYE MALFORMED, not BAD_FIELD"""
    body = b"\x05TOKEN\x05alice\x03a\xff\xfe\x00\x20" + TOKEN
    malformed(arena.greet(), frame(Login.TYPE, body, ref=9))


_LISTS = {
    "33-entries": b"\x21" + b"\x01x" * 33,
    "255-entries": b"\xff" + b"\x00" * 255,
    "entry-of-33": b"\x01\x21" + b"x" * 33,
    "second-entry-of-255": b"\x02\x01x\xff" + b"x" * 255,
    "cut-between-entries": b"\x02\x01x",
    "cut-in-an-entry": b"\x01\x05x",
}


@case("errors/list8-{}", "FORM-5", "STATE-1", "ERR-8", over=_LISTS)
def list8(arena: Arena, capabilities: bytes) -> None:
    """A list8 over its limits is BYE MALFORMED"""
    malformed(arena.connect(), frame(Hello.TYPE, b"CAUS\x01\x01\x00\x00\x00" + capabilities, ref=9))


# ref 0

_REF_0 = {
    "ping": Ping(token=1),
    "quit": Quit(reason=""),
    "login": login("alice", TOKEN),
    "hello-again": hello(),
    "send": SEND,
}


@case("errors/ref-0-{}", "ERR-3", "ERR-2", "ERR-8", over=_REF_0)
def ref_0(arena: Arena, message: Ping | Quit | Login | Hello | Send) -> None:
    """ref 0 in a known request is BYE MALFORMED"""
    malformed(arena.greet(), encode(message, 0), "ref 0")


@case("errors/ref-0-hello", "STATE-1", "ERR-3", "ERR-8")
def ref_0_hello(arena: Arena) -> None:
    """HELLO with ref 0 is BYE MALFORMED"""
    malformed(arena.connect(), encode(hello(), 0), "ref 0")


# Unknown types


@dataclass(frozen=True)
class Unknown:
    """A type that is unknown here, and a body."""

    type: int
    body: bytes = b""


UNKNOWN = {
    "00": Unknown(0x00),
    "06": Unknown(0x06, b"x"),
    "14": Unknown(0x14, b"\xff" * 40),
    "7f": Unknown(0x7F, bytes(4_096)),
    "welcome": Unknown(0x81, b"\x00"),
    "bye": Unknown(0x85, b"\x00\x64"),
    "ack": Unknown(0x90, bytes(17)),
    "ff": Unknown(0xFF, b"\xc3\x28"),
    # Known in version 1, but of capabilities that this HELLO did not list. The bodies could not even be decoded.
    "history": Unknown(0x11, b"\x01"),
    "join": Unknown(0x20, b"\x05#"),
    "who": Unknown(0x24, b"\x06#lobby\x00\x00\x01\x02"),
    "compose": Unknown(0x13, b"\x02\xff\xff\x07"),
}
"""Types that are unknown to a connection on which nothing was negotiated."""


@case("errors/unknown-type-{}", "ERR-4", "ERR-1", "CAP-2", over=UNKNOWN)
def unknown_type(arena: Arena, unknown: Unknown) -> None:
    """A frame of unknown type is ERROR UNSUPPORTED, whatever its body holds"""
    client = arena.greet()
    client.send_octets(frame(unknown.type, unknown.body, ref=9))
    client.expect_error(ErrorCode.UNSUPPORTED, ref=9)
    client.fence()


@case("errors/unknown-type-ref-0-{}", "ERR-5", over=UNKNOWN)
def unknown_type_ref_0(arena: Arena, unknown: Unknown) -> None:
    """A frame of unknown type with ref 0 is ignored"""
    client = arena.greet()
    client.send_octets(frame(unknown.type, unknown.body))
    client.fence()


# What follows an error


@case("errors/connection-lives-on", "ERR-1")
def lives_on(arena: Arena) -> None:
    """After ERRORs the connection is usable as before"""
    client = arena.greet()
    for ref in range(1, 21):
        client.send_octets(encode(SEND, ref) if ref % 2 else frame(0x7E, ref=ref))
        client.expect(Error, ref=ref)
        client.fence()


@case("errors/answers-before-bye", "REQ-2", "STATE-4")
def answers_before_bye(arena: Arena) -> None:
    """What came before a malformed frame is answered, what came behind it is not"""
    client = arena.greet()
    bad = frame(Ping.TYPE, bytes(3), ref=3)
    client.send_octets(encode(Ping(token=1), 1) + frame(0x7E, ref=2) + bad + encode(Ping(token=4), 4))
    client.expect(Pong, ref=1, token=1)
    client.expect_error(ErrorCode.UNSUPPORTED, ref=2)
    client.ends_with(ByeCode.MALFORMED, ref=3)


@case("errors/decodable-before-state", "ERR-7", "ERR-2")
def decodable_before_state(arena: Arena) -> None:
    """A frame that cannot be decoded is BYE MALFORMED in a state that would not take it either"""
    malformed(arena.greet(), frame(Send.TYPE, b"\x06#lobby" + bytes(9) + b"\x00\x02a", ref=9))


@case("errors/state-before-fields", "ERR-7", "STATE-2")
def state_before_fields(arena: Arena) -> None:
    """A request with bad fields in a state that does not take it is ERROR WRONG_STATE"""
    client = arena.greet()
    client.refused(Send(conversation="nowhere", txn=0, kind=200, text=""), ErrorCode.WRONG_STATE)


@case("errors/others-unharmed", "ERR-9")
def others_unharmed(arena: Arena) -> None:
    """A connection that is in the middle of a frame does not notice another one's BYE MALFORMED"""
    other = arena.greet("B")
    ping = encode(Ping(token=77), 5)
    other.send_octets(ping[:11])
    for fault in (bytes(8), b"\xff" * 8, encode(Quit(reason="é"), 4)[:-1] + b"\xff"):
        client = arena.connect()
        client.send_octets(encode(hello(), 1) + fault)
        client.expect(Welcome, ref=1)
        if fault != bytes(8):  # type 0 with ref 0 is ignored
            client.expect_end_after_bye()
    other.send_octets(ping[11:])
    other.expect(Pong, ref=5, token=77)


@case("errors/says-why", "ERR-10")
def says_why(arena: Arena) -> None:
    """ERROR and BYE say in words what was wrong"""
    client = arena.greet()
    error = client.refused(SEND, ErrorCode.WRONG_STATE)
    if not error.detail:
        raise client.problem(Kind.VALUE, "words in detail", "an empty detail")
    client.send_octets(frame(Ping.TYPE, ref=9))
    bye = client.expect_bye(ByeCode.MALFORMED, ref=9)
    if not bye.reason:
        raise client.problem(Kind.VALUE, "words in reason", "an empty reason")
