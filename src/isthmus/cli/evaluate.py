"""``isthmus evaluate``."""

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
from isthmus.cli.options import AsJson, Axes, ReplaceOthers, Root

if TYPE_CHECKING:
    from isthmus.evaluation.scores import Evaluation

Predictions = Annotated[Path, typer.Argument(help="Folder of predicted masks.")]
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
    from isthmus.cli.score_table import describe_objects, describe_scores, print_scores
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
        for line in describe_objects(result):
            display.say(line)
        display.say(describe_scores(result, target, tolerance, missing))


def _summary(result: Evaluation, target: Path) -> dict[str, Any]:
    """Returns the summary of each metric over the cases by class, and where the rows are."""
    return {
        "cases": len({row["case"] for row in result.rows}),
        "classes": result.summaries(),
        "objects": result.objects_found(),
        "unit": result.unit,
        "grid": "original",
        "scores": str(target),
    }
