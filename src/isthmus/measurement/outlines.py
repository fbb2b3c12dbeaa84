"""The length of the outlines of objects, and the area of their surfaces."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import SphericalVoronoi

from isthmus.measurement.slabs import slabs

Floats = NDArray[np.float64]

_STEPS = np.zeros(50)
_STEPS[[5, 7, 15, 17, 25, 27]] = 1
_STEPS[[21, 33]] = np.sqrt(2)
_STEPS[[13, 23]] = (1 + np.sqrt(2)) / 2
"""The length of the outline at a pixel of it: its code is 1, 2 more for each side that it shares with the outline, and
10 more for each corner (Benkrid and Crookes, Design and FPGA implementation of a perimeter estimator, 2000)."""


def perimeters(labels: NDArray[Any], n: int) -> Floats:
    """Returns the perimeters of the objects 1 to `n` of labels `(height, width)`, in pixels, `(n,)`.

    The outline runs through the centres of the outermost pixels, as in scikit-image's `perimeter`: a square of 10
    pixels has 36, a single pixel none.

    >>> perimeters(np.ones((10, 10), np.int32), 1).tolist()
    [36.0]
    """
    total = np.zeros(n + 1)
    for _, slab in slabs(labels, halo=2):
        width, flat = slab.shape[1], slab.ravel()
        sides, corners = (1, -1, width, -width), (width + 1, width - 1, 1 - width, -1 - width)
        own = _inside(slab, 1)
        outer = own[np.any([flat[own + side] != flat[own] for side in sides], axis=0)]
        outline = np.zeros_like(flat)
        outline[outer] = flat[outer]
        at = outer[_mark(slab.shape, 2)[outer]]
        code = np.ones(len(at), np.intp)
        for weight, steps in ((2, sides), (10, corners)):
            for step in steps:
                code += weight * (outline[at + step] == flat[at])
        total += np.bincount(flat[at], _STEPS[code], n + 1)
    return total[1:]


def crofton(labels: NDArray[Any], n: int, spacing: Sequence[float]) -> Floats:
    """Returns the perimeters of the objects 1 to `n` of labels `(height, width)`, or surfaces of `(depth, height,
    width)`, `(n,)`, for pixels of any size.

    Crofton's formula: how often lines in all directions cross the border, here those through neighbouring pixels (4
    directions, in space 13), each with the share of directions that are nearest to it (Lehmann and Legland, Efficient
    N-dimensional surface estimation using Crofton formula and run-length encoding, 2012).

    Args:
        spacing: distance between pixels along each axis of the array.
    """
    directions, shares = _directions(spacing)
    lengths = np.linalg.norm(directions * np.asarray(spacing), axis=1)
    factors = {2: np.pi / 2, 3: 2.0}[labels.ndim] * shares * np.prod(spacing) / lengths
    total = np.zeros(n + 1)
    for _, slab in slabs(labels, halo=1):
        flat = slab.ravel()
        own = _inside(slab, 1)
        mixed = (ndimage.maximum_filter(slab, 3) != ndimage.minimum_filter(slab, 3)).ravel()
        own = own[mixed[own]]
        strides = np.array(slab.strides) // slab.itemsize
        for direction, factor in zip(directions, factors, strict=True):
            step = int(direction @ strides)
            for there in (own + step, own - step):
                total += factor * np.bincount(flat[own[flat[there] != flat[own]]], minlength=n + 1)
    return total[1:]


def _inside(slab: NDArray[Any], halo: int) -> NDArray[np.intp]:
    """Returns the places of objects that are not in the halo, in the flat array."""
    return np.flatnonzero(_mark(slab.shape, halo) & (slab.ravel() > 0))


def _mark(shape: tuple[int, ...], halo: int) -> NDArray[np.bool_]:
    mark = np.zeros(shape, bool)
    mark[(slice(halo, -halo),) * len(shape)] = True
    return mark.ravel()


def _directions(spacing: Sequence[float]) -> tuple[NDArray[np.intp], Floats]:
    """Returns steps to neighbours, one of each two opposite ones, and the share of all directions nearest to each."""
    every = [step for step in itertools.product((-1, 0, 1), repeat=len(spacing)) if any(step)]
    steps = np.array([step for step in every if step > tuple(-one for one in step)], np.intp)
    ways = steps * np.asarray(spacing, np.float64)
    ways /= np.linalg.norm(ways, axis=1, keepdims=True)
    if len(spacing) == 3:
        areas = SphericalVoronoi(np.concatenate([ways, -ways])).calculate_areas()
        return steps, areas[: len(steps)] / (2 * np.pi)
    angles = np.arctan2(ways[:, 0], ways[:, 1]) % np.pi
    order = np.argsort(angles)
    gaps = np.diff(angles[order], append=angles[order[0]] + np.pi)
    shares = np.empty(len(steps))
    shares[order] = (gaps + np.roll(gaps, 1)) / (2 * np.pi)
    return steps, shares
