"""The command ``isthmus train`` and its options."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from isthmus.cli.options import Root, SkipBad
from isthmus.errors import IsthmusError

if TYPE_CHECKING:
    from isthmus.cli.train.request import Request

Data = Annotated[
    str,
    typer.Argument(
        help="Folder with images/ and masks/, a CSV (columns image, mask, group), or a name from `isthmus data list`.",
        show_default=False,
    ),
]
Overrides = Annotated[
    list[str] | None,
    typer.Argument(
        help="Recipe values, as training.epochs=80 or input.resize=[256,256] (docs/recipe.md).",
        show_default=False,
    ),
]
Model = Annotated[
    str | None,
    typer.Option(
        help="A network from `isthmus models`, trained as in its paper.",
        show_default="our own network and recipe",
    ),
]
Start = Annotated[
    str | None,
    typer.Option(
        "--from",
        help="Start from the weights of this run, or of a name from `isthmus models --trained`, and take over its "
        "network.",
        show_default=False,
    ),
]
Out = Annotated[
    Path | None,
    typer.Option(help="Run folder to write.", show_default="runs/DATA-MODEL-SEED"),
]
Preset = Annotated[
    str | None,
    typer.Option(
        help="Recipe to start from: default, paper, keras or bare.",
        show_default="that of the network",
    ),
]
RecipeFile = Annotated[
    Path | None, typer.Option("--recipe", help="Start from this recipe.yaml.", show_default=False)
]
Epochs = Annotated[
    int | None,
    typer.Option(help="Epochs to train.", show_default="50; 100 with --model"),
]
Minutes = Annotated[
    float | None,
    typer.Option(
        help="Minutes for training and scoring, instead of --epochs; the recipe is fitted to them (docs/minutes.md).",
        show_default=False,
    ),
]
Seed = Annotated[
    int | None,
    typer.Option(help="Seed of initial weights, order of samples and augmentation.", show_default="0"),
]
Validation = Annotated[
    str | None,
    typer.Option(
        help="Ids of the cases to hold out, separated by commas.",
        show_default="a fifth of the cases, by group",
    ),
]
Folds = Annotated[
    int | None,
    typer.Option(help="Cross-validate with this many folds, divided by group.", show_default=False),
]
Fold = Annotated[int | None, typer.Option(help="Train only this fold, counted from 0.", show_default=False)]
Device = Annotated[
    str | None,
    typer.Option(help="Where to compute: auto, cpu, cuda, cuda:1 or mps.", show_default="auto"),
]
Resume = Annotated[bool, typer.Option("--resume", help="Continue the interrupted run in --out.")]
Finish = Annotated[
    bool, typer.Option("--finish", help="Score and report the interrupted run in --out as it stands.")
]


def train(
    data: Data = "",
    overrides: Overrides = None,
    model: Model = None,
    start: Start = None,
    out: Out = None,
    root: Root = None,
    preset: Preset = None,
    recipe: RecipeFile = None,
    epochs: Epochs = None,
    minutes: Minutes = None,
    seed: Seed = None,
    validation: Validation = None,
    folds: Folds = None,
    fold: Fold = None,
    device: Device = None,
    skip_bad: SkipBad = False,
    resume: Resume = False,
    finish: Finish = False,
) -> None:
    """Train a network on images and masks and write a run folder."""
    from isthmus.cli.train.request import Request

    words = overrides or []
    may_lack_data = recipe or resume or finish
    if may_lack_data and re.match(r"[\w.]+=", data) and not os.path.exists(data):
        data, words = "", [data, *words]
    if resume and finish:
        raise IsthmusError("--resume trains to the end, --finish scores what there is now; choose one")
    request = Request(
        data=data,
        overrides=words,
        model=model,
        start=start,
        out=out,
        root=root,
        preset=preset,
        recipe=recipe,
        epochs=epochs,
        minutes=minutes,
        seed=seed,
        validation=validation,
        folds=folds,
        fold=fold,
        device=device,
        skip_bad=skip_bad,
    )
    _run(request, resume, finish)


def _run(request: Request, resume: bool, finish: bool) -> None:
    """Starts, resumes or finishes; as one of several processes if a launcher such as torchrun started these."""
    from isthmus.cli.progress import Display
    from isthmus.cli.train import resume as resuming
    from isthmus.cli.train.start import start
    from isthmus.training import Stopped
    from isthmus.training.loop.distributed import together

    action = resuming.resume if resume else resuming.finish if finish else start
    with Display() as display:
        try:
            with together():
                action(request, display)
        except Stopped as stopped:
            display.say(str(stopped))
            sys.exit(128 + stopped.number)
