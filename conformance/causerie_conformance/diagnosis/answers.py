"""Mistakes in answers: ref, their number, their order, the fence.

In here: rules that look at which request a frame answers.
"""

from __future__ import annotations

from typing import Final

from causerie_conformance.diagnosis.evidence import Evidence, Frame, is_answer
from causerie_conformance.diagnosis.rule import Rule
from causerie_conformance.problems import Kind
from causerie_spec.codes import SERVER_BIT
from causerie_spec.messages import MESSAGES


def _wrong_ref(evidence: Evidence) -> tuple[Frame, Frame] | None:
    """An answer whose ref no request has, and the request that it seems to answer."""
    offender = evidence.offender
    if offender is None or not (is_answer(offender.message) or offender.name == "BYE"):
        return None
    before = [each for each in evidence.sent(evidence.peer) if each.ended < offender.ended]
    if offender.ref in {each.ref for each in before} or evidence.finding.kind is Kind.UNEXPECTED:
        return None
    answered = {each.ref for each in evidence.received(evidence.peer) if each.ended < offender.ended}
    open_ = [each for each in before if each.ref not in answered]
    asked = [each for each in open_ if _may_answer(offender, each)]
    return (offender, asked[0]) if asked else None


def _may_answer(answer: Frame, request: Frame) -> bool:
    if answer.name in ("ERROR", "BYE"):
        return True
    return answer.name in getattr(MESSAGES.get(request.type), "ANSWERS", ())


def _ref_not_echoed(evidence: Evidence) -> str | bool:
    found = _wrong_ref(evidence)
    if found is None or evidence.expects("nothing before HELLO"):
        return False
    offender, request = found
    if offender.name == "BYE" and not offender.ref:
        return False  # it may be about no frame
    if offender.ref != 0:
        low, swapped = request.ref & 0xFF, int.from_bytes(request.ref.to_bytes(2, "big"), "little")
        if offender.ref == low or offender.ref not in (swapped, request.ref >> 8):
            return f"{offender.name} has ref {offender.ref}, {request.name} had {request.ref}"
        return False
    if request.ref & 0xFF == 0 and request.ref:
        return f"{offender.name} has ref 0, {request.name} had {request.ref}: is it kept in one octet?"
    return f"{offender.name} has ref 0, {request.name} had {request.ref}"


def _ref_swapped(evidence: Evidence) -> str | bool:
    found = _wrong_ref(evidence)
    if found is None:
        return False
    offender, request = found
    swapped = int.from_bytes(request.ref.to_bytes(2, "big"), "little")
    return f"{request.ref} came back as {offender.ref}" if offender.ref == swapped and swapped else False


def _bye_without_ref(evidence: Evidence) -> str | bool:
    offender, finding = evidence.offender, evidence.finding
    if offender is None or offender.name != "BYE" or offender.ref or finding.kind is not Kind.VALUE:
        return False
    wanted = int.from_bytes(finding.should[6:8], "big")
    return f"ref {wanted} here" if wanted and finding.offset in (6, 7) else False


def _ref_in_event(evidence: Evidence) -> str | bool:
    offender = evidence.offender
    if offender is None or not offender.is_event or not offender.ref or offender.name == "BYE":
        return False
    if evidence.finding.clause != "FRAME-11":
        return False
    asked = [MESSAGES.get(each.type) for each in evidence.sent(evidence.peer) if each.ref == offender.ref]
    if any(offender.name in getattr(cls, "ITEMS", ()) for cls in asked):
        return False  # an item of an answer, out of place
    its_send = [each for each in evidence.sent() if each.name == "SEND" and each.ref == offender.ref]
    return f"{offender.name} has {'the ref of the SEND' if its_send else f'ref {offender.ref}'}"


def _answers_twice(evidence: Evidence) -> str | bool:
    offender = evidence.offender
    if offender is None or offender.name in ("", "BYE") or not offender.ref:
        return False
    if offender.is_event and offender.name not in ("ERROR",):
        return False
    same = [each for each in evidence.received(evidence.peer) if each.ref == offender.ref and not each.is_event]
    asked = [each for each in evidence.sent(evidence.peer) if each.ref == offender.ref]
    if evidence.finding.clause != "REQ-1" or len(same) < 2 or len(asked) != 1:
        return False
    return f"{asked[0].name} has {' and '.join(each.name for each in same[:2])}"


