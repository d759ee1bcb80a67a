"""A scripted server in memory, and a pair of client and server joined without sockets."""

import random

import pytest

from causerie.core.client import Client, Identity, MessageShown, MessageState, Password, Phase
from causerie.core.hub import CAPABILITIES, Hub
from causerie.store.memory import KEEP, MemoryStore
from causerie_spec import codes
from causerie_spec.codec import Decoder, decode, encode
from causerie_spec.messages import (
    Ack,
    Bye,
    ChatMessage,
    Error,
    Hello,
    Login,
    Message,
    Ping,
    Pong,
    Quit,
    Ready,
    Send,
    Welcome,
)

TOKEN = bytes(range(32))


class TinyPeer:
    """The server's end of one connection."""

    def __init__(self, server: "TinyServer") -> None:
        self.server = server
        self.decoder = Decoder(codes.MAX_BODY)
        self.out = bytearray()
        self.ready = False
        self.closed = False
        self.received: list[Message] = []

    def feed(self, data: bytes) -> None:
        self.decoder.feed(data)
        for frame in self.decoder:
            message = decode(frame.type, frame.body)
            self.received.append(message)
            if not self.closed:
                self.server.handle(self, frame.ref, message)

    def send(self, message: Message, ref: int = 0) -> None:
        if not self.closed:
            self.out += encode(message, ref)


class TinyServer:
    """One lobby. With ``history`` it remembers txns; each `restart` is a new epoch and an empty log."""

    def __init__(self, *, history: bool = False, keepalive: int = 60) -> None:
        self.history = history
        self.keepalive = keepalive
        self.epoch = 1
        self.log: list[ChatMessage] = []
        self.logs: dict[int, list[ChatMessage]] = {1: self.log}
        self.sends: list[Send] = []
        self.peers: list[TinyPeer] = []
        self.mechanisms: tuple[str, ...] = ("TOKEN",)
        self.refuse: Error | None = None

    def accept(self) -> TinyPeer:
        peer = TinyPeer(self)
        self.peers.append(peer)
        return peer

    def drop(self, peer: TinyPeer) -> None:
        if peer in self.peers:
            self.peers.remove(peer)
        peer.closed = True

    def restart(self) -> None:
        for peer in list(self.peers):
            self.drop(peer)
        self.epoch += 1
        self.log = self.logs[self.epoch] = []

    def post(self, sender: str, txn: int, kind: int, text: str) -> ChatMessage:
        seq = len(self.log) + 1
        message = ChatMessage("#lobby", seq, 1000 + seq, sender, txn, kind, text)
        self.log.append(message)
        for peer in self.peers:
            if peer.ready:
                peer.send(message)
        return message

    def handle(self, peer: TinyPeer, ref: int, message: Message) -> None:
        assert ref != 0
        match message:
            case Hello():
                names = ("history",) if self.history else ()
                peer.send(Welcome(1, self.keepalive, 5, self.epoch, "tiny", self.mechanisms, names), ref)
            case Login(handle=handle, display=display):
                if self.refuse is not None:
                    peer.send(self.refuse, ref)
                else:
                    peer.send(Ready(handle, display, b""), ref)
                    peer.ready = True
            case Send(txn=txn, kind=kind, text=text):
                self.sends.append(message)
                known = [m for m in self.log if m.txn == txn] if self.history else []
                if known:
                    peer.send(Ack(known[0].seq, known[0].timestamp, True), ref)
                elif text == "refuse me":
                    peer.send(Error(codes.ErrorCode.NO_SUCH_CONVERSATION, 0, "no"), ref)
                else:
                    stored = self.post("alice", txn, kind, text)
                    peer.send(Ack(stored.seq, stored.timestamp, False), ref)
            case Ping(token=token):
                peer.send(Pong(token), ref)
            case Quit():
                peer.send(Bye(codes.ByeCode.NORMAL, 0, ""), ref)
                self.drop(peer)


class Joined:
    """A client and a server joined in memory; ``now`` moves when told to."""

    def __init__(self, server: TinyServer, seed: int = 1, **options: object) -> None:
        self.server = server
        self.now = 100.0
        self.client = Client(Identity("alice", "Alice", TOKEN), random.Random(seed), **options)  # type: ignore[arg-type]
        self.peer: TinyPeer | None = None
        self.events: list[object] = []
        self.up = bytearray()  # octets from the client, on the way

    def collect(self) -> list[object]:
        new = self.client.events()
        self.events += new
        return new

    def connect(self) -> None:
        self.client.connected(self.now)
        self.peer = self.server.accept()
        self.up.clear()

    def pull(self) -> None:
        self.up += self.client.data_to_send()

    def deliver_up(self, count: int | None = None) -> None:
        self.pull()
        data = bytes(self.up[:count] if count is not None else self.up)
        del self.up[: len(data)]
        if self.peer is not None:
            self.peer.feed(data)

    def deliver_down(self, count: int | None = None) -> None:
        if self.peer is None:
            return
        data = bytes(self.peer.out[:count] if count is not None else self.peer.out)
        del self.peer.out[: len(data)]
        if data:
            self.client.receive_data(data, self.now)
        self.collect()

    def settle(self) -> None:
        """Deliver everything both ways until nothing moves."""
        while True:
            self.deliver_up()
            if self.peer is None or not self.peer.out:
                self.pull()
                if not self.up:
                    return
            self.deliver_down()

    def cut(self) -> None:
        """The network breaks: what is on the way is gone."""
        if self.peer is not None:
            self.server.drop(self.peer)
        self.peer = None
        self.up.clear()
        self.client.lost(self.now)
        self.collect()

    def pass_time(self, seconds: float) -> None:
        """Let time pass by the client's own deadlines."""
        end = self.now + seconds
        while (due := self.client.deadline) is not None and due <= end:
            self.now = max(self.now, due)
            self.client.tick(self.now)
            self.collect()
            if self.client.phase.value == "connecting":
                break
        else:
            self.now = end

    def shown(self) -> list[MessageShown]:
        return [event for event in self.events if isinstance(event, MessageShown)]

    def states(self) -> list[tuple[str, str]]:
        return [(e.text, e.state.value) for e in self.events if isinstance(e, MessageState)]

    def of(self, kind: type) -> list:
        return [event for event in self.events if isinstance(event, kind)]


