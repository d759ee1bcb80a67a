"""Mistakes in logs and in who receives what: numbers, duplicates, the sender's own copy, names in direct conversations.

In here: rules about MESSAGE and ACK. Not in here: their texts (`values`).
"""

from __future__ import annotations

import re
from typing import Any, Final

from causerie_conformance.diagnosis.evidence import Evidence, Frame
from causerie_conformance.diagnosis.rule import Rule
from causerie_conformance.problems import Kind
from causerie_spec.messages import Ack, ChatMessage


def _seq_from_0(evidence: Evidence) -> str | bool:
    offender = evidence.offender
    if offender is None or offender.name not in ("MESSAGE", "ACK") or offender.get("seq") != 0:
        return False
    return f"{offender.name} has seq 0"


def _missing(evidence: Evidence) -> int | None:
    """The txn of a MESSAGE that was expected, and did not come."""
    found = re.match(r"MESSAGE in \S+ by \S+ with txn (\d+)$", evidence.finding.expected)
    return int(found[1]) if found and evidence.finding.kind is Kind.TIMEOUT else None


def _heard(evidence: Evidence, txn: int) -> list[str]:
    """The connections to which a MESSAGE with that txn came."""
    return [each.peer for each in evidence.received() if each.name == "MESSAGE" and each.get("txn") == txn]


def _sender(evidence: Evidence, txn: int) -> Frame | None:
    """The SEND of that txn, if it was acknowledged."""
    for each in evidence.sent():
        if each.name == "SEND" and each.get("txn") == txn:
            acked = any(came.name == "ACK" and came.ref == each.ref for came in evidence.received(each.peer))
            return each if acked else None
    return None


def _not_to_the_sender(evidence: Evidence) -> bool:
    txn = _missing(evidence)
    send = _sender(evidence, txn) if txn is not None else None
    if send is None or txn is None or send.peer != evidence.peer:
        return False
    heard = _heard(evidence, txn)
    return bool(heard) and send.peer not in heard


def _one_connection(evidence: Evidence) -> bool:
    txn = _missing(evidence)
    me = evidence.handle_of(evidence.peer)
    if txn is None or not me or evidence.peer in _heard(evidence, txn):
        return False
    return any(evidence.handle_of(peer) == me for peer in _heard(evidence, txn))


def _never_told(evidence: Evidence) -> bool:
    txn = _missing(evidence)
    send = _sender(evidence, txn) if txn is not None else None
    if send is None or txn is None:
        return False
    others = {each.peer for each in evidence.received() if each.name == "READY"} - {send.peer}
    return bool(others) and not set(_heard(evidence, txn)) - {send.peer}


def _twice(evidence: Evidence) -> str | bool:
    offender = evidence.offender
    if offender is None or not isinstance(offender.message, ChatMessage) or offender.ref:
        return False
    same = [each for each in evidence.received(evidence.peer) if each.octets == offender.octets]
    if evidence.finding.clause not in ("MSG-4", "MSG-1") or len(same) < 2:
        return False
    txn = offender.message.txn
    if sum(each.name == "SEND" and each.get("txn") == txn for each in evidence.sent()) > 1:
        return "a SEND that was sent again is told again"
    return f"seq {offender.message.seq} came {len(same)} times"


def _one_counter(evidence: Evidence) -> str | bool:
    """The first message of a log that nobody else can know has a high number."""
    finding = evidence.finding
    found = re.match(r"seq 1 in a log of 0", finding.expected)
    return finding.came if found and finding.kind is Kind.VALUE else False


def _log_of_each(evidence: Evidence) -> bool:
    """Two messages of a direct conversation have the same number, one from each side."""
    pair = _same_number(evidence)
    if pair is None or _came_back(evidence, *pair):
        return False
    me = evidence.handle_of(evidence.peer)
    return {each.message.sender for each in pair} == {me, pair[1].message.conversation[1:]} and bool(me)


def _starts_again(evidence: Evidence) -> bool:
    """A number is used again after somebody was away."""
    pair = _same_number(evidence)
    return pair is not None and _came_back(evidence, *pair)


def _same_number(evidence: Evidence) -> tuple[Frame, Frame] | None:
    """Two messages of a direct conversation that have the same number: the one before, and the offender."""
    offender = evidence.offender
    if offender is None or not isinstance(offender.message, ChatMessage) or evidence.finding.clause != "MSG-6":
        return None
    message = offender.message
    if not message.conversation.startswith("@"):
        return None
    for each in evidence.received():
        known = each.message
        if not isinstance(known, ChatMessage) or not known.conversation.startswith("@"):
            continue
        if each.ended < offender.ended and known.seq == message.seq and known.txn != message.txn:
            return each, offender
    return None


def _came_back(evidence: Evidence, first: Frame, second: Frame) -> bool:
    """Did somebody log in between the two?"""
    return any(each.name == "READY" and first.ended < each.ended < second.ended for each in evidence.received())


def _time_falls(evidence: Evidence) -> bool:
    return evidence.finding.clause == "MSG-2" and _is(evidence, ChatMessage)


def _is(evidence: Evidence, kind: type[Any]) -> bool:
    return evidence.offender is not None and isinstance(evidence.offender.message, kind)


