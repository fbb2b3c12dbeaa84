"""Maps of objects: each pixel holds the number of its object, 1 to n without a gap, or 0."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from isthmus.errors import IsthmusError

MOST = 2**24
"""The largest number of objects in a map; labels of volumes are turned as float32, which holds no larger odd number."""

Numbers: TypeAlias = NDArray[np.uint16] | NDArray[np.int32]
"""Of 16 bits where they fit."""


def renumber(mask: NDArray[Any], name: str = "the mask") -> Numbers:
    """Replaces the numbers in a mask `(*spatial)` by 1, 2, 3, … in their order; 0 stays.

    Raises:
        IsthmusError: more than `MOST` objects.

    >>> renumber(np.array([0, 7, 7, 300, 2])).tolist()
    [0, 2, 2, 3, 1]
    """
    values = np.unique(mask)
    values = values[values != 0]
    return _typed(np.where(mask != 0, np.searchsorted(values, mask) + 1, 0), len(values), name)


def stack(masks: Iterable[NDArray[np.bool_]], name: str = "the masks") -> Numbers:
    """Numbers boolean masks `(*spatial)`, one per object, in their order; where two overlap, the later one wins.

    Raises:
        IsthmusError: more than `MOST` objects.

    >>> stack([np.array([True, True, False]), np.array([False, True, True])]).tolist()
    [1, 2, 2]
    """
    numbers: NDArray[np.int32] | None = None
    for number, mask in enumerate(masks, 1):
        numbers = np.zeros(mask.shape, np.int32) if numbers is None else numbers
        numbers[mask] = number
    if numbers is None:
        raise ValueError("no masks to number")
    return renumber(numbers, name)  # without the gaps of masks that are empty or covered by others


def components(mask: NDArray[np.bool_], name: str = "the mask") -> Numbers:
    """Numbers the connected pieces of a boolean mask `(*spatial)`, whose pixels share a face, as in the metrics.

    Raises:
        IsthmusError: more than `MOST` pieces.

    >>> components(np.array([[1, 0, 1], [1, 1, 0], [0, 0, 0], [1, 0, 0]]) > 0).max().item()
    3
    """
    numbers, found = ndimage.label(mask)
    return _typed(numbers, int(found), name)


def pieces(mask: NDArray[Any]) -> int:
    """Returns the number of connected pieces of what is not 0.

    >>> pieces(np.array([[7, 0, 7], [7, 7, 0]]))
    2
    """
    return int(ndimage.label(mask != 0)[1])


def number_objects(mask: NDArray[Any], name: str = "the mask") -> Numbers:
    """Numbers the objects of a mask `(*spatial)` of object numbers.

    Where a mask holds a single value in several pieces, each piece is an object.

    Raises:
        IsthmusError: more than `MOST` objects.

    >>> number_objects(np.array([255, 0, 255])).tolist(), number_objects(np.array([7, 0, 7, 9])).tolist()
    ([1, 0, 2], [1, 0, 1, 2])
    """
    numbers = renumber(mask, name)
    return components(mask != 0, name) if numbers.max(initial=0) == 1 else numbers


def each_in_one_piece(mask: NDArray[Any]) -> bool:
    """Returns whether a mask holds 1, 2, …, n without a gap (n at least 1), each of them connected.

    >>> each_in_one_piece(np.array([1, 1, 0, 2])), each_in_one_piece(np.array([1, 0, 1, 2]))
    (True, False)
    """
    boxes = ndimage.find_objects(mask) if mask.dtype.kind in "iu" else []
    corners = np.ones((3,) * mask.ndim)
    return bool(boxes) and all(
        box is not None and ndimage.label(mask[box] == number, corners)[1] == 1
        for number, box in enumerate(boxes, 1)
    )


def values_in_one_piece(mask: NDArray[Any], values: Iterable[int]) -> bool:
    """Returns whether each value of a mask but 0 is connected.

    Args:
        values: all values in the mask.

    >>> values_in_one_piece(np.array([7, 7, 0, 56]), {0, 7, 56}), values_in_one_piece(np.array([7, 0, 7]), {0, 7})
    (True, False)
    """
    numbers = sorted(set(values) - {0})
    if numbers and numbers[-1] > len(numbers):
        mask = np.where(mask != 0, np.searchsorted(numbers, mask) + 1, 0)
    return each_in_one_piece(mask)


def _typed(numbers: NDArray[Any], found: int, name: str) -> Numbers:
    """Returns numbers 1 to `found` in the smallest type."""
    if found > MOST:
        raise IsthmusError(
            f"{name}: {found} objects, more than the {MOST} that can be numbered; cut the image into parts, or "
            "train on classes (data.instances=false)"
        )
    return numbers.astype(np.uint16) if found < 2**16 else numbers.astype(np.int32)
