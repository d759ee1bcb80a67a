"""Step 1: HELLO, WELCOME, PING, QUIT.

In here: what can be judged before anything else of a server is built. LOGIN is not needed in here.
"""

from __future__ import annotations

import secrets

from causerie_conformance.arena import Arena, hello
from causerie_conformance.client import citing
from causerie_conformance.problems import Kind, NotJudged
from causerie_conformance.registry import GATE, case
from causerie_spec.codec import encode
from causerie_spec.codes import MAX_U64, MECHANISM_SCRAM, MECHANISM_TOKEN, ByeCode
from causerie_spec.messages import Hello, Ping, Pong, Quit, Welcome


@case(GATE, "HELLO-3", "FRAME-1", guarded=False)
def answers(arena: Arena) -> None:
    """HELLO is answered WELCOME."""
    client = arena.connect()
    client.ask(hello(), Welcome)


@case("hello/silent-before-hello", "HELLO-2")
def silent_before_hello(arena: Arena) -> None:
    """A server says nothing before HELLO."""
    client = arena.connect()
    arena.greet("B").fence()  # time enough for a greeting to arrive
    client.poll()
    if client.waiting or client.incomplete or client.end is not None:
        came = f"{client.waiting} frames and {client.incomplete} octets, stream {client.ended_how()}"
        raise client.problem(Kind.EXTRA, "nothing", came)
    client.ask(hello(), Welcome)


@case("hello/ref-echoed-{}", "FRAME-10", over={"1": 1, "255": 255, "256": 256, "65535": 65_535})
def ref_echoed(arena: Arena, ref: int) -> None:
    """The answer carries the ref of the request."""
    client = arena.connect()
    client.expect(Welcome, ref=client.send(hello(), ref))
    client.expect(Pong, ref=client.send(Ping(token=1), ref))


_VERSIONS = {"1-to-1": (1, 1), "0-to-1": (0, 1), "1-to-2": (1, 2), "0-to-255": (0, 255)}


@case("hello/version-{}", "HELLO-4", "HELLO-3", over=_VERSIONS)
def version(arena: Arena, versions: tuple[int, int]) -> None:
    """The highest version in common is taken."""
    client = arena.connect()
    client.ask(hello(min_version=versions[0], max_version=versions[1]), Welcome, version=1)
    client.fence()


_NO_VERSION = {"2-to-2": (2, 2), "2-to-255": (2, 255), "0-to-0": (0, 0), "min-above-max": (2, 1), "1-to-0": (1, 0)}


@case("hello/no-version-{}", "HELLO-5", "ERR-8", over=_NO_VERSION)
def no_common_version(arena: Arena, versions: tuple[int, int]) -> None:
    """Without a version in common HELLO is answered BYE VERSION_UNSUPPORTED."""
    client = arena.connect()
    ref = client.send(hello(min_version=versions[0], max_version=versions[1]))
    client.ends_with(ByeCode.VERSION_UNSUPPORTED, ref=ref)


_MAGICS = {"CAUZ": b"CAUZ", "lower-case": b"caus", "zeros": bytes(4), "SUAC": b"SUAC"}


@case("hello/wrong-magic-{}", "HELLO-6", "STATE-1", "ERR-8", over=_MAGICS)
def wrong_magic(arena: Arena, magic: bytes) -> None:
    """HELLO with another magic is answered BYE MALFORMED."""
    client = arena.connect()
    client.ends_with(ByeCode.MALFORMED, ref=client.send(hello(magic=magic)))


@case("hello/epoch-stays", "HELLO-7")
def epoch_stays(arena: Arena) -> None:
    """The epoch is the same in every WELCOME of one run."""
    first = arena.connect("A").ask(hello(), Welcome)
    client = arena.connect("B")
    client.ask(hello(), Welcome, epoch=first.epoch)


@case("hello/offers-token", "HELLO-8")
def offers_token(arena: Arena) -> None:
    """TOKEN is among the login mechanisms."""
    client = arena.connect()
    welcome = client.ask(hello(), Welcome)
    if MECHANISM_SCRAM in welcome.mechanisms and MECHANISM_TOKEN not in welcome.mechanisms:
        raise NotJudged("the server takes accounts only; have it offer TOKEN for the suite")
    if MECHANISM_TOKEN not in welcome.mechanisms:
        raise client.problem(Kind.VALUE, "TOKEN among the mechanisms", f"mechanisms {list(welcome.mechanisms)}")


@case("hello/time-in-ms", "TIME-1")
def time_in_ms(arena: Arena) -> None:
    """The server's time is in milliseconds since 1970."""
    arena.connect().ask(hello(), Welcome)  # every received time is checked, this one first


_HELLOS = {
    "no-agent": hello(agent=""),
    "long-agent": hello(agent="é" * 127),
    "unknown-capabilities": hello(capabilities=("x-tea", "x-coffee")),
    "repeated-capabilities": hello(capabilities=("rooms", "rooms", "x", "x")),
    "empty-capability": hello(capabilities=("",)),
    "32-capabilities": hello(capabilities=tuple(f"{n:02}".ljust(32, "x") for n in range(32))),
}


