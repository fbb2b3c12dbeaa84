"""The scores of a study, read from its run folders only."""

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
from isthmus.studies.study_folder import Key, Plan, Planned, StudyFolder

ALL = "all classes"


@dataclass(frozen=True)
class Result:
    """A finished cell and its run."""

    cell: Planned
    run: Run

    def scores(self, scored: str | None) -> tuple[Score, ...]:
        """Returns the rows that the study's tables are about: those of a set, or else the leading rows."""
        if scored is None:
            return self.run.leading
        return tuple(x for x in self.run.scores if x.set == scored) or self.run.leading


@dataclass(frozen=True)
class Value:
    """A score of one case in one fold and repeat."""

    case: str
    fold: int
    repeat: int
    value: float


@dataclass(frozen=True)
class Sample:
    """All scores of one measure of one network on one data set; scores that are NaN are only counted."""

    values: tuple[Value, ...]
    undefined: int = 0

    def spread(self, over: Literal["cases", "folds", "repeats"]) -> Spread:
        """Returns mean and standard deviation; NaN without scores."""
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
        """Returns each case once: the mean over the folds and repeats that scored it."""
        return _means(self.values, lambda x: x.case)

    def by_fold(self) -> dict[str, float]:
        """Returns each fold of each repeat once: the mean over its cases."""
        return _means(self.values, lambda x: f"{x.repeat}/{x.fold}")

    def fold_of(self) -> dict[str, str] | None:
        """Returns the fold that scored each case; None if several folds scored one, or there is one fold only."""
        found: dict[str, set[str]] = {}
        for x in self.values:
            found.setdefault(x.case, set()).add(str(x.fold))
        if any(len(folds) > 1 for folds in found.values()) or len({x.fold for x in self.values}) < 2:
            return None
        return {case: next(iter(folds)) for case, folds in found.items()}

    def only(self, keep: set[tuple[str, int, int]]) -> Sample:
        """Returns the scores of these cases, folds and repeats."""
        return Sample(tuple(x for x in self.values if (x.case, x.fold, x.repeat) in keep), self.undefined)

    @property
    def places(self) -> set[tuple[str, int, int]]:
        """The case, fold and repeat of each score."""
        return {(x.case, x.fold, x.repeat) for x in self.values}


def _means(values: Sequence[Value], key: Callable[[Value], str]) -> dict[str, float]:
    found: dict[str, list[float]] = {}
    for x in values:
        found.setdefault(key(x), []).append(x.value)
    return {name: math.fsum(numbers) / len(numbers) for name, numbers in found.items()}


