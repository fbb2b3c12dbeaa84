"""Patches of images: at random places, at fixed even places, or around the foreground.

A patch belongs to its case: cases are split into folds before anything is cut, so no patch of a training image is in a
test set. An image that is smaller than a patch is reflected at its edges first.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isthmus.data.sampling.grid import pad_to
from isthmus.data.sampling.loading import Label, learnt

Window = tuple[slice, ...]


@dataclass(frozen=True)
class View:
    """What the place of a patch can depend on.

    Attributes:
        label: label of the image that is cut, at least as large as a patch.
        whole: label of the whole case, of which that image may be a slice.
        turn: which of the case's patches, 0 to `Patches.per_case - 1`.
        ignored: the value in labels that marks ignored pixels; None: there are none.
    """

    label: Label
    whole: Label
    turn: int
    ignored: int | None


@dataclass(frozen=True)
class Patches(ABC):
    """A way to place patches.

    Attributes:
        size: sides of a patch in pixels, one for each axis of the network.
    """

    size: tuple[int, ...]

    @property
    def per_case(self) -> int:
        """How many patches each case gives in turn; 1 where every patch is at a new place."""
        return 1

    @abstractmethod
    def window(self, view: View, random: np.random.Generator) -> Window:
        """Returns the place of a patch in `view.label`."""

    def cut(
        self,
        image: NDArray[Any],
        label: Label,
        random: np.random.Generator,
        *,
        whole: Label | None = None,
        turn: int = 0,
        ignored: int | None = None,
    ) -> tuple[NDArray[Any], Label]:
        """Cuts a patch from an image and its label.

        Args:
            image: `(channels, *spatial)`.
            label: `(*spatial)`.
            random: decides where.
            whole: as in `View`; None for `label` itself.
            turn, ignored: as in `View`.

        Returns:
            `(channels, *size)` and `(*size)`.
        """
        whole = label if whole is None else whole
        image, _ = pad_to(image, self.size)
        label, _ = pad_to(label, self.size)
        window = self.window(View(label, whole, turn, ignored), random)
        return image[(slice(None), *window)], label[window]


@dataclass(frozen=True)
class RandomPatches(Patches):
    """Patches at random places.

    Attributes:
        foreground: share of the patches that are centred on foreground (0..1).
    """

    foreground: float = 0.0

    def window(self, view: View, random: np.random.Generator) -> Window:
        if self.foreground:
            return foreground_window(learnt(view.label, view.ignored), self.size, random, self.foreground)
        room = [size - side for size, side in zip(view.label.shape, self.size, strict=True)]
        return _window([int(random.integers(most + 1)) for most in room], self.size)


@dataclass(frozen=True)
class EvenPatches(Patches):
    """Patches at fixed places, spread evenly over the image; see `windows`.

    Attributes:
        count: patches of every image.
    """

    count: int = 1

    @property
    def per_case(self) -> int:
        return self.count

    def window(self, view: View, random: np.random.Generator) -> Window:  # noqa: ARG002
        return windows(view.label.shape, self.size, self.count)[view.turn]


@dataclass(frozen=True)
class CentredPatches(Patches):
    """Patches centred on the foreground of the whole case.

    Attributes:
        jitter: largest shift of the centre, as a share of the patch's sides.
    """

    jitter: float = 0.0

    def window(self, view: View, random: np.random.Generator) -> Window:
        centre = foreground_centre(learnt(view.whole, view.ignored), view.label.ndim)
        moved = [
            c + random.uniform(-self.jitter, self.jitter) * side
            for c, side in zip(centre, self.size, strict=True)
        ]
        return window_around(view.label.shape, self.size, moved)


def windows(shape: Sequence[int], patch: Sequence[int], count: int | None = None) -> list[Window]:
    """Returns windows of `patch` pixels, evenly spaced from edge to edge, in raster order.

    Along each axis there are as few as cover the image. If these are fewer than `count`, more are added along the
    axis on which they overlap least; if they are more, the first `count` stay. MILDNet cuts 4 patches from 512 x 512,
    which is a grid of 2 x 2, and 11 from 522 x 775, which no grid gives: they are 11 of 3 x 4.

    Raises:
        ValueError: the patch is larger than the image (pad it first), or there are fewer than `count` places.

    >>> [tuple(axis.start for axis in window) for window in windows((512, 512), (256, 256))]
    [(0, 0), (0, 256), (256, 0), (256, 256)]
    >>> len(windows((522, 775), (256, 256))), len(windows((522, 775), (256, 256), 11))
    (12, 11)
    """
    if any(side > size for side, size in zip(patch, shape, strict=True)):
        raise ValueError(f"a patch of {tuple(patch)} does not fit into {tuple(shape)}")
    numbers = [math.ceil(size / side) for size, side in zip(shape, patch, strict=True)]
    most = math.prod(size - side + 1 for size, side in zip(shape, patch, strict=True))
    if count is not None and count > most:
        raise ValueError(f"there are {most} patches of {tuple(patch)} in {tuple(shape)}, not {count}")
    while count is not None and math.prod(numbers) < count:
        steps = [
            (size - side) / (n * side) if n <= size - side else 0.0
            for size, side, n in zip(shape, patch, numbers, strict=True)
        ]
        numbers[steps.index(max(steps))] += 1
    starts = [
        np.linspace(0, size - side, n).round().astype(int) if n > 1 else np.array([(size - side) // 2])
        for size, side, n in zip(shape, patch, numbers, strict=True)
    ]
    return [_window(corner, patch) for corner in product(*starts)][:count]


def foreground_window(
    label: Label, patch: Sequence[int], random: np.random.Generator, share: float = 1 / 3
) -> Window:
    """Returns a random window, which is centred on foreground with a probability of `share`.

    The centre is a random pixel of a random class among those present, so a small organ is met as often as a large
    one; a window that would reach beyond the edge is moved inside. Without any foreground every place is as likely.

    Args:
        label: `(*spatial)`, class indices.
        patch: sides of the window.
        random: decides.
        share: 0..1.

    Raises:
        ValueError: the patch is larger than the label.

    >>> label = np.zeros((9, 9), np.uint8)
    >>> label[5, 3] = 1
    >>> foreground_window(label, (3, 3), np.random.default_rng(0), share=1)
    (slice(4, 7, None), slice(2, 5, None))
    """
    if any(side > size for side, size in zip(patch, label.shape, strict=True)):
        raise ValueError(f"a patch of {tuple(patch)} does not fit into {label.shape}")
    room = np.array(label.shape) - np.array(patch)
    starts = random.integers(room + 1)
    if random.random() < share:
        present = np.flatnonzero(np.bincount(label.ravel())[1:]) + 1
        if present.size:
            places = np.flatnonzero(label.ravel() == random.choice(present))
            centre = np.array(np.unravel_index(int(random.choice(places)), label.shape))
            starts = np.clip(centre - np.array(patch) // 2, 0, room)
    return _window(starts, patch)


def foreground_centre(label: Label, axes: int) -> tuple[int, ...]:
    """Returns the centre of the foreground's bounding box, or of the label if there is no foreground.

    Args:
        label: `(*spatial)`; 0 is background.
        axes: how many of the last axes to return.

    >>> label = np.zeros((5, 9), np.uint8)
    >>> label[1:4, 2] = label[2, 6] = 1
    >>> foreground_centre(label, 2), foreground_centre(label * 0, 2)
    ((2, 4), (2, 4))
    """
    last = range(label.ndim - axes, label.ndim)
    inside = [np.flatnonzero(label.any(axis=tuple(set(range(label.ndim)) - {axis}))) for axis in last]
    if not inside[0].size:
        return tuple(label.shape[axis] // 2 for axis in last)
    return tuple(int(places[0] + places[-1]) // 2 for places in inside)


def window_around(shape: Sequence[int], patch: Sequence[int], centre: Sequence[float]) -> Window:
    """Returns the window of `patch` pixels around a point, moved inside where it would reach beyond the edge.

    >>> window_around((10, 10), (4, 4), (9, 5))
    (slice(6, 10, None), slice(3, 7, None))
    """
    starts = [
        int(np.clip(round(c - side / 2), 0, max(0, size - side)))
        for c, side, size in zip(centre, patch, shape, strict=True)
    ]
    return _window(starts, patch)


def _window(corner: Sequence[int] | NDArray[Any], size: Sequence[int]) -> Window:
    return tuple(slice(int(start), int(start) + side) for start, side in zip(corner, size, strict=True))
