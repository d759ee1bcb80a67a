"""Bugs of the server's own: they end one connection, and nothing else [LOAD-10]."""

import pytest

from causerie.core import sending
from causerie_spec.codes import ByeCode, ErrorCode

B = ByeCode


class Bug(Exception):
    pass


def raises(*_):
    raise Bug("a bug")


def shows(world, peer, other, f):
    """The failure shows at *peer*, in the log, and nowhere else."""
    assert peer.bye == B.SERVER_FAILURE
    assert peer.fin
    assert peer.connection.handle is None
    ((_, exception, fields),) = [entry for entry in world.logged if entry[0] == "failure"]
    assert isinstance(exception, Bug)
    assert exception.__traceback__
    assert fields["peer"] == "192.0.2.1:1"
    world.hub.handlers = type(world.hub).handlers
    other.send(f.say(1), f.ping(2))
    assert [ref for _, ref in other.answers] == [1, 2]
    assert world.login("new")


@pytest.mark.parametrize("name", ["SEND", "PING", "QUIT"])
def test_in_a_handler(world, f, name):
    world.hub.handlers = {**world.hub.handlers, name: raises}
    peer, other = world.login("alice"), world.login("bob")
    peer.send({"SEND": f.say(1), "PING": f.ping(1), "QUIT": (f.QUIT, 1)}[name], f.ping(2))
    shows(world, peer, other, f)


def test_in_what_follows_the_store(late, f, monkeypatch):
    peer, other = late.hello(), late.login("bob")
    peer.send((f.login("alice"), 2), f.ping(3))
    monkeypatch.setattr(late.hub, "login", raises)
    late.commit()
    monkeypatch.undo()
    late.late = False
    late.commit_all()
    shows(late, peer, other, f)


def test_in_thefan_out(late, f, monkeypatch):
    peer, other = late.login("alice"), late.login("bob")
    peer.send(f.say(1), f.ping(2))
    monkeypatch.setattr(sending, "fan_out", raises)
    late.commit()
    monkeypatch.undo()
    late.late = False
    shows(late, peer, other, f)


def test_at_a_deadline(world, f, monkeypatch):
    peer, other = world.login("alice", keepalive=1), world.login("bob")
    monkeypatch.setattr(type(peer.connection), "_waits", raises)
    world.advance(1.5)
    monkeypatch.undo()
    shows(world, peer, other, f)


def test_while_it_is_closing(world, f, monkeypatch):
    peer = world.login("alice")
    peer.send((f.QUIT, 1))
    monkeypatch.setattr(type(peer.connection), "_settle", raises)
    peer.eof()
    assert peer.closed
    assert len(world.events("failure")) == 1


class BrokenStore:
    def __init__(self, results):
        self.results = results

    def commit(self, operations):
        return [self.results(operation) for operation in operations]


def test_a_store_that_fails_is_answered_internal(make_world, f):
    late = make_world(late=True)
    peer, other = late.login("alice"), late.hello()
    good, late.store = late.store, BrokenStore(lambda operation: ErrorCode.INTERNAL)
    peer.send(f.say(1), f.ping(2))
    other.send((f.login("bob"), 3))
    late.commit_all()
    assert [(getattr(m, "code", m.NAME), ref) for m, ref in peer.inbox] == [(ErrorCode.INTERNAL, 1), ("PONG", 2)]
    assert [(m.code, ref) for m, ref in other.inbox] == [(ErrorCode.INTERNAL, 3)]
    late.store = good
    other.send((f.login("bob"), 4))
    late.commit()
    assert other.codes == ["READY"]
