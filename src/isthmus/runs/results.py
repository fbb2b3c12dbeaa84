"""A run folder read as plain files: no part of the program that wrote it is needed to read it."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isthmus.errors import IsthmusError
from isthmus.inference.unfamiliar import Remembered
from isthmus.metrics.rows import KEYS
from isthmus.metrics.summary import COUNTS
from isthmus.runs.files import read_cell, read_json, read_yaml
from isthmus.runs.folder import RunFolder
from isthmus.shapes import shown

NEEDED = tuple(key for key in KEYS if key != "grid")
"""Columns that cases.csv must have; what is not among `KEYS` is a metric, a count or a remark."""


@dataclass(frozen=True)
class Score:
    """One row of cases.csv: the metrics of one class of one case, and its counts of points where it has them."""

    case: str
    group: str
    set: str
    fold: str
    label: str
    values: Mapping[str, float]
    grid: str = ""

    @property
    def counted(self) -> bool:
        """Whether it is known how many points either mask has, without which a miss is not to be told."""
        return not any(math.isnan(self.values.get(count, math.nan)) for count in COUNTS)


@dataclass(frozen=True)
class Run:
    """What a run left behind; environment, cost and splits only describe and are empty where absent."""

    path: Path
    recipe: Mapping[str, Any]
    history: Mapping[str, NDArray[np.float64]]
    scores: tuple[Score, ...]
    metrics: tuple[str, ...]
    environment: Mapping[str, Any]
    splits: Mapping[str, Any]
    cost: Mapping[str, Any]
    before: tuple[Score, ...] = ()  # scores before clean-up, where there was any
    unlike: tuple[str, ...] = ()  # in which ways scored images lie outside those of the training

    @cached_property
    def network(self) -> str:
        """The network's name in the registry."""
        return text(look(self.recipe, "network.model")) or self.path.name

    @cached_property
    def data(self) -> str:
        """The data set's name; of a data set given as a folder or a file, that one's name."""
        source = text(look(self.recipe, "data.source")).rstrip("/\\")
        return source.replace("\\", "/").rpartition("/")[2]

    @cached_property
    def parameters(self) -> int | None:
        """Trainable parameters, as counted when the network was built."""
        found = quantity(self.cost, "parameters")
        return None if found is None else int(found)

    @cached_property
    def seconds(self) -> float | None:
        """Seconds spent training."""
        found = quantity(self.cost, "training_seconds")
        if found is not None:
            return found
        spent = self.history.get("seconds", np.empty(0))
        return float(np.nansum(spent)) if np.isfinite(spent).any() else None

    @cached_property
    def best_epoch(self) -> int | None:
        """The epoch whose weights were kept: as the run says, else the one of the best validation score."""
        said = quantity(self.cost, "best_epoch")
        if said is not None:
            return int(said)
        for column, sign in (("validation_dice", 1.0), ("validation_loss", -1.0)):
            values = sign * self.history.get(column, np.empty(0))
            if np.isfinite(values).any():
                return int(self.history["epoch"][np.nanargmax(values)])
        return None

    @property
    def epochs(self) -> int:
        """Epochs recorded in history.csv."""
        return len(self.history["epoch"])

    @cached_property
    def sets(self) -> tuple[str, ...]:
        """The scored sets, the most honest first: test, then validation, then others, train last."""
        rank = {"test": 0, "validation": 1, "train": 9}
        return tuple(sorted({s.set for s in self.scores}, key=lambda name: (rank.get(name, 5), name)))

    @cached_property
    def grids(self) -> tuple[str, ...]:
        """The grids that cases were scored on, the images' own first."""
        rank = {"original": 0, "network": 1}
        return tuple(sorted({s.grid for s in self.scores}, key=lambda name: (rank.get(name, 5), name)))

    @cached_property
    def leading(self) -> tuple[Score, ...]:
        """What the headline is about: the rows of the first set, on the first grid it was scored on."""
        rows = [s for s in self.scores if s.set == self.sets[0]]
        grid = next(g for g in self.grids if any(s.grid == g for s in rows))
        return tuple(s for s in rows if s.grid == grid)

    @cached_property
    def counted(self) -> bool:
        """Whether all scores are."""
        return all(score.counted for score in self.scores)

    @cached_property
    def classes(self) -> tuple[str, ...]:
        """Foreground classes in the order of cases.csv."""
        return tuple(dict.fromkeys(s.label for s in self.scores))


def read_run(path: Path, *, scored: bool = True) -> Run:
    """Reads a run folder.

    Args:
        scored: whether it must be; else a run that was stopped has no scores.

    Raises IsthmusError, in one line, when `recipe.yaml`, `history.csv` or `cases.csv` is missing, or when any
    file cannot be understood.
    """
    path = Path(path)
    if not path.is_dir():
        raise IsthmusError(f"{path}: no such folder; give the run folder that `isthmus train` wrote")
    recipe = _mapping(path / "recipe.yaml")
    history = _history(path / "history.csv")
    scores, metrics = _scores(path / "cases.csv") if scored or (path / "cases.csv").is_file() else ((), ())
    environment, cost = (_mapping(path / f"{name}.json") for name in ("environment", "cost"))
    splits = _splits(path / "splits.json")
    uncleaned = path / "cases-before-cleanup.csv"
    before = _scores(uncleaned)[0] if uncleaned.is_file() else ()
    unlike = tuple(Remembered.read(RunFolder(path)).scored)
    return Run(path, recipe, history, scores, metrics, environment, splits, cost, before, unlike)


