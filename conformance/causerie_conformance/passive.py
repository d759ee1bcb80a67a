"""The checks that every received frame goes through, whichever case receives it.

In here: what can be told from the frames of a run alone: form, direction, refs, order of answers, names, times. A
broken clause raises `Violation`. Not in here: what one frame, or one streamed answer, must be by itself
(`invariants`), whether the server did what a case asked of it (`client`, `cases`), and anything that does I/O.

An `Observer` follows one connection in both directions; a `Shared` holds what must agree between the connections of one
server. What is told of logs goes to `logs`.
"""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Final

from causerie_conformance import invariants
from causerie_conformance.found import Found
from causerie_conformance.logs import Logs, Shared
from causerie_conformance.problems import Kind
from causerie_conformance.transcript import frame_name
from causerie_spec import codec, names
from causerie_spec.codec import RawFrame
from causerie_spec.codes import HEADER_SIZE, HISTORY, MAX_BODY, SERVER_BIT, ByeCode, ErrorCode
from causerie_spec.errors import PeerError
from causerie_spec.messages import MESSAGES, Ack, Bye, End, Error, Hello, Message, Ready, Send, Welcome

REFS_SHOWN: Final = 6
"""Refs of open requests that are named."""
MS_LEAST: Final = 10**12
"""Milliseconds of September 2001: less is seconds, or no clock."""
MS_MOST: Final = 10**13
"""Milliseconds of the year 2286: more is microseconds."""

_NAME_RULES: Final[Mapping[str, tuple[Callable[[str], bool], str]]] = {
    "conversation": (names.is_conversation, "a conversation with its sign"),
    "handle": (names.is_handle, "a bare handle"),
    "sender": (names.is_handle, "a bare handle"),
    "display": (names.is_display, "a display name"),
}
_CODES: Final[Mapping[type[Message], type[ErrorCode | ByeCode]]] = {Error: ErrorCode, Bye: ByeCode}
_TIMES: Final = ("timestamp", "server_time", "last_seen")
_JUDGED: Final = {
    kind: tuple(field.name for field in fields(kind) if field.name in (*_NAME_RULES, *_TIMES))  # type: ignore[arg-type]
    for kind in MESSAGES.values()
}
"""The fields of each frame that have a rule of their own."""
_NEVER_ANSWERED: Final = frozenset({"COMPOSE"})


@dataclass
class Request:
    """A request that is not answered yet; ``message`` is None if its octets cannot be decoded."""

    type: int
    ref: int
    message: Message | None


