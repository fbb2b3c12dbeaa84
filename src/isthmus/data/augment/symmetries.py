"""Flips and quarter turns: exact, for they move pixels and mix none."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def flips_and_turns(
    image: NDArray[np.float32], label: NDArray[np.uint8], rng: np.random.Generator
) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """A flip along each axis with probability one half, and a quarter turn of the last two axes where they
    are equal.

    In a square these are the eight symmetries (the group D4), all equally likely; a volume also flips along
    its depth. Shapes stay: image `(channels, *spatial)`, label `(*spatial)`.
    """
    axes = range(-label.ndim, 0)
    flipped = [axis for axis in axes if rng.random() < 0.5]
    turned = rng.random() < 0.5 and label.shape[-1] == label.shape[-2]

    def change(array: NDArray[Any]) -> NDArray[Any]:
        array = np.flip(array, tuple(flipped))
        return np.ascontiguousarray(np.swapaxes(array, -1, -2) if turned else array)

    return change(image), change(label)
