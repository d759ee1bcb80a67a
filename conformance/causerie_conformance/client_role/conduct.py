"""The checks that every frame of a client goes through, whichever case receives it.

In here: what can be told from the frames of one connection: form, direction, refs, capabilities. A broken clause
raises `Violation`. Not in here: what a case wants, and anything that does I/O.

What a client may pipeline is its own affair ([REQ-4]): no frame is too early, except before HELLO.
"""

from __future__ import annotations

from dataclasses import fields
from typing import Final

from causerie_conformance.found import Found
from causerie_conformance.octets import field_offset
from causerie_conformance.problems import Kind, Violation
from causerie_spec import codec
from causerie_spec.codec import RawFrame
from causerie_spec.codes import HEADER_SIZE, MAGIC, MAX_BODY_BEFORE_READY, MECHANISM_TOKEN, SERVER_BIT, TOKEN_MIN
from causerie_spec.errors import PeerError
from causerie_spec.messages import MESSAGES, Compose, Hello, Login, Message, Send, Welcome

BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"


class Conduct:
    """Follows what a client sends on one connection."""

    def __init__(self) -> None:
        self.hello: Hello | None = None
        self.welcome: Welcome | None = None
        self.ready = False
        self.outstanding: set[int] = set()

    def negotiated(self, capability: str | None) -> bool:
        """May frames of that capability be sent? Before WELCOME, what HELLO lists may be pipelined."""
        if capability is None:
            return True
        asked = self.hello is not None and capability in self.hello.capabilities
        return asked and (self.welcome is None or capability in self.welcome.capabilities)

    def answered(self, ref: int) -> None:
        """The suite has answered that request; its ref may be used again."""
        self.outstanding.discard(ref)

    def received(self, raw: RawFrame, octets: bytes) -> Message:
        """The message in a frame that came; raises `Violation` for the first clause that it breaks."""
        found = Found(raw, octets)
        if self.hello is None:
            self._check_first(found)
        if raw.flags:
            raise found.broken("FRAME-6", Kind.VALUE, "flags 0", offset=5)
        if not self.ready and len(raw.body) > MAX_BODY_BEFORE_READY:
            raise found.broken("FRAME-3", Kind.VALUE, "a body of at most 4096 octets before READY", offset=0)
        cls = MESSAGES.get(raw.type)
        if cls is None or raw.type & SERVER_BIT or not self.negotiated(cls.CAPABILITY):
            why = f"no {found.name}: {_why_not(cls, raw.type)}"
            raise found.broken("CAP-2", Kind.EXTRA, why, offset=4)
        message = _decoded(found)
        if not isinstance(message, Compose):
            self._check_ref(found)
        if isinstance(message, Hello):
            self.hello = self.hello or message
        _check_values(found, message)
        return message

    def _check_first(self, found: Found) -> None:
        if found.raw.type != Hello.TYPE:
            raise found.broken("HELLO-1", Kind.UNEXPECTED, "HELLO as the first frame", offset=4)
        if found.raw.body[:4] != MAGIC:
            raise found.broken("HELLO-1", Kind.VALUE, f"the magic {MAGIC!r}", field="magic", right=MAGIC)

    def _check_ref(self, found: Found) -> None:
        ref = found.raw.ref
        if ref == 0:
            raise found.broken("FRAME-12", Kind.VALUE, "a ref other than 0", offset=6)
        if ref in self.outstanding:
            raise found.broken("FRAME-12", Kind.VALUE, "a ref of which no request waits for its answer", offset=6)
        self.outstanding.add(ref)


def _why_not(cls: type[Message] | None, type_: int) -> str:
    if cls is None:
        return "version 1 has no such type"
    return "that is a frame of servers" if type_ & SERVER_BIT else f"{cls.CAPABILITY} was not negotiated"


def _decoded(found: Found) -> Message:
    raw = found.raw
    try:
        message = codec.decode(raw.type, raw.body)
    except PeerError as error:
        clause = "FORM-1" if "UTF-8" in str(error) else "FRAME-1"
        raise found.broken(clause, Kind.UNDECODABLE, f"a {found.name} that can be decoded ({error})") from None
    whole = codec.encode(message, raw.ref)
    if len(whole) < HEADER_SIZE + len(raw.body):
        raise found.broken("FRAME-9", Kind.EXTRA, "no octets after the fields", offset=len(whole))
    return message


def _check_values(found: Found, message: Message) -> None:
    if isinstance(message, Send) and message.txn == 0:
        raise found.broken("SEND-9", Kind.VALUE, "a txn from 1 to 2⁶⁴-1", field="txn")
    if isinstance(message, Login) and message.mechanism == MECHANISM_TOKEN and len(message.payload) < TOKEN_MIN:
        raise found.broken("TOKEN-8", Kind.VALUE, f"a token of at least {TOKEN_MIN} octets", field="payload")
    for field in fields(message):  # type: ignore[arg-type]  # every frame is a dataclass
        value = getattr(message, field.name)
        if isinstance(value, str) and value.encode()[:3] == BYTE_ORDER_MARK:
            raise Violation(
                *(Kind.VALUE, "text without a byte order mark that nobody typed", repr(value[:20])),
                clause="FORM-1",
                octets=found.octets,
                offset=field_offset(found.octets, field.name),
            )
