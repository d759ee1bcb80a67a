"""Dying at any moment: a client that goes on from its local store loses nothing, and sends nothing twice."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from causerie.client.local_store import LocalStore
from causerie.core.client import AllTold, Client, Identity, MessageShown, Phase, SendState

PLACES = ("#lobby", "@alice", "@bob")


@pytest.fixture(scope="session")
def make_mortal(make_world):
    """A world whose clients have local stores, and can be killed."""

    class Mortal(make_world):
        def __init__(self, seed=1):
            super().__init__(seed, history=True)
            self.stores = {}

        def add(self, name, handle=None, token=None, password=None, whole=False):
            self.stores[name] = LocalStore(None, name, clock=lambda: int(self.now * 1000))
            self.begin(name)

        def begin(self, name):
            identity = Identity(name, name, name.encode().ljust(32, b"."))
            capabilities = ("history", "rooms", "receipts")
            saved = self.stores[name].saved()
            self.clients[name] = Client(identity, self.rng, insist=True, capabilities=capabilities, saved=saved)
            self.events[name] = []
            self.clients[name].start()
            self.connect(name)

        def collect(self, name):
            events = self.clients[name].events()
            self.stores[name].record(events)
            self.events[name] += events

        def up(self, name, cut=None):
            self.collect(name)  # what happened is kept before an octet of it goes out
            return super().up(name, cut)

        def say(self, name, place, text):
            self.clients[name].send(place, text, self.now)
            self.collect(name)

        def kill(self, name):
            if name in self.peers:
                self.peers.pop(name).lost(self.now)
                self.pump()
            self.begin(name)

        def close(self):
            for store in self.stores.values():
                store.close()

        def kept(self, name, place):
            return [(entry.place[1], entry.sender, entry.text) for entry in self.stores[name].page(place, None, 9999)]

    return Mortal


@pytest.fixture
def world(make_mortal):
    made = make_mortal()
    made.add("alice")
    made.add("bob")
    made.settle()
    yield made
    made.close()


def test_what_was_sent_and_not_seen_is_news_to_the_next_run(world):
    """The server counts it as received by its writer [MARK-2]; this device has not seen it."""
    world.say("alice", "@alice", "a note")
    world.say("alice", "#lobby", "hello")
    world.up("alice")
    world.kill("alice")
    world.settle()
    assert world.kept("alice", "@alice") == [(1, "alice", "a note")]
    assert world.kept("alice", "#lobby") == [(1, "alice", "hello")]
    assert world.stores["alice"].waiting() == []


def test_the_first_message_waits_for_the_list(make_mortal):
    world = make_mortal()
    world.add("alice")
    world.say("alice", "#lobby", "hello")
    for _ in range(2):  # HELLO, LOGIN
        world.up("alice")
        world.down("alice")
    assert not world.of("alice", AllTold)
    world.up("alice")
    assert [entry.state for entry in world.stores["alice"].waiting()] == [SendState.PENDING]
    world.settle()
    assert len(world.of("alice", AllTold)) == 1
    assert world.kept("alice", "#lobby") == [(1, "alice", "hello")]
    world.kill("alice")
    world.settle()
    assert not world.of("alice", AllTold)
    assert not world.of("alice", MessageShown)
    world.close()


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("say"), st.sampled_from(["alice", "bob"]), st.sampled_from(PLACES)),
        st.tuples(st.just("up"), st.sampled_from(["alice", "bob"]), st.one_of(st.none(), st.integers(0, 400))),
        st.tuples(st.just("down"), st.sampled_from(["alice", "bob"]), st.one_of(st.none(), st.integers(0, 400))),
        st.tuples(st.just("kill"), st.sampled_from(["alice", "bob"]), st.none()),
        st.tuples(st.just("revive"), st.sampled_from(["alice", "bob"]), st.none()),
        st.tuples(st.just("die"), st.just("alice"), st.none()),
    ),
    max_size=60,
)


@pytest.mark.once
@settings(max_examples=300, deadline=None)
@given(steps=STEPS, seed=st.integers(0, 2**32))
def test_nothing_is_lost_and_nothing_sent_twice(make_mortal, steps, seed):
    world = make_mortal(seed)
    for name in ("alice", "bob"):
        world.add(name)
    world.settle()
    written = {"alice": [], "bob": []}
    for step, name, what in steps:
        if step == "say":
            written[name].append((what, f"{name} {len(written[name])}"))
            world.say(name, *written[name][-1])
        elif step == "kill":
            world.kill(name)
        elif step == "die":
            world.die()
        elif step == "revive":
            world.revive(name)
        elif name in world.peers:
            getattr(world, step)(name, what)
            if what is not None:
                world.cut(name)
    while any(client.phase is not Phase.UP for client in world.clients.values()):
        for name in world.clients:
            world.revive(name)
    world.settle()
    other = {"alice": "bob", "bob": "alice"}
    for name in world.clients:
        assert world.stores[name].waiting() == []
        for place in PLACES:
            kept = world.kept(name, place)
            assert [seq for seq, _, _ in kept] == list(range(1, len(kept) + 1))
            assert [text for _, sender, text in kept if sender == name] == [
                text for there, text in written[name] if there == place
            ]
            if place == f"@{other[name]}":
                assert kept == world.kept(other[name], f"@{name}")
    assert world.kept("alice", "#lobby") == world.kept("bob", "#lobby")
    world.close()
