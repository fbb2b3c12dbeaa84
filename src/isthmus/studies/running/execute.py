"""Computes the cells of a study, several at a time, by default in processes on this machine."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Protocol

from isthmus.machine import cores
from isthmus.studies.running.worker import TAKEN
from isthmus.studies.study_folder import Plan, Planned, StudyFolder, StudyRequest
from isthmus.watch import Watch

POLL = 0.05
"""Seconds between two checks of the processes."""
CORES_OF_A_CELL = 4
"""Cores for each cell by default, if there is no CUDA device."""


class Process(Protocol):
    """A cell that is being computed."""

    def poll(self) -> int | None:
        """Returns the exit code, minus the signal's number if a signal ended it; None while it runs."""

    def terminate(self) -> None:
        """Asks it to end."""

    def wait(self) -> int:
        """Waits until it has ended, and returns its exit code."""


Launch = Callable[[StudyFolder, str, int, int], Process]
"""Starts the process that computes a cell, from (folder, name, threads, slot)."""


@dataclass(frozen=True)
class Machines:
    """Where cells are computed.

    Attributes:
        jobs: cells at a time.
        threads: cores for each cell.
        launch: starts a cell.
        line: a description for the user.
    """

    jobs: int
    threads: int
    launch: Launch
    line: str


@dataclass(frozen=True)
class Outcome:
    """How a study ended.

    Attributes:
        computed: the names of the cells that were computed now.
        failed: the cells that are not done.
        request: the study that the command was given.
    """

    computed: tuple[str, ...]
    failed: tuple[Planned, ...]
    request: StudyRequest | None = field(default=None, compare=False)


def accelerators() -> int:
    """Counts the CUDA devices."""
    import torch

    return torch.cuda.device_count() if torch.cuda.is_available() else 0


def default_jobs() -> int:
    """Returns one job for each CUDA device, or else one for every four cores."""
    return accelerators() or max(1, cores() // CORES_OF_A_CELL)


def processes(number: int) -> str:
    """Returns how many processes run at a time, in words.

    >>> processes(1), processes(2)
    ('1 process at a time', '2 processes at a time')
    """
    return f"{number} process{'es' if number > 1 else ''} at a time"


def launch(
    folder: StudyFolder, name: str, threads: int, slot: int, module: str = "isthmus.studies.running.worker"
) -> Process:
    """Starts a process for a cell, with its share of the cores, and with a CUDA device of its own if there are several.

    Args:
        folder: the folder of the study.
        name: the name of the cell.
        threads: the number of cores it may use.
        slot: index of this cell among those that run at a time, from 0.
        module: the module to run, which takes the arguments of `isthmus.studies.running.worker`.
    """
    environment = os.environ | dict.fromkeys(
        ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), str(threads)
    )
    devices = accelerators()
    if devices > 1:
        visible = environment.get("CUDA_VISIBLE_DEVICES", ",".join(map(str, range(devices)))).split(",")
        environment["CUDA_VISIBLE_DEVICES"] = visible[slot % len(visible)]
    folder.log(name).parent.mkdir(parents=True, exist_ok=True)
    with folder.log(name).open("ab") as log:
        words = [str(folder.path), name, "--threads", str(threads), "--parent", str(os.getpid())]
        return subprocess.Popen(  # noqa: S603
            [sys.executable, "-m", module, *words],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )


def this_machine(jobs: int | None = None, launch: Launch = launch) -> Machines:
    """Returns this machine, whose processes share its cores."""
    jobs = default_jobs() if jobs is None else jobs
    return Machines(jobs, max(1, cores() // jobs), launch, processes(jobs))


def execute(folder: StudyFolder, plan: Plan, machines: Machines, watch: Watch) -> Outcome:
    """Computes every cell that is not done; cells that failed in an earlier run are tried once more.

    Cells that another process computes are left to it and waited for; if that process dies, they are taken over.
    """
    cells = {cell.name: cell for cell in plan.cells}
    old = {name: _failed_at(folder, name) for name in cells}  # failures of earlier runs
    waiting = [name for name in cells if not folder.run(name).finished()]
    watch.stage("cells", len(cells), len(cells) - len(waiting))
    jobs = machines.jobs
    running: dict[int, tuple[str, Process]] = {}  # by slot
    computed: list[str] = []
    try:
        while waiting or running:
            for slot, (name, process) in list(running.items()):
                code = process.poll()
                if code is None:
                    continue
                del running[slot]
                if code == TAKEN:
                    waiting.append(name)
                    continue
                if folder.run(name).finished():
                    computed.append(name)
                elif _failed_at(folder, name) in (None, old[name]):
                    folder.fail(name, _ended(code, folder, name))
                _report(folder, cells[name], watch)
            for name in list(waiting) if len(running) < jobs else ():
                if folder.run(name).finished() or _failed_at(folder, name) not in (None, old[name]):
                    waiting.remove(name)  # by another process
                    _report(folder, cells[name], watch)
                elif len(running) < jobs and not folder.is_taken(name):
                    slot = next(number for number in range(jobs) if number not in running)
                    waiting.remove(name)
                    running[slot] = name, machines.launch(folder, name, machines.threads, slot)
            time.sleep(POLL)
    finally:
        _end([process for _, process in running.values()])
    failed = tuple(cell for name, cell in cells.items() if not folder.run(name).finished())
    return Outcome(tuple(computed), failed)


def _failed_at(folder: StudyFolder, name: str) -> int | None:
    """Returns the time at which a cell failed, in nanoseconds; None if it did not fail."""
    try:
        return folder.failure(name).stat().st_mtime_ns
    except FileNotFoundError:
        return None


def _ended(code: int, folder: StudyFolder, name: str) -> str:
    """Returns why a process that left no traceback ended."""
    if code < 0:
        with suppress(ValueError):
            named = signal.Signals(-code).name
            hint = "; memory may have run out" if named == "SIGKILL" else ""
            return f"its process was ended by {named}{hint}; run the study again to resume it\n"
    return f"its process ended with code {code}; what it printed is in {folder.log(name).name}\n"


def _report(folder: StudyFolder, cell: Planned, watch: Watch) -> None:
    run = folder.run(cell.name)
    watch.advance()
    if run.finished():
        watch.say(f"done: {cell.label}: best Dice {run.costs().best_validation_dice:.4f}")
    else:
        watch.say(f"failed: {cell.label} ({cell.name}): {folder.why(cell.name)}")


def _end(processes: list[Process]) -> None:
    for process in processes:
        process.terminate()
    for process in processes:
        process.wait()
