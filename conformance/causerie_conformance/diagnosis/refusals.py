"""Mistakes in refusing: BYE for ERROR and the reverse, what should not be taken, states, versions, capabilities.

In here: rules that hold the answer that came against the frame that caused it.
"""

from __future__ import annotations

from typing import Final

from causerie_conformance.diagnosis.evidence import Evidence
from causerie_conformance.diagnosis.rule import Rule
from causerie_conformance.problems import Kind
from causerie_spec.codes import MAGIC, VERSION, ByeCode, ErrorCode
from causerie_spec.messages import MESSAGES, Error, Hello


def _came(evidence: Evidence, name: str, *codes: int) -> bool:
    """Is the offender a frame of that name, with one of these codes if any?"""
    offender = evidence.offender
    return offender is not None and offender.name == name and (not codes or offender.get("code") in codes)


def _served(evidence: Evidence) -> bool:
    """Did the server give an answer as to a good request?"""
    return evidence.offender is not None and evidence.offender.name not in ("", "ERROR", "BYE")


def _state_first(evidence: Evidence) -> bool:
    wants = evidence.expects("BYE MALFORMED")
    return wants and _came(evidence, "ERROR", ErrorCode.WRONG_STATE)


def _error_for_malformed(evidence: Evidence) -> str | bool:
    if not evidence.expects("BYE MALFORMED") or not _came(evidence, "ERROR"):
        return False
    return evidence.cause.fault if evidence.cause is not None and evidence.cause.fault else False


def _lax_utf8(evidence: Evidence) -> str | bool:
    cause = _malformed_cause(evidence)
    return cause if cause and "UTF-8" in cause else False


def _malformed_cause(evidence: Evidence) -> str:
    """What cannot be decoded in the frame that the server did not end the connection for; empty if there is none."""
    if not evidence.expects("BYE MALFORMED") or _came(evidence, "ERROR"):
        return ""
    if _came(evidence, "BYE", ByeCode.MALFORMED):
        return ""
    frames = evidence.sent(evidence.peer)
    faults = [each.fault for each in frames if each.fault]
    went_on = _served(evidence) or _came(evidence, "BYE", ByeCode.NORMAL) or _came(evidence, "MESSAGE")
    return faults[-1] if faults and went_on else ""


def _short_bodies(evidence: Evidence) -> str | bool:
    fault = _malformed_cause(evidence)
    return fault if fault and "UTF-8" not in fault and "ends" in fault else False


def _forms_unchecked(evidence: Evidence) -> str | bool:
    fault = _malformed_cause(evidence)
    return fault if fault and "UTF-8" not in fault and "ends" not in fault else False


def _wrongly_ended(evidence: Evidence) -> bool:
    """Was a connection ended as malformed at a good frame?"""
    malformed = _came(evidence, "BYE", ByeCode.MALFORMED, ByeCode.SERVER_FAILURE) and not evidence.expects("BYE")
    ended = evidence.finding.kind in (Kind.FIN, Kind.RST) and not evidence.expects("BYE", "the end")
    open_ = evidence.cause is not None and (not evidence.cause.ref or evidence.cause in evidence.unanswered)
    return malformed or (ended and open_)


def _flags(evidence: Evidence) -> bool:
    cause = evidence.cause
    return _wrongly_ended(evidence) and cause is not None and bool(cause.flags)


def _octets_behind(evidence: Evidence) -> str | bool:
    cause = evidence.cause
    behind = cause.behind if cause is not None and _wrongly_ended(evidence) else b""
    return f"{len(behind)} behind the fields of {cause.name}" if behind and cause is not None else False


def _unknown_type(evidence: Evidence) -> str | bool:
    cause = evidence.cause
    if cause is None or not _wrongly_ended(evidence) or cause.type in MESSAGES:
        return False
    return f"type {cause.type:#04x}"


def _unknown_capability(evidence: Evidence) -> bool:
    cause = evidence.cause
    if cause is None or not _wrongly_ended(evidence) or not isinstance(cause.message, Hello):
        return False
    known = {each.CAPABILITY for each in MESSAGES.values()} | {"history", "durable"}
    return any(name not in known for name in cause.message.capabilities) and not cause.flags and not cause.behind


