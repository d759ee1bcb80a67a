"""Octets that nobody should send, over live sockets, at both engines.

    python tests/fuzz/fuzz_server.py [--inputs N] [--engine NAME] [--store NAME] [--seed N]

An input is noise, a mutated vector (spec/vectors), or a frame with random fields; a connection sends up to `_MOST` of
them, in some state (before HELLO, before LOGIN, logged in), cut anywhere, and ends anyhow. All the while two users
chat. Exit status 1 if the server died, logged a failure, kept a descriptor or a thread of a connection, grew, or let
the two users wait more than `TIMES_SLOWER` times as long as when it was quiet. Needs Linux.
"""

import argparse
import random
import selectors
import socket
import struct
import sys
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from serving import (
    ENGINES,
    PROFILES,
    STORES,
    TIMES_SLOWER,
    Chat,
    User,
    compare,
    greeting,
    machine_is_busy,
    serving,
    token_of,
)

from causerie_spec import vectors
from causerie_spec.codec import encode
from causerie_spec.layout import Counted, Fixed, Listed, fields_of
from causerie_spec.messages import MESSAGES, Hello, Join, Login, Ping, Pong

_AT_ONCE = 40
"""Connections."""
_MOST = 12
"""Inputs of a connection."""
_GROWTH = 48 * 1024 * 1024
"""Octets that a server may grow by, from the first tenth to the last: what its logs keep, and what malloc does."""
_LINGER = 0.2
"""Seconds that a connection may stay when it has sent all."""

_FRAMES = [cls for type_, cls in sorted(MESSAGES.items()) if type_ < 0x80]
_NAMES = ["#lobby", *(f"#room{n}" for n in range(6)), *(f"@h{n}" for n in range(6)), "@anna", "#", "@", "@h0\n", ""]
_TEXTS = ["", "h0", "TOKEN", "SCRAM-SHA-256", "n,,n=h0,r=abc", "é🦊", "\0", "\ufeff", *PROFILES]
_VECTORS = [vector.octets for kind in (vectors.load().valid, vectors.load().invalid) for vector in kind]


