"""What is told with MARK: as little as says all, and again after a lost connection."""

import random

import pytest

from causerie.core.client.cursors import Cursors
from causerie_spec.messages import Mark


@pytest.fixture
def cursors():
    made = Cursors()
    made.begin()
    return made


def test_one_mark_at_a_time_says_all_that_happened_meanwhile(cursors):
    cursors.shown("#lobby", 1, mine=False)
    assert cursors.next_mark() == Mark("#lobby", 1, 0)
    for seq in (2, 3):
        cursors.shown("#lobby", seq, mine=False)
    cursors.read("#lobby", 2)
    assert cursors.next_mark() is None
    cursors.answered(Mark("#lobby", 1, 0))
    assert cursors.next_mark() == Mark("#lobby", 3, 2)
    cursors.answered(Mark("#lobby", 3, 2))
    assert cursors.next_mark() is None


def test_nothing_is_told_that_the_server_knows(cursors):
    cursors.shown("#lobby", 4, mine=True)  # [MARK-2]
    assert cursors.next_mark() is None
    cursors.told("#ops", 9, 7)
    cursors.shown("#ops", 9, mine=False)
    cursors.read("#ops", 7)
    assert cursors.next_mark() is None
    cursors.read("#ops", 8)
    assert cursors.next_mark() == Mark("#ops", 9, 8)


def test_after_a_lost_connection_it_is_told_again_unless_the_server_says_so_itself(cursors):
    for conversation in ("#lobby", "#ops"):
        cursors.shown(conversation, 5, mine=False)
        cursors.next_mark()
    cursors.begin()
    cursors.told("#ops", 5, 0)
    assert [cursors.next_mark(), cursors.next_mark()] == [Mark("#lobby", 5, 0), None]


def test_a_new_epoch_forgets_all(cursors):
    cursors.shown("#lobby", 5, mine=False)
    cursors.forget()
    assert cursors.next_mark() is None
    cursors.shown("#lobby", 1, mine=False)
    assert cursors.next_mark() == Mark("#lobby", 1, 0)


@pytest.mark.parametrize("seed", range(50))
def test_in_the_end_the_server_knows_all(cursors, seed):
    rng = random.Random(seed)
    want, server, asked = {}, {}, []
    for _ in range(60):
        name, seq = rng.choice(("#a", "#b")), rng.randint(1, 20)
        delivered, read = want.get(name, (0, 0))
        match rng.randrange(5):
            case 0:
                cursors.shown(name, seq, mine=False)
                want[name] = max(delivered, seq), read
            case 1:
                cursors.read(name, seq)
                want[name] = max(delivered, seq), max(read, seq)
            case 2 if asked:
                mark = asked.pop(0)
                old = server.get(mark.conversation, (0, 0))
                server[mark.conversation] = max(old[0], mark.delivered), max(old[1], mark.read)
                cursors.answered(mark)
            case 3:
                if (mark := cursors.next_mark()) is not None:
                    asked.append(mark)
            case 4 if rng.random() < 0.2:
                asked.clear()
                cursors.begin()
    for mark in asked:
        cursors.answered(mark)
        old = server.get(mark.conversation, (0, 0))
        server[mark.conversation] = max(old[0], mark.delivered), max(old[1], mark.read)
    while (mark := cursors.next_mark()) is not None:
        old = server.get(mark.conversation, (0, 0))
        server[mark.conversation] = max(old[0], mark.delivered), max(old[1], mark.read)
        cursors.answered(mark)
    assert {name: server.get(name, (0, 0)) for name in want} == want
