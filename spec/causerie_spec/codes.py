"""The protocol's numbers: codes, kinds, limits and defaults, each with its unit.

In here: constants, and nothing that computes. Not in here: which frame has which field (`messages`), what a
name looks like (`names`), who may send what when (`states`).
"""

from enum import IntEnum
from typing import Final

MAGIC: Final = b"CAUS"
"""The first four octets of HELLO's body."""
VERSION: Final = 1
"""The protocol version that this package declares."""
DEFAULT_PORT: Final = 5000
"""TCP port."""
ALPN: Final = "causerie/1"
"""Application protocol name inside TLS."""

HEADER_SIZE: Final = 8
"""Octets in a frame header."""
SERVER_BIT: Final = 0x80
"""Bit of the type that is set in frames from server to client."""
MAX_BODY: Final = 65_535
"""Octets in a body, at most."""
MAX_BODY_BEFORE_READY: Final = 4_096
"""Octets in a body that a server takes before READY, at most."""
MAX_REF: Final = 65_535
"""Highest ref."""
MAX_U64: Final = 2**64 - 1
"""Highest u64; as HISTORY's anchor with direction before, it asks for the newest page."""

MAX_TEXT: Final = 16_384
"""Octets in a message's text, at most; the fewest are 1."""
MAX_PAYLOAD: Final = 1_024
"""Octets in the payload of LOGIN and AUTH, at most."""
TOKEN_MIN: Final = 16
"""Octets in a login token, at least."""
TOKEN_MAX: Final = 64
"""Octets in a login token, at most."""
TOKEN_SIZE: Final = 32
"""Octets in a login token that a client makes for itself."""
MAX_HANDLE: Final = 32
"""Octets in a handle or a room's name (without its sign), at most."""
MAX_DISPLAY: Final = 64
"""Octets in a display name, at most; the fewest are 1."""
LIST8_MAX_ENTRIES: Final = 32
"""Entries in a list8, at most."""
LIST8_MAX_ENTRY: Final = 32
"""Octets in an entry of a list8, at most."""

MAX_PAGE: Final = 256
"""Items in one streamed answer, at most, whatever limit was asked for."""
MAX_PAGE_OCTETS: Final = 262_144
"""Octets in one HISTORY answer, about, at most (one message is always sent)."""
MAX_KIND_FROM_CLIENT: Final = 127
"""Highest kind that SEND may carry; above it servers only."""
MAX_MEMBERS_READ_BY_ALL: Final = 256
"""Members above which all_delivered and all_read are 0."""
LOBBY: Final = "#lobby"
"""The conversation that always exists."""

HANDSHAKE_TIMEOUT: Final = 30
"""Seconds from accept within which login must be complete; a server's default."""
KEEPALIVE: Final = 60
"""Seconds; what the reference clients ask for. 0 asks for none."""
IDLE_FACTOR: Final = 1.5
"""Silence, in keepalives, after which a server ends the connection."""
IDLE_FACTOR_MAX: Final = 2.0
"""Silence, in keepalives, at which it has ended it at the latest."""
CLOSING_TIMEOUT: Final = 5
"""Seconds for which a server reads and drops after BYE, at most."""
CLOSING_OCTETS: Final = 1_048_576
"""Octets that a server reads and drops after BYE, at most."""
MAX_UNREAD: Final = 8_388_608
"""Octets of events by others that wait unread in a server before it cuts their reader off, at most."""
UNREAD_TIMEOUT: Final = 30
"""Seconds between two signs of a peer that is not being read, at least; or twice the keepalive, if that is longer."""
PONG_TIMEOUT: Final = 30
"""Seconds that a client waits for PONG when no keepalive is in force."""
QUIT_TIMEOUT: Final = 5
"""Seconds that a client waits for BYE after QUIT, at most."""
MAX_LOGIN_FAILURES: Final = 3
"""AUTH_FAILED on one connection; the last is BYE TOO_MANY_FAILURES in its place."""
COMPOSING_SHOWN: Final = 6
"""Seconds for which a client shows that someone is typing."""
CLUSTER_DELAY: Final = 1
"""Seconds within which events cross the addresses of a cluster."""
MIN_ROOMS_PER_HANDLE: Final = 100
"""Rooms that a handle may be in before LIMIT_REACHED, at least."""
MIN_WATCHES: Final = 16
"""Watches of one connection before LIMIT_REACHED, at least."""
MIN_CONNECTIONS: Final = 64
"""Connections in all before TOO_MANY_CONNECTIONS, at least."""
SCRAM_MIN_ITERATIONS: Final = 4_096
"""Iterations that a client accepts, at least."""
SCRAM_MAX_ITERATIONS: Final = 1_000_000
"""Iterations that a client accepts, at most."""

