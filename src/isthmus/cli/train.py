"""``isthmus train``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from isthmus.cli.progress import Display, clock
from isthmus.cli.report import write
from isthmus.errors import IsthmusError
from isthmus.runs.files import read_yaml
from isthmus.runs.folder import RunFolder
from isthmus.runs.recipe import Recipe, make_recipe, parse_overrides


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
    seed: int | None
    validation: str | None
    folds: int | None
    fold: int | None
    device: str | None
    skip_bad: bool = False


def run(asked: Asked, resume: bool, display: Display) -> None:
    """Train one run, or all folds of a cross-validation one after another; as one of several processes, if a
    launcher such as torchrun started these."""
    from isthmus.training.distributed import together

    with together():
        _run(asked, resume, display)


def _run(asked: Asked, resume: bool, display: Display) -> None:
    from isthmus import training

    if resume:
        _resume(asked, display)
        return
    recipe = recipe_of(asked)
    out = asked.out or default_folder(recipe)
    if recipe.protocol.kind == "kfold" and asked.folds is not None and asked.fold is None:
        if RunFolder(out).recipe_path.is_file():
            raise IsthmusError(f"{out} is a run by itself; choose another --out for the folds")
        for fold in range(recipe.protocol.folds):
            protocol = recipe.protocol.model_copy(update={"fold": fold})
            folder = out / f"fold-{fold}"
            display.say(f"fold {fold} of {recipe.protocol.folds}")
            if RunFolder(folder).recipe_path.is_file():
                raise IsthmusError(
                    f"{out} holds a cross-validation; --resume continues it, or choose another --out"
                )
            _finish(
                training.train(recipe.model_copy(update={"protocol": protocol}), folder, watch=display),
                display,
            )
        _finish_folds(out, display)
        return
    _finish(training.train(recipe, out, watch=display), display)


def _resume(asked: Asked, display: Display) -> None:
    from isthmus import training

    if asked.out is None and not asked.data:
        raise IsthmusError("--resume needs --out RUN, the folder to go on with")
    _refuse_options(asked)
    out = asked.out or default_folder(recipe_of(asked))
    if asked.data and not (out / "recipe.yaml").is_file() and not (out / "fold-0").is_dir():
        _run(asked, False, display)  # stopped before it had begun
        return
    if (out / "recipe.yaml").is_file() or not (out / "fold-0" / "recipe.yaml").is_file():
        _finish(training.resume(out, watch=display), display)
        return
    first = RunFolder.open(out / "fold-0").recipe()
    for fold in range(first.protocol.folds):
        folder = RunFolder(out / f"fold-{fold}")
        display.say(f"fold {fold} of {first.protocol.folds}")
        if folder.recipe_path.is_file():
            _finish(training.resume(folder.path, watch=display), display)
            continue
        protocol = first.protocol.model_copy(update={"fold": fold})
        _finish(
            training.train(first.model_copy(update={"protocol": protocol}), folder.path, watch=display),
            display,
        )
    _finish_folds(out, display)


def _refuse_options(asked: Asked) -> None:
    """A run goes on with its stored recipe; an option beside --resume would be ignored."""
    named = {
        "--model": asked.model,
        "--preset": asked.preset,
        "--epochs": asked.epochs,
        "--seed": asked.seed,
        "--validation": asked.validation,
        "--fold": asked.fold,
        "--device": asked.device,
    }
    given = [name for name, value in named.items() if value is not None]
    if given and (asked.out is not None) and (asked.out / "recipe.yaml").is_file():
        raise IsthmusError(
            f"--resume goes on with the recipe in {asked.out}; leave out {', '.join(given)}, or start another run"
        )


def recipe_of(asked: Asked) -> Recipe:
    """The recipe that the options and overrides describe."""
    if not asked.data and asked.recipe is None:
        raise IsthmusError("name the data: `isthmus train FOLDER`, with images/ and masks/ in it")
    options: dict[str, Any] = {}

    def put(section: str, key: str, value: Any) -> None:
        if value is not None:
            options.setdefault(section, {})[key] = value

    put("data", "source", asked.data or None)
    put("data", "root", str(asked.root) if asked.root else None)
    put("data", "skip_bad", asked.skip_bad or None)
    put("network", "model", asked.model)
    put("training", "epochs", asked.epochs)
    put("training", "seed", asked.seed)
    put("hardware", "device", asked.device)
    if asked.validation is not None:
        put("protocol", "validation", [case.strip() for case in asked.validation.split(",") if case.strip()])
    if asked.folds is not None:
        put("protocol", "kind", "kfold")
        put("protocol", "folds", asked.folds)
    if asked.fold is not None:
        put("protocol", "kind", "kfold")
        put("protocol", "fold", asked.fold)
    if asked.model is not None:
        from isthmus.networks.registry import entry

        entry(asked.model)
    preset = asked.preset or ("paper" if asked.model else "default")
    stored = read_yaml(asked.recipe) if asked.recipe else {}
    if isinstance(stored, dict) and not asked.preset and stored.keys() >= Recipe.model_fields.keys():
        preset = "bare"  # the recipe of a run says everything, by the defaults of its time
    return make_recipe(preset, stored, options, parse_overrides(asked.overrides))


def default_folder(recipe: Recipe) -> Path:
    """``runs/DATA-MODEL-SEED``."""
    name = Path(recipe.data.source).resolve().stem if not recipe.data.root else recipe.data.source
    return Path("runs") / f"{name}-{recipe.network.model}-{recipe.training.seed}"


def _finish_folds(out: Path, display: Display) -> None:
    from isthmus.training.distributed import world

    if world().first:
        display.say(f"all folds together: {write(out, None)}")


def _finish(folder: RunFolder, display: Display) -> None:
    from isthmus.runs.files import read_json
    from isthmus.training.distributed import world

    if not world().first:
        return

    cost = read_json(folder.cost)
    page = write(folder.path, None)
    display.say(
        f"{folder.path}: best Dice {cost['best_validation_dice']:.4f} on the held-out cases (epoch "
        f"{cost['best_epoch']} of {cost['epochs']}), {clock(cost['training_seconds'])}; see {page}"
    )
