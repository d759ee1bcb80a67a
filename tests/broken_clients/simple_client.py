"""A client of CORE, written from PROTOCOL.md alone: no capability, no line shared with the reference.

`python simple_client.py HOST PORT HANDLE STATE`. It says HELLO and LOGIN in one piece, numbers its refs from the top,
never sends anything again, and says so of each message whose ACK it has not seen.
"""

import contextlib
import os
import queue
import random
import secrets
import socket
import struct
import sys
import threading
import time
from pathlib import Path

KEEPALIVE = 60
EVENTS = {0xA0}
FORBIDDEN = {*range(0x20), *range(0x7F, 0xA0), 0x2028, 0x2029, *range(0x202A, 0x202F), *range(0x2066, 0x206A)}
ANSWERS = {1: {0x81}, 2: {0x82}, 4: {0x84}, 5: {0x85}, 0x10: {0x90}}


class Over(Exception):
    """The connection is over; ``final`` says whether for good, ``wait`` the seconds that the server wants."""

    def __init__(self, why, *, final=False, wait=0.0):
        super().__init__(why)
        self.final, self.wait = final, wait


def shown(text):
    return "".join(f"\\u{ord(char):04x}" if ord(char) in FORBIDDEN else char for char in text)


def notice(text):
    print("*", shown(text), file=sys.stderr, flush=True)


def str8(text):
    return bytes([len(text.encode())]) + text.encode()


class Body:
    def __init__(self, octets):
        self.left = octets

    def take(self, size):
        if len(self.left) < size:
            raise Over("the server sent a frame that is too short", final=True)
        taken, self.left = self.left[:size], self.left[size:]
        return taken

    def number(self, size):
        return int.from_bytes(self.take(size), "big")

    def text(self, size):
        try:
            return self.take(self.number(size)).decode()
        except UnicodeDecodeError:
            raise Over("the server sent a text that is not UTF-8", final=True) from None

    def texts(self):
        return [self.text(1) for _ in range(self.number(1))]


