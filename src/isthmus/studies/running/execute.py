"""Computes the cells of a study, several at a time, by default in processes on this machine."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace

from isthmus.machine import cores
from isthmus.studies.running.progress import status
from isthmus.studies.running.worker import TAKEN
from isthmus.studies.running.workers import Crew, Launch, Process, accelerators, launch
from isthmus.studies.study_folder import Plan, Planned, StudyFolder, StudyRequest
from isthmus.watch import Watch

POLL = 0.05
"""Seconds between two checks of the processes."""
CORES_OF_A_CELL = 4
"""Cores for each cell by default, if there is no CUDA device."""


@dataclass(frozen=True)
class Machines:
    """Where cells are computed.

    Attributes:
        jobs: cells at a time.
        threads: cores for each cell.
        launch: starts a cell.
        line: a description for the user.
        crew: processes that compute several cells each; None: every cell has a process of its own.
    """

    jobs: int
    threads: int
    launch: Launch
    line: str
    crew: Crew | None = None

    def sharing(self, wanted: bool) -> Machines:
        """Returns these machines with cells that share processes, if this is wanted and possible."""
        if self.crew is None:
            return self
        if wanted:
            return replace(self, launch=self.crew.launch)
        self.crew.close()
        return replace(self, crew=None)


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


def default_jobs(small: bool = False) -> int:
    """Returns one job for each CUDA device; without one, a job for every four cores, or for every core at small scale.

    Small networks are too small for several threads: two of them with a thread each are trained sooner than one after
    the other with two threads.
    """
    return accelerators() or max(1, cores() // (1 if small else CORES_OF_A_CELL))


def processes(number: int) -> str:
    """Returns how many processes run at a time, in words.

    >>> processes(1), processes(2)
    ('1 process at a time', '2 processes at a time')
    """
    return f"{number} process{'es' if number > 1 else ''} at a time"


@contextmanager
def this_machine(
    jobs: int | None = None, own: Launch | None = None, *, small: bool = False
) -> Iterator[Machines]:
    """Yields this machine, whose processes share its cores.

    Args:
        jobs: cells at a time; None: `default_jobs`.
        own: starts the process of a cell; None: `launch`, or a crew where cells share processes.
        small: whether the networks are small.
    """
    jobs = default_jobs(small) if jobs is None else jobs
    crew = Crew() if own is None else None
    try:
        yield Machines(jobs, max(1, cores() // jobs), own or launch, processes(jobs), crew)
    finally:
        if crew is not None:
            crew.close()


def execute(folder: StudyFolder, plan: Plan, machines: Machines, watch: Watch) -> Outcome:
    """Computes every cell that is not done; cells that failed in an earlier run are tried once more.

    Cells that another process computes are left to it and waited for; if that process dies, they are taken over.
    """
    cells = {cell.name: cell for cell in plan.cells}
    old = {name: _failed_at(folder, name) for name in cells}  # failures of earlier runs
    waiting = [name for name in cells if not folder.run(name).finished()]
    watch.stage("cells", len(cells), len(cells) - len(waiting))
    _tell_left(folder, watch)
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
    _tell_left(folder, watch)
    if run.finished():
        watch.say(f"done: {cell.label}: Dice {run.costs().best_validation_dice:.4f}")
    else:
        watch.say(f"failed: {cell.label} ({cell.name}): {folder.why(cell.name)}")


def _tell_left(folder: StudyFolder, watch: Watch) -> None:
    if (left := status(folder).left) is not None:
        watch.left(left.seconds)


def _end(processes: list[Process]) -> None:
    for process in processes:
        process.terminate()
    for process in processes:
        process.wait()
