"""A client that is killed again and again while it chats: is anything that was typed or said lost, or there twice?

    python tests/chaos/kills.py --kills 100 --seed 1

alice's client is the real `causerie-chat`, with a local store, between pipes. It is killed (SIGKILL, or what Windows
has for it) at random points: before it has a connection, while it sends, while it catches up. Its connections are cut
at random octets, and now and then its server is killed too. bob, who is not killed, writes without a pause.

In the end what alice's program said it keeps must be in the logs exactly once and in order, whatever was typed at most
once; each of her lives must have shown rows once and in order, all her lives together the logs; and her local store
must hold the logs. The seed chooses everything but the timing.

In here: the people, the schedule, the command. Exit status: 0 nothing was lost, 1 something was, 2 usage.
"""

import argparse
import contextlib
import json
import os
import queue
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

from people import Device, token
from proxy import Network
from server import Server
from wire import Wire

from causerie.client.local_store import LocalStore
from causerie.console.exits import Exit

PATIENCE = 60.0
"""Seconds that any step may take."""
PLACES = ("#lobby", "@bob", "@alice")
MOST_TYPED = 30
"""Lines that are typed in one life, at most."""


class Life:
    """One run of alice's program, and what it said."""

    def __init__(self, port, folder):
        environment = {name: value for name, value in os.environ.items() if name != "CAUSERIE_HOME"}
        self.log = folder / "client.log"
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "causerie.console", f"127.0.0.1:{port}", "--json"),
                    *("--handle", "alice", "--data", str(folder), "--language", "en"),
                ],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env=environment,
            )
        self.told = []
        self._lines = queue.SimpleQueue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        for line in self.process.stdout:
            if line.endswith(b"\n"):  # death may cut the last one
                self._lines.put(json.loads(line))
        self._lines.put(None)

    def type(self, place, text):
        """A line of input."""
        with contextlib.suppress(OSError):  # it has ended
            line = json.dumps({"do": "send", "conversation": place, "text": text})
            self.process.stdin.write(line.encode() + b"\n")
            self.process.stdin.flush()

    def hear(self, seconds):
        """Wait for a line of output; False if there was none."""
        try:
            told = self._lines.get(timeout=seconds)
        except queue.Empty:
            return False
        if told is None:
            self._lines.put(None)
            return False
        self.told.append(told)
        return True

    @property
    def over(self):
        """Has it ended?"""
        return self.process.poll() is not None

    def kill(self):
        """Sudden death; what it had said before counts. Its exit status."""
        self.process.kill()
        return self.end()

    def end(self):
        """Wait for its end, and hear what is left."""
        status = self.process.wait(PATIENCE)
        self._reader.join(PATIENCE)
        with contextlib.suppress(OSError):
            self.process.stdin.close()
        self.process.stdout.close()
        while self.hear(0):
            pass
        return status


