"""A certificate for the servers that the suite starts with TLS, made for one run.

In here: an authority that exists for this run, and a certificate of its for this machine. trustme makes them; it is
asked for only here.
"""

from __future__ import annotations

import atexit
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Certificate:
    """Files (PEM): the certificate, its private key, and the authority that made it."""

    certificate: Path
    key: Path
    authority: Path


def made_up(*names: str) -> Certificate:
    """A certificate for these *names*, or for this machine, whose files are gone when this program ends.

    Raises ValueError, with a message for the user, where trustme is not installed.
    """
    try:
        import trustme  # noqa: PLC0415  # only who starts a server with TLS needs it
    except ImportError:
        raise ValueError(
            "to make a certificate the suite needs trustme: `pip install trustme`; "
            "or start the server with one of your own, and give HOST:PORT --ca-file FILE"
        ) from None
    folder = Path(tempfile.mkdtemp(prefix="causerie-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    made = Certificate(folder / "certificate.pem", folder / "key.pem", folder / "authority.pem")
    authority = trustme.CA()
    leaf = authority.issue_cert(*(names or ("localhost", "127.0.0.1", "::1")))
    made.certificate.write_bytes(b"".join(blob.bytes() for blob in leaf.cert_chain_pems))
    leaf.private_key_pem.write_to_path(str(made.key))
    authority.cert_pem.write_to_path(str(made.authority))
    return made
