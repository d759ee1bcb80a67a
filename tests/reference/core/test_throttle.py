"""Who pays, and what a budget allows."""

import pytest

from causerie.core.throttle import MOST_PAYERS, Throttle, payer_of


@pytest.mark.parametrize(
    ("peer", "payer"),
    [
        ("192.0.2.7:4711", "192.0.2.7"),
        ("[2001:db8:1:2:3:4:5:6]:4711", "2001:db8:1:2::/64"),
        ("[2001:db8:1:2::9]:1", "2001:db8:1:2::/64"),
        ("[::ffff:192.0.2.7]:1", "192.0.2.7"),
        ("[fe80::1%eth0]:1", "fe80::/64"),
        ("127.0.0.1:5000", None),
        ("127.9.9.9:5000", None),
        ("[::1]:5000", None),
        ("[::ffff:127.0.0.1]:1", None),
        ("inside", None),
        ("", None),
    ],
)
def test_who_pays(peer, payer):
    assert payer_of(peer) == payer


def test_this_machine_pays_if_told_so():
    assert payer_of("127.0.0.1:5000", local=True) == "127.0.0.1"
    assert payer_of("[::1]:5000", local=True) == "::/64"


def spend(throttle, payer, now):
    """Spend until it is refused; returns how often that worked."""
    count = 0
    while not throttle.wait(payer, now):
        throttle.charge(payer, now)
        count += 1
    return count


@pytest.mark.parametrize("per_minute", [1, 3, 7, 30, 60, 1000])
def test_a_budget_may_be_spent_at_once_and_grows_again(per_minute):
    throttle = Throttle(per_minute)
    assert spend(throttle, "a", 100.0) == per_minute
    wait = throttle.wait("a", 100.0)
    assert wait == pytest.approx(60_000 / per_minute, abs=1)
    assert throttle.wait("a", 100.0 + wait / 1000 - 0.01) > 0
    assert spend(throttle, "a", 100.0 + wait / 1000 + 0.001) == 1
    assert spend(throttle, "a", 1000.0) == per_minute


def test_one_does_not_pay_for_another():
    throttle = Throttle(5)
    spend(throttle, "a", 0.0)
    assert throttle.wait("a", 0.0)
    assert not throttle.wait("b", 0.0)
    assert not throttle.wait(None, 0.0)


def test_what_is_overspent_is_paid_back():
    throttle = Throttle(60)
    for _ in range(600):
        throttle.charge("a", 0.0)
    assert throttle.wait("a", 0.0) == pytest.approx(541_000, abs=2)
    assert throttle.wait("a", 540.0)
    assert not throttle.wait("a", 541.1)


def test_no_limit():
    throttle = Throttle(0)
    for _ in range(100):
        throttle.charge("a", 0.0)
    assert not throttle.wait("a", 0.0)


def test_nobody_is_never_charged():
    throttle = Throttle(1)
    throttle.charge(None, 0.0)
    assert not throttle.wait(None, 0.0)


def test_memory_is_bounded_and_the_latest_are_remembered():
    throttle = Throttle(1)
    for number in range(MOST_PAYERS + 50):
        throttle.charge(f"payer {number}", 0.0)
    assert not throttle.wait("payer 49", 0.0)
    assert throttle.wait("payer 50", 0.0)
    assert throttle.wait(f"payer {MOST_PAYERS + 49}", 0.0)
    assert not throttle.wait(f"payer {MOST_PAYERS + 49}", 61.0)
