"""The tools of this folder, for a moment: `tox -e fuzz` and `tox -e load` run them in full, and judge times too."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from fuzz_server import Inputs, fuzz
from load_server import ATTACKS, load
from serving import ENGINES, compare

pytestmark = [pytest.mark.uncounted, pytest.mark.skipif(sys.platform != "linux", reason="looks at /proc")]


@pytest.mark.parametrize("store", ["memory", "sqlite"])
@pytest.mark.parametrize("engine", ENGINES)
def test_octets_that_nobody_should_send_do_no_harm(engine, store):
    problems, _ = fuzz(engine, store, 1_000, seed=1, seconds=0.5)
    assert problems == []


@pytest.mark.parametrize("attack", ATTACKS)
@pytest.mark.parametrize("engine", ENGINES)
def test_many_connections_do_no_harm(engine, attack):
    problems, ratios = load(engine, "memory", [attack], 100, seconds=0.5)
    assert problems == []
    assert ratios[attack] > 0


def test_inputs_come_from_their_seed():
    one, other, third = (Inputs(seed) for seed in (1, 1, 2))
    assert [one.one() for _ in range(100)] == [other.one() for _ in range(100)] != [third.one() for _ in range(100)]
    assert one.kinds.keys() == {"noise", "mutant", "fields"}
    octets = bytes(range(100))
    assert b"".join(reversed(one.cut(octets))) == octets


def test_ratios_are_of_medians_and_of_the_slowest():
    quiet, loaded = ({"latency": {"delivery": {"p50": p50, "p99": p99, "count": 9}}} for p50, p99 in ((1, 2), (3.5, 5)))
    words, ratios = compare(quiet, loaded)
    assert ratios == [3.5, 2.5]
    assert "p50 1.00 → 3.50 ms (× 3.5), p99 2.00 → 5.00 ms (× 2.5), 9 deliveries" in words
