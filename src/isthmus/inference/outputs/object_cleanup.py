"""Clean-up of numbered objects: the same steps as for masks of classes, each applied to whole objects."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from isthmus.inference.outputs.cleanup import CleanUp, border_sides, size_of
from isthmus.metrics.objects import number_components

Objects = NDArray[np.int32]


def clean_objects(objects: Objects, asked: CleanUp) -> Objects:
    """Returns objects cleaned up, numbered from 1 in the order that they had.

    The steps, in this order: smallest size, holes, largest size, border. An object counts as a whole, also in several
    pieces. If the last two drop anything, all are repeated, so that applying it twice gives the same as once.

    Args:
        objects: ``(*spatial)``, numbers from 1, 0 is background.
        asked: its steps for classes, ``largest`` and ``merge``, are left out; sizes are those of class 1.

    >>> clean_objects(np.array([[1, 0, 2, 2, 0, 3, 3, 3]], np.int32), CleanUp(min_size=2, max_size=2)).tolist()
    [[0, 0, 1, 1, 0, 0, 0, 0]]
    """
    least, most = size_of(asked.min_size, 1) or 0, size_of(asked.max_size, 1)
    while True:
        objects = _kept(objects, np.bincount(objects.ravel(), minlength=1) >= max(least, 1))
        if asked.holes:
            objects = fill_object_holes(objects)
        sizes = np.bincount(objects.ravel(), minlength=1)
        keep = np.ones(sizes.shape, bool) if most is None else sizes <= most
        if asked.border:
            keep[_at_border(objects)] = False
        if keep[1:].all():
            return objects
        objects = _kept(objects, keep)


def fill_object_holes(objects: Objects) -> Objects:
    """Returns objects with their holes: background that no path across faces leads out of, and that shares faces with
    one object only.

    >>> ring = np.array([[0, 0, 0, 0], [2, 2, 2, 0], [2, 0, 2, 0], [2, 2, 2, 0]], np.int32)
    >>> fill_object_holes(ring).tolist()
    [[0, 0, 0, 0], [2, 2, 2, 0], [2, 2, 2, 0], [2, 2, 2, 0]]
    """
    numbered = number_components(objects == 0)
    count = int(numbered.max(initial=0)) + 1
    least, most = np.full(count, np.iinfo(np.int32).max), np.zeros(count, np.int64)
    for axis in range(objects.ndim):
        n = objects.shape[axis]
        before, after = [slice(None)] * objects.ndim, [slice(None)] * objects.ndim
        before[axis], after[axis] = slice(0, n - 1), slice(1, n)
        for one, other in ((tuple(before), tuple(after)), (tuple(after), tuple(before))):
            beside = (objects[one] == 0) & (objects[other] > 0)
            np.minimum.at(least, numbered[one][beside], objects[other][beside])
            np.maximum.at(most, numbered[one][beside], objects[other][beside])
    around = np.where(least == most, most, 0)
    around[0] = 0
    for axis in range(objects.ndim if objects.size else 0):
        around[np.take(numbered, (0, -1), axis)] = 0
    return objects + around[numbered].astype(np.int32)


def _at_border(objects: Objects) -> NDArray[np.int32]:
    sides = border_sides(tuple(slice(0, n) for n in objects.shape), objects.shape)
    touching = [np.unique(np.take(objects, side, axis)) for axis, side in sides]
    return np.concatenate([np.zeros(0, np.int32), *touching])


def _kept(objects: Objects, keep: NDArray[np.bool_]) -> Objects:
    """Returns the objects to keep, by number, numbered anew in the order that they had."""
    keep[0] = False
    numbers = np.where(keep, np.cumsum(keep), 0).astype(np.int32)
    return numbers[objects]
