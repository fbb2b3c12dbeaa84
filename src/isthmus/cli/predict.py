"""``isthmus predict``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from isthmus.cli.options import Device, Overwrite, Root, Run
from isthmus.errors import counted

Images = Annotated[
    list[Path],
    typer.Argument(help="Images or folders of images; with --root, the name of a built-in data set."),
]
Out = Annotated[Path, typer.Option(help="Folder for the masks.")]
Probabilities = Annotated[
    bool, typer.Option("--probabilities", help="Also write probabilities (float32 TIFF).")
]
Engine = Annotated[
    str,
    typer.Option(
        help="torch, openvino, or auto: OpenVINO on the CPU if it is installed and there are enough images to make "
        "it worthwhile."
    ),
]
Statistics = Annotated[
    str,
    typer.Option(
        help="What instance normalisation averages over in an image that is cut into tiles: tile or image "
        "(docs/large-images.md)."
    ),
]
SkipExisting = Annotated[
    bool,
    typer.Option(
        "--skip-existing",
        help="Keep existing files and write the missing ones, for instance after an interruption.",
    ),
]


def predict(
    run: Run,
    images: Images,
    out: Out,
    root: Root = None,
    probabilities: Probabilities = False,
    device: Device = "auto",
    engine: Engine = "auto",
    statistics: Statistics = "tile",
    overwrite: Overwrite = False,
    skip_existing: SkipExisting = False,
) -> None:
    """Segment images with a trained network.

    Writes a mask for each image, in the mask values of the training data.
    """
    from isthmus.cli.progress import Display
    from isthmus.inference.predict import PredictOptions, predict_folder

    with Display() as display:
        options = PredictOptions(
            probabilities=probabilities,
            device=device,
            engine=engine,
            statistics=statistics,
            overwrite=overwrite,
            skip_existing=skip_existing,
        )
        written = predict_folder(run, images, out, options, root=root, watch=display)
        display.say(f"{counted(len(written), 'mask')} in {out}")
