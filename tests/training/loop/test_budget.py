"""The training time is announced in advance, and a given time is converted into epochs once."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import isthmus
from isthmus import training
from isthmus.cli import main as cli
from isthmus.data.phantoms.cells import write_phantoms
from isthmus.errors import IsthmusError
from isthmus.runs.files import read_yaml, write_yaml
from isthmus.runs.folder import RunFolder
from isthmus.runs.recipe import Recipe, Training, make_recipe
from isthmus.training import run
from isthmus.training.loop import budget
from isthmus.training.loop import limit as limit_module
from isthmus.training.loop.best_epoch import Progress
from isthmus.training.loop.budget import Pace, _fitted, what_is_left, within_minutes
from isthmus.training.loop.limit import Limit
from isthmus.training.preparation.prepare import prepare
from isthmus.training.preparation.prepared import Prepared
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


def fitted(minutes: float, samples: int, step: float, case: float, longer: bool = False) -> tuple[int, int]:
    """With batches of 4 and five cases, all of them validated."""
    given = Training(minutes=minutes, samples=samples, batch=4)
    found = _fitted(given, Pace(step, case), minutes * 60, (5, 10), longer)
    assert found.samples is not None
    return found.epochs, found.samples


def test_as_many_epochs_as_have_room() -> None:
    assert fitted(10, 40, 1.0, 0.0) == (60, 40)  # 600 s, 10 steps of 1 s an epoch
    # scoring costs 2 x 5 x 1 s, an epoch 10 + 5 s: 590 / 15 = 39.3
    assert fitted(10, 40, 1.0, 1.0) == (39, 40)


def test_epochs_become_longer_where_validation_would_take_most_of_them() -> None:
    # a validation of 5 s may take a fifth of an epoch: 20 steps and 5 s, and 590 / 25 = 23.6
    assert fitted(10, 40, 1.0, 1.0, longer=True) == (23, 80)
    assert fitted(10, 400, 1.0, 1.0, longer=True) == fitted(10, 400, 1.0, 1.0)


def test_epochs_become_shorter_where_few_have_room() -> None:
    assert fitted(1, 400, 1.0, 0.0) == (10, 24)  # 60 steps, in ten epochs of 6
    # 5 s are given to scoring: 55 s, which hold 55 / (5 x 2.5) = 4 validations; (13.75 - 2.5) / 1 = 11 steps
    assert fitted(1, 400, 1.0, 0.5) == (4, 44)
    assert fitted(0.001, 400, 1.0, 10.0) == (1, 4)  # nothing has room, so the least there is


class Machine:
    """Stands for `_measure` on a machine where a step takes as long as its batch and its network's width demand."""

    def __init__(self, default: float, case: float = 0.0) -> None:
        self.default, self.case = default, case
        self.measured: list[int] = []

    def __call__(self, prepared: Prepared, _: float) -> Pace:
        width = prepared.recipe.network.options.get("widths", [32])[0]
        self.measured.append(width)
        return Pace(self.default * width / 32 * prepared.recipe.training.batch / 4, self.case)


OPEN: dict[str, Any] = {
    "input": {"patch": 32},
    "hardware": {"threads": 1, "workers": 0, "precision": "float32"},
}


def chosen(
    data: Path, machine: Machine, minutes: float, *layers: Any, kept: float = 0.0
) -> tuple[Recipe, list[str]]:
    """Returns the recipe that the minutes give on this machine, and what was said; no time passes."""
    given = make_recipe(
        "default", {"data": {"source": str(data)}}, OPEN, *layers, {"training": {"minutes": minutes}}
    )
    notes = Notes()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(budget, "_measure", machine)
        patch.setattr(budget, "time", SimpleNamespace(perf_counter=lambda: 100.0))
        found, limit = within_minutes(given, prepare(given, notes), 100.0, notes)
    assert limit is not None
    assert limit.end == pytest.approx(100 + 66 * minutes - kept)
    return found.recipe, notes.said


