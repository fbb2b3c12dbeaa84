"""Separates touching objects: from body, contour and marker maps to an array in which every object has its number."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import KDTree

from isthmus.errors import IsthmusError
from isthmus.inference.outputs.object_steps import (
    Bools,
    Instances,
    add,
    box_around,
    drop_small,
    flood,
    in_raster_order,
    on,
)
from isthmus.metrics.objects import number_components
from isthmus.metrics.threshold import THRESHOLD

STEPS = 8
"""Depths are distinguished down to this fraction of a pixel."""


def instances(
    body: NDArray[Any],
    contour: NDArray[Any] | None = None,
    marker: NDArray[Any] | None = None,
    *,
    threshold: float = THRESHOLD,
    min_body: int = 2,
    min_marker: int = 5,
    border: int = 2,
    peak_scale: float = 0.55,
    spacing: Sequence[float] | None = None,
) -> Instances:
    """Returns objects of the shape of `body`, numbered 1, 2, 3, … in raster order of their first pixels.

    Bodies are flooded from seeds, the deepest pixels first: a watershed on minus the Euclidean distance to the
    background. Seeds are body and marker but no contour; without markers, body but no contour and no frame of `border`
    pixels, as contours often fail along the border of an image; with neither, the deepest places of the bodies that
    are further apart than `peak_scale` times the root of the mean area of the smaller half of the bodies. A body
    without a seed is seeded from its part without contour, and is one object where that fails too. Pixels belong
    together where they share a face, so a contour of one pixel, straight or diagonal, separates two objects.

    Args:
        body: `(H, W)` or `(D, H, W)`, probability of being part of an object, 0 to 1; or boolean.
        contour, marker: probabilities of lying on the contour of an object, and well inside one; of the same shape.
        threshold: the probability above which a pixel counts.
        min_body, min_marker: bodies and seeds of fewer pixels are dropped.
        border: width in pixels of the frame without seeds, if there is no marker.
        peak_scale: the larger, the fewer peaks, if there is neither contour nor marker.
        spacing: from pixel to pixel along every axis, for volumes with thick slices; None: 1.

    Raises:
        IsthmusError: maps of different shapes, of other than 2 or 3 axes, or that are not probabilities.

    Source: the watershed policy of HMEDN's DSB-2018 framework, without its random peaks and random walkers.

    >>> body = np.array([[0, 0, 0, 0, 0, 0, 0], [1, 1, 1, 1, 0, 1, 1]], np.float32)
    >>> marker = np.array([[0, 0, 0, 0, 0, 0, 0], [1, 0, 0, 1, 0, 0, 0]], np.float32)
    >>> instances(body, marker=marker, min_marker=1)[1].tolist()
    [1, 1, 2, 2, 0, 3, 3]
    """
    inside = on(body, "body", body, threshold)
    open_ = None if contour is None else ~on(contour, "contour", body, threshold)
    inner = None if marker is None else on(marker, "marker", body, threshold) & inside
    sides = _as_spacing(spacing, inside.ndim)
    inside = drop_small(inside, min_body)
    result = np.zeros(inside.shape, np.int32)
    if not inside.any():
        return result
    box = box_around(inside)
    depth = _depth(inside[box], sides)
    within = None if open_ is None else inside & open_
    if inner is not None:
        seeds = drop_small(inner if within is None else inner & within, min_marker)[box]
    elif within is not None:
        seeds = drop_small(_without_frame(within, border), min_marker)[box]
    else:
        seeds = _peaks(inside[box], depth, sides, peak_scale)
    found = _grow(seeds, inside[box], depth / min(sides), None if within is None else within[box], min_marker)
    result[box] = in_raster_order(found)
    return result


def _grow(
    seeds: Bools, inside: Bools, depth: NDArray[np.float64], within: Bools | None, least: int
) -> Instances:
    """Returns numbered objects that fill all bodies.

    Args:
        seeds: pixels from which objects grow.
        inside: bodies.
        depth: distance to the background, in the smallest sides of a pixel.
        within: bodies without contour, from which those without a seed are seeded.
        least: such seeds of fewer pixels are dropped.
    """
    height = -np.rint(STEPS * depth).astype(np.int32)
    found = flood(height, number_components(seeds), inside)
    missed = inside & (found == 0)
    if within is not None and missed.any():
        more = number_components(drop_small(missed & within, least))
        add(found, flood(height, more, missed))
        missed &= found == 0
    add(found, number_components(missed))
    return found


def _as_spacing(spacing: Sequence[float] | None, ndim: int) -> tuple[float, ...]:
    sides = (1.0,) * ndim if spacing is None else tuple(float(side) for side in spacing)
    if len(sides) != ndim or not all(0 < side < np.inf for side in sides):
        raise IsthmusError(
            f"spacing {spacing} does not fit maps of {ndim} axes; give {ndim} positive numbers"
        )
    return sides


def _depth(inside: Bools, sides: tuple[float, ...]) -> NDArray[np.float64]:
    """Returns the distance to the nearest pixel of background; beyond the image there is none."""
    if inside.all():
        return np.full(inside.shape, min(sides))
    depth: NDArray[np.float64] = ndimage.distance_transform_edt(inside, sampling=sides)
    return depth


def _without_frame(mask: Bools, width: int) -> Bools:
    framed = np.zeros_like(mask)
    rows, columns = mask.shape[-2:]
    core = (..., slice(width, max(width, rows - width)), slice(width, max(width, columns - width)))
    framed[core] = mask[core]
    return framed


def _peaks(inside: Bools, depth: NDArray[np.float64], sides: tuple[float, ...], scale: float) -> Bools:
    """Returns the deepest place of every body, and others of it that lie far enough from deeper ones."""
    bodies = number_components(inside)
    areas = np.sort(np.bincount(bodies.ravel())[1:])
    small = float(areas[: max(1, len(areas) // 2)].mean()) * float(np.prod(sides))
    least = scale * small ** (1 / inside.ndim)
    tops = inside & (depth == ndimage.maximum_filter(depth, size=3))
    # a ridge of one depth is one peak: the middle of its pixels
    plains = number_components(tops, inside.ndim)
    places = np.flatnonzero(plains)
    places = places[np.argsort(plains.ravel()[places], kind="stable")]
    sizes = np.bincount(plains.ravel())[1:]
    middles = places[np.cumsum(sizes) - sizes + sizes // 2]
    middles = middles[np.argsort(-depth.ravel()[middles], kind="stable")]
    points = np.stack(np.unravel_index(middles, inside.shape), axis=1) * np.array(sides)
    owner, tree = bodies.ravel()[middles], KDTree(points)
    free = np.ones(len(middles), bool)
    for index, point in enumerate(points):
        if free[index]:
            near = np.array(tree.query_ball_point(point, least))
            free[near[(owner[near] == owner[index]) & (near > index)]] = False
    peaks = np.zeros(inside.shape, bool)
    peaks.reshape(-1)[middles[free]] = True
    return peaks
