"""LOGIN and AUTH: who may use a handle.

In here: mechanisms, failures, and what is charged to an address. TOKEN: the first token that logs in with a free handle
owns it [TOKEN-2]; the store decides which was first. SCRAM-SHA-256: the store keeps accounts; what is in the
messages is `accounts`'. Not in here: what being logged in means (`hub`), how much an address may do (`throttle`).
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random

from causerie.core import accounts
from causerie.core.connection import Connection
from causerie.core.limits import Limits
from causerie.core.refusal import Ended, Refusal, Refused, bad_field
from causerie.core.scram import base64_of
from causerie.core.throttle import Throttle, payer_of
from causerie.store.operations import Credentials, Enter, Entered, ScramKeys
from causerie_spec import names
from causerie_spec.codes import (
    MAX_LOGIN_FAILURES,
    MAX_PAYLOAD,
    MECHANISM_SCRAM,
    MECHANISM_TOKEN,
    TOKEN_MAX,
    TOKEN_MIN,
    ByeCode,
    ErrorCode,
)
from causerie_spec.messages import Auth, Challenge, Login, Message, Ready
from causerie_spec.states import State

_HANDLE_RULE = "is not 1 to 32 of a-z 0-9 _ . - that begin with a-z or 0-9"
_DISPLAY_RULE = "is not 1 to 64 octets without control characters, line separators and direction marks"


class Gate:
    """What all logins of a server share. *secret* is the store's; *rng* makes nonces."""

    def __init__(self, limits: Limits, secret: bytes, rng: Random) -> None:
        self.failures = Throttle(limits.failures_per_minute)
        self.reservations = Throttle(limits.reservations_per_minute)
        self._limits = limits
        self._secret = secret
        self._rng = rng

    @property
    def mechanisms(self) -> tuple[str, ...]:
        """Those on offer [HELLO-8]."""
        return tuple(name for name in MECHANISMS if name != MECHANISM_TOKEN or not self._limits.accounts_only)

    def payer(self, connection: Connection) -> str | None:
        """Who is charged for what the connection does."""
        return payer_of(connection.peer, local=self._limits.throttle_local)

    def made_up(self, handle: str) -> ScramKeys:
        """What somebody without an account is asked to prove [SCRAM-4]."""
        return accounts.made_up(self._secret, handle, self._limits.scram_iterations)

    def nonce(self) -> str:
        """A fresh one."""
        return base64_of(self._rng.getrandbits(144).to_bytes(18, "big"))


@dataclass(frozen=True, slots=True)
class Pending:
    """A SCRAM login whose challenge is out."""

    handle: str
    display: str
    challenge: accounts.Challenge


def login(connection: Connection, now: float, ref: int, message: Message) -> None:
    """LOGIN → READY or CHALLENGE, or ERROR; the mechanism is checked first [LOGIN-2]."""
    assert isinstance(message, Login)
    offered = connection.hub.gate.mechanisms
    if message.mechanism not in offered:
        raise Refused(ErrorCode.NO_SUCH_MECHANISM, f"mechanisms here: {', '.join(offered)}")
    if not names.is_handle(message.handle):  # [NAME-1]
        raise bad_field("handle", _HANDLE_RULE)
    if not names.is_display(message.display):  # [NAME-2]
        raise bad_field("display", _DISPLAY_RULE)
    _check_payload(message.payload)
    MECHANISMS[message.mechanism](connection, now, ref, message)


def auth(connection: Connection, now: float, ref: int, message: Message) -> None:
    """AUTH → READY, or ERROR [SCRAM-1, SCRAM-7]."""
    assert isinstance(message, Auth)
    _check_payload(message.payload)
    pending = connection.pending_login
    assert pending is not None  # the state says so
    try:
        final = pending.challenge.check(message.payload)
    except accounts.ScramError as error:
        raise _failure(connection, now, pending.handle, str(error)) from None
    _enter(connection, ref, Enter(pending.handle, None, pending.display), final)


def _check_payload(payload: bytes) -> None:
    if len(payload) > MAX_PAYLOAD:  # [LOGIN-3]
        raise bad_field("payload", f"has {len(payload)} octets, more than {MAX_PAYLOAD}")


