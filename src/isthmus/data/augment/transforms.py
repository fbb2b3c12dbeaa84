"""The transforms. Each adds to what has been drawn so far; none changes a pixel.

`p` is the probability that a sample is transformed. Shares of the range refer to 0..255 in uint8 and to the channel's
own range otherwise, so a transform does the same before and after normalisation.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from isthmus.data.augment.draw import Colour, Draw, Matrix, node_count

LUMA = np.array([0.299, 0.587, 0.114])
"""Weights of red, green and blue in grey (ITU-R BT.601)."""


class Transform(Protocol):
    """A random change; pipelines are made of these."""

    @property
    def p(self) -> float:
        """Probability."""

    def __call__(self, draw: Draw, rng: np.random.Generator) -> Draw:
        """Returns the draw with this transform after it."""


# Geometry ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Flip:
    """Mirrors along one axis, counted from the last: -1 left to right, -2 top to bottom, -3 the slices of a volume.

    An image without the axis stays as it is.
    """

    axis: int = -1
    p: float = 0.5

    def __call__(self, draw: Draw, rng: np.random.Generator) -> Draw:  # noqa: ARG002
        if len(draw.shape) < -self.axis:
            return draw
        signs = np.ones(len(draw.shape))
        signs[self.axis] = -1
        return draw.moved(np.diag(signs))


@dataclass(frozen=True)
class Permute:
    """Puts the axes that are as long as the last one into random order: all axes of a cube, two of most volumes."""

    p: float = 1.0

    def __call__(self, draw: Draw, rng: np.random.Generator) -> Draw:
        alike = [axis for axis, n in enumerate(draw.shape) if n == draw.shape[-1]]
        order = list(range(len(draw.shape)))
        for axis, other in zip(alike, rng.permutation(alike), strict=True):
            order[axis] = int(other)
        return draw.moved(np.eye(len(draw.shape))[order])


@dataclass(frozen=True)
class Turn:
    """Turns by one of several angles in degrees, counter-clockwise, in the plane of the last two axes.

    Multiples of 90 degrees are exact on squares.
    """

    angles: tuple[float, ...] = (0, 60, 120, 180, 270)
    p: float = 1.0

    def __call__(self, draw: Draw, rng: np.random.Generator) -> Draw:
        return _turned(draw, self.angles[int(rng.integers(len(self.angles)))], (-2, -1))


@dataclass(frozen=True)
class Rotate:
    """Turns by any angle up to `limit` degrees, in the plane of the last two axes or, with `any_plane`, of any two axes
    of a volume (for cubic voxels)."""

    limit: float = 180.0
    any_plane: bool = False
    p: float = 0.5

    def __call__(self, draw: Draw, rng: np.random.Generator) -> Draw:
        return _turned(draw, float(rng.uniform(-self.limit, self.limit)), _plane(draw, rng, self.any_plane))


@dataclass(frozen=True)
class Zoom:
    """Enlarges (above 1) or reduces about the centre; the size of the image stays the same."""

    low: float = 0.9
    high: float = 1.1
    p: float = 0.5

    def __call__(self, draw: Draw, rng: np.random.Generator) -> Draw:
        return draw.moved(np.eye(len(draw.shape)) / rng.uniform(self.low, self.high))


@dataclass(frozen=True)
class Crop:
    """Enlarges a random window to the size of the image; its sides are a random share of the image's."""

    low: float = 0.7
    high: float = 1.0
    p: float = 0.5

    def __call__(self, draw: Draw, rng: np.random.Generator) -> Draw:
        share = rng.uniform(self.low, self.high)
        room = (1 - share) * (np.array(draw.shape) - 1) / 2
        return draw.moved(np.eye(len(draw.shape)) * share, rng.uniform(-room, room))


@dataclass(frozen=True)
class Shear:
    """Shears rows along columns or columns along rows, by up to `limit` degrees; never both, as both by 45 degrees
    would leave a line."""

    limit: float = 45.0
    any_plane: bool = False
    p: float = 0.5

    def __call__(self, draw: Draw, rng: np.random.Generator) -> Draw:
        pair = _plane(draw, rng, self.any_plane)
        along, across = pair if rng.random() < 0.5 else pair[::-1]
        linear = np.eye(len(draw.shape))
        linear[along, across] = math.tan(math.radians(rng.uniform(-self.limit, self.limit)))
        return draw.moved(linear)


@dataclass(frozen=True)
class Elastic:
    """Deforms smoothly: Gaussian displacements along each axis, of standard deviation `sd`, correlated over `sigma`;
    both are shares of the side.

    It acts after all other geometry, wherever it is in a pipeline. In the terms of Simard et al., who smooth noise of
    variance 1 with a Gaussian of σ pixels and multiply it by α, the displacement is α / (2 √π σ) pixels: the defaults
    are α = 300 and σ = 20 at 256 x 256 pixels, which is 4.2 pixels.
    """

    sd: float = 0.0165
    sigma: float = 0.078
    p: float = 0.5

    def __call__(self, draw: Draw, rng: np.random.Generator) -> Draw:
        axes = len(draw.shape)
        nodes = rng.standard_normal((axes, *(node_count(self.sigma),) * axes), np.float32)
        nodes *= (self.sd * np.array(draw.shape, np.float32)).reshape(-1, *(1,) * axes)
        return replace(draw, nodes=nodes, sigma=self.sigma)


