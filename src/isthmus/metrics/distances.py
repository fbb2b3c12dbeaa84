"""The distances between two masks, measured in one pass; every surface metric is read off them."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from isthmus.errors import IsthmusError
from isthmus.metrics.border import border
from isthmus.metrics.empty import Missing, Presence, distance_if_empty, score_if_empty
from isthmus.metrics.masks import BoolMask, diagonal
from isthmus.metrics.nearest import EXACT_SQUARE, Distances, Nearest, alike
from isthmus.metrics.pairs import Pair

Direction: TypeAlias = Literal["both", "to_truth", "to_prediction"]


@dataclass(frozen=True)
class MaskDistances:
    """Distances between the points of two masks of one class in one case, in the unit of the spacing.

    `to_truth` holds, in no particular order, the distance of every point of the prediction to the nearest
    point of the truth, and `to_prediction` that of every point of the truth to the nearest of the
    prediction. Both are of size zero where a mask is empty; every quantity then is what the rule for empty
    masks says.
    """

    to_truth: Distances
    to_prediction: Distances
    presence: Presence
    diagonal: float
    missing: Missing = "diagonal"

    def _by_rule(self) -> float | None:
        return distance_if_empty(self.presence, self.diagonal, self.missing)

    def _towards(self, direction: Direction) -> tuple[Distances, ...]:
        towards = {
            "both": (self.to_truth, self.to_prediction),
            "to_truth": (self.to_truth,),
            "to_prediction": (self.to_prediction,),
        }
        if direction not in towards:
            raise IsthmusError(f"direction is {direction!r}; choose from {', '.join(towards)}")
        return towards[direction]

    def hausdorff(self, percentile: float = 100.0, *, pooled: bool = False) -> float:
        """The larger of the two directed percentiles, or with `pooled` the percentile of all distances."""
        if not 0 <= percentile <= 100:
            raise IsthmusError(f"percentile is {percentile}; give a number from 0 to 100")
        by_rule = self._by_rule()
        if by_rule is not None:
            return by_rule
        if pooled:
            return linear_percentile(np.concatenate([self.to_truth, self.to_prediction]), percentile)
        return max(
            linear_percentile(self.to_truth, percentile), linear_percentile(self.to_prediction, percentile)
        )

    def average(self, direction: Direction = "both") -> float:
        """The mean distance of the points of both masks together, or of one."""
        towards, by_rule = self._towards(direction), self._by_rule()
        if by_rule is not None:
            return by_rule
        return float(sum(d.sum() for d in towards)) / sum(d.size for d in towards)

    def root_mean_square(self, direction: Direction = "both") -> float:
        """The root of the mean squared distance of the points of both masks together, or of one."""
        towards, by_rule = self._towards(direction), self._by_rule()
        if by_rule is not None:
            return by_rule
        return math.sqrt(float(sum(d @ d for d in towards)) / sum(d.size for d in towards))

    def share_within(self, tolerance: float) -> float:
        """The share of the points of both masks together within the tolerance of the other."""
        if not tolerance >= 0:
            raise IsthmusError(
                f"tolerance is {tolerance}; give a distance of 0 or more, in the unit of spacing"
            )
        by_rule = score_if_empty(self.presence)
        if by_rule is not None:
            return by_rule
        limit = tolerance * (1 + 1e-12)  # so that rounding of 3 x 0.1 does not put it beyond 0.3
        near = sum(int(np.count_nonzero(d <= limit)) for d in self._towards("both"))
        return near / (self.to_truth.size + self.to_prediction.size)


def linear_percentile(values: Distances, percentile: float) -> float:
    """The percentile with linear interpolation between order statistics, as `numpy.percentile` by default.

    >>> linear_percentile(np.array([3.0, 1.0, 2.0]), 75)
    2.5
    """
    if percentile == 100:
        return float(values.max())
    position = (values.size - 1) * percentile / 100
    low = math.floor(position)
    high = min(low + 1, values.size - 1)
    ordered = np.partition(values, [low, high])
    return float(ordered[low] + (ordered[high] - ordered[low]) * (position - low))


class Side:
    """One of two masks: its points, its border, and the way to the nearest of them."""

    def __init__(self, mask: BoolMask, spacing: tuple[float, ...], order: tuple[int, ...]) -> None:
        self.mask = np.ascontiguousarray(mask.transpose(order))
        self.border = border(self.mask)
        added = (1,) * (3 - mask.ndim)
        depth, height, width = added + tuple(spacing[axis] for axis in order)
        self.nearest = Nearest(self.border.reshape(added + self.mask.shape), (depth, height, width))

    def surface_to(self, other: Side) -> Distances:
        """Distance of every border point to the nearest border point of the other mask."""
        apart = np.flatnonzero(self.border > other.border)
        shared = np.count_nonzero(self.border) - apart.size
        return np.concatenate([np.zeros(shared), other.nearest.distances(apart)])

    def foreground_to(self, other: Side) -> Distances:
        """Distance of every point to the nearest of the other mask: seen from outside, a border point."""
        apart = np.flatnonzero(self.mask > other.mask)
        shared = np.count_nonzero(self.mask) - apart.size
        return np.concatenate([np.zeros(shared), other.nearest.distances(apart)])

    def farthest_from(self, other: Side) -> float:
        """The largest of `foreground_to`; the border first, so that few points inside remain."""
        apart = self.mask > other.mask
        floor = other.nearest.farthest(np.flatnonzero(apart & self.border))
        return other.nearest.farthest(np.flatnonzero(apart > self.border), floor)


class Sides:
    """Prediction and truth of one class, side by side, to be measured as often as needed."""

    def __init__(self, pair: Pair, spacing: tuple[float, ...], missing: Missing = "diagonal") -> None:
        self._presence, self._missing = pair.presence, missing
        self._diagonal = diagonal(pair.shape, spacing)
        distance_if_empty(self._presence, self._diagonal, missing)  # refuses a wrong rule, needed or not
        if self._presence is Presence.BOTH:
            order = planes_first(pair.truth.shape, spacing)
            self._prediction, self._truth = (Side(m, spacing, order) for m in (pair.prediction, pair.truth))

    def _measured(self, way: Callable[[Side, Side], Distances]) -> MaskDistances:
        to_truth = to_prediction = np.zeros(0)
        if self._presence is Presence.BOTH:
            to_truth, to_prediction = way(self._prediction, self._truth), way(self._truth, self._prediction)
        return MaskDistances(to_truth, to_prediction, self._presence, self._diagonal, self._missing)

    def surface(self) -> MaskDistances:
        return self._measured(Side.surface_to)

    def foreground(self) -> MaskDistances:
        return self._measured(Side.foreground_to)

    def foreground_hausdorff(self) -> float:
        """`foreground().hausdorff()`, without the distances of all points."""
        by_rule = distance_if_empty(self._presence, self._diagonal, self._missing)
        if by_rule is not None:
            return by_rule
        return max(self._prediction.farthest_from(self._truth), self._truth.farthest_from(self._prediction))


def planes_first(shape: tuple[int, ...], spacing: tuple[float, ...]) -> tuple[int, ...]:
    """The order of axes in which a volume is a stack of planes that can be transformed exactly.

    That is, the pixels of a plane are square where any two axes allow it, and the plane is not too large; of
    several such ways to cut, the one with the fewest planes.

    >>> planes_first((20, 30, 40), (1.0, 1.0, 3.0))
    (2, 0, 1)
    """
    axes = range(len(shape))
    if len(shape) > 3:
        raise IsthmusError(f"distances are measured along 1 to 3 axes; these masks have {len(shape)}")
    if len(shape) < 3:
        return tuple(axes)

    def badness(first: int) -> tuple[bool, int]:
        a, b = (axis for axis in axes if axis != first)
        exact = alike(spacing[a], spacing[b]) and (shape[a] - 1) ** 2 + (shape[b] - 1) ** 2 <= EXACT_SQUARE
        return not exact, shape[first]

    first = min(axes, key=badness)
    return (first, *(axis for axis in axes if axis != first))
