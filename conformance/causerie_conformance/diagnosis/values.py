"""Wrong values: byte order and size of numbers, units of time, texts that were changed, names.

In here: rules that compare what came with what was sent.
"""

from __future__ import annotations

import struct
import unicodedata
from collections.abc import Callable
from typing import Any, Final

from causerie_conformance.diagnosis.evidence import Evidence, Frame
from causerie_conformance.diagnosis.rule import Rule
from causerie_conformance.problems import Kind
from causerie_spec.codes import MAX_DISPLAY, MAX_TEXT
from causerie_spec.messages import ChatMessage

_NOW: Final = range(10**12, 10**13)
"""Milliseconds between 2001 and 2286."""
_OF_OUR_DAYS: Final = range(1_500_000_000_000, 3_000_000_000_000)
"""The same between 2017 and 2065: what another unit is guessed by."""
_TIMES: Final = ("server_time", "timestamp", "last_seen")
_LOW_32: Final = 2**32 - 1


# Times


def _time(evidence: Evidence) -> int | None:
    """A time that is no time in milliseconds."""
    offender = evidence.offender
    if offender is None or evidence.finding.clause != "TIME-1":
        return None
    values = [offender.get(name) for name in _TIMES]
    return next((value for value in values if value is not None and value not in _NOW), None)


def _seconds(evidence: Evidence) -> str | bool:
    time = _time(evidence)
    return str(time) if time is not None and time * 1000 in _OF_OUR_DAYS else False


