"""Paired tests of two networks on the same cases, with corrections for cross-validation and for several tests.

All tests are two-sided. Identical networks give p = 1. A difference that is the same in every case gives an infinite
t and p = 0.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy import special, stats

from isthmus.errors import IsthmusError
from isthmus.statistics.pairs import Floats, differences, floats, values_of

EXACT = 50  # pairs up to which the signed-rank distribution is exact


@dataclass(frozen=True)
class Outcome:
    """The result of a test: statistic, two-sided p, number of pairs (or folds), and degrees of freedom of t."""

    statistic: float
    p: float
    n: int
    df: float | None = None


def paired_t(first: ArrayLike, second: ArrayLike) -> Outcome:
    """Applies Student's t-test to paired scores: t = mean(d) / (sd(d) / sqrt(n)) with n - 1 degrees of freedom.

    The scores of a cross-validation are not independent, because every two training sets share cases. Their p is too
    small; use `corrected_resampled_t` of the folds instead.

    Args:
        first, second: scores of the same cases in the same order.

    Raises:
        IsthmusError: fewer than two pairs, different numbers, NaN, infinity.

    >>> round(paired_t([3.0, 5.0, 7.0], [2.0, 3.0, 4.0]).statistic, 4)  # differences 1, 2, 3: 2 sqrt(3)
    3.4641
    """
    found = values_of(differences(first, second), "the differences")
    return _t(found, 1 / len(found), "cases")


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


def wilcoxon(first: ArrayLike, second: ArrayLike, *, zeros: Literal["drop", "pratt"] = "drop") -> Outcome:
    """Applies Wilcoxon's signed-rank test to paired scores; the statistic is the smaller of the two sums of ranks.

    For up to 50 differences the null distribution is exact (all signs equally likely, also with ties); for more it
    is normal, with a variance that is corrected for ties. Differences of 0 (see `differences`) are dropped before
    ranking (Wilcoxon 1945, doi:10.2307/3001968) or after it (Pratt 1959, doi:10.1080/01621459.1959.10501526). If no
    difference is left, p is 1.

    Args:
        first, second: scores of the same cases in the same order; infinite ones rank as the largest.
        zeros: ``"drop"`` or ``"pratt"``.

    Raises:
        IsthmusError: no pairs, different numbers, NaN.

    >>> wilcoxon([1.0, 2.0, 3.0, 4.0, 5.0], [0.0, 0.0, 0.0, 0.0, 0.0])
    Outcome(statistic=0.0, p=0.0625, n=5, df=None)
    """
    if zeros not in ("drop", "pratt"):
        raise IsthmusError(f"zeros is {zeros!r}; choose 'drop' or 'pratt'")
    found = differences(first, second)
    if zeros == "drop":
        found = found[found != 0]
    ranks = np.asarray(stats.rankdata(np.abs(found)), np.float64) if found.size else found
    used = ranks[found != 0]
    n = len(used)
    if n == 0:
        return Outcome(0.0, 1.0, 0)
    positive = float(ranks[found > 0].sum())
    statistic = min(positive, float(used.sum()) - positive)
    if n <= EXACT:
        return Outcome(statistic, _signed_rank_p(used, statistic), n)
    mean, variance = used.sum() / 2, (used**2).sum() / 4  # holds with ties, and with Pratt's ranks
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


def _signed_rank_p(ranks: Floats, statistic: float) -> float:
    """Computes the share of all 2^n choices of signs whose smaller sum of ranks is at most this one."""
    doubled = np.rint(2 * ranks).astype(np.int64)  # ties have half ranks
    ways = np.zeros(int(doubled.sum()) + 1)
    ways[0] = 1
    for rank in doubled:
        shifted = np.zeros_like(ways)
        shifted[rank:] = ways[: len(ways) - rank]
        ways += shifted
    tail = ways[: round(2 * statistic) + 1].sum()
    return float(min(1.0, 2 * tail / 2.0 ** len(ranks)))
