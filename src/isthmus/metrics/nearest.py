"""Exact float64 distances from many points to the nearest point of a set.

There are three methods, and a cost rule picks the cheapest for the given sizes:

- *planes*: OpenCV's exact distance transform of every plane that holds points of the set (Felzenszwalb and
  Huttenlocher, doi:10.4086/toc.2012.v008a019), and for every query a search over the planes, nearest first.
  Squared distances are whole numbers of pixels, so float32 loses nothing;
- *tree*: a k-d tree of the set, for few points in a large image;
- *volume*: SciPy's distance transform of the whole volume, if the pixels of a plane are not square or a plane is
  too large for float32.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from isthmus.metrics.input_checks import BoolMask

if TYPE_CHECKING:
    from scipy.spatial import cKDTree

Distances: TypeAlias = NDArray[np.float64]
Points: TypeAlias = NDArray[np.intp] | NDArray[np.int32]
Squares: TypeAlias = NDArray[np.uint16] | NDArray[np.float32]
Method: TypeAlias = Literal["planes", "tree", "volume"]

EXACT_SQUARE = 2**19
"""Largest squared diagonal of a plane, in pixels, for which OpenCV's float32 transform is exact."""

LARGEST_16 = 2**16 - 1

CHUNK = 2**15
"""Number of queries that are looked up in the planes at once; more would only cost memory."""

# Nanoseconds on one core, from `python -m benchmarks speed.nearest_costs`. Queries of a tree are set high in 3D,
# because they cost ten times more if the set is far away or surrounds them.
PLANE, PLANE_PIXEL, PLANE_QUERY = 15_000.0, 9.0, 30.0
TREE, TREE_POINT = 60_000.0, 100.0
TREE_QUERY = {1: 300.0, 2: 600.0, 3: 5_000.0}
VOLUME, VOLUME_VOXEL = 30_000.0, 90.0