@dataclass(frozen=True)
class Results:
    """The finished cells of a study.

    Attributes:
        study: the study.
        plan: all of its cells.
        found: the finished cells.
        printed: the paper's mean and standard deviation by (data set, network, measure).
    """

    study: Study
    plan: Plan
    found: tuple[Result, ...]
    printed: Mapping[Key, tuple[float, float]]

    @property
    def networks(self) -> list[str]:
        """The labels of rows: networks, with the grid point if there are several."""
        return list(dict.fromkeys(row(cell) for cell in self.plan.cells))

    @property
    def data(self) -> list[str]:
        """The labels of the data sets that are there."""
        return list(dict.fromkeys(cell.data for cell in self.plan.cells))

    def title(self, data: str, label: str) -> str:
        """Returns what a row is about: the data set, the class if classes have rows, and whether it is phantoms."""
        name = data if label == ALL else f"{data} {label}"
        return f"{name} (phantoms)" if data in self.plan.drawn else name

    def places(self) -> Iterator[tuple[str, str, str]]:
        """Yields data set, class and `title` of everything that has rows of its own."""
        for data in self.data:
            for label in self.classes(data):
                yield data, label, self.title(data, label)

    def in_paper(self, data: str, label: str, network: str, measure: Measure) -> tuple[float, float]:
        """Returns the paper's mean and deviation for the class, or else for the data set; NaN if it prints none."""
        for name in (f"{data} {label}", data):
            if (key := (name.casefold(), network, measure.name)) in self.printed:
                return self.printed[key]
        return math.nan, math.nan

    def of(self, data: str, network: str) -> list[Result]:
        """Returns the finished cells of a row."""
        return [x for x in self.found if x.cell.data == data and row(x.cell) == network]

    def share(self, data: str) -> float:
        """Returns the number of scored cases per training case, n_test / n_train, as the mean over finished cells.

        NaN if a split names no training cases.
        """
        found = []
        for x in (x for x in self.found if x.cell.data == data):
            sets = {score.set for score in x.scores(self.study.scored)}
            scored, train = (
                sum(len(x.run.splits.get(name) or ()) for name in names) for names in (sets, ["train"])
            )
            found.append(scored / train if train else math.nan)
        return math.fsum(found) / len(found) if found else math.nan

    def planned(self, data: str, network: str) -> int:
        """Counts the cells of a row."""
        return sum(cell.data == data and row(cell) == network for cell in self.plan.cells)

    def classes(self, data: str) -> list[str]:
        """Returns the classes that have rows of their own, or else `ALL`."""
        if not self.study.by_class:
            return [ALL]
        return list(dict.fromkeys(c for x in self.found if x.cell.data == data for c in x.run.classes)) or [
            ALL
        ]

    def sample(self, data: str, network: str, label: str, measure: Measure) -> Sample:
        """Returns the scores of a row for a measure."""
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
        """Returns the cost of a network: its parameters, or the largest memory of its runs; NaN if unknown."""
        found = [number_at(x.run.cost, measure.column) for x in self.of(data, network)]
        numbers = [each for each in found if each is not None]
        return max(numbers) * measure.scale if numbers else math.nan

    def curves(self, data: str, network: str) -> tuple[str, list[NDArray[np.float64]]]:
        """Returns the column of validation scores, IoU or Dice, and its values after each epoch of each run."""
        histories = [x.run.history for x in self.of(data, network)]
        column = (
            "validation_iou" if all("validation_iou" in each for each in histories) else "validation_dice"
        )
        if self.study.measures[0].column != "iou":
            column = "validation_dice"
        return column, [each[column] for each in histories if column in each]


def row(cell: Planned) -> str:
    """Returns the label of a cell's row."""
    return f"{cell.network}, {cell.point}" if cell.point else cell.network


def better(measure: Measure) -> int:
    """Returns 1 if higher is better, -1 if lower is, 0 for measures without a better direction, such as counts."""
    return -1 if measure.is_cost else direction(measure.column)


def read_results(folder: StudyFolder) -> Results:
    """Reads everything that the tables, the figures and the page of a study are made from.

    Raises:
        IsthmusError: no cell is finished, a run is damaged, or runs of one data set read different files.
    """
    study, plan = folder.study(), folder.plan()
    cells = [cell for cell in plan.cells if folder.run(cell.name).finished()]
    if not cells:
        raise IsthmusError(
            f"{folder.path}: no cell is finished yet; see `isthmus study status {folder.path}`"
        )
    read: dict[str, Run] = {}
    for cell in cells:
        if cell.name not in read:
            read[cell.name] = read_run(folder.run(cell.name).path)
    _refuse_other_data(folder, cells)
    found = tuple(Result(cell, read[cell.name]) for cell in cells)
    return Results(study, plan, found, folder.printed())


def _refuse_other_data(folder: StudyFolder, cells: Sequence[Planned]) -> None:
    """Refuses cells that read different files for a case, as runs are compared case by case."""
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
    """Returns a value of the recipe that all runs share; None if they differ."""
    values = {str(value_at(x.run.recipe, key)): value_at(x.run.recipe, key) for x in results.found}
    return next(iter(values.values())) if len(values) == 1 else None