class Observer:
    """Follows one connection and checks all that the server sends on it."""

    def __init__(self, shared: Shared) -> None:
        self.handle: str | None = None
        self.open: deque[Request] = deque()
        self.ended = False
        self.refusals = 0
        self.answered: Request | None = None
        """The request that the last frame received has answered, None if it was no answer."""
        self._shared = shared
        self._outgoing = bytearray()
        self._current: Request | None = None
        self._left = 0
        self._asked: Hello | None = None
        self._welcome: Welcome | None = None
        self._quiet: set[int] = set()
        self._said = False
        self._answered: set[int] = set()
        self._logs = Logs(shared)
        self._stream: invariants.Stream | None = None

    @property
    def unasked_keepalive(self) -> int:
        """The keepalive in force, in seconds, if it binds now and HELLO asked for none; else 0."""
        if (
            self._welcome is None
            or self.handle is None
            or self.ended
            or (self._asked is not None and self._asked.keepalive)
        ):
            return 0
        return self._welcome.keepalive

    @property
    def between_frames(self) -> bool:
        """Is no frame half sent?"""
        return self._current is None and not self._outgoing

    # What goes out

    def sent(self, octets: bytes) -> None:
        """Note what was sent: each header becomes an open request as soon as it is complete."""
        self._said = self._said or bool(octets)
        self._outgoing += octets
        while self._note_header() if self._current is None else self._note_body():
            pass

    def _note_header(self) -> bool:
        if len(self._outgoing) < HEADER_SIZE:
            return False
        self._left = int.from_bytes(self._outgoing[:4], "big")
        self._current = Request(self._outgoing[4], int.from_bytes(self._outgoing[6:8], "big"), None)
        del self._outgoing[:HEADER_SIZE]
        self._note_request(self._current)
        return True

    def _note_request(self, request: Request) -> None:
        """Keep it as open if it will be answered: what is not known here is, unless its ref is 0."""
        cls = MESSAGES.get(request.type)
        known = cls is not None and request.type < SERVER_BIT and self._negotiated(cls.CAPABILITY)
        if known and frame_name(request.type) in _NEVER_ANSWERED:
            self._quiet.add(request.ref)
        elif known or request.ref != 0:
            self.open.append(request)

    def _negotiated(self, capability: str | None) -> bool:
        if capability is None:
            return True
        asked = self._asked is not None and capability in self._asked.capabilities
        return asked and (self._welcome is None or capability in self._welcome.capabilities)

    def _note_body(self) -> bool:
        assert self._current is not None
        if len(self._outgoing) < self._left:
            return False
        with contextlib.suppress(PeerError):
            self._current.message = codec.decode(self._current.type, bytes(self._outgoing[: self._left]))
        if isinstance(self._current.message, Hello) and self._asked is None:
            self._asked = self._current.message
        del self._outgoing[: self._left]
        self._current = None
        return True

    # What comes in

    def received(self, raw: RawFrame, octets: bytes) -> Message:
        """The message in a frame that came; raises `Violation` for the first clause that it breaks."""
        found = Found(raw, octets)
        self.answered = None
        if self.ended:
            raise found.broken("STATE-4", Kind.EXTRA, "nothing after BYE")
        message = _check_form(found)
        if not self._said and not isinstance(message, Bye):
            raise found.broken("HELLO-2", Kind.EXTRA, "nothing before HELLO, except BYE")
        _check_values(found, message)
        if not self._negotiated(message.CAPABILITY):
            raise found.broken("CAP-2", Kind.EXTRA, f"no {found.name}, as {message.CAPABILITY} was not negotiated")
        self._check_place(found, message)
        found.check(invariants.flaw(message, self.handle or ""))
        self._logs.follow(found, message)
        return message

    def _check_place(self, found: Found, message: Message) -> None:
        """Is this the time for that frame, and is its ref right?"""
        if isinstance(message, Bye):
            self._check_bye(found)
            self.ended = True
        elif self._is_item(found):
            found.check(self._streamed().item(message))
        elif message.EVENT:
            if found.raw.ref != 0:
                raise found.broken("FRAME-11", Kind.VALUE, "ref 0, as this is an event", field="ref", right=0)
            if self.handle is None:
                raise found.broken("MSG-8", Kind.EXTRA, "no event before READY")
        else:
            self._check_answer(found, message)

    def _is_item(self, found: Found) -> bool:
        first = self.open[0] if self.open else None
        if first is None or first.ref != found.raw.ref or first.ref == 0 or first.message is None:
            return False
        return found.name in MESSAGES[first.type].ITEMS

    def _streamed(self) -> invariants.Stream:
        """The streamed answer that is being given to the first open request."""
        request = self.open[0].message
        assert request is not None
        self._stream = self._stream or invariants.Stream(request)
        return self._stream

    def _check_bye(self, found: Found) -> None:
        ref = found.raw.ref
        refs = [request.ref for request in self.open]
        if ref == 0 or ref in self._quiet:
            return
        if ref not in refs:
            raise found.broken("ERR-8", Kind.VALUE, "the ref of the frame that caused BYE, or 0", offset=6)
        if refs[0] != ref:
            clause = "CLOSE-2" if frame_name(self.open[refs.index(ref)].type) == "QUIT" else "REQ-2"
            waiting = frame_name(self.open[0].type)
            raise found.broken(clause, Kind.UNEXPECTED, f"the answer to {waiting} ref {refs[0]} before BYE")

    def _check_answer(self, found: Found, message: Message) -> None:
        ref = found.raw.ref
        refs = [request.ref for request in self.open]
        if ref not in refs:
            if ref in self._quiet:
                raise found.broken("TYPE-2", Kind.EXTRA, "no answer to COMPOSE")
            if ref in self._answered:
                raise found.broken("REQ-1", Kind.EXTRA, f"exactly one answer to ref {ref}")
            if self._welcome is None:
                raise found.broken("HELLO-2", Kind.EXTRA, "nothing before the answer to HELLO, except BYE")
            right = refs[0] if len(refs) == 1 else None
            raise found.broken("FRAME-10", Kind.VALUE, _expected_ref(refs), field="ref", right=right)
        if refs[0] != ref:
            waiting = frame_name(self.open[0].type)
            raise found.broken("REQ-2", Kind.UNEXPECTED, f"the answer to {waiting} ref {refs[0]} first")
        stream, self._stream = self._stream, None
        self.answered = request = self.open.popleft()
        self._answered.add(ref)
        self.refusals += found.name == "ERROR"
        cls = MESSAGES.get(request.type)
        if cls is not None and found.name != "ERROR" and request.type < SERVER_BIT:
            allowed = cls.ANSWERS or ("ERROR",)
            if found.name not in allowed:
                raise found.broken("REQ-1", Kind.UNEXPECTED, f"{' or '.join(allowed)} or ERROR to {cls.NAME}")
        if isinstance(message, End) and request.message is not None:
            found.check((stream or invariants.Stream(request.message)).end(message))
        self._learn(found, request, message)

    def _learn(self, found: Found, request: Request, message: Message) -> None:
        """What an answer tells of the state of the connection and of the logs."""
        if isinstance(message, Welcome):
            self._welcome = message
            self._logs.kept = HISTORY in message.capabilities
            self._check_welcome(found, message)
        elif isinstance(message, Ready):
            self.handle = self._logs.handle = message.handle
        elif isinstance(message, Ack) and isinstance(request.message, Send):
            self._logs.acked(found, request.message, message)

    def _check_welcome(self, found: Found, message: Welcome) -> None:
        asked = self._asked
        if asked is not None and not asked.min_version <= message.version <= asked.max_version:
            wanted = f"a version from {asked.min_version} to {asked.max_version}"
            raise found.broken("HELLO-4", Kind.VALUE, wanted, offset=HEADER_SIZE)
        if asked is not None and asked.keepalive and not 0 < message.keepalive <= asked.keepalive:
            wanted = f"a keepalive from 1 to {asked.keepalive} s"
            raise found.broken("KEEP-1", Kind.VALUE, wanted, offset=HEADER_SIZE + 1)
        if self._shared.epoch is None:
            self._shared.epoch = message.epoch
        elif self._shared.epoch != message.epoch:
            wanted = f"epoch {self._shared.epoch}, as in the WELCOMEs before"
            raise found.broken("HELLO-7", Kind.VALUE, wanted, field="epoch", right=self._shared.epoch)


