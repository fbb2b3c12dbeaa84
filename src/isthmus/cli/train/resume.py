"""``isthmus train --resume`` and ``--finish``: continue an interrupted run or cross-validation, or score it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from isthmus import training
from isthmus.cli.progress import Display
from isthmus.cli.train.messages import report_folds, report_run
from isthmus.cli.train.request import Request, default_folder
from isthmus.cli.train.start import of_fold, start
from isthmus.errors import IsthmusError
from isthmus.runs.files import read_yaml
from isthmus.runs.folder import RunFolder
from isthmus.runs.recipe import Recipe, make_recipe, parse_overrides


def resume(request: Request, display: Display) -> None:
    """Continues to the end; starts if nothing was begun yet and the data is named."""
    out = _folder(request, "--resume")
    begun = _begun(out)
    if begun is None and request.data:
        start(request, display)  # it was stopped before it had begun
        return
    _refuse_changes(request, begun, "--resume")
    if begun is None or begun.path == out:
        report_run(training.resume(out, watch=display), display)
        return
    first = begun.recipe()
    for fold, folder in _folds(out, first, display):
        if folder.recipe_path.is_file():
            report_run(training.resume(folder.path, watch=display), display)
        else:
            report_run(training.train(of_fold(first, fold), folder.path, watch=display), display)
    report_folds(out, display)


def finish(request: Request, display: Display) -> None:
    """Scores an interrupted run as it stands; folds without a scored epoch are left out."""
    out = _folder(request, "--finish")
    begun = _begun(out)
    _refuse_changes(request, begun, "--finish")
    if begun is None or begun.path == out:
        report_run(training.finish(out, device=request.device, watch=display), display)
        return
    for _, folder in _folds(out, begun.recipe(), display):
        if not folder.weights.is_file():
            display.say("left out, because none of its epochs was scored")
            continue
        report_run(training.finish(folder.path, device=request.device, watch=display), display)
    report_folds(out, display)


def _folder(request: Request, option: str) -> Path:
    """Returns the folder to continue in."""
    if request.out is None and not request.data:
        raise IsthmusError(f"{option} needs --out RUN, the folder to continue in")
    return request.out or default_folder(request.to_recipe())


def _begun(out: Path) -> RunFolder | None:
    """Returns the run, or the first fold of a cross-validation, that was begun in a folder."""
    found = (RunFolder(path) for path in (out, out / "fold-0"))
    return next((folder for folder in found if folder.recipe_path.is_file()), None)


def _folds(out: Path, first: Recipe, display: Display) -> Iterator[tuple[int, RunFolder]]:
    for fold in range(first.protocol.folds):
        display.say(f"fold {fold} of {first.protocol.folds}")
        yield fold, RunFolder(out / f"fold-{fold}")


def _refuse_changes(request: Request, begun: RunFolder | None, option: str) -> None:
    """Refuses options that would change the stored recipe, with which a run continues.

    Raises:
        IsthmusError: it names these options.
    """
    if begun is None:
        return
    stored = begun.recipe()
    given: dict[str, Any] = request.sections()
    if request.recipe:
        given["--recipe"] = read_yaml(request.recipe)
    given |= {word: parse_overrides([word]) for word in request.overrides}
    changed = [
        name for name, sections in given.items() if make_recipe("bare", stored.to_dict(), sections) != stored
    ]
    if request.preset:
        changed.append("--preset")
    if request.device and option == "--resume":  # another device rounds differently
        changed.append("--device")
    if request.data and not _is_same_place(request.data, stored.data.source):
        changed.insert(0, request.data)
    if changed:
        raise IsthmusError(
            f"{option} continues with the recipe in {begun.path}; leave out {', '.join(changed)}, or start another run"
        )


def _is_same_place(one: str, other: str) -> bool:
    return one == other or Path(one).resolve() == Path(other).resolve()
