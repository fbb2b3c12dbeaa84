"""Refuses settings of a recipe that contradict each other or the data, before any time is spent."""

from __future__ import annotations

import math

from isthmus.data.checks.check import Checked
from isthmus.data.sampling.patches import windows
from isthmus.errors import IsthmusError
from isthmus.inference.settings import refuse_for_objects
from isthmus.runs.recipe import Cleanup, Data, Input, Recipe, Roi
from isthmus.training.preparation.inputs import sizes_seen

MOST_REGIONS = 12
"""How many overlapping regions a network can have maps for."""


def refuse_contradictions(recipe: Recipe, checked: Checked, axes: int) -> None:
    """Raises an error for the first contradiction found.

    Args:
        recipe: the recipe, with `data` and `input` filled in.
        checked: its data.
        axes: spatial axes of the network.

    Raises:
        IsthmusError: two settings exclude each other, or the data does not have what a setting needs.
    """
    data, given = recipe.data, recipe.input
    _objects(data, recipe.cleanup, checked)
    _best_epoch(recipe)
    _ignored_pixels(data)
    _regions(data)
    _slices(data, given, recipe.training.augment)
    if recipe.roi is not None:
        _region_of_interest(recipe.roi, axes)
    if given.windows is not None:
        _windows(given, recipe.roi, checked)


def _objects(data: Data, cleanup: Cleanup, checked: Checked) -> None:
    if data.instances and (len(data.classes) != 2 or data.regions):
        raise IsthmusError(
            f"data.instances numbers the objects of one class, and these masks have {len(data.classes) - 1}; "
            "leave it out"
        )
    if not data.instances and all(facts.foreground == 1 for facts in checked.cases):
        raise IsthmusError(
            f"{checked.dataset.name}: every pixel of all masks belongs to an object, so there is no background to "
            "separate it from; separate the objects from each other with data.instances=true"
        )
    refuse_for_objects(cleanup, data)


def _best_epoch(recipe: Recipe) -> None:
    if recipe.training.select == "objects" and not recipe.data.instances:
        raise IsthmusError(
            "training.select=objects chooses the epoch whose objects are found best, and this run separates none; "
            "set data.instances=true, or choose dice, iou, soft_iou or loss"
        )


def _ignored_pixels(data: Data) -> None:
    if data.ignore is not None and (data.instances or data.multilabel):
        raise IsthmusError(
            "only masks of classes can have ignored pixels; leave out data.ignore, or data.instances and "
            "data.multilabel"
        )


def _regions(data: Data) -> None:
    if data.multilabel and len(data.regions) > MOST_REGIONS:
        raise IsthmusError(
            f"data.regions names {len(data.regions)} regions; at most {MOST_REGIONS} can overlap"
        )
    if data.multilabel and not data.regions:
        raise IsthmusError(
            "data.multilabel needs data.regions, such as data.regions={WT: [1, 2, 3], ET: [3]}"
        )


def _slices(data: Data, given: Input, augment: str) -> None:
    if given.slices and augment == "hmedn-ct" and (data.channels or 1) > 1:
        raise IsthmusError(
            "training.augment=hmedn-ct reverses the order of the channels, which here are more than slices; "
            "choose another augmentation"
        )


def _region_of_interest(roi: Roi, axes: int) -> None:
    for key, sides in (("roi.size", roi.size), ("roi.resize", roi.resize)):
        if len(sides) != axes:
            raise IsthmusError(f"{key} names {len(sides)} sides but the network has {axes} axes")


def _windows(given: Input, roi: Roi | None, checked: Checked) -> None:
    if given.patch is None:
        raise IsthmusError("input.windows needs input.patch, the size of the windows")
    if given.foreground or given.slices or roi:
        raise IsthmusError(
            "input.windows fixes the places of patches; leave out input.foreground, input.slices and roi"
        )
    smallest = min(sizes_seen(given, checked).values(), key=math.prod)
    padded = [max(side, patch) for side, patch in zip(smallest, given.patch, strict=True)]
    try:
        windows(padded, given.patch, given.windows)
    except ValueError as error:
        raise IsthmusError(f"input.windows: {error}") from error
