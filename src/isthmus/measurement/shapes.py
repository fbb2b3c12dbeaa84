"""Size, place and second moments of all objects of an image at once.

The definitions are those of scikit-image's `regionprops`, whose numbers these are to within rounding; it takes the
objects one by one, which is some twenty times slower, and has no orientation or eccentricity of unlike axes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from isthmus.measurement.slabs import slabs

Floats = NDArray[np.float64]

_LENGTH = {2: 4.0, 3: 2 * np.sqrt(5)}
"""The axis of an ellipse, or ellipsoid, as a multiple of the standard deviation along it."""

_ALIKE = 1e-9
"""Axes whose variances differ by less than this share are equal, and have no direction."""


@dataclass(frozen=True)
class Shapes:
    """The geometry of `n` objects in pixels, along the axes of the array.

    Attributes:
        pixels: `(n,)`, the number of pixels.
        low, high: `(n, axes)`, the first pixel of the box, and the one behind its last.
        centroid: `(n, axes)`, counted from the centre of the first pixel of the array.
        covariance: `(n, axes, axes)`, of the places of pixels.
        at_border: `(n,)`, whether an object touches the border of the array.
    """

    pixels: NDArray[np.int64]
    low: NDArray[np.int64]
    high: NDArray[np.int64]
    centroid: Floats
    covariance: Floats
    at_border: NDArray[np.bool_]

    @classmethod
    def of(cls, labels: NDArray[Any], n: int) -> Shapes:
        """Measures the objects 1 to `n` of labels `(*spatial)`, each of which has a pixel; 0 is background."""
        axes = labels.ndim
        boxes = [box for box in ndimage.find_objects(labels) if box is not None]
        corners = np.array([[(side.start, side.stop) for side in box] for box in boxes], np.int64)
        corners = corners.reshape(n, axes, 2)
        low, high = corners[..., 0], corners[..., 1]
        pixels, first, second = np.zeros(n, np.int64), np.zeros((n, axes)), np.zeros((n, axes, axes))
        for start, slab in slabs(labels):
            at = np.nonzero(slab)
            number = slab[at].astype(np.int64) - 1
            pixels += np.bincount(number, minlength=n)
            # from the corner of its box a place is a small whole number, whose sums are exact
            places = [
                (at[axis] + (0 if axis else start) - low[number, axis]).astype(float) for axis in range(axes)
            ]
            for i, place in enumerate(places):
                first[:, i] += np.bincount(number, place, n)
                for j in range(i, axes):
                    second[:, i, j] += np.bincount(number, place * places[j], n)
        mean = first / pixels[:, None]
        second = np.maximum(second, second.transpose(0, 2, 1)) / pixels[:, None, None]
        spread = second - mean[:, :, None] * mean[:, None, :]
        long = np.array(labels.shape) > 1  # a single slice is not a border
        at_border = (((low == 0) | (high == labels.shape)) & long).any(axis=1)
        return cls(pixels, low, high, low + mean, spread, at_border)

    def axes(self, spacing: Sequence[float]) -> Floats:
        """Returns the axes of the ellipse (or ellipsoid) with the same second moments, `(n, axes)`, the longest first.

        Args:
            spacing: distance between pixels along each axis of the array.
        """
        variances = np.linalg.eigvalsh(self._scaled(spacing))[:, ::-1]
        return np.asarray(_LENGTH[len(spacing)] * np.sqrt(np.maximum(variances, 0)))

    def eccentricity(self, spacing: Sequence[float]) -> Floats:
        """Returns the eccentricity of that ellipse, `(n,)`: 0 of a circle, towards 1 of a line."""
        major, minor = self.axes(spacing).T
        share = np.divide(minor, major, out=np.ones_like(major), where=major > 0)
        return np.asarray(np.sqrt(1 - share**2))

    def orientation(self, spacing: Sequence[float]) -> Floats:
        """Returns the angle from the horizontal to the major axis, `(n,)`, counter-clockwise as one sees the image.

        In degrees, 0 to less than 180; NaN where the axes are equal.
        """
        scaled = self._scaled(spacing)
        rows, columns, mixed = scaled[:, 0, 0], scaled[:, 1, 1], scaled[:, 0, 1]
        angle = np.degrees(np.arctan2(-2 * mixed, columns - rows) / 2) % 180
        round_ = np.hypot(2 * mixed, columns - rows) <= _ALIKE * (rows + columns)
        return np.where(round_, np.nan, np.where(angle == 180, 0, angle))

    def _scaled(self, spacing: Sequence[float]) -> Floats:
        steps = np.asarray(spacing, np.float64)
        return self.covariance * steps[:, None] * steps
