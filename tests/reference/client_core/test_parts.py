"""The small parts: refs, time, outbox, delays."""

import itertools
import random

import pytest

from causerie.core.client.backoff import FIRST, LONGEST, Backoff
from causerie.core.client.errors import LocalProtocolError, RemoteProtocolError
from causerie.core.client.liveness import Due, Liveness
from causerie.core.client.outbox import TABLE, Happening, Outbox, SendState
from causerie.core.client.requests import Requests
from causerie_spec.messages import ChatMessage, Conversation, End, Error, History, Join, Ping, Pong, Send


class Scripted:
    """Randomness that is none."""

    def __init__(self, number=0.0, bits=()):
        self.number, self.bits = number, iter(bits)

    def random(self):
        return self.number

    def getrandbits(self, k):
        assert k == 64
        return next(self.bits)


def test_refs_are_not_reused_while_they_wait():  # [FRAME-12]
    requests = Requests()
    refs = [requests.open(Ping(n)) for n in range(65535)]
    assert sorted(refs) == list(range(1, 65536))
    with pytest.raises(LocalProtocolError):
        requests.open(Ping(0))
    assert requests.match(7, Pong(6)) == (Ping(6), True)
    assert requests.open(Ping(1)) == 7


def test_answers_must_fit_their_requests():
    requests = Requests()
    ref = requests.open(History("#lobby", 0, 0, 1))
    with pytest.raises(RemoteProtocolError):
        requests.match(ref, Pong(1))
    assert requests.match(ref, Error(3, 0, ""))[1]
    with pytest.raises(RemoteProtocolError):
        requests.match(ref, End(False))


def test_answers_are_about_what_was_asked():  # [CLIENT-12]
    requests = Requests()
    ref = requests.open(History("#lobby", 0, 0, 1))
    with pytest.raises(RemoteProtocolError, match="HISTORY of #lobby"):
        requests.match(ref, ChatMessage("@bob", 1, 1, "bob", 1, 0, "x"))
    assert not requests.match(ref, ChatMessage("#lobby", 1, 1, "bob", 1, 0, "x"))[1]
    ref = requests.open(Join("#ops"))
    with pytest.raises(RemoteProtocolError):
        requests.match(ref, Conversation("#den", 1, 1, 1, 0, 0, 0, 0))


def test_silence_and_talking_both_lead_to_a_ping():
    liveness = Liveness(10, 0.0)
    liveness.heard(4.0)  # it talks, we do not: the server must hear from us
    assert liveness.due(5.0) is Due.PING
    liveness = Liveness(10, 0.0)
    liveness.sent(4.0)  # we talk, it does not: is it there?
    assert liveness.due(5.0) is Due.PING
    liveness.pinged(5.0)
    assert liveness.due(14.9) is Due.NOTHING
    assert liveness.due(15.0) is Due.GIVE_UP


def test_txn_is_random_and_not_zero():  # [SEND-9]
    outbox = Outbox(Scripted(bits=[0, 5, 5, 6]))
    assert outbox.write("#lobby", 0, "a").txn == 5
    assert outbox.write("#lobby", 0, "b").txn == 6


def test_the_outbox_table_is_filled_and_others_are_bugs():
    assert set(TABLE) == set(SendState)
    outbox = Outbox(random.Random(1))
    entry = outbox.write("#lobby", 0, "a")
    with pytest.raises(LocalProtocolError, match="pending"):
        outbox.move(entry, Happening.CONFIRMED)


def hand(outbox, entry, epoch=1, repeatable=True):
    entry.epoch, entry.repeatable = epoch, repeatable
    outbox.move(entry, Happening.HANDED)


@pytest.mark.parametrize(
    ("repeatable", "history", "epoch", "again"),
    [(True, True, 1, True), (True, True, 2, False), (True, False, 1, False), (False, True, 1, False)],
)
def test_what_may_be_sent_again(repeatable, history, epoch, again):  # [CLIENT-9]
    outbox = Outbox(random.Random(1))
    first, second, third = (outbox.write("#lobby", 0, text) for text in "abc")
    hand(outbox, first, repeatable=repeatable)
    hand(outbox, second, repeatable=repeatable)
    assert outbox.next_to_send() is third
    abandoned = outbox.lose()
    assert abandoned == ([] if repeatable else [first, second])
    never = outbox.settle(history=history, epoch=epoch)
    if again:
        assert never == []
        assert outbox.next_to_send() is first
        assert first.frame == Send("#lobby", first.txn, 0, "a")
    else:
        assert never == [first, second]
        assert outbox.next_to_send() is third


def test_unsettled_counts_what_leaving_waits_for():
    outbox = Outbox(random.Random(1))
    entry = outbox.write("#lobby", 0, "a")
    assert outbox.unsettled == 1
    hand(outbox, entry)
    outbox.lose()
    outbox.move(entry, Happening.ABANDONED)
    assert (outbox.unsettled, outbox.unconfirmed) == (0, 1)
    outbox.move(entry, Happening.CONFIRMED)  # it came back after all
    assert (outbox.unsettled, outbox.unconfirmed) == (0, 0)
    assert outbox.get(entry.txn) is None


@pytest.mark.parametrize("seed", range(20))
def test_delays_grow_and_are_capped(seed):  # [CLIENT-5]
    backoff = Backoff(random.Random(seed))
    delays = [backoff.failed() for _ in range(12)]
    grow = int(LONGEST).bit_length()
    assert all(a <= b for a, b in itertools.pairwise(delays[:grow]))
    assert all(FIRST / 2 <= delay <= LONGEST for delay in delays)
    assert backoff.failures == 12
    backoff.steady()
    assert backoff.failed() <= FIRST


@pytest.mark.parametrize("number", [0.0, 0.999])
def test_the_servers_advice_is_a_lower_bound(number):  # [CLIENT-5]
    assert 90.0 <= Backoff(Scripted(number)).failed(90_000) <= 99.0


def test_jitter():
    assert Backoff(Scripted(0.0)).failed() == FIRST / 2
    assert Backoff(Scripted(0.5)).failed() == FIRST * 0.75
    backoff = Backoff(random.Random(1))
    for _ in range(100_000):
        backoff.failed()
    assert backoff.failed() <= LONGEST
