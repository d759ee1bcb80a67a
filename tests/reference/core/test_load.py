"""Slow readers, fast senders, too many connections: what is bounded, who is slowed, who is cut off [LOAD-1 to 11]."""

import pytest

from causerie.core.output import Output
from causerie_spec.codec import encode, frame
from causerie_spec.codes import MAX_UNREAD, ByeCode, ErrorCode
from causerie_spec.messages import Ack, ChatMessage, Ping

B = ByeCode


def held(peer):
    """Octets that the server holds for a peer: queued, in flight, and read but not processed."""
    connection = peer.connection
    output = connection.output
    return output.own + output.others + output.in_flight + connection.decoder.buffered


@pytest.mark.parametrize("request_", ["ping", "unknown", "say"])
def test_a_sender_that_reads_nothing_is_slowed_and_then_gets_every_answer_in_order(world, f, request_):
    count = 20_000
    make = {
        "ping": lambda n: f.ping(n % 60_000 + 1, n),
        "unknown": lambda n: frame(0x7F, b"", ref=n % 60_000 + 1),
        "say": lambda n: f.say(n % 60_000 + 1, "x" * 100, to="@alice", txn=n + 1),
    }[request_]
    alice = world.login("alice")
    alice.room = 0
    for start in range(0, count, 500):
        alice.send(*[make(n) for n in range(start, start + 500)])
        assert held(alice) < 2 * 1024 * 1024
    assert alice.unread  # it is TCP that holds the rest
    answers = []
    while not answers or answers[-1][1] != count % 60_000:
        alice.read(100_000)
        answers += alice.answers
        assert held(alice) < 2 * 1024 * 1024
    assert [ref for _, ref in answers] == [n % 60_000 + 1 for n in range(count)]
    if request_ == "ping":
        assert [message.token for message, _ in answers] == list(range(count))


def test_reading_resumes_when_the_output_is_handed_over(make_world, f):
    world = make_world(own_octets=1_000)
    alice = world.login("alice")
    alice.room = 0
    alice.send(*[f.ping(n) for n in range(1, 301)])
    assert not alice.connection.reading
    alice.read()
    assert alice.connection.reading
    assert len(alice.answers) == 300


def test_echoes_of_ones_own_never_cut_off(make_world, f):
    world = make_world(queue_octets=1_000)
    alice = world.login("alice")
    alice.room = 0
    alice.send(*[f.say(n, "x" * 100) for n in range(1, 101)])
    alice.read()
    assert [message.seq for message, _ in alice.answers] == list(range(1, 101))


@pytest.mark.parametrize("handle", ["bob", "alice"])
def test_events_of_others_cut_a_slow_reader_off(make_world, f, handle):
    # Others are other connections, of the same handle too [LOAD-1].
    world = make_world(queue_octets=1_000)
    fast, slow, other = world.login("alice"), world.login(handle), world.login("carol")
    slow.room = 30
    for n in range(1, 40):
        fast.send(f.say(n, "x" * 100))
        assert held(slow) < 1_000 + 2 * 200
    assert slow.connection.handle is None
    slow.read()
    *got, (bye, ref) = slow.inbox
    assert (bye.code, ref) == (B.SLOW_CONSUMER, 0)
    seqs = [message.seq for message, _ in got]
    assert seqs == list(range(1, len(seqs) + 1))  # a prefix, whole frames, what was in flight included [LOAD-5]
    assert seqs
    assert slow.fin
    assert [seq for _, seq, _, _ in f.texts(fast.inbox)] == list(range(1, 40))
    assert [seq for _, seq, _, _ in f.texts(other.inbox)] == list(range(1, 40))  # [LOAD-3]


def test_the_default_is_below_what_the_protocol_allows(world):
    limits = world.hub.limits
    assert limits.queue_octets + limits.batch_octets + 2 * limits.write_octets < MAX_UNREAD


def test_readers_are_served_between_batches(make_world, f):
    # Many senders at once make more events than may wait for anybody: a reader who reads is not cut off for that.
    world = make_world(queue_octets=1024 * 1024)
    senders = [world.login(f"s{n}") for n in range(8)]
    reader = world.login("reader")
    for sender in senders:  # as if all of this came in one turn of the shell
        for n in range(1, 17):
            sender.connection.receive_data(world.now, encode(*f.say(n, "x" * 16_000)))
    world.settle()
    assert len(f.texts(reader.inbox)) == 8 * 16


def test_several_senders_in_one_commit(make_world, f):
    # What one of them caused itself slows it down; what the others did may cut it off.
    late = make_world(late=True, queue_octets=400)
    alice, bob = late.login("alice"), late.login("bob")
    alice.room = bob.room = 0
    alice.send(f.say(1, "a" * 50))
    late.commit()
    alice.send(f.say(2, "b" * 1_000))
    bob.send(f.say(3, "c" * 100))
    late.commit()
    assert alice.connection.output.others < 400 < alice.connection.output.own
    alice.read()
    assert [text[0] for _, _, _, text in f.texts(alice.inbox)] == ["a", "b", "c"]
    bob.read()
    assert bob.bye == B.SLOW_CONSUMER


