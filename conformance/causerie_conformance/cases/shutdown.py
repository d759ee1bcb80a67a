"""ROBUST: the orderly end of a server, and its next start.

In here: cases that start a server of their own, so they are judged only where the suite knows the command.
"""

from __future__ import annotations

from causerie_conformance.arena import Arena, hello
from causerie_conformance.client import Client, citing
from causerie_conformance.problems import Kind
from causerie_conformance.registry import case
from causerie_conformance.target import Target
from causerie_spec.codec import encode
from causerie_spec.codes import CLOSING_TIMEOUT, DURABLE, ByeCode
from causerie_spec.messages import Ping, Welcome

SOME = 3.0
"""Seconds for which "some 5 s" may be exceeded."""
MANY = 12
"""Connections whose retry_ms are compared: that all are alike by chance is as good as impossible."""


def _ask_to_stop(target: Target) -> None:
    assert target.process is not None
    target.process.ask_to_stop()


@case("shutdown/bye-to-all", "CLOSE-6", "STATE-5", "ERR-8", guarded=False, apart=True)
def bye_to_all(arena: Arena) -> None:
    """When the server shuts down in order, every connection gets BYE SHUTDOWN, in whatever state it is"""
    server = arena.another_server()
    clients: list[Client] = [
        arena.connect("silent", target=server),
        arena.greet("greeted", target=server),
        arena.login("alice", target=server),
        arena.login("bob", target=server),
    ]
    clients[-1].send_octets(encode(Ping(token=1), 30)[:-1], "all but the last octet")
    arena.login("last", target=server).fence()  # the server has met all of them by now
    _ask_to_stop(server)
    for client in clients:
        client.ends_with(ByeCode.SHUTDOWN, ref=0)


@case("shutdown/gone-in-time", "CLOSE-6", guarded=False, beside=True)
def gone_in_time(arena: Arena) -> None:
    """When the server shuts down in order, it is gone within some 5 s, though its peers never close"""
    server = arena.another_server()
    clients = [arena.greet("greeted", target=server), arena.login("alice", target=server)]
    clients[0].send_octets(encode(Ping(token=1), 30)[:-1], "all but the last octet")
    _ask_to_stop(server)
    assert server.process is not None
    if server.process.wait(CLOSING_TIMEOUT + SOME) is None:
        came = f"a process that still runs after {CLOSING_TIMEOUT + SOME:g} s"
        raise clients[0].problem(Kind.TIMEOUT, f"the server to be gone within some {CLOSING_TIMEOUT} s", came)


@case("shutdown/retry-is-spread", "CLOSE-7", guarded=False, apart=True)
def retry_is_spread(arena: Arena) -> None:
    """retry_ms in BYE SHUTDOWN differs, so that clients do not all come back at once"""
    server = arena.another_server()
    clients = [arena.login(f"n{number}", target=server) for number in range(MANY)]
    _ask_to_stop(server)
    with citing("CLOSE-6"):
        times = [client.expect_bye(ByeCode.SHUTDOWN, ref=0).retry_ms for client in clients]
    if len(set(times)) == 1:
        raise clients[0].problem(Kind.VALUE, "different retry_ms", f"{times[0]} in all of {MANY}")


@case("shutdown/new-epoch", "HELLO-7", profile="ROBUST", guarded=False, apart=True)
def new_epoch(arena: Arena) -> None:
    """A server without durable has another epoch at each start"""
    epochs = []
    for name in ("first", "second"):
        server = arena.another_server()
        client = arena.connect(name, target=server)
        with citing("HELLO-3"):
            welcome = client.ask(hello(), Welcome)
        epochs.append(welcome.epoch)
        client.close()
        assert server.process is not None
        server.process.stop()
    if epochs[0] == epochs[1] and DURABLE not in welcome.capabilities:
        raise client.problem(Kind.VALUE, "another epoch after a new start", f"epoch {epochs[0]} again")
