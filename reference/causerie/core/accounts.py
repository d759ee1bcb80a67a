"""Accounts, by SCRAM-SHA-256: what a server keeps of a password, says and checks.

    client                      server
    n,,n=alice,r=NONCE       →  read_first        LOGIN
                             ←  Challenge.first   CHALLENGE
    c=biws,r=NONCE…,p=PROOF  →  Challenge.check   AUTH
                             ←  what it returns   READY

In here: the server's messages and keys, as octets. Not in here: states, failures, throttling (`login`), where accounts
are kept (`causerie.store`), the client's side (`client.scram`).

There is nothing to be flooded with: a login costs a server five HMACs and a hash, however many the iterations.
"""

import base64
import binascii
import hashlib
import hmac
import re
from dataclasses import dataclass
from typing import Final

from causerie.core import saslprep
from causerie.core.scram import EXTENSIONS, NONCE, base64_of, derive, xor
from causerie.store.operations import ScramKeys
from causerie_spec.codes import SCRAM_MAX_ITERATIONS, SCRAM_MIN_ITERATIONS

ITERATIONS: Final = 600_000
"""What new accounts get: OWASP's figure for PBKDF2-HMAC-SHA256, a third of a second of the *client's* time, and of
whoever guesses passwords from a stolen database."""
SALT_SIZE: Final = 16
"""Octets of a salt."""

_FIRST: Final = re.compile(rf"(?P<header>[ny],,)(?P<bare>n=(?P<name>[^\0,]+),r={NONCE}{EXTENSIONS})")
_FINAL: Final = re.compile(rf"(?P<signed>c=(?P<binding>[^\0,]+),r={NONCE}{EXTENSIONS}),p=(?P<proof>[^\0,]+)")


class ScramError(Exception):
    """A message or a proof is wrong: AUTH_FAILED. The message says why, for people."""


def keys_of(password: str, salt: bytes, iterations: int = ITERATIONS) -> ScramKeys:
    """What is kept of a password (RFC 5802, section 3). Slow, as it should be. Raises ValueError as `prepare` does."""
    assert SCRAM_MIN_ITERATIONS <= iterations <= SCRAM_MAX_ITERATIONS
    client_key, server_key = derive(saslprep.prepare(password, stored=True), salt, iterations)
    return ScramKeys(salt, hashlib.sha256(client_key).digest(), server_key, iterations)


def made_up(secret: bytes, handle: str, iterations: int) -> ScramKeys:
    """What a handle without an account gets: always the same, and no proof fits it [SCRAM-4]."""
    salt, stored_key, server_key = (
        hmac.digest(secret, f"{what} {handle}".encode(), "sha256") for what in ("salt", "stored key", "server key")
    )
    return ScramKeys(salt[:SALT_SIZE], stored_key, server_key, iterations)


@dataclass(frozen=True, slots=True)
class ClientFirst:
    """The client's first message."""

    header: str
    """`n,,` or `y,,`; the client's second message repeats it."""
    bare: str
    nonce: str


def read_first(payload: bytes, handle: str) -> ClientFirst:
    """The client-first message in LOGIN. Raises `ScramError` [SCRAM-2, SCRAM-5]."""
    found = _FIRST.fullmatch(_text(payload))
    if found is None:
        raise ScramError("not a client-first message as offered here: n,,n=HANDLE,r=NONCE")
    if found["name"] != handle:
        raise ScramError("the SCRAM user name is not the handle")
    return ClientFirst(found["header"], found["bare"], found["nonce"])


class Challenge:
    """The server's side of one exchange; *nonce* is random and printable."""

    __slots__ = ("_client", "_keys", "_nonce", "first")

    def __init__(self, client: ClientFirst, keys: ScramKeys, nonce: str) -> None:
        self._client = client
        self._keys = keys
        self._nonce = client.nonce + nonce
        self.first = f"r={self._nonce},s={base64_of(keys.salt)},i={keys.iterations}"
        """The server-first message."""

    def check(self, payload: bytes) -> bytes:
        """The server-final message, if the client-final message in AUTH proves the password. Raises `ScramError`."""
        found = _FINAL.fullmatch(_text(payload))
        if found is None:
            raise ScramError("not a client-final message: c=…,r=…,p=…")
        if found["binding"] != base64_of(self._client.header.encode()):
            raise ScramError("c= does not repeat the header of the client-first message")
        if not hmac.compare_digest(found["nonce"], self._nonce):
            raise ScramError("r= does not repeat the nonce of the challenge")
        signed = ",".join((self._client.bare, self.first, found["signed"])).encode()
        signature = hmac.digest(self._keys.stored_key, signed, "sha256")
        client_key = xor(signature, _proof(found["proof"]))
        if not hmac.compare_digest(hashlib.sha256(client_key).digest(), self._keys.stored_key):
            raise ScramError("wrong password, or no such account")
        return f"v={base64_of(hmac.digest(self._keys.server_key, signed, 'sha256'))}".encode()


def _text(payload: bytes) -> str:
    try:
        return payload.decode()
    except UnicodeDecodeError:
        raise ScramError("a SCRAM message is UTF-8") from None


def _proof(text: str) -> bytes:
    try:
        proof = base64.b64decode(text.encode("ascii"), validate=True)
    except (UnicodeEncodeError, binascii.Error):
        proof = b""
    if len(proof) != hashlib.sha256().digest_size:
        raise ScramError("p= is not 32 octets in Base64")
    return proof
