"""Ten clients chat while their server is killed again and again and their connections are cut: is anything lost?

    python tests/chaos/chaos.py --engine asyncio --kills 20 --seed 1

The clients are the reference's (two of them devices of one person), each behind a proxy that cuts its connections at
random octets; two are stopped from reading until the server cuts them off. All write to the lobby, to rooms, to each
other and to themselves, without a pause. In the end every message that was ACKed must be in every member's view exactly
once and in order, and the views must be what the server has. The seed chooses everything but the timing.

In here: the people, the schedule, and the command. Exit status: 0 nothing was lost, 1 something was, 2 usage.
"""

import argparse
import contextlib
import queue
import random
import sys
import tempfile
import time
import traceback
from pathlib import Path

from audit import HANDLE, Auditor
from people import Device, token
from proxy import Network
from server import Server
from verdict import findings
from wire import Wire

from causerie_spec.codes import LOBBY, MAX_TEXT

#: Device: whose it is.
DEVICES = {
    "alice": "alice",
    "alice-phone": "alice",
    **{name: name for name in ("bob", "carol", "dave", "erin", "frank", "grace", "heidi", "ivan")},
}
SLOW = ("heidi", "ivan")
ROOMS = {
    "#ops": ("alice", "alice-phone", "bob", "carol", "dave", "ivan"),
    "#den": ("alice", "bob", "erin", "frank", "grace", "heidi"),
}
RESTLESS = ("frank", "grace")
"""Who comes and goes in #den."""
WINDOW = 16
"""Messages of one device that wait for their ACKs at once."""
BURST = 100
"""Texts of the full length that are written at a time to a reader who reads none of them."""
PATIENCE = 90.0
"""Seconds that any step may take."""


class Stuck(Exception):
    """A step did not come to its end."""


