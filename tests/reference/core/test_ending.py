"""Deadlines, and how connections end [KEEP, CLOSE, STATE-4, STATE-5]."""

import pytest

from causerie.core.refusal import Ended
from causerie.core.timers import Timers
from causerie_spec.codec import encode
from causerie_spec.codes import ByeCode
from causerie_spec.messages import Hello, Login, Ping

B = ByeCode
K = 10


def test_login_has_its_time_from_accept_whatever_is_sent(world, f):
    silent, busy = world.connect(), world.hello()
    for n in range(29):
        world.advance(1)
        busy.send(f.ping(n + 1))
    world.advance(0.99)
    assert not silent.fin
    assert len(busy.inbox) == 29
    world.advance(0.01)
    for peer in (silent, busy):
        assert peer.bye == B.HANDSHAKE_TIMEOUT
        assert peer.fin
    world.advance(5)
    assert silent.closed


def test_a_login_in_time_is_not_ended_by_its_limit(world):
    peer = world.login("alice")
    world.advance(1_000)  # [KEEP-7]
    assert not peer.fin


def test_idle_after_one_and_a_half_keepalives_from_ready(world):
    peer = world.hello(keepalive=K)
    world.advance(20)
    from_ready = world.now
    peer.send((Login("TOKEN", "a", "A", b"t" * 16), 2))
    world.advance(1.5 * K - 0.01)
    assert peer.codes == ["READY"]
    peer.send(bytes(7))  # [KEEP-4]
    world.advance(0.01)
    assert world.now == from_ready + 1.5 * K
    assert peer.bye == B.IDLE


@pytest.mark.parametrize("octets", [encode(Ping(1), 1), b"\0\0\0\0\x7f\0\0\0", b"\0\0\0\0\x7f\0\0\1"])
def test_any_frame_counts(world, octets):
    peer = world.login("alice", keepalive=K)
    for _ in range(20):
        world.advance(K)
        peer.send(octets)
    assert not peer.fin
    world.advance(1.5 * K)
    assert peer.bye == B.IDLE


def test_events_that_it_gets_do_not_count(world, f):
    peer, other = world.login("alice", keepalive=K), world.login("bob")
    for n in range(1, 15):
        world.advance(1)
        other.send(f.say(n))
    world.advance(1)
    assert peer.bye == B.IDLE


@pytest.mark.parametrize(("keepalive", "limit"), [(10, 30), (20, 40)])
def test_while_it_is_not_read_what_its_peer_takes_counts(world, f, keepalive, limit):
    peer = world.login("alice", keepalive=keepalive)
    peer.room = 0
    peer.send(*[f.ping(n) for n in range(1, 60_000)])
    assert not peer.connection.reading
    for _ in range(10):
        world.advance(limit - 1)
        peer.read(1)
    assert not peer.connection.closed
    world.advance(limit - 0.5)
    assert peer.connection.handle == "alice"
    world.advance(0.5)
    assert peer.connection.handle is None  # nothing was taken
    world.advance(5)
    assert peer.closed


def test_when_it_is_read_again_the_usual_limit_holds(world, f):
    peer = world.login("alice", keepalive=K)
    peer.room = 0
    peer.send(*[f.ping(n) for n in range(1, 20_000)])
    assert not peer.connection.reading
    world.advance(25)
    peer.read()
    assert peer.connection.reading
    world.advance(14.9)
    assert peer.connection.handle
    world.advance(0.1)
    assert peer.bye == B.IDLE


def test_the_usual_limit_holds_at_once_when_it_is_read_again(world, f):
    peer = world.login("alice", keepalive=K)
    peer.room = 0
    peer.send(*[f.ping(n) for n in range(1, 20_000)])
    world.advance(29)
    peer.read(1)
    world.advance(2)  # the deadline that is looked at next is 59 s from the start now
    peer.read()
    world.advance(14.9)
    assert peer.connection.handle
    world.advance(0.1)
    assert peer.bye == B.IDLE


def test_waiting_for_the_store_is_not_the_peers_silence(make_world, f):
    late = make_world(late=True)
    peer = late.login("alice", keepalive=1)
    peer.send(f.say(1), f.ping(2))
    late.advance(100)
    assert not peer.fin
    late.commit()
    assert [ref for _, ref in peer.answers] == [1, 2]
    late.advance(1.5)
    assert peer.bye == B.IDLE


def test_quit(world, f):
    peer = world.login("alice")
    peer.send(f.say(1), (f.QUIT, 2), f.say(3), b"\xff" * 100)
    *_, (ack, one), (bye, two) = peer.inbox
    assert (ack.NAME, one, bye.code, bye.retry_ms, two) == ("ACK", 1, B.NORMAL, 0, 2)
    assert peer.fin
    assert not peer.closed
    peer.send(f.say(4), b"\xff" * 100)  # [STATE-4]
    assert peer.inbox == []
    peer.eof()
    assert peer.closed
    assert world.store.commit([]) == []


