"""What a cell costs in time: reading, training, validating, scoring, predicting; every attempt counts."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from isthmus.errors import IsthmusError
from isthmus.runs.files import write_json
from isthmus.runs.folder import RunFolder
from isthmus.shapes import read_as
from isthmus.studies.study_folder import StudyFolder


@dataclass(frozen=True)
class Record:
    """Seconds of the attempts that have ended, and the start of an attempt that has not (seconds since 1970)."""

    seconds: float
    begun: float | None = None


@contextmanager
def timed(folder: StudyFolder, name: str) -> Iterator[None]:
    """Adds the time that the block takes to the cell's record.

    If the cell was started without a record, its whole time is unknown and nothing is recorded.
    """
    run, before = folder.run(name), _read(folder, name)
    if before is None and run.recipe_path.is_file():
        yield
        return
    earlier = _until_now(before, run) if before else 0.0
    started = time.monotonic()
    write_json(folder.times(name), {"seconds": earlier, "begun": time.time()})
    try:
        yield
    finally:
        seconds = earlier + time.monotonic() - started
        write_json(folder.times(name), {"seconds": round(seconds, 3), "begun": None})


def spent(folder: StudyFolder, name: str, *, running: bool = False) -> float | None:
    """Returns the seconds of all attempts at a cell; None if some of them were not recorded.

    Args:
        folder: the folder of the study.
        name: the name of the cell.
        running: whether an attempt is running; one that was killed counts up to the last file it wrote.
    """
    record, trained = _read(folder, name), trained_for(folder.run(name))
    if record is None:
        return 0.0 if not trained else None
    if running and record.begun is not None:
        return record.seconds + max(0.0, time.time() - record.begun)
    seconds = _until_now(record, folder.run(name))
    return seconds if seconds >= trained else None


def trained_for(run: RunFolder) -> float:
    """Returns the seconds of a run's epochs, each with its validation; for an unfinished run, of those recorded."""
    return run.costs().training_seconds if run.finished() else run.seconds_of_epochs()


def _until_now(record: Record, run: RunFolder) -> float:
    """Returns the recorded seconds, and those of a killed attempt up to the last file it wrote."""
    if record.begun is None:
        return record.seconds
    try:
        last = max(path.stat().st_mtime for path in run.path.iterdir())
    except (OSError, ValueError):  # it wrote nothing
        return record.seconds
    return record.seconds + max(0.0, min(last, time.time()) - record.begun)


def _read(folder: StudyFolder, name: str) -> Record | None:
    """Reads the record; None if it is missing or damaged."""
    if not folder.times(name).is_file():
        return None
    try:
        return read_as(folder.times(name), Record)
    except IsthmusError:
        return None