def _check_rate(connection: Connection, now: float) -> None:
    gate = connection.hub.gate
    wait = gate.failures.wait(gate.payer(connection), now)
    if wait:
        raise Refused(ErrorCode.RATE_LIMITED, "too many logins from your address have failed", wait)


def _token(connection: Connection, now: float, ref: int, message: Login) -> None:
    """TOKEN [TOKEN-1 to TOKEN-6]."""
    if not TOKEN_MIN <= len(message.payload) <= TOKEN_MAX:
        raise bad_field("payload", f"a token has {TOKEN_MIN} to {TOKEN_MAX} octets, not {len(message.payload)}")
    _check_rate(connection, now)
    gate = connection.hub.gate
    spent = gate.reservations.wait(gate.payer(connection), now)
    digest = hashlib.sha256(message.payload).digest()
    unless = ErrorCode.RATE_LIMITED if spent else None
    _enter(connection, ref, Enter(message.handle, digest, message.display, unless), b"")


def _scram(connection: Connection, now: float, ref: int, message: Login) -> None:
    """SCRAM-SHA-256: LOGIN → CHALLENGE."""
    _check_rate(connection, now)
    try:
        first = accounts.read_first(message.payload, message.handle)
    except accounts.ScramError as error:
        raise _failure(connection, now, message.handle, str(error)) from None
    gate = connection.hub.gate

    def challenge(now: float, keys: ScramKeys | None) -> None:
        if connection.state is not State.LOGIN:  # it has ended meanwhile
            return
        made_up = gate.made_up(message.handle)  # in any case: to take the same time
        asked = accounts.Challenge(first, keys or made_up, gate.nonce())
        connection.pending_login = Pending(message.handle, message.display, asked)
        connection.state = State.AUTH
        connection.answer(Challenge(asked.first.encode()), ref)

    connection.ask_or_refuse(Credentials(message.handle), ref, challenge)


MECHANISMS: Mapping[str, Callable[[Connection, float, int, Login], None]] = {
    MECHANISM_TOKEN: _token,
    MECHANISM_SCRAM: _scram,
}
"""What a LOGIN does, by its mechanism."""


def _enter(connection: Connection, ref: int, enter: Enter, payload: bytes) -> None:
    """Have the store let the handle in, then READY with *payload*."""
    hub = connection.hub
    hub.begin_login(enter.handle)

    def done(now: float, result: Entered | ErrorCode) -> None:
        if isinstance(result, Entered) and connection.state in (State.LOGIN, State.AUTH):  # it may have ended meanwhile
            connection.pending_login = None
            hub.login(connection, now, enter.handle, enter.display, result.rooms)
            connection.answer(Ready(enter.handle, enter.display, payload), ref)
        hub.end_login(enter.handle)
        if isinstance(result, ErrorCode):
            connection.refuse(_refusal(connection, now, enter.handle, result), ref)
        elif result.new:
            hub.gate.reservations.charge(hub.gate.payer(connection), now)

    connection.ask(enter, done)


def _refusal(connection: Connection, now: float, handle: str, code: ErrorCode) -> Refused:
    """The store does not let the handle in."""
    gate = connection.hub.gate
    connection.hub.log("login refused", connection, handle=handle, code=code.name)
    if code is ErrorCode.RATE_LIMITED:
        wait = gate.reservations.wait(gate.payer(connection), now)
        return Refused(code, "too many new handles from your address", max(1, wait))
    if code is ErrorCode.HANDLE_TAKEN:
        gate.failures.charge(gate.payer(connection), now)
        return Refused(code, f"{handle} belongs to another token, or to an account with a password")
    return Refused(code, code.meaning)


def _failure(connection: Connection, now: float, handle: str, why: str) -> Refusal:
    """AUTH_FAILED, or what stands in its place the third time [LOGIN-7, SCRAM-7]."""
    hub = connection.hub
    hub.log("login refused", connection, handle=handle, code="AUTH_FAILED", reason=why)
    hub.gate.failures.charge(hub.gate.payer(connection), now)
    connection.state = State.LOGIN
    connection.pending_login = None
    connection.failures += 1
    if connection.failures >= MAX_LOGIN_FAILURES:
        return Ended(ByeCode.TOO_MANY_FAILURES, f"{MAX_LOGIN_FAILURES} logins failed: {why}")
    return Refused(ErrorCode.AUTH_FAILED, why)
