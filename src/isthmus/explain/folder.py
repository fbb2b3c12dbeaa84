"""Images on disk in, explanations on disk out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from isthmus.data.case_paths import case_path
from isthmus.data.cases import Case, load_image
from isthmus.data.folder import images_in
from isthmus.data.originals import originals
from isthmus.data.writing import write_image
from isthmus.errors import IsthmusError
from isthmus.explain.overlay import picture
from isthmus.explain.run import Explainer
from isthmus.files import sweep
from isthmus.inference.failures import failure
from isthmus.inference.predictor import Predictor
from isthmus.outputs import Guard
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
    """Explain images and write for each ``OUT/<name>.png``, the picture, and ``OUT/<name>.tif``, the maps.

    Args:
        run: a run folder, or the folder of a cross-validation, whose maps are averaged.
        images: files or folders.
        out: folder to write to, made where needed.
        method: ``"saliency"``, ``"input"`` or ``"grad-cam"``.
        classes: names of classes; None: all but the background.
        overwrite: replace what is there.

    Returns:
        The pictures and maps written.

    Raises:
        IsthmusError: bad arguments or a network without decoder stages, before anything is written; images that
            failed, whatever the reason, after all others were explained.
    """
    watch, out = watch or Silent(), Path(out)
    paths = [Path(images)] if isinstance(images, Path | str) else [Path(path) for path in images]
    predictor = Predictor.load(run, device=device)
    about = predictor.recipe.data
    cases = images_in(paths, about.channels, about.axes)
    _refuse_harm(paths, cases, out, overwrite)
    explainer = Explainer(predictor, method, classes)
    for note in predictor.notes:
        watch.say(note)
    predictor.notes.clear()
    watch.stage("explaining", len(cases))
    problems: list[str] = []
    written: list[Path] = []
    for case in cases:
        try:
            image = load_image(case, predictor.recipe.data.channels)
            maps, labels = explainer(image), predictor.labels(image)
            if not maps.any():
                watch.say(
                    f"{case.id}: the map is zero everywhere: nothing that {method} looks at speaks for the class"
                )
            shown, values = _targets(out, case)
            write_image(values, maps.astype(np.float32))
            write_image(shown, np.moveaxis(picture(image, maps, labels, case.spacing), -1, 0))
            written += [shown, values]
        except Exception as error:  # whatever it is, the other images are explained
            problems.append(failure(case, error))
            watch.say(problems[-1])
        watch.advance(case.id)
    if problems:
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        raise IsthmusError(
            f"{len(problems)} of {len(cases)} images could not be explained: {problems[0]}{more}"
        )
    return written


def _targets(out: Path, case: Case) -> tuple[Path, Path]:
    return case_path(out, case.id, ".png"), case_path(out, case.id, ".tif")


def _refuse_harm(paths: Sequence[Path], cases: Sequence[Case], out: Path, overwrite: bool) -> None:
    if out.exists() and not out.is_dir():
        raise IsthmusError(f"{out} is a file; name a folder for the maps")
    folders = [path for path in paths if path.is_dir()]
    if any(out.resolve().is_relative_to(folder.resolve()) for folder in folders):
        raise IsthmusError(f"{out} lies among the images, and would be taken for some; choose another --out")
    guard = Guard(originals(paths, cases), overwrite)
    targets = [target for case in cases for target in _targets(out, case)]
    for target in targets:
        guard.refuse(target)
    for folder in {target.parent for target in targets}:
        sweep(folder)
