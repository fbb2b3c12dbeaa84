"""The cells of a study, as many at a time as asked for, by default in processes of this machine."""

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
from isthmus.studies.study_folder import Order, Plan, Planned, StudyFolder
from isthmus.watch import Watch

POLL = 0.05
"""Seconds between two looks at the processes."""
CORES_OF_A_CELL = 4
"""Where there is no CUDA device, by default."""


class Process(Protocol):
    """A cell that is being computed."""

    def poll(self) -> int | None:
        """What it ended with; None while it runs, and minus the signal's number where one ended it."""

    def terminate(self) -> None:
        """Ask it to end."""

    def wait(self) -> int:
        """Until it has ended."""


Launch = Callable[[StudyFolder, str, int, int], Process]
"""(folder, name, threads, slot) -> the process that computes this cell."""


@dataclass(frozen=True)
class Machines:
    """Where cells are computed."""

    jobs: int  # cells at a time
    threads: int  # cores of each
    launch: Launch
    line: str  # for the user


@dataclass(frozen=True)
class Outcome:
    """How a study ended."""

    computed: tuple[str, ...]
    failed: tuple[Planned, ...]
    order: Order | None = field(default=None, compare=False)  # what was asked for


def accelerators() -> int:
    """CUDA devices."""
    import torch

    return torch.cuda.device_count() if torch.cuda.is_available() else 0


def default_jobs() -> int:
    """One for each CUDA device; without any, one for every four cores."""
    return accelerators() or max(1, cores() // CORES_OF_A_CELL)


def processes(number: int) -> str:
    """For messages.

    >>> processes(1), processes(2)
    ('1 process at a time', '2 processes at a time')
    """
    return f"{number} process{'es' if number > 1 else ''} at a time"


def launch(
    folder: StudyFolder, name: str, threads: int, slot: int, module: str = "isthmus.studies.running.worker"
) -> Process:
    """A process of its own, with its share of the cores, and a CUDA device where there are several.

    Args:
        module: what is run, which takes the words of `isthmus.studies.running.worker`.
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
    """Processes of this machine, which share its cores."""
    jobs = default_jobs() if jobs is None else jobs
    return Machines(jobs, max(1, cores() // jobs), launch, processes(jobs))


def execute(folder: StudyFolder, plan: Plan, machines: Machines, watch: Watch) -> Outcome:
    """Compute every cell that is not done: those that failed before are tried again, once.

    Cells that another process computes are left to it and waited for; where it dies, they are taken over.
    """
    cells = {cell.name: cell for cell in plan.cells}
    old = {name: _stamp(folder, name) for name in cells}  # failures of earlier days
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
                elif _stamp(folder, name) in (None, old[name]):
                    folder.fail(name, _ended(code, folder, name))
                _tell(folder, cells[name], watch)
            for name in list(waiting) if len(running) < jobs else ():
                if folder.run(name).finished() or _stamp(folder, name) not in (None, old[name]):
                    waiting.remove(name)  # by another process
                    _tell(folder, cells[name], watch)
                elif len(running) < jobs and not folder.is_taken(name):
                    slot = next(number for number in range(jobs) if number not in running)
                    waiting.remove(name)
                    running[slot] = name, machines.launch(folder, name, machines.threads, slot)
            time.sleep(POLL)
    finally:
        _end([process for _, process in running.values()])
    failed = tuple(cell for name, cell in cells.items() if not folder.run(name).finished())
    return Outcome(tuple(computed), failed)


def _stamp(folder: StudyFolder, name: str) -> int | None:
    """When a cell failed; None where it did not."""
    try:
        return folder.failure(name).stat().st_mtime_ns
    except FileNotFoundError:
        return None


def _ended(code: int, folder: StudyFolder, name: str) -> str:
    """Why a process that left no traceback ended."""
    if code < 0:
        with suppress(ValueError):
            named = signal.Signals(-code).name
            hint = "; memory may have run out" if named == "SIGKILL" else ""
            return f"its process was ended by {named}{hint}; started again, it goes on where it was\n"
    return f"its process ended with code {code}; what it printed is in {folder.log(name).name}\n"


def _tell(folder: StudyFolder, cell: Planned, watch: Watch) -> None:
    run = folder.run(cell.name)
    if run.finished():
        watch.advance()
        watch.say(f"done: {cell.label}: best Dice {run.costs().best_validation_dice:.4f}")
    else:
        watch.advance()
        watch.say(f"failed: {cell.label} ({cell.name}): {folder.why(cell.name)}")


def _end(processes: list[Process]) -> None:
    for process in processes:
        process.terminate()
    for process in processes:
        process.wait()
