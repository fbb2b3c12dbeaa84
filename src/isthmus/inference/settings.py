"""Turns a resolved recipe into what inference works with: mask values, normalisation, clean-up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from isthmus.data.masks.values import ValueMap
from isthmus.data.sampling.intensity import Intensity, Normaliser, intensity
from isthmus.errors import IsthmusError
from isthmus.inference.outputs.classes import Classes
from isthmus.inference.outputs.cleanup import CleanUp
from isthmus.runs.recipe import Cleanup, Data, Input, Recipe, overlaid, validate


def value_map(data: Data) -> ValueMap:
    """Returns the mask values of the training data, as a resolved recipe stores them."""
    return ValueMap(tuple(data.values.items()), data.value_rule or "exact")


def normaliser(given: Input) -> Normaliser:
    """Returns how images are normalised: each separately, or all by the training images' mean and deviation."""
    if given.normalise == "dataset":
        deviation = np.asarray(given.deviation, np.float32)
        factor = np.divide(1, deviation, out=np.zeros_like(deviation), where=deviation > 0)
        fixed = Intensity(np.asarray(given.mean, np.float32), factor)
        return lambda _: fixed
    if given.normalise == "auto":  # a recipe that no data has resolved
        return lambda image: intensity(image, "scale" if image.dtype == np.uint8 else "zscore")
    mode = given.normalise
    return lambda image: intensity(image, mode)


def settled_spacing(given: Input) -> tuple[float, ...] | None:
    """Returns the spacing of a resolved recipe; None if images keep their own."""
    return None if given.spacing is None or given.spacing == "auto" else given.spacing


def clean_up(asked: Cleanup, classes: Sequence[str]) -> CleanUp:
    """Returns the clean-up that a recipe asks for, in indices of its classes.

    Raises:
        IsthmusError: it names a class that does not exist.
    """

    def index(name: str, key: str) -> int:
        if name not in classes[1:]:
            raise IsthmusError(f"{key} names '{name}': the classes are {', '.join(classes[1:])}")
        return classes.index(name)

    every = tuple(range(1, len(classes)))
    if isinstance(asked.largest, bool):
        largest = every if asked.largest else ()
    else:
        largest = tuple(index(name, "cleanup.largest") for name in asked.largest)

    def by_class(sizes: int | dict[str, int] | None, key: str) -> dict[int, int]:
        if isinstance(sizes, dict):
            return {index(name, key): size for name, size in sizes.items()}
        return dict.fromkeys(every, sizes) if sizes else {}

    smallest = by_class(asked.min_size, "cleanup.min_size")
    most = by_class(asked.max_size, "cleanup.max_size") or None
    return CleanUp(largest, smallest, asked.holes, asked.merge, asked.keep_share, most, asked.border)


def with_cleanup(recipe: Recipe, changes: Mapping[str, Any]) -> Recipe:
    """Returns a resolved recipe with other keys of its clean-up.

    Args:
        recipe: the recipe of a run.
        changes: keys of the section ``cleanup`` and their values; a size for one class leaves those of the others.

    Raises:
        IsthmusError: a value out of its range, a class that does not exist, a key that changes nothing in this run.
    """
    if not changes:
        return recipe
    data = recipe.data
    changed = validate(overlaid(recipe.to_dict(), {"cleanup": changes}), "the clean-up of this prediction")
    if "threshold" in changes and not Classes.of(data).independent:
        raise IsthmusError(
            f"a threshold of {changes['threshold']}, but of the {len(data.classes)} classes of this run the likeliest "
            "counts; leave the threshold out"
        )
    refuse_for_objects(changed.cleanup, data)
    clean_up(changed.cleanup, data.classes)
    return changed


def refuse_for_objects(asked: Cleanup, data: Data) -> None:
    """Refuses the steps of clean-up that objects cannot have.

    Raises:
        IsthmusError: masks number objects, and only the largest component is kept or islands are merged.
    """
    if data.instances and (asked.largest or asked.merge):
        raise IsthmusError(
            "cleanup.largest and cleanup.merge are for masks of classes, and data.instances numbers objects; leave "
            "them out"
        )


def channels_seen(recipe: Recipe) -> int:
    """Returns the channels of an image as the network sees it: neighbouring slices count."""
    return (recipe.data.channels or 1) * (recipe.input.slices or 1)


def refuse_other_axes(shape: Sequence[int], recipe: Recipe) -> None:
    """Refuses a picture if the network was trained on volumes, and a volume if it was trained on pictures.

    Args:
        shape: shape of the image, `(channels, *spatial)`.
        recipe: recipe of the network.

    Raises:
        IsthmusError: says which it is, and what to do.
    """
    kinds = {2: "picture", 3: "volume"}
    learned, found = 3 if recipe.input.slices else recipe.spatial_dims, len(shape) - 1
    if found != learned:
        size = " x ".join(str(n) for n in reversed(shape[1:]))
        raise IsthmusError(
            f"a {kinds.get(found, 'stack')} of {size}, but the network was trained on {kinds[learned]}s; leave it out, "
            "or use a run that was trained on such images"
        )