@pytest.mark.parametrize("state", ["login", "ready"])
def test_quit_in_every_state_after_hello(world, f, state):
    peer = world.hello() if state == "login" else world.login("alice")
    peer.send((f.QUIT, 2))
    assert peer.bye == B.NORMAL


def test_quit_logs_out_at_once(world, f):
    alice, bob = world.login("alice"), world.login("bob")
    alice.send((f.QUIT, 2))
    bob.send(f.say(3, to="@alice"), f.say(4))
    assert [getattr(m, "code", m.NAME) for m, _ in bob.answers] == [7, "ACK"]
    assert alice.bye == B.NORMAL


def test_after_fin_five_seconds_are_left(world, f):
    peer = world.login("alice")
    peer.send((f.QUIT, 2))
    for _ in range(9):
        world.advance(0.5)
        peer.send(bytes(100))
    assert not peer.closed
    world.advance(0.5)
    assert peer.closed


def test_after_fin_a_mebibyte_is_dropped(world, f):
    peer = world.login("alice")
    peer.send((f.QUIT, 2))
    for _ in range(16):
        peer.send(bytes(65_536))
    assert not peer.closed
    peer.send(b"\0")
    assert peer.closed


def test_before_fin_what_comes_is_dropped_and_does_not_count(world, f):
    peer = world.login("alice")
    peer.room = 0
    peer.send(f.ping(1), (f.QUIT, 2))
    for _ in range(40):
        peer.send(bytes(65_536))
    assert not peer.unread
    assert not peer.closed
    peer.read()
    assert peer.codes == ["PONG", B.NORMAL]
    for _ in range(16):
        peer.send(bytes(65_536))
    assert not peer.closed
    peer.send(b"\0")
    assert peer.closed


def test_bye_has_time_as_long_as_its_peer_takes_something(world, f):
    peer = world.login("alice")
    peer.room = 0
    peer.send(f.ping(1), f.ping(2), (f.QUIT, 3))
    for _ in range(10):
        world.advance(4.9)
        peer.read(1)
    world.advance(4.9)
    assert not peer.closed
    peer.read()
    assert peer.bye == B.NORMAL
    world.advance(4.9)
    assert not peer.closed
    world.advance(0.1)
    assert peer.closed


def test_a_peer_that_takes_nothing_is_given_up(world, f):
    peer = world.login("alice")
    peer.room = 0
    peer.send(f.ping(1), (f.QUIT, 3))
    world.advance(4.9)
    assert not peer.connection.closed
    world.advance(0.1)
    assert peer.connection.closed
    assert peer.connection.take() == b""
    assert not peer.connection.reading


def test_end_of_stream_after_bye_before_all_is_written(world, f):
    peer = world.login("alice")
    peer.room = 0
    peer.send((f.QUIT, 3))
    peer.eof()
    assert not peer.closed
    peer.read()
    assert peer.bye == B.NORMAL
    assert peer.closed


@pytest.mark.parametrize("state", ["hello", "login", "ready"])
@pytest.mark.parametrize("rest", [b"", b"\0\0\0\1\4"])
def test_end_of_stream_is_a_disconnect(world, state, rest):
    peer = {"hello": world.connect, "login": world.hello, "ready": lambda: world.login("alice")}[state]()
    peer.send(rest)
    peer.eof()
    assert peer.inbox == []
    assert peer.closed
    assert world.hub.connections == 0


def test_answers_to_a_half_closed_peer(world, f):
    peer = world.login("alice")
    peer.room = 0
    peer.send(f.say(1), *[f.ping(n) for n in range(2, 5_000)])
    peer.eof()
    peer.read()
    assert [ref for _, ref in peer.answers] == list(range(1, 5_000))
    assert peer.closed


def test_end_of_stream_while_it_is_slowed(make_world, f):
    # What was received whole takes effect though its answers cannot be written.
    world = make_world(own_octets=100, pending_octets=200)
    peer, bob = world.login("alice"), world.login("bob")
    peer.room = 0
    peer.connection.receive_data(world.now, b"".join(encode(*f.say(n)) for n in range(1, 50)))
    world.settle()
    assert len(f.texts(bob.inbox)) < 49
    peer.connection.receive_eof(world.now)
    world.settle()
    assert peer.connection.handle is None
    peer.reset()
    bob.send(f.say(99))
    assert peer.closed
    assert bob.answers[0][0].seq == 50


def test_reset(world, f):
    alice, bob = world.login("alice"), world.login("bob")
    alice.send(b"\0\0\0")
    alice.reset()
    alice.reset()
    assert alice.closed
    bob.send(f.say(3, to="@alice"))
    assert bob.codes == [7]
    assert world.hub.connections == 1


def test_data_after_the_end_is_nothing(world, f):
    alice = world.login("alice")
    alice.reset()
    alice.connection.receive_data(world.now, encode(*f.say(1)))
    alice.connection.receive_eof(world.now)
    alice.connection.end(world.now, Ended(B.IDLE, ""))
    alice.connection.event(world.now, b"x")
    world.settle()
    assert alice.inbox == []
    assert world.hub.next_deadline() is None or world.hub.connections == 0


