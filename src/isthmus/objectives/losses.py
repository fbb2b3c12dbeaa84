"""The losses that a recipe can name, and how to add one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias, get_args

from numpy.typing import NDArray
from torch import Tensor

from isthmus.objectives.boundary import contour_l2, distance_l1, hausdorff
from isthmus.objectives.entropy import (
    binary_cross_entropy,
    cross_entropy,
    difficulty_cross_entropy,
    distance_cross_entropy,
    focal,
    weighted_cross_entropy,
)
from isthmus.objectives.overlap import focal_tversky, soft_dice, soft_iou
from isthmus.objectives.targets import Floats
from isthmus.plugins import Registry

Head: TypeAlias = Literal["logits", "contour", "marker", "distance"]
Output: TypeAlias = Literal["binary", "softmax", "multilabel"]
TargetName: TypeAlias = Literal[
    "contour", "border", "interior", "object_distance", "distance", "proximity", "difficulty"
]
MakeTarget: TypeAlias = Callable[[NDArray[Any]], Floats]


@dataclass(frozen=True)
class Loss:
    """A loss function, and what it can serve.

    Attributes:
        function: `(logits, truth, **parameters)`, with a target `(logits, truth, target, **parameters)`, and of a
            contour, a marker or a distance `(output, target, **parameters)`; it takes the keyword `ignore` and
            returns a scalar.
        target: the map that it needs beside the labels: the name of one of ours, or a function from the labels
            `(*spatial)` of one sample to a map of the same shape, float32. None: labels are enough.
        parameters: keyword of the function -> field of `Settings`.
        heads: kinds of heads that it can serve.
        outputs: kinds of output that it can serve, see `isthmus.objectives.outputs`.
    """

    function: Callable[..., Tensor]
    target: TargetName | MakeTarget | None = None
    parameters: Mapping[str, str] = field(default_factory=dict)
    heads: tuple[Head, ...] = ("logits", "contour", "marker")
    outputs: tuple[Output, ...] = get_args(Output)


LOSSES: Registry[Loss] = Registry("loss")
"""Every loss by its name in a recipe."""


def register_loss(name: str, loss: Loss) -> None:
    """Adds a loss under the name that it has in a recipe, as in ``objective.heads.logits=NAME``.

    Raises:
        ValueError: the name is taken, or its target of its own would have the name of one of ours.
    """
    if callable(loss.target) and name in get_args(TargetName):
        raise ValueError(
            f"a loss with a target of its own cannot be named {name!r}, which is one of our targets"
        )
    LOSSES.register(name, loss)


def list_losses() -> list[str]:
    """Returns the names of losses that a recipe can use.

    >>> list_losses()[:3]
    ['bce', 'ce', 'weighted_ce']
    """
    return list(LOSSES)


_SMOOTH = {"smooth": "smooth"}
_TVERSKY = {"alpha": "tversky_alpha", "beta": "tversky_beta", "gamma": "tversky_gamma"}
_MASKS: tuple[Head, ...] = ("logits",)

for _name, _loss in {
    "bce": Loss(binary_cross_entropy, outputs=("binary", "multilabel")),
    "ce": Loss(cross_entropy, outputs=("softmax",)),
    "weighted_ce": Loss(
        weighted_cross_entropy,
        parameters={"weights": "class_weights"},
        heads=_MASKS,
        outputs=("binary", "softmax"),
    ),
    "difficulty_ce": Loss(difficulty_cross_entropy, "difficulty", heads=_MASKS),
    "distance_ce": Loss(distance_cross_entropy, "proximity", heads=_MASKS),
    "focal": Loss(focal, parameters={"gamma": "focal_gamma", "alpha": "focal_alpha"}),
    "dice": Loss(soft_dice, parameters=_SMOOTH),
    "iou": Loss(soft_iou, parameters=_SMOOTH),
    "focal_tversky": Loss(focal_tversky, parameters=_SMOOTH | _TVERSKY),
    "contour_l2": Loss(contour_l2, "contour", heads=("contour",)),
    "distance_l1": Loss(distance_l1, "object_distance", heads=("distance",)),
    "hausdorff": Loss(hausdorff, "distance", {"alpha": "hausdorff_alpha"}, heads=_MASKS),
}.items():
    register_loss(_name, _loss)