def _bye_for_error(evidence: Evidence) -> str | bool:
    cause = evidence.cause
    if cause is None or not evidence.expects("ERROR ") or cause.fault or cause.type not in MESSAGES:
        return False
    return cause.name if _came(evidence, "BYE", ByeCode.MALFORMED) else False


def _ends_after_error(evidence: Evidence) -> str | bool:
    """ERROR was sent, and then the end."""
    if evidence.finding.kind not in (Kind.FIN, Kind.RST) or evidence.expects("BYE", "the end"):
        return False
    received = evidence.received(evidence.peer)
    last = received[-1] if received else None
    if last is None or not isinstance(last.message, Error):
        return False
    return str(getattr(ErrorCode(last.message.code), "name", "")) if last.message.code in list(ErrorCode) else "ERROR"


def _internal(evidence: Evidence) -> str | bool:
    if not evidence.expects("ERROR ") or evidence.expects("ERROR INTERNAL"):
        return False
    wanted = evidence.finding.expected.split()[1].partition("(")[0]
    return wanted if _came(evidence, "ERROR", ErrorCode.INTERNAL) else False


def _failed(evidence: Evidence) -> bool:
    return _came(evidence, "BYE", ByeCode.SERVER_FAILURE) and not evidence.expects("BYE SERVER_FAILURE")


def _magic(evidence: Evidence) -> str | bool:
    hello = evidence.cause.message if evidence.cause is not None else None
    if not isinstance(hello, Hello) or hello.magic == MAGIC or not _came(evidence, "WELCOME"):
        return False
    return f"{hello.magic!r} was welcomed"


def _version_unchecked(evidence: Evidence) -> str | bool:
    hello = evidence.cause.message if evidence.cause is not None else None
    if not isinstance(hello, Hello) or not _came(evidence, "WELCOME") or evidence.offender is None:
        return False
    if hello.min_version <= VERSION <= hello.max_version:
        return False
    return f"{hello.min_version} to {hello.max_version} was answered with {evidence.offender.get('version')}"


def _version_of_the_client(evidence: Evidence) -> str | bool:
    hello = evidence.cause.message if evidence.cause is not None else None
    if not isinstance(hello, Hello) or not _came(evidence, "WELCOME") or evidence.offender is None:
        return False
    version = evidence.offender.get("version")
    return f"{version}" if version == hello.max_version != VERSION and hello.min_version <= VERSION else False


def _state_unchecked(evidence: Evidence) -> str | bool:
    cause = evidence.cause
    if cause is None or evidence.finding.clause not in ("STATE-1", "STATE-2", "STATE-3") or not _served(evidence):
        return False
    return f"{cause.name} was answered {evidence.offender.name}" if cause.name and evidence.offender else False


def _fields_before_state(evidence: Evidence) -> bool:
    wants = evidence.expects("ERROR WRONG_STATE")
    return wants and _came(evidence, "ERROR", ErrorCode.BAD_FIELD, ErrorCode.TEXT_TOO_LONG)


def _listed_not_built(evidence: Evidence) -> str | bool:
    """A request of a capability that was negotiated is not known."""
    if evidence.expects("capabilities that the server has"):
        return evidence.finding.came.partition(" ")[0]
    if evidence.expects("ERROR", "BYE"):
        return False
    cause, offender = evidence.cause, evidence.offender
    cls = MESSAGES.get(cause.type) if cause is not None else None
    if cls is None or cls.CAPABILITY is None or not _came(evidence, "ERROR", ErrorCode.UNSUPPORTED) or offender is None:
        return False
    hello = [each.message for each in evidence.sent(evidence.peer) if isinstance(each.message, Hello)]
    welcome = [each for each in evidence.received(evidence.peer) if each.name == "WELCOME"]
    if not hello or not welcome or cls.CAPABILITY not in hello[-1].capabilities:
        return False
    return cls.CAPABILITY if cls.CAPABILITY in welcome[-1].get("capabilities") else False


def _not_negotiated(evidence: Evidence) -> str | bool:
    offender = evidence.offender
    cls = MESSAGES.get(offender.type) if offender is not None else None
    if cls is None or evidence.finding.clause != "CAP-2" or cls.CAPABILITY is None:
        return False
    return f"{cls.NAME} needs {cls.CAPABILITY}"


