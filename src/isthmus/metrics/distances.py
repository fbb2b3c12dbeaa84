"""Distances between two masks, measured in one pass, from which every surface metric is computed."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, get_args

import numpy as np

from isthmus.errors import IsthmusError
from isthmus.metrics.border import border
from isthmus.metrics.empty import Missing, Presence, distance_if_empty, score_if_empty
from isthmus.metrics.input_checks import BoolMask, as_number, as_tolerance, diagonal, is_within
from isthmus.metrics.nearest import EXACT_SQUARE, Distances, Nearest, Points, alike
from isthmus.metrics.pairs import Pair

Direction: TypeAlias = Literal["both", "to_truth", "to_prediction"]


@dataclass(frozen=True)
class OneWay:
    """Distances of the points of one mask to the nearest point of the other.

    Attributes:
        n_zero: number of points that both masks have, whose distance is 0.
        positive: float64 `(others,)`, the distances of all other points in no particular order.
    """

    n_zero: int
    positive: Distances

    @property
    def size(self) -> int:
        """The number of points."""
        return self.n_zero + self.positive.size

    def percentile(self, percentile: float) -> float:
        """Computes a percentile (0 to 100) by linear interpolation, as `numpy.percentile` does by default.

        >>> OneWay(1, np.array([3.0, 1.0, 2.0])).percentile(50)
        1.5
        """
        if percentile == 100:
            return float(self.positive.max(initial=0.0))
        position = (self.size - 1) * percentile / 100
        low = math.floor(position)
        places = [place - self.n_zero for place in (low, min(low + 1, self.size - 1))]
        there = [place for place in places if place >= 0]
        ordered = np.partition(self.positive, there) if there else self.positive
        below, above = (float(ordered[place]) if place >= 0 else 0.0 for place in places)
        return below + (above - below) * (position - low)


@dataclass(frozen=True)
class MaskDistances:
    """Distances between the points of two masks of one class in one case, in the unit of the spacing.

    Where a mask is empty, both directions are of size zero, and every quantity follows the rule for empty masks.

    Attributes:
        from_prediction: distances of the predicted points to the truth.
        from_truth: distances of the true points to the prediction.
        presence: masks that have any foreground.
        diagonal: length of the image diagonal.
        missing: rule for distances where one mask is empty.
    """

    from_prediction: OneWay
    from_truth: OneWay
    presence: Presence
    diagonal: float
    missing: Missing = "diagonal"

    def _by_rule(self) -> float | None:
        return distance_if_empty(self.presence, self.diagonal, self.missing)

    def _towards(self, direction: Direction) -> tuple[OneWay, ...]:
        if direction == "both":
            return self.from_prediction, self.from_truth
        if direction not in get_args(Direction):
            raise IsthmusError(f"direction is {direction!r}; choose from {', '.join(get_args(Direction))}")
        return (self.from_prediction if direction == "to_truth" else self.from_truth,)

    def hausdorff(self, percentile: float = 100.0, *, pooled: bool = False) -> float:
        """Computes the larger of the two directed percentiles, or with `pooled` the percentile of all distances."""
        percentile = as_number(percentile)
        if not is_within(percentile, 0, 100):
            raise IsthmusError(f"percentile is {percentile}; give a number from 0 to 100")
        if 0 < percentile < 1:
            raise IsthmusError(
                f"percentile is {percentile}, and percentiles go from 0 to 100; write {100 * percentile:g}"
            )
        by_rule = self._by_rule()
        if by_rule is not None:
            return by_rule
        if pooled:
            one, other = self.from_prediction, self.from_truth
            positive = np.concatenate([one.positive, other.positive])
            return OneWay(one.n_zero + other.n_zero, positive).percentile(percentile)
        return max(way.percentile(percentile) for way in self._towards("both"))

    def average(self, direction: Direction = "both") -> float:
        """Computes the mean distance over the points of both masks together, or of one."""
        towards, by_rule = self._towards(direction), self._by_rule()
        if by_rule is not None:
            return by_rule
        return float(sum(way.positive.sum() for way in towards)) / sum(way.size for way in towards)

    def root_mean_square(self, direction: Direction = "both") -> float:
        """Computes the root mean square distance over the points of both masks together, or of one."""
        towards, by_rule = self._towards(direction), self._by_rule()
        if by_rule is not None:
            return by_rule
        squares = float(sum(way.positive @ way.positive for way in towards))
        return math.sqrt(squares / sum(way.size for way in towards))

    def share_within(self, tolerance: float) -> float:
        """Computes the share of the points of both masks that lie within a tolerance of the other mask."""
        limit = as_tolerance(tolerance)
        by_rule = score_if_empty(self.presence)
        if by_rule is not None:
            return by_rule
        limit *= 1 + 1e-12  # so that rounding of 3 x 0.1 does not put it beyond 0.3
        near = sum(way.n_zero + int(np.count_nonzero(way.positive <= limit)) for way in self._towards("both"))
        return near / (self.from_prediction.size + self.from_truth.size)


NOTHING = OneWay(0, np.zeros(0))


class Side:
    """One of two masks and its border; a volume is turned into a stack of planes."""

    def __init__(self, mask: BoolMask, spacing: tuple[float, ...], order: tuple[int, ...]) -> None:
        self.mask = np.ascontiguousarray(mask.transpose(order))
        self.border = border(self.mask)
        self._spacing = tuple(spacing[axis] for axis in order)

    def nearest(self) -> Nearest:
        """Prepares the search for the nearest point of this border."""
        added = (1,) * (3 - self.mask.ndim)
        depth, height, width = added + self._spacing
        return Nearest(self.border.reshape(added + self.mask.shape), (depth, height, width))

    def surface_to(self, other: Side, nearest: Nearest) -> OneWay:
        """Measures the distance of every border point to the nearest border point of the other mask."""
        return _measured(self.border, nearest, self.border > other.border)

    def foreground_to(self, other: Side, nearest: Nearest) -> OneWay:
        """Measures the distance of every point to the other mask, whose nearest point is on its border."""
        return _measured(self.mask, nearest, self.mask > other.mask)

    def farthest_from(self, other: Side, nearest: Nearest) -> float:
        """Finds the largest distance of `foreground_to`; after the border, few inner points are left to measure."""
        outside = self.mask > other.mask
        floor = nearest.farthest(np.flatnonzero(outside & self.border))
        return nearest.farthest(np.flatnonzero(outside > self.border), floor)


def _measured(points: BoolMask, nearest: Nearest, outside: BoolMask) -> OneWay:
    """Measures the points outside the other mask; the distance of all others is 0."""
    queries: Points = np.flatnonzero(outside)
    if outside.size < 2**31:
        queries = queries.astype(np.int32)
    del outside  # a large surface leaves little memory to spare
    return OneWay(int(np.count_nonzero(points)) - queries.size, nearest.distances(queries))


class Sides:
    """The prediction and the truth of one class, measured in one pass."""

    def __init__(self, pair: Pair, spacing: tuple[float, ...], missing: Missing = "diagonal") -> None:
        self._presence, self._missing = pair.presence, missing
        self._diagonal = diagonal(pair.shape, spacing)
        self._by_rule = distance_if_empty(self._presence, self._diagonal, missing)
        if self._presence is Presence.BOTH:
            order = planes_first(pair.truth.shape, spacing)
            self._sides = [Side(mask, spacing, order) for mask in (pair.prediction, pair.truth)]

    def _both_ways(self, *measures: Callable[[Side, Side, Nearest], Any]) -> Iterator[list[Any]]:
        """Yields each measure from prediction to truth, then each from truth to prediction."""
        for one, other in (self._sides, self._sides[::-1]):
            nearest = other.nearest()  # its planes are large, so it is dropped before the next is made
            yield [measure(one, other, nearest) for measure in measures]
            del nearest

    def _distances(self, *ways: OneWay) -> MaskDistances:
        from_prediction, from_truth = ways or (NOTHING, NOTHING)
        return MaskDistances(from_prediction, from_truth, self._presence, self._diagonal, self._missing)

    def surface(self) -> MaskDistances:
        """Measures the distances between the surfaces."""
        if self._by_rule is not None:
            return self._distances()
        return self._distances(*(found for (found,) in self._both_ways(Side.surface_to)))

    def foreground(self) -> MaskDistances:
        """Measures the distances between all points of the foregrounds."""
        if self._by_rule is not None:
            return self._distances()
        return self._distances(*(found for (found,) in self._both_ways(Side.foreground_to)))

    def foreground_hausdorff(self) -> float:
        """Computes `foreground().hausdorff()` without measuring all distances."""
        if self._by_rule is not None:
            return self._by_rule
        return max(float(found) for (found,) in self._both_ways(Side.farthest_from))

    def surface_and_foreground_hausdorff(self) -> tuple[MaskDistances, float]:
        """Measures both in one pass over the planes."""
        if self._by_rule is not None:
            return self._distances(), self._by_rule
        one, other = self._both_ways(Side.surface_to, Side.farthest_from)
        return self._distances(one[0], other[0]), max(one[1], other[1])


def planes_first(shape: tuple[int, ...], spacing: tuple[float, ...]) -> tuple[int, ...]:
    """Orders the axes so that a volume is a stack of planes that can be transformed exactly.

    The pixels of a plane are square if any two axes allow it, and the plane is not too large. If there are
    several such orders, the one with the fewest planes is chosen.

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
