"""The frames: one frozen dataclass each, fields in wire order.

In here: declarations. The ``Annotated`` forms of a class's fields are the only place where its bytes are
said; its construct ``STRUCT``, the codec, the tables of the document, the vectors' check and the dissector
are made from them. Not in here: what a value may be beyond its form (`names`, `codes`), who may send it when
(`states`).

Every class says of itself:

* ``TYPE``: the frame's type octet. Bit 7 set: from server to client.
* ``NAME``: its name in the specification.
* ``CAPABILITY``: the capability that must be negotiated before it may be sent, or None.
* ``ANSWERS``: of a request, the frames that end its answer when it succeeds (else ERROR does, or BYE).
* ``ITEMS``: of a request with a streamed answer, the frames that stand before its END.
* ``EVENT``: of a server frame, whether it may come unasked, with ref 0.
* ``STRUCT``: the body as a construct Struct.
"""

import dataclasses
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, TypeVar, get_args, get_origin

from construct import Construct, Struct

from causerie_spec import codes
from causerie_spec.fastinit import fast_init
from causerie_spec.forms import U8, U16, U32, U64, Bool, Bytes16, List8, Magic, Str8, Str16

MESSAGES: dict[int, type["Message"]] = {}
"""Every frame of this version, by type."""


class Message:
    """Base of all frames; instances are immutable and compare by their fields."""

    __slots__ = ()

    TYPE: ClassVar[int]
    NAME: ClassVar[str]
    CAPABILITY: ClassVar[str | None] = None
    ANSWERS: ClassVar[tuple[str, ...]] = ()
    ITEMS: ClassVar[tuple[str, ...]] = ()
    EVENT: ClassVar[bool] = False
    STRUCT: ClassVar[Struct]


_M = TypeVar("_M", bound=Message)


def _doc(meaning: str) -> Any:
    """A field and its meaning, with its unit, for tables and tools."""
    return dataclasses.field(metadata={"doc": meaning})


def _frame(cls: type[_M]) -> type[_M]:
    """Enter a finished dataclass into `MESSAGES`, and make its STRUCT from the forms of its fields."""
    cls.__init__ = fast_init(cls)  # type: ignore[method-assign]
    cls.STRUCT = Struct(*(name / form for name, form, _ in declared_fields(cls)))
    assert cls.TYPE not in MESSAGES, f"type {cls.TYPE:#04x} is declared twice"
    MESSAGES[cls.TYPE] = cls
    return cls


def declared_fields(cls: type[Message]) -> "list[tuple[str, Construct[Any, Any], str]]":
    """Name, form and meaning of each field, in wire order."""
    declared = []
    for field in dataclasses.fields(cls):  # type: ignore[arg-type]  # every frame is a dataclass
        assert get_origin(field.type) is Annotated, f"{cls.__name__}.{field.name} has no form"
        declared.append((field.name, get_args(field.type)[1], field.metadata["doc"]))
    return declared


@_frame
@dataclass(frozen=True, slots=True)
class Hello(Message):
    """The first frame of a connection: who is calling, and what it can do."""

    TYPE = 0x01
    NAME = "HELLO"
    ANSWERS = ("WELCOME",)

    magic: Magic = _doc("the octets `CAUS`")
    min_version: U8 = _doc("lowest version that the client speaks")
    max_version: U8 = _doc("highest version that the client speaks")
    keepalive: U16 = _doc("longest silence that the client plans, in seconds; 0 none")
    agent: Str8 = _doc("name and version of the client, for people")
    capabilities: List8 = _doc("what the client has")


@_frame
@dataclass(frozen=True, slots=True)
class Welcome(Message):
    """The answer to HELLO: what holds on this connection."""

    TYPE = 0x81
    NAME = "WELCOME"

    version: U8 = _doc("version in force")
    keepalive: U16 = _doc("keepalive in force, in seconds; 0 none")
    server_time: U64 = _doc("the server's clock, in ms since the Unix epoch")
    epoch: U64 = _doc("changes whenever a log may have been reset or rolled back")
    agent: Str8 = _doc("name and version of the server, for people")
    mechanisms: List8 = _doc("login mechanisms that the server offers")
    capabilities: List8 = _doc("what the server has")


