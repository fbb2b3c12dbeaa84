"""A cell as a task of a Ray cluster: what runs on the node, and what is seen of it from here."""

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
"""How often a cell whose process or node died is begun again, from its last checkpoint."""
LATE = 90.0
"""Seconds for which a network file system may not show here what a node has written (NFS: up to 60)."""
ENDING = 10.0
"""Seconds that are left to processes which are asked to end."""


def submit(ray: Any, remote: Any, folder: StudyFolder, name: str, threads: int, most: int, gpu: bool) -> Task:
    """Hand a cell to Ray.

    Args:
        remote: `work` as Ray's remote function.
        threads: its cores, where its recipe names none.
        most: what the largest node has.
        gpu: whether there are GPUs; a cell that is for the CPU asks for none.
    """
    hardware = _hardware(folder, name)
    threads = min(hardware.threads or threads, most)
    gpus = int(gpu and hardware.device not in ("cpu", "mps"))
    note = f"handed to Ray as {uuid.uuid4().hex}"
    path = folder.path.resolve()
    folder.log(name).parent.mkdir(parents=True, exist_ok=True)
    with folder.log(name).open("a", encoding="utf-8") as log:
        log.write(f"{note}\n")
    asked = remote.options(num_cpus=threads, num_gpus=gpus, name=f"{path.name}/{name}")
    reference = asked.remote(str(path), name, note, threads, gpus, os.getcwd())
    return Task(folder, name, reference.future(), lambda: ray.cancel(reference, force=True))


def work(path: str, name: str, note: str, threads: int, gpus: int, cwd: str) -> int:
    """A cell, in a process that Ray began for it alone.

    Args:
        note: what the cell's log holds, if this node sees the study's folder.

    Raises:
        IsthmusError: it does not.
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
    if not gpus:  # Ray hides those that it gave to nobody from nobody
        os.environ["CUDA_VISIBLE_DEVICES"] = ""
    large_pages()
    import cv2

    cv2.setNumThreads(threads)
    return compute(folder, name, threads, Log())


class Task:
    """A cell that Ray computes, looked at as `execute` looks at a process."""

    def __init__(
        self, folder: StudyFolder, name: str, future: Future[int], cancel: Callable[[], None]
    ) -> None:
        self.folder, self.name, self.future, self.cancel = folder, name, future, cancel
        self.ended: float | None = None

    def poll(self) -> int | None:
        """As `isthmus.studies.running.worker` ends; None also while its files are on their way to this machine.

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
        if hasattr(error, "cause"):  # not of training, which keeps its own: the node is at fault
            if isinstance(error.cause, IsthmusError):
                raise error.cause
            raise IsthmusError(
                f"a node could not run {self.name} ({telling(error)}); install isthmus and Ray there as they are here"
            ) from error
        died = f"its node or process died {RETRIES + 1} times ({telling(error)})"
        self.folder.fail(self.name, f"{died}; started again, it goes on where it was\n")
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
        """End its process, wherever it is."""
        with suppress(Exception):  # the cluster may be gone, and its processes with it
            self.cancel()

    def wait(self) -> int:
        """Until it has ended, or its cluster does not say."""
        with suppress(Exception):
            self.future.exception(timeout=ENDING)
        return FAILED


def _hardware(folder: StudyFolder, name: str) -> Hardware:
    """What the recipe of a cell says of it; a cell that was begun goes on with what it was begun with."""
    run = folder.run(name)
    with suppress(IsthmusError):  # a broken recipe is the cell's failure, and told there
        return (run.recipe() if run.recipe_path.is_file() else folder.recipe(name)).hardware
    return Hardware()


def telling(error: BaseException) -> str:
    """The line of a message that says most: the last of a traceback, the first of anything else.

    >>> telling(OSError("no route\\nto there"))
    'no route'
    """
    lines = [line.strip() for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
    return (lines[-1] if hasattr(error, "cause") or "Traceback" in str(error) else lines[0])[:200]
