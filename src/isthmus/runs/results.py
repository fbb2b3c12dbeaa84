"""What a run left behind, read from the plain files of its folder: recipe, history, scores, costs.

`RunFolder` names the files and checks those that a run resumes from. Here they are read as tables and named values,
so that runs of other versions, with other keys and other metrics, can be reported and compared.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isthmus.errors import IsthmusError
from isthmus.metrics.table import COUNTS, KEYS
from isthmus.runs.files import read_csv, read_json, read_yaml
from isthmus.runs.folder import RunFolder
from isthmus.shapes import shown

NEEDED = tuple(key for key in KEYS if key != "grid")
"""Columns that cases.csv must have; a column that is not among `KEYS` is a metric, a count or a remark."""


@dataclass(frozen=True)
class Score:
    """One row of cases.csv: the metrics of one class of one case, and its counts of points where the row has them."""

    case: str
    group: str
    set: str
    fold: str
    label: str
    values: Mapping[str, float]
    grid: str = ""

    @property
    def has_counts(self) -> bool:
        """Whether the row counts the points of both masks, which are needed to detect missed objects."""
        return not any(math.isnan(self.values.get(count, math.nan)) for count in COUNTS)


@dataclass(frozen=True)
class Run:
    """What a run left behind.

    Attributes:
        path: the run folder.
        recipe: the resolved recipe as nested mappings.
        history: each column of history.csv, one number per epoch; NaN where a cell is empty.
        scores: the rows of cases.csv.
        metrics: the columns of cases.csv that hold metrics, in its order.
        environment, splits, cost: what these files say; empty if a file is missing.
        before_cleanup: the scores before clean-up, if the recipe asks for clean-up.
        unlike: ways in which the scored images differ from the training images.
    """

    path: Path
    recipe: Mapping[str, Any]
    history: Mapping[str, NDArray[np.float64]]
    scores: tuple[Score, ...]
    metrics: tuple[str, ...]
    environment: Mapping[str, Any]
    splits: Mapping[str, Any]
    cost: Mapping[str, Any]
    before_cleanup: tuple[Score, ...] = ()
    unlike: tuple[str, ...] = ()

    @cached_property
    def network(self) -> str:
        """The network's name in the registry."""
        return text(value_at(self.recipe, "network.model")) or self.path.name

    @cached_property
    def data(self) -> str:
        """The data set's name; for a folder or a file, the last part of its path."""
        source = text(value_at(self.recipe, "data.source")).rstrip("/\\")
        return source.replace("\\", "/").rpartition("/")[2]

    @cached_property
    def parameters(self) -> int | None:
        """Trainable parameters, as counted when the network was built."""
        found = number_at(self.cost, "parameters")
        return None if found is None else int(found)

    @cached_property
    def seconds(self) -> float | None:
        """Seconds spent training."""
        found = number_at(self.cost, "training_seconds")
        if found is not None:
            return found
        spent = self.history.get("seconds", np.empty(0))
        return float(np.nansum(spent)) if np.isfinite(spent).any() else None

    @cached_property
    def best_epoch(self) -> int | None:
        """The epoch whose weights were kept: from cost.json, else the epoch of the best validation score."""
        said = number_at(self.cost, "best_epoch")
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
        """The scored sets, the least biased first: test, then validation, then others, train last."""
        rank = {"test": 0, "validation": 1, "train": 9}
        return tuple(sorted({s.set for s in self.scores}, key=lambda name: (rank.get(name, 5), name)))

    @cached_property
    def grids(self) -> tuple[str, ...]:
        """The grids that cases were scored on, the images' own grid first."""
        rank = {"original": 0, "network": 1}
        return tuple(sorted({s.grid for s in self.scores}, key=lambda name: (rank.get(name, 5), name)))

    @cached_property
    def leading(self) -> tuple[Score, ...]:
        """The rows behind the headline figures: those of the first set, on the first grid it was scored on."""
        rows = [s for s in self.scores if s.set == self.sets[0]]
        grid = next(g for g in self.grids if any(s.grid == g for s in rows))
        return tuple(s for s in rows if s.grid == grid)

    @cached_property
    def has_counts(self) -> bool:
        """Whether every row counts the points of both masks."""
        return all(score.has_counts for score in self.scores)

    @cached_property
    def classes(self) -> tuple[str, ...]:
        """Foreground classes in the order of cases.csv."""
        return tuple(dict.fromkeys(s.label for s in self.scores))


