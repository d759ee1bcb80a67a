"""The histogram against exact percentiles."""

import copy
import itertools
import math
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from causerie_conformance.load.histogram import BUCKETS, MOST, Histogram, bounds_of, bucket_of

DURATIONS = st.one_of(st.integers(0, 1_000), st.integers(0, 10**9), st.integers(0, MOST))


def histogram_of(durations):
    made = Histogram()
    for duration in durations:
        made.record(duration)
    return made


@given(DURATIONS)
def test_a_bucket_holds_its_durations_and_is_narrow(duration) -> None:
    lower, upper = bounds_of(bucket_of(duration))
    assert lower <= duration < upper
    assert upper - lower <= max(1, lower / 64)


def test_the_buckets_follow_each_other_without_holes() -> None:
    bounds = [bounds_of(bucket) for bucket in range(BUCKETS)]
    assert bounds[0][0] == 0
    assert all(upper == lower for (_, upper), (lower, _) in itertools.pairwise(bounds))
    assert bounds[-1][1] == MOST + 1
    assert [bucket_of(lower) for lower, _ in bounds] == list(range(BUCKETS))


@given(st.lists(DURATIONS, min_size=1, max_size=300), st.floats(0, 100))
def test_percentiles_are_within_one_percent(durations, percent) -> None:
    rank = max(1, math.ceil(round(percent / 100 * len(durations), 6)))
    exact = sorted(durations)[rank - 1]
    assert histogram_of(durations).percentile(percent) == pytest.approx(exact, rel=0.01, abs=0.5)


@given(st.lists(DURATIONS, min_size=1, max_size=300))
def test_the_mean_is_within_one_percent(durations) -> None:
    assert histogram_of(durations).mean == pytest.approx(sum(durations) / len(durations), rel=0.01, abs=0.5)


@given(st.lists(st.lists(DURATIONS, max_size=50), max_size=5))
def test_sums_are_as_if_counted_together(parts) -> None:
    together = histogram_of([duration for part in parts for duration in part])
    assert Histogram.sum(map(histogram_of, parts)) == together
    assert len(together) == sum(map(len, parts))


def test_what_is_beyond_the_ends_counts_as_the_end() -> None:
    assert histogram_of([-5, MOST + 10**9]) == histogram_of([0, MOST])


def test_the_ends_of_few_and_of_none() -> None:
    assert histogram_of([]).percentile(99) == 0
    assert histogram_of([]).mean == 0
    hundred = histogram_of(range(1, 101))
    assert [hundred.percentile(percent) for percent in (0, 50, 99, 99.9, 100)] == [1, 50, 99, 100, 100]
    assert histogram_of(range(1_000)).percentile(99.9) == pytest.approx(998, rel=0.01)


def test_it_travels_between_processes() -> None:
    there = histogram_of([1, 5, 10**6, 10**6])
    assert pickle.loads(pickle.dumps(there)) == there
    assert copy.copy(there) == there
    assert there != histogram_of([1])
    assert there != "a histogram"
