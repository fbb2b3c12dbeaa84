"""The command ``isthmus``: parse, call, print. Heavy imports happen inside the commands."""

from __future__ import annotations

import os
import re
import sys
import warnings
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from isthmus.cli import data as data_commands
from isthmus.cli import streams, switches, usage
from isthmus.cli import study as study_commands
from isthmus.cli.explain import explain
from isthmus.cli.export import export
from isthmus.cli.results import FLAG, AsJson, Told, emit
from isthmus.errors import IsthmusError
from isthmus.memory import large_pages

GOES_ON = {
    "train": "; the same command with --resume goes on with what was begun",
    "predict": "; the same command with --skip-existing does the rest",
    "study": "; the same command does the rest",
    "reproduce": "; the same command does the rest",
}
"""How to go on with interrupted work, by command."""

INTERRUPTED = 130  # what the parser makes of Ctrl-C

app = typer.Typer(
    name="isthmus",
    help="Biomedical image segmentation: train a network on images and masks, get masks for new images.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

app.callback()(switches.everywhere)


@app.command(rich_help_panel="The main job")
def demo(
    out: Annotated[
        Path, typer.Option(help="Folder to write to; what an earlier demo left there is replaced.")
    ] = Path("demo"),
    seed: Annotated[int, typer.Option(help="Seed of the phantoms and of training.")] = 0,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Remove other files from the folder of an earlier demo, too.")
    ] = False,
) -> None:
    """Train two networks on phantoms and write OUT/report.html; needs no data and no network connection."""
    from isthmus.cli import demo as job
    from isthmus.cli.progress import Display

    with Display() as display:
        job.run(out, seed, display, overwrite)


@app.command(rich_help_panel="The main job")
def train(
    data: Annotated[
        str,
        typer.Argument(
            help="Folder with images/ and masks/, a CSV (image,mask,group), or a built-in data set.",
            show_default=False,
        ),
    ] = "",
    overrides: Annotated[
        list[str] | None,
        typer.Argument(
            help="Recipe values, as training.epochs=80 or input.resize=[256,256].", show_default=False
        ),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            help="A network of `isthmus models`, trained as its paper does; without it, our own recipe.",
            show_default=False,
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="Run folder to write.  [default: runs/DATA-MODEL-SEED]", show_default=False),
    ] = None,
    root: Annotated[
        Path | None, typer.Option(help="Where a built-in data set lies.", show_default=False)
    ] = None,
    preset: Annotated[
        str | None,
        typer.Option(
            help="'default' or 'paper': how to train.  [default: paper with --model]", show_default=False
        ),
    ] = None,
    recipe: Annotated[
        Path | None, typer.Option(help="Start from this recipe.yaml.", show_default=False)
    ] = None,
    epochs: Annotated[int | None, typer.Option(help="Epochs to train.", show_default=False)] = None,
    minutes: Annotated[
        float | None,
        typer.Option(
            help="Minutes to train for instead; a measurement turns them into epochs.", show_default=False
        ),
    ] = None,
    seed: Annotated[
        int | None, typer.Option(help="Seed of weights, order and augmentation.", show_default=False)
    ] = None,
    validation: Annotated[
        str | None, typer.Option(help="Case ids to hold out, separated by commas.", show_default=False)
    ] = None,
    folds: Annotated[
        int | None, typer.Option(help="Cross-validate with this many folds (by group).", show_default=False)
    ] = None,
    fold: Annotated[int | None, typer.Option(help="Only this fold (from 0).", show_default=False)] = None,
    device: Annotated[
        str | None, typer.Option(help="auto, cpu, cuda, cuda:1 or mps.", show_default=False)
    ] = None,
    skip_bad: Annotated[
        bool, typer.Option("--skip-bad", help="Leave out cases that do not read or fit, and say which.")
    ] = False,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the run in --out.")] = False,
    finish: Annotated[
        bool,
        typer.Option("--finish", help="Score and report the stopped run in --out as it stands."),
    ] = False,
) -> None:
    """Train a network on images and masks and write a run folder."""
    from isthmus.cli import train as job
    from isthmus.cli.progress import Display

    words = overrides or []
    names_data = recipe or resume or finish  # and DATA may be left out
    if names_data and re.match(r"[\w.]+=", data) and not os.path.exists(data):
        data, words = "", [data, *words]
    asked = job.Asked(
        data=data,
        overrides=words,
        model=model,
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
    with Display() as display:
        job.run(asked, display, resume=resume, finish=finish)


@app.command(rich_help_panel="The main job")
def predict(
    run: Annotated[
        Path, typer.Argument(help="A run folder, or the folder of a cross-validation (folds are averaged).")
    ],
    images: Annotated[
        list[Path],
        typer.Argument(help="Images, or folders of images; with --root the name of a built-in data set."),
    ],
    out: Annotated[Path, typer.Option(help="Folder for the masks.")],
    root: Annotated[
        Path | None, typer.Option(help="Where a built-in data set lies.", show_default=False)
    ] = None,
    probabilities: Annotated[
        bool, typer.Option("--probabilities", help="Also write probabilities (float32 TIFF).")
    ] = False,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1 or mps.")] = "auto",
    engine: Annotated[
        str,
        typer.Option(
            help="torch, openvino, or auto: OpenVINO on the CPU where it is installed and the images are so many "
            "that it pays."
        ),
    ] = "auto",
    statistics: Annotated[
        str,
        typer.Option(
            help="tile or image: what instance normalisation goes by in an image that is cut into tiles "
            "(docs/large-images.md)."
        ),
    ] = "tile",
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace masks that are there already.")
    ] = False,
    skip_existing: Annotated[
        bool,
        typer.Option(
            "--skip-existing",
            help="Keep existing files and write the missing ones, as after an interruption.",
        ),
    ] = False,
) -> None:
    """Segment images with a trained network: a mask for each, in the values trained with."""
    from isthmus.cli import predict as job
    from isthmus.cli.progress import Display

    with Display() as display:
        job.run(
            run,
            images,
            out,
            root,
            probabilities,
            device,
            engine,
            statistics,
            overwrite,
            skip_existing,
            display,
        )