MECHANISM_TOKEN: Final = "TOKEN"
MECHANISM_SCRAM: Final = "SCRAM-SHA-256"

ROOMS: Final = "rooms"
HISTORY: Final = "history"
DURABLE: Final = "durable"
RECEIPTS: Final = "receipts"
TYPING: Final = "typing"
PRESENCE: Final = "presence"
CAPABILITIES: Final = (ROOMS, HISTORY, DURABLE, RECEIPTS, TYPING, PRESENCE)
"""Capability names, in the order of the profiles."""
PROFILES: Final = ("CORE", "ROBUST", *CAPABILITIES, "SCRAM", "TLS", "cluster")
"""Profiles of the clauses, in learning order."""


class Kind(IntEnum):
    """What a message is. 2..63 are kept for later versions, 64..127 for private use, 128..255 for servers."""

    TEXT = 0
    ACTION = 1
    JOINED = 128
    LEFT = 129


class Direction(IntEnum):
    """Which way HISTORY goes from its anchor; answers ascend either way."""

    AFTER = 0
    BEFORE = 1


class ErrorCode(IntEnum):
    """Codes in ERROR: understood, refused, and the connection lives on."""

    UNSUPPORTED = 1
    WRONG_STATE = 2
    BAD_FIELD = 3
    HANDLE_TAKEN = 4
    AUTH_FAILED = 5
    NO_SUCH_MECHANISM = 6
    NO_SUCH_CONVERSATION = 7
    NOT_A_MEMBER = 8
    TEXT_TOO_LONG = 9
    TXN_CONFLICT = 10
    RATE_LIMITED = 11
    LIMIT_REACHED = 12
    INTERNAL = 13

    @property
    def meaning(self) -> str:
        """One line for people: tables and tools show it."""
        return _ERROR_MEANINGS[self]


class ByeCode(IntEnum):
    """Codes in BYE: the connection ends here."""

    NORMAL = 100
    SHUTDOWN = 101
    MALFORMED = 102
    FRAME_TOO_LARGE = 103
    VERSION_UNSUPPORTED = 104
    IDLE = 105
    HANDSHAKE_TIMEOUT = 106
    SLOW_CONSUMER = 107
    TOO_MANY_FAILURES = 108
    TOO_MANY_CONNECTIONS = 109
    SERVER_FAILURE = 110

    @property
    def meaning(self) -> str:
        """One line for people: tables and tools show it."""
        return _BYE_MEANINGS[self]


_ERROR_MEANINGS: Final = {
    ErrorCode.UNSUPPORTED: "unknown type, or its capability was not negotiated",
    ErrorCode.WRONG_STATE: "a known frame in a state that does not take it",
    ErrorCode.BAD_FIELD: "a field's value is outside its domain",
    ErrorCode.HANDLE_TAKEN: "the handle belongs to another token, or to an account",
    ErrorCode.AUTH_FAILED: "the proof was wrong, or the mechanism's message was",
    ErrorCode.NO_SUCH_MECHANISM: "the server does not offer that login mechanism",
    ErrorCode.NO_SUCH_CONVERSATION: "a well-formed name that names nothing here",
    ErrorCode.NOT_A_MEMBER: "for members of the room only",
    ErrorCode.TEXT_TOO_LONG: "the text is longer than 16384 octets",
    ErrorCode.TXN_CONFLICT: "that txn was used for another text or kind",
    ErrorCode.RATE_LIMITED: "too many of these; come back after retry_ms",
    ErrorCode.LIMIT_REACHED: "a limit on how many there may be is reached",
    ErrorCode.INTERNAL: "the server failed at this request",
}
_BYE_MEANINGS: Final = {
    ByeCode.NORMAL: "the answer to QUIT",
    ByeCode.SHUTDOWN: "the server is going down; come back after retry_ms",
    ByeCode.MALFORMED: "a frame could not be decoded, or the first was no HELLO",
    ByeCode.FRAME_TOO_LARGE: "a header announced a body over the limit",
    ByeCode.VERSION_UNSUPPORTED: "no version in common",
    ByeCode.IDLE: "no complete frame for longer than the keepalive allows",
    ByeCode.HANDSHAKE_TIMEOUT: "login was not complete in time",
    ByeCode.SLOW_CONSUMER: "events were taken too slowly",
    ByeCode.TOO_MANY_FAILURES: "the third AUTH_FAILED on this connection",
    ByeCode.TOO_MANY_CONNECTIONS: "the server has as many connections as it takes",
    ByeCode.SERVER_FAILURE: "the server failed as a whole",
}