@_frame
@dataclass(frozen=True, slots=True)
class Login(Message):
    """Asks for a handle, with the first message of a login mechanism."""

    TYPE = 0x02
    NAME = "LOGIN"
    ANSWERS = ("READY", "CHALLENGE")

    mechanism: Str8 = _doc("login mechanism, such as `TOKEN`")
    handle: Str8 = _doc("handle asked for")
    display: Str8 = _doc("display name to show to people")
    payload: Bytes16 = _doc("the mechanism's message, at most 1024 octets")


@_frame
@dataclass(frozen=True, slots=True)
class Auth(Message):
    """Answers a challenge of the login mechanism."""

    TYPE = 0x03
    NAME = "AUTH"
    ANSWERS = ("READY", "CHALLENGE")

    payload: Bytes16 = _doc("the mechanism's message, at most 1024 octets")


@_frame
@dataclass(frozen=True, slots=True)
class Ready(Message):
    """Login is complete."""

    TYPE = 0x82
    NAME = "READY"

    handle: Str8 = _doc("handle logged in")
    display: Str8 = _doc("display name in force")
    payload: Bytes16 = _doc("the mechanism's last message; empty with TOKEN")


@_frame
@dataclass(frozen=True, slots=True)
class Challenge(Message):
    """The login mechanism wants another message, in AUTH."""

    TYPE = 0x83
    NAME = "CHALLENGE"

    payload: Bytes16 = _doc("the mechanism's message")


@_frame
@dataclass(frozen=True, slots=True)
class Ping(Message):
    """Asks for a sign of life, and fences what was sent before it."""

    TYPE = 0x04
    NAME = "PING"
    ANSWERS = ("PONG",)

    token: U64 = _doc("any number; PONG returns it")


@_frame
@dataclass(frozen=True, slots=True)
class Pong(Message):
    """The answer to PING."""

    TYPE = 0x84
    NAME = "PONG"

    token: U64 = _doc("the number that PING carried")


@_frame
@dataclass(frozen=True, slots=True)
class Quit(Message):
    """The client wants to leave."""

    TYPE = 0x05
    NAME = "QUIT"
    ANSWERS = ("BYE",)

    reason: Str8 = _doc("why, for people; may be empty")


@_frame
@dataclass(frozen=True, slots=True)
class Bye(Message):
    """The last frame of a connection; the server closes after it."""

    TYPE = 0x85
    NAME = "BYE"
    EVENT = True

    code: U16 = _doc("why, a BYE code")
    retry_ms: U32 = _doc("ms to wait before connecting again; 0 no advice")
    reason: Str8 = _doc("why, for people; never parsed")


@_frame
@dataclass(frozen=True, slots=True)
class Ok(Message):
    """The request was done, and there is nothing more to say."""

    TYPE = 0x8D
    NAME = "OK"


@_frame
@dataclass(frozen=True, slots=True)
class End(Message):
    """The end of a streamed answer."""

    TYPE = 0x8E
    NAME = "END"

    more: Bool = _doc("is there more in that direction?")


@_frame
@dataclass(frozen=True, slots=True)
class Error(Message):
    """The request was understood and refused; the connection lives on."""

    TYPE = 0x8F
    NAME = "ERROR"

    code: U16 = _doc("why, an ERROR code")
    retry_ms: U32 = _doc("ms to wait before asking again; 0 no advice")
    detail: Str8 = _doc("why, for people; never parsed")


