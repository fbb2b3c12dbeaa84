"""Which points of a mask lie on its surface."""

from __future__ import annotations

import numpy as np

from isthmus.metrics.input_checks import BoolMask


def border(mask: BoolMask) -> BoolMask:
    """The foreground points with a face neighbour outside the mask; outside the image counts as outside.

    >>> border(np.ones((3, 4), bool)).astype(int)
    array([[1, 1, 1, 1],
           [1, 0, 0, 1],
           [1, 1, 1, 1]])
    """
    inner = mask.copy()
    for axis in range(mask.ndim):
        along, kept = np.moveaxis(mask, axis, 0), np.moveaxis(inner, axis, 0)
        kept[1:] &= along[:-1]
        kept[:-1] &= along[1:]
        kept[0] = False
        kept[-1] = False
    return mask & ~inner
