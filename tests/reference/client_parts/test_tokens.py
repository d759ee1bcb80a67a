"""The token store."""

import os
import stat
import threading

import pytest

from causerie.client import tokens
from causerie.client.address import Address
from causerie.client.tokens import TokenError, TokenStore, data_directory

posix = pytest.mark.skipif(os.name == "nt", reason="file modes are POSIX")
HERE = Address()


@pytest.fixture
def store(tmp_path):
    return TokenStore(tmp_path / "data")


def test_made_once_and_kept(store):  # [TOKEN-8]
    token = store.token(HERE, "alice")
    assert len(token) == 32
    assert store.token(HERE, "alice") == token
    assert {store.token(HERE, "bob"), store.token(Address("::1"), "alice"), store.token(Address(port=1), "alice")}
    assert len({path.name for path in store.path(HERE, "x").parent.iterdir()}) == 4
    assert store.path(HERE, "alice").read_text() == token.hex() + "\n"


@posix
def test_only_its_user_can_read_it(store, monkeypatch):  # [TOKEN-8]
    seen = []
    link = os.link

    def look(source, target):
        seen.append(stat.S_IMODE(os.stat(source).st_mode))
        link(source, target)

    monkeypatch.setattr(os, "link", look)
    previous = os.umask(0)
    try:
        store.token(HERE, "alice")
    finally:
        os.umask(previous)
    path = store.path(HERE, "alice")
    assert seen == [0o600]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


@posix
def test_a_file_that_others_can_read_is_made_private(store):
    store.token(HERE, "alice")
    path = store.path(HERE, "alice")
    path.chmod(0o644)
    store.token(HERE, "alice")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    "content",
    [b"", b"zz" * 32, b"ab" * 15, b"ab" * 65, b"\xff\xfe", b"ab" * 5000],
    ids=["empty", "no digits", "too short", "too long", "no text", "far too long"],
)
def test_a_damaged_file_is_an_error_and_stays(store, content):
    path = store.path(HERE, "alice")
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    with pytest.raises(TokenError, match="is damaged") as raised:
        store.token(HERE, "alice")
    assert str(path) in str(raised.value)
    assert path.read_bytes() == content


@pytest.mark.parametrize("size", [16, 64])
def test_tokens_of_other_lengths_are_taken(store, size):  # [TOKEN-1]
    path = store.path(HERE, "alice")
    path.parent.mkdir(parents=True)
    path.write_text("ab" * size)
    assert store.token(HERE, "alice") == b"\xab" * size


def test_two_at_once_share_one(store):
    made = []
    barrier = threading.Barrier(8)

    def make():
        barrier.wait(10)
        made.append(store.token(HERE, "alice"))

    threads = [threading.Thread(target=make) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert len(made) == 8
    assert set(made) == {store.token(HERE, "alice")}
    assert [path.name for path in store.path(HERE, "alice").parent.iterdir()] == ["alice@127.0.0.1,5000.token"]


def test_a_file_system_without_links(store, monkeypatch):
    def refuse(*_):
        raise PermissionError(1, "no links here")

    monkeypatch.setattr(os, "link", refuse)
    token = store.token(HERE, "alice")
    assert store.token(HERE, "alice") == token
    with pytest.raises(FileExistsError):
        tokens._publish(store.path(HERE, "alice"), store.path(HERE, "alice"))


def test_a_directory_that_cannot_be(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(TokenError, match="cannot keep the login token"):
        TokenStore(tmp_path / "file").token(HERE, "alice")
    TokenStore(tmp_path / "file").remember_handle("alice")  # no reason to fail
    assert TokenStore(tmp_path / "file").last_handle() is None


def test_hosts_of_all_kinds_have_names_of_their_own(store):
    hosts = [
        "a",
        "A",
        "a,1",
        "a%2C1",
        "::1",
        "fe80::1%eth0",
        "../../etc",
        "h" * 300,
        "h" * 301,
        "é",
        "con",
        "a_b",
        "a/b",
    ]
    names = {store.path(Address(host, 1), "alice").name for host in hosts}
    assert len(names) == len(hosts) - 1  # a and A are one host
    assert all(len(name) < 200 and "/" not in name and ":" not in name for name in names)


def test_the_last_handle(store):
    assert store.last_handle() is None
    store.remember_handle("alice")
    store.remember_handle("alice")
    store.remember_handle("bob")
    assert store.last_handle() == "bob"


def test_where_it_is(monkeypatch, tmp_path):
    monkeypatch.delenv("CAUSERIE_HOME", raising=False)
    assert "causerie" in str(data_directory())
    monkeypatch.setenv("CAUSERIE_HOME", str(tmp_path / "env"))
    assert data_directory() == tmp_path / "env"
    assert data_directory(str(tmp_path / "given")) == tmp_path / "given"


def test_a_password_is_remembered_as_the_way_in_but_not_kept(store):  # [SCRAM-8]
    mark = store.password_mark(HERE, "a.b")
    assert not mark.exists()
    store.remember_password(HERE, "a.b")
    store.remember_password(HERE, "a.b")
    assert mark.exists()
    assert mark.read_bytes() == b""
    assert mark != store.path(HERE, "a.b")
    assert not store.password_mark(HERE, "a").exists()
    assert not store.password_mark(Address(port=1), "a.b").exists()


def test_a_mark_that_cannot_be_made(tmp_path):
    (tmp_path / "data").write_text("")
    with pytest.raises(TokenError, match="that a password is needed"):
        TokenStore(tmp_path / "data").remember_password(HERE, "alice")
