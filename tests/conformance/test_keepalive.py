"""The cases about keepalive judge the server by the server's silences, not by those of a busy machine."""

import time
from types import SimpleNamespace

import pytest

from causerie_conformance.cases import keepalive
from causerie_conformance.problems import Kind, NotJudged, Problem


class Connection:
    """One that was silent for so many *seconds*; ``fence`` fails if the server is to have ended it."""

    def __init__(self, seconds, *, ended):
        self.spoke_at = time.monotonic() - seconds
        self.ended = ended

    def wait_until(self, _):
        pass

    def fence(self):
        if self.ended:
            raise Problem(Kind.UNEXPECTED, "PONG", "BYE IDLE")


@pytest.fixture
def judge(monkeypatch):
    def kept_alive(*connections):
        left = list(connections)
        monkeypatch.setattr(keepalive, "Lease", lambda _: SimpleNamespace(client=left.pop(0)))
        keepalive.kept_alive(None, lambda _: None)
        return len(left)

    return kept_alive


def test_a_server_that_is_right(judge):
    assert judge(Connection(0, ended=False)) == 0


def test_a_server_that_ends_who_is_not_silent(judge):
    with pytest.raises(Problem, match="BYE IDLE"):
        judge(Connection(0, ended=True), Connection(0, ended=False))


def test_a_silence_of_the_suite_is_tried_again(judge):
    assert judge(Connection(5, ended=True), Connection(0, ended=False)) == 0


def test_a_machine_that_is_too_busy(judge):
    with pytest.raises(NotJudged, match="too busy"):
        judge(*[Connection(5, ended=True)] * keepalive.TRIES)
