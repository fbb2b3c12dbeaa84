"""``isthmus study status``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from isthmus.cli.json_output import emit
from isthmus.cli.options import AsJson, StudyPath
from isthmus.cli.streams import show

if TYPE_CHECKING:
    from isthmus.studies.running.progress import Span, Status
    from isthmus.studies.study_folder import Planned, StudyFolder


def status(folder: StudyPath, as_json: AsJson = False) -> None:
    """Show the progress of a study: cells that are done, running, failed and left, and the time spent and left."""
    from isthmus.studies.running import progress
    from isthmus.studies.study_folder import StudyFolder

    study = StudyFolder.open(folder)
    found = progress.status(study)
    if as_json:
        emit(_as_dict(study, found))
    else:
        _print(study, found)


def _print(study: StudyFolder, found: Status) -> None:
    show(", ".join(f"{len(cells)} {state}" for state, cells in found.cells.items()))
    if found.spent.seconds:
        show(f"time spent on cells: {_duration(found.spent)}")
    if found.count("running") + found.count("left"):
        left = f"about {_duration(found.left)}" if found.left else "not known before a cell is done"
        show(f"time left: {left}")
    for cell in found.cells["running"]:
        show(f"running: {cell.label}{_epochs(study, cell)}")
    for cell in found.cells["left"]:
        if epochs := _epochs(study, cell):
            show(f"stopped: {cell.label}{epochs}")
    for cell in found.cells["failed"]:
        show(f"failed: {cell.label}: {study.why(cell.name)} (see {study.failure(cell.name)})")
    if others := study.taken_outside(study.plan()):
        show(f"another command is computing {others} other cells of this folder")


def _epochs(study: StudyFolder, cell: Planned) -> str:
    """Returns how many epochs of a cell are done, as the end of a line; empty if none is."""
    from isthmus.runs.standing import standing

    run = study.run(cell.name)
    if not run.recipe_path.is_file():
        return ""
    found = standing(run, running=False)
    return f", epoch {found.done} of {found.planned}" if found.done else ""


def _as_dict(folder: StudyFolder, found: Status) -> dict[str, Any]:
    """Returns counts and labels of cells by state, seconds, and why cells failed."""
    return {
        "counts": {state: len(cells) for state, cells in found.cells.items()},
        "cells": {state: [cell.label for cell in cells] for state, cells in found.cells.items()},
        "failures": {cell.label: folder.why(cell.name) for cell in found.cells["failed"]},
        "seconds_spent": found.spent.seconds,
        "seconds_left": found.left and found.left.seconds,
    }


def _duration(span: Span) -> str:
    from isthmus.report.summary import duration

    partial = " (for some cells only the epochs are known, not reading, scoring and predicting)"
    return f"{duration(span.seconds)}{'' if span.whole else partial}"
