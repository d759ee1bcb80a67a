"""Mistakes in cutting the stream into frames: other protocols, the header, one read taken for one frame.

In here: rules that look at octets that are no frames, and at how frames were cut into writes.
"""

from __future__ import annotations

import re
from typing import Final

from causerie_conformance.diagnosis.evidence import Evidence, Frame, is_server_type
from causerie_conformance.diagnosis.rule import Rule
from causerie_spec.codes import HEADER_SIZE, MAX_BODY, MAX_BODY_BEFORE_READY, ByeCode

_TLS: Final = re.compile(rb"[\x15\x16]\x03[\x00-\x04]")
_HTTP: Final = re.compile(rb"HTTP/\d|<(!doctype )?html", re.IGNORECASE)
_JSON: Final = re.compile(rb'\s*[\[{]\s*["\[{\]}\d]')


def _octets(evidence: Evidence) -> bytes:
    """What should have been a frame's first octets."""
    return evidence.rest or evidence.finding.octets


def _http(evidence: Evidence) -> bool:
    return _HTTP.match(_octets(evidence)) is not None


def _tls(evidence: Evidence) -> bool:
    plain = not evidence.finding.clause.startswith("TLS-")  # else it is asked to
    return plain and _TLS.match(_octets(evidence)) is not None


def _json(evidence: Evidence) -> str | bool:
    octets = _octets(evidence)
    if _JSON.match(octets):
        return "there is no header before it"
    length = int.from_bytes(octets[:4], "big")
    if _JSON.match(octets[4:]) and length <= MAX_BODY:
        return "there is a length before it, but neither type nor ref"
    return False


def _lines(evidence: Evidence) -> str | bool:
    octets = evidence.rest
    text = octets[:64].rstrip(b"\r\n")
    if len(octets) < 4 or not text or any(not 0x20 <= octet < 0x7F for octet in re.sub(rb"[\r\n\t]", b"", text)):
        return False
    return repr(octets.split(b"\n")[0][:30].decode("ascii", "replace").rstrip("\r"))


def _line_ends(evidence: Evidence) -> str | bool:
    """A line end, or NUL, behind whole frames, and a header behind that."""
    octets, received = evidence.rest, evidence.received(evidence.peer)
    for mark, name in ((b"\r\n", "CR LF"), (b"\n", "LF"), (b"\0", "NUL")):
        behind = octets.removeprefix(mark)
        next_is_header = len(behind) >= HEADER_SIZE and is_server_type(behind[4])
        if octets.startswith(mark) and received and (not behind or (next_is_header and _plausible(behind[:4]))):
            return name
    offender = evidence.offender
    if offender is not None and offender.behind in (b"\r\n", b"\n"):
        return repr(offender.behind.decode()).strip("'")
    return False


def _plausible(length: bytes) -> bool:
    return int.from_bytes(length, "big") <= MAX_BODY


def _little_endian(evidence: Evidence) -> str | bool:
    octets = evidence.rest
    if len(octets) < HEADER_SIZE or not is_server_type(octets[4]):
        return False
    big, little = int.from_bytes(octets[:4], "big"), int.from_bytes(octets[:4], "little")
    if not (big > MAX_BODY >= little and little + HEADER_SIZE <= evidence.rest_size):
        return False
    return f"{octets[:4].hex(' ')} is {little} read that way; it should be {little.to_bytes(4, 'big').hex(' ')}"


def _counts_header(evidence: Evidence) -> str | bool:
    """A frame that waits for as many octets as its header has, or that swallows the next frame's header."""
    octets = evidence.rest
    if len(octets) >= HEADER_SIZE and is_server_type(octets[4]) and evidence.nothing_came:
        length, size = int.from_bytes(octets[:4], "big"), evidence.rest_size
        if size in (length, length + 4) and length >= 4:
            # of all 8 octets, or of the 4 that follow the length itself
            return f"it says {length}, and the body has {size - HEADER_SIZE} octets"
    offender = evidence.offender
    if offender is None or len(offender.behind) not in (4, HEADER_SIZE):
        return False
    first = int.from_bytes(offender.behind[:4], "big")
    if len(offender.behind) == HEADER_SIZE and is_server_type(offender.behind[4]) and first <= MAX_BODY:
        return f"it says {len(offender.body)}, and the fields take {len(offender.body) - HEADER_SIZE}"
    if len(offender.behind) == 4 and 0 < first <= MAX_BODY:
        return f"it says {len(offender.body)}, and the fields take {len(offender.body) - 4}"
    return False