def _expected_ref(refs: list[int]) -> str:
    if not refs:
        return "no answer, as no request is open"
    if len(refs) == 1:
        return f"ref {refs[0]}, as in the request"
    shown = ", ".join(map(str, refs[:REFS_SHOWN])) + (f" … {refs[-1]}" if len(refs) > REFS_SHOWN else "")
    return f"the ref of an open request: {shown}"


def _check_form(found: Found) -> Message:
    """Header and body: is it a frame that a version-1 server may send?"""
    raw = found.raw
    if not raw.type & SERVER_BIT:
        raise found.broken("FRAME-13", Kind.VALUE, "a type with bit 7 set", offset=4)
    if raw.flags:
        raise found.broken("FRAME-6", Kind.VALUE, "flags 0", field="flags", right=0)
    if len(raw.body) > MAX_BODY:
        raise found.broken("FRAME-3", Kind.VALUE, f"a body of at most {MAX_BODY} octets", offset=0)
    try:
        message = codec.decode(raw.type, raw.body)
    except codec.UnknownType:
        raise found.broken("CAP-2", Kind.UNEXPECTED, "a frame of version 1", offset=4) from None
    except codec.Malformed as error:
        clause = "FORM-1" if "UTF-8" in error.reason else "FRAME-1"
        wanted = f"a body that can be decoded ({error.field}: {error.reason})"
        raise found.broken(clause, Kind.UNDECODABLE, wanted, HEADER_SIZE + error.offset) from None
    again = codec.encode(message, raw.ref)
    if len(again) != len(found.octets):
        wanted = f"no octets after the last field (the fields take {len(again) - HEADER_SIZE})"
        raise found.broken("FRAME-9", Kind.EXTRA, wanted, offset=len(again))
    return message


def _check_values(found: Found, message: Message) -> None:
    """Names well formed, times in milliseconds."""
    for name in _JUDGED[type(message)]:
        value = getattr(message, name)
        if name in _TIMES:
            if not _is_time(value, may_be_unknown=name == "last_seen"):
                raise found.broken("TIME-1", Kind.VALUE, f"{name} in milliseconds since 1970", field=name)
            continue
        well_formed, what = _NAME_RULES[name]
        if not well_formed(value):
            raise found.broken("NAME-6", Kind.VALUE, f"{what} in {name}", field=name)
    codes = _CODES.get(type(message))
    if codes is not None and message.code not in list(codes):  # type: ignore[attr-defined]  # both have one
        raise found.broken("ERR-11", Kind.VALUE, f"a code of {found.name}, as version 1 has them", field="code")


def _is_time(value: int, *, may_be_unknown: bool) -> bool:
    return MS_LEAST <= value < MS_MOST or (may_be_unknown and value == 0)
