"""What a network is trained for: the losses of each of its heads, filled in and checked before any time is spent."""

from __future__ import annotations

from isthmus.data.cases import IGNORED
from isthmus.data.checks.check import Checked
from isthmus.data.splits.folds import Split
from isthmus.errors import IsthmusError
from isthmus.inference.outputs.classes import Meaning
from isthmus.networks.description.measure import training_heads
from isthmus.objectives import Objective, class_weights, default_heads
from isthmus.runs.recipe import Recipe

WEIGHTED = "weighted_ce"


def aim(recipe: Recipe, checked: Checked, split: Split) -> tuple[Recipe, Objective]:
    """The recipe with the losses of all heads, and the objective that they make.

    Raises:
        IsthmusError: a head that the network lacks, a loss that does not serve it.
    """
    meaning, asked = Meaning.of(recipe.data), recipe.objective
    network = recipe.network
    available = training_heads(network.model, **network.options)
    if network.heads is None:  # objects that touch are told apart by their contours and markers
        wanted = ["contour", "marker"] if recipe.data.instances else []
        wanted = wanted if len(available) == 1 or "contour" not in available else []
        network = network.model_copy(update={"heads": wanted})
    twice = [head for head in network.heads or () if head in available]
    if twice:
        raise IsthmusError(f"network.heads: {network.model} has a {twice[0]} of its own; leave it out")
    available = (*available, *(network.heads or ()))
    # what is not named learns what it would by itself; an empty mapping leaves a head untrained
    heads = {**default_heads(available, meaning.maps, meaning.multilabel), **asked.heads}
    if not any(heads["logits"].values()):
        raise IsthmusError(
            "objective.heads.logits draws the masks and has no weight; give it a loss, as {dice: 1}"
        )
    weights = asked.class_weights
    if weights is not None and len(weights) != len(recipe.data.classes):
        raise IsthmusError(
            f"objective.class_weights names {len(weights)} weights for {len(recipe.data.classes)} classes "
            f"({', '.join(recipe.data.classes)}); give one for each"
        )
    if weights is None and any(WEIGHTED in losses for losses in heads.values()):
        weights = class_weights(_pixels(checked, split))
    asked = asked.model_copy(update={"heads": heads, "class_weights": weights})
    objective = Objective(
        {head: losses for head, losses in heads.items() if losses},
        classes=meaning.maps,
        multilabel=meaning.multilabel,
        settings=asked,
        ignore=None if recipe.data.ignore is None else IGNORED,
    )
    objective.check(available)
    return recipe.model_copy(update={"objective": asked, "network": network}), objective


def _pixels(checked: Checked, split: Split) -> list[int]:
    """Pixels of each class in the training cases."""
    train = set(split.train)
    of_cases = [
        [share * _count(facts.shape) for share in facts.shares]
        for facts in checked.cases
        if facts.id in train
    ]
    return [round(sum(column)) for column in zip(*of_cases, strict=True)]


def _count(shape: tuple[int, ...]) -> int:
    pixels = 1
    for side in shape[1:]:
        pixels *= side
    return pixels
