"""A network over an image larger than it can take at once: overlapping tiles, blended."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import product

import numpy as np
from numpy.typing import NDArray

from isthmus.data.preprocess import pad_to

Floats = NDArray[np.float32]
Predict = Callable[[Floats], Floats]


def starts(size: int, tile: int, overlap: float) -> list[int]:
    """Where tiles begin along one axis: evenly spaced, covering all of it, overlapping by at least a share.

    >>> starts(10, 4, 0.5)
    [0, 2, 4, 6]
    """
    if size <= tile:
        return [0]
    count = int(np.ceil((size - tile) / max(1, tile * (1 - overlap)))) + 1
    return [round(i * (size - tile) / (count - 1)) for i in range(count)]


def window(tile: Sequence[int]) -> Floats:
    """The weight of each pixel of a tile: a Gaussian of a quarter of the side, as borders see less of the image."""
    weight = np.ones(tuple(tile), np.float64)
    for axis, side in enumerate(tile):
        distance = (np.arange(side) - (side - 1) / 2) / (side / 4)
        shape = [1] * len(tile)
        shape[axis] = side
        weight *= np.exp(-0.5 * distance**2).reshape(shape)
    return weight.astype(np.float32)


def predict_tiled(
    predict: Predict,
    image: Floats,
    *,
    tile: Sequence[int],
    divisor: int,
    least: Sequence[int] | None = None,
    overlap: float = 0.5,
    batch: int = 4,
) -> Floats:
    """Logits of a whole image.

    An image no larger than the tile goes through at once, padded by reflection to sides that the network can take;
    a larger one in tiles, whose logits are averaged with the weights of `window`.

    Args:
        predict: a batch ``(N, channels, *spatial)`` to logits ``(N, classes, *spatial)``.
        image: ``(channels, *spatial)``, float32.
        tile: sides of a tile, multiples of ``divisor``.
        divisor: what every side of a batch must divide by.
        least: pad smaller images to these sides (the patch that the network was trained on).

    Returns:
        Logits ``(classes, *spatial)``, float32.
    """
    size = image.shape[1:]
    least = least or [1] * len(size)
    shape = [
        min(t, -(-max(side, low) // divisor) * divisor)
        for side, t, low in zip(size, tile, least, strict=True)
    ]
    padded, inside = pad_to(image, shape)
    corners = list(
        product(*(starts(side, t, overlap) for side, t in zip(padded.shape[1:], shape, strict=True)))
    )
    if len(corners) == 1:
        whole: Floats = predict(padded[None])[0][(slice(None), *inside)]
        return whole

    weight = window(shape)
    total: Floats | None = None
    weights = np.zeros(padded.shape[1:], np.float32)
    for first in range(0, len(corners), batch):
        places = [
            (slice(None), *(slice(c, c + t) for c, t in zip(corner, shape, strict=True)))
            for corner in corners[first : first + batch]
        ]
        logits = predict(np.stack([padded[place] for place in places]))
        if total is None:
            total = np.zeros((logits.shape[1], *padded.shape[1:]), np.float32)
        for place, values in zip(places, logits, strict=True):
            total[place] += weight * values
            weights[place[1:]] += weight
    if total is None:
        raise ValueError("an image without pixels")
    total /= weights
    return total[(slice(None), *inside)]
