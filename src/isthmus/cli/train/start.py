"""``isthmus train``: a run, or the folds of a cross-validation one after another."""

from __future__ import annotations

from pathlib import Path

from isthmus import training
from isthmus.cli.progress import Display
from isthmus.cli.train.messages import report_folds, report_run
from isthmus.cli.train.request import Request, default_folder
from isthmus.errors import IsthmusError
from isthmus.outputs import Guard
from isthmus.report.render import OTHERS, is_page
from isthmus.runs.folder import RunFolder
from isthmus.runs.recipe import Recipe


def start(request: Request, display: Display) -> None:
    """Trains a new run, or all folds of a cross-validation."""
    recipe = request.to_recipe()
    out = request.out or default_folder(recipe)
    if recipe.protocol.kind == "kfold" and request.folds is not None and request.fold is None:
        _start_folds(recipe, out, display)
    else:
        report_run(training.train(recipe, out, watch=display), display)


def _start_folds(recipe: Recipe, out: Path, display: Display) -> None:
    if RunFolder(out).recipe_path.is_file():
        raise IsthmusError(f"{out} is a single run; choose another --out for the folds")
    Guard().refuse(out / "report.html", ours=is_page("crossval.html"), instead=OTHERS)
    for fold in range(recipe.protocol.folds):
        folder = out / f"fold-{fold}"
        display.say(f"fold {fold} of {recipe.protocol.folds}")
        if RunFolder(folder).recipe_path.is_file():
            raise IsthmusError(
                f"{out} holds a cross-validation; --resume continues it, or choose another --out"
            )
        report_run(training.train(of_fold(recipe, fold), folder, watch=display), display)
        if recipe.training.minutes is not None:  # all folds have the network that fits into the time
            fitted = RunFolder(folder).recipe()
            recipe = recipe.model_copy(update={"training": fitted.training, "network": fitted.network})
    report_folds(out, display)


def of_fold(recipe: Recipe, fold: int) -> Recipe:
    """Returns the recipe of another fold, which trains to its own end."""
    return recipe.model_copy(
        update={
            "protocol": recipe.protocol.model_copy(update={"fold": fold}),
            "training": recipe.training.model_copy(update={"last_epoch": None}),
        }
    )
