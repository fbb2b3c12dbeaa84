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

CLEAN_UP = "Clean-up; what is not given is as in the recipe"
OF_OBJECTS = "Objects, beside the masks"

Threshold = Annotated[
    float | None,
    typer.Option(
        help="Probability above which a pixel is foreground, above 0 and below 1.",
        show_default=False,
        rich_help_panel=CLEAN_UP,
    ),
]
MinSize = Annotated[
    int | None,
    typer.Option(
        help="Drop objects, or connected parts of a class, of fewer pixels; 0: none is too small.",
        show_default=False,
        rich_help_panel=CLEAN_UP,
    ),
]
MaxSize = Annotated[
    int | None,
    typer.Option(
        help="Drop those of more pixels, counted with their holes if these are filled.",
        show_default=False,
        rich_help_panel=CLEAN_UP,
    ),
]
FillHoles = Annotated[
    bool | None,
    typer.Option(help="Fill holes.", show_default=False, rich_help_panel=CLEAN_UP),
]
DropBorder = Annotated[
    bool | None,
    typer.Option(
        help="Drop those that touch the border of the image.",
        show_default=False,
        rich_help_panel=CLEAN_UP,
    ),
]
Diameter = Annotated[
    str | None,
    typer.Option(
        help="Diameter of the objects in these images, in pixels, if it is not that of training; auto: find it in each "
        "image.",
        show_default=False,
    ),
]
Rois = Annotated[
    bool,
    typer.Option(
        "--rois",
        help="Also write ImageJ ROI sets, rois/NAME.zip (pip install 'isthmus\\[objects]').",
        rich_help_panel=OF_OBJECTS,
    ),
]
GeoJson = Annotated[
    bool,
    typer.Option(
        "--geojson",
        help="Also write GeoJSON for QuPath, geojson/NAME.geojson.",
        rich_help_panel=OF_OBJECTS,
    ),
]
Numbers = Annotated[
    bool,
    typer.Option(
        "--numbers",
        help="Write pictures of the outlined objects with their numbers, overlays/NAME.png; of a volume, the slice "
        "with the most.",
        rich_help_panel=OF_OBJECTS,
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
    threshold: Threshold = None,
    min_size: MinSize = None,
    max_size: MaxSize = None,
    fill_holes: FillHoles = None,
    drop_border: DropBorder = None,
    diameter: Diameter = None,
    rois: Rois = False,
    geojson: GeoJson = False,
    numbers: Numbers = False,
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
            threshold=threshold,
            min_size=min_size,
            max_size=max_size,
            fill_holes=fill_holes,
            drop_border=drop_border,
            diameter=_number_or_word(diameter),
            rois=rois,
            geojson=geojson,
            numbers=numbers,
        )
        written = predict_folder(run, images, out, options, root=root, watch=display)
        display.say(f"{counted(len(written), 'mask')} in {out}")


def _number_or_word(diameter: str | None) -> float | str | None:
    """Returns a diameter as a number, if it is one; `PredictOptions` refuses other words."""
    try:
        return None if diameter is None else float(diameter)
    except ValueError:
        return diameter
