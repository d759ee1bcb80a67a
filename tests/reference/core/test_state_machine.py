"""Any requests of several people with several connections each, in any order, against a model of what is owed to whom.

The store is at once or late, and commits what it was asked in pieces; readers are fast or slow; connections end by
QUIT, FIN or reset, with requests under way. Hypothesis says what kinds of thing happen in which order; who does it, and
with which values, comes from one seed: that is ten times as fast as to have it draw them all. `tox -e fuzz` runs it for
longer (CAUSERIE_DEEP).
"""

import os
import sys
from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, Phase, note, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

sys.path.insert(0, str(Path(__file__).parent))

from chat_model import Device, Model

from causerie.store.operations import Exit, Read
from causerie_spec.codes import CLOSING_TIMEOUT, MAX_U64, ByeCode
from causerie_spec.messages import (
    Compose,
    Conversations,
    History,
    Join,
    Leave,
    Login,
    Mark,
    Ping,
    Pong,
    Quit,
    Rooms,
    Send,
    Who,
)

DEEP = bool(os.environ.get("CAUSERIE_DEEP"))
EXAMPLES, STEPS = (1_000, 60) if DEEP else (100, 40)
CROWD = 20
"""Requests in a row, at most."""
MOST_DEVICES = 7
WATCHED = ("#ops", "#dev", "#ops", "#dev", "@bob", "@nobody", "#lobby")
HANDLES = ("alice", "bob", "carol")
PROFILES = frozenset({"history", "presence", "receipts", "rooms", "typing"})
CONVERSATIONS = ("#lobby", "#ops", "#dev", "@alice", "@bob", "@carol")


def conversation(random):
    return random.choice(CONVERSATIONS) if random.randrange(20) else random.choice(("@nobody", "#never"))


def seq(random):
    return random.choice((*range(12), MAX_U64))


def limit(random):
    return random.choice((1, 2, 3, 65_535))


def after(random):
    return random.choice(("", "", "#dev", "#m", "#ops", "@alice", "@b"))


def text(random):
    return random.choice(("x", "y", "z" * 150))


REQUESTS = {
    Send: lambda random: Send(conversation(random), random.randrange(1, 1_000), 0, text(random)),
    History: lambda random: History(conversation(random), random.randrange(2), seq(random), limit(random)),
    Mark: lambda random: Mark(conversation(random), seq(random), seq(random)),
    Join: lambda random: Join(random.choice(("#ops", "#dev"))),
    Leave: lambda random: Leave(random.choice(("#ops", "#dev"))),
    Conversations: lambda random: Conversations(after(random), limit(random)),
    Rooms: lambda random: Rooms(after(random), limit(random)),
    Who: lambda random: Who(
        random.choice(WATCHED), random.choice(("", "", "alice", "b")), limit(random), seq(random) > 4
    ),
    Compose: lambda random: Compose(conversation(random), seq(random) > 4),
}
TALK = (Send, Send, Mark, Mark, Compose)
ROOMS = (Join, Leave, Who, Who)
LISTS = (History, Conversations, Rooms, Who)


