"""SCRAM-SHA-256 (RFC 5802, RFC 7677) without channel binding: what both sides compute.

In here: keys, and the forms of what messages hold. Not in here: the server's side (`accounts`), the client's
(`client.scram`), passwords' forms (`saslprep`).
"""

import base64
import hashlib
import hmac
from typing import Final

NONCE: Final = r"(?P<nonce>[\x21-\x2b\x2d-\x7e]+)"
"""`r=`: what is printable, but the comma."""
EXTENSIONS: Final = r"(?:,(?!m=)[A-Za-z]=[^\0,]+)*"
"""What is ignored; `m=` is mandatory, so nobody may."""


def derive(prepared: str, salt: bytes, iterations: int) -> tuple[bytes, bytes]:
    """ClientKey and ServerKey of a password that went through SASLprep. Slow, as it should be."""
    salted = hashlib.pbkdf2_hmac("sha256", prepared.encode(), salt, iterations)
    return hmac.digest(salted, b"Client Key", "sha256"), hmac.digest(salted, b"Server Key", "sha256")


def xor(one: bytes, other: bytes) -> bytes:
    """Octet by octet; raises ValueError if one is longer."""
    return bytes(a ^ b for a, b in zip(one, other, strict=True))


def base64_of(octets: bytes) -> str:
    """As text."""
    return base64.b64encode(octets).decode()
