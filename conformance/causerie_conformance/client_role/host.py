"""The server's side of SCRAM-SHA-256 (RFC 5802, RFC 7677), with which cases tell the truth, or lie.

In here: server-first and server-final, and the check of a client's proof. It is written from the RFCs alone, apart from
the reference. Not in here: frames and verdicts.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
from typing import Final

from causerie_spec.codes import SCRAM_MIN_ITERATIONS

CLIENT_FIRST: Final = re.compile(
    r"(?P<header>[ny],,)(?P<bare>n=(?P<name>[^,]*),r=(?P<nonce>[\x21-\x2b\x2d-\x7e]+))(,.*)?"
)
"""client-first: no authzid, no channel binding."""


class Host:
    """One login. ``prepared`` is the password after SASLprep."""

    def __init__(self, prepared: str, client_first: bytes, *, iterations: int = SCRAM_MIN_ITERATIONS) -> None:
        text = client_first.decode(errors="replace")
        found = CLIENT_FIRST.fullmatch(text)
        self.well_formed = found is not None
        self.name = found["name"] if found else ""
        self.client_nonce = found["nonce"] if found else ""
        self._header = found["header"] if found else ""
        self._bare = text[len(self._header) :]
        self.nonce = self.client_nonce + secrets.token_urlsafe(18)
        self.salt = secrets.token_bytes(16)
        self.iterations = iterations
        self._prepared = prepared
        self._signature = b""

    @property
    def first(self) -> bytes:
        """server-first."""
        salt = base64.b64encode(self.salt).decode()
        return f"r={self.nonce},s={salt},i={self.iterations}".encode()

    def proves(self, client_final: bytes) -> str | None:
        """Is the proof right? None if it is, else what is wrong with it."""
        without, _, proof = client_final.decode(errors="replace").rpartition(",p=")
        binding = base64.b64encode(self._header.encode()).decode()
        if without != f"c={binding},r={self.nonce}":
            return f"{without!r} before the proof, instead of 'c={binding},r={self.nonce}'"
        salted = hashlib.pbkdf2_hmac("sha256", self._prepared.encode(), self.salt, self.iterations)
        message = f"{self._bare},{self.first.decode()},{without}".encode()
        key = hmac.digest(salted, b"Client Key", "sha256")
        signature = hmac.digest(hashlib.sha256(key).digest(), message, "sha256")
        wanted = bytes(a ^ b for a, b in zip(key, signature, strict=True))
        self._signature = hmac.digest(hmac.digest(salted, b"Server Key", "sha256"), message, "sha256")
        try:
            right = hmac.compare_digest(base64.b64decode(proof, validate=True), wanted)
        except ValueError:
            right = False
        return None if right else "a proof that the password does not give"

    def final(self, *, wrong: bool = False) -> bytes:
        """server-final, or one that the client must not believe."""
        signature = secrets.token_bytes(32) if wrong else self._signature
        return b"v=" + base64.b64encode(signature)
