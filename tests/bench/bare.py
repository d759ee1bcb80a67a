"""The least that a Python server can do, as a limit: asyncio.Protocol, one write a turn, no check of anything.

    python tests/bench/bare.py PORT

It takes the frames that the load generators send (HELLO, LOGIN, JOIN, SEND, PING, LEAVE, QUIT), believes them, and
keeps the promises that are counted: MESSAGE to everybody, numbered, before the ACK. Not a Causerie server: it holds no
limit, keeps no message and reports no error.
"""

import asyncio
import socket
import struct
import sys
import time

header = struct.Struct(">IBBH")
numbers = struct.Struct(">QQ")
ack = struct.Struct(">IBBHQQB")
CONVERSATION = struct.Struct(">QQIQQQQ")
WELCOME = b"\x01" + bytes(20) + b"\x01\x05rooms"

seqs: dict[bytes, int] = {}
online: dict[bytes, "Peer"] = {}
rooms: dict[bytes, dict["Peer", None]] = {b"#lobby": {}}
turn: dict["Peer", list[bytes]] = {}
said: dict[bytes, list[bytes]] = {}


class Peer(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.rest = b""

    def data_received(self, data: bytes) -> None:
        if not turn:
            asyncio.get_running_loop().call_soon(flush)
        out = turn.setdefault(self, [])
        data = self.rest + data if self.rest else data
        at, end = 0, len(data)
        while end - at >= 8:
            length, kind, _, ref = header.unpack_from(data, at)
            after = at + 8 + length
            if after > end:
                break
            if kind == 0x10:
                self.send(data[at + 8 : after], ref, out)
            else:
                self.other(kind, ref, data[at + 8 : after], out)
            at = after
        self.rest = data[at:]

    def send(self, body: bytes, ref: int, out: list[bytes]) -> None:
        size = 1 + body[0]
        name = body[:size]
        direct = name[1] == 64
        me = self.handle
        key = min(name[2:], me) + b"@" + max(name[2:], me) if direct else name
        seq = seqs[key] = seqs.get(key, 0) + 1
        number = numbers.pack(seq, time.time_ns() // 1_000_000)
        message = number + self.prefix + body[size:]
        length = len(message) + size
        out.append(ack.pack(17, 0x90, 0, ref, seq, 0, False))
        if direct:
            echo = header.pack(length, 0xA0, 0, 0) + name + message
            out.insert(-1, echo)
            other = online[name[2:]]
            turn.setdefault(other, []).append(header.pack(length, 0xA0, 0, 0) + self.named + message)
        else:
            said.setdefault(name[1:], []).append(header.pack(length, 0xA0, 0, 0) + name + message)

    def other(self, kind: int, ref: int, body: bytes, out: list[bytes]) -> None:
        if kind == 0x01:
            out.append(header.pack(len(WELCOME), 0x81, 0, ref) + WELCOME)
        elif kind == 0x02:
            self.handle = body[7 : 7 + body[6]]
            self.prefix = bytes((len(self.handle),)) + self.handle
            self.named = bytes((len(self.handle) + 1,)) + b"@" + self.handle
            online[self.handle] = self
            rooms[b"#lobby"][self] = None
            out.append(header.pack(4, 0x82, 0, ref) + bytes(4))
        elif kind == 0x20:
            rooms.setdefault(body[1:], {})[self] = None
            numbers_now = CONVERSATION.pack(1, seqs.get(body, 0) + 1, 0, 0, 0, 0, 0)
            out.append(header.pack(len(body) + 52, 0xB0, 0, ref) + body + numbers_now)
        elif kind == 0x04:
            out.append(header.pack(8, 0x84, 0, ref) + body)
        elif kind == 0x21:
            rooms[body[1:]].pop(self, None)
            out.append(header.pack(0, 0x8D, 0, ref))
        elif kind == 0x05:
            out.append(header.pack(7, 0x85, 0, ref) + b"\x00\x64" + bytes(5))

    def connection_lost(self, exc: Exception | None) -> None:
        online.pop(getattr(self, "handle", b""), None)
        for members in rooms.values():
            members.pop(self, None)


def flush() -> None:
    answers = dict(turn)
    turn.clear()
    for name, messages in said.items():
        data = b"".join(messages)
        for member in rooms[name]:
            if member in answers:
                member.transport.write(data + b"".join(answers.pop(member)))
            else:
                member.transport.write(data)
    said.clear()
    for peer, frames in answers.items():
        if frames:
            peer.transport.write(b"".join(frames))


async def main() -> None:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)  # named: for TCP_NODELAY
    listener.bind(("127.0.0.1", int(sys.argv[1])))
    server = await asyncio.get_running_loop().create_server(Peer, sock=listener, backlog=1024)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
