"""A chat client across its connections, without I/O: what every shell, console or window, is built on.

In here: the phases between start and stop, what is shown, what is sent again, when to try again. Not in
here: one connection's states (`connection`), the tables of the outbox, of endings and of time (their modules).
No socket, no clock, no thread: ``now`` is an argument, in seconds of any monotonic clock; randomness is injected.

How to drive it: call the verb for what happened (`start`, `connected`, `receive_data`, `tick`, …), then look at
`phase` (CONNECTING: make a TCP connection; UP: move octets; anything else: have none), send `data_to_send`,
show `events`, and call `tick` at `deadline`. `causerie.client.runner` does that with a thread and a socket.

The rules:

* Messages are shown once and in order [CLIENT-6]; a new epoch begins the order anew [CLIENT-10]. From a server with
  history what was missed is fetched, in order, if the shell asked for that capability (`catchup`).
* SENDs are pipelined, WINDOW at most, in the order in which they were written [REQ-4].
* The connection is made again by itself [CLIENT-5], unless the ending is final (`endings`), or the user is
  leaving and nothing is left to deliver, or there never was a login and the shell wants to know that at once.
* Leaving sends what is in the outbox, then QUIT [CLIENT-4].
* Phases change only as `TABLE` says; *stopped* is final, and `Stopped` is the last event.
"""

from __future__ import annotations

from enum import Enum
from typing import Final

from causerie.core.client import events as ev
from causerie.core.client.asking import Asking
from causerie.core.client.backoff import STEADY, Backoff, Randomness
from causerie.core.client.catchup import CatchUp
from causerie.core.client.checks import check_room, check_sendable
from causerie.core.client.connection import Connection, Identity, State
from causerie.core.client.cursors import Cursors
from causerie.core.client.endings import Cause, Ending, Next
from causerie.core.client.errors import LocalProtocolError
from causerie.core.client.membership import Membership
from causerie.core.client.outbox import Entry, Happening, Outbox, SendState
from causerie.core.client.saved import Saved
from causerie.core.client.signals import Admitted, Answered, Arrived, Closed, Greeted
from causerie.core.client.timeline import Gap, Shown, Timeline
from causerie.core.client.typing import Typing
from causerie_spec import codes
from causerie_spec.messages import (
    Ack,
    ChatMessage,
    Composing,
    Conversation,
    Error,
    Join,
    Leave,
    Mark,
    Message,
    Presence,
    Receipt,
    Send,
)

WINDOW: Final = 128
"""SENDs that may wait for their ACKs at once: enough to fill a fast link, few enough that a cut leaves few in
doubt."""
LEAVE_LIMIT: Final = 5.0
"""Seconds that an impatient leaver spends on delivering what is in the outbox, before QUIT."""


class Phase(Enum):
    """What the client is about; it tells the shell which connection to have."""

    IDLE = "idle"
    """Not started."""
    CONNECTING = "connecting"
    """The shell should be making a TCP connection."""
    UP = "up"
    """There is one; octets are moved."""
    WAITING = "waiting"
    """There is none, and the next try has its time."""
    STOPPED = "stopped"
    """There is none, and there will be none."""


_P = Phase
TABLE: Final[dict[Phase, frozenset[Phase]]] = {
    _P.IDLE: frozenset({_P.CONNECTING, _P.STOPPED}),
    _P.CONNECTING: frozenset({_P.UP, _P.WAITING, _P.STOPPED}),
    _P.UP: frozenset({_P.WAITING, _P.STOPPED}),
    _P.WAITING: frozenset({_P.CONNECTING, _P.STOPPED}),
    _P.STOPPED: frozenset(),
}


