"""``isthmus evaluate``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from isthmus.cli.options import AsJson, Axes, ReplaceOthers, Root
from isthmus.errors import IsthmusError

if TYPE_CHECKING:
    from isthmus.evaluation.scores import Evaluation

Predictions = Annotated[Path, typer.Argument(help="Folder of predicted masks.")]
Truth = Annotated[
    Path,
    typer.Argument(
        help="Folder of true masks, or a data set: a folder of images and masks, a CSV, or with --root a name of "
        "`isthmus data list`."
    ),
]
Out = Annotated[
    Path | None,
    typer.Option(help="CSV to write.", show_default="PREDICTIONS/scores.csv"),
]
Partial = Annotated[
    bool,
    typer.Option("--partial", help="Score the predictions that exist, even if some true masks have none."),
]
Objects = Annotated[
    bool | None,
    typer.Option(
        help="Also score whole objects: F1, object Dice, panoptic quality, AJI, …",
        show_default="if the truth separates objects",
    ),
]
Instances = Annotated[
    bool | None,
    typer.Option(help="Mask values number objects.", show_default="decided from the masks"),
]
Spacing = Annotated[
    str | None,
    typer.Option(
        help="Pixel size along each axis (rows, columns), as 0.5,0.5, for masks whose files state none.",
        show_default="distances in pixels",
    ),
]
Classes = Annotated[
    str | None,
    typer.Option(
        help="Meaning of mask values on both sides, as 1=liver,2=kidney; values with the same name form one class.",
        show_default="the values of the truth",
    ),
]
Tolerance = Annotated[
    float,
    typer.Option(
        help="Distance within which surface Dice counts a point, in pixels or in the unit of the spacing."
    ),
]
Missing = Annotated[
    str,
    typer.Option(
        help="Distance of a case in which one mask is empty: diagonal (of the image), infinity, or exclude."
    ),
]
Ignore = Annotated[
    int | None,
    typer.Option(
        help="Value of true masks, such as 255, whose pixels are not scored.",
        show_default="none",
    ),
]
TrainedRun = Annotated[
    Path | None,
    typer.Option(
        "--run",
        help="The run that made the predictions; reports how images and masks differ from its training data.",
        show_default=False,
    ),
]


def evaluate(
    predictions: Predictions,
    truth: Truth,
    root: Root = None,
    out: Out = None,
    partial: Partial = False,
    objects: Objects = None,
    instances: Instances = None,
    spacing: Spacing = None,
    classes: Classes = None,
    tolerance: Tolerance = 1.0,
    missing: Missing = "diagonal",
    overwrite: ReplaceOthers = False,
    ignore: Ignore = None,
    run: TrainedRun = None,
    axes: Axes = None,
    as_json: AsJson = False,
) -> None:
    """Score masks against the truth: overlap, surface and object metrics of every case, as CSV and table."""
    from isthmus.cli.json_output import emit
    from isthmus.cli.progress import Display
    from isthmus.cli.score_table import describe_scores, print_scores
    from isthmus.data.originals import refuse_among
    from isthmus.evaluation.evaluate import evaluate_folder
    from isthmus.evaluation.options import EvaluateOptions
    from isthmus.evaluation.score_files import refuse_to_replace
    from isthmus.inference.evaluated_images import unlike_training
    from isthmus.metrics.empty import as_missing

    target, data = out or predictions / "scores.csv", [truth] if root is None else [root]
    with Display() as display:
        refuse_to_replace(target, overwrite, predictions=predictions, data=data)
        refuse_among(target.parent, data)
        options = EvaluateOptions(
            partial=partial,
            objects=objects,
            instances=instances,
            classes=None if classes is None else parse_classes(classes),
            spacing=None if spacing is None else parse_spacing(spacing),
            tolerance=tolerance,
            missing=as_missing(missing),
            ignore=ignore,
            axes=axes,
        )
        remarks = unlike_training(run, predictions)
        result = evaluate_folder(predictions, truth, options, root=root, remarks_on=remarks, watch=display)
        result.write(target, overwrite)
        if as_json:
            emit(_summary(result, target))
        else:
            print_scores(result)
        display.say(describe_scores(result, target, tolerance, missing))


def _summary(result: Evaluation, target: Path) -> dict[str, Any]:
    """Returns the summary of each metric over the cases by class, and where the rows are."""
    return {
        "cases": len({row["case"] for row in result.rows}),
        "classes": result.summaries(),
        "unit": result.unit,
        "grid": "original",
        "scores": str(target),
    }


def parse_classes(text: str) -> dict[int, str]:
    """Reads mask values and their names, separated by commas.

    >>> parse_classes("1=liver,2=kidney")
    {1: 'liver', 2: 'kidney'}
    """
    found: dict[int, str] = {}
    for part in text.split(","):
        value, _, name = (word.strip() for word in part.partition("="))
        if not value.isdecimal() or not name or int(value) in found:
            raise IsthmusError(
                f"--classes {text}: write each mask value once, with its name, as 1=liver,2=kidney"
            )
        found[int(value)] = name
    return found


def parse_spacing(text: str) -> tuple[float, ...] | float:
    """Reads numbers separated by commas; one number stands for all axes.

    >>> parse_spacing("0.5,0.25"), parse_spacing("2")
    ((0.5, 0.25), 2.0)
    """
    try:
        numbers = tuple(float(word) for word in text.split(","))
    except ValueError as error:
        raise IsthmusError(
            f"--spacing {text}: write a number for each axis, as 0.5,0.5, or one for all"
        ) from error
    return numbers[0] if len(numbers) == 1 else numbers
