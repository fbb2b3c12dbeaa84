"""What cells cost from beginning to end, how much of a study is left, and reports without recorded times."""

from __future__ import annotations

import csv
import json
import os
import time
from pathlib import Path
from typing import Any

import pytest

from isthmus import training
from isthmus.locks import taken
from isthmus.runs.folder import RunFolder
from isthmus.runs.recipe import Recipe
from isthmus.studies.page import write_study
from isthmus.studies.planning import find_data, plan_study
from isthmus.studies.running.progress import Span, status
from isthmus.studies.running.times import spent, timed
from isthmus.studies.running.worker import DONE, FAILED, compute
from isthmus.studies.study import Study
from isthmus.studies.study_folder import StudyFolder

from ..conftest import write_run


class Clock:
    """A clock that advances on demand; it also sets the age of files."""

    def __init__(self, now: float) -> None:
        self.now = now

    def time(self) -> float:
        return self.now

    monotonic = time


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    found = Clock(1_000_000.0)
    monkeypatch.setattr("isthmus.studies.running.times.time", found)
    return found


def planned(study: Study, out: Path) -> tuple[StudyFolder, list[str]]:
    folder = StudyFolder(out)
    plan, recipes = plan_study(study, find_data(study))
    folder.write(study, plan, recipes, None)
    return folder, [cell.name for cell in plan.cells]


def record(folder: StudyFolder, name: str, seconds: float, begun: float | None = None) -> None:
    folder.times(name).parent.mkdir(exist_ok=True)
    folder.times(name).write_text(json.dumps({"seconds": seconds, "begun": begun}))


@pytest.fixture
def finished(small: Any, tmp_path: Path) -> tuple[StudyFolder, list[str]]:
    """Four cells of one network, each with ten seconds of epochs, and nothing recorded."""
    folder, names = planned(small(networks={"U-Net": "unet"}, folds=4), tmp_path / "study")
    for name in names:
        write_run(folder.run(name).path, folder.recipe(name), {"a": 0.5, "b": 0.75}, curve=(0.5, 0.75))
    return folder, names


