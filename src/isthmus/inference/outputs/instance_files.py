"""Writes numbered objects to files, and draws pictures of them that a person can check."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isthmus.errors import IsthmusError
from isthmus.io.resolution import PixelSize
from isthmus.io.writing import write_mask

MOST = 65_535
"""The most objects that 16 bits can number."""

COLOURS = np.array(
    [
        (255, 225, 25),
        (60, 180, 255),
        (245, 80, 80),
        (70, 230, 120),
        (240, 50, 230),
        (255, 150, 40),
        (0, 235, 235),
        (190, 140, 255),
        (190, 255, 60),
        (255, 150, 200),
    ],
    np.uint8,
)
"""Red, green, blue: distinguishable from each other, on dark and on pale pictures."""

REACH = 3
"""Objects are neighbours if no more than this many pixels, along both axes, lie between them."""


def write_instances(path: Path, labels: NDArray[Any], pixel_size: PixelSize | None = None) -> str | None:
    """Writes object numbers `(H, W)` or `(D, H, W)` as a TIFF of 16 bits, or of 32 if there are more than 65,535.

    Args:
        path: the file.
        labels: the numbers; 0 is background.
        pixel_size: micrometres along (rows, columns); None: unknown.

    Returns:
        A line to tell the user if it has 32 bits, which some viewers do not open; else None.

    Raises:
        IsthmusError: values that are not whole numbers from 0, a suffix other than `.tif` or `.tiff`, a full disk.
    """
    labels = _as_numbers(labels)
    if path.suffix.lower() not in (".tif", ".tiff"):
        raise IsthmusError(f"{path}: object numbers are written as .tif")
    most = int(labels.max(initial=0))
    if most > np.iinfo(np.uint32).max:
        raise IsthmusError(
            f"{path}: object number {most} does not fit 32 bits; number the objects 1, 2, 3, …"
        )
    write_mask(path, labels.astype(np.uint16 if most <= MOST else np.uint32), pixel_size)
    if most <= MOST:
        return None
    return f"{path}: {most} objects are more than 16 bits can number ({MOST}), so the TIFF has 32 bits"


def overlay(image: NDArray[Any], labels: NDArray[Any], *, area: float = 0.25) -> NDArray[np.uint8]:
    """Returns the picture with every object outlined and tinted, in a colour that its neighbours do not have.

    Args:
        image: `(H, W)` or `(channels, H, W)`. Unless there are 3 channels, the first is shown; uint8 is shown as it is,
            other types from their 1st to their 99th percentile.
        labels: `(H, W)`, object numbers; 0 is background.
        area: opacity of the colour inside the object, 0 to 1.

    Returns:
        `(H, W, 3)`, uint8.

    Raises:
        IsthmusError: shapes that do not match, an area outside 0 to 1.

    >>> overlay(np.zeros((1, 3), np.uint8), np.array([[1, 1, 0]]), area=0.0).tolist()
    [[[0, 0, 0], [255, 225, 25], [0, 0, 0]]]
    """
    labels = _as_numbers(labels)
    channels = np.asarray(image)[None] if np.ndim(image) == 2 else np.asarray(image)
    if labels.ndim != 2 or channels.ndim != 3 or channels.shape[1:] != labels.shape or not len(channels):
        raise IsthmusError(
            f"an overlay takes an image (H, W) or (channels, H, W) and numbers (H, W), not {np.shape(image)} "
            f"and {labels.shape}"
        )
    channels = channels if len(channels) == 3 else channels[:1]
    if not 0 <= area <= 1:
        raise IsthmusError(f"area is {area}; give a share, 0 to 1")
    picture = np.moveaxis(np.broadcast_to(_as_bytes(channels), (3, *labels.shape)), 0, -1).copy()
    numbers, compact = np.unique(labels, return_inverse=True)
    if numbers.size == 0 or not labels.any():
        return picture
    compact = compact.reshape(labels.shape) + (numbers[0] > 0)
    colour = COLOURS[_choose_colours(compact)][compact]
    inside = compact > 0
    tinted = (1 - area) * picture[inside] + area * colour[inside]
    picture[inside] = np.rint(tinted).astype(np.uint8)
    outline = inside & _on_outline(compact)
    picture[outline] = colour[outline]
    return picture


def _as_numbers(labels: NDArray[Any]) -> NDArray[Any]:
    labels = np.asarray(labels)
    if labels.dtype.kind not in "ui" or (labels.size and int(labels.min()) < 0):
        raise IsthmusError(
            f"object numbers of type {labels.dtype} or below 0; give whole numbers, 0 is background"
        )
    return labels


def _as_bytes(image: NDArray[Any]) -> NDArray[np.uint8]:
    if image.dtype == np.uint8 or image.size == 0:
        return image.astype(np.uint8)
    low, high = np.percentile(image, (1, 99))
    share = np.clip((image - low) / max(high - low, 1e-12), 0, 1)
    return np.asarray(np.rint(share * 255), np.uint8)


def _on_outline(labels: NDArray[Any]) -> NDArray[np.bool_]:
    """Returns the pixels that share a side with another number; the border of the image is not an outline."""
    found = np.zeros(labels.shape, bool)
    down, right = labels[1:] != labels[:-1], labels[:, 1:] != labels[:, :-1]
    found[1:] |= down
    found[:-1] |= down
    found[:, 1:] |= right
    found[:, :-1] |= right
    return found


def _choose_colours(labels: NDArray[np.intp]) -> NDArray[np.intp]:
    """Returns an index into `COLOURS` for each number 0 to n: the next in turn that no neighbour, or few, have."""
    beside: dict[int, list[int]] = {}
    for one, other in _neighbours(labels).tolist():
        beside.setdefault(other, []).append(one)  # `one` is smaller and has its colour first
    n = int(labels.max())
    chosen = np.zeros(n + 1, np.intp)
    for number in range(1, n + 1):
        used = np.bincount(chosen[beside.get(number, [])], minlength=len(COLOURS))
        turns = (np.arange(len(COLOURS)) + number - 1) % len(COLOURS)
        chosen[number] = turns[used[turns].argmin()]
    return chosen


def _neighbours(labels: NDArray[np.intp]) -> NDArray[np.intp]:
    """Returns pairs of different numbers within reach of each other, the smaller first; `(pairs, 2)`."""
    found = [np.zeros((0, 2), np.intp)]
    height, width = labels.shape
    for down in range(REACH + 1):
        for right in range(-REACH, REACH + 1):
            if down == 0 and right <= 0:
                continue
            one = labels[: max(0, height - down), max(0, -right) : width - max(0, right)]
            other = labels[down:, max(0, right) : width + min(0, right)]
            differ = (one > 0) & (other > 0) & (one != other)
            pairs = np.stack([one[differ], other[differ]], axis=1)
            found.append(np.unique(np.sort(pairs, axis=1), axis=0))
    return np.unique(np.concatenate(found), axis=0)
