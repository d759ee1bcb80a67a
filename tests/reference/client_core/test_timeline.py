"""Each message once, in order, and none left out: the order of messages, and the questions for those missed."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from causerie.core.client.catchup import PAGES, PAUSE, CatchUp
from causerie.core.client.timeline import HELD, Gap, Timeline
from causerie_spec.messages import ChatMessage, Conversation, Conversations, End, Error, History


def message(seq, conversation="#lobby"):
    return ChatMessage(conversation, seq, 1000 + seq, "bob", seq, 0, f"text {seq}")


def seqs(shown):
    """Seqs of messages, (after, before) of gaps."""
    return [(each.after, each.before) if isinstance(each, Gap) else each.seq for each in shown]


def timeline(*, repairs=True, whole=False):
    made = Timeline(whole=whole)
    made.begin(repairs=repairs)
    return made


def test_without_history_what_was_missed_is_told():  # [CLIENT-6]
    line = timeline(repairs=False)
    assert [seqs(line.live(message(seq))) for seq in (41, 42, 42, 7, 45, 46)] == [
        [41], [42], [], [], [(42, 45), 45], [46]
    ]  # fmt: skip
    assert seqs(line.live(message(9, "@bob"))) == [9]
    assert list(line.behind()) == []
    assert Gap("#lobby", 42, 45).missing == 2
    line.forget()
    assert seqs(line.live(message(1))) == [1]


def test_with_history_what_comes_behind_a_gap_waits():  # [CLIENT-10]
    line = timeline()
    assert seqs(line.live(message(41))) == [41]
    assert seqs(line.live(message(44))) == []
    assert seqs(line.live(message(45))) == []
    assert list(line.behind()) == ["#lobby"]
    assert (line.shown("#lobby"), line.head("#lobby")) == (41, 45)
    assert seqs(line.item(message(42))) == [42]
    assert seqs(line.item(message(43))) == [43, 44, 45]
    assert seqs(line.item(message(44))) == []
    assert list(line.behind()) == []
    assert seqs(line.live(message(46))) == [46]


def test_more_than_can_wait_is_asked_for_again():
    line = timeline()
    line.live(message(1))
    for seq in range(3, HELD + 10):
        assert line.live(message(seq)) == []
    assert seqs(line.item(message(2))) == list(range(2, HELD + 3))
    assert list(line.behind()) == ["#lobby"]
    assert (line.shown("#lobby"), line.head("#lobby")) == (HELD + 2, HELD + 9)


def test_what_history_leaves_out_is_gone():
    line = timeline()
    line.live(message(1))
    line.live(message(20))
    assert seqs(line.item(message(10))) == [(1, 10), 10]
    assert seqs(line.skip("#lobby", 19)) == [(10, 20), 20]
    assert line.skip("#lobby", 19) == []
    assert list(line.behind()) == []


def test_what_came_live_is_shown_although_history_has_it_no_more():
    line = timeline()
    line.live(message(1))
    line.live(message(4))
    line.live(message(6))
    line.live(message(9))
    assert seqs(line.skip("#lobby", 7)) == [(1, 4), 4, (4, 6), 6, (6, 8)]
    assert seqs(line.skip("#lobby", 9)) == [(7, 9), 9]
    assert list(line.behind()) == []


@pytest.mark.parametrize(("whole", "begins"), [(False, 30), (True, 0)])
def test_where_a_conversation_begins(whole, begins):
    line = timeline(whole=whole)
    line.told("#lobby", 30)
    assert line.shown("#lobby") == begins
    assert list(line.behind()) == (["#lobby"] if whole else [])


def test_a_direct_conversation_that_began_while_away_is_shown_from_its_beginning():
    line = timeline()
    line.told("@old", 3)
    line.all_told()
    line.begin(repairs=True)
    line.told("@old", 3)
    line.told("@new", 2)
    line.told("#new", 99)  # joined elsewhere: what was said there before is history
    assert {name: line.shown(name) for name in ("@old", "@new", "#new")} == {"@old": 3, "@new": 0, "#new": 99}
    assert list(line.behind()) == ["@new"]
    assert line.live(message(4, "@newer")) == []
    line.forget()
    line.told("@new", 2)
    assert line.shown("@new") == 2


def test_a_new_connection_knows_only_what_was_shown():
    line = timeline()
    line.live(message(1))
    line.live(message(5))
    line.begin(repairs=True)
    assert list(line.behind()) == []
    assert seqs(line.live(message(2))) == [2]
    assert seqs(line.live(message(3))) == [3]


def conversation(name, head):
    return Conversation(name, 1, head, 1, 0, 0, 0, 0)


@pytest.fixture
def asking():
    """A client that knows the lobby up to 1, and asks."""
    line = timeline()
    line.told("#lobby", 1)
    catchup = CatchUp(line)
    catchup.begin(history=True)
    return line, catchup


def test_the_list_is_read_page_by_page(asking):
    _, catchup = asking
    request = catchup.next_question(0.0)
    assert request == Conversations("", 256)
    assert catchup.next_question(0.0) is None
    catchup.answered(request, conversation("#a", 1), 0.0)
    catchup.answered(request, End(True), 0.0)
    request = catchup.next_question(0.0)
    assert request == Conversations("#a", 256)
    catchup.answered(request, conversation("#lobby", 3), 0.0)
    assert catchup.next_question(0.0) == History("#lobby", 0, 1, 256)
    catchup.answered(request, End(False), 0.0)
    assert catchup.next_question(0.0) is None
    catchup.begin(history=False)
    assert catchup.next_question(0.0) is None


def test_a_list_that_never_ends_is_given_up(asking):
    _, catchup = asking
    request = catchup.next_question(0.0)
    catchup.answered(request, End(True), 0.0)
    assert catchup.next_question(0.0) is None


def read_list(catchup, **heads):
    request = catchup.next_question(0.0)
    for name, head in heads.items():
        catchup.answered(request, conversation(f"#{name}", head), 0.0)
    catchup.answered(request, End(False), 0.0)


def test_pages_until_all_is_shown(asking):
    line, catchup = asking
    read_list(catchup, lobby=6)
    first = catchup.next_question(0.0)
    assert seqs(catchup.answered(first, message(2), 0.0)) == [2]
    assert seqs(line.live(message(7))) == []
    catchup.answered(first, End(True), 0.0)
    second = catchup.next_question(0.0)
    assert second == History("#lobby", 0, 2, 256)
    shown = [each for seq in (3, 4, 5, 6) for each in catchup.answered(second, message(seq), 0.0)]
    assert seqs(shown) == [3, 4, 5, 6, 7]
    catchup.answered(second, End(False), 0.0)
    assert catchup.next_question(0.0) is None


@pytest.mark.parametrize("answer", [End(False), End(True), Error(1, 0, "no"), Error(99, 0, "")])
def test_what_cannot_be_had_is_told_and_passed(asking, answer):
    _, catchup = asking
    read_list(catchup, lobby=6)
    assert seqs(catchup.answered(catchup.next_question(0.0), answer, 0.0)) == [(1, 7)]
    assert catchup.next_question(0.0) is None


@pytest.mark.parametrize("code", [7, 8])
def test_who_left_a_room_asks_again_when_back(asking, code):
    line, catchup = asking
    read_list(catchup, ops=1)
    line.live(message(5, "#ops"))
    assert catchup.answered(catchup.next_question(0.0), Error(code, 0, "left"), 0.0) == []
    assert catchup.next_question(0.0) is None
    line.told("#ops", 8)
    page = catchup.next_question(0.0)
    assert page == History("#ops", 0, 1, 256)
    assert seqs(catchup.answered(page, message(2, "#ops"), 0.0)) == [2]


@pytest.mark.parametrize(("code", "retry_ms", "pause"), [(11, 2500, 2.5), (11, 0, PAUSE), (13, 0, PAUSE)])
def test_the_same_again_when_the_server_may_be_asked(asking, code, retry_ms, pause):  # [LOAD-6]
    _, catchup = asking
    request = catchup.next_question(5.0)
    assert catchup.answered(request, Error(code, retry_ms, ""), 5.0) == []
    assert catchup.deadline == 5.0 + pause
    assert catchup.next_question(5.0 + pause - 0.1) is None
    assert catchup.next_question(5.0 + pause) == request
    assert catchup.deadline is None
    catchup.answered(request, conversation("#lobby", 6), 6.0)
    catchup.answered(request, End(False), 6.0)
    page = catchup.next_question(6.0)
    assert catchup.answered(page, Error(code, retry_ms, ""), 6.0) == []
    assert catchup.next_question(6.0 + pause) == page


def test_a_server_without_lists_is_not_asked_again(asking):
    _, catchup = asking
    catchup.answered(catchup.next_question(0.0), Error(1, 0, "no"), 0.0)
    assert catchup.next_question(0.0) is None


def test_questions_wait_for_answers(asking):
    line, catchup = asking
    read_list(catchup, **{f"room{number}": 1 for number in range(PAGES + 2)})
    for number in range(PAGES + 2):
        line.live(message(9, f"#room{number}"))
    asked = [catchup.next_question(0.0) for _ in range(PAGES)]
    assert len({request.conversation for request in asked}) == PAGES
    assert catchup.next_question(0.0) is None
    catchup.answered(asked[0], End(False), 0.0)
    assert catchup.next_question(0.0) is not None


@settings(max_examples=300, deadline=None)
@given(seed=st.integers(0, 2**32), head=st.integers(1, 40), first=st.integers(1, 12), page=st.integers(1, 7))
def test_all_that_the_server_has_is_shown_once_and_in_order(seed, head, first, page):
    """A log of which the beginning is gone, read in small pages while it grows."""
    rng = random.Random(seed)
    line = timeline(whole=True)
    catchup = CatchUp(line)
    catchup.begin(history=True)
    first = min(first, head + 1)
    shown, requests = [], []
    for _ in range(300):
        if rng.random() < 0.3 and head < 60:
            head += 1
            shown += line.live(message(head))
        elif (request := catchup.next_question(0.0)) is not None:
            requests.append((request, head))
        elif requests:
            request, then = requests.pop(0)
            if isinstance(request, Conversations):
                catchup.answered(request, conversation("#lobby", then), 0.0)
                catchup.answered(request, End(False), 0.0)
            else:
                low = max(request.anchor + 1, first)
                high = min(low + page - 1, then)
                for seq in range(low, high + 1):
                    shown += catchup.answered(request, message(seq), 0.0)
                shown += catchup.answered(request, End(high < then), 0.0)
    told = [each.seq for each in shown if isinstance(each, ChatMessage)]
    assert told == list(range(first, head + 1))
    assert [(gap.after, gap.before) for gap in shown if isinstance(gap, Gap)] == ([(0, first)] if first > 1 else [])
