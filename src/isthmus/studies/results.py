"""The scores of a study, read from its run folders alone."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from isthmus.errors import IsthmusError
from isthmus.metrics.table import direction
from isthmus.runs.results import Run, Score, number_at, read_run, value_at
from isthmus.statistics import Spread, over_cases, over_folds, over_repeats
from isthmus.studies.study import Measure, Study
from isthmus.studies.study_folder import Plan, Planned, StudyFolder

ALL = "all classes"


@dataclass(frozen=True)
class Result:
    """A finished cell and its run."""

    cell: Planned
    run: Run

    def scores(self, scored: str | None) -> tuple[Score, ...]:
        """The rows that the study's tables are about."""
        if scored is None:
            return self.run.leading
        return tuple(x for x in self.run.scores if x.set == scored) or self.run.leading


@dataclass(frozen=True)
class Value:
    """A score of one case, and the network that gave it."""

    case: str
    fold: int
    repeat: int
    value: float


@dataclass(frozen=True)
class Sample:
    """All scores of one measure of one network on one data set; those that are NaN are left out and counted."""

    values: tuple[Value, ...]
    undefined: int = 0

    def spread(self, over: Literal["cases", "folds", "repeats"]) -> Spread:
        """Mean and standard deviation; NaN of nothing."""
        if not self.values:
            return Spread(math.nan, math.nan, 0)
        numbers = [x.value for x in self.values]
        folds, repeats = [x.fold for x in self.values], [x.repeat for x in self.values]
        if over == "cases":
            return over_cases(numbers, [x.case for x in self.values])
        if over == "folds":
            return over_folds(numbers, folds, repeats)
        return over_repeats(numbers, repeats, folds)

    def by_case(self) -> dict[str, float]:
        """Each case once: the mean over the folds and repeats that scored it."""
        return _means(self.values, lambda x: x.case)

    def by_fold(self) -> dict[str, float]:
        """Each fold of each repeat once: the mean over its cases."""
        return _means(self.values, lambda x: f"{x.repeat}/{x.fold}")

    def fold_of(self) -> dict[str, str] | None:
        """In which fold a case is scored; None where several do."""
        found: dict[str, set[str]] = {}
        for x in self.values:
            found.setdefault(x.case, set()).add(str(x.fold))
        if any(len(folds) > 1 for folds in found.values()) or len({x.fold for x in self.values}) < 2:
            return None
        return {case: next(iter(folds)) for case, folds in found.items()}

    def only(self, keep: set[tuple[str, int, int]]) -> Sample:
        """The scores of these cases, folds and repeats."""
        return Sample(tuple(x for x in self.values if (x.case, x.fold, x.repeat) in keep), self.undefined)

    @property
    def places(self) -> set[tuple[str, int, int]]:
        """What is scored: case, fold, repeat."""
        return {(x.case, x.fold, x.repeat) for x in self.values}


def _means(values: Sequence[Value], key: Callable[[Value], str]) -> dict[str, float]:
    found: dict[str, list[float]] = {}
    for x in values:
        found.setdefault(key(x), []).append(x.value)
    return {name: math.fsum(numbers) / len(numbers) for name, numbers in found.items()}


