"""Fills in what a recipe leaves open about its data: channels, mask values, classes and regions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from isthmus.data.cases import Dataset
from isthmus.data.checks.check import Checked
from isthmus.data.masks.values import ValueMap
from isthmus.errors import IsthmusError
from isthmus.runs.recipe import Data


def with_values(dataset: Dataset, values: ValueMap, classes: list[str]) -> Dataset:
    """Returns the data set with the mask values and class names of a recipe.

    Raises:
        IsthmusError: the number of names is not that of the classes.
    """
    names = tuple(classes) or values.names()
    if len(names) != values.classes:
        raise IsthmusError(
            f"data.classes names {len(names)} classes but data.values maps to {values.classes}"
        )
    return replace(dataset, values=values, classes=names)


def resolve_data(source: Data, checked: Checked) -> Data:
    """Returns the section `data` of a recipe with everything that the check of its files has found.

    Raises:
        IsthmusError: names for another number of classes, or regions of classes that do not exist.
    """
    if source.classes and len(source.classes) != checked.values.classes:
        raise IsthmusError(
            f"data.classes names {len(source.classes)} classes (background included) but the masks have "
            f"{checked.values.classes}: {checked.values.describe()}"
        )
    classes = source.classes or list(checked.dataset.classes)
    return source.model_copy(
        update={
            "root": str(Path(source.root).resolve()) if source.root else None,
            "source": str(Path(source.source).resolve()) if not source.root else source.source,
            "channels": source.channels or checked.channels,
            "axes": source.axes or checked.dataset.axes or None,
            "classes": classes,
            "values": dict(checked.values.pairs),
            "value_rule": checked.values.rule,
            "ignore": checked.dataset.ignore,
            "regions": _regions(source, checked, classes),
        }
    )


def _regions(source: Data, checked: Checked, classes: Sequence[str]) -> dict[str, list[int]]:
    if source.regions == "dataset":
        found = {name: list(indices) for name, indices in checked.dataset.regions.items()}
        if not found:
            raise IsthmusError(
                f"{checked.dataset.name} has no regions of its own; write data.regions={{NAME: [CLASS, …]}}"
            )
        return found
    for name, indices in source.regions.items():
        unknown = [index for index in indices if not 0 < index < len(classes)]
        if unknown or not indices:
            listing = ", ".join(f"{index} {label}" for index, label in enumerate(classes) if index)
            raise IsthmusError(f"data.regions.{name} names class {unknown}: the classes are {listing}")
    return dict(source.regions)