class Inputs:
    """Makes them, from one seed."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.kinds = Counter()

    def one(self):
        kind = self.random.choices((self.noise, self.mutant, self.fields), (1, 3, 6))[0]
        self.kinds[kind.__name__] += 1
        return kind()

    def noise(self):
        return self.random.randbytes(self.random.choice((1, 7, 8, 9, 30, 100, 1_000, 5_000)))

    def mutant(self):
        octets = bytearray(self.random.choice(_VECTORS)[:20_000])
        for _ in range(self.random.randrange(4)):
            place = self.random.randrange(len(octets) + 1)
            change = self.random.randrange(4)
            if change == 0:
                octets[place : place + 1] = self.random.randbytes(1)
            elif change == 1:
                octets[place:place] = self.random.randbytes(self.random.randrange(1, 5))
            elif change == 2:
                del octets[place : place + self.random.randrange(1, 5)]
            else:
                octets[place:place] = octets[: self.random.randrange(20)]
        if self.random.randrange(2) and len(octets) >= 8:  # a frame again, so that its body is looked at
            octets[:4] = (len(octets) - 8).to_bytes(4, "big")
        return bytes(octets)

    def fields(self):
        cls = self.random.choice(_FRAMES)
        message = cls(*(self.value(field) for field in fields_of(cls)))
        return encode(message, self.random.choice((0, 1, 2, 3, 65_535, 9)))

    def value(self, field):
        match field.shape:
            case Fixed(boolean=True):
                return self.random.random() < 0.5
            case Fixed(octets=True, size=size):
                return b"CAUS" if self.random.randrange(4) else self.random.randbytes(size)
            case Fixed(size=size):
                most = 256**size - 1
                return min(most, self.random.choice((0, 1, 2, 3, 100, 128, 300, most, self.random.randrange(most))))
            case Listed():
                return tuple(self.random.choices(PROFILES, k=self.random.randrange(5)))
            case Counted(text=True):
                return self.text(field.name)
            case _:
                return self.random.choice((b"", token_of("h1"), self.random.randbytes(self.random.randrange(1_100))))

    def text(self, name):
        if name == "conversation" or self.random.randrange(3) == 0:
            return self.random.choice(_NAMES)
        if name == "text" and self.random.randrange(2):
            return "x" * self.random.choice((1, 1, 1, 10, 10, 10, 100, 16_384, 16_385))
        return self.random.choice(_TEXTS)

    def connection(self, count):
        """What a connection sends: its inputs, behind what brings it into some state."""
        handle = f"h{self.random.randrange(6)}"
        hello = encode(Hello(b"CAUS", 1, 1, 0, "", PROFILES), 1)
        scram = encode(Login("SCRAM-SHA-256", handle, "x", f"n,,n={handle},r=1".encode()), 2)
        joins = b"".join(encode(Join(f"#room{number}"), 5) for number in range(3))
        before = self.random.choices((b"", hello, hello + scram, greeting(handle) + joins), (1, 1, 1, 3))[0]
        return before + b"".join(self.one() for _ in range(count))

    def cut(self, octets):
        """In pieces, to be sent one by one; the last first."""
        places = sorted(self.random.randrange(len(octets) + 1) for _ in range(self.random.randrange(4)))
        return [octets[a:b] for a, b in zip([0, *places], [*places, len(octets)], strict=True) if a < b][::-1]


class Visitor:
    """A connection that sends what it was given."""

    def __init__(self, address, pieces, end, deaf):
        self.pieces = pieces
        self.end = end
        self.deaf = deaf
        self.leaves_at = float("inf")
        self.socket = socket.socket()
        # Many addresses: there are too few ports for all connections of one.
        self.socket.bind((f"127.0.0.{random.randrange(2, 255)}", 0))
        self.socket.connect(address)
        self.socket.setblocking(False)

    def turn(self, mask):
        """Returns whether there is more to do."""
        try:
            if mask & selectors.EVENT_READ and not self.deaf and not self.socket.recv(262_144):
                return False
            if mask & selectors.EVENT_WRITE and self.pieces:
                sent = self.socket.send(self.pieces[-1])
                self.pieces[-1] = self.pieces[-1][sent:]
                if not self.pieces[-1]:
                    self.pieces.pop()
        except BlockingIOError:
            pass
        except OSError:
            return False
        if not self.pieces and self.leaves_at == float("inf"):
            if self.end == "reset":
                return False
            if self.end == "fin":
                with suppress(OSError):
                    self.socket.shutdown(socket.SHUT_WR)
            self.leaves_at = time.monotonic() + _LINGER
        return time.monotonic() < self.leaves_at

    def close(self):
        if self.end == "reset":
            with suppress(OSError):
                self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()


class Fuzz:
    """One server, and everything that is thrown at it."""

    def __init__(self, subject, seed):
        self.subject = subject
        self.inputs = Inputs(seed)
        self.sent = self.connections = 0
        self._selector = selectors.DefaultSelector()
        self._visitors = set()

    def run(self, count):
        """Send about *count* inputs, and see all their connections end."""
        until = self.sent + count
        while self.sent < until or self._visitors:
            while self.sent < until and len(self._visitors) < _AT_ONCE:
                self._begin()
            ready = {key.data: mask for key, mask in self._selector.select(0.01)}
            for visitor in list(self._visitors):
                if not visitor.turn(ready.get(visitor, 0)):
                    self._end(visitor)
                elif not visitor.pieces:
                    self._listen(visitor)

    def _listen(self, visitor):
        """It has sent all. (The deaf are not looked at: they would always be ready.)"""
        key = self._selector.get_map().get(visitor.socket)
        if key is not None and visitor.deaf:
            self._selector.unregister(visitor.socket)
        elif key is not None and key.events != selectors.EVENT_READ:
            self._selector.modify(visitor.socket, selectors.EVENT_READ, visitor)

    def _end(self, visitor):
        if visitor.socket in self._selector.get_map():
            self._selector.unregister(visitor.socket)
        self._visitors.remove(visitor)
        visitor.close()

    def _begin(self):
        make = self.inputs.random
        count = make.randrange(1, _MOST + 1)
        pieces = self.inputs.cut(self.inputs.connection(count))
        end = make.choice(("fin", "reset", "stay"))
        try:
            visitor = Visitor(self.subject.address, pieces, end, deaf=make.randrange(10) == 0)
        except OSError as error:
            raise SystemExit(f"the server takes no connection: {error}") from error
        self.sent += count
        self.connections += 1
        self._visitors.add(visitor)
        self._selector.register(
            visitor.socket, selectors.EVENT_WRITE | (0 if visitor.deaf else selectors.EVENT_READ), visitor
        )


def fuzz(engine, store, inputs, seed, *, seconds=3.0):
    """What is wrong with the server, as lines; and the ratios of round trips, *seconds* of which are of quiet."""
    problems = []
    with serving(engine, store, "--max-connections", "200") as subject:
        quiet = Chat(subject.address, seconds).report()
        users = Chat(subject.address)
        users.wait_until_it_runs()
        held = subject.held
        run = Fuzz(subject, seed)
        memory = []
        start = time.monotonic()
        for tenth in range(10):
            run.run(inputs // 10)
            memory.append(subject.memory)
            print(
                f"  {tenth + 1:2}/10: {run.sent} inputs, {run.connections} connections, {memory[-1] / 2**20:.1f} MiB",
                flush=True,
            )
            if subject.process.poll() is not None:
                users.end()
                return [f"the server ended with {subject.process.returncode}", subject.log], []
        grown = memory[-1] - memory[0]
        left = subject.wait_for(held)
        words, ratios = compare(quiet, users.report(stop=True))
        print(f"  {dict(run.inputs.kinds)} in {time.monotonic() - start:.0f} s; the two users: {words}")
        print(f"  descriptors, threads: {held} before, {left} after; grown by {grown / 2**20:.1f} MiB")
        if any(now > then for now, then in zip(left, held, strict=True)):
            problems.append(f"connections leak: descriptors, threads {held} before, {left} after")
        if grown > _GROWTH:
            problems.append(f"memory grew by {grown / 2**20:.1f} MiB")
        late = User(subject.address, "h0")
        late.send(Ping(7), 9)
        late.expect(Pong, token=7)
        late.close()
        if subject.log:
            problems.append(f"the log says: {subject.log[:3_000]}")
        if subject.close() != 0:
            problems.append(f"the server ended with {subject.process.returncode}")
    return problems, ratios


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--inputs", type=int, default=100_000, help="for each engine; default %(default)s")
    options.add_argument("--engine", choices=ENGINES, help="default: both")
    options.add_argument("--store", choices=STORES, default="memory", help="default %(default)s")
    options.add_argument("--seed", type=int, default=random.randrange(2**32))
    chosen = options.parse_args()
    busy, problems = machine_is_busy(), []
    for engine in [chosen.engine] if chosen.engine else ENGINES:
        print(f"{engine}, --seed {chosen.seed}", flush=True)
        found, ratios = fuzz(engine, chosen.store, chosen.inputs, chosen.seed)
        problems += [f"{engine}: {problem}" for problem in found]
        if not busy and any(ratio > TIMES_SLOWER for ratio in ratios[:1]):
            problems.append(f"{engine}: others waited {ratios[0]:.1f} times as long")
    print("\n".join(problems) or "nothing is wrong")
    return bool(problems)


if __name__ == "__main__":
    sys.exit(main())
