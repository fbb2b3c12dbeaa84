"""The tests against SciPy, against counting every sign, against formulas done by hand, and where they are undefined."""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from isthmus.errors import IsthmusError
from isthmus.statistics import (
    cohens_dz,
    corrected_resampled_t,
    differences,
    holm,
    paired_t,
    probability_of_superiority,
    rank_biserial,
    wilcoxon,
)

# Student (1908), hours of sleep gained with two drugs by the same ten patients
SLEEP = (
    [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0],
    [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4],
)
scores = st.lists(st.integers(0, 20).map(lambda n: n / 20), min_size=2, max_size=9)


def two(n: int, seed: int, shift: float = 0.02) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.normal(0.8 + shift, 0.05, n), rng.normal(0.8, 0.05, n)


def test_students_sleep_data() -> None:
    found = paired_t(*SLEEP)
    assert found.statistic == pytest.approx(-4.0621, abs=5e-5)  # as printed in every textbook since
    assert found.p == pytest.approx(0.002833, abs=5e-7)
    assert (found.n, found.df) == (10, 9)
    assert cohens_dz(*SLEEP) == pytest.approx(-4.0621 / math.sqrt(10), abs=5e-5)
    signed = wilcoxon(*SLEEP)  # one difference is 0, two are tied: 2 of the 2^9 signs are as extreme
    assert signed.statistic == 0
    assert signed.p == 2 / 2**9
    assert rank_biserial(*SLEEP) == -1
    assert probability_of_superiority(*SLEEP) == 0.05  # one tie of ten


@pytest.mark.parametrize("n", [2, 3, 10, 47, 50, 51, 200])
def test_as_scipy_computes_them(n: int) -> None:
    a, b = two(n, seed=n)
    expected = stats.ttest_rel(a, b)
    found = paired_t(a, b)
    assert found.statistic == pytest.approx(expected.statistic, rel=1e-9)
    assert found.p == pytest.approx(expected.pvalue, rel=1e-9)
    expected = stats.wilcoxon(a, b)
    found = wilcoxon(a, b)
    assert found.statistic == expected.statistic
    assert found.p == pytest.approx(expected.pvalue, rel=1e-9)


@pytest.mark.parametrize(("ours", "scipys"), [("drop", "wilcox"), ("pratt", "pratt")])
def test_many_pairs_with_ties_and_zeros_as_scipy_computes_them(ours, scipys) -> None:
    a, b = (np.round(x, 2) for x in two(300, seed=5, shift=0.005))
    change = np.round(a - b, 2)
    expected = stats.wilcoxon(change, zero_method=scipys, method="asymptotic")
    found = wilcoxon(a, b, zeros=ours)
    assert found.statistic == expected.statistic
    assert found.p == pytest.approx(expected.pvalue, rel=1e-9)
    assert found.n == np.count_nonzero(change) < 300


@given(scores, st.integers(0, 2**32), st.sampled_from(["drop", "pratt"]))
def test_the_signed_rank_distribution_is_counted_out_with_ties_and_zeros(first, seed, zeros) -> None:
    second = np.random.default_rng(seed).integers(0, 21, len(first)) / 20
    found = wilcoxon(first, second, zeros=zeros)
    change = np.round(np.array(first) - second, 6)
    if zeros == "drop":
        change = change[change != 0]
    ranks = stats.rankdata(np.abs(change)) if change.size else change
    ranks = ranks[change != 0]
    sums = [
        sum(r for r, sign in zip(ranks, signs, strict=True) if sign)
        for signs in product((0, 1), repeat=len(ranks))
    ]
    total = ranks.sum()
    as_extreme = [min(s, total - s) <= found.statistic + 1e-9 for s in sums]
    assert found.p == pytest.approx(sum(as_extreme) / len(sums))
    assert found.n == np.count_nonzero(change)


