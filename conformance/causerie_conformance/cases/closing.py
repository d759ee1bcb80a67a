"""Step 6: how connections end: QUIT, half-closes, resets, malformed frames.

In here: the end of a client's connection, and what others see of it. Not in here: the end of the server
(`shutdown`).
"""

from __future__ import annotations

import time
from collections.abc import Callable

from causerie_conformance.arena import Arena, hello, login, new_token
from causerie_conformance.cases.direct import to
from causerie_conformance.client import Client, citing, new_txn
from causerie_conformance.problems import Kind, NotJudged
from causerie_conformance.registry import case
from causerie_spec.codec import encode, frame
from causerie_spec.codes import HISTORY, LOBBY, PRESENCE, ByeCode, ErrorCode
from causerie_spec.messages import Ack, Error, Ping, Presence, Quit, Send, Who

IN_FLIGHT = 512 * 1024
"""Octets that are still on their way when the server ends the connection: half of what it must read and drop."""

LATE = frame(0x7F, bytes(IN_FLIGHT // 8 - 8), ref=10) * 8
"""As many, in frames."""


def _connected(arena: Arena) -> Client:
    return arena.connect()


def _greeted(arena: Arena) -> Client:
    return arena.greet()


def _logged_in(arena: Arena) -> Client:
    return arena.login()


STATES: dict[str, Callable[[Arena], Client]] = {"hello": _connected, "login": _greeted, "ready": _logged_in}
"""Ways to a connection in each state."""


@case("closing/half-close-in-{}", "CLOSE-4", over=STATES)
def half_close(arena: Arena, enter: Callable[[Arena], Client]) -> None:
    """When the client ends its stream, the server closes"""
    client = enter(arena)
    client.half_close()
    client.expect_end()


@case("closing/whole-frames-count", "CLOSE-4")
def whole_frames_count(arena: Arena) -> None:
    """Frames received whole before the end of the stream take effect"""
    alice, bob = arena.login("alice"), arena.login("bob")
    sent = [alice.say()[0] for _ in range(3)]
    alice.half_close()
    for message in sent:
        with citing("CLOSE-4"):
            bob.hear(message, alice.handle)


@case("closing/piece-has-no-effect", "CLOSE-4")
def piece_has_no_effect(arena: Arena) -> None:
    """A piece of a frame at the end of the stream has no effect"""
    alice, bob = arena.login("alice"), arena.login("bob")
    piece = Send(LOBBY, new_txn(), 0, "cut off")
    sent, _ = alice.say()
    alice.send_octets(encode(piece, 99)[:-1], "all but the last octet")
    alice.half_close()
    bob.hear(sent, alice.handle)
    _drain(alice)
    bob.hears_not(piece)


def _drain(client: Client) -> None:
    """Read to the end of the stream, whatever comes; that it ends is what is asked."""
    while client.next("the end of the stream") is not None:
        pass


@case("closing/quit-then-send", "STATE-4", "CLOSE-1")
def quit_then_send(arena: Arena) -> None:
    """A SEND behind QUIT has no effect"""
    alice, bob = arena.login("alice"), arena.login("bob")
    late = Send(LOBBY, new_txn(), 0, "too late")
    before = Send(LOBBY, new_txn(), 0, "in time")
    alice.send_octets(encode(before, 71) + encode(Quit(reason=""), 72) + encode(late, 73))
    alice.expect(Ack, ref=71)
    alice.ends_with(ByeCode.NORMAL, ref=72)
    bob.hear(before, alice.handle)
    bob.hears_not(late)


@case("closing/malformed-then-send", "STATE-4", "ERR-2")
def malformed_then_send(arena: Arena) -> None:
    """A SEND behind a malformed frame has no effect"""
    alice, bob = arena.login("alice"), arena.login("bob")
    late = Send(LOBBY, new_txn(), 0, "too late")
    alice.send_octets(frame(Ping.TYPE, b"", ref=72) + encode(late, 73))
    alice.ends_with(ByeCode.MALFORMED, ref=72)
    bob.hears_not(late)


# Who is online


def _quit(client: Client) -> None:
    ref = client.send(Quit(reason="bye"))
    client.expect_bye(ByeCode.NORMAL, ref=ref)


def _half_close(client: Client) -> None:
    client.half_close()
    client.expect_end()


def _malformed(client: Client) -> None:
    client.send_octets(frame(Ping.TYPE, b"", ref=9))
    client.expect_bye(ByeCode.MALFORMED, ref=9)


def _too_large(client: Client) -> None:
    client.send_octets(b"\xff\xff\xff\xff\x04\x00\x00\x09", "the header alone")
    client.expect_bye(ByeCode.FRAME_TOO_LARGE, ref=9)


_ENDS: dict[str, Callable[[Client], None]] = {
    "quit": _quit,
    "half-close": _half_close,
    "malformed": _malformed,
    "too-large": _too_large,
}


@case("closing/offline-after-{}", "CLOSE-5", over=_ENDS)
def offline_after(arena: Arena, end: Callable[[Client], None]) -> None:
    """When the last connection of a handle has ended, the handle is not online any more"""
    alice, bob = _pair(arena)
    end(bob)
    if _is_online(arena, alice, bob):
        raise alice.problem(Kind.VALUE, f"{bob.handle} to be offline", "the server takes it for online")


@case("closing/offline-after-reset", "CLOSE-5", "CLOSE-8")
def offline_after_reset(arena: Arena) -> None:
    """When the last connection of a handle was reset, the handle is soon not online any more"""
    alice, bob = _pair(arena)
    bob.reset()
    deadline = time.monotonic() + arena.target.patience
    while _is_online(arena, alice, bob):  # nothing tells when the server has seen the reset
        if time.monotonic() > deadline:
            raise alice.problem(Kind.TIMEOUT, f"{bob.handle} to be offline", "the server takes it for online")


def _pair(arena: Arena) -> tuple[Client, Client]:
    if arena.target.offers(HISTORY) and not arena.target.offers(PRESENCE):
        raise NotJudged(
            "with history a message to somebody offline is kept, so SEND does not tell who is online; WHO would, but "
            "the server does not offer presence"
        )
    alice, bob = arena.login("alice", capabilities=(PRESENCE,)), arena.login("bob")
    alice.post("hello", to(bob))
    return alice, bob


def _is_online(arena: Arena, alice: Client, bob: Client) -> bool:
    """Does the server take Bob for online? By WHO; where there is no history by what becomes of a SEND."""
    if arena.target.offers(HISTORY):
        items, _ = alice.stream(Who(to(bob), "", 1, False), Presence)
        return any(item.online for item in items)
    ref = alice.send(Send(to(bob), new_txn(), 0, "there?"))
    answer = alice.next_answer("ACK or ERROR NO_SUCH_CONVERSATION")
    if isinstance(answer.message, Error):
        alice.push_back(answer)
        alice.expect_error(ErrorCode.NO_SUCH_CONVERSATION, ref=ref)
        return False
    return True


@case("closing/one-of-two", "CLOSE-5", "LOGIN-5")
def one_of_two(arena: Arena) -> None:
    """A handle stays online while one of its connections remains"""
    alice, bob = arena.login("alice"), arena.login("bob")
    bob2 = arena.login("bob2", like=bob)
    _quit(bob)
    with citing("CLOSE-5"):
        sent, ack = alice.post("still there?", to(bob2))
        bob2.hear(sent, alice.handle, to(alice), ack=ack)


# The BYE is not lost


def _too_short(ref: int) -> bytes:
    return frame(Ping.TYPE, b"", ref=ref)


@case("closing/bye-arrives-in-{}", "CLOSE-3", "STATE-5", over=STATES)
def bye_arrives(arena: Arena, enter: Callable[[Arena], Client]) -> None:
    """BYE and the end of the stream reach a peer that goes on sending 512 KiB"""
    client = enter(arena)
    client.send_octets(_too_short(9) + LATE, "and 512 KiB behind it")
    _ends_in_order(client, ByeCode.MALFORMED)


@case("closing/bye-arrives-after-quit", "CLOSE-3", "CLOSE-1", "STATE-5")
def bye_arrives_after_quit(arena: Arena) -> None:
    """BYE NORMAL and the end of the stream reach a peer that goes on sending 512 KiB behind QUIT"""
    client = arena.login()
    client.send_octets(encode(Quit(reason=""), 9) + LATE, "and 512 KiB behind it")
    _ends_in_order(client, ByeCode.NORMAL)


@case("closing/bye-arrives-too-large", "CLOSE-3", "FRAME-4", "STATE-5")
def bye_arrives_too_large(arena: Arena) -> None:
    """BYE FRAME_TOO_LARGE reaches a peer that sends all the body that it announced"""
    client = arena.login()
    client.send_octets(IN_FLIGHT.to_bytes(4, "big") + b"\x10\x00\x00\x09" + bytes(IN_FLIGHT), "the whole body")
    _ends_in_order(client, ByeCode.FRAME_TOO_LARGE)


def _ends_in_order(client: Client, code: ByeCode) -> None:
    with citing("CLOSE-3"):
        client.expect_bye(code, ref=9)
        client.expect_end(only_fin=True)


# Resets


@case("closing/reset-in-{}", "CLOSE-8", "ERR-9", over=STATES)
def reset(arena: Arena, enter: Callable[[Arena], Client]) -> None:
    """A connection that is reset in the middle of a frame harms nobody"""
    witness = arena.login("witness")
    for length in (0, 3, 8, 20):
        client = enter(arena)
        client.send_octets(encode(Send(LOBBY, new_txn(), 0, "never whole"), 9)[:length])
        client.reset()
    with citing("CLOSE-8"):
        sent, ack = witness.post()
        witness.hear(sent, witness.handle, ack=ack)


@case("closing/reset-amid-answers", "CLOSE-8", "ERR-9")
def reset_amid_answers(arena: Arena) -> None:
    """A connection that is reset while it has answers to come harms nobody"""
    witness = arena.login("witness")
    for _ in range(3):
        client = arena.connect("A")
        pings = b"".join(encode(Ping(token=token), 3 + token) for token in range(2_000))
        client.send_what_fits(encode(hello(), 1) + encode(login("a" + new_token().hex()[:20], new_token()), 2) + pings)
        client.reset()
    with citing("CLOSE-8"):
        sent, ack = witness.post()
        witness.hear(sent, witness.handle, ack=ack)
