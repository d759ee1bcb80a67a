"""The command's options, and what it says when it cannot start."""

import errno
import socket

import pytest

from causerie.server import cli, listening
from causerie.server.listening import CannotListenError, format_address, listen


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--port", "x"], "--port: 'x' is not a port from 0 to 65535"),
        (["--port", "65536"], "'65536' is not a port"),
        (["--port", "-1"], "'-1' is not a port"),
        (["--port", ""], "'' is not a port"),
        (["--engine", "twisted"], "invalid choice: 'twisted'"),
        (["--handshake-timeout", "0"], "'0' is not a number of seconds from 0.1 to 3600"),
        (["--handshake-timeout", "nan"], "'nan' is not a number of seconds"),
        (["--handshake-timeout", "inf"], "'inf' is not a number of seconds"),
        (["--keepalive", "0"], "'0' is not a number of seconds from 1 to 65535"),
        (["--keepalive", "1.5"], "'1.5' is not a number of seconds"),
        (["--max-connections", "63"], "'63' is not a number from 64 to 1000000"),
        (["--log-level", "loud"], "invalid choice: 'loud'"),
        (["--log-format", "xml"], "invalid choice: 'xml'"),
        (["--hos", "x"], "unrecognized arguments"),
        (["5000"], "unrecognized arguments: 5000"),
    ],
)
def test_bad_options_are_explained_and_end_with_status_2(capsys, arguments, words):
    with pytest.raises(SystemExit) as ended:
        cli.main(arguments)
    assert ended.value.code == 2
    assert words in capsys.readouterr().err


def test_help_and_version(capsys):
    for option in ("--help", "--version"):
        with pytest.raises(SystemExit) as ended:
            cli.main([option])
        assert ended.value.code == 0
        assert capsys.readouterr().out.startswith(("usage: causerie-server", "causerie-server "))


@pytest.mark.parametrize(
    "host", ["no such host", "a..b", "x" * 70 + ".example", "192.0.2.1", "2001:db8::1", "999.1.1.1"]
)
def test_a_host_that_is_not_of_this_machine(capsys, host):
    assert cli.main(["--host", host, "--port", "0"]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert f"causerie-server: {host!r} is not an address of this machine" in err
    assert err.count("\n") == 1


def test_a_port_that_is_in_use(capsys):
    (taken,) = listen("127.0.0.1", 0)
    with taken:
        port = taken.getsockname()[1]
        assert cli.main(["--port", str(port)]) == 1
    err = capsys.readouterr().err
    assert f"127.0.0.1:{port}" in err
    assert "choose another port with --port" in err
    assert "Traceback" not in err


def test_a_port_of_the_systems_own(monkeypatch):
    monkeypatch.setattr(listening, "_bind", fail_with(PermissionError(errno.EACCES, "Permission denied")))
    with pytest.raises(CannotListenError, match=r"127\.0\.0\.1:80: Permission denied: .*--port 5000"):
        listen("127.0.0.1", 80)


def fail_with(error, family=None):
    bind = listening._bind

    def failing(wanted, address):
        if family in (None, wanted):
            raise error
        return bind(wanted, address)

    return failing


@pytest.fixture
def two_families(monkeypatch):
    found = [
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 0)),
        (socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("::1", 0, 0, 0)),
    ]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [*found, *found])


@pytest.mark.parametrize("code", [errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT])
def test_a_machine_without_ipv6(monkeypatch, two_families, code):
    monkeypatch.setattr(listening, "_bind", fail_with(OSError(code, "no"), socket.AF_INET6))
    (only,) = listen("localhost", 0)
    with only:
        assert only.family == socket.AF_INET
        assert only.proto == socket.IPPROTO_TCP  # asyncio sets TCP_NODELAY where it sees that
        assert not only.getblocking()


def test_a_port_that_is_in_use_at_the_second_address(monkeypatch, two_families):
    monkeypatch.setattr(listening, "_bind", fail_with(OSError(errno.EADDRINUSE, "Address in use"), socket.AF_INET6))
    with pytest.raises(CannotListenError, match=r"localhost:5000: Address in use: stop what listens there"):
        listen("localhost", 5000)  # and the first socket is closed, or a ResourceWarning fails this test


def test_a_second_ctrl_c(monkeypatch, capsys):
    def interrupted(sockets, *_):
        for listener in sockets:
            listener.close()
        raise KeyboardInterrupt

    monkeypatch.setitem(cli.ENGINES, "asyncio", interrupted)
    monkeypatch.setattr(cli.log, "set_up", lambda *_: None)
    assert cli.main(["--port", "0"]) == 130


@pytest.mark.parametrize(
    ("address", "shown"),
    [(("127.0.0.1", 5000), "127.0.0.1:5000"), (("::1", 5000, 0, 0), "[::1]:5000"), (("?", 0), "?:0")],
)
def test_addresses(address, shown):
    assert format_address(address) == shown
