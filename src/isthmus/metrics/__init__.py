"""Scores of a prediction against the truth: arrays or tensors in, numbers out."""

from isthmus.metrics.case import score_case
from isthmus.metrics.overlap import (
    dice,
    iou,
    precision,
    recall,
    specificity,
    volume_difference,
    volumetric_similarity,
)
from isthmus.metrics.surface import hausdorff_distance

__all__ = [
    "dice",
    "hausdorff_distance",
    "iou",
    "precision",
    "recall",
    "score_case",
    "specificity",
    "volume_difference",
    "volumetric_similarity",
]
