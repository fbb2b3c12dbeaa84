"""Plans a study: where its data lies, the name and recipe of each cell, and what they will cost."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from isthmus.data.cases import Dataset
from isthmus.data.catalog import DATASETS
from isthmus.data.sources import open_dataset
from isthmus.data.splits.folds import Split
from isthmus.errors import IsthmusError, counted
from isthmus.networks.registry import check_options
from isthmus.runs.recipe import Recipe
from isthmus.studies.identity import fingerprint, identity
from isthmus.studies.study import Cell, Study
from isthmus.studies.study_folder import Plan, Planned, StudyFolder
from isthmus.training.preparation.split import split_of_recipe
from isthmus.training.preparation.start import with_start


@dataclass(frozen=True)
class Place:
    """A data set of a study.

    Attributes:
        source: the source as a recipe names it.
        root: the folder of a built-in data set; None for any other.
        dataset: its cases.
        contents: their `fingerprint`.
    """

    source: str
    root: Path | None
    dataset: Dataset
    contents: str

    @classmethod
    def open(cls, source: str, root: Path | None = None) -> Place:
        """Opens a data set as a recipe names it.

        Raises:
            IsthmusError: no such data set.
        """
        dataset = open_dataset(source, root)
        here = source if root is not None else str(Path(source).resolve())
        return cls(here, root.resolve() if root else None, dataset, fingerprint(dataset.cases))


@dataclass(frozen=True)
class StudyData:
    """The data sets of a study, by label.

    Attributes:
        places: folder of each data set; cells of other data sets are left out of the plan.
        phantoms: the labels of data sets that phantoms replace.
        absent: reasons why data sets are missing.
    """

    places: Mapping[str, Place]
    phantoms: tuple[str, ...] = ()
    absent: Mapping[str, str] = field(default_factory=dict)

    def complete(self) -> StudyData:
        """Returns itself.

        Raises:
            IsthmusError: a data set is missing.
        """
        for reason in self.absent.values():
            raise IsthmusError(reason)
        return self


@dataclass(frozen=True)
class Budget:
    """What a study will cost.

    Attributes:
        cells: the number of cells.
        left: the number of cells that are not done.
        steps: the largest number of steps that these cells may take.
        unknown: how many of them have a number of steps that depends on images which are not read yet.
    """

    cells: int
    left: int
    steps: int
    unknown: int

    def line(self) -> str:
        """Returns the budget in one line.

        >>> Budget(8, 6, 1200, 0).line()
        '8 cells, 6 to compute, at most 1,200 steps in all'
        """
        if not self.left:
            return f"{counted(self.cells, 'cell')}, all of them done"
        steps = f"at most {counted(self.steps, 'step')} in all"
        if self.unknown:
            steps += f", and {counted(self.unknown, 'cell')} whose steps depend on the size of their images"
        return f"{counted(self.cells, 'cell')}, {self.left} to compute, {steps}"


def plan_study(study: Study, data: StudyData, scale: str = "") -> tuple[Plan, dict[str, Recipe]]:
    """Returns the cells of a study on the data that is there, and the recipe of each cell by its name.

    Args:
        study: the study.
        data: its data sets.
        scale: "small" or "paper" for a study of a paper.

    Raises:
        IsthmusError: a recipe is not valid, the data cannot be split as the recipe says, or a run from whose weights
            training starts has none.
    """
    for cell in study.cells():
        check_options(cell.recipe.network.model, cell.recipe.network.options)
    cells: list[Planned] = []
    recipes: dict[str, Recipe] = {}
    known: dict[tuple[str, str], Split] = {}
    for cell in study.cells():
        if cell.data not in data.places:
            continue
        place = data.places[cell.data]
        recipe = with_start(_on(cell.recipe, place))
        name = identity(recipe, place.contents)
        key = (cell.data, f"{recipe.protocol.model_dump_json()} {recipe.data.limit}")
        if key not in known:  # shares of foreground are not known yet
            known[key] = split_of_recipe(recipe, place.dataset)
        steps = _steps(recipe, place.dataset, len(known[key].train))
        recipes[name] = recipe
        cells.append(Planned(name, cell.data, cell.network, cell.point, cell.fold, cell.repeat, steps))
    plan = Plan(tuple(cells), scale=scale, drawn=data.phantoms, absent=tuple(data.absent))
    return plan, recipes


def without_unsplittable(study: Study, data: StudyData) -> StudyData:
    """Returns the data without the data sets that cannot be split as the study asks, which count as absent."""
    refused: dict[str, str] = {}
    cells: dict[str, Cell] = {}
    for cell in study.cells():
        if cell.data in data.places:
            cells.setdefault(cell.data, cell)
    for label, cell in cells.items():
        try:
            split_of_recipe(cell.recipe, data.places[label].dataset)
        except IsthmusError as error:
            refused[label] = str(error)
    places = {label: place for label, place in data.places.items() if label not in refused}
    return replace(data, places=places, absent={**data.absent, **refused})


def budget(folder: StudyFolder, plan: Plan) -> Budget:
    """Returns what is left to compute."""
    every = {cell.name: cell for cell in plan.cells}
    left = [cell for cell in every.values() if not folder.run(cell.name).finished()]
    known = [cell.steps for cell in left if cell.steps is not None]
    return Budget(len(every), len(left), sum(known), len(left) - len(known))


def find_data(study: Study, root: Path | None = None, beside: Path | None = None) -> StudyData:
    """Finds the data sets of a study.

    Args:
        study: the study.
        root: the folder that holds the built-in data sets, each in a folder of its name; or the folder of the only
            one that the study needs.
        beside: the folder of the study's file, from which relative paths start.

    Raises:
        IsthmusError: a data set of the study names no source.
    """
    found, absent = {}, {}
    alone = len({str(each.get("data", {}).get("source")) for each in study.data.values()}) == 1
    for label, sections in study.data.items():
        about = sections.get("data", {})
        source, own = str(about.get("source", "")), about.get("root")
        if not source:
            raise IsthmusError(
                f"{study.name}: data '{label}' names no source; write a folder, CSV or built-in name"
            )
        try:
            where = Path(own) if own else _home(source, root, alone)
            found[label] = _place(source, where, beside)
        except IsthmusError as error:
            absent[label] = str(error)
    return StudyData(found, absent=absent)


def _home(source: str, root: Path | None, alone: bool) -> Path | None:
    """Returns the folder of a built-in data set: the one of its name, or the root itself."""
    if source not in DATASETS or root is None:
        return None
    if not alone and not (root / source).is_dir():
        raise IsthmusError(f"{source} is not in {root}; put it in {root / source}: {DATASETS[source].layout}")
    return root / source if (root / source).is_dir() else root


def _place(source: str, root: Path | None, beside: Path | None) -> Place:
    if source in DATASETS:
        return Place.open(source, root)
    path = Path(source)
    if beside is not None and not path.is_absolute() and (beside / path).exists():
        path = beside / path
    return Place.open(str(path))


def _on(recipe: Recipe, place: Place) -> Recipe:
    """Returns the recipe with the place of the data on this machine."""
    here = {"source": place.source, "root": str(place.root) if place.root else None}
    return recipe.model_copy(update={"data": recipe.data.model_copy(update=here)})


def _steps(recipe: Recipe, dataset: Dataset, train: int) -> int | None:
    """Returns the largest number of optimiser steps; None if it depends on the size of the images."""
    training, shape = recipe.training, recipe.input
    samples = training.samples
    if training.minutes is not None and training.epoch_seconds is None:
        return None
    if samples is None:
        if shape.slices or recipe.roi or (shape.patch and not shape.windows):
            return None
        if not (shape.resize or shape.windows or dataset.resize):
            return None
        samples = train * (shape.windows or 1)
    return training.epochs * math.ceil(samples / training.batch)
