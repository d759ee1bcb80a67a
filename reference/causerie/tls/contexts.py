"""Where certificates come from: files, in words for people when they will not do.

In here: the `ssl.SSLContext` of a server and of a client. Versions and ciphers are those that Python thinks safe, and
never older than TLS 1.2 [TLS-3]. Sessions are not resumed: a full handshake costs a millisecond, and nothing need be
remembered; so there is no early data either [TLS-13].
"""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import NoReturn

from causerie.language import _
from causerie_spec.codes import ALPN


class CertificateError(Exception):
    """A file of certificates or keys cannot be used; the message says why, and what to do."""


class _PasswordWanted(Exception):
    pass


def server_context(certificate: Path, key: Path | None = None) -> ssl.SSLContext:
    """For a server with that certificate (PEM, with what leads up to its authority) and its private key.

    Without *key* the private key is in *certificate* too. Raises `CertificateError`.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    for path in (certificate, key or certificate):
        _check_readable(path)
    try:
        context.load_cert_chain(certificate, key, password=_no_password)
    except _PasswordWanted:
        text = _(
            "{file}: the private key is protected by a password: `openssl pkey -in FILE -out NEW` writes it without"
        )
        raise CertificateError(text.format(file=key or certificate)) from None
    except ssl.SSLError as error:
        raise CertificateError(_why(error, certificate, key)) from None
    context.options |= ssl.OP_NO_TICKET | ssl.OP_NO_RENEGOTIATION
    context.num_tickets = 0
    return _prepared(context)


def client_context(authorities: Path | None = None, *, verify: bool = True) -> ssl.SSLContext:
    """For a client that trusts the authorities in that file (PEM), or those of the system if there is none.

    Without *verify* it trusts anybody, and is safe from eavesdroppers alone [TLS-2]. Raises `CertificateError`.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    elif authorities is None:
        context.load_default_certs()
    else:
        _check_readable(authorities)
        try:
            context.load_verify_locations(authorities)
        except ssl.SSLError:
            text = _("{file}: there is no certificate in it (in PEM form)")
            raise CertificateError(text.format(file=authorities)) from None
    return _prepared(context)


def _prepared(context: ssl.SSLContext) -> ssl.SSLContext:
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols([ALPN])
    return context


def _check_readable(path: Path) -> None:
    try:
        path.open("rb").close()
    except OSError as error:
        text = _("{file}: {reason}")
        raise CertificateError(text.format(file=path, reason=error.strerror or error)) from None


def _no_password() -> NoReturn:
    raise _PasswordWanted


def _why(error: ssl.SSLError, certificate: Path, key: Path | None) -> str:
    if error.reason in ("KEY_VALUES_MISMATCH", "KEY_TYPE_MISMATCH"):
        text = _("{file}: this is not the private key of the certificate in {certificate}")
        return text.format(file=key or certificate, certificate=certificate)
    if key is None:
        text = _("{file}: no certificate with its private key in it (in PEM form): name the key with --tls-key")
        return text.format(file=certificate)
    text = _("{certificate}, {key}: no certificate, or no private key, in it (in PEM form)")
    return text.format(certificate=certificate, key=key)
