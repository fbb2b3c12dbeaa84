"""Cells on an imitated Ray cluster: each is finished once, whatever dies; `test_ray` uses a real one."""

from __future__ import annotations

import os
import re
import shutil
import signal
import time
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest

from isthmus import training
from isthmus.errors import IsthmusError
from isthmus.studies.planning import find_data, plan_study
from isthmus.studies.run import RunOptions, run_study
from isthmus.studies.running import ray_task
from isthmus.studies.running.execute import Outcome
from isthmus.studies.running.progress import status
from isthmus.studies.running.ray_task import RETRIES, Task
from isthmus.studies.running.worker import DONE, FAILED, TAKEN
from isthmus.studies.study_folder import StudyFolder
from isthmus.watch import Silent

from ..conftest import fork
from ..fake_ray import Ray, RayTaskError, Said, ray, run_on

__all__ = ["ray"]


def test_all_cells_are_computed_once_and_a_finished_study_returns(
    small: Any, tmp_path: Path, trained: None, begun: Any, ray: Ray
) -> None:
    said = Said()
    outcome = run_on(small(), tmp_path / "study", jobs=2, watch=said)
    folder = StudyFolder.open(tmp_path / "study")
    names = sorted(cell.name for cell in folder.plan().cells)
    assert sorted(begun()) == names == sorted(outcome.computed)
    assert not outcome.failed
    assert said.lines[1].endswith(
        "4 to compute, at most 16 steps in all; 2 processes at a time on Ray: 2 nodes, 2 cores a cell"
    )
    assert folder.plan().jobs == 2
    (address, options), last = ray.calls
    assert address is None
    assert last == "shutdown"
    assert options["include_dashboard"] is False
    assert options["log_to_driver"] is False
    assert os.environ["RAY_USAGE_STATS_ENABLED"] == "0"
    assert sorted(each["name"] for each in ray.asked) == [f"study/{name}" for name in names]
    assert {(each["num_cpus"], each["num_gpus"]) for each in ray.asked} == {(2, 0)}
    log = folder.log(names[0]).read_text()
    assert re.fullmatch(r"handed to Ray as \w{32}\nbegun on \S+ in process \d+\n", log)

    def files() -> dict[Path, int]:
        found = (path for path in (tmp_path / "study").rglob("*") if path.parent.name != "locks")
        return {path: path.stat().st_mtime_ns for path in found}

    before = files()
    assert run_on(small(), tmp_path / "study", jobs=1) == Outcome((), ())
    assert len(ray.calls) == 2  # Ray is not even asked
    assert files() == before


def test_a_study_goes_from_this_machine_to_ray_and_back(
    small: Any, tmp_path: Path, trained: None, begun: Any, ray: Ray
) -> None:
    one = small(networks={"U-Net": "unet"})
    run_study(one, find_data(one), tmp_path / "study", Silent(), options=RunOptions(jobs=1, launch=fork))
    assert len(run_on(small(), tmp_path / "study").computed) == 2
    assert len(begun()) == len(set(begun())) == 4


def test_failures_are_kept_as_those_of_processes(
    small: Any, tmp_path: Path, trained: None, begun: Any, ray: Ray
) -> None:
    outcome = run_on(small(networks={"UNet++": "unetpp", "U-Net": "unet"}), tmp_path / "study")
    folder = StudyFolder.open(tmp_path / "study")
    assert [cell.network for cell in outcome.failed] == ["UNet++"] * 2
    assert len(outcome.computed) == 2
    text = folder.failure(outcome.failed[0].name).read_text()
    assert text.startswith("Traceback")
    assert text.endswith("isthmus.errors.IsthmusError: training diverged\n")
    assert len(begun()) == 4  # training that fails is not tried again, only nodes that die


def _dying(monkeypatch: pytest.MonkeyPatch, times: int, tmp_path: Path) -> None:
    """Of fold 1, so many trainings end by a kill."""
    works, count = training.train, tmp_path / "deaths"
    count.touch()

    def train(recipe: Any, out: Path, *, watch: Any = None) -> Any:
        if recipe.protocol.fold == 1 and len(count.read_bytes()) < times:
            with count.open("ab") as file:
                file.write(b".")
            os.kill(os.getpid(), signal.SIGKILL)
        return works(recipe, out)

    monkeypatch.setattr(training, "train", train)


def test_a_cell_whose_process_dies_is_begun_again(
    small: Any, tmp_path: Path, trained: None, begun: Any, ray: Ray, monkeypatch: pytest.MonkeyPatch
) -> None:
    _dying(monkeypatch, RETRIES, tmp_path)
    outcome = run_on(small(networks={"U-Net": "unet"}), tmp_path / "study")
    assert len(outcome.computed) == len(set(begun())) == len(begun()) == 2
    assert not outcome.failed
    log = StudyFolder(tmp_path / "study").log(outcome.computed[-1]).read_text()
    assert log.count("begun on ") == RETRIES + 1
    assert log.count("handed to Ray") == 1


