"""One peer of a server: octets in, frames out.

    shell                       Connection                          handlers (requests, login, sending)
    receive_data, receive_eof → decoder → order of checks [ERR-7] → what the request does
    take, written             ← output  ← answers and events      ←

In here: the states of a connection, the order of checks up to the state, order of answers, what is read when, how a
connection ends, and its deadlines. Not in here: what a request means (the handlers, found by the frame's name), who is
told what (`hub`), sockets and threads (shells).

Rules, which every change of a connection's state obeys:

* A frame is processed when all that came before it has its answer, with one exception: SEND follows SEND, because a
  store that commits in groups would be idle otherwise. ACKs come in the order in which the store was asked.
* A frame that must wait is held, and while one is held nothing is read: what waits for the store is bounded too.
* When it is CLOSING nothing is queued any more, and what comes in is counted and dropped [STATE-4].
* Logged out before BYE is queued, not after it.
* `closed` is the last word: the shell closes the socket and forgets the connection.
* An exception that nobody expected ends this connection and no other (`_guarded`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Concatenate, Final, ParamSpec

from causerie.core.output import Output
from causerie.core.refusal import Ended, Refused
from causerie.store.operations import Operation, Result
from causerie_spec.codec import Decoder, FrameTooLarge, Malformed, RawFrame, decode, encode
from causerie_spec.codes import (
    IDLE_FACTOR,
    IDLE_FACTOR_MAX,
    MAX_BODY,
    MAX_BODY_BEFORE_READY,
    UNREAD_TIMEOUT,
    ByeCode,
    ErrorCode,
)
from causerie_spec.messages import Bye, Compose, Error, Message, Send
from causerie_spec.states import TABLE, UNKNOWN, Outcome, State, column

if TYPE_CHECKING:
    from causerie.core.hub import Hub
    from causerie.core.login import Pending

Handler = Callable[["Connection", float, int, Message], None]
"""What a request does: (connection, now, ref, message). Raises `Refused` or `Ended`."""

Done = Callable[[float, Any], None]
"""What a request does once the store did its part: (now, result). `store.operations` says which operation has which."""

_CLOSING: Final = State.CLOSING  # on Python 3.11 it takes 0.2 µs to find a member of an enumeration
_READY: Final = State.READY
assert TABLE[_READY][Send.NAME] is Outcome.ACCEPT

_P = ParamSpec("_P")


def _guarded(
    method: Callable[Concatenate[Connection, float, _P], None],
) -> Callable[Concatenate[Connection, float, _P], None]:
    """For what is called from outside: an exception in there is a bug of ours, and ends the connection [LOAD-10]."""

    def call(self: Connection, now: float, /, *args: _P.args, **kwargs: _P.kwargs) -> None:
        try:
            method(self, now, *args, **kwargs)
        except Exception as error:
            self.fail(now, error)

    call.__doc__ = method.__doc__
    return call


def _for_people(text: str) -> str:
    """*text* as a detail or reason: cut so that it fits a str8, whatever it quotes [ERR-10]."""
    return text.encode(errors="replace")[:255].decode(errors="ignore")


def refusal(refused: Refused) -> Error:
    """The answer to a request that is not done [ERR-1]."""
    return Error(int(refused.code), refused.retry_ms, _for_people(refused.detail))


class Connection:
    """One accepted connection.

    *peer* is the address, for logs. Created by `Hub.connect`. All methods that take `now` may change what the shell has
    to do next; the hub notes such connections for `Hub.take_dirty`.
    """

    __slots__ = (
        "_accepted_at",
        "_active_at",
        "_closing_at",
        "_dropped",
        "_ending",
        "_eof",
        "_held",
        "_when_read",
        "armed",
        "closed",
        "decoder",
        "failures",
        "handle",
        "hub",
        "keepalive",
        "negotiated",
        "output",
        "peer",
        "pending_login",
        "pending_octets",
        "pending_sends",
        "shell",
        "state",
        "waiting",
    )

    def __init__(self, hub: Hub, peer: str, now: float) -> None:
        self.hub = hub
        self.peer = peer
        self.shell: object = None
        """The shell's own side of this connection; the core does not look at it."""
        self.state = State.HELLO
        self.handle: str | None = None
        """Who is logged in."""
        self.negotiated: frozenset[str] = frozenset()
        self.keepalive = 0
        """Seconds; 0 none."""
        self.pending_login: Pending | None = None
        """The one challenge that is out [LOAD-11]."""
        self.failures = 0
        """Logins that failed here [LOGIN-7]."""
        self.waiting = False
        """A request other than SEND waits for the store."""
        self.pending_sends = 0
        """SENDs that wait for the store."""
        self.pending_octets = 0
        """What they hold, about."""
        self.output = Output()
        self.decoder = Decoder(MAX_BODY_BEFORE_READY)
        self.closed = False
        """The shell is to close the socket now, whatever is unsent."""
        self.armed: float | None = None
        self._held: RawFrame | FrameTooLarge | None = None
        self._when_read: Callable[[float], None] | None = None
        self._eof = False
        self._accepted_at = now
        self._active_at = now
        self._closing_at = 0.0
        self._ending: Ended | None = None
        self._dropped = 0

    # What shells do.

    @_guarded
    def receive_data(self, now: float, data: bytes) -> None:
        """Octets came from the peer."""
        if self.state is _CLOSING:
            if self.finished:  # [CLOSE-3]: from the FIN on
                self._dropped += len(data)
                if self._dropped > self.hub.limits.closing_octets:
                    self._close()
            return
        self.decoder.feed(data)
        self.process(now)

    @_guarded
    def receive_eof(self, now: float) -> None:
        """The peer's stream ended (FIN)."""
        self._eof = True
        if self.state is State.CLOSING:
            self._settle()
        else:
            self.process(now)

    def lost(self, now: float) -> None:
        """The connection broke (reset, or a failed write): nothing more can be sent."""
        if self.state is not State.CLOSING:
            self.hub.logout(self, now)
            self.state = State.CLOSING
        self._close()

    def take(self) -> bytes:
        """The octets to write next; empty while some are in flight, or there are none."""
        if self.closed:
            return b""
        congested = self._congested()
        data = self.output.take(self.hub.limits.write_octets)
        if congested and not self._congested():
            self.hub.soon(self)  # it was not read because of what is now in flight: there may be frames held back
            self.hub.timers.arm(self)  # and other time limits
        return data

    @_guarded
    def written(self, now: float, count: int) -> None:
        """The peer's side took *count* octets of those in flight."""
        self.output.written(count)
        if count:
            self._closing_at = now + self.hub.limits.closing_timeout  # [CLOSE-3]: without progress, or from the FIN on
            if self._congested():
                self._active_at = now  # [KEEP-5]
        self._settle()

    @property
    def reading(self) -> bool:
        """Should the shell read from the peer? If not, the peer's sending is held up by TCP [LOAD-4]."""
        if self.closed or self._eof:
            return False
        return self.state is _CLOSING or not self._stalled()

    @property
    def finished(self) -> bool:
        """Nothing more will ever be written: the shell half-closes (FIN) [CLOSE-3]."""
        return self.state is _CLOSING and not self.output

    # Deadlines (`timers.Timed`).

    def due(self) -> float | None:
        """When `expire` has something to do, in seconds on the clock of `now`."""
        match self.state:
            case State.CLOSING:
                return None if self.closed else min(self._closing_at, self.hub.ends_at)
            case State.READY if self._ending is not None:
                return self.hub.ends_at
            case State.READY:
                return self._active_at + self._idle_limit() if self.keepalive else None
            case _:
                return self._accepted_at + self.hub.limits.handshake_timeout

    def _idle_limit(self) -> float:
        if self._congested():  # [KEEP-5]
            return max(IDLE_FACTOR_MAX * self.keepalive, UNREAD_TIMEOUT)
        return IDLE_FACTOR * self.keepalive

    @_guarded
    def expire(self, now: float) -> None:
        """The deadline has come."""
        match self.state:
            case State.CLOSING:
                self._close()
            case State.READY if self._ending is not None:
                self.end(now, self._ending)
            case State.READY if self._waits():  # for the store: not the peer's silence
                self._active_at = now
            case State.READY:  # [KEEP-2]
                self.end(now, Ended(ByeCode.IDLE, f"no frame for {now - self._active_at:.1f} s"))
            case _:  # [KEEP-6]
                limit = self.hub.limits.handshake_timeout
                self.end(now, Ended(ByeCode.HANDSHAKE_TIMEOUT, f"not logged in within {limit:g} s"))

    # What handlers and the hub do.

    def answer(self, message: Message, ref: int) -> None:
        """Queue the answer to the request of that ref [FRAME-10]."""
        self.put(encode(message, ref))

    def put(self, data: bytes) -> None:
        """Queue encoded answers."""
        if self.state is not _CLOSING:
            self.output.put(data, own=len(data))
            self.hub.touch(self)

    def refuse(self, refused: Refused, ref: int) -> None:
        """Queue ERROR, the answer to a request that is not done [ERR-1]."""
        self.answer(refusal(refused), ref)

    def ask(self, operation: Operation, done: Done) -> None:
        """Have the store do its part of a request, then call *done*; until then this connection's frames wait."""
        self.waiting = True
        self.hub.ask(operation, self, done)

    def ask_or_refuse(self, operation: Operation, ref: int, done: Done) -> None:
        """The same, but if the store refuses, so does this connection; *done* is for what it does."""

        def answered(now: float, result: Result) -> None:
            if isinstance(result, ErrorCode):
                self.refuse(Refused(result, result.meaning), ref)
            else:
                done(now, result)

        self.ask(operation, answered)

    def when_read(self, go_on: Callable[[float], None]) -> None:
        """Call *go_on* once the peer has taken most of what it caused; until then its frames wait [HIST-6]."""
        self._when_read = go_on

    @_guarded
    def told(self, now: float, done: Done, result: Result) -> None:
        """The store did what was asked."""
        self.waiting = False
        done(now, result)
        self.process(now)

    def event(self, now: float, data: bytes, own: int = 0) -> None:
        """Queue encoded events, of which this connection caused *own* octets."""
        if self.state is not _READY:
            return
        output = self.output
        output.put(data, own)
        self.hub.touch(self)
        if output.others > self.hub.limits.queue_octets:  # [LOAD-1, LOAD-2]
            output.drop()
            self.end(now, Ended(ByeCode.SLOW_CONSUMER, "events were not read fast enough"))

    def become_ready(self, now: float, handle: str) -> None:
        """Login is complete; the caller queues READY next [MSG-8]."""
        self.handle = handle
        self.state = State.READY
        self.decoder.limit = MAX_BODY
        self._active_at = now  # [KEEP-2]: counted from READY
        self.hub.timers.arm(self)

    def end(self, now: float, ended: Ended, ref: int = 0) -> None:
        """Queue BYE, the last frame [STATE-4]."""
        if self.state is State.CLOSING:
            return
        self.hub.logout(self, now)
        bye = encode(Bye(int(ended.code), ended.retry_ms, _for_people(ended.reason)), ref)
        self.output.put(bye, own=len(bye))
        self._begin_closing(now)
        self.hub.touch(self)
        self.hub.log_end(self, ended)

    def end_when_answered(self, now: float, ended: Ended) -> None:
        """The same, once the store has done what this connection asked for [CLOSE-2]."""
        if self.state is State.READY and self._waits():
            self._ending = ended
            self.hub.timers.arm(self)
        else:
            self.end(now, ended)

    def fail(self, now: float, error: Exception) -> None:
        """A bug of this server's showed while it served this connection: log it, and go on without [LOAD-10]."""
        self.hub.log("failure", self, exception=error)
        if self.state is State.CLOSING:
            self._close()
        else:
            self.end(now, Ended(ByeCode.SERVER_FAILURE, "the server failed at this connection"))

    # The order of checks [ERR-7].

    @_guarded
    def process(self, now: float) -> None:
        """Process what is whole and may be processed now."""
        self._go_on(now)
        if self._ending is not None and not self._waits():
            self.end(now, self._ending)
        while self.state is not _CLOSING and not self._stalled():
            if self._take_sends(now):
                continue
            frame = self._next(now)
            if frame is None:
                break
            self._handle(now, frame)
        if self._eof and self.state is not _CLOSING and not self._waits():  # [CLOSE-4]
            self.hub.logout(self, now)
            self._begin_closing(now)
        self.hub.touch(self)

    def _go_on(self, now: float) -> None:
        """Go on with a streamed answer; not if there is no end of what nobody reads any more [CLOSE-4]."""
        if self._when_read is None or self.state is _CLOSING or self._congested():
            return
        go_on, self._when_read = self._when_read, None
        if self.output.own <= self.hub.limits.own_octets:
            go_on(now)

    def _take_sends(self, now: float) -> bool:
        """Take the SENDs that come next, which need not wait for each other. Returns whether there were any."""
        if self.state is not _READY or self._held is not None:
            return False
        handle, limit = self.hub.handlers[Send.NAME], self.hub.limits.pending_octets
        frame = None
        for frame in self.decoder.run_of(Send.TYPE):
            try:
                handle(self, now, frame.ref, self._decode(frame))
            except (Refused, Ended) as refusal:
                self._refuse_in_turn(now, refusal, frame)
                break
            if self.pending_octets > limit:
                break
        if frame is None:
            return False
        self._active_at = now
        return True

    def _next(self, now: float) -> RawFrame | FrameTooLarge | None:
        frame, self._held = self._held, None
        if frame is not None:
            return frame
        try:
            frame = self.decoder.next_frame()
        except FrameTooLarge as error:
            return error
        if frame is not None:
            self._active_at = now
        return frame

    def _handle(self, now: float, frame: RawFrame | FrameTooLarge) -> None:
        if self.pending_sends and frame.type != Send.TYPE:
            self._held = frame
            return
        try:
            if isinstance(frame, FrameTooLarge):  # [FRAME-4]
                raise Ended(ByeCode.FRAME_TOO_LARGE, str(frame))
            self._dispatch(now, frame)
        except (Refused, Ended) as refusal:
            self._refuse_in_turn(now, refusal, frame)

    def _dispatch(self, now: float, frame: RawFrame) -> None:
        if self.state is State.HELLO:
            self._dispatch_hello(now, frame)
            return
        name = column(frame.type, self.negotiated)
        if name is UNKNOWN:
            if frame.ref:  # [ERR-4], and [ERR-5] if not
                raise Refused(ErrorCode.UNSUPPORTED, f"type {frame.type:#04x} is not known on this connection")
            return
        message = self._decode(frame)
        outcome = TABLE[self.state][name]
        if self._eof and message.ITEMS and self.output.own > self.hub.limits.own_octets:
            return  # no end of what nobody reads any more [CLOSE-4]; a request for a list has no effect to be kept
        if outcome is Outcome.ACCEPT:
            self.hub.handlers[name](self, now, frame.ref, message)
        elif outcome is Outcome.WRONG_STATE:
            raise Refused(ErrorCode.WRONG_STATE, f"{name} does not belong in state {self.state.value}")

    def _dispatch_hello(self, now: float, frame: RawFrame) -> None:
        name = column(frame.type, self.negotiated)
        if TABLE[State.HELLO][name] is not Outcome.ACCEPT:  # [STATE-1]
            raise Ended(ByeCode.MALFORMED, "the first frame is not HELLO")
        self.hub.handlers[name](self, now, frame.ref, self._decode(frame))

    def _decode(self, frame: RawFrame) -> Message:
        try:
            message = decode(frame.type, frame.body)
        except Malformed as error:  # [ERR-2]
            raise Ended(ByeCode.MALFORMED, str(error)) from None
        if not frame.ref and frame.type != Compose.TYPE:  # [ERR-3]
            raise Ended(ByeCode.MALFORMED, f"{message.NAME} with ref 0")
        return message

    def _refuse_in_turn(self, now: float, refusal: Refused | Ended, frame: RawFrame | FrameTooLarge) -> None:
        if self.pending_sends:  # its answer comes after theirs [REQ-2]
            self._held = frame
        elif isinstance(refusal, Ended):
            self.end(now, refusal, frame.ref)  # [ERR-8]
        elif frame.type != Compose.TYPE or UNKNOWN is column(frame.type, self.negotiated):
            self.refuse(refusal, frame.ref)

    # How a connection ends.

    def _stalled(self) -> bool:
        """Must the next frame wait, for the store or for the peer?"""
        if (
            self.waiting
            or self._when_read is not None
            or self._ending is not None
            or (self._held is not None and self.pending_sends)
        ):
            return True
        return self.pending_octets > self.hub.limits.pending_octets or self._congested()

    def _congested(self) -> bool:
        """Does the peer not read what it causes [LOAD-4]?"""
        return self.output.own > self.hub.limits.own_octets and not self._eof

    def _waits(self) -> bool:
        """For the store, that is."""
        return self.waiting or self.pending_sends > 0

    def _begin_closing(self, now: float) -> None:
        self.state = State.CLOSING
        self._closing_at = now + self.hub.limits.closing_timeout
        self.decoder = Decoder()
        self._held = None
        self.hub.timers.arm(self)
        self._settle()

    def _settle(self) -> None:
        if self.finished:
            if self._eof:
                self._close()
            self.hub.touch(self)

    def _close(self) -> None:
        if not self.closed:
            self.closed = True
            self.hub.forget(self)
            self.hub.touch(self)
