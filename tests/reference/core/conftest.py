"""A server's core and its peers joined in memory: no sockets, a clock that tests turn, a store that commits when told.

`World` plays the shell; `Peer` plays a client and the two kernels between it and the server. What a peer sends while
its connection is not read waits in `Peer.unread`; what the server writes is taken as far as `Peer.room` goes.
"""

import random

import pytest

from causerie.core.hub import CAPABILITIES, Hub, in_runs
from causerie.core.limits import Limits
from causerie.store.memory import MemoryStore
from causerie.store.operations import Settle
from causerie_spec.codec import Decoder, decode, encode
from causerie_spec.codes import MAX_BODY
from causerie_spec.messages import Ack, Bye, ChatMessage, Error, Hello, Login, Ping, Pong, Quit, Ready, Send, Welcome

WALL = 1_700_000_000_000
EPOCH = 77


class Peer:
    """A client of a `World`, who decodes strictly whatever comes."""

    def __init__(self, world, name="192.0.2.1:1"):
        self.world = world
        self.room = float("inf")
        self.unread = bytearray()
        self.taken = bytearray()
        self.fin = self.closed = False
        self._eof = self._told_eof = False
        self._unsent = b""
        self._decoder = Decoder(MAX_BODY)
        self._inbox = []
        self.connection = world.hub.connect(world.now, name)
        self.connection.shell = self

    def send(self, *frames):
        """Frames: octets, or (message, ref)."""
        self.unread += b"".join(frame if isinstance(frame, bytes) else encode(*frame) for frame in frames)
        self._deliver()
        self.world.settle()

    def dribble(self, data, size=1):
        for start in range(0, len(data), size):
            self.send(bytes(data[start : start + size]))

    def eof(self):
        self._eof = True
        self._deliver()
        self.world.settle()

    def reset(self):
        self.connection.lost(self.world.now)
        self.world.settle()

    def read(self, room=float("inf")):
        """Give the server room to write."""
        self.room += room
        self.flush()
        self.world.settle()

    def flush(self):
        """The shell's part."""
        connection = self.connection
        while not connection.closed:
            self._unsent = self._unsent or connection.take()
            if not self._unsent or self.room <= 0:
                break
            count = int(min(len(self._unsent), self.room))
            self.room -= count
            assert not self.fin, "octets after FIN"
            self.taken += self._unsent[:count]
            self._decoder.feed(self._unsent[:count])
            self._unsent = self._unsent[count:]
            connection.written(self.world.now, count)
        self.closed = connection.closed
        self.fin = self.fin or connection.finished or self.closed
        self._deliver()

    def _deliver(self):
        while self.unread and self.connection.reading:
            data, self.unread = bytes(self.unread[:65536]), self.unread[65536:]
            self.connection.receive_data(self.world.now, data)
        if self._eof and not self._told_eof and not self.unread and self.connection.reading:
            self._told_eof = True
            self.connection.receive_eof(self.world.now)

    @property
    def inbox(self):
        """All (message, ref) since the last look."""
        return [(decode(frame.type, frame.body), frame.ref) for frame in self._decoder]

    @property
    def answers(self):
        """What came since the last look, without events."""
        return [(message, ref) for message, ref in self.inbox if ref]

    @property
    def codes(self):
        """Of the answers since the last look: the code of ERROR and BYE, else the frame's name."""
        return [getattr(message, "code", message.NAME) for message, _ in self.inbox]

    @property
    def bye(self):
        """The code of the BYE that ends the inbox."""
        message, _ = self.inbox[-1]
        assert isinstance(message, Bye)
        return message.code