def read_run(path: Path, *, scored: bool = True) -> Run:
    """Reads a run folder.

    Args:
        path: the run folder.
        scored: whether the run must have scores; an interrupted run has none.

    Raises:
        IsthmusError: `recipe.yaml`, `history.csv` or `cases.csv` is missing, or a file cannot be understood.
    """
    folder = RunFolder(Path(path))
    if not folder.path.is_dir():
        raise IsthmusError(f"{path}: no such folder; give the run folder that `isthmus train` wrote")
    recipe = _mapping(_required(folder.recipe_path), read_yaml)
    history = _history(_required(folder.history))
    scores, metrics = _scores(_required(folder.cases)) if scored or folder.cases.is_file() else ((), ())
    return Run(
        folder.path,
        recipe,
        history,
        scores,
        metrics,
        environment=_mapping(folder.environment, read_json),
        splits=_splits(folder.splits),
        cost=_mapping(folder.cost, read_json),
        before_cleanup=_scores(folder.cases_before)[0] if folder.cases_before.is_file() else (),
        unlike=folder.unlike(),
    )


def value_at(tree: Mapping[str, Any], path: str) -> Any:
    """Returns the plain value at a dotted path in nested mappings; None when there is none.

    >>> value_at({"training": {"seed": 3}}, "training.seed")
    3
    """
    node: Any = tree
    for key in path.split("."):
        node = node.get(key) if isinstance(node, Mapping) else None
    return None if isinstance(node, Mapping) else node


def number_at(tree: Mapping[str, Any], path: str) -> float | None:
    """Returns the number at a dotted path; None when there is none, or when it is 1e300 or larger.

    >>> number_at({"epochs": 3}, "epochs"), number_at({"epochs": 10**400}, "epochs")
    (3.0, None)
    """
    found = value_at(tree, path)
    return float(found) if isinstance(found, int | float) and abs(found) < 1e300 else None


def text(value: Any) -> str:
    """Returns a value of a recipe as a person would write it.

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
    """Yields every plain value of nested mappings with its dotted name.

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
            f"{file.parent}: {file.name} is missing, so this is not a finished run; give the folder of one, "
            "or finish it with `isthmus train --resume`"
        )
    return file


def _mapping(file: Path, read: Callable[[Path], Any]) -> Mapping[str, Any]:
    """Reads the named values of a file; none if there is no such file."""
    tree = read(file) if file.exists() else {}
    if not isinstance(tree, dict):
        raise IsthmusError(f"{file}: holds no named values; restore the file or run again")
    return tree


def _splits(file: Path) -> Mapping[str, Any]:
    """Reads the ids of the cases of each set, with or without their groups."""
    found = _mapping(file, read_json)
    for name, ids in found.items():
        if not isinstance(ids, dict | list) or not all(isinstance(each, str) for each in ids):
            raise IsthmusError(
                f"{file}, key '{name}': should name cases, found {shown(ids)}; restore the file or run again"
            )
    return found


def _history(file: Path) -> dict[str, NDArray[np.float64]]:
    """Reads each column of history.csv as numbers; an empty cell is NaN."""
    found = read_csv(file, ("epoch",))
    for line, row in found.lines:
        if not row["epoch"].isdecimal():
            raise IsthmusError(
                f"{file}, line {line}: '{row['epoch']}' is not an epoch; restore the file or run again"
            )
    return {
        column: np.array([_number(row[column], file, line, column) for line, row in found.lines], np.float64)
        for column in found.columns
    }


def _scores(file: Path) -> tuple[tuple[Score, ...], tuple[str, ...]]:
    """Reads the rows of a table of cases, and the metrics among its columns."""
    found = read_csv(file, NEEDED)
    cells = {
        column: [row[column] for _, row in found.lines] for column in found.columns if column not in KEYS
    }
    numbers = [column for column, texts in cells.items() if _has_numbers(texts)]
    metrics = tuple(column for column in numbers if column not in COUNTS)
    if not metrics:
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
        for line, row in found.lines
    )
    return scores, metrics


def _has_numbers(cells: list[str]) -> bool:
    """Returns whether a column holds numbers; a column of words (a unit, a grid) is a remark."""
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
