"""Flips and quarter turns: exact, for they move pixels and mix none."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isthmus.data.augment.draw import Draw


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


def move(
    draw: Draw, image: NDArray[Any], label: NDArray[np.uint8]
) -> tuple[Draw, NDArray[Any], NDArray[np.uint8]]:
    """Where the geometry of `draw` only flips axes and exchanges equal ones: moved so, and a draw without it.

    Else all three as they are.
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
