"""Bootstrap confidence intervals, of cases or of whole folds and groups.

Efron, Tibshirani: An introduction to the bootstrap. Chapman & Hall, 1993, chapters 13 and 14. BCa: Efron:
Better bootstrap confidence intervals. JASA 82:171-185 (1987), doi:10.1080/01621459.1987.10478410.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from isthmus.errors import IsthmusError
from isthmus.statistics.pairs import Floats, labels_of, values_of

Statistic = Callable[[Floats], float]
_CHUNK = 2**20  # random numbers at once


@dataclass(frozen=True)
class Interval:
    """An estimate between its confidence limits."""

    estimate: float
    low: float
    high: float
    confidence: float

    def __contains__(self, value: float) -> bool:
        return self.low <= value <= self.high


def bootstrap(
    values: ArrayLike,
    statistic: Statistic | None = None,
    *,
    groups: Iterable[object] | None = None,
    method: Literal["bca", "percentile"] = "bca",
    confidence: float = 0.95,
    resamples: int = 9999,
    seed: int = 0,
) -> Interval:
    """Computes a confidence interval by resampling cases, or whole groups of cases, with replacement.

    The interval does not depend on the order of the values. Identical values give an interval of width 0.

    Args:
        values: one number for each case, such as the paired differences of two networks.
        statistic: function of a sample that returns a float; None: the mean.
        groups: fold, patient or slide of each value. Whole groups are drawn, because cases of a group are not
            independent. A handful of groups gives intervals that are too short.
        method: ``"bca"``, corrected for bias and skewness, or ``"percentile"``.
        confidence: confidence of the interval, between 0 and 1.
        resamples: number of samples, at least one for each tail, ``2 / (1 - confidence)``: 40 for 95 %.
        seed: seed of the random generator; the same seed gives the same interval.

    Raises:
        IsthmusError: NaN or infinity, fewer than two values (or groups), or an argument out of range.

    >>> found = bootstrap([0.1, 0.2, 0.4, 0.1, 0.3], seed=1)
    >>> round(found.estimate, 3), 0.1 < found.low < 0.2 < 0.22 < found.high < 0.4
    (0.22, True)
    """
    found = values_of(values)
    if method not in ("bca", "percentile"):
        raise IsthmusError(f"the method is {method!r}; choose 'bca' or 'percentile'")
    if not 0 < confidence < 1:
        raise IsthmusError(f"the confidence must lie between 0 and 1, found {confidence!r}")
    least = _least(confidence)
    if isinstance(resamples, bool) or not isinstance(resamples, int | np.integer) or resamples < least:
        raise IsthmusError(
            f"an interval of {100 * confidence:g} % takes {least} resamples or more (a whole number), "
            f"found {resamples!r}; 9999 are usual"
        )
    parts = _parts(found, groups)
    if len(parts) < 2:
        raise IsthmusError(
            f"a bootstrap needs at least two {'groups' if groups is not None else 'cases'}, found {len(parts)}"
        )
    measure = statistic or _mean
    whole = np.concatenate(parts)
    estimate = float(measure(whole))
    if np.ptp(whole) == 0:
        return Interval(estimate, estimate, estimate, confidence)
    samples = _draw(parts, statistic, resamples, np.random.default_rng(seed))
    tails = np.array([(1 - confidence) / 2, (1 + confidence) / 2])
    if method == "bca":
        tails = _bca(tails, samples, estimate, _leave_one_out(parts, statistic))
    low, high = np.quantile(samples, tails)
    return Interval(estimate, float(low), float(high), confidence)


def _least(confidence: float) -> int:
    """Returns how many resamples leave at least one in each tail.

    >>> _least(0.9), _least(0.95), _least(0.99)
    (20, 40, 200)
    """
    return math.ceil(2 / (1 - confidence) - 1e-6)  # 1 - 0.9 is slightly less than 0.1


def _parts(values: Floats, groups: Iterable[object] | None) -> list[Floats]:
    """Returns the values of each group (single values without groups), sorted, so that their order does not matter."""
    if groups is None:
        return [np.array([value]) for value in np.sort(values)]
    found: dict[str, list[float]] = {}
    for label, value in zip(labels_of(groups, len(values), "groups"), values, strict=True):
        found.setdefault(label, []).append(float(value))
    return [np.array(part) for part in sorted(sorted(part) for part in found.values())]


def _mean(sample: Floats) -> float:
    return float(sample.mean())


def _draw(
    parts: list[Floats], statistic: Statistic | None, resamples: int, rng: np.random.Generator
) -> Floats:
    count = len(parts)
    sums, sizes = np.array([part.sum() for part in parts]), np.array([len(part) for part in parts])
    rows = max(1, _CHUNK // count)
    samples: list[Floats] = []
    for first in range(0, resamples, rows):
        chosen = rng.integers(count, size=(min(rows, resamples - first), count))
        if statistic is None:
            samples.append(sums[chosen].sum(axis=1) / sizes[chosen].sum(axis=1))
        else:
            samples.append(np.array([statistic(np.concatenate([parts[i] for i in row])) for row in chosen]))
    return np.concatenate(samples)


def _leave_one_out(parts: list[Floats], statistic: Statistic | None) -> Floats:
    measure = statistic or _mean
    return np.array(
        [measure(np.concatenate([*parts[:i], *parts[i + 1 :]])) for i in range(len(parts))], np.float64
    )


def _bca(tails: Floats, samples: Floats, estimate: float, left_out: Floats) -> Floats:
    """Computes quantiles that correct for bias (z0) and for a variance that changes with the mean (acceleration)."""
    below = (np.count_nonzero(samples < estimate) + np.count_nonzero(samples <= estimate)) / (
        2 * len(samples)
    )
    edge = 0.5 / len(samples)
    z0 = float(special.ndtri(min(max(below, edge), 1 - edge)))
    away = left_out.mean() - left_out
    away /= np.abs(away).max() or 1.0  # the ratio is safe from underflow
    square = float((away**2).sum())
    acceleration = float((away**3).sum()) / (6 * square**1.5) if square > 0 else 0.0
    z = z0 + special.ndtri(tails)
    with np.errstate(divide="ignore"):
        found = special.ndtr(z0 + z / (1 - acceleration * z))
    return np.where(np.isfinite(found), found, tails).clip(0, 1)
