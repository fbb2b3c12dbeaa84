"""The training time is announced in advance, and a given time is converted into epochs once."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from isthmus import training
from isthmus.cli import main as cli
from isthmus.data.phantoms.cells import write_phantoms
from isthmus.errors import IsthmusError
from isthmus.runs.files import read_yaml, write_yaml
from isthmus.runs.folder import RunFolder
from isthmus.runs.recipe import Training, make_recipe
from isthmus.training.loop import budget
from isthmus.training.loop.budget import Pace, _fitted
from isthmus.watch import duration

from ...notes import Notes

SMALL: dict[str, Any] = {
    "network": {"options": {"widths": [2, 4]}},
    "input": {"patch": 32},
    "training": {"samples": 4, "batch": 2},
    "hardware": {"threads": 1, "workers": 0, "precision": "float32"},
}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("budget") / "data"
    write_phantoms(folder, 4, 32, seed=2)
    return folder


def recipe(data: Path, **length: Any) -> Any:
    return make_recipe("default", {"data": {"source": str(data)}}, SMALL, {"training": length})


def fitted(minutes: float, samples: int, step: float, case: float) -> tuple[int, int]:
    """With batches of 4 and five cases, all of them validated."""
    found = _fitted(Training(minutes=minutes, samples=samples, batch=4), Pace(step, case), 5, 5)
    assert found.samples is not None
    return found.epochs, found.samples


def test_as_many_epochs_as_have_room() -> None:
    assert fitted(10, 40, 1.0, 0.0) == (60, 40)  # 600 s, 10 steps of 1 s an epoch
    # scoring costs 2 x 5 x 1 s, an epoch 10 + 5 s: 590 / 15 = 39.3
    assert fitted(10, 40, 1.0, 1.0) == (39, 40)


def test_epochs_become_shorter_where_few_have_room() -> None:
    assert fitted(1, 400, 1.0, 0.0) == (10, 24)  # 60 steps, in ten epochs of 6
    # 5 s are given to scoring: 55 s, which hold 55 / (2 x 2.5) = 11 validations at most; (5.5 - 2.5) / 1 = 3 steps
    assert fitted(1, 400, 1.0, 0.5) == (10, 12)
    assert fitted(0.001, 400, 1.0, 10.0) == (1, 4)  # nothing has room, so the least there is


def test_minutes_are_turned_into_epochs_once(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(budget, "_measure", lambda *_: Pace(6.0, 0.0))
    training.train(recipe(data, minutes=0.2), tmp_path / "run")
    kept = RunFolder(tmp_path / "run").recipe().training
    assert (kept.minutes, kept.epochs, kept.samples) == (0.2, 2, 2)  # 12 s hold two steps
    monkeypatch.setattr(budget, "_measure", pytest.fail)
    (tmp_path / "run" / "cost.json").unlink()
    training.resume(tmp_path / "run")
    assert RunFolder(tmp_path / "run").costs().epochs == 2
    stored = read_yaml(tmp_path / "run" / "recipe.yaml")
    again = training.train(make_recipe("bare", stored), tmp_path / "again")
    assert again.weights.read_bytes() == (tmp_path / "run" / "best.safetensors").read_bytes()


def test_what_is_said_last_counts() -> None:
    stored = {"training": {"minutes": 5.0, "epochs": 7, "epoch_seconds": 2.0}}
    assert make_recipe("default", stored).training.epochs == 7
    assert make_recipe("default", stored, {"training": {"epochs": 3}}).training.minutes is None
    assert make_recipe("default", stored, {"training": {"minutes": 5}}).training.epochs == 7
    longer = make_recipe("default", stored, {"training": {"minutes": 9}}).training
    assert (longer.minutes, longer.epoch_seconds) == (9, None)
    assert make_recipe("paper", {"training": {"minutes": 9}}).training.minutes == 9


def test_measuring_changes_nothing(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(budget, "SHORTEST", 0.0)
    monkeypatch.setattr(
        budget,
        "_fitted",
        lambda given, *_: given.model_copy(update={"epochs": 2, "epoch_seconds": 1.0}),
    )
    measured = training.train(recipe(data, minutes=0.001), tmp_path / "measured", watch=Notes())
    plain = training.train(recipe(data, epochs=2), tmp_path / "plain")
    assert measured.weights.read_bytes() == plain.weights.read_bytes()


@pytest.mark.parametrize(
    "words",
    [
        ["--minutes", "10", "--epochs", "5"],
        ["--minutes", "10", "training.epochs=5"],
        ["--epochs", "10", "training.minutes=5"],
        ["--minutes", "0"],
        ["--minutes", "-3"],
        ["--minutes", "nan"],
        ["--minutes", "inf"],
        ["--minutes", "1e9"],
        ["--minutes", "soon"],
    ],
)
def test_times_that_cannot_be_are_refused(
    data: Path, words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.setattr(sys, "argv", ["isthmus", "train", str(data), "--out", str(tmp_path / "run"), *words])
    with pytest.raises(SystemExit) as end:
        cli.main()
    assert end.value.code == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "minutes" in said


def test_minutes_with_a_region_of_interest_are_refused(data: Path, tmp_path: Path) -> None:
    roi = {"roi": {"size": (32, 32), "resize": (16, 16), "widths": [2, 4]}, "input": {"patch": None}}
    about_data = {"data": {"source": str(data)}, "training": {"minutes": 1}}
    wanted = make_recipe("default", about_data, SMALL, roi)
    with pytest.raises(IsthmusError, match="does not work with a region of interest"):
        training.train(wanted, tmp_path / "run")


@pytest.mark.parametrize(("seconds", "words"), [(0.2, "1 second"), (89.4, "89 seconds"), (90, "2 minutes")])
def test_spans(seconds: float, words: str) -> None:
    assert duration(seconds) == words


def test_a_recipe_that_is_resolved_stays_as_it_is(data: Path, tmp_path: Path) -> None:
    write_yaml(tmp_path / "r.yaml", recipe(data, epochs=2).to_dict())
    assert make_recipe("bare", read_yaml(tmp_path / "r.yaml")) == recipe(data, epochs=2)
