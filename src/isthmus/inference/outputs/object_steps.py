"""Steps on the way from maps to numbered objects: masks of maps, a watershed, numbers in order."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from isthmus.errors import IsthmusError
from isthmus.metrics.objects import number_components
from isthmus.metrics.threshold import is_foreground

Instances = NDArray[np.int32]
Bools = NDArray[np.bool_]


def on(values: NDArray[Any], name: str, body: NDArray[Any], threshold: float) -> Bools:
    """Returns where a map exceeds a probability.

    Raises:
        IsthmusError: a map of another shape than `body`, of other than 2 or 3 axes, or that holds no probabilities.
    """
    array = np.asarray(values)
    if array.ndim not in (2, 3):
        raise IsthmusError(f"{name} has shape {array.shape}; instances are found in (H, W) or (D, H, W)")
    if array.shape != np.shape(body):
        raise IsthmusError(f"{name} has shape {array.shape} but body {np.shape(body)}; they must be equal")
    if array.dtype == bool:
        return array
    low, high = (float(array.min()), float(array.max())) if array.size else (0.0, 0.0)
    if not (low >= -1e-3 and high <= 1 + 1e-3):  # NaN included
        raise IsthmusError(
            f"{name} has values {low:.4g} to {high:.4g}; instances takes probabilities, 0 to 1"
        )
    return is_foreground(array, threshold)


def drop_small(mask: Bools, least: int) -> Bools:
    """Returns a mask without its components of fewer pixels than `least`."""
    numbered = number_components(mask)
    keep = np.bincount(numbered.ravel(), minlength=1) >= least
    keep[0] = False
    return keep[numbered]


def flood(height: NDArray[np.integer], seeds: Instances, inside: Bools) -> Instances:
    """Computes a marker-controlled watershed without lines: each seed grows over the lowest pixels it can reach first.

    Water rises through the heights. A pixel takes the number of the neighbour (sharing a face) that the water
    reaches first; where it reaches several at once, the seeds advance a pixel at a time, so that they share a plain
    fairly.

    Args:
        height: `(*spatial)`, whole numbers; the work grows with the number of different ones.
        seeds: `(*spatial)`, numbers from 1; 0 elsewhere.
        inside: `(*spatial)`, where water may go; seeds outside are ignored.

    Returns:
        Numbers `(*spatial)`; 0 outside, and where no seed can be reached.

    Source: F. Meyer, Signal Processing 38 (1994) 113, doi:10.1016/0165-1684(94)90060-4.

    >>> flood(np.array([0, 3, 5, 1, 0]), np.array([1, 0, 0, 0, 2], np.int32), np.ones(5, bool)).tolist()
    [1, 1, 2, 2, 2]
    """
    result = np.pad(np.where(inside, seeds, -1).astype(np.int32), 1, constant_values=-1)
    numbers, heights = result.reshape(-1), np.pad(height, 1).reshape(-1)
    strides = [int(np.prod(result.shape[axis + 1 :])) for axis in range(result.ndim)]
    steps = np.array([sign * stride for stride in strides for sign in (-1, 1)])[:, None]
    places = np.flatnonzero(numbers >= 0)
    places = places[np.argsort(heights[places], kind="stable")]
    for level in np.split(places, np.flatnonzero(np.diff(heights[places])) + 1):
        front = level[numbers[level] > 0]
        while front.size:
            beside = (front + steps).reshape(-1)
            dry = np.flatnonzero(numbers[beside] == 0)
            reached = beside[dry]
            numbers[reached] = numbers[front[dry % front.size]]
            reached = np.unique(reached)
            front = reached[heights[reached] <= heights[level[0]]]
    return np.maximum(result[(slice(1, -1),) * result.ndim], 0)


def add(found: Instances, more: Instances) -> None:
    """Numbers further objects in empty places, after those found."""
    np.copyto(found, more + found.max(initial=0), where=more > 0)


def box_around(mask: Bools) -> tuple[slice, ...]:
    """Returns the box around a mask, with a pixel of background on each side where the image has one."""
    (tight,) = ndimage.find_objects(mask.view(np.uint8))
    return tuple(
        slice(max(0, side.start - 1), min(n, side.stop + 1))
        for side, n in zip(tight, mask.shape, strict=True)
    )


def in_raster_order(numbered: Instances) -> Instances:
    """Returns objects numbered 1, 2, 3, … in the order of their first pixels."""
    flat = numbered.reshape(-1)
    places = np.flatnonzero(flat)[::-1]
    first = np.full(int(flat.max(initial=0)) + 1, flat.size)
    first[flat[places]] = places  # the last one written, so the first in raster order, stays
    rank = np.zeros(first.shape, np.int32)
    used = np.flatnonzero(first < flat.size)
    rank[used[np.argsort(first[used])]] = np.arange(1, len(used) + 1)
    return rank[numbered]
