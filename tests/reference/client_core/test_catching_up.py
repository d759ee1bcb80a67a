"""Coming back: what was missed is fetched, in order and once; rooms. Both cores joined in memory."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from causerie.core.client import (
    LoggedIn,
    MessagesMissed,
    MessageState,
    NotSendable,
    Phase,
    RoomJoined,
    RoomLeft,
    RoomRefused,
    SendState,
)
from causerie.core.client.client import WINDOW
from causerie.store.archive import Keep


@pytest.fixture
def kept(make_world):
    """A world whose server has history, with alice and bob in #ops."""
    world = make_world(history=True)
    for name in ("alice", "bob"):
        world.add(name)
        world.clients[name].join_room("#ops", world.now)
        world.settle()
    return world


def test_what_was_missed_comes_in_order_and_once(kept):  # [CLIENT-6] [CLIENT-10]
    say = kept.clients["bob"].send
    for conversation in ("#lobby", "#ops", "@alice"):
        say(conversation, "before", kept.now)
    kept.settle()
    kept.cut("alice")
    for number in range(300):  # more than a page
        say("#lobby", f"missed {number}", kept.now)
    say("#ops", "missed", kept.now)
    say("@alice", "missed", kept.now)
    kept.settle()
    kept.revive("alice")
    kept.up("alice")
    say("#ops", "live", kept.now)
    kept.settle()
    assert kept.texts("alice", "#lobby") == ["before", *(f"missed {number}" for number in range(300))]
    assert kept.texts("alice", "#ops") == [128, 128, "before", "missed", "live"]
    assert kept.texts("alice", "@bob") == ["before", "missed"]
    assert kept.of("alice", MessagesMissed) == []


def test_a_conversation_that_began_while_away(kept):
    kept.cut("alice")
    kept.clients["bob"].send("@alice", "are you there?", kept.now)
    kept.settle()
    kept.revive("alice")
    kept.settle()
    assert kept.texts("alice", "@bob") == ["are you there?"]


@pytest.mark.parametrize(("whole", "shown"), [(False, []), (True, ["long ago"])])
def test_a_shell_that_wants_all_gets_it(kept, whole, shown):
    kept.clients["bob"].send("#lobby", "long ago", kept.now)
    kept.settle()
    kept.add("carol", whole=whole)
    kept.settle()
    assert kept.texts("carol", "#lobby") == shown


def test_a_server_that_died_is_asked_again(kept):  # [CLIENT-9] [DUR-1]
    kept.clients["alice"].send("#ops", "stored", kept.now)
    kept.up("alice")  # stored, but alice is not told
    kept.clients["alice"].send("#ops", "lost", kept.now)
    kept.clients["alice"].data_to_send()
    kept.die()
    for name in ("alice", "bob"):
        kept.revive(name)
    kept.settle()
    for name in ("alice", "bob"):
        assert kept.texts(name, "#ops")[-2:] == ["stored", "lost"]
    assert [e.state for e in kept.of("alice", MessageState)][-1] is SendState.SENT
    assert not any(login.new_epoch for login in kept.of("alice", LoggedIn))


def test_what_the_server_removed_is_told(make_world):
    world = make_world(history=True, keep=Keep(count=3))
    world.add("alice")
    world.add("bob")
    world.clients["bob"].send("#lobby", "0", world.now)
    world.settle()
    world.cut("alice")
    for number in range(1, 10):
        world.clients["bob"].send("#lobby", str(number), world.now)
    world.settle()
    world.revive("alice")
    world.settle()
    assert world.texts("alice", "#lobby") == ["0", "7", "8", "9"]
    assert [event.gap.missing for event in world.of("alice", MessagesMissed)] == [6]


def test_rooms(kept):
    alice = kept.clients["alice"]
    assert kept.of("alice", RoomJoined) == [RoomJoined("#ops", 1)]
    for number in range(WINDOW + 3):
        alice.send("#ops", str(number), kept.now)
    alice.leave_room("#ops", kept.now)  # behind all that was written there
    kept.settle()
    assert kept.of("alice", RoomLeft) == [RoomLeft("#ops")]
    assert kept.texts("bob", "#ops")[-2:] == [str(WINDOW + 2), 129]
    kept.clients["bob"].send("#ops", "alone", kept.now)
    kept.settle()
    assert kept.texts("alice", "#ops")[-1] == 129
    alice.leave_room("#ops", kept.now)
    alice.leave_room("#never-was", kept.now)
    alice.join_room("#ops", kept.now)
    kept.settle()
    assert [(event.conversation, event.joining) for event in kept.of("alice", RoomRefused)] == [
        ("#ops", False), ("#never-was", False)
    ]  # fmt: skip
    assert kept.texts("alice", "#ops")[-2:] == ["alone", 128]  # members read the whole log [HIST-5]
    for wrong in ("ops", "#lobby", "@bob"):
        with pytest.raises(NotSendable):
            alice.join_room(wrong, kept.now)


