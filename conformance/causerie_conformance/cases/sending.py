"""Step 4, the fields of SEND: conversation, txn, kind, text.

In here: one field's value and what the server makes of it. Everything is sent to the lobby, so that nothing
more than step 4 is needed.
"""

from __future__ import annotations

from causerie_conformance.arena import Arena, new_handle
from causerie_conformance.cases.errors import NOT_UTF8
from causerie_conformance.client import Client, citing, new_txn
from causerie_conformance.registry import case
from causerie_spec.codec import encode, frame
from causerie_spec.codes import LOBBY, MAX_TEXT, MAX_U64, ByeCode, ErrorCode
from causerie_spec.messages import Ack, Send


def refused_quietly(arena: Arena, message: Send, code: ErrorCode) -> None:
    """The SEND is refused with *code*, nobody hears it, no seq is used up, and the next one is taken."""
    alice, bob = arena.login("alice"), arena.login("bob")
    before, _ = alice.post()
    alice.refused(message, code)
    after, _ = alice.post()
    for client in (alice, bob):
        with citing("SEND-8"):
            client.hears_not(message)
            client.hear(before, alice.handle)
            client.hear(after, alice.handle)  # a gap in seq would show here


def relayed(arena: Arena, message: Send) -> None:
    """The SEND is taken, and comes to another as it was."""
    alice, bob = arena.login("alice"), arena.login("bob")
    ack = alice.ask(message, Ack)
    for client in (bob, alice):
        client.hear(message, alice.handle, ack=ack)


# conversation

BAD_CONVERSATIONS = {
    "empty": "",
    "no-sign": "lobby",
    "room-sign-alone": "#",
    "person-sign-alone": "@",
    "two-signs": "##a",
    "both-signs": "#@a",
    "capital": "#Lobby",
    "other-sign": "&a",
    "space-at-the-end": "#lobby ",
    "newline-at-the-end": "#lobby\n",
    "space-first": " #lobby",
    "33-letters": "#" + "a" * 33,
    "person-33-letters": "@" + "a" * 33,
    "dot-first": "@.a",
    "accent": "@élise",
    "fullwidth-sign": "＃lobby",
    "nul-at-the-end": "@alice\0",
}
"""Conversations that are of the wrong form."""


@case("lobby/bad-conversation-{}", "NAME-3", "ERR-6", "SEND-8", over=BAD_CONVERSATIONS)
def bad_conversation(arena: Arena, conversation: str) -> None:
    """SEND to an ill-formed conversation is ERROR BAD_FIELD"""
    refused_quietly(arena, Send(conversation, new_txn(), 0, "to nobody"), ErrorCode.BAD_FIELD)


@case("lobby/no-such-room", "NAME-4", "SEND-8")
def no_such_room(arena: Arena) -> None:
    """SEND to a well-formed room that does not exist is ERROR NO_SUCH_CONVERSATION"""
    message = Send("#" + new_handle("room"), new_txn(), 0, "to nobody")
    refused_quietly(arena, message, ErrorCode.NO_SUCH_CONVERSATION)


# txn and kind


@case("lobby/txn-0", "SEND-3", "ERR-6", "SEND-8")
def txn_0(arena: Arena) -> None:
    """txn 0 is ERROR BAD_FIELD"""
    refused_quietly(arena, Send(LOBBY, 0, 0, f"txn 0 {new_handle()}"), ErrorCode.BAD_FIELD)


_TXNS = {"2-to-the-63": 2**63, "2-to-the-53-plus-1": 2**53 + 1, "largest": MAX_U64}


@case("lobby/txn-{}", "MSG-5", over=_TXNS)
def txn(arena: Arena, value: int) -> None:
    """Any txn but 0 is taken and comes back in MESSAGE"""
    relayed(arena, Send(LOBBY, value, 0, f"a text of {new_handle()}"))


_KINDS = {"0": 0, "1": 1, "2": 2, "63": 63, "64": 64, "127": 127}


@case("lobby/kind-{}", "SEND-4", "MSG-5", over=_KINDS)
def kind(arena: Arena, value: int) -> None:
    """kind 0 to 127 is relayed as it came"""
    relayed(arena, Send(LOBBY, new_txn(), value, "of that kind"))


_BAD_KINDS = {"128": 128, "129": 129, "130": 130, "255": 255}


@case("lobby/kind-{}", "SEND-4", "ERR-6", "SEND-8", over=_BAD_KINDS)
def bad_kind(arena: Arena, value: int) -> None:
    """kind 128 to 255 in SEND is ERROR BAD_FIELD"""
    refused_quietly(arena, Send(LOBBY, new_txn(), value, f"forged {new_handle()}"), ErrorCode.BAD_FIELD)


# text

_TEXTS = {
    "byte-order-mark": "\ufeffBOM first",
    "line-ends": "one\r\ntwo\nthree\rfour\u2028five\n",
    "spaces": "  two before, two behind  ",
    "one-space": " ",
    "nul": "a\0b\0",
    "controls": "\x1b[2J\x07\x08\x7f",
    "composed": "\u00e9",
    "decomposed": "e\u0301",
    "ligature": "ﬁ K ①",
    "emoji": "👩\u200d👩\u200d👧 🏳️\u200d🌈",
    "right-to-left": "\u202eשלום\u202c",
    "replacement": "\ufffd",
    "not-characters": "\ufffe\uffff\U0010ffff",
    "last-of-each-length": "\x7f\u07ff\uffff\U0010ffff",
    "like-json": '{"a": "\\u0041", "b": [1]}',
    "like-markup": "<b>&amp;</b> %41 \\n $HOME",
    "like-a-command": "/quit",
}


