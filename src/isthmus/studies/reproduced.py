"""Computes every table and figure of the papers, each in a folder of its own; one that fails stops no other."""

from __future__ import annotations

import math
import time
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from isthmus.errors import IsthmusError
from isthmus.machine import processor_seconds
from isthmus.runs.files import write_json
from isthmus.studies.page import write_study
from isthmus.studies.papers import list_papers, refuse_wrong, reproduce
from isthmus.studies.remaining import Remaining
from isthmus.studies.reproduced_page import PAGE, Made, write_page
from isthmus.studies.run import RunOptions, failure_lines
from isthmus.studies.running.progress import status
from isthmus.studies.running.times import read_seconds
from isthmus.studies.study_folder import StudyFolder
from isthmus.watch import Silent, Watch


def reproduce_all(
    out: Path, watch: Watch, *, root: Path | None = None, options: RunOptions | None = None
) -> list[Made]:
    """Computes what is missing of every table and figure, each in the folder of its name, and writes the page.

    One that fails does not stop the others. The page is written after each, so that it shows how far this has come.

    Args:
        out: the folder; what an earlier call finished there is kept.
        watch: receives the progress.
        root: folder of the data sets, each in a folder of its name.
        options: how cells are computed, and at which scale.

    Raises:
        IsthmusError: the scale, or the folder of the data, is wrong.
    """
    options = options or RunOptions(scale="small")
    refuse_wrong(options, root)
    names, made = list_papers(), []
    remaining = Remaining(_expected(out, names, watch, root, options))
    if line := remaining.line():
        watch.say(f"all in all: {line}")
    for number, name in enumerate(names, 1):
        watch.say(f"{number} of {len(names)}: {name}")
        began = time.monotonic()
        made.append(_make(out, name, watch, root, options))
        write_page(out, names, made, options.scale)
        remaining.made(name, time.monotonic() - began)
        if line := remaining.line():
            watch.say(f"left: {line}")
    watch.say(f"page in {out / PAGE}")
    return made


def _expected(
    out: Path, names: Sequence[str], watch: Watch, root: Path | None, options: RunOptions
) -> dict[str, float]:
    """Returns how many seconds each will take, from a step of each network, which is kept for the study itself.

    Nothing is measured on a cluster.
    """
    if options.on is not None:
        return dict.fromkeys(names, math.inf)
    found = {}
    watch.stage("measuring how long each takes", len(names))
    for name in names:
        folder = StudyFolder(out / name)
        try:
            with _processor_time(folder):
                reproduce(
                    name, folder.path, Silent(), root=root, options=replace(options, only_estimate=True)
                )
            left = status(folder).left
        except Exception:  # told when it is made
            left = None
        found[name] = math.inf if left is None else left.seconds
        watch.advance(name)
    return found


def _make(out: Path, name: str, watch: Watch, root: Path | None, options: RunOptions) -> Made:
    folder = StudyFolder(out / name)
    try:
        with _processor_time(folder):
            outcome = reproduce(name, folder.path, watch, root=root, options=options)
            plan = folder.plan()
            done = any(folder.run(cell.name).finished() for cell in plan.cells)
            if (done or folder.study().counted) and (outcome.computed or not folder.page_is_current()):
                with folder.held():
                    write_study(folder, watch)
        lines = failure_lines(outcome, plan, folder)
    except Exception as error:
        ours = isinstance(error, IsthmusError)
        fault = str(error).removeprefix(f"{name}: ") if ours else f"{type(error).__name__}: {error}"
        if not ours:
            watch.say("".join(traceback.format_exception(error)))
        watch.say(f"{name} could not be made: {fault}")
        return Made(name, fault)
    for line in lines:
        watch.say(line)
    return Made(name, failed=tuple(lines))


@contextmanager
def _processor_time(folder: StudyFolder) -> Iterator[None]:
    """Adds the processor time of the block, and of the processes that end in it, to the folder's record."""
    before = processor_seconds()
    try:
        yield
    finally:
        if folder.path.is_dir():
            seconds = (read_seconds(folder.processor) or 0.0) + processor_seconds() - before
            write_json(folder.processor, {"seconds": round(seconds, 3)})
