"""Several addresses: connections spread over them, absence takes a second across them, and none at one address."""

import json
import time
from pathlib import Path

import pytest

from causerie_conformance.arena import Arena
from causerie_conformance.cli import main
from causerie_conformance.process import HOST, Command, ServerProcess
from causerie_conformance.results import Exit
from causerie_conformance.setup import SetupError, target_for
from causerie_conformance.target import SEVERAL, Target
from causerie_spec.codes import CLUSTER_DELAY

pytestmark = pytest.mark.once


def of(*servers: str) -> Target:
    return target_for(servers, None, None, None)


def test_addresses_are_taken_each_once_and_in_order() -> None:
    target = of("a:1", "[::1]:2", "a:1")
    assert target.addresses == (("a", 1), ("::1", 2))
    assert target.name == "a:1 [::1]:2"
    assert target.offers(SEVERAL)
    assert not of("a:1", "a:1").offers(SEVERAL)


def test_each_of_them_must_be_one() -> None:
    with pytest.raises(SetupError, match="'b' is not HOST:PORT"):
        of("a:1", "b")


def test_connections_take_turns_or_stay_beside_another(serve, step_1) -> None:
    first, second = serve(step_1), serve(step_1)
    with Arena(of(first.name, second.name), guarded=False) as arena:
        clients = [arena.connect(f"n{number}") for number in range(4)]
        assert [each.address for each in clients] == [first.address, second.address] * 2
        assert arena.connect("beside", beside=clients[1]).address == second.address


def test_absence_takes_a_second_across_addresses_and_none_at_one(serve, step_1) -> None:
    first, second = serve(step_1), serve(step_1)
    with Arena(of(first.name, second.name), guarded=False) as arena:
        alice, bob, carol = (arena.login(name) for name in ("alice", "bob", "carol"))
        begun = time.monotonic()
        carol.settle()
        assert time.monotonic() - begun > CLUSTER_DELAY / 2  # bob, who is elsewhere, has just logged in
        begun = time.monotonic()
        carol.settle()
        bob.settle()
        alice.settle()
        assert time.monotonic() - begun < CLUSTER_DELAY / 2


def test_an_address_where_nobody_listens_is_named(serve, step_1, capsys) -> None:
    server, gone = serve(step_1), serve(step_1)
    gone.close()
    assert main([server.name, gone.name, "--select", "hello/ping-0"]) == Exit.UNREACHABLE
    assert f"no connection to {gone.name}" in capsys.readouterr().out


def test_a_server_with_two_addresses_conforms(tmp_path: Path) -> None:
    """The reference, by its number and by its name."""
    report = tmp_path / "report.json"
    process = ServerProcess(Command.of_reference("asyncio"))
    try:
        addresses = (f"{HOST}:{process.port}", f"localhost:{process.port}")
        status = main([*addresses, "--select", "cluster", "--select", "direct", "--json", str(report)])
    finally:
        process.stop()
    assert status == Exit.CONFORMANT
    cases = json.loads(report.read_text(encoding="utf-8"))["cases"]
    assert {case["status"] for case in cases} == {"passed"}
    assert sum(case["topic"] == "cluster" for case in cases) >= 7


def test_two_servers_that_share_nothing_are_no_cluster(tmp_path: Path) -> None:
    """Each case about clusters can fail: these servers know nothing of each other."""
    report = tmp_path / "report.json"
    first, second = (ServerProcess(Command.of_reference("asyncio")) for _ in range(2))
    try:
        addresses = (f"{HOST}:{first.port}", f"{HOST}:{second.port}")
        status = main([*addresses, "--select", "cluster", "--json", str(report)])
    finally:
        first.stop()
        second.stop()
    assert status == Exit.NOT_CONFORMANT
    cases = json.loads(report.read_text(encoding="utf-8"))["cases"]
    assert len(cases) >= 7
    assert {case["status"] for case in cases} <= {"failed", "blocked"}, cases
