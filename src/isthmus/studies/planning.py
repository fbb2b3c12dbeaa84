"""From a study to the plan of its cells: names, recipes, and what it will cost."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path

from isthmus.data.cases import Dataset
from isthmus.data.catalog import DATASETS
from isthmus.data.sources import open_dataset
from isthmus.data.splits.folds import Split
from isthmus.errors import IsthmusError
from isthmus.networks.registry import check_options
from isthmus.runs.recipe import Recipe
from isthmus.studies.identity import fingerprint, identity
from isthmus.studies.study import Study
from isthmus.studies.study_folder import Plan, Planned, StudyFolder
from isthmus.training.split import chosen, wanted


@dataclass(frozen=True)
class Place:
    """Where a data set lies, what it holds, and the name of that."""

    source: str
    root: Path | None
    dataset: Dataset
    contents: str

    @classmethod
    def open(cls, source: str, root: Path | None = None) -> Place:
        """A data set as the recipe names it.

        Raises:
            IsthmusError: no such data set.
        """
        dataset = open_dataset(source, root)
        here = source if root is not None else str(Path(source).resolve())
        return cls(here, root.resolve() if root else None, dataset, fingerprint(dataset.cases))


@dataclass(frozen=True)
class Budget:
    """What a study will cost: cells, those of them that are not done, and their steps (at most)."""

    cells: int
    left: int
    steps: int
    unknown: int  # cells whose steps cannot be told before their data is read

    def line(self) -> str:
        """One line for the user.

        >>> Budget(8, 6, 1200, 0).line()
        '8 cells, 6 to compute, at most 1,200 steps in all'
        """
        if not self.left:
            return f"{self.cells} cells, all of them done"
        told = f"at most {self.steps:,} steps in all"
        told += (
            f" beside {self.unknown} cells whose steps depend on the size of their images"
            if self.unknown
            else ""
        )
        return f"{self.cells} cells, {self.left} to compute, {told}"


def plan_study(study: Study, places: dict[str, Place], **about: object) -> tuple[Plan, dict[str, Recipe]]:
    """The cells of a study on the data that is there, and the recipe of each by its name.

    Args:
        places: where the data sets lie, by their label; a label that is not there is left out.
        about: what else the plan says: scale, drawn, absent.
    """
    for cell in study.cells():
        check_options(cell.recipe.network.model, cell.recipe.network.options)
    cells: list[Planned] = []
    recipes: dict[str, Recipe] = {}
    known: dict[tuple[str, str], Split] = {}
    for cell in study.cells():
        if cell.data not in places:
            continue
        place = places[cell.data]
        recipe = _on(cell.recipe, place)
        name = identity(recipe, place.contents)
        division = (cell.data, f"{recipe.protocol.model_dump_json()} {recipe.data.limit}")
        if division not in known:
            known[division] = chosen(
                recipe, wanted(recipe, place.dataset)
            )  # shares of foreground are not known yet
        steps = _steps(recipe, place.dataset, len(known[division].train))
        recipes[name] = recipe
        cells.append(Planned(name, cell.data, cell.network, cell.point, cell.fold, cell.repeat, steps))
    return replace(Plan(tuple(cells)), **about), recipes  # type: ignore[arg-type]


def undivided(study: Study, places: dict[str, Place]) -> dict[str, str]:
    """Of data sets that cannot be divided as the study asks, why, by label."""
    found: dict[str, str] = {}
    seen = set()
    for cell in study.cells():
        if cell.data in places and cell.data not in seen:
            seen.add(cell.data)
            try:
                chosen(cell.recipe, wanted(cell.recipe, places[cell.data].dataset))
            except IsthmusError as error:
                found[cell.data] = str(error)
    return found


def budget(folder: StudyFolder, plan: Plan) -> Budget:
    """What is left to compute."""
    every = {cell.name: cell for cell in plan.cells}
    left = [cell for cell in every.values() if not folder.run(cell.name).finished()]
    known = [cell.steps for cell in left if cell.steps is not None]
    return Budget(len(every), len(left), sum(known), len(left) - len(known))


def find_data(
    study: Study, root: Path | None, beside: Path | None = None
) -> tuple[dict[str, Place], dict[str, str]]:
    """Where the study's data sets lie, and of those that are not found, why, by label.

    Args:
        root: the folder that holds the built-in data sets, each in a folder of its name; or one of them itself.
        beside: the folder of the study's file, from which relative paths start.
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
    return found, absent


def _home(source: str, root: Path | None, alone: bool) -> Path | None:
    """The folder of a built-in data set: that of its name, or all of the root where the study needs no other."""
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
    """The recipe on the data that lies here."""
    here = {"source": place.source, "root": str(place.root) if place.root else None}
    return recipe.model_copy(update={"data": recipe.data.model_copy(update=here)})


def _steps(recipe: Recipe, dataset: Dataset, train: int) -> int | None:
    """At most so many steps of the optimiser; None where it depends on the images' size."""
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
