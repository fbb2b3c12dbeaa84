"""The plain losses by their names, for a network with one head; `isthmus.objectives.objective` composes all."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from isthmus.errors import IsthmusError, nearest
from isthmus.objectives.entropy import binary_cross_entropy, cross_entropy

Loss = Callable[[Tensor, Tensor], Tensor]

LOSSES: dict[str, Loss] = {"bce": binary_cross_entropy, "ce": cross_entropy}


def make_loss(name: str) -> Loss:
    """A loss by its name in the recipe."""
    if name not in LOSSES:
        raise IsthmusError(f"unknown loss '{name}': {nearest(name, LOSSES)}")
    return LOSSES[name]