class Chaos:
    """One run."""

    def __init__(self, options, folder):
        self.options = options
        self.rng = random.Random(options.seed)
        self.wakeups = queue.SimpleQueue()
        self.network = Network(options.seed)
        self.server = Server(
            folder, ("asyncio", "threaded") if options.engine == "both" else (options.engine,), options.sync
        )
        self.auditor = Auditor(random.Random(f"{options.seed}/auditor"))
        self.found = []
        self.writing = False
        self.cut_off = 0
        self.born = time.monotonic()
        self.devices = [
            Device(name, handle, self.network.proxy(name, slow=name in SLOW), options.seed, self.wakeups)
            for name, handle in DEVICES.items()
        ]
        self.handles = sorted(set(DEVICES.values()))

    def run(self):
        """All of it; returns what was found wrong."""
        try:
            self.begin()
            for kill in range(self.options.kills):
                self.live(kill)
                self.server.kill()
                self.start()
            self.end()
        except Stuck as stuck:
            self.found += [str(stuck), *self.states()]
        except Exception:  # a server that refuses its own file, or an audit that gets no answer, is a finding too
            self.found += traceback.format_exc().splitlines()
        finally:
            for device in self.devices:
                device.runner.abandon()
            for device in self.devices:
                device.join(PATIENCE)
            self.network.close()
            self.server.kill()
        return [*self.found, *self.server.troubles()]

    # The schedule.

    def begin(self):
        """Everybody logs in, and joins their rooms."""
        self.start()
        for device in self.devices:
            for room, members in ROOMS.items():
                if device.name in members:
                    device.want("join_room", room)
            device.start()
        self.until(
            "all have logged in and joined",
            lambda: all(
                device.logins and all(room in device.rooms for room in ROOMS if device.name in ROOMS[room])
                for device in self.devices
            ),
        )
        self.writing = True

    def start(self):
        """The server's next life."""
        self.tell("the server starts")
        self.network.upstream = self.server.start()
        self.found += self.auditor.look(self.network.upstream, self.handles if self.writing else ())

    def live(self, kill):
        """One life: so many ACKs, and what else happens."""
        restless = self.rng.choice([device for device in self.devices if device.name in RESTLESS])
        restless.want(self.rng.choice(("join_room", "leave_room")), "#den")
        if kill % self.options.stall_every == 1:
            self.stall()
        often = self.options.messages
        wanted = self.sent() + (self.rng.randint(0, 9) if self.rng.random() < 0.2 else self.rng.randint(1, 2 * often))
        self.until("messages were ACKed", lambda: self.sent() >= wanted)

    def stall(self):
        """Somebody does not read, until the server cuts them off."""
        slow = self.rng.choice([device for device in self.devices if device.name in SLOW])
        writer = self.rng.choice([device for device in self.devices if device.name not in SLOW])
        while True:
            self.until(f"{slow.name} was online", lambda: slow.online)
            slow.proxy.set(calm=True, flow=False)
            if self.auditor.sees(self.network.upstream, slow.handle):
                break
            slow.proxy.set(calm=False)  # its connection was cut just now
        self.writing = False
        writer.proxy.set(calm=True)
        while self.auditor.sees(self.network.upstream, slow.handle):
            for _ in range(BURST):
                writer.write(f"@{slow.handle}", MAX_TEXT)
            self.until("the burst was ACKed", lambda: not writer.unsettled)
        self.cut_off += 1
        logins = slow.logins
        slow.proxy.set(calm=False)
        writer.proxy.set(calm=False)
        self.writing = True
        self.until(f"{slow.name} came back", lambda: slow.logins > logins)

    def end(self):
        """Peace: all that was written arrives, and all that was missed is fetched. Then compare."""
        self.writing = False
        self.network.heal()
        self.until("all that was written was answered", lambda: not any(d.unsettled for d in self.devices))
        logs, listed = self.read()
        self.until(
            "all views were complete",
            lambda: all(self.is_complete(device, listed) for device in self.devices),
            fail=False,
        )
        self.found += findings(self.devices, logs, listed)
        self.found += self.auditor.look(self.network.upstream, self.handles)

    def read(self):
        """What the server has, as each person may read it."""
        logs, listed = {}, {}
        for handle in (*self.handles, HANDLE):
            with Wire(self.network.upstream) as wire:
                wire.login(handle, token(handle))
                listed[handle] = wire.conversations()
                logs[handle] = {name: wire.history(name) for name in listed[handle]}
        return logs, listed

    @staticmethod
    def is_complete(device, listed):
        """Does the view reach all heads?"""
        return all(
            told.head == 0 or (name in device.view and device.view[name][-1].seq >= told.head)
            for name, told in listed[device.handle].items()
        )

    # Moving on.

    def sent(self):
        """Messages that were ACKed."""
        return sum(device.sent for device in self.devices)

    def until(self, what, condition, *, fail=True):
        """Let everybody go on until the condition holds."""
        self.tell(f"until {what}")
        deadline = time.monotonic() + PATIENCE
        for device in self.devices:
            self.serve(device)
        while not condition():
            with contextlib.suppress(queue.Empty):
                self.serve(self.wakeups.get(timeout=0.2))
            if time.monotonic() > deadline:
                if fail:
                    raise Stuck(f"after {PATIENCE:g} s it is not true that {what}")
                return

    def serve(self, device):
        """A device has events; it may write as much as was answered."""
        device.take()
        while self.writing and device.unsettled < WINDOW:
            device.write(self.place(device), self.size(device.rng))

    def place(self, device):
        """Where the next message goes."""
        rooms = [room for room, members in ROOMS.items() if device.name in members]
        choices = [
            LOBBY,
            LOBBY,
            *rooms,
            *rooms,
            f"@{device.rng.choice(self.handles)}",
            f"@{device.rng.choice(self.handles)}",
        ]
        return device.rng.choice([*choices, f"@{device.handle}"])

    @staticmethod
    def size(rng):
        """Octets of the next message."""
        return rng.choices((rng.randint(1, 80), rng.randint(80, 2_000), MAX_TEXT), (85, 13, 2))[0]

    # Telling.

    def tell(self, what):
        """Where the run is, for people who watch."""
        if self.options.verbose:
            print(f"{time.monotonic() - self.born:6.1f} s  {self.sent():6} ACKed  {what}", file=sys.stderr, flush=True)

    def states(self):
        """How everybody stands, for a run that got stuck."""
        for device in self.devices:
            line = f"{device.name}: online {device.online}, {device.logins} logins, {device.unsettled} unsettled"
            yield f"{line}, rooms {sorted(device.rooms)}, phase {device.client.phase.value}"

    def figures(self, seconds):
        """What the run was made of."""
        shown = sum(len(view) for device in self.devices for view in device.view.values())
        cuts = ", ".join(f"{count} {how}" for how, count in sorted(self.network.cuts.items()))
        return (
            f"{self.sent()} messages ACKed, {shown} shown by {len(self.devices)} clients; "
            f"{self.options.kills} kills, {self.network.cuts.total()} cuts ({cuts}), "
            f"{self.cut_off} slow readers cut off ({sum(device.slow_consumer for device in self.devices)} were told), "
            f"{sum(device.logins for device in self.devices)} logins; {seconds:.1f} s"
        )


def main():
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--engine", choices=("asyncio", "threaded", "both"), default="both", help="both: a life each")
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().getrandbits(32))
    parser.add_argument("--messages", type=int, default=300, help="ACKs in one life of the server, about")
    parser.add_argument("--stall-every", type=int, default=5, metavar="LIVES", help="lives between slow readers")
    parser.add_argument("--sync", choices=("full", "normal"), default="full")
    parser.add_argument("--verbose", action="store_true", help="tell each step")
    options = parser.parse_args()
    begin = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="causerie-chaos-") as folder:
        chaos = Chaos(options, Path(folder))
        found = chaos.run()
        print(f"{options.engine}, seed {options.seed}: {chaos.figures(time.monotonic() - begin)}")
        for line in found[:40]:
            print(f"  {line}")
        if found:
            print(f"  {len(found)} findings; again: {sys.argv[0]} {again(options)}\n{chaos.server.last_log()[-2_000:]}")
    return 1 if found else 0


def again(options):
    """The options that make the same choices."""
    return " ".join(f"--{name.replace('_', '-')} {value}" for name, value in vars(options).items() if name != "verbose")


if __name__ == "__main__":
    raise SystemExit(main())
