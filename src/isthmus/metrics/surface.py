"""Distances between the surfaces of two masks: one pass gives every quantity."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from isthmus.errors import IsthmusError, nearest
from isthmus.metrics.border import border
from isthmus.metrics.empty import Missing, Presence, distance_if_empty, presence, score_if_empty
from isthmus.metrics.masks import BoolMask, Classes, Mask, Score, as_pair, as_spacing, diagonal, per_class

Spacing: TypeAlias = float | Sequence[float] | None
On: TypeAlias = Literal["surface", "foreground"]
Distances: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True)
class SurfaceDistances:
    """Distances of the points of each mask to the nearest of the other; an array is empty where its mask is."""

    to_truth: Distances
    to_prediction: Distances
    diagonal: float
    missing: Missing = "diagonal"

    @property
    def presence(self) -> Presence:
        return presence(self.to_truth.size, self.to_prediction.size)

    def _by_rule(self) -> float | None:
        return distance_if_empty(self.presence, self.diagonal, self.missing)

    def hausdorff(self, percentile: float = 100.0, *, pooled: bool = False) -> float:
        if not 0 <= percentile <= 100:
            raise IsthmusError(f"percentile is {percentile}; give a number from 0 to 100")
        by_rule = self._by_rule()
        if by_rule is not None:
            return by_rule
        if pooled:
            return float(np.percentile(np.concatenate([self.to_truth, self.to_prediction]), percentile))
        if percentile == 100:
            return float(max(self.to_truth.max(), self.to_prediction.max()))
        return float(max(np.percentile(d, percentile) for d in (self.to_truth, self.to_prediction)))

    def average(self) -> float:
        by_rule = self._by_rule()
        if by_rule is not None:
            return by_rule
        total = self.to_truth.sum() + self.to_prediction.sum()
        return float(total / (self.to_truth.size + self.to_prediction.size))

    def average_to_truth(self) -> float:
        by_rule = self._by_rule()
        return float(self.to_truth.mean()) if by_rule is None else by_rule

    def average_to_prediction(self) -> float:
        by_rule = self._by_rule()
        return float(self.to_prediction.mean()) if by_rule is None else by_rule

    def root_mean_square(self) -> float:
        by_rule = self._by_rule()
        if by_rule is not None:
            return by_rule
        squares = np.square(self.to_truth).sum() + np.square(self.to_prediction).sum()
        return math.sqrt(squares / (self.to_truth.size + self.to_prediction.size))

    def dice(self, tolerance: float) -> float:
        if not tolerance >= 0:
            raise IsthmusError(
                f"tolerance is {tolerance}; give a distance of 0 or more, in the unit of the spacing"
            )
        by_rule = score_if_empty(self.presence)
        if by_rule is not None:
            return by_rule
        limit = tolerance * (1 + 1e-12)
        near = np.count_nonzero(self.to_truth <= limit) + np.count_nonzero(self.to_prediction <= limit)
        return float(near / (self.to_truth.size + self.to_prediction.size))


def surface_distances(
    prediction: BoolMask,
    truth: BoolMask,
    spacing: tuple[float, ...],
    on: On = "surface",
    missing: Missing = "diagonal",
) -> SurfaceDistances:
    from scipy.spatial import cKDTree

    def points(mask: BoolMask) -> Distances:
        chosen: Distances = np.argwhere(border(mask) if on == "surface" else mask) * np.asarray(spacing)
        return chosen

    if on not in get_args(On):
        raise IsthmusError(f"on={on!r} is not a set of points; {nearest(str(on), get_args(On))}")
    p, t = points(prediction), points(truth)
    if p.size and t.size:
        to_truth, to_prediction = np.asarray(cKDTree(t).query(p)[0]), np.asarray(cKDTree(p).query(t)[0])
    else:
        to_truth, to_prediction = np.zeros(len(p)), np.zeros(len(t))
    return SurfaceDistances(to_truth, to_prediction, diagonal(prediction.shape, spacing), missing)


def hausdorff_distance(
    prediction: Mask,
    truth: Mask,
    *,
    classes: Classes | None = None,
    spacing: Spacing = None,
    percentile: float = 100.0,
    on: On = "surface",
    pooled: bool = False,
    missing: Missing = "diagonal",
) -> Score:
    """Hausdorff distance.

    >>> hausdorff_distance([[True, False, False, False]], [[True, False, False, True]], spacing=(1.0, 2.0))
    6.0
    """
    p, _ = as_pair(prediction, truth)
    steps = as_spacing(spacing, p.ndim)
    return per_class(
        lambda p, t: surface_distances(p, t, steps, on, missing).hausdorff(percentile, pooled=pooled),
        prediction,
        truth,
        classes,
    )
