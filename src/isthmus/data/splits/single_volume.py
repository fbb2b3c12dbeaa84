"""Splits a single volume into parts, so that some can train and others be scored."""

from __future__ import annotations

from dataclasses import replace

from isthmus.data.cases import Case, Dataset
from isthmus.io.images import probe
from isthmus.io.volumes import in_space


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
