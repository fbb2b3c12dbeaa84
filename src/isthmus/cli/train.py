"""``isthmus train``."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from isthmus.cli.progress import Display, clock
from isthmus.cli.report import refuse_to_replace, write
from isthmus.errors import IsthmusError
from isthmus.runs.files import read_yaml
from isthmus.runs.folder import RunFolder
from isthmus.runs.recipe import Recipe, make_recipe, overlaid, parse_overrides


@dataclass(frozen=True)
class Asked:
    """What the user typed."""

    data: str
    overrides: list[str]
    model: str | None
    out: Path | None
    root: Path | None
    preset: str | None
    recipe: Path | None
    epochs: int | None
    minutes: float | None
    seed: int | None
    validation: str | None
    folds: int | None
    fold: int | None
    device: str | None
    skip_bad: bool = False


def run(asked: Asked, display: Display, *, resume: bool = False, finish: bool = False) -> None:
    """Train one run, or all folds of a cross-validation one after another, or go on with what was begun; as one of
    several processes, if a launcher such as torchrun started these."""
    from isthmus.cli import going_on
    from isthmus.training import Stopped
    from isthmus.training.distributed import together

    if resume and finish:
        raise IsthmusError("--resume trains to the end, --finish scores what there is now; choose one")
    do = going_on.resume if resume else going_on.finish if finish else start
    try:
        with together():
            do(asked, display)
    except Stopped as stopped:
        display.say(str(stopped))
        sys.exit(128 + stopped.number)


def start(asked: Asked, display: Display) -> None:
    """Train what was not begun yet."""
    from isthmus import training

    recipe = recipe_of(asked)
    out = asked.out or default_folder(recipe)
    if recipe.protocol.kind == "kfold" and asked.folds is not None and asked.fold is None:
        if RunFolder(out).recipe_path.is_file():
            raise IsthmusError(f"{out} is a run by itself; choose another --out for the folds")
        refuse_to_replace(out)
        for fold in range(recipe.protocol.folds):
            protocol = recipe.protocol.model_copy(update={"fold": fold})
            folder = out / f"fold-{fold}"
            display.say(f"fold {fold} of {recipe.protocol.folds}")
            if RunFolder(folder).recipe_path.is_file():
                raise IsthmusError(
                    f"{out} holds a cross-validation; --resume continues it, or choose another --out"
                )
            tell(
                training.train(recipe.model_copy(update={"protocol": protocol}), folder, watch=display),
                display,
            )
        finish_folds(out, display)
        return
    tell(training.train(recipe, out, watch=display), display)


def options_of(asked: Asked) -> dict[str, dict[str, Any]]:
    """The sections of a recipe that each option sets."""
    named = {
        "--root": ("data", "root", str(asked.root) if asked.root else None),
        "--skip-bad": ("data", "skip_bad", asked.skip_bad or None),
        "--model": ("network", "model", asked.model),
        "--epochs": ("training", "epochs", asked.epochs),
        "--minutes": ("training", "minutes", asked.minutes),
        "--seed": ("training", "seed", asked.seed),
    }
    found: dict[str, dict[str, Any]] = {
        name: {section: {key: value}} for name, (section, key, value) in named.items() if value is not None
    }
    if asked.validation is not None:
        ids = [case.strip() for case in asked.validation.split(",") if case.strip()]
        found["--validation"] = {"protocol": {"validation": ids}}
    if asked.folds is not None:
        found["--folds"] = {"protocol": {"kind": "kfold", "folds": asked.folds}}
    if asked.fold is not None:
        found["--fold"] = {"protocol": {"kind": "kfold", "fold": asked.fold}}
    return found


def recipe_of(asked: Asked) -> Recipe:
    """The recipe that the options and overrides describe."""
    if not asked.data and asked.recipe is None:
        raise IsthmusError("name the data: `isthmus train FOLDER`, with images/ and masks/ in it")
    if asked.model is not None:
        from isthmus.networks.registry import entry

        entry(asked.model)
    preset = asked.preset or ("paper" if asked.model else "default")
    stored = read_yaml(asked.recipe) if asked.recipe else {}
    if isinstance(stored, dict) and not asked.preset and stored.keys() >= Recipe.model_fields.keys():
        preset = "bare"  # the recipe of a run says everything, by the defaults of its time
    data = {"data": {"source": asked.data}} if asked.data else {}
    device = {"hardware": {"device": asked.device}} if asked.device is not None else {}
    asked_for: dict[str, Any] = {}
    for layer in (data, device, *options_of(asked).values(), parse_overrides(asked.overrides)):
        asked_for = overlaid(asked_for, layer)
    return make_recipe(preset, stored, asked_for)


def default_folder(recipe: Recipe) -> Path:
    """``runs/DATA-MODEL-SEED``."""
    name = Path(recipe.data.source).resolve().stem if not recipe.data.root else recipe.data.source
    return Path("runs") / f"{name}-{recipe.network.model}-{recipe.training.seed}"


def finish_folds(out: Path, display: Display) -> None:
    """Write the page of all folds."""
    from isthmus.training.distributed import world

    if world().first:
        display.say(f"all folds together: {write(out, None)}")


def tell(folder: RunFolder, display: Display) -> None:
    """Write the page of a run and say how good it is."""
    from isthmus.training.distributed import world

    if not world().first:
        return

    cost = folder.costs()
    page = write(folder.path, None)
    epochs = f"{cost.epochs}"
    if folder.finished_early():
        epochs = f"{folder.recipe().training.epochs}, finished early after epoch {cost.epochs}"
    display.say(
        f"{folder.path}: best Dice {cost.best_validation_dice:.4f} on the held-out cases (epoch "
        f"{cost.best_epoch} of {epochs}), {clock(cost.training_seconds)}; see {page}"
    )
