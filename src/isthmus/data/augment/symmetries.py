"""Flips and quarter turns, which are exact: they move pixels without mixing them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isthmus.data.augment.draw import Draw


def flips_and_turns(
    image: NDArray[np.float32], label: NDArray[np.uint8], rng: np.random.Generator
) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """Flips each axis with probability one half, and exchanges the last two axes if they are equally long.

    In a square these are the eight symmetries (the group D4), all equally likely; a volume is also flipped along its
    depth. Shapes stay the same: image `(channels, *spatial)`, label `(*spatial)`.
    """
    axes = range(-label.ndim, 0)
    flipped = [axis for axis in axes if rng.random() < 0.5]
    turned = rng.random() < 0.5 and label.shape[-1] == label.shape[-2]

    def change(array: NDArray[Any]) -> NDArray[Any]:
        array = np.flip(array, tuple(flipped))
        return np.ascontiguousarray(np.swapaxes(array, -1, -2) if turned else array)

    return change(image), change(label)


def move(
    draw: Draw, image: NDArray[Any], label: NDArray[np.uint8]
) -> tuple[Draw, NDArray[Any], NDArray[np.uint8]]:
    """Flips and exchanges axes as the draw says, and returns a draw without its geometry.

    If the geometry is anything but flips and exchanges of equal axes, all three are returned as they are.
    """
    axes, linear = len(draw.shape), draw.linear
    source = np.abs(linear).argmax(axis=0)  # the input's axis behind each of the output
    signs = linear[source, np.arange(axes)]
    exact = np.zeros_like(linear)
    exact[source, np.arange(axes)] = np.sign(signs)
    shape = tuple(draw.shape[axis] for axis in source)
    if draw.stays or draw.nodes is not None or draw.offset.any() or shape != draw.shape:
        return draw, image, label
    if len(set(source)) < axes or (exact != linear).any():
        return draw, image, label
    flipped = tuple(int(axis) - axes for axis in np.flatnonzero(signs < 0))
    image = np.flip(image.transpose(0, *(source + 1)), flipped)
    label = np.flip(label.transpose(*source), flipped)
    return replace(draw, linear=np.eye(axes), offset=np.zeros(axes)), image.copy(), label.copy()