@app.command(rich_help_panel="The main job")
def evaluate(
    predictions: Annotated[Path, typer.Argument(help="Folder of predicted masks.")],
    truth: Annotated[
        Path,
        typer.Argument(help="Folder of true masks, or a data set: folder of images and masks, CSV or name."),
    ],
    root: Annotated[
        Path | None, typer.Option(help="Where a built-in data set lies.", show_default=False)
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="CSV to write; without it, PREDICTIONS/scores.csv.", show_default=False),
    ] = None,
    partial: Annotated[
        bool, typer.Option("--partial", help="Score what has a prediction, though some true masks have none.")
    ] = False,
    objects: Annotated[
        bool | None,
        typer.Option(
            help="Score whole objects too: F1, object Dice, panoptic quality, AJI, …; without it, where "
            "the truth tells objects apart.",
            show_default=False,
        ),
    ] = None,
    instances: Annotated[
        bool | None,
        typer.Option(help="Mask values number objects; without it, as they look.", show_default=False),
    ] = None,
    spacing: Annotated[
        str | None,
        typer.Option(
            help="Size of a pixel along each axis (rows, columns), as 0.5,0.5; volumes state their own.",
            show_default=False,
        ),
    ] = None,
    classes: Annotated[
        str | None,
        typer.Option(
            help="What mask values mean, on both sides, as 1=liver,2=kidney; values of one name are one class; "
            "without it, the values of the truth.",
            show_default=False,
        ),
    ] = None,
    tolerance: Annotated[
        float,
        typer.Option(help="Distance within which surface Dice counts, in pixels or the unit of spacing."),
    ] = 1.0,
    missing: Annotated[
        str,
        typer.Option(help="Distance where one mask is empty: diagonal (of the image), infinity or exclude."),
    ] = "diagonal",
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace a file in --out that evaluate did not write.")
    ] = False,
    ignore: Annotated[
        int | None,
        typer.Option(
            help="Value of true masks whose pixels are not scored, such as 255.", show_default=False
        ),
    ] = None,
    run: Annotated[
        Path | None,
        typer.Option(
            help="The run that predicted: says where images and masks are unlike those of its training.",
            show_default=False,
        ),
    ] = None,
    axes: Annotated[
        str | None, typer.Option(help="Axes of TIFF images, such as CYX.", show_default=False)
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Score masks against the truth: overlap, surface and object metrics of every case, as CSV and table."""
    from isthmus.cli import evaluate as job
    from isthmus.cli.progress import Display

    with Display() as display:
        job.run(
            predictions,
            truth,
            root,
            out,
            partial,
            display,
            objects=objects,
            instances=instances,
            spacing=spacing,
            classes=classes,
            tolerance=tolerance,
            missing=missing,
            ignore=ignore,
            trained=run,
            as_json=as_json,
            overwrite=overwrite,
            axes=axes,
        )


@app.command(rich_help_panel="The main job")
def report(
    run: Annotated[Path, typer.Argument(help="A run folder, or the folder of a cross-validation.")],
    data: Annotated[
        Path | None, typer.Option(help="Where the images lie now, if they moved.", show_default=False)
    ] = None,
) -> None:
    """Write RUN/report.html anew from the files of the run."""
    from isthmus.cli import report as job

    streams.show(job.run(run, data))


@app.command(rich_help_panel="To look up")
def models(
    name: Annotated[str | None, typer.Argument(help="One network: its card.", show_default=False)] = None,
    as_json: AsJson = False,
) -> None:
    """List the networks: paper, parameters here and there, receptive field, operations."""
    from isthmus.cli import models as job

    job.run(name, as_json)


app.add_typer(study_commands.app, rich_help_panel="To compare")
app.command(rich_help_panel="To compare")(study_commands.reproduce)
app.command(rich_help_panel="The main job")(export)
app.command(rich_help_panel="To look up")(explain)
app.add_typer(data_commands.app, rich_help_panel="To look up")
switches.add_to(app, data_commands.app, study_commands.app)


def main() -> None:
    """Entry point: user errors become one line and exit code 2."""
    streams.prepare()
    warnings.filterwarnings("ignore", module="pydicom")  # its remarks on each file are not for the terminal
    large_pages()
    sys.exit(_outcome(sys.argv[1:]))


def _outcome(words: list[str]) -> int:
    """Run a command; its exit code."""
    switches.reset(words)
    command = typer.main.get_command(app)
    try:
        code = command.main(words, prog_name="isthmus", standalone_mode=False)
        sys.stdout.flush()
    except Told as error:
        return fail(str(error), told=True)
    except IsthmusError as error:
        return fail(str(error))
    except BrokenPipeError:
        streams.breaks(sys.stdout)
        return 0
    except OSError as error:
        if streams.breaks(sys.stdout):
            return fail(
                f"standard output cannot be written ({error.strerror or error}); redirect it elsewhere"
            )
        return fail(
            f"{error.filename or 'a file'}: {error.strerror or error}; check the name and its permissions"
        )
    except Exception as error:
        message = usage.line(error, command)
        if message is None:
            raise
        return fail(message) if message else usage.WRONG
    if code == INTERRUPTED:
        called = next((word for word in words if not word.startswith("-")), "")
        streams.tell(f"isthmus: interrupted{GOES_ON.get(called, '')}")
    return code if isinstance(code, int) else 0


def fail(message: str, told: bool = False) -> int:
    """Say what is wrong in one line, and as JSON where that was asked for and not printed yet; the exit code."""
    line = " ".join(message.splitlines())
    if FLAG in sys.argv[1:] and not told:
        with suppress(OSError):
            emit({"error": line})
    streams.tell(f"isthmus: {line}")
    return usage.WRONG


if __name__ == "__main__":
    main()
