"""Normalises intensities: from the numbers in a file to the numbers that a network sees."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Normalization = Literal["scale", "minmax", "zscore", "percentile"]
NORMALIZATIONS: tuple[Normalization, ...] = ("zscore", "minmax", "scale", "percentile")


@dataclass(frozen=True)
class Intensity:
    """A normalisation: each channel becomes `(pixel - offset) * factor`.

    Attributes:
        offset, factor: `(channels,)`.
    """

    offset: NDArray[np.float32]
    factor: NDArray[np.float32]

    def apply(self, image: NDArray[Any]) -> NDArray[np.float32]:
        """Normalises an image.

        Args:
            image: `(n * channels, *spatial)`, of any number type: the channels once, or n times in a row, as in
                slices that are stacked as channels.

        Returns:
            The image as float32, of the same shape.
        """
        shape, times = (-1,) + (1,) * (image.ndim - 1), len(image) // len(self.offset)
        result: NDArray[np.float32] = image.astype(np.float32)
        result -= np.tile(self.offset, times).reshape(shape)
        result *= np.tile(self.factor, times).reshape(shape)
        return result


Normaliser = Callable[[NDArray[Any]], Intensity]
"""Finds the normalisation of an image `(channels, *spatial)`."""


def intensity(image: NDArray[Any], mode: Normalization) -> Intensity:
    """Finds the normalisation of one image.

    - `scale` divides uint8 by 255 and uint16 by 65535, so that values lie in 0..1. Other types have no natural
      maximum and are treated as in `minmax`.
    - `minmax` maps the range of the image, over all channels together, to 0..1.
    - `zscore` gives each channel a mean of 0 and a standard deviation of 1.
    - `percentile` maps percentiles 1 and 99.8 of each channel to 0 and 1, without cutting off what lies beyond, as
      StarDist (Schmidt et al. 2018, doi:10.1007/978-3-030-00934-2_30) and Cellpose do. Where they are equal, as in an
      image with a few bright pixels on black, the range of the channel takes their place. They are those of at most
      4 million pixels, evenly spread.

    A constant channel becomes 0 under `minmax`, `zscore` and `percentile`.

    Args:
        image: `(channels, *spatial)`, of any number type.
        mode: one of `NORMALIZATIONS`.

    Raises:
        ValueError: there is no such mode.

    >>> image = np.array([[[0, 255]]], np.uint8)
    >>> intensity(image, "scale").apply(image).tolist()
    [[[0.0, 1.0]]]
    """
    channels = image.shape[0]
    if mode == "scale" and image.dtype in (np.uint8, np.uint16):
        offset, spread = np.zeros(channels), np.full(channels, float(np.iinfo(image.dtype).max))
    elif mode in ("scale", "minmax"):
        low, high = float(image.min()), float(image.max())
        offset, spread = np.full(channels, low), np.full(channels, high - low)
    elif mode == "zscore":
        offset, spread = _mean_and_deviation(image)
    elif mode == "percentile":
        offset, spread = _percentiles(image)
    else:
        raise ValueError(f"no normalisation '{mode}'; choose from {', '.join(NORMALIZATIONS)}")
    factor = np.divide(
        1.0, spread, out=np.zeros(channels), where=spread > 1e-12 * np.maximum(1.0, np.abs(offset))
    )
    return Intensity(offset.astype(np.float32), factor.astype(np.float32))


def _mean_and_deviation(image: NDArray[Any], most: int = 2**22) -> tuple[NDArray[Any], NDArray[Any]]:
    """Returns the mean and the standard deviation of each channel.

    It works on blocks of at most `most` pixels, because a whole large image as float64 would take 16 bytes a pixel.
    """
    channels, pixels = len(image), image[0].size
    rows = max(1, most * image.shape[1] // max(1, image.size))
    blocks = [image[:, first : first + rows] for first in range(0, image.shape[1], rows)]
    mean = sum(block.reshape(channels, -1).sum(axis=1, dtype=np.float64) for block in blocks) / pixels
    squares = np.zeros(channels)
    for block in blocks:
        away = block.reshape(channels, -1) - mean[:, None]
        away *= away
        squares += away.sum(axis=1)
    return mean, np.sqrt(squares / pixels)


def _percentiles(image: NDArray[Any], most: int = 2**22) -> tuple[NDArray[Any], NDArray[Any]]:
    """Returns percentile 1 of each channel, and how far percentile 99.8 lies above it, of at most `most` pixels."""
    channels = image.reshape(len(image), -1)
    pixels = channels[:, :: -(-channels.shape[1] // most)]
    low, high = np.percentile(pixels, (1, 99.8), axis=1)
    empty = high <= low
    if empty.any():
        low[empty], high[empty] = channels.min(axis=1)[empty], channels.max(axis=1)[empty]
    return low, high - low
