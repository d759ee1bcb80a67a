"""Those who chat: one device of one person each, with the reference client, as its shell would show it.

In here: what a device wrote, what became of it, and what it shows (its view). Not in here: when it writes (`chaos`),
and whether it shows what it should (`verdict`).
"""

import queue
import random

from causerie.client.address import Address
from causerie.client.runner import NetworkRunner
from causerie.core.client import (
    Backoff,
    Client,
    Disconnected,
    Identity,
    LoggedIn,
    MessageQueued,
    MessageShown,
    MessagesMissed,
    MessageState,
    RoomJoined,
    RoomLeft,
    RoomRefused,
    SendState,
    Stopped,
)
from causerie_spec.codes import ByeCode, ErrorCode

WINDOW = 16
"""Messages of one device that wait for their ACKs at once."""
WORDS = ("hello", "salut", "да", "你好", "🦊", "e\u0301", "\ufeff", "\x00", "ok\n", "…")
UNSETTLED = (SendState.PENDING, SendState.IN_FLIGHT, SendState.DOUBTFUL)


def token(handle):
    """A person's token, the same on all devices."""
    return handle.encode().ljust(32, b".")


class Device:
    """One client of one person."""

    def __init__(self, name, handle, proxy, seed, wakeups):
        self.name = name
        self.handle = handle
        self.proxy = proxy
        self.rng = random.Random(f"{seed}/{name}")
        self.started = False
        self.online = False
        self.logins = 0
        self.slow_consumer = 0
        self.written = {}  # by txn: [conversation, kind, text, state, code]; in the order in which it was written
        self.count = 0
        self.unsettled = 0
        self.sent = 0
        self.view = {}  # by conversation: what is shown
        self.rooms = set()
        self.troubles = []
        rng = random.Random(f"{seed}/{name}/client")
        self.client = Client(
            Identity(handle, name, token(handle)),
            rng,
            agent="chaos",
            capabilities=("history", "rooms"),
            insist=True,
            whole=True,
            backoff=Backoff(rng, first=0.02, longest=0.3),
        )
        self.runner = NetworkRunner(self.client, Address("127.0.0.1", proxy.port), notify=lambda: wakeups.put(self))

    def start(self):
        """Connect."""
        self.started = True
        self.runner.start()

    def join(self, seconds):
        """Wait for the end of its thread."""
        if self.started and not self.runner.join(seconds):
            raise RuntimeError(f"{self.name} does not end")

    def want(self, verb, room):
        """JOIN or LEAVE a room: ``verb`` is join_room or leave_room."""
        self.unsettled += 1
        getattr(self.runner, verb)(room)

    def write(self, conversation, octets):
        """Send a message of about so many octets."""
        self.count += 1
        filler = "".join(self.rng.choices(WORDS, k=20)).encode()
        text = f"{self.name} {self.count} ".encode() + filler * (octets // len(filler) + 1)
        self.unsettled += 1
        self.runner.send(conversation, text[: max(octets, 32)].decode(errors="ignore"), self.rng.choice((0, 0, 1, 77)))

    def take(self):
        """Take the events that are there."""
        while True:
            try:
                self._take(self.runner.events.get_nowait())
            except queue.Empty:
                return

    def _take(self, event):
        match event:
            case MessageShown():
                self.view.setdefault(event.conversation, []).append(event)
            case MessageQueued(txn, conversation, kind, text):
                self.written[txn] = [conversation, kind, text, SendState.PENDING, None]
            case MessageState():
                self._state(event)
            case LoggedIn():
                self.online = True
                self.logins += 1
                if event.new_epoch:
                    self.troubles.append("a new epoch")
            case Disconnected():
                self.online = False
                self.slow_consumer += event.ending.code == ByeCode.SLOW_CONSUMER
            case MessagesMissed(gap):
                self.troubles.append(f"told that messages are gone: {gap}")
            case RoomJoined(conversation):
                self.unsettled -= 1
                self.rooms.add(conversation)
            case RoomLeft():
                self.unsettled -= 1
            case RoomRefused():  # the restless may leave twice
                self.unsettled -= 1
                if event.joining or event.code != ErrorCode.NOT_A_MEMBER:
                    self.troubles.append(f"refused: {event}")
            case Stopped():
                self.online = False
                if event.ending.cause.value != "quit":
                    self.troubles.append(f"stopped: {event} {self.runner.failure!r}")

    def _state(self, event):
        entry = self.written[event.txn]
        before = entry[3]
        entry[3:] = [event.state, event.code]
        if before in UNSETTLED and event.state not in UNSETTLED:
            self.unsettled -= 1
        self.sent += event.state is SendState.SENT
        if event.state is SendState.UNCONFIRMED:
            self.troubles.append(f"left unconfirmed: {event.text[:30]!r}")
        if event.state is SendState.FAILED and event.code != ErrorCode.NOT_A_MEMBER:
            self.troubles.append(f"refused with {event.code}: {event.conversation} {event.text[:30]!r}")