@_frame
@dataclass(frozen=True, slots=True)
class Send(Message):
    """Puts a message into a conversation's log."""

    TYPE = 0x10
    NAME = "SEND"
    ANSWERS = ("ACK",)

    conversation: Str8 = _doc("where to, with its sign")
    txn: U64 = _doc("random number of this message, not 0; the same again is the same message")
    kind: U8 = _doc("0 text, 1 action, at most 127")
    text: Str16 = _doc("1..16384 octets")


@_frame
@dataclass(frozen=True, slots=True)
class Ack(Message):
    """The message is in the log."""

    TYPE = 0x90
    NAME = "ACK"

    seq: U64 = _doc("the message's number in its log, from 1")
    timestamp: U64 = _doc("when it was stored, in ms since the Unix epoch")
    duplicate: Bool = _doc("was it there already?")


@_frame
@dataclass(frozen=True, slots=True)
class ChatMessage(Message):
    """One message of a log, live or from HISTORY."""

    TYPE = 0xA0
    NAME = "MESSAGE"
    EVENT = True

    conversation: Str8 = _doc("where, as its reader names it")
    seq: U64 = _doc("the message's number in its log, from 1")
    timestamp: U64 = _doc("when it was stored, in ms since the Unix epoch")
    sender: Str8 = _doc("handle of who wrote it, or joined, or left")
    txn: U64 = _doc("the sender's number of it; 0 in JOINED and LEFT")
    kind: U8 = _doc("0 text, 1 action, 128 JOINED, 129 LEFT")
    text: Str16 = _doc("what was sent, octet for octet; empty in JOINED and LEFT")


@_frame
@dataclass(frozen=True, slots=True)
class History(Message):
    """Asks for messages of a log from an anchor on, either way."""

    TYPE = 0x11
    NAME = "HISTORY"
    CAPABILITY = codes.HISTORY
    ANSWERS = ("END",)
    ITEMS = ("MESSAGE",)

    conversation: Str8 = _doc("whose log")
    direction: U8 = _doc("0 after the anchor, 1 before it")
    anchor: U64 = _doc("a seq, itself not included")
    limit: U16 = _doc("messages wanted, at least 1; more than 256 count as 256")


@_frame
@dataclass(frozen=True, slots=True)
class Mark(Message):
    """Moves one's own cursors forward."""

    TYPE = 0x12
    NAME = "MARK"
    CAPABILITY = codes.RECEIPTS
    ANSWERS = ("OK",)

    conversation: Str8 = _doc("whose log")
    delivered: U64 = _doc("highest seq received")
    read: U64 = _doc("highest seq read")


@_frame
@dataclass(frozen=True, slots=True)
class Receipt(Message):
    """A snapshot of one's cursors, and of the lowest over all members."""

    TYPE = 0xA1
    NAME = "RECEIPT"
    CAPABILITY = codes.RECEIPTS
    EVENT = True

    conversation: Str8 = _doc("whose log")
    delivered: U64 = _doc("own highest seq received")
    read: U64 = _doc("own highest seq read")
    all_delivered: U64 = _doc("highest seq that all members received; 0 not told")
    all_read: U64 = _doc("highest seq that all members read; 0 not told")


@_frame
@dataclass(frozen=True, slots=True)
class Compose(Message):
    """Says that one is typing, or no longer. Never answered; its ref is ignored."""

    TYPE = 0x13
    NAME = "COMPOSE"
    CAPABILITY = codes.TYPING

    conversation: Str8 = _doc("where")
    active: Bool = _doc("typing now?")


@_frame
@dataclass(frozen=True, slots=True)
class Composing(Message):
    """Somebody is typing, or no longer."""

    TYPE = 0xA2
    NAME = "COMPOSING"
    CAPABILITY = codes.TYPING
    EVENT = True

    conversation: Str8 = _doc("where, as its reader names it")
    handle: Str8 = _doc("who")
    active: Bool = _doc("typing now?")


@_frame
@dataclass(frozen=True, slots=True)
class Join(Message):
    """Makes one a member of a room, and makes the room if need be."""

    TYPE = 0x20
    NAME = "JOIN"
    CAPABILITY = codes.ROOMS
    ANSWERS = ("CONVERSATION",)

    conversation: Str8 = _doc("a room, with its sign; not `#lobby`")