RULES: Final = (
    Rule(
        "state-before-decoding",
        "the state is looked at before the body is decoded",
        "Decode first: what cannot be decoded is BYE MALFORMED in every state [ERR-7].",
        _state_first,
    ),
    Rule(
        "error-for-malformed",
        "ERROR is sent where BYE MALFORMED is due ({})",
        "What cannot be decoded ends the connection; ERROR is for what is understood but refused [ERR-2].",
        _error_for_malformed,
    ),
    Rule(
        "lax-utf8",
        "octets that are not UTF-8 are taken ({})",
        "Decode strictly: most languages replace bad octets by U+FFFD unless told otherwise [FORM-2].",
        _lax_utf8,
    ),
    Rule(
        "short-bodies-taken",
        "a body that ends too early is taken ({})",
        "Check before each field that enough octets are left; else BYE MALFORMED [FORM-4].",
        _short_bodies,
    ),
    Rule(
        "forms-unchecked",
        "a field is taken whose form is broken ({})",
        "What cannot be decoded is BYE MALFORMED [ERR-2].",
        _forms_unchecked,
    ),
    Rule("flags-looked-at", "a frame is refused for its flags", "Ignore their value [FRAME-7].", _flags),
    Rule(
        "octets-behind-refused",
        "a frame is refused for octets that the server does not know ({})",
        "Later versions add fields there: ignore what stands behind the last field [FRAME-8].",
        _octets_behind,
    ),
    Rule(
        "unknown-type-ends",
        "an unknown type ends the connection ({})",
        "Answer ERROR UNSUPPORTED, or ignore it if its ref is 0 [ERR-4] [ERR-5].",
        _unknown_type,
    ),
    Rule(
        "unknown-capability-refused",
        "a capability that the server does not know ends the connection",
        "Ignore what you do not know in HELLO's list; the intersection is in force [CAP-1].",
        _unknown_capability,
    ),
    Rule(
        "bye-for-error",
        "BYE MALFORMED is sent where ERROR is due ({} can be decoded)",
        "What is understood but refused gets ERROR, and the connection lives on [ERR-1].",
        _bye_for_error,
    ),
    Rule(
        "ends-after-error",
        "the connection is closed after an ERROR ({})",
        "It lives on: only BYE ends a connection [ERR-1].",
        _ends_after_error,
    ),
    Rule(
        "internal-for-a-refusal",
        "ERROR INTERNAL is sent where {} is due",
        "Is it an exception that something catches for everything? Check the field before you use it.",
        _internal,
    ),
    Rule(
        "server-failure",
        "the server itself failed at this request (BYE SERVER_FAILURE)",
        "Its own output should say why.",
        _failed,
    ),
    Rule("magic-unchecked", "the magic of HELLO is not checked ({})", "Other octets than CAUS: BYE MALFORMED.", _magic),
    Rule(
        "version-unchecked",
        "the versions of HELLO are not checked ({})",
        "The version is the highest that both have; without one, BYE VERSION_UNSUPPORTED [HELLO-5].",
        _version_unchecked,
    ),
    Rule(
        "version-of-the-client",
        "WELCOME tells the client's highest version ({})",
        "Tell the highest that both have: it is 1 [HELLO-4].",
        _version_of_the_client,
    ),
    Rule(
        "state-unchecked",
        "a frame is served in a state in which it has no place ({})",
        "See the table in section 4.",
        _state_unchecked,
    ),
    Rule(
        "fields-before-state",
        "fields are looked at before the state",
        "A known frame out of place is ERROR WRONG_STATE, whatever stands in it [ERR-7].",
        _fields_before_state,
    ),
    Rule(
        "capability-not-built",
        "WELCOME lists {}, but its requests are not known",
        "List only what is built [CAP-1].",
        _listed_not_built,
    ),
    Rule(
        "capability-not-negotiated",
        "a frame is sent that was not negotiated ({})",
        "Send it only where HELLO and WELCOME both list the capability [CAP-2].",
        _not_negotiated,
    ),
)
