"""One connection against a transport that only keeps what is written."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from causerie_conformance.load.connection import MOST_PENDING, Link, NotIn, Shared
from causerie_conformance.load.measures import Measures
from causerie_conformance.load.plan import SECOND, Plan
from causerie_spec.codec import Decoder, decode, encode, frame
from causerie_spec.messages import Ack, Bye, ChatMessage, Error, Ping, Pong, Send


class Kept(asyncio.Transport):
    """A transport; ``frames`` gives what was written since it was last asked."""

    def __init__(self) -> None:
        super().__init__()
        self._decoder = Decoder(65_535)
        self.ended = ""

    def write(self, data: Any) -> None:
        self._decoder.feed(data)

    @property
    def frames(self) -> list[Any]:
        return [(decode(raw.type, raw.body), raw.ref) for raw in self._decoder]

    def abort(self) -> None:
        self.ended = "abort"

    def close(self) -> None:
        self.ended = "close"


@pytest.fixture
def link() -> Any:
    """(its link, its transport, what it shares), inside a running loop: use it in `inside`."""

    def make(**how: Any) -> tuple[Link, Kept, Shared]:
        plan = Plan("h", 1, connections=1, run="abcdef", warmup=0, **how)
        shared = Shared(plan, Measures.of(plan))
        shared.origin = 0
        made, transport = Link(shared, 0), Kept()
        made.connection_made(transport)
        return made, transport, shared

    return make


def inside(test: Callable[..., Any]) -> None:
    """Run the body of a test in a loop."""
    asyncio.run(asyncio.wait_for(test(), 30))


def test_what_the_server_does_not_read_waits_and_keeps_its_time(link) -> None:
    async def body() -> None:
        made, transport, shared = link()
        made.write([1])
        made.pause_writing()
        made.write([2, 3])
        made.write([4])
        assert [message.text[16:32] for message, _ in transport.frames] == [f"{1:016x}"]
        assert (shared.measures.held, shared.outstanding, made.unanswered) == (3, 4, 4)
        made.resume_writing()
        assert [int(message.text[16:32], 16) for message, _ in transport.frames] == [2, 3, 4]
        assert made.streams()[0].written == 4
        assert made.streams()[0].void == {1, 2, 3, 4}

    inside(body)


def test_refs_are_never_used_up(link) -> None:
    async def body() -> None:
        made, transport, _ = link()
        for at in range(MOST_PENDING + 5):
            made.write([at])
        written = transport.frames
        assert len(written) == len({ref for _, ref in written}) == MOST_PENDING
        made.data_received(encode(Ack(1, 1, False), 7))
        ((message, ref),) = transport.frames  # one more, as one was answered
        assert int(message.text[16:32], 16) == MOST_PENDING
        assert ref not in (0, 7)

    inside(body)


def test_retry_ms_is_waited_for(link) -> None:
    async def body() -> None:
        made, transport, _ = link()
        made.write([1])
        ((_, ref),) = transport.frames
        made.data_received(encode(Error(11, 1, ""), ref))
        made.write([2])
        assert transport.frames == []
        while not (written := transport.frames):
            await asyncio.sleep(0)
        assert isinstance(written[0][0], Send)

    inside(body)


def test_frames_that_nobody_knows_are_ignored(link) -> None:
    async def body() -> None:
        made, transport, shared = link()
        made.data_received(frame(0xEE, b"new") + encode(Pong(0), 9) + encode(Error(1, 0, "")))
        assert not any(vars(shared.measures.wrong).values())
        assert transport.ended == ""
        made.data_received(encode(Pong(1), 9)[:-1] + b"\x00" + encode(Ack(1, 1, False), 9))
        assert shared.measures.wrong.stray == 1

    inside(body)


def test_octets_that_cannot_be_decoded_end_it(link) -> None:
    async def body() -> None:
        for octets in (b"\xff" * 8, frame(ChatMessage.TYPE, b"\x00"), frame(0x90, b"", 1)):
            made, transport, _ = link()
            made.write([1])
            made.data_received(octets)
            assert transport.ended == "abort"
            assert made.why_ended.startswith("it sent what cannot be decoded: ")

    inside(body)


def test_an_answer_that_never_comes_is_not_waited_for(link, monkeypatch) -> None:
    monkeypatch.setattr("causerie_conformance.load.connection.ANSWER_SECONDS", 0.01)

    async def body() -> None:
        made, transport, _ = link()
        with pytest.raises(NotIn, match=r"PING had no answer within 0\.01 s"):
            await made.ask(Ping(1))
        made.connection_lost(None)
        with pytest.raises(NotIn, match="the stream ended, without BYE"):
            await made.ask(Ping(1))
        assert len(transport.frames) == 1

    inside(body)


def test_the_end_is_told_to_who_waits(link) -> None:
    async def body() -> None:
        for how, words in ((ConnectionResetError(), "it was reset"), (None, "the stream ended, without BYE")):
            made, _, shared = link()
            made.write([1])
            asked = asyncio.ensure_future(made.ask(Ping(1)))
            await asyncio.sleep(0)
            made.connection_lost(how)
            with pytest.raises(NotIn, match=words):
                await asked
            assert (shared.outstanding, made.unanswered) == (0, 1)
            made.write([2])  # it is gone
            assert made.unanswered == 1
        made, transport, _ = link()
        made.data_received(encode(Bye(107, 0, "\x1b[31m")))
        assert transport.ended == "close"
        made.connection_lost(None)
        assert made.why_ended == "BYE SLOW_CONSUMER (events were taken too slowly)"

    inside(body)


def test_an_end_that_was_asked_for_is_none(link) -> None:
    async def body() -> None:
        made, transport, _ = link()
        made.leave()
        made.data_received(encode(Bye(100, 0, ""), 1))
        made.connection_lost(None)
        assert made.why_ended == ""
        made.leave()
        made.end()
        assert transport.ended == "close"

    inside(body)


def test_latencies_count_from_the_due_time_and_the_warm_up_does_not_count(link) -> None:
    async def body() -> None:
        made, transport, shared = link(duration=5)
        begin = 3_000_000
        shared.origin = -begin  # now is later than that
        for at in (0, 1, 7 * SECOND):
            made.write([at])
        events = [
            ChatMessage("#lobby", seq, 0, "load-abcdef-0", message.txn, 0, message.text)
            for seq, (message, _) in enumerate(transport.frames, 1)
        ]
        made.data_received(b"".join(map(encode, events)))
        measured = shared.measures.latencies
        assert [len(histogram) for histogram in measured] == [2, 0, 0, 0, 0, 1]
        assert measured[0].percentile(0) >= begin
        assert not any(vars(shared.measures.wrong).values())

    inside(body)
