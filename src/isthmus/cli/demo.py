"""``isthmus demo``: the main job on phantoms, from images and masks to a report on images never seen."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from isthmus.errors import IsthmusError

if TYPE_CHECKING:
    from isthmus.cli.progress import Display

LEARNED, UNSEEN, SIZE = 32, 8, 128
EPOCHS, WIDTHS = 20, [16, 32, 64, 128]  # small enough for a laptop
NUCLEI = "nuclei"
"""The trained network that the demo ends with, and the folder of what it finds."""
MARK = ".isthmus-demo"
"""A file in the folder of a demo that lists what the demo wrote there."""


def demo(
    out: Annotated[
        Path, typer.Option(help="Folder to write to; files of an earlier demo in it are replaced.")
    ] = Path("demo"),
    seed: Annotated[int, typer.Option(help="Seed of the phantoms and of training.")] = 0,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Also remove other files from the folder of an earlier demo.")
    ] = False,
) -> None:
    """Train two networks on phantoms and write OUT/report.html; then find nuclei in a real picture.

    Needs no data and no network connection.
    """
    from isthmus.cli.progress import Display
    from isthmus.runs.files import write_text

    _clear(out, overwrite)
    try:
        with Display() as display:
            _run(out, seed, display)
    finally:  # even if it was interrupted, the files so far are the demo's
        write_text(out / MARK, "".join(f"{name}\n" for name in sorted(_files(out))))


def _run(out: Path, seed: int, display: Display) -> None:
    """Writes phantoms, trains U-Net and Sharp U-Net, segments the unseen phantoms, writes the page."""
    unseen = _write_phantoms(out, seed, display)

    from isthmus.cli.score_table import describe_scores, print_scores
    from isthmus.evaluation.evaluate import evaluate_folder
    from isthmus.inference.predict import predict_folder
    from isthmus.report import write_comparison
    from isthmus.report.run_images import RunImages
    from isthmus.runs.recipe import make_recipe
    from isthmus.training import train

    folders = []
    for model in ("unet", "sharp_unet"):
        recipe = make_recipe(
            "default",
            {
                "data": {"source": str(out / "phantoms")},
                "network": {"model": model, "options": {"widths": WIDTHS}},
                "training": {"epochs": EPOCHS, "samples": LEARNED, "seed": seed},
                "protocol": {"test": unseen},
            },
        )
        masks = out / "masks" / model
        folders.append(train(recipe, out / "runs" / model, watch=display))
        predict_folder(folders[-1].path, out / "unseen" / "images", masks, watch=display)
        display.say(f"{model} on {UNSEEN} phantoms that it has not seen:")
        scores = evaluate_folder(masks, out / "unseen" / "masks", watch=display)
        scores.write(masks / "scores.csv", False)
        print_scores(scores)
        display.say(describe_scores(scores, masks / "scores.csv"))
    page = write_comparison(
        [folder.path for folder in folders],
        out / "report.html",
        "U-Net and Sharp U-Net on phantoms",
        images=[RunImages(folder) for folder in folders],
    )
    display.say(f"look at {page}")
    _find_nuclei(out / NUCLEI, display)


def _find_nuclei(out: Path, display: Display) -> None:
    """Segments and measures a real picture with the trained network that comes with the package."""
    from isthmus.inference.predict import PredictOptions, predict_folder
    from isthmus.report.measured import measure_into
    from isthmus.runs.trained import example_of

    images, masks = out / "images", out / "masks"
    images.mkdir(parents=True)
    shutil.copy(example_of(NUCLEI), images / f"{NUCLEI}.png")
    display.say(
        f"`isthmus predict {NUCLEI}` on a real picture (2018 Data Science Bowl, CC0), without training:"
    )
    predict_folder(NUCLEI, images, masks, PredictOptions(numbers=True), watch=display)
    measured, _ = measure_into(out / "objects.csv", masks, images)
    display.say(
        f"{len(measured)} nuclei: look at {masks / 'overlays' / f'{NUCLEI}.png'} and {out / 'objects.html'}"
    )


def _write_phantoms(out: Path, seed: int, display: Display) -> list[str]:
    """Writes all phantoms, and a copy of those that the networks do not see; returns the ids of these."""
    from isthmus.data.phantoms.cells import write_phantoms

    display.stage("drawing phantoms", 2)
    write_phantoms(out / "phantoms", LEARNED + UNSEEN, SIZE, seed)
    display.advance()
    unseen = sorted(path.stem for path in (out / "phantoms" / "images").iterdir())[LEARNED:]
    for kind in ("images", "masks"):
        (out / "unseen" / kind).mkdir(parents=True)
        for case in unseen:
            shutil.copy(out / "phantoms" / kind / f"{case}.png", out / "unseen" / kind / f"{case}.png")
    display.advance()
    return unseen


def _clear(out: Path, overwrite: bool) -> None:
    """Replaces the folder of an earlier demo by an empty one.

    Raises:
        IsthmusError: the folder holds anything else.
    """
    if out.exists() and (not out.is_dir() or (any(out.iterdir()) and not (out / MARK).is_file())):
        raise IsthmusError(f"{out} exists and is not from a demo; choose another --out")
    if out.is_dir() and not overwrite and any(out.iterdir()):
        written = (out / MARK).read_text(encoding="utf-8").splitlines()
        others = sorted(_files(out) - set(written))
        if others:
            more = f" (and {len(others) - 1} more)" if len(others) > 1 else ""
            raise IsthmusError(
                f"{out / others[0]} was not written by the demo{more}; choose another --out, or remove everything "
                "with --overwrite"
            )
    if out.is_dir():
        shutil.rmtree(out)
    out.mkdir(parents=True)
    (out / MARK).touch()


def _files(out: Path) -> set[str]:
    """Returns the files in a folder, relative to it, without the mark."""
    return {
        path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file() and path.name != MARK
    }
