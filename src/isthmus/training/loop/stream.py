"""The samples that a recipe trains on."""

from __future__ import annotations

from isthmus.data.augment import make_augmentation
from isthmus.data.sampling.cache import ByteBudget
from isthmus.data.sampling.patches import CentredPatches, EvenPatches, Patches, RandomPatches
from isthmus.data.sampling.samples import Samples, Sampling
from isthmus.data.sampling.slices import Slices
from isthmus.runs.recipe import Recipe
from isthmus.training.preparation.prepared import Prepared

JITTER = 0.125
"""By how much the region of interest is moved in training, as a share of its sides."""


def training_samples(prepared: Prepared, budget: ByteBudget) -> Samples:
    """Returns the stream of samples that a recipe trains on."""
    recipe, training = prepared.recipe, prepared.recipe.training
    slices, foreground = recipe.input.slices, recipe.input.foreground
    return Samples(
        prepared.data.dataset,
        prepared.cases(prepared.split.train),
        prepared.preprocessing,
        Sampling(
            slices=Slices(slices, foreground) if slices else None,
            patches=patches(recipe),
            per_epoch=training.samples,
            augment=make_augmentation(training.augment),
        ),
        batch=training.batch,
        seed=training.seed,
        workers=recipe.hardware.workers,
        budget=budget,
    )


def patches(recipe: Recipe) -> Patches | None:
    """Returns the way in which a recipe places patches; None if it trains on whole images."""
    given = recipe.input
    if recipe.roi:
        return CentredPatches(recipe.roi.size, JITTER)
    if given.patch is None:
        return None
    if given.windows:
        return EvenPatches(given.patch, given.windows)
    return RandomPatches(given.patch, given.foreground)
