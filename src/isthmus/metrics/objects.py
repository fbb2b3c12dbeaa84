"""The objects of a mask: numbers, areas, boxes and points."""

from __future__ import annotations

from functools import cached_property
from typing import Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from isthmus.errors import IsthmusError, nearest
from isthmus.metrics.input_checks import BoolMask, Mask, as_mask
from isthmus.metrics.pairs import Box

Instances: TypeAlias = NDArray[np.int64] | NDArray[np.int32]
Indices: TypeAlias = NDArray[np.intp]
Neighbours: TypeAlias = Literal["face", "all"]


def components(mask: Mask, *, neighbours: Neighbours = "face") -> Instances:
    """Numbers the connected objects of a boolean mask `(*spatial)` from 1; 0 is background.

    Points are connected if they share a face, so that a line of one pixel, straight or diagonal, separates two
    objects. With `neighbours="all"` they are also connected across edges and corners.

    Returns:
        int32 `(*spatial)`.

    Raises:
        IsthmusError: the mask is not boolean, or `neighbours` is unknown.

    >>> components([[True, False], [False, True]])
    array([[1, 0],
           [0, 2]], dtype=int32)
    >>> components([[True, False], [False, True]], neighbours="all")
    array([[1, 0],
           [0, 1]], dtype=int32)
    """
    array = as_mask(mask, "mask")
    if array.dtype.kind != "b":
        raise IsthmusError(
            f"components are those of a boolean mask, not of {array.dtype}; give `mask == label`"
        )
    if neighbours not in get_args(Neighbours):
        raise IsthmusError(f"neighbours={neighbours!r}; {nearest(str(neighbours), get_args(Neighbours))}")
    return number_components(array, 1 if neighbours == "face" else array.ndim)


def number_components(mask: BoolMask, steps: int = 1) -> NDArray[np.int32]:
    """Numbers the components of a mask, which may be of size zero; neighbours differ along at most `steps` axes."""
    from scipy.ndimage import generate_binary_structure, label

    numbered = np.zeros(mask.shape, np.int32)
    if mask.size:
        label(mask, generate_binary_structure(mask.ndim, steps), output=numbered)
    return numbered


def median_diameter(numbers: NDArray[np.integer]) -> float | None:
    """Returns the median diameter of objects `(*spatial)`, as `diameter` defines it, in pixels; None without any."""
    areas = np.unique(numbers[numbers > 0], return_counts=True)[1]
    return diameter(float(np.median(areas)), numbers.ndim) if areas.size else None


def diameter(area: float, axes: int) -> float:
    """Returns the diameter of the circle of an area, with 2 axes, or of the ball of a volume, with 3.

    >>> diameter(np.pi, 2), round(diameter(np.pi / 6, 3), 9)
    (2.0, 1.0)
    """
    return float(2 * (area / np.pi) ** 0.5 if axes == 2 else (6 * area / np.pi) ** (1 / 3))


class Objects:
    """The objects of one mask; their places count from 0 in the order of their numbers."""

    def __init__(self, instances: Instances) -> None:
        self.instances = instances
        flat = instances.ravel()
        self.numbers: Indices
        if int(flat.max(initial=0)) <= 4 * flat.size + 1000:
            areas = np.bincount(flat)
            self.numbers = np.flatnonzero(areas[1:]) + 1
            self.areas = areas[self.numbers]
        else:
            numbers, areas = np.unique(flat[flat > 0], return_counts=True)
            self.numbers, self.areas = numbers.astype(np.intp), areas

    def __len__(self) -> int:
        return self.numbers.size

    def index(self, numbers: NDArray[np.integer]) -> Indices:
        """Returns the places of objects by their numbers in the mask."""
        return np.searchsorted(self.numbers, numbers)

    @cached_property
    def boxes(self) -> list[Box]:
        """The smallest box around each object."""
        from scipy.ndimage import find_objects

        if len(self) and int(self.numbers[-1]) > 10 * len(self) + 1000:
            compact = np.zeros(self.instances.shape, np.int32)
            inside = self.instances > 0
            compact[inside] = self.index(self.instances[inside]) + 1
            return [box for box in find_objects(compact) if box is not None]
        return [box for box in find_objects(self.instances) if box is not None]

    @cached_property
    def corners(self) -> NDArray[np.int64]:
        """Lowest and highest coordinate of every object along every axis, int64 `(objects, axes, 2)`."""
        ends = [[(side.start, side.stop - 1) for side in box] for box in self.boxes]
        return np.array(ends, dtype=np.int64).reshape(len(self), self.instances.ndim, 2)

    def mask(self, place: int, box: Box) -> BoolMask:
        """Returns where the object lies in the box."""
        inside: BoolMask = self.instances[box] == self.numbers[place]
        return inside


def as_instances(mask: Mask, name: str) -> Instances:
    """Checks a mask of object numbers, integers from 0, and returns it in 32 or 64 bits."""
    array = as_mask(mask, name)
    if array.dtype.kind == "b":
        raise IsthmusError(
            f"{name} is boolean, and object metrics take object numbers; give components({name})"
        )
    if int(array.min()) < 0:
        raise IsthmusError(
            f"{name} holds object number {array.min()}; numbers start at 1, and 0 is background"
        )
    if array.dtype.kind == "u" and array.dtype.itemsize == 8 and int(array.max()) > np.iinfo(np.int64).max:
        raise IsthmusError(f"{name} holds object number {array.max()}, too large for a 64-bit integer")
    if array.dtype in (np.int32, np.int64):
        return array
    return array.astype(np.int32) if array.dtype.itemsize <= 2 else array.astype(np.int64)
