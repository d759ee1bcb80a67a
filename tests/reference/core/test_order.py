"""Answers in the order of the requests, and events before the answers, however late the store is [REQ-1, 2, 7]."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from causerie_spec.codec import encode, frame
from causerie_spec.codes import ByeCode, ErrorCode
from causerie_spec.messages import Ack, ChatMessage, Error, Hello, Login, Ping, Quit, Send

E, B = ErrorCode, ByeCode


def refs(frames):
    return [ref for _, ref in frames if ref]


def test_sends_follow_sends_to_the_store(late, f):
    alice = late.login("alice")
    alice.send(f.say(1), f.say(2), f.say(3))
    assert len(late.asked) == 3
    assert alice.inbox == []
    late.commit(2)
    assert refs(alice.inbox) == [1, 2]
    late.commit()
    assert refs(alice.inbox) == [3]


@pytest.mark.parametrize(
    ("behind", "code"),
    [
        (encode(Ping(9), 9), "PONG"),
        (encode(Send("", 9, 0, "x"), 9), E.BAD_FIELD),
        (frame(0x7F, b"", ref=9), E.UNSUPPORTED),
        (encode(Login("TOKEN", "x", "x", b""), 9), E.WRONG_STATE),
        (encode(Quit(""), 9), B.NORMAL),
        (frame(0x10, b"", ref=9), B.MALFORMED),
        (b"\0\1\0\0\x10\0\0\x09", B.FRAME_TOO_LARGE),
        (b"\0\1\0\0\x04\0\0\x09", B.FRAME_TOO_LARGE),
    ],
)
def test_what_stands_behind_a_send_is_answered_behind_it(late, f, behind, code):
    alice = late.login("alice")
    alice.send(f.say(1), f.say(2), behind)
    assert not alice.connection.reading  # what waits for the store is bounded
    late.commit(1)
    assert refs(alice.inbox) == [1]
    late.commit(1)
    *others, (last, ref) = alice.inbox
    assert refs(others) == [2]
    assert getattr(last, "code", last.NAME) == code
    assert ref == 9


def test_a_client_that_waits_for_the_store_is_not_read(late, f):
    alice = late.login("alice")
    alice.send(f.say(1), f.ping(2), *[f.ping(3)] * 10_000)
    assert alice.connection.decoder.buffered < 65_536 + 100
    for n in range(10_000):
        alice.send(f.ping(n + 1))
    assert alice.connection.decoder.buffered < 65_536 + 100
    late.commit()
    assert len(alice.answers) == 20_002


def test_what_stands_behind_a_header_that_is_too_long_is_not_read_either(late, f):
    alice = late.login("alice")
    alice.send(f.say(1), b"\0\1\0\0\x04\0\0\x09")
    for _ in range(100):
        alice.send(bytes(10_000))
    assert alice.connection.decoder.buffered < 100
    late.commit()
    assert alice.bye == B.FRAME_TOO_LARGE


def test_sends_that_wait_for_the_store_are_bounded_in_octets(make_world, f):
    late = make_world(late=True, pending_octets=10_000)
    alice = late.login("alice")
    alice.send(*[f.say(ref, "x" * 1_000) for ref in range(1, 101)])
    assert len(late.asked) < 12
    assert not alice.connection.reading
    late.commit_all()
    assert refs(alice.inbox) == list(range(1, 101))
    assert alice.connection.pending_octets == 0


def test_frames_behind_a_login_wait_for_it(late, f):
    peer = late.connect()
    peer.send((f.HELLO, 1), f.ping(2), (f.login("alice"), 3), f.ping(4), f.say(5))
    assert refs(peer.inbox) == [1, 2]
    late.commit(1)
    assert refs(peer.inbox) == [3, 4]
    late.commit()
    assert [getattr(m, "seq", None) for m, _ in peer.inbox] == [1, 1]


def test_a_refused_login_is_answered_in_its_place(late, f):
    late.login("alice")
    peer = late.hello()
    peer.send((f.login("alice", b"another token..."), 3), f.ping(4), (f.login("bob"), 5), f.ping(6))
    late.commit()
    late.commit_all()
    assert [(getattr(m, "code", m.NAME), ref) for m, ref in peer.inbox] == [
        (E.HANDLE_TAKEN, 3),
        ("PONG", 4),
        ("READY", 5),
        ("PONG", 6),
    ]


def test_the_fence(late, f):
    alice, bob = late.login("alice"), late.login("bob")
    alice.send(f.say(1, "one"))
    bob.send(f.say(2, "two"), f.ping(3))
    late.commit()
    assert [(type(m), r) for m, r in alice.inbox] == [(ChatMessage, 0), (ChatMessage, 0), (Ack, 1)]
    assert [(m.NAME, r) for m, r in bob.inbox] == [("MESSAGE", 0), ("MESSAGE", 0), ("ACK", 2), ("PONG", 3)]


def test_what_the_store_did_first_is_told_first(late, f):
    alice, bob = late.login("alice"), late.hello()
    alice.send(f.say(1, "before"))
    bob.send((f.login("bob"), 2))
    alice.send(f.say(3, "after"))
    late.commit()
    assert [m.NAME for m, _ in bob.inbox] == ["READY", "MESSAGE"]  # [MSG-8]
    assert f.texts(alice.inbox) == [("#lobby", 1, "alice", "before"), ("#lobby", 2, "alice", "after")]


def test_end_of_stream_while_the_store_is_asked(late, f):
    alice, bob = late.login("alice"), late.login("bob")
    alice.send(f.say(1), f.ping(2), f.say(3), b"\0\0")
    alice.eof()
    assert not alice.fin
    late.commit()
    late.commit()
    assert [m.NAME for m, _ in alice.inbox] == ["MESSAGE", "ACK", "PONG", "MESSAGE", "ACK"]  # and no BYE [CLOSE-4]
    assert alice.closed
    assert len(f.texts(bob.inbox)) == 2
    assert late.events("logout") == [{"handle": "alice", "peer": "192.0.2.1:1"}]


def test_end_of_stream_while_login_waits(late, f):
    peer = late.hello()
    peer.send((f.login("alice"), 2), (f.QUIT, 3))
    peer.eof()
    late.commit()
    assert [m.NAME for m, _ in peer.inbox] == ["READY", "BYE"]
    assert peer.closed


@pytest.mark.parametrize("how", ["reset", "expire", "shutdown"])
def test_a_connection_that_ends_while_its_login_waits_leaves_the_handle_free(late, f, how):
    peer = late.hello()
    peer.send((f.login("alice"), 2))
    if how == "reset":
        peer.reset()
    elif how == "expire":
        late.advance(30)
        assert peer.bye == B.HANDSHAKE_TIMEOUT
    else:
        late.hub.shut_down(late.now)
        late.settle()
        assert peer.bye == B.SHUTDOWN
    late.commit()
    assert peer.inbox == []
    late.commit()  # the release
    if how != "shutdown":
        late.login("alice", token=b"another token...")


def test_a_connection_that_breaks_while_its_sends_wait(late, f):
    alice, bob = late.login("alice"), late.login("bob")
    alice.send(f.say(1), f.ping(2), f.say(3))
    alice.reset()
    late.commit_all()
    assert alice.inbox == []
    assert len(f.texts(bob.inbox)) == 1


def test_a_reader_that_is_cut_off_is_told_nothing_more(make_world, f):
    late = make_world(late=True, queue_octets=1_000)
    alice, bob = late.login("alice"), late.login("bob")
    bob.room = 0
    bob.send(f.say(9, "mine"))
    alice.send(*[f.say(n, "x" * 100) for n in range(1, 20)])
    late.commit(19)
    late.commit_all()
    bob.read()
    assert bob.bye == B.SLOW_CONSUMER
    assert len(f.texts(alice.inbox)) == 20


SCRIPT = st.lists(
    st.sampled_from(["send", "lobby", "direct", "bad", "unknown", "ignored", "ping", "long", "wrong", "taken"]),
    max_size=25,
)
LAST = st.sampled_from([None, "quit", "malformed", "large", "eof"])


def octets_of(script, last):
    made = {
        "send": lambda r: encode(Send("#lobby", r, 0, "x" * r), r),
        "lobby": lambda r: encode(Send("#lobby", r, 1, "y"), r),
        "direct": lambda r: encode(Send("@bob", r, 0, "z"), r),
        "bad": lambda r: encode(Send("#lobby", 0, 0, "z"), r),
        "unknown": lambda r: frame(0x66, b"zz", ref=r),
        "ignored": lambda r: frame(0x66, b"zz", ref=0),
        "ping": lambda r: encode(Ping(r), r),
        "long": lambda r: encode(Send("@bob", r, 0, "z" * 16_385), r),
        "wrong": lambda r: encode(Hello(b"CAUS", 1, 1, 0, "", ()), r),
        "taken": lambda r: encode(Login("TOKEN", "bob", "B", b""), r),
        "quit": lambda r: encode(Quit(""), r),
        "malformed": lambda r: frame(0x10, b"\1", ref=r),
        "large": lambda r: b"\0\1\0\0\x10\0" + r.to_bytes(2, "big"),
        "eof": lambda r: b"\0\0\0",
    }
    steps = [*script, *([last] if last else [])]
    return b"".join(made[step](ref) for ref, step in enumerate(steps, 3))


def events_in(name, frames):
    return [m for m, _ in frames if isinstance(m, ChatMessage) and m.conversation == name]


def play(world, f, octets, cuts, eof):
    bob = world.login("bob")
    alice = world.connect()
    octets = encode(f.HELLO, 1) + encode(f.login("alice"), 2) + octets
    position = 0
    for size, count in cuts:
        alice.send(octets[position : position + size])
        position += size
        if count and world.asked:
            world.commit(count)
    alice.send(octets[position:])
    if eof:
        alice.eof()
    world.commit_all()
    return alice.inbox, bob.inbox


@settings(deadline=None)
@given(SCRIPT, LAST, st.data())
def test_however_it_is_cut_and_however_late_the_store_is(world_class, f, script, last, data):
    octets = octets_of(script, last)
    whole = play(world_class(), f, octets, [], last == "eof")
    cuts = data.draw(st.lists(st.tuples(st.integers(1, 40), st.integers(0, 3)), max_size=40))
    late = world_class(late=True)
    cut = play(late, f, octets, cuts, last == "eof")
    for one, other in zip(whole, cut, strict=True):
        assert [item for item in one if item[1]] == [item for item in other if item[1]]  # answers
        for name in ("#lobby", "@alice", "@bob"):  # events: across conversations there is no order
            assert events_in(name, one) == events_in(name, other)
    answers = [(message, ref) for message, ref in cut[0] if ref]
    wanted = [1, 2] + [ref for ref, step in enumerate(script, 3) if step != "ignored"]
    assert refs(answers)[: len(wanted)] == wanted
    seen = set()  # the fence, at the sender itself: the MESSAGE stands before its ACK
    for message, _ in cut[0]:
        if isinstance(message, ChatMessage):
            seen.add((message.seq, message.txn))
        elif isinstance(message, Ack):
            assert message.seq in {seq for seq, _ in seen}
        elif isinstance(message, Error):
            assert message.detail


@settings(deadline=None, max_examples=50)
@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(1, 3), st.integers(0, 4)), max_size=60))
def test_many_senders_and_a_store_that_commits_in_pieces(world_class, f, steps):
    late = world_class(late=True)
    peers = {handle: late.login(handle) for handle in "abc"}
    asked = dict.fromkeys(peers, 0)
    for handle, sends, count in steps:
        for _ in range(sends):
            asked[handle] += 1
            peers[handle].send(f.say(asked[handle], to="#lobby"))
        if count and late.asked:
            late.commit(count)
    late.commit_all()
    inboxes = {handle: peer.inbox for handle, peer in peers.items()}
    seqs = [[m.seq for m, _ in inbox if isinstance(m, ChatMessage)] for inbox in inboxes.values()]
    assert seqs == [list(range(1, sum(asked.values()) + 1))] * 3  # [MSG-4]
    for handle, inbox in inboxes.items():
        assert refs(inbox) == list(range(1, asked[handle] + 1))
