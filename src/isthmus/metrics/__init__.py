"""Scores of a prediction against the truth: arrays or tensors in, numbers out.

Every function takes `(prediction, truth, …)` of one case. `score_case` computes all metrics at once, `case_rows` makes
the rows of a table of them, and `summarise` and `pooled` aggregate such rows. `isthmus.metrics.table` says what each
metric is, and `isthmus.metrics.empty` what happens if masks are empty.
"""

from isthmus.metrics.case import score_case, score_probabilities
from isthmus.metrics.detail import false_objects, open_gaps
from isthmus.metrics.distances import MaskDistances
from isthmus.metrics.measurements import Measurements
from isthmus.metrics.object_scores import (
    aggregated_jaccard,
    average_precision,
    object_dice,
    object_f1,
    object_hausdorff,
    object_precision,
    object_recall,
    panoptic_quality,
)
from isthmus.metrics.object_states import ObjectStates, object_states
from isthmus.metrics.objects import components
from isthmus.metrics.overlap import (
    Counts,
    dice,
    iou,
    precision,
    recall,
    specificity,
    volume_difference,
    volumetric_similarity,
)
from isthmus.metrics.rows import case_rows
from isthmus.metrics.summary import Summary, over_classes, pooled, summarise
from isthmus.metrics.surface import (
    average_surface_distance,
    hausdorff_distance,
    mask_distances,
    root_mean_square_surface_distance,
    surface_dice,
)
from isthmus.metrics.table import Metric, list_metrics, register_metric

__all__ = [
    "Counts",
    "MaskDistances",
    "Measurements",
    "Metric",
    "ObjectStates",
    "Summary",
    "aggregated_jaccard",
    "average_precision",
    "average_surface_distance",
    "case_rows",
    "components",
    "dice",
    "false_objects",
    "hausdorff_distance",
    "iou",
    "list_metrics",
    "mask_distances",
    "object_dice",
    "object_f1",
    "object_hausdorff",
    "object_precision",
    "object_recall",
    "object_states",
    "open_gaps",
    "over_classes",
    "panoptic_quality",
    "pooled",
    "precision",
    "recall",
    "register_metric",
    "root_mean_square_surface_distance",
    "score_case",
    "score_probabilities",
    "specificity",
    "summarise",
    "surface_dice",
    "volume_difference",
    "volumetric_similarity",
]
