"""The client core joined to the server core: both ends are the real thing, and no octet touches a socket."""

from hypothesis import given, settings
from hypothesis import strategies as st

from causerie.core import accounts, scram
from causerie.core.client import Cause, LoggedIn, MessageState, Phase, SendState, Stopped
from causerie_spec.codes import ErrorCode


def test_two_people_chat(world):
    world.add("alice")
    world.add("bob")
    world.settle()
    world.clients["alice"].send("#lobby", "hello", world.now)
    world.clients["bob"].send("@alice", "psst", world.now, 1)
    world.settle()
    assert [(m.conversation, m.sender, m.text) for m in world.shown("alice")] == [
        ("#lobby", "alice", "hello"),
        ("@bob", "bob", "psst"),
    ]
    assert [(m.conversation, m.sender, m.kind, m.mine) for m in world.shown("bob")] == [
        ("#lobby", "alice", 0, False),
        ("@alice", "bob", 1, True),
    ]
    world.clients["alice"].leave(world.now)
    world.settle()
    assert world.events["alice"][-1] == Stopped(world.events["alice"][-1].ending, 0, 0)
    assert world.events["alice"][-1].ending.cause is Cause.QUIT


def test_a_stolen_handle(world):  # [CLIENT-11]
    world.add("alice")
    world.settle()
    world.add("mallory", handle="alice", token=b"m" * 32)
    world.settle()
    assert world.events["mallory"][-1].ending.cause is Cause.LOGIN_REFUSED


def test_logins_with_a_password(world, monkeypatch):  # [SCRAM-1, TOKEN-9]
    derived = []
    derive = scram.derive
    monkeypatch.setattr(scram, "derive", lambda *what: derived.append(what) or derive(*what))
    world.store.put_account("alice", accounts.keys_of("pencil", b"salt" * 4, 4096))
    for name, password in (("alice", "pencil"), ("mallory", None), ("eve", "pen"), ("laptop", "pencil")):
        world.add(name, handle="alice", password=password)
        world.settle()
    for _ in range(3):
        world.cut("alice")
        world.revive("alice")
        world.settle()
    assert sum(isinstance(event, LoggedIn) for event in world.events["alice"]) == 4
    codes = [world.events[name][-1].ending.code for name in ("mallory", "eve")]
    assert codes == [ErrorCode.HANDLE_TAKEN, ErrorCode.AUTH_FAILED]
    assert len(derived) == 3  # once for each client
    world.clients["laptop"].send("#lobby", "hi", world.now)
    world.settle()
    assert [(message.sender, message.mine) for message in world.shown("alice")] == [("alice", True)]


def test_a_quiet_client_stays_connected(world):  # [CLIENT-2] with [KEEP-2]
    world.add("alice")
    world.settle()
    for _ in range(100):
        due = min(world.clients["alice"].deadline, world.hub.next_deadline())
        world.now = max(world.now, due)
        world.clients["alice"].tick(world.now)
        world.settle()
        world.hub.tick(world.now)
        world.settle()
    assert world.now > 1000 + 25 * 60
    assert [type(event) for event in world.events["alice"]].count(LoggedIn) == 1


def test_shutdown_and_restart(world):
    world.add("alice")
    world.settle()
    world.hub.shut_down(world.now)
    world.settle()
    assert world.clients["alice"].phase is Phase.WAITING
    world.start_hub()
    world.peers.clear()
    world.clients["alice"].send("#lobby", "meanwhile", world.now)
    world.revive("alice")
    world.settle()
    assert [m.text for m in world.shown("alice")] == ["meanwhile"]
    assert [event.new_epoch for event in world.events["alice"] if isinstance(event, LoggedIn)] == [False, True]


NAMES = st.sampled_from(["alice", "bob", "carol"])
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("write"), NAMES, st.integers(1, 3)),
        st.tuples(st.just("direct"), NAMES, st.integers(1, 3)),
        st.tuples(st.just("settle"), NAMES, st.just(0)),
        st.tuples(st.just("up"), NAMES, st.integers(0, 200)),
        st.tuples(st.just("down"), NAMES, st.integers(0, 200)),
        st.tuples(st.just("revive"), NAMES, st.just(0)),
    ),
    max_size=30,
)


@settings(max_examples=300, deadline=None)
@given(steps=STEPS, seed=st.integers(0, 2**32))
def test_cut_at_any_octet_in_either_direction(make_world, steps, seed):
    world = make_world(seed)
    texts = {"alice": [], "bob": [], "carol": []}
    for name in texts:
        world.add(name)
    for step, name, number in steps:
        if step in ("write", "direct"):
            for _ in range(number):
                text = f"{name} {len(texts[name])}"
                texts[name].append(text)
                world.clients[name].send("#lobby" if step == "write" else "@carol", text, world.now)
        elif step == "settle":
            world.settle()
        elif step in ("up", "down") and name in world.peers:
            getattr(world, step)(name, number)
            world.cut(name)
        elif step == "revive":
            world.revive(name)
    for name in texts:
        world.revive(name)
    world.settle()
    for name, written in texts.items():
        last = {}
        for message in world.shown(name):  # [CLIENT-6], and nothing twice
            assert message.seq > last.get(message.conversation, 0)
            last[message.conversation] = message.seq
        states = {e.text: e.state for e in world.events[name] if isinstance(e, MessageState)}
        assert set(states) == set(written)
        assert SendState.PENDING not in states.values()
        assert SendState.IN_FLIGHT not in states.values()
        assert world.clients[name].backlog == 0
    everywhere = [(m.conversation, m.text) for m in world.shown("carol")]
    assert len(everywhere) == len(set(everywhere))  # [CLIENT-9]: no text twice
