"""Images on disk in, masks on disk out."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isthmus.data.cases import Case, channels_elsewhere, load_image, mended_headers
from isthmus.data.originals import originals
from isthmus.data.sampling.grid import Grid
from isthmus.data.sampling.spacing import stated_spacing
from isthmus.data.sources import open_dataset
from isthmus.errors import IsthmusError
from isthmus.files import sweep
from isthmus.inference.averaging import run_folders, with_common_cleanup
from isthmus.inference.diameter import Diameter, predict_at, refuse_diameter
from isthmus.inference.input_images import failure, images_given
from isthmus.inference.options import PredictOptions
from isthmus.inference.output_files import OutputFiles, refuse_harm, refuse_mixing
from isthmus.inference.outputs.cleanup_record import CleanupRecord
from isthmus.inference.outputs.found_objects import FoundObjects
from isthmus.inference.outputs.instance_files import overlay
from isthmus.inference.outputs.mask_files import write_case, write_probabilities
from isthmus.inference.outputs.numbered_overlay import numbered_overlay
from isthmus.inference.outputs.outline_files import write_outlines
from isthmus.inference.predictor import Predictor
from isthmus.inference.settings import settled_spacing, with_cleanup
from isthmus.io import imagej
from isthmus.io.images import probe
from isthmus.io.writing import write_image
from isthmus.networks.kernels.bfloat16.choice import kernel_remarks
from isthmus.outputs import Guard
from isthmus.runs.recipe import Recipe
from isthmus.watch import Silent, Watch

__all__ = ["PredictOptions", "predict_folder"]

AHEAD = 3
"""Images that are decoded while the network computes, if they have fewer bytes than LARGE."""
LARGE = 2**27


def predict_folder(
    run: Path | str,
    images: Path | str | Sequence[Path | str],
    out: Path | str,
    options: PredictOptions | None = None,
    *,
    root: Path | None = None,
    watch: Watch | None = None,
) -> list[Path]:
    """Segments images and writes a mask for each, in the values the run was trained with.

    Masks are ``OUT/<name>.png``, or ``.nii.gz`` for a volume, which lies in space where its image does. A run that
    learned to separate objects writes their numbers, ``OUT/<name>.tif`` of 16 bits, and a coloured picture,
    ``OUT/overlays/<name>.png``. Clean-up other than the recipe's is recorded in ``OUT/predict.json``. Every file
    appears whole or not at all; an image that fails for any reason does not stop the others.

    Args:
        run: a run folder, or the folder of a cross-validation, whose networks are averaged.
        images: files or folders; with ``root``, the name of a built-in data set.
        out: folder for the masks, created if needed.
        options: None: the defaults.
        root: folder of the built-in data set.
        watch: receives the progress.

    Returns:
        The masks written.

    Raises:
        IsthmusError: bad arguments, before anything is written; images that failed, after all others were segmented
            (each is reported to ``watch`` and is a note of the error).
    """
    options, watch, out = options or PredictOptions(), watch or Silent(), Path(out)
    paths = [Path(images)] if isinstance(images, Path | str) else [Path(path) for path in images]
    usual = with_common_cleanup([folder.recipe() for folder in run_folders(Path(run))])[0]
    recipe = with_cleanup(usual, options.cleanup)
    if options.diameter is not None:
        refuse_diameter(recipe)
    if options.rois:
        imagej.needed()
    cases, places, failures = _cases(paths, root, recipe)
    total = len(cases) + len(failures)
    record = CleanupRecord.of(out, usual.cleanup, recipe.cleanup, options.diameter)
    jobs = _jobs(cases, places, record, recipe, options, failures, watch)
    for line in failures:
        watch.say(line)
    written: list[Path] = []
    if jobs:
        predictor = Predictor.load(
            run,
            device=options.device,
            engine=options.engine,
            statistics=options.statistics,
            pixels=_pixels([job.files.case for job in jobs], recipe),
            cleanup=options.cleanup,
        )
        for folder in {path.parent for job in jobs for path in job.missing}:
            sweep(folder)
        if record.write(job.files.mask for job in jobs if job.files.mask in job.missing):
            watch.say(f"{record.path} says how these masks were made")
        failures += _segment(predictor, jobs, options.diameter, written, watch)
    if failures:
        raise _failed(failures, total, out)
    return written


@dataclass(frozen=True)
class Job:
    """An image, and those of its files that must be written."""

    files: OutputFiles
    missing: frozenset[Path]


def _cases(
    paths: Sequence[Path], root: Path | None, recipe: Recipe
) -> tuple[Sequence[Case], list[Path], list[str]]:
    """Returns the images, where they were looked for, and what is wrong with files beside them."""
    if root is None:
        cases, failures = images_given(paths, recipe.data)
        return cases, list(paths), failures
    if len(paths) != 1:
        raise IsthmusError(
            f"with a root, one data set is named, found {len(paths)} names; give one at a time"
        )
    return open_dataset(str(paths[0]), root).cases, [root], []


def _jobs(
    cases: Sequence[Case],
    places: Sequence[Path],
    record: CleanupRecord,
    recipe: Recipe,
    options: PredictOptions,
    failures: list[str],
    watch: Watch,
) -> list[Job]:
    """Returns the work to do, after checking that no file of the data, and none of the user's, is harmed."""
    out = record.folder
    every = []
    for case in cases:
        try:
            every.append(OutputFiles.of(case, out, recipe.data, options))
        except IsthmusError as error:
            failures.append(failure(case, error))
    data = originals([*places, Path(recipe.data.root or recipe.data.source)], cases)
    refuse_mixing(places, every, out, data)
    guard = Guard(data, options.overwrite)
    for line in refuse_harm(every, out, guard, skip_existing=options.skip_existing):
        watch.say(f"note: {line}")
    jobs = [Job(each, frozenset(each)) for each in every]
    if not options.skip_existing:
        return jobs
    record.refuse_others(each.mask for each in every if each.mask.exists())
    return _incomplete(jobs, failures, watch)


