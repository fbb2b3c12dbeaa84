"""From the scores of a case to the rows of a table (`cases.csv`), and from the rows back to summaries.

The one place that names the columns: training, `isthmus evaluate` and the report all go through it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from isthmus.metrics.summary import COUNTS, Row, Summary, summarise, value_of

KEYS = ("case", "group", "set", "fold", "grid", "class")
"""What a row is about; `grid` is "original" for the images' own pixels, "network" for those it was shown."""

METRICS = (
    "dice",
    "iou",
    "precision",
    "recall",
    "specificity",
    "volumetric_similarity",
    "volume_difference",
    "hausdorff_distance",
    "hausdorff_distance_95",
    "hausdorff_distance_foreground",
    "average_surface_distance",
    "average_distance_to_truth",
    "average_distance_to_prediction",
    "root_mean_square_surface_distance",
    "surface_dice",
)
"""Overlap and surface metrics of `score_case`."""

OBJECT_METRICS = (
    "object_precision",
    "object_recall",
    "object_f1",
    "object_dice",
    "object_hausdorff",
    "average_precision",
    "panoptic_quality",
    "segmentation_quality",
    "recognition_quality",
    "aggregated_jaccard",
    "open_gaps",
    "false_objects",
    "prediction_objects",
    "truth_objects",
)
"""What `score_case` adds with `objects=True`."""

WHOLE = {*COUNTS, "false_objects", "prediction_objects", "truth_objects"}
"""Columns of whole numbers."""


def columns(objects: bool = False) -> tuple[str, ...]:
    """The columns of a table of scores, in their order; with `objects` those of the object metrics too.

    >>> columns()[:7], columns()[-1]
    (('case', 'group', 'set', 'fold', 'grid', 'class', 'dice'), 'image_points')
    """
    return (*KEYS, *METRICS, *(OBJECT_METRICS if objects else ()), *COUNTS)


def case_rows(
    scores: Mapping[Any, Row],
    *,
    case: str,
    group: str = "",
    set: str = "",
    fold: int | None = None,
    grid: str = "",
) -> list[dict[str, Any]]:
    """The rows of one case, one for each class: where it belongs, then every metric and count.

    `scores` is what `score_case` returned, by class name. A fold of None stays an empty cell.

    >>> from isthmus.metrics import score_case
    >>> scores = score_case([[1, 1, 0]], [[1, 0, 0]], classes={1: "cell"}, objects=False)
    >>> row = case_rows(scores, case="slide 1", group="patient 7", set="test", grid="original")[0]
    >>> tuple(row) == columns(), row["class"], row["recall"], row["truth_points"]
    (True, 'cell', 1.0, 1)
    """
    where = {"case": case, "group": group, "set": set, "fold": fold, "grid": grid}
    return [
        {
            **where,
            "class": str(name),
            **{metric: int(value) if metric in WHOLE else value for metric, value in row.items()},
        }
        for name, row in scores.items()
    ]


def by_class(rows: Iterable[Mapping[str, Any]]) -> dict[str, list[dict[str, float]]]:
    """Of rows, as made here or as `csv.DictReader` gives them, the numbers alone; an empty cell is NaN.

    >>> by_class([{"case": "a", "class": "cell", "dice": "0.5", "open_gaps": ""}])
    {'cell': [{'dice': 0.5, 'open_gaps': nan}]}
    """
    found: dict[str, list[dict[str, float]]] = {}
    for row in rows:
        numbers = {
            name: math.nan if value in ("", None) else value_of(row, name)
            for name, value in row.items()
            if name not in KEYS
        }
        found.setdefault(row["class"], []).append(numbers)
    return found


def summaries(rows: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, Summary]]:
    """`summarise` of rows, by class and metric.

    >>> row = {"case": "a", "class": "cell", "dice": "0.0", "prediction_points": "0", "truth_points": "9"}
    >>> dice = summaries([row])["cell"]["dice"]
    >>> dice.mean, dice.n_missed
    (0.0, 1)
    """
    return {name: summarise(each) for name, each in by_class(rows).items()}
