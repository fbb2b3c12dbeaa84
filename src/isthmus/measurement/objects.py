"""Finds the objects in a mask: values that number them, or the connected components of each value."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from isthmus.data.checks.object_numbers import NEARLY
from isthmus.data.checks.survey import count_values
from isthmus.data.masks.borders import Borders, borders, soft_top
from isthmus.data.masks.objects import pieces, values_in_one_piece
from isthmus.data.masks.values import ValueMap
from isthmus.errors import IsthmusError, counted

MOST_CLASSES = 256
"""More values than this number objects, unless they are soft edges."""

_TABLE = 2**26
"""Larger values are looked up by search."""


@dataclass(frozen=True)
class MaskFacts:
    """What a mask holds.

    Attributes:
        counts: the pixels of each value.
        borders: which values lie along borders.
        numbered: whether each of its several values is in one piece; None: it has at most one.
        pieces: number of pieces of its only value.
    """

    counts: Mapping[int, int]
    borders: Borders
    numbered: bool | None
    pieces: int

    @classmethod
    def of(cls, mask: NDArray[Any]) -> MaskFacts:
        """Examines a mask `(*spatial)` of integers."""
        counts = count_values(mask)
        values = set(counts) - {0}
        edges = borders(mask) if len(counts) > 2 else {}
        if len(values) < 2 or min(values) < 0:
            return cls(counts, edges, None, pieces(mask) if values else 0)
        many = len(values) > MOST_CLASSES
        return cls(counts, edges, soft_top(edges) is None if many else values_in_one_piece(mask, values), 0)


@dataclass(frozen=True)
class Objects:
    """The objects of an image.

    Attributes:
        labels: `(*spatial)`, int32: 1 to n, 0 elsewhere.
        numbers: `(n,)`, the number of each object: its value in the mask, or 1 to n.
        classes: `(n,)`, an index into the names of classes.
    """

    labels: NDArray[np.int32]
    numbers: NDArray[np.int64]
    classes: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.numbers)


@dataclass(frozen=True)
class Reading:
    """How masks are read.

    Attributes:
        values: the class of each value, each of whose connected components is an object; None: values number objects.
        names: names of the foreground classes; () where there is one.
        only: what that one is called.
        strict: whether the user said that values number objects; else a mask of a single value in several pieces has
            an object in each.
        notes: lines about the decision.
    """

    values: ValueMap | None
    names: tuple[str, ...] = ()
    only: str = "object"
    strict: bool = False
    notes: tuple[str, ...] = ()

    def number(self, facts: MaskFacts) -> int | None:
        """Returns the number of objects in a mask; None: they have to be found."""
        if facts.numbered is None and not self.strict:
            return facts.pieces
        return len(set(facts.counts) - {0}) if self.values is None else None

    def find(self, mask: NDArray[Any], where: str) -> Objects:
        """Returns the objects of a mask `(*spatial)` of integers.

        Raises:
            IsthmusError: a value of no class, or below 0; `where` names the mask.
        """
        if self.values is not None:
            return _components(self.values.apply(mask, where))
        labels, numbers = _compact(mask, where)
        if len(numbers) == 1 and not self.strict:
            parts = _components((labels > 0).astype(np.uint8))
            if len(parts) > 1:
                return parts
        return Objects(labels, numbers, np.ones(len(numbers), np.int64))


def decide(
    masks: Mapping[str, MaskFacts],
    *,
    instances: bool | None = None,
    values: ValueMap | None = None,
    names: Sequence[str] = (),
    lossy: Sequence[str] = (),
) -> Reading:
    """Decides what the values in masks mean.

    Args:
        masks: what each mask holds, by its name.
        instances: whether values number objects; None: decided here.
        values: what values mean, if that is known; with `names`, the background among them.
        lossy: names of the JPEG masks.

    Raises:
        IsthmusError: masks that do not agree, as `ValueMap.infer_masks`.
    """
    named = () if values is None or values.classes == 2 else tuple(names[1:])
    only = names[1] if len(names) == 2 else "object"
    if instances:
        return Reading(None, only=only, strict=True, notes=("mask values number objects",))
    if values is not None and values.rule != "objects":
        return Reading(values, named, only, notes=tuple(_describe(values, names)))
    several = [facts.numbered for facts in masks.values() if facts.numbered is not None]
    in_one_piece = bool(several) and sum(several) >= NEARLY * len(several)
    counts = {name: facts.counts for name, facts in masks.items()}
    if instances is None and (in_one_piece or values is not None):
        why = " (each is in one piece; --no-instances reads them as classes)" if in_one_piece else ""
        return Reading(None, only=only, notes=(f"mask values number objects{why}", *_parted(masks)))
    edges = {name: facts.borders for name, facts in masks.items()}
    found = ValueMap.infer_masks(counts, None, lossy, edges)
    if found.rule == "objects":
        if instances is None:
            return Reading(None, notes=("mask values number objects", *_parted(masks)))
        found = ValueMap.infer_masks(counts, "exact", lossy)
    return Reading(found, found.names()[1:] if found.classes > 2 else (), notes=tuple(_describe(found)))


def _describe(values: ValueMap, names: Sequence[str] = ()) -> Iterator[str]:
    if values.classes > 2 or values.rule == "threshold":
        yield values.describe(names or None)
        yield "connected components of each class are counted (--instances, if values number objects)"
    else:
        yield "masks have one value: connected components are counted"


def _parted(masks: Mapping[str, MaskFacts]) -> Iterator[str]:
    number = sum(facts.pieces > 1 for facts in masks.values())
    if number:
        yield (
            f"{counted(number, 'mask')} with one value in several pieces: each piece counts as an object "
            "(--instances counts each value as one)"
        )


def _compact(mask: NDArray[Any], where: str) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Returns labels 1 to n without a gap, and the value that each stands for."""
    if mask.size and int(mask.min()) < 0:
        raise IsthmusError(f"{where}: mask value {int(mask.min())}; objects are 1, 2, 3, …: renumber them")
    values = np.unique(mask)
    values = values[values != 0]
    if len(values) and int(values[-1]) >= _TABLE:
        labels = np.where(mask != 0, np.searchsorted(values, mask) + 1, 0).astype(np.int32)
        return labels, values.astype(np.int64)
    table = np.zeros(int(values[-1]) + 1 if len(values) else 1, np.int32)
    table[values] = np.arange(1, len(values) + 1)
    return table[mask], values.astype(np.int64)


def _components(classes: NDArray[np.uint8]) -> Objects:
    """Numbers the components of each class, whose pixels share a side (in space, a face)."""
    labels = np.zeros(classes.shape, np.int32)
    found: list[int] = []
    for index in np.flatnonzero(np.bincount(classes.ravel(), minlength=1)).tolist():
        if index:
            parts, number = ndimage.label(classes == index)
            labels += np.where(parts > 0, parts + len(found), 0).astype(np.int32)
            found += [int(index)] * int(number)
    return Objects(labels, np.arange(1, len(found) + 1), np.array(found, np.int64))