class Kills:
    """One run."""

    def __init__(self, options, folder):
        self.options = options
        self.folder = folder
        self.rng = random.Random(options.seed)
        self.network = Network(options.seed)
        self.server = Server(folder, ("asyncio", "threaded"), "full")
        self.wakeups = queue.SimpleQueue()
        self.proxy = self.network.proxy("alice")
        self.bob = Device("bob", "bob", self.network.proxy("bob"), options.seed, self.wakeups)
        self.typed = []
        self.lives = []
        self.kills = 1
        self.gave_up = 0
        self.found = []

    def run(self):
        """All of it; returns what was found wrong."""
        try:
            self.network.upstream = self.server.start()
            self.first_life()
            while self.kills < self.options.kills:
                self.live()
                if self.rng.random() < 0.1:
                    self.server.kill()
                    self.network.upstream = self.server.start()
            self.last_life()
        finally:
            self.bob.runner.abandon()
            self.bob.join(PATIENCE)
            self.network.close()
            self.server.kill()
        return [*self.found, *self.server.troubles()]

    def first_life(self):
        """Log in, say something, and die: what is said from now on is for this device too."""
        self.bob.start()  # who is not known on this server cannot be written to
        while not self.bob.logins:
            self.wakeups.get(timeout=PATIENCE)
            self.bob.take()
        self.proxy.set(calm=True)
        life = self.begin()
        self.type(life, 1)
        while not rows(life.told):
            if not life.hear(PATIENCE):
                raise RuntimeError(f"nothing was said: {life.told} {life.log.read_text('utf-8')}")
        life.kill()
        self.proxy.set(calm=False)

    def live(self):
        """Type a few lines, and die: after so long, or after so many lines of output."""
        life = self.begin()
        self.type(life, self.rng.randint(0, MOST_TYPED))
        if self.rng.random() < 0.5:
            patience, lines = self.rng.uniform(0.0, 0.8), sys.maxsize
        else:
            patience, lines = PATIENCE, self.rng.randint(1, 3 * MOST_TYPED)
        deadline = time.monotonic() + patience
        while len(life.told) < lines and (left := deadline - time.monotonic()) > 0:
            life.hear(min(left, 0.1))
            self.bob_writes()
            if life.over:
                break
            if self.rng.random() < 0.1:
                self.type(life, 1)
        if life.kill() == Exit.NETWORK:
            self.gave_up += 1  # cut off before it was logged in: between pipes that is right
        else:
            self.kills += 1

    def begin(self):
        life = Life(self.proxy.port, self.folder)
        self.lives.append(life)
        return life

    def type(self, life, count):
        for _ in range(count):
            place = self.rng.choice(PLACES)
            text = f"typed {len(self.typed) + 1}"
            self.typed.append((place, text))
            life.type(place, text)

    def bob_writes(self):
        self.bob.take()
        while self.bob.unsettled < 3:
            self.bob.write(self.rng.choice(("#lobby", "@alice")), self.rng.randint(1, 300))

    def last_life(self):
        """Peace: all that is kept goes out, all that was said comes in."""
        self.network.heal()
        deadline = time.monotonic() + PATIENCE
        while self.bob.unsettled and time.monotonic() < deadline:
            with contextlib.suppress(queue.Empty):
                self.wakeups.get(timeout=0.1)
            self.bob.take()
        with Wire(self.network.upstream) as wire:
            wire.login("bob", token("bob"))
            heads = {("@bob" if name == "@alice" else name): told.head for name, told in wire.conversations().items()}
        heads.pop("@bob", None)
        life = self.begin()
        shown = {}
        while not (shown.items() >= heads.items()) and time.monotonic() < deadline:
            if life.hear(0.1) and "seq" in life.told[-1]:
                shown[life.told[-1]["conversation"]] = life.told[-1]["seq"]
            elif life.over:
                break
            shown |= {name: head for name, head in self.seen().items() if head > shown.get(name, 0)}
        life.process.stdin.close()  # the end of input waits for all ACKs
        try:
            status = life.end()
        except subprocess.TimeoutExpired:
            life.kill()
            status = "still running"
        if status:
            self.found.append(f"the last life ended with {status}: {life.log.read_text('utf-8')[-1000:]}")
        with contextlib.closing(LocalStore(self.store(), "alice")) as store:
            kept = {chat.name: store.page(chat.name, None, sys.maxsize) for chat in store.chats()}
            waiting = store.waiting()
        self.found += findings(self.typed, [each.told for each in self.lives], self.logs(), kept, waiting)

    def seen(self):
        """How far any life came, by conversation."""
        seen = {}
        for life in self.lives:
            for told in life.told:
                if "seq" in told:
                    seen[told["conversation"]] = max(seen.get(told["conversation"], 0), told["seq"])
        return seen

    def store(self):
        """Her local store."""
        [path] = (self.folder / "conversations").glob("alice@*.db")
        return path

    def logs(self):
        """What the server has, as alice may read it."""
        [path] = (self.folder / "tokens").glob("alice@*.token")
        with Wire(self.network.upstream) as wire:
            wire.login("alice", bytes.fromhex(path.read_text("utf-8").strip()))
            return {name: wire.history(name) for name in wire.conversations()}

    def figures(self, seconds):
        """What the run was made of."""
        printed = Counter((each["conversation"], each["seq"]) for life in self.lives for each in rows(life.told))
        again = sum(count - 1 for count in printed.values())
        cuts = ", ".join(f"{count} {how}" for how, count in sorted(self.network.cuts.items()))
        return (
            f"{self.kills} kills of the client ({self.gave_up} times it gave up before, cut off before the login), "
            f"{self.server.lives - 1} of the server, cuts: {cuts or 'none'}; "
            f"{len(self.typed)} lines typed, {len(keeps(self.lives))} of them kept, {len(printed)} messages shown "
            f"({again} printed again by the next life: it died before they were marked as read); {seconds:.1f} s"
        )


