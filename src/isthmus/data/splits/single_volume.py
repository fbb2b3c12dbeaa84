"""Divides a single image or volume into parts, so that some can train and others be scored."""

from __future__ import annotations

from dataclasses import replace

from isthmus.data.cases import Case, Dataset
from isthmus.errors import IsthmusError
from isthmus.io.images import probe
from isthmus.io.volumes import in_space


def divided(dataset: Dataset, kind: str, folds: int, fraction: float) -> Dataset:
    """Returns the data set as a protocol divides it: most protocols leave it as it is.

    Args:
        dataset: a data set with any number of cases.
        kind: name of the protocol.
        folds, fraction: of the recipe, see `split_volume` and `split_off`.
    """
    if kind == "within-case":
        return split_volume(dataset, folds)
    return split_off(dataset, fraction) if kind == "last-part" else dataset


def split_off(dataset: Dataset, fraction: float) -> Dataset:
    """Returns a data set of one case as two: all but the last rows or slices, and these.

    Args:
        dataset: a data set with any number of cases; more than one stay as they are.
        fraction: share of the rows or slices in the second case, above 0 and below 1; each part has at least one.

    Raises:
        IsthmusError: the image has a single row or slice.
    """
    if len(dataset.cases) != 1:
        return dataset
    (case,) = dataset.cases
    size = probe(case.images[0])[0][1]
    if size < 2:
        raise IsthmusError(f"{case.images[0]}: a single row or slice cannot be divided; add another image")
    cut = min(size - 1, max(1, round(size * (1 - fraction))))
    return replace(dataset, cases=(_part(case, 0, 0, cut), _part(case, 1, cut, size)))


def split_volume(dataset: Dataset, count: int) -> Dataset:
    """Returns a data set of one volume as runs of neighbouring slices of about equal length, and any other as it is.

    The parts are cases of one group: only the protocol "within-case" splits them, and notes that they are not
    independent.

    Args:
        dataset: a data set with any number of cases.
        count: number of parts; at most one for each slice.
    """
    if len(dataset.cases) != 1:
        return dataset
    (case,) = dataset.cases
    if case.images[0].page is not None or not in_space(case.images[0].path):
        return dataset
    depth = probe(case.images[0])[0][1]
    count = min(count, depth)
    bounds = [round(index * depth / count) for index in range(count + 1)]
    parts = [_part(case, index, bounds[index], bounds[index + 1]) for index in range(count)]
    return replace(dataset, cases=tuple(parts))


def _part(case: Case, index: int, start: int, end: int) -> Case:
    images, masks = (
        tuple(replace(source, part=(start, end)) for source in sources)
        for sources in (case.images, case.masks)
    )
    return replace(case, id=f"{case.id}-part-{index}", images=images, masks=masks)
