"""Intervals against SciPy and normal intervals, and how often they contain the true value."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from isthmus.errors import IsthmusError
from isthmus.statistics import bootstrap

SKEWED = np.random.default_rng(4).exponential(size=25)


@pytest.mark.parametrize(("method", "scipys"), [("bca", "BCa"), ("percentile", "percentile")])
@pytest.mark.parametrize("statistic", [None, lambda x: float(np.median(x)), lambda x: float(x.std(ddof=1))])
def test_as_scipy_computes_them(method, scipys, statistic) -> None:
    found = bootstrap(SKEWED, statistic, method=method, resamples=4000, seed=1)
    measure = statistic or np.mean
    expected = stats.bootstrap(
        (SKEWED,), measure, n_resamples=4000, method=scipys, vectorized=False, rng=np.random.default_rng(2)
    )
    assert found.estimate == pytest.approx(measure(SKEWED))
    width = expected.confidence_interval.high - expected.confidence_interval.low
    assert found.low == pytest.approx(expected.confidence_interval.low, abs=0.06 * width)
    assert found.high == pytest.approx(expected.confidence_interval.high, abs=0.06 * width)


def test_bca_leans_towards_the_long_tail() -> None:
    plain = bootstrap(SKEWED, method="percentile")
    better = bootstrap(SKEWED)
    assert better.low > plain.low
    assert better.high > plain.high
    wider = bootstrap(SKEWED, confidence=0.99)
    assert wider.low < better.low < better.high < wider.high


def test_of_many_values_it_is_the_normal_interval() -> None:
    values = np.random.default_rng(0).normal(3.0, 2.0, 400)
    found = bootstrap(values)
    half = 1.96 * values.std(ddof=1) / 20
    assert (found.low, found.high) == pytest.approx((values.mean() - half, values.mean() + half), abs=0.02)
    assert 3.0 in found
    assert 4.0 not in found


def test_groups_are_drawn_whole() -> None:
    rng = np.random.default_rng(7)
    centres = rng.normal(size=12)
    values = np.repeat(centres, 20) + 0.01 * rng.normal(size=240)  # as good as 12 values, not 240
    groups = np.repeat(np.arange(12), 20)
    alone, grouped = bootstrap(values), bootstrap(values, groups=groups)
    of_means = bootstrap(values.reshape(12, 20).mean(axis=1))
    assert (grouped.low, grouped.high) == pytest.approx((of_means.low, of_means.high), abs=0.02)
    assert grouped.high - grouped.low > 3 * (alone.high - alone.low)
    uneven = bootstrap([0.0, 0.0, 0.0, 1.0], groups=["a", "a", "a", "b"], method="percentile")
    assert uneven.estimate == 0.25  # the mean over cases, not that of the groups' means
    assert (uneven.low, uneven.high) == (0, 1)


def test_every_value_its_own_group_is_no_group() -> None:
    single = bootstrap(SKEWED, groups=range(len(SKEWED)))
    assert (single.low, single.high) == pytest.approx((bootstrap(SKEWED).low, bootstrap(SKEWED).high))
    median = bootstrap(SKEWED, lambda x: float(np.median(x)), groups=range(len(SKEWED)), resamples=500)
    assert median == bootstrap(SKEWED, lambda x: float(np.median(x)), resamples=500)


def test_identical_values_have_no_width() -> None:
    for method in ("bca", "percentile"):
        found = bootstrap([0.25] * 7, method=method)
        assert (found.low, found.estimate, found.high) == (0.25, 0.25, 0.25)
    flat = bootstrap([0.0, 1.0, 2.0], lambda x: 5.0, resamples=99)
    assert (flat.low, flat.high) == (5, 5)


def test_numbers_near_the_smallest_are_numbers() -> None:
    large, small = bootstrap([0.0, 1.0, 3.0]), bootstrap([0.0, 1e-300, 3e-300])
    assert (small.low, small.high) == pytest.approx(
        (1e-300 * large.low, 1e-300 * large.high), abs=0, rel=1e-9
    )


@settings(max_examples=25)
@given(st.lists(st.floats(-5, 5), min_size=2, max_size=12), st.randoms(use_true_random=False))
def test_order_does_not_matter_nor_do_the_groups_names(values, random) -> None:
    groups = ["a", "b", *(random.choice("abc") for _ in values[2:])]
    order = random.sample(range(len(values)), len(values))
    shuffled, labels = [values[i] for i in order], [{"a": 7, "b": 3, "c": 5}[groups[i]] for i in order]
    for one, other in ((None, None), (groups, labels)):
        first = bootstrap(values, groups=one, resamples=99)
        second = bootstrap(shuffled, groups=other, resamples=99)
        assert (second.low, second.high) == pytest.approx((first.low, first.high))
        assert min(values) - 1e-9 <= first.low <= first.high <= max(values) + 1e-9


def test_the_seed_decides() -> None:
    assert bootstrap(SKEWED, seed=3) == bootstrap(SKEWED, seed=3)
    assert bootstrap(SKEWED, seed=3) != bootstrap(SKEWED, seed=4)


def test_many_values_need_no_memory_to_match() -> None:
    values = np.random.default_rng(0).normal(size=3000)  # drawn in parts
    found = bootstrap(values, resamples=999)
    assert found.low < values.mean() < found.high


@pytest.mark.parametrize("method", ["bca", "percentile"])
def test_it_holds_the_truth_about_as_often_as_it_says(method) -> None:
    rng = np.random.default_rng(11)
    samples = rng.exponential(size=(300, 30))
    held = [1.0 in bootstrap(sample, method=method, confidence=0.9, resamples=400) for sample in samples]
    assert 0.78 < np.mean(held) < 0.95  # a little below .9, as is known of 30 skewed values


def test_of_grouped_cases_only_whole_groups_hold_the_truth() -> None:
    rng = np.random.default_rng(12)
    held = {"cases": 0, "groups": 0}
    for _ in range(200):
        values = np.repeat(rng.normal(size=15), 6) + rng.normal(scale=0.2, size=90)
        held["cases"] += 0.0 in bootstrap(values, confidence=0.9, resamples=300)
        held["groups"] += 0.0 in bootstrap(
            values, groups=np.repeat(np.arange(15), 6), confidence=0.9, resamples=300
        )
    assert held["groups"] > 0.8 * 200
    assert held["cases"] < 0.65 * 200


@pytest.mark.parametrize(
    ("values", "options", "message"),
    [
        ([], {}, "at least one"),
        ([0.5], {}, "at least two cases"),
        ([0.5, 0.6], {"groups": ["a", "a"]}, "at least two groups"),
        ([0.5, 0.6], {"groups": ["a"]}, "1 groups were given for 2"),
        ([0.5, math.nan], {}, "NaN"),
        ([0.5, math.inf], {}, "infinity"),
        ([0.5, 0.6], {"confidence": 95}, "between 0 and 1"),
        ([0.5, 0.6], {"method": "basic"}, "'bca' or 'percentile'"),
        ([0.5, 0.6], {"resamples": 0}, "95 % takes 40 resamples or more .*, found 0;"),
        ([0.5, 0.6], {"resamples": 1}, "takes 40 resamples"),  # its interval would have no width
        ([0.5, 0.5], {"resamples": 1}, "takes 40 resamples"),
        ([0.5, 0.6], {"resamples": 39}, "takes 40 resamples"),
        ([0.5, 0.6], {"resamples": 199, "confidence": 0.99}, "99 % takes 200 resamples"),
        ([0.5, 0.6], {"resamples": 19, "confidence": 0.9}, "90 % takes 20 resamples"),
        ([0.5, 0.6], {"resamples": 99.5}, "whole number.*, found 99.5"),
        ([0.5, 0.6], {"resamples": math.nan}, "whole number"),
    ],
)
def test_what_cannot_be_resampled_is_refused(values, options, message) -> None:
    with pytest.raises(IsthmusError, match=message):
        bootstrap(values, **options)


@pytest.mark.parametrize(("confidence", "least"), [(0.5, 4), (0.9, 20), (0.95, 40), (0.99, 200)])
def test_the_fewest_resamples_that_are_taken(confidence, least) -> None:
    found = bootstrap(SKEWED, confidence=confidence, resamples=np.int64(least), method="percentile")
    assert found.low < found.estimate < found.high
    with pytest.raises(IsthmusError, match=f"takes {least} resamples"):
        bootstrap(SKEWED, confidence=confidence, resamples=least - 1)