def _out_of_order(evidence: Evidence) -> str | bool:
    finding, offender = evidence.finding, evidence.offender
    if finding.clause != "REQ-2" or offender is None or finding.kind is not Kind.UNEXPECTED or offender.name == "BYE":
        return False
    waiting = evidence.unanswered or [each for each in evidence.sent(evidence.peer) if each.ref]
    return f"{offender.name} to ref {offender.ref} came first, {waiting[0].name} was asked before" if waiting else False


def _answers_before_events(evidence: Evidence) -> bool:
    """What a request causes is told behind its answer."""
    return evidence.finding.clause == "REQ-7" and evidence.finding.kind in (Kind.VALUE, Kind.EXTRA, Kind.UNEXPECTED)


def _answers_ref_0(evidence: Evidence) -> str | bool:
    """A request with ref 0 is answered as if 0 were a ref."""
    offender = evidence.offender
    if offender is None or offender.ref or not is_answer(offender.message):
        return False
    zero = [
        each
        for each in evidence.sent(evidence.peer)
        if not each.ref and each.name != "COMPOSE" and _may_answer(offender, each) and each.ended < offender.ended
    ]
    return f"{zero[-1].name or f'a frame of unknown type {zero[-1].type:#04x}'}" if zero else False


def _type_of_the_request(evidence: Evidence) -> str | bool:
    offender = evidence.offender
    if offender is None or offender.type & SERVER_BIT or evidence.finding.clause != "FRAME-13":
        return False
    answer = MESSAGES.get(offender.type | SERVER_BIT)
    return f"{answer.NAME} is {answer.TYPE:02x}" if answer is not None else False


def _speaks_first(evidence: Evidence) -> str | bool:
    offender = evidence.offender
    if offender is None or evidence.finding.clause != "HELLO-2":
        return False
    hello = [each for each in evidence.sent(evidence.peer) if each.ended < offender.ended]
    late = offender.ref == 0 and offender.name in ("PONG", "MESSAGE", "WELCOME", "READY", "OK", "PRESENCE")
    if hello and not (late and offender.name != "WELCOME"):
        return False
    return offender.name or f"type {offender.type:#04x}"


RULES: Final = (
    Rule(
        "answers-ref-0",
        "a request with ref 0 is answered ({})",
        "A known request with ref 0 is BYE MALFORMED [ERR-3]; an unknown one is ignored [ERR-5].",
        _answers_ref_0,
    ),
    Rule(
        "ref-swapped",
        "the two octets of ref are swapped ({})",
        "All numbers are big-endian; or copy the two octets as they came.",
        _ref_swapped,
    ),
    Rule(
        "ref-not-echoed",
        "ref is not echoed ({})",
        "Put the request's ref, all 16 bits of it, into every frame that answers it [FRAME-10].",
        _ref_not_echoed,
    ),
    Rule(
        "bye-without-ref",
        "BYE does not carry the ref of the frame that caused it ({})",
        "Copy the two octets from that frame's header, even if you cannot decode its body [ERR-8].",
        _bye_without_ref,
    ),
    Rule(
        "ref-in-event",
        "an event carries a ref ({})",
        "What is pushed has ref 0, also to the connection whose request caused it; only the answer has the ref "
        "[FRAME-11].",
        _ref_in_event,
    ),
    Rule(
        "answers-twice",
        "one request is answered twice ({})",
        "Each request has exactly one answer: return after you have sent it [REQ-1].",
        _answers_twice,
    ),
    Rule(
        "answers-out-of-order",
        "answers of one connection overtake each other ({})",
        "Handle its frames one after the other; start no task or thread for each of them [REQ-2].",
        _out_of_order,
    ),
    Rule(
        "answers-before-events",
        "the answer is queued before the events that the request causes",
        "Queue the events for all recipients first, then the answer [REQ-7].",
        _answers_before_events,
    ),
    Rule(
        "type-of-the-request",
        "the answer has the type of the request ({})",
        "Bit 7 is set in every frame of a server [FRAME-13].",
        _type_of_the_request,
    ),
    Rule(
        "speaks-first",
        "the server speaks before it has answered HELLO ({})",
        "Say nothing on a new connection until HELLO has come [HELLO-2].",
        _speaks_first,
    ),
)