class Chat(RuleBasedStateMachine):
    """People chat; after each step everybody has what is owed."""

    def __init__(self, world_class):
        super().__init__()
        self.world_class = world_class
        self.world = None
        self.asked = []
        """What the store was asked, as in `World.asked`: (device, handle, request, ref), or None."""
        self.ref = 0

    @initialize(seed=st.integers(0, 2**32), late=st.booleans(), own_octets=st.sampled_from((600, 65_536)))
    def begin(self, seed, late, own_octets):
        self.random = Random(seed)
        self.world = self.world_class(history=True, late=late, own_octets=own_octets, history_octets=200)
        self.model = Model(lambda: self.world.wall, late)
        for handle in ("alice", "bob", *self.random.choices(HANDLES, k=2)):
            self.log_in(handle, PROFILES)
        self.do_part(len(self.asked))

    def choose(self, fits):
        found = [device for device in self.model.devices if fits(device)]
        return self.random.choice(found) if found else None

    # What people do.

    @rule()
    def come(self):
        if len(self.model.devices) < MOST_DEVICES:
            capabilities = PROFILES if self.random.randrange(2) else frozenset(self.random.sample(sorted(PROFILES), 3))
            self.log_in(self.random.choice(HANDLES), capabilities, stolen=self.random.randrange(6) == 0)

    def log_in(self, handle, capabilities, stolen=False):
        device = Device(self.world.hello(capabilities=capabilities), capabilities)
        self.model.devices.append(device)
        token = (b"!" if stolen else b".") * 16
        self.ask(device, handle, Login("TOKEN", handle, f"{handle} {self.ref}", token))
        return device

    @rule(kinds=st.sampled_from((TALK, TALK, ROOMS, LISTS)), count=st.sampled_from((CROWD, 1)))
    def crowd(self, kinds, count):
        for _ in range(count):
            request = REQUESTS[self.random.choice(kinds)](self.random)
            device = self.choose(lambda device: self.may_ask(device, request))  # noqa: B023
            if device is not None:
                self.ask(device, device.handle, request)
            elif self.asked:
                self.do_part(self.random.randrange(1, 9))

    def may_ask(self, device, request):
        """Nothing but SEND is sent while requests wait for the store: the model has no queue (test_order has)."""
        follows = not device.outstanding or (device.sends_only and isinstance(request, Send))
        known = request.CAPABILITY is None or request.CAPABILITY in device.capabilities
        return device.handle and known and follows and self.is_reading(device)

    @staticmethod
    def is_reading(device):
        return not device.ended and device.peer.connection.reading

    def ask(self, device, handle, request):
        """Send a request; the store may do its part at once, or later."""
        self.ref += 1
        note(f"{handle} ({self.model.devices.index(device)}): {request}")
        entry = (device, handle, request, self.ref)
        before = len(self.world.asked)
        device.peer.send((request, self.ref))
        if not self.world.late or len(self.world.asked) == before:
            self.model.apply(*entry)
        else:
            device.outstanding += 1
            device.sends_only = isinstance(request, Send)
            self.asked.append(entry)
        self.check()

    @rule()
    def ping(self):
        device = self.choose(lambda device: not device.outstanding and self.is_reading(device))
        if device is not None:
            self.ref += 1
            device.peer.send((Ping(self.ref), self.ref))
            device.answer(Pong(self.ref), self.ref)
            self.check()

    @rule()
    def read(self):
        """Slowly, or all."""
        device = self.choose(lambda device: True)
        if device is not None:
            device.slow = not device.slow
            device.peer.room = 0
            device.peer.read(self.random.randrange(300) if device.slow else float("inf"))
            self.check()

    # How they go.

    @rule()
    def go(self):
        device = self.choose(self.is_reading)
        if device is not None:
            way = self.random.choice((self.quit, self.end, self.reset))
            note(f"{device.handle} ({self.model.devices.index(device)}): {way.__name__}")
            way(device)
            self.check()

    def quit(self, device):
        if device.outstanding or device.slow:
            return
        self.ref += 1
        device.peer.send((Quit(""), self.ref))
        device.answer(int(ByeCode.NORMAL), self.ref)
        device.check()
        device.check_fence()
        assert not device.answers
        device.peer.eof()
        self.model.leave_behind(device)

    def end(self, device):
        device.ended = True
        device.peer.eof()
        self.see_ends()

    def reset(self, device):
        device.peer.reset()
        self.model.leave_behind(device)

    def see_ends(self):
        for device in list(self.model.devices):
            if device.ended and not device.outstanding:
                if not device.slow:
                    device.check()
                    assert not device.answers
                self.model.leave_behind(device)

    # The store, and time.

    @precondition(lambda self: self.world.asked)
    @rule()
    def commit(self):
        self.do_part(self.random.randrange(1, 9))

    def do_part(self, count):
        note(f"commit {count}")
        entries = self.asked[:count]
        del self.asked[:count]
        self.world.commit(len(entries))
        for entry, following in zip(entries, (*entries[1:], None), strict=False):
            if entry is not None:
                self.model.apply(*entry)
                entry[0].outstanding -= 1
            if not (self.in_run(entry) and self.in_run(following)):
                self.see_ends()
        self.check()

    @staticmethod
    def in_run(entry):
        """Is it told together with what follows?"""
        return entry is not None and isinstance(entry[2], (Send, Mark))

    @rule(ms=st.integers(0, 5_000))
    def pass_time(self, ms):
        self.world.wall += ms

    # What holds.

    def check(self):
        for operation in self.world.asked[len(self.asked) :]:
            assert isinstance(operation, (Exit, Read))
            self.asked.append(None)
        for device in self.model.devices:
            device.check()
            if not device.slow:
                device.check_fence()
                assert not device.answers or device.outstanding or not device.peer.connection.reading
        assert not self.world.events("failure")
        assert len(self.world.hub.roster) == len(self.model.online())

    def teardown(self):
        if self.world is None:
            return
        while self.world.asked or any(device.slow for device in self.model.devices):
            self.do_part(len(self.asked))
            for device in self.model.devices:
                device.slow = False
                device.peer.read()
            self.check()
        for device in self.model.devices:
            assert not device.answers
        self.read_everything()
        for device in list(self.model.devices):
            device.peer.eof()
        self.world.commit_all()
        self.world.advance(2 * CLOSING_TIMEOUT)  # for those who read nothing
        self.leaves_nothing_behind()

    def read_everything(self):
        """The logs are what was written, as their members read them."""
        self.world.late = self.model.late = False
        for handle in HANDLES:
            stolen = self.model.tokens.get(handle, b".").startswith(b"!")
            device = self.log_in(handle, PROFILES, stolen)
            for name in CONVERSATIONS:
                self.ask(device, handle, History(name, 0, 0, 65_535))
            self.ask(device, handle, Conversations("", 65_535))

    def leaves_nothing_behind(self):
        hub = self.world.hub
        assert hub.connections == 0
        assert not any(vars(hub.roster).values())
        left = {name for name, value in vars(hub).items() if value and isinstance(value, (dict, list))}
        assert not left


@pytest.mark.once
def test_everybody_gets_what_is_owed(world_class):
    profile = settings(
        max_examples=EXAMPLES,
        stateful_step_count=STEPS,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        report_multiple_bugs=False,
        phases=list(Phase) if DEEP else [Phase.reuse, Phase.generate],  # shrinking takes minutes
    )
    run_state_machine_as_test(lambda: Chat(world_class), settings=profile)
