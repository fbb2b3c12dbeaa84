"""``isthmus compare``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from isthmus.cli.mask_options import (
    Classes,
    Ignore,
    Instances,
    Missing,
    Spacing,
    Tolerance,
    Truth,
    parse_classes,
    parse_spacing,
)
from isthmus.cli.options import AsJson, Axes, Overwrite, Root
from isthmus.errors import IsthmusError

if TYPE_CHECKING:
    from isthmus.comparison import ProgramComparison

Programs = Annotated[
    list[str],
    typer.Argument(help="NAME=FOLDER for each program, network or reader: a name, and its folder of masks."),
]
Out = Annotated[Path, typer.Option(help="Folder for report.html and tables/, or a page that ends in .html.")]
Objects = Annotated[
    bool | None,
    typer.Option(
        help="Compare whole objects: F1, average precision, panoptic quality, AJI.",
        show_default="if the truth separates objects",
    ),
]
Group = Annotated[
    Path | None,
    typer.Option(
        help="CSV with the columns case and group (or patient, slide): cases of one group are not independent.",
        show_default="as the data set states",
    ),
]
Images = Annotated[
    Path | None,
    typer.Option(help="Folder of the images, for the pictures.", show_default="those of the data set"),
]
Common = Annotated[
    bool,
    typer.Option(
        "--common", help="Leave out cases that not every program has, instead of counting them as misses."
    ),
]
Margin = Annotated[
    float | None,
    typer.Option(
        help="Largest loss in the first metric that would be acceptable, such as 0.02; judges non-inferiority.",
        show_default="not judged",
    ),
]
Metric = Annotated[
    list[str] | None,
    typer.Option(
        help="A metric to compare, such as surface_dice; repeat it for several, the most important one first "
        "(`isthmus metrics` lists them).",
        show_default="Dice and distances, or those of objects",
    ),
]


def compare(
    truth: Truth,
    programs: Programs,
    out: Out,
    root: Root = None,
    objects: Objects = None,
    metric: Metric = None,
    group: Group = None,
    margin: Margin = None,
    common: Common = False,
    images: Images = None,
    instances: Instances = None,
    spacing: Spacing = None,
    classes: Classes = None,
    tolerance: Tolerance = 1.0,
    missing: Missing = "diagonal",
    ignore: Ignore = None,
    axes: Axes = None,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Compare the masks of any programs or readers: differences, tests, agreement and pictures on one page."""
    from isthmus.cli.json_output import emit
    from isthmus.cli.progress import Display
    from isthmus.comparison import compare as compare_programs
    from isthmus.comparison.options import CompareOptions
    from isthmus.comparison.page import refuse_to_replace
    from isthmus.evaluation.options import EvaluateOptions
    from isthmus.metrics.empty import as_missing

    folders = parse_programs(programs)
    reading = EvaluateOptions(
        objects=objects,
        instances=instances,
        classes=None if classes is None else parse_classes(classes),
        spacing=None if spacing is None else parse_spacing(spacing),
        tolerance=tolerance,
        missing=as_missing(missing),
        ignore=ignore,
        axes=axes,
    )
    options = CompareOptions(tuple(metric or ()), margin, common)
    data = [truth if root is None else root, *folders.values(), *(each for each in (images, group) if each)]
    with Display() as display:
        refuse_to_replace(out, data, overwrite)
        found = compare_programs(
            truth, folders, options, reading, groups=group, images=images, root=root, watch=display
        )
        for line in found.scores.notes:
            display.say(line)
        page = found.save(out, overwrite=overwrite)
        if as_json:
            emit(_summary(found, page))
        else:
            _print(found)
        display.say(f"{page}: the page, with the tables beside it")


def parse_programs(words: list[str]) -> dict[str, Path]:
    """Reads names of programs and their folders.

    >>> sorted(parse_programs(["unet=masks", "nnunet=theirs"]))
    ['nnunet', 'unet']
    """
    found: dict[str, Path] = {}
    for word in words:
        name, equals, folder = word.partition("=")
        if not (name.strip() and equals and folder.strip()):
            raise IsthmusError(f"'{word}' names no program and its folder; write NAME=FOLDER, as unet=masks")
        if name.strip() in found:
            raise IsthmusError(f"'{name.strip()}' is given twice; give each program a name of its own")
        found[name.strip()] = Path(folder.strip())
    return found


def _print(found: ProgramComparison) -> None:
    """Prints the means, and the differences in the first metric."""
    from isthmus.cli.tables import add_row, print_table, table_of

    for name in ("scores", "differences"):
        shown = found.printed[name].table
        titles = [title for title, _ in shown.columns]
        table = table_of(*titles, numbers=[title for title, numeric in shown.columns if numeric])
        first = found.printed["scores"].table.columns
        at = titles.index("Metric") if "Metric" in titles else None
        main = next((title for title, numeric in first if numeric), "")
        for row in shown.rows:
            if at is None or row[at].text == main:
                add_row(table, *(f"{cell.text}*" if cell.strong else cell.text for cell in row))
        print_table(table)
        print()
    print("* the best mean and those not significantly different from it; in differences, p is at most 0.05")


def _summary(found: ProgramComparison, page: Path) -> dict[str, Any]:
    """Returns the rows of each table but that of cases, and where the page is."""
    tables = {name: rows for name, rows in found.tables.items() if name != "cases"}
    return {
        "cases": len(found.scores.cases),
        "metrics": list(found.metrics),
        "lacking": found.scores.lacking,
        "tables": tables,
        "page": str(page),
    }
