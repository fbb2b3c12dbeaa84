"""Cuts arrays into slabs, so that the memory that a measurement takes does not grow with the image."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

PIXELS = 2**22
"""About as many pixels as one slab has."""


def slabs(labels: NDArray[Any], halo: int = 0) -> Iterator[tuple[int, NDArray[Any]]]:
    """Yields the place of each slab along the first axis, and its labels.

    Args:
        labels: `(*spatial)`.
        halo: pixels on all sides of a slab that belong to its neighbours, or lie outside of the array and are 0.

    >>> [(start, slab.tolist()) for start, slab in slabs(np.array([[5, 6]]), halo=1)]
    [(0, [[0, 0, 0, 0], [0, 5, 6, 0], [0, 0, 0, 0]])]
    """
    depth = max(1, PIXELS // max(1, math.prod(labels.shape[1:])))
    for start in range(0, len(labels), depth):
        stop = min(start + depth, len(labels))
        part = labels[max(0, start - halo) : stop + halo]
        outside = (max(0, halo - start), max(0, stop + halo - len(labels)))
        yield start, np.pad(part, [outside, *[(halo, halo)] * (labels.ndim - 1)]) if halo else part
