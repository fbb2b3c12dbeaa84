"""Interpolates images, axis by axis, as a whole or only where somebody looks.

Samples stand for pixels: an image of `n` pixels that is resampled to `m` keeps its extent, and pixel `i` of the result
lies at `(i + 1/2) n / m - 1/2` in the image. Beyond the edges the last pixels repeat.

Where an axis shrinks by a factor `f`, each sample is the mean of the interpolated image over a width of
`sqrt(f^2 - 1)` pixels, so that fine structure does not turn into false coarse structure (aliasing): with the pixel's
own width, variances add up to that of the wider pixel. A linear ramp stays exactly what it is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float32]
Values: TypeAlias = NDArray[np.float64]


class Kernel(NamedTuple):
    """What a pixel contributes at a distance, in pixels, and the integral of that from 0."""

    radius: int
    value: Callable[[Values], Values]
    integral: Callable[[Values], Values]

    def mean(self, distance: Values, width: float) -> Values:
        """Returns the mean contribution over a width around each distance."""
        if width == 0:
            return self.value(distance)
        low, high = self.integral(distance - width / 2), self.integral(distance + width / 2)
        mean: Values = (high - low) / width
        return mean


def _tent(distance: Values) -> Values:
    return 1 - np.minimum(np.abs(distance), 1)


def _tent_integral(distance: Values) -> Values:
    x = np.minimum(np.abs(distance), 1)
    return np.sign(distance) * (x - x**2 / 2)


def _keys(distance: Values) -> Values:
    x = np.minimum(np.abs(distance), 2)
    return np.where(x < 1, 1.5 * x**3 - 2.5 * x**2 + 1, -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2)


def _keys_integral(distance: Values) -> Values:
    x = np.minimum(np.abs(distance), 2)
    near, far = 3 / 8 * x**4 - 5 / 6 * x**3 + x, -(x**4) / 8 + 5 / 6 * x**3 - 2 * x**2 + 2 * x - 1 / 6
    return np.sign(distance) * np.where(x < 1, near, far)


LINEAR = Kernel(1, _tent, _tent_integral)
CUBIC = Kernel(2, _keys, _keys_integral)
"""Cubic convolution (Keys, IEEE Trans. ASSP 29:1153, 1981, doi:10.1109/TASSP.1981.1163711), a = -1/2."""


@dataclass(frozen=True)
class Taps:
    """Which old samples along an axis make each new one.

    Attributes:
        index: `(new, taps)`, never decreasing along the first axis.
        weight: `(new, taps)`; None: each new sample is one old sample.
    """

    index: NDArray[np.intp]
    weight: Floats | None

    def at(self, rows: NDArray[np.intp] | slice) -> tuple[slice, Taps]:
        """Returns the old samples that some of the new ones need, and the taps of these in that part."""
        index = self.index[rows]
        low, high = int(index.min()), int(index.max()) + 1
        return slice(low, high), Taps(index - low, None if self.weight is None else self.weight[rows])

    def along(self, image: NDArray[Any], axis: int) -> NDArray[Any]:
        """Resamples an axis of an image."""
        if self.weight is None:
            return image.take(self.index[:, 0], axis)
        shape = [1] * image.ndim
        shape[axis] = -1
        total = image.take(self.index[:, 0], axis) * self.weight[:, 0].reshape(shape)
        for index, weight in zip(self.index.T[1:], self.weight.T[1:], strict=True):
            total += image.take(index, axis) * weight.reshape(shape)
        return total


@lru_cache(maxsize=64)
def taps(old: int, new: int, kernel: Kernel | None) -> Taps:
    """Returns the taps of an axis that `new` samples are to have; None as the kernel: nearest neighbour.

    >>> found = taps(2, 4, LINEAR)
    >>> found.index.tolist(), found.weight.tolist()
    ([[0, 0], [0, 1], [0, 1], [1, 1]], [[0.25, 0.75], [0.75, 0.25], [0.25, 0.75], [0.75, 0.25]])
    """
    if kernel is None or old == new:
        return Taps(np.minimum(((np.arange(new) + 0.5) * old / new).astype(np.intp), old - 1)[:, None], None)
    factor = old / new
    centres = (np.arange(new) + 0.5) * factor - 0.5
    width = float(np.sqrt(max(0.0, factor**2 - 1)))
    reach = kernel.radius + width / 2
    index = np.floor(centres - reach).astype(np.intp)[:, None] + np.arange(1, int(np.ceil(2 * reach)) + 1)
    weight = kernel.mean(index - centres[:, None], width)
    weight /= weight.sum(1, keepdims=True)
    return Taps(index.clip(0, old - 1), weight.astype(np.float32))


def resampled(image: NDArray[Any], axes: Sequence[Taps]) -> Floats:
    """Resamples the last axes of an image, in their order, one `Taps` for each; returns float32."""
    image = image.astype(np.float32, copy=False)
    for axis, each in enumerate(axes, start=image.ndim - len(axes)):
        if not _is_identity(each, image.shape[axis]):
            image = each.along(image, axis)
    return image


def _is_identity(each: Taps, size: int) -> bool:
    return each.weight is None and np.array_equal(each.index[:, 0], np.arange(size))


class Resampled:
    """An image `(channels, *spatial)` on another grid, which is computed where it is looked at.

    Looking at a piece gives the numbers that the whole would have there.

    Args:
        image: in the numbers of the file.
        axes: one for each spatial axis.
        change: applied to a piece of the image before it is resampled.
    """

    def __init__(
        self, image: NDArray[Any], axes: Sequence[Taps], change: Callable[[NDArray[Any]], Floats]
    ) -> None:
        self.image, self.axes, self.change = image, tuple(axes), change
        self.shape = (len(image), *(len(each.index) for each in axes))

    def __getitem__(self, place: tuple[slice | NDArray[np.intp], ...]) -> Floats:
        """Returns a piece.

        Args:
            place: `slice(None)` for the channels, then for each axis, as far as they go, a slice or increasing indices.
        """
        if place[0] != slice(None):
            raise ValueError("channels are not taken apart")
        wanted = [*place[1:], *[slice(None)] * (len(self.axes) - len(place) + 1)]
        parts = [each.at(rows) for each, rows in zip(self.axes, wanted, strict=True)]
        source = self.image[(slice(None), *(part for part, _ in parts))]
        return resampled(self.change(source), [each for _, each in parts])


Image: TypeAlias = NDArray[Any] | Resampled
"""`(channels, *spatial)`, in memory or computed where it is looked at."""
