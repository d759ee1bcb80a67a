"""One connection, from the first octet to its end, without I/O.

In here: the state machine of one connection: greeting, login, requests and their answers, keepalive, QUIT. Not
in here: what outlives a connection (outbox, order of messages, reconnecting): that is `client`'s; SCRAM's messages:
`scram`. No socket, no clock, no thread: ``now`` is an argument, in seconds of any monotonic
clock.

The rules:

* HELLO is the first frame [HELLO-1]. LOGIN waits for WELCOME, although it could be pipelined [REQ-4]: the
  token is shown only to something that speaks Causerie, and only if it offers TOKEN.
* Who has a password logs in with it or not at all: never with less [SCRAM-8].
* A frame of unknown type, or of a capability that was not negotiated, is ignored [CLIENT-1] [CAP-2].
* What cannot be decoded ends the connection [CLIENT-12]. So does what makes no sense in the state: an answer
  that nothing was asked for, an event before READY [MSG-8].
* A clock runs in each state: LOGIN_LIMIT before READY, keepalive after it [CLIENT-2] [CLIENT-3], QUIT_LIMIT
  after QUIT [CLIENT-4].
* A pair (state, what came) that `TABLE` does not have is the server's fault.
* *closed* is final. What arrives then is dropped, and there is nothing to send.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final

from causerie.core.client.endings import AFTER_BYE, Cause, Ending, Next
from causerie.core.client.errors import ImpostorError, LocalProtocolError, RemoteProtocolError
from causerie.core.client.liveness import Due, Liveness
from causerie.core.client.requests import Requests
from causerie.core.client.scram import Exchange, Password
from causerie.core.client.signals import Admitted, Answered, Arrived, Closed, Greeted, Signal
from causerie_spec import codes
from causerie_spec.codec import Decoder, Malformed, decode, encode
from causerie_spec.errors import FrameTooLarge
from causerie_spec.messages import (
    MESSAGES,
    SERVER_TYPES,
    Auth,
    Bye,
    Challenge,
    Error,
    Hello,
    Login,
    Message,
    Ping,
    Pong,
    Quit,
    Ready,
    Welcome,
)

LOGIN_LIMIT: Final = 15.0
"""Seconds from the connection to READY: half of what servers allow, for a server that says nothing."""
QUIT_LIMIT: Final = 5.0
"""Seconds that a client waits for BYE after QUIT [CLIENT-4]."""


class State(Enum):
    """Where the connection stands, as the client sees it."""

    GREETING = "greeting"
    """HELLO was sent."""
    LOGIN = "login"
    """LOGIN was sent."""
    AUTH = "auth"
    """AUTH was sent."""
    READY = "ready"
    """READY came: everything may be asked."""
    QUITTING = "quitting"
    """QUIT was sent: what was asked before is still answered."""
    CLOSED = "closed"
    """Over."""


class Came(Enum):
    """What can arrive, as the table sees it."""

    WELCOME = "WELCOME"
    CHALLENGE = "CHALLENGE"
    READY = "READY"
    LOGIN_ERROR = "ERROR to LOGIN or AUTH"
    ANSWER = "another answer, or an item of one"
    EVENT = "an event"
    BYE = "BYE"
    END = "the end of the stream"


_S = State
TABLE: Final[dict[State, dict[Came, State]]] = {
    _S.GREETING: {Came.WELCOME: _S.LOGIN, Came.BYE: _S.CLOSED, Came.END: _S.CLOSED},
    _S.LOGIN: {
        Came.CHALLENGE: _S.AUTH,
        Came.READY: _S.READY,
        Came.LOGIN_ERROR: _S.CLOSED,  # another try, with another handle, is the user's to ask for [CLIENT-11]
        Came.BYE: _S.CLOSED,
        Came.END: _S.CLOSED,
    },
    _S.AUTH: {Came.READY: _S.READY, Came.LOGIN_ERROR: _S.CLOSED, Came.BYE: _S.CLOSED, Came.END: _S.CLOSED},
    _S.READY: {Came.ANSWER: _S.READY, Came.EVENT: _S.READY, Came.BYE: _S.CLOSED, Came.END: _S.CLOSED},
    _S.QUITTING: {  # QUIT may have been sent in any state but closed
        Came.WELCOME: _S.QUITTING,
        Came.CHALLENGE: _S.QUITTING,
        Came.READY: _S.QUITTING,
        Came.LOGIN_ERROR: _S.QUITTING,
        Came.ANSWER: _S.QUITTING,
        Came.EVENT: _S.QUITTING,
        Came.BYE: _S.CLOSED,
        Came.END: _S.CLOSED,
    },
    _S.CLOSED: {},
}

#: Refusals of LOGIN that another time may not meet.
_DELAYS: Final = frozenset({codes.ErrorCode.RATE_LIMITED, codes.ErrorCode.INTERNAL})


@dataclass(frozen=True, slots=True)
class Identity:
    """Who logs in: with ``password`` if there is one, else with ``token`` of 16 to 64 octets [TOKEN-1].

    Both are secret; its repr shows neither.
    """

    handle: str
    display: str
    token: bytes = b""
    password: Password | None = None

    def __repr__(self) -> str:
        return f"Identity({self.handle!r}, {self.display!r})"


class Connection:
    """One connection's core; it begins when TCP's does, with HELLO ready to be sent.

    Feed it with `receive_data`, `receive_eof`, `lost` and `tick`; take out `signals` and `data_to_send` after
    each. ``keepalive`` is asked for, in seconds; ``capabilities`` are what this client has.
    """

    def __init__(
        self,
        identity: Identity,
        now: float,
        *,
        agent: str = "",
        keepalive: int = codes.KEEPALIVE,
        capabilities: tuple[str, ...] = (),
    ) -> None:
        self.state = State.GREETING
        self.welcome: Welcome | None = None
        self.negotiated: frozenset[str] = frozenset()
        self._identity = identity
        self._exchange: Exchange | None = None
        self._capabilities = capabilities
        self._decoder = Decoder(codes.MAX_BODY)
        self._requests = Requests()
        self._signals: list[Signal] = []
        self._out: list[bytes] = []
        self._limit: float | None = now + LOGIN_LIMIT
        self._liveness: Liveness | None = None
        self._ping: int | None = None
        self._pings = 0
        hello = Hello(codes.MAGIC, codes.VERSION, codes.VERSION, keepalive, agent, capabilities)
        self._ask(hello, now)

    # What the owner asks for.

    @property
    def waiting(self) -> int:
        """How many requests wait for their answers."""
        return len(self._requests)

    def request(self, message: Message, now: float) -> int:
        """Send a request; returns its ref, by which `Answered` names it. Requests may be pipelined [REQ-4].

        Raises `LocalProtocolError` when the connection is not READY, or the frame's capability was not
        negotiated [CAP-2], or no ref is free; `EncodeError` when the message does not fit its form.
        """
        if self.state is not State.READY:
            raise LocalProtocolError(f"{message.NAME} in state {self.state.value}")
        if message.CAPABILITY is not None and message.CAPABILITY not in self.negotiated:
            raise LocalProtocolError(f"{message.NAME} needs {message.CAPABILITY}, which was not negotiated")
        return self._ask(message, now)

    def tell(self, message: Message, now: float) -> None:
        """Send what is never answered (COMPOSE). Raises as `request`."""
        if self.state is not State.READY:
            raise LocalProtocolError(f"{message.NAME} in state {self.state.value}")
        self._out.append(encode(message, 0))
        if self._liveness is not None:
            self._liveness.sent(now)

    def quit(self, now: float, reason: str = "") -> None:
        """Send QUIT behind all that was asked, and wait for BYE at most QUIT_LIMIT [CLIENT-4]."""
        if self.state in (State.QUITTING, State.CLOSED):
            return
        self._ask(Quit(reason), now)
        self.state = State.QUITTING
        self._limit = now + QUIT_LIMIT
        self._liveness = None  # the limit is shorter than any patience

    # What happens to it.

    def receive_data(self, data: bytes, now: float) -> None:
        """Octets came. Never raises for what they hold: the server's faults end the connection."""
        if self.state is State.CLOSED:
            return
        if self._liveness is not None:
            self._liveness.heard(now)
        self._decoder.feed(data)
        try:
            for frame in self._decoder:
                self._frame(frame.type, frame.ref, frame.body, now)
                if self.closed:
                    return
        except FrameTooLarge as error:
            self._close(Ending(Cause.PROTOCOL, detail=str(error)))
        except ImpostorError as error:
            self._close(Ending(Cause.IMPOSTOR, detail=str(error)))
        except (Malformed, RemoteProtocolError) as error:
            self._close(Ending(Cause.PROTOCOL, detail=str(error)))

    def receive_eof(self) -> None:
        """The server closed its side."""
        if self.state is not State.CLOSED:
            quit_ = self.state is State.QUITTING
            self._close(Ending(Cause.QUIT if quit_ else Cause.END_OF_STREAM))

    def lost(self, detail: str = "", cause: Cause = Cause.LOST) -> None:
        """The network, or who listens there, broke the connection; ``detail`` says how, for people."""
        if self.state is not State.CLOSED:
            quit_ = self.state is State.QUITTING
            self._close(Ending(Cause.QUIT if quit_ else cause, detail=detail))

    def excuse(self, now: float) -> None:
        """Nothing was read until now, by the owner's choice: the server was not silent."""
        if self._liveness is not None:
            self._liveness.excuse(now)

    def tick(self, now: float) -> None:
        """Do what is due at this time; early calls do nothing."""
        if self._limit is not None and now >= self._limit:
            self._close(Ending(Cause.QUIT if self.state is State.QUITTING else Cause.SLOW_LOGIN))
        elif self._liveness is not None:
            due = self._liveness.due(now)
            if due is Due.GIVE_UP:
                self._close(Ending(Cause.SILENT))
            elif due is Due.PING:
                self._pings += 1
                self._ping = self._ask(Ping(self._pings), now)
                self._liveness.pinged(now)

    # What comes out.

    @property
    def closed(self) -> bool:
        """Is it over?"""
        return self.state is State.CLOSED

    @property
    def deadline(self) -> float | None:
        """When to call `tick` at the latest; None when never."""
        if self._limit is not None:
            return self._limit
        return None if self._liveness is None else self._liveness.deadline

    def data_to_send(self) -> bytes:
        """All octets to be sent now; they are handed out once."""
        data = b"".join(self._out)
        self._out.clear()
        return data

    def signals(self) -> list[Signal]:
        """What happened since the last call, in order."""
        signals, self._signals = self._signals, []
        return signals

    # Inside.

    def _ask(self, message: Message, now: float) -> int:
        ref = self._requests.open(message)
        self._out.append(encode(message, ref))
        if self._liveness is not None:
            self._liveness.sent(now)
        return ref

    def _frame(self, type_: int, ref: int, body: bytes, now: float) -> None:
        """One whole frame. Raises `Malformed` and `RemoteProtocolError`."""
        if type_ not in SERVER_TYPES:
            return
        capability = MESSAGES[type_].CAPABILITY
        if capability is not None and capability not in self.negotiated:
            return
        message = decode(type_, body)
        if isinstance(message, Bye):
            self._bye(message)
        elif ref == 0:
            if not message.EVENT:
                raise RemoteProtocolError(f"{message.NAME} came with ref 0, as if it were an event")
            self._step(Came.EVENT, message)
            self._signals.append(Arrived(message))
        else:
            request, last = self._requests.match(ref, message)
            self._answer(ref, request, message, last, now)

    def _answer(self, ref: int, request: Message, answer: Message, last: bool, now: float) -> None:
        if isinstance(answer, Error) and answer.code >= 100:
            # [CLIENT-1]: whatever frame brings it, from 100 on the connection ended.
            self._close(Ending(Cause.BYE, answer.code, answer.retry_ms, answer.detail))
        elif isinstance(request, Hello):
            if not isinstance(answer, Welcome):
                raise RemoteProtocolError(f"HELLO was answered with {answer.NAME}")
            self._welcome(answer, now)
        elif isinstance(request, (Login, Auth)):
            self._login(answer, now)
        elif ref == self._ping:
            self._ping = None
            self._pong(request, answer)
        else:
            self._step(Came.ANSWER, answer)
            self._signals.append(Answered(ref, request, answer, last))

    def _welcome(self, welcome: Welcome, now: float) -> None:
        if welcome.version != codes.VERSION:
            raise RemoteProtocolError(f"WELCOME chose version {welcome.version}, which was not offered")
        self._step(Came.WELCOME, welcome)
        self.welcome = welcome
        self.negotiated = frozenset(self._capabilities) & frozenset(welcome.capabilities)
        if self.state is State.QUITTING:
            return
        self._signals.append(Greeted(welcome))
        who = self._identity
        mechanism, payload = codes.MECHANISM_TOKEN, who.token
        if who.password is not None:
            self._exchange = who.password.begin(who.handle)
            mechanism, payload = codes.MECHANISM_SCRAM, self._exchange.first
        if mechanism in welcome.mechanisms:
            self._ask(Login(mechanism, who.handle, who.display, payload), now)
            return
        other = "accounts only: a password is needed" if who.password is None else "no passwords"
        self._close(Ending(Cause.LOGIN_REFUSED, codes.ErrorCode.NO_SUCH_MECHANISM, detail=f"it takes {other}"))

    def _login(self, answer: Message, now: float) -> None:
        if isinstance(answer, Error):
            self._step(Came.LOGIN_ERROR, answer)
            if self.state is State.CLOSED:
                cause = Cause.LOGIN_DELAYED if answer.code in _DELAYS else Cause.LOGIN_REFUSED
                self._close(Ending(cause, answer.code, answer.retry_ms, answer.detail))
            return
        if isinstance(answer, Challenge):
            self._challenged(answer, now)
            return
        assert isinstance(answer, Ready)  # LOGIN and AUTH have no other answers
        if self._exchange is not None:
            self._exchange.verify(answer.payload)
        if answer.handle != self._identity.handle:
            raise RemoteProtocolError("READY is for another handle")
        self._step(Came.READY, answer)
        self._signals.append(Admitted(answer))
        if self.state is State.READY:
            assert self.welcome is not None
            self._limit = None
            self._liveness = Liveness(self.welcome.keepalive, now)

    def _challenged(self, challenge: Challenge, now: float) -> None:
        if self._exchange is None:
            raise RemoteProtocolError("a TOKEN login was answered with CHALLENGE")
        self._step(Came.CHALLENGE, challenge)
        if self.state is State.AUTH:
            self._ask(Auth(self._exchange.prove(challenge.payload)), now)

    def _pong(self, request: Message, answer: Message) -> None:
        assert isinstance(request, Ping)
        # An ERROR is a sign of life too; a PONG with another token is none of ours.
        if isinstance(answer, Pong) and answer.token != request.token:
            raise RemoteProtocolError("PONG has another token than its PING [PING-1]")
        if self._liveness is not None:
            self._liveness.answered()

    def _bye(self, bye: Bye) -> None:
        # A server that found fault with what was sent before QUIT says so; leaving must not hide that.
        quit_ = self.state is State.QUITTING and AFTER_BYE.get(bye.code, Next.RETRY) is Next.RETRY
        self._step(Came.BYE, bye)
        self._close(Ending(Cause.QUIT if quit_ else Cause.BYE, bye.code, bye.retry_ms, bye.reason))

    def _step(self, came: Came, message: Message) -> None:
        try:
            self.state = TABLE[self.state][came]
        except KeyError:
            raise RemoteProtocolError(f"{message.NAME} came in state {self.state.value}") from None

    def _close(self, ending: Ending) -> None:
        self.state = State.CLOSED
        self._limit = self._liveness = None
        self._out.clear()
        self._signals.append(Closed(ending))
