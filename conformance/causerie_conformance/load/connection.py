"""One connection of the load: it logs in, joins, writes when it is told to, and takes note of all that comes.

In here: frames. Not in here: when to write (`worker`), what the counts mean (`results`).
"""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from time import perf_counter_ns
from typing import Final

from causerie_conformance.load.measures import Measures
from causerie_conformance.load.plan import Plan, Texts
from causerie_conformance.load.reading import ALTERED, FOREIGN, MISDELIVERED, Note, reader
from causerie_conformance.load.tally import Inbox, Stream, Streams
from causerie_spec.codec import Decoder, decode, encode, packer
from causerie_spec.codes import KEEPALIVE, MAGIC, MAX_BODY, MAX_REF, MECHANISM_TOKEN, VERSION, ByeCode, ErrorCode
from causerie_spec.errors import PeerError, UnknownType
from causerie_spec.messages import (
    Ack,
    Bye,
    ChatMessage,
    Conversation,
    Error,
    Hello,
    Join,
    Leave,
    Login,
    Message,
    Ping,
    Pong,
    Quit,
    Ready,
    Send,
    Welcome,
)

ANSWER_SECONDS: Final = 20.0
"""That an answer may take while nothing is measured."""
RETRY_SECONDS: Final = 30.0
"""For which a request that is refused for now is sent again, at most."""
RETRY_LEAST: Final = 0.1
"""Seconds before it is sent again, if the server gives no advice."""
MOST_PENDING: Final = MAX_REF - 1_024
"""Requests of a connection without an answer; more are held back, for lack of refs."""
NO_ROOMS: Final = "the server does not offer rooms: measure its lobby (without --rooms), or --pairs"
_CLIENT: Final = "causerie-load"
_MESSAGE: Final = ChatMessage.TYPE
_ACK: Final = Ack.TYPE
_pack_send: Final = packer(Send)


class NotIn(Exception):
    """A connection could not log in or join; ``str`` says why."""


@dataclass
class Shared:
    """What the connections of a process have in common. ``origin`` is the start of the load on `perf_counter_ns`.

    ``outstanding`` counts requests that were written or held back, and have no answer. ``writing``: may answers be
    followed by further messages, in a closed loop? ``quiet`` is called whenever nothing is outstanding any more.
    """

    plan: Plan
    measures: Measures
    origin: int = 0
    heard: int = 0
    outstanding: int = 0
    writing: bool = False
    quiet: Callable[[], None] = lambda: None
    texts: Texts = field(init=False)
    read: Callable[[bytes], Note] = field(init=False)

    def __post_init__(self) -> None:
        self.texts = Texts(self.plan)
        self.read = reader(self.plan)

    @property
    def now(self) -> int:
        """Since the start of the load, in ns."""
        return perf_counter_ns() - self.origin


