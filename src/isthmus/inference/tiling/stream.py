"""Runs a network over an image of any size and yields each part of the result as soon as no later tile changes it.

Beside the image, memory holds what goes through the network at once and, where tiles overlap, the sums of one row of
tiles (of one slab in a volume). A caller that keeps class indices alone never holds the logits of the whole image.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isthmus.data.cases import to_channels
from isthmus.data.masks.values import ValueMap
from isthmus.data.sampling.interpolation import Image
from isthmus.inference.tiling.blending import WeightedSums
from isthmus.inference.tiling.tiles import Floats, Place, Tiling

Predict = Callable[[Floats], Floats]


def as_floats(image: NDArray[Any]) -> Floats:
    """Returns the numbers as they are, in float32."""
    return image.astype(np.float32, copy=False)


def pieces(
    predict: Predict,
    images: Sequence[Image],
    tiling: Tiling,
    *,
    batch: int = 4,
    normalise: Callable[[NDArray[Any]], Floats] = as_floats,
) -> Iterator[tuple[int, Place, Floats]]:
    """Yields logits piece by piece; the pieces of an image cover every pixel of it once.

    Args:
        predict: a batch ``(N, channels, *tile)`` to logits ``(N, classes, *tile)``.
        images: ``(channels, *spatial)`` of any number type, all of the size that the tiling is made for.
        tiling: the tiles of an image.
        batch: tiles that go through together.
        normalise: turns the numbers of a tile into what the network sees.

    Yields:
        The index of an image, a place in it, and the logits ``(classes, *place)`` there, float32.
    """
    waiting = ((number, corner) for number in range(len(images)) for corner in tiling.corners)
    sums = WeightedSums(tiling) if tiling.overlaps else None
    while together := list(islice(waiting, batch)):
        tiles = [normalise(tiling.cut(images[number], corner)) for number, corner in together]
        for (number, corner), logits in zip(together, predict(np.stack(tiles)), strict=True):
            if sums is None:
                parts = zip(tiling.axes, corner, tiling.done(corner), strict=True)
                inside = [
                    slice(part.start - axis.starts[tile], part.stop - axis.starts[tile])
                    for axis, tile, part in parts
                ]
                done = logits[(slice(None), *inside)]
            else:
                done = sums.add(corner, logits)
            yield number, tiling.place(corner), done


def in_channels(image: NDArray[Any], channels: int) -> NDArray[Any]:
    """Returns `to_channels` of `(channels, *spatial)`, block by block, as converting colours takes many times their
    memory."""
    if len(image) == channels:
        return image
    result = np.empty((channels, *image.shape[1:]), image.dtype)
    for rows in in_blocks(image.shape[1:]):
        result[:, rows] = to_channels(image[:, rows], channels)
    return result


def in_values(label: NDArray[np.uint8], values: ValueMap) -> NDArray[Any]:
    """Returns `ValueMap.invert` of class indices `(*spatial)`, block by block, as indexing takes 8 bytes a pixel."""
    mask = np.empty(label.shape, values.invert(label[:0]).dtype)
    for rows in in_blocks(label.shape):
        mask[rows] = values.invert(label[rows])
    return mask


def in_blocks(shape: Sequence[int], most: int = 2**22) -> Iterator[slice]:
    """Yields slices that cover the first of these axes, each of about ``most`` pixels.

    >>> list(in_blocks((5, 10), 20))
    [slice(0, 2, None), slice(2, 4, None), slice(4, 5, None)]
    """
    rows = max(1, most // max(1, prod(shape[1:])))
    for start in range(0, shape[0], rows):
        yield slice(start, min(start + rows, shape[0]))