def test_the_network_grows_with_the_minutes(data: Path) -> None:
    # steps of the default, and of width 16 and 8 in batches of 2: 1, 0.25 and 0.125 s, of which 80 % of 75 s holds
    # 60, 240 and 480; a network needs 300 steps
    found, said = chosen(data, Machine(1.0), 1.25)
    assert found.network.options["widths"] == [8, 16, 32]
    assert (found.training.batch, found.training.epochs, found.training.samples) == (2, 37, 32)
    assert said[-1] == (
        "in 75 seconds there is time for about 592 steps: width 8 and batches of 2, 37 epochs of 32 samples "
        "(0.125 s a step, 0 s a validated case); width 16 and batches of 2 would allow 240 steps"
    )
    sizes = []
    for minutes in (0.1, 0.25, 0.5, 1, 2, 4, 8):
        options = chosen(data, Machine(1.0), minutes)[0].network.options
        sizes.append(options.get("widths", [32])[0])
    assert sizes == [8, 8, 8, 8, 16, 16, 32]


def test_other_minutes_choose_anew_what_minutes_had_chosen(data: Path) -> None:
    short, _ = chosen(data, Machine(1.0), 1.25)
    assert short.training.fitted == ["widths", "batch", "samples"]
    assert chosen(data, Machine(1.0), 8, short.to_dict())[0] == chosen(data, Machine(1.0), 8)[0]
    own = {"training": {"batch": 3}, "network": {"options": {"widths": [4, 8]}}}
    short, _ = chosen(data, Machine(1.0), 1.25, own)
    assert short.training.fitted == ["samples"]
    longer, _ = chosen(data, Machine(1.0), 8, short.to_dict())
    assert (longer.training.batch, longer.network.options["widths"]) == (3, [4, 8])
    again = make_recipe("bare", short.to_dict(), {"training": {"minutes": 1.25}})
    assert again == short


