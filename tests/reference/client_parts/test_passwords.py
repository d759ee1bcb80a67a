"""Passwords from files, and from people."""

import io
import sys

import pytest

from causerie import passwords
from causerie.passwords import PasswordError


@pytest.mark.parametrize(
    ("content", "password"),
    [
        (b"pencil", "pencil"),
        (b"pencil\n", "pencil"),
        (b"pencil\r\nmore\n", "pencil"),
        (b" two words \n", " two words "),
        ("Stra\u00dfe\u00a0\u0301".encode(), "Stra\u00dfe\u00a0\u0301"),
    ],
)
def test_the_first_line_of_a_file(tmp_path, content, password):
    (tmp_path / "secret").write_bytes(content)
    assert passwords.from_file(tmp_path / "secret") == password


@pytest.mark.parametrize(("content", "why"), [(b"", "no password"), (b"\nx", "no password"), (b"\xff\n", "not UTF-8")])
def test_files_without_a_password(tmp_path, content, why):
    (tmp_path / "secret").write_bytes(content)
    with pytest.raises(PasswordError, match=why):
        passwords.from_file(tmp_path / "secret")


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(PasswordError, match="cannot read"):
        passwords.from_file(tmp_path / "secret")


def test_the_first_line_of_stdin(monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"pencil\nnext\n")))
    assert passwords.from_stdin() == "pencil"


def test_nobody_is_asked_where_there_is_no_terminal(monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.StringIO("pencil\n"))
    with pytest.raises(PasswordError, match="--password-file"):
        passwords.ask("Password: ")
