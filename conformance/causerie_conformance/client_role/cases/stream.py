"""The stream of frames from the server, cut and filled in every way that it may be.

In here: FRAME-2, flags, octets behind the fields, unknown frames. Not in here: frames that are wrong (`faults`).
"""

from __future__ import annotations

from causerie_conformance.client_role.register import case
from causerie_conformance.client_role.stage import Stage, token
from causerie_conformance.client_role.visitor import Visitor
from causerie_spec.codec import encode, frame
from causerie_spec.codes import LOBBY, MAX_BODY, MAX_TEXT
from causerie_spec.messages import Composing, Hello, Login, Message, Presence, Ready, Receipt


def _talk_and_leave(stage: Stage, visitor: Visitor) -> None:
    text = stage.say(visitor)
    stage.shows("bob", text)
    stage.talk(visitor)
    stage.leave(visitor)
    stage.once(text)


@case("stream/octet-by-octet", "FRAME-2")
def pieces(stage: Stage) -> None:
    """Frames come an octet at a time"""
    stage.step = 1
    _talk_and_leave(stage, stage.enter())


@case("stream/cut-in-headers", "FRAME-2")
def cut_in_headers(stage: Stage) -> None:
    """Pieces of seven octets: the end of one frame and the beginning of the next come together"""
    stage.step = 7
    _talk_and_leave(stage, stage.enter())


@case("stream/joined", "FRAME-2")
def joined(stage: Stage) -> None:
    """Many frames come in one piece"""
    visitor = stage.enter()
    texts = [token() for _ in range(50)]
    visitor.send_together([stage.house.store(LOBBY, "bob", text) for text in texts], note="50 at once")
    stage.mark(visitor)
    stage.leave(visitor)
    stage.in_order(*texts)


@case("stream/joined-with-ready", "FRAME-2")
def joined_with_ready(stage: Stage) -> None:
    """READY and the first messages come in one piece"""
    stage.start()
    visitor = stage.greet()
    login = visitor.expect(Login)
    text = token()
    visitor.conduct.ready = True
    visitor.conduct.answered(login.ref)
    ready = Ready(stage.handle, stage.handle, b"")
    message = stage.house.store(LOBBY, "bob", text)
    visitor.send_octets(encode(ready, login.ref) + encode(message), "READY and MESSAGE at once", of=[ready, message])
    stage.shows("bob", text)
    stage.leave(visitor)
    stage.once(text)


@case("stream/longest-text", "FRAME-2")
def longest_text(stage: Stage) -> None:
    """A text of 16,384 octets comes in and is shown, all of it"""
    visitor = stage.enter()
    text = token("long") + "x" * (MAX_TEXT - 17 - 18) + token("end")[:18]
    text = text[:MAX_TEXT]
    stage.say(visitor, text)
    stage.mark(visitor)
    stage.leave(visitor)
    stage.once(text[:17], text[-12:])


@case("stream/flags", "FRAME-7")
def flags(stage: Stage) -> None:
    """Flags of frames that come are ignored"""
    stage.start()
    visitor = stage.accept()
    hello = visitor.expect(Hello)
    welcome = bytearray(encode(stage.welcome(hello.message), hello.ref))
    welcome[5] = 0xFF
    visitor.conduct.welcome = stage.welcome(hello.message)
    visitor.conduct.answered(hello.ref)
    visitor.send_octets(bytes(welcome), "flags 0xff")
    stage.admit(visitor, visitor.expect(Login))
    message = stage.house.store(LOBBY, "bob", text := token())
    octets = bytearray(encode(message))
    octets[5] = 0x81
    visitor.send_octets(bytes(octets), "flags 0x81", of=[message])
    stage.shows("bob", text)
    stage.leave(visitor)


@case("stream/more-fields", "FRAME-8")
def more_fields(stage: Stage) -> None:
    """Octets behind the fields of a frame are ignored, in WELCOME, READY and MESSAGE"""
    stage.start()
    visitor = stage.accept()
    hello = visitor.expect(Hello)
    visitor.conduct.welcome = stage.welcome(hello.message)
    visitor.conduct.answered(hello.ref)
    visitor.send_octets(_longer(visitor.conduct.welcome, hello.ref), "with octets behind")
    login = visitor.expect(Login)
    visitor.conduct.ready = True
    visitor.conduct.answered(login.ref)
    ready = Ready(stage.handle, stage.handle, b"")
    visitor.send_octets(_longer(ready, login.ref), "with octets behind", of=[ready])
    message = stage.house.store(LOBBY, "bob", text := token())
    visitor.send_octets(_longer(message), "with octets behind", of=[message])
    stage.shows("bob", text)
    stage.leave(visitor)


def _longer(message: Message, ref: int = 0) -> bytes:
    octets = encode(message, ref)
    return frame(octets[4], octets[8:] + b"\x00later\xff", ref)


UNKNOWN = (0xAF, 0xC0, 0xFF, 0x7F, 0x10, 0x00)
"""Types that no server of version 1 sends; the last three are not even a server's."""


@case("stream/unknown-types", "CLIENT-1")
def unknown(stage: Stage) -> None:
    """Frames of a type that a client does not know are ignored, with ref 0 and another, empty and long"""
    visitor = stage.enter()
    for type_ in UNKNOWN:
        for body in (b"", b"\xff\xff\xff", bytes(MAX_BODY)):
            for ref in (0, 9, 65_535):
                visitor.send_octets(frame(type_, body, ref), "unknown")
        stage.mark(visitor)
    _talk_and_leave(stage, visitor)


EVENTS: tuple[Message, ...] = (
    Receipt(LOBBY, 1, 1, 0, 0),
    Composing(LOBBY, "bob", True),
    Presence("bob", "Bob", True, 1_700_000_000_000),
)


@case("stream/not-negotiated", "CLIENT-1")
def not_negotiated(stage: Stage) -> None:
    """Events of a capability that was not negotiated are frames of unknown type: ignored"""
    visitor = stage.enter(capabilities=())
    for event in EVENTS:
        visitor.send(event)
        stage.mark(visitor)
    _talk_and_leave(stage, visitor)