def test_the_correction_of_nadeau_and_bengio_by_hand() -> None:
    a, b = [0.80, 0.84, 0.79, 0.88, 0.84], [0.78, 0.83, 0.80, 0.85, 0.80]
    d = np.array([0.02, 0.01, -0.01, 0.03, 0.04])  # mean .018, variance .00037
    t = 0.018 / math.sqrt((1 / 5 + 1 / 4) * 0.00037)
    found = corrected_resampled_t(a, b, train=80, test=20)
    assert found.statistic == pytest.approx(t)
    assert found.p == pytest.approx(2 * stats.t.sf(t, 4))
    assert found.df == 4
    plain = paired_t(a, b)
    assert found.statistic == pytest.approx(plain.statistic * math.sqrt((1 / 5) / (1 / 5 + 1 / 4)))
    assert found.p > plain.p == pytest.approx(stats.ttest_1samp(d, 0).pvalue)


def test_repeated_folds_keep_the_ratio_and_gain_degrees_of_freedom() -> None:
    a, b = two(50, seed=3)
    found = corrected_resampled_t(a, b, train=9, test=1)  # ten times ten folds would be 100; here five
    d = a - b
    assert found.statistic == pytest.approx(d.mean() / math.sqrt((1 / 50 + 1 / 9) * d.var(ddof=1)))
    assert found.df == 49
    # repeating the same folds for ever leaves a variance: the test does not become sure of anything
    many = corrected_resampled_t(np.tile(a, 40), np.tile(b, 40), train=9, test=1)
    assert abs(many.statistic) < 1.5 * abs(found.statistic)
    assert abs(paired_t(np.tile(a, 40), np.tile(b, 40)).statistic) > 6 * abs(paired_t(a, b).statistic)


@pytest.mark.parametrize("values", [[0.5], [0.5, 0.5], [0.1, 0.7, 0.3], [0.9] * 60])
def test_identical_networks_differ_in_nothing(values) -> None:
    assert wilcoxon(values, values).p == 1
    assert wilcoxon(values, values, zeros="pratt").p == 1
    assert rank_biserial(values, values) == 0
    assert probability_of_superiority(values, values) == 0.5
    if len(values) > 1:
        assert paired_t(values, values) == type(paired_t(*SLEEP))(0.0, 1.0, len(values), len(values) - 1)
        assert corrected_resampled_t(values, values, train=4, test=1).p == 1
        assert cohens_dz(values, values) == 0


def test_a_constant_difference_is_certain_though_floats_are_not() -> None:
    first, second = [0.9, 0.7, 0.4, 0.3], [0.8, 0.6, 0.3, 0.2]
    assert len({a - b for a, b in zip(first, second, strict=True)}) > 1  # to the computer they differ
    assert differences(first, second).tolist() == [0.1] * 4
    assert paired_t(first, second).statistic == math.inf
    assert paired_t(first, second).p == 0
    assert paired_t(second, first).statistic == -math.inf
    assert corrected_resampled_t(second, first, train=4, test=1).statistic == -math.inf
    assert cohens_dz(first, second) == math.inf
    assert rank_biserial(first, second) == probability_of_superiority(first, second) == 1
    assert wilcoxon(first, second).p == 2 / 2**4


def test_rounding_keeps_what_scores_really_differ_by() -> None:
    assert differences([1e-9, 1.0], [0.0, 1.0]).tolist() == [1e-9, 0.0]
    assert differences([3e5, 7.25], [2e5, 7.0]).tolist() == [1e5, 0.25]
    assert differences([1e-300], [0.0]) == pytest.approx([1e-300], rel=1e-12, abs=0)
    assert differences([0.0], [0.0]).tolist() == [0.0]


def test_numbers_near_the_smallest_are_numbers() -> None:
    first, second = [3e-300, 5e-300, 7e-300], [2e-300, 3e-300, 4e-300]
    assert paired_t(first, second).statistic == pytest.approx(2 * math.sqrt(3))
    assert cohens_dz(first, second) == pytest.approx(2)
    assert wilcoxon(first, second).p == 0.25


def test_infinite_scores_have_ranks_but_no_mean() -> None:
    first, second = [math.inf, math.inf, 1.0, 2.0], [math.inf, 5.0, 3.0, 1.0]
    found = wilcoxon(first, second)  # 0, +inf, -2, +1: ranks 3, 2, 1
    assert (found.statistic, found.n) == (2, 3)
    assert probability_of_superiority(first, second) == (0.5 + 1 + 1) / 4
    for refuse in (paired_t, cohens_dz):
        with pytest.raises(IsthmusError, match="infinity"):
            refuse(first, second)


