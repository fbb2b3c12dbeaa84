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
from isthmus.data.sources import open_dataset
from isthmus.errors import IsthmusError
from isthmus.files import sweep
from isthmus.inference.averaging import run_folders
from isthmus.inference.input_images import failure, images_given
from isthmus.inference.output_files import Targets, refuse_harm, refuse_mixing
from isthmus.inference.outputs.classes import Meaning
from isthmus.inference.outputs.instance_files import overlay
from isthmus.inference.outputs.mask_files import write_case, write_probabilities
from isthmus.inference.predictor import Predictor
from isthmus.io.images import probe
from isthmus.io.writing import write_image
from isthmus.networks.kernels.bfloat16.choice import kernel_remarks
from isthmus.outputs import Guard
from isthmus.runs.recipe import Recipe
from isthmus.watch import Silent, Watch

AHEAD = 3  # images decoded while the network computes, those of less than LARGE bytes
LARGE = 2**27


def predict_folder(
    run: Path | str,
    images: Path | str | Sequence[Path | str],
    out: Path | str,
    *,
    root: Path | None = None,
    probabilities: bool = False,
    device: str = "auto",
    engine: str = "auto",
    statistics: str = "tile",
    overwrite: bool = False,
    skip_existing: bool = False,
    watch: Watch | None = None,
) -> list[Path]:
    """Segment images and write a mask for each, in the values the run trained with: ``OUT/<name>.png``, or
    ``.nii.gz`` for a volume, which lies in space where its image does. A run that learned to tell objects apart writes
    their numbers, ``OUT/<name>.tif`` of 16 bits, and a coloured picture, ``OUT/overlays/<name>.png``.

    Every file appears whole or not at all; an image that fails for any reason does not stop the others.

    Args:
        run: a run folder, or the folder of a cross-validation, whose networks are averaged.
        images: files or folders; with ``root`` the name of a built-in data set.
        root: where that data set lies.
        out: folder for the masks, made where needed.
        engine: ``"torch"``, ``"openvino"``, or ``"auto"``: OpenVINO on a CPU where it is installed and pays.
        statistics: what instance normalisation goes by in an image that is cut: each ``"tile"``, or the ``"image"``.
        probabilities: also write ``OUT/probabilities/<name>``, float32, a page or a volume a map.
        overwrite: replace masks that exist; files of the data never.
        skip_existing: keep what exists and write what is missing, as after an interruption.

    Returns:
        The masks written.

    Raises:
        IsthmusError: bad arguments, before anything is written; images that failed, after all others were segmented
            (each is reported to ``watch`` and is a note of the error).
    """
    watch = watch or Silent()
    out = Path(out)
    if overwrite and skip_existing:
        raise IsthmusError("--overwrite replaces what --skip-existing keeps; give one of them")
    paths = [Path(images)] if isinstance(images, Path | str) else [Path(path) for path in images]
    recipe = run_folders(Path(run))[0].recipe()
    if root is None:
        cases, failures = images_given(paths, recipe.data)
    elif len(paths) != 1:
        raise IsthmusError(f"with a root one data set is named, found {len(paths)} names; name one at a time")
    else:
        (name,), paths = paths, [root]
        cases, failures = open_dataset(str(name), root).cases, []
    total = len(cases) + len(failures)
    wanted = _targets(cases, out, recipe, probabilities, failures)
    data = originals([*paths, Path(recipe.data.root or recipe.data.source)], cases)
    refuse_mixing(paths, wanted, out, data)
    for line in refuse_harm(wanted, out, Guard(data, overwrite), skip_existing=skip_existing):
        watch.say(f"note: {line}")
    jobs = [Job(each, frozenset(each)) for each in wanted]
    if skip_existing:
        jobs = _missing(jobs, failures, watch)
    for line in failures:
        watch.say(line)
    written: list[Path] = []
    if jobs:
        left = [job.targets.case for job in jobs]
        pixels = _pixels(left, recipe)
        predictor = Predictor.load(run, device=device, engine=engine, statistics=statistics, pixels=pixels)
        for folder in {path.parent for job in jobs for path in job.missing}:
            sweep(folder)
        failures += _segment(predictor, jobs, written, watch)
    if failures:
        raise _failed(failures, total, out)
    return written


