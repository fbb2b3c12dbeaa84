"""Optimism: how much a score gains if the best epoch is chosen on the cases that are scored.

MultiResUNet and Sharp U-Net report the best epoch of the fold that they score. The maximum of a noisy curve exceeds
the score of any epoch that is fixed beforehand. The difference is measured here and printed beside the clean score.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from isthmus.errors import IsthmusError
from isthmus.statistics.pairs import Floats, floats


@dataclass(frozen=True)
class Optimism:
    """Mean score with the best epoch chosen on the scored cases, and chosen without them.

    Attributes:
        optimistic: the best epoch of each run on the cases that are scored.
        clean: the same runs at an epoch that those cases did not choose.
        by_run: gain of each run, in the unit of the score; a positive gain flatters, also if lower scores are better.
    """

    optimistic: float
    clean: float
    by_run: tuple[float, ...]

    @property
    def gain(self) -> float:
        """Mean gain over the runs."""
        return math.fsum(self.by_run) / len(self.by_run)


def optimism_of_selection(
    validation: Sequence[ArrayLike], test: ArrayLike | Sequence[ArrayLike], *, higher_is_better: bool = True
) -> Optimism:
    """Compares the validation score of the best epoch with the test score of that epoch.

    Args:
        validation: a curve for each run, the score on the validation cases after each epoch; NaN if not measured.
        test: for each run the test score of the weights of the best validation epoch, on cases that chose nothing. Or
            a curve for each run: then the best score *of the test curve*, which a paper without other cases
            reports, is compared with the test score at the epoch that validation chose.
        higher_is_better: False for losses and distances.

    Raises:
        IsthmusError: no runs, curves without numbers, not one test score for each run, or NaN at a chosen epoch.

    >>> found = optimism_of_selection([[0.5, 0.75, 0.5], [0.5, 0.5, 1.0]], [0.5, 0.75])
    >>> found.optimistic, found.clean, found.gain
    (0.875, 0.625, 0.25)
    >>> optimism_of_selection([[0.5, 0.75, 0.5]], [[0.25, 0.5, 1.0]]).by_run
    (0.5,)
    """
    sign = 1.0 if higher_is_better else -1.0
    curves = _curves(validation, "validation")
    chosen = [int(np.nanargmax(sign * curve)) for curve in curves]
    given = test if isinstance(test, Sequence) else floats(test, "the test scores")
    rows = [floats(row, "the test scores") for row in given]
    if len(rows) != len(curves):
        raise IsthmusError(f"{len(curves)} validation curves for {len(rows)} test scores")
    if all(row.ndim == 0 for row in rows):
        best = [float(curve[epoch]) for curve, epoch in zip(curves, chosen, strict=True)]
        clean = [float(row) for row in rows]
    else:
        tested = _curves(rows, "test")
        for i, (curve, other) in enumerate(zip(curves, tested, strict=True)):
            if len(curve) != len(other):
                raise IsthmusError(
                    f"run {i} has {len(curve)} epochs of validation and {len(other)} of test scores"
                )
        best = [float(sign * np.nanmax(sign * curve)) for curve in tested]
        clean = [float(curve[epoch]) for curve, epoch in zip(tested, chosen, strict=True)]
    if not np.isfinite(clean).all():
        raise IsthmusError(
            "the test score of a chosen epoch is not a number: score every run's chosen weights"
        )
    return _optimism(best, clean, sign)


def optimism_across_folds(curves: Sequence[ArrayLike], *, higher_is_better: bool = True) -> Optimism:
    """Compares the best epoch of each fold with the epoch that all other folds together would choose.

    This is for runs that have no cases beside those for training and those that are scored. The clean score of a
    fold is its score at the first epoch where the mean of the other folds' curves is best. A curve that ends early
    keeps its last score, like a network that is no longer trained.

    Args:
        curves: for each fold the score on its held-out cases after each epoch; NaN if not measured.

    Raises:
        IsthmusError: fewer than two folds, or a curve without numbers.

    >>> found = optimism_across_folds([[0.5, 1.0, 0.5], [0.5, 0.5, 0.75], [0.5, 0.5, 0.75]])
    >>> found.by_run, found.clean  # the first fold is read at the third epoch, the others at the second
    ((0.5, 0.25, 0.25), 0.5)
    """
    sign = 1.0 if higher_is_better else -1.0
    found = _curves(curves, "validation")
    if len(found) < 2:
        raise IsthmusError("the epoch of a fold is chosen on the others, so at least two are needed, found 1")
    longest = max(len(curve) for curve in found)
    table = sign * np.stack([_filled(curve, longest) for curve in found])
    best, clean = [], []
    for i, own in enumerate(table):
        others = np.delete(table, i, axis=0)
        known = ~np.isnan(others).all(axis=0) & ~np.isnan(own)
        if not known.any():
            raise IsthmusError(
                f"fold {i} shares no epoch with another fold: measure all folds at the same epochs"
            )
        means = np.full(longest, -np.inf)
        means[known] = np.nanmean(others[:, known], axis=0)
        best.append(float(sign * np.nanmax(own)))
        clean.append(float(sign * own[int(means.argmax())]))
    return _optimism(best, clean, sign)


def _optimism(best: Sequence[float], clean: Sequence[float], sign: float) -> Optimism:
    n = len(best)
    gains = tuple(sign * (b - c) for b, c in zip(best, clean, strict=True))
    return Optimism(math.fsum(best) / n, math.fsum(clean) / n, gains)


def _curves(curves: Sequence[ArrayLike], what: str) -> list[Floats]:
    found = [np.atleast_1d(floats(curve, f"the {what} curves")) for curve in curves]
    if not found:
        raise IsthmusError(f"there are no {what} curves; give one for each run")
    for i, curve in enumerate(found):
        if curve.ndim != 1 or not np.isfinite(curve).any() or np.isinf(curve).any():
            raise IsthmusError(f"the {what} curve of run {i} holds no finite scores by epoch")
    return found


def _filled(curve: Floats, length: int) -> Floats:
    """Extends the curve to this length with its last known score."""
    last = curve[np.isfinite(curve)][-1]
    return np.concatenate([curve, np.full(length - len(curve), last)])
