"""HISTORY: which page, and that it is made only as fast as its reader takes it [HIST-1 to HIST-7].

Which messages a page holds is the archive's affair: tests/reference/store.
"""

import pytest

from causerie_spec.codec import encode
from causerie_spec.codes import MAX_U64, ErrorCode
from causerie_spec.messages import ChatMessage, End, History, Join, Rooms, Who
from causerie_spec.messages import Conversations as ConversationsRequest

E = ErrorCode
BOUND = 512 * 1024
"""Octets that the server holds for one connection here: far below the pages that are asked for."""


def held(peer):
    output = peer.connection.output
    return output.own + output.others + output.in_flight + peer.connection.decoder.buffered


def page(frames):
    """(seqs, more) of an answer, which is all there is."""
    *items, (end, ref) = frames
    assert isinstance(end, End)
    assert all(isinstance(item, ChatMessage) and item_ref == ref for item, item_ref in items)
    return [item.seq for item, _ in items], end.more


@pytest.fixture
def fill(f):
    def fill(world, count, octets=1):
        """A peer, and a log of that many messages in the lobby."""
        alice = world.login("alice")
        alice.send(*[f.say(n, chr(97 + n % 26) * octets) for n in range(1, count + 1)])
        while world.asked:
            world.commit()
        assert len(alice.answers) == count
        return alice

    return fill


@pytest.mark.parametrize(
    ("asked", "expected"),
    [  # the table of the protocol, section 10
        ((0, 0, 100), (range(1, 101), True)),
        ((0, 550, 100), (range(551, 601), False)),
        ((0, 600, 100), ([], False)),
        ((0, MAX_U64, 100), ([], False)),
        ((1, MAX_U64, 50), (range(551, 601), True)),
        ((1, 551, 1000), (range(295, 551), True)),
        ((1, 1, 100), ([], False)),
        ((1, 0, 100), ([], False)),
    ],
)
@pytest.mark.parametrize("history_octets", [64 * 1024, 1_000])
def test_pages(make_world, fill, history_octets, asked, expected):
    world = make_world(history=True, history_octets=history_octets)
    alice = fill(world, 600)
    alice.send((History("#lobby", *asked), 5))
    seqs, more = expected
    assert page(alice.inbox) == (list(seqs), more)


@pytest.mark.parametrize(
    ("conversation", "direction", "limit", "code"),
    [
        ("lobby", 0, 1, E.BAD_FIELD),
        ("#lobby", 2, 1, E.BAD_FIELD),
        ("#lobby", 0, 0, E.BAD_FIELD),
        ("#never", 0, 1, E.NO_SUCH_CONVERSATION),
        ("@never", 0, 1, E.NO_SUCH_CONVERSATION),
        ("#ops", 0, 1, E.NOT_A_MEMBER),
    ],
)
def test_refusals(full, conversation, direction, limit, code):
    alice, bob = full.login("alice"), full.login("bob")
    bob.send((Join("#ops"), 1))
    alice.inbox  # noqa: B018
    alice.send((History(conversation, direction, 0, limit), 5))
    assert alice.codes == [code]


def test_a_direct_log_is_named_as_its_reader_names_it(full, f):
    alice, bob = full.login("alice"), full.login("bob")
    alice.send(f.say(1, "hi", to="@bob"))
    bob.inbox  # noqa: B018
    for peer, name in ((alice, "@bob"), (bob, "@alice")):
        peer.send((History(name, 0, 0, 9), 5))
        item, _ = next((m, ref) for m, ref in peer.inbox if ref == 5)
        assert item == f.ChatMessage(name, 1, full.wall, "alice", 1, 0, "hi")


def test_live_messages_stand_between_the_pieces_of_an_answer_and_more_is_as_of_the_request(make_world, fill, f):
    late = make_world(history=True, late=True, history_octets=1_000)
    alice = fill(late, 100, 100)
    bob = late.login("bob")
    alice.send((History("#lobby", 0, 0, 256), 5))
    late.commit()  # FindPage
    late.commit()  # the first piece
    bob.send(f.say(1, "live"))
    late.commit_all()
    frames = alice.inbox
    assert [m.seq for m, ref in frames if isinstance(m, ChatMessage) and ref == 0] == [101]
    assert frames[-1] == (End(False), 5)
    assert page([(m, ref) for m, ref in frames if ref]) == (list(range(1, 101)), False)


def test_unread_pages_are_not_made_and_once_read_all_are_there(full, fill, f):
    alice = fill(full, 20, 16_000)
    alice.room = 0
    alice.send(*[(History("#lobby", n % 2, 10, 4), n) for n in range(1, 2_001)], f.ping(2_001))
    assert held(alice) < BOUND
    refs = []
    while not refs or refs[-1] != 2_001:
        alice.read(3_000_000)
        refs += [ref for message, ref in alice.inbox if not isinstance(message, ChatMessage)]
        assert held(alice) < BOUND
        alice.taken.clear()
    assert refs == list(range(1, 2_002))


REQUESTS = {
    "HISTORY": History("#lobby", 0, 0, 256),
    "CONVERSATIONS": ConversationsRequest("", 256),
    "ROOMS": Rooms("", 256),
    "WHO": Who("#lobby", "", 256, False),
}


@pytest.mark.parametrize("name", REQUESTS)
@pytest.mark.parametrize("together", [True, False], ids=["with-fin", "before-fin"])
def test_after_fin_lists_that_nobody_reads_are_not_made_but_messages_are_stored(full, fill, f, name, together):
    # [CLOSE-4]; octets and FIN may come in one turn: inside TLS, in one record.
    alice, bob = fill(full, 20, 16_000), full.login("bob")
    for n in range(100):
        full.login(f"h{n}")
        bob.send((Join(f"#room{n:028}"), 1))
    bob.inbox  # noqa: B018
    bob.room = 0
    frames = [(REQUESTS[name], n) for n in range(1, 2_001)]
    bob.connection.receive_data(full.now, b"".join(encode(*each) for each in [*frames, f.say(2_001, "still")]))
    if not together:
        full.settle()
    bob.connection.receive_eof(full.now)
    full.settle()
    assert held(bob) < BOUND
    assert f.texts(alice.inbox)[-1] == ("#lobby", 21, "bob", "still")


def test_a_reader_who_goes_in_the_middle_of_an_answer(make_world, fill):
    for end in ("eof", "reset"):
        world = make_world(history=True)
        alice, carol = fill(world, 20, 16_000), world.login("carol")
        alice.room = 100_000
        alice.send((History("#lobby", 0, 0, 256), 5))
        getattr(alice, end)()
        alice.reset()
        assert world.hub.connections == 1
        carol.send((History("#lobby", 0, 0, 1), 5))
        assert [m.seq for m, ref in carol.inbox if ref and isinstance(m, ChatMessage)] == [1]
