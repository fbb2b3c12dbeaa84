"""What was drawn for one sample: numbers alone, which the processor and the accelerator then apply alike.

All geometry is one map from the output's pixels back to the input's, so an image is resampled once however
many transforms there are:

    input index = linear · (x + u(x)) + offset + centre,    x = output index - centre

`u` is the elastic deformation, a sum of Gaussian bumps at nodes one standard deviation apart. That is white
noise smoothed by a Gaussian (Simard et al., ICDAR 2003, doi:10.1109/ICDAR.2003.1227801), drawn where it is
smooth enough to be drawn: a few hundred numbers instead of two for each pixel, and no wide filter.
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
"""A bump ends after this many standard deviations (there it is e^-8)."""


@dataclass(frozen=True)
class Colour:
    """A linear change of the channels v, whose range is 0..1: `mix v + about mean(v) + shift`.

    `mix` and `about` are (channels, channels), `shift` is (channels,); mean(v) is that of the whole image,
    one number for each channel.
    """

    mix: Matrix
    about: Matrix
    shift: Matrix

    @staticmethod
    def same(channels: int) -> Colour:
        """No change."""
        return Colour(np.eye(channels), np.zeros((channels, channels)), np.zeros(channels))

    def then(self, mix: Matrix, about: Matrix | None = None, shift: Matrix | None = None) -> Colour:
        """This change and another after it, as one; `about` meets the mean of what this one gives."""
        result = Colour(mix @ self.mix, mix @ self.about, mix @ self.shift)
        if about is not None:
            result = Colour(
                result.mix,
                result.about + about @ (self.mix + self.about),
                result.shift + about @ self.shift,
            )
        return result if shift is None else replace(result, shift=result.shift + shift)

    def affine(self, low: Matrix, high: Matrix, mean: Matrix) -> tuple[Matrix, Matrix]:
        """Matrix and offset of the same change to an image whose channels run from `low` to `high`.

        `mean` is the image's own. A channel without any range stays as it is.
        """
        span = high - low
        unit = np.where(span > 0, span, 1.0)
        matrix = span[:, None] * self.mix / unit
        offset = low - matrix @ low + span * (self.about @ ((mean - low) / unit) + self.shift)
        return matrix, offset


@dataclass(frozen=True, eq=False)
class Draw:
    """Everything that changes one sample.

    Attributes:
        shape: of the label, `(height, width)` or `(depth, height, width)`.
        channels: of the image.
        linear, offset: the affine part of the map above, in pixels; rows and columns in the order of `shape`.
        nodes: the elastic part, `(axes, *nodes)` displacements in pixels along each axis; None: none.
        sigma: width of the bumps, as a share of each side.
        reverse: whether the channels come in reverse order.
        colour: None: no change.
        blur: taps of the Gaussian filter; 0: none.
        noise: standard deviation as a share of the range; 0: none.
        seed: of the noise.
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
        """With another affine map after those drawn so far (it takes output to input, about the centre)."""
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
        """`(axes, *(nodes + 2))`: the map in terms of `basis`, for each axis of the input."""
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
    """Nodes along one side for bumps of width `sigma` (a share of the side): as many whatever its length."""
    return math.ceil(1 / sigma) + 2 * REACH + 1


@lru_cache(maxsize=64)
def basis(size: int, sigma: float) -> NDArray[np.float32]:
    """`(size, nodes + 2)`: bumps at each pixel of a side, then 1, then the pixel's distance from the centre.

    The bumps of a pixel have squares that sum to 1, so nodes drawn with variance 1 give a field of variance 1
    everywhere, and the correlation of two pixels d apart is exp(-d² / 4σ²).
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
    """The range of each channel: 0..255 for uint8, else its own smallest and largest value.

    >>> levels(np.array([[[2.0, 6.0]]]))
    (array([2.]), array([6.]))
    """
    channels = image.shape[0]
    if image.dtype == np.uint8:
        return np.zeros(channels), np.full(channels, 255.0)
    flat = image.reshape(channels, -1)
    return flat.min(axis=1).astype(np.float64), flat.max(axis=1).astype(np.float64)