def rows(told):
    """The messages of a life's output."""
    return [each for each in told if "seq" in each]


def keeps(lives):
    """The texts that a program said it keeps."""
    return {each["text"] for life in lives for each in life.told if each["event"] == "state"}


def findings(typed, lives, logs, kept, waiting):
    """Everything that is wrong.

    ``typed``: (conversation, text), in order; ``lives``: the objects that each life printed; ``logs``: the server's,
    by conversation; ``kept`` and ``waiting``: what the local store has at the end.
    """
    yield from _sent(typed, lives, logs)
    yield from _shown(lives, logs)
    for name, log in logs.items():
        have = [(entry.place[1], entry.sender, entry.text) for entry in kept.get(name, ())]
        want = [(message.seq, message.sender, message.text) for message in log]
        if have != want:
            yield f"the local store of {name} holds {len(have)} messages, of {len(want)}, or others"
    if waiting:
        yield f"the outbox still holds {len(waiting)} messages"


def _sent(typed, lives, logs):
    """What was kept is there once, whatever was typed at most once, in the order in which it was typed."""
    promised = {each["text"] for told in lives for each in told if each["event"] == "state"}
    for told in lives:
        for each in told:
            if each["event"] == "state" and each["state"] in ("failed", "unconfirmed"):
                yield f"{each['text']!r} was given up: {each['state']}"
    for name, log in logs.items():
        mine = [message.text for message in log if message.sender == "alice"]
        times = Counter(mine)
        order = [text for place, text in typed if place == name and text in times]
        yield from (f"{text!r} is in {name} {count} times" for text, count in times.items() if count > 1)
        if list(dict.fromkeys(mine)) != order:
            yield f"{name} has what was typed there in another order, or what was not typed"
        yield from (
            f"{text!r} was kept, and is not in {name}"
            for place, text in typed
            if place == name and text in promised and text not in times
        )
    yield from (
        f"{text!r} was kept, and there is no {place}" for place, text in typed if text in promised and place not in logs
    )


def _shown(lives, logs):
    """Each life shows rows once and in order, all of them together the logs."""
    seen = {name: {} for name in logs}
    for number, told in enumerate(lives, 1):
        last = {}
        for each in rows(told):
            name, seq = each["conversation"], each["seq"]
            if each["event"] == "gap":
                yield f"life {number} says that messages of {name} are gone"
            elif seq <= last.get(name, 0):
                yield f"life {number} shows {name} {seq} after {last[name]}"
            last[name] = max(seq, last.get(name, 0))
            seen.setdefault(name, {})[seq] = (each["sender"], each.get("text", ""))
    for name, log in logs.items():
        want = {message.seq: (message.sender, message.text) for message in log}
        if seen[name] != want:
            lost = sorted(want.keys() - seen[name].keys())
            yield f"of {name}, {len(lost)} messages were never shown, or as others: {lost[:5]}"


def main():
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().getrandbits(32))
    options = parser.parse_args()
    begin = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="causerie-kills-") as folder:
        kills = Kills(options, Path(folder))
        found = kills.run()
        print(f"seed {options.seed}: {kills.figures(time.monotonic() - begin)}")
        for line in found[:40]:
            print(f"  {line}")
        if found:
            print(f"  {len(found)} findings; again: {sys.argv[0]} --kills {options.kills} --seed {options.seed}")
    return 1 if found else 0


if __name__ == "__main__":
    raise SystemExit(main())