def test_a_cell_that_always_dies_fails_and_the_others_go_on(
    small: Any, tmp_path: Path, trained: None, ray: Ray, monkeypatch: pytest.MonkeyPatch
) -> None:
    _dying(monkeypatch, RETRIES + 1, tmp_path)
    outcome = run_on(small(networks={"U-Net": "unet"}), tmp_path / "study")
    (cell,) = outcome.failed
    assert cell.fold == 1
    assert len(outcome.computed) == 1
    assert StudyFolder(tmp_path / "study").why(cell.name) == (
        "its node or process died 4 times (The worker died unexpectedly.); run the study again to resume it"
    )
    assert run_on(small(networks={"U-Net": "unet"}), tmp_path / "study").computed == (cell.name,)


def test_what_is_interrupted_is_cancelled_and_goes_on(
    small: Any, tmp_path: Path, trained: None, begun: Any, ray: Ray, monkeypatch: pytest.MonkeyPatch
) -> None:
    works = training.train

    def train(recipe: Any, out: Path, *, watch: Any = None) -> Any:
        if recipe.protocol.fold == 1:
            time.sleep(60)
        return works(recipe, out)

    class Stop(Silent):
        def advance(self, text: str = "") -> None:
            raise KeyboardInterrupt

    monkeypatch.setattr(training, "train", train)
    study = small(networks={"U-Net": "unet"})
    with pytest.raises(KeyboardInterrupt):
        run_on(study, tmp_path / "study", jobs=2, watch=Stop())
    assert ray.calls[1:] == ["cancel", "shutdown"]
    assert not any(each.process.is_alive() for each in ray.references)
    found = status(StudyFolder(tmp_path / "study"))
    assert [found.count(state) for state in ("done", "running", "failed", "left")] == [1, 0, 0, 1]
    monkeypatch.setattr(training, "train", works)
    assert len(run_on(study, tmp_path / "study").computed) == 1
    assert len(begun()) == 2


def test_a_node_that_does_not_see_the_folder_ends_it_with_a_line(
    small: Any, tmp_path: Path, trained: None, begun: Any, ray: Ray
) -> None:
    for there in (tmp_path / "none", tmp_path / "copy"):
        ray.elsewhere = str(there)
        with pytest.raises(
            IsthmusError, match=r"^node \S+ does not see .* put --out on a file system"
        ) as said:
            run_on(small(), tmp_path / "study")
        assert "\n" not in str(said.value)
        assert not begun()
        assert ray.calls[-1] == "shutdown"
        shutil.copytree(tmp_path / "study", tmp_path / "copy", dirs_exist_ok=True)
    ray.elsewhere = ""
    assert len(run_on(small(), tmp_path / "study").computed) == 4


@pytest.fixture
def cell(small: Any, tmp_path: Path) -> tuple[StudyFolder, str]:
    folder, study = StudyFolder(tmp_path / "study"), small()
    plan, recipes = plan_study(study, find_data(study))
    folder.write(study, plan, recipes, None)
    return folder, plan.cells[0].name


def _ended(cell: tuple[StudyFolder, str], outcome: Any) -> Task:
    future: Future[int] = Future()
    if isinstance(outcome, Exception):
        future.set_exception(outcome)
    else:
        future.set_result(outcome)
    return Task(*cell, future, lambda: None)


def test_a_cell_has_ended_when_its_files_are_seen_here(
    cell: tuple[StudyFolder, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, name = cell
    done, failed, running = _ended(cell, DONE), _ended(cell, FAILED), Task(*cell, Future(), lambda: None)
    assert running.poll() is None
    assert _ended(cell, TAKEN).poll() == TAKEN
    assert done.poll() is None
    assert failed.poll() is None
    folder.fail(name, "why")
    assert (done.poll(), failed.poll()) == (None, FAILED)
    folder.run(name).cost.write_text("{}")
    assert done.poll() == DONE
    folder.run(name).cost.unlink()
    assert done.poll() is None
    monkeypatch.setattr(ray_task, "LATE", 0.0)
    with pytest.raises(
        IsthmusError, match="does not show it; put --out on a file system that all nodes share"
    ):
        done.poll()


def test_a_node_that_cannot_run_cells_is_told(cell: tuple[StudyFolder, str]) -> None:
    error = RayTaskError(ModuleNotFoundError("No module named 'isthmus'"))
    with pytest.raises(
        IsthmusError,
        match=r"\(ModuleNotFoundError: No module named 'isthmus'\); install isthmus and Ray there",
    ):
        _ended(cell, error).poll()
    with pytest.raises(ConnectionError):
        _ended(cell, ConnectionError("Client is shutting down")).poll()
