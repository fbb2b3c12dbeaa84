"""The distances between two masks, measured in one pass; every surface metric is read off them."""

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
    """Distances of the points of one mask to the nearest of the other: `shared` points at 0, and `apart`, the rest."""

    shared: int
    apart: Distances

    @property
    def size(self) -> int:
        return self.shared + self.apart.size

    def all(self) -> Distances:
        return np.concatenate([np.zeros(self.shared), self.apart])

    def percentile(self, percentile: float) -> float:
        """With linear interpolation between order statistics, as `numpy.percentile` by default.

        >>> OneWay(1, np.array([3.0, 1.0, 2.0])).percentile(50)
        1.5
        """
        if percentile == 100:
            return float(self.apart.max(initial=0.0))
        position = (self.size - 1) * percentile / 100
        low = math.floor(position)
        places = [place - self.shared for place in (low, min(low + 1, self.size - 1))]
        there = [place for place in places if place >= 0]
        ordered = np.partition(self.apart, there) if there else self.apart
        below, above = (float(ordered[place]) if place >= 0 else 0.0 for place in places)
        return below + (above - below) * (position - low)


@dataclass(frozen=True)
class MaskDistances:
    """Distances between the points of two masks of one class in one case, in the unit of the spacing.

    Both ways are of size zero where a mask is empty; every quantity then is what the rule for empty masks says.
    """

    forth: OneWay
    back: OneWay
    presence: Presence
    diagonal: float
    missing: Missing = "diagonal"

    @property
    def to_truth(self) -> Distances:
        """The distance of every point of the prediction to the nearest of the truth, in no particular order."""
        return self.forth.all()

    @property
    def to_prediction(self) -> Distances:
        """The distance of every point of the truth to the nearest of the prediction."""
        return self.back.all()

    def _by_rule(self) -> float | None:
        return distance_if_empty(self.presence, self.diagonal, self.missing)

    def _towards(self, direction: Direction) -> tuple[OneWay, ...]:
        if direction not in get_args(Direction):
            raise IsthmusError(f"direction is {direction!r}; choose from {', '.join(get_args(Direction))}")
        ways = {"both": (self.forth, self.back), "to_truth": (self.forth,), "to_prediction": (self.back,)}
        return ways[direction]

    def hausdorff(self, percentile: float = 100.0, *, pooled: bool = False) -> float:
        """The larger of the two directed percentiles, or with `pooled` the percentile of all distances."""
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
            apart = np.concatenate([self.forth.apart, self.back.apart])
            return OneWay(self.forth.shared + self.back.shared, apart).percentile(percentile)
        return max(way.percentile(percentile) for way in self._towards("both"))

    def average(self, direction: Direction = "both") -> float:
        """The mean distance of the points of both masks together, or of one."""
        towards, by_rule = self._towards(direction), self._by_rule()
        if by_rule is not None:
            return by_rule
        return float(sum(way.apart.sum() for way in towards)) / sum(way.size for way in towards)

    def root_mean_square(self, direction: Direction = "both") -> float:
        """The root of the mean squared distance of the points of both masks together, or of one."""
        towards, by_rule = self._towards(direction), self._by_rule()
        if by_rule is not None:
            return by_rule
        squares = float(sum(way.apart @ way.apart for way in towards))
        return math.sqrt(squares / sum(way.size for way in towards))

    def share_within(self, tolerance: float) -> float:
        """The share of the points of both masks together within the tolerance of the other."""
        limit = as_tolerance(tolerance)
        by_rule = score_if_empty(self.presence)
        if by_rule is not None:
            return by_rule
        limit *= 1 + 1e-12  # so that rounding of 3 x 0.1 does not put it beyond 0.3
        near = sum(way.shared + int(np.count_nonzero(way.apart <= limit)) for way in self._towards("both"))
        return near / (self.forth.size + self.back.size)


NOTHING = OneWay(0, np.zeros(0))


