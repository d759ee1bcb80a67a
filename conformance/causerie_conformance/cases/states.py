"""What each frame meets in each state: one case for each cell of the specification's table.

In here: cases made from `causerie_spec.states.TABLE`. A cell is (state, frame, negotiated?): a frame of a
capability is unknown where its capability was not negotiated. `CELLS` says which case judges which cell,
`NO_CASE` why the others have none.
"""

from __future__ import annotations

import secrets
from typing import Final, NamedTuple

from causerie_conformance.arena import Arena, hello, login, new_handle, new_token
from causerie_conformance.client import Client
from causerie_conformance.registry import case
from causerie_spec.codec import encode, frame
from causerie_spec.codes import LOBBY, MECHANISM_SCRAM, ByeCode, ErrorCode
from causerie_spec.messages import (
    MESSAGES,
    Ack,
    Auth,
    Bye,
    Compose,
    Conversations,
    History,
    Join,
    Leave,
    Mark,
    Message,
    Ping,
    Pong,
    Quit,
    Ready,
    Rooms,
    Send,
    Welcome,
    Who,
)
from causerie_spec.states import TABLE, UNKNOWN, Outcome, State


class Cell(NamedTuple):
    """One cell of the table. ``negotiated``: is the frame's capability in force? (False for frames without one.)"""

    state: State
    frame: str
    negotiated: bool


CELLS: Final[dict[Cell, str]] = {}
"""The case that judges each cell."""

_CLAUSES: Final = {
    State.HELLO: "STATE-1",
    State.LOGIN: "STATE-2",
    State.AUTH: "STATE-2",
    State.READY: "STATE-3",
    State.CLOSING: "STATE-4",
}
_ACCEPT_CLAUSES: Final = {
    "HELLO": "HELLO-3",
    "LOGIN": "LOGIN-1",
    "PING": "PING-1",
    "QUIT": "CLOSE-1",
    "SEND": "SEND-1",
}
_TOPICS: Final = {
    State.HELLO: "errors",
    State.LOGIN: "errors",
    State.READY: "login",
    State.AUTH: "login",
    State.CLOSING: "errors",
}
_LATER: Final = {"LOGIN": "login", "SEND": "lobby"}
"""Accepted frames whose topic comes later than that of their state."""


def sample(name: str) -> Message:
    """A legal frame of that name."""
    token = new_token()
    messages: tuple[Message, ...] = (
        hello(),
        login(new_handle(), token),
        Auth(payload=token),
        Ping(token=secrets.randbits(64)),
        Quit(reason="enough"),
        Send(conversation=LOBBY, txn=1 + secrets.randbits(63), kind=0, text="of the table"),
        History(conversation=LOBBY, direction=0, anchor=0, limit=1),
        Mark(conversation=LOBBY, delivered=0, read=0),
        Compose(conversation=LOBBY, active=True),
        Join(conversation=f"#{new_handle('room')}"),
        Leave(conversation=f"#{new_handle('room')}"),
        Conversations(after="", limit=1),
        Rooms(after="", limit=1),
        Who(conversation=LOBBY, after="", limit=1, watch=False),
    )
    return next(message for message in messages if name == message.NAME)


def _octets(name: str, ref: int) -> bytes:
    return frame(0x7D, b"what is this?", ref=ref) if name == UNKNOWN else encode(sample(name), ref)


def _capability(name: str) -> str | None:
    return next((cls.CAPABILITY for cls in MESSAGES.values() if name == cls.NAME), None)


def no_case(cell: Cell) -> str | None:
    """Why a cell has no case here, None if it must have one."""
    if cell.state is State.AUTH and cell.frame == "AUTH":
        return "the cases of SCRAM itself judge it: `scram`"
    if cell.negotiated and cell.state in (State.HELLO, State.CLOSING):
        return "the table does not look at capabilities in this state"
    if cell.negotiated and TABLE[cell.state][cell.frame] is Outcome.ACCEPT:
        return "the cases of the capability itself judge it"
    return None


def all_cells() -> list[Cell]:
    """Every cell of the table, frames of a capability twice."""
    return [
        Cell(state, name, negotiated)
        for state, row in TABLE.items()
        for name in row
        for negotiated in ((False, True) if _capability(name) else (False,))
    ]


def _outcome(cell: Cell) -> Outcome:
    name = UNKNOWN if _capability(cell.frame) and not cell.negotiated else cell.frame
    if cell.state in (State.HELLO, State.CLOSING):
        name = cell.frame
    return TABLE[cell.state][name]


def _enter(arena: Arena, cell: Cell) -> Client:
    """A connection in the state of the cell."""
    capability = _capability(cell.frame)
    offered = (capability,) if capability and cell.negotiated else ()
    if cell.state is State.HELLO:
        return arena.connect()
    if cell.state is State.READY:
        return arena.login("A", capabilities=offered)
    if cell.state is State.AUTH:
        return arena.challenge("A", capabilities=offered)
    client = arena.greet("A", capabilities=offered)
    if cell.state is State.CLOSING:
        client.send_octets(encode(Quit(reason=""), 500) + _octets(cell.frame, 501))
    return client


_ACCEPTED: Final[dict[str, type[Message]]] = {
    "HELLO": Welcome,
    "LOGIN": Ready,
    "PING": Pong,
    "QUIT": Bye,
    "SEND": Ack,
}


def in_state(arena: Arena, cell: Cell) -> None:
    """In this state the frame is answered as the table says"""
    client = _enter(arena, cell)
    outcome = _outcome(cell)
    if outcome is Outcome.DROP:
        client.ends_with(ByeCode.NORMAL, ref=500)
        return
    client.send_octets(_octets(cell.frame, 600))
    if outcome is Outcome.ACCEPT:
        client.expect(_ACCEPTED[cell.frame], ref=600)
    elif outcome is Outcome.BYE_MALFORMED:
        client.ends_with(ByeCode.MALFORMED, ref=600)
    elif outcome is Outcome.WRONG_STATE:
        client.expect_error(ErrorCode.WRONG_STATE, ref=600)
        client.fence()
    elif outcome is Outcome.UNSUPPORTED:
        client.expect_error(ErrorCode.UNSUPPORTED, ref=600)
        client.fence()
    else:
        client.fence()


def _clause(cell: Cell) -> str:
    outcome = _outcome(cell)
    if outcome is Outcome.UNSUPPORTED:
        return "ERR-4"
    if outcome is Outcome.IGNORE:
        return "TYPE-2"
    if outcome is Outcome.ACCEPT:
        return _ACCEPT_CLAUSES[cell.frame]
    return _CLAUSES[cell.state]


def _make_cases() -> None:
    for cell in all_cells():
        if no_case(cell) is not None:
            continue
        topic = _TOPICS[cell.state]
        if _outcome(cell) is Outcome.ACCEPT:
            topic = _LATER.get(cell.frame, topic)
        capability = _capability(cell.frame) if cell.negotiated else None
        scram = cell.state is State.AUTH
        name = cell.frame.lower().replace(" ", "-") + ("-negotiated" if cell.negotiated else "")
        id_ = f"{topic}/in-{cell.state.value}/{name}"
        CELLS[cell] = id_
        register = case(
            f"{topic}/in-{cell.state.value}/{{}}",
            _clause(cell),
            needs=(*((MECHANISM_SCRAM,) if scram else ()), *((capability,) if capability else ())),
            profile="SCRAM" if scram else capability,
            over={name: cell},
            title=f"In {cell.state.value}, {cell.frame} meets: {_outcome(cell).value}",
        )
        register(in_state)


_make_cases()
