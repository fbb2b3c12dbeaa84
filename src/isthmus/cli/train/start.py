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
    first = RunFolder(out / "fold-0")
    for fold in range(recipe.protocol.folds):
        folder = out / f"fold-{fold}"
        display.say(f"fold {fold} of {recipe.protocol.folds}")
        if RunFolder(folder).recipe_path.is_file():
            raise IsthmusError(
                f"{out} holds a cross-validation; --resume continues it, or choose another --out"
            )
        shared = _fitted_as(first, recipe) if fold else recipe
        report_run(training.train(of_fold(shared, fold), folder, watch=display), display)
    report_folds(out, display)


def _fitted_as(first: RunFolder, recipe: Recipe) -> Recipe:
    """Returns a recipe with the network and the length that were fitted to the minutes of the first fold, if any."""
    if recipe.training.minutes is None:
        return recipe
    fitted = first.recipe()
    return recipe.model_copy(update={"training": fitted.training, "network": fitted.network})


def of_fold(recipe: Recipe, fold: int) -> Recipe:
    """Returns the recipe of another fold, which trains to its own end."""
    return recipe.model_copy(
        update={
            "protocol": recipe.protocol.model_copy(update={"fold": fold}),
            "training": recipe.training.model_copy(update={"last_epoch": None}),
        }
    )
