"""The number of pixels in the convex hull of each object, by which solidity is defined."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import ConvexHull

_ROUNDING = 1e-9
_CELLS = 2**22
"""About as many pairs of a row and a plane are computed at a time."""


def hull_pixels(labels: NDArray[Any], n: int) -> NDArray[np.int64]:
    """Returns how many pixels the convex hull of each object 1 to `n` of labels `(*spatial)` has, `(n,)`.

    As in scikit-image, it is the hull of the centres of the pixels' sides, and has the pixels whose centre is in it.

    >>> hull_pixels(np.array([[1, 0, 0], [1, 0, 0], [1, 1, 1]]), 1).tolist()
    [6]
    """
    boxes = [box for box in ndimage.find_objects(labels) if box is not None]
    found = (_hull(labels[box] == number) for number, box in enumerate(boxes, 1))
    return np.fromiter(found, np.int64, n)


def _hull(mask: NDArray[np.bool_]) -> int:
    """Returns how many pixels the hull of a mask without empty margins has."""
    if mask.all():
        return mask.size
    rows = np.argwhere(mask.any(axis=-1))
    lines = mask[tuple(rows.T)]
    ends = (lines.argmax(axis=1), mask.shape[-1] - 1 - lines[:, ::-1].argmax(axis=1))
    pixels = np.concatenate([np.column_stack([rows, end]) for end in ends])
    sides = np.eye(mask.ndim, dtype=np.int64)
    normals, limits = _half_spaces(np.concatenate([2 * pixels + s for side in sides for s in (side, -side)]))
    return sum(_row_pixels(normals, limits, part) for part in _parts(mask.shape[:-1], len(limits)))


def _half_spaces(points: NDArray[np.int64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Returns the hull of points in half pixels, as the places at which `normals @ place <= limits`, in pixels."""
    if points.shape[1] > 2:
        planes = ConvexHull(points / 2).equations
        return planes[:, :-1], -planes[:, -1]
    corners = cv2.convexHull(points.astype(np.int32))[:, 0].astype(np.float64) / 2
    along = np.roll(corners, -1, axis=0) - corners
    normals = np.column_stack([along[:, 1], -along[:, 0]])
    limits = np.einsum("ij,ij->i", normals, corners)
    inside = np.sign(limits - normals @ corners.mean(axis=0))[:, None]
    return normals * inside, limits * inside[:, 0]


def _parts(rows: tuple[int, ...], planes: int) -> Iterator[NDArray[np.int64]]:
    """Yields the indices of all rows of a box, some at a time."""
    number, step = int(np.prod(rows)), max(1, _CELLS // planes)
    for start in range(0, number, step):
        yield np.column_stack(np.unravel_index(np.arange(start, min(start + step, number)), rows))


def _row_pixels(normals: NDArray[np.float64], limits: NDArray[np.float64], rows: NDArray[np.int64]) -> int:
    """Returns how many pixels of these rows, which run along the last axis, lie in all half-spaces."""
    slope, left = normals[:, -1], limits - rows @ normals[:, :-1].T
    ahead, behind = slope > _ROUNDING, slope < -_ROUNDING
    beside = left[:, ~(ahead | behind)]
    last = np.floor((left[:, ahead] / slope[ahead]).min(axis=1) + _ROUNDING)
    first = np.ceil((left[:, behind] / slope[behind]).max(axis=1) - _ROUNDING)
    there = (beside >= -_ROUNDING).all(axis=1)
    return int(np.maximum(last - first + 1, 0)[there].sum())
