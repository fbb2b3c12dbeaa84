"""Losses, the targets that they need, and their sum over the heads of a network."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from isthmus.objectives.settings import Settings

if TYPE_CHECKING:
    from isthmus.objectives.boundary import contour_l2, distance_l1, hausdorff
    from isthmus.objectives.defaults import class_weights, default_heads
    from isthmus.objectives.entropy import (
        binary_cross_entropy,
        cross_entropy,
        difficulty_cross_entropy,
        distance_cross_entropy,
        focal,
        weighted_cross_entropy,
    )
    from isthmus.objectives.losses import LOSSES, Loss, list_losses, register_loss
    from isthmus.objectives.objective import Objective
    from isthmus.objectives.overlap import focal_tversky, soft_dice, soft_iou
    from isthmus.objectives.targets import (
        border_map,
        contour_map,
        difficulty_map,
        distance_map,
        edges,
        interior_map,
        object_distance_map,
        proximity_map,
    )

# imported when one of their names is first used, so that the recipe can read `Settings` without waiting for torch
_MODULES = ("boundary", "defaults", "entropy", "losses", "objective", "overlap", "targets")

__all__ = [
    "LOSSES",
    "Loss",
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
    "distance_l1",
    "distance_map",
    "edges",
    "focal",
    "focal_tversky",
    "hausdorff",
    "interior_map",
    "list_losses",
    "object_distance_map",
    "proximity_map",
    "register_loss",
    "soft_dice",
    "soft_iou",
    "weighted_cross_entropy",
]


def __getattr__(name: str) -> Any:
    if name in __all__:
        for module in _MODULES:
            found = vars(import_module(f"{__name__}.{module}"))
            if name in found:
                return found[name]
    raise AttributeError(f"module '{__name__}' has no attribute {name!r}")
