"""Removes what a segmentation of organs cannot have: specks, holes, and islands of one organ inside another.

Labels are class indices `(*spatial)`, 0 is background; every function returns a new array of uint8 and leaves its
argument as it was. Pixels belong to one component if they share a face, an edge or a corner (full connectivity); a
hole is background that no path across faces leads out of.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from isthmus.errors import IsthmusError
from isthmus.metrics.objects import number_components

Label = NDArray[np.uint8]
Sizes = NDArray[np.intp]
Box = tuple[slice, ...]


@dataclass(frozen=True)
class CleanUp:
    """The steps of clean-up, in this order: largest component, smallest size, merging or holes, largest size, border.

    If the last two drop anything, all steps are repeated, so that applying it twice gives the same as once.

    Attributes:
        largest: classes of which only the largest component stays, or "all".
        min_size: components of fewer pixels are dropped; one number, or a number by class (for the others, 0).
        max_size: components of more pixels are dropped, likewise; None, or a class that is not named: of no size.
        border: whether components that touch the border of the image are dropped.
        holes: whether the holes of every class are filled.
        merge: whether islands are dropped and absorbed as `merge_islands` does, which fills holes too.
        keep_share: components from this share of the largest up are kept by `merge_islands`.

    Raises:
        IsthmusError: a class below 1, a negative size, a largest size below 1 or below the smallest, a share outside 0
            to 1.

    >>> CleanUp(min_size=2).apply(np.array([[1, 1, 0, 2]], np.uint8)).tolist()
    [[1, 1, 0, 0]]
    >>> CleanUp().is_nothing
    True
    """

    largest: tuple[int, ...] | Literal["all"] = ()
    min_size: int | Mapping[int, int] = field(default=0, hash=False)
    holes: bool = False
    merge: bool = False
    keep_share: float = 0.1
    max_size: int | Mapping[int, int] | None = field(default=None, hash=False)
    border: bool = False

    def __post_init__(self) -> None:
        if not isinstance(self.largest, str):
            _as_classes(self.largest)
        elif self.largest != "all":
            raise IsthmusError(f"largest is {self.largest!r}; give class indices such as (1, 2), or 'all'")
        _as_sizes(self.min_size)
        if self.max_size is not None:
            _as_sizes(self.max_size, "max_size", 1)
        for cls in {*_named(self.min_size), *_named(self.max_size), 0}:  # 0: a class that neither names
            least, most = size_of(self.min_size, cls) or 0, size_of(self.max_size, cls)
            if most is not None and least > most:
                raise IsthmusError(
                    f"min_size {least} is above max_size {most}, so nothing would be left; exchange them"
                )
        _as_share(self.keep_share, "keep_share")

    @property
    def is_nothing(self) -> bool:
        """Whether no label is ever changed."""
        sizes = self.min_size.values() if isinstance(self.min_size, Mapping) else [self.min_size]
        limits = self.border or self.max_size not in (None, {})
        return not (self.largest or self.holes or self.merge or limits) and max(sizes, default=0) <= 1

    def apply(self, label: NDArray[Any]) -> Label:
        """Returns the label `(*spatial)` cleaned up, uint8.

        Raises:
            IsthmusError: values that are not class indices.
        """
        result = as_label(label)
        while True:
            if self.largest:
                result = keep_largest(result, None if self.largest == "all" else self.largest)
            result = remove_small(result, self.min_size)
            if self.merge:
                result = merge_islands(result, self.keep_share)
            elif self.holes:
                result = fill_holes(result)
            filled = result
            if self.max_size is not None:
                result = remove_large(result, self.max_size)
            if self.border:
                result = remove_at_border(result)
            if result is filled or np.array_equal(result, filled):
                return result


def keep_largest(label: NDArray[Any], classes: Sequence[int] | None = None) -> Label:
    """Keeps only the largest component of each class (of equal ones, the first in raster order); the rest becomes 0.

    Args:
        label: `(*spatial)`, class indices 0 to 255.
        classes: those to treat; None: all.

    >>> keep_largest(np.array([[1, 0, 1, 1, 0, 2]], np.uint8)).tolist()
    [[0, 0, 1, 1, 0, 2]]
    """

    def largest(_: int, sizes: Sizes) -> NDArray[np.bool_]:
        keep = np.zeros(sizes.shape, bool)
        keep[sizes.argmax()] = True
        return keep

    return _keep(as_label(label), largest, classes)


def remove_small(label: NDArray[Any], min_size: int | Mapping[int, int]) -> Label:
    """Drops components of fewer than `min_size` pixels; they become background.

    Args:
        label: `(*spatial)`, class indices 0 to 255.
        min_size: in pixels; one number for all classes, or a number by class (other classes stay as they are).

    >>> remove_small(np.array([[1, 0, 1, 1, 0, 2]], np.uint8), {1: 2}).tolist()
    [[0, 0, 1, 1, 0, 2]]
    """
    wanted = _as_sizes(min_size)
    label = as_label(label)
    if isinstance(wanted, int):
        return _keep(label, lambda _, sizes: sizes >= wanted, None if wanted > 1 else ())
    named = [cls for cls, size in wanted.items() if size > 1]
    return _keep(label, lambda cls, sizes: sizes >= wanted[cls], named)


def remove_large(label: NDArray[Any], max_size: int | Mapping[int, int]) -> Label:
    """Drops components of more than `max_size` pixels; they become background.

    Args:
        label: `(*spatial)`, class indices 0 to 255.
        max_size: in pixels, at least 1; one number for all classes, or a number by class (other classes stay).

    >>> remove_large(np.array([[1, 0, 1, 1, 0, 2]], np.uint8), 1).tolist()
    [[1, 0, 0, 0, 0, 2]]
    """
    wanted = _as_sizes(max_size, "max_size", 1)
    named = list(wanted) if isinstance(wanted, Mapping) else None
    return _keep(as_label(label), lambda cls, sizes: sizes <= (size_of(wanted, cls) or 0), named)


def remove_at_border(label: NDArray[Any]) -> Label:
    """Drops components that touch the border of the image; an axis of a single pixel has none.

    Args:
        label: `(*spatial)`, class indices 0 to 255.

    >>> remove_at_border(np.array([[0, 0, 0, 0], [2, 0, 1, 0], [0, 0, 0, 0]], np.uint8)).tolist()
    [[0, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 0]]
    """
    label = as_label(label)
    result = label.copy()
    for _, box, numbered, sizes in _components(label, None):
        drop = np.zeros(sizes.size, bool)
        for axis, side in border_sides(box, label.shape):
            drop[np.take(numbered, side, axis)] = True
        drop[0] = False
        if drop.any():
            result[box][drop[numbered]] = 0
    return result


def border_sides(box: Box, shape: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Yields the axis and the end, 0 or -1, of every side of a box that lies on the border of an image.

    >>> list(border_sides((slice(0, 2), slice(3, 4), slice(0, 1)), (5, 4, 1)))
    [(0, 0), (1, -1)]
    """
    for axis, (side, n) in enumerate(zip(box, shape, strict=True)):
        if n > 1 and side.start == 0:
            yield axis, 0
        if n > 1 and side.stop == n:
            yield axis, -1


