"""Separates touching objects by a map of how deep each pixel lies in its object."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from isthmus.inference.outputs.object_steps import (
    Instances,
    add,
    box_around,
    drop_small,
    flood,
    in_raster_order,
    on,
)
from isthmus.metrics.objects import number_components
from isthmus.metrics.threshold import THRESHOLD

SEED = 0.5
"""The distance above which a pixel is a seed, unless validation chose another."""

LEVELS = 50
"""Distances from 0 to 1 are distinguished down to this fraction."""


def objects_by_distance(
    body: NDArray[Any],
    distance: NDArray[Any],
    *,
    threshold: float = THRESHOLD,
    seed: float = SEED,
    min_seed: int = 1,
) -> Instances:
    """Returns objects of the shape of `body`, numbered 1, 2, 3, … in raster order of their first pixels.

    Seeds are the parts of bodies where the distance exceeds `seed`. They are flooded over the bodies, the deepest
    pixels first (a watershed on minus the distance). A body without a seed is one object. Pixels belong together
    where they share a face.

    Args:
        body: `(H, W)` or `(D, H, W)`, probability of being part of an object, 0 to 1.
        distance: of the same shape, how deep a pixel lies in its object, from 0 at its border to 1 at its deepest
            (`isthmus.objectives.object_distance_map`).
        threshold: the probability above which a pixel is part of a body.
        seed: the distance above which a pixel is a seed.
        min_seed: seeds of fewer pixels are dropped.

    Raises:
        IsthmusError: maps of different shapes, of other than 2 or 3 axes, or with values outside 0 to 1.

    >>> body = np.array([[0, 1, 1, 1, 1, 1, 1, 0, 1]], np.float32)
    >>> distance = np.array([[0, 0.4, 0.9, 0.3, 0.4, 0.9, 0.4, 0, 0]], np.float32)
    >>> objects_by_distance(body, distance).tolist()
    [[0, 1, 1, 1, 2, 2, 2, 0, 3]]
    """
    inside = on(body, "body", body, threshold)
    seeds = on(distance, "distance", body, seed) & inside
    result = np.zeros(inside.shape, np.int32)
    if not inside.any():
        return result
    box = box_around(inside)
    inside, seeds = inside[box], drop_small(seeds[box], min_seed)
    found = flood(-np.rint(LEVELS * distance[box]).astype(np.int32), number_components(seeds), inside)
    add(found, number_components(inside & (found == 0)))
    result[box] = found
    return in_raster_order(result)
