"""Starts the processes that compute cells on this machine: one for each cell, or one for many short cells."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Protocol

from isthmus.studies.study_folder import StudyFolder

WORKER = "isthmus.studies.running.worker"


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


def accelerators() -> int:
    """Counts the CUDA devices."""
    import torch

    return torch.cuda.device_count() if torch.cuda.is_available() else 0


def launch(folder: StudyFolder, name: str, threads: int, slot: int, module: str = WORKER) -> Process:
    """Starts a process for a cell, with its share of the cores, and with a CUDA device of its own if there are several.

    Args:
        folder: the folder of the study.
        name: the name of the cell.
        threads: the number of cores it may use.
        slot: index of this cell among those that run at a time, from 0.
        module: the module to run, which takes the arguments of `isthmus.studies.running.worker`.
    """
    return _start(folder, name, threads, slot, module)


class Crew:
    """Processes that do one task after another, so that short cells do not start Python and the framework each.

    Each slot has a process, which starts with its first task; one that has ended is replaced at the next task.
    """

    def __init__(self) -> None:
        self._members: dict[int, Member] = {}

    def launch(self, folder: StudyFolder, name: str, threads: int, slot: int) -> Process:
        """Has a cell computed, as the function `launch` does."""
        return self._begin("compute", folder, name, threads, slot)

    def measure(self, folder: StudyFolder, name: str, threads: int, slot: int) -> Process:
        """Has a step of a cell measured."""
        return self._begin("measure", folder, name, threads, slot)

    def close(self) -> None:
        """Ends the processes."""
        for member in self._members.values():
            member.terminate()
        for member in self._members.values():
            member.wait()
        self._members.clear()

    def _begin(self, task: str, folder: StudyFolder, name: str, threads: int, slot: int) -> Process:
        member = self._members.get(slot)
        if member is not None and member.process.poll() is not None:
            member.terminate()
            member.wait()
            member = None
        if member is None:
            member = self._members[slot] = Member(_start(folder, name, threads, slot, serves=True))
        member.ask(f"{task} {name}")
        return member


class Member:
    """A process that takes tasks, seen as the task that it was given last."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process
        self.answers: SimpleQueue[int] = SimpleQueue()
        self.listener = Thread(target=self._listen, daemon=True)
        self.listener.start()

    def _listen(self) -> None:
        for line in self.process.stdout or ():
            with suppress(ValueError):  # what a library prints while it is imported is no answer
                self.answers.put(int(line))

    def ask(self, task: str) -> None:
        """Hands the process a task; if it has just ended, `poll` says so."""
        with suppress(OSError):
            if self.process.stdin:
                self.process.stdin.write(f"{task}\n".encode())
                self.process.stdin.flush()

    def poll(self) -> int | None:
        """Returns the exit code of the task, or that of the process if it ended before; None while the task runs."""
        ended = self.process.poll()
        if ended is not None:
            self.listener.join()
        with suppress(Empty):
            return self.answers.get_nowait()
        return ended

    def terminate(self) -> None:
        """Asks the process to end, and gives it no further task."""
        with suppress(OSError):
            if self.process.stdin:
                self.process.stdin.close()
        self.process.terminate()

    def wait(self) -> int:
        """Waits until the process has ended, and returns its exit code."""
        code = self.process.wait()
        self.listener.join()
        if self.process.stdout:
            self.process.stdout.close()
        return code


def _start(
    folder: StudyFolder, name: str, threads: int, slot: int, module: str = WORKER, *, serves: bool = False
) -> subprocess.Popen[bytes]:
    """Starts a process that computes this cell, or one that `serves`: it reads its tasks."""
    environment = os.environ | dict.fromkeys(
        ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), str(threads)
    )
    devices = accelerators()
    if devices > 1:
        visible = environment.get("CUDA_VISIBLE_DEVICES", ",".join(map(str, range(devices)))).split(",")
        environment["CUDA_VISIBLE_DEVICES"] = visible[slot % len(visible)]
    folder.log(name).parent.mkdir(parents=True, exist_ok=True)
    words = [str(folder.path), *([] if serves else [name]), "--threads", str(threads)]
    with folder.log(name).open("ab") as log:
        return subprocess.Popen(  # noqa: S603
            [sys.executable, "-m", module, *words, "--parent", str(os.getpid())],
            env=environment,
            stdin=subprocess.PIPE if serves else subprocess.DEVNULL,
            stdout=subprocess.PIPE if serves else log,
            stderr=log,
        )
