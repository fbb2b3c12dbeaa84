"""Pieces of images: windows spread evenly over an image, and random pieces that find the foreground.

A patch belongs to its case: folds are made on cases before anything is cut, so no patch of a training image
stands in a test set.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isthmus.data.sampling.preprocess import pad_to

Window = tuple[slice, ...]

MILDNET_PATCH = (256, 256)
MILDNET_PATCHES = {"isbi-2012": 4, "glas-2015": 11}
"""Patches per image in MILDNet (Methods, "Training protocol"): 120 from 30 and 1815 from 165 images."""


def windows(
    shape: Sequence[int],
    patch: Sequence[int],
    count: int | None = None,
    rng: np.random.Generator | None = None,
) -> list[Window]:
    """Windows of `patch` pixels, evenly spaced from edge to edge, in raster order.

    As few along each axis as cover the image; where these are fewer than `count`, more along the axis on
    which they overlap least. Of a grid that has more than `count`, the first `count` stay or, with `rng`, a
    random choice in raster order. MILDNet cuts 4 from 512 x 512, which is 2 x 2, and 11 from 522 x 775,
    which no grid
    gives: they are 11 of 3 x 4.

    Raises:
        ValueError: the patch is larger than the image (pad it first).

    >>> [tuple(axis.start for axis in window) for window in windows((512, 512), (256, 256))]
    [(0, 0), (0, 256), (256, 0), (256, 256)]
    >>> len(windows((522, 775), (256, 256))), len(windows((522, 775), (256, 256), 11))
    (12, 11)
    """
    if any(wanted > size for wanted, size in zip(patch, shape, strict=True)):
        raise ValueError(f"a patch of {tuple(patch)} does not fit into {tuple(shape)}")
    numbers = [math.ceil(size / wanted) for size, wanted in zip(shape, patch, strict=True)]
    most = math.prod(size - wanted + 1 for size, wanted in zip(shape, patch, strict=True))
    if count is not None and count > most:
        raise ValueError(f"there are {most} patches of {tuple(patch)} in {tuple(shape)}, not {count}")
    while count is not None and math.prod(numbers) < count:
        steps = [
            (size - wanted) / (n * wanted) if n <= size - wanted else 0.0
            for size, wanted, n in zip(shape, patch, numbers, strict=True)
        ]
        numbers[steps.index(max(steps))] += 1
    starts = [
        np.linspace(0, size - wanted, n).round().astype(int) if n > 1 else np.array([(size - wanted) // 2])
        for size, wanted, n in zip(shape, patch, numbers, strict=True)
    ]
    grid = [
        tuple(slice(int(start), int(start) + wanted) for start, wanted in zip(corner, patch, strict=True))
        for corner in product(*starts)
    ]
    if count is None or count == len(grid):
        return grid
    if rng is None:
        return grid[:count]
    return [grid[index] for index in sorted(rng.choice(len(grid), count, replace=False))]


def cut_windows(
    image: NDArray[Any],
    label: NDArray[np.uint8],
    patch: Sequence[int] = MILDNET_PATCH,
    count: int | None = None,
    rng: np.random.Generator | None = None,
    padding: int = 0,
) -> list[tuple[NDArray[Any], NDArray[np.uint8]]]:
    """The pieces of an image `(channels, *spatial)` and its label `(*spatial)` in `windows`.

    `padding` pixels are added on every side by reflection first (MILDNet states 16, and no grid that needs
    them); an image smaller than a patch is padded to its size.
    """
    if padding:
        around = [(padding, padding)] * label.ndim
        image = np.pad(image, [(0, 0), *around], mode="reflect")
        label = np.pad(label, around, mode="reflect")
    image, _ = pad_to(image, patch)
    label, _ = pad_to(label, patch)
    return [
        (image[(slice(None), *window)], label[window]) for window in windows(label.shape, patch, count, rng)
    ]


def cut_window(
    image: NDArray[Any], label: NDArray[Any], patch: Sequence[int], index: int, count: int
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Piece `index` of the `count` that `cut_windows` cuts."""
    image, _ = pad_to(image, patch)
    label, _ = pad_to(label, patch)
    window = windows(label.shape, patch, count)[index]
    return image[(slice(None), *window)], label[window]


def foreground_window(
    label: NDArray[np.uint8],
    patch: Sequence[int],
    rng: np.random.Generator,
    share: float = 1 / 3,
    ignored: int | None = None,
) -> Window:
    """A random window, of which this share is centred on foreground (moved inside where it would reach out).

    A centre is a random pixel of a random class among those present, so a small organ is met as often as a
    large one; no class is `ignored`. Without any foreground every window is as likely.

    Raises:
        ValueError: the patch is larger than the label.

    >>> label = np.zeros((9, 9), np.uint8)
    >>> label[5, 3] = 1
    >>> foreground_window(label, (3, 3), np.random.default_rng(0), share=1)
    (slice(4, 7, None), slice(2, 5, None))
    """
    if any(wanted > size for wanted, size in zip(patch, label.shape, strict=True)):
        raise ValueError(f"a patch of {tuple(patch)} does not fit into {label.shape}")
    room = np.array(label.shape) - np.array(patch)
    starts = rng.integers(room + 1)
    if rng.random() < share:
        counts = np.bincount(label.ravel())
        present = np.flatnonzero(counts[1:]) + 1
        present = present[present != ignored]
        if present.size:
            places = np.flatnonzero(label.ravel() == rng.choice(present))
            centre = np.array(np.unravel_index(int(rng.choice(places)), label.shape))
            starts = np.clip(centre - np.array(patch) // 2, 0, room)
    return tuple(slice(int(start), int(start) + wanted) for start, wanted in zip(starts, patch, strict=True))


def cut_foreground(
    image: NDArray[Any],
    label: NDArray[np.uint8],
    patch: Sequence[int],
    rng: np.random.Generator,
    share: float = 1 / 3,
    ignored: int | None = None,
) -> tuple[NDArray[Any], NDArray[np.uint8]]:
    """The piece of an image `(channels, *spatial)` and its label in a `foreground_window`; what is too
    small is reflected at its edges first."""
    image, _ = pad_to(image, patch)
    label, _ = pad_to(label, patch)
    window = foreground_window(label, patch, rng, share, ignored)
    return image[(slice(None), *window)], label[window]
