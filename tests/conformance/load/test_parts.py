"""Plans, texts, inboxes and thresholds, each by itself."""

import re
from itertools import takewhile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from causerie_conformance.load.plan import MAX_SLOTS, SECOND, Plan, Texts
from causerie_conformance.load.tally import FAR, Inbox, Stream, Streams, Wrong
from causerie_conformance.load.thresholds import parse

PLANS = st.builds(
    Plan,
    host=st.just("127.0.0.1"),
    port=st.just(5000),
    connections=st.integers(1, 20).map(lambda pairs: 2 * pairs),
    rooms=st.integers(0, 2),
    pairs=st.booleans(),
    rate=st.sampled_from([1.0, 7.0, 50.0, 1_000.0]),
    duration=st.sampled_from([0.1, 1.0, 2.5]),
    warmup=st.sampled_from([0.0, 0.5]),
    processes=st.integers(1, 2),
    size=st.integers(32, 100),
)


# Plans


@given(PLANS)
def test_all_agree_on_who_talks_where(plan) -> None:
    for number in range(plan.connections):
        assert plan.number(plan.handle(number)) == number
        for stream, target in enumerate(plan.targets(number)):
            members = plan.members(number, target)
            assert members[plan.place(number, target)] == number
            assert plan.stream(target) == stream
            for other in members:
                theirs = plan.targets(other)[stream]
                assert plan.belongs(number, theirs)  # what it writes is read there
                assert plan.members(other, theirs) == members


