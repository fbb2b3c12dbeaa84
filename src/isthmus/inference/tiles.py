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
    images: Floats,
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
        images: ``(channels, *spatial)``, or several of one size, ``(N, channels, *spatial)``; float32.
        tile: sides of a tile, multiples of ``divisor``.
        divisor: what every side of a batch must divide by.
        least: pad smaller images to these sides (the patch that the network was trained on).
        batch: tiles that go through together.

    Returns:
        Logits ``(classes, *spatial)``, or ``(N, classes, *spatial)``; float32.
    """
    single = images.ndim == len(tile) + 1
    if single:
        images = images[None]
    size = images.shape[2:]
    least = least or [1] * len(size)
    shape = [
        min(t, -(-max(side, low) // divisor) * divisor)
        for side, t, low in zip(size, tile, least, strict=True)
    ]
    padded, inside = pad_to(images, shape)
    corners = list(
        product(*(starts(side, t, overlap) for side, t in zip(padded.shape[2:], shape, strict=True)))
    )
    window_weight = window(shape) if len(corners) > 1 else None
    places = [
        (number, (slice(None), *(slice(c, c + t) for c, t in zip(corner, shape, strict=True))))
        for number in range(len(images))
        for corner in corners
    ]
    total: Floats | None = None
    weights = np.zeros(padded.shape[2:], np.float32)
    for first in range(0, len(places), batch):
        together = places[first : first + batch]
        logits = predict(np.stack([padded[number][place] for number, place in together]))
        if total is None:
            total = np.zeros((len(images), logits.shape[1], *padded.shape[2:]), np.float32)
        for (number, place), values in zip(together, logits, strict=True):
            if window_weight is None:
                total[number] = values
            else:
                total[number][place] += window_weight * values
                if number == 0:
                    weights[place[1:]] += window_weight
    if total is None:
        raise ValueError("an image without pixels")
    if window_weight is not None:
        total /= weights
    result = total[(slice(None), slice(None), *inside)]
    return result[0] if single else result
