"""What is wrong with a command line is said, and what to type instead."""

import pytest

from causerie_conformance.load.cli import main


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "give one of HOST:PORT, --reference and --spawn"),
        (("x:1", "--reference", "asyncio"), "give one of HOST:PORT, --reference and --spawn"),
        (("5000",), "'5000' is not HOST:PORT, as in 127.0.0.1:5000"),
        (("x:1", "y:1"), "unrecognized arguments: y:1"),
        (("x:1", "--connections", "many"), "'many' is not a number of connections"),
        (("x:1", "--connections", "0"), "0: from 1 to 100000 connections"),
        (("x:1", "--connections", "5", "--pairs"), "--pairs: 5 connections cannot pair off; give an even number"),
        (("x:1", "--rooms", "51"), "--rooms: 51 rooms are too many for 50 connections"),
        (("x:1", "--rate", "fast"), "'fast' is not a number of messages a second, or max"),
        (("x:1", "--rate", "-1"), "from 0 to 1e+07 messages a second"),
        (("x:1", "--window", "5"), "--window is for --rate max"),
        (("x:1", "--size", "31"), "31: from 32 to 16384 octets"),
        (("x:1", "--duration", "0"), "0: from 0.1 to 86400 seconds"),
        (("x:1", "--warmup", "nan"), "from 0 to 86400 seconds"),
        (("x:1", "--processes", "60"), "--processes: 60 are too many for 50 connections"),
        (("x:1", "--fail-if", "p99>5"), "a time needs a unit: p99>5ms"),
        (("x:1", "--json", "."), "cannot write .: it is a folder"),
        (("x:1", "--html", "no/such/folder/x.html"), "there is no such folder"),
        (("x:1", "--insecure", "--ca-file", "x"), "give one of --ca-file and --insecure"),
        (("--spawn", "server"), "has no {port}"),
    ],
)
def test_usage_errors(capsys, arguments, words) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("causerie-load: ")
    assert words in captured.err
    assert "Try 'causerie-load --help'." in captured.err


def test_help(capsys) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--help"])
    assert caught.value.code == 0
    out = capsys.readouterr().out
    assert "examples:" in out
    assert "exit status:" in out
    assert "busy>80%'" in out
