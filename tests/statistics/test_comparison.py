"""Whole comparisons: identical networks, one better by a known amount, cases that do not pair, and bold."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isthmus.errors import IsthmusError
from isthmus.statistics import (
    bootstrap,
    compare,
    compare_all,
    corrected_resampled_t,
    fold_means,
    not_different_from_best,
    pair,
    paired_t,
    wilcoxon,
)

N = 40
NAMES = [f"case-{i:02}" for i in range(N)]
RNG = np.random.default_rng(0)
HARD = RNG.normal(0.8, 0.1, N)  # how hard a case is for every network
FOLDS = {name: f"fold-{i % 5}" for i, name in enumerate(NAMES)}


def network(gain: float, noise: float, seed: int) -> dict[str, float]:
    return dict(zip(NAMES, HARD + gain + np.random.default_rng(seed).normal(0, noise, N), strict=True))


UNET, BETTER, TWIN = network(0, 0.02, 1), network(0.03, 0.02, 2), network(0.0301, 0.02, 3)


def test_one_better_by_a_known_amount() -> None:
    found = compare(BETTER, UNET, names=("mildnet", "unet"), folds=FOLDS)
    a, b = (np.array([scores[name] for name in NAMES]) for scores in (BETTER, UNET))
    assert (found.first, found.second, found.n) == ("mildnet", "unet", N)
    assert found.difference == pytest.approx(np.mean(a - b))
    assert found.sd == pytest.approx(np.std(a - b, ddof=1))
    assert found.interval is not None
    assert found.interval.low < 0.03 < found.interval.high
    labels = [FOLDS[name] for name in NAMES]
    expected = bootstrap(a - b, groups=labels)
    assert (found.interval.low, found.interval.high) == pytest.approx((expected.low, expected.high))
    assert found.t == paired_t(a, b)
    assert found.wilcoxon == wilcoxon(a, b)
    assert found.corrected == corrected_resampled_t(
        fold_means(a, labels), fold_means(b, labels), train=32, test=8
    )
    assert found.t.p < 1e-6 < found.corrected.p < 0.05  # folds know less than cases seem to
    assert found.dz == pytest.approx(found.difference / found.sd)
    assert found.superiority > 0.8
    assert found.adjusted is None


def test_the_difference_itself_is_the_estimate_whatever_the_cases() -> None:
    shifted = {name: value + 0.0625 for name, value in UNET.items()}
    found = compare(shifted, UNET)
    assert found.difference == pytest.approx(0.0625, abs=1e-15)
    assert (found.sd, found.t.p, found.dz) == (0, 0, math.inf)
    assert (found.interval.low, found.interval.high) == pytest.approx((0.0625, 0.0625))
    assert (found.rank_biserial, found.superiority, found.corrected) == (1, 1, None)


def test_identical_networks() -> None:
    found = compare(UNET, dict(UNET), folds=FOLDS)
    assert found.difference == found.sd == found.dz == found.rank_biserial == 0
    assert (found.t.p, found.wilcoxon.p, found.corrected.p, found.superiority) == (1, 1, 1, 0.5)
    assert (found.interval.low, found.interval.high) == (0, 0)


def test_one_case_tells_nothing_but_its_difference() -> None:
    found = compare({"a": 0.75}, {"a": 0.5}, folds={"a": 0})
    assert (found.n, found.difference, found.wilcoxon.p) == (1, 0.25, 1)
    assert math.isnan(found.sd)
    assert math.isnan(found.dz)
    assert found.interval is found.t is found.corrected is None
    assert not_different_from_best({"a": {"x": 0.9}, "b": {"x": 0.1}}, test="t") == ("a", "b")


def test_every_two_networks_adjusted_together() -> None:
    found = compare_all({"unet": UNET, "mildnet": BETTER, "sharp_unet": TWIN})
    assert [(c.first, c.second) for c in found] == [
        ("unet", "mildnet"),
        ("unet", "sharp_unet"),
        ("mildnet", "sharp_unet"),
    ]
    p = [c.wilcoxon.p for c in found]
    assert found[2].adjusted == p[2] > 0.05  # the largest is not adjusted
    assert sorted(c.adjusted for c in found)[0] == pytest.approx(3 * min(p))
    corrected = compare_all({"unet": UNET, "mildnet": BETTER}, folds=FOLDS, test="corrected")
    assert corrected[0].adjusted == corrected[0].corrected.p


def test_bold_is_the_best_and_what_is_as_good() -> None:
    scores = {"unet": UNET, "mildnet": BETTER, "sharp_unet": TWIN, "copy": dict(TWIN)}
    for test in ("wilcoxon", "t", "corrected"):
        assert not_different_from_best(scores, folds=FOLDS, test=test) == ("mildnet", "sharp_unet", "copy")
    distances = {name: {case: -v for case, v in each.items()} for name, each in scores.items()}
    kept = not_different_from_best(distances, higher_is_better=False)
    assert kept == ("mildnet", "sharp_unet", "copy")
    assert not_different_from_best(distances) == ("unet",)
    assert not_different_from_best({"unet": UNET}) == ("unet",)
    assert not_different_from_best(scores, alpha=1e-12) == tuple(scores)  # nobody is that sure


def test_bold_of_many_networks_pays_for_their_number() -> None:
    best = {f"{i}": 1.0 + i / 100 for i in range(6)}  # six cases: the smallest p there is, 2 / 2^6
    other = {case: value - 0.1 - i / 1000 for i, (case, value) in enumerate(best.items())}
    assert not_different_from_best({"best": best, "other": other}) == ("best",)
    many = {"best": best, **{f"other {i}": other for i in range(2)}}
    assert set(not_different_from_best(many)) == set(many)


def test_cases_that_do_not_pair_are_named() -> None:
    short = {name: value for name, value in UNET.items() if name not in ("case-03", "case-17")}
    with pytest.raises(IsthmusError, match="'short' has no score for case-03, case-17, which") as error:
        compare(UNET, short, names=("unet", "short"))
    assert "\n" not in str(error.value)
    with pytest.raises(IsthmusError, match=r"'b' has no score for case-01, .* and 34 more"):
        pair({"a": UNET, "b": {"case-00": 1.0}})


def test_nan_for_all_is_left_out_and_for_some_is_refused() -> None:
    gaps = {"unet": UNET | {"empty": math.nan}, "mildnet": BETTER | {"empty": math.nan}}
    found = pair(gaps)
    assert found.undefined == ("empty",)
    assert found.cases == tuple(NAMES)
    assert compare(*gaps.values()) == compare(UNET, BETTER)
    with pytest.raises(IsthmusError, match="'mildnet' is NaN for case-05"):
        pair({"unet": UNET, "mildnet": BETTER | {"case-05": math.nan}})
    with pytest.raises(IsthmusError, match="every score is NaN"):
        pair({"unet": {"a": math.nan}})


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: pair({}), "no scores"),
        (lambda: pair({"a": {}}), "no scores"),
        (lambda: compare(UNET, UNET, names=("a", "a")), "two names"),
        (lambda: compare(UNET | {"case-00": math.inf}, UNET), "infinite scores for case-00"),
        (lambda: compare(UNET, BETTER, folds={}), "no fold is known for case-00"),
        (lambda: compare_all({"a": UNET}), "at least two networks"),
        (lambda: compare_all({"a": UNET, "b": TWIN}, test="anova"), "choose 'wilcoxon'"),
        (lambda: compare_all({"a": UNET, "b": TWIN}, test="corrected"), "fold of each case"),
        (lambda: not_different_from_best({"a": UNET, "b": TWIN}, test="anova"), "choose 'wilcoxon'"),
        (lambda: not_different_from_best({"a": UNET, "b": TWIN}, test="corrected"), "fold of each case"),
        (lambda: not_different_from_best({"a": UNET}, alpha=0), "alpha"),
    ],
)
def test_a_mistake_is_one_line(call, message) -> None:
    with pytest.raises(IsthmusError, match=message) as error:
        call()
    assert "\n" not in str(error.value)


@settings(max_examples=20)
@given(st.permutations(NAMES), st.permutations(["unet", "mildnet", "sharp_unet"]))
def test_neither_the_order_of_cases_nor_of_networks_matters(cases, networks) -> None:
    every = {"unet": UNET, "mildnet": BETTER, "sharp_unet": TWIN}
    shuffled = {name: {case: every[name][case] for case in cases} for name in networks}
    assert set(not_different_from_best(shuffled)) == set(not_different_from_best(every))
    assert compare(shuffled["mildnet"], shuffled["unet"], folds=FOLDS) == compare(BETTER, UNET, folds=FOLDS)


GROUPED = {f"c{i}": 0.5 + i / 100 for i in range(12)}
WORSE = {case: score - (0.02 if i % 4 else -0.01) for i, (case, score) in enumerate(GROUPED.items())}


def test_groups_are_drawn_and_flipped_as_a_whole() -> None:
    groups = {case: f"patient {i // 2}" for i, case in enumerate(GROUPED)}
    found = compare(GROUPED, WORSE, groups=groups)
    change = [GROUPED[case] - WORSE[case] for case in sorted(GROUPED)]
    labels = [groups[case] for case in sorted(GROUPED)]
    assert found.groups == 6
    assert found.interval == bootstrap(np.round(change, 12), groups=labels)
    assert found.wilcoxon.p == wilcoxon(np.round(change, 12), [0.0] * 12, groups=labels).p
    assert found.t is not None
    assert found.t.df == 5
    assert (found.larger, found.equal, found.smaller) == (9, 0, 3)
    assert compare_all({"a": GROUPED, "b": WORSE}, groups=groups)[0].interval == found.interval


def test_three_groups_have_no_interval_and_one_has_no_t() -> None:
    three = {case: i % 3 for i, case in enumerate(GROUPED)}
    found = compare(GROUPED, WORSE, groups=three)
    assert found.interval is None
    assert found.t is not None
    one = compare(GROUPED, WORSE, groups=dict.fromkeys(GROUPED, "x"))
    assert (one.interval, one.t, one.wilcoxon.p) == (None, None, 1.0)


def test_groups_of_one_case_change_nothing() -> None:
    assert compare(GROUPED, WORSE, groups={case: case for case in GROUPED}) == compare(GROUPED, WORSE)


def test_folds_and_groups_are_not_given_together() -> None:
    with pytest.raises(IsthmusError, match="folds and groups are both given"):
        compare(GROUPED, WORSE, groups=GROUPED, folds=GROUPED)
    with pytest.raises(IsthmusError, match="no group is known for c0"):
        compare(GROUPED, WORSE, groups={"c1": 1})
