"""What all tests may ask for: certificates, made for one run and never kept; and how many of them run side by side."""

import os
from types import SimpleNamespace

import pytest
import trustme


def pytest_xdist_auto_num_workers():
    """For ``-n auto``: the tests wait more than they compute."""
    return 2 * (os.cpu_count() or 1)


@pytest.fixture(scope="session")
def pem(tmp_path_factory):
    """Files: `authority`, and `certificate`, `key` and `both` of a server on this machine that it vouches for."""
    folder = tmp_path_factory.mktemp("pem")
    files = SimpleNamespace(**{name: folder / f"{name}.pem" for name in ("authority", "certificate", "key", "both")})
    authority = trustme.CA()
    leaf = authority.issue_cert("localhost", "127.0.0.1", "::1")
    authority.cert_pem.write_to_path(str(files.authority))
    leaf.cert_chain_pems[0].write_to_path(str(files.certificate))
    leaf.private_key_pem.write_to_path(str(files.key))
    leaf.private_key_and_cert_chain_pem.write_to_path(str(files.both))
    return files
