"""How fast is the generated codec, against construct and against code written by hand?

    python tests/bench/bench_codec.py [--rounds N]

The four contenders take turns within each round, so that a change of the machine's speed meets all alike; what is
printed are medians over the rounds, in µs, and the ratio to the hand-written code. All but construct return
the same frozen message classes, and check the same things. A script, not a test: it asserts only that all agree.
"""

import argparse
import statistics
import struct
import timeit
from collections.abc import Callable
from dataclasses import asdict

from causerie_spec import codec
from causerie_spec.codes import HEADER_SIZE
from causerie_spec.messages import Ack, ChatMessage, Hello, Message, Send

TEXT = "Une causerie est une conversation sans cérémonie, dit le mot."
EXAMPLES: dict[str, Message] = {
    "MESSAGE": ChatMessage("#lobby", 4711, 1_790_000_000_000, "alice", 0x0123456789ABCDEF, 0, TEXT),
    "SEND": Send("#lobby", 0x0123456789ABCDEF, 0, TEXT),
    "ACK": Ack(4711, 1_790_000_000_000, False),
    "HELLO": Hello(b"CAUS", 1, 1, 60, "causerie-chat 0.1", ("rooms", "history", "receipts", "typing")),
}

# Hand-written, as one would for a server of one's own: the same checks, nothing more.

_header = struct.Struct(">IBBHB")
_seq_timestamp_length = struct.Struct(">QQB")
_txn_kind_length = struct.Struct(">QBH")
_ack_frame = struct.Struct(">IBBHQQB")
_ack = struct.Struct(">QQB")
_hello_frame = struct.Struct(">IBBH4sBBHB")
_hello = struct.Struct(">4sBBHB")


def parse_message(body: bytes) -> Message:
    end = 1 + body[0]
    conversation = body[1:end].decode()
    seq, timestamp, length = _seq_timestamp_length.unpack_from(body, end)
    start = end + 17
    end = start + length
    sender = body[start:end].decode()
    txn, kind, length = _txn_kind_length.unpack_from(body, end)
    start = end + 11
    end = start + length
    if end > len(body):
        raise ValueError("too short")
    return ChatMessage(conversation, seq, timestamp, sender, txn, kind, body[start:end].decode())


def build_message(message: ChatMessage) -> bytes:
    conversation = message.conversation.encode()
    sender = message.sender.encode()
    text = message.text.encode()
    length = 29 + len(conversation) + len(sender) + len(text)
    if length > 65535:
        raise ValueError("too long")
    return (
        _header.pack(length, 0xA0, 0, 0, len(conversation))
        + conversation
        + _seq_timestamp_length.pack(message.seq, message.timestamp, len(sender))
        + sender
        + _txn_kind_length.pack(message.txn, message.kind, len(text))
        + text
    )


def parse_send(body: bytes) -> Message:
    end = 1 + body[0]
    conversation = body[1:end].decode()
    txn, kind, length = _txn_kind_length.unpack_from(body, end)
    start = end + 11
    end = start + length
    if end > len(body):
        raise ValueError("too short")
    return Send(conversation, txn, kind, body[start:end].decode())


def build_send(message: Send) -> bytes:
    conversation = message.conversation.encode()
    text = message.text.encode()
    length = 12 + len(conversation) + len(text)
    if length > 65535:
        raise ValueError("too long")
    return (
        _header.pack(length, 0x10, 0, 0, len(conversation))
        + conversation
        + _txn_kind_length.pack(message.txn, message.kind, len(text))
        + text
    )


def parse_ack(body: bytes) -> Message:
    seq, timestamp, duplicate = _ack.unpack_from(body)
    if duplicate > 1:
        raise ValueError("not a bool")
    return Ack(seq, timestamp, duplicate == 1)


def build_ack(message: Ack) -> bytes:
    if not isinstance(message.duplicate, bool):
        raise TypeError("not a bool")
    return _ack_frame.pack(17, 0x90, 0, 0, message.seq, message.timestamp, message.duplicate)


