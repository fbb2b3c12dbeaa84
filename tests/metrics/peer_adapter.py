"""The functions of MONAI and of surface-distance, by their names and with their arguments, on our metrics.

What their own test suites call can be pointed here: `from tests.metrics.peer_adapter import monai` in place of
`monai.metrics`, `deepmind` in place of `surface_distance`. Arrays or tensors in, arrays out. Where the packages
have another rule for empty masks (NaN, infinity) the adapter answers by theirs, so that a difference in a number
is one of measuring; what they measure differently (a surface with areas) it cannot answer.
"""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pytest

from isthmus import metrics
from isthmus.errors import IsthmusError

from . import oracle

NAN, INF = math.nan, math.inf


def installed(module, name):
    """The package itself; the test is skipped where it is not there."""
    return pytest.importorskip(module, reason=f"{name} is not installed here (pip install {name})")


def one_by_one(score, y_pred, y, include_background):
    """`score(prediction, truth, channel)` for each image and channel of `(batch, channels, *spatial)`."""
    y_pred, y = (np.asarray(each) for each in (y_pred, y))
    if y_pred.shape != y.shape:
        raise ValueError(f"y_pred and y should have same shapes, got {y_pred.shape} and {y.shape}.")
    first = 0 if include_background or y.shape[1] == 1 else 1
    return np.array(
        [
            [score(p[c] > 0, t[c] > 0, c - first) for c in range(first, p.shape[0])]
            for p, t in zip(y_pred, y, strict=True)
        ]
    )


def by_their_rule(prediction, truth, value, one_empty=INF):
    """MONAI: NaN where both masks are empty, infinity (or a number) where one is."""
    if not prediction.any() and not truth.any():
        return NAN
    return value() if prediction.any() and truth.any() else one_empty


def compute_hausdorff_distance(
    y_pred, y, include_background=False, percentile=None, directed=False, spacing=None
):
    def score(p, t, _):
        def value():
            found = metrics.mask_distances(p, t, spacing=spacing)
            one_way = oracle.every(found.from_prediction)
            return (
                float(np.percentile(one_way, percentile or 100))
                if directed
                else found.hausdorff(percentile or 100)
            )

        return by_their_rule(p, t, value)

    return one_by_one(score, y_pred, y, include_background)


def compute_average_surface_distance(y_pred, y, include_background=False, symmetric=False, spacing=None):
    direction = "both" if symmetric else "to_truth"

    def score(p, t, _):
        return by_their_rule(
            p, t, lambda: metrics.average_surface_distance(p, t, spacing=spacing, direction=direction)
        )

    return one_by_one(score, y_pred, y, include_background)


def compute_surface_dice(y_pred, y, class_thresholds, include_background=False, spacing=None):
    def score(p, t, channel):
        return by_their_rule(
            p,
            t,
            lambda: metrics.surface_dice(p, t, tolerance=class_thresholds[channel], spacing=spacing),
            one_empty=0.0,
        )

    return one_by_one(score, y_pred, y, include_background)


def _overlap(metric):
    def compute(y_pred, y, include_background=True, ignore_empty=True):
        def score(p, t, _):
            return NAN if ignore_empty and not t.any() else metric(p, t)

        return one_by_one(score, y_pred, y, include_background)

    return compute


def compute_panoptic_quality(pred, gt, metric_name="pq", match_iou_threshold=0.5):
    """At 0.5 all three; at other thresholds only the recognition quality, because matches below 0.5 are not unique."""
    pred, gt = np.asarray(pred), np.asarray(gt)
    if metric_name.lower() == "rq":
        return metrics.object_f1(pred, gt, overlap=match_iou_threshold, one_to_one=True)
    if match_iou_threshold != 0.5:
        raise NotImplementedError("panoptic quality matches above an IoU of 0.5, as its paper does")
    scores = metrics.score_case(pred, gt, instances=True)
    return scores[{"pq": "panoptic_quality", "sq": "segmentation_quality"}[metric_name.lower()]]


def reduced(values, reduction):
    """MONAI's means that leave out NaN, and are 0 where nothing is left; with how many were not NaN."""
    known = ~np.isnan(values)

    def mean(array, valid, axis):
        n = valid.sum(axis=axis)
        return np.where(n > 0, np.where(valid, array, 0).sum(axis=axis) / np.maximum(n, 1), 0), n > 0

    if reduction == "mean":
        by_image, valid = mean(values, known, 1)
        return mean(by_image, valid, 0)[0]
    if reduction == "mean_batch":
        return mean(values, known, 0)[0]
    assert reduction == "sum_batch"
    return np.where(known, values, 0).sum(axis=0)


monai = SimpleNamespace(
    compute_hausdorff_distance=compute_hausdorff_distance,
    compute_average_surface_distance=compute_average_surface_distance,
    compute_surface_dice=compute_surface_dice,
    compute_dice=_overlap(metrics.dice),
    compute_iou=_overlap(metrics.iou),
    compute_panoptic_quality=compute_panoptic_quality,
)


def compute_surface_distances(mask_gt, mask_pred, spacing_mm):
    """Our distances between the points of both surfaces, from which the functions below take their numbers."""
    try:
        found = metrics.mask_distances(mask_pred, mask_gt, spacing=tuple(spacing_mm), missing="infinity")
    except IsthmusError as error:
        raise ValueError(f"The arguments must be of compatible shape: {error}") from error
    if np.ndim(mask_gt) not in (2, 3):
        raise ValueError("Only 2D and 3D masks are supported")
    return found


def compute_average_surface_distance_both_ways(found):
    """(gt to pred, pred to gt)."""
    return tuple(
        float(d.mean()) if d.size else NAN
        for d in (oracle.every(found.from_truth), oracle.every(found.from_prediction))
    )


def compute_surface_overlap_at_tolerance(found, tolerance_mm):
    """(share of gt within the tolerance, share of pred)."""
    return tuple(
        float((d <= tolerance_mm).mean()) if d.size else NAN
        for d in (oracle.every(found.from_truth), oracle.every(found.from_prediction))
    )


def compute_dice_coefficient(mask_gt, mask_pred):
    return metrics.dice(mask_pred, mask_gt) if mask_gt.any() or mask_pred.any() else NAN


deepmind = SimpleNamespace(
    compute_surface_distances=compute_surface_distances,
    compute_average_surface_distance=compute_average_surface_distance_both_ways,
    compute_robust_hausdorff=lambda found, percent: found.hausdorff(percent),
    compute_surface_overlap_at_tolerance=compute_surface_overlap_at_tolerance,
    compute_surface_dice_at_tolerance=lambda found, tolerance_mm: found.share_within(tolerance_mm),
    compute_dice_coefficient=compute_dice_coefficient,
)
