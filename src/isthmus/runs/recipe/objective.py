"""The section ``objective``: losses by head; their parameters are those of `isthmus.objectives.Settings`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import field_validator

from isthmus.objectives.settings import Settings
from isthmus.runs.recipe.section import Section


class Objective(Section, Settings):
    """What the network learns: losses by head, and the parameters of losses and targets."""

    heads: Annotated[
        dict[str, dict[str, float]],
        "Losses of each head with their weights, as `{logits: {difficulty_ce: 1, dice: 0.5}, contour: contour_l2}`. A "
        "head that is not named gets its default losses; `contour: {}` leaves a head untrained "
        "([losses](objectives.md)).",
    ] = {}

    @field_validator("heads", mode="before")
    @classmethod
    def _one_loss(cls, value: Any) -> Any:
        """Turns a lone name into that loss with weight 1."""
        if not isinstance(value, Mapping):
            return value
        return {head: {losses: 1.0} if isinstance(losses, str) else losses for head, losses in value.items()}
