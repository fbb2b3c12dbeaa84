"""A second opinion on polygons: filled by matplotlib, pixel by pixel, with the pixels' centres."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.path import Path as Curve
from numpy.typing import NDArray


def filled(shape: tuple[int, int], rings: Sequence[Any]) -> NDArray[np.bool_]:
    """The pixels in an odd number of closed rings, each ``(n, 2)`` of x and y."""
    rows, columns = np.indices(shape)
    centres = np.stack([columns.ravel() + 0.5, rows.ravel() + 0.5], axis=1)
    inside = np.zeros(shape[0] * shape[1], bool)
    for ring in rings:
        corners = np.asarray(ring, float)
        inside ^= Curve(np.concatenate([corners, corners[:1]])).contains_points(centres)
    return inside.reshape(shape)
