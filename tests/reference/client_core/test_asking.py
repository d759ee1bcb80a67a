"""Lists and older messages: page by page, refused when there is nobody to ask, watched again after each login."""

import pytest

from causerie.core.client import AskRefused, OlderCame, PeopleListed, RoomsListed, Verb
from causerie.core.client.asking import LONGEST, Asking
from causerie_spec.codes import HISTORY, MAX_PAGE, Direction, ErrorCode
from causerie_spec.messages import ChatMessage, End, Error, History, Presence, Room, Rooms, Who


@pytest.fixture
def asking():
    return Asking()


def test_a_list_is_read_page_by_page(asking):
    asking.rooms()
    first = asking.next_question()
    assert first == Rooms("", MAX_PAGE)
    assert asking.next_question() is None
    assert asking.owns(first)
    for name in ("#a", "#b"):
        assert asking.answered(first, Room(name, 2)) == ()
    assert asking.answered(first, End(True)) == ()
    second = asking.next_question()
    assert second == Rooms("#b", MAX_PAGE)
    asking.answered(second, Room("#c", 1))
    assert asking.answered(second, End(False)) == (RoomsListed((("#a", 2), ("#b", 2), ("#c", 1))),)
    assert asking.next_question() is None
    assert not asking.owns(second)


def test_a_list_that_does_not_end_is_cut(asking):
    asking.people("#lobby")
    events, pages = (), 0
    while not events:
        request = asking.next_question()
        for number in range(MAX_PAGE):
            asking.answered(request, Presence(f"p{pages:04}{number:04}", "P", True, 0))
        events = asking.answered(request, End(True))
        pages += 1
    assert len(events[0].people) == LONGEST


def test_a_server_that_repeats_itself_is_not_asked_for_ever(asking):
    asking.rooms()
    asking.answered(asking.next_question(), End(True))
    assert asking.next_question() is None  # nothing came, and there should be more: that is all


def test_older_messages(asking):
    asking.older("#ops", 7)
    request = asking.next_question()
    assert request == History("#ops", Direction.BEFORE, 7, MAX_PAGE)
    message = ChatMessage("#ops", 6, 1, "bob", 1, 0, "hi")
    asking.answered(request, message)
    assert asking.answered(request, End(True)) == (OlderCame("#ops", 7, (message,)),)


def test_refusals(asking):
    asking.people("#ops")
    request = asking.next_question()
    assert asking.answered(request, Error(ErrorCode.NOT_A_MEMBER, 0, "no")) == (
        AskRefused(Verb.PEOPLE, "#ops", ErrorCode.NOT_A_MEMBER, "no"),
    )
    asking.rooms()
    asking.older("#ops", 3)
    refused = asking.refuse(frozenset({HISTORY}))
    assert refused == [AskRefused(Verb.ROOMS, "", ErrorCode.UNSUPPORTED, "")]
    assert isinstance(asking.next_question(), History)


def test_what_was_asked_on_a_lost_connection_is_refused_and_what_was_not_asked_yet_waits(asking):
    asking.rooms()
    asking.next_question()
    asking.people("#ops")
    assert asking.begin() == [AskRefused(Verb.ROOMS, "", 0, "")]
    assert asking.next_question() == Who("#ops", "", MAX_PAGE, False)


def test_a_watch_begins_again_with_each_login(asking):
    asking.watch("#lobby")
    asking.watch("#lobby")
    for _ in range(2):
        request = asking.next_question()
        assert request == Who("#lobby", "", MAX_PAGE, True)
        assert asking.next_question() is None
        assert asking.begin() == []
    request = asking.next_question()
    assert isinstance(asking.answered(request, End(False))[0], PeopleListed)
    assert asking.refuse(frozenset()) == []
    asking.begin()
    asking.people("#lobby")  # an answer does not end the watch
    assert asking.next_question().watch
    assert asking.next_question().watch
