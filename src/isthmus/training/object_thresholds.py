"""Chooses on validation cases how maps become objects: thresholds, and the smallest size among those of training
objects."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isthmus.data.cases import load_instances
from isthmus.data.sampling.cache import ByteBudget
from isthmus.inference.decision import Decision
from isthmus.inference.outputs.by_distance import SEED
from isthmus.inference.outputs.cleanup import size_of
from isthmus.inference.predictor import Predictor
from isthmus.inference.settings import clean_up
from isthmus.inference.tiled_network import Heads
from isthmus.metrics import object_f1
from isthmus.metrics.objects import diameter
from isthmus.metrics.threshold import THRESHOLD
from isthmus.objectives import object_distance_map
from isthmus.runs.recipe import Recipe
from isthmus.training.preparation.prepared import Prepared
from isthmus.training.score import Scorer

TRIED = {"seed": (SEED, 0.4, 0.6, 0.3, 0.7), "threshold": (THRESHOLD, 0.4, 0.6)}
"""What is tried, one key after the other; among equals, the first."""

PIXELS = 2**21
"""Validation cases are looked at until they have so many pixels together, and training masks four times as many."""

SMALL = (1, 2, 3, 5)
"""Percentiles of the sizes of training objects that are tried as the smallest size, after half of the first."""

LEAST = 2
"""Pixels of an object, whatever the training objects are like."""


def is_open(recipe: Recipe) -> bool:
    """Returns whether a recipe numbers objects by distance and leaves open how, so that training chooses it."""
    by_distance = recipe.data.instances and bool(recipe.objective.heads.get("distance"))
    return by_distance and (recipe.cleanup.min_size is None or bool(_untried(recipe)))


def with_usual(recipe: Recipe) -> Recipe:
    """Returns a recipe that leaves threshold and smallest size open only where training chooses them."""
    given, usual = recipe.cleanup, {"threshold": THRESHOLD, "min_size": 0}
    if is_open(recipe):
        return recipe
    filled = {key: value for key, value in usual.items() if getattr(given, key) is None}
    return recipe.model_copy(update={"cleanup": given.model_copy(update=filled)})


def reopened(recipe: Recipe) -> Recipe:
    """Returns the recipe of a run in which what was chosen when training ended is open again; values that were changed
    since stay."""
    given = recipe.cleanup
    open_again = {key: None for key, value in given.chosen.items() if getattr(given, key) == value}
    cleanup = given.model_copy(update=open_again | {"chosen": {}})
    seen = recipe.input.model_copy(update={"diameter": None})
    return recipe.model_copy(update={"cleanup": cleanup, "input": seen})


def with_thresholds(prepared: Prepared, predictor: Predictor) -> Recipe:
    """Returns the recipe with the seed, the threshold and the smallest size that suit its objects.

    The seed is chosen at the usual threshold, then the threshold with that seed, both with the smallest of the smallest
    sizes; that comes last. What the recipe gives stays.
    """
    sizes = _sizes(prepared)
    recipe = with_diameter(prepared.recipe, sizes)
    given, smallest = recipe.cleanup, _smallest(recipe, sizes)
    tried: dict[str, Sequence[float]] = dict(_untried(recipe))
    chosen: dict[str, float] = {}
    if given.min_size is None:
        tried["min_size"], chosen["min_size"] = smallest, smallest[0]
    cases = (
        list(_first_cases(prepared, predictor)) if any(len(values) > 1 for values in tried.values()) else []
    )

    def best(key: str, values: Sequence[float]) -> float:
        tried = [given.model_copy(update=chosen | {key: value}) for value in values]
        decisions = [Decision.of(recipe.model_copy(update={"cleanup": each})) for each in tried]
        scores = [
            [object_f1(each.separate_objects(maps), truth, one_to_one=True) for each in decisions]
            for maps, truth in cases
        ]
        return values[int(np.mean(scores, axis=0).argmax())] if scores else values[0]

    for key, values in tried.items():
        chosen[key] = best(key, values)
    return recipe.model_copy(update={"cleanup": given.model_copy(update=chosen | {"chosen": chosen})})


def with_diameter(recipe: Recipe, sizes: Sequence[int]) -> Recipe:
    """Returns the recipe with the median diameter of objects of some sizes, if the network sees them in their own
    pixels."""
    if not sizes or recipe.input.resize or recipe.input.spacing or recipe.roi:
        return recipe
    axes = 3 if recipe.input.slices else recipe.spatial_dims
    found = round(diameter(float(np.median(sizes)), axes), 2)
    return recipe.model_copy(update={"input": recipe.input.model_copy(update={"diameter": found})})


def _untried(recipe: Recipe) -> dict[str, tuple[float, ...]]:
    return {key: values for key, values in TRIED.items() if getattr(recipe.cleanup, key) is None}


def _tries_of_size(recipe: Recipe) -> int:
    """Returns how many smallest sizes are tried at most."""
    return 0 if recipe.input.resize or recipe.cleanup.min_size is not None else len(SMALL) + 1


def looked_at(prepared: Prepared) -> list[str]:
    """Returns the validation cases on which thresholds will be chosen, about; none if the recipe leaves none open."""
    recipe, found, seen = prepared.recipe, list[str](), 0
    if not (is_open(recipe) and (_untried(recipe) or _tries_of_size(recipe))):
        return found
    shapes = {facts.id: recipe.input.resize or facts.shape[1:] for facts in prepared.data.cases}
    for case in sorted(prepared.split.validation):
        if seen < PIXELS:
            found.append(case)
            seen += math.prod(shapes[case])
    return found


def seconds_to_choose(prepared: Prepared) -> float:
    """Returns how long objects will be separated and scored to choose thresholds, by those of one validation case; the
    network's part, their maps, does not count."""
    cases = looked_at(prepared)
    if not cases:
        return 0.0
    truth = _scorer(prepared).store[0].original
    truth = truth[_middle(truth)]
    maps = {
        "logits": (truth > 0).astype(np.float32)[None],
        "distance": object_distance_map(truth)[None],
    }
    began = time.perf_counter()
    object_f1(Decision.of(prepared.recipe).separate_objects(maps), truth, one_to_one=True)
    tries = sum(map(len, _untried(prepared.recipe).values())) + _tries_of_size(prepared.recipe)
    return tries * len(cases) * (time.perf_counter() - began)


