"""Studies whose numbers are known by construction, written as run folders."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from isthmus.report.printed import PrintedTable
from isthmus.studies.study import Study
from isthmus.studies.study_folder import Plan, Planned, StudyFolder

from .conftest import write_run

NOISE = np.random.default_rng(3).uniform(0.5, 0.8, 40)


Dices = Callable[[str, int, int], Mapping[str, float]]


"""(network, fold, repeat) -> the Dice of each case."""


def make(
    study: Study,
    out: Path,
    dices: Dices,
    *,
    printed: str | None = None,
    plan: Mapping[str, Any] | None = None,
    **of_run: Any,
) -> StudyFolder:
    """A study all of whose cells are finished."""
    folder = StudyFolder(out)
    cells, recipes = [], {}
    for i, cell in enumerate(study.cells()):
        name = f"cell{i:04d}"
        cells.append(Planned(name, cell.data, cell.network, cell.point, cell.fold, cell.repeat))
        recipes[name] = cell.recipe
        curve = of_run.get("curve")
        run = of_run | ({"curve": curve(cell)} if callable(curve) else {})
        write_run(folder.run(name).path, cell.recipe, dices(cell.network, cell.fold, cell.repeat), **run)
    folder.write(study, Plan(tuple(cells), **(plan or {})), recipes, printed)
    return folder


def by_fold(shift: Mapping[str, float]) -> Dices:
    """Ten cases per fold; the networks' scores differ only by a shift."""

    def dices(network: str, fold: int, repeat: int) -> dict[str, float]:
        return {f"c{fold}-{i}": float(NOISE[10 * fold + i] + shift.get(network, 0.0)) for i in range(10)}

    return dices


def rows(folder: StudyFolder, name: str) -> list[dict[str, str]]:
    with (folder.tables / f"{name}.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def table(tables: Sequence[PrintedTable], name: str) -> PrintedTable:
    return next(each for each in tables if each.name == name)


DICE = {"name": "DC", "column": "dice", "digits": 3}


def train_on(folder: StudyFolder, cases: int) -> None:
    """Write into every split that so many cases have trained."""
    for path in folder.cells.glob("*/splits.json"):
        split = json.loads(path.read_text())
        split["train"] = {f"trained-{i}": f"trained-{i}" for i in range(cases)}
        path.write_text(json.dumps(split))