def test_every_attempt_counts_from_its_beginning_to_its_end(
    small: Any, tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, (name, _) = planned(small(networks={"U-Net": "unet"}), tmp_path / "study")

    def breaks(recipe: Recipe, out: Path, *, watch: Any = None) -> RunFolder:
        clock.now += 7
        raise RuntimeError("no memory")

    def train(recipe: Recipe, out: Path, *, watch: Any = None) -> RunFolder:
        clock.now += 25  # ten of them are epochs
        write_run(out, recipe, {"a": 0.5})
        return RunFolder(out)

    assert spent(folder, name) == 0
    monkeypatch.setattr(training, "train", breaks)
    assert compute(folder, name) == FAILED
    assert spent(folder, name) == 7
    assert status(folder).spent == Span(7)
    clock.now += 500  # nobody works
    monkeypatch.setattr(training, "train", train)
    assert compute(folder, name) == DONE
    assert spent(folder, name) == 32
    clock.now += 500
    assert compute(folder, name) == DONE  # at once
    assert status(folder).spent == Span(32)


def test_a_cell_that_runs_counts_up_to_now_and_a_killed_one_to_its_last_sign_of_life(
    finished: tuple[StudyFolder, list[str]], clock: Clock
) -> None:
    folder, (name, *_) = finished
    folder.run(name).cost.unlink()
    for path in (*folder.run(name).path.iterdir(), folder.run(name).path):
        os.utime(path, (clock.now + 30, clock.now + 30))
    record(folder, name, 100, begun=clock.now)
    clock.now += 80
    assert spent(folder, name, running=True) == 180
    assert spent(folder, name) == 130
    with taken(folder.lock(name)):
        assert status(folder).spent.seconds == 180 + 3 * 10
    assert status(folder).spent.seconds == 130 + 3 * 10
    with timed(folder, name):  # it is taken up again
        clock.now += 5
    assert spent(folder, name) == 135


def test_the_time_left_is_that_of_whole_cells_of_the_same_network(
    finished: tuple[StudyFolder, list[str]],
) -> None:
    folder, (a, b, c, d) = finished
    assert status(folder).left == Span(0)
    for name, seconds in zip((a, b, c, d), (40, 40, 60, 100), strict=True):
        record(folder, name, seconds)
    for name in (a, b):
        folder.run(name).cost.unlink()
        folder.run(name).history.unlink()
        folder.times(name).unlink()
    assert status(folder).left == Span(2 * 80)  # not ten: so long its epochs alone take
    folder.run(c).cost.unlink()  # all its epochs are done: what is left is the rest
    assert status(folder).left == Span(2 * 100 + 90)
    assert status(folder).count("left") == 3
    folder.write(folder.study(), type(folder.plan())(folder.plan().cells, jobs=2), {}, None)
    assert status(folder).left == Span((2 * 100 + 90) / 2)
    folder.run(d).cost.unlink()
    assert status(folder).left is None


@pytest.mark.parametrize(
    "kept", ["", "{", '{"seconds": "?", "begun": null}', '{"seconds": 3.0, "begun": null}']
)
def test_where_nothing_usable_was_recorded_it_is_the_epochs_and_said(
    finished: tuple[StudyFolder, list[str]], kept: str
) -> None:
    """Less than the epochs alone took is not the whole."""
    folder, (name, other, *_) = finished
    if kept:
        record(folder, name, 0)
        folder.times(name).write_text(kept)
    assert spent(folder, name) is None
    folder.run(other).cost.unlink()
    folder.run(other).history.unlink()
    assert status(folder).spent == Span(30, whole=False)
    assert status(folder).left == Span(10, whole=False)


def test_of_a_cell_begun_before_times_were_kept_none_is_kept(
    finished: tuple[StudyFolder, list[str]],
) -> None:
    folder, (name, *_) = finished
    with timed(folder, name):
        pass
    assert not folder.times(name).exists()


def test_the_table_of_cells_has_both_times(finished: tuple[StudyFolder, list[str]]) -> None:
    folder, names = finished
    for name in names[1:]:
        record(folder, name, 75.5)
    sheet = next(sheet for sheet in write_study(folder) if sheet.name == "cells")
    heads = [name for name, _ in sheet.table.columns]
    at = heads.index("Epochs"), heads.index("Time")
    assert [tuple(row[i].text for i in at) for row in sheet.table.rows] == [
        ("10 s", "–"),
        *[("10 s", "1 min 16 s")] * 3,
    ]
    with (folder.tables / "cells.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["seconds of epochs"] for row in rows] == ["10"] * 4
    assert [row["seconds"] for row in rows] == ["", "75.5", "75.5", "75.5"]
    assert "with reading, scoring and predicting" in folder.page.read_text()


def test_a_cell_that_is_really_trained_takes_longer_than_its_epochs(small: Any, tmp_path: Path) -> None:
    folder, (name, _) = planned(small(networks={"U-Net": "unet"}), tmp_path / "study")
    started = time.monotonic()
    assert compute(folder, name, 1) == DONE
    whole, epochs = spent(folder, name), json.loads(folder.run(name).cost.read_text())["training_seconds"]
    assert whole is not None
    assert epochs < whole <= time.monotonic() - started


def test_a_killed_attempt_that_is_tried_again_a_day_later_is_not_charged_the_day(
    small: Any, tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, names = planned(small(), tmp_path / "study")
    run = folder.run(names[0])
    run.path.mkdir(parents=True)
    folder.fail(names[0], MemoryError("killed"))
    record(folder, names[0], 0.0, begun=clock.now)
    for path in (run.path, *run.path.iterdir()):
        os.utime(path, (clock.now + 60, clock.now + 60))
    clock.now += 86_400
    monkeypatch.setattr("isthmus.studies.running.worker._train", lambda *_: None)
    assert compute(folder, names[0], threads=1) == DONE
    assert json.loads(folder.times(names[0]).read_text())["seconds"] == 60