class Nearest:
    """Distances to a set of points: the True points of `target`, bool `(depth, height, width)`."""

    def __init__(self, target: BoolMask, spacing: tuple[float, float, float]) -> None:
        self._target = target
        self._spacing = spacing
        filled = np.flatnonzero(target.any(axis=(1, 2)))
        self._first, self._last = int(filled[0]), int(filled[-1])
        self._planes: Squares | None = None
        self._tree: cKDTree | None = None

    def distances(self, queries: Points, floor: float = 0.0) -> Distances:
        """Computes the distance of every query in the unit of the spacing.

        Args:
            queries: sorted flat indices into the grid.
            floor: distances below it may come out as large as it is, which is enough to find the largest.

        Returns:
            float64 `(queries,)`.
        """
        if queries.size == 0:
            return np.zeros(0)
        near = self._near(queries)
        if near is not None:
            return near
        costs = self._costs(queries.size)
        method = min(costs, key=lambda method: costs[method])
        if method == "planes":
            return self._by_planes(queries, floor)
        return self._by_tree(queries) if method == "tree" else self._by_volume(queries)

    def farthest(self, queries: Points, floor: float = 0.0) -> float:
        """Returns the largest distance of any query, or `floor` if none is larger."""
        return max(floor, float(self.distances(self._beyond(queries, floor), floor).max(initial=0.0)))

    def _beyond(self, queries: Points, floor: float) -> Points:
        """Returns the queries that may be farther than the floor; in one plane, city-block distance decides."""
        if floor == 0 or self._target.shape[0] > 1 or queries.size * 100 < self._target.size:
            return queries
        import cv2

        steps = cv2.distanceTransform((~self._target[0]).view(np.uint8), cv2.DIST_L1, 3)
        can_be: NDArray[np.bool_] = steps.ravel()[queries] * max(self._spacing[1:]) > floor * (1 - 1e-6)
        return queries[can_be]

    def _costs(self, n_queries: int) -> dict[Method, float]:
        """Estimates the nanoseconds of each method that is exact here."""
        depth, height, width = self._target.shape
        planes = self._last - self._first + 1
        dimensions = max(1, sum(n > 1 for n in self._target.shape))
        costs: dict[Method, float] = {
            "tree": TREE + TREE_POINT * np.count_nonzero(self._target) + TREE_QUERY[dimensions] * n_queries,
            "volume": VOLUME + VOLUME_VOXEL * depth * height * width,
        }
        square = alike(*self._spacing[1:]) or height == 1 or width == 1
        if square and (height - 1) ** 2 + (width - 1) ** 2 <= EXACT_SQUARE:
            transform = 0.0 if self._planes is not None else planes * (PLANE + PLANE_PIXEL * height * width)
            costs["planes"] = transform + PLANE_QUERY * n_queries
        return costs

    def _near(self, queries: Points) -> Distances | None:
        """Computes distances from nearby targets if all queries lie in a small part of the grid."""
        shape = self._target.shape
        leading, stride = (shape[0], shape[1] * shape[2]) if shape[0] > 1 else (shape[1], shape[2])
        if queries.size * 8 > self._target.size or (queries[-1] - queries[0]) // stride * 8 > leading > 1:
            return None
        places = np.unravel_index(queries, shape)
        corners = [(int(axis.min()), int(axis.max())) for axis in places]
        reach = self._reach(corners)
        if reach is None:
            return None
        box = self._box(corners, reach)
        part = np.ascontiguousarray(self._target[box])
        if part.size * 2 > self._target.size:
            return None
        moved = [axis - cut.start for axis, cut in zip(places, box, strict=True)]
        return Nearest(part, self._spacing).distances(np.ravel_multi_index(moved, part.shape))

    def _box(self, corners: list[tuple[int, int]], reach: float) -> tuple[slice, ...]:
        return tuple(
            slice(max(0, low - math.ceil(reach / step)), high + math.ceil(reach / step) + 1)
            for (low, high), step in zip(corners, self._spacing, strict=True)
        )

    def _reach(self, corners: list[tuple[int, int]]) -> float | None:
        """Returns a distance within which every point between the corners has a target; None if it is too large."""
        middle = [(low + high) / 2 for low, high in corners]
        half = math.hypot(
            *((high - low) / 2 * s for (low, high), s in zip(corners, self._spacing, strict=True))
        )
        reach = max(self._spacing)
        while True:
            box = self._box(corners, reach)
            part = self._target[box]
            if part.size * 2 > self._target.size:
                return None
            if part.any():
                break
            reach *= 2
        squares = np.zeros(1)
        for axis, cut, centre, step in zip(np.nonzero(part), box, middle, self._spacing, strict=True):
            squares = squares + ((axis + cut.start - centre) * step) ** 2
        return math.sqrt(squares.min()) + half

    def _by_tree(self, queries: Points) -> Distances:
        from scipy.spatial import cKDTree

        steps = np.asarray(self._spacing)
        if self._tree is None:
            self._tree = cKDTree(np.argwhere(self._target) * steps, balanced_tree=False, compact_nodes=False)
        places = np.stack(np.unravel_index(queries, self._target.shape), axis=1)
        distances: Distances = np.asarray(self._tree.query(places * steps)[0], dtype=np.float64)
        return distances

    def _by_volume(self, queries: Points) -> Distances:
        from scipy.ndimage import distance_transform_edt

        transform = distance_transform_edt(~self._target, sampling=self._spacing)
        distances: Distances = np.asarray(transform, dtype=np.float64).ravel()[queries]
        return distances

    def _transform(self) -> Squares:
        """Computes the squared distance in pixels to the nearest target of the same plane.

        These are whole numbers, in 16 bits if there are several planes and they fit, and infinite in planes without
        a target.
        """
        _, height, width = self._target.shape
        depth = self._last - self._first + 1
        shape = (depth, height, width)
        squares: Squares = np.empty(shape, np.uint16) if depth > 1 else np.empty(shape, np.float32)
        plane = np.empty((height, width), np.float32)
        for place, target in enumerate(self._target[self._first : self._last + 1]):
            if target.any():
                transform_plane(target, plane)
                np.rint(np.multiply(plane, plane, out=plane), out=plane)
            else:
                plane.fill(np.inf)
            if squares.dtype == np.uint16 and plane.max() > LARGEST_16:
                squares = squares.astype(np.float32)
            squares[place] = plane
        return squares

    def _by_planes(self, queries: Points, floor: float) -> Distances:
        if self._planes is None:
            self._planes = self._transform()
        distances: Distances = np.empty(queries.size)
        for start in range(0, queries.size, CHUNK):
            part = slice(start, start + CHUNK)
            distances[part] = self._through(self._planes, queries[part].astype(np.intp), floor)
        return distances

    def _through(self, planes: Squares, queries: Points, floor: float) -> Distances:
        """Computes the distances of some queries by a search over all planes."""
        depth, height, width = self._target.shape
        area, values = height * width, planes.ravel()
        in_plane = (self._spacing[2] if height == 1 else self._spacing[1]) ** 2
        squares: Distances = np.full(queries.size, np.inf)
        open_, best = np.arange(queries.size), squares.copy()
        for step in range(depth):  # planes `step` above and below; nearer queries are done
            across = (step * self._spacing[0]) ** 2
            unsettled = best > max(across, floor * floor)
            if np.count_nonzero(unsettled) * 4 < 3 * best.size:
                squares[open_] = best
                open_, best, queries = open_[unsettled], best[unsettled], queries[unsettled]
            if best.size == 0:
                break
            for shift in {step, -step}:
                low, high = np.searchsorted(
                    queries, [(self._first - shift) * area, (self._last + 1 - shift) * area]
                )
                found = values[queries[low:high] + (shift - self._first) * area]
                there = np.multiply(found, in_plane, dtype=np.float64) + across
                np.minimum(best[low:high], there, out=best[low:high])
        squares[open_] = best
        return np.sqrt(squares, out=squares)


def alike(one: float, other: float) -> bool:
    """Returns whether two spacings are equal up to rounding, as when they come from an affine matrix."""
    return math.isclose(one, other, rel_tol=1e-12)


def transform_plane(target: BoolMask, out: NDArray[np.float32] | None = None) -> NDArray[np.float32]:
    """Computes the distance of every pixel to the nearest True one, the root of a whole number, in float32."""
    import cv2

    outside = (~target).view(np.uint8)
    return np.asarray(cv2.distanceTransform(outside, cv2.DIST_L2, cv2.DIST_MASK_PRECISE, dst=out), np.float32)


def distance_map(target: BoolMask, spacing: tuple[float, ...]) -> Distances:
    """Computes the distance of every point of a grid `(*spatial)` to the nearest True one."""
    from scipy.ndimage import distance_transform_edt

    if target.ndim == 2 and alike(*spacing) and sum((n - 1) ** 2 for n in target.shape) <= EXACT_SQUARE:
        squares = np.square(transform_plane(target), dtype=np.float64)
        return np.sqrt(np.rint(squares, out=squares), out=squares) * spacing[0]
    return np.asarray(distance_transform_edt(~target, sampling=spacing), dtype=np.float64)
