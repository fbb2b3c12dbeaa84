"""Images on disk in, masks on disk out."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isthmus.data.cases import Case, load_image
from isthmus.data.folder import images_in, open_dataset
from isthmus.data.formats import probe
from isthmus.data.writing import write_image
from isthmus.errors import IsthmusError
from isthmus.inference.averaging import run_folders
from isthmus.inference.instance_files import overlay
from isthmus.inference.masks import (
    is_flat,
    mask_path,
    overlay_path,
    probability_paths,
    write_case,
    write_probabilities,
)
from isthmus.inference.predictor import Predictor
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
    watch: Watch | None = None,
) -> list[Path]:
    """Segment images and write a mask for each, in the values the run trained with: ``OUT/<name>.png``, or
    ``.nii.gz`` for a volume, which lies in space where its image does. A run that learned to tell objects apart writes
    their numbers, ``OUT/<name>.tif`` of 16 bits, and a coloured picture, ``OUT/overlays/<name>.png``.

    Every mask appears whole or not at all; an image that cannot be read does not stop the others.

    Args:
        run: a run folder, or the folder of a cross-validation, whose networks are averaged.
        images: files or folders; with ``root`` the name of a built-in data set.
        root: where that data set lies.
        out: folder for the masks, made where needed.
        engine: ``"torch"``, ``"openvino"``, or ``"auto"``: OpenVINO on a CPU where it is installed and pays.
        statistics: what instance normalisation goes by in an image that is cut: each ``"tile"``, or the ``"image"``.
        probabilities: also write ``OUT/probabilities/<name>``, float32, a page or a volume a map.
        overwrite: replace masks that exist.

    Returns:
        The masks written.

    Raises:
        IsthmusError: bad arguments, before anything is written; images that could not be read, after all others
            were segmented.
    """
    watch = watch or Silent()
    out = Path(out)
    paths = [Path(images)] if isinstance(images, Path | str) else [Path(path) for path in images]
    recipe = run_folders(Path(run))[0].recipe()
    if root is None:
        cases: Sequence[Case] = images_in(paths, channels=recipe.data.channels)
    elif len(paths) != 1:
        raise IsthmusError(f"with a root one data set is named, found {len(paths)} names; name one at a time")
    else:
        cases, paths = open_dataset(str(paths[0]), root).cases, [root]
    pixels = _pixels(cases, recipe)
    predictor = Predictor.load(run, device=device, engine=engine, statistics=statistics, pixels=pixels)
    instances = recipe.data.instances
    targets = {case.id: mask_path(out, case, instances) for case in cases}
    maps_out = out / "probabilities"
    wanted = dict(targets)
    if probabilities:
        wanted |= {
            f"{case.id}, probabilities {path.name}": path
            for case in cases
            for path in probability_paths(maps_out, case, predictor.meaning.maps)
        }
    if instances:
        wanted |= {f"{case.id}, overlay": overlay_path(out, case) for case in cases if is_flat(case)}
    _refuse_harm(paths, cases, wanted, out, overwrite)
    watch.say(predictor.values.describe(predictor.classes))
    for note in predictor.notes:
        watch.say(note)
    predictor.notes.clear()
    watch.stage("segmenting", len(cases))
    problems: list[str] = []
    written: list[Path] = []
    for case, image in _read_ahead(cases):
        if isinstance(image, IsthmusError):
            problems.append(str(image))
        else:
            try:
                maps = predictor.maps(image) if probabilities else None
                if maps is None:
                    mask = predictor.mask(image, case.spacing)
                else:
                    mask = predictor.drawn(maps, case.spacing)
            except IsthmusError as error:
                problems.append(f"{case.images[0]}: {error}")
                continue
            if maps is not None:
                write_probabilities(maps_out, case, maps["logits"])
            written.append(write_case(out, case, mask, instances, predictor.notes))
            if instances and is_flat(case):
                write_image(overlay_path(out, case), np.moveaxis(overlay(image, mask), -1, 0))
            for note in predictor.notes:
                watch.say(f"{case.id}: {note}")
            predictor.notes.clear()
        watch.advance(case.id)
    if problems:
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        raise IsthmusError(
            f"{len(problems)} of {len(cases)} images failed, the others are in {out}: {problems[0]}{more}"
        )
    return written


def _pixels(cases: Sequence[Case], recipe: Recipe) -> int:
    """How many the network will see, by the headers of the files; an unreadable one counts nothing here."""
    total = 0
    for case in cases:
        with suppress(IsthmusError):
            size = probe(case.images[0])[0][1:]
            resize = recipe.input.resize or size
            total += prod((*size[: len(size) - len(resize)], *resize))
    return total


def _refuse_harm(
    paths: Sequence[Path], cases: Sequence[Case], targets: dict[str, Path], out: Path, overwrite: bool
) -> None:
    if out.exists() and not out.is_dir():
        raise IsthmusError(f"{out} is a file; name a folder for the masks")
    written_to = [out, *({target.parent for target in targets.values()})]
    for path in paths:
        searched = path / "images" if (path / "images").is_dir() else path
        if searched.is_dir() and any(
            folder.resolve().is_relative_to(searched.resolve()) for folder in written_to
        ):
            raise IsthmusError(
                f"{out} lies in {searched}, so the masks would be taken for images next time and originals are "
                "never replaced; choose another --out"
            )
    inputs = {source.path.resolve() for case in cases for source in case.images}
    for target in targets.values():
        if target.resolve() in inputs:
            raise IsthmusError(
                f"{target} is one of the images; choose another --out, originals are never replaced"
            )
        if target.exists() and not overwrite:
            raise IsthmusError(
                f"{target} exists already; choose another --out, or replace masks with --overwrite"
            )


def _read_ahead(cases: Sequence[Case]) -> Iterator[tuple[Case, NDArray[Any] | IsthmusError]]:
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
            try:
                ahead = AHEAD if future.result().nbytes < LARGE else 1
                yield case, future.result()
            except IsthmusError as error:
                yield case, error