class Side:
    """One of two masks and its border, as a stack of planes if it is a volume."""

    def __init__(self, mask: BoolMask, spacing: tuple[float, ...], order: tuple[int, ...]) -> None:
        self.mask = np.ascontiguousarray(mask.transpose(order))
        self.border = border(self.mask)
        self._spacing = tuple(spacing[axis] for axis in order)

    def nearest(self) -> Nearest:
        """The way to the nearest point of this side's border."""
        added = (1,) * (3 - self.mask.ndim)
        depth, height, width = added + self._spacing
        return Nearest(self.border.reshape(added + self.mask.shape), (depth, height, width))

    def surface_to(self, other: Side, nearest: Nearest) -> OneWay:
        """Distance of every border point to the nearest border point of the other mask."""
        return _measured(self.border, nearest, self.border > other.border)

    def foreground_to(self, other: Side, nearest: Nearest) -> OneWay:
        """Distance of every point to the nearest of the other mask: seen from outside, a border point."""
        return _measured(self.mask, nearest, self.mask > other.mask)

    def farthest_from(self, other: Side, nearest: Nearest) -> float:
        """The largest of `foreground_to`; the border first, so that few points inside remain."""
        apart = self.mask > other.mask
        floor = nearest.farthest(np.flatnonzero(apart & self.border))
        return nearest.farthest(np.flatnonzero(apart > self.border), floor)


def _measured(points: BoolMask, nearest: Nearest, apart: BoolMask) -> OneWay:
    """Of all points those that the two sides share are at 0; those apart are measured."""
    queries: Points = np.flatnonzero(apart)
    if apart.size < 2**31:
        queries = queries.astype(np.int32)
    del apart  # the larger a surface, the less memory there is to spare
    return OneWay(int(np.count_nonzero(points)) - queries.size, nearest.distances(queries))


class Sides:
    """Prediction and truth of one class, side by side, to be measured in one pass."""

    def __init__(self, pair: Pair, spacing: tuple[float, ...], missing: Missing = "diagonal") -> None:
        self._presence, self._missing = pair.presence, missing
        self._diagonal = diagonal(pair.shape, spacing)
        self._by_rule = distance_if_empty(self._presence, self._diagonal, missing)
        if self._presence is Presence.BOTH:
            order = planes_first(pair.truth.shape, spacing)
            self._sides = [Side(mask, spacing, order) for mask in (pair.prediction, pair.truth)]

    def _both_ways(self, *measures: Callable[[Side, Side, Nearest], Any]) -> Iterator[list[Any]]:
        """Each measure from prediction to truth, then each from truth to prediction."""
        for one, other in (self._sides, self._sides[::-1]):
            nearest = (
                other.nearest()
            )  # dropped before the next is made: its planes are the largest thing here
            yield [measure(one, other, nearest) for measure in measures]
            del nearest

    def _distances(self, *ways: OneWay) -> MaskDistances:
        forth, back = ways or (NOTHING, NOTHING)
        return MaskDistances(forth, back, self._presence, self._diagonal, self._missing)

    def surface(self) -> MaskDistances:
        """Between the surfaces."""
        if self._by_rule is not None:
            return self._distances()
        return self._distances(*(found for (found,) in self._both_ways(Side.surface_to)))

    def foreground(self) -> MaskDistances:
        """Between all points of the foregrounds."""
        if self._by_rule is not None:
            return self._distances()
        return self._distances(*(found for (found,) in self._both_ways(Side.foreground_to)))

    def foreground_hausdorff(self) -> float:
        """`foreground().hausdorff()`, without the distances of all points."""
        if self._by_rule is not None:
            return self._by_rule
        forth, back = (float(found) for (found,) in self._both_ways(Side.farthest_from))
        return max(forth, back)

    def surface_and_foreground_hausdorff(self) -> tuple[MaskDistances, float]:
        """Both, from one pass over the planes."""
        if self._by_rule is not None:
            return self._distances(), self._by_rule
        forth, back = self._both_ways(Side.surface_to, Side.farthest_from)
        return self._distances(forth[0], back[0]), max(forth[1], back[1])


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
