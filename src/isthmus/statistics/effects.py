"""Effect sizes: how large a difference is, independent of the number of cases."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from isthmus.errors import IsthmusError
from isthmus.statistics.pairs import differences, values_of


def cohens_dz(first: ArrayLike, second: ArrayLike) -> float:
    """Computes Cohen's d of paired scores, mean(d) / sd(d) with the sample deviation, which is t / sqrt(n).

    It is 0 for identical networks, and infinite if every case differs by the same amount. An effect of 0.2 is small,
    0.5 medium and 0.8 large. Cohen: Statistical power analysis for the behavioral sciences, 2nd ed. 1988, section
    2.3.5.

    Raises:
        IsthmusError: fewer than two pairs, different numbers, NaN, infinity.

    >>> round(cohens_dz([3.0, 5.0, 7.0], [2.0, 3.0, 4.0]), 6)  # differences 1, 2, 3
    2.0
    """
    found = values_of(differences(first, second), "the differences")
    if len(found) < 2:
        raise IsthmusError("Cohen's d needs at least two cases, found 1")
    if np.ptp(found) == 0:
        return math.copysign(math.inf, found[0]) if found[0] else 0.0
    unit = found / np.abs(found).max()  # the ratio is safe from underflow
    return float(unit.mean() / unit.std(ddof=1))


def rank_biserial(first: ArrayLike, second: ArrayLike) -> float:
    """Computes the matched-pairs rank-biserial correlation (W+ - W-) / (W+ + W-), the effect size of Wilcoxon's test.

    It lies in [-1, 1]. Differences of 0 are dropped; if all are, it is 0. Kerby: The simple difference formula.
    Comprehensive Psychology 3:1 (2014), doi:10.2466/11.IT.3.1.

    >>> rank_biserial([1.0, 2.0, -3.0], [0.0, 0.0, 0.0])  # ranks 1 and 2 against 3
    0.0
    """
    found = differences(first, second)
    found = found[found != 0]
    if not found.size:
        return 0.0
    ranks = stats.rankdata(np.abs(found))
    return float((ranks * np.sign(found)).sum() / ranks.sum())


def probability_of_superiority(first: ArrayLike, second: ArrayLike) -> float:
    """Computes the share of cases in which the first score is larger; ties count half, so identical networks give 0.5.

    Grissom, Kim: Effect sizes for research, 2nd ed. 2012, chapter 5 (dependent groups).

    >>> probability_of_superiority([1.0, 2.0, 3.0, 4.0], [0.0, 2.0, 0.0, 9.0])
    0.625
    """
    found = differences(first, second)
    return float(((found > 0) + 0.5 * (found == 0)).mean())


def rank_correlation(first: ArrayLike, second: ArrayLike) -> float:
    """Computes Spearman's rank correlation of two rankings of the same things, with mean ranks for ties.

    It lies in [-1, 1], and is NaN if one of them ranks nothing above anything. Spearman, American Journal of Psychology
    15(1), 1904, doi:10.2307/1412159.

    Args:
        first, second: one number for each thing, in the same order, at least two.

    Raises:
        IsthmusError: fewer than two things, different numbers, NaN, infinity.

    >>> rank_correlation([0.9, 0.8, 0.7], [95.0, 96.0, 90.0])  # 1 - 6 (1 + 1 + 0) / (3 (9 - 1))
    0.5
    """
    x, y = values_of(first, "the first ranking"), values_of(second, "the second ranking")
    if len(x) != len(y) or len(x) < 2:
        raise IsthmusError(f"a rank correlation needs two numbers or more twice, found {len(x)} and {len(y)}")
    a, b = stats.rankdata(x), stats.rankdata(y)
    if np.ptp(a) == 0 or np.ptp(b) == 0:
        return math.nan
    a, b = a - a.mean(), b - b.mean()
    return float(np.clip(a @ b / math.sqrt((a @ a) * (b @ b)), -1.0, 1.0))
