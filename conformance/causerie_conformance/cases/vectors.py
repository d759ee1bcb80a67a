"""The specification's vectors of invalid frames, sent to the live server: one case for each.

In here: nothing but the way from a vector to a case. A case carries its vector's id behind ``vectors/``, and
stands in the first topic whose step has built what it needs.
"""

from __future__ import annotations

from causerie_conformance.arena import Arena
from causerie_conformance.client import Client
from causerie_conformance.registry import case
from causerie_spec.codes import MECHANISM_SCRAM, ByeCode, ErrorCode
from causerie_spec.messages import Login, Send
from causerie_spec.vectors import Invalid, load


def _enter(arena: Arena, vector: Invalid) -> Client:
    """A connection in the vector's state, with just the capabilities negotiated that it needs."""
    if vector.state == "hello":
        return arena.connect()
    if vector.state == "login":
        return arena.greet(capabilities=vector.needs)
    if vector.state == "auth":
        return arena.challenge(capabilities=vector.needs)
    return arena.login("alice", capabilities=vector.needs)


def as_the_vector_says(arena: Arena, vector: Invalid) -> None:
    """The octets of the vector meet the outcome that it names"""
    client = _enter(arena, vector)
    ref = int.from_bytes(vector.octets[6:8], "big")
    client.send_octets(vector.octets, vector.doc)
    what, code = vector.outcome
    if what == "bye":
        client.ends_with(ByeCode[code], ref=ref)
        return
    if what == "error":
        client.expect_error(ErrorCode[code], ref=ref)
    client.fence()


def _topic(vector: Invalid) -> str:
    type_ = vector.octets[4]
    if vector.state in ("auth", "ready"):
        return "lobby" if type_ == Send.TYPE else "login"
    return "login" if vector.state == "login" and type_ == Login.TYPE else "errors"


def _make_cases() -> None:
    for vector in load().invalid:
        if vector.receiver != "server":
            continue
        scram = (MECHANISM_SCRAM,) if vector.mechanism == MECHANISM_SCRAM else ()
        profile = "SCRAM" if scram else vector.needs[0] if vector.needs else None
        register = case(
            f"{_topic(vector)}/vectors/{{}}",
            *vector.clauses,
            needs=(*scram, *vector.needs),
            profile=profile,
            over={vector.id: vector},
            title=vector.doc.rstrip("."),
        )
        register(as_the_vector_says)


_make_cases()
