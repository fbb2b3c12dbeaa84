"""Computes one cell or several, one after another: ``python -m isthmus.studies.running.worker FOLDER [NAME]``.

Without a name, the process reads a line for each task, ``compute NAME`` or ``measure NAME``, and answers each with its
exit code in a line of its own, until its input ends. What a task prints goes to the log of its cell.
"""

from __future__ import annotations

import argparse
import gc
import os
import sys
import traceback
from pathlib import Path

from isthmus.locks import taken
from isthmus.machine import forget_peak_memory
from isthmus.memory import give_back_freed_memory
from isthmus.runs.files import write_json
from isthmus.runs.recipe import Hardware, Recipe
from isthmus.studies.running.times import timed
from isthmus.studies.study_folder import StudyFolder
from isthmus.watch import Silent, Watch

DONE, FAILED, TAKEN = 0, 1, 75
"""Exit codes of a worker's process."""


class Log(Silent):
    """Prints messages, and ends the process when its parent is gone."""

    def __init__(self, parent: int | None = None) -> None:
        self.parent = parent

    def advance(self, text: str = "") -> None:  # noqa: ARG002
        if self.parent is not None and os.getppid() != self.parent:
            raise SystemExit(FAILED)

    def say(self, text: str) -> None:
        print(text, flush=True)


def compute(folder: StudyFolder, name: str, threads: int | None = None, watch: Watch | None = None) -> int:
    """Trains or resumes the cell of this name, unless it is done or another process computes it.

    A failure is written into the cell's folder.

    Returns:
        The exit code: `DONE`, `FAILED` or `TAKEN`.
    """
    with taken(folder.lock(name)) as mine:
        if not mine:
            return TAKEN
        run = folder.run(name)
        if run.finished():
            return DONE
        from isthmus import training

        try:
            with timed(folder, name):
                folder.failure(name).unlink(missing_ok=True)
                _train(folder, name, threads, watch)
        except training.Stopped as stopped:
            folder.fail(name, f"{stopped}\n")
            return FAILED
        except Exception as error:
            folder.fail(name, error)
            return FAILED
    return DONE


def measure(folder: StudyFolder, name: str, threads: int | None = None) -> int:
    """Writes how long a cell will take, from a step of its training, into the study's folder.

    Returns:
        The exit code: `DONE`, or `FAILED` where it cannot be measured.
    """
    from isthmus import training

    try:
        write_json(
            folder.forecast(name),
            {"seconds": round(training.expected_seconds(_with_threads(folder.recipe(name), threads)), 3)},
        )
    except Exception:
        traceback.print_exc()  # the cell itself will fail and say why
        return FAILED
    return DONE


def serve(folder: StudyFolder, threads: int | None, watch: Watch) -> None:
    """Does one task after another, as they are read from the standard input."""
    answers = os.fdopen(os.dup(1), "w", encoding="ascii")
    print(file=answers, flush=True)  # ends a line that something else began
    for line in sys.stdin:
        task, name = line.split()
        with folder.log(name).open("ab") as log:
            for stream in (sys.stdout, sys.stderr):
                stream.flush()
                os.dup2(log.fileno(), stream.fileno())
        code = measure(folder, name, threads) if task == "measure" else compute(folder, name, threads, watch)
        sys.stdout.flush()
        gc.collect()
        give_back_freed_memory()
        forget_peak_memory()
        print(code, file=answers, flush=True)


def _train(folder: StudyFolder, name: str, threads: int | None, watch: Watch | None) -> None:
    from isthmus import training

    run = folder.run(name)
    if run.recipe_path.is_file():
        training.resume(run.path, watch=watch)
    else:
        training.train(_with_threads(folder.recipe(name), threads), run.path, watch=watch)


def _with_threads(recipe: Recipe, threads: int | None) -> Recipe:
    """Returns the recipe with this process's thread count, which does not affect the name of the cell."""
    own = recipe.hardware
    if threads is None or own.threads is not None:
        return recipe
    hardware = Hardware(**{**own.model_dump(), "threads": threads, "workers": min(own.workers, threads)})
    return recipe.model_copy(update={"hardware": hardware})


def main(words: list[str] | None = None) -> int:
    """Parses the command line and computes the cell, or the cells that are asked for."""
    parser = argparse.ArgumentParser(prog="isthmus.studies.running.worker", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("name", nargs="?")
    parser.add_argument("--threads", type=int)
    parser.add_argument("--parent", type=int, help="process to watch: this one ends when it does")
    options = parser.parse_args(words)
    import cv2

    cv2.setNumThreads(options.threads or 0)
    folder, watch = StudyFolder(options.folder), Log(options.parent)
    if options.name is not None:
        return compute(folder, options.name, options.threads, watch)
    serve(folder, options.threads, watch)
    return DONE


if __name__ == "__main__":
    sys.exit(main())