def test_one_pair() -> None:
    assert wilcoxon([0.9], [0.8]).p == 1
    for refuse in (paired_t, cohens_dz):
        with pytest.raises(IsthmusError, match="at least two"):
            refuse([0.9], [0.8])


@pytest.mark.parametrize("call", [paired_t, wilcoxon, cohens_dz, rank_biserial, probability_of_superiority])
@pytest.mark.parametrize(
    ("first", "second", "message"),
    [
        ([], [], "at least one"),
        ([0.5, 0.5], [0.5], "2 scores for 1: a paired"),
        ([0.5, math.nan], [0.5, 0.5], "NaN .at 1."),
        ([[0.5]], [[0.5]], "shape"),
    ],
)
def test_what_is_no_paired_comparison_is_refused(call, first, second, message) -> None:
    with pytest.raises(IsthmusError, match=message) as error:
        call(first, second)
    assert "\n" not in str(error.value)


@given(scores, st.integers(0, 2**32))
def test_the_order_of_the_cases_does_not_matter_and_the_networks_change_the_sign(first, seed) -> None:
    rng = np.random.default_rng(seed)
    second = rng.integers(0, 21, len(first)) / 20
    order = rng.permutation(len(first))
    a, b = np.array(first)[order], second[order]
    for call in (paired_t, wilcoxon):
        assert call(a, b).statistic == pytest.approx(call(first, second).statistic)
        assert call(a, b).p == pytest.approx(call(first, second).p) == pytest.approx(call(second, first).p)
    for effect in (cohens_dz, rank_biserial):
        assert effect(a, b) == pytest.approx(effect(first, second)) == pytest.approx(-effect(second, first))
    assert probability_of_superiority(a, b) + probability_of_superiority(b, a) == pytest.approx(1)


def test_holm_by_hand() -> None:
    # his own example's steps: 4 * .005, 3 * .01, 2 * .03, 1 * .04 held up to .06
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx((0.03, 0.06, 0.06, 0.02))
    assert holm([0.5, 0.9]) == (1.0, 1.0)
    assert holm([0.2]) == (0.2,)
    assert holm([]) == ()
    for wrong in (-0.1, 1.1, math.nan):
        with pytest.raises(IsthmusError, match="between 0 and 1"):
            holm([0.5, wrong])


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12), st.floats(0.001, 0.5))
def test_holm_is_monotone_and_rejects_what_the_steps_reject(p, alpha) -> None:
    adjusted = holm(p)
    assert all(before <= after <= 1 for before, after in zip(p, adjusted, strict=True))
    by_p = sorted(range(len(p)), key=lambda i: p[i])
    assert [adjusted[i] for i in by_p] == sorted(adjusted)
    assert max(adjusted) <= min(1, len(p) * max(p)) + 1e-12
    rejected = set()  # step down: the i-th smallest against alpha / (m - i + 1), until one stays
    for rank, i in enumerate(by_p):
        if p[i] * (len(p) - rank) > alpha:
            break
        rejected.add(i)
    assert {i for i, a in enumerate(adjusted) if a <= alpha} == rejected


def test_the_level_is_kept_under_no_difference() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 600, 12))
    for call in (paired_t, wilcoxon):
        share = np.mean([call(x, y).p < 0.05 for x, y in zip(a, b, strict=True)])
        assert 0.025 < share < 0.075  # three standard errors around .05


# Tests of groups: cases a, b of patient 1, c of 2, d, e of 3, f of 4.
CHANGES = [0.3, -0.1, 0.2, 0.5, 0.4, -0.6]
PATIENTS = [1, 1, 2, 3, 3, 4]


def test_signed_ranks_of_whole_patients() -> None:
    """Ranks 3, -1, 2, 5, 4, -6; by patient 2, 2, 9, -6; of 16 flips 10 have a smaller sum of at most 6."""
    found = wilcoxon(CHANGES, [0.0] * 6, groups=PATIENTS)
    sums = [2, 2, 9, 6]
    flips = [sum(w for w, up in zip(sums, ups, strict=True) if up) for ups in product((0, 1), repeat=4)]
    assert (found.statistic, found.n) == (6, 4)
    assert found.p == sum(min(total, 19 - total) <= 6 for total in flips) / 16 == 10 / 16