def fill_holes(label: NDArray[Any], classes: Sequence[int] | None = None) -> Label:
    """Fills background that a class encloses with that class; inside several, with the innermost.

    Background that touches the border of the image is not a hole. Other classes inside a hole stay (`merge_islands`
    absorbs them). In a volume a hole is closed on all sides, not only within a slice.

    Args:
        label: `(*spatial)`, class indices 0 to 255.
        classes: those whose holes are filled; None: all.

    >>> fill_holes(np.array([[1, 1, 1, 0], [1, 0, 1, 0], [1, 1, 1, 0]], np.uint8)).tolist()
    [[1, 1, 1, 0], [1, 1, 1, 0], [1, 1, 1, 0]]
    """
    label = as_label(label)
    result = label.copy()
    narrowest: NDArray[np.intp] | None = None  # size of the smallest hole so far that holds a pixel
    for cls, box in _boxes(label, classes):
        part = label[box]
        numbered = number_components(np.pad(part != cls, 1, constant_values=True))
        sizes = np.bincount(numbered.ravel())
        if sizes.size == 2:  # only the outside
            continue
        sizes[numbered.flat[0]] = np.iinfo(np.intp).max  # the outside
        sizes[0] = np.iinfo(np.intp).max
        hole = sizes[numbered[(slice(1, -1),) * label.ndim]]
        if narrowest is None:
            narrowest = np.full(label.shape, np.iinfo(np.intp).max)
        taken = (part == 0) & (hole < narrowest[box])
        result[box][taken] = cls
        narrowest[box][taken] = hole[taken]
    return result