def _incomplete(jobs: Sequence[Job], failures: list[str], watch: Watch) -> list[Job]:
    """Returns the jobs that lack a file, with the missing files."""
    left, done = [], 0
    watch.stage("looking for existing masks", len(jobs))
    for job in jobs:
        try:
            missing = job.files.missing()
            done += not missing
            if missing:
                left.append(replace(job, missing=missing))
        except Exception as error:
            failures.append(failure(job.files.case, error))
        watch.advance()
    watch.say(
        f"{done} of {len(jobs)} images {'is' if done == 1 else 'are'} done already; {len(left) or 'none'} left to do"
    )
    return left


def _segment(
    predictor: Predictor, jobs: Sequence[Job], diameter: Diameter, written: list[Path], watch: Watch
) -> list[str]:
    """Segments images, adds the masks to ``written``, and returns a line for each image that failed."""
    watch.say(predictor.values.describe(predictor.classes))
    for note in predictor.notes:
        watch.say(note)
    watch.stage("segmenting", len(jobs))
    failures, by_case = [], {job.files.case.id: job for job in jobs}
    for case, image in _read_ahead([job.files.case for job in jobs]):
        try:
            if isinstance(image, Exception):
                raise image
            for note in _write(predictor, by_case[case.id], image, diameter, written):
                watch.say(f"{case.id}: {note}")
        except Exception as error:  # of any kind: the other images are segmented
            failures.append(failure(case, error))
            watch.say(failures[-1])
        for line in kernel_remarks():
            watch.say(line)
        watch.advance(case.id)
    for line in predictor.unfamiliar.lines():
        watch.say(f"note: {line}")
    return failures


def _write(
    predictor: Predictor, job: Job, image: NDArray[Any], diameter: Diameter, written: list[Path]
) -> Iterator[str]:
    """Segments an image, writes what is missing, and yields lines to tell the user.

    The mask is written first, as the picture of it may fail.
    """
    files, missing, case = job.files, job.missing, job.files.case
    yield from _header_notes(case)
    wants_maps = not missing.isdisjoint(files.probabilities)
    predicted = predict_at(predictor, image, stated_spacing(case), diameter=diameter, maps=wants_maps)
    yield from predicted.notes
    if files.mask in missing:
        yield from write_case(files.out, case, predicted.mask, predictor.recipe.data.instances)
        written.append(files.mask)
    if predicted.maps is not None:
        write_probabilities(files.out, case, predicted.maps["logits"])
    if files.overlay is not None and files.overlay in missing and not files.numbered:
        write_image(files.overlay, np.moveaxis(overlay(image, predicted.mask), -1, 0))
    if not missing.isdisjoint(files.of_objects):
        _write_objects(FoundObjects.of(predicted.mask, predictor.recipe.data), job, image)


def _write_objects(found: FoundObjects, job: Job, image: NDArray[Any]) -> None:
    """Writes what is missing of the outlines of objects and of their picture with numbers."""
    files, missing = job.files, job.missing
    rois, geojson, picture = (
        path if path in missing else None for path in (files.rois, files.geojson, files.overlay)
    )
    write_outlines(found.numbers, found.classes, files.case.images[0], rois, geojson)
    if picture is not None and files.numbered:
        write_image(picture, np.moveaxis(numbered_overlay(image, found.numbers), -1, 0))


def _header_notes(case: Case) -> list[str]:
    """Returns what the user should know of the headers of an image."""
    away = channels_elsewhere(case)
    notes = [f"according to the headers, a channel lies {away} away from the first"] if away else []
    return [*notes, *mended_headers(replace(case, masks=()))]


def _failed(failures: Sequence[str], total: int, out: Path) -> IsthmusError:
    """Returns the error that names the first failure and has all of them as notes."""
    more = f" (and {len(failures) - 1} more)" if len(failures) > 1 else ""
    error = IsthmusError(
        f"{len(failures)} of {total} images failed, the others are in {out}: {failures[0]}{more}; fix them, "
        "then run the same command with --skip-existing"
    )
    for line in failures:
        error.add_note(line)
    return error


def _pixels(cases: Sequence[Case], recipe: Recipe) -> int:
    """Returns how many pixels the network will see, by the headers of the files; unreadable files count 0."""
    total, grid = 0, Grid(recipe.input.resize, settled_spacing(recipe.input))
    for case in cases:
        with suppress(Exception):  # reading it says what is wrong
            total += prod(grid.size(probe(case.images[0])[0][1:], stated_spacing(case)))
    return total


def _read_ahead(cases: Sequence[Case]) -> Iterator[tuple[Case, NDArray[Any] | Exception]]:
    """Yields images in order, a few decoded ahead; in place of one that cannot be read, its error."""
    with ThreadPoolExecutor(2) as pool:
        waiting: deque[tuple[Case, Future[NDArray[np.generic]]]] = deque()
        remaining = iter(cases)
        ahead = 1
        while True:
            while len(waiting) < ahead and (case := next(remaining, None)) is not None:
                waiting.append((case, pool.submit(load_image, case)))
            if not waiting:
                return
            case, future = waiting.popleft()
            error = future.exception()
            if isinstance(error, Exception):
                yield case, error
                continue
            ahead = AHEAD if future.result().nbytes < LARGE else 1
            yield case, future.result()
