"""Cells that share a process end as cells in processes of their own, and no failure takes another cell along."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from isthmus.studies.planning import find_data, plan_study
from isthmus.studies.running.execute import execute, this_machine
from isthmus.studies.running.times import forecast, processor, spent
from isthmus.studies.running.worker import DONE, FAILED, compute
from isthmus.studies.running.workers import Crew, Member, Process
from isthmus.studies.study import Study
from isthmus.studies.study_folder import StudyFolder
from isthmus.watch import Silent


def planned(study: Study, out: Path) -> tuple[StudyFolder, list[str]]:
    folder = StudyFolder(out)
    plan, recipes = plan_study(study, find_data(study))
    folder.write(study, plan, recipes, None)
    return folder, [cell.name for cell in plan.cells]


@pytest.fixture
def crew() -> Iterator[Crew]:
    crew = Crew()
    yield crew
    crew.close()


def code(process: Process) -> int:
    while (found := process.poll()) is None:
        time.sleep(0.01)
    return found


def number(process: Process) -> int:
    assert isinstance(process, Member)
    return process.process.pid


def broken(folder: StudyFolder, name: str) -> None:
    """Gives a cell a recipe that cannot be trained."""
    recipe = folder.recipe(name)
    bad = recipe.model_copy(update={"input": recipe.input.model_copy(update={"resize": (33, 33)})})
    folder.write(folder.study(), folder.plan(), {name: bad}, None)


@pytest.mark.slow
def test_cells_in_one_process_end_with_the_weights_of_cells_in_their_own(
    small: Any, tmp_path: Path, crew: Crew
) -> None:
    folder, names = planned(small(), tmp_path / "shared")
    broken(folder, names[1])
    tasks = [crew.launch(folder, name, 1, 0) for name in names[:1]]
    process = number(tasks[0])
    assert code(tasks[0]) == DONE
    failing = crew.launch(folder, names[1], 1, 0)
    assert code(failing) == FAILED
    assert "33x33 is not divisible by 2" in folder.why(names[1])
    for name in names[2:]:
        task = crew.launch(folder, name, 1, 0)
        assert number(task) == process
        assert code(task) == DONE
    alone, _ = planned(small(), tmp_path / "alone")
    for name in (names[0], *names[2:]):
        assert compute(alone, name, 1) == DONE
        assert folder.run(name).weights.read_bytes() == alone.run(name).weights.read_bytes()
        assert folder.run(name).cases.read_bytes() == alone.run(name).cases.read_bytes()
        assert (processor(folder, name) or 0) > 0
        assert spent(folder, name)
    first, last = (folder.log(name).read_text() for name in (names[0], names[-1]))
    assert "U-Net" not in last
    assert first.count("trains on") == last.count("trains on")


@pytest.mark.slow
def test_a_killed_process_loses_only_its_cell_in_progress(small: Any, tmp_path: Path, crew: Crew) -> None:
    study = small(networks={"U-Net": "unet", "Long": {"model": "unet", "training": {"epochs": 400}}})
    folder, names = planned(study, tmp_path / "study")
    long = next(cell.name for cell in folder.plan().cells if cell.network == "Long")
    assert code(crew.launch(folder, names[0], 1, 0)) == DONE
    task = crew.launch(folder, long, 1, 0)
    while not folder.run(long).history.is_file():
        assert task.poll() is None, folder.log(long).read_text()
        time.sleep(0.02)
    assert folder.state(long) == "running"
    os.kill(number(task), signal.SIGKILL)
    assert code(task) == -signal.SIGKILL
    assert [folder.state(names[0]), folder.state(long)] == ["done", "left"]
    again = crew.launch(folder, names[1], 1, 0)  # by a new process
    assert code(again) == DONE
    assert number(again) != number(task)


@pytest.mark.slow
def test_a_step_is_measured_without_a_trace_but_its_record(small: Any, tmp_path: Path, crew: Crew) -> None:
    folder, names = planned(small(), tmp_path / "study")
    assert code(crew.measure(folder, names[0], 1, 0)) == DONE
    assert 0 < (forecast(folder, names[0]) or 0) < 60
    assert not folder.run(names[0]).path.exists()
    broken(folder, names[1])
    assert code(crew.measure(folder, names[1], 1, 0)) == FAILED
    assert forecast(folder, names[1]) is None
    assert folder.state(names[1]) == "left"


@pytest.mark.slow
def test_a_study_is_computed_by_as_many_processes_as_jobs(small: Any, tmp_path: Path) -> None:
    folder, names = planned(small(repeats=2), tmp_path / "study")
    with this_machine(2, small=True) as machines:
        machines = machines.sharing(True)
        outcome = execute(folder, folder.plan(), machines, Silent())
        assert machines.crew
        assert len(machines.crew._members) == 2
    assert sorted(outcome.computed) == sorted(names)
    assert not outcome.failed
    assert not machines.crew._members


def test_small_networks_get_a_core_each(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("isthmus.studies.running.execute.cores", lambda: 8)
    monkeypatch.setattr("isthmus.studies.running.execute.accelerators", lambda: 0)
    with this_machine(small=True) as small, this_machine() as large, this_machine(4) as given:
        assert [(each.jobs, each.threads) for each in (small, large, given)] == [(8, 1), (2, 4), (4, 2)]
    monkeypatch.setattr("isthmus.studies.running.execute.accelerators", lambda: 1)
    with this_machine(small=True) as machines:
        assert machines.jobs == 1


def test_long_cells_have_processes_of_their_own() -> None:
    with this_machine(1) as machines:
        assert machines.sharing(False).crew is None
        assert machines.sharing(False).launch is machines.launch
        assert machines.crew
        assert machines.sharing(True).launch == machines.crew.launch


def test_what_is_printed_beside_the_answers_is_none() -> None:
    script = "import sys; print('hello'); print('wor', end=''); print(); sys.stdin.readline(); print(7)"
    process = subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    member = Member(process)
    assert member.poll() is None
    member.ask("compute a")
    assert code(member) == 7
    member.wait()
    assert member.process.stdin
    member.process.stdin.close()