@dataclass(frozen=True)
class Job:
    """An image, and which of its files are to be written."""

    targets: Targets
    missing: frozenset[Path]


def _targets(
    cases: Sequence[Case], out: Path, recipe: Recipe, probabilities: bool, failures: list[str]
) -> list[Targets]:
    maps = Meaning.of(recipe.data).maps if probabilities else 0
    found = []
    for case in cases:
        try:
            found.append(Targets.of(case, out, instances=recipe.data.instances, maps=maps))
        except IsthmusError as error:
            failures.append(failure(case, error))
    return found


def _missing(jobs: Sequence[Job], failures: list[str], watch: Watch) -> list[Job]:
    """The jobs of which something is missing."""
    left, done = [], 0
    watch.stage("looking at what is there", len(jobs))
    for job in jobs:
        try:
            missing = job.targets.missing()
            done += not missing
            if missing:
                left.append(replace(job, missing=missing))
        except Exception as error:
            failures.append(failure(job.targets.case, error))
        watch.advance()
    watch.say(f"{done} of {len(jobs)} images are done already; {len(left) or 'none'} left to do")
    return left


def _segment(predictor: Predictor, jobs: Sequence[Job], written: list[Path], watch: Watch) -> list[str]:
    """Segment images; those that failed, each with what was wrong."""
    watch.say(predictor.values.describe(predictor.classes))
    for note in predictor.notes:
        watch.say(note)
    predictor.unfamiliar.notes = None  # notes are per image; these lines are about all images
    watch.stage("segmenting", len(jobs))
    failures = []
    by_case = {job.targets.case.id: job for job in jobs}
    for case, image in _read_ahead([job.targets.case for job in jobs]):
        predictor.notes.clear()
        try:
            if isinstance(image, Exception):
                raise image
            job = by_case[case.id]
            _write(predictor, job, image, written)
        except Exception as error:  # of any kind: the other images are segmented
            failures.append(failure(case, error))
            watch.say(failures[-1])
        for note in predictor.notes:
            watch.say(f"{case.id}: {note}")
        for line in kernel_remarks():
            watch.say(line)
        watch.advance(case.id)
    for line in predictor.unfamiliar.lines():
        watch.say(f"note: {line}")
    return failures


def _write(predictor: Predictor, job: Job, image: NDArray[Any], written: list[Path]) -> None:
    """Segment an image and write what is missing, the mask first: the picture of it may fail."""
    targets, missing, case = job.targets, job.missing, job.targets.case
    out, instances = targets.out, predictor.recipe.data.instances
    if away := channels_elsewhere(case):
        predictor.notes.append(f"a channel lies {away} away from the first, by the headers")
    predictor.notes += mended_headers(replace(case, masks=()))
    if missing.isdisjoint(targets.probabilities):
        maps, mask = None, predictor.mask(image, case.millimetres)
    else:
        maps = predictor.maps(image, case.millimetres)
        mask = predictor.drawn(maps, case.millimetres)
    if targets.mask in missing:
        written.append(write_case(out, case, mask, instances, predictor.notes))
    if maps is not None:
        write_probabilities(out, case, maps["logits"])
    if targets.overlay is not None and targets.overlay in missing:
        write_image(targets.overlay, np.moveaxis(overlay(image, mask), -1, 0))


def _failed(failures: Sequence[str], total: int, out: Path) -> IsthmusError:
    more = f" (and {len(failures) - 1} more)" if len(failures) > 1 else ""
    error = IsthmusError(
        f"{len(failures)} of {total} images failed, the others are in {out}: {failures[0]}{more}; mend them, "
        "then --skip-existing does the rest"
    )
    for line in failures:
        error.add_note(line)
    return error


def _pixels(cases: Sequence[Case], recipe: Recipe) -> int:
    """How many the network will see, by the headers of the files; an unreadable one counts nothing here."""
    total = 0
    for case in cases:
        with suppress(Exception):  # reading it says what is wrong
            size = probe(case.images[0])[0][1:]
            resize = recipe.input.resize or size
            total += prod((*size[: len(size) - len(resize)], *resize))
    return total


def _read_ahead(cases: Sequence[Case]) -> Iterator[tuple[Case, NDArray[Any] | Exception]]:
    """Images in order, a few decoded ahead; one that cannot be read comes as its error."""
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
