"""All metrics of one case in one call."""

from __future__ import annotations

from typing import Any

from isthmus.metrics.distances import Sides
from isthmus.metrics.empty import Missing
from isthmus.metrics.masks import Classes, Mask, as_mask, as_spacing
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
) -> Any:
    """Every metric of a case.

    >>> score_case([[1, 1, 0]], [[1, 1, 0]], classes={1: "gland"})["gland"]["dice"]
    1.0
    """
    steps = as_spacing(spacing, as_mask(truth, "truth").ndim)

    def score(pair: Pair) -> dict[str, float]:
        n, sides = Counts.of(pair), Sides(pair, steps, missing)
        surface = sides.surface()
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
            "surface_dice": surface.share_within(tolerance),
            "truth_points": float(n.truth),
            "prediction_points": float(n.prediction),
            "shared_points": float(n.both),
            "image_points": float(n.image),
        }

    return per_class(score, prediction, truth, classes)
