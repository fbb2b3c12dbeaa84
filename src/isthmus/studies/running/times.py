"""What a cell costs in time: reading, training, validating, scoring, predicting; every attempt counts."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from isthmus.errors import IsthmusError
from isthmus.machine import processor_seconds
from isthmus.runs.files import write_json
from isthmus.runs.folder import RunFolder
from isthmus.shapes import read_as
from isthmus.studies.study_folder import StudyFolder


@dataclass(frozen=True)
class Record:
    """What the attempts at a cell have taken.

    Attributes:
        seconds: of the attempts that have ended.
        begun: start of an attempt that has not ended, in seconds since 1970.
        processor: processor time of the attempts that have ended, in seconds; None if it was not recorded.
    """

    seconds: float
    begun: float | None = None
    processor: float | None = None


@contextmanager
def timed(folder: StudyFolder, name: str) -> Iterator[None]:
    """Adds the time that the block takes to the cell's record.

    If the cell was started without a record, its whole time is unknown and nothing is recorded.
    """
    run, before = folder.run(name), _read(folder.times(name))
    if before is None and run.recipe_path.is_file():
        yield
        return
    earlier = _until_now(before, run) if before else 0.0
    used = 0.0 if before is None else before.processor
    started, worked = time.monotonic(), processor_seconds()
    write_json(folder.times(name), asdict(Record(earlier, time.time(), used)))
    try:
        yield
    finally:
        seconds = round(earlier + time.monotonic() - started, 3)
        used = None if used is None else round(used + processor_seconds() - worked, 3)
        write_json(folder.times(name), asdict(Record(seconds, None, used)))


def processor(folder: StudyFolder, name: str) -> float | None:
    """Returns the processor time of the attempts at a cell that have ended, in seconds; None if it was not recorded."""
    return found.processor if (found := _read(folder.times(name))) else None


def spent(folder: StudyFolder, name: str, *, running: bool = False) -> float | None:
    """Returns the seconds of all attempts at a cell; None if some of them were not recorded.

    Args:
        folder: the folder of the study.
        name: the name of the cell.
        running: whether an attempt is running; one that was killed counts up to the last file it wrote.
    """
    record, trained = _read(folder.times(name)), trained_for(folder.run(name))
    if record is None:
        return 0.0 if not trained else None
    if running and record.begun is not None:
        return record.seconds + max(0.0, time.time() - record.begun)
    seconds = _until_now(record, folder.run(name))
    return seconds if seconds >= trained else None


def forecast(folder: StudyFolder, name: str) -> float | None:
    """Returns the seconds that a cell was measured to take before it started; None if it was not measured."""
    return read_seconds(folder.forecast(name))


def read_seconds(path: Path) -> float | None:
    """Returns the seconds of a record; None if it is missing or damaged."""
    return found.seconds if (found := _read(path)) else None


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


def _read(path: Path) -> Record | None:
    """Reads a record; None if it is missing or damaged."""
    if not path.is_file():
        return None
    try:
        return read_as(path, Record)
    except IsthmusError:
        return None
