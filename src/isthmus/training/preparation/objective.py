"""Fills in the losses of each head of a network, and checks them before any time is spent."""

from __future__ import annotations

import math

import numpy as np

from isthmus.data.cases import IGNORED
from isthmus.data.checks.check import Checked
from isthmus.data.sampling.spacing import stated_spacing
from isthmus.data.splits.folds import Split
from isthmus.errors import IsthmusError
from isthmus.inference.outputs.classes import Classes
from isthmus.inference.settings import settled_spacing
from isthmus.networks.description.measure import training_heads
from isthmus.objectives import Objective, class_weights, default_heads
from isthmus.runs.recipe import Network, Recipe

WEIGHTED = "weighted_ce"


def resolve_objective(recipe: Recipe, checked: Checked, split: Split) -> tuple[Recipe, Objective]:
    """Returns the recipe with the losses of all heads, and the objective that they make.

    A head that the recipe does not name gets its default losses; an empty mapping leaves a head untrained.

    Raises:
        IsthmusError: a head that the network lacks, or a loss that is not for its head.
    """
    classes, given = Classes.of(recipe.data), recipe.objective
    own_heads = training_heads(recipe.network.model, **recipe.network.options)
    network = _with_heads(recipe.network, own_heads, _needed(recipe))
    available = (*own_heads, *(network.heads or ()))
    heads = {**default_heads(available, classes.map_count, classes.multilabel), **given.heads}
    if not any(heads["logits"].values()):
        raise IsthmusError(
            "objective.heads.logits draws the masks and has no weight; give it a loss, as {dice: 1}"
        )
    weights = given.class_weights
    if weights is not None and len(weights) != len(recipe.data.classes):
        raise IsthmusError(
            f"objective.class_weights names {len(weights)} weights for {len(recipe.data.classes)} classes "
            f"({', '.join(recipe.data.classes)}); give one for each"
        )
    if weights is None and any(WEIGHTED in losses for losses in heads.values()):
        weights = class_weights(_pixels(checked, split))
    spacing: tuple[float, ...] | None = given.object_spacing
    if spacing is None and any("distance_l1" in losses for losses in heads.values()):
        spacing = _spacing_of_objects(recipe, checked, split)
    if spacing is not None and len(spacing) != recipe.spatial_dims:
        raise IsthmusError(
            f"objective.object_spacing names {len(spacing)} sides but the network sees {recipe.spatial_dims} axes; "
            f"name {recipe.spatial_dims}"
        )
    settings = given.model_copy(update={"heads": heads, "class_weights": weights, "object_spacing": spacing})
    objective = Objective(
        {head: losses for head, losses in heads.items() if losses},
        classes=classes.map_count,
        multilabel=classes.multilabel,
        settings=settings,
        ignore=None if recipe.data.ignore is None else IGNORED,
    )
    objective.check(available)
    return recipe.model_copy(update={"objective": settings, "network": network}), objective


def _needed(recipe: Recipe) -> list[str]:
    """Returns the heads that separate touching objects: contour and marker if the losses name one, else a distance."""
    if not recipe.data.instances:
        return []
    by_contour = {"contour", "marker"} & recipe.objective.heads.keys()
    return ["contour", "marker"] if by_contour else ["distance"]


def _with_heads(network: Network, own_heads: tuple[str, ...], needed: list[str]) -> Network:
    """Adds the needed heads unless the network tells objects apart itself, or the recipe says which heads to add."""
    if network.heads is None:
        missing = len(own_heads) == 1 or "contour" not in own_heads
        return network.model_copy(update={"heads": needed if missing else []})
    for head in network.heads:
        if head in own_heads:
            raise IsthmusError(f"network.heads: {network.model} has a {head} of its own; leave it out")
    return network


def _pixels(checked: Checked, split: Split) -> list[int]:
    """Counts the pixels of each class in the training cases."""
    train = set(split.train)
    by_case = [
        [share * math.prod(facts.shape[1:]) for share in facts.shares]
        for facts in checked.cases
        if facts.id in train
    ]
    return [round(sum(column)) for column in zip(*by_case, strict=True)]


def _spacing_of_objects(recipe: Recipe, checked: Checked, split: Split) -> tuple[float, ...] | None:
    """Returns the size of a voxel where objects in volumes are numbered; None for pictures, and if it is unknown."""
    if not recipe.data.instances or recipe.spatial_dims == 2:
        return None
    if spacing := settled_spacing(recipe.input):
        return spacing
    train, shapes = set(split.train), {facts.id: facts.shape[1:] for facts in checked.cases}
    stated = {case.id: stated_spacing(case) for case in checked.dataset.cases if case.id in train}
    known = [
        [
            step * n / to
            for step, n, to in zip(spacing, shapes[name], recipe.input.resize or shapes[name], strict=True)
        ]
        for name, spacing in stated.items()
        if spacing is not None
    ]
    return tuple(np.median(known, axis=0).tolist()) if known else None
