"""Every cell is computed exactly once, whatever is killed, added, or started beside it."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from isthmus import training
from isthmus.data.cases import Dataset
from isthmus.data.splits.papers import placeholders
from isthmus.errors import IsthmusError
from isthmus.locks import is_taken, taken
from isthmus.runs.recipe import make_recipe
from isthmus.studies.planning import find_data
from isthmus.studies.run import RunOptions, failure_lines, run_study
from isthmus.studies.running.execute import Outcome
from isthmus.studies.running.progress import status
from isthmus.studies.running.worker import DONE, TAKEN, compute
from isthmus.studies.study import Study
from isthmus.studies.study_folder import StudyFolder
from isthmus.training.preparation.split import split_of_recipe
from isthmus.watch import Silent

from ..conftest import fork, never

pytestmark = pytest.mark.usefixtures("trained")


class Said(Silent):
    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, text: str) -> None:
        self.lines.append(text)


def run(study: Study, out: Path, *, jobs: int = 2, launch: Any = fork, watch: Any = None) -> Outcome:
    return run_study(
        study,
        find_data(study).complete(),
        out,
        watch or Silent(),
        options=RunOptions(jobs=jobs, launch=launch),
    )


def test_all_cells_are_computed_once_and_a_finished_study_returns(
    small: Any, tmp_path: Path, begun: Any
) -> None:
    said = Said()
    outcome = run(small(), tmp_path / "study", watch=said)
    folder = StudyFolder.open(tmp_path / "study")
    names = [cell.name for cell in folder.plan().cells]
    assert sorted(begun()) == sorted(names) == sorted(outcome.computed)
    assert len(set(names)) == 4
    assert not outcome.failed
    assert said.lines[0] == "small: 4 cells, 4 to compute, at most 16 steps in all; 2 processes at a time"
    assert all(line.startswith("done: phantoms, ") for line in said.lines[1:])
    assert run(small(), tmp_path / "study", launch=never) == Outcome((), ())


def test_an_extended_study_computes_only_what_is_new(small: Any, tmp_path: Path, begun: Any) -> None:
    run(small(), tmp_path / "study")
    before = set(begun())
    networks = {"U-Net": "unet", "Sharp U-Net": "sharp_unet", "MILDNet": "mildnet"}
    outcome = run(small(networks=networks, repeats=2), tmp_path / "study")
    assert len(begun()) == len(set(begun())) == 3 * 2 * 2
    assert set(outcome.computed) == set(begun()) - before
    assert run(small(), tmp_path / "study", launch=never) == Outcome(
        (), ()
    )  # and a smaller one finds its own


def test_a_failed_cell_keeps_its_traceback_and_the_others_go_on(
    small: Any, tmp_path: Path, begun: Any
) -> None:
    study = small(networks={"UNet++": "unetpp", "U-Net": "unet"})
    outcome = run(study, tmp_path / "study", jobs=1)
    folder = StudyFolder.open(tmp_path / "study")
    assert [cell.network for cell in outcome.failed] == ["UNet++"] * 2
    assert len(outcome.computed) == 2
    text = folder.failure(outcome.failed[0].name).read_text()
    assert "Traceback" in text
    assert text.endswith("isthmus.errors.IsthmusError: training diverged\n")
    lines = failure_lines(outcome, folder.plan(), folder)
    assert lines[0] == "2 of 4 cells failed:"
    assert "UNet++" in lines[1]
    assert lines[1].endswith(": training diverged")
    found = status(folder)
    assert [found.count(state) for state in ("done", "running", "failed", "left")] == [2, 0, 2, 0]
    again = run(study, tmp_path / "study", jobs=1)  # tried once more, and they alone
    assert len(begun()) == 6
    assert len(again.failed) == 2
    assert again.computed == ()


def test_a_failed_cell_that_is_mended_is_done(
    small: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study, works = small(networks={"U-Net": "unet"}), training.train

    def broken(*_: Any, **__: Any) -> None:
        raise ValueError("a bug")

    monkeypatch.setattr(training, "train", broken)
    assert len(run(study, tmp_path / "study").failed) == 2
    monkeypatch.setattr(training, "train", works)
    outcome = run(study, tmp_path / "study")
    assert not outcome.failed
    assert not list((tmp_path / "study").rglob("failed.txt"))


def test_a_killed_cell_is_named_and_goes_on_when_started_again(
    small: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, begun: Any
) -> None:
    works = training.train
    resumed = tmp_path / "resumed.txt"

    def killed(recipe: Any, out: Path, *, watch: Any = None) -> Any:
        if recipe.protocol.fold == 1:
            out.mkdir(parents=True)
            import yaml

            (out / "recipe.yaml").write_text(yaml.safe_dump(recipe.to_dict()))
            os.kill(os.getpid(), signal.SIGKILL)
        return works(recipe, out)

    monkeypatch.setattr(training, "train", killed)
    study = small(networks={"U-Net": "unet"})
    outcome = run(study, tmp_path / "study", jobs=1)
    folder = StudyFolder.open(tmp_path / "study")
    (cell,) = outcome.failed
    assert cell.fold == 1
    assert "SIGKILL; memory may have run out" in folder.why(cell.name)
    assert len(outcome.computed) == 1

    def resume(out: Path, *, watch: Any = None) -> None:
        resumed.write_text(out.name)
        works(folder.recipe(out.name), out)

    monkeypatch.setattr(training, "resume", resume)
    again = run(study, tmp_path / "study", jobs=1)
    assert again.computed == (cell.name,)
    assert resumed.read_text() == cell.name


def test_two_studies_on_one_folder_compute_no_cell_twice(
    small: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, begun: Any
) -> None:
    works = training.train

    def slow(recipe: Any, out: Path, *, watch: Any = None) -> Any:
        time.sleep(0.05)
        return works(recipe, out)

    monkeypatch.setattr(training, "train", slow)
    study = small(repeats=3)
    context = multiprocessing.get_context("fork")
    others = [context.Process(target=run, args=(study, tmp_path / "study")) for _ in range(2)]
    for other in others:
        other.start()
    for other in others:
        other.join()
    assert [other.exitcode for other in others] == [0, 0]
    assert len(begun()) == len(set(begun())) == 12
    assert status(StudyFolder.open(tmp_path / "study")).count("done") == 12


def test_a_cell_whose_process_dies_is_taken_over(small: Any, tmp_path: Path, begun: Any) -> None:
    study = small(networks={"U-Net": "unet"})
    run(study, tmp_path / "study")
    folder = StudyFolder.open(tmp_path / "study")
    name = folder.plan().cells[0].name
    folder.run(name).cost.unlink()
    other = _holding(folder.lock(name))
    assert folder.state(name) == "running"
    threading.Timer(0.5, lambda: os.kill(other.pid or 0, signal.SIGKILL)).start()
    started = len(begun())
    outcome = run(study, tmp_path / "study")
    other.join()
    assert outcome.computed == (name,)
    assert len(begun()) == started + 1
    assert other.exitcode == -signal.SIGKILL  # it had not let go before


def test_a_lock_is_held_by_one_process_alone(tmp_path: Path) -> None:
    lock = tmp_path / "locks" / "a"
    assert not is_taken(lock)
    with taken(lock) as mine:
        assert mine
        assert is_taken(lock)
        with taken(lock) as again:
            assert not again
    assert not is_taken(lock)
    with taken(lock) as mine:
        assert mine


def test_processes_share_the_cores(small: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("isthmus.studies.running.execute.cores", lambda: 12)
    asked: list[tuple[int, int]] = []

    def launch(folder: StudyFolder, name: str, threads: int, slot: int) -> Any:
        asked.append((threads, slot))
        return fork(folder, name, threads, slot)

    run(small(), tmp_path / "study", jobs=3, launch=launch)
    assert {threads for threads, _ in asked} == {4}
    assert {slot for _, slot in asked} == {0, 1, 2} or len(asked) == 4
    assert all(slot < 3 for _, slot in asked)


def test_the_same_computation_on_two_places_is_done_once(small: Any, tmp_path: Path, begun: Any) -> None:
    run(small(networks={"One": "unet", "Other": "unet"}), tmp_path / "study")
    assert len(begun()) == 2


@pytest.mark.parametrize(
    ("changes", "jobs", "said"),
    [
        ({"networks": {"U-Net": "unett"}}, 1, "unknown model 'unett': did you mean"),
        ({"data": {"a": "no/such/folder"}}, 1, "no such folder"),
        ({"data": {"a": "isbi-2012"}}, 1, "--root"),
        ({}, 0, "--jobs is 0"),
    ],
)
def test_nothing_begins_when_something_is_wrong(
    small: Any, tmp_path: Path, changes: dict[str, Any], jobs: int, said: str, begun: Callable[[], list[str]]
) -> None:
    with pytest.raises(IsthmusError, match=said):
        run(small(**changes), tmp_path / "study", jobs=jobs)
    assert not begun()


def test_a_folder_of_something_else_is_left_alone(small: Any, tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "cat.png").touch()
    with pytest.raises(IsthmusError, match="holds no study"):
        run(small(), tmp_path / "photos")
    with pytest.raises(IsthmusError, match="holds no study"):
        StudyFolder.open(tmp_path / "photos")
    with pytest.raises(IsthmusError, match="no folder at"):
        StudyFolder.open(tmp_path / "none")


def _holding(lock: Path) -> Any:
    """A process that holds a lock until it is killed."""
    context = multiprocessing.get_context("fork")
    ready = context.Event()

    def hold() -> None:
        with taken(lock):
            ready.set()
            time.sleep(60)

    process = context.Process(target=hold)
    process.start()
    ready.wait()
    return process


def test_a_worker_that_finds_its_cell_done_or_taken_changes_nothing(
    small: Any, tmp_path: Path, begun: Any
) -> None:
    study = small(networks={"U-Net": "unet"})
    run(study, tmp_path / "study")
    folder = StudyFolder.open(tmp_path / "study")
    name = folder.plan().cells[0].name
    started = len(begun())
    assert compute(folder, name) == DONE
    assert len(begun()) == started
    folder.run(name).cost.unlink()
    tries: list[str] = []

    class Taken:
        """It found that another process has the cell."""

        def poll(self) -> int:
            return TAKEN

    def launch(folder: StudyFolder, name: str, threads: int, slot: int) -> Any:
        tries.append(name)
        return Taken() if len(tries) == 1 else fork(folder, name, threads, slot)

    outcome = run(study, tmp_path / "study", launch=launch)
    assert (outcome.computed, outcome.failed, len(tries)) == ((name,), (), 2)


def test_the_budget_divides_as_training_will() -> None:
    recipe = make_recipe("default", {"protocol": {"kind": "hmedn"}})
    pelvic = Dataset("multi-organ-ct", tuple(placeholders(339)), None, ())
    split = split_of_recipe(recipe, pelvic)
    assert [len(ids) for ids in (split.train, split.validation, split.test)] == [180, 59, 100]
    few = recipe.model_copy(update={"data": recipe.data.model_copy(update={"limit": 20})})
    assert sum(len(ids) for ids in split_of_recipe(few, pelvic).sides().values()) == 20
    named = make_recipe("default", {"protocol": {"test": ["image-00000"], "validation": ["image-00001"]}})
    split = split_of_recipe(named, Dataset("own", tuple(placeholders(5)), None, ()))
    assert (len(split.train), split.validation) == (3, ("image-00001",))
