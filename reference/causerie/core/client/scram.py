"""The client's side of SCRAM-SHA-256: a password, and one login with it.

In here: client-first and client-final messages, and the checks of what the server says [SCRAM-6]. Not in here: what
both sides compute (`causerie.core.scram`), frames and states (`connection`).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from typing import Final

from causerie.core import saslprep, scram
from causerie.core.client.backoff import Randomness
from causerie.core.client.errors import ImpostorError, RemoteProtocolError
from causerie_spec.codes import SCRAM_MAX_ITERATIONS, SCRAM_MIN_ITERATIONS

_HEADER: Final = "n,,"
"""No channel binding, no authzid [SCRAM-2]."""
_CHALLENGE: Final = re.compile(
    rf"r={scram.NONCE},s=(?P<salt>[^\0,]+),i=(?P<iterations>[1-9][0-9]{{0,8}}){scram.EXTENSIONS}"
)
_MAX_SALT: Final = 1_024
"""Octets of a salt, at most: it is hashed together with the password."""


class Password:
    """A password, prepared [SCRAM-3]. Its keys are kept from login to login, because they take long to compute.

    *randomness* makes nonces: it must be cryptographic. Raises ValueError for a password that has no prepared form.
    """

    __slots__ = ("_derived", "_prepared", "_randomness")

    def __init__(self, text: str, randomness: Randomness) -> None:
        self._prepared = saslprep.prepare(text)
        self._randomness = randomness
        self._derived: tuple[bytes, int, tuple[bytes, bytes]] | None = None

    def __repr__(self) -> str:
        return "Password()"

    def begin(self, handle: str) -> Exchange:
        """A login with it."""
        nonce = scram.base64_of(self._randomness.getrandbits(144).to_bytes(18, "big"))
        return Exchange(self, handle, nonce)

    def keys(self, salt: bytes, iterations: int) -> tuple[bytes, bytes]:
        """ClientKey and ServerKey; up to a second of work the first time."""
        if self._derived is None or self._derived[:2] != (salt, iterations):
            self._derived = (salt, iterations, scram.derive(self._prepared, salt, iterations))
        return self._derived[2]


class Exchange:
    """One login; *first* is the client-first message."""

    __slots__ = ("_bare", "_nonce", "_password", "_signature", "first")

    def __init__(self, password: Password, handle: str, nonce: str) -> None:
        self._password = password
        self._nonce = nonce
        self._bare = f"n={handle},r={nonce}"
        self._signature: bytes | None = None
        self.first = (_HEADER + self._bare).encode()

    def prove(self, challenge: bytes) -> bytes:
        """The client-final message. Raises `RemoteProtocolError` for a challenge that a client must not take."""
        found = _CHALLENGE.fullmatch(challenge.decode(errors="replace"))
        if found is None:
            raise RemoteProtocolError("the challenge is no server-first message")
        nonce, iterations = found["nonce"], int(found["iterations"])
        if not nonce.startswith(self._nonce) or nonce == self._nonce:
            raise RemoteProtocolError("the nonce of the challenge does not continue ours")
        if not SCRAM_MIN_ITERATIONS <= iterations <= SCRAM_MAX_ITERATIONS:
            raise RemoteProtocolError(f"the challenge asks for {iterations} iterations [SCRAM-6]")
        client_key, server_key = self._password.keys(_salt(found["salt"]), iterations)
        final = f"c={scram.base64_of(_HEADER.encode())},r={nonce}"
        signed = b",".join((self._bare.encode(), challenge, final.encode()))
        proof = scram.xor(client_key, hmac.digest(hashlib.sha256(client_key).digest(), signed, "sha256"))
        self._signature = hmac.digest(server_key, signed, "sha256")
        return f"{final},p={scram.base64_of(proof)}".encode()

    def verify(self, final: bytes) -> None:
        """Raise `ImpostorError` unless the server-final message in READY proves that the server knows the password."""
        if self._signature is None:
            raise ImpostorError("the server let us in without a challenge")
        expected = f"v={scram.base64_of(self._signature)}".encode()
        if not hmac.compare_digest(final.partition(b",")[0], expected):
            raise ImpostorError("the server did not prove that it knows the password")


def _salt(text: str) -> bytes:
    try:
        salt = base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error):
        salt = b""
    if not 0 < len(salt) <= _MAX_SALT:
        raise RemoteProtocolError("the salt of the challenge is no Base64")
    return salt