def test_a_member_that_is_cut_off_during_the_fan_out(make_world, f):
    world = make_world(queue_octets=300)
    alice, bob, carol = (world.login(handle) for handle in ("alice", "bob", "carol"))
    bob.room = 0
    alice.send(f.say(1))  # in flight
    alice.send(f.say(2, "x" * 100))
    alice.send(f.say(3, "x" * 200), f.say(4, "x", to="@bob"), f.say(5, "last"))
    assert all(isinstance(message, Ack) for message, _ in alice.answers)
    assert f.texts(carol.inbox)[-1][-1] == "last"
    alice.send(f.say(6, to="@bob"))
    assert alice.codes == [ErrorCode.NO_SUCH_CONVERSATION]
    bob.read()
    assert [getattr(m, "seq", m.NAME) for m, _ in bob.inbox] == [1, "BYE"]


def test_a_connection_before_ready_costs_little(world):
    peer = world.connect()
    octets = (4_096).to_bytes(4, "big") + b"\x01\0\0\1" + bytes(4_095)
    peer.dribble(octets)
    assert held(peer) == len(octets)
    peer.send(b"\0")
    assert peer.bye == B.MALFORMED


def test_too_many_connections(make_world, f):
    world = make_world(max_connections=2, max_refused=2)
    first, second = world.login("alice"), world.connect()
    refused = [world.connect() for _ in range(2)]
    for peer in refused:
        ((bye, ref),) = peer.inbox
        assert (bye.code, bye.retry_ms, ref) == (B.TOO_MANY_CONNECTIONS, 1_000, 0)
        assert peer.fin
    assert not any(peer.closed for peer in refused)
    flood = world.connect()
    assert flood.closed  # without a word: those who are told are bounded too
    assert world.hub.connections == 4
    second.eof()
    assert second.closed
    third = world.connect()
    third.send((f.HELLO, 1))
    first.send(f.ping(1))
    assert third.codes == ["WELCOME"]
    assert first.codes == ["PONG"]
    for peer in refused:
        peer.send(encode(f.HELLO, 1))
        peer.eof()
        assert peer.closed
        assert peer.inbox == []


def test_connections_that_come_and_go_leave_nothing_behind(world, f):
    for n in range(2_000):
        peer = world.connect()
        if n % 3 == 0:
            peer.send((f.HELLO, 1), (f.login(f"h{n}"), 2), f.say(3), (f.QUIT, 4))
        if n % 3 == 1:
            peer.send(bytes(8))
        peer.eof() if n % 2 else peer.reset()
    hub = world.hub
    assert hub.connections == 0
    assert len(hub.timers._heap) < 600
    assert not len(hub.roster)
    assert not hub._logins
    assert not hub._senders
    assert not hub._askers
    assert world.store.person("alice") is None


def test_idle_connections_are_cheap(world, f):
    import tracemalloc

    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        connections = [world.hub.connect(world.now, "192.0.2.1:1") for _ in range(500)]
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (after - before) / len(connections) < 2_000


def test_output_is_taken_in_pieces_of_whole_frames():
    output = Output()
    chunks = [bytes([n]) * 10 for n in range(10)]
    for n, chunk in enumerate(chunks):
        output.put(chunk, own=10 * (n % 2 == 0))
    assert output
    assert output.take(25) == b"".join(chunks[:3])
    assert (output.own, output.others, output.in_flight) == (30, 40, 30)
    assert output.take(25) == b""  # one at a time
    output.written(29)
    assert output.take(25) == b""
    output.written(1)
    assert output.take(1) == chunks[3]
    output.written(10)
    output.drop()
    assert not output
    assert output.take(1) == b""
    output.put(b"x", own=0)
    assert output.take(1) == b"x"
    assert output
    output.written(1)
    assert not output


def test_the_batches_of_the_store(make_world, f):
    late = make_world(late=True, batch_octets=1_000)
    alice = late.login("alice")
    for n in range(1, 21):
        alice.connection.receive_data(late.now, encode(*f.say(n, "é" * 100)))
    sizes = []
    while operations := late.hub.take_operations():
        sizes.append(len(operations))
        late.hub.committed(late.now, operations, late.store.commit(operations))
    assert sizes == [3] * 10  # two appends, and Settle
    late.settle()
    assert len([m for m, _ in alice.inbox if isinstance(m, ChatMessage)]) == 20


def test_pings_do_not_wait_for_readers_of_other_connections(world):
    alice, bob = world.login("alice"), world.login("bob")
    bob.room = 0
    for n in range(100):
        alice.send(encode(Ping(n), 1))
    assert len(alice.inbox) == 100