def _two_clocks(evidence: Evidence) -> str | bool:
    """ACK and MESSAGE tell different times of one message, near to each other."""
    offender = evidence.offender
    if offender is None or evidence.finding.clause != "MSG-6" or not evidence.finding.should:
        return False
    right = Frame("", offender.direction, evidence.finding.should, 0, 0)
    told, came = right.get("timestamp"), offender.get("timestamp")
    if told is None or came is None or told == came or abs(told - came) > 60_000:
        return False
    if right.get("seq") != offender.get("seq") or offender.get("txn") == 0:  # a notice of the server's: two of one kind
        return False
    if isinstance(offender.message, Ack) and offender.message.duplicate:
        return "a duplicate's ACK has the time of the first"
    return f"they differ by {abs(told - came)} ms"


def _as_the_sender_says(evidence: Evidence) -> str | bool:
    """The receiver of a direct message sees the conversation under its own name."""
    offender = evidence.offender
    if offender is None or not isinstance(offender.message, ChatMessage) or evidence.finding.clause != "DIRECT-1":
        return False
    me = evidence.handle_of(evidence.peer)
    send = evidence.send_of(offender.message)
    to_myself = send is not None and send.conversation == f"@{me}" and offender.message.sender == me
    mine = bool(me) and offender.message.conversation == f"@{me}" and not to_myself
    return f"it came as @{me[:12]}… to {me[:12]}… itself" if mine else False


def _to_strangers(evidence: Evidence) -> bool:
    """A direct message came to somebody who is neither of the two."""
    offender = evidence.offender
    if offender is None or not isinstance(offender.message, ChatMessage):
        return False
    message, me = offender.message, evidence.handle_of(evidence.peer)
    if not me or message.sender == me or not message.conversation.startswith("@"):
        return False
    send = evidence.send_of(message)
    return send is not None and send.conversation not in ("", f"@{me}") and send.conversation.startswith("@")


def _epochs(evidence: Evidence) -> bool:
    return (
        evidence.finding.clause == "HELLO-7" and evidence.offender is not None and evidence.offender.name == "WELCOME"
    )


def _before_ready(evidence: Evidence) -> str | bool:
    offender = evidence.offender
    return offender.name if offender is not None and evidence.finding.clause == "MSG-8" and offender.is_event else False


RULES: Final = (
    Rule(
        "seq-from-0",
        "messages are numbered from 0 ({})",
        "The first message of a log has seq 1: count up before you use the number [MSG-1].",
        _seq_from_0,
    ),
    Rule(
        "not-to-the-sender",
        "MESSAGE is not sent to the sender's own connection",
        "It goes to every connection of every member, the sender's included [MSG-3].",
        _not_to_the_sender,
    ),
    Rule(
        "one-connection-of-a-handle",
        "only one connection of a handle gets a MESSAGE",
        "A handle may be logged in several times: keep a set of connections for each [MSG-3].",
        _one_connection,
    ),
    Rule(
        "no-relay",
        "SEND is acknowledged, but nobody else gets a MESSAGE",
        "Send it to every connection of every member, the sender's too [MSG-3].",
        _never_told,
    ),
    Rule(
        "told-twice",
        "a MESSAGE is delivered twice ({})",
        "Each message comes once to each connection: is a connection in the list of receivers twice? [MSG-4]",
        _twice,
    ),
    Rule(
        "one-counter-for-all",
        "the messages of all conversations are numbered by one counter ({} in a new one)",
        "Each conversation has its own log, numbered from 1 without gaps [MSG-1].",
        _one_counter,
    ),
    Rule(
        "log-of-each-direction",
        "each direction of a direct conversation is numbered by itself",
        "It is one log with one counter, however its two sides call it [DIRECT-2].",
        _log_of_each,
    ),
    Rule(
        "numbers-start-again",
        "the numbers of a conversation start again",
        "Numbers are never used twice while the epoch stays, whoever comes and goes: keep the log's counter, or change "
        "the epoch [MSG-9].",
        _starts_again,
    ),
    Rule(
        "time-falls",
        "a timestamp is lower than that of the message before",
        "Take the higher of the clock and the log's last timestamp, under the log's lock [MSG-2].",
        _time_falls,
    ),
    Rule(
        "two-clocks",
        "ACK and MESSAGE tell different times of one message ({})",
        "Take the time once, when the message goes into the log, and keep it [MSG-6].",
        _two_clocks,
    ),
    Rule(
        "direct-as-the-sender-says",
        "a direct conversation has the wrong name at one of its ends ({})",
        "Each sees it under the other's handle: bob gets what alice sent to @bob as @alice [DIRECT-1].",
        _as_the_sender_says,
    ),
    Rule(
        "direct-to-strangers",
        "a direct message comes to others than the two",
        "Its members are the two handles, and nobody else [MSG-7].",
        _to_strangers,
    ),
    Rule(
        "epoch-of-a-connection",
        "the epoch is another one for the next connection",
        "Make it once, when the server starts; with `durable` keep it with the data, over restarts too [HELLO-7].",
        _epochs,
    ),
    Rule(
        "event-before-ready",
        "an event is sent before READY ({})",
        "Enter the connection among the receivers when you queue READY, not earlier [MSG-8].",
        _before_ready,
    ),
)
