"""Paired tests of two networks on the same cases, with corrections for cross-validation and for several tests.

All tests are two-sided. Identical networks give p = 1. A difference that is the same in every case gives an infinite
t and p = 0.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy import special, stats

from isthmus.errors import IsthmusError
from isthmus.statistics.pairs import Floats, differences, floats, labels_of, values_of

EXACT = 50  # pairs (or groups) up to which the signed-rank distribution is exact
_SUMS = 2**22  # sums of ranks that are told apart
_ROUNDING = 1e-14  # a standard error of differences up to 1 that is nothing but rounding

Groups = Iterable[object] | None
"""Patient or slide of each pair, in their order; None: the pairs are independent."""


@dataclass(frozen=True)
class Outcome:
    """The result of a test: statistic, two-sided p, number of pairs (folds, groups), and degrees of freedom of t."""

    statistic: float
    p: float
    n: int
    df: float | None = None


def paired_t(first: ArrayLike, second: ArrayLike, *, groups: Groups = None) -> Outcome:
    """Applies Student's t-test to paired scores: t = mean(d) / (sd(d) / sqrt(n)) with n - 1 degrees of freedom.

    Cases of one patient are not independent. With ``groups`` the variance of the mean is G / (G - 1) sum_g (sum of
    d - mean(d) in g)^2 / n^2, and t has G - 1 degrees of freedom; if every group has one case, this is Student's.
    Liang, Zeger: Longitudinal data analysis using generalized linear models. Biometrika 73:13-22 (1986),
    doi:10.1093/biomet/73.1.13; with this correction for few groups: Cameron, Miller: A practitioner's guide to
    cluster-robust inference. J. Human Resources 50:317-372 (2015), doi:10.3368/jhr.50.2.317.

    The scores of a cross-validation are not independent, because every two training sets share cases. Their p is too
    small; use `corrected_resampled_t` of the folds instead.

    Args:
        first, second: scores of the same cases in the same order.
        groups: patient or slide of each case.

    Raises:
        IsthmusError: fewer than two pairs (or groups), different numbers, NaN, infinity.

    >>> round(paired_t([3.0, 5.0, 7.0], [2.0, 3.0, 4.0]).statistic, 4)  # differences 1, 2, 3: 2 sqrt(3)
    3.4641
    """
    found = values_of(differences(first, second), "the differences")
    if groups is None:
        return _t(found, 1 / len(found), "cases")
    return _clustered_t(found, labels_of(groups, len(found), "groups"))


def corrected_resampled_t(first: ArrayLike, second: ArrayLike, *, train: float, test: float) -> Outcome:
    """Applies the corrected resampled t-test, for folds, repeated folds and repeated hold-outs.

    t = mean(d) / sqrt((1/J + n_test/n_train) var(d)) with J - 1 degrees of freedom and d the J differences. Training
    sets overlap, so that the differences vary less than independent ones would. For k folds n_test / n_train is 1 /
    (k - 1), also if they are repeated.

    Nadeau, Bengio: Inference for the generalization error. Machine Learning 52:239-281 (2003),
    doi:10.1023/A:1024068626366; repeated folds: Bouckaert, Frank: PAKDD 2004, doi:10.1007/978-3-540-24775-3_3.

    Args:
        first, second: one score for each fold (of each repeat), in the same order, see `fold_means`.
        train, test: number of cases for training and for scoring (the means if folds differ).

    Raises:
        IsthmusError: as in `paired_t`, or sizes that are not above 0.

    >>> found = corrected_resampled_t([3.0, 5.0, 7.0], [2.0, 3.0, 4.0], train=20, test=10)
    >>> round(found.statistic, 4), found.df  # 2 / sqrt(1/3 + 1/2)
    (2.1909, 2)
    """
    if not (train > 0 and test > 0 and math.isfinite(train) and math.isfinite(test)):
        raise IsthmusError(f"train and test are numbers of cases above 0, found {train!r} and {test!r}")
    found = values_of(differences(first, second), "the differences")
    return _t(found, 1 / len(found) + test / train, "folds")


def wilcoxon(
    first: ArrayLike,
    second: ArrayLike,
    *,
    zeros: Literal["drop", "pratt"] = "drop",
    groups: Groups = None,
) -> Outcome:
    """Applies Wilcoxon's signed-rank test to paired scores; the statistic is the smaller of the two sums of ranks.

    For up to 50 differences the null distribution is exact (all signs equally likely, also with ties); for more it
    is normal, with a variance that is corrected for ties. Differences of 0 (see `differences`) are dropped before
    ranking (Wilcoxon 1945, doi:10.2307/3001968) or after it (Pratt 1959, doi:10.1080/01621459.1959.10501526). If no
    difference is left, p is 1.

    With ``groups`` (patients, slides) the signed ranks of a group are added up, and under the null hypothesis the signs
    of whole groups are equally likely to be flipped: the exact form of Rosner, Glynn, Lee: The Wilcoxon signed rank
    test for paired comparisons of clustered data. Biometrics 62:185-192 (2006), doi:10.1111/j.1541-0420.2005.00389.x.
    Groups of one case give the test without groups.

    Args:
        first, second: scores of the same cases in the same order; infinite ones rank as the largest.
        zeros: ``"drop"`` or ``"pratt"``.
        groups: patient or slide of each case.

    Raises:
        IsthmusError: no pairs, different numbers, NaN.

    >>> wilcoxon([1.0, 2.0, 3.0, 4.0, 5.0], [0.0, 0.0, 0.0, 0.0, 0.0])
    Outcome(statistic=0.0, p=0.0625, n=5, df=None)
    """
    if zeros not in ("drop", "pratt"):
        raise IsthmusError(f"zeros is {zeros!r}; choose 'drop' or 'pratt'")
    found = differences(first, second)
    labels = None if groups is None else labels_of(groups, len(found), "groups")
    ranked = found != 0 if zeros == "drop" else np.ones(len(found), bool)
    ranks = np.zeros(len(found))
    ranks[ranked] = stats.rankdata(np.abs(found[ranked]))
    signed = ranks * np.sign(found)
    if labels is not None:
        signed = _group_sums(signed, labels)
    signed = signed[signed != 0]
    n = len(signed)
    if n == 0:
        return Outcome(0.0, 1.0, 0)
    used = np.abs(signed)
    positive = float(used[signed > 0].sum())
    statistic = min(positive, float(used.sum()) - positive)
    if n <= EXACT:
        return Outcome(statistic, _signed_rank_p(signed), n)
    mean, variance = used.sum() / 2, (used**2).sum() / 4  # holds with ties, Pratt's ranks and groups
    z = (statistic - mean) / math.sqrt(variance)
    return Outcome(statistic, min(1.0, 2 * float(special.ndtr(z))), n)


def holm(p: ArrayLike) -> tuple[float, ...]:
    """Adjusts p-values for their number, so that the probability of any false positive stays below alpha.

    The i-th smallest of m is multiplied by m - i + 1, raised to at least the one before it, and limited to 1.
    Holm: A simple sequentially rejective multiple test procedure. Scand. J. Statist. 6:65-70 (1979).

    Raises:
        IsthmusError: a p is not a number from 0 to 1.

    >>> holm([0.01, 0.04, 0.03])
    (0.03, 0.06, 0.06)
    """
    values = floats(p, "p-values")
    if values.ndim != 1:
        raise IsthmusError(f"p-values must be a list, found shape {values.shape}")
    found = values.tolist()
    for value in found:
        if not 0 <= value <= 1:
            raise IsthmusError(f"p-values lie between 0 and 1, found {value!r}")
    adjusted, least = [0.0] * len(found), 0.0
    for rank, i in enumerate(sorted(range(len(found)), key=lambda i: found[i])):
        least = max(least, min(1.0, (len(found) - rank) * found[i]))
        adjusted[i] = least
    return tuple(adjusted)


def _t(found: Floats, share: float, what: str) -> Outcome:
    """Tests whether a mean differs from 0; `share` times the variance is that of the mean."""
    n = len(found)
    if n < 2:
        raise IsthmusError(f"a t-test needs at least two {what}, found {n}")
    if np.ptp(found) == 0:
        certain = math.copysign(math.inf, found[0]) if found[0] else 0.0
        return Outcome(certain, 0.0 if certain else 1.0, n, n - 1)
    unit = found / np.abs(found).max()  # the ratio is safe from underflow
    t = float(unit.mean() / (unit.std(ddof=1) * math.sqrt(share)))
    return Outcome(t, float(2 * special.stdtr(n - 1, -abs(t))), n, n - 1)


def _clustered_t(found: Floats, labels: list[str]) -> Outcome:
    """Tests whether a mean differs from 0, where only groups are independent."""
    n = len(set(labels))
    if n < 2:
        raise IsthmusError(f"a t-test needs at least two groups, found {n}")
    largest = float(np.abs(found).max()) or 1.0  # the ratio is safe from underflow
    unit = found / largest
    mean = float(unit.mean())
    square = float((_group_sums(unit - mean, labels) ** 2).sum())
    error = math.sqrt(n / (n - 1) * square) / len(unit)
    if error < _ROUNDING:
        certain = math.copysign(math.inf, mean) if abs(mean) > _ROUNDING else 0.0
        return Outcome(certain, 0.0 if certain else 1.0, n, n - 1)
    t = mean / error
    return Outcome(t, float(2 * special.stdtr(n - 1, -abs(t))), n, n - 1)


def _group_sums(values: Floats, labels: list[str]) -> Floats:
    """Computes the sum of each group, in the order of their names."""
    groups: dict[str, list[float]] = {}
    for label, value in zip(labels, values, strict=True):
        groups.setdefault(label, []).append(float(value))
    return np.array([math.fsum(groups[label]) for label in sorted(groups)])


def _signed_rank_p(signed: Floats) -> float:
    """Computes the share of all 2^n choices of signs whose smaller sum of ranks is at most that of these signs.

    Thousands of cases in a few groups have so many sums of ranks that these are rounded to `_SUMS` steps.
    """
    step = max(1, math.ceil(2 * np.abs(signed).sum() / _SUMS))
    doubled = np.rint(2 * np.abs(signed) / step).astype(np.int64)  # ties have half ranks
    positive = int(doubled[signed > 0].sum())
    statistic = min(positive, int(doubled.sum()) - positive)
    ways = np.zeros(int(doubled.sum()) + 1)
    ways[0] = 1
    for rank in doubled:
        shifted = np.zeros_like(ways)
        shifted[rank:] = ways[: len(ways) - rank]
        ways += shifted
    tail = ways[: statistic + 1].sum()
    return float(min(1.0, 2 * tail / 2.0 ** len(doubled)))