def _first_cases(prepared: Prepared, predictor: Predictor) -> Iterator[tuple[Heads, NDArray[Any]]]:
    """Yields the maps and the objects of the first validation cases with objects, of a large one its
    middle along the first axis."""
    seen = 0
    for maps, truth in _scorer(prepared).objects(predictor):
        if not truth.any():
            continue
        part = _middle(truth)
        yield {name: values[:, part] for name, values in maps.items()}, truth[part]
        seen += truth.size
        if seen >= PIXELS:
            return


def _middle(truth: NDArray[Any]) -> slice:
    """Returns the middle of a large image along its first axis, `PIXELS` in all, or the whole of a small one."""
    rows = max(1, PIXELS // (truth.size // len(truth)))
    first = max(0, (len(truth) - rows) // 2)
    return slice(first, first + rows)


def _scorer(prepared: Prepared) -> Scorer:
    budget = ByteBudget(prepared.recipe.hardware.cache_mb * 2**20)
    return Scorer(prepared, prepared.cases(prepared.split.validation), budget)


def _smallest(recipe: Recipe, sizes: Sequence[int]) -> list[int]:
    """Returns what may be the fewest pixels of an object, in rising order: half of a low percentile of some sizes, and
    low percentiles. Where images are resized, objects are cleaned up on their own grid and scored on the network's, so
    that no more than `LEAST` holds on both."""
    most = size_of(clean_up(recipe.cleanup, recipe.data.classes).max_size, 1)
    found = [LEAST]
    if sizes and not recipe.input.resize:
        low = np.percentile(sizes, SMALL)
        found = [max(LEAST, int(size)) for size in (low[0] / 2, *low)]
    return sorted({size if most is None else min(size, most) for size in found})


def _sizes(prepared: Prepared) -> list[int]:
    """Returns the sizes of the objects in the first training masks, in pixels."""
    sizes: list[int] = []
    seen = 0
    for case in prepared.cases(prepared.split.train):
        numbered = load_instances(case, prepared.data.dataset)[1]
        counts = np.unique(numbered[numbered > 0], return_counts=True)[1]
        sizes += counts.tolist()
        seen += numbered.size
        if seen >= 4 * PIXELS:
            break
    return sizes


def settled(prepared: Prepared, predictor: Predictor) -> tuple[Prepared, Predictor]:
    """Returns a training and its predictor with the recipe of `with_thresholds`."""
    recipe = with_thresholds(prepared, predictor)
    return replace(prepared, recipe=recipe), Predictor(recipe, predictor.network, predictor.localiser)