def test_shutdown_tells_everybody_and_spreads_their_return(world, f):
    peers = [world.login(f"h{n}") for n in range(20)] + [world.connect(), world.hello()]
    world.hub.shut_down(world.now)
    world.settle()
    byes = [peer.inbox[-1] for peer in peers]
    assert {(bye.code, ref) for bye, ref in byes} == {(B.SHUTDOWN, 0)}
    retries = [bye.retry_ms for bye, _ in byes]
    assert all(1_000 <= retry <= 5_000 for retry in retries)
    assert len(set(retries)) > 15  # [CLOSE-7]
    assert all(peer.fin for peer in peers)
    late = world.connect()
    assert late.bye == B.SHUTDOWN


def test_shutdown_ends_in_time_whatever_peers_do(make_world, f):
    world = make_world(max_connections=3)
    stubborn, taking, ending = world.login("a"), world.login("b"), world.login("c")
    refused = world.connect()
    for peer in (stubborn, taking, ending):
        peer.room = 0
        peer.send(*[f.ping(n) for n in range(1, 10)])
    ending.send((f.QUIT, 2))
    start = world.now
    world.hub.shut_down(world.now)
    world.settle()
    while world.now < start + 4.5:
        world.advance(0.5)
        taking.read(1)
        refused.send(b"x")
        world.connect()
    assert world.hub.connections
    world.advance(0.5)
    assert world.hub.connections == 0
    assert all(peer.closed for peer in (stubborn, taking, ending, refused))


class Thing:
    def __init__(self, due):
        self.armed = None
        self.at = due
        self.expired = []

    def due(self):
        return self.at

    def expire(self, now):
        self.expired.append(now)
        self.at = None


def test_timers_are_in_time_however_deadlines_move():
    timers = Timers()
    assert timers.next() is None
    later, earlier, never, gone = Thing(10), Thing(10), Thing(None), Thing(7)
    for thing in (later, earlier, never, gone):
        timers.arm(thing)
    later.at = 20
    earlier.at = 5
    for thing in (later, earlier):
        timers.arm(thing)
    timers.disarm(gone)
    assert timers.next() == 5
    timers.expire(4.99)
    assert not earlier.expired
    timers.expire(5)
    assert earlier.expired == [5]
    timers.expire(19.9)
    assert not later.expired
    timers.expire(20)
    assert later.expired == [20]
    assert not gone.expired
    assert earlier.expired == [5]
    assert timers.next() is None


def test_a_deadline_that_moves_at_its_end():
    class Again(Thing):
        def expire(self, now):
            self.expired.append(now)
            self.at = now + 1

    timers, thing = Timers(), Again(1)
    timers.arm(thing)
    for now in (1, 1.5, 2, 3):
        timers.expire(now)
    assert thing.expired == [1, 2, 3]


def test_timers_keep_nothing_of_those_that_went():
    timers = Timers()
    stay = [Thing(1_000 - n) for n in range(100)]
    for thing in stay:
        timers.arm(thing)
    for n in range(10_000):
        thing = Thing(n)
        timers.arm(thing)
        timers.disarm(thing)
    assert len(timers._heap) < 700
    timers.expire(2_000)
    assert all(thing.expired for thing in stay)


def test_keepalive_of_a_client_that_asks_for_more_than_is_granted(make_world):
    world = make_world(keepalive=2)
    peer = world.connect()
    peer.send((Hello(b"CAUS", 1, 1, 600, "", ()), 1))
    assert peer.inbox[0][0].keepalive == 2


def test_idle_is_counted_from_ready_however_late_the_store_is(make_world):
    late = make_world(late=True)
    peer = late.hello(keepalive=1)
    peer.send((Login("TOKEN", "alice", "A", b"t" * 16), 2))
    late.advance(10)
    late.commit()
    late.advance(1.4)
    assert peer.codes == ["READY"]
    late.advance(0.1)
    assert peer.bye == B.IDLE


def test_what_is_queued_for_a_connection_that_is_gone_is_not_written(world):
    peer = world.hello()
    peer.connection.receive_data(world.now, encode(Ping(1), 1))
    peer.connection.lost(world.now)
    assert peer.connection.take() == b""
    world.settle()
    assert peer.closed


def test_a_shutdown_waits_for_the_store(late, f):
    alice = late.login("alice")
    alice.send(f.say(3), f.say(4))
    late.hub.shut_down(late.now)
    late.settle()
    assert alice.inbox == []
    alice.send(f.say(5))
    late.commit_all()
    got = alice.inbox
    assert [ref for message, ref in got if isinstance(message, f.Ack)] == [3, 4]
    assert got[-1][0].code == B.SHUTDOWN


def test_a_shutdown_does_not_wait_for_ever(late, f):
    alice = late.login("alice")
    alice.send(f.say(3))
    late.hub.shut_down(late.now)
    late.advance(late.hub.limits.closing_timeout + 0.1)
    assert alice.closed
