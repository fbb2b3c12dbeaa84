"""``isthmus demo``: the main job on phantoms, from images and masks to a report on images never seen."""

from __future__ import annotations

import shutil
from pathlib import Path

from isthmus.cli.progress import Display
from isthmus.errors import IsthmusError
from isthmus.runs.files import write_text

LEARNED, UNSEEN, SIZE = 32, 8, 128
EPOCHS, WIDTHS = 20, [16, 32, 64, 128]  # small enough for a laptop
MARK = ".isthmus-demo"  # stands in a folder that a demo wrote, and lists what it wrote there


def run(out: Path, seed: int, display: Display, overwrite: bool = False) -> None:
    """Write phantoms, train U-Net and Sharp U-Net, segment the unseen ones, write the page."""
    _clear(out, overwrite)
    try:
        _run(out, seed, display)
    finally:  # what was written so far is a demo's, too
        write_text(out / MARK, "".join(f"{name}\n" for name in sorted(_files(out))))


def _run(out: Path, seed: int, display: Display) -> None:
    from isthmus.data.phantoms.cells import write_phantoms

    display.stage("drawing phantoms", 2)
    data, new = out / "phantoms", out / "unseen"
    write_phantoms(data, LEARNED + UNSEEN, SIZE, seed)
    display.advance()
    ids = sorted(path.stem for path in (data / "images").iterdir())
    unseen = ids[LEARNED:]
    for kind in ("images", "masks"):
        (new / kind).mkdir(parents=True)
        for case in unseen:
            shutil.copy(data / kind / f"{case}.png", new / kind / f"{case}.png")
    display.advance()

    from isthmus.cli.evaluate import run as evaluate
    from isthmus.inference.predict import predict_folder
    from isthmus.report import write_comparison
    from isthmus.report.run_images import RunImages
    from isthmus.runs.folder import RunFolder
    from isthmus.runs.recipe import make_recipe
    from isthmus.training import train

    folders = []
    for model in ("unet", "sharp_unet"):
        recipe = make_recipe(
            "default",
            {
                "data": {"source": str(data)},
                "network": {"model": model, "options": {"widths": WIDTHS}},
                "training": {"epochs": EPOCHS, "samples": LEARNED, "seed": seed},
                "protocol": {"test": unseen},
            },
        )
        folders.append(train(recipe, out / "runs" / model, watch=display))
        predict_folder(folders[-1].path, new / "images", out / "masks" / model, watch=display)
        display.say(f"{model} on {UNSEEN} phantoms it has not seen:")
        evaluate(out / "masks" / model, new / "masks", None, None, False, display)
    page = write_comparison(
        [folder.path for folder in folders],
        out / "report.html",
        "U-Net and Sharp U-Net on phantoms",
        images=[RunImages(RunFolder.open(folder.path)) for folder in folders],
    )
    display.say(f"look at {page}")


def _clear(out: Path, overwrite: bool) -> None:
    """An empty folder, in place of what an earlier demo wrote and nothing else."""
    if out.exists() and (not out.is_dir() or (any(out.iterdir()) and not (out / MARK).is_file())):
        raise IsthmusError(f"{out} exists and is not from a demo; choose another --out")
    if out.is_dir() and not overwrite and any(out.iterdir()):
        written = (out / MARK).read_text(encoding="utf-8").splitlines()
        others = sorted(_files(out) - set(written))
        if others:
            more = f" (and {len(others) - 1} more)" if len(others) > 1 else ""
            raise IsthmusError(
                f"{out / others[0]} was not written by the demo{more}; choose another --out, or remove it all with "
                "--overwrite"
            )
    if out.is_dir():
        shutil.rmtree(out)
    out.mkdir(parents=True)
    (out / MARK).touch()


def _files(out: Path) -> set[str]:
    return {
        path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file() and path.name != MARK
    }