class World:
    """A hub, its store, its clock. *history*: the store has it, and every capability is on offer; else none is."""

    def __init__(self, *, late=False, store=None, history=False, capabilities=None, **limits):
        self.now = 1_000.0
        self.wall = WALL
        self.late = late
        self.asked = []
        self.logged = []
        self.store = store or MemoryStore(lambda: self.wall, EPOCH, history=history)
        if capabilities is None:
            capabilities = CAPABILITIES | self.store.capabilities if history else ()
        self.hub = Hub(
            wall_ms=lambda: self.wall,
            epoch=EPOCH,
            rng=random.Random(1),
            limits=Limits(**{"failures_per_minute": 0, "reservations_per_minute": 0, **limits}),
            capabilities=capabilities,
            log=lambda event, *, exception=None, **fields: self.logged.append((event, exception, fields)),
        )

    def connect(self, name="192.0.2.1:1"):
        peer = Peer(self, name)
        self.settle()
        return peer

    def hello(self, keepalive=0, capabilities=None):
        """A peer in state login, which negotiated those capabilities, or all."""
        peer = self.connect()
        wanted = sorted(self.hub.capabilities if capabilities is None else capabilities)
        peer.send((Hello(b"CAUS", 1, 1, keepalive, "", tuple(wanted)), 1))
        assert peer.codes == ["WELCOME"]
        return peer

    def login(self, handle, keepalive=0, token=None, capabilities=None):
        """A peer in state ready."""
        peer = self.hello(keepalive, capabilities)
        peer.send((login(handle, token), 2))
        if self.late:
            self.commit()
        assert peer.codes == ["READY"]
        return peer

    def settle(self):
        """Turns, until there is nothing left to do."""
        while True:
            operations = self.hub.take_operations()
            if self.late:
                self.asked += [each for each in operations if not isinstance(each, Settle)]
            elif operations:
                self.hub.committed(self.now, operations, self.store.commit(operations))
            dirty = self.hub.take_dirty(self.now)
            if not dirty and not operations:
                break
            for connection in dirty:
                connection.shell.flush()

    def commit(self, count=None):
        """The store does the next *count* of what it was asked (all of what it was asked by now)."""
        operations = in_runs(self.asked[:count])
        del self.asked[:count]
        self.hub.committed(self.now, operations, self.store.commit(operations))
        self.settle()

    def commit_all(self):
        while self.asked:
            self.commit()

    def advance(self, seconds):
        """Time passes; deadlines on the way are kept in time."""
        end = self.now + seconds
        while (deadline := self.hub.next_deadline()) is not None and deadline <= end:
            self.now = max(self.now, deadline)
            self.hub.tick(self.now)
            self.settle()
        self.now = end
        self.hub.tick(end)
        self.settle()

    def events(self, name):
        """The fields of the logged events of that name."""
        return [fields for event, _, fields in self.logged if event == name]


def token_of(handle):
    return handle.encode().ljust(32, b".")


def login(handle, token=None):
    return Login("TOKEN", handle, handle.upper(), token_of(handle) if token is None else token)


@pytest.fixture
def make_world():
    """A world with other limits, or a late store."""
    return World


@pytest.fixture
def world():
    return World()


@pytest.fixture
def late():
    """A world whose store answers when told."""
    return World(late=True)


@pytest.fixture
def full():
    """A world with history and every capability."""
    return World(history=True)


class Frames:
    """Short names for what scripts are made of."""

    HELLO = Hello(b"CAUS", 1, 1, 0, "", ())
    QUIT = Quit("")
    login = staticmethod(login)
    token_of = staticmethod(token_of)

    @staticmethod
    def ping(ref, token=None):
        return (Ping(ref if token is None else token), ref)

    @staticmethod
    def say(ref, text="hi", to="#lobby", txn=None, kind=0):
        return (Send(to, ref if txn is None else txn, kind, text), ref)

    @staticmethod
    def texts(frames):
        """The MESSAGEs among frames: (conversation, seq, sender, text)."""
        found = [message for message, _ in frames if isinstance(message, ChatMessage)]
        return [(message.conversation, message.seq, message.sender, message.text) for message in found]

    Ack, Bye, Error, Pong, Ready, Welcome, ChatMessage = Ack, Bye, Error, Pong, Ready, Welcome, ChatMessage


@pytest.fixture(scope="session")
def f():
    return Frames


@pytest.fixture(scope="session")
def world_class():
    """For hypothesis, which runs a test many times with the same fixtures."""
    return World
