"""Networks that see images at a spacing of their own: images are resampled tile by tile, and logits return to the grid
of the image slab by slab.

Beside the image, memory holds the tiles that go through a network at once and slabs across the first axis, however long
that axis is.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import ExitStack, closing
from itertools import groupby
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from isthmus.data.sampling.grid import Grid
from isthmus.data.sampling.interpolation import Resampled, Taps, resampled
from isthmus.inference.tiled_network import Heads, TiledNetwork
from isthmus.inference.tiling.stream import in_blocks
from isthmus.inference.tiling.tiles import Floats, Place

BLOCK = 2**20
"""The pixels of a slab that is yielded, unless one row has more."""


class Scale(NamedTuple):
    """Networks that see images on one grid, which has a spacing."""

    grid: Grid
    network: TiledNetwork


def restored_pieces(
    scales: Sequence[Scale],
    image: NDArray[Any],
    normalise: Callable[[NDArray[Any]], Floats],
    spacing: Sequence[float] | None,
) -> Generator[tuple[Place, Heads]]:
    """Yields slabs of an image and the maps of each head there, on the grid of the image, as `TiledNetwork.pieces`.

    Args:
        scales: networks whose maps are averaged, each network counting once.
        image: ``(channels, *spatial)`` of any number type.
        normalise: turns a piece of it into what the networks see.
        spacing: size of its pixels in mm.

    Raises:
        IsthmusError: the spacing is unknown.
    """
    size = image.shape[1:]
    shares = [len(each.network.networks) for each in scales]
    with ExitStack() as stack:
        parts = [
            stack.enter_context(
                closing(each.network.pieces(Resampled(image, each.grid.axes(size, spacing), normalise)))
            )
            for each in scales
        ]
        restored = [
            _restored(_slabs(pieces, each.grid.size(size, spacing)), each.grid.axes_back(size, spacing), size)
            for pieces, each in zip(parts, scales, strict=True)
        ]
        for rows, *slabs in zip(in_blocks(size, BLOCK), *restored, strict=True):
            yield (rows, *(slice(0, side) for side in size[1:])), _mean(slabs, shares)


def _slabs(pieces: Iterable[tuple[Place, Heads]], size: Sequence[int]) -> Iterator[Heads]:
    """Joins pieces that lie beside each other into slabs ``(maps, rows, *others)`` across the first axis, in order."""
    for (start, stop), group in groupby(pieces, lambda piece: (piece[0][0].start, piece[0][0].stop)):
        slab: Heads = {}
        for place, heads in group:
            for name, values in heads.items():
                if name not in slab:
                    slab[name] = np.empty((len(values), stop - start, *size[1:]), np.float32)
                slab[name][(slice(None), slice(None), *place[1:])] = values
        yield slab


def _restored(slabs: Iterator[Heads], axes: Sequence[Taps], size: Sequence[int]) -> Iterator[Heads]:
    """Resamples slabs to blocks of an image of a size; holds no more rows than a block needs."""
    held: Heads = {}
    first = until = 0
    for rows in in_blocks(size, BLOCK):
        span, taps = axes[0].at(rows)
        while until < span.stop:
            slab = next(slabs)
            held = {
                name: np.concatenate([held[name], more], 1) if held else more for name, more in slab.items()
            }
            until = first + held["logits"].shape[1]
        held = {name: values[:, span.start - first :] for name, values in held.items()}
        first = span.start
        yield {
            name: resampled(values[:, : span.stop - first], [taps, *axes[1:]])
            for name, values in held.items()
        }


def _mean(slabs: Sequence[Heads], shares: Sequence[int]) -> Heads:
    """Returns the weighted mean of maps."""
    if len(slabs) == 1:
        return slabs[0]
    return {
        name: np.average([slab[name] for slab in slabs], axis=0, weights=shares).astype(np.float32)
        for name in slabs[0]
    }
