"""The surface of a mask."""

from __future__ import annotations

import numpy as np

from isthmus.metrics.input_checks import BoolMask


def border(mask: BoolMask) -> BoolMask:
    """Finds the foreground points that have a face neighbour outside the mask.

    Points beyond the image count as outside. Masks are bool `(*spatial)` of any number of axes.

    >>> border(np.ones((3, 4), bool)).astype(int)
    array([[1, 1, 1, 1],
           [1, 0, 0, 1],
           [1, 1, 1, 1]])
    """
    inner = mask.copy()
    for axis in range(mask.ndim):
        turned, inside = np.moveaxis(mask, axis, 0), np.moveaxis(inner, axis, 0)
        inside[1:] &= turned[:-1]
        inside[:-1] &= turned[1:]
        inside[0] = False
        inside[-1] = False
    return mask & ~inner
