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
from isthmus.metrics.surface import (
    average_surface_distance,
    hausdorff_distance,
    mask_distances,
    root_mean_square_surface_distance,
    surface_dice,
)

__all__ = [
    "average_surface_distance",
    "dice",
    "hausdorff_distance",
    "iou",
    "mask_distances",
    "precision",
    "recall",
    "root_mean_square_surface_distance",
    "score_case",
    "specificity",
    "surface_dice",
    "volume_difference",
    "volumetric_similarity",
]
