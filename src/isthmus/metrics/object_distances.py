"""Hausdorff distances between single objects, and to the nearest object where none overlaps."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from isthmus.metrics.distances import Sides
from isthmus.metrics.empty import Missing, distance_if_empty
from isthmus.metrics.masks import BoolMask
from isthmus.metrics.nearest import Distances, distance_map
from isthmus.metrics.objects import Objects
from isthmus.metrics.overlaps import Overlaps
from isthmus.metrics.pairs import Box, Pair

SMALL = 6000
"""Points in a box up to which one plain distance transform is faster than choosing a way."""


UNLIKE = 10
"""How many times larger one of two objects must be for the points of the smaller to decide."""


def hausdorff_in_box(prediction: BoolMask, truth: BoolMask, spacing: tuple[float, ...]) -> float:
    """Hausdorff distance of the foregrounds of two masks, neither of them empty."""
    if prediction.size > SMALL:
        return Sides(Pair.whole(prediction, truth), spacing).foreground_hausdorff()
    largest = 0.0
    for mask, other in ((prediction, truth), (truth, prediction)):
        apart = mask > other
        if apart.any():
            largest = max(largest, float(distance_map(other, spacing)[apart].max()))
    return largest


class Cloud:
    """The points of an object, for distances between objects that lie apart or differ much in size."""

    def __init__(self, objects: Objects, place: int, spacing: tuple[float, ...]) -> None:
        from scipy.spatial import cKDTree

        box = objects.boxes[place]
        origin = [side.start for side in box]
        self.points: Distances = (np.argwhere(objects.mask(place, box)) + origin) * np.asarray(spacing)
        self.tree = cKDTree(self.points, balanced_tree=False, compact_nodes=False)
        self.centre = self.points.mean(axis=0)
        self.radius = float(self._from(self.centre).max())

    def _from(self, point: Distances) -> Distances:
        distances: Distances = np.sqrt(np.square(self.points - point).sum(axis=1))
        return distances

    def farthest_from(self, other: Cloud) -> float:
        """The largest distance of a point of this object to the other one.

        With the other's points within r of its centre, no distance differs by more than r from that to the
        centre, so only points within 2 r of the farthest from the centre come into question.
        """
        rough = self._from(other.centre)
        outer = self.points[rough >= (rough.max() - 2 * other.radius) * (1 - 1e-9)]
        return float(np.max(other.tree.query(outer)[0]))

    def hausdorff(self, other: Cloud, enough: float = np.inf) -> float:
        """Hausdorff distance to the other object; where it is `enough` or more, any such number."""
        there = self.farthest_from(other)
        return there if there >= enough else max(there, other.farthest_from(self))


class ObjectDistances:
    """The Hausdorff distance of every object to its partner: the one it overlaps most, else the nearest."""

    def __init__(self, overlaps: Overlaps, spacing: tuple[float, ...]) -> None:
        self._overlaps, self._spacing = overlaps, spacing
        self._of_pair: dict[int, float] = {}
        self._clouds: dict[tuple[int, int], Cloud] = {}

    def weighted(self, diagonal: float, missing: Missing) -> float:
        """Object Hausdorff distance of the GlaS challenge; the diagonal is that of the whole image."""
        by_rule = distance_if_empty(self._overlaps.presence, diagonal, missing)
        if by_rule is not None:
            return by_rule
        total = 0.0
        for side, (name, objects) in enumerate(self._overlaps.sides):
            partners = self._overlaps.best(name, self._overlaps.shared)
            each = [
                self._overlapping(int(k)) if k >= 0 else self._apart(side, i) for i, k in enumerate(partners)
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
        small, large = sorted((int(prediction.areas[p]), int(truth.areas[t])))
        if size > SMALL and large > UNLIKE * small:
            return self._cloud(0, p).hausdorff(self._cloud(1, t))
        return hausdorff_in_box(prediction.mask(p, box), truth.mask(t, box), self._spacing)

    def _cloud(self, side: int, place: int) -> Cloud:
        if (side, place) not in self._clouds:
            objects = self._overlaps.sides[side][1]
            self._clouds[side, place] = Cloud(objects, place, self._spacing)
        return self._clouds[side, place]

    def _apart(self, side: int, place: int) -> float:
        """Distance to the object of the other side with the smallest one, of which none shares a point.

        The Hausdorff distance is at least the difference of the objects' extremes along every axis, so the
        objects are tried in the order of that bound until it exceeds the best.
        """
        own, others = self._overlaps.sides[side][1].corners[place], self._overlaps.sides[1 - side][1].corners
        steps = np.asarray(self._spacing)[:, None]
        bounds: NDArray[np.float64] = (np.abs(others - own) * steps).max(axis=(1, 2))
        best = np.inf
        for other in np.argsort(bounds, kind="stable"):
            if bounds[other] >= best:
                break
            best = min(best, self._cloud(side, place).hausdorff(self._cloud(1 - side, int(other)), best))
        return float(best)