class Client:
    """One user's client of one server.

    ``agent`` is told to the server; ``keepalive`` is asked for, in seconds; ``capabilities`` are what the shell
    has use for. ``insist`` says to go on trying before the first login too; without it the first failure stops
    the client, so that a shell can say "nothing is listening there" at once. ``whole`` shows conversations from their
    first message on, as far as the server has them, and not from where they stand at the first login. ``saved`` is what
    an earlier run kept: this one goes on from there, and leaves to the next what is doubtful at its end. ``backoff``
    says when to try again.
    """

    def __init__(
        self,
        identity: Identity,
        randomness: Randomness,
        *,
        agent: str = "",
        keepalive: int = codes.KEEPALIVE,
        capabilities: tuple[str, ...] = (),
        insist: bool = False,
        whole: bool = False,
        saved: Saved | None = None,
        backoff: Backoff | None = None,
    ) -> None:
        self.phase = Phase.IDLE
        self.identity = identity
        self._agent = agent
        self._keepalive = keepalive
        self._capabilities = capabilities
        self._insist = insist
        self._backoff = backoff or Backoff(randomness)
        self._outbox = Outbox(randomness)
        self._membership = Membership()
        self._timeline = Timeline(whole=whole)
        self._catchup = CatchUp(self._timeline)
        self._cursors = Cursors()
        self._typing = Typing()
        self._asking = Asking()
        self._events: list[ev.Event] = []
        self._connection: Connection | None = None
        self._sends: dict[int, Entry] = {}  # by ref, on the connection that is up
        self._retry_at: float | None = None
        self._ready_at: float | None = None
        self._epoch: int | None = None
        self._been_in = False
        self._leaving = False
        self._leave_by: float | None = None
        self._saved = saved
        if saved is not None:
            self._take_up(saved)

    # What the user wants.

    def start(self) -> None:
        """Begin: the phase becomes CONNECTING. Raises `LocalProtocolError` if it began before."""
        if self.phase is not Phase.IDLE:
            raise LocalProtocolError("started twice")
        self._connect()

    def send(self, conversation: str, text: str, now: float, kind: int = codes.Kind.TEXT) -> int:
        """Write a message: now if there is a login, else as soon as there is one. Returns its txn.

        Raises `NotSendable` for what no server takes, `LocalProtocolError` once the client leaves or stopped.
        """
        check_sendable(conversation, text, kind)
        if self._leaving or self.phase is Phase.STOPPED:
            raise LocalProtocolError("a message was written after leaving")
        entry = self._outbox.write(conversation, kind, text)
        self._events.append(ev.MessageQueued(entry.txn, conversation, kind, text))
        self._pump(now)
        return entry.txn

    def join_room(self, room: str, now: float) -> None:
        """Become a member: now if there is a login, else as soon as there is one; an event tells.

        Raises `NotSendable` for what is no room, `LocalProtocolError` once the client leaves or stopped.
        """
        self._want(Join(room), now)

    def leave_room(self, room: str, now: float) -> None:
        """Be a member no longer, once what was written to the room is sent. Raises as `join_room`."""
        self._want(Leave(room), now)

    def withdraw(self, txn: int) -> None:
        """A message that failed, or is unconfirmed, is not wanted any more; an event tells that it is gone."""
        if self._outbox.withdraw(txn) or self._outbox.get(txn) is None:
            self._events.append(ev.MessageWithdrawn(txn))

    def read(self, conversation: str, seq: int, now: float) -> None:
        """The user has read the conversation up to ``seq``: the server is told, now or after the next login."""
        self._cursors.read(conversation, seq)
        self._pump(now)

    def composing(self, conversation: str, now: float, *, active: bool) -> None:
        """The user types there, or no longer: call it at every key, the server is told as often as it needs."""
        connection = self._connection
        if connection is None or connection.state is not State.READY or codes.TYPING not in connection.negotiated:
            return
        compose = self._typing.user(conversation, active=active, now=now)
        if compose is not None:
            connection.tell(compose, now)

    def list_rooms(self, now: float) -> None:
        """Ask which rooms there are: `RoomsListed` or `AskRefused` follows, after the next login if there is none."""
        self._asking.rooms()
        self._pump(now)

    def list_people(self, conversation: str, now: float) -> None:
        """Ask who is there: `PeopleListed` or `AskRefused` follows."""
        self._asking.people(conversation)
        self._pump(now)

    def watch(self, conversation: str, now: float) -> None:
        """Be told from now on, at every login anew, who comes and goes there: `PeopleListed`, then `PersonSeen`."""
        self._asking.watch(conversation)
        self._pump(now)

    def older(self, conversation: str, before: int, now: float) -> None:
        """Ask for the messages before that seq: `OlderCame` or `AskRefused` follows."""
        self._asking.older(conversation, before)
        self._pump(now)

    def hurry(self, now: float) -> None:
        """Do not wait for the time of the next try."""
        if self._retry_at is not None:
            self._retry_at = now

    def leave(self, now: float, *, patient: bool = False) -> None:
        """Deliver what is in the outbox, then QUIT and wait for BYE [CLIENT-4].

        An impatient leaver spends LEAVE_LIMIT on the outbox, and nothing if there is no login. A patient one
        waits for the first login too, and connects once more if the connection is lost with messages in the
        outbox. Called again, the last word on patience counts.
        """
        self._leaving = True
        self._leave_by = None if patient else now + LEAVE_LIMIT
        connection = self._connection
        if connection is not None:
            if not patient and connection.state is not State.READY:
                connection.quit(now)
            self._pump(now)
        elif not patient or (self._been_in and not self.backlog):
            self._stop(Ending(Cause.QUIT))

    def abandon(self) -> None:
        """Stop at once, without QUIT: for a user who will not wait even for that."""
        if self.phase is not Phase.STOPPED:
            if self._connection is not None:
                self._forget_connection()
            self._stop(Ending(Cause.QUIT))

    # What happens to it.

    def connected(self, now: float) -> None:
        """The TCP connection that CONNECTING asked for is there."""
        self._move(Phase.UP)
        self._connection = Connection(
            self.identity,
            now,
            agent=self._agent,
            keepalive=self._keepalive,
            capabilities=self._capabilities,
        )

    def connect_failed(self, cause: Cause, now: float, detail: str = "") -> None:
        """It could not be made; ``detail`` says how, for people."""
        if self.phase is not Phase.CONNECTING:
            raise LocalProtocolError(f"a connection failed in phase {self.phase.value}")
        self._ended(Ending(cause, detail=detail), now)

    def receive_data(self, data: bytes, now: float) -> None:
        """Octets came. What arrives on a connection that is over is dropped."""
        if self._connection is not None:
            self._connection.receive_data(data, now)
            self._pump(now)

    def receive_eof(self, now: float) -> None:
        """The server closed its side of the connection."""
        if self._connection is not None:
            self._connection.receive_eof()
            self._pump(now)

    def lost(self, now: float, detail: str = "", cause: Cause = Cause.LOST) -> None:
        """The network, or who listens there, broke the connection; ``detail`` says how, for people."""
        if self._connection is not None:
            self._connection.lost(detail, cause)
            self._pump(now)

    def excuse(self, now: float) -> None:
        """The shell chose not to read until now: the server's silence means nothing [CLIENT-3]."""
        if self._connection is not None:
            self._connection.excuse(now)

    def tick(self, now: float) -> None:
        """Do what is due at this time; early calls do nothing."""
        if self._retry_at is not None and now >= self._retry_at:
            self._retry_at = None
            self._connect()
        if self._connection is not None:
            if self._ready_at is not None and now >= self._ready_at + STEADY:
                self._ready_at = None
                self._backoff.steady()
            if self._leave_by is not None and now >= self._leave_by:
                self._leave_by = None
                self._connection.quit(now)
            self._connection.tick(now)
            for conversation in self._typing.expire(now):
                self._tell_typing(conversation)
            self._pump(now)

    # What comes out.

    @property
    def deadline(self) -> float | None:
        """When to call `tick` at the latest; None when never."""
        if self._connection is None:
            return self._retry_at
        steady = None if self._ready_at is None else self._ready_at + STEADY
        ready = self._connection.state is State.READY
        ask = (self._catchup.deadline, self._membership.deadline) if ready else ()
        times = (self._connection.deadline, self._leave_by, steady, self._typing.deadline, *ask)
        return min((time for time in times if time is not None), default=None)

    @property
    def backlog(self) -> int:
        """Messages, and wishes about rooms, that wait to go out or for their confirmation."""
        return self._outbox.unsettled + len(self._membership)

    def data_to_send(self) -> bytes:
        """All octets to be sent now on the connection that is up; they are handed out once."""
        return b"" if self._connection is None else self._connection.data_to_send()

    def events(self) -> list[ev.Event]:
        """What happened since the last call, in order."""
        happened, self._events = self._events, []
        return happened

    # Inside.

    def _move(self, phase: Phase) -> None:
        if phase not in TABLE[self.phase]:
            raise LocalProtocolError(f"from {self.phase.value} to {phase.value}")
        self.phase = phase

    def _connect(self) -> None:
        self._move(Phase.CONNECTING)
        self._events.append(ev.Connecting(self._backoff.failures + 1))

    def _pump(self, now: float) -> None:
        """Take the connection's signals, hand it what may go out, and quit when all is done."""
        connection = self._connection
        if connection is None:
            return
        for signal in connection.signals():
            if isinstance(signal, Answered):
                self._answered(signal, now)
            elif isinstance(signal, Arrived):
                self._arrived(signal.message, now)
            elif isinstance(signal, Greeted):
                welcome = signal.welcome
                capabilities = frozenset(welcome.capabilities)
                self._events.append(ev.Connected(welcome.agent, capabilities, welcome.keepalive, welcome.server_time))
            elif isinstance(signal, Admitted):
                self._admitted(connection, signal, now)
            elif isinstance(signal, Closed):
                self._forget_connection()
                self._ended(signal.ending, now)
                return
        if connection.state is State.READY:
            self._hand_over(connection, now)
            if self._leaving and not self.backlog:
                connection.quit(now)

    def _take_up(self, saved: Saved) -> None:
        self._epoch = saved.epoch
        self._timeline.restore(saved.shown, listed=saved.listed)
        for conversation, seq in saved.shown.items():
            self._cursors.shown(conversation, seq, mine=False)
        for conversation, seq in saved.read.items():
            self._cursors.read(conversation, seq)
        self._outbox.restore(saved.entries)

    def _arrived(self, event: Message, now: float) -> None:
        if isinstance(event, ChatMessage):
            self._confirm(event)
            if self._typing.wrote(event.conversation, event.sender):
                self._tell_typing(event.conversation)
            self._show(self._timeline.live(event))
        elif isinstance(event, Receipt):
            self._cursors.told(event.conversation, event.delivered, event.read)
            self._events.append(
                ev.ReceiptTold(event.conversation, event.delivered, event.read, event.all_delivered, event.all_read)
            )
        elif isinstance(event, Composing):
            if self._typing.came(event.conversation, event.handle, active=event.active, now=now):
                self._tell_typing(event.conversation)
        elif isinstance(event, Presence):
            self._events.append(ev.PersonSeen(event.handle, event.display, event.online, event.last_seen))

    def _tell_typing(self, conversation: str) -> None:
        self._events.append(ev.WritingChanged(conversation, self._typing.writing(conversation)))

    def _want(self, request: Join | Leave, now: float) -> None:
        check_room(request.conversation)
        if self._leaving or self.phase is Phase.STOPPED:
            raise LocalProtocolError("a wish after leaving")
        self._membership.want(request)
        self._pump(now)

    def _hand_over(self, connection: Connection, now: float) -> None:
        """Send what may go out: questions first, then what the user wants."""
        assert connection.welcome is not None
        while (question := self._catchup.next_question(now)) is not None:
            connection.request(question, now)
        if codes.ROOMS not in connection.negotiated:
            self._events += self._membership.refuse_all()
        while (request := self._membership.next_request(now, self._outbox.waits_for)) is not None:
            connection.request(request, now)
        room = 0 if self._catchup.sends_wait else WINDOW
        while len(self._sends) < room and (entry := self._outbox.next_to_send()) is not None:
            entry.epoch = connection.welcome.epoch
            entry.repeatable = codes.HISTORY in connection.welcome.capabilities
            self._sends[connection.request(entry.frame, now)] = entry
            self._outbox.move(entry, Happening.HANDED)
            self._typing.sent(entry.conversation)
            self._tell(entry)
        if codes.RECEIPTS in connection.negotiated:
            while (mark := self._cursors.next_mark()) is not None:
                connection.request(mark, now)
        self._events += self._asking.refuse(connection.negotiated)
        while (asked := self._asking.next_question()) is not None:
            connection.request(asked, now)

    def _admitted(self, connection: Connection, admitted: Admitted, now: float) -> None:
        assert connection.welcome is not None
        epoch = connection.welcome.epoch
        new_epoch = self._epoch is not None and epoch != self._epoch
        if new_epoch:
            self._timeline.forget()
            self._cursors.forget()
        again, self._been_in = self._been_in, True
        self._epoch = epoch
        self._ready_at = now
        ready = admitted.ready
        self._events.append(ev.LoggedIn(ready.handle, ready.display, again, new_epoch, epoch))
        negotiated = connection.negotiated
        self._catchup.begin(history=codes.HISTORY in negotiated, receipts=codes.RECEIPTS in negotiated)
        self._cursors.begin()
        self._membership.begin()
        history = codes.HISTORY in connection.welcome.capabilities
        for entry in self._outbox.settle(history=history, epoch=epoch):
            self._outbox.move(entry, Happening.ABANDONED)
            self._tell(entry)

    def _answered(self, answered: Answered, now: float) -> None:
        request, answer = answered.request, answered.answer
        if isinstance(request, Send):
            self._sent(self._sends.pop(answered.ref), answer)
        elif isinstance(request, (Join, Leave)):
            if isinstance(answer, Conversation):  # JOINED, which its head counts, follows live [ROOM-3]
                self._timeline.told(request.conversation, max(answer.head, 1) - 1)
                self._told(answer)
            self._events += self._membership.answered(request, answer, now)
        elif isinstance(request, Mark):
            self._cursors.answered(request)
        elif self._asking.owns(request):
            if isinstance(answer, ChatMessage):
                self._confirm(answer)
            self._events += self._asking.answered(request, answer)
        else:
            if isinstance(answer, ChatMessage):
                self._confirm(answer)
            listed = self._timeline.listed
            self._show(self._catchup.answered(request, answer, now))
            if isinstance(answer, Conversation):
                self._told(answer)
            if self._timeline.listed and not listed:
                self._events.append(ev.AllTold())

    def _told(self, told: Conversation) -> None:
        self._cursors.told(told.conversation, told.delivered, told.read)
        self._events.append(
            ev.ConversationTold(
                told.conversation,
                told.first,
                told.head,
                told.members,
                told.delivered,
                told.read,
                told.all_delivered,
                told.all_read,
                self._timeline.shown(told.conversation),
            )
        )

    def _sent(self, entry: Entry, answer: Message) -> None:
        if entry.state is not SendState.IN_FLIGHT:
            return  # its own MESSAGE was faster [MSG-11]
        if isinstance(answer, Error):
            self._outbox.move(entry, Happening.REFUSED)
            self._tell(entry, answer.code, answer.detail)
        else:
            assert isinstance(answer, Ack)
            self._outbox.move(entry, Happening.CONFIRMED)
            self._tell(entry, ack=answer)

    def _confirm(self, message: ChatMessage) -> None:
        """Is it one that the outbox waits for? It is in the log."""
        if message.sender != self.identity.handle:
            return
        entry = self._outbox.get(message.txn)
        if entry is not None and entry.conversation == message.conversation and entry.epoch is not None:
            self._outbox.move(entry, Happening.CONFIRMED)
            self._tell(entry)

    def _show(self, shown: list[Shown]) -> None:
        for each in shown:
            if isinstance(each, Gap):
                self._events.append(ev.MessagesMissed(each))
                # "Clients show an unknown kind below 128 as text and hide an unknown one above" (section 8.1).
                continue
            mine = each.sender == self.identity.handle
            self._cursors.shown(each.conversation, each.seq, mine=mine)
            if each.kind <= codes.MAX_KIND_FROM_CLIENT or each.kind in (codes.Kind.JOINED, codes.Kind.LEFT):
                self._events.append(
                    ev.MessageShown(
                        each.conversation,
                        each.seq,
                        each.timestamp,
                        each.sender,
                        each.kind,
                        each.text,
                        each.txn,
                        mine,
                    )
                )

    def _forget_connection(self) -> None:
        """Its SENDs without an answer become doubtful, and what cannot be asked again unconfirmed."""
        self._connection = None
        self._ready_at = None
        self._sends.clear()
        for conversation in self._typing.begin():
            self._tell_typing(conversation)
        self._events += self._asking.begin()
        for entry in self._outbox.lose():
            self._outbox.move(entry, Happening.ABANDONED)
            self._tell(entry)

    def _ended(self, ending: Ending, now: float) -> None:
        final = ending.next is Next.STOP
        too_early = not self._been_in and not self._insist
        undelivered = self._leave_by is None and self.backlog > 0
        done = self._leaving and not (self.phase is Phase.UP and undelivered)
        if final or too_early or done:
            self._stop(ending)
            return
        delay = self._backoff.failed(ending.retry_ms)
        self._move(Phase.WAITING)
        self._retry_at = now + delay
        self._events.append(ev.Disconnected(ending, delay))

    def _stop(self, ending: Ending) -> None:
        self._move(Phase.STOPPED)
        self._retry_at = None
        unsent = unconfirmed = 0
        for entry in self._outbox:
            if entry.state is SendState.PENDING:
                unsent += 1
            else:
                unconfirmed += 1
                if entry.state is SendState.DOUBTFUL and self._saved is None:
                    self._outbox.move(entry, Happening.ABANDONED)
                    self._tell(entry)
        self._events.append(ev.Stopped(ending, unsent, unconfirmed))

    def _tell(self, entry: Entry, code: int | None = None, detail: str = "", ack: Ack | None = None) -> None:
        self._events.append(
            ev.MessageState(
                entry.txn,
                entry.conversation,
                entry.kind,
                entry.text,
                entry.state,
                code,
                detail,
                entry.epoch,
                entry.repeatable,
                ack.seq if ack is not None else 0,
                ack.timestamp if ack is not None else 0,
            )
        )