def look(tree: Mapping[str, Any], path: str) -> Any:
    """The plain value that a dotted path leads to in nested mappings; None when there is none.

    >>> look({"training": {"seed": 3}}, "training.seed")
    3
    """
    node: Any = tree
    for key in path.split("."):
        node = node.get(key) if isinstance(node, Mapping) else None
    return None if isinstance(node, Mapping) else node


def quantity(tree: Mapping[str, Any], path: str) -> float | None:
    """The number that a dotted path leads to; None where there is none, or one beyond all that is counted.

    >>> quantity({"epochs": 3}, "epochs"), quantity({"epochs": 10**400}, "epochs")
    (3.0, None)
    """
    found = look(tree, path)
    return float(found) if isinstance(found, int | float) and abs(found) < 1e300 else None


def text(value: Any) -> str:
    """A value of a recipe as a person would write it.

    >>> text([256, 256]), text(1e-3), text(True), text(None)
    ('256, 256', '0.001', 'yes', '')
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, Mapping):
        return ", ".join(f"{k}: {text(v)}" for k, v in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(map(text, value))
    return str(value)


def flatten(tree: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Every plain value of nested mappings with its dotted name.

    >>> list(flatten({"data": {"name": "isbi-2012", "resize": [256, 256]}, "seed": 0}))
    [('data.name', 'isbi-2012'), ('data.resize', '256, 256'), ('seed', '0')]
    """
    for key, value in tree.items():
        if isinstance(value, Mapping) and value:
            yield from flatten(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", text(value)


def _required(file: Path) -> Path:
    if not file.is_file():
        raise IsthmusError(
            f"{file.parent}: {file.name} is missing, so this is no finished run; give the folder of one, "
            "or finish it with `isthmus train --resume`"
        )
    return file


def _mapping(file: Path) -> Mapping[str, Any]:
    """The named values of a YAML or JSON file; none of a JSON file that is not there."""
    if file.suffix == ".json" and not file.exists():
        return {}
    tree = read_json(file) if file.suffix == ".json" else read_yaml(_required(file))
    if not isinstance(tree, dict):
        raise IsthmusError(f"{file}: holds no named values; restore the file or run again")
    return tree


def _splits(file: Path) -> Mapping[str, Any]:
    """Of each set the ids of its cases, with or without their groups."""
    found = _mapping(file)
    for name, ids in found.items():
        if not isinstance(ids, dict | list) or not all(isinstance(each, str) for each in ids):
            raise IsthmusError(
                f"{file}, key '{name}': should name cases, found {shown(ids)}; restore the file or run again"
            )
    return found


def _rows(file: Path, columns: tuple[str, ...]) -> tuple[list[str], list[tuple[int, dict[str, str]]]]:
    """Header and rows with their line numbers; every row has a cell for every column."""
    try:
        with _required(file).open(encoding="utf-8-sig", newline="") as opened:
            reader = csv.reader(opened, strict=True)
            rows = [(reader.line_num, [*map(read_cell, cells)]) for cells in reader if cells]
            header, *lines = rows or [(1, [])]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        reason = " ".join(str(error).split())
        raise IsthmusError(f"{file}: cannot be read ({reason}); restore the file or run again") from None
    names = header[1]
    for column in columns:
        if column not in names:
            raise IsthmusError(f"{file}: has no column '{column}'; restore the file or run again")
    for line, cells in lines:
        if len(cells) != len(names):
            found = f"{len(cells)} cells under {len(names)} columns"
            raise IsthmusError(f"{file}, line {line}: {found}; restore the file or run again")
    return names, [(line, dict(zip(names, cells, strict=True))) for line, cells in lines]


def _history(file: Path) -> dict[str, NDArray[np.float64]]:
    header, rows = _rows(file, ("epoch",))
    for line, row in rows:
        if not row["epoch"].isdecimal():
            raise IsthmusError(
                f"{file}, line {line}: '{row['epoch']}' is no epoch; restore the file or run again"
            )
    return {
        column: np.array([_number(row[column], file, line, column) for line, row in rows], dtype=np.float64)
        for column in header
    }


def _scores(file: Path) -> tuple[tuple[Score, ...], tuple[str, ...]]:
    header, rows = _rows(file, NEEDED)
    numbers = [c for c in header if c not in KEYS and _is_metric([row[c] for _, row in rows])]
    metrics = tuple(c for c in numbers if c not in COUNTS)
    if not rows or not metrics:
        raise IsthmusError(f"{file}: holds no scores; run again with cases to validate on")
    scores = tuple(
        Score(
            row["case"],
            row["group"],
            row["set"],
            row["fold"],
            row["class"],
            {m: _number(row[m], file, line, m) for m in numbers},
            row.get("grid", ""),
        )
        for line, row in rows
    )
    return scores, metrics


def _is_metric(cells: list[str]) -> bool:
    """A column of numbers; a column of words only (a unit, a grid) is a remark."""
    return any(_parsed(c) is not None for c in cells if c.strip())


def _parsed(cell: str) -> float | None:
    try:
        return float(cell) if cell.strip() else math.nan
    except ValueError:
        return None


def _number(cell: str, file: Path, line: int, column: str) -> float:
    value = _parsed(cell)
    if value is None:
        raise IsthmusError(
            f"{file}, line {line}: {column} is '{cell}', not a number; restore the file or run again"
        )
    return value
