"""Slices of volumes, each with its neighbours as channels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isthmus.data.sampling.interpolation import Image
from isthmus.data.sampling.loading import Label, Target, learnt


@dataclass(frozen=True)
class Slices:
    """Samples that are slices of volumes, at random places along the first axis.

    Attributes:
        count: slices of a sample, stacked as channels; an odd number, the middle one of which has the label.
        foreground: share of the samples whose middle slice holds foreground (0..1).
    """

    count: int
    foreground: float = 0.0

    def choose(self, label: Label, random: np.random.Generator, ignored: int | None = None) -> int:
        """Chooses the middle slice of a sample from the label `(depth, height, width)`."""
        if self.foreground and random.random() < self.foreground:
            filled = np.flatnonzero(learnt(label, ignored).any(axis=(1, 2)))
            if filled.size:
                return int(random.choice(filled))
        return int(random.integers(len(label)))


def slice_stack(volume: NDArray[Any], index: int, slices: int = 5) -> NDArray[Any]:
    """Returns slice `index` of `(depth, height, width)` with its neighbours as channels.

    HMEDN (section IV-A) takes five slices. Beyond the ends of the volume the first and the last slice repeat.

    Args:
        volume: `(depth, ...)`, of any type.
        index: index of the middle slice, 0 to depth - 1.
        slices: how many to stack, an odd number.

    Returns:
        `(slices, ...)`.

    Raises:
        ValueError: `slices` is even, or there is no slice `index`.

    >>> slice_stack(np.arange(4).reshape(4, 1, 1), 0).ravel().tolist()
    [0, 0, 0, 1, 2]
    """
    stack: NDArray[Any] = volume[_around(index, slices, len(volume))]
    return stack


def _around(index: int, slices: int, depth: int) -> NDArray[np.intp]:
    if slices % 2 == 0:
        raise ValueError(f"{slices} slices have none in the middle; give an odd number")
    if not 0 <= index < depth:
        raise ValueError(f"there is no slice {index} in a volume of {depth}")
    return np.arange(index - slices // 2, index + slices // 2 + 1).clip(0, depth - 1)


def slice_channels(image: Image, index: int, slices: int) -> NDArray[Any]:
    """Returns slice `index` of `(channels, depth, height, width)` with its neighbours as channels.

    Returns:
        `(slices * channels, height, width)`: slice after slice, the channels of each together.

    >>> slice_channels(np.arange(6).reshape(2, 3, 1, 1), 1, 3).ravel().tolist()
    [0, 3, 1, 4, 2, 5]
    """
    stack: NDArray[Any] = image[:, _around(index, slices, image.shape[1])]
    return stack.swapaxes(0, 1).reshape(-1, *image.shape[2:])


def slice_by_slice(target: Target) -> Target:
    """Returns the target that treats each slice of a volume `(depth, height, width)` as an image of its own."""

    def of_slices(label: Label) -> NDArray[np.float32]:
        return target(label) if label.ndim == 2 else np.stack([target(plane) for plane in label])

    return of_slices
