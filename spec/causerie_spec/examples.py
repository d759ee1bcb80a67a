"""The worked examples of PROTOCOL.md: a session, and a SCRAM login, octet by octet.

In here: who sends which message, and how a frame is written down. The octets come from the codec, so that the
examples cannot differ from the declarations. In the text they stand between lines like those of `tables`.
"""

from collections.abc import Iterable
from typing import Final

from causerie_spec import codes
from causerie_spec.codec import encode
from causerie_spec.codes import ByeCode, ErrorCode
from causerie_spec.layout import walk
from causerie_spec.messages import (
    Ack,
    Auth,
    Bye,
    Challenge,
    ChatMessage,
    Error,
    Hello,
    Login,
    Message,
    Ping,
    Pong,
    Quit,
    Ready,
    Send,
    Welcome,
)

Line = tuple[str, int, Message, str]
"""Who sends (`client` or `server`), the ref, the message, and what to notice."""

_TOKEN: Final = bytes(range(0xA0, 0xC0))
_TIME: Final = 1_767_225_600_000

SESSION: Final[tuple[Line, ...]] = (
    (
        "client",
        1,
        Hello(codes.MAGIC, 1, 1, 60, "example 1.0", ()),
        "alice's client connects and says HELLO at once. The length counts the body alone, not the header.",
    ),
    ("client", 2, Login("TOKEN", "alice", "Alice é", _TOKEN), "It need not wait for WELCOME: this is pipelined."),
    (
        "server",
        1,
        Welcome(1, 60, _TIME, 0x0123456789ABCDEF, "demo", ("TOKEN",), ()),
        "The ref says that this answers HELLO. A CORE server: no capabilities.",
    ),
    ("server", 2, Ready("alice", "Alice é", b""), "alice is online. `é` has two octets."),
    ("client", 3, Send("#lobby", 0xA1, 0, "salut 🦊"), "One character, four octets."),
    (
        "server",
        0,
        ChatMessage("#lobby", 1, _TIME + 5, "alice", 0xA1, 0, "salut 🦊"),
        "To everybody online, alice too: an event, so ref 0, and it stands before the ACK.",
    ),
    ("server", 3, Ack(1, _TIME + 5, False), "The same seq and timestamp."),
    (
        "server",
        0,
        ChatMessage("@bob", 1, _TIME + 9, "bob", 0xB7, 0, "hi"),
        "bob wrote to `@alice`; alice sees the same log as `@bob`.",
    ),
    ("client", 4, Send("@carol", 0xA2, 0, "are you there?"), "carol is not online."),
    (
        "server",
        4,
        Error(ErrorCode.NO_SUCH_CONVERSATION, 0, "carol is not online"),
        "Understood, refused: the connection lives on.",
    ),
    ("client", 5, Ping(7), "A fence: whatever was caused before this comes before its answer."),
    ("server", 5, Pong(7), ""),
    ("client", 6, Quit(""), ""),
    ("server", 6, Bye(ByeCode.NORMAL, 0, ""), "The last frame; then FIN."),
)
"""One connection to a CORE server."""

SCRAM: Final[tuple[Line, ...]] = (
    (
        "client",
        2,
        Login("SCRAM-SHA-256", "user", "User", b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO"),
        "After HELLO and WELCOME. The password is `pencil`; nonces, salt and proofs are those of RFC 7677, section 3.",
    ),
    (
        "server",
        2,
        Challenge(b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"),
        "The state is *auth*.",
    ),
    (
        "client",
        3,
        Auth(
            b"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
        ),
        "",
    ),
    (
        "server",
        3,
        Ready("user", "User", b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="),
        "The client checks `v=` before it believes that it is logged in.",
    ),
)
"""A login with an account."""

_WIDE: Final = 24
"""Octets written in one line."""


def session() -> str:
    """The session as Markdown."""
    return _render(SESSION)


def scram() -> str:
    """The SCRAM login as Markdown."""
    return _render(SCRAM)


def _render(lines: Iterable[Line]) -> str:
    return "".join(
        f"**{who}: {message.NAME}**{_note(note)}\n\n```\n{_dump(message, ref)}```\n\n"
        for who, ref, message, note in lines
    )


def _note(note: str) -> str:
    return f" {note}" if note else ""


def _dump(message: Message, ref: int) -> str:
    """A frame, a field a line: octets, name, value."""
    data = encode(message, ref)
    rows = [
        (data[0:4], "length", str(len(data) - codes.HEADER_SIZE)),
        (data[4:5], "type", message.NAME),
        (data[5:6], "flags", ""),
        (data[6:8], "ref", str(ref)),
    ]
    body = data[codes.HEADER_SIZE :]
    for part in walk(type(message), body)[0]:
        if part.size:
            value = "" if isinstance(part.value, bytes) and not part.value.isascii() else _value(part.value)
            rows.append((body[part.offset : part.offset + part.size], part.label, value))
    return "".join(_row(octets, label, value) for octets, label, value in rows)


def _value(value: object) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def _row(octets: bytes, label: str, value: str) -> str:
    pieces = [octets[start : start + _WIDE].hex() for start in range(0, len(octets), _WIDE)]
    first = f"{pieces[0]:<{2 * _WIDE}}  {label:<20} {value}".rstrip()
    return "".join(f"{line}\n" for line in (first, *pieces[1:]))
