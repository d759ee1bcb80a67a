"""A client for cases: asks, and says what must come back.

In here: requests, answers and events of the protocol, one method for each thing that cases need. Each
expectation that fails raises `Problem`. Not in here: sockets (`peer`), form (`passive`), the set-up of a case
(`arena`).

A note on absence: that something does *not* come is shown by a fence, never by waiting. The server owes PONG
after every event that earlier requests caused ([REQ-7]), so what has not come before PONG does not come. (Only where
others act at another address of a cluster a second must pass first, [REQ-8].)
"""

from __future__ import annotations

import contextlib
import secrets
import time
from collections import deque
from collections.abc import Iterator
from typing import Any, Final, TypeVar

from causerie_conformance.octets import difference
from causerie_conformance.peer import Peer, Received
from causerie_conformance.problems import Kind, NotJudged, Problem
from causerie_conformance.transcript import code_name, describe_frame
from causerie_spec import codec
from causerie_spec.codes import CLOSING_TIMEOUT, CLUSTER_DELAY, LOBBY, MAX_U64, ByeCode, ErrorCode
from causerie_spec.messages import (
    Ack,
    Bye,
    ChatMessage,
    Conversation,
    Conversations,
    End,
    Error,
    History,
    Join,
    Leave,
    Login,
    Message,
    Ok,
    Ping,
    Pong,
    Rooms,
    Send,
    Who,
)

M = TypeVar("M", bound=Message)

TRIES: Final = 8
"""How often one request is sent to a server that answers it RATE_LIMITED, as it may ([LOAD-6])."""
_MAY_BE_LIMITED: Final = (Login, Join, Conversations, Rooms, History, Who)


@contextlib.contextmanager
def citing(clause: str | None) -> Iterator[None]:
    """Problems in here break *clause*, unless a passive check has named another."""
    try:
        yield
    except Problem as problem:
        if problem.clause is None or problem.assumed:
            problem.clause, problem.assumed = clause, False
        raise


@contextlib.contextmanager
def assuming(clause: str) -> Iterator[None]:
    """A step on the way, which breaks *clause* if it fails, unless the case says with `citing` what that means."""
    try:
        yield
    except Problem as problem:
        if problem.clause is None:
            problem.clause, problem.assumed = clause, True
        raise