def test_the_time_in_which_thresholds_are_chosen_is_kept(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for seconds, like in ((45.0, 75.0), (1000.0, 60.0)):  # at least half of the time is for training
        shorter, _ = chosen(data, Machine(1.0), like / 60)
        monkeypatch.setattr(budget, "seconds_to_choose", lambda _, seconds=seconds: seconds)
        found, said = chosen(data, Machine(1.0), 2, kept=min(seconds, 60.0))
        assert found.training.model_copy(update={"minutes": like / 60}) == shorter.training
        assert found.network == shorter.network
        assert said[-1].startswith("in 2 minutes there is time")
        left = what_is_left(prepare(found, Notes()), 20.0)
        assert left is not None
        assert left.due - left.end == pytest.approx(seconds - 12)
        monkeypatch.undo()


def test_a_resumed_run_has_what_is_left_of_its_minutes(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(budget, "_measure", lambda *_: Pace(6.0, 0.0))
    given = recipe(data, minutes=0.5)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(budget, "time", SimpleNamespace(perf_counter=lambda: 100.0))
        found, _ = within_minutes(given, prepare(given, Notes()), 100.0, Notes())
        left = what_is_left(found, 20.0)
        assert left is not None
        assert (left.due, left.end, left.validated) == (110.0, 113.0, len(found.split.validation))
        assert what_is_left(prepare(recipe(data, epochs=2), Notes()), 20.0) is None
    write_yaml(tmp_path / "run" / "recipe.yaml", found.recipe.to_dict())
    limits: list[Limit] = []
    monkeypatch.setattr(Limit, "is_near", lambda self, progress: limits.append(self) or progress.epoch == 1)
    training.resume(tmp_path / "run")
    assert RunFolder(tmp_path / "run").recipe().training.last_epoch == 1
    assert limits


def test_larger_networks_are_not_even_tried_where_time_is_short(data: Path) -> None:
    slow = Machine(8.0)
    chosen(data, slow, 1)
    assert slow.measured == [8]


@pytest.mark.parametrize(
    ("layer", "widths", "batch"),
    [
        ({"training": {"batch": 3}}, [8, 16, 32], 3),
        ({"training": {"batch": 1}}, [8, 16, 32], 1),
        ({"network": {"options": {"widths": [4, 8]}}}, [4, 8], 4),
        ({"network": {"options": {"depth": 3}}}, None, 4),
        ({"network": {"model": "unet"}}, None, 4),
    ],
)
def test_what_the_user_gave_is_kept(data: Path, layer: Any, widths: Any, batch: int) -> None:
    found, _ = chosen(data, Machine(16.0), 1, layer)
    assert found.network.options.get("widths") == widths
    assert found.training.batch == batch


def test_samples_that_the_user_gave_are_an_epoch(data: Path) -> None:
    slow = Machine(1.0, case=1.0)
    assert chosen(data, slow, 4, {"training": {"samples": 6}})[0].training.samples == 6
    assert chosen(data, slow, 4)[0].training.samples == 32


def test_training_ends_while_there_is_time_to_score() -> None:
    progress = Progress()
    found = Limit(due=90.0, end=100.0, validated=2, scoring=6)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(limit_module, "time", SimpleNamespace(perf_counter=lambda: 90.0))
        assert not found.is_near(progress)  # there is nothing to score yet
        # a validation of 2 s is 1 s a case, and scoring three cases takes 6 s: 90 + 4 + 6
        progress.history.append({"seconds": 4.0, "seconds_validating": 2.0})
        assert not found.is_near(progress)
        progress.history.append({"seconds": 4.1, "seconds_validating": 2.0})
        assert found.is_near(progress)


@pytest.mark.usefixtures("stopped_clock")
def test_a_run_whose_time_runs_out_keeps_its_best_and_can_be_repeated(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(budget, "_measure", lambda *_: Pace(1.0, 0.0))
    monkeypatch.setattr(Limit, "is_near", lambda _, progress: progress.epoch == 2)
    notes = Notes()
    training.train(recipe(data, minutes=0.1), tmp_path / "run", watch=notes)
    ran_out = [line for line in notes.said if line.startswith("the time ran out after epoch 2 of 6")]
    assert len(ran_out) == 1
    folder = RunFolder(tmp_path / "run")
    kept = folder.recipe().training
    assert (kept.epochs, kept.last_epoch, folder.costs().epochs) == (6, 2, 2)
    monkeypatch.setattr(Limit, "is_near", pytest.fail)
    stored = read_yaml(folder.recipe_path)
    again = training.train(make_recipe("bare", stored), tmp_path / "again", watch=notes)
    assert again.weights.read_bytes() == folder.weights.read_bytes()
    (tmp_path / "run" / "cost.json").unlink()  # as if it had been killed while it was scored
    training.resume(tmp_path / "run")
    assert folder.costs().epochs == 2
    assert make_recipe("bare", stored, {"training": {"epochs": 5}}).training.last_epoch is None


@pytest.fixture
def stopped_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock that stands still until training begins."""
    for module in (budget, run):
        monkeypatch.setattr(module, "time", SimpleNamespace(perf_counter=lambda: 0.0))


@pytest.mark.usefixtures("stopped_clock")
def test_minutes_are_turned_into_epochs_once(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Limit, "is_near", lambda *_: False)
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
    monkeypatch.setattr(budget, "SHARE", 0.0)
    monkeypatch.setattr(
        budget,
        "_fitted",
        lambda given, *_: given.model_copy(update={"epochs": 2, "epoch_seconds": 1.0}),
    )
    measured = training.train(recipe(data, minutes=1), tmp_path / "measured", watch=Notes())
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


def test_minutes_from_python(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(IsthmusError, match="both say how long to train"):
        isthmus.train(data, tmp_path / "run", minutes=1, training={"epochs": 3})
    asked: list[Recipe] = []
    monkeypatch.setattr(training, "train", lambda recipe, *_, **__: asked.append(recipe))
    isthmus.train(data, tmp_path / "run", minutes=2.5, training={"batch": 3})
    assert (asked[0].training.minutes, asked[0].training.batch) == (2.5, 3)
