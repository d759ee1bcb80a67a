"""What a server allows: every number that an operator may set, with its unit and the clause that bounds it.

In here: settings and their defaults. Not in here: numbers that the protocol fixes (`causerie_spec.codes`).
"""

from dataclasses import dataclass

from causerie.core.accounts import ITERATIONS
from causerie_spec import codes


@dataclass(frozen=True, slots=True)
class Limits:
    """The settable limits of a server."""

    max_connections: int = 1_024
    """Connections served at once; one more is told TOO_MANY_CONNECTIONS [LOAD-8, LOAD-9]."""
    max_refused: int = 256
    """Connections over the limit that are being told so; more are closed without a word, to bound what they cost."""
    handshake_timeout: float = codes.HANDSHAKE_TIMEOUT
    """Seconds from accept in which login must be complete [KEEP-6]."""
    keepalive: int = codes.KEEPALIVE
    """Seconds; the most that WELCOME grants, and what it says to a client that asks for none: 0 [KEEP-1]."""
    queue_octets: int = 4 * 1024 * 1024
    """Octets of other people's events that may wait for one reader before it is cut off, below 8 MiB [LOAD-1]."""
    own_octets: int = 64 * 1024
    """Octets of its own answers and echoes at which a connection is not read any more [LOAD-4]."""
    write_octets: int = 256 * 1024
    """Octets handed to the transport at a time, about."""
    pending_octets: int = 256 * 1024
    """Octets of one connection's SENDs, about, that may wait for the store before it is not read any more [LOAD-4]."""
    batch_octets: int = 256 * 1024
    """Octets of messages, about, that go to the store at a time; then their readers are served [LOAD-1]."""
    history_octets: int = 64 * 1024
    """Octets of a history answer, about, that are made at a time; the next when the reader took these [HIST-6]."""
    watches: int = 256
    """Conversations that one connection may watch [LOAD-7]."""
    failures_per_minute: int = 30
    """Logins from one address that may fail in a minute before all are told RATE_LIMITED; 0 no limit [LOAD-6]."""
    reservations_per_minute: int = 60
    """Handles that may be reserved from one address in a minute: a classroom behind one; 0 no limit [LOAD-6]."""
    throttle_local: bool = False
    """Do these two bind this machine's own addresses too?"""
    accounts_only: bool = False
    """TOKEN is not on offer [HELLO-8]."""
    scram_iterations: int = ITERATIONS
    """What somebody without an account is told [SCRAM-4]: what the accounts have."""
    closing_timeout: float = codes.CLOSING_TIMEOUT
    """Seconds from FIN to the end, at most, and without progress until then; from a shutdown on, in all [CLOSE-3]."""
    closing_octets: int = codes.CLOSING_OCTETS
    """Octets read and dropped after FIN, at most [CLOSE-3]."""
    retry_ms: int = 1_000
    """Least advice in BYE SHUTDOWN, in ms; each connection is told up to `retry_spread_ms` more [CLOSE-7]."""
    retry_spread_ms: int = 4_000
    """See `retry_ms`."""
