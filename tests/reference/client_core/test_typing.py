"""Who counts as writing, and how often the server hears of the user."""

import pytest

from causerie.core.client.typing import MOST, REPEAT, SHOWN, Typing
from causerie_spec.messages import Compose


@pytest.fixture
def typing():
    return Typing()


def test_others_count_until_they_stop_send_or_fall_silent(typing):
    for at, handle in enumerate(("bob", "carol", "dave")):
        assert typing.came("#lobby", handle, active=True, now=float(at))
    assert not typing.came("#lobby", "bob", active=True, now=2.0)  # goes on
    assert typing.writing("#lobby") == ("bob", "carol", "dave")
    assert typing.deadline == 1.0 + SHOWN
    assert typing.came("#lobby", "dave", active=False, now=3.0)
    assert typing.expire(1.0 + SHOWN) == ["#lobby"]
    assert typing.writing("#lobby") == ("bob",)
    assert typing.expire(2.0 + SHOWN - 0.01) == []
    assert typing.wrote("#lobby", "bob")
    assert not typing.wrote("#lobby", "bob")
    assert typing.writing("#lobby") == ()
    assert typing.deadline is None


def test_a_crowd_is_not_counted_to_the_end(typing):
    for number in range(MOST + 5):
        assert typing.came("#lobby", f"p{number}", active=True, now=0.0) == (number < MOST)
    assert len(typing.writing("#lobby")) == MOST


def test_the_server_is_told_now_and_then(typing):
    said = Compose("#lobby", True)
    assert typing.user("#lobby", active=False, now=0.0) is None
    assert typing.user("#lobby", active=True, now=0.0) == said
    assert typing.user("#lobby", active=True, now=REPEAT - 0.1) is None
    assert typing.user("#lobby", active=True, now=REPEAT) == said
    assert typing.user("#lobby", active=False, now=REPEAT + 0.1) == Compose("#lobby", False)
    assert typing.user("#lobby", active=False, now=REPEAT + 0.2) is None


def test_who_was_silent_for_long_or_sent_need_not_be_told_to_have_stopped(typing):
    typing.user("#lobby", active=True, now=0.0)
    assert typing.user("#lobby", active=False, now=SHOWN) is None
    typing.user("#lobby", active=True, now=10.0)
    typing.sent("#lobby")
    assert typing.user("#lobby", active=False, now=10.1) is None
    assert typing.user("#lobby", active=True, now=10.2) == Compose("#lobby", True)


def test_a_connection_begins_with_nobody_writing(typing):
    typing.came("#lobby", "bob", active=True, now=0.0)
    typing.user("#ops", active=True, now=0.0)
    assert typing.begin() == ["#lobby"]
    assert typing.writing("#lobby") == ()
    assert typing.user("#ops", active=True, now=0.1) == Compose("#ops", True)
