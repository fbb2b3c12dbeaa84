"""A cell is really trained, in a process of its own, and resumes after that process was killed."""

from __future__ import annotations

import signal
import time
from pathlib import Path
from typing import Any

import pytest

from isthmus import training
from isthmus.locks import taken
from isthmus.studies.planning import find_data, plan_study
from isthmus.studies.running.worker import DONE, FAILED, TAKEN, Log, compute
from isthmus.studies.running.workers import launch
from isthmus.studies.study import Study
from isthmus.studies.study_folder import StudyFolder
from isthmus.watch import Silent


def planned(study: Study, out: Path) -> tuple[StudyFolder, list[str]]:
    folder = StudyFolder(out)
    plan, recipes = plan_study(study, find_data(study))
    folder.write(study, plan, recipes, None)
    return folder, [cell.name for cell in plan.cells]


class Stop(Silent):
    """Ends training in the middle, as a kill would."""

    def __init__(self, at: str) -> None:
        self.at = at

    def advance(self, text: str = "") -> None:
        if text.startswith(self.at):
            raise KeyboardInterrupt


def test_a_cell_that_was_stopped_ends_with_the_same_weights(small: Any, tmp_path: Path) -> None:
    study = small(folds=2, networks={"U-Net": {"model": "unet", "training": {"epochs": 4}}})
    folder, (name, _) = planned(study, tmp_path / "one")
    with pytest.raises(KeyboardInterrupt):
        compute(folder, name, 1, Stop("epoch 3/4"))
    assert folder.run(name).checkpoint.is_file()
    assert folder.state(name) == "left"
    assert compute(folder, name, 1) == DONE
    whole, _ = planned(study, tmp_path / "whole")
    assert compute(whole, name, 1) == DONE
    assert folder.run(name).weights.read_bytes() == whole.run(name).weights.read_bytes()
    assert compute(folder, name, 1, Stop("epoch")) == DONE  # at once


def test_a_cell_that_was_asked_to_stop_says_how_far_it_came(
    small: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, (name, _) = planned(small(folds=2, networks={"U-Net": {"model": "unet"}}), tmp_path / "one")

    def stopped(*_: Any, **__: Any) -> None:
        raise training.Stopped(signal.SIGTERM, "it was stopped after epoch 3")

    monkeypatch.setattr(training, "train", stopped)
    assert compute(folder, name, 1) == FAILED
    assert folder.why(name) == "it was stopped after epoch 3"


def test_a_killed_process_leaves_what_another_goes_on_with(small: Any, tmp_path: Path) -> None:
    study = small(networks={"U-Net": {"model": "unet", "training": {"epochs": 400}}})
    folder, (name, _) = planned(study, tmp_path / "study")
    process = launch(folder, name, 1, 0)
    history = folder.run(name).history
    while not history.is_file():
        assert process.poll() is None, folder.log(name).read_text()
        time.sleep(0.02)
    assert folder.state(name) == "running"
    assert compute(folder, name) == TAKEN
    process.kill()  # type: ignore[attr-defined]
    assert process.wait() == -signal.SIGKILL
    assert folder.state(name) == "left"
    assert not folder.run(name).finished()
    with pytest.raises(KeyboardInterrupt):
        compute(folder, name, 1, Stop("epoch"))  # it is resumed: a run that exists is not begun anew
    assert folder.run(name).recipe().hardware.threads == 1


def test_the_threads_of_a_job_are_not_those_of_the_recipe(small: Any, tmp_path: Path) -> None:
    folder, names = planned(small(networks={"U-Net": "unet"}), tmp_path / "study")
    compute(folder, names[0], 3)
    hardware = folder.run(names[0]).recipe().hardware
    assert (hardware.threads, hardware.workers) == (3, 2)
    compute(folder, names[1], 1)
    hardware = folder.run(names[1]).recipe().hardware
    assert (hardware.threads, hardware.workers) == (1, 1)


def test_a_failure_is_kept_and_goes_when_it_is_mended(small: Any, tmp_path: Path) -> None:
    study = small(networks={"U-Net": {"model": "unet", "training": {"learning_rate": 10.0}}})
    folder, (name, _) = planned(study, tmp_path / "study")
    recipe = folder.recipe(name)
    bad = recipe.model_copy(update={"input": recipe.input.model_copy(update={"resize": (33, 33)})})
    folder.write(study, folder.plan(), {name: bad}, None)
    assert compute(folder, name) == FAILED
    assert "33x33 is not divisible by 2" in folder.why(name)
    assert folder.state(name) == "failed"
    folder.write(study, folder.plan(), {name: recipe}, None)
    assert compute(folder, name, 1) == DONE
    assert not folder.failure(name).exists()


def test_a_worker_ends_with_the_process_that_started_it() -> None:
    import os

    Log(os.getppid()).advance()
    Log(None).advance()
    with pytest.raises(SystemExit):
        Log(1 if os.getppid() != 1 else 2).advance()


def test_a_cell_in_other_hands_is_left_to_them(small: Any, tmp_path: Path) -> None:
    folder, (name, _) = planned(small(networks={"U-Net": "unet"}), tmp_path / "study")
    with taken(folder.lock(name)):
        assert compute(folder, name) == TAKEN