def _short_header(evidence: Evidence) -> str | bool:
    """A body that begins too early, and can be decoded from there."""
    octets = _octets(evidence)
    if len(octets) < 5 or not is_server_type(octets[4]):
        return False
    if not evidence.rest and (evidence.offender is None or evidence.offender.message is not None):
        return False  # it can be read as it is
    length = int.from_bytes(octets[:4], "big")
    for size, left_out in ((5, "flags and ref"), (6, "ref"), (7, "flags, or ref of one octet")):
        body = octets[size : size + length]
        if (
            length
            and len(body) == length
            and not Frame.of(octets[4], body).behind
            and Frame.of(octets[4], body).message
        ):
            return left_out
    return False


def _short_length(evidence: Evidence) -> bool:
    """A length of two octets, with the type behind it."""
    octets = evidence.rest
    if len(octets) < 6 or int.from_bytes(octets[:4], "big") <= MAX_BODY or not is_server_type(octets[2]):
        return False
    length = int.from_bytes(octets[:2], "big")
    return 0 <= evidence.rest_size - length <= HEADER_SIZE


# One read is no frame


def _whole_and_alone(frame: Frame) -> bool:
    return frame.began == frame.ended and frame.place == 0


def _lost_step(evidence: Evidence) -> bool:
    """BYE for a header that nobody sent: the server went on at the wrong octet."""
    offender, sent = evidence.offender, evidence.sent(evidence.peer)
    if offender is None or offender.name != "BYE" or not sent or len(evidence.unfinished) >= HEADER_SIZE:
        return False
    if offender.ref not in {frame.ref for frame in sent} | {0}:
        return offender.get("code") in (ByeCode.FRAME_TOO_LARGE, ByeCode.MALFORMED)
    in_pieces = any(frame.began != frame.ended for frame in sent)
    small = all(len(frame.body) < MAX_BODY_BEFORE_READY - HEADER_SIZE for frame in sent)
    return offender.get("code") == ByeCode.FRAME_TOO_LARGE and in_pieces and small


def _one_read(evidence: Evidence) -> str | bool:
    if _lost_step(evidence):
        return "it went on reading in the middle of a frame"
    if not evidence.nothing_came or not evidence.unanswered:
        return False
    first = evidence.unanswered[0]
    if first.name in evidence.before.unanswered or first.cut:
        return False
    if first.began != first.ended and evidence.expects(*_answers(first)):
        return f"it does not answer {first.name}, which came in pieces"
    answered_before = any(
        each.ended == first.began and each.place < first.place and each.ref not in (0, first.ref)
        for each in evidence.sent(evidence.peer)
    )
    if first.began == first.ended and first.place and answered_before and evidence.expects(*_answers(first)):
        return f"it does not answer {first.name}, which came behind another frame"
    return False


def _answers(frame: Frame) -> tuple[str, ...]:
    """How what is expected begins, if it is the answer to that frame."""
    cls = type(frame.message)
    return (*getattr(cls, "ANSWERS", ()), *getattr(cls, "ITEMS", ()), "ERROR", "BYE")


def _limit_off(evidence: Evidence) -> str | bool:
    offender, cause = evidence.offender, evidence.cause
    if offender is None or offender.get("code") != ByeCode.FRAME_TOO_LARGE or offender.name != "BYE" or cause is None:
        return False
    if evidence.expects("BYE"):
        return False
    size = len(cause.body)
    limit = MAX_BODY if evidence.handle_of(evidence.peer) else MAX_BODY_BEFORE_READY
    if limit - HEADER_SIZE <= size <= limit:
        return f"{size} octets are allowed here, the header not counted"
    return False


