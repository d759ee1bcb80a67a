"""The hub: who is connected, who is online, who is in which conversation; and what the store is to do next.

    shell                        Hub
    connect                    → a Connection
    next_deadline, tick        → deadlines
    take_dirty                 ← connections for which there is something to do (write, read or not, half-close, close)
    take_operations, committed → what the store is to do, and did

In here: the state that connections share. It is not thread-safe: a shell with threads holds one lock around every call
of the hub and of its connections. Not in here: what one connection may do when (`connection`), what a request means
(the handlers), where messages are kept (`causerie.store`).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterable, Mapping
from random import Random
from typing import Protocol

from causerie.core import history, login, presence, receipts, requests, rooms, sending, typing
from causerie.core.connection import Connection, Done, Handler
from causerie.core.limits import Limits
from causerie.core.refusal import Ended, Refused
from causerie.core.roster import Roster
from causerie.core.timers import Timers
from causerie.store.operations import Append, Exit, Join, Leave, Mark, Operation, Person, Result, Settle, Settled
from causerie_spec.codes import HISTORY, PRESENCE, RECEIPTS, ROOMS, TYPING, ByeCode, ErrorCode
from causerie_spec.messages import Presence

HANDLERS: Mapping[str, Handler] = {
    "HELLO": requests.hello,
    "LOGIN": login.login,
    "AUTH": login.auth,
    "PING": requests.ping,
    "QUIT": requests.quit_,
    "SEND": sending.send,
    "HISTORY": history.history,
    "MARK": receipts.mark,
    "COMPOSE": typing.compose,
    "JOIN": rooms.join,
    "LEAVE": rooms.leave,
    "CONVERSATIONS": rooms.conversations,
    "ROOMS": rooms.rooms,
    "WHO": presence.who,
}
"""What each request does, by the frame's name."""
CAPABILITIES = frozenset({ROOMS, RECEIPTS, TYPING, PRESENCE})
"""What a hub has with any store. The others need the store's help."""

_RUN = frozenset({Append, Mark})
"""Operations of which many are told together."""
_ALONE = frozenset({Join, Leave})
"""Operations that change snapshots, and who is a member: told one by one."""


class Log(Protocol):
    """Where the core says what happens. *fields* hold strings as peers sent them: the writer escapes [CLIENT-8]."""

    def __call__(self, event: str, *, exception: BaseException | None = None, **fields: object) -> None:
        """Note that *event* happened, because of *exception*."""


def _no_log(event: str, *, exception: BaseException | None = None, **fields: object) -> None:
    pass


def in_runs(operations: Iterable[Operation]) -> list[Operation]:
    """The operations, with a Settle behind those whose effects are told together, or alone."""
    asked: list[Operation] = []
    in_run = False
    for operation in operations:
        kind = type(operation)
        if in_run and kind not in _RUN:
            asked.append(Settle())
        asked.append(operation)
        if kind in _ALONE:
            asked.append(Settle())
        in_run = kind in _RUN
    if in_run:
        asked.append(Settle())
    return asked


class _Run:
    """Operations whose effects are told together: events first, then answers."""

    __slots__ = ("sent", "told")

    def __init__(self) -> None:
        self.sent: list[sending.Sent] = []
        self.told: list[tuple[Mark | Join | Leave, Connection, Done, Result]] = []

    def causes(self) -> receipts.Causes:
        """Who did something, by conversation."""
        causes: dict[str, set[Connection]] = {}
        for operation, connection, *_ in (*self.sent, *self.told):
            causes.setdefault(operation.conversation, set()).add(connection)
        return causes


