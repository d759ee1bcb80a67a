"""SCRAM's messages: unusual ones that are legal, and malformed ones.

In here: client-first and client-final, one fault at a time. Where that can be, the proof is right for what is sent, so
that only the fault is wrong. Not in here: passwords, states and failures (`scram`).
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Callable

from causerie_conformance.arena import Arena, new_handle
from causerie_conformance.cases.scram import NEEDS, challenged, enter, first, let_in, refuse
from causerie_conformance.registry import case
from causerie_conformance.scram import Exchange, new_nonce
from causerie_spec.codes import ErrorCode
from causerie_spec.messages import Auth

_TAKEN: dict[str, dict[str, str]] = {
    "flag-y": {"header": "y,,"},
    "nonce-of-one": {"nonce": "~"},
    "nonce-of-all-characters": {"nonce": "".join(map(chr, range(0x21, 0x7F))).replace(",", "")},
    "nonce-of-600": {"nonce": "long" * 150},
    "extension": {"more": ",x=later"},
    "extensions": {"more": ",x=é🦊,Z==,a=b"},
}


@case("scram/takes-{}", "SCRAM-5", "SCRAM-1", needs=NEEDS, over=_TAKEN)
def takes(arena: Arena, how: dict[str, str]) -> None:
    """A login with a client-first message that is unusual, but legal, succeeds"""
    account = arena.account()
    nonce = how.get("nonce", "")
    if nonce and nonce != "~":  # a fresh one all the same
        nonce += secrets.token_hex(4)
    exchange = Exchange(account.handle, account.prepared, **{**how, "nonce": nonce})
    enter(arena.greet(), account, exchange)


@case("scram/extension-in-final", "SCRAM-5", needs=NEEDS)
def extension_in_final(arena: Arena) -> None:
    """Unknown extensions in client-final are ignored, and are part of what is signed"""
    account = arena.account()
    client = arena.greet()
    exchange = Exchange(account.handle, account.prepared)
    challenged(client, account.handle, exchange)
    let_in(client, exchange, client.send(Auth(exchange.final(f"{exchange.signed},x=later,Y=é"))))


Change = Callable[[Exchange], bytes]

_FINALS: dict[str, Change] = {
    "empty": lambda _: b"",
    "garbage": lambda _: b"\x03\xff\x00\xff",
    "nul-behind": lambda exchange: exchange.final() + b"\0",
    "comma-behind": lambda exchange: exchange.final() + b",",
    "something-behind": lambda exchange: exchange.final() + b",x=y",
    "no-proof": lambda exchange: exchange.signed.encode(),
    "empty-proof": lambda exchange: exchange.signed.encode() + b",p=",
    "short-proof": lambda exchange: _with_proof(exchange, lambda proof: proof[:-1]),
    "long-proof": lambda exchange: _with_proof(exchange, lambda proof: proof + b"\0"),
    "proof-of-zeros": lambda exchange: _with_proof(exchange, lambda _: bytes(32)),
    "proof-not-base64": lambda exchange: exchange.final()[:-4] + b"(!)=",
    "no-binding": lambda exchange: exchange.final(f"r={exchange.full_nonce}"),
    "empty-binding": lambda exchange: exchange.final(f"c=,r={exchange.full_nonce}"),
    "binding-not-base64": lambda exchange: exchange.final(f"c=b!ws,r={exchange.full_nonce}"),
    "other-binding": lambda exchange: exchange.final(f"c={_b64(b'y,,')},r={exchange.full_nonce}"),
    "binding-with-data": lambda exchange: exchange.final(f"c={_b64(b'n,,data')},r={exchange.full_nonce}"),
    "binding-with-authzid": lambda exchange: exchange.final(f"c={_b64(b'n,a=bob,')},r={exchange.full_nonce}"),
    "no-nonce": lambda exchange: exchange.final(f"c={exchange.binding}"),
    "nonce-first": lambda exchange: exchange.final(f"r={exchange.full_nonce},c={exchange.binding}"),
    "own-nonce-alone": lambda exchange: exchange.final(f"c={exchange.binding},r={exchange.nonce}"),
    "longer-nonce": lambda exchange: exchange.final(f"{exchange.signed}x"),
    "shorter-nonce": lambda exchange: exchange.final(exchange.signed[:-1]),
    "other-nonce": lambda exchange: exchange.final(f"c={exchange.binding},r={exchange.full_nonce[::-1]}"),
    "mandatory-extension": lambda exchange: exchange.final(f"{exchange.signed},m=x"),
    "mandatory-extension-first": lambda exchange: exchange.final(f"m=x,{exchange.signed}"),
    "client-first-again": lambda exchange: exchange.first,
}
"""Client-final messages with one fault each; where that can be, the proof is right for what is sent."""


def _b64(octets: bytes) -> str:
    return base64.b64encode(octets).decode()


def _with_proof(exchange: Exchange, change: Callable[[bytes], bytes]) -> bytes:
    signed, _, proof = exchange.final().partition(b",p=")
    return signed + b",p=" + base64.b64encode(change(base64.b64decode(proof)))


@case("scram/final-{}", "SCRAM-5", "SCRAM-7", needs=NEEDS, over=_FINALS)
def bad_final(arena: Arena, change: Change) -> None:
    """A client-final message that is malformed is ERROR AUTH_FAILED"""
    account = arena.account()
    client = arena.greet()
    exchange = Exchange(account.handle, account.prepared)
    challenged(client, account.handle, exchange)
    refuse(client, change(exchange))
    enter(client, account)


# Client-first messages


_FIRSTS: dict[str, bytes] = {
    "empty": b"",
    "garbage": b"\x03\xff\x00\xff",
    "one-letter": b"n",
    "commas": b",,",
    "header-alone": b"n,,",
    "no-header": b"n=HANDLE,r=NONCE",
    "one-comma": b"n,n=HANDLE,r=NONCE",
    "three-commas": b"n,,,n=HANDLE,r=NONCE",
    "capital-flag": b"N,,n=HANDLE,r=NONCE",
    "other-flag": b"z,,n=HANDLE,r=NONCE",
    "no-flag": b",,n=HANDLE,r=NONCE",
    "channel-binding": b"p=tls-exporter,,n=HANDLE,r=NONCE",
    "channel-binding-unknown": b"p=x,,n=HANDLE,r=NONCE",
    "authzid": b"n,a=bob,n=HANDLE,r=NONCE",
    "authzid-same": b"n,a=HANDLE,n=HANDLE,r=NONCE",
    "authzid-without-a": b"n,bob,n=HANDLE,r=NONCE",
    "mandatory-extension": b"n,,m=x,n=HANDLE,r=NONCE",
    "mandatory-extension-last": b"n,,n=HANDLE,r=NONCE,m=x",
    "no-name": b"n,,r=NONCE",
    "empty-name": b"n,,n=,r=NONCE",
    "name-last": b"n,,r=NONCE,n=HANDLE",
    "other-name": b"n,,n=bob,r=NONCE",
    "longer-name": b"n,,n=HANDLEx,r=NONCE",
    "name-with-space": b"n,,n=HANDLE ,r=NONCE",
    "name-with-sign": b"n,,n=@HANDLE,r=NONCE",
    "name-with-bare-equals": b"n,,n=HANDLE=,r=NONCE",
    "name-with-comma": b"n,,n=HANDLE=2C,r=NONCE",
    "name-not-utf8": b"n,,n=HANDLE\xff,r=NONCE",
    "no-nonce": b"n,,n=HANDLE",
    "empty-nonce": b"n,,n=HANDLE,r=",
    "nonce-with-space": b"n,,n=HANDLE,r=NON CE",
    "nonce-with-newline": b"n,,n=HANDLE,r=NONCE\n",
    "nonce-with-nul": b"n,,n=HANDLE,r=NONCE\0",
    "nonce-with-accent": "n,,n=HANDLE,r=NONCEé".encode(),
    "comma-behind": b"n,,n=HANDLE,r=NONCE,",
    "extension-without-value": b"n,,n=HANDLE,r=NONCE,x=",
    "extension-without-equals": b"n,,n=HANDLE,r=NONCE,x",
    "extension-of-a-digit": b"n,,n=HANDLE,r=NONCE,1=x",
    "client-final": b"c=biws,r=NONCE,p=AAAA",
}
"""Client-first messages with one fault each."""


@case("scram/first-{}", "SCRAM-5", "SCRAM-7", needs=NEEDS, over=_FIRSTS)
def bad_first(arena: Arena, template: bytes) -> None:
    """A client-first message that is malformed, or asks for what there is not, is ERROR AUTH_FAILED at LOGIN"""
    client = arena.greet()
    handle = new_handle()
    payload = template.replace(b"HANDLE", handle.encode()).replace(b"NONCE", new_nonce().encode())
    client.refused(first(handle, payload), ErrorCode.AUTH_FAILED)
    client.fence()
    arena.enter(client)


@case("scram/capital-name", "SCRAM-2", "SCRAM-5", needs=NEEDS)
def capital_name(arena: Arena) -> None:
    """A SCRAM user name that is the handle in capitals is ERROR AUTH_FAILED"""
    handle = new_handle()
    payload = f"n,,n={handle.upper()},r={new_nonce()}".encode()
    arena.greet().refused(first(handle, payload), ErrorCode.AUTH_FAILED)