@dataclass(frozen=True)
class Results:
    """A study's finished cells."""

    study: Study
    plan: Plan
    found: tuple[Result, ...]
    printed: Mapping[
        tuple[str, str, str], tuple[float, float]
    ]  # (data, network, measure) -> the paper's mean, sd

    @property
    def networks(self) -> list[str]:
        """Labels of rows: networks, with the place in the grid where there are several."""
        return list(dict.fromkeys(row(cell) for cell in self.plan.cells))

    @property
    def data(self) -> list[str]:
        """Labels of the data sets that are there."""
        return list(dict.fromkeys(cell.data for cell in self.plan.cells))

    def title(self, data: str, label: str) -> str:
        """What a row is about: the data set, the class where classes stand apart, and whether it is phantoms."""
        name = data if label == ALL else f"{data} {label}"
        return f"{name} (phantoms)" if data in self.plan.drawn else name

    def places(self) -> Iterator[tuple[str, str, str]]:
        """Data set, class and `title` of all that stands apart."""
        for data in self.data:
            for label in self.classes(data):
                yield data, label, self.title(data, label)

    def in_paper(self, data: str, label: str, network: str, measure: Measure) -> tuple[float, float]:
        """The paper's mean and standard deviation: of the class, else of the data set; NaN where it prints none."""
        for name in (f"{data} {label}", data):
            if (key := (name.casefold(), network, measure.name)) in self.printed:
                return self.printed[key]
        return math.nan, math.nan

    def of(self, data: str, network: str) -> list[Result]:
        """The finished cells of a row."""
        return [x for x in self.found if x.cell.data == data and row(x.cell) == network]

    def share(self, data: str) -> float:
        """Scored cases for each training case, n_test / n_train of the splits: the mean over the finished cells, NaN
        where splits name no training cases."""
        found = []
        for x in (x for x in self.found if x.cell.data == data):
            sets = {score.set for score in x.scores(self.study.scored)}
            scored, train = (
                sum(len(x.run.splits.get(name) or ()) for name in names) for names in (sets, ["train"])
            )
            found.append(scored / train if train else math.nan)
        return math.fsum(found) / len(found) if found else math.nan

    def planned(self, data: str, network: str) -> int:
        """How many cells a row has."""
        return sum(cell.data == data and row(cell) == network for cell in self.plan.cells)

    def classes(self, data: str) -> list[str]:
        """The classes that have rows of their own, else all together."""
        if not self.study.by_class:
            return [ALL]
        return list(dict.fromkeys(c for x in self.found if x.cell.data == data for c in x.run.classes)) or [
            ALL
        ]

    def sample(self, data: str, network: str, label: str, measure: Measure) -> Sample:
        """The scores of a row and a measure."""
        values, undefined = [], 0
        for x in self.of(data, network):
            by_case: dict[str, list[float]] = {}
            for score in x.scores(self.study.scored):
                if label in (ALL, score.label):
                    by_case.setdefault(score.case, []).append(score.values.get(measure.column, math.nan))
            for case, numbers in by_case.items():
                known = [number for number in numbers if not math.isnan(number)]
                if not known:
                    undefined += 1
                    continue
                mean = math.fsum(known) / len(known) * measure.scale
                values.append(Value(case, x.cell.fold, x.cell.repeat, mean))
        return Sample(tuple(values), undefined)

    def cost(self, data: str, network: str, measure: Measure) -> float:
        """Of the network: parameters, or the largest memory of its runs; NaN where unknown."""
        found = [number_at(x.run.cost, measure.column) for x in self.of(data, network)]
        numbers = [each for each in found if each is not None]
        return max(numbers) * measure.scale if numbers else math.nan

    def curves(self, data: str, network: str) -> tuple[str, list[NDArray[np.float64]]]:
        """The validation score after each epoch of each run, and what it is: IoU where runs record it, else Dice."""
        histories = [x.run.history for x in self.of(data, network)]
        column = (
            "validation_iou" if all("validation_iou" in each for each in histories) else "validation_dice"
        )
        if self.study.measures[0].column != "iou":
            column = "validation_dice"
        return column, [each[column] for each in histories if column in each]


def row(cell: Planned) -> str:
    """The label of a cell's row."""
    return f"{cell.network}, {cell.point}" if cell.point else cell.network


def better(measure: Measure) -> int:
    """1 where higher is better, -1 where lower is, 0 where neither is: of differences with a sign, and of counts."""
    return -1 if measure.is_cost else direction(measure.column)


def read_results(folder: StudyFolder) -> Results:
    """Everything that the tables, figures and the page of a study are made of.

    Raises:
        IsthmusError: no cell is finished; a run is broken; runs of one data set have read different files.
    """
    study, plan = folder.study(), folder.plan()
    cells = [cell for cell in plan.cells if folder.run(cell.name).finished()]
    if not cells:
        raise IsthmusError(
            f"{folder.path}: no cell is finished yet; `isthmus study status {folder.path}` tells more"
        )
    read: dict[str, Run] = {}
    for cell in cells:
        if cell.name not in read:
            read[cell.name] = read_run(folder.run(cell.name).path)
    _refuse_other_data(folder, cells)
    found = tuple(Result(cell, read[cell.name]) for cell in cells)
    return Results(study, plan, found, folder.printed())


def _refuse_other_data(folder: StudyFolder, cells: Sequence[Planned]) -> None:
    """Runs are compared case by case, so each case must be the same files in all."""
    known: dict[tuple[str, str], tuple[list[str], str]] = {}
    for cell in {cell.name: cell for cell in cells}.values():
        for case, files in folder.run(cell.name).hashes().items():
            digests = sorted(files.values())
            before, name = known.setdefault((cell.data, case), (digests, cell.name))
            if before != digests:
                raise IsthmusError(
                    f"{folder.path}: case '{case}' of {cell.data} had other files in cell {name} than in {cell.name}; "
                    "delete the cells that were computed on the wrong ones, and run the study again"
                )


def case_measures(results: Results) -> list[Measure]:
    """Returns the measures of cases; if there are none, all measures."""
    return [m for m in results.study.measures if not m.is_cost] or results.study.measures


def recipe_value(results: Results, key: str) -> Any:
    """A value of the recipe, where all runs share it; None where they differ."""
    values = {str(value_at(x.run.recipe, key)): value_at(x.run.recipe, key) for x in results.found}
    return next(iter(values.values())) if len(values) == 1 else None
