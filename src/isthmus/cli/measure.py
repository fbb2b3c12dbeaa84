"""``isthmus measure``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from isthmus.cli.mask_options import parse_classes, parse_spacing
from isthmus.cli.options import AsJson, Axes, ReplaceOthers

if TYPE_CHECKING:
    from isthmus.measurement.result import Measurements

Masks = Annotated[
    Path,
    typer.Argument(help="Folder of masks, a mask, or a data set: a folder of images and masks, or a CSV."),
]
Images = Annotated[
    Path | None,
    typer.Argument(
        help="Folder of their images, or an image, for intensities.",
        show_default="those of the data set, if it is one",
    ),
]
Out = Annotated[
    Path,
    typer.Option(help="CSV to write, with a row for each object; beside it a table of images and a page."),
]
Instances = Annotated[
    bool | None,
    typer.Option(
        help="Mask values number objects; if not, the connected components of each value are objects.",
        show_default="decided from the masks",
    ),
]
Classes = Annotated[
    str | None,
    typer.Option(
        help="Meaning of mask values, as 1=nucleus,2=debris; their connected components are objects.",
        show_default="no names",
    ),
]
Size = Annotated[
    str | None,
    typer.Option(
        "--pixel-size",
        help="Size of a pixel along each axis (rows, columns), as 0.25,0.25, or one number for all.",
        show_default="as the files say",
    ),
]
Unit = Annotated[str, typer.Option(help="Unit of lengths: nm, um, mm or cm.")]
Stacks = Annotated[
    bool | None,
    typer.Option(
        help="Pages of a TIFF are the slices of one volume.", show_default="where the file names an axis Z"
    ),
]
Partial = Annotated[
    bool, typer.Option("--partial", help="Also measure masks without an image where others have one.")
]
Rois = Annotated[
    bool,
    typer.Option(
        "--rois",
        help="Also write the outlines as ImageJ ROI sets, rois/IMAGE.zip beside the table "
        "(pip install 'isthmus\\[objects]').",
    ),
]
GeoJson = Annotated[
    bool,
    typer.Option(
        "--geojson",
        help="Also write the outlines as GeoJSON for QuPath, geojson/IMAGE.geojson beside the table.",
    ),
]


def measure(
    masks: Masks,
    images: Images = None,
    *,
    out: Out,
    instances: Instances = None,
    classes: Classes = None,
    pixel_size: Size = None,
    unit: Unit = "um",
    stacks: Stacks = None,
    partial: Partial = False,
    axes: Axes = None,
    rois: Rois = False,
    geojson: GeoJson = False,
    overwrite: ReplaceOthers = False,
    as_json: AsJson = False,
) -> None:
    """Measure every object: size, place, shape and intensity, as CSV, with a table of images and a page."""
    from isthmus.cli.json_output import emit
    from isthmus.cli.progress import Display
    from isthmus.measurement.options import MeasureOptions
    from isthmus.report.measured import measure_into

    options = MeasureOptions(
        instances=instances,
        classes=None if classes is None else parse_classes(classes),
        pixel_size=None if pixel_size is None else parse_spacing(pixel_size, "--pixel-size"),
        unit=unit,
        stacks=stacks,
        partial=partial,
        axes=axes,
    )
    with Display() as display:
        found, files = measure_into(
            out, masks, images, options, rois=rois, geojson=geojson, overwrite=overwrite, watch=display
        )
        folders = {
            "rois": out.parent / "rois" if rois else None,
            "geojson": out.parent / "geojson" if geojson else None,
        }
        if as_json:
            emit(_summary(found, files, folders))
        else:
            _print(found)
        display.say(
            f"{len(found)} objects in {files[0]}; images in {files[1]}; histograms and pictures in {files[2]}"
        )
        if wanted := [str(folder) for folder in folders.values() if folder]:
            display.say(f"outlines in {' and '.join(wanted)}")


def _print(found: Measurements) -> None:
    """Prints the distribution of the main measures over all objects."""
    from isthmus.cli.tables import add_row, print_table, table_of
    from isthmus.measurement.columns import summary
    from isthmus.report.objects_page import shown, title_of

    keys = ("mean", "sd", "min", "median", "max")
    table = table_of("measure", *keys, numbers=keys)
    names = shown(found)
    spread = summary(found.objects, names)
    for name in names if len(found) else []:
        cells = (spread.get(f"{name}_{key}") for key in keys)
        add_row(table, title_of(name), *("–" if value is None else f"{value:.4g}" for value in cells))
    print_table(table)


def _summary(found: Measurements, files: list[Path], folders: dict[str, Path | None]) -> dict[str, Any]:
    """Returns the rows of the table of images, and where everything is."""
    return {
        "objects": len(found),
        "images": found.images,
        "unit": found.unit,
        "table": str(files[0]),
        "images_table": str(files[1]),
        "page": str(files[2]),
        **{name: folder and str(folder) for name, folder in folders.items()},
    }
