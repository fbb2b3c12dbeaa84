"""Chooses how maps become objects: thresholds on validation cases, the smallest size from training objects."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from isthmus.data.sampling.cache import ByteBudget
from isthmus.data.sampling.loading import CaseStore
from isthmus.inference.decision import Decision
from isthmus.inference.outputs.by_distance import SEED
from isthmus.inference.predictor import Predictor
from isthmus.metrics import object_f1
from isthmus.runs.recipe import Recipe
from isthmus.runs.recipe.cleanup import Cleanup
from isthmus.training.preparation.prepared import Prepared
from isthmus.training.score import Scorer

SEEDS = (SEED, 0.4, 0.6, 0.3, 0.7)
THRESHOLDS = (Cleanup().threshold, 0.4, 0.6)
"""What is tried; among equals, the first."""

PIXELS = 2**21
"""Validation cases are looked at until they have so many pixels together, and training masks four times as many."""

SMALL = 1
"""Percentile of the sizes of training objects, half of which is the smallest size."""


def is_open(recipe: Recipe) -> bool:
    """Returns whether a recipe numbers objects by distance and leaves open from which distance a pixel is a seed."""
    by_distance = bool(recipe.objective.heads.get("distance"))
    return recipe.data.instances and by_distance and recipe.cleanup.seed is None


def with_thresholds(prepared: Prepared, predictor: Predictor) -> Recipe:
    """Returns the recipe with the seed, the threshold and the smallest size that suit its objects.

    The seed is chosen at the usual threshold, then the threshold with that seed. A threshold or a size that the recipe
    gives stays.
    """
    recipe, usual = prepared.recipe, Cleanup()
    given = recipe.cleanup
    if given.min_size == usual.min_size and (least := _half_of_the_smallest(prepared)) > 1:
        given = given.model_copy(update={"min_size": least})
    seeds = [given.model_copy(update={"seed": seed}) for seed in SEEDS]
    given = _best(prepared, predictor, seeds)
    if given.threshold == usual.threshold:
        more = [given.model_copy(update={"threshold": threshold}) for threshold in THRESHOLDS]
        given = _best(prepared, predictor, more)
    return recipe.model_copy(update={"cleanup": given})


def _best(prepared: Prepared, predictor: Predictor, tried: Sequence[Cleanup]) -> Cleanup:
    """Returns the clean-up with the highest mean object F1 over the first validation cases with objects."""
    decisions = [Decision.of(prepared.recipe.model_copy(update={"cleanup": each})) for each in tried]
    scores: list[list[float]] = []
    seen = 0
    for maps, truth, spacing in _scorer(prepared).objects(predictor):
        if truth.any():
            found = [decision.separate_objects(maps, spacing) for decision in decisions]
            scores.append([object_f1(each, truth, one_to_one=True) for each in found])
        seen += truth.size
        if seen >= PIXELS:
            break
    return tried[int(np.mean(scores, axis=0).argmax())] if scores else tried[0]


def _scorer(prepared: Prepared) -> Scorer:
    return Scorer(prepared, prepared.cases(prepared.split.validation), _budget(prepared))


def _budget(prepared: Prepared) -> ByteBudget:
    return ByteBudget(prepared.recipe.hardware.cache_mb * 2**20)


def _half_of_the_smallest(prepared: Prepared) -> int:
    """Returns half of a low percentile of the sizes of objects in training masks, in pixels; 0 if there are none."""
    cases = prepared.cases(prepared.split.train)
    store = CaseStore(prepared.data.dataset, cases, prepared.preprocessing, ByteBudget(0))
    sizes: list[int] = []
    seen = 0
    for index in range(len(cases)):
        numbered = store[index].original
        counts = np.unique(numbered[numbered > 0], return_counts=True)[1]
        sizes += counts.tolist()
        seen += numbered.size
        if seen >= 4 * PIXELS:
            break
    return int(np.percentile(sizes, SMALL) / 2) if sizes else 0


def settled(prepared: Prepared, predictor: Predictor) -> tuple[Prepared, Predictor]:
    """Returns a training and its predictor with the recipe of `with_thresholds`."""
    recipe = with_thresholds(prepared, predictor)
    network = predictor.network
    chosen = Predictor(recipe, network, predictor.localiser, others=predictor.others)
    return replace(prepared, recipe=recipe), chosen
