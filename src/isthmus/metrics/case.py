"""All metrics of one case in one call."""

from __future__ import annotations

from typing import Any

from isthmus.metrics.empty import Missing
from isthmus.metrics.masks import BoolMask, Classes, Mask, as_pair, as_spacing, per_class
from isthmus.metrics.overlap import Counts
from isthmus.metrics.surface import Spacing, surface_distances


def score_case(
    prediction: Mask,
    truth: Mask,
    *,
    classes: Classes | None = None,
    spacing: Spacing = None,
    tolerance: float = 1.0,
    missing: Missing = "diagonal",
) -> Any:
    """Every metric of a case.

    >>> score_case([[1, 1, 0]], [[1, 1, 0]], classes={1: "gland"})["gland"]["dice"]
    1.0
    """
    pair, _ = as_pair(prediction, truth)
    steps = as_spacing(spacing, pair.ndim)

    def score(p: BoolMask, t: BoolMask) -> dict[str, float]:
        n = Counts.of(p, t)
        surface = surface_distances(p, t, steps, missing=missing)
        return {
            "dice": n.dice,
            "iou": n.iou,
            "precision": n.precision,
            "recall": n.recall,
            "specificity": n.specificity,
            "volumetric_similarity": n.volumetric_similarity,
            "hausdorff_distance": surface.hausdorff(),
            "hausdorff_distance_95": surface.hausdorff(95),
            "average_surface_distance": surface.average(),
            "surface_dice": surface.dice(tolerance),
            "truth_points": float(n.truth),
            "prediction_points": float(n.prediction),
            "shared_points": float(n.both),
            "image_points": float(n.image),
        }

    return per_class(score, prediction, truth, classes)
