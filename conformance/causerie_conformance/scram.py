"""The suite's own side of SCRAM-SHA-256 (RFC 5802, RFC 7677): a client's messages, from which cases make wrong ones.

In here: what a client sends, and what it must get. It is written from the RFCs alone, apart from the reference. Not in
here: frames and verdicts (`cases.scram`).
"""

from __future__ import annotations

import base64
import functools
import hashlib
import hmac
import re
import secrets
from typing import Final

HEADER: Final = "n,,"
"""No channel binding, no authzid."""
SERVER_FIRST: Final = re.compile(
    r"r=([\x21-\x2b\x2d-\x7e]+),s=([A-Za-z0-9+/]+={0,2}),i=([1-9][0-9]*)((?:,[A-Za-z]=[^\0,]+)*)"
)
"""server-first: nonce, salt, iterations, extensions."""


def new_nonce() -> str:
    """A client's nonce."""
    return secrets.token_hex(12)


@functools.lru_cache(maxsize=64)
def _salted(prepared: str, salt: bytes, iterations: int) -> bytes:
    return hashlib.pbkdf2_hmac("sha256", prepared.encode(), salt, iterations)


class Exchange:
    """One login of *handle*, with a password that SASLprep has been through."""

    def __init__(
        self, handle: str, prepared: str = "", *, nonce: str = "", header: str = HEADER, more: str = ""
    ) -> None:
        self.nonce = nonce or new_nonce()
        self._prepared = prepared
        self._header = header
        self._bare = f"n={handle},r={self.nonce}{more}"
        self.server_first = ""
        self.full_nonce = ""
        self.salt = b""
        self.iterations = 0
        self.server_final = b""
        """What READY owes, once `final` was called."""

    @property
    def first(self) -> bytes:
        """The client-first message."""
        return (self._header + self._bare).encode()

    def take(self, server_first: bytes) -> str | None:
        """Take the server-first message in; what is wrong with it in words, None if nothing is."""
        self.server_first = server_first.decode(errors="replace")
        found = SERVER_FIRST.fullmatch(self.server_first)
        if found is None:
            return "server-first: r=NONCE,s=SALT in Base64,i=COUNT"
        self.full_nonce, salt, count, extensions = found.groups()
        try:
            self.salt = base64.b64decode(salt, validate=True)
        except ValueError:
            return "a salt in Base64"
        if ",m=" in extensions:
            return "no mandatory extension"
        if not self.full_nonce.startswith(self.nonce) or self.full_nonce == self.nonce:
            return f"a nonce that begins with {self.nonce}, and goes on"
        self.iterations = int(count)
        return None

    def final(self, signed: str | None = None, *, flip: int | None = None) -> bytes:
        """client-final, with the right proof for *signed* (what is before ``,p=``), or with bit *flip* of it wrong."""
        signed = self.signed if signed is None else signed
        salted = _salted(self._prepared, self.salt, self.iterations)
        message = ",".join((self._bare, self.server_first, signed)).encode()
        key = hmac.digest(salted, b"Client Key", "sha256")
        signature = hmac.digest(hashlib.sha256(key).digest(), message, "sha256")
        proof = bytearray(a ^ b for a, b in zip(key, signature, strict=True))
        if flip is not None:
            proof[flip // 8] ^= 1 << flip % 8
        server_key = hmac.digest(salted, b"Server Key", "sha256")
        self.server_final = b"v=" + base64.b64encode(hmac.digest(server_key, message, "sha256"))
        return f"{signed},p={base64.b64encode(bytes(proof)).decode()}".encode()

    def is_proved_by(self, server_final: bytes) -> bool:
        """Is that the server's proof, whatever extensions stand behind it?"""
        proof, _, more = server_final.partition(b",")
        return proof == self.server_final and b",m=" not in b"," + more

    @property
    def signed(self) -> str:
        """client-final without its proof."""
        return f"c={self.binding},r={self.full_nonce}"

    @property
    def binding(self) -> str:
        """The value of ``c=``."""
        return base64.b64encode(self._header.encode()).decode()

    def guess(self) -> bytes:
        """A client-final message in form, whose proof nobody could make."""
        return f"{self.signed},p={base64.b64encode(secrets.token_bytes(32)).decode()}".encode()