@_frame
@dataclass(frozen=True, slots=True)
class Leave(Message):
    """Ends one's membership of a room."""

    TYPE = 0x21
    NAME = "LEAVE"
    CAPABILITY = codes.ROOMS
    ANSWERS = ("OK",)

    conversation: Str8 = _doc("a room, with its sign; not `#lobby`")


@_frame
@dataclass(frozen=True, slots=True)
class Conversations(Message):
    """Asks for one's conversations, by name."""

    TYPE = 0x22
    NAME = "CONVERSATIONS"
    CAPABILITY = codes.HISTORY
    ANSWERS = ("END",)
    ITEMS = ("CONVERSATION",)

    after: Str8 = _doc("the last name already known, or empty")
    limit: U16 = _doc("conversations wanted, at least 1; more than 256 count as 256")


@_frame
@dataclass(frozen=True, slots=True)
class Conversation(Message):
    """One conversation: what its log holds, and one's place in it."""

    TYPE = 0xB0
    NAME = "CONVERSATION"

    conversation: Str8 = _doc("which, as its reader names it")
    first: U64 = _doc("lowest seq that HISTORY can return; head + 1 if none")
    head: U64 = _doc("highest seq; 0 if none")
    members: U32 = _doc("how many members")
    delivered: U64 = _doc("own highest seq received")
    read: U64 = _doc("own highest seq read")
    all_delivered: U64 = _doc("highest seq that all members received; 0 not told")
    all_read: U64 = _doc("highest seq that all members read; 0 not told")


@_frame
@dataclass(frozen=True, slots=True)
class Rooms(Message):
    """Asks for the rooms that there are, by name."""

    TYPE = 0x23
    NAME = "ROOMS"
    CAPABILITY = codes.ROOMS
    ANSWERS = ("END",)
    ITEMS = ("ROOM",)

    after: Str8 = _doc("the last name already known, or empty")
    limit: U16 = _doc("rooms wanted, at least 1; more than 256 count as 256")


@_frame
@dataclass(frozen=True, slots=True)
class Room(Message):
    """One room of the list."""

    TYPE = 0xB1
    NAME = "ROOM"

    conversation: Str8 = _doc("which, with its sign")
    members: U32 = _doc("how many members")


@_frame
@dataclass(frozen=True, slots=True)
class Who(Message):
    """Asks for the members of a conversation, and sets the watch of it."""

    TYPE = 0x24
    NAME = "WHO"
    CAPABILITY = codes.PRESENCE
    ANSWERS = ("END",)
    ITEMS = ("PRESENCE",)

    conversation: Str8 = _doc("whose members")
    after: Str8 = _doc("the last handle already known, or empty")
    limit: U16 = _doc("members wanted, at least 1; more than 256 count as 256")
    watch: Bool = _doc("send PRESENCE events from now on?")


@_frame
@dataclass(frozen=True, slots=True)
class Presence(Message):
    """Somebody is online, or was last."""

    TYPE = 0xA3
    NAME = "PRESENCE"
    CAPABILITY = codes.PRESENCE
    EVENT = True

    handle: Str8 = _doc("who")
    display: Str8 = _doc("display name")
    online: Bool = _doc("online now?")
    last_seen: U64 = _doc("when last online, in ms since the Unix epoch; 0 unknown")


MESSAGES_BY_NAME: dict[str, type[Message]] = {cls.NAME: cls for cls in MESSAGES.values()}
"""Every frame of this version, by name."""
CLIENT_TYPES: frozenset[int] = frozenset(type_ for type_ in MESSAGES if type_ < codes.SERVER_BIT)
"""Types that clients send."""
SERVER_TYPES: frozenset[int] = frozenset(MESSAGES) - CLIENT_TYPES
"""Types that servers send."""
