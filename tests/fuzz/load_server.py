"""What many connections do to the others, at both engines.

    python tests/fuzz/load_server.py [--engine NAME] [--store NAME] [--attack NAME] [--connections N]

Two users chat; how long their messages take is measured (by `causerie-load`) when it is quiet and under each
attack: a login flood, idle connections, slow-loris (halves of a HELLO), and history that is asked for and never
read. Exit status 1 if a median is more than `TIMES_SLOWER` times that of quiet, or the server logged a failure,
died, or keeps what it held. Needs Linux.
"""

import argparse
import resource
import socket
import struct
import sys
import threading
from contextlib import suppress
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from serving import ENGINES, PATIENCE, STORES, TIMES_SLOWER, Chat, User, compare, greeting, machine_is_busy, serving

from causerie_spec.codec import encode
from causerie_spec.messages import Ack, History, Send

_SECONDS = 5.0
"""Of each measurement."""
_HALF_HELLO = bytes([0, 0, 0, 20, 1, 0, 0, 1]) + b"CAUS"
_BATCH = 10


def connect(address, number, receive_buffer=None):
    """From one of many addresses: there are too few ports for all connections of one."""
    sock = socket.socket()
    if receive_buffer:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    sock.bind((f"127.0.{1 + number // 200 % 200}.{1 + number % 200}", 0))
    sock.settimeout(PATIENCE)
    sock.connect(address)
    return sock


def reset(sock):
    with suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


class Attack:
    """Goes on in threads until it is told to stop."""

    def __init__(self, subject, connections):
        self.subject = subject
        self.connections = connections
        self.sockets = []
        self.count = 0
        """What it did so far."""
        self.running = False
        self.stopping = threading.Event()
        self._thread = threading.Thread(target=self.go_on, daemon=True)

    def __enter__(self):
        self.begin()
        self.running = True
        self._thread.start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        self._thread.join()
        for sock in self.sockets:
            reset(sock)

    def begin(self):
        """Until this is done nothing is measured."""

    def go_on(self):
        """While it is measured."""

    def open_all(self, octets, **options):
        """All connections, each sending that."""
        for number in range(self.connections):
            sock = connect(self.subject.address, number, **options)
            sock.sendall(octets(number))
            self.sockets.append(sock)
            self.count += 1
            if self.running and self.stopping.wait(_SECONDS / self.connections):
                break


class LoginFlood(Attack):
    """Connections that log in, each with another handle, and are gone; `_BATCH` at a time, as fast as can be."""

    def go_on(self):
        while not self.stopping.is_set():
            batch = []
            for number in range(self.count, self.count + _BATCH):
                sock = connect(self.subject.address, number)
                sock.sendall(greeting(f"flood{number}"))
                batch.append(sock)
            for sock in batch:
                sock.recv(1)
                reset(sock)
            self.count += _BATCH


class Idle(Attack):
    """Connections that are logged in and say nothing."""

    def begin(self):
        self.open_all(lambda number: greeting(f"idle{number}", ()))
        for sock in self.sockets:
            octets = b""
            while b"\x82" not in octets:  # READY
                octets += sock.recv(65_536)


class SlowLoris(Attack):
    """Connections that never come to the end of HELLO, an octet at a time."""

    def begin(self):
        self.open_all(lambda number: _HALF_HELLO)

    def go_on(self):
        for octet in range(7):
            for sock in self.sockets:
                with suppress(OSError):
                    sock.send(bytes([octet and 0]))
                if self.stopping.wait(_SECONDS / 7 / self.connections):
                    return


class UnreadHistory(Attack):
    """Connections that ask for page after page of 16 KiB texts, and read nothing."""

    def __init__(self, subject, connections):
        super().__init__(subject, connections // 50)

    def begin(self):
        writer = User(self.subject.address, "writer")
        for number in range(1, 101):
            writer.send(Send("#lobby", number, 0, "x" * 16_384), 3)
            writer.expect(Ack)
        writer.close()

    def go_on(self):
        """They come one after the other: what each costs at first, and what all cost then, are both measured."""
        pages = b"".join(encode(History("#lobby", 1, 2**64 - 1, 256), ref) for ref in range(1, 1_001))
        self.open_all(lambda number: greeting(f"unread{number}") + pages, receive_buffer=4_096)


ATTACKS = {attack.__name__: attack for attack in (LoginFlood, Idle, SlowLoris, UnreadHistory)}


def load(engine, store, attacks, connections, *, seconds=_SECONDS):
    """What is wrong, as lines; and the ratio of medians under each attack."""
    problems, ratios = [], {}
    with serving(engine, store, "--max-connections", str(connections + 100), "--handshake-timeout", "600") as subject:
        for name in attacks:
            held = subject.held
            quiet, memory = Chat(subject.address, seconds).report(), subject.memory
            with ATTACKS[name](subject, connections) as attack:
                loaded = Chat(subject.address, seconds).report()
                grown = (subject.memory - memory) / 2**20
                count = attack.count
            words, (ratios[name], _) = compare(quiet, loaded)
            print(f"  {name}: {words}; {count} connections, {grown:+.1f} MiB", flush=True)
            left = subject.wait_for(held)
            if any(now > then for now, then in zip(left, held, strict=True)):
                problems.append(f"{name}: descriptors, threads {held} before, {left} after")
        if subject.log:
            problems.append(f"the log says: {subject.log[:3_000]}")
        if subject.close() != 0:
            problems.append(f"the server ended with {subject.process.returncode}")
    return problems, ratios


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--engine", choices=ENGINES, help="default: both")
    options.add_argument("--store", choices=STORES, default="memory", help="default %(default)s")
    options.add_argument("--attack", choices=sorted(ATTACKS), help="default: all")
    options.add_argument("--connections", type=int, default=5_000, help="default %(default)s")
    chosen = options.parse_args()
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))  # the server inherits it
    busy, problems = machine_is_busy(), []
    for engine in [chosen.engine] if chosen.engine else ENGINES:
        print(engine, flush=True)
        attacks = [chosen.attack] if chosen.attack else list(ATTACKS)
        found, ratios = load(engine, chosen.store, attacks, chosen.connections)
        problems += [f"{engine}: {problem}" for problem in found]
        problems += [
            f"{engine}, {name}: others waited {ratio:.1f} times as long"
            for name, ratio in ratios.items()
            if ratio > TIMES_SLOWER and not busy
        ]
    print("\n".join(problems) or "nothing is wrong")
    return bool(problems)


if __name__ == "__main__":
    sys.exit(main())