@case("lobby/text-{}", "SEND-5", "FORM-3", "FORM-1", over=_TEXTS)
def text(arena: Arena, value: str) -> None:
    """The text is delivered octet for octet"""
    relayed(arena, Send(LOBBY, new_txn(), 0, value))


@case("lobby/text-empty", "SEND-6", "ERR-6", "SEND-8")
def text_empty(arena: Arena) -> None:
    """An empty text is ERROR BAD_FIELD"""
    refused_quietly(arena, Send(LOBBY, new_txn(), 0, ""), ErrorCode.BAD_FIELD)


_LONGEST = {
    "16384-octets": "x" * MAX_TEXT,
    "16384-octets-in-4096-characters": "🦊" * (MAX_TEXT // 4),
    "16383-octets": "é" * (MAX_TEXT // 2 - 1) + "x",
}


@case("lobby/text-{}", "SEND-7", "SEND-5", over=_LONGEST)
def text_longest(arena: Arena, value: str) -> None:
    """A text of 16,384 octets is delivered whole"""
    relayed(arena, Send(LOBBY, new_txn(), 0, value))


_TOO_LONG = {
    "16385-octets": "x" * (MAX_TEXT + 1),
    "16386-octets-in-8193-characters": "é" * (MAX_TEXT // 2 + 1),
    "60000-octets": "x" * 60_000,
}


@case("lobby/text-{}", "SEND-7", "SEND-8", over=_TOO_LONG)
def text_too_long(arena: Arena, value: str) -> None:
    """A longer text is ERROR TEXT_TOO_LONG, and is not cut"""
    refused_quietly(arena, Send(LOBBY, new_txn(), 0, value), ErrorCode.TEXT_TOO_LONG)


# The order of checks. (Two faults in one request, as nothing less can show an order.)

_ORDER = {
    "conversation-before-text": (Send("nowhere", 1, 0, "x" * 20_000), ErrorCode.BAD_FIELD),
    "txn-before-text": (Send(LOBBY, 0, 0, "x" * 20_000), ErrorCode.BAD_FIELD),
    "kind-before-text": (Send(LOBBY, 1, 200, "x" * 20_000), ErrorCode.BAD_FIELD),
    "txn-before-existence": (Send("#no-such-room", 0, 0, "x"), ErrorCode.BAD_FIELD),
    "kind-before-existence": (Send("#no-such-room", 1, 128, "x"), ErrorCode.BAD_FIELD),
    "empty-text-before-existence": (Send("#no-such-room", 1, 0, ""), ErrorCode.BAD_FIELD),
    "long-text-before-existence": (Send("#no-such-room", 1, 0, "x" * 20_000), ErrorCode.TEXT_TOO_LONG),
}


@case("lobby/order-{}", "ERR-7", over=_ORDER)
def order(arena: Arena, what: tuple[Send, ErrorCode]) -> None:
    """Checks are made from left to right, then existence"""
    message, code = what
    arena.login().refused(message, code)


# What cannot be decoded


def _ends_malformed(client: Client, octets: bytes) -> None:
    client.send_octets(octets)
    client.ends_with(ByeCode.MALFORMED, ref=int.from_bytes(octets[6:8], "big"))


@case("lobby/not-utf8-{}", "FORM-2", "ERR-2", "ERR-8", over=NOT_UTF8)
def not_utf8(arena: Arena, value: bytes) -> None:
    """SEND with a text that is not UTF-8 is BYE MALFORMED, and nobody hears it"""
    alice, bob = arena.login("alice"), arena.login("bob")
    message = Send(LOBBY, new_txn(), 0, "?")
    body = encode(message)[8:-3] + len(value).to_bytes(2, "big") + value
    _ends_malformed(alice, frame(Send.TYPE, body, ref=9))
    bob.hears_not(message)


@case("lobby/not-utf8-conversation", "FORM-2", "ERR-7")
def not_utf8_conversation(arena: Arena) -> None:
    """SEND to a conversation that is not UTF-8 is BYE MALFORMED, not BAD_FIELD"""
    body = b"\x03#\xff\xfe" + bytes(7) + b"\x01\x00\x00\x01x"
    _ends_malformed(arena.login(), frame(Send.TYPE, body, ref=9))


_BODY = encode(Send(LOBBY, 1, 0, "abc"), 9)[8:]
_CUTS = {"empty": 0, "conversation-cut": 4, "txn-missing": 7, "txn-cut": 14, "kind-missing": 15}
_MORE_CUTS = {"text-missing": 16, "text-length-cut": 17, "text-cut": 20}


@case("lobby/short-{}", "FORM-4", "ERR-2", "ERR-8", over=_CUTS | _MORE_CUTS)
def short(arena: Arena, length: int) -> None:
    """A SEND that ends before its last field is BYE MALFORMED"""
    _ends_malformed(arena.login(), frame(Send.TYPE, _BODY[:length], ref=9))


@case("lobby/ref-0", "ERR-3", "ERR-8", "STATE-4")
def ref_0(arena: Arena) -> None:
    """SEND with ref 0 is BYE MALFORMED, and nobody hears it"""
    alice, bob = arena.login("alice"), arena.login("bob")
    message = Send(LOBBY, new_txn(), 0, "x")
    alice.send_octets(encode(message, 0), "ref 0")
    alice.ends_with(ByeCode.MALFORMED, ref=0)
    bob.hears_not(message)
