"""All metrics of one case in one call."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np

from isthmus.errors import IsthmusError
from isthmus.metrics.detail import THIN, open_share
from isthmus.metrics.distances import Sides
from isthmus.metrics.empty import Missing
from isthmus.metrics.input_checks import Classes, Mask, as_mask, as_pair, as_spacing, diagonal
from isthmus.metrics.object_distances import ObjectDistances
from isthmus.metrics.object_matching import Overlaps
from isthmus.metrics.object_scores import IOU_THRESHOLDS
from isthmus.metrics.objects import number_components
from isthmus.metrics.overlap import Counts
from isthmus.metrics.pairs import Pair, per_class
from isthmus.metrics.surface import Spacing


def score_case(
    prediction: Mask,
    truth: Mask,
    *,
    classes: Classes | None = None,
    spacing: Spacing = None,
    tolerance: float = 1.0,
    missing: Missing = "diagonal",
    objects: bool = True,
    instances: bool = False,
    ignore: int | None = None,
) -> Any:
    """Every metric of a case: a dict of floats for boolean masks, and one for each class of integer labels.

    Everything is measured in one pass: Dice, IoU, precision, recall, specificity, volumetric similarity,
    volume difference; Hausdorff distance over surfaces, its 95th percentile and over foregrounds, average
    and root mean square surface distance, the average in each direction, surface Dice at `tolerance`; unless
    `objects` is False, the object metrics and the boundary details of the connected components
    (`components`, face neighbours), which cost most where a prediction falls into thousands of pieces. Each
    key is the name of its function, and `hausdorff_distance_95` and `hausdorff_distance_foreground` are what
    they say.

    The counts `prediction_points`, `truth_points`, `shared_points` and `image_points` tell a missed case
    from a bad one, and let `summarise` and `pooled` aggregate without the masks.

    `prediction` and `truth` are arrays or tensors `(*spatial)`, both boolean, or both integers whose
    `classes` are named (`[1, 2]`, or `{1: "gland"}` for names as keys). With `instances` both are object
    numbers instead, which serve for the object metrics in place of components; all other metrics then see
    one class, the numbers above 0. `spacing`, units, errors, `missing`, `ignore` and the empty rule as in
    `hausdorff_distance`; `image_points` leaves out the points that are ignored.

    >>> scores = score_case([[1, 1, 1, 1]], [[1, 1, 0, 0]], classes={1: "gland"}, spacing=0.5)["gland"]
    >>> scores["iou"], scores["hausdorff_distance"], scores["average_surface_distance"], scores["object_f1"]
    (0.5, 1.0, 0.25, 1.0)
    """
    steps = as_spacing(spacing, as_mask(truth, "truth").ndim)
    if not instances:
        return per_class(
            lambda pair: _score(pair, steps, tolerance, missing, _components(pair) if objects else None),
            prediction,
            truth,
            classes,
            ignore,
        )
    if classes is not None:
        raise IsthmusError(
            "classes is for labels of classes, and instances=True says these are object numbers"
        )
    p, t, outside = as_pair(prediction, truth, ignore)
    overlaps = Overlaps.of(p, t)
    n_ignored = 0 if outside is None else int(np.count_nonzero(outside))

    def score(pair: Pair) -> dict[str, float]:
        pair = replace(pair, n_ignored=n_ignored)
        return _score(pair, steps, tolerance, missing, overlaps if objects else None)

    return per_class(score, p > 0, t > 0, None)


def _components(pair: Pair) -> Overlaps:
    return Overlaps(number_components(pair.prediction), number_components(pair.truth))


def _score(
    pair: Pair, spacing: tuple[float, ...], tolerance: float, missing: Missing, overlaps: Overlaps | None
) -> dict[str, float]:
    n, sides = Counts.of(pair), Sides(pair, spacing, missing)
    surface, foreground_hausdorff = sides.surface_and_foreground_hausdorff()
    scores = {
        "dice": n.dice,
        "iou": n.iou,
        "precision": n.precision,
        "recall": n.recall,
        "specificity": n.specificity,
        "volumetric_similarity": n.volumetric_similarity,
        "volume_difference": n.volume_difference() * math.prod(spacing),
        "hausdorff_distance": surface.hausdorff(),
        "hausdorff_distance_95": surface.hausdorff(95),
        "hausdorff_distance_foreground": foreground_hausdorff,
        "average_surface_distance": surface.average(),
        "average_distance_to_truth": surface.average("to_truth"),
        "average_distance_to_prediction": surface.average("to_prediction"),
        "root_mean_square_surface_distance": surface.root_mean_square(),
        "surface_dice": surface.share_within(tolerance),
    }
    if overlaps is not None:
        scores |= object_scores(pair, overlaps, spacing, missing)
    return scores | {
        "prediction_points": float(n.prediction),
        "truth_points": float(n.truth),
        "shared_points": float(n.both),
        "image_points": float(n.image),
    }


def object_scores(
    pair: Pair, overlaps: Overlaps, spacing: tuple[float, ...], missing: Missing
) -> dict[str, float]:
    """Every object metric, and the boundary details, of one class."""
    panoptic, segmentation, recognition = overlaps.panoptic_quality()
    return {
        "object_precision": overlaps.precision(),
        "object_recall": overlaps.recall(),
        "object_f1": overlaps.f1(),
        "object_dice": overlaps.dice(),
        "object_hausdorff": ObjectDistances(overlaps, spacing).weighted(
            diagonal(pair.shape, spacing), missing
        ),
        "average_precision": overlaps.average_precision(IOU_THRESHOLDS),
        "panoptic_quality": panoptic,
        "segmentation_quality": segmentation,
        "recognition_quality": recognition,
        "aggregated_jaccard": overlaps.aggregated_jaccard(),
        "open_gaps": open_share(pair, THIN, spacing),
        "false_objects": float(overlaps.n_false),
        "prediction_objects": float(len(overlaps.prediction)),
        "truth_objects": float(len(overlaps.truth)),
    }
