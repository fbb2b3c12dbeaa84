"""The table of metrics: what each is called, what it measures, which direction is better, and where it is shown.

This is the only place that defines them. `score_case`, the columns of ``cases.csv``, ``isthmus evaluate``, the report
and a study's tables all read this table, so that a new metric is one function and one row.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal, TypeAlias, get_args

from isthmus.errors import nearest
from isthmus.metrics.detail import THIN, open_share
from isthmus.metrics.measurements import Measurements
from isthmus.metrics.object_scores import IOU_THRESHOLDS
from isthmus.metrics.object_states import OF_PREDICTION, OF_TRUTH
from isthmus.plugins import Registry

Unit: TypeAlias = Literal["share", "distance", "volume", "count"]
"""A share of 1; a distance in the unit of the spacing; that unit to the power of the axes; a whole number."""
Better: TypeAlias = Literal["higher", "lower", "neither"]
Place: TypeAlias = Literal["evaluate", "report", "headline", "object headline"]
"""The printout of ``isthmus evaluate``; the report's table of cases; the tiles on top of the report, and these where
objects are scored."""

KEYS = ("case", "group", "set", "fold", "grid", "class")
"""What a row is about; `grid` is "original" for the images' own pixels, "network" for those it was shown."""

COUNTS = ("prediction_points", "truth_points", "shared_points", "image_points")
"""Points of the masks, which every row holds beside its metrics."""


@dataclass(frozen=True)
class Metric:
    """A row of the table.

    Attributes:
        name: the key in scores and the column in ``cases.csv``.
        unit, better: what its numbers measure, and which of them are good.
        value: the function: `Measurements` of one class in one case -> a number.
        shown: where it is shown by default; ``cases.csv`` has all.
        title: the name as people write it; by default the name with spaces.
        objects: whether it is about whole objects, and left out where these are not scored.
        probabilities: whether it needs the network's probabilities, and is left out where only masks are known.
    """

    name: str
    unit: Unit
    better: Better
    value: Callable[[Measurements], float]
    shown: Collection[Place] = ()
    title: str = ""
    objects: bool = False
    probabilities: bool = False


METRICS: Registry[Metric] = Registry("metric")
"""Every metric by its name."""

EVALUATE: tuple[Place, ...] = ("evaluate",)
BOTH: tuple[Place, ...] = ("evaluate", "report")
HEAD: tuple[Place, ...] = (*BOTH, "headline")
OBJECT_HEAD: tuple[Place, ...] = (*BOTH, "object headline")
EVERYWHERE: tuple[Place, ...] = get_args(Place)


def _count(name: str, of: Measurements) -> int:
    return of.states.counts()[name]


# fmt: off
OF_MASKS = (
    Metric("dice", "share", "higher", lambda m: m.counts.dice, EVERYWHERE),
    Metric("iou", "share", "higher", lambda m: m.counts.iou, HEAD, "IoU"),
    Metric("precision", "share", "higher", lambda m: m.counts.precision, EVALUATE),
    Metric("recall", "share", "higher", lambda m: m.counts.recall, EVALUATE),
    Metric("specificity", "share", "higher", lambda m: m.counts.specificity),
    Metric("volumetric_similarity", "share", "higher", lambda m: m.counts.volumetric_similarity),
    Metric("volume_difference", "volume", "neither", lambda m: m.counts.volume_difference() * math.prod(m.spacing)),
    Metric("hausdorff_distance", "distance", "lower", lambda m: m.surface.hausdorff(), HEAD),
    Metric("hausdorff_distance_95", "distance", "lower", lambda m: m.surface.hausdorff(95), BOTH,
           "Hausdorff distance, 95 %"),
    Metric("hausdorff_distance_foreground", "distance", "lower", lambda m: m.foreground_hausdorff,
           title="Hausdorff distance of foregrounds"),
    Metric("average_surface_distance", "distance", "lower", lambda m: m.surface.average(), BOTH),
    Metric("average_distance_to_truth", "distance", "lower", lambda m: m.surface.average("to_truth")),
    Metric("average_distance_to_prediction", "distance", "lower", lambda m: m.surface.average("to_prediction")),
    Metric("root_mean_square_surface_distance", "distance", "lower", lambda m: m.surface.root_mean_square()),
    Metric("surface_dice", "share", "higher", lambda m: m.surface.share_within(m.tolerance), EVALUATE,
           "Surface Dice"),
)
OF_OBJECTS = (
    Metric("object_precision", "share", "higher", lambda m: m.objects.precision()),
    Metric("object_recall", "share", "higher", lambda m: m.objects.recall()),
    Metric("object_f1", "share", "higher", lambda m: m.objects.f1(), OBJECT_HEAD, "Object F1"),
    Metric("object_dice", "share", "higher", lambda m: m.objects.dice(), OBJECT_HEAD, "Object Dice"),
    Metric("object_hausdorff", "distance", "lower", lambda m: m.object_hausdorff, BOTH,
           "Object Hausdorff distance"),
    Metric("average_precision", "share", "higher", lambda m: m.objects.average_precision(IOU_THRESHOLDS), EVALUATE),
    Metric("panoptic_quality", "share", "higher", lambda m: m.panoptic_quality[0], BOTH),
    Metric("segmentation_quality", "share", "higher", lambda m: m.panoptic_quality[1]),
    Metric("recognition_quality", "share", "higher", lambda m: m.panoptic_quality[2]),
    Metric("aggregated_jaccard", "share", "higher", lambda m: m.objects.aggregated_jaccard(), EVALUATE,
           "Aggregated Jaccard index"),
    Metric("open_gaps", "share", "higher", lambda m: open_share(m.pair, THIN, m.spacing)),
    Metric("false_objects", "count", "lower", lambda m: m.objects.n_false),
    *(Metric(name, "count", "neither" if name == "found_objects" else "lower", partial(_count, name))
      for name in dict.fromkeys((*OF_TRUTH, *OF_PREDICTION))),
    Metric("prediction_objects", "count", "neither", lambda m: len(m.objects.prediction), title="Predicted objects"),
    Metric("truth_objects", "count", "neither", lambda m: len(m.objects.truth), title="True objects"),
)
# fmt: on


