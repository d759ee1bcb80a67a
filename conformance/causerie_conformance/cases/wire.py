"""The clauses that hold for every frame: each has a case of its own, which makes a server send a bit of everything.

In here: two tours, one for step 1 and one for step 4. The checks are in `causerie_conformance.passive`, and
are made on every frame of every other case as well; here they have an id, so that a clause has a case to fail
at.
"""

from __future__ import annotations

from causerie_conformance.arena import Arena, hello
from causerie_conformance.cases.direct import to
from causerie_conformance.client import new_txn
from causerie_conformance.registry import case
from causerie_spec.codec import frame
from causerie_spec.codes import ByeCode, ErrorCode
from causerie_spec.messages import Ping, Quit, Send, Welcome

_OF_ANY_FRAME = {
    "length": ("FRAME-3", "No body is longer than 65,535 octets"),
    "header": ("FRAME-1", "Every frame is a header and as many octets of body as it says"),
    "flags": ("FRAME-6", "Every frame has flags 0"),
    "nothing-behind": ("FRAME-9", "No frame has octets behind its fields"),
    "bit-7": ("FRAME-13", "Every frame has a type with bit 7 set"),
    "utf8": ("FORM-1", "Every text is UTF-8"),
    "one-answer": ("REQ-1", "Every request has exactly one answer"),
    "codes": ("ERR-11", "ERROR and BYE have codes of version 1"),
    "bye-ref": ("ERR-8", "BYE has the ref of the frame that caused it, or 0"),
}


def tour_of_step_1(arena: Arena, _key: str) -> None:
    """WELCOME, PONG, ERROR and BYE are all in form"""
    client = arena.connect()
    client.ask(hello(agent="ünï", capabilities=("x",)), Welcome)
    client.fence()
    client.send_octets(frame(0x7E, b"?", ref=77))
    client.expect_error(ErrorCode.UNSUPPORTED, ref=77)
    client.fence()
    client.ends_with(ByeCode.NORMAL, ref=client.send(Quit(reason="séen")))
    client = arena.greet()
    client.send_octets(frame(Ping.TYPE, b"", ref=78))
    client.ends_with(ByeCode.MALFORMED, ref=78)


_OF_MESSAGES = {
    "event-ref": ("FRAME-11", "Every event has ref 0"),
    "names": ("NAME-6", "Every name is well formed: conversations with their sign, handles without"),
    "seq": ("MSG-4", "Each message comes once, in the order of seq, without gaps"),
    "time": ("MSG-2", "No timestamp is lower than the one before"),
    "same-everywhere": ("MSG-5", "A message is the same for everybody who hears it"),
}


def tour_of_step_4(arena: Arena, _key: str) -> None:
    """READY, ACK and MESSAGE are all in form"""
    alice, bob = arena.login("alice"), arena.login("bob")
    alice2 = arena.login("alice2", like=alice)
    for number in range(4):
        for client in (alice, bob, alice2):
            sent, ack = client.post(f"number {number}")
            for each in (alice, bob, alice2):
                each.hear(sent, client.handle, ack=ack)
    sent, ack = alice.post("direct", to(alice))
    alice2.hear(sent, alice.handle, to(alice), ack=ack)
    bob.refused(Send("#", new_txn(), 0, "refused"), ErrorCode.BAD_FIELD)
    for client in (alice, bob, alice2):
        client.ends_with(ByeCode.NORMAL, ref=client.send(Quit(reason="")))


def _make_cases() -> None:
    for key, (clause, title) in _OF_ANY_FRAME.items():
        register = case("errors/wire/{}", clause, over={key: key}, title=title)
        register(tour_of_step_1)
    for key, (clause, title) in _OF_MESSAGES.items():
        register = case("lobby/wire/{}", clause, over={key: key}, title=title)
        register(tour_of_step_4)


_make_cases()