def _too_fine(evidence: Evidence) -> str | bool:
    time = _time(evidence)
    if time is None:
        return False
    units = {10**3: "microseconds", 10**6: "nanoseconds"}
    return next((f"{time}: {unit}" for by, unit in units.items() if time // by in _OF_OUR_DAYS), False)


def _no_wall_clock(evidence: Evidence) -> str | bool:
    time = _time(evidence)
    return str(time) if time is not None and 0 < time < 10**9 else False


def _time_swapped(evidence: Evidence) -> bool:
    time = _time(evidence)
    return time is not None and _swapped(time) in _OF_OUR_DAYS


# Numbers


def _swapped(value: int) -> int:
    return int(struct.unpack("<Q", struct.pack(">Q", value))[0])


def _numbers(evidence: Evidence) -> tuple[int, int] | None:
    """A number of 64 bits that was sent, and what it came back as: a token, or a txn."""
    offender = evidence.offender
    if offender is None or evidence.finding.kind is not Kind.VALUE:
        return None
    if offender.name == "PONG" and evidence.cause is not None:
        pair = (evidence.cause.get("token"), offender.get("token"))
    elif isinstance(offender.message, ChatMessage):
        pair = (
            _send_like(evidence, offender.message).txn if _send_like(evidence, offender.message) else None,
            offender.message.txn,
        )
    else:
        return None
    sent, came = pair
    return (sent, came) if sent is not None and sent != came else None


def _send_like(evidence: Evidence, message: ChatMessage) -> Any:
    """The last SEND with that text."""
    sends = [each.message for each in evidence.sent() if each.name == "SEND" and each.message is not None]
    return next((send for send in reversed(sends) if send.text == message.text), None)


def _number(change: Callable[[int], int]) -> Callable[[Evidence], str | bool]:
    def found(evidence: Evidence) -> str | bool:
        pair = _numbers(evidence)
        return f"{pair[0]} came back as {pair[1]}" if pair is not None and change(pair[0]) == pair[1] else False

    return found


def _clipped(value: int) -> int:
    return min(value, 2**63 - 1) if value >= 2**63 else -1


def _txn_lost(evidence: Evidence) -> bool:
    offender = evidence.offender
    if offender is None or not isinstance(offender.message, ChatMessage) or offender.message.txn:
        return False
    send = _send_like(evidence, offender.message)
    return send is not None and send.txn != 0


# Texts


def _texts(evidence: Evidence) -> tuple[str, str] | None:
    """A text that was sent, and what it came as, when they differ."""
    offender = evidence.offender
    if offender is not None and offender.name == "ACK" and evidence.finding.clause == "SEND-5":
        offender = _told(evidence)
    message = offender.message if offender is not None else None
    if not isinstance(message, ChatMessage) or (offender is not None and offender.cut):
        return None
    send = evidence.send_of(message)
    return (send.text, message.text) if send is not None and send.text != message.text else None


def _told(evidence: Evidence) -> Frame | None:
    """The MESSAGE of the SEND that an ACK answers: it came before, and was found wrong only then."""
    txn = evidence.cause.get("txn") if evidence.cause is not None else None
    return next((each for each in evidence.received() if each.name == "MESSAGE" and each.get("txn") == txn), None)


def _text(change: Callable[[str], str]) -> Callable[[Evidence], bool]:
    def found(evidence: Evidence) -> bool:
        pair = _texts(evidence)
        return pair is not None and pair[1] == change(pair[0])

    return found


def _normalized(evidence: Evidence) -> str | bool:
    pair = _texts(evidence)
    if pair is None:
        return False
    forms: tuple[Any, ...] = ("NFC", "NFD", "NFKC", "NFKD")
    return next((form for form in forms if unicodedata.normalize(form, pair[0]) == pair[1]), False)


def _trimmed(evidence: Evidence) -> bool:
    pair = _texts(evidence)
    if pair is None:
        return False
    text = pair[0]
    return pair[1] in {text.strip(), text.lstrip(), text.rstrip(), text.strip(" "), text.rstrip("\r\n")}


def _line_ends(evidence: Evidence) -> bool:
    pair = _texts(evidence)
    if pair is None or not any(char in pair[0] for char in "\r\n"):
        return False
    return pair[1].replace("\r\n", "\n").replace("\r", "\n") == pair[0].replace("\r\n", "\n").replace("\r", "\n")


def _replaced(evidence: Evidence) -> bool:
    pair = _texts(evidence)
    return pair is not None and "\ufffd" in pair[1] and "\ufffd" not in pair[0]


def _ends_at_nul(evidence: Evidence) -> bool:
    pair = _texts(evidence)
    return pair is not None and "\0" in pair[0] and pair[1] == pair[0].partition("\0")[0]


def _cut(evidence: Evidence) -> str | bool:
    pair = _texts(evidence)
    if pair is None or not pair[1] or not pair[0].startswith(pair[1]):
        return False
    return f"{len(pair[0].encode())} octets came as {len(pair[1].encode())}"


# Characters and octets


def _utf16(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def _characters(evidence: Evidence) -> str | bool:
    return _length_in_characters(evidence) or _limit_in_characters(evidence)


def _length_in_characters(evidence: Evidence) -> str | bool:
    """A text stands in what came behind a length that counts its characters."""
    came = [evidence.finding.octets, evidence.rest]
    came += [each.octets for each in evidence.received(evidence.peer)[-3:]]
    for text in _sent_texts(evidence):
        octets = text.encode()
        for length in {len(text), _utf16(text)} - {len(octets)}:
            for size in (1, 2):
                begin = length.to_bytes(size, "big") if length < 256**size else b"?" * 9
                pieces = [begin + octets[: len(octets) - behind] for behind in (0, len(octets) - length)]
                if len(octets) > 3 and any(piece in each for piece in pieces for each in came):
                    return f"{text[:12]!r} has {length} characters and {len(octets)} octets"
    return False


def _sent_texts(evidence: Evidence) -> list[str]:
    """Texts that are not ASCII, as the suite sent them."""
    fields = ("text", "display", "agent", "reason")
    texts = [each.get(name) for each in evidence.sent() for name in fields if not each.cut]
    return [text for text in texts if isinstance(text, str) and not text.isascii()]


def _limit_in_characters(evidence: Evidence) -> str | bool:
    """A text over the limit in octets, not in characters, is taken."""
    cause, offender = evidence.cause, evidence.offender
    if cause is None or offender is None or "limit-missing" in evidence.before.named:
        return False
    limits = {"SEND": ("text", MAX_TEXT, "ACK"), "LOGIN": ("display", MAX_DISPLAY, "READY")}
    name, limit, taken = limits.get(cause.name, ("", 0, ""))
    value = _whole(cause, name)
    if offender.name != taken or not evidence.expects("ERROR") or value is None:
        return False
    octets, counted = value
    return f"{octets} octets are {counted} characters" if octets > limit >= counted else False


def _whole(frame: Frame, name: str) -> tuple[int, int] | None:
    """Octets and characters of a field, also of a frame of which only the beginning was kept; None if it is ASCII."""
    value = frame.get(name)
    if not isinstance(value, str):
        return None
    if not frame.cut:
        return None if value.isascii() else (len(value.encode()), len(value))
    kept = value.rstrip("\0")
    if kept.isascii():
        return None
    octets = len(value.encode())
    return octets, octets * len(kept) // len(kept.encode())


def _limit_missing(evidence: Evidence) -> str | bool:
    """A text over the limit is taken, in characters as well as in octets."""
    cause, offender = evidence.cause, evidence.offender
    if cause is None or cause.name != "SEND":
        return False
    octets = len((cause.get("text") or "").encode())
    counted = _whole(cause, "text")
    if octets <= MAX_TEXT or (counted is not None and counted[1] <= MAX_TEXT):
        return False
    taken = offender is not None and offender.name in ("ACK", "MESSAGE") and offender.get("duplicate") is not True
    return f"{octets} octets were taken, 16,384 is the most" if taken else False


# Names


def _name_taken(evidence: Evidence) -> str | None:
    """An ill-formed name that was taken."""
    offender, cause = evidence.offender, evidence.cause
    if offender is None or cause is None or offender.name in ("ERROR", "BYE"):
        return None
    if evidence.finding.clause not in ("NAME-1", "NAME-3", "NAME-6", "ERR-6") and not evidence.expects(
        "ERROR BAD_FIELD"
    ):
        return None
    for field in ("handle", "conversation"):
        value = cause.get(field)
        if isinstance(value, str) and value:
            return value.lstrip("#@") if field == "conversation" else value
    return None


def _name(wrong: Callable[[str], bool]) -> Callable[[Evidence], str | bool]:
    def found(evidence: Evidence) -> str | bool:
        name = _name_taken(evidence)
        return repr(name[:20]) if name is not None and wrong(name) else False

    return found


def _sign(evidence: Evidence) -> str | bool:
    """A handle with a sign, or a conversation without."""
    offender = evidence.offender
    if offender is None or evidence.finding.clause != "NAME-6":
        return False
    for field in ("sender", "handle"):
        value = offender.get(field)
        if isinstance(value, str) and value[:1] in ("@", "#"):
            return f"{field} is {value[:20]!r}: handles stand bare there"
    value = offender.get("conversation")
    if isinstance(value, str) and value and value[0] not in "@#":
        return f"conversation is {value[:20]!r}: it needs its # or @"
    return False


RULES: Final = (
    Rule(
        "characters-for-octets",
        "characters are counted for octets ({})",
        "All lengths and limits count octets of UTF-8: encode first, then measure.",
        _characters,
    ),
    Rule(
        "limit-missing",
        "the limit of a text is not checked ({})",
        "Answer ERROR TEXT_TOO_LONG, and never cut a text [SEND-7].",
        _limit_missing,
    ),
    Rule(
        "seconds-for-milliseconds",
        "a time is in seconds ({})",
        "All times are milliseconds since 1970: multiply by 1000 before you round [TIME-1].",
        _seconds,
    ),
    Rule(
        "time-too-fine",
        "a time is in a finer unit ({})",
        "All times are milliseconds since 1970 [TIME-1].",
        _too_fine,
    ),
    Rule(
        "no-wall-clock",
        "a time is taken from a clock that does not count from 1970 ({})",
        "Take the wall clock, not a monotonic one or the time since the start, in milliseconds [TIME-1].",
        _no_wall_clock,
    ),
    Rule("time-swapped", "a u64 is written little-endian", "All numbers are big-endian.", _time_swapped),
    Rule("txn-lost", "MESSAGE does not carry the txn of its SEND", "Copy all 64 bits of it [MSG-5].", _txn_lost),
    Rule("number-swapped", "a u64 is byte-swapped ({})", "All numbers are big-endian.", _number(_swapped)),
    Rule(
        "number-as-double",
        "a u64 went through a floating-point number, which holds 53 bits ({})",
        "Use a 64-bit integer: readBigUInt64BE and BigInt in JavaScript.",
        _number(lambda value: int(float(value))),
    ),
    Rule(
        "number-of-32-bits",
        "a u64 was cut to 32 bits ({})",
        "Use an unsigned 64-bit integer.",
        _number(lambda value: value & _LOW_32),
    ),
    Rule(
        "number-signed",
        "a u64 went through a signed number ({})",
        "Use an unsigned 64-bit integer, or keep the 8 octets as they came.",
        _number(_clipped),
    ),
    Rule(
        "byte-order-mark-stripped",
        "U+FEFF at the start of a text was stripped",
        "Decode without taking it for a byte order mark: {ignoreBOM: true} in JavaScript, utf-8 and not utf-8-sig in "
        "Python [FORM-3].",
        _text(lambda text: text.removeprefix("\ufeff")),
    ),
    Rule(
        "text-normalized",
        "the text was normalized ({})",
        "Relay it octet for octet; compare and store what came [SEND-5].",
        _normalized,
    ),
    Rule(
        "text-trimmed",
        "white space at the end or the start of a text was stripped",
        "Relay it octet for octet [SEND-5]: no trim, strip or chomp.",
        _trimmed,
    ),
    Rule(
        "line-ends-changed",
        "line ends in a text were changed",
        "Relay it octet for octet [SEND-5]: write binary, not through a text stream.",
        _line_ends,
    ),
    Rule(
        "text-replaced",
        "octets of a text were replaced by U+FFFD",
        "Decode strictly, and relay what came octet for octet [SEND-5].",
        _replaced,
    ),
    Rule(
        "text-ends-at-nul",
        "a text ends at its first NUL",
        "It is as long as its length says: use no C strings [SEND-5].",
        _ends_at_nul,
    ),
    Rule("text-cut", "a text was cut ({})", "Deliver it whole, or refuse it [SEND-5].", _cut),
    Rule(
        "newline-behind-a-name",
        "a line end at the end of a name is let through ({})",
        "`$` in a pattern also matches before a final newline: use fullmatch, or \\z.",
        _name(lambda name: name.endswith("\n") and not name[:-1].endswith("\n")),
    ),
    Rule(
        "names-in-capitals",
        "capital letters are let through in a name ({})",
        "Names are [a-z0-9], then up to 31 of [a-z0-9_.-], compared octet for octet: refuse others, and fold nothing "
        "[NAME-1].",
        _name(lambda name: name != name.lower() and name.isascii()),
    ),
    Rule(
        "names-not-ascii",
        "letters beyond ASCII are let through in a name ({})",
        "Names are [a-z0-9], then up to 31 of [a-z0-9_.-]: isalnum, isLetter and \\w take more [NAME-1].",
        _name(lambda name: not name.isascii()),
    ),
    Rule(
        "name-with-a-sign",
        "a name has the wrong form for its place ({})",
        "A conversation is written with # or @, a handle without [NAME-6].",
        _sign,
    ),
)
