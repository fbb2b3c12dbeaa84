"""The transforms. Each adds to what was drawn so far; none touches a pixel.

`p` is the probability with which a sample gets it. Shares of the range are of 0..255 for uint8 and of the
channel's own range otherwise, so a transform means the same before and after normalisation.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from isthmus.data.augment.draw import Colour, Draw, Matrix, node_count

LUMA = np.array([0.299, 0.587, 0.114])
"""Grey of red, green and blue (ITU-R BT.601)."""


class Transform(Protocol):
    """What a pipeline is made of."""

    @property
    def p(self) -> float:
        """Probability."""

    def __call__(self, draw: Draw, rng: np.random.Generator) -> Draw:
        """`draw` and this transform after it."""


# Geometry ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Flip:
    """Mirror along one axis, counted from the last: -1 left and right, -2 up and down, -3 the slices of a
    volume.

    An image that lacks the axis stays as it is.
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
    """A random order of those axes that are as long as the last one (all of a cube's, two of most slices)."""

    p: float = 1.0

    def __call__(self, draw: Draw, rng: np.random.Generator) -> Draw:
        alike = [axis for axis, n in enumerate(draw.shape) if n == draw.shape[-1]]
        order = list(range(len(draw.shape)))
        for axis, other in zip(alike, rng.permutation(alike), strict=True):
            order[axis] = int(other)
        return draw.moved(np.eye(len(draw.shape))[order])


@dataclass(frozen=True)
class Turn:
    """A turn by one of some angles in degrees, counter-clockwise, in the plane of the last two axes.

    Multiples of 90 degrees are exact on squares.
    """

    angles: tuple[float, ...] = (0, 60, 120, 180, 270)
    p: float = 1.0

    def __call__(self, draw: Draw, rng: np.random.Generator) -> Draw:
        return _turned(draw, self.angles[int(rng.integers(len(self.angles)))], (-2, -1))


@dataclass(frozen=True)
class Rotate:
    """A turn by any angle up to `limit` degrees, in the plane of the last two axes or, with `any_plane`, of
    any two axes of a volume (for voxels that are as deep as wide)."""

    limit: float = 180.0
    any_plane: bool = False
    p: float = 0.5

    def __call__(self, draw: Draw, rng: np.random.Generator) -> Draw:
        return _turned(draw, float(rng.uniform(-self.limit, self.limit)), _plane(draw, rng, self.any_plane))


@dataclass(frozen=True)
class Zoom:
    """Larger (above 1) or smaller about the centre; the size of the image stays."""

    low: float = 0.9
    high: float = 1.1
    p: float = 0.5

    def __call__(self, draw: Draw, rng: np.random.Generator) -> Draw:
        return draw.moved(np.eye(len(draw.shape)) / rng.uniform(self.low, self.high))


@dataclass(frozen=True)
class Crop:
    """A random window, its sides this share of the image's, enlarged to the image's size."""

    low: float = 0.7
    high: float = 1.0
    p: float = 0.5

    def __call__(self, draw: Draw, rng: np.random.Generator) -> Draw:
        share = rng.uniform(self.low, self.high)
        room = (1 - share) * (np.array(draw.shape) - 1) / 2
        return draw.moved(np.eye(len(draw.shape)) * share, rng.uniform(-room, room))


@dataclass(frozen=True)
class Shear:
    """Rows pushed along columns or columns along rows, up to `limit` degrees: one of the two, for both at
    once by 45 degrees would leave a line."""

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
    """A smooth random deformation: Gaussian displacements along each axis, of standard deviation `sd`,
    correlated over `sigma`; both are shares of the side.

    It acts after all other geometry, wherever it stands in a pipeline. In the terms of Simard et al., who
    smooth noise of variance 1 by a Gaussian of σ pixels and multiply by α, the displacement is α / (2 √π σ)
    pixels: the defaults are α = 300, σ = 20 at 256 x 256 pixels, 4.2 pixels.
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
    """Brightness, contrast, saturation and hue, each by a random amount up to its limit.

    Brightness multiplies by 1 ± limit, contrast stretches about the image's mean by 1 ± limit, saturation
    away from grey by 1 ± limit, and hue turns colours about the grey axis by ± limit of the circle, keeping
    their brightness. All four are linear and become one matrix; hue is therefore a turn of the plane of I and
    Q in YIQ and not a shift in HSV. Saturation and hue leave images that have not three channels as they are;
    there every channel has a contrast about its own mean.
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
    """Every channel up or down on its own, by up to `limit` of its range."""

    limit: float = 0.1
    p: float = 0.5

    def __call__(self, draw: Draw, rng: np.random.Generator) -> Draw:
        shift = rng.uniform(-self.limit, self.limit, draw.channels)
        return replace(draw, colour=_colour(draw).then(np.eye(draw.channels), shift=shift))


@dataclass(frozen=True)
class SliceFlip:
    """Neighbouring slices that stand as channels, in reverse order; the slice in the middle stays."""

    p: float = 0.5

    def __call__(self, draw: Draw, rng: np.random.Generator) -> Draw:  # noqa: ARG002
        return replace(draw, reverse=not draw.reverse)


@dataclass(frozen=True)
class Blur:
    """A Gaussian filter of 3, 5 or 7 taps along each axis, with the taps that OpenCV gives for sigma 0."""

    taps: tuple[int, ...] = (3, 5, 7)
    p: float = 0.5

    def __call__(self, draw: Draw, rng: np.random.Generator) -> Draw:
        return replace(draw, blur=self.taps[int(rng.integers(len(self.taps)))])


@dataclass(frozen=True)
class Noise:
    """Gaussian noise in every pixel and channel; its variance is given on the scale 0..255."""

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
    """A rotation of the two colour axes of YIQ, which leaves greys and luma as they are."""
    to_yiq = np.array([LUMA, [0.595716, -0.274453, -0.321263], [0.211456, -0.522591, 0.311135]])
    cos, sin = math.cos(2 * math.pi * turn), math.sin(2 * math.pi * turn)
    turned: Matrix = np.linalg.solve(to_yiq, np.array([[1, 0, 0], [0, cos, -sin], [0, sin, cos]]) @ to_yiq)
    return turned
