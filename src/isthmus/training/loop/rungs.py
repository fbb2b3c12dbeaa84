"""The networks and batches from which a training time chooses, from the fastest to the default."""

from __future__ import annotations

from isthmus.networks import DEFAULT_MODEL
from isthmus.runs.recipe import Recipe
from isthmus.training.preparation.prepare import is_ours

FASTER = ((8, 2), (16, 2))
"""Channels of the first level and images of a batch, for times that do not suffice for the default."""
WIDTH, LEVELS = 32, 5
"""Channels of the first level and levels of our own network where the recipe names no others."""


def rungs(given: Recipe, resolved: Recipe) -> list[Recipe]:
    """Returns resolved recipes from the fastest to the one that was resolved, which comes last.

    Only the widths of our own network and the batch differ, and of these only what the user left open.

    Args:
        given: the recipe as the user gave it.
        resolved: the same without open values.
    """
    network, training = resolved.network, resolved.training
    chosen, found = open_to_minutes(given), []
    for width, batch in FASTER if "widths" in chosen else ():
        levels = network.options.get("depth", LEVELS)
        options = network.options | {"widths": [width * 2**level for level in range(levels)]}
        fewer = min(batch, training.batch) if "batch" in chosen else training.batch
        found.append(
            resolved.model_copy(
                update={
                    "network": network.model_copy(update={"options": options}),
                    "training": training.model_copy(update={"batch": fewer}),
                }
            )
        )
    return [*found, resolved]


def open_to_minutes(given: Recipe) -> list[str]:
    """Returns what may be chosen for a training time, as the user left it open."""
    named = given.training.model_fields_set
    is_open = {
        "widths": is_ours(given.network),
        "batch": "batch" not in named,
        "samples": "samples" not in named,
    }
    return [name for name, left in is_open.items() if left]


def size(recipe: Recipe) -> str:
    """Returns the width of our own network, and the batch, as text."""
    batch, options = f"batches of {recipe.training.batch}", recipe.network.options
    if recipe.network.model != DEFAULT_MODEL or "encoder" in options:
        return batch
    return f"width {options.get('widths', [WIDTH])[0]} and {batch}"