@pytest.mark.parametrize("arrived", [True, False])
def test_wishes_for_rooms_outlive_a_connection(kept, arrived):
    alice = kept.clients["alice"]
    alice.leave_room("#ops", kept.now)
    alice.join_room("#den", kept.now)
    if arrived:
        kept.up("alice")
    else:
        alice.data_to_send()
    kept.cut("alice")
    kept.revive("alice")
    kept.settle()
    assert kept.of("alice", RoomLeft) == [RoomLeft("#ops")]
    assert kept.of("alice", RoomJoined)[1:] == [RoomJoined("#den", 1)]
    assert kept.of("alice", RoomRefused) == []
    assert alice.backlog == 0


def test_all_in_one_go_before_the_login(kept):
    kept.add("carol")
    carol = kept.clients["carol"]
    carol.join_room("#ops", kept.now)
    for number in range(WINDOW + 3):
        carol.send("#ops", str(number), kept.now)
    carol.leave_room("#ops", kept.now)
    carol.leave(kept.now, patient=True)
    kept.settle()
    assert kept.texts("bob", "#ops")[1:] == [128, *(str(number) for number in range(WINDOW + 3)), 129]
    assert carol.phase is Phase.STOPPED


def test_a_server_without_rooms_refuses_them(world):
    world.add("alice")
    world.clients["alice"].join_room("#ops", world.now)
    world.settle()
    [refused] = world.of("alice", RoomRefused)
    assert (refused.conversation, refused.joining, refused.code) == ("#ops", True, 1)


def test_a_leaver_waits_for_the_room(kept):
    alice = kept.clients["alice"]
    alice.join_room("#den", kept.now)
    alice.leave(kept.now)
    kept.settle()
    assert kept.of("alice", RoomJoined)[-1] == RoomJoined("#den", 1)
    assert alice.phase is Phase.STOPPED


NAMES = st.sampled_from(["alice", "bob", "carol"])
EVERYWHERE = ("#lobby", "#ops", "@alice", "@bob")
PLACES = st.sampled_from(EVERYWHERE)
KEPT_STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("write"), NAMES, PLACES),
        st.tuples(st.just("up"), NAMES, st.integers(0, 400)),
        st.tuples(st.just("down"), NAMES, st.integers(0, 400)),
        st.tuples(st.just("up"), NAMES, st.none()),
        st.tuples(st.just("down"), NAMES, st.none()),
        st.tuples(st.just("revive"), NAMES, st.none()),
        st.tuples(st.just("die"), NAMES, st.none()),
        st.tuples(st.just("toggle"), NAMES, st.booleans()),
    ),
    max_size=60,
)


@pytest.mark.once
@settings(max_examples=300, deadline=None)
@given(steps=KEPT_STEPS, seed=st.integers(0, 2**32))
def test_every_view_is_what_the_server_has(make_world, steps, seed):
    """Cut anywhere, in either direction, and with a server that dies: in the end all show all, once and in order."""
    world = make_world(seed, history=True)
    names = {"alice": "alice", "bob": "bob", "carol": "alice"}  # carol is alice's phone
    written = dict.fromkeys(names, 0)
    for name, handle in names.items():
        world.add(name, handle, whole=True)
        world.clients[name].join_room("#ops", world.now)
        world.settle()
    for step, name, what in steps:
        if step == "write":
            written[name] += 1
            world.clients[name].send(what, f"{name} {written[name]}", world.now)
        elif step == "toggle":
            (world.clients[name].join_room if what else world.clients[name].leave_room)("#ops", world.now)
        elif step == "die":
            world.die()
        elif step == "revive":
            world.revive(name)
        elif name in world.peers:
            getattr(world, step)(name, what)
            if what is not None:
                world.cut(name)
    while any(client.phase is not Phase.UP for client in world.clients.values()):
        for name in names:
            world.revive(name)
    world.settle()
    for name, handle in names.items():
        world.clients[name].join_room("#ops", world.now)
        world.settle()
        world.add(f"{name} anew", handle, whole=True)
        world.settle()
        views = [
            {place: [m for m in world.shown(each) if m.conversation == place] for place in EVERYWHERE}
            for each in (name, f"{name} anew")
        ]
        assert views[0] == views[1]
        for log in views[1].values():
            assert [m.seq for m in log] == list(range(1, len(log) + 1))
        states = {e.text: e.state for e in world.of(name, MessageState)}
        stored = [m.text for log in views[1].values() for m in log if m.text.startswith(f"{name} ")]
        assert sorted(stored) == sorted(text for text, state in states.items() if state is SendState.SENT)
        assert set(states.values()) <= {SendState.SENT, SendState.FAILED}
        assert len(states) == written[name]
        assert world.of(name, MessagesMissed) == []