class Hub:
    """The shared part of a server.

    *wall_ms* tells the time in ms since the Unix epoch; *epoch* is the store's; *capabilities* are those on offer:
    CAPABILITIES, or some of them, and those of the store, whose *secret* makes salts up; *rng* spreads the
    advice of when to come back, and makes nonces: it must be cryptographic. Without a secret the hub makes its own.
    """

    handlers = HANDLERS

    def __init__(
        self,
        *,
        wall_ms: Callable[[], int],
        epoch: int,
        rng: Random,
        secret: bytes | None = None,
        limits: Limits | None = None,
        agent: str = "causerie",
        capabilities: Iterable[str] = (),
        log: Log = _no_log,
    ) -> None:
        self.wall_ms = wall_ms
        self.epoch = epoch
        self.limits = limits or Limits()
        self.agent = agent
        self.capabilities = frozenset(capabilities)
        self.timers = Timers()
        self.gate = login.Gate(self.limits, rng.randbytes(32) if secret is None else secret, rng)
        self._rng = rng
        self._write_log = log
        self._connections: dict[Connection, None] = {}
        self._refused: dict[Connection, None] = {}
        self.roster = Roster()
        self._logins: dict[str, int] = {}
        self._left: dict[str, int] = {}
        """When they went offline, of those of whom the store does not know it yet."""
        self._operations: list[Operation] = []
        self._senders: deque[tuple[Connection, int]] = deque()
        """Who waits for the appends that the store was asked for, in order, with the ref of the SEND."""
        self._askers: deque[tuple[Connection, Done]] = deque()
        """Who waits for the other operations that have a result."""
        self._run = _Run()
        self._dirty: dict[Connection, None] = {}
        self._soon: dict[Connection, None] = {}
        self._shutdown: Ended | None = None
        self.ends_at = float("inf")
        """When the last connection ends, whatever its peer does: known once the server shuts down [CLOSE-6]."""

    # What shells do.

    def connect(self, now: float, peer: str) -> Connection:
        """A connection was accepted; *peer* is its address, for logs."""
        connection = Connection(self, peer, now)
        if self._shutdown is not None:
            self._refused[connection] = None
            connection.end(now, self._farewell())
        elif len(self._connections) >= self.limits.max_connections:  # [LOAD-9]
            self._refused[connection] = None
            connection.end(now, Ended(ByeCode.TOO_MANY_CONNECTIONS, "the server is full", self.limits.retry_ms))
            if len(self._refused) > self.limits.max_refused:
                connection.lost(now)
        else:
            self._connections[connection] = None
            self.timers.arm(connection)
        return connection

    def next_deadline(self) -> float | None:
        """When `tick` is to be called next, in seconds on the clock of `now`; None: not until something happens."""
        return self.timers.next()

    def tick(self, now: float) -> None:
        """Time passed."""
        self.timers.expire(now)

    def take_dirty(self, now: float) -> Collection[Connection]:
        """The connections for which the shell has something to do, each once."""
        while self._soon:
            soon, self._soon = self._soon, {}
            for connection in soon:
                connection.process(now)
        dirty, self._dirty = self._dirty, {}
        return dirty

    def take_operations(self) -> list[Operation]:
        """What the store is to do next, in order; `committed` is owed the results, in the same order.

        Not more than makes about `Limits.batch_octets` for any reader: what is flushed in between does not pile up.
        """
        octets = count = 0
        for operation in self._operations:
            if octets >= self.limits.batch_octets:
                break
            count += 1
            if isinstance(operation, Append):
                octets += operation.octets
        taken = self._operations[:count]
        del self._operations[:count]
        return in_runs(taken)

    def committed(self, now: float, operations: Iterable[Operation], results: Iterable[Result]) -> None:
        """The store did the *operations*: what it did first is told first."""
        for operation, result in zip(operations, results, strict=True):
            if isinstance(operation, Append):
                connection, ref = self._senders.popleft()
                self._run.sent.append((operation, connection, ref, result))
            elif isinstance(operation, (Mark, Join, Leave)):
                connection, done = self._askers.popleft()
                self._run.told.append((operation, connection, done, result))
            elif isinstance(operation, Settle):
                run, self._run = self._run, _Run()
                self._tell(now, run, result)
            elif isinstance(operation, Exit):
                if self._left.get(operation.handle) == operation.last_seen:
                    del self._left[operation.handle]
            else:
                connection, done = self._askers.popleft()
                connection.told(now, done, result)

    def _tell(self, now: float, run: _Run, snapshots: Result) -> None:
        """First every event, then the answers [REQ-7]."""
        try:
            sending.deliver(self, now, run.sent)
            if isinstance(snapshots, Settled) and snapshots.snapshots:  # not if the store failed
                receipts.tell(self, now, run.causes, snapshots.snapshots)
            sending.answer(now, run.sent)
        except Exception as error:  # a bug: see `Connection.fail`
            for connection in {connection for _, connection, _, _ in run.sent}:
                connection.fail(now, error)
        for _, connection, done, result in run.told:
            connection.told(now, done, result)

    def shut_down(self, now: float) -> None:
        """Say BYE SHUTDOWN to everybody, now and from now on [CLOSE-6]."""
        self._shutdown = Ended(ByeCode.SHUTDOWN, "the server is going down")
        self.ends_at = now + self.limits.closing_timeout
        for connection in list(self._connections):
            connection.end_when_answered(now, self._farewell())

    def _farewell(self) -> Ended:
        assert self._shutdown is not None
        spread = self._rng.randrange(self.limits.retry_spread_ms + 1)  # [CLOSE-7]
        return Ended(self._shutdown.code, self._shutdown.reason, self.limits.retry_ms + spread)

    @property
    def connections(self) -> int:
        """How many connections there are, those that are being told that there are too many included."""
        return len(self._connections) + len(self._refused)

    # What connections and handlers do.

    def touch(self, connection: Connection) -> None:
        """There is, or may be, something for the shell to do."""
        self._dirty[connection] = None

    def soon(self, connection: Connection) -> None:
        """The connection may have frames that can be processed now."""
        self._soon[connection] = None

    def ask(self, operation: Operation, connection: Connection, done: Done) -> None:
        """Have the store do something; *connection* is told the result."""
        self._operations.append(operation)
        self._askers.append((connection, done))

    def ask_append(self, append: Append, connection: Connection, ref: int) -> None:
        """Have the store append; `sending.deliver` is called with what the commit did."""
        self._operations.append(append)
        self._senders.append((connection, ref))

    def begin_login(self, handle: str) -> None:
        """A login with that handle waits for the store: its reservation must not be released meanwhile."""
        self._logins[handle] = self._logins.get(handle, 0) + 1

    def end_login(self, handle: str) -> None:
        """It waits no more."""
        self._logins[handle] -= 1
        if not self._logins[handle]:
            del self._logins[handle]
        self._release(handle)

    def login(self, connection: Connection, now: float, handle: str, display: str, rooms: Iterable[str]) -> None:
        """The connection belongs to *handle*, a member of *rooms*, from now on [LOGIN-1, LOGIN-6]."""
        if self.roster.enter(connection, handle, display, rooms):
            watchers = self.roster.watchers_of(handle)
            presence.tell(self, now, watchers, Presence(handle, display, True, self.wall_ms()))
        connection.become_ready(now, handle)
        self.log("login", connection)

    def logout(self, connection: Connection, now: float) -> None:
        """The connection belongs to nobody from now on [CLOSE-5, WHO-4]."""
        handle = connection.handle
        if handle is None:
            return
        connection.handle = None
        if self.roster.exit(connection, handle):
            watchers = self.roster.watchers_of(handle)
            self._left[handle] = last_seen = self.wall_ms()
            gone = Presence(handle, self.roster.display(handle), False, last_seen)
            self.roster.forget(handle)
            presence.tell(self, now, watchers, gone)
            self._release(handle)
        self.log("logout", connection, handle=handle)

    def _release(self, handle: str) -> None:
        """A handle that nobody uses is free again, if the store forgets its messages [TOKEN-4]."""
        if handle not in self.roster and handle not in self._logins:
            self._operations.append(Exit(handle, self._left.get(handle, 0)))

    def last_seen(self, person: Person) -> int:
        """When somebody offline went, also if the store looked before it was told [WHO-5]."""
        return max(person.last_seen, self._left.get(person.handle, 0))

    def forget(self, connection: Connection) -> None:
        """The connection is closed."""
        self._connections.pop(connection, None)
        self._refused.pop(connection, None)
        self.timers.disarm(connection)

    def why_not(self, conversation: str) -> ErrorCode | None:
        """What keeps anybody from using a conversation, as far as that depends on who is online [DIRECT-3]."""
        if conversation[0] == "#" or HISTORY in self.capabilities or conversation[1:] in self.roster:
            return None
        return ErrorCode.NO_SUCH_CONVERSATION

    def check_exists(self, conversation: str) -> None:
        """Refuses a conversation for `why_not`."""
        code = self.why_not(conversation)
        if code is not None:
            raise Refused(code, f"{conversation[1:]} is not online")

    # What is logged.

    def log(
        self, event: str, connection: Connection, *, exception: BaseException | None = None, **fields: object
    ) -> None:
        """Log an event of a connection."""
        who = {} if connection.handle is None else {"handle": connection.handle}
        self._write_log(event, exception=exception, peer=connection.peer, **{**who, **fields})

    def log_end(self, connection: Connection, ended: Ended) -> None:
        """Log that a connection was ended."""
        self.log("bye", connection, code=ended.code.name, reason=ended.reason)
