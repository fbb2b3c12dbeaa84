"""Hausdorff distances between single objects, and to the nearest object if none overlaps."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from isthmus.metrics.distances import Sides
from isthmus.metrics.empty import Missing, distance_if_empty
from isthmus.metrics.input_checks import BoolMask
from isthmus.metrics.nearest import Distances, Nearest, distance_map
from isthmus.metrics.object_matching import Overlaps
from isthmus.metrics.objects import Objects
from isthmus.metrics.pairs import Box, Pair

if TYPE_CHECKING:
    from scipy.spatial import cKDTree

SMALL = 6000
"""Points in a box up to which a plain distance transform is faster than choosing a method."""

UNEQUAL = 10
"""Ratio of sizes above which the distance between two objects is searched from the smaller one."""

SAMPLES = 16
"""The most points of an object that are used to bound distances to it."""


def _lengths(vectors: Distances) -> Distances:
    """Computes the Euclidean lengths of vectors `(..., axes)`."""
    lengths: Distances = np.sqrt(np.square(vectors).sum(axis=-1))
    return lengths


def hausdorff_in_box(prediction: BoolMask, truth: BoolMask, spacing: tuple[float, ...]) -> float:
    """Computes the Hausdorff distance between the foregrounds of two masks, neither of them empty."""
    if prediction.size > SMALL:
        return Sides(Pair.whole(prediction, truth), spacing).foreground_hausdorff()
    largest = 0.0
    for mask, other in ((prediction, truth), (truth, prediction)):
        outside = mask > other
        if outside.any():
            largest = max(largest, float(distance_map(other, spacing)[outside].max()))
    return largest


class Cloud:
    """The points of an object, for distances between objects that are separate or differ much in size."""

    def __init__(self, objects: Objects, place: int, spacing: tuple[float, ...]) -> None:
        box = objects.boxes[place]
        origin = [side.start for side in box]
        self._spacing = np.asarray(spacing)
        self.points: Distances = (np.argwhere(objects.mask(place, box)) + origin) * self._spacing

    @cached_property
    def _tree(self) -> cKDTree:
        from scipy.spatial import cKDTree

        return cKDTree(self.points, balanced_tree=False, compact_nodes=False)

    @cached_property
    def _runs(self) -> tuple[Distances, Distances, Distances]:
        """Groups neighbouring points into runs `(runs, points, axes)`; returns these and the corners of their boxes."""
        n, axes = self.points.shape
        length, low = math.isqrt(n), self.points.min(axis=0)
        extent = self.points.max(axis=0) + self._spacing - low
        side = (extent.prod() * length / n) ** (1 / axes)  # of cells that a run would fill
        cells = ((self.points - low) / side).astype(np.int32)
        points = self.points[np.lexsort(cells.T)]
        runs = np.concatenate([points, np.repeat(points[-1:], -n % length, axis=0)]).reshape(-1, length, axes)
        return runs, runs.min(axis=1), runs.max(axis=1)

    @cached_property
    def _samples(self) -> Distances:
        """Takes some of the points, from all over the object."""
        return self.points[:: -(-len(self.points) // SAMPLES)]

    def farthest_from(self, other: Cloud) -> float:
        """Finds the largest distance of a point of this object to the other one.

        No point is farther from an object than from any of its points, which bounds the distances of each run of
        points. Runs are searched in the order of their bounds, until a bound is no larger than the distance found.
        """
        runs, low, high = self._runs
        places = other._samples[:, None]
        at_most = _lengths(np.maximum(np.abs(low - places), np.abs(high - places))).min(axis=0) * (1 + 1e-12)
        order = np.argsort(-at_most)
        largest, n_done, count = 0.0, 0, 1
        while n_done < len(order) and at_most[order[n_done]] > largest:
            next_ones = order[n_done : n_done + count]
            next_ones = next_ones[at_most[next_ones] > largest]
            points = runs[next_ones].reshape(-1, self.points.shape[1])
            largest = max(largest, float(np.max(other._tree.query(points)[0])))
            n_done, count = n_done + count, 2 * count
        return largest

    def hausdorff(self, other: Cloud, enough: float = np.inf) -> float:
        """Computes the Hausdorff distance to the other object; if it is `enough` or more, any such number."""
        there = self.farthest_from(other)
        return there if there >= enough else max(there, other.farthest_from(self))


class Extents:
    """The lowest and the highest coordinate of objects along every axis."""

    FIRST = 8
    """Number of objects that are looked up first; it grows eightfold until there are enough."""

    def __init__(self, objects: Objects, spacing: tuple[float, ...]) -> None:
        self._objects, self._spacing = objects, spacing

    @cached_property
    def corners(self) -> Distances:
        """Corners in the unit of the spacing, float64 ``(objects, 2 * axes)``."""
        steps = np.asarray(self._spacing)[:, None]
        corners: Distances = (self._objects.corners * steps).reshape(len(self._objects), -1)
        return corners

    @cached_property
    def _tree(self) -> cKDTree:
        from scipy.spatial import cKDTree

        return cKDTree(self.corners)

    def by_difference(self, corners: Distances) -> Iterator[tuple[float, int]]:
        """Yields the largest difference along any axis, and the object, smallest first."""
        given: set[int] = set()  # a wider search may return equal differences in another order
        count = min(self.FIRST, len(self.corners))
        while len(given) < count:
            nearest = self._tree.query(corners, k=range(1, count + 1), p=math.inf)
            for difference, place in zip(*(np.asarray(column).tolist() for column in nearest), strict=True):
                if place not in given:
                    given.add(place)
                    yield difference, place
            count = min(8 * count, len(self.corners))


class ObjectDistances:
    """Hausdorff distances between objects and their partners: the one that overlaps most, or else the nearest."""

    def __init__(self, overlaps: Overlaps, spacing: tuple[float, ...]) -> None:
        self._overlaps, self._spacing = overlaps, spacing
        self._of_pair: dict[int, float] = {}
        self._clouds: dict[tuple[int, int], Cloud] = {}
        self._extents = [Extents(objects, spacing) for _, objects in overlaps.sides]

    def weighted(self, diagonal: float, missing: Missing) -> float:
        """Computes the object Hausdorff distance of the GlaS challenge; the diagonal is that of the whole image."""
        by_rule = distance_if_empty(self._overlaps.presence, diagonal, missing)
        if by_rule is not None:
            return by_rule
        total = 0.0
        for side, (name, objects) in enumerate(self._overlaps.sides):
            partners = self._overlaps.best(name, self._overlaps.shared)
            each = [
                self._overlapping(int(k)) if k >= 0 else self._separate(side, i)
                for i, k in enumerate(partners)
            ]
            total += float(np.asarray(each) @ objects.areas / objects.areas.sum()) / 2
        return total

    def _overlapping(self, pair: int) -> float:
        if pair not in self._of_pair:
            self._of_pair[pair] = self._between(int(self._overlaps.p[pair]), int(self._overlaps.t[pair]))
        return self._of_pair[pair]

    def _between(self, p: int, t: int) -> float:
        prediction, truth = self._overlaps.prediction, self._overlaps.truth
        box: Box = tuple(
            slice(min(a.start, b.start), max(a.stop, b.stop))
            for a, b in zip(prediction.boxes[p], truth.boxes[t], strict=True)
        )
        size = math.prod(side.stop - side.start for side in box)
        (small, side, place), (large, other_side, other) = sorted(
            [(int(prediction.areas[p]), 0, p), (int(truth.areas[t]), 1, t)]
        )
        if size > SMALL and large > UNEQUAL * small:
            out = self._cloud(other_side, other).farthest_from(self._cloud(side, place))
            return max(out, self._into(side, place, other))
        return hausdorff_in_box(prediction.mask(p, box), truth.mask(t, box), self._spacing)

    def _into(self, side: int, place: int, other: int) -> float:
        """Finds the largest distance of a point of an object to a much larger one that it overlaps.

        It is at most the largest distance to a point that both have, so only this much of the larger one is searched.
        """
        own, large = self._overlaps.sides[side][1], self._overlaps.sides[1 - side][1]
        box = own.boxes[place]
        inside, outside = own.mask(place, box), large.mask(other, box)
        alone = inside > outside
        if not alone.any():
            return 0.0
        reach = float(distance_map(inside & outside, self._spacing)[alone].max())
        around: Box = tuple(
            slice(max(0, one.start - math.ceil(reach / step)), one.stop + math.ceil(reach / step))
            for one, step in zip(box, self._spacing, strict=True)
        )
        target = large.mask(other, around)
        places = np.nonzero(alone)
        moved = [axis + one.start - wide.start for axis, one, wide in zip(places, box, around, strict=True)]
        added = (1,) * (3 - target.ndim)
        depth, height, width = (*(1.0 for _ in added), *self._spacing)
        nearest = Nearest(target.reshape(added + target.shape), (depth, height, width))
        return nearest.farthest(np.ravel_multi_index(moved, target.shape))

    def _cloud(self, side: int, place: int) -> Cloud:
        if (side, place) not in self._clouds:
            objects = self._overlaps.sides[side][1]
            self._clouds[side, place] = Cloud(objects, place, self._spacing)
        return self._clouds[side, place]

    def _separate(self, side: int, place: int) -> float:
        """Finds the smallest distance to any object of the other side, none of which overlaps.

        The Hausdorff distance is at least the difference of the objects' extents, so objects are tried in the order
        of this bound until it exceeds the best distance.
        """
        best = math.inf
        for bound, other in self._extents[1 - side].by_difference(self._extents[side].corners[place]):
            if bound >= best:
                break
            best = min(best, self._cloud(side, place).hausdorff(self._cloud(1 - side, other), best))
        return best
