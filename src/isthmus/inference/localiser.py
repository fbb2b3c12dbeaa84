"""The region of interest: from a first, coarse mask to the part of the image that the network sees, and back."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from isthmus.data.sampling.patches import window_around

Window = tuple[slice, ...]
SPECK = 0.1
"""Components of less than this share of the largest are taken for mistakes."""


def box_around(found: NDArray[np.bool_], size: Sequence[int], region: Sequence[int]) -> tuple[Window, str]:
    """The window of ``region`` pixels around what was found, and a note where that cannot be had.

    What was found are its components down to a tenth of the largest: the middle of their box becomes the middle of
    the window, which is moved inside where it would reach out. Nothing found: the whole image. A box larger than the
    region: its middle, and what lies beyond becomes background.

    Args:
        found: mask ``(*coarse)`` on any grid.
        size: of the image ``(*spatial)``, whose axes are those of ``found``.
        region: sides of the window along the last axes; along those before, all of the image is taken.

    >>> found = np.zeros((8, 8), bool)
    >>> found[1:4, 5:7] = True
    >>> box_around(found, (80, 80), (40, 40))
    ((slice(5, 45, None), slice(40, 80, None)), '')
    """
    whole = tuple(slice(0, side) for side in size)
    if not found.any():
        return whole, "the first network found no region of interest; the whole image was segmented"
    parts, count = ndimage.label(found, np.ones([3] * found.ndim))
    if count > 1:  # specks are no organs
        sizes = np.bincount(parts.ravel())
        sizes[0] = 0
        found = (sizes >= SPECK * sizes.max())[parts]
    before = len(size) - len(region)
    flat = np.asarray(found.any(axis=tuple(range(before))))
    scale = [side / coarse for side, coarse in zip(size[before:], flat.shape, strict=True)]
    box = [np.flatnonzero(flat.any(axis=tuple(set(range(flat.ndim)) - {a}))) for a in range(flat.ndim)]
    centre = [(places[0] + places[-1] + 1) / 2 * factor for places, factor in zip(box, scale, strict=True)]
    sides = [int((places[-1] + 1 - places[0]) * factor) for places, factor in zip(box, scale, strict=True)]
    window = (*whole[:before], *window_around(size[before:], region, centre))
    if any(side > most for side, most in zip(sides, region, strict=True)):
        return window, (
            f"the region found measures {_sides(sides)} pixels and roi.size {_sides(region)}; what lies beyond is "
            "background, so train with a larger roi.size"
        )
    return window, ""


def paste(
    maps: NDArray[np.float32],
    window: Window,
    size: Sequence[int],
    outside: NDArray[np.float32] | None = None,
) -> NDArray[np.float32]:
    """Maps ``(maps, *window)`` in their place in the whole image; ``outside`` are the values ``(maps,)`` elsewhere
    (None: 0, which a contour that is regressed has there)."""
    full = np.zeros((len(maps), *size), np.float32)
    if outside is not None:
        full += outside.reshape(-1, *[1] * len(size))
    full[(slice(None), *window)] = maps
    return full


def _sides(sides: Sequence[int]) -> str:
    return " x ".join(map(str, sides))