class World:
    """A hub with its store, and named clients, each with at most one connection."""

    def __init__(self, seed=1, *, history=False, keep=None):
        self.history, self.keep = history, keep
        self.now = 1000.0
        self.clients = {}
        self.peers = {}
        self.events = {}
        self.rng = random.Random(seed)
        self.epoch = 0
        self.start_hub()

    def start_hub(self):
        """A server that has never run, or without memory of it."""
        self.epoch += 1
        self.store = MemoryStore(lambda: int(self.now * 1000), self.epoch, history=self.history, keep=self.keep or KEEP)
        self.restart_hub()

    def restart_hub(self):
        """A server that died suddenly, with the same store."""
        self.hub = Hub(
            wall_ms=lambda: int(self.now * 1000),
            epoch=self.epoch,
            rng=self.rng,
            capabilities=CAPABILITIES | self.store.capabilities if self.history else (),
        )

    def add(self, name, handle=None, token=None, password=None, whole=False):
        token = token or (handle or name).encode().ljust(32, b".")
        identity = Identity(handle or name, name, token, password and Password(password, self.rng))
        capabilities = ("history", "rooms")
        self.clients[name] = Client(identity, self.rng, insist=True, capabilities=capabilities, whole=whole)
        self.events[name] = []
        self.clients[name].start()
        self.connect(name)

    def connect(self, name):
        self.clients[name].connected(self.now)
        self.peers[name] = self.hub.connect(self.now, name)

    def pump(self):
        while True:
            self.hub.take_dirty(self.now)
            operations = self.hub.take_operations()
            if not operations:
                return
            self.hub.committed(self.now, operations, self.store.commit(operations))

    def up(self, name, cut=None):
        """The client's octets arrive, or only the first ``cut`` of them before the connection is cut."""
        data = self.clients[name].data_to_send()
        self.peers[name].receive_data(self.now, data if cut is None else data[:cut])
        self.pump()
        return bool(data)

    def down(self, name, cut=None):
        peer = self.peers[name]
        moved = False
        while data := peer.take():
            moved = True
            self.clients[name].receive_data(data if cut is None else data[:cut], self.now)
            peer.written(self.now, len(data))
            self.pump()
            if cut is not None:
                break
        if peer.finished:
            self.clients[name].receive_eof(self.now)
        self.collect(name)
        return moved

    def collect(self, name):
        self.events[name] += self.clients[name].events()

    def settle(self):
        moved = True
        while moved:
            moved = False
            for name in self.peers:
                moved |= self.up(name)
                moved |= self.down(name)

    def cut(self, name):
        self.peers.pop(name).lost(self.now)
        self.clients[name].lost(self.now, "cut")
        self.pump()
        self.collect(name)

    def die(self):
        """The server's sudden death: every connection is lost, and a new life begins."""
        self.restart_hub()
        for name in list(self.peers):
            del self.peers[name]
            self.clients[name].lost(self.now, "cut")
            self.collect(name)

    def revive(self, name):
        client = self.clients[name]
        if client.phase is Phase.WAITING:
            self.now = client.deadline
            client.tick(self.now)
        if client.phase is Phase.CONNECTING:
            self.connect(name)
        self.collect(name)

    def of(self, name, kind):
        return [event for event in self.events[name] if isinstance(event, kind)]

    def texts(self, name, conversation):
        return [m.text or m.kind for m in self.shown(name) if m.conversation == conversation]

    def shown(self, name):
        return [event for event in self.events[name] if isinstance(event, MessageShown)]


@pytest.fixture(scope="session")
def make_world() -> type[World]:
    return World


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture(scope="session")
def tiny() -> type[TinyServer]:
    return TinyServer


@pytest.fixture(scope="session")
def join() -> type[Joined]:
    return Joined


@pytest.fixture
def online(join, tiny):
    """A factory: a client that is logged in."""

    def make(*, server: TinyServer | None = None, **options) -> Joined:
        joined = join(server or tiny(), **options)
        joined.client.start()
        joined.connect()
        joined.settle()
        return joined

    return make
