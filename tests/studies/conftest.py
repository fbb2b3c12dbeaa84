"""Studies whose training is replaced: a run folder is written at once, with scores that are known."""

from __future__ import annotations

import csv
import json
import multiprocessing
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from isthmus import training
from isthmus.data.phantoms.cells import write_phantoms
from isthmus.errors import IsthmusError
from isthmus.runs.files import write_json
from isthmus.runs.folder import HISTORY_COLUMNS, RunFolder
from isthmus.runs.recipe import Recipe
from isthmus.studies.running.worker import compute
from isthmus.studies.study import Study, make_study
from isthmus.studies.study_folder import StudyFolder

CASES = (
    "case",
    "group",
    "set",
    "fold",
    "grid",
    "class",
    "dice",
    "iou",
    "hausdorff_distance",
    "average_surface_distance",
)
Scores = Mapping[str, float]


def write_run(
    out: Path,
    recipe: Recipe,
    scores: Scores,
    *,
    curve: Sequence[float] = (0.5, 0.75, 0.7),
    which: str = "validation",
    labels: Sequence[str] = ("cell",),
    notes: Sequence[str] = (),
) -> None:
    """A finished run: the Dice of each case, IoU half of it, the distance ten times what lacks."""
    out.mkdir(parents=True, exist_ok=True)
    import yaml

    (out / "recipe.yaml").write_text(yaml.safe_dump(recipe.to_dict()), encoding="utf-8")
    (out / "data.json").write_text(
        json.dumps({case: {f"{case}.png": f"digest of {case}"} for case in scores})
    )
    splits: dict[str, Any] = {"train": {}, "validation": {}, "test": {}, "notes": list(notes)}
    (out / "splits.json").write_text(json.dumps(splits | {which: {case: case for case in scores}}))
    with (out / "history.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, HISTORY_COLUMNS, restval=0.1)
        writer.writeheader()
        writer.writerows(
            {"epoch": i + 1, "validation_dice": value, "validation_iou": value, "seconds": 1.0}
            for i, value in enumerate(curve)
        )
    with (out / "cases.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(CASES)
        for case, dice in scores.items():
            for label in labels:
                gap = 10 * (1 - dice)
                rows.writerow(
                    [case, case, which, recipe.protocol.fold, "network", label, dice, dice / 2, gap, gap]
                )
    cost = {
        "parameters": 1000,
        "epochs": len(curve),
        "best_epoch": 2,
        "best_validation_dice": max(curve),
        "training_seconds": 10.0,
        "peak_memory_bytes": 5_000_000,
    }
    write_json(out / "cost.json", cost)  # at once, as it says that the run is finished


class Forked:
    """A process that computes a cell as a worker does, with what the test has substituted for training."""

    def __init__(self, folder: StudyFolder, name: str) -> None:
        context = multiprocessing.get_context("fork")
        self.process = context.Process(target=_work, args=(folder, name))
        self.process.start()

    def poll(self) -> int | None:
        return self.process.exitcode

    def terminate(self) -> None:
        self.process.terminate()

    def wait(self) -> int:
        self.process.join()
        return self.process.exitcode or 0


def _work(folder: StudyFolder, name: str) -> None:
    raise SystemExit(compute(folder, name))


def fork(folder: StudyFolder, name: str, threads: int, slot: int) -> Forked:
    """In the place of `isthmus.studies.running.execute.launch`."""
    return Forked(folder, name)


def never(folder: StudyFolder, name: str, threads: int, slot: int) -> Forked:
    """Nothing is left to compute."""
    raise AssertionError(f"{name} is computed again")


@pytest.fixture
def begun(tmp_path: Path) -> Callable[[], list[str]]:
    """Names of the cells whose training was begun, in order."""
    file = tmp_path / "begun.txt"
    file.touch()
    return lambda: file.read_text().split()


@pytest.fixture
def trained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, begun: Any) -> None:
    """Training writes a run at once; the network called ``unetpp`` fails."""

    def train(recipe: Recipe, out: Path, *, watch: Any = None) -> RunFolder:
        with (tmp_path / "begun.txt").open("a") as file:
            file.write(f"{out.name}\n")
        if recipe.network.model == "unetpp":
            raise IsthmusError("training diverged")
        base = {"unet": 0.5, "sharp_unet": 0.75}.get(recipe.network.model, 0.25)
        cases = {f"{recipe.protocol.fold}-{i}": base + i / 100 for i in range(4)}
        write_run(out, recipe, cases)
        return RunFolder(out)

    monkeypatch.setattr(training, "train", train)
    monkeypatch.setattr(training, "resume", lambda out, watch=None: train(RunFolder(out).recipe(), out))


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pictures")
    write_phantoms(folder, 6, 32, seed=1)
    return folder


@pytest.fixture
def small(pictures: Path) -> Callable[..., Study]:
    """A function from changes to a study of two networks and two folds that trains in a second or two."""

    def study(**changes: Any) -> Study:
        values: dict[str, Any] = {
            "name": "small",
            "preset": "default",
            "data": {"phantoms": str(pictures)},
            "networks": {"U-Net": "unet", "Sharp U-Net": "sharp_unet"},
            "folds": 2,
            "recipe": {
                "network": {"options": {"widths": [2, 4]}},
                "input": {"resize": [32, 32]},
                "training": {"epochs": 2, "batch": 2, "augment": "none"},
                "protocol": {"kind": "kfold"},
                "hardware": {"device": "cpu", "precision": "float32"},
            },
        }
        return make_study(values | changes)

    return study
