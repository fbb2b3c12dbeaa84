"""``isthmus evaluate``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from isthmus.cli.progress import Display
from isthmus.errors import IsthmusError

if TYPE_CHECKING:
    from isthmus.inference.evaluate import Evaluation

SHOWN = (
    "dice",
    "iou",
    "precision",
    "recall",
    "hausdorff_distance",
    "hausdorff_distance_95",
    "average_surface_distance",
    "surface_dice",
    "object_f1",
    "object_dice",
    "object_hausdorff",
    "panoptic_quality",
    "aggregated_jaccard",
    "average_precision",
)
"""What is printed; the CSV has all."""


def run(
    predictions: Path,
    truth: Path,
    root: Path | None,
    out: Path | None,
    partial: bool,
    display: Display,
    objects: bool | None = None,
    instances: bool | None = None,
    spacing: str | None = None,
) -> None:
    """Score a folder of masks, write the CSV and print what it comes to."""
    from isthmus.inference.evaluate import evaluate_folder

    result = evaluate_folder(
        predictions,
        truth,
        root=root,
        partial=partial,
        objects=objects,
        instances=instances,
        spacing=None if spacing is None else steps(spacing),
        watch=display,
    )
    target = out or predictions / "scores.csv"
    result.write(target)
    show(result)
    display.say(
        f"{len(result.rows)} rows in {target}, scored on the masks' own grid; distances (and the 1 within which "
        f"surface Dice counts) in {result.unit}; a missed case has Dice 0 and the image diagonal for a distance"
    )


def show(result: Evaluation) -> None:
    """The table: for each class and metric mean, standard deviation, over how many cases, and what was missed."""
    from rich.console import Console
    from rich.table import Table

    found = result.summaries()
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("class")
    table.add_column("metric", no_wrap=True)
    for title in ("mean", "sd", "n", "missed", "both empty", "false alarm"):
        table.add_column(title, justify="right")
    for name, by_metric in found.items():
        for metric in (metric for metric in SHOWN if metric in by_metric):
            s = by_metric[metric]
            counts = (s.n, s.n_missed, s.n_both_empty, s.n_false_alarm)
            label = name if metric == SHOWN[0] else ""
            table.add_row(label, metric.replace("_", " "), f"{s.mean:.4f}", f"{s.std:.4f}", *map(str, counts))
    Console(soft_wrap=True).print(table)


def steps(text: str) -> tuple[float, ...] | float:
    """Numbers separated by commas.

    >>> steps("0.5,0.25"), steps("2")
    ((0.5, 0.25), 2.0)
    """
    try:
        numbers = tuple(float(word) for word in text.split(","))
    except ValueError as error:
        raise IsthmusError(
            f"--spacing {text}: write a number for each axis, as 0.5,0.5, or one for all"
        ) from error
    return numbers[0] if len(numbers) == 1 else numbers
