"""Describes the random changes of one sample in numbers, which the processor and the GPU apply alike.

All geometry is one map from the pixels of the output back to those of the input, so an image is resampled only once,
however many transforms there are:

    input index = linear · (x + u(x)) + offset + centre,    x = output index - centre

`u` is the elastic deformation, a sum of Gaussian bumps at nodes one standard deviation apart. It is white noise
smoothed by a Gaussian (Simard et al., ICDAR 2003, doi:10.1109/ICDAR.2003.1227801), but needs only a few hundred random
numbers instead of two for each pixel, and no wide filter.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]
REACH = 4
"""A bump ends after this many standard deviations, where it is e^-8."""


@dataclass(frozen=True)
class Colour:
    """A linear change of the channels v, whose range is 0..1: `mix v + about mean(v) + shift`.

    `mean(v)` is the mean of each channel over the whole image.

    Attributes:
        mix, about: `(channels, channels)`.
        shift: `(channels,)`.
    """

    mix: Matrix
    about: Matrix
    shift: Matrix

    @staticmethod
    def same(channels: int) -> Colour:
        """Returns the change that leaves everything as it is."""
        return Colour(np.eye(channels), np.zeros((channels, channels)), np.zeros(channels))

    def then(self, mix: Matrix, about: Matrix | None = None, shift: Matrix | None = None) -> Colour:
        """Returns this change and another one after it, as one; `about` refers to the mean after this change."""
        result = Colour(mix @ self.mix, mix @ self.about, mix @ self.shift)
        if about is not None:
            result = Colour(
                result.mix,
                result.about + about @ (self.mix + self.about),
                result.shift + about @ self.shift,
            )
        return result if shift is None else replace(result, shift=result.shift + shift)

    def affine(self, low: Matrix, high: Matrix, mean: Matrix) -> tuple[Matrix, Matrix]:
        """Returns the matrix and the offset of this change for an image whose channels run from `low` to `high`.

        `mean` is that of the image. A channel with an empty range stays as it is.
        """
        span = high - low
        unit = np.where(span > 0, span, 1.0)
        matrix = span[:, None] * self.mix / unit
        offset = low - matrix @ low + span * (self.about @ ((mean - low) / unit) + self.shift)
        return matrix, offset


@dataclass(frozen=True, eq=False)
class Draw:
    """All changes of one sample.

    Attributes:
        shape: shape of the label, `(height, width)` or `(depth, height, width)`.
        channels: number of channels of the image.
        linear, offset: the affine part of the map above, in pixels; axes in the order of `shape`.
        nodes: the elastic part, `(axes, *nodes)` displacements in pixels along each axis, or None.
        sigma: width of the bumps, as a share of each side.
        reverse: whether the order of the channels is reversed.
        colour: the change of the channels, or None.
        blur: taps of the Gaussian filter; 0 for none.
        noise: standard deviation as a share of the range; 0 for none.
        seed: seed of the noise.
    """

    shape: tuple[int, ...]
    channels: int
    linear: Matrix = field(default_factory=lambda: np.empty(0))
    offset: Matrix = field(default_factory=lambda: np.empty(0))
    nodes: NDArray[np.float32] | None = None
    sigma: float = 0.0
    reverse: bool = False
    colour: Colour | None = None
    blur: int = 0
    noise: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        if not self.linear.size:
            object.__setattr__(self, "linear", np.eye(len(self.shape)))
            object.__setattr__(self, "offset", np.zeros(len(self.shape)))

    def moved(self, linear: Matrix, offset: Matrix | None = None) -> Draw:
        """Returns this draw with another affine map after its own (from output to input, about the centre)."""
        moved = self.offset if offset is None else self.offset + self.linear @ offset
        return replace(self, linear=self.linear @ linear, offset=moved)

    @property
    def stays(self) -> bool:
        """Whether every pixel stays where it is."""
        return (
            self.nodes is None
            and not self.offset.any()
            and bool((self.linear == np.eye(len(self.shape))).all())
        )

    def coefficients(self) -> NDArray[np.float32]:
        """Returns the map in terms of `basis` for each axis of the input, `(axes, *(nodes + 2))`."""
        axes = len(self.shape)
        inner = (0,) * axes if self.nodes is None else self.nodes.shape[1:]
        result: NDArray[np.float32] = np.zeros((axes, *(n + 2 for n in inner)), np.float32)
        if self.nodes is not None:
            result[:, *(slice(n) for n in inner)] = np.tensordot(self.linear, self.nodes, 1)
        result[:, *inner] = self.offset + (np.array(self.shape) - 1) / 2
        for axis in range(axes):
            place = list(inner)
            place[axis] += 1
            result[:, *place] = self.linear[:, axis]
        return result


def node_count(sigma: float) -> int:
    """Returns the number of nodes along a side for bumps of width `sigma`, a share of the side."""
    return math.ceil(1 / sigma) + 2 * REACH + 1


@lru_cache(maxsize=64)
def basis(size: int, sigma: float) -> NDArray[np.float32]:
    """Returns the bumps at each pixel of a side, then 1, then its distance from the centre: `(size, nodes + 2)`.

    The squares of the bumps at a pixel sum to 1, so random nodes of variance 1 give a field of variance 1 everywhere,
    and the correlation of two pixels at a distance d is exp(-d² / 4σ²).
    """
    pixels = np.arange(size) - (size - 1) / 2
    ones_and_pixels = np.stack([np.ones(size), pixels], 1)
    if not sigma:
        return ones_and_pixels.astype(np.float32)
    width = sigma * size
    count = node_count(sigma)
    nodes = (np.arange(count) - (count - 1) / 2) * width
    bumps = np.exp(-((pixels[:, None] - nodes) ** 2) / (2 * width**2))
    bumps[bumps < 1e-7] = 0  # numbers below the smallest normal one would slow the products down
    bumps /= np.linalg.norm(bumps, axis=1, keepdims=True)
    result: NDArray[np.float32] = np.concatenate([bumps, ones_and_pixels], 1).astype(np.float32)
    result.flags.writeable = False
    return result


def levels(image: NDArray[Any]) -> tuple[Matrix, Matrix]:
    """Returns the range of each channel: 0..255 for uint8, else its smallest and its largest value.

    >>> levels(np.array([[[2.0, 6.0]]]))
    (array([2.]), array([6.]))
    """
    channels = image.shape[0]
    if image.dtype == np.uint8:
        return np.zeros(channels), np.full(channels, 255.0)
    flat = image.reshape(channels, -1)
    return flat.min(axis=1).astype(np.float64), flat.max(axis=1).astype(np.float64)
