"""Run folders made on the spot: small, with everything a report reads."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
import yaml

HISTORY = ("epoch", "train_loss", "validation_loss", "validation_dice", "learning_rate", "seconds")
CASES = ("case", "group", "set", "fold", "class", "dice", "iou", "hausdorff_distance")
COUNTED = (*CASES, "grid", "prediction_points", "truth_points", "shared_points", "image_points")
Row = Sequence[object]
MakeRun = Callable[..., Path]


def disks(size: int = 32, shift: int = 0) -> np.ndarray:
    """A label map with one disk of radius 8."""
    rows, columns = np.mgrid[:size, :size]
    return ((rows - 16) ** 2 + (columns - 16 - shift) ** 2 < 64).astype(np.uint8)


def pictures(cases: Sequence[str]) -> dict[str, tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """For each case a grey image, the truth, and a prediction that is off by one pixel more each time."""
    noise = np.random.default_rng(0).integers(0, 255, (32, 32), dtype=np.uint8)
    return {case: (noise, disks(), disks(shift=i)) for i, case in enumerate(cases)}


def one_class(cases: Mapping[str, float], which: str = "validation") -> list[Row]:
    """Rows of cases.csv for a Dice of each case."""
    return [(case, case, which, 0, "cell", d, d / (2 - d), 10 * (1 - d)) for case, d in cases.items()]


def counted(row: Row) -> Row:
    """A row of `CASES` with the grid and counts of points: a Dice of 0 is a miss. Longer rows stay as they are."""
    if len(row) > len(CASES):
        return row
    dice = float(str(row[5]))
    predicted = 0 if dice == 0 else 100
    return (*row, "original", predicted, 100, round(100 * dice) if dice == dice else 0, 1000)


@pytest.fixture
def make_run(tmp_path: Path) -> MakeRun:
    def make(
        name: str = "run",
        rows: Sequence[Row] | None = None,
        *,
        epochs: int = 3,
        model: str = "unet",
        columns: Sequence[str] = COUNTED,
    ) -> Path:
        path = tmp_path / name
        path.mkdir(parents=True)
        recipe = {
            "data": {"source": "/somewhere/my nuclei", "classes": ["background", "cell"]},
            "input": {"resize": [64, 96], "patch": None},
            "network": {"model": model, "options": {}},
            "training": {"epochs": 5, "batch": 4, "learning_rate": 1e-3, "seed": 7},
        }
        (path / "recipe.yaml").write_text(yaml.safe_dump(recipe), encoding="utf-8")
        _json(path / "environment.json", {"python": "3.11.2", "packages": {"torch": "2.13.0"}})
        _json(path / "splits.json", {"train": {"a": "a", "b": "b"}, "validation": {"c": "c"}, "test": {}})
        cost = {"parameters": 31_031_685, "training_seconds": 200.0, "best_epoch": min(2, epochs)}
        _json(path / "cost.json", cost)
        history = [(e, 1 / e, 1.2 / e, 1 - 0.5 / e, 10.0**-e, 2.5) for e in range(1, epochs + 1)]
        _csv(path / "history.csv", HISTORY, history)
        rows = one_class({"c": 0.9}) if rows is None else rows
        _csv(path / "cases.csv", columns, list(map(counted, rows)) if columns == COUNTED else rows)
        return path

    return make


def _json(path: Path, value: object) -> None:
    path.write_text(json.dumps(value), encoding="utf-8")


def _csv(path: Path, columns: Sequence[str], rows: Sequence[Row]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([columns, *rows])
