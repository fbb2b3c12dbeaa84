"""Losses, the targets they need, and their sum over the heads of a network."""

from isthmus.objectives.boundary import contour_l2, hausdorff
from isthmus.objectives.defaults import class_weights, default_heads
from isthmus.objectives.entropy import (
    binary_cross_entropy,
    cross_entropy,
    difficulty_cross_entropy,
    distance_cross_entropy,
    focal,
    weighted_cross_entropy,
)
from isthmus.objectives.objective import LOSSES, Objective, Settings
from isthmus.objectives.overlap import focal_tversky, soft_dice, soft_iou
from isthmus.objectives.targets import (
    border_map,
    contour_map,
    difficulty_map,
    distance_map,
    edges,
    interior_map,
    proximity_map,
)

__all__ = [
    "LOSSES",
    "Objective",
    "Settings",
    "binary_cross_entropy",
    "border_map",
    "class_weights",
    "contour_l2",
    "contour_map",
    "cross_entropy",
    "default_heads",
    "difficulty_cross_entropy",
    "difficulty_map",
    "distance_cross_entropy",
    "distance_map",
    "edges",
    "focal",
    "focal_tversky",
    "hausdorff",
    "interior_map",
    "proximity_map",
    "soft_dice",
    "soft_iou",
    "weighted_cross_entropy",
]