class Client(Peer):
    """A connection that speaks the protocol. ``handle`` is set once it is logged in."""

    handle = ""
    token = b""
    bye: Bye | None = None
    """The BYE that was taken as an answer."""
    bye_at: float | None = None
    """When BYE came, by `time.monotonic`."""
    _ref = 0
    _tries = 0

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.events: deque[Received] = deque()

    @property
    def troubled(self) -> bool:
        """Has the server refused anything here, or ended it?"""
        return self.end is not None or self.observer.ended or self.observer.refusals > 0

    @property
    def timed_out(self) -> bool:
        """Has the server ended it because it was silent, or not logged in, for as long as the server allows?

        It may put a keepalive in force that nobody asked for ([KEEP-1]), and have a shorter login limit than we know.
        """
        told = [self.bye, *(received.message for received in self._frames)]
        return any(isinstance(each, Bye) and each.code in (ByeCode.IDLE, ByeCode.HANDSHAKE_TIMEOUT) for each in told)

    # Requests

    def new_ref(self) -> int:
        """A ref that this connection has not used lately."""
        self._ref = self._ref % 65_535 + 1
        return self._ref

    def send(self, message: Message, ref: int | None = None) -> int:
        """Send a request; its ref."""
        ref = self.new_ref() if ref is None else ref
        self.send_octets(codec.encode(message, ref))
        return ref

    def ask(self, message: Message, wanted: type[M], **values: Any) -> M:
        """Send a request and take its answer, which must be *wanted* with these values."""
        return self.expect(wanted, ref=self.send(message), **values)

    def refused(self, message: Message, code: ErrorCode, *, clause: str | None = None) -> Error:
        """Send a request that must be refused with *code*."""
        with citing(clause):
            return self.expect(Error, ref=self.send(message), code=code)

    # Answers

    def expect(self, wanted: type[M], *, ref: int | None = None, **values: Any) -> M:
        """The next answer, which must be *wanted*, with that ref and these values. Events are put by."""
        expected = _words(wanted, ref, values)
        received = self.next_answer(expected)
        message = received.message
        if not isinstance(message, wanted):
            raise self.wrong(Kind.UNEXPECTED, expected, received)
        if ref is not None and received.ref != ref:
            raise self.wrong(Kind.VALUE, expected, received, field="ref", right=ref)
        for name, value in values.items():
            if getattr(message, name) != value:
                raise self.wrong(Kind.VALUE, expected, received, field=name, right=value)
        return message

    def next_answer(self, expected: str) -> Received:
        """The next answer, or item of one, whatever it is. Events are put by, and what was limited is asked again."""
        while True:
            received = self.next(expected)
            if received is None:
                raise self.problem(self.end or Kind.FIN, expected, self.ended_how())
            if isinstance(received.message, Bye):
                self.bye, self.bye_at = received.message, received.at
            elif received.message.EVENT and received.ref == 0:
                self.events.append(received)
                continue
            elif self._is_limited(received):
                self._ask_later(received)
                continue
            self._tries = 0
            return received

    def _is_limited(self, received: Received) -> bool:
        """Was a request refused because there are too many, or a LOGIN because of the handles ([LOAD-6], [LOAD-7])?"""
        code = getattr(received.message, "code", None)
        request = received.answers.message if received.answers is not None else None
        if code == ErrorCode.LIMIT_REACHED:
            return isinstance(request, Login)
        return code == ErrorCode.RATE_LIMITED and isinstance(request, _MAY_BE_LIMITED)

    def _ask_later(self, received: Received) -> None:
        """Send a request again after the advised time, as a client does; not judged if that is no use."""
        error, request = received.message, received.answers
        assert isinstance(error, Error)
        assert request is not None
        assert request.message is not None
        self._tries += 1
        pause = error.retry_ms / 1000
        alone = not self.observer.open and not self.waiting
        if error.code != ErrorCode.RATE_LIMITED or self._tries > TRIES or pause > self.patience or not alone:
            raise NotJudged(
                f"the server limits {request.message.NAME}: {code_name(error.code)}, retry_ms {error.retry_ms}; "
                "start it without such a limit for the suite"
            )
        self.wait_until(time.monotonic() + pause)
        self.send(request.message, request.ref)

    def expect_error(self, code: ErrorCode, ref: int) -> Error:
        """The next answer must be ERROR with that code."""
        return self.expect(Error, ref=ref, code=code)

    def expect_bye(self, code: ByeCode, *, ref: int | None = None) -> Bye:
        """The next answer must be BYE with that code."""
        return self.expect(Bye, ref=ref, code=code)

    def expect_end(self, *, only_fin: bool = False) -> Kind:
        """The server must close now; how it did. A reset is an end too, unless *only_fin*.

        After BYE it may wait for our end first, for the time of [CLOSE-3]: only ROBUST says that it half-closes.
        """
        patience = self.patience + (CLOSING_TIMEOUT if self.observer.ended and not only_fin else 0)
        while True:
            received = self.next("the end of the stream", patience)
            if received is None:
                break
            if isinstance(received.message, ChatMessage):
                self.events.append(received)
                continue
            raise self.wrong(Kind.EXTRA, "the end of the stream", received)
        if only_fin and self.end is not Kind.FIN:
            raise self.problem(Kind.RST, "the end of the stream (FIN)", self.ended_how())
        assert self.end is not None
        return self.end

    def ends_with(self, code: ByeCode, *, ref: int | None = None, clause: str | None = None) -> Bye:
        """BYE with that code must come, then the end of the stream."""
        with citing(clause):
            bye = self.expect_bye(code, ref=ref)
        with self.way.step("STATE-5"):
            self.expect_end()
        return bye

    def expect_end_after_bye(self) -> None:
        """Some BYE must come, then the end of the stream."""
        self.expect(Bye)
        with self.way.step("STATE-5"):
            self.expect_end()

    # Streams and rooms

    def stream(self, message: Message, item: type[M]) -> tuple[list[M], bool]:
        """Send a request with a streamed answer; its items, and whether END says that there are more."""
        ref = self.send(message)
        expected = f"{item.NAME} or END with ref {ref}"
        items: list[M] = []
        while not isinstance((received := self.next_answer(expected)).message, End):
            if not isinstance(received.message, item):
                raise self.wrong(Kind.UNEXPECTED, expected, received)
            items.append(received.message)
        return items, received.message.more

    def join(self, room: str) -> Conversation:
        """JOIN, answered CONVERSATION."""
        with self.way.step("ROOM-1"):
            return self.ask(Join(room), Conversation, conversation=room)

    def leave(self, room: str) -> None:
        """LEAVE, answered OK."""
        with self.way.step("ROOM-5"):
            self.ask(Leave(room), Ok)

    def ended_how(self) -> str:
        """How the stream ended, in words."""
        return {Kind.FIN: "the end of the stream (FIN)", Kind.RST: "a reset (RST)"}.get(
            self.end or Kind.SUITE, "nothing"
        )

    # Events

    def fence(self) -> None:
        """PING, and read to its PONG: all that earlier requests caused has come by then."""
        token = secrets.randbits(64)
        with self.way.step("PING-1"):
            self.ask(Ping(token=token), Pong, token=token)

    def settle(self) -> None:
        """A fence for absence: what others have caused, at whichever address, has come by then, or never will.

        That is a second later across addresses ([REQ-8]), and only time proves it: a later message in the same
        conversation comes behind the earlier ones ([MSG-4]), but not behind other events, nor to outsiders.
        """
        moment = self.company.acted_elsewhere(self.address) + CLUSTER_DELAY
        if moment > time.monotonic():
            self.wait_until(moment)
        self.fence()

    def next_event(self, expected: str) -> Received:
        """The next event; answers that come meanwhile are out of place."""
        if self.events:
            return self.events.popleft()
        received = self.next(expected)
        if received is None:
            raise self.problem(self.end or Kind.FIN, expected, self.ended_how())
        if not received.message.EVENT or isinstance(received.message, Bye):
            raise self.wrong(Kind.UNEXPECTED, expected, received)
        return received

    def gather(self, kind: type[M]) -> list[Received]:
        """Take out the events of that kind that have come, after a fence: no others are to come. The rest stay."""
        self.settle()
        taken = [event for event in self.events if isinstance(event.message, kind)]
        self.events = deque(event for event in self.events if not isinstance(event.message, kind))
        return taken

    # Messages

    def say(
        self, text: str = "", conversation: str = LOBBY, *, kind: int = 0, txn: int | None = None
    ) -> tuple[Send, int]:
        """Send a SEND without waiting; the SEND and its ref. A text is made up if none is given."""
        message = Send(
            conversation=conversation,
            txn=new_txn() if txn is None else txn,
            kind=kind,
            text=text or f"text {secrets.token_hex(6)}",
        )
        return message, self.send(message)

    def post(
        self, text: str = "", conversation: str = LOBBY, *, kind: int = 0, txn: int | None = None
    ) -> tuple[Send, Ack]:
        """Send a SEND and take its ACK."""
        message, ref = self.say(text, conversation, kind=kind, txn=txn)
        with self.way.step("SEND-1"):
            return message, self.expect(Ack, ref=ref)

    def hear(self, sent: Send, sender: str, conversation: str | None = None, ack: Ack | None = None) -> ChatMessage:
        """The MESSAGE that *sent* became must come; what others say meanwhile is passed over.

        *conversation* is its name as this connection sees it; with *ack*, seq and timestamp must be those.
        """
        where = sent.conversation if conversation is None else conversation
        expected = f"MESSAGE in {where} by {sender} with txn {sent.txn}"
        with self.way.step("MSG-3"):
            received = self._find(sent, sender, expected)
        message = received.message
        assert isinstance(message, ChatMessage)
        wanted: dict[str, Any] = {"sender": sender, "txn": sent.txn, "kind": sent.kind, "text": sent.text}
        if message.conversation != where:
            clause = "DIRECT-1" if where.startswith("@") else "MSG-5"
            raise self.wrong(Kind.VALUE, f"MESSAGE in {where}", received, clause, "conversation", right=where)
        for name, value in wanted.items():
            if getattr(message, name) != value:
                raise self.wrong(
                    Kind.VALUE, f"{expected}: {name}={_short(value)}", received, "MSG-5", name, right=value
                )
        if ack is not None and (message.seq, message.timestamp) != (ack.seq, ack.timestamp):
            told = f"seq {ack.seq} and timestamp {ack.timestamp}, as in the ACK"
            name = "seq" if message.seq != ack.seq else "timestamp"
            raise self.wrong(Kind.VALUE, told, received, "MSG-6", name, right=getattr(ack, name))
        return message

    def _find(self, sent: Send, sender: str, expected: str) -> Received:
        while True:
            received = self.next_event(expected)
            message = received.message
            if isinstance(message, ChatMessage) and _near(message, sent, sender):
                return received

    def hears_not(self, *sent: Send) -> None:
        """None of these messages has come to this connection, nor will it ([REQ-7])."""
        self.settle()
        txns = {message.txn for message in sent}
        texts = {message.text for message in sent if message.text and message.txn == 0}  # others may say the same
        for received in self.events:
            message = received.message
            if isinstance(message, ChatMessage) and (message.txn in txns or message.text in texts):
                raise self.wrong(Kind.EXTRA, "no such MESSAGE here", received)

    def heard(self, sent: Send) -> int:
        """How often that message has come so far (a fence makes it final)."""
        self.settle()
        found = [event for event in self.events if getattr(event.message, "txn", None) == sent.txn]
        return len(found)

    def wrong(
        self,
        kind: Kind,
        expected: str,
        received: Received,
        clause: str | None = None,
        field: str | None = None,
        *,
        right: Any = None,
    ) -> Problem:
        """A problem with a frame that came, to be raised; *field* has the wrong value instead of the *right* one."""
        raw = received.raw
        problem = self.problem(kind, expected, describe_frame(raw.type, raw.ref, raw.body), received.octets)
        problem.clause = clause
        if field is not None:
            problem.offset, problem.should = difference(received.octets, field, right)
        return problem


def _near(message: ChatMessage, sent: Send, sender: str) -> bool:
    """Is it the message, or at least meant as such? Two of txn, text and sender: others may say the same text."""
    return (message.txn == sent.txn) + (message.text == sent.text) + (message.sender == sender) >= 2


def new_txn() -> int:
    """A random txn, never 0."""
    return 1 + secrets.randbelow(MAX_U64)


def _words(wanted: type[Message], ref: int | None, values: dict[str, Any]) -> str:
    shown = [wanted.NAME]
    for name, value in values.items():
        shown.append(code_name(value) if name == "code" else f"{name}={_short(value)}")
    if ref is not None:
        shown.append(f"with ref {ref}")
    return " ".join(shown)


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:60]}…"
