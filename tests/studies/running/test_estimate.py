"""The time of a study is told before its cells start: from finished cells, or from measured steps."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from isthmus.runs.files import write_json
from isthmus.studies.running.estimate import estimate
from isthmus.studies.running.execute import Machines
from isthmus.studies.running.progress import status
from isthmus.studies.running.workers import Crew, launch
from isthmus.studies.study_folder import StudyFolder

from ...notes import Notes
from ..known import DICE, by_fold, make


class Measured(Crew):
    """Measures at once, with seconds by network."""

    def __init__(self, seconds: dict[str, float]) -> None:
        super().__init__()
        self.seconds, self.asked = seconds, []

    def measure(self, folder: StudyFolder, name: str, threads: int, slot: int) -> Any:
        cell = next(cell for cell in folder.plan().cells if cell.name == name)
        self.asked.append((cell.data, cell.network))
        if cell.network in self.seconds:
            write_json(folder.forecast(name), {"seconds": self.seconds[cell.network]})
        return Ended()


class Ended:
    def poll(self) -> int:
        return 0


def machines(crew: Crew | None, jobs: int = 1) -> Machines:
    return Machines(jobs, 1, launch, "", crew)


def unfinish(folder: StudyFolder, *networks: str) -> None:
    for cell in folder.plan().cells:
        if cell.network in networks:
            folder.run(cell.name).cost.unlink()
            folder.run(cell.name).history.unlink()


@pytest.fixture
def study(small: Any, tmp_path: Path) -> StudyFolder:
    return make(small(folds=4, measures=[DICE], data={"a": "x", "b": "y"}), tmp_path / "study", by_fold({}))


def test_each_network_on_each_data_set_is_measured_once_and_its_cells_are_added_up(
    study: StudyFolder,
) -> None:
    unfinish(study, "U-Net", "Sharp U-Net")
    crew, notes = Measured({"U-Net": 60.0, "Sharp U-Net": 30.0}), Notes()
    assert estimate(study, study.plan(), machines(crew), notes) == 2 * 4 * (60 + 30)
    assert crew.asked[:2] == [("a", "U-Net"), ("a", "Sharp U-Net")]  # one of each network first
    assert sorted(crew.asked) == sorted((data, name) for data in "ab" for name in ("U-Net", "Sharp U-Net"))
    assert notes.said == ["about 12 minutes (measured: one step of each of 4 networks)"]
    left = status(study).left
    assert left is not None
    assert left.seconds == 720


def test_finished_cells_tell_the_time_of_their_network(study: StudyFolder) -> None:
    for cell in study.plan().cells:
        write_json(study.times(cell.name), {"seconds": 20.0, "begun": None})
    unfinish(study, "Sharp U-Net")
    first = next(cell for cell in study.plan().cells if cell.network == "U-Net")
    study.run(first.name).cost.unlink()
    study.run(first.name).history.unlink()
    crew, notes = Measured({"Sharp U-Net": 60.0}), Notes()
    assert estimate(study, study.plan(), machines(crew), notes) == 20 + 8 * 60
    assert {network for _, network in crew.asked} == {"Sharp U-Net"}
    assert notes.said == ["about 8 minutes (measured: one step of each of 2 networks and 7 finished cells)"]


def test_a_network_that_cannot_be_measured_counts_as_the_others(study: StudyFolder) -> None:
    unfinish(study, "U-Net", "Sharp U-Net")
    assert estimate(study, study.plan(), machines(Measured({"U-Net": 60.0})), Notes()) == 16 * 60
    assert estimate(study, study.plan(), machines(Measured({})), Notes()) == 16 * 60  # it is kept


def test_nothing_is_said_where_nothing_is_known(study: StudyFolder) -> None:
    unfinish(study, "U-Net", "Sharp U-Net")
    for crew in (Measured({}), None):
        notes = Notes()
        assert estimate(study, study.plan(), machines(crew), notes) == float("inf")
        assert notes.said == []


def test_other_data_sets_are_measured_only_while_time_allows(
    study: StudyFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    unfinish(study, "U-Net", "Sharp U-Net")
    monkeypatch.setattr("isthmus.studies.running.estimate.LEAST", -1.0)
    monkeypatch.setattr("isthmus.studies.running.estimate.SHARE", -1.0)
    crew = Measured({"U-Net": 60.0, "Sharp U-Net": 30.0})
    assert estimate(study, study.plan(), machines(crew), Notes()) == 720
    assert crew.asked == [("a", "U-Net"), ("a", "Sharp U-Net")]


def test_what_was_measured_of_a_network_holds_for_its_other_data_sets_when_that_cell_is_done(
    study: StudyFolder,
) -> None:
    for cell in study.plan().cells:
        write_json(study.times(cell.name), {"seconds": 20.0, "begun": None})
    first = next(cell for cell in study.plan().cells if (cell.data, cell.network) == ("a", "U-Net"))
    write_json(study.forecast(first.name), {"seconds": 60.0})
    for cell in study.plan().cells:
        if (cell.data, cell.network) == ("b", "U-Net"):
            study.run(cell.name).cost.unlink()
            study.run(cell.name).history.unlink()
    left = status(study).left
    assert left is not None
    assert left.seconds == 4 * 60
