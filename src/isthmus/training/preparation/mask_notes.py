"""What a person should know of the masks before a network learns from them."""

from __future__ import annotations

from collections.abc import Iterator

from isthmus.training.preparation.prepared import Prepared


def mask_notes(prepared: Prepared) -> Iterator[str]:
    """Yields a line if nothing in the masks separates objects that touch, and for each set without any foreground."""
    recipe, cases = prepared.recipe, prepared.data.dataset.cases
    what = "an object" if recipe.data.instances else "foreground"
    if (
        recipe.data.instances
        and recipe.data.value_rule != "objects"
        and all(len(c.masks) == 1 for c in cases)
    ):
        yield (
            "the masks have one value for all objects: each connected piece is learnt as an object, and objects that "
            "touch as one; to separate these, number the objects 1, 2, 3, … in the masks"
        )
    empty = {facts.id for facts in prepared.data.cases if facts.shares[0] == 1}
    if prepared.split.train and empty.issuperset(prepared.split.train):
        yield f"no mask to train on holds {what}, so the network learns to find nothing"
    if prepared.split.validation and empty.issuperset(prepared.split.validation):
        yield (
            f"no held-out mask holds {what}, so the best epoch is the one that finds nothing there; hold out others "
            "with protocol.validation"
        )
