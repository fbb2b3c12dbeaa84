"""A cell as a task of a Ray cluster: what runs on the node, and how it is followed from here."""

from __future__ import annotations

import os
import platform
import time
import uuid
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path
from typing import Any

from isthmus.errors import IsthmusError
from isthmus.memory import large_pages
from isthmus.runs.recipe import Hardware
from isthmus.studies.running.worker import DONE, FAILED, TAKEN, Log, compute
from isthmus.studies.study_folder import StudyFolder

RETRIES = 3
"""How often a cell whose process or node died is started again, from its last checkpoint."""
LATE = 90.0
"""Seconds after which a network file system must show here what a node has written (NFS: up to 60)."""
ENDING = 10.0
"""Seconds that a process has to end after it is asked to."""


def submit(ray: Any, remote: Any, folder: StudyFolder, name: str, threads: int, most: int, gpu: bool) -> Task:
    """Hands a cell to Ray.

    Args:
        ray: the library.
        remote: `work` as Ray's remote function.
        folder: the folder of the study.
        name: the name of the cell.
        threads: the cell's cores, where its recipe names none.
        most: the cores of the largest node.
        gpu: whether the cluster has GPUs; a cell whose recipe names the CPU asks for none.
    """
    hardware = _hardware(folder, name)
    threads = min(hardware.threads or threads, most)
    gpus = int(gpu and hardware.device not in ("cpu", "mps"))
    note = f"handed to Ray as {uuid.uuid4().hex}"
    path = folder.path.resolve()
    folder.log(name).parent.mkdir(parents=True, exist_ok=True)
    with folder.log(name).open("a", encoding="utf-8") as log:
        log.write(f"{note}\n")
    options = remote.options(num_cpus=threads, num_gpus=gpus, name=f"{path.name}/{name}")
    reference = options.remote(str(path), name, note, threads, gpus, os.getcwd())
    return Task(folder, name, reference.future(), lambda: ray.cancel(reference, force=True))


def work(path: str, name: str, note: str, threads: int, gpus: int, cwd: str) -> int:
    """Computes a cell in a process that Ray started only for it.

    Args:
        path: the folder of the study.
        name: the name of the cell.
        note: a line of the cell's log, by which this node shows that it sees the study's folder.
        threads: the cell's cores.
        gpus: the cell's GPUs.
        cwd: the working folder of the command.

    Returns:
        The exit code, as of `isthmus.studies.running.worker`.

    Raises:
        IsthmusError: this node does not see the study's folder.
    """
    folder = StudyFolder(Path(path))
    log = folder.log(name)
    try:
        seen = note in log.read_text(encoding="utf-8", errors="replace")
    except OSError:
        seen = False
    if not seen:
        raise IsthmusError(
            f"node {platform.node()} does not see {path} as it is here; "
            "put --out on a file system that all nodes share, under one path"
        )
    with log.open("ab") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    print(f"begun on {platform.node()} in process {os.getpid()}", flush=True)
    with suppress(OSError):
        os.chdir(cwd)
    if not gpus:  # Ray does not hide GPUs that it gave to nobody
        os.environ["CUDA_VISIBLE_DEVICES"] = ""
    large_pages()
    import cv2

    cv2.setNumThreads(threads)
    return compute(folder, name, threads, Log())


class Task:
    """A cell that Ray computes, with the methods of a process that `execute` uses."""

    def __init__(
        self, folder: StudyFolder, name: str, future: Future[int], cancel: Callable[[], None]
    ) -> None:
        self.folder, self.name, self.future, self.cancel = folder, name, future, cancel
        self.ended: float | None = None

    def poll(self) -> int | None:
        """Returns the exit code of the worker; None while it runs, or while its files are not visible here yet.

        Raises:
            IsthmusError: a node does not see the folder, or cannot run cells at all.
        """
        if not self.future.done():
            return None
        error = self.future.exception()
        if error is None:
            return self._seen(self.future.result())
        if isinstance(error, ConnectionError):
            raise error
        if hasattr(error, "cause"):  # training writes its own failures, so this one is the node's
            if isinstance(error.cause, IsthmusError):
                raise error.cause
            raise IsthmusError(
                f"a node could not run {self.name} ({telling(error)}); install isthmus and Ray there as they are here"
            ) from error
        died = f"its node or process died {RETRIES + 1} times ({telling(error)})"
        self.folder.fail(self.name, f"{died}; run the study again to resume it\n")
        return FAILED

    def _seen(self, code: int) -> int | None:
        run, failure = self.folder.run(self.name), self.folder.failure(self.name)
        if code == TAKEN or (run.finished() if code == DONE else failure.is_file()):
            return code
        self.ended = self.ended or time.monotonic()
        if time.monotonic() - self.ended < LATE:
            return None
        raise IsthmusError(
            f"a node has ended {self.name}, but {run.path} does not show it; "
            "put --out on a file system that all nodes share"
        )

    def terminate(self) -> None:
        """Ends the process, wherever it runs."""
        with suppress(Exception):  # the cluster may be gone, and its processes with it
            self.cancel()

    def wait(self) -> int:
        """Waits until the process has ended or the cluster does not answer."""
        with suppress(Exception):
            self.future.exception(timeout=ENDING)
        return FAILED


def _hardware(folder: StudyFolder, name: str) -> Hardware:
    """Returns the hardware of a cell's recipe: of the run if it has started, else of the plan."""
    run = folder.run(name)
    with suppress(IsthmusError):  # a broken recipe is reported as the cell's failure
        return (run.recipe() if run.recipe_path.is_file() else folder.recipe(name)).hardware
    return Hardware()


def telling(error: BaseException) -> str:
    """Returns the most telling line of a message: the last of a traceback, the first of any other.

    >>> telling(OSError("no route\\nto there"))
    'no route'
    """
    lines = [line.strip() for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
    return (lines[-1] if hasattr(error, "cause") or "Traceback" in str(error) else lines[0])[:200]
