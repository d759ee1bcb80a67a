"""The store in memory: numbers, times, tokens."""

import pytest

from causerie.store.memory import MemoryStore
from causerie.store.operations import Append, Appended, Release, Reserve
from causerie_spec.codes import ErrorCode


@pytest.fixture
def clock():
    return [1_000]


@pytest.fixture
def store(clock):
    return MemoryStore(lambda: clock[0], 7)


def append(conversation="#lobby", unless=None, text="x"):
    return Append(conversation, "alice", 1, 0, text, unless)


def test_each_log_has_its_own_numbers(store):
    assert store.commit([append(), append("@a @b"), append()]) == [
        Appended(1, 1_000),
        Appended(1, 1_000),
        Appended(2, 1_000),
    ]
    assert store.commit([append()]) == [Appended(3, 1_000)]
    assert store.commit([]) == []


def test_time_never_falls_in_a_log(store, clock):
    store.commit([append()])
    clock[0] = 900
    assert store.commit([append(), append("#other")]) == [Appended(2, 1_000), Appended(1, 900)]
    clock[0] = 1_100
    assert store.commit([append()]) == [Appended(3, 1_100)]


def test_what_is_refused_uses_no_number(store):
    refused = append(unless=ErrorCode.NO_SUCH_CONVERSATION)
    assert store.commit([refused, append()]) == [ErrorCode.NO_SUCH_CONVERSATION, Appended(1, 1_000)]


def test_tokens(store):
    mine, other = Reserve("alice", b"1" * 32), Reserve("alice", b"2" * 32)
    assert store.commit([mine, other, mine]) == [True, False, True]
    assert store.commit([Release("alice"), other, mine]) == [None, True, False]
    assert store.commit([Release("nobody")]) == [None]


def test_what_it_is(store):
    assert (store.name, store.epoch, store.capabilities) == ("memory", 7, frozenset())


@pytest.mark.parametrize(("text", "least"), [("x" * 100, 100), ("é" * 100, 200), ("🦊" * 100, 400), ("", 0)])
def test_what_an_append_holds_is_not_underrated(text, least):
    assert append(text=text).octets >= least
