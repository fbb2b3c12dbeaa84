"""Every row is a recipe, both kinds of statistics score the same weights, and a stopped training goes on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from benchmarks.accuracy import isbi_2012, running_means
from benchmarks.frame import benchmark
from isthmus.data.phantoms.cells import write_phantoms
from isthmus.runs.recipe import make_recipe
from isthmus.training.loop import checkpoint


@pytest.mark.parametrize("run", running_means.RUNS, ids=str)
def test_every_row_is_a_recipe(run: tuple[Any, int, int], tmp_path: Path) -> None:
    recipe = make_recipe("paper", running_means.sections(*run, benchmark.Settings(data=tmp_path)))
    assert (recipe.input.resize, recipe.training.seed) == ((run[1], run[1]), run[2])
    assert list(recipe.protocol.validation or ()) == list(isbi_2012.VALIDATION)
    assert recipe.training.batch_statistics == "running"


class Stopped(Exception):
    pass


def test_one_training_is_scored_twice_and_goes_on_after_a_stop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_phantoms(tmp_path / "data", 4, 32, seed=1)
    wanted: dict[str, Any] = {
        "data": {"source": str(tmp_path / "data")},
        "input": {"resize": [32, 32]},
        "network": {"model": "mildnet", "options": {"widths": [4, 8]}},
        "training": {"epochs": 3, "batch": 2},
        "hardware": {"threads": 1, "device": "cpu"},
    }
    whole, variances = running_means.trained(wanted, tmp_path / "whole")
    precise, again = running_means.trained(
        {**wanted, "training": {**wanted["training"], "batch_statistics": "precise", "schedule": "constant"}},
        tmp_path / "precise",
    )
    assert [row["precise_dice"] for row in whole] == [row["validation_dice"] for row in precise]
    assert [row["validation_loss"] for row in whole] != [row["validation_loss"] for row in precise]

    assert variances["precise"] == again["precise"] != variances["running"]

    save = checkpoint.save

    def save_and_stop(path: Path, state: dict[str, Any]) -> None:
        save(path, state)
        raise Stopped

    monkeypatch.setattr(running_means, "BETWEEN_CHECKPOINTS", 2)
    monkeypatch.setattr(checkpoint, "save", save_and_stop)
    with pytest.raises(Stopped):
        running_means.trained(wanted, tmp_path / "parts")
    monkeypatch.setattr(checkpoint, "save", save)
    parts, ended = running_means.trained(wanted, tmp_path / "parts")
    assert ended == variances
    for name in ("train_loss", "validation_loss", "precise_loss"):
        assert [row[name] for row in parts] == [row[name] for row in whole]


@pytest.mark.parametrize(
    ("running", "precise", "stops"),
    [
        ([0.5, 0.4, 0.4], [0.5, 0.4, 0.4], True),
        ([0.5, 0.4, 0.4], [0.5, 0.6, 0.4], False),
        ([0.5, 0.6, 0.4], [0.5, 0.4, 0.4], False),
        ([], [], False),
    ],
)
def test_it_stops_when_neither_gets_better(running: list[float], precise: list[float], stops: bool) -> None:
    rows = [
        {"validation_dice": one, "precise_dice": other} for one, other in zip(running, precise, strict=True)
    ]
    assert running_means._stops(rows, 2) is stops
    assert not running_means._stops(rows, None)


def test_the_page_shows_the_best_epoch_of_each() -> None:
    run = {
        "running": {"dice": [0.5, 0.7], "iou": [0.4, 0.6]},
        "precise": {"dice": [0.8, 0.6], "iou": [0.7, 0.5]},
        "steps": 3,
        "first_variance": {"running": 0.0275, "precise": 0.000652},
        "minutes": 1.0,
        "precise_minutes": 0.5,
    }
    machine = {"processor": "p", "cores": 2, "python": "3", "versions": {}}
    found = [{"rows": [{"name": "mildnet", "values": {"isthmus": run}, "machine": machine}]}]
    scores = "0.7000 (2) | 0.8000 (1) | 0.6000 (2) | 0.7000 (1) | 0.6000 | 0.7000"
    expected = f"| mildnet | 2 | 3 | {scores} | 0.028 | 0.00065 | 1.0 | 0.5 |"
    assert running_means.page(found)[2] == expected
    assert running_means.curves(found)[2].startswith("| mildnet | running | 0.5000 | - |")