class Link(asyncio.Protocol):
    """A connection. ``why_ended`` says why it ended, if that was not asked for."""

    transport: asyncio.Transport

    def __init__(self, shared: Shared, number: int) -> None:
        plan = shared.plan
        self.number = number
        self.open = False
        self.why_ended = ""
        self._shared = shared
        self._decoder = Decoder(MAX_BODY)
        self._targets = plan.targets(number)
        self._inboxes = {
            target: Inbox(len(plan.members(number, target)), shared.measures.wrong) for target in self._targets
        }
        self._written = [0] * len(self._targets)
        self._void: list[set[int]] = [set() for _ in self._targets]
        self._turn = 0
        self._ref = 0
        self._pending: dict[int, tuple[int, int, int]] = {}
        self._waiting: dict[int, asyncio.Future[Message]] = {}
        self._backlog: deque[int] = deque()
        self._paused = False
        self._leaving = False
        self._keepalive = 0
        self._still = 0
        self.gone: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    # What asyncio calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember the transport."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.open = True

    def connection_lost(self, exc: Exception | None) -> None:
        """Whatever waits for an answer is told."""
        self.open = False
        if not self.why_ended and not self._leaving:
            self.why_ended = "it was reset" if exc is not None else "the stream ended, without BYE"
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_exception(NotIn(self.why_ended or "it was ended"))
        self._shared.outstanding -= len(self._pending) + len(self._backlog)
        if not self._shared.outstanding:
            self._shared.quiet()
        if not self.gone.done():
            self.gone.set_result(None)

    def pause_writing(self) -> None:
        """The server does not read as fast as we write: hold back."""
        self._paused = True

    def resume_writing(self) -> None:
        """Write what was held back."""
        self._paused = False
        if self.open:
            count = min(len(self._backlog), MOST_PENDING - len(self._pending))
            self._write([self._backlog.popleft() for _ in range(count)])

    def data_received(self, data: bytes) -> None:
        """Take note of all that is whole."""
        shared = self._shared
        now = shared.heard = shared.now
        self._decoder.feed(data)
        try:
            delivered, answered = self._take(now)
        except PeerError as error:
            self.why_ended = self.why_ended or f"it sent what cannot be decoded: {error}"
            self.transport.abort()
            return
        slot = shared.plan.slot_of(now)
        shared.measures.delivered.counts[slot] += delivered
        if not answered:
            return
        shared.outstanding -= answered
        if self._backlog and not self._paused:
            self.resume_writing()
        if shared.writing and shared.plan.closed_loop:
            self.write([now] * answered)
        if not shared.outstanding:
            shared.quiet()

    # What comes

    def _take(self, now: int) -> tuple[int, int]:
        """How many messages and answers to SEND there were. This is where the time goes when the load is high."""
        measures, read, inboxes = self._shared.measures, self._shared.read, self._inboxes
        latencies = measures.latencies
        delivered = answered = 0
        for type_, _, ref, body in self._decoder:
            if type_ == _MESSAGE:
                conversation, seq, place, number, at, slot = read(body)
                inbox = inboxes.get(conversation)
                if inbox is None:
                    self._strange(place if place == FOREIGN else MISDELIVERED)
                    continue
                if seq - 1 == inbox.last_seq:
                    inbox.last_seq = seq
                else:
                    inbox.odd_seq(seq)
                if place < 0:
                    self._strange(place)
                    continue
                if inbox.expected[place] == number:
                    inbox.expected[place] = number + 1
                elif not inbox.odd(place, number):
                    continue
                latencies[slot].record(now - at)
                delivered += 1
            elif ref in self._pending:
                self._answer(type_, ref, body, now)
                answered += 1
            else:
                self._other(type_, ref, body)
        return delivered, answered

    def _strange(self, place: int) -> None:
        measures = self._shared.measures
        measures.foreign += place == FOREIGN
        measures.wrong.altered += place == ALTERED
        measures.wrong.misdelivered += place == MISDELIVERED

    def _answer(self, type_: int, ref: int, body: bytes, now: int) -> None:
        """The answer to a SEND: ACK, or it is refused."""
        measures, plan = self._shared.measures, self._shared.plan
        at, turn, number = self._pending.pop(ref)
        answer = decode(type_, body)
        if isinstance(answer, Ack):
            measures.acked.counts[plan.slot_of(now)] += 1
            if plan.slot_of(at) >= 0:
                measures.acks.record(now - at)
            return
        measures.refused += 1
        self._void[turn].add(number)
        if isinstance(answer, Error):
            measures.answers[_named(answer)] += 1
            self._heed(answer.retry_ms)
        else:
            self._other(type_, ref, body)

    def _heed(self, retry_ms: int) -> None:
        """Write nothing for as long as the server asks: more than [LOAD-6] wants, which keeps it from refusing SEND."""
        if retry_ms and not self._paused:
            self._paused = True
            asyncio.get_running_loop().call_later(retry_ms / 1_000, self.resume_writing)

    def _other(self, type_: int, ref: int, body: bytes) -> None:
        try:
            message = decode(type_, body)
        except UnknownType:
            return  # [CLIENT-1]
        waiting = self._waiting.get(ref)
        if isinstance(message, Bye):
            if not self._leaving:
                self.why_ended = _told(message)
            self.transport.close()
        elif waiting is not None and not waiting.done():
            waiting.set_result(message)
        elif ref and not isinstance(message, Pong) and not self._leaving:
            self._shared.measures.wrong.stray += 1

    # What is asked before and after the load

    async def ask(self, message: Message) -> Message:
        """Its answer. Raises `NotIn` when there is none."""
        if not self.open:
            raise NotIn(self.why_ended or "it was ended")
        ref = self._next_ref()
        waiting = self._waiting[ref] = asyncio.get_running_loop().create_future()
        self.transport.write(encode(message, ref))
        try:
            return await asyncio.wait_for(waiting, ANSWER_SECONDS)
        except asyncio.TimeoutError:
            raise NotIn(f"{message.NAME} had no answer within {ANSWER_SECONDS:g} s") from None
        finally:
            del self._waiting[ref]

    async def enter(self) -> None:
        """Log in and join. Raises `NotIn`."""
        plan, measures = self._shared.plan, self._shared.measures
        asked = perf_counter_ns()
        welcome = await self.ask(Hello(MAGIC, VERSION, VERSION, KEEPALIVE, _CLIENT, plan.capabilities))
        if not isinstance(welcome, Welcome):
            raise NotIn(f"HELLO was answered {_named(welcome)}")
        if missing := set(plan.capabilities) - set(welcome.capabilities):
            raise NotIn(NO_ROOMS if missing else "")
        measures.agent, self._keepalive = welcome.agent, welcome.keepalive
        handle = plan.handle(self.number)
        ready = await self._insist(Login(MECHANISM_TOKEN, handle, handle, plan.token(self.number)))
        if not isinstance(ready, Ready):
            raise NotIn(f"LOGIN was answered {_named(ready)}")
        measures.login.record(perf_counter_ns() - asked)
        if (room := plan.room(self.number)) is not None:
            joined = await self._insist(Join(room))
            if not isinstance(joined, Conversation):
                raise NotIn(f"JOIN was answered {_named(joined)}")

    async def _insist(self, message: Message) -> Message:
        """Its answer; asked again, as [LOAD-6] says, while the server cannot for now."""
        spent = 0.0
        while True:
            answer = await self.ask(message)
            if not isinstance(answer, Error) or answer.code not in _FOR_NOW:
                return answer
            self._shared.measures.answers[_named(answer)] += 1
            wait = max(answer.retry_ms / 1_000, RETRY_LEAST)
            spent += wait
            if spent > RETRY_SECONDS or (answer.code == ErrorCode.LIMIT_REACHED and not answer.retry_ms):
                return answer
            await asyncio.sleep(wait)

    def leave(self) -> None:
        """Leave the room, and quit; `gone` is done when the server has closed."""
        self._leaving = True
        if self.open:
            room = self._shared.plan.room(self.number)
            farewell = encode(Leave(room), self._next_ref()) if room is not None else b""
            self.transport.write(farewell + encode(Quit(""), self._next_ref()))

    def end(self) -> None:
        """Let go of it, whatever state it is in."""
        self._leaving = True
        if self.open:
            self.transport.abort()

    def second(self) -> None:
        """Called once a second: a connection that is still says that it is there [CLIENT-2]."""
        self._still += 1
        if self.open and self._keepalive and self._still * 3 >= self._keepalive:
            self._still = 0
            self.transport.write(encode(Ping(0), self._next_ref()))

    # The load

    def write(self, due: list[int]) -> None:
        """Write messages that were due at these times: now if the server reads, else as soon as it does."""
        if not self.open:
            return
        self._shared.outstanding += len(due)
        if self._paused or self._backlog or len(self._pending) >= MOST_PENDING:
            self._backlog.extend(due)
            self._shared.measures.held += len(due)
            return
        self._write(due)

    def _write(self, due: list[int]) -> None:
        shared = self._shared
        self._still = 0
        shared.measures.written.counts[shared.plan.slot_of(shared.now)] += len(due)
        self.transport.write(b"".join([self._frame(at) for at in due]))

    def _frame(self, at: int) -> bytes:
        turn = self._turn
        self._turn = (turn + 1) % len(self._targets)
        number = self._written[turn] = self._written[turn] + 1
        ref = self._next_ref()
        self._pending[ref] = at, turn, number
        txn = random.getrandbits(64) or 1  # [SEND-9]
        return _pack_send(ref, self._targets[turn], txn, 0, self._shared.texts.write(number, at))

    def _next_ref(self) -> int:
        ref = self._ref
        while True:
            ref = ref % MAX_REF + 1
            if ref not in self._pending and ref not in self._waiting:
                self._ref = ref
                return ref

    # The account

    def streams(self) -> list[Stream]:
        """What it wrote to each target."""
        unanswered: list[set[int]] = [set() for _ in self._targets]
        for _, turn, number in self._pending.values():
            unanswered[turn].add(number)
        return [
            Stream(written, frozenset(void | open_))
            for written, void, open_ in zip(self._written, self._void, unanswered, strict=True)
        ]

    @property
    def unanswered(self) -> int:
        """Messages that have no answer, those that the server never read included."""
        return len(self._pending) + len(self._backlog)

    def missing(self, target: str, streams: Streams) -> int:
        """How many messages of that conversation it is owed and has not."""
        return self._inboxes[target].missing(streams)


_FOR_NOW: Final = (ErrorCode.RATE_LIMITED, ErrorCode.LIMIT_REACHED)


def _named(message: Message) -> str:
    """A frame, and of ERROR its code and its meaning: the words are ours, not the server's."""
    if not isinstance(message, Error):
        return message.NAME
    try:
        code = ErrorCode(message.code)
    except ValueError:
        return f"ERROR {message.code}"
    return f"ERROR {code.name} ({code.meaning})"


def _told(bye: Bye) -> str:
    try:
        code = ByeCode(bye.code)
    except ValueError:
        return f"BYE {bye.code}"
    return f"BYE {code.name} ({code.meaning})"