@case("hello/takes-{}", "CAP-1", "HELLO-3", over=_HELLOS)
def takes_any_agent_and_capabilities(arena: Arena, message: Hello) -> None:
    """Any agent and any list of capabilities is taken."""
    client = arena.connect()
    client.ask(message, Welcome)
    client.fence()


_TOKENS = {"0": 0, "1": 1, "2-to-the-63": 2**63, "largest": MAX_U64, "like-text": int.from_bytes(b"CAUSERIE", "big")}


@case("hello/ping-{}", "PING-1", over=_TOKENS)
def ping(arena: Arena, token: int) -> None:
    """PING is answered PONG with the same token."""
    arena.greet().ask(Ping(token=token), Pong, token=token)


@case("hello/pings-in-order", "REQ-2", "FRAME-10", "REQ-1")
def pings_in_order(arena: Arena) -> None:
    """A hundred pipelined PINGs are answered once each, in order."""
    client = arena.greet()
    tokens = [secrets.randbits(64) for _ in range(100)]
    first = client.new_ref()
    refs = [first + place for place in range(100)]
    client.send_octets(b"".join(encode(Ping(token=token), ref) for token, ref in zip(tokens, refs, strict=True)))
    for token, ref in zip(tokens, refs, strict=True):
        client.expect(Pong, ref=ref, token=token)


@case("hello/quit", "CLOSE-1", "STATE-5", "ERR-8")
def quit_(arena: Arena) -> None:
    """QUIT is answered BYE NORMAL, and the server closes."""
    client = arena.greet()
    client.ends_with(ByeCode.NORMAL, ref=client.send(Quit(reason="")))


@case("hello/quit-after-answers", "CLOSE-2")
def quit_after_answers(arena: Arena) -> None:
    """What was asked before QUIT is answered before BYE."""
    client = arena.greet()
    requests = b"".join(encode(Ping(token=token), 10 + token) for token in range(5))
    client.send_octets(requests + encode(Quit(reason="done"), 99))
    for token in range(5):
        client.expect(Pong, ref=10 + token, token=token)
    client.ends_with(ByeCode.NORMAL, ref=99)


@case("hello/nothing-after-bye", "STATE-4", "STATE-5")
def nothing_after_bye(arena: Arena) -> None:
    """What comes behind QUIT has no effect and no answer."""
    client = arena.greet()
    client.send_octets(encode(Quit(reason=""), 7) + encode(Ping(token=8), 8))
    client.ends_with(ByeCode.NORMAL, ref=7)


# However the stream is cut


def _conversation() -> list[bytes]:
    return [
        encode(hello(keepalive=0, capabilities=("x-one", "x-two")), 1),
        encode(Ping(token=MAX_U64 - 1), 2),
        encode(Quit(reason="cut"), 3),
    ]


def _octets(frames: list[bytes]) -> list[bytes]:
    return [bytes([octet]) for octet in b"".join(frames)]


def _joined(frames: list[bytes]) -> list[bytes]:
    return [b"".join(frames)]


def _at_headers(frames: list[bytes]) -> list[bytes]:
    return [piece for frame in frames for piece in (frame[:8], frame[8:])]


def _in_threes(frames: list[bytes]) -> list[bytes]:
    joined = b"".join(frames)
    return [joined[start : start + 3] for start in range(0, len(joined), 3)]


CUTS = {
    "octet-by-octet": _octets,
    "all-joined": _joined,
    "header-then-body": _at_headers,
    "in-threes": _in_threes,
}
"""Ways to cut a conversation into writes."""


@case("hello/cut-{}", "FRAME-2", "REQ-5", "FRAME-1", over=CUTS)
def cut(arena: Arena, cut_up: object) -> None:
    """HELLO, PING and QUIT are understood however the stream is cut."""
    assert callable(cut_up)
    client = arena.connect()
    for piece in cut_up(_conversation()):
        client.send_octets(piece)
    with citing("FRAME-2"):
        client.expect(Welcome, ref=1)
        client.expect(Pong, ref=2, token=MAX_U64 - 1)
        client.ends_with(ByeCode.NORMAL, ref=3)


@case("hello/flags-ignored", "FRAME-7")
def flags_ignored(arena: Arena) -> None:
    """The value of flags is ignored."""
    client = arena.connect()
    for octets, wanted in ((encode(hello(), 1), Welcome), (encode(Ping(token=3), 2), Pong)):
        client.send_octets(octets[:5] + b"\xff" + octets[6:], "flags 0xff")
        client.expect(wanted)


@case("hello/octets-after-fields", "FRAME-8")
def octets_after_fields(arena: Arena) -> None:
    """Octets behind the fields that are known are ignored."""
    client = arena.connect()
    for octets, wanted in ((encode(hello(), 1), Welcome), (encode(Ping(token=3), 2), Pong)):
        length = int.from_bytes(octets[:4], "big") + 5
        client.send_octets(length.to_bytes(4, "big") + octets[4:] + b"later", "5 octets behind the fields")
        client.expect(wanted)
