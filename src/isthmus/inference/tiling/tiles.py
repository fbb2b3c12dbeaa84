"""Places tiles in an image larger than a network takes at once, and says what each contributes.

There are two ways, the same for every axis of an image:

- `blended`: tiles overlap, by half by default, and their logits are averaged with Gaussian weights, because
  the border of a tile sees less of the image. This is for networks that look at the whole tile (instance
  normalisation), whose tiles never quite agree.
- `cropped`: each tile contributes only what lies a margin away from its cut sides, where the network cannot tell the
  tile from the image. Tiles begin at multiples of the network's divisor, so the result is that of the whole image.
  At the border of the image both see the same: the image is padded by reflection to a multiple of the divisor, evenly
  on both sides, and tiles at the border begin and end where the padded image does.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise, product
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isthmus.data.sampling.interpolation import Image

Floats = NDArray[np.float32]
Place = tuple[slice, ...]


@dataclass(frozen=True)
class Axis:
    """One axis of an image, padded and cut into tiles.

    Attributes:
        size: pixels of the image.
        before: pixels of padding in front of it.
        side: side of a tile.
        starts: first pixels of the tiles in the padded image, in order.
        bounds: tile ``i`` is the last that contributes to ``bounds[i]`` up to ``bounds[i + 1]``.
        weights: weights of the pixels of each tile, which sum to 1 over the tiles; None: each pixel comes from the last
            tile that covers it.
    """

    size: int
    before: int
    side: int
    starts: tuple[int, ...]
    bounds: tuple[int, ...]
    weights: tuple[Floats, ...] | None = None

    @property
    def padded(self) -> int:
        """Pixels of the image and its padding."""
        return self.bounds[-1]

    def source(self, tile: int) -> NDArray[np.intp]:
        """Returns the pixel of the image that each pixel of a tile shows; in the padding, a reflected one."""
        start = self.starts[tile]
        if self.before <= start and start + self.side <= self.before + self.size:
            return np.arange(start - self.before, start - self.before + self.side)
        after = self.padded - self.size - self.before
        reflected = np.pad(np.arange(self.size), (self.before, after), mode="reflect")
        return reflected[start : start + self.side]

    def done(self, tile: int) -> slice:
        """Returns what is finished once a tile is added, in coordinates of the padded image, without the padding."""
        low, high = self.bounds[tile : tile + 2]
        return slice(max(low, self.before), min(high, self.before + self.size))


@dataclass(frozen=True)
class Tiling:
    """The tiles of an image: all combinations of those along its axes; the last axis varies fastest."""

    axes: tuple[Axis, ...]

    @property
    def shape(self) -> tuple[int, ...]:
        """Sides of a tile."""
        return tuple(axis.side for axis in self.axes)

    @property
    def corners(self) -> Iterator[tuple[int, ...]]:
        """The tiles, each by its index along every axis."""
        return product(*(range(len(axis.starts)) for axis in self.axes))

    @property
    def overlaps(self) -> bool:
        """Whether a pixel may be a sum over several tiles."""
        return any(axis.weights is not None and len(axis.starts) > 1 for axis in self.axes)

    def cut(self, image: Image, corner: Sequence[int]) -> NDArray[Any]:
        """Returns a tile ``(channels, *shape)`` of ``(channels, *spatial)``: a view, except for tiles with padding."""
        sources = [axis.source(tile) for axis, tile in zip(self.axes, corner, strict=True)]
        spans = [slice(int(source.min()), int(source.max()) + 1) for source in sources]
        tile: NDArray[Any] = image[(slice(None), *spans)]
        for number, (source, span) in enumerate(zip(sources, spans, strict=True), start=1):
            low, high = span.start, span.stop
            if high - low != len(source) or source[0] != low or source[-1] != high - 1:
                tile = tile.take(source - low, axis=number)
        return tile

    def done(self, corner: Sequence[int]) -> Place:
        """Returns what is finished once a tile is added, in the padded image."""
        return tuple(axis.done(tile) for axis, tile in zip(self.axes, corner, strict=True))

    def place(self, corner: Sequence[int]) -> Place:
        """Returns what is finished once a tile is added, in the image."""
        return tuple(
            slice(part.start - axis.before, part.stop - axis.before)
            for axis, part in zip(self.axes, self.done(corner), strict=True)
        )


def starts(size: int, tile: int, overlap: float) -> list[int]:
    """Returns where tiles begin along one axis: evenly spaced, covering all of it, overlapping by at least a share.

    >>> starts(10, 4, 0.5)
    [0, 2, 4, 6]
    """
    if size <= tile:
        return [0]
    count = int(np.ceil((size - tile) / max(1, tile * (1 - overlap)))) + 1
    return [round(i * (size - tile) / (count - 1)) for i in range(count)]


def window(side: int) -> NDArray[np.float64]:
    """Returns the weights ``(side,)`` along one axis of a tile, a Gaussian with a standard deviation of a quarter of
    the side; the weight of a pixel is their product over the axes."""
    weight: NDArray[np.float64] = np.exp(-0.5 * ((np.arange(side) - (side - 1) / 2) / (side / 4)) ** 2)
    return weight


def on_grid(side: int, divisor: int) -> int:
    """Returns the next multiple of ``divisor``.

    >>> on_grid(17, 16)
    32
    """
    return -(-side // divisor) * divisor


def blended(
    size: Sequence[int],
    tile: Sequence[int],
    divisor: int,
    least: Sequence[int] | None = None,
    overlap: float = 0.5,
) -> Tiling:
    """Returns overlapping tiles, to be averaged; an image no larger than a tile is a single one.

    Args:
        size: size of the image.
        tile: sides of a tile, multiples of ``divisor``.
        divisor: every side of a batch is a multiple of it.
        least: smaller images are padded to these sides (the patch that the network was trained on).
        overlap: the least share of a tile that it has in common with the next one.
    """
    axes = []
    for of_image, of_tile, low in zip(size, tile, least or [1] * len(size), strict=True):
        side = min(of_tile, on_grid(max(of_image, low), divisor))
        padded = max(side, of_image)
        places = starts(padded, side, overlap)
        total = np.zeros(padded)
        for start in places:
            total[start : start + side] += window(side)
        weights = tuple((window(side) / total[start : start + side]).astype(np.float32) for start in places)
        before = (padded - of_image) // 2
        axes.append(Axis(of_image, before, side, tuple(places), (*places, padded), weights))
    return Tiling(tuple(axes))


def cropped(
    size: Sequence[int],
    tile: Sequence[int],
    divisor: int,
    margin: int,
    least: Sequence[int] | None = None,
) -> Tiling:
    """Returns tiles that each contribute what lies a margin away from their cut sides, as small as their number allows.

    Args:
        size, divisor, least: as for `blended`.
        tile: the largest sides of a tile.
        margin: how far from a cut side the network notices it (`isthmus.inference.tiling.margin`).

    >>> axis = cropped([100], [48], 8, margin=7).axes[0]
    >>> axis.side, axis.starts, axis.bounds
    (48, (0, 24, 56), (0, 36, 64, 104))
    """
    axes = []
    both = on_grid(2 * margin, divisor)
    for of_image, of_tile, low in zip(size, tile, least or [1] * len(size), strict=True):
        padded = on_grid(max(of_image, low), divisor)
        side, places = padded, [0]
        if padded > of_tile:
            if of_tile <= both:
                raise ValueError(f"a tile of {of_tile} has nothing between margins of {margin}")
            count = -(-(padded - both) // (of_tile - both))
            side = on_grid(-(-(padded - both) // count) + both, divisor)
            steps = (padded - side) // divisor
            places = [divisor * (i * steps // (count - 1)) for i in range(count)]
        middles = [(start + side + following) // 2 for start, following in pairwise(places)]
        before = (padded - of_image) // 2
        axes.append(Axis(of_image, before, side, tuple(places), (0, *middles, padded)))
    return Tiling(tuple(axes))


def room_for(size: Sequence[int], divisor: int, margin: int, usual: int, most: int) -> list[int] | None:
    """Returns the sides of tiles of which at least half is left between the margins, so that they cost no more than
    tiles that overlap by half; None if these would hold more than ``most`` pixels.

    Args:
        size: size of the image.
        divisor: every side is a multiple of it.
        margin: how far from a cut side the network notices it.
        usual: side of a tile, unless the margin needs a larger one.
        most: pixels of a tile.

    >>> room_for((5000, 5000), 16, 107, 1024, 2**22), room_for((5000, 5000), 16, 600, 1024, 2**22)
    ([1024, 1024], None)
    """
    side = max(on_grid(usual, divisor), 2 * on_grid(2 * margin, divisor))
    sides = [side] * len(size)
    return sides if prod(min(side, on_grid(n, divisor)) for n in size) <= most else None
