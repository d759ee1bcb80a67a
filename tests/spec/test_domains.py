"""Values of fields beyond their form."""

import dataclasses

import pytest

from causerie_spec import domains
from causerie_spec.codes import ErrorCode
from causerie_spec.domains import RULES, refusals
from causerie_spec.layout import fields_of
from causerie_spec.messages import (
    CLIENT_TYPES,
    MESSAGES,
    Auth,
    Compose,
    Conversations,
    Hello,
    History,
    Join,
    Leave,
    Login,
    Mark,
    Ping,
    Quit,
    Rooms,
    Send,
    Who,
)

GOOD = [
    Login("TOKEN", "alice", "Alice", bytes(16)),
    Login("TOKEN", "alice", "Alice", bytes(64)),
    Login("SCRAM-SHA-256", "alice", "Alice", b""),
    Login("SCRAM-SHA-256", "alice", "Alice", bytes(1024)),
    Login("", "alice", "Alice", b""),  # what a server offers is not known here
    Auth(bytes(1024)),
    Send("#lobby", 1, 0, "x"),
    Send("@bob", 2**64 - 1, 127, "é" * 8192),
    History("#a", 0, 0, 1),
    History("@a", 1, 2**64 - 1, 65_535),
    Mark("#a", 2**64 - 1, 0),
    Compose("@a", True),
    Join("#tea"),
    Leave("#tea"),
    Conversations("", 1),
    Conversations("@bob", 1),
    Rooms("#zzz", 1),
    Who("#lobby", "", 1, True),
    Who("@bob", "bob", 1, False),
]
BAD = [
    (Login("TOKEN", "Alice", "Alice", bytes(16)), "handle", "BAD_FIELD"),
    (Login("TOKEN", "alice", "", bytes(16)), "display", "BAD_FIELD"),
    (Login("TOKEN", "alice", "Alice", bytes(15)), "payload", "BAD_FIELD"),
    (Login("TOKEN", "alice", "Alice", bytes(65)), "payload", "BAD_FIELD"),
    (Login("TOKEN", "alice", "Alice", bytes(1025)), "payload", "BAD_FIELD"),
    (Login("SCRAM-SHA-256", "alice", "Alice", bytes(1025)), "payload", "BAD_FIELD"),
    (Auth(bytes(1025)), "payload", "BAD_FIELD"),
    (Send("lobby", 1, 0, "x"), "conversation", "BAD_FIELD"),
    (Send("#lobby", 0, 0, "x"), "txn", "BAD_FIELD"),
    (Send("#lobby", 1, 128, "x"), "kind", "BAD_FIELD"),
    (Send("#lobby", 1, 0, ""), "text", "BAD_FIELD"),
    (Send("#lobby", 1, 0, "é" * 8192 + "x"), "text", "TEXT_TOO_LONG"),
    (History("a", 0, 0, 1), "conversation", "BAD_FIELD"),
    (History("#a", 2, 0, 1), "direction", "BAD_FIELD"),
    (History("#a", 0, 0, 0), "limit", "BAD_FIELD"),
    (Mark("#a\n", 0, 0), "conversation", "BAD_FIELD"),
    (Compose("", True), "conversation", "BAD_FIELD"),
    (Join("#lobby"), "conversation", "BAD_FIELD"),
    (Join("@bob"), "conversation", "BAD_FIELD"),
    (Leave("#lobby"), "conversation", "BAD_FIELD"),
    (Conversations("bob", 1), "after", "BAD_FIELD"),
    (Conversations("", 0), "limit", "BAD_FIELD"),
    (Rooms("zzz", 1), "after", "BAD_FIELD"),
    (Rooms("", 0), "limit", "BAD_FIELD"),
    (Who("lobby", "", 1, True), "conversation", "BAD_FIELD"),
    (Who("#lobby", "@bob", 1, True), "after", "BAD_FIELD"),
    (Who("#lobby", "", 0, True), "limit", "BAD_FIELD"),
]


@pytest.mark.parametrize("message", GOOD, ids=[f"{n}-{message.NAME}" for n, message in enumerate(GOOD)])
def test_values_within_their_domain_are_not_refused(message):
    assert refusals(message) == []


@pytest.mark.parametrize(("message", "field", "code"), BAD, ids=[f"{n}-{case[0].NAME}" for n, case in enumerate(BAD)])
def test_values_outside_their_domain_are_refused(message, field, code):
    assert [(rule.field, rule.code.name) for rule in refusals(message)] == [(field, code)]


def test_the_first_refusal_is_that_of_the_leftmost_field():
    assert [rule.field for rule in refusals(Send("", 0, 255, ""))] == ["conversation", "txn", "kind", "text"]
    assert refusals(Login("TOKEN", "", "", b""))[0].field == "handle"


def test_rules_stand_in_the_order_of_the_fields():
    for cls, rules in RULES.items():
        order = [field.name for field in fields_of(cls)]
        places = [order.index(rule.field) for rule in rules]
        assert places == sorted(places)
        assert cls.TYPE in CLIENT_TYPES
    assert all(rule.code in ErrorCode for rules in RULES.values() for rule in rules)


def test_other_requests_take_any_value():
    free = {MESSAGES[type_] for type_ in CLIENT_TYPES} - RULES.keys()
    assert free == {Hello, Ping, Quit}
    assert refusals(Ping(0)) == refusals(Quit("\0")) == []


def test_every_rule_is_tried_both_ways():
    tried = {(type(message), rule.field, id(rule)) for message, *_ in BAD for rule in refusals(message)}
    assert tried == {(cls, rule.field, id(rule)) for cls, rules in RULES.items() for rule in rules}
    assert {type(message) for message in GOOD} == RULES.keys()
    assert dataclasses.is_dataclass(domains.Rule)