class Chat:
    def __init__(self, host, port, handle, state):
        self.address, self.handle = (host, int(port)), handle
        file = Path(state, "token")
        if not file.exists():
            with open(os.open(file, os.O_WRONLY | os.O_CREAT, 0o600), "wb") as new:
                new.write(secrets.token_bytes(32))
        self.token = file.read_bytes()
        self.todo = queue.SimpleQueue()
        self.epoch, self.seen, self.leaving, self.failures = None, {}, False, 0
        self.late = []
        threading.Thread(target=self.read_lines, daemon=True).start()

    def read_lines(self):
        rest = b""
        while octets := os.read(0, 65_536):
            *lines, rest = (rest + octets).split(b"\n")
            for line in lines:
                self.todo.put(("line", line.decode("utf-8", "replace")))
        self.todo.put(("line", "quit"))

    def run(self):
        while True:
            try:
                self.converse()
            except Over as over:
                if self.late:
                    for text in self.late:
                        notice(f"may not have arrived: {text}")
                    self.late.clear()
                notice(str(over))
                if self.leaving:
                    return 0
                if over.final:
                    return 1
                self.failures += 1
                wait = max(over.wait, 0.2 * 2 ** min(self.failures, 7)) * random.uniform(1.0, 1.5)
                if self.pause(wait):
                    return 0

    def pause(self, seconds):
        """Wait for so long; True if the user quits meanwhile. What is typed is not for now."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            try:
                kind, line = self.todo.get(timeout=left)
            except queue.Empty:
                return False
            if kind == "line" and line == "quit":
                return True
            if kind == "line":
                notice(f"not connected, not sent: {line}")
        return False

    def converse(self):
        try:
            sock = socket.create_connection(self.address, 10)
        except OSError as error:
            raise Over(f"no connection: {error.strerror}") from None
        sock.settimeout(None)
        threading.Thread(target=self.read_frames, args=(sock,), daemon=True).start()
        self.sock, self.ref, self.asked, self.state = sock, 65_535, {}, "hello"
        self.unsent = queue.SimpleQueue()
        threading.Thread(target=self.write_on, args=(sock, self.unsent), daemon=True).start()
        self.sent_at, self.pinged, self.keepalive = time.monotonic(), None, 0
        login = str8("TOKEN") + str8(self.handle) + str8(self.handle) + struct.pack(">H", len(self.token)) + self.token
        try:
            hello = self.frame(1, b"CAUS\x01\x01" + struct.pack(">H", KEEPALIVE) + str8("simple") + b"\0")
            self.write(hello + self.frame(2, login))
            while True:
                self.turn()
        finally:
            self.unsent.put(b"")
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            sock.close()

    def read_frames(self, sock):
        stream = sock.makefile("rb")
        with contextlib.suppress(OSError):
            while len(header := stream.read(8)) == 8:
                length, type_, _, ref = struct.unpack(">IBBH", header)
                if length > 65_535:
                    self.todo.put((sock, None))
                    return
                body = stream.read(length)
                if len(body) < length:
                    break
                self.todo.put((sock, (type_, ref, body)))
        self.todo.put((sock, ()))

    def frame(self, type_, body):
        self.ref = self.ref - 1 or 65_535
        self.asked[self.ref] = type_
        return struct.pack(">IBBH", len(body), type_, 0, self.ref) + body

    def write(self, octets):
        """Have it sent, by a thread of its own, so that reading goes on."""
        self.sent_at = time.monotonic()
        self.unsent.put(octets)

    def write_on(self, sock, unsent):
        with contextlib.suppress(OSError):
            while octets := unsent.get():
                sock.sendall(octets)

    def turn(self):
        patience = self.keepalive or 30
        try:
            what, found = self.todo.get(timeout=max(0.05, patience / 8))
        except queue.Empty:
            what = None
        now = time.monotonic()
        if what == "line":
            self.typed(found)
        elif what is self.sock:
            self.came(found)
        if self.leaving and now > self.leaving + 5:
            raise Over("no BYE")
        if self.pinged is not None and now > self.pinged + patience:
            raise Over("the server is silent")
        if self.state == "ready" and self.pinged is None and now > self.sent_at + patience / 2:
            self.pinged = now
            self.write(self.frame(4, bytes(8)))

    def typed(self, line):
        if line == "quit":
            self.leaving = time.monotonic()
            self.write(self.frame(5, b"\0"))
            return
        to = "#lobby"
        if line.startswith("/msg "):
            _, to, line = line.split(" ", 2)
        if not 1 <= len(line.encode()) <= 16_384:
            notice(f"not sent, it is too long: {line[:20]}")
            return
        octets = line.encode()
        body = str8(to) + secrets.token_bytes(8) + b"\0" + struct.pack(">H", len(octets)) + octets
        self.write(self.frame(0x10, body))
        self.late.append(line)

    def came(self, found):
        if found is None:
            raise Over("the server sent a frame that is too long", final=True)
        if not found:
            raise Over("the connection ended")
        type_, ref, octets = found
        body = Body(octets)
        if type_ == 0x85:
            code, wait = body.number(2), body.number(4) / 1000
            raise Over(f"goodbye: {body.text(1)} ({code})", wait=wait)
        if type_ in EVENTS and ref == 0:
            self.message(body)
            return
        if type_ not in {0x81, 0x82, 0x83, 0x84, 0x8D, 0x8E, 0x8F, 0x90, 0xA0}:
            return
        asked = self.asked.pop(ref, None) if ref else None
        if type_ == 0x8F and asked is not None:
            self.refused(asked, body)
            return
        if asked is None or type_ not in ANSWERS[asked]:
            raise Over("the server sent what has no place there", final=True)
        self.answered(type_, body)

    def refused(self, asked, body):
        code, wait, why = body.number(2), body.number(4) / 1000, body.text(1)
        if code >= 100:
            raise Over(f"the connection is over: {why}")
        if asked == 2:
            raise Over(f"login refused ({code}): {why}", final=code != 11, wait=wait)
        if asked == 0x10:
            notice(f"refused ({code}): {why}: {self.late.pop(0)}")

    def answered(self, type_, body):
        if type_ == 0x81:
            if body.number(1) != 1:
                raise Over("the server speaks another version", final=True)
            self.keepalive, _, epoch = body.number(2), body.number(8), body.number(8)
            body.text(1), body.texts(), body.texts()
            if epoch != self.epoch:
                self.epoch, self.seen = epoch, {}
            self.state = "login"
        elif type_ == 0x82:
            body.text(1), body.text(1), body.take(body.number(2))
            self.state, self.failures = "ready", 0
            notice("connected")
        elif type_ == 0x84:
            self.pinged = None
        elif type_ == 0x90:
            body.take(16)
            if body.number(1) > 1:
                raise Over("the server sent a bool that is none", final=True)
            self.late.pop(0)

    def message(self, body):
        if self.state != "ready":
            raise Over("the server sent an event before READY", final=True)
        place, seq, _, sender = body.text(1), body.number(8), body.number(8), body.text(1)
        body.number(8)
        kind, text = body.number(1), body.text(2)
        if seq <= self.seen.get(place, 0):
            return
        self.seen[place] = seq
        if kind < 128:
            print(f"{shown(place)} <{shown(sender)}> {shown(text)}", flush=True)


if __name__ == "__main__":
    sys.exit(Chat(*sys.argv[1:]).run())
