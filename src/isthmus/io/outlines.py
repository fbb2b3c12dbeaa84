"""Outlines of numbered objects as polygons along the sides of their pixels, from which the same pixels come back.

Coordinates are those of pixel corners: the first pixel of an image reaches from 0 to 1, `x` along the last axis and `y`
along the one before. Drawing programs fill the pixels whose centres lie inside, so filling gives the mask again.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from isthmus.errors import IsthmusError

Ring: TypeAlias = NDArray[np.int64]
"""Corners ``(n, 2)``, each x and y, in order; the last one is joined to the first."""

_START = np.array([(0, 0), (1, 0), (1, 1), (0, 1)])
"""The corner of a pixel at which its upper, right, lower and left side begin, going round clockwise."""


@dataclass(frozen=True)
class Outline:
    """An object in a plane.

    Attributes:
        number: its number in the mask.
        plane: the slice of a volume, from 0; None for a picture.
        polygons: a polygon for each piece of it; pixels that share only a corner are different pieces. A polygon is its
            outer ring, then its holes. Rings do not cross or touch themselves; outer ones go clockwise on the screen,
            where y points down, and holes the other way.
    """

    number: int
    plane: int | None
    polygons: tuple[tuple[Ring, ...], ...]


def outlines(objects: NDArray[Any]) -> Iterator[Outline]:
    """Yields the outlines of objects, plane after plane, in the order of their numbers.

    Args:
        objects: ``(H, W)`` or ``(D, H, W)``, whole numbers from 1; 0 is background.

    Raises:
        IsthmusError: another number of axes, or numbers that are not whole or below 0.

    >>> [outline] = outlines(np.array([[0, 0, 0], [0, 7, 7]]))
    >>> outline.number, outline.polygons[0][0].tolist()
    (7, [[1, 1], [3, 1], [3, 2], [1, 2]])
    """
    objects = np.asarray(objects)
    if objects.ndim not in (2, 3):
        raise IsthmusError(
            f"outlines are those of (H, W) or (D, H, W), found an array of shape {objects.shape}"
        )
    if objects.dtype.kind not in "ui" or (objects.size and int(objects.min()) < 0):
        raise IsthmusError(
            f"outlines are those of numbered objects, found {objects.dtype} or numbers below 0; give whole numbers, "
            "0 is background"
        )
    if objects.ndim == 2:
        yield from _in_plane(objects, None)
        return
    for plane, numbers in enumerate(objects):
        yield from _in_plane(numbers, plane)


def area(ring: Ring) -> int:
    """Returns the number of pixels in a ring, negative for a hole.

    >>> area(np.array([[0, 0], [2, 0], [2, 3], [0, 3]]))
    6
    """
    x, y = ring.T
    return int(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) // 2


def _in_plane(numbers: NDArray[Any], plane: int | None) -> Iterator[Outline]:
    found: dict[int, list[Ring]] = {}
    for number, ring in _rings(numbers):
        found.setdefault(number, []).append(ring)
    for number in sorted(found):
        yield Outline(number, plane, _polygons(found[number]))


def _polygons(rings: list[Ring]) -> tuple[tuple[Ring, ...], ...]:
    """Returns the outer rings of an object, each with its holes."""
    if len(rings) == 1:
        return ((rings[0],),)
    areas = [area(ring) for ring in rings]
    outer = sorted((ring for ring, size in zip(rings, areas, strict=True) if size > 0), key=area)
    holes: list[list[Ring]] = [[] for _ in outer]
    for ring, size in zip(rings, areas, strict=True):
        if size < 0:
            beside = _pixel_beside(ring)
            inside = (
                0 if len(outer) == 1 else next(i for i, other in enumerate(outer) if _holds(other, beside))
            )
            holes[inside].append(ring)
    return tuple((ring, *inner) for ring, inner in zip(outer, holes, strict=True))


def _pixel_beside(ring: Ring) -> NDArray[np.float64]:
    """Returns the centre of the object's pixel to the right of the first side of a ring."""
    forward = np.sign(ring[1] - ring[0])
    centre: NDArray[np.float64] = ring[0] + (forward + np.array([-forward[1], forward[0]])) / 2
    return centre