@pytest.mark.parametrize("seed", range(6))
def test_flips_of_whole_groups_as_scipy_counts_them(seed: int) -> None:
    rng = np.random.default_rng(seed)
    groups = rng.integers(0, 8, 40)
    change = np.round(rng.normal(0.03, 0.05, 40) + rng.normal(0, 0.05, 8)[groups], 2)
    kept = change[change != 0]
    ranks = stats.rankdata(np.abs(kept)) * np.sign(kept)
    sums = np.bincount(groups[change != 0], ranks)
    expected = stats.permutation_test(
        (sums,), np.sum, permutation_type="samples", n_resamples=np.inf, alternative="two-sided"
    )
    assert wilcoxon(change, np.zeros(40), groups=groups).p == pytest.approx(expected.pvalue)


@pytest.mark.parametrize("n", [5, 30, 80])
def test_groups_of_one_case_are_no_groups(n: int) -> None:
    a, b = two(n, seed=n)
    assert wilcoxon(a, b, groups=range(n)) == wilcoxon(a, b)
    alone, grouped = paired_t(a, b), paired_t(a, b, groups=range(n))
    assert grouped.statistic == pytest.approx(alone.statistic)
    assert grouped.p == pytest.approx(alone.p)
    assert grouped.df == alone.df


def test_many_groups_are_normal() -> None:
    rng = np.random.default_rng(1)
    groups = np.repeat(np.arange(60), 3)
    change = rng.normal(0.1, 1, 180) + rng.normal(0, 1, 60)[groups]
    sums = np.bincount(groups, stats.rankdata(np.abs(change)) * np.sign(change))
    z = sums.sum() / math.sqrt((sums**2).sum())  # Rosner, Glynn, Lee: T / sqrt(sum of T_g^2)
    assert wilcoxon(change, np.zeros(180), groups=groups).p == pytest.approx(2 * stats.norm.sf(abs(z)))


def test_thousands_of_cases_in_a_few_groups() -> None:
    """All cases of all 6 groups differ in one direction: 2 of 2^6 flips are as extreme."""
    change = np.arange(1, 4001) / 4000
    assert wilcoxon(change, np.zeros(4000), groups=np.arange(4000) % 6).p == 2 / 2**6


def test_t_of_groups_by_hand() -> None:
    """Differences 1, 3 | 2 | 6: mean 3; residuals add up to -2, -1, 3, squares 14; G / (G - 1) 14 / 16 = 21 / 16."""
    found = paired_t([1.0, 3.0, 2.0, 6.0], [0.0] * 4, groups=["a", "a", "b", "c"])
    assert found.statistic == pytest.approx(3 / math.sqrt(21 / 16))
    assert (found.n, found.df) == (3, 2)
    assert found.p == pytest.approx(2 * stats.t.sf(3 / math.sqrt(21 / 16), 2))


def test_t_of_equal_groups_is_that_of_their_means() -> None:
    a, b = two(40, seed=3)
    groups = np.repeat(np.arange(8), 5)
    means = (a - b).reshape(8, 5).mean(axis=1)
    expected = stats.ttest_1samp(means, 0)
    found = paired_t(a, b, groups=groups)
    assert found.statistic == pytest.approx(expected.statistic)
    assert found.p == pytest.approx(expected.pvalue)


def test_t_of_groups_that_all_have_the_same_sum() -> None:
    assert paired_t([1.0, 3.0, 2.0, 2.0], [0.0] * 4, groups=[1, 1, 2, 2]).p == 0
    assert paired_t([1.0, -1.0, 2.0, -2.0], [0.0] * 4, groups=[1, 1, 2, 2]).p == 1
    assert paired_t([0.0] * 4, [0.0] * 4, groups=[1, 1, 2, 2]).p == 1


def test_a_group_is_named_for_each_case() -> None:
    with pytest.raises(IsthmusError, match="2 groups were given for 3 scores"):
        wilcoxon([1, 2, 3], [0, 0, 0], groups=[1, 2])
    with pytest.raises(IsthmusError, match="at least two groups, found 1"):
        paired_t([1, 2, 3], [0, 0, 0], groups=[1, 1, 1])
