"""All metrics of one case in one call."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from isthmus.errors import IsthmusError
from isthmus.metrics.empty import Missing
from isthmus.metrics.input_checks import Classes, Mask, as_array, as_mask, as_pair, as_spacing
from isthmus.metrics.measurements import Measurements, connected
from isthmus.metrics.object_matching import Overlaps
from isthmus.metrics.pairs import Pair, per_class
from isthmus.metrics.surface import Spacing
from isthmus.metrics.table import METRICS, Metric, chosen
from isthmus.metrics.threshold import is_foreground


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
    """Computes every metric of masks in one pass over a case.

    The keys are the names of `list_metrics`, followed by the counts `prediction_points`, `truth_points`,
    `shared_points` and `image_points`. The counts tell a missed case from a bad one, and let `summarise` and
    `pooled` aggregate without the masks.

    Args:
        prediction, truth: arrays or tensors `(*spatial)`, both boolean, or both of integer labels.
        classes: labels to score, as `[1, 2]`, or `{1: "gland"}` to have names as keys.
        spacing: distance of neighbouring points along each axis (None: 1), which gives distances their unit.
        tolerance: distance within which `surface_dice` counts a point, in the same unit.
        missing: distance where one of the masks is empty, as in `hausdorff_distance`.
        objects: whether to score whole objects too. This costs most where a prediction falls into thousands of
            pieces.
        instances: whether both masks hold object numbers. Else objects are the connected components of each
            class (`components`, face neighbours). All other metrics then see one class, the numbers above 0.
        ignore: label of the truth whose points are in neither mask; `image_points` leaves them out.

    Returns:
        A dict of floats for boolean masks or object numbers; for labels one such dict for each class.

    Raises:
        IsthmusError: as in `dice` and `hausdorff_distance`; both `classes` and `instances` are given.

    >>> scores = score_case([[1, 1, 1, 1]], [[1, 1, 0, 0]], classes={1: "gland"}, spacing=0.5)["gland"]
    >>> scores["iou"], scores["hausdorff_distance"], scores["average_surface_distance"], scores["object_f1"]
    (0.5, 1.0, 0.25, 1.0)
    """
    steps = as_spacing(spacing, as_mask(truth, "truth").ndim)
    metrics = chosen(objects, probabilities=False)
    overlaps, n_ignored = None, 0
    if instances:
        if classes is not None:
            raise IsthmusError(
                "classes is for labels of classes, and instances=True says these are object numbers"
            )
        prediction, truth, outside = as_pair(prediction, truth, ignore)
        n_ignored = 0 if outside is None else int(np.count_nonzero(outside))
        overlaps = Overlaps.of(prediction, truth)
        prediction, truth, ignore = prediction > 0, truth > 0, None

    def score(pair: Pair) -> dict[str, float]:
        """Numbers the objects first: after the distances, their arrays would need memory that was just given back."""
        if n_ignored:
            pair = replace(pair, n_ignored=n_ignored)
        numbered = connected(pair) if objects and overlaps is None else overlaps
        return _scores(Measurements(pair, steps, tolerance, missing, numbered), metrics)

    return per_class(score, prediction, truth, classes, ignore)


def score_probabilities(
    probabilities: Any, truth: Mask, *, spacing: Spacing = None, ignore: int | None = None
) -> dict[str, float]:
    """Computes every metric that needs the probabilities of a class; none is built in.

    Args:
        probabilities: array or tensor `(*spatial)` of floats in [0, 1].
        truth: mask `(*spatial)` of booleans, or of 0 and 1 and the label `ignore`.
        spacing, ignore: as in `score_case`. Ignored points have a probability of 0.

    Returns:
        The values by the names of the metrics.

    Raises:
        IsthmusError: as in `dice`; probabilities are of another shape, or outside 0 to 1.

    >>> score_probabilities([[0.9, 0.2]], [[True, False]])
    {}
    """
    names = [name for name, metric in METRICS.items() if metric.probabilities]
    if not names:
        return {}
    p, shape = as_array(probabilities, np.float32), as_mask(truth, "truth").shape
    if p.shape != shape or not ((p >= 0) & (p <= 1)).all():
        raise IsthmusError(
            f"probabilities have shape {p.shape}; give a number from 0 to 1 for each point of the truth, which has "
            f"shape {shape}"
        )
    predicted, true, outside = as_pair(is_foreground(p).astype(np.uint8), truth, ignore)
    n_ignored = 0
    if outside is not None:
        p, n_ignored = np.where(outside, np.float32(0), p), int(np.count_nonzero(outside))
    pair = replace(Pair.whole(predicted > 0, true > 0), n_ignored=n_ignored)
    found = Measurements(pair, as_spacing(spacing, len(shape)), known=p)
    return {name: float(METRICS[name].value(found)) for name in names}


def _scores(of: Measurements, metrics: list[Metric]) -> dict[str, float]:
    """Computes some metrics of one class, and its counts of points."""
    counts = of.counts
    return {
        **{metric.name: float(metric.value(of)) for metric in metrics},
        "prediction_points": float(counts.prediction),
        "truth_points": float(counts.truth),
        "shared_points": float(counts.both),
        "image_points": float(counts.image),
    }