@given(PLANS)
def test_every_message_is_due_once_and_at_its_time(plan) -> None:
    due = sorted(item for process in range(plan.processes) for item in plan.due(process))
    assert len(due) == -(-plan.end * plan.rate // SECOND)
    for k, (at, number) in enumerate(due):
        assert at == int(k * SECOND / plan.rate)
        assert number == k % plan.connections


@given(PLANS, st.integers(0, 5 * SECOND))
def test_time_has_its_slot(plan, at) -> None:
    slot = plan.slot_of(at)
    if plan.begin <= at < plan.end:
        assert slot == (at - plan.begin) // SECOND < plan.slots
    else:
        assert slot == -1


def test_long_runs_have_longer_slots() -> None:
    plan = Plan("h", 1, duration=3_600)
    assert plan.slot == 6 * SECOND
    assert plan.slots == MAX_SLOTS
    assert plan.slot_of(plan.end - 1) == MAX_SLOTS - 1


def test_strangers_are_no_part_of_it() -> None:
    plan = Plan("h", 1, connections=4, pairs=True, run="abcdef")
    for handle in ("anna", "load-abcdef-", "load-abcdef-x", "load-123456-1", "load-abcdef-²"):
        assert plan.number(handle) == -1
    assert not plan.belongs(-1, "#lobby")
    assert not plan.belongs(4, "@load-abcdef-4")
    assert not plan.belongs(0, "@load-abcdef-2")
    assert not plan.belongs(0, "#lobby")


@given(PLANS, st.integers(1, 16**10 - 1), st.integers(0, 16**16 - 1))
def test_texts_are_read_as_they_were_written(plan, number, at) -> None:
    texts = Texts(plan)
    text = texts.write(number, at)
    assert len(text) == plan.size
    assert texts.read(text) == (number, at)
    assert texts.read(text + "x") is None
    assert texts.read(text[:-1]) is None
    assert texts.read("x" + text[1:]) is None
    assert texts.read(text[:6] + "_" * 26 + text[32:]) is None


# Inboxes


def take(inbox, number, place=0):
    """As a connection does."""
    if inbox.expected[place] == number:
        inbox.expected[place] = number + 1
        return True
    return inbox.odd(place, number)


@given(st.integers(0, 30), st.sets(st.integers(1, 30)), st.data())
def test_what_is_missing_is_what_did_not_come(written, void, data) -> None:
    void = {number for number in void if number <= written}
    came = data.draw(st.lists(st.integers(1, written), unique=True)) if written else []
    inbox, wrong = Inbox(1, Wrong()), None
    for number in came:
        assert take(inbox, number)
    streams = Streams([Stream(written, frozenset(void))])
    assert inbox.missing(streams) == len(set(range(1, written + 1)) - set(came) - void)
    assert streams.owed == written - len(void)
    assert wrong is None


@given(st.lists(st.integers(1, 12)))
def test_every_repetition_and_every_late_one_counts_once(came) -> None:
    wrong = Wrong()
    inbox = Inbox(1, wrong)
    new = [take(inbox, number) for number in came]
    assert new == [number not in came[:index] for index, number in enumerate(came)]
    assert wrong.duplicated == len(came) - len(set(came))
    late = [
        number for index, number in enumerate(came) if number not in came[:index] and number < max([0, *came[:index]])
    ]
    assert wrong.disordered == len(late)


def test_numbers_that_nobody_wrote_are_no_messages() -> None:
    wrong = Wrong()
    inbox = Inbox(2, wrong)
    assert not take(inbox, 0, 1)
    assert not take(inbox, 1 + FAR, 1)
    assert wrong == Wrong(altered=2)
    assert inbox.missing(Streams([Stream(3), Stream(2)])) == 5


def test_numbers_of_the_log() -> None:
    wrong = Wrong()
    inbox = Inbox(1, wrong)
    for seq in (7, 8, 11, 9, 9, 12):  # the first may be any: the log was there before
        if inbox.last_seq is not None and seq == inbox.last_seq + 1:
            inbox.last_seq = seq
        else:
            inbox.odd_seq(seq)
    assert (wrong.skipped, wrong.unordered) == (2, 2)


# Thresholds


@pytest.mark.parametrize(
    ("text", "figure", "value", "fails"),
    [
        ("p99>50ms", "delivery.p99", 0.0501, True),
        ("p99>50ms", "delivery.p99", 0.05, False),
        ("p99 >= 50 ms", "delivery.p99", 0.05, True),
        ("ack.p99.9>1s", "ack.p99.9", 1.5, True),
        ("login.max<=200us", "login.max", 0.0002, True),
        ("lag.mean>1µs", "lag.mean", 1e-7, False),
        ("connect.p50>1_000ms", "connect.p50", 1.1, True),
        ("lost>0", "lost", 1, True),
        ("lost>0", "lost", 0, False),
        ("deliveries/s<1e", None, 0, None),
        ("deliveries/s<1000", "deliveries/s", 999.5, True),
        ("busy>80%", "busy", 0.81, True),
        ("busy>80%", "busy", 0.8, False),
    ],
)
def test_thresholds(text, figure, value, fails) -> None:
    if figure is None:
        with pytest.raises(ValueError, match="has no unit"):
            parse(text)
        return
    (threshold,) = parse(text)
    assert threshold.figure == figure
    found = threshold.check(lambda name: value if name == figure else -1)
    assert (found is not None) is fails
    assert found is None or (found.threshold, found.value) == (text, value)


def test_several_thresholds() -> None:
    assert [one.figure for one in parse("p50>1ms, lost>0,sends/s<5")] == ["delivery.p50", "lost", "sends/s"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "'' is not a condition, such as p99>50ms or lost>0"),
        ("p99", "'p99' is not a condition"),
        ("p99=5ms", "'p99=5ms' is not a condition"),
        ("p99>50", "a time needs a unit: p99>50ms, or us, or s"),
        ("p99>50min", "a time needs a unit"),
        ("p99>5.0.0ms", "'5.0.0' is not a number"),
        ("lost>0ms", "lost has no unit: lost>0"),
        ("busy>80", "busy is in percent: busy>80%"),
        ("speed>5", "there is no figure 'speed'; there are p50 to p99.9"),
        ("send.p99>5ms", "there is no figure 'send.p99'"),
    ],
)
def test_thresholds_that_are_none(text, words) -> None:
    with pytest.raises(ValueError, match=re.escape(words)):
        parse(text)


def test_a_plan_is_due_by_process() -> None:
    plan = Plan("h", 1, connections=5, rate=10, duration=1, warmup=0, processes=2)
    first = [number for _, number in takewhile(lambda item: item[0] < SECOND // 2, plan.due(0))]
    assert first == [0, 2, 4]
