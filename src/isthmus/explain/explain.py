"""Explains images on disk: writes a picture and the maps of each."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from isthmus.data.case_paths import case_path, refuse_clashes
from isthmus.data.cases import Case, load_image
from isthmus.data.originals import originals, refuse_among
from isthmus.data.sampling.spacing import stated_spacing
from isthmus.errors import IsthmusError
from isthmus.explain.explainer import Explainer
from isthmus.explain.overlay import picture
from isthmus.files import sweep
from isthmus.inference.input_images import failure, images_given
from isthmus.inference.predictor import Predictor
from isthmus.io.writing import write_image
from isthmus.outputs import Guard, refuse_below_a_file
from isthmus.watch import Silent, Watch


def explain_folder(
    run: Path | str,
    images: Path | str | Sequence[Path | str],
    out: Path | str,
    *,
    method: str = "saliency",
    classes: Sequence[str] | None = None,
    device: str = "auto",
    overwrite: bool = False,
    watch: Watch | None = None,
) -> list[Path]:
    """Explains images and writes for each ``OUT/<name>.png``, the picture, and ``OUT/<name>.tif``, the maps.

    Args:
        run: a run folder, or the folder of a cross-validation, whose maps are averaged.
        images: files or folders.
        out: folder to write to, created if needed.
        method: ``"saliency"``, ``"input"`` or ``"grad-cam"``.
        classes: names of classes; None: all but the background.
        device: ``"auto"``, ``"cpu"``, ``"cuda"``, ``"cuda:1"`` or ``"mps"``.
        overwrite: replace files that exist.
        watch: receives the progress.

    Returns:
        The pictures and maps written.

    Raises:
        IsthmusError: bad arguments or a network without decoder stages, before anything is written; images that
            failed, after all others were explained.
    """
    watch, out = watch or Silent(), Path(out)
    paths = [Path(images)] if isinstance(images, Path | str) else [Path(path) for path in images]
    predictor = Predictor.load(run, device=device)
    cases, problems = images_given(paths, predictor.recipe.data)
    total = len(cases) + len(problems)
    targets = _named(cases, out, problems)
    _refuse_harm(paths, targets, out, overwrite)
    explainer = Explainer(predictor, method, classes)
    for note in predictor.notes:
        watch.say(note)
    for line in problems:
        watch.say(line)
    watch.stage("explaining", len(targets))
    written: list[Path] = []
    for target in targets:
        case, *files = target
        try:
            if not _explain(explainer, predictor, target):
                watch.say(
                    f"{case.id}: the map is zero everywhere: nothing that {method} looks at supports the class"
                )
            written += files
        except Exception as error:  # of any kind: the other images are explained
            problems.append(failure(case, error))
            watch.say(problems[-1])
        watch.advance(case.id)
    if problems:
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        raise IsthmusError(f"{len(problems)} of {total} images could not be explained: {problems[0]}{more}")
    return written


Target = tuple[Case, Path, Path]
"""An image, its picture and its maps."""


def _explain(explainer: Explainer, predictor: Predictor, target: Target) -> bool:
    """Writes the maps and the picture of one image, and returns whether the maps show anything."""
    case, shown, values = target
    image = load_image(case, predictor.recipe.data.channels)
    spacing = stated_spacing(case)
    maps, labels = explainer(image, spacing), predictor.labels(image, spacing)
    write_image(values, maps.astype(np.float32))
    write_image(shown, np.moveaxis(picture(image, maps, labels, case.spacing), -1, 0))
    return bool(maps.any())


def _named(cases: Sequence[Case], out: Path, problems: list[str]) -> list[Target]:
    found = []
    for case in cases:
        try:
            found.append((case, case_path(out, case.id, ".png"), case_path(out, case.id, ".tif")))
        except IsthmusError as error:
            problems.append(failure(case, error))
    return found


def _refuse_harm(paths: Sequence[Path], every: Sequence[Target], out: Path, overwrite: bool) -> None:
    refuse_below_a_file(out)
    folders = [path for path in paths if path.is_dir()]
    if any(out.resolve().is_relative_to(folder.resolve()) for folder in folders):
        raise IsthmusError(
            f"{out} lies among the images, so the pictures would be mistaken for images; choose another --out"
        )
    refuse_among(out, paths)
    guard = Guard(originals(paths, [case for case, *_ in every]), overwrite)
    targets = [target for _, *both in every for target in both]
    refuse_clashes(out, targets)
    for target in targets:
        guard.refuse(target)
    for folder in {target.parent for target in targets}:
        sweep(folder)