def merge_islands(
    label: NDArray[Any], keep_share: float = 0.1, *, absorb_share: float = 1.0, holes: bool = True
) -> Label:
    """Merges isolated regions inside an organ into it, and drops tiny ones outside.

    For each class the largest component stays, and so do others from `keep_share` of it up; smaller ones become
    background. However, regions that touch one other class and nothing else (on all sides, corners included; the
    border of the image does not count) take that class: components up to `absorb_share` of the largest of their
    class, alone or several that touch each other. The largest component of a class is never absorbed. Then holes are
    filled. This is repeated until nothing changes, so merging twice gives the same as once.

    Args:
        label: `(*spatial)`, class indices 0 to 255.
        keep_share: 0 (keep all) to 1 (keep the largest, and those as large).
        absorb_share: 0 (absorb nothing) to 1.
        holes: whether the holes of every class are filled.

    Raises:
        IsthmusError: values that are not class indices, shares outside 0 to 1.

    Source: HMEDN, section IV-A6 (anatomically constrained merging; 10 % and the order of the steps are ours).

    >>> organ = np.ones((5, 5), np.uint8)
    >>> organ[2, 2] = 2      # a speck of another organ in it
    >>> organ[:, 4] = 2      # that other organ
    >>> merge_islands(organ).tolist() == [[1, 1, 1, 1, 2]] * 5
    True
    """
    _as_share(keep_share, "keep_share")
    _as_share(absorb_share, "absorb_share")
    result = as_label(label).copy()
    while True:
        before = result
        result = _merge(before, keep_share, absorb_share)
        if holes:
            result = fill_holes(result)
        if np.array_equal(result, before):
            return result


def as_label(label: NDArray[Any]) -> Label:
    """Returns a label as uint8.

    Raises:
        IsthmusError: values that are not class indices (whole numbers, 0 to 255).
    """
    array = np.asarray(label)
    if array.dtype == np.uint8:
        return array
    if array.dtype.kind not in "bui":
        raise IsthmusError(
            f"a label of type {array.dtype}; clean-up takes class indices, whole numbers 0 to 255"
        )
    if array.size and not 0 <= int(array.min()) <= int(array.max()) <= 255:
        raise IsthmusError(
            f"a label with values {array.min()} to {array.max()}; clean-up takes class indices, 0 to 255"
        )
    return array.astype(np.uint8)


def _merge(label: Label, keep_share: float, absorb_share: float) -> Label:
    """Drops small components and absorbs islands, once."""
    result = label.copy()
    islands = np.zeros(label.shape, bool)
    for _, box, numbered, sizes in _components(label, None):
        largest = sizes.argmax()
        small, loose = sizes < keep_share * sizes[largest], sizes <= absorb_share * sizes[largest]
        small[[0, largest]] = loose[[0, largest]] = False
        if small.any():
            result[box][small[numbered]] = 0
        if loose.any():
            islands[box] |= loose[numbered]
    if islands.any():
        groups = number_components(islands, label.ndim)
        host = _hosts(label, groups)[groups]
        np.copyto(result, host, where=host > 0)
    return result


