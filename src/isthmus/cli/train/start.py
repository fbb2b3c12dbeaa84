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
from isthmus.runs.files import read_yaml, write_yaml
from isthmus.runs.folder import RunFolder
from isthmus.runs.recipe import Recipe, validate

ASKED = "folds.yaml"
"""The recipe of a cross-validation as it was asked for; each fold stores its own, with what its data decided."""


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
    folders = [RunFolder(out / f"fold-{fold}") for fold in range(recipe.protocol.folds)]
    if any(folder.recipe_path.is_file() for folder in folders):
        raise IsthmusError(f"{out} holds a cross-validation; --resume continues it, or choose another --out")
    write_yaml(out / ASKED, recipe.to_dict())
    for fold, folder in enumerate(folders):
        display.say(f"fold {fold} of {recipe.protocol.folds}")
        report_run(training.train(recipe_of_fold(out, fold), folder.path, watch=display), display)
    report_folds(out, display)


def recipe_of_fold(out: Path, fold: int) -> Recipe:
    """Returns the recipe of a fold of a cross-validation: the one that was asked for, with the network and the length
    that were fitted to the minutes of the first fold, if any."""
    first, asked = RunFolder(out / "fold-0"), out / ASKED
    recipe = validate(read_yaml(asked)) if asked.is_file() else first.recipe()  # of an earlier version
    data, network, training = recipe.data, recipe.network, recipe.training
    if fold:
        begun = first.recipe()
        data = data.model_copy(
            update={"source": begun.data.source, "root": begun.data.root}
        )  # from any folder
        if training.minutes is not None:
            network, training = begun.network, begun.training
    return recipe.model_copy(
        update={
            "data": data,
            "network": network,
            "training": training.model_copy(update={"last_epoch": None}),
            "protocol": recipe.protocol.model_copy(update={"fold": fold}),
        }
    )
