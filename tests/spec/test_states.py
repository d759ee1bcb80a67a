"""The state table: every cell filled, and as the rules say."""

import pytest

from causerie_spec.codes import CAPABILITIES
from causerie_spec.messages import CLIENT_TYPES, MESSAGES, SERVER_TYPES
from causerie_spec.states import TABLE, UNKNOWN, Outcome, State, column, outcome

REQUESTS = [MESSAGES[type_].NAME for type_ in CLIENT_TYPES]
CELLS = [(state, name) for state in State for name in [*REQUESTS, UNKNOWN]]

# What is accepted where; everything else follows from the rules.
ACCEPTED = {
    State.HELLO: {"HELLO"},
    State.LOGIN: {"LOGIN", "PING", "QUIT"},
    State.AUTH: {"AUTH", "PING", "QUIT"},
    State.READY: set(REQUESTS) - {"HELLO", "LOGIN", "AUTH"},
    State.CLOSING: set(),
}


def test_every_cell_is_filled():
    assert list(TABLE) == list(State)
    for row in TABLE.values():
        assert sorted(row) == sorted([*REQUESTS, UNKNOWN])


@pytest.mark.parametrize(("state", "name"), CELLS)
def test_every_cell_follows_from_the_rules(state, name):
    if state is State.CLOSING:
        expected = Outcome.DROP
    elif name in ACCEPTED[state]:
        expected = Outcome.ACCEPT
    elif state is State.HELLO:
        expected = Outcome.BYE_MALFORMED
    elif name == UNKNOWN:
        expected = Outcome.UNSUPPORTED
    elif name == "COMPOSE":
        expected = Outcome.IGNORE
    else:
        expected = Outcome.WRONG_STATE
    assert TABLE[state][name] is expected


@pytest.mark.parametrize("type_", sorted(CLIENT_TYPES))
def test_a_frame_is_known_if_its_capability_is_negotiated(type_):
    cls = MESSAGES[type_]
    assert column(type_, CAPABILITIES) == cls.NAME
    assert column(type_, ()) == (UNKNOWN if cls.CAPABILITY else cls.NAME)
    others = set(CAPABILITIES) - {cls.CAPABILITY}
    assert column(type_, others) == column(type_, ())


@pytest.mark.parametrize("type_", [0x00, 0x06, 0x7F, 0xFF, *sorted(SERVER_TYPES)])
def test_other_types_are_unknown(type_):
    assert column(type_, CAPABILITIES) == UNKNOWN


def test_outcome_looks_up_the_cell():
    assert outcome(State.READY, 0x10) is Outcome.ACCEPT
    assert outcome(State.LOGIN, 0x10) is Outcome.WRONG_STATE
    assert outcome(State.READY, 0x20, {"rooms"}) is Outcome.ACCEPT
    assert outcome(State.READY, 0x20) is Outcome.UNSUPPORTED
    assert outcome(State.LOGIN, 0x13, {"typing"}) is Outcome.IGNORE
    assert outcome(State.LOGIN, 0x13) is Outcome.UNSUPPORTED
    assert outcome(State.HELLO, 0x7F) is Outcome.BYE_MALFORMED
    assert outcome(State.READY, 0x90) is Outcome.UNSUPPORTED
    assert outcome(State.CLOSING, 0x05) is Outcome.DROP