def _hosts(label: Label, groups: NDArray[np.int32]) -> Label:
    """Returns for each group, from 1, the class around it; 0 if that is background or more than one class."""
    outside = int(label.max()) + 1
    around = np.pad(label.astype(np.int16), 1, constant_values=outside)
    numbers = np.pad(groups, 1)
    places = np.flatnonzero(numbers)
    of = numbers.ravel()[places]
    touched = np.zeros((int(groups.max()) + 1, outside + 1), bool)
    strides = [int(np.prod(around.shape[axis + 1 :])) for axis in range(label.ndim)]
    for step in product((-1, 0, 1), repeat=label.ndim):
        beside = places + sum(d * stride for d, stride in zip(step, strides, strict=True))
        other = numbers.ravel()[beside] == 0  # a neighbour in a group is in the same group
        touched[of[other], around.ravel()[beside[other]]] = True
    touched = touched[:, :outside]
    single = touched.sum(axis=1) == 1
    return np.where(single, touched.argmax(axis=1), 0).astype(np.uint8)


def _keep(
    label: Label, choose: Callable[[int, Sizes], NDArray[np.bool_]], classes: Sequence[int] | None
) -> Label:
    """Drops components; `choose` gets a class and the sizes of its components by number, and returns which to keep."""
    result = label.copy()
    for cls, box, numbered, sizes in _components(label, classes):
        keep = choose(cls, sizes)
        keep[0] = True
        if not keep.all():
            result[box][~keep[numbered]] = 0
    return result


def _components(
    label: Label, classes: Sequence[int] | None
) -> Iterator[tuple[int, Box, NDArray[np.int32], Sizes]]:
    """Yields each class, its box, the numbers of its components there (0: another class), and their sizes."""
    for cls, box in _boxes(label, classes):
        numbered = number_components(label[box] == cls, label.ndim)
        sizes = np.bincount(numbered.ravel())
        sizes[0] = 0
        yield cls, box, numbered, sizes


def _boxes(label: Label, classes: Sequence[int] | None) -> Iterator[tuple[int, Box]]:
    """Yields the classes that occur, among those requested, each with the box around it."""
    wanted = None if classes is None else set(_as_classes(classes))
    if label.size and (wanted is None or wanted):
        for cls, box in enumerate(ndimage.find_objects(label), start=1):
            if box is not None and (wanted is None or cls in wanted):
                yield cls, box


def _as_classes(classes: Sequence[int]) -> Sequence[int]:
    for cls in classes:
        if isinstance(cls, bool) or not isinstance(cls, int | np.integer) or cls < 1:
            raise IsthmusError(f"clean-up of class {cls!r}; classes are counted from 1, and 0 is background")
    return classes


def size_of(sizes: int | Mapping[int, int] | None, cls: int) -> int | None:
    """Returns the size that is meant for a class; None if there is none."""
    return sizes.get(cls) if isinstance(sizes, Mapping) else sizes


def _named(sizes: int | Mapping[int, int] | None) -> Sequence[int]:
    return list(sizes) if isinstance(sizes, Mapping) else ()


def _as_sizes(
    sizes: int | Mapping[int, int], name: str = "min_size", least: int = 0
) -> int | Mapping[int, int]:
    if isinstance(sizes, Mapping):
        _as_classes(list(sizes))
    for size in sizes.values() if isinstance(sizes, Mapping) else [sizes]:
        if isinstance(size, bool) or not isinstance(size, int | np.integer) or size < least:
            raise IsthmusError(f"{name} is {size!r}; give whole numbers of pixels, at least {least}")
    return sizes


def _as_share(share: float, name: str) -> None:
    if not 0 <= share <= 1:
        raise IsthmusError(f"{name} is {share}; give a share of the largest component, 0 to 1")