def register_metric(metric: Metric) -> None:
    """Adds a row to the table; from then on the metric is scored, written and shown like the built-in ones.

    Args:
        metric: its `name` is made of small letters, digits and underscores.

    Raises:
        ValueError: the name is taken or not valid; the unit, the direction or a place is unknown.
    """
    if not re.fullmatch(r"[a-z][a-z0-9_]*", metric.name) or metric.name in (*KEYS, *COUNTS):
        raise ValueError(
            f"a metric cannot be named {metric.name!r}; use lower-case letters, digits and underscores, and none of "
            f"{', '.join((*KEYS, *COUNTS))}"
        )
    given = [(metric.unit, Unit), (metric.better, Better), *((place, Place) for place in metric.shown)]
    for word, valid in given:
        if word not in get_args(valid):
            raise ValueError(
                f"the metric {metric.name!r} says {word!r}: {nearest(str(word), get_args(valid))}"
            )
    METRICS.register(metric.name, metric)


for _metric in (*OF_MASKS, *(replace(metric, objects=True) for metric in OF_OBJECTS)):
    register_metric(_metric)


def list_metrics(*, objects: bool = True, probabilities: bool = True) -> list[str]:
    """Returns the names of all metrics, in the order of the columns.

    Args:
        objects: include the metrics of whole objects.
        probabilities: include the metrics that need a network's probabilities.

    >>> list_metrics()[:2], list_metrics(objects=False)[-1]
    (['dice', 'iou'], 'surface_dice')
    """
    return [metric.name for metric in chosen(objects, probabilities)]


def chosen(objects: bool, probabilities: bool) -> list[Metric]:
    """Returns the rows of the table, in the order of the columns; arguments as in `list_metrics`."""
    rows = [row for row in METRICS.values() if probabilities or not row.probabilities]
    of_masks = [row for row in rows if not row.objects]
    return of_masks + [row for row in rows if row.objects] if objects else of_masks


def columns(*, objects: bool = False, probabilities: bool = False) -> tuple[str, ...]:
    """Returns the columns of a table of scores, in their order; arguments as in `list_metrics`.

    >>> columns()[:7], columns()[-1]
    (('case', 'group', 'set', 'fold', 'grid', 'class', 'dice'), 'image_points')
    """
    return (*KEYS, *list_metrics(objects=objects, probabilities=probabilities), *COUNTS)


def is_shown(name: str, place: Place) -> bool:
    """Returns whether a metric is shown somewhere by default; a column that is not in the table of metrics is not.

    >>> is_shown("dice", "report"), is_shown("specificity", "report")
    (True, False)
    """
    return name in METRICS and place in METRICS[name].shown


def direction(name: str) -> int:
    """Returns 1 if higher is better, -1 if lower is, and 0 for neither or for a column outside the table of metrics.

    >>> direction("dice"), direction("average_surface_distance"), direction("volume_difference")
    (1, -1, 0)
    """
    signs = {"higher": 1, "lower": -1, "neither": 0}
    return signs[METRICS[name].better] if name in METRICS else 0


def title(name: str) -> str:
    """Returns the title of a column, which need not be a metric of the table.

    >>> title("iou"), title("average_precision"), title("hausdorff_distance_95")
    ('IoU', 'Average precision', 'Hausdorff distance, 95 %')
    """
    given = METRICS[name].title if name in METRICS else ""
    return given or name.replace("_", " ").capitalize()