def _flags_set(evidence: Evidence) -> str | bool:
    offender = evidence.offender
    return f"{offender.flags:#04x}" if offender is not None and evidence.finding.clause == "FRAME-6" else False


def _octets_behind(evidence: Evidence) -> str | bool:
    offender = evidence.offender
    if offender is None or evidence.finding.clause != "FRAME-9" or not offender.behind:
        return False
    size = len(offender.behind)
    zeros = ", all zero: a buffer of fixed size, or padding of a struct?" if not any(offender.behind) else ""
    return f"{offender.name} has {size} octet{'s' * (size != 1)} too many{zeros}"


def _reads_too_large(evidence: Evidence) -> str | bool:
    """A header that announces too much was sent alone, or with its body, and FRAME_TOO_LARGE did not come."""
    if not evidence.expects("BYE FRAME_TOO_LARGE"):
        return False
    header = evidence.unfinished[:HEADER_SIZE]
    if len(header) < HEADER_SIZE or _answered_otherwise(evidence):
        return False
    return f"the header alone says {int.from_bytes(header[:4], 'big')}"


def _answered_otherwise(evidence: Evidence) -> bool:
    offender = evidence.offender
    return offender is not None and offender.get("code") != ByeCode.HANDSHAKE_TIMEOUT


RULES: Final = (
    Rule(
        "http",
        "an HTTP server (or a WebSocket one) answers at this address",
        "Causerie is frames on a bare TCP connection: give the address at which your server listens for those.",
        _http,
    ),
    Rule(
        "tls",
        "the server speaks TLS, and the suite does not",
        "Give --tls (or --insecure, --ca-file FILE).",
        _tls,
    ),
    Rule(
        "json",
        "the server sends JSON ({})",
        "Bodies are binary fields in the order of section 2, behind a header of 8 octets [FRAME-1].",
        _json,
    ),
    Rule(
        "line-ends",
        "the server ends its frames with a line end or a terminator ({})",
        "Nothing stands between frames: a frame is as long as its header says [FRAME-1]. Is it print, puts or "
        "WriteLine that writes?",
        _line_ends,
    ),
    Rule(
        "lines",
        "the server speaks lines of text ({})",
        "Every frame begins with a header of 8 octets: length, type, flags, ref, all binary [FRAME-1].",
        _lines,
    ),
    Rule(
        "length-little-endian",
        "the length is written little-endian ({})",
        'All numbers are big-endian: struct.pack(">I"), htonl, writeUInt32BE.',
        _little_endian,
    ),
    Rule(
        "header-short",
        "the header is not whole: it has no {}",
        "It has 8 octets: length (4), type (1), flags (1), ref (2) [FRAME-1].",
        _short_header,
    ),
    Rule(
        "length-counts-header",
        "the length counts the header, or a part of it ({})",
        "It counts the octets of the body alone [FRAME-1].",
        _counts_header,
    ),
    Rule(
        "octets-behind-fields",
        "octets stand behind the last field ({})",
        "A body is its fields and nothing more; its length counts what you have written [FRAME-9].",
        _octets_behind,
    ),
    Rule("flags-set", "flags are not 0 ({})", "Send 0 there; version 1 has no flags [FRAME-6].", _flags_set),
    Rule(
        "length-of-2-octets",
        "the length is written in 2 octets",
        "It takes 4 [FRAME-1].",
        _short_length,
    ),
    Rule(
        "one-read-one-frame",
        "one read (recv) is taken for one frame: {}",
        "TCP cuts where it likes: keep a buffer for each connection, take a frame from it while it holds 8 + length "
        "octets, and keep the rest for the next read.",
        _one_read,
    ),
    Rule(
        "limit-off",
        "the limit of a body is off by one, or counts the header ({})",
        "Refuse what is longer than the limit, and only that [FRAME-5].",
        _limit_off,
    ),
    Rule(
        "waits-for-too-large",
        "the limit of a body is not checked, or only when all of the body is there ({})",
        "Decide from the header alone, by the limit of the state: 4,096 before READY, 65,535 after it [FRAME-4].",
        _reads_too_large,
    ),
)