def parse_hello(body: bytes) -> Message:
    magic, low, high, keepalive, length = _hello.unpack_from(body)
    end = 9 + length
    agent = body[9:end].decode()
    count = body[end]
    if count > 32:
        raise ValueError("too many")
    end += 1
    capabilities = []
    for _ in range(count):
        length = body[end]
        if length > 32:
            raise ValueError("too long")
        start, end = end + 1, end + 1 + length
        capabilities.append(body[start:end].decode())
    if end > len(body):
        raise ValueError("too short")
    return Hello(magic, low, high, keepalive, agent, tuple(capabilities))


def build_hello(message: Hello) -> bytes:
    if len(message.magic) != 4 or len(message.capabilities) > 32:
        raise ValueError("bad magic or too many capabilities")
    agent = message.agent.encode()
    parts = [agent, bytes((len(message.capabilities),))]
    for entry in message.capabilities:
        raw = entry.encode()
        if len(raw) > 32:
            raise ValueError("too long")
        parts += (bytes((len(raw),)), raw)
    rest = b"".join(parts)
    return (
        _hello_frame.pack(
            len(rest) + 9, 0x01, 0, 0, message.magic, message.min_version, message.max_version,
            message.keepalive, len(agent),
        )
        + rest
    )  # fmt: skip


BY_HAND: dict[str, tuple[Callable[[bytes], Message], Callable[..., bytes]]] = {
    "MESSAGE": (parse_message, build_message),
    "SEND": (parse_send, build_send),
    "ACK": (parse_ack, build_ack),
    "HELLO": (parse_hello, build_hello),
}


def contenders(name: str) -> dict[str, tuple[Callable[[], object], Callable[[], object]]]:
    """For each contender how it parses, and how it builds, the example of that name."""
    message = EXAMPLES[name]
    frame = codec.encode(message)
    body, values, declared = frame[HEADER_SIZE:], asdict(message), message.STRUCT
    compiled = declared.compile()
    parse, build = BY_HAND[name]
    assert parse(body) == codec.decode(message.TYPE, body) == message
    assert build(message) == frame
    assert declared.build(values) == compiled.build(values) == body
    assert all(compiled.parse(body)[field] == value for field, value in values.items())
    return {
        "hand-written": (lambda: parse(body), lambda: build(message)),
        "generated": (lambda: codec.decode(message.TYPE, body), lambda: codec.encode(message)),
        "construct": (lambda: declared.parse(body), lambda: declared.build(values)),
        "compile()": (lambda: compiled.parse(body), lambda: compiled.build(values)),
    }


def measure(calls: list[Callable[[], object]], rounds: int) -> list[float]:
    """Median time of each call in µs; the calls take turns."""
    numbers = [max(1, int(0.004 / (timeit.timeit(call, number=50) / 50))) for call in calls]
    times: list[list[float]] = [[] for _ in calls]
    for _ in range(rounds):
        for call, number, series in zip(calls, numbers, times, strict=True):
            series.append(timeit.timeit(call, number=number) / number * 1e6)
    return [statistics.median(series) for series in times]


def main() -> None:
    parser = argparse.ArgumentParser(description="Times the codec against construct and hand-written code.")
    parser.add_argument("--rounds", type=int, default=61, help="rounds to take medians over (default 61)")
    rounds = parser.parse_args().rounds
    print(f"{'frame':8} {'':6} {'':13} {'µs':>8} {'ratio':>7}")
    for name in EXAMPLES:
        table = contenders(name)
        for index, direction in enumerate(("parse", "build")):
            times = measure([pair[index] for pair in table.values()], rounds)
            for contender, time in zip(table, times, strict=True):
                print(f"{name:8} {direction:6} {contender:13} {time:8.2f} {time / times[0]:7.2f}")


if __name__ == "__main__":
    main()
