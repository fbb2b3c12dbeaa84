"""Numbers of cases as textbooks print them, and as simulations find them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isthmus.errors import IsthmusError
from isthmus.statistics import (
    cases_needed,
    detectable_difference,
    paired_t,
    power,
    sd_of_difference,
    wilcoxon,
)


@pytest.mark.parametrize(
    ("effect", "wanted", "expected"),
    [(0.2, 0.8, 199), (0.5, 0.8, 34), (0.8, 0.8, 15), (0.2, 0.95, 327), (0.5, 0.95, 54), (0.8, 0.95, 23)],
)
def test_cases_of_the_paired_t_test_as_in_gpower(effect, wanted, expected) -> None:
    assert cases_needed(effect, 1.0, power=wanted) == expected
    assert cases_needed(-100 * effect, 100.0, power=wanted) == expected  # only the ratio matters
    assert power(expected, effect, 1.0) >= 0.8 > power(expected - 1, effect, 1.0) or wanted > 0.8


def test_rank_tests_pay_by_their_efficiency() -> None:
    assert cases_needed(0.5, 1.0, test="wilcoxon") == 35  # G*Power, A.R.E. method, normal parent
    for effect in (0.05, 0.1):
        t = cases_needed(effect, 1.0)
        assert cases_needed(effect, 1.0, test="wilcoxon") == pytest.approx(t * math.pi / 3, rel=1e-3)
        assert cases_needed(effect, 1.0, test="sign") == pytest.approx(t * math.pi / 2, rel=1e-3)


@pytest.mark.parametrize(("call", "test"), [(paired_t, "t"), (wilcoxon, "wilcoxon")])
def test_power_is_what_simulated_experiments_have(call, test) -> None:
    rng = np.random.default_rng(0)
    drawn = rng.normal(0.5, 1.0, size=(600, 30))
    share = np.mean([call(d, np.zeros(30)).p < 0.05 for d in drawn])
    assert share == pytest.approx(power(30, 0.5, 1.0, test=test), abs=0.06)  # three standard errors


def test_the_level_is_the_power_against_no_difference() -> None:
    assert power(20, 0.0, 1.0, alpha=0.05) == pytest.approx(0.05)
    assert power(5_000_000, 0.0, 1.0, alpha=0.01) == pytest.approx(0.01, rel=1e-4)


def test_large_numbers_join_where_the_approximation_begins() -> None:
    effects = [power(n, 0.028, 1.0) for n in range(9_990, 10_011, 4)]
    steps = np.diff(effects)
    assert (steps > 0).all()
    assert steps.max() < 3 * steps.min()
    for effect in (0.01, 0.001):  # (z + z')^2 / effect^2 + z^2 / 2, which forgets the other tail
        normal = (1.959963984540054 + 0.8416212335729143) ** 2 / effect**2 + 1.96**2 / 2
        assert cases_needed(effect, 1.0) == pytest.approx(normal, rel=3e-6, abs=2.5)


def test_where_nothing_needs_to_be_computed() -> None:
    assert cases_needed(0.0, 1.0) == math.inf
    assert cases_needed(0.1, 0.0) == 2
    assert cases_needed(0.1, 0.0, test="sign") == 6  # 2 / 2^5 is above .05
    assert power(5, 10.0, 1.0, test="wilcoxon") == 0
    assert power(6, 10.0, 1.0, test="wilcoxon") > 0.9
    assert (power(10, 0.1, 0.0), power(10, 0.0, 0.0)) == (1, 0)
    assert detectable_difference(5, 1.0, test="sign") == math.inf
    assert detectable_difference(20, 0.0) == 0


def test_what_a_paper_claims_from_the_deviations_it_prints() -> None:
    sd = sd_of_difference(3.0, 4.0, 0.5)
    assert sd == pytest.approx(math.sqrt(13))
    rng = np.random.default_rng(1)
    a, b = rng.multivariate_normal([0, 0], [[9, 6], [6, 16]], 100_000).T
    assert np.std(a - b) == pytest.approx(sd, rel=0.01)
    assert cases_needed(1.0, sd) > cases_needed(1.0, sd_of_difference(3.0, 4.0, 0.9))


@settings(max_examples=40)
@given(st.integers(7, 3000), st.floats(0.01, 50), st.sampled_from(["t", "wilcoxon", "sign"]))
def test_the_three_questions_have_one_answer(n, sd, test) -> None:
    smallest = detectable_difference(n, sd, test=test)
    assert power(n, smallest, sd, test=test) == pytest.approx(0.8, abs=1e-6)
    assert cases_needed(smallest * 1.0001, sd, test=test) <= n
    assert cases_needed(smallest * 0.9999, sd, test=test) > n


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: cases_needed(math.nan, 1.0), "standard deviation"),
        (lambda: cases_needed(1.0, -1.0), "standard deviation"),
        (lambda: cases_needed(1.0, math.inf), "standard deviation"),
        (lambda: cases_needed(1.0, 1.0, alpha=5), "alpha"),
        (lambda: cases_needed(1.0, 1.0, power=80), "power"),
        (lambda: cases_needed(1.0, 1.0, power=0.01), "power"),
        (lambda: cases_needed(1.0, 1.0, test="anova"), "choose t, wilcoxon, sign"),
        (lambda: power(1, 1.0, 1.0), "two cases"),
        (lambda: detectable_difference(10, 1.0, power=1.0), "power"),
        (lambda: sd_of_difference(1.0, 1.0, 2.0), "correlation"),
    ],
)
def test_what_cannot_be_is_refused(call, message) -> None:
    with pytest.raises(IsthmusError, match=message):
        call()
