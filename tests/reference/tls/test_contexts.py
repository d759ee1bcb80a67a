"""Certificates that will do, and words for those that will not."""

import ssl

import pytest
import trustme
from cryptography.hazmat.primitives import serialization

from causerie.tls.contexts import CertificateError, client_context, server_context


def protected(key, path):
    """The same private key with a password on it."""
    private = serialization.load_pem_private_key(key.read_bytes(), None)
    form = serialization.BestAvailableEncryption(b"secret")
    path.write_bytes(private.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, form))
    return path


def test_a_certificate_and_its_key_in_two_files_or_in_one(pem):
    for context in (server_context(pem.certificate, pem.key), server_context(pem.both)):
        assert context.minimum_version == ssl.TLSVersion.TLSv1_2
        assert context.num_tickets == 0


def test_what_is_wrong_with_a_server_s_files(pem, tmp_path):
    other = tmp_path / "other.pem"
    trustme.CA().issue_cert("localhost").private_key_pem.write_to_path(str(other))
    nothing = tmp_path / "nothing.pem"
    nothing.write_text("nothing\n")
    missing = tmp_path / "missing.pem"
    locked = protected(pem.key, tmp_path / "locked.pem")
    for certificate, key, words in (
        (missing, None, f"{missing}: No such file"),
        (pem.certificate, missing, f"{missing}: No such file"),
        (pem.certificate, None, "name the key with --tls-key"),
        (pem.certificate, other, f"{other}: this is not the private key of the certificate in {pem.certificate}"),
        (pem.certificate, locked, f"{locked}: the private key is protected by a password"),
        (nothing, None, f"{nothing}: no certificate"),
        (pem.certificate, nothing, "no private key"),
    ):
        with pytest.raises(CertificateError) as caught:
            server_context(certificate, key)
        assert words in str(caught.value)


def test_the_authorities_of_a_client(pem, tmp_path):
    assert client_context(pem.authority).verify_mode == ssl.CERT_REQUIRED
    assert client_context().check_hostname
    assert client_context(verify=False).verify_mode == ssl.CERT_NONE
    nothing = tmp_path / "nothing.pem"
    nothing.write_text("nothing\n")
    for path, words in ((nothing, "there is no certificate in it"), (tmp_path / "missing", "No such file")):
        with pytest.raises(CertificateError, match=words):
            client_context(path)
