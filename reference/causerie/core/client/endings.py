"""How a connection ends, and what a client may do afterwards.

In here: the causes, `Ending`, and two literal tables, cause → what next and BYE code → what next. Not in
here: when to try again (`backoff`), and words for people (the shells').

The rules:

* What the user wanted, what the user must decide, and what would only repeat itself, is *final*: the end of
  a QUIT, a refused login [CLIENT-11], an impostor [SCRAM-6, TLS-2], a broken protocol [CLIENT-12].
* Everything else is *passing*: the network, a server that goes down, one that is full. The client comes back.
* An unknown BYE code ended the connection and means no more than that [CLIENT-1]: passing.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final

from causerie_spec.codes import ByeCode


class Cause(Enum):
    """Why there is no connection (any more)."""

    QUIT = "quit"
    """The user left: BYE came, or the end of the stream, or the 5 s for them had passed [CLIENT-4]."""
    BYE = "bye"
    """The server said BYE; the ending has its code."""
    END_OF_STREAM = "end of stream"
    """The server closed without BYE."""
    LOST = "lost"
    """The network broke the connection."""
    SILENT = "silent"
    """The server did not answer a PING in time [CLIENT-3]."""
    SLOW_LOGIN = "slow login"
    """The login took too long."""
    LOGIN_REFUSED = "login refused"
    """ERROR answered LOGIN, or no mechanism fits; the ending has the code, if one came."""
    LOGIN_DELAYED = "login delayed"
    """ERROR answered LOGIN, but another time it may succeed."""
    IMPOSTOR = "impostor"
    """The server did not prove that it knows the password [SCRAM-6]."""
    PROTOCOL = "protocol"
    """The server sent what the protocol does not allow [CLIENT-12]."""
    NOBODY_LISTENS = "nobody listens"
    """The host refused the connection: no program listens at that port."""
    UNKNOWN_HOST = "unknown host"
    """The host's name has no address."""
    CONNECT_TIMEOUT = "connect timeout"
    """No address of the host answered in time."""
    UNREACHABLE = "unreachable"
    """The network cannot reach the host, for another reason."""
    UNTRUSTED = "untrusted"
    """The server's certificate does not show that it is the one that was asked for [TLS-2]."""
    NO_TLS = "no TLS"
    """The server does not speak TLS, and the user wants it."""
    ONLY_TLS = "only TLS"
    """The server speaks TLS, and was spoken to without."""
    TLS_FAILED = "TLS failed"
    """There was no TLS with the server, for another reason."""
    INTERNAL = "internal"
    """This program failed: a bug here. Shells end with it; the core itself never does."""


class Next(Enum):
    """What a client does after an ending."""

    RETRY = "retry"
    STOP = "stop"


AFTER_CAUSE: Final[dict[Cause, Next | None]] = {
    Cause.QUIT: Next.STOP,
    Cause.BYE: None,  # AFTER_BYE tells
    Cause.END_OF_STREAM: Next.RETRY,
    Cause.LOST: Next.RETRY,
    Cause.SILENT: Next.RETRY,
    Cause.SLOW_LOGIN: Next.RETRY,
    Cause.LOGIN_REFUSED: Next.STOP,
    Cause.LOGIN_DELAYED: Next.RETRY,
    Cause.IMPOSTOR: Next.STOP,
    Cause.PROTOCOL: Next.STOP,
    Cause.NOBODY_LISTENS: Next.RETRY,
    Cause.UNKNOWN_HOST: Next.RETRY,
    Cause.CONNECT_TIMEOUT: Next.RETRY,
    Cause.UNREACHABLE: Next.RETRY,
    Cause.UNTRUSTED: Next.STOP,
    Cause.NO_TLS: Next.STOP,
    Cause.ONLY_TLS: Next.STOP,
    Cause.TLS_FAILED: Next.RETRY,
    Cause.INTERNAL: Next.STOP,
}

AFTER_BYE: Final[dict[int, Next]] = {
    ByeCode.NORMAL: Next.RETRY,  # nobody asked for it: the server's affair
    ByeCode.SHUTDOWN: Next.RETRY,
    ByeCode.MALFORMED: Next.STOP,  # the same client would send the same again
    ByeCode.FRAME_TOO_LARGE: Next.STOP,
    ByeCode.VERSION_UNSUPPORTED: Next.STOP,
    ByeCode.IDLE: Next.RETRY,
    ByeCode.HANDSHAKE_TIMEOUT: Next.RETRY,
    ByeCode.SLOW_CONSUMER: Next.RETRY,
    ByeCode.TOO_MANY_FAILURES: Next.STOP,
    ByeCode.TOO_MANY_CONNECTIONS: Next.RETRY,
    ByeCode.SERVER_FAILURE: Next.RETRY,
}


@dataclass(frozen=True, slots=True)
class Ending:
    """One connection, or one attempt at it, is over.

    ``code`` is that of the BYE or ERROR that ended it, None without one. ``retry_ms`` is the server's advice
    in milliseconds, 0 without any. ``detail`` is for people, and as received: it must be made safe before it
    is shown [CLIENT-7].
    """

    cause: Cause
    code: int | None = None
    retry_ms: int = 0
    detail: str = ""

    @property
    def next(self) -> Next:
        """Whether it makes sense to try again without asking the user."""
        after = AFTER_CAUSE[self.cause]
        if after is not None:
            return after
        return AFTER_BYE.get(self.code, Next.RETRY) if self.code is not None else Next.RETRY
