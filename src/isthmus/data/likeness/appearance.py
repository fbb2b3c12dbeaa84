"""Describes one image or one mask in a few numbers from a sample of its pixels.

The sample of a volume is as small as that of a picture, so this takes milliseconds and little memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil, inf, nan, prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

PIXELS = 2**16
"""Pixels of each channel from which levels are computed."""

LINES, PLANES = 256, 16
"""Numbers of rows and of columns of a plane along which neighbours are compared, and of planes of a volume."""

LAGS = (1, 2, 4, 8, 16)
"""Distances in pixels between the neighbours that are compared."""

GREY = 0.005
"""Three channels that differ on average by less than this share of their range are a grey image stored as colour."""


@dataclass(frozen=True)
class Appearance:
    """What one image is like.

    Attributes:
        shape: `(channels, *spatial)`.
        dtype: number type, such as "uint8".
        colour: whether it has three channels that differ.
        levels: 1st, 50th and 99th percentile of each channel.
        means: means of each channel.
        low, high: least and greatest number of the sample.
        grain: log2 of how much more pixels differ at twice the distance, for distances from 1 and 2 pixels to 8 and 16:
            about 0 in noise, 1 on smooth slopes, and more in enlarged images. NaN where no pixels differ.
    """

    shape: tuple[int, ...]
    dtype: str
    colour: bool
    levels: tuple[tuple[float, float, float], ...]
    means: tuple[float, ...]
    low: float
    high: float
    grain: tuple[float, ...]


def appearance(image: NDArray[Any]) -> Appearance | None:
    """Describes an image `(channels, *spatial)` of any number type; returns None if no pixel is a finite number.

    >>> appearance(np.full((1, 8, 8), 7, np.uint8)).levels
    ((7.0, 7.0, 7.0),)
    """
    if not image.size:
        return None
    with np.errstate(all="ignore"):  # numbers near the end of their range
        return _appearance(image)


def _appearance(image: NDArray[Any]) -> Appearance | None:
    stride = ceil((prod(image.shape[1:]) / PIXELS) ** (1 / (image.ndim - 1)))
    sample = image[(slice(None), *[slice(None, None, stride)] * (image.ndim - 1))]
    pixels = sample.reshape(len(image), -1)
    if pixels.dtype.kind == "f":
        pixels = pixels[:, np.isfinite(pixels).all(axis=0)].astype(np.float64)
    if not pixels.size:
        return None
    levels = np.percentile(pixels, (1, 50, 99), axis=1).T
    low, high = float(pixels.min()), float(pixels.max())
    spread = (pixels.max(axis=0) - pixels.min(axis=0).astype(np.float64)).mean() if len(pixels) == 3 else 0.0
    return Appearance(
        image.shape,
        str(image.dtype),
        bool(spread > GREY * (high - low)),
        tuple((float(dark), float(middle), float(bright)) for dark, middle, bright in levels),
        tuple(pixels.mean(axis=1).tolist()),
        low,
        high,
        _grain(image),
    )


def thickness(mask: NDArray[Any], background: int = 0) -> float:
    """Returns the mean length, in pixels, of runs of foreground along rows and columns; 0 without foreground.

    Args:
        mask: `(*spatial)` of any number type; in a volume, planes across its first axis are measured.
        background: the value that is not foreground.

    >>> thickness(np.kron(np.eye(3, dtype=np.uint8), np.ones((4, 4), np.uint8)))
    4.0
    """
    pixels = starts = 0
    for lines in _lines(mask[None]):
        line = lines[0] != background
        pixels += int(line.sum())
        starts += int(line[:, :1].sum()) + int((line[:, 1:] & ~line[:, :-1]).sum())
    return pixels / starts if starts else 0.0


def _grain(image: NDArray[Any]) -> tuple[float, ...]:
    """Returns log2 of the ratio of the mean grey difference at each lag to that at the lag before."""
    sums, counts = np.zeros(len(LAGS)), np.zeros(len(LAGS))
    for lines in _lines(image):
        small = lines.dtype.kind in "bui" and lines.dtype.itemsize <= 2
        grey = lines.mean(axis=0, dtype=np.float32 if small else np.float64)
        finite = small or bool(np.isfinite(grey).all())
        for index, lag in enumerate(LAGS):
            away = grey[:, lag:] - grey[:, :-lag]
            np.abs(away, out=away)
            away = away if finite else away[np.isfinite(away)]
            sums[index] += away.sum(dtype=np.float64)
            counts[index] += away.size
    means = sums / counts
    found = np.log2(means[1:] / means[:-1])
    return tuple(value if -inf < value < inf else nan for value in found.tolist())


def _lines(image: NDArray[Any]) -> Iterator[NDArray[Any]]:
    """Yields rows, then columns, of some planes of `(channels, *spatial)`, as `(channels, lines, pixels)`."""
    planes = image if image.ndim > 3 else image[:, None]
    for index in np.unique(np.linspace(0, planes.shape[1] - 1, PLANES).round().astype(int)):
        plane = planes[:, index]
        for turned in (plane, plane.swapaxes(1, 2)):
            yield turned[:, :: ceil(turned.shape[1] / LINES)]