# Intensity --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ColourJitter:
    """Changes brightness, contrast, saturation and hue, each by a random amount up to its limit.

    Brightness multiplies by 1 ± limit, contrast stretches about the image's mean by 1 ± limit, saturation stretches
    away from grey by 1 ± limit, and hue turns colours about the grey axis by ± limit of the circle, at the same
    brightness. All four are linear and become one matrix; therefore hue turns the plane of I and Q in YIQ instead of
    shifting it in HSV. Saturation and hue only change images with three channels; in others, contrast stretches each
    channel about its own mean.
    """

    brightness: float = 0.2
    contrast: float = 0.2
    saturation: float = 0.2
    hue: float = 0.2
    p: float = 0.5

    def __call__(self, draw: Draw, rng: np.random.Generator) -> Draw:
        brightness, contrast, saturation, hue = rng.uniform(-1, 1, 4)
        same = np.eye(draw.channels)
        grey = np.tile(LUMA, (3, 1)) if draw.channels == 3 else same
        colour = _colour(draw).then((1 + self.brightness * brightness) * same)
        stretch = 1 + self.contrast * contrast
        colour = colour.then(stretch * same, about=(1 - stretch) * grey)
        if draw.channels == 3:
            colour = colour.then(_hue(hue * self.hue) @ _saturation(1 + self.saturation * saturation))
        return replace(draw, colour=colour)


@dataclass(frozen=True)
class ChannelShift:
    """Shifts every channel up or down independently, by up to `limit` of its range."""

    limit: float = 0.1
    p: float = 0.5

    def __call__(self, draw: Draw, rng: np.random.Generator) -> Draw:
        shift = rng.uniform(-self.limit, self.limit, draw.channels)
        return replace(draw, colour=_colour(draw).then(np.eye(draw.channels), shift=shift))


@dataclass(frozen=True)
class SliceFlip:
    """Reverses the order of neighbouring slices that are stacked as channels; the middle slice stays in the middle."""

    p: float = 0.5

    def __call__(self, draw: Draw, rng: np.random.Generator) -> Draw:  # noqa: ARG002
        return replace(draw, reverse=not draw.reverse)


@dataclass(frozen=True)
class Blur:
    """Blurs with a Gaussian filter of 3, 5 or 7 taps along each axis, with OpenCV's taps for sigma 0."""

    taps: tuple[int, ...] = (3, 5, 7)
    p: float = 0.5

    def __call__(self, draw: Draw, rng: np.random.Generator) -> Draw:
        return replace(draw, blur=self.taps[int(rng.integers(len(self.taps)))])


@dataclass(frozen=True)
class Noise:
    """Adds Gaussian noise to every pixel and channel; its variance is given on the scale 0..255."""

    low: float = 10.0
    high: float = 50.0
    p: float = 0.5

    def __call__(self, draw: Draw, rng: np.random.Generator) -> Draw:
        sd = math.sqrt(rng.uniform(self.low, self.high)) / 255
        return replace(draw, noise=sd, seed=int(rng.integers(2**63)))


def _turned(draw: Draw, degrees: float, plane: Sequence[int]) -> Draw:
    if degrees % 90 == 0:
        cos, sin = ((1.0, 0.0), (0.0, 1.0), (-1.0, 0.0), (0.0, -1.0))[int(degrees // 90) % 4]
    else:
        cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    linear = np.eye(len(draw.shape))
    linear[np.ix_(plane, plane)] = [[cos, sin], [-sin, cos]]
    return draw.moved(linear)


def _plane(draw: Draw, rng: np.random.Generator, any_plane: bool) -> tuple[int, int]:
    axes = len(draw.shape)
    if not any_plane or axes == 2:
        return axes - 2, axes - 1
    left_out = int(rng.integers(axes))
    first, second = (axis for axis in range(axes) if axis != left_out)
    return first, second


def _colour(draw: Draw) -> Colour:
    return draw.colour or Colour.same(draw.channels)


def _saturation(factor: float) -> Matrix:
    return factor * np.eye(3) + (1 - factor) * np.tile(LUMA, (3, 1))


def _hue(turn: float) -> Matrix:
    """Returns a rotation of the two colour axes of YIQ, which changes neither greys nor luma."""
    to_yiq = np.array([LUMA, [0.595716, -0.274453, -0.321263], [0.211456, -0.522591, 0.311135]])
    cos, sin = math.cos(2 * math.pi * turn), math.sin(2 * math.pi * turn)
    turned: Matrix = np.linalg.solve(to_yiq, np.array([[1, 0, 0], [0, cos, -sin], [0, sin, cos]]) @ to_yiq)
    return turned
