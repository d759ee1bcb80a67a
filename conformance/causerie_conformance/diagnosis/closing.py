"""Mistakes at the end of a connection: BYE lost, left out or sent late, ends that go unnoticed; and crashes.

In here: rules that look at how a stream ended.
"""

from __future__ import annotations

import re
from typing import Final

from causerie_conformance.diagnosis.evidence import Evidence
from causerie_conformance.diagnosis.rule import Rule
from causerie_conformance.problems import Kind
from causerie_spec.codes import ByeCode

_CRASH: Final = re.compile(
    r"^(Traceback \(most recent call last\)|panic: |thread '.*' panicked|Exception in thread|Unhandled|"
    r"Uncaught|fatal error: |Segmentation fault|.*AddressSanitizer)",
    re.MULTILINE,
)
_CAUSE: Final = re.compile(r"^((?:\w+\.)*\w*(?:Error|Exception|panic)\b.*|thread '.*' panicked.*)$", re.MULTILINE)
_GONE: Final = (Kind.TIMEOUT, Kind.FIN, Kind.RST)


def _crashed(evidence: Evidence) -> str | bool:
    """The server printed an exception while it left an answer out."""
    if evidence.finding.kind not in _GONE or not _CRASH.search(evidence.said):
        return False
    causes = _CAUSE.findall(evidence.said) or _CRASH.findall(evidence.said)
    return str(causes[-1])[:100]


def _bye_lost(evidence: Evidence) -> bool:
    """A reset came where BYE, or the end of the stream behind it, should."""
    if evidence.finding.kind is not Kind.RST or not evidence.expects("BYE", "the end of the stream"):
        return False
    return _bye_came(evidence) or not evidence.expects("the end")


def _bye_came(evidence: Evidence) -> bool:
    return any(each.name == "BYE" for each in evidence.received(evidence.peer))


def _no_bye(evidence: Evidence) -> str | bool:
    if evidence.finding.kind is not Kind.FIN or not evidence.expects("BYE ") or _bye_came(evidence):
        return False
    return evidence.finding.expected.split()[1].partition("(")[0]


def _stays_open(evidence: Evidence) -> bool:
    """BYE came, and the end of the stream did not."""
    return evidence.finding.kind is Kind.TIMEOUT and evidence.expects("the end of the stream") and _bye_came(evidence)


def _half_close_unnoticed(evidence: Evidence) -> bool:
    if not evidence.events("half-closed by the suite") or not evidence.expects("the end of the stream"):
        return False
    if evidence.finding.kind is Kind.TIMEOUT:
        return not _bye_came(evidence)
    offender = evidence.offender
    late = (ByeCode.HANDSHAKE_TIMEOUT, ByeCode.IDLE)
    return offender is not None and offender.name == "BYE" and offender.get("code") in late


def _after_bye(evidence: Evidence) -> str | bool:
    offender = evidence.offender
    if offender is None or evidence.finding.clause != "STATE-4" or not evidence.expects("nothing after BYE"):
        return False
    return offender.name or f"type {offender.type:#04x}"


RULES: Final = (
    Rule(
        "crash",
        "an exception in the server ended it ({})",
        "Its own output shows where.",
        _crashed,
    ),
    Rule(
        "bye-lost",
        "BYE is lost to a reset: the server closes while octets of the peer are unread",
        "Write BYE, half-close (shutdown(SHUT_WR)), read and drop until the peer closes, within a bound, then close "
        "[CLOSE-3].",
        _bye_lost,
    ),
    Rule(
        "no-bye",
        "the connection is closed without BYE ({} is due)",
        "Write BYE, and let it be written, before you close [ERR-8].",
        _no_bye,
    ),
    Rule(
        "stays-open",
        "the connection is not closed after BYE",
        "Half-close behind BYE, and close when the peer has, or after a bound [STATE-5].",
        _stays_open,
    ),
    Rule(
        "half-close-unnoticed",
        "the end of the client's stream goes unnoticed",
        "A read of 0 octets is the end: handle what came before, then close [CLOSE-4].",
        _half_close_unnoticed,
    ),
    Rule(
        "talks-after-bye",
        "something is sent after BYE ({})",
        "BYE is the last frame: drop what is behind it [STATE-4].",
        _after_bye,
    ),
)