def _holds(ring: Ring, point: NDArray[np.float64]) -> bool:
    """Returns whether the centre of a pixel lies in a ring: the line from it to the left crosses an odd number of
    sides."""
    (x, y), (next_x, next_y) = ring.T, np.roll(ring, -1, axis=0).T
    upright = (x == next_x) & (x < point[0])
    crossed = upright & (np.minimum(y, next_y) < point[1]) & (point[1] < np.maximum(y, next_y))
    return bool(crossed.sum() % 2)


def _rings(numbers: NDArray[Any]) -> Iterator[tuple[int, Ring]]:
    """Yields the number of an object and a ring of it, until every side between it and something else was passed once.

    Sides are directed so that the object lies to the right, and followed from pixel to pixel: around the same pixel
    where a path can also cross a corner. Rings that come back to a corner are cut in two there.
    """
    around = np.pad(numbers, 1)
    width = around.shape[1]
    flat = around.ravel()
    ahead = np.array([1, width, -1, -width])  # to the pixel in the direction of a side
    inside = np.flatnonzero(flat)
    found = [
        inside[flat[inside] != flat[inside + ahead[side - 1]]] for side in range(4)
    ]  # north of the upper side
    pixel = np.concatenate(found)
    side = np.repeat(np.arange(4, dtype=np.int8), [len(pixels) for pixels in found])
    following, crosses = _following(flat, pixel, side, ahead)
    order, starts = _cycles(following)
    turned = side[order] != side[_before(order, starts)]
    corners = order[turned]
    kept = np.add.reduceat(turned, starts) if starts.size else np.zeros(0, np.int64)
    rows, columns = np.divmod(pixel[corners], width)
    points = np.stack([columns - 1, rows - 1], axis=1) + _START[side[corners]]
    meets = crosses[_before(order, starts)][turned]  # another ring, or this one again, passes the corner
    objects = flat[pixel[order[starts]]].tolist()
    stop = 0
    for number, count in zip(objects, kept.tolist(), strict=True):
        ring = points[stop : stop + count]
        passed = meets[stop : stop + count]
        stop += count
        for simple in _cut(ring, passed) if passed.sum() > 1 else [ring]:
            yield number, simple


def _following(
    flat: NDArray[Any], pixel: NDArray[np.intp], side: NDArray[np.int8], ahead: NDArray[np.intp]
) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """Returns the side that follows each side, by index, and whether the same object passes the corner between them
    twice."""
    own = flat[pixel]
    front = pixel + ahead[side]
    slanted = front + ahead[side - 1]
    goes_on, turns_left = flat[front] == own, flat[slanted] == own
    next_pixel = np.where(goes_on, np.where(turns_left, slanted, front), pixel)
    next_side = (side + np.where(goes_on, np.where(turns_left, 3, 0), 1)) % 4
    keys = side.astype(np.int64) * flat.size + pixel  # sorted, as they were found
    return np.searchsorted(keys, next_side.astype(np.int64) * flat.size + next_pixel), ~goes_on & turns_left


def _cycles(following: NDArray[np.intp]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Returns the indices of all sides in the order in which they follow each other, and where each cycle starts."""
    steps = following.tolist()
    waiting = bytearray(b"\1") * len(steps)
    order: list[int] = []
    starts: list[int] = []
    for first in range(len(steps)):
        if waiting[first]:
            starts.append(len(order))
            at = first
            while waiting[at]:
                waiting[at] = 0
                order.append(at)
                at = steps[at]
    return np.array(order, np.intp), np.array(starts, np.intp)


def _before(order: NDArray[np.intp], starts: NDArray[np.intp]) -> NDArray[np.intp]:
    """Returns the side before each side of its cycle."""
    before = np.roll(order, 1)
    if starts.size:
        before[starts] = order[np.append(starts[1:], order.size) - 1]
    return before


def _cut(ring: Ring, passed: NDArray[np.bool_]) -> Iterator[Ring]:
    """Yields the rings into which a ring falls that passes some corners twice."""
    path: list[int] = []
    seen: dict[tuple[int, int], int] = {}
    for index, (point, may) in enumerate(zip(map(tuple, ring.tolist()), passed.tolist(), strict=True)):
        if may and point in seen:
            start = seen[point]
            yield ring[path[start:]]
            seen = {corner: at for corner, at in seen.items() if at < start}
            del path[start:]
        if may:
            seen[point] = len(path)
        path.append(index)
    yield ring[path]
